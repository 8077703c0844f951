package filedrop

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"path"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// pending is a dispatch about which more may come.
type pending struct {
	since, next time.Time
}

// glance is how many entries of a folder are read at once.
const glance = 100

// maxFollow bounds how long nobody asks about a dispatch.
const maxFollow = 10 * time.Minute

// later is when to ask again: the longer it takes, the less often.
func (p pending) later(now time.Time) pending {
	p.next = now.Add(min(now.Sub(p.since)/10, maxFollow))
	return p
}

// follow puts new receipts beside what was sent, until everything about it has ended. The
// folder grows for ever: all of it is looked at once, later what has not ended.
func (d *Drop) follow(ctx context.Context) error {
	if d.open == nil {
		if err := d.findOpen(); err != nil {
			return err
		}
	}
	now := d.Now()
	asked := 0
	var failed error
	for name, p := range d.open {
		if p.next.After(now) {
			continue
		}
		if asked++; asked > followAtOnce { // the others in the next round
			break
		}
		ended, err := d.followOne(ctx, path.Join(sentFolder, name))
		switch {
		case endsRound(err):
			return errors.Join(failed, err)
		case err == nil && ended:
			delete(d.open, name)
		default:
			d.open[name] = p.later(now)
		}
		failed = errors.Join(failed, err)
	}
	return failed
}

// findOpen looks through sent for what has not ended.
func (d *Drop) findOpen() error {
	f, err := d.root.Open(sentFolder)
	if err != nil {
		return hub.Internal("look into "+sentFolder, err)
	}
	defer f.Close()
	open := map[string]pending{}
	for {
		entries, err := f.ReadDir(glance)
		for _, e := range entries {
			if e.IsDir() && d.has(e.Name(), sentFile) && !d.has(e.Name(), endedFile) {
				open[e.Name()] = pending{since: d.Now()}
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			d.open = open
			return nil
		case err != nil:
			return hub.Internal("look into "+sentFolder, err)
		}
	}
}

// has reports whether a folder of sent holds a file.
func (d *Drop) has(name, file string) bool {
	_, err := d.root.Lstat(path.Join(sentFolder, name, file))
	return err == nil
}

// followOne reports whether nothing more will come about a folder of sent.
func (d *Drop) followOne(ctx context.Context, folder string) (bool, error) {
	var note sentNote
	f, err := d.read(path.Join(folder, sentFile))
	switch {
	case err == nil:
	case errors.Is(err, fs.ErrNotExist) || hub.KindOf(err) == hub.KindInvalid:
		return true, nil // not of this program, or somebody is removing it
	default:
		return false, err
	}
	defer f.Close()
	if err := json.NewDecoder(io.LimitReader(f, maxSubmission)).Decode(&note); err != nil {
		return true, nil // somebody else put it here
	}
	ended := note.Dispatch == ""
	if !ended {
		var evidence []hub.SealedEvidence
		if evidence, ended, err = d.Sending.Followed(ctx, note.Dispatch); err != nil {
			return false, err
		}
		for i := range evidence {
			if err := d.keepReceipt(ctx, folder, &evidence[i]); err != nil {
				return false, err
			}
		}
	}
	if !ended {
		return false, nil
	}
	return true, d.write(path.Join(folder, endedFile), func(io.Writer) error { return nil })
}
