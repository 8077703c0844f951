// Package blobdir keeps content in a folder, addressed by its SHA-256.
//
// Content is durable when Commit returns: written to a temporary file of the
// same file system, synchronised, renamed to its place, and the folder
// synchronised. Nothing that is in place is
// ever changed. Reading verifies: a byte that rotted on disk is an error and
// never passed on as good; when the same content comes in once more, it takes
// the place of the damaged file, which is kept beside it. Content goes by RemoveBlob
// alone, and never what was stored since an instant.
//
// Bytes of uploads wait in a staging area until they are complete. At each time
// one call adds to an upload: a later one takes over from an earlier one, so that
// a client whose connection broke can go on at once.
//
// A failed synchronisation is not an error that can be tried again, since the
// kernel may have dropped the data: Fatal is called, which must end the process.
// A full disk is KindUnavailable, every other failure of the disk KindInternal.
//
// Layout: objects/aa/aabb..., temporary/0 to temporary/f, staged/. All folders are made when
// the store is opened, so that a commit synchronises two things, the file and one
// folder; file systems with indexed folders hold millions of files in each.
package blobdir

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/fault"
)

// Options configure a folder.
type Options struct {
	Dir string
	Log *slog.Logger     // default: none
	Now func() time.Time // default time.Now; says which leftovers are old
	// Fatal is called with the cause when a synchronisation failed and MUST NOT
	// return. Without it the process panics.
	Fatal func(error)
}

// Dir is a blob store in a folder. It is safe for concurrent use by one process.
type Dir struct {
	Options
	verified verifiedSet
	staging  claims
	created  atomic.Uint32 // temporary files so far
}

// temporaryFolders share the temporary files. A folder takes one new file at a time,
// and files made in one folder lie close to one another: with a single folder, writers
// mostly waited for it.
const temporaryFolders = 16

func temporaryFolder(n uint32) string {
	return filepath.Join("temporary", strconv.FormatUint(uint64(n%temporaryFolders), 16))
}

// leftoverFolders are where a crash may leave files behind; older versions put them
// into the first one.
func leftoverFolders() []string {
	folders := []string{"temporary"}
	for n := range uint32(temporaryFolders) {
		folders = append(folders, temporaryFolder(n))
	}
	return folders
}

// staleAfter is the age from which a temporary file is taken for the leftover of
// a crash.
const staleAfter = 24 * time.Hour

// bufferSize is that of copies; large writes keep system calls few.
const bufferSize = 256 << 10

// Open prepares the folder and removes leftovers of crashes.
func Open(o Options) (*Dir, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Fatal == nil {
		o.Fatal = func(err error) {
			panic("blobdir: a synchronisation failed, the process must end: " + err.Error())
		}
	}
	d := &Dir{Options: o}
	if err := d.makeFolders(); err != nil {
		return nil, failure("create the blob folders", err)
	}
	return d, d.sweep()
}

// makeFolders creates all folders, durably.
func (d *Dir) makeFolders() error {
	folders := []string{d.path("staged")}
	for _, folder := range leftoverFolders() {
		folders = append(folders, d.path(folder))
	}
	for i := range 256 {
		folders = append(folders, d.path("objects", fmt.Sprintf("%02x", i)))
	}
	for _, folder := range folders {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return err
		}
	}
	for _, parent := range []string{d.path("objects"), d.Dir, filepath.Dir(filepath.Clean(d.Dir))} {
		d.syncFolder(parent)
	}
	return nil
}

func (d *Dir) path(elements ...string) string {
	return filepath.Join(append([]string{d.Dir}, elements...)...)
}

func (d *Dir) sweep() error {
	for _, folder := range leftoverFolders() {
		if err := d.sweepFolder(folder); err != nil {
			return err
		}
	}
	return nil
}

func (d *Dir) sweepFolder(folder string) error {
	entries, err := os.ReadDir(d.path(folder))
	if err != nil {
		return failure("read the folder of temporary files", err)
	}
	for _, e := range entries {
		if e.IsDir() {
			continue
		}
		if name, ok := strings.CutPrefix(e.Name(), removing); ok {
			// A removal broke off. Whether to repeat it is for who removes to say.
			if digest, err := hub.ParseDigest(name); err == nil {
				if err := d.putBack(digest); err != nil {
					return err
				}
			}
			continue
		}
		info, err := e.Info()
		if err == nil && d.Now().Sub(info.ModTime()) > staleAfter {
			_ = os.Remove(d.path(folder, e.Name())) // the next start tries again
		}
	}
	return nil
}

// objectPath is where content lives.
func (d *Dir) objectPath(digest hub.Digest) string {
	name := digest.String()
	return d.path("objects", name[:2], name)
}

// syncFile makes the content of a file durable.
func (d *Dir) syncFile(f *os.File) {
	if fault.NoBlobSync {
		return
	}
	if err := f.Sync(); err != nil {
		d.Fatal(err)
	}
}

// syncFolder makes the entries of a folder durable.
func (d *Dir) syncFolder(folder string) {
	if fault.NoDirSync {
		return
	}
	f, err := os.Open(folder)
	if err == nil {
		err = errors.Join(f.Sync(), f.Close())
	}
	if err != nil {
		d.Fatal(err)
	}
}

// failure wraps an error of the file system: a full disk is temporary.
func failure(doing string, err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return &hub.Error{Kind: hub.KindUnavailable, Message: "the hub's storage is full", RetryAfter: time.Minute, Err: err}
	}
	return hub.Internal(doing, err)
}

// Ping fails while the folder cannot be reached.
func (d *Dir) Ping(context.Context) error {
	if _, err := os.Stat(d.path("objects")); err != nil {
		return failure("reach the folder of originals", err)
	}
	return nil
}
