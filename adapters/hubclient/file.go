package hubclient

import (
	"crypto/sha256"
	"io"
	"os"
	"path/filepath"

	"github.com/lienthong/lienthong/hub"
)

// File is a part with a way to its bytes. Open is called for every attempt and
// returns the bytes from the start; when what it returns also seeks, resumed
// uploads use that. A Part.Size of zero means unknown.
type File struct {
	Part hub.Part
	Open func() (io.ReadCloser, error)
}

// FileAt returns the regular file at path as a part with its size and base name.
// Id, role and media type are the caller's to fill, the digest is left zero.
func FileAt(path string) (File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return File{}, &hub.Error{Kind: hub.KindNotFound, Field: path, Message: "the file cannot be read", Err: err}
	}
	if !info.Mode().IsRegular() {
		return File{}, hub.Invalid(path, "regular_file", "not a regular file")
	}
	return File{
		Part: hub.Part{Name: filepath.Base(path), Size: info.Size()},
		Open: func() (io.ReadCloser, error) { return os.Open(path) },
	}, nil
}

func (f *File) size() int64 {
	if f.Part.Size > 0 {
		return f.Part.Size
	}
	return -1
}

// Measure reads the file once and fills in its size and digest.
func (f *File) Measure() error {
	r, err := f.Open()
	if err != nil {
		return hub.Internal("open "+f.Part.Name, err)
	}
	defer r.Close()
	hash := sha256.New()
	if f.Part.Size, err = io.Copy(hash, r); err != nil {
		return hub.Internal("read "+f.Part.Name, err)
	}
	hash.Sum(f.Part.Digest[:0])
	return nil
}

// openAt opens the file and goes to offset.
func (f *File) openAt(offset int64) (io.ReadCloser, error) {
	r, err := f.Open()
	if err != nil || offset == 0 {
		return r, err
	}
	if s, ok := r.(io.Seeker); ok {
		_, err = s.Seek(offset, io.SeekStart)
	} else {
		_, err = io.CopyN(io.Discard, r, offset)
	}
	if err != nil {
		_ = r.Close() // the first error says more
		return nil, err
	}
	return r, nil
}
