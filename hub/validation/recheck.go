package validation

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"log/slog"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Dispatches shows what was recorded at acceptance; KindNotFound when there is none.
type Dispatches interface {
	DispatchItem(ctx context.Context, dispatch hub.DispatchID) (hub.SentItem, error)
	SignatureReports(ctx context.Context, dispatch hub.DispatchID) ([]hub.SignatureReport, error)
}

// Blobs opens content.
type Blobs interface {
	OpenBlob(ctx context.Context, digest hub.Digest) (hub.Blob, error)
}

// Judge gives verdicts.
type Judge interface {
	// Trust names the roots, lists and responses at hand. It changes when one of them
	// does, and is the same wherever they are the same.
	Trust() string
	// JudgeAgain judges a part that is proven to have existed at the instant known, with
	// the material of an earlier verdict besides what is at hand. What the new verdict
	// is made from MUST be kept before it returns. An error means that there is none.
	JudgeAgain(ctx context.Context, part hub.Part, content hub.Blob, known time.Time, kept []hub.Material) (hub.SignatureReport, error)
}

// Chronicle puts facts into the log.
type Chronicle interface {
	Note(ctx context.Context, kind hub.LogNoteKind, fact any) error
}

// RecheckOptions are what a Rechecker works with. All but Settle are required.
type RecheckOptions struct {
	Archive    *Service
	Notes      Notes
	Dispatches Dispatches
	Blobs      Blobs
	Judge      Judge
	Chronicle  Chronicle
	Now        func() time.Time
	Log        *slog.Logger
	// Settle is how long after a change a round begins. By then every node knows of the
	// change, and what was judged without is recorded.
	Settle time.Duration
}

// Rechecker judges what could not be decided again when there are other roots, lists or
// responses. One node at a time should run it; if two do, they record the same.
type Rechecker struct{ RecheckOptions }

// NewRechecker returns a Rechecker.
func NewRechecker(o RecheckOptions) *Rechecker { return &Rechecker{o} }

const (
	undecidedPrefix = "undecided/" // dispatches with a verdict that may change; the id follows
	recheckPrefix   = "recheck/"   // what later looks at a dispatch gave; the id follows
	positionNote    = "rechecking" // how far the round has come

	batchSize   = 20 // dispatches between two records of the position
	maxBatches  = 10 // of one call
	orphanAfter = time.Hour
)

// position is how far a round has come. Ids sort by time, so what is accepted meanwhile
// lies ahead.
type position struct {
	Trust string    `json:"trust"` // at the beginning of the round
	Seen  time.Time `json:"seen"`  // when the change was noticed
	After string    `json:"after"` // name of the last note that was worked on
	Done  bool      `json:"done"`
}

// undecided is the note of a dispatch with a verdict that may change.
type undecided struct {
	At time.Time `json:"at"`
}

// Watch remembers a dispatch with a verdict that may change. It is called before the
// dispatch is recorded, so that none is forgotten; one that never comes is forgotten by
// the Rechecker.
func (s *Service) Watch(ctx context.Context, id hub.DispatchID, at time.Time) error {
	n, err := encode(undecidedPrefix+string(id), undecided{at})
	if err != nil {
		return err
	}
	return s.notes.SaveNotes(ctx, n)
}

// Verdicts returns the verdicts on a dispatch that were recorded at acceptance, and the
// later looks that gave another one, oldest first, to those who may see the dispatch.
func (s *Service) Verdicts(ctx context.Context, actor hub.Actor, id hub.DispatchID) ([]hub.SignatureReport, []hub.Recheck, error) {
	reports, err := s.reports.SignatureReports(ctx, actor, id)
	if err != nil {
		return nil, nil, err
	}
	later, err := load[[]hub.Recheck](ctx, s.notes, recheckPrefix+string(id))
	return reports, later, err
}

