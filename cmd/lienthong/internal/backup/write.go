package backup

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"filippo.io/age"
	"golang.org/x/sync/errgroup"

	"github.com/lienthong/lienthong/hub"
)

// Options say what to back up.
type Options struct {
	Source Source
	Files  []File
	// Hub, Version and Engine are written down for those who restore.
	Hub, Version, Engine string
	Now                  func() time.Time
	Progress             Progress
}

// BackUp writes one backup. It returns when all of it is on disk. Originals that the
// source cannot give are named in the index and the manifest; all other failures end
// it without a backup.
func (r *Repository) BackUp(ctx context.Context, o Options) (*Index, *Manifest, error) {
	release, err := r.lock()
	if err != nil {
		return nil, nil, err
	}
	defer release()
	earlier, err := r.List()
	if err != nil {
		return nil, nil, err
	}
	made := o.Now().UTC().Truncate(time.Millisecond)
	if n := len(earlier); n > 0 && !made.After(earlier[n-1].Made) {
		made = earlier[n-1].Made.Add(time.Millisecond) // the newest sorts last, whatever the clock does
	}
	w := &writer{repository: r, options: o, known: knownChunks(earlier), unsynced: map[string]bool{}, manifest: Manifest{
		Format: format, ID: made.Format("20060102T150405.000Z"), Made: made,
		Hub: o.Hub, Version: o.Version, Engine: o.Engine, Records: map[hub.RecordKind]int64{},
	}}
	for _, step := range []func(context.Context) error{w.writeRecords, w.writeObjects} {
		if err := step(ctx); err != nil {
			return nil, nil, wrap("write the backup", err)
		}
	}
	index, err := w.finish()
	return index, &w.manifest, wrap("write the backup", err)
}

func wrap(doing string, err error) error {
	var known *hub.Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	return hub.Internal(doing, err)
}

// knownChunks are those of backups whose every object is there.
func knownChunks(list []Index) map[string]bool {
	known := map[string]bool{}
	for i := range list {
		for _, name := range list[i].Chunks {
			known[name] = known[name] || list[i].Unreadable == 0
		}
	}
	return known
}

// writer makes one backup.
type writer struct {
	repository *Repository
	options    Options
	known      map[string]bool
	manifest   Manifest
	newest     []byte           // the last record of evidence
	needed     []hub.ContentRef // objects of chunks that are not known
	addedCount atomic.Int64
	addedBytes atomic.Int64
	mu         sync.Mutex
	unsynced   map[string]bool // folders with names that may not be durable
}

// writeRecords writes files and state. The snapshot is open meanwhile.
func (w *writer) writeRecords(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	var done int64
	pack := packer{full: func(chunk packed) error {
		done += chunk.count
		w.options.Progress.tell("records", done, 0)
		return w.takeChunk(ctx, group, chunk)
	}}
	var err error
	for _, file := range w.options.Files {
		var body []byte
		if body, err = json.Marshal(file); err == nil {
			err = pack.add(hub.Record{Kind: recordFile, Body: body})
		}
		if err != nil {
			break
		}
	}
	if err == nil {
		err = w.options.Source.Export(ctx, func(r hub.Record) error {
			if r.Kind == hub.RecordEvidence {
				w.newest = append(w.newest[:0], r.Body...)
			}
			return cmp.Or(ctx.Err(), pack.add(r))
		})
	}
	if err == nil {
		err = pack.flush()
	}
	return cmp.Or(group.Wait(), err) // the first failure ends the context of the others
}

// takeChunk puts a chunk into the manifest and, unless it is there, into the
// repository.
func (w *writer) takeChunk(ctx context.Context, group *errgroup.Group, chunk packed) error {
	name := w.repository.credentials.chunkName(chunk.payload)
	w.manifest.Chunks = append(w.manifest.Chunks, Chunk{Name: name, Kind: chunk.kind, Records: chunk.count})
	w.manifest.Records[chunk.kind] += chunk.count
	var refs []hub.ContentRef
	err := chunk.records(func(r hub.Record) error {
		found, err := r.Contents()
		refs = append(refs, found...)
		return err
	})
	if err != nil {
		return err
	}
	for _, ref := range refs {
		w.manifest.Parts.add(ref.Size)
	}
	path := w.repository.filePath("chunks", name)
	there := exists(path) && exists(path+listSuffix)
	if there && w.known[name] {
		return nil
	}
	w.needed = append(w.needed, refs...)
	if there { // of a backup that was not finished
		w.touch(path)
		return nil
	}
	group.Go(func() error { return cmp.Or(ctx.Err(), w.putChunk(path, chunk.payload, refs)) })
	return nil
}

