// Package witnessdir remembers in a folder what a witness of logs has seen.
//
// It promises that what Keep was given is on the disk when it returns, whole or not at
// all, and that no two processes use one folder. For each log there is a folder, named by
// the SHA-256 of its origin, with the checkpoint that was cosigned last and the proofs
// that the log has more than one history. A write that fails leaves what was there.
package witnessdir

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/lienthong/lienthong/hub"
)

const (
	checkpointFile = "checkpoint"
	suspicionFile  = "suspected.json" // the newest refusal that proves nothing
	forkPattern    = "fork-*.json"
	maxForks       = 16       // that are kept of one log: the first ones prove enough
	maxFile        = 1 << 20  // far above any of these files, in bytes
	newFile        = ".new-*" // begins the names of files that are being written
)

// Dir is the memory of one witness.
type Dir struct {
	path string
	lock *os.File
}

// Open takes the folder for this process, making it when it is not there. One that
// another process has is KindConflict.
func Open(path string) (*Dir, error) {
	if err := os.MkdirAll(filepath.Join(path, "logs"), 0o700); err != nil {
		return nil, hub.Invalid("data-dir", "folder", "%v", err)
	}
	lock, err := os.OpenFile(filepath.Join(path, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, hub.Invalid("data-dir", "folder", "%v", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil { // #nosec G115 -- a file descriptor
		lock.Close()
		return nil, hub.Errorf(hub.KindConflict, "data-dir", "in_use", "another witness is running on %s", path)
	}
	d := &Dir{path, lock}
	for _, folder := range []string{filepath.Dir(path), path} {
		if err := syncFolder(folder); err != nil {
			return nil, errors.Join(err, lock.Close())
		}
	}
	return d, nil
}

// Read is Open for who only looks, beside the process that has the folder.
func Read(path string) (*Dir, error) {
	if _, err := os.Stat(filepath.Join(path, "logs")); err != nil {
		return nil, hub.Invalid("data-dir", "folder", "%s is not the folder of a witness: %v", path, err)
	}
	return &Dir{path: path}, nil
}

// Close gives the folder back.
func (d *Dir) Close() error {
	if d.lock == nil {
		return nil
	}
	return d.lock.Close()
}

func (d *Dir) folder(origin string) string {
	sum := sha256.Sum256([]byte(origin))
	return filepath.Join(d.path, "logs", hex.EncodeToString(sum[:]))
}

// Seen returns the checkpoint of a log that was kept last; KindNotFound before the first.
func (d *Dir) Seen(_ context.Context, origin string) ([]byte, error) {
	return read(filepath.Join(d.folder(origin), checkpointFile))
}

// Keep replaces it, durably.
func (d *Dir) Keep(_ context.Context, origin string, signed []byte) error {
	return d.write(origin, checkpointFile, signed)
}

// KeepFork keeps two checkpoints that do not fit together: of those that are proven the
// first ones, of the others the newest.
func (d *Dir) KeepFork(_ context.Context, fork hub.LogFork) error {
	text, err := json.MarshalIndent(&fork, "", "  ")
	if err != nil {
		return hub.Internal("encode a fork", err)
	}
	if !fork.Proven {
		return d.write(fork.Origin, suspicionFile, append(text, '\n'))
	}
	sum := sha256.Sum256(fork.Refused)
	name := fmt.Sprintf("fork-%x.json", sum[:8])
	there, err := filepath.Glob(filepath.Join(d.folder(fork.Origin), forkPattern))
	if err != nil {
		return hub.Internal("list forks", err)
	}
	if len(there) >= maxForks || slices.Contains(there, filepath.Join(d.folder(fork.Origin), name)) {
		return nil
	}
	return d.write(fork.Origin, name, append(text, '\n'))
}

// Forks lists what was kept, oldest first.
func (d *Dir) Forks(_ context.Context, origin string) ([]hub.LogFork, error) {
	names, err := filepath.Glob(filepath.Join(d.folder(origin), forkPattern))
	if err != nil {
		return nil, hub.Internal("list forks", err)
	}
	forks := []hub.LogFork{}
	for _, name := range append(names, filepath.Join(d.folder(origin), suspicionFile)) {
		text, err := read(name)
		if err != nil && hub.KindOf(err) == hub.KindNotFound {
			continue
		}
		if err != nil {
			return nil, err
		}
		var fork hub.LogFork
		if err := json.Unmarshal(text, &fork); err != nil {
			return nil, hub.Internal("read a fork", fmt.Errorf("%s: %w", name, err))
		}
		forks = append(forks, fork)
	}
	slices.SortStableFunc(forks, func(a, b hub.LogFork) int { return a.At.Compare(b.At) })
	return forks, nil
}

func read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, hub.Errorf(hub.KindNotFound, "log", "", "nothing was seen of this log")
	}
	if err != nil {
		return nil, hub.Internal("read what was seen", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("%s has more than %d bytes", path, maxFile)
	}
	if err != nil {
		return nil, hub.Internal("read what was seen", err)
	}
	return text, nil
}

// write puts a file in place: its bytes are on the disk before its name is, and its name
// before write returns.
func (d *Dir) write(origin, name string, content []byte) error {
	folder := d.folder(origin)
	_, err := os.Stat(folder)
	if errors.Is(err, fs.ErrNotExist) {
		if err = os.Mkdir(folder, 0o700); err == nil {
			err = syncFolder(filepath.Dir(folder))
		}
	}
	if err != nil {
		return hub.Internal("make the folder of a log", err)
	}
	f, err := os.CreateTemp(folder, newFile)
	if err != nil {
		return hub.Internal("write what was seen", err)
	}
	defer func() { _ = os.Remove(f.Name()) }() // gone when it has its name
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), filepath.Join(folder, name))
	}
	if err != nil {
		return hub.Internal("write what was seen", err)
	}
	return syncFolder(folder)
}

// syncFolder makes the names in a folder survive a power cut.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return hub.Internal("open a folder", err)
	}
	defer folder.Close()
	if err := folder.Sync(); err != nil {
		return hub.Internal("make a folder durable", err)
	}
	return nil
}