// Run goes on with the round under way, or begins one when what is trusted differs from
// what it was at the last one. It does a bounded part of the work and returns.
func (r *Rechecker) Run(ctx context.Context) error {
	at, err := load[position](ctx, r.Notes, positionNote)
	if err != nil {
		return err
	}
	if at.Done || at.Seen.IsZero() {
		trust := r.Judge.Trust()
		if at.Trust == trust {
			return nil
		}
		at = position{Trust: trust, Seen: r.now()}
		if err := r.save(ctx, at, nil); err != nil {
			return err
		}
	}
	if r.now().Before(at.Seen.Add(r.Settle)) {
		return nil
	}
	for n := 0; n < maxBatches && !at.Done && err == nil; n++ {
		at, err = r.batch(ctx, at)
	}
	return err
}

// batch works on the next dispatches and records what came of it in one transaction with
// the position: after a crash they are judged again, with the same result.
func (r *Rechecker) batch(ctx context.Context, at position) (position, error) {
	found, err := r.Notes.Notes(ctx, hub.NotesQuery{Prefix: undecidedPrefix, After: at.After, Limit: batchSize})
	if err != nil {
		return at, err
	}
	var changes []hub.RetentionNote
	for i := range found {
		changed, err := r.dispatch(ctx, &found[i])
		if err != nil {
			return at, err
		}
		changes = append(changes, changed...)
		at.After = found[i].Name
	}
	at.Done = len(found) < batchSize
	return at, r.save(ctx, at, changes)
}

func (r *Rechecker) save(ctx context.Context, at position, changes []hub.RetentionNote) error {
	n, err := encode(positionNote, at)
	if err != nil {
		return err
	}
	return r.Notes.SaveNotes(ctx, append(changes, n)...)
}

// dispatch judges the undecided parts of one dispatch again and returns the notes that
// say what came of it.
func (r *Rechecker) dispatch(ctx context.Context, n *hub.RetentionNote) ([]hub.RetentionNote, error) {
	id := hub.DispatchID(n.Name[len(undecidedPrefix):])
	forget := hub.RetentionNote{Name: n.Name}
	item, err := r.Dispatches.DispatchItem(ctx, id)
	if err != nil {
		return r.orphan(n, err)
	}
	history, err := load[[]hub.Recheck](ctx, r.Notes, recheckPrefix+string(id))
	if err != nil {
		return nil, err
	}
	looked := look{Rechecker: r, dispatch: &item.Dispatch, history: history}
	if item.Dispatch.Purged != nil {
		looked.history = append(looked.history, hub.Recheck{At: r.now(), Skipped: hub.SkipPurged})
	} else if err := looked.all(ctx); err != nil {
		return nil, err
	}
	var changes []hub.RetentionNote
	if len(looked.history) > len(history) {
		kept, err := encode(recheckPrefix+string(id), looked.history)
		if err != nil {
			return nil, err
		}
		changes = append(changes, kept)
	}
	if !looked.open {
		changes = append(changes, forget)
	}
	return changes, nil
}

// orphan forgets a dispatch that was not accepted after all, once it can't be any more.
func (r *Rechecker) orphan(n *hub.RetentionNote, err error) ([]hub.RetentionNote, error) {
	if hub.KindOf(err) != hub.KindNotFound {
		return nil, err
	}
	var u undecided
	if err := json.Unmarshal(n.Body, &u); err != nil {
		return nil, hub.Internal("decode the note "+n.Name, err)
	}
	if r.now().Sub(u.At) < orphanAfter {
		return nil, nil
	}
	return []hub.RetentionNote{{Name: n.Name}}, nil
}

// look is one look at the parts of a dispatch.
type look struct {
	*Rechecker
	dispatch *hub.Dispatch
	history  []hub.Recheck
	open     bool // a verdict may still change
}

