package blobdir

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// The time of a file's last change is when its content was last stored. Whoever stores
// content that is there already renews the time, and places its own file when the old
// one has just gone; whoever removes content takes it out of its place first and looks
// at the time then. So one of the two always sees the other.

// removing is how the names begin under which content waits for its end.
const removing = "removed-"

func (d *Dir) removedPath(digest hub.Digest) string {
	return d.path("temporary", removing+digest.String())
}

// BlobInfos lists content in the order of digests, after the given one (zero: from the
// start), limit at most.
func (d *Dir) BlobInfos(ctx context.Context, after hub.Digest, limit int) ([]hub.BlobInfo, error) {
	var list []hub.BlobInfo
	for folder := int(after[0]); folder < 256 && len(list) < limit; folder++ {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		found, err := d.digestsIn(byte(folder))
		if err != nil {
			return nil, err
		}
		for _, digest := range found {
			if len(list) == limit {
				break
			}
			if !after.IsZero() && bytes.Compare(digest[:], after[:]) <= 0 {
				continue
			}
			info, err := os.Stat(d.objectPath(digest))
			switch {
			case errors.Is(err, fs.ErrNotExist): // it went meanwhile
			case err != nil:
				return nil, failure("look at content", err)
			default:
				list = append(list, hub.BlobInfo{Digest: digest, Size: info.Size(), Written: info.ModTime().UTC()})
			}
		}
	}
	return list, nil
}

// digestsIn lists one of the 256 folders, in order.
func (d *Dir) digestsIn(folder byte) ([]hub.Digest, error) {
	f, err := os.Open(d.path("objects", hub.Digest{folder}.String()[:2]))
	if err != nil {
		return nil, failure("list content", err)
	}
	defer f.Close()
	names, err := f.Readdirnames(-1)
	if err != nil {
		return nil, failure("list content", err)
	}
	digests := make([]hub.Digest, 0, len(names))
	for _, name := range names {
		if digest, err := hub.ParseDigest(name); err == nil { // else the proof of some damage
			digests = append(digests, digest)
		}
	}
	slices.SortFunc(digests, func(a, b hub.Digest) int { return bytes.Compare(a[:], b[:]) })
	return digests, nil
}

// RemoveBlob removes content that was last stored before the instant; KindConflict when
// it was stored since, KindNotFound when it is absent. After a crash the content may be
// there again.
func (d *Dir) RemoveBlob(_ context.Context, digest hub.Digest, before time.Time) error {
	place, aside := d.objectPath(digest), d.removedPath(digest)
	if err := isOlder(place, before); err != nil {
		return absent(digest, err)
	}
	if err := os.Rename(place, aside); err != nil {
		return absent(digest, err)
	}
	if err := isOlder(aside, before); err != nil {
		return errors.Join(absent(digest, err), d.putBack(digest))
	}
	err := os.Remove(aside)
	if damaged := os.Remove(place + ".damaged"); err == nil && !errors.Is(damaged, fs.ErrNotExist) {
		err = damaged
	}
	return absent(digest, err)
}

// isOlder fails with KindConflict when a file was changed at the instant or since.
func isOlder(path string, before time.Time) error {
	info, err := os.Stat(path)
	if err == nil && !info.ModTime().Before(before) {
		err = hub.Errorf(hub.KindConflict, "sha256", "written", "the content was stored at %s", info.ModTime().UTC().Format(time.RFC3339))
	}
	return err
}

func absent(digest hub.Digest, err error) error {
	var e *hub.Error
	switch {
	case err == nil || errors.As(err, &e):
		return err
	case errors.Is(err, fs.ErrNotExist):
		return noContent(digest)
	}
	return failure("remove content", err)
}

// putBack returns content that is not to go to its place, unless a writer has put the
// same there.
func (d *Dir) putBack(digest hub.Digest) error {
	aside := d.removedPath(digest)
	if err := os.Link(aside, d.objectPath(digest)); err != nil && !errors.Is(err, fs.ErrExist) {
		return failure("put content back", err)
	}
	if err := os.Remove(aside); err != nil {
		return failure("put content back", err)
	}
	return nil
}

// renew makes content that is in its place young; false when it is not there any more.
// Whoever removes it may have taken it aside, and looked at its age, while its time was
// being set: so it counts only if it is still there afterwards. What is taken aside later
// is seen to be young, and put back.
func (d *Dir) renew(digest hub.Digest) (bool, error) {
	now, place := d.Now(), d.objectPath(digest)
	err := os.Chtimes(place, now, now)
	if err == nil {
		_, err = os.Stat(place)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, failure("renew content", err)
	}
	if b, err := d.open(digest); err == nil {
		d.verified.add(b.key) // as it was a moment ago
		_ = b.Close()         // was only looked at
	}
	return true, nil
}

// SweepStaging removes temporary files and staged bytes that have not changed since the
// instant, and returns how many.
func (d *Dir) SweepStaging(ctx context.Context, before time.Time) (int, error) {
	removed := 0
	for _, folder := range append(leftoverFolders(), "staged") {
		entries, err := os.ReadDir(d.path(folder))
		if err != nil {
			return removed, failure("read the folder of leftovers", err)
		}
		for _, e := range entries {
			if err := ctx.Err(); err != nil {
				return removed, err
			}
			if e.IsDir() || strings.HasPrefix(e.Name(), removing) || isOlder(d.path(folder, e.Name()), before) != nil {
				continue
			}
			done, err := d.sweepOne(folder, e.Name(), before)
			if err != nil {
				return removed, err
			}
			removed += done
		}
	}
	return removed, nil
}

func (d *Dir) sweepOne(folder, name string, before time.Time) (int, error) {
	path := d.path(folder, name)
	remove := func() error { return os.Remove(path) }
	if folder == "staged" {
		claim := d.staging.take(name)
		defer claim.end()
		remove = func() error {
			return claim.change(func() error {
				if err := isOlder(path, before); err != nil {
					return err // an upload goes on
				}
				return os.Remove(path)
			})
		}
	}
	err := remove()
	switch {
	case err == nil:
		return 1, nil
	case errors.Is(err, fs.ErrNotExist) || hub.KindOf(err) == hub.KindConflict:
		return 0, nil
	}
	return 0, failure("remove a leftover", err)
}
