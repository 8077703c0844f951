package backup

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Repository is a folder of backups.
type Repository struct {
	dir         string
	credentials *Credentials
}

const (
	headFile    = "lienthong-backup.json"
	indexSuffix = ".index"
	sealSuffix  = ".manifest"
	listSuffix  = ".objects"
)

// head tells what a folder is.
type head struct {
	Format int    `json:"format"`
	Check  string `json:"check"`
}

// Open opens the repository of a folder. KindNotFound when there is none,
// KindUntrusted when it has another repository key.
func Open(dir string, c *Credentials) (*Repository, error) {
	text, err := os.ReadFile(filepath.Join(dir, headFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, hub.Errorf(hub.KindNotFound, "repository", "", "there is no backup in %s", dir)
	}
	var h head
	if err == nil {
		err = json.Unmarshal(text, &h)
	}
	switch {
	case err != nil:
		return nil, hub.Invalid("repository", "format", "%s: %v", filepath.Join(dir, headFile), err)
	case h.Format != format:
		return nil, hub.Errorf(hub.KindUnsupported, "repository", "format", "the repository has format %d, this program knows %d", h.Format, format)
	case h.Check != c.name("check", nil):
		return nil, hub.Errorf(hub.KindUntrusted, "repository", "repository_key", "the recipients or the identity belong to another repository")
	}
	return &Repository{dir: dir, credentials: c}, nil
}

// OpenOrCreate opens the repository of a folder, or makes one in a folder that is
// empty or not there.
func OpenOrCreate(dir string, c *Credentials) (*Repository, error) {
	r, err := Open(dir, c)
	if err == nil || hub.KindOf(err) != hub.KindNotFound {
		return r, err
	}
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 && !slices.ContainsFunc(entries, func(e os.DirEntry) bool { return e.Name() == "chunks" }) {
		return nil, hub.Errorf(hub.KindConflict, "repository", "empty", "%s holds other files", dir)
	}
	r = &Repository{dir: dir, credentials: c}
	text, err := json.Marshal(head{Format: format, Check: c.name("check", nil)})
	if err == nil {
		err = r.makeFolders()
	}
	if err == nil {
		err = replaceFile(r.path(headFile), append(text, '\n'))
	}
	if err != nil {
		return nil, hub.Invalid("repository", "folder", "%v", err)
	}
	return r, nil
}

func (r *Repository) makeFolders() error {
	for _, folder := range r.folders() {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return err
		}
	}
	for _, parent := range []string{r.path("chunks"), r.path("objects"), r.dir, filepath.Dir(filepath.Clean(r.dir))} {
		if err := syncFolder(parent); err != nil {
			return err
		}
	}
	return nil
}

// folders lists all folders that hold files.
func (r *Repository) folders() []string {
	var all []string
	for _, kind := range []string{"chunks", "objects"} {
		for i := range 256 {
			all = append(all, r.path(kind, fmt.Sprintf("%02x", i)))
		}
	}
	return append(all, r.path("backups"), r.path("temporary"))
}

func (r *Repository) path(elements ...string) string {
	return filepath.Join(append([]string{r.dir}, elements...)...)
}

// filePath is the place of a chunk or an object.
func (r *Repository) filePath(kind, name string) string { return r.path(kind, name[:2], name) }

// lock takes the repository for one writer.
func (r *Repository) lock() (release func(), err error) {
	f, err := os.OpenFile(r.path("lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, hub.Invalid("repository", "folder", "%v", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, hub.Errorf(hub.KindConflict, "repository", "in_use", "another backup is writing to %s", r.dir)
	}
	return func() { f.Close() }, nil
}

// put writes a file: its content is durable when it has its name. The name itself is
// durable when its folder was synchronised.
func (r *Repository) put(path string, write func(io.Writer) error) (int64, error) {
	f, err := os.CreateTemp(r.path("temporary"), "new-*")
	if err != nil {
		return 0, full(err)
	}
	defer os.Remove(f.Name())
	w := bufio.NewWriterSize(f, copyBuffer)
	err = write(w)
	if err == nil {
		err = w.Flush()
	}
	size, seekErr := f.Seek(0, io.SeekCurrent)
	if err = errors.Join(err, seekErr, f.Sync(), f.Close()); err != nil {
		return 0, full(err)
	}
	return size, full(os.Rename(f.Name(), path))
}

// full turns a full disk into a temporary failure and leaves other errors alone.
func full(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return &hub.Error{Kind: hub.KindUnavailable, Field: "repository", Message: "the room for backups is full", RetryAfter: time.Minute, Err: err}
	}
	return err
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// Index is what can be said of a backup without an identity.
type Index struct {
	Format     int       `json:"format"`
	ID         string    `json:"id"`
	Made       time.Time `json:"made"`
	Manifest   string    `json:"manifest"` // SHA-256 of the sealed manifest
	Records    int64     `json:"records"`
	Parts      Amount    `json:"parts"` // that the records name, shared ones each time
	Added      Amount    `json:"added"` // files that this backup wrote
	Unreadable int       `json:"unreadable,omitempty"`
	Chunks     []string  `json:"chunks"`
}

// writeIndex makes a backup count.
func (r *Repository) writeIndex(index *Index) error {
	body, err := json.Marshal(index)
	if err != nil {
		return hub.Internal("encode the index", err)
	}
	path := r.path("backups", index.ID+indexSuffix)
	_, err = r.put(path, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "%s\n%s\n", body, r.credentials.name("index", body))
		return err
	})
	return errors.Join(err, syncFolder(filepath.Dir(path)))
}

// List returns all backups, oldest first. One whose index was damaged or forged is an
// error: to pass it over would let a prune remove what it needs.
func (r *Repository) List() ([]Index, error) {
	entries, err := os.ReadDir(r.path("backups"))
	if err != nil {
		return nil, hub.Invalid("repository", "folder", "%v", err)
	}
	var list []Index
	for _, e := range entries { // sorted by name, which begins with the time
		id, ok := strings.CutSuffix(e.Name(), indexSuffix)
		if !ok {
			continue
		}
		index, err := r.readIndex(id)
		if err != nil {
			return nil, err
		}
		list = append(list, *index)
	}
	return list, nil
}

func (r *Repository) readIndex(id string) (*Index, error) {
	name := filepath.Join("backups", id+indexSuffix)
	text, err := os.ReadFile(r.path(name))
	switch {
	case id != filepath.Base(id) || errors.Is(err, fs.ErrNotExist):
		return nil, hub.Errorf(hub.KindNotFound, "backup", "", "there is no backup %q", id)
	case err != nil:
		return nil, hub.Invalid("backup", "file", "%v", err)
	}
	body, mac, _ := bytes.Cut(text, []byte("\n"))
	var index Index
	if !hmac.Equal(bytes.TrimSpace(mac), []byte(r.credentials.name("index", body))) || json.Unmarshal(body, &index) != nil || index.ID != id {
		return nil, damaged(name, errors.New("its seal does not fit"))
	}
	if index.Format != format {
		return nil, hub.Errorf(hub.KindUnsupported, "backup", "format", "backup %s has format %d, this program knows %d", id, index.Format, format)
	}
	return &index, nil
}

// damaged is the error about a file that is not what its name says.
func damaged(name string, err error) error {
	return &hub.Error{Kind: hub.KindInvalid, Field: "backup", Rule: "damaged", Message: name + " is damaged", Err: err}
}
