package backup

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"filippo.io/age"

	"github.com/lienthong/lienthong/hub"
)

// Backup is one backup open for reading.
type Backup struct {
	repository *Repository
	Manifest   Manifest
}

// maxPayload bounds what a chunk becomes in memory, in bytes: many times the largest
// that was ever written.
const maxPayload = 256 << 20

// Backup opens a backup; with an empty id the newest. KindNotFound when there is none.
func (r *Repository) Backup(id string) (*Backup, error) {
	if id == "" {
		list, err := r.List()
		if err != nil {
			return nil, err
		}
		if len(list) == 0 {
			return nil, hub.Errorf(hub.KindNotFound, "backup", "", "the repository holds no finished backup")
		}
		id = list[len(list)-1].ID
	}
	index, err := r.readIndex(id)
	if err != nil {
		return nil, err
	}
	name := filepath.Join("backups", id+sealSuffix)
	sealed, err := os.ReadFile(r.path(name))
	if err == nil {
		if sum := sha256.Sum256(sealed); hex.EncodeToString(sum[:]) != index.Manifest {
			err = errors.New("it is not the file that the index names")
		}
	}
	if err != nil {
		return nil, damaged(name, err)
	}
	b := &Backup{repository: r}
	body, err := r.decrypt(bytes.NewReader(sealed))
	if err != nil {
		return nil, unreadable(name, err)
	}
	if err := json.NewDecoder(body).Decode(&b.Manifest); err != nil {
		return nil, damaged(name, err)
	}
	return b, nil
}

func (r *Repository) decrypt(sealed io.Reader) (io.Reader, error) {
	return age.Decrypt(sealed, r.credentials.identities...)
}

// unreadable tells a wrong identity from damage.
func unreadable(name string, err error) error {
	var none *age.NoIdentityMatchError
	if errors.As(err, &none) {
		return &hub.Error{Kind: hub.KindUntrusted, Field: "identity", Rule: "identity", Message: "this identity does not open the backup", Err: err}
	}
	return damaged(name, err)
}

// chunk reads a chunk and checks it before anything of it is used.
func (b *Backup) chunk(c Chunk) (packed, error) {
	name := filepath.Join("chunks", c.Name[:min(2, len(c.Name))], c.Name)
	payload, err := b.readChunk(name)
	if err == nil && b.repository.credentials.chunkName(payload) != c.Name {
		err = errors.New("its content is not what its name says")
	}
	p := packed{kind: c.Kind, count: int64(bytes.Count(payload, []byte("\n"))), payload: payload}
	if err == nil && p.count != c.Records {
		err = errors.New("it has another number of records than the manifest says")
	}
	if err != nil {
		return p, unreadable(name, err)
	}
	return p, nil
}

func (b *Backup) readChunk(name string) ([]byte, error) {
	f, err := os.Open(b.repository.path(name))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	plain, err := b.repository.decrypt(bufio.NewReaderSize(f, copyBuffer))
	if err != nil {
		return nil, err
	}
	zip, err := gzip.NewReader(plain)
	if err != nil {
		return nil, err
	}
	payload, err := io.ReadAll(io.LimitReader(zip, maxPayload+1))
	if err == nil && len(payload) > maxPayload {
		err = errors.New("it is larger than any chunk")
	}
	return payload, err
}

// each calls use for every record of the wanted kinds; all kinds when want is nil.
func (b *Backup) each(ctx context.Context, want func(hub.RecordKind) bool, use func(hub.Record) error) error {
	for _, c := range b.Manifest.Chunks {
		if err := ctx.Err(); err != nil {
			return err
		}
		if want != nil && !want(c.Kind) {
			continue
		}
		p, err := b.chunk(c)
		if err == nil {
			err = p.records(use)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// OpenContent opens an original. Reading to the end verifies it; damage is an error
// of the last Read. KindNotFound when the backup is without it.
func (b *Backup) OpenContent(_ context.Context, digest hub.Digest) (io.ReadCloser, error) {
	object := b.repository.credentials.objectName(digest)
	name := filepath.Join("objects", object[:2], object)
	f, err := os.Open(b.repository.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, hub.Errorf(hub.KindNotFound, "sha256", "", "the backup has no content with the SHA-256 %s (%s)", digest, name)
	}
	if err != nil {
		return nil, hub.Internal("open content", err)
	}
	plain, err := b.openForm(bufio.NewReaderSize(f, copyBuffer))
	if err != nil {
		return nil, errors.Join(unreadable(name, err), f.Close())
	}
	return &content{file: f, plain: plain, name: name, digest: digest, hash: sha256.New()}, nil
}

func (b *Backup) openForm(sealed io.Reader) (io.Reader, error) {
	plain, err := b.repository.decrypt(sealed)
	if err != nil {
		return nil, err
	}
	var form [1]byte
	if _, err := io.ReadFull(plain, form[:]); err != nil {
		return nil, err
	}
	switch form[0] {
	case formPlain:
		return plain, nil
	case formGzip:
		return gzip.NewReader(plain)
	}
	return nil, errors.New("its form is not known")
}

// content is an original on its way out of a backup.
type content struct {
	file   *os.File
	plain  io.Reader
	name   string
	digest hub.Digest
	hash   hash.Hash
}

// Read implements io.Reader.
func (c *content) Read(p []byte) (int, error) {
	n, err := c.plain.Read(p)
	c.hash.Write(p[:n])
	switch {
	case errors.Is(err, io.EOF) && hub.Digest(c.hash.Sum(nil)) != c.digest:
		return 0, damaged(c.name, errors.New("its content is not what its name says"))
	case err != nil && !errors.Is(err, io.EOF):
		return 0, damaged(c.name, err)
	}
	return n, err
}

// Close implements io.Closer.
func (c *content) Close() error { return c.file.Close() }
