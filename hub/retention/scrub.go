package retention

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// scrubbing is how far the scrub has come. It outlives restarts.
type scrubbing struct {
	After hub.Digest       `json:"after"` // the last content that was read
	Run   hub.RetentionRun `json:"run"`
}

const (
	scrubPage     = 100
	scrubChunk    = 1 << 20     // bytes between two looks at the rate
	scrubSave     = time.Minute // at most so much is read again after a restart, and the content under way
	maxDispatches = 100         // that a finding names
	restBelow     = 50 * time.Millisecond
)

// scrub reads all content that dispatches, status reports and dossiers name, once, going on where
// it was left.
func (s *Service) scrub(ctx context.Context, at scrubbing) error {
	open, err := s.openFindings(ctx)
	if err != nil {
		return err
	}
	w := &scrubber{Service: s, at: at, open: open, saved: s.now(), pace: pace{last: s.Now()}}
	if err := w.lookAtAll(ctx); err != nil {
		return errors.Join(err, s.save(context.WithoutCancel(ctx), scrubNote, w.at))
	}
	return w.finish(ctx)
}

func (s *Service) openFindings(ctx context.Context) (map[hub.Digest]hub.RetentionFinding, error) {
	found, err := all[hub.RetentionFinding](ctx, s, findingPrefix)
	open := make(map[hub.Digest]hub.RetentionFinding, len(found))
	for i := range found {
		open[found[i].Digest] = found[i]
	}
	return open, err
}

// scrubber is one scrub, or what a restart left of it.
type scrubber struct {
	*Service
	at    scrubbing
	open  map[hub.Digest]hub.RetentionFinding
	saved time.Time
	pace  pace
}

func (w *scrubber) lookAtAll(ctx context.Context) error {
	for {
		page, err := w.Store.NamedContent(ctx, w.at.After, scrubPage)
		if err != nil {
			return err
		}
		for _, digest := range page {
			if err := w.look(ctx, digest); err != nil {
				return err
			}
		}
		if len(page) < scrubPage {
			return nil
		}
	}
}

// look reads one content and keeps what it found.
func (w *scrubber) look(ctx context.Context, digest hub.Digest) error {
	size, problem, err := w.inspect(ctx, digest)
	if err != nil {
		return err
	}
	if err := w.keep(ctx, digest, problem); err != nil {
		return err
	}
	w.at.After = digest
	w.at.Run.Checked++
	w.at.Run.CheckedBytes += size
	if now := w.now(); now.Sub(w.saved) >= scrubSave {
		w.saved = now
		return w.save(ctx, scrubNote, w.at)
	}
	return nil
}

// inspect reads a content; an error means that it could not be judged.
func (w *scrubber) inspect(ctx context.Context, digest hub.Digest) (int64, hub.ContentProblem, error) {
	blob, err := w.Blobs.OpenBlob(ctx, digest)
	if err == nil {
		defer func() { _ = blob.Close() }() // was only read
		var size int64
		var sum hub.Digest
		if size, sum, err = w.read(ctx, blob); err == nil {
			if sum != digest {
				return size, hub.ContentDamaged, nil
			}
			return size, "", nil
		}
	}
	switch {
	case ctx.Err() != nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || hub.KindOf(err) == hub.KindUnavailable:
		return 0, "", err
	case hub.KindOf(err) != hub.KindNotFound:
		return 0, hub.ContentDamaged, nil
	}
	gone, err := w.Store.Unreferenced(ctx, []hub.Digest{digest})
	if err != nil || len(gone) > 0 {
		return 0, "", err // purged in the meantime
	}
	return 0, hub.ContentMissing, nil
}

// read hashes a content at the rate that was set.
func (w *scrubber) read(ctx context.Context, blob hub.Blob) (int64, hub.Digest, error) {
	sum, size := sha256.New(), int64(0)
	for {
		n, err := io.CopyN(sum, blob, scrubChunk)
		size += n
		end := errors.Is(err, io.EOF)
		if err != nil && !end {
			return size, hub.Digest{}, err
		}
		if rest := w.pace.after(n, w.ScrubRate, w.Now()); rest > 0 {
			if err := w.Wait(ctx, rest); err != nil {
				return size, hub.Digest{}, err
			}
			w.pace.last = w.Now()
		}
		if end {
			return size, hub.Digest(sum.Sum(nil)), nil
		}
	}
}

// pace bounds a rate.
type pace struct {
	last time.Time
	owed time.Duration
}

// after takes note of n bytes and returns how long to rest; 0 while it is not worth it.
func (p *pace) after(n, rate int64, now time.Time) time.Duration {
	p.owed += time.Duration(float64(n) / float64(rate) * float64(time.Second))
	p.owed = max(0, p.owed-max(0, now.Sub(p.last))) // slow reading earns no faster one
	p.last = now
	if p.owed < restBelow {
		return 0
	}
	rest := p.owed
	p.owed = 0
	return rest
}

// keep notes a finding, or takes one back that is none any more.
func (w *scrubber) keep(ctx context.Context, digest hub.Digest, problem hub.ContentProblem) error {
	finding, known := w.open[digest]
	name := findingPrefix + digest.String()
	if problem == "" {
		if !known {
			return nil
		}
		delete(w.open, digest)
		w.Log.InfoContext(ctx, "content is sound again", "sha256", digest.String())
		return w.Notes.SaveNotes(ctx, hub.RetentionNote{Name: name})
	}
	dispatches, err := w.Store.DispatchesWith(ctx, digest, maxDispatches)
	if err != nil {
		return err
	}
	now := w.now()
	if !known {
		finding = hub.RetentionFinding{Digest: digest, First: now}
	}
	finding.Problem, finding.Last, finding.Dispatches = problem, now, dispatches
	w.open[digest] = finding
	w.at.Run.Findings++
	w.Log.ErrorContext(ctx, "content is not as it was accepted", "sha256", digest.String(), "problem", problem, "dispatches", dispatches)
	return w.save(ctx, name, finding)
}

// finish ends a scrub: findings about what nothing names any more go, and the run is
// recorded.
func (w *scrubber) finish(ctx context.Context) error {
	w.at.Run.Ended = w.now()
	run, err := note(runPrefix+w.at.Run.ID, w.at.Run)
	if err != nil {
		return err
	}
	state, err := note(scrubNote, w.at)
	if err != nil {
		return err
	}
	notes := []hub.RetentionNote{run, state}
	for digest, finding := range w.open {
		if finding.Last.Before(w.at.Run.Began) {
			notes = append(notes, hub.RetentionNote{Name: findingPrefix + digest.String()})
		}
	}
	w.Log.InfoContext(ctx, "all content was read", "contents", w.at.Run.Checked, "bytes", w.at.Run.CheckedBytes, "findings", w.at.Run.Findings)
	return w.Notes.SaveNotes(ctx, notes...)
}

// Findings lists what is wrong with content to an operator or an auditor.
func (s *Service) Findings(ctx context.Context, actor hub.Actor, page hub.Page) (hub.List[hub.RetentionFinding], error) {
	if err := actor.Oversees(); err != nil {
		return hub.List[hub.RetentionFinding]{}, err
	}
	return list[hub.RetentionFinding](ctx, s, hub.NotesQuery{Prefix: findingPrefix}, page)
}