func (l *look) all(ctx context.Context) error {
	reports, err := l.Dispatches.SignatureReports(ctx, l.dispatch.ID)
	if err != nil {
		return err
	}
	for i := range reports {
		stands := l.standing(&reports[i])
		if !stands.MayChange() {
			continue
		}
		now, err := l.part(ctx, stands)
		switch {
		case err != nil && (ctx.Err() != nil || hub.KindOf(err) == hub.KindUnavailable):
			return err
		case err != nil: // what the scrub reports must not keep others from their verdict
			l.Log.WarnContext(ctx, "a signature could not be judged again", "dispatch", l.dispatch.ID, "part", stands.Part, "error", err)
			l.open = true
			continue
		}
		if !now.SameVerdict(stands) {
			if err := l.add(ctx, stands, &now); err != nil {
				return err
			}
		}
		l.open = l.open || now.MayChange()
	}
	return nil
}

// standing is the verdict on a part that stands now: the newest.
func (l *look) standing(recorded *hub.SignatureReport) *hub.SignatureReport {
	stands := recorded
	for i := range l.history {
		if h := &l.history[i]; h.Report != nil && h.Part == recorded.Part {
			stands = h.Report
		}
	}
	return stands
}

// part judges one part, whose content was accepted at a time that the receipt and the
// log prove.
func (l *look) part(ctx context.Context, stands *hub.SignatureReport) (hub.SignatureReport, error) {
	part := l.dispatch.PartByID(stands.Part)
	if part == nil {
		return hub.SignatureReport{}, hub.Internal("a report is about the part "+stands.Part+", which is not there", nil)
	}
	var kept []hub.Material
	for _, ref := range stands.Material {
		piece, err := l.Archive.piece(ctx, ref)
		if err != nil {
			return hub.SignatureReport{}, err
		}
		kept = append(kept, piece)
	}
	content, err := l.Blobs.OpenBlob(ctx, part.Digest)
	if err != nil {
		return hub.SignatureReport{}, err
	}
	defer func() { _ = content.Close() }() // was only read
	return l.Judge.JudgeAgain(ctx, *part, content, l.dispatch.AcceptedAt, kept)
}

// judgedAgain is the body of a note in the log.
type judgedAgain struct {
	Dispatch   hub.DispatchID `json:"dispatch"`
	Part       string         `json:"part"`
	SHA256     hub.Digest     `json:"sha256"`
	Was        hub.Indication `json:"was"`
	Indication hub.Indication `json:"indication"`
	Sub        hub.SubReason  `json:"sub_indication,omitempty"`
	Report     hub.Digest     `json:"report_sha256"`
}

// add puts another verdict into the log and then into the history: a verdict without its
// entry in the log can't be, an entry whose verdict was lost in a crash can.
func (l *look) add(ctx context.Context, was, now *hub.SignatureReport) error {
	text, err := json.Marshal(now)
	if err != nil {
		return hub.Internal("encode a report", err)
	}
	again := hub.Recheck{At: l.now(), Part: now.Part, Report: now, SHA256: sha256.Sum256(text)}
	err = l.Chronicle.Note(ctx, hub.LogNoteVerdict, judgedAgain{
		Dispatch: l.dispatch.ID, Part: now.Part, SHA256: now.SHA256, Was: was.Indication,
		Indication: now.Indication, Sub: now.Sub, Report: again.SHA256,
	})
	if err != nil {
		return err
	}
	l.Log.InfoContext(ctx, "a signature was judged again", "dispatch", l.dispatch.ID, "part", now.Part, "was", was.Indication, "is", now.Indication)
	l.history = append(l.history, again)
	return nil
}

func (r *Rechecker) now() time.Time { return r.Now().UTC().Truncate(time.Millisecond) }

func encode(name string, v any) (hub.RetentionNote, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return hub.RetentionNote{}, hub.Internal("encode the note "+name, err)
	}
	return hub.RetentionNote{Name: name, Body: body}, nil
}

// load reads a note; the zero value when there is none.
func load[T any](ctx context.Context, notes Notes, name string) (T, error) {
	var v T
	n, err := notes.Note(ctx, name)
	switch {
	case err != nil && hub.KindOf(err) == hub.KindNotFound:
		return v, nil
	case err != nil:
		return v, err
	}
	if err := json.Unmarshal(n.Body, &v); err != nil {
		return v, hub.Internal("decode the note "+name, err)
	}
	return v, nil
}
