package blobdir

import (
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"io/fs"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// blob is one content open for reading. Reading from start to end hashes on the
// way; any other access verifies the whole content first, once per file.
type blob struct {
	dir    *Dir
	file   *os.File
	digest hub.Digest
	info   fs.FileInfo
	hash   hash.Hash
	hashed int64 // bytes that went into hash
	offset int64 // position of Read
	sought bool  // Read no longer runs from the start
}

// Size implements hub.Blob.
func (b *blob) Size() int64 { return b.info.Size() }

// Close implements io.Closer.
func (b *blob) Close() error { return b.file.Close() }

// Read implements io.Reader.
func (b *blob) Read(p []byte) (int, error) {
	n, err := b.file.ReadAt(p, b.offset)
	b.offset += int64(n)
	if b.sought {
		return n, err
	}
	b.hash.Write(p[:n])
	b.hashed += int64(n)
	if err == io.EOF || b.hashed >= b.Size() {
		if wrong := b.conclude(); wrong != nil {
			return 0, wrong
		}
	}
	return n, err
}

// conclude compares the digest of all bytes read with the name of the file.
func (b *blob) conclude() error {
	if hub.Digest(b.hash.Sum(nil)) != b.digest {
		return b.damaged()
	}
	b.dir.verified.add(b.key())
	return nil
}

func (b *blob) damaged() error {
	b.dir.log.Error("stored content is damaged", "sha256", b.digest.String(), "path", b.file.Name())
	return hub.Internal("content "+b.digest.String()+" is damaged on disk", nil)
}

// ReadAt implements io.ReaderAt.
func (b *blob) ReadAt(p []byte, off int64) (int, error) {
	if err := b.verify(); err != nil {
		return 0, err
	}
	return b.file.ReadAt(p, off)
}

// Seek implements io.Seeker.
func (b *blob) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += b.offset
	case io.SeekEnd:
		offset += b.Size()
	}
	if offset < 0 {
		return 0, errors.New("blobdir: seek before the start")
	}
	switch {
	case offset == 0:
		b.hash, b.hashed, b.sought = sha256.New(), 0, false
	case offset != b.offset:
		b.sought = offset < b.Size() // a look at the end only asks for the size
		if b.sought {
			if err := b.verify(); err != nil {
				return 0, err
			}
		}
	}
	b.offset = offset
	return offset, nil
}

// verify hashes the whole content unless that was done since the file was last
// changed.
func (b *blob) verify() error {
	if b.dir.verified.has(b.key()) {
		return nil
	}
	sum := sha256.New()
	section := io.NewSectionReader(b.file, 0, b.Size())
	if _, err := io.CopyBuffer(sum, struct{ io.Reader }{section}, make([]byte, bufferSize)); err != nil {
		return b.dir.failure("verify content", err)
	}
	if hub.Digest(sum.Sum(nil)) != b.digest {
		return b.damaged()
	}
	b.dir.verified.add(b.key())
	return nil
}

func (b *blob) key() verifiedKey {
	return verifiedKey{b.digest, b.info.Size(), b.info.ModTime()}
}

// verifiedKey names one state of one file.
type verifiedKey struct {
	digest   hub.Digest
	size     int64
	modified time.Time
}

// verifiedSet remembers which files were verified. It is bounded: when full it
// starts anew, which costs one more verification and nothing else.
type verifiedSet struct {
	mu  sync.Mutex
	set map[verifiedKey]struct{}
}

const maxVerified = 4096

func (v *verifiedSet) has(k verifiedKey) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	_, ok := v.set[k]
	return ok
}

func (v *verifiedSet) add(k verifiedKey) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.set == nil || len(v.set) >= maxVerified {
		v.set = make(map[verifiedKey]struct{})
	}
	v.set[k] = struct{}{}
}

// isFull reports whether there is no room on the disk.
func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
