package cli

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/lienthong/lienthong/hub"
)

// reserved is the file that gets a secret which is shown once. It is made before the secret
// is, so that a folder that is not there, or a file that is, costs nobody a secret: what is
// issued and then lost has to be revoked.
type reserved struct {
	path string // empty where the secret is printed
	file *os.File
	kept bool
}

// reserve makes the file, which must not be there yet: it may hold a secret that works.
func reserve(path string) (*reserved, error) {
	if path == "" {
		return &reserved{}, nil
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	switch {
	case errors.Is(err, fs.ErrExist):
		return nil, hub.Errorf(hub.KindConflict, "out", "exists", "%s is there already; name another file", path)
	case err != nil:
		return nil, hub.Invalid("out", "folder", "%v", err)
	}
	return &reserved{path: path, file: f}, nil
}

// wanted reports whether the secret goes into a file.
func (r *reserved) wanted() bool { return r.file != nil }

// keep writes the secret and waits for the disk, the name of the file included.
func (r *reserved) keep(id string, write func(io.Writer) error) error {
	err := errors.Join(write(r.file), r.file.Sync(), r.file.Close())
	if err == nil {
		err = syncFolder(filepath.Dir(r.path))
	}
	if err != nil {
		return hub.Internal("the secret of "+id+" was made and could not be kept in "+r.path+": end it, and make another", err)
	}
	r.kept = true
	return nil
}

// release removes the file unless it holds the secret.
func (r *reserved) release() {
	if r.file == nil || r.kept {
		return
	}
	_ = r.file.Close() // keep may have done it
	_ = os.Remove(r.path)
}

func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