// putChunk writes a chunk and the list of its objects, without which nobody could tell
// later what may be removed.
func (w *writer) putChunk(path string, payload []byte, refs []hub.ContentRef) error {
	err := w.put(path+listSuffix, func(out io.Writer) error {
		for _, ref := range refs {
			if _, err := fmt.Fprintln(out, w.repository.credentials.objectName(ref.Digest)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return w.put(path, func(out io.Writer) error {
		return w.seal(out, func(out io.Writer) error {
			zip, err := gzip.NewWriterLevel(out, gzip.BestSpeed)
			if err != nil {
				return err
			}
			_, err = zip.Write(payload)
			return errors.Join(err, zip.Close())
		})
	})
}

// touch notes the folder of a file that this backup needs. One that is there already
// may be of a backup that died before its name was durable.
func (w *writer) touch(path string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.unsynced[filepath.Dir(path)] = true
}

func (w *writer) put(path string, write func(io.Writer) error) error {
	w.touch(path)
	size, err := w.repository.put(path, write)
	if err == nil {
		w.addedCount.Add(1)
		w.addedBytes.Add(size)
	}
	return err
}

// seal encrypts what write writes.
func (w *writer) seal(out io.Writer, write func(io.Writer) error) error {
	sealed, err := age.Encrypt(out, w.repository.credentials.recipients...)
	if err != nil {
		return err
	}
	if err := write(sealed); err != nil {
		return err
	}
	return sealed.Close()
}

// writeObjects copies the originals that the repository has not.
func (w *writer) writeObjects(ctx context.Context) error {
	refs := distinct(w.needed)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	var done atomic.Int64
	for _, ref := range refs {
		group.Go(func() error {
			err := w.takeObject(ctx, ref)
			w.options.Progress.tell("originals", done.Add(1), int64(len(refs)))
			return err
		})
	}
	return group.Wait()
}

// distinct sorts references by digest and leaves each once.
func distinct(refs []hub.ContentRef) []hub.ContentRef {
	slices.SortFunc(refs, func(a, b hub.ContentRef) int { return bytes.Compare(a.Digest[:], b.Digest[:]) })
	return slices.CompactFunc(refs, func(a, b hub.ContentRef) bool { return a.Digest == b.Digest })
}

func (w *writer) takeObject(ctx context.Context, ref hub.ContentRef) error {
	path := w.repository.filePath("objects", w.repository.credentials.objectName(ref.Digest))
	if err := ctx.Err(); err != nil {
		return err
	}
	if exists(path) {
		w.touch(path)
		return nil
	}
	blob, err := w.options.Source.OpenBlob(ctx, ref.Digest)
	if err == nil {
		defer blob.Close()
		err = w.put(path, func(out io.Writer) error {
			return w.seal(out, func(out io.Writer) error { return writeObject(ctx, out, blob, ref) })
		})
	}
	if err == nil || ctx.Err() != nil {
		return cmp.Or(ctx.Err(), err)
	}
	var problem *hub.Error
	if !errors.As(err, &problem) || problem.Kind != hub.KindNotFound && problem.Kind != hub.KindInternal {
		return err // of the repository, or the store is away
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.manifest.Unreadable = append(w.manifest.Unreadable, Unreadable{ref.Digest, problem.Error()})
	return nil
}

// The forms of an object, in its first byte.
const (
	formPlain = 0
	formGzip  = 1
)

// writeObject writes an original, which the blob verifies while it is read. Envelopes
// hold base64 and shrink by a quarter; documents and pictures would not.
func writeObject(ctx context.Context, out io.Writer, blob hub.Blob, ref hub.ContentRef) error {
	if ref.Role != hub.RoleEnvelope {
		if _, err := out.Write([]byte{formPlain}); err != nil {
			return err
		}
		_, err := copyAll(ctx, out, blob)
		return err
	}
	if _, err := out.Write([]byte{formGzip}); err != nil {
		return err
	}
	zip, err := gzip.NewWriterLevel(out, gzip.BestSpeed)
	if err != nil {
		return err
	}
	_, err = copyAll(ctx, zip, blob)
	return errors.Join(err, zip.Close())
}

// finish makes everything durable and then lets the backup count.
func (w *writer) finish() (*Index, error) {
	m := &w.manifest
	if w.newest != nil {
		var last hub.EvidenceRecord
		var evidence hub.Evidence
		if err := json.Unmarshal(w.newest, &last); err != nil {
			return nil, err
		}
		if err := json.Unmarshal(last.Bytes(), &evidence); err != nil {
			return nil, err
		}
		m.Head = &hub.EvidenceRef{ID: evidence.ID, SHA256: sha256.Sum256(last.Bytes())}
	}
	index := &Index{Format: format, ID: m.ID, Made: m.Made, Parts: m.Parts, Unreadable: len(m.Unreadable)}
	for _, chunk := range m.Chunks {
		index.Chunks = append(index.Chunks, chunk.Name)
		index.Records += chunk.Records
	}
	body, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	sealed := sha256.New()
	path := w.repository.path("backups", m.ID+sealSuffix)
	err = w.put(path, func(out io.Writer) error {
		return w.seal(io.MultiWriter(out, sealed), func(out io.Writer) error {
			_, err := out.Write(body)
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	for folder := range w.unsynced {
		if err := syncFolder(folder); err != nil {
			return nil, err
		}
	}
	index.Manifest = hex.EncodeToString(sealed.Sum(nil))
	index.Added = Amount{w.addedCount.Load(), w.addedBytes.Load()}
	return index, w.repository.writeIndex(index)
}
