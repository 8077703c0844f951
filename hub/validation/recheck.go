package validation

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Dispatches shows what was recorded at acceptance; KindNotFound when there is none.
type Dispatches interface {
	DispatchItem(ctx context.Context, dispatch hub.DispatchID) (hub.SentItem, error)
	SignatureReports(ctx context.Context, dispatch hub.DispatchID) ([]hub.SignatureReport, error)
	// Evidences lists evidence in the order of recording; that of a dispatch begins
	// with its acceptance.
	Evidences(ctx context.Context, query hub.EvidenceQuery) (hub.List[hub.SealedEvidence], error)
}

// Rounds records steps of judging again.
type Rounds interface {
	// RecordVerdicts records evidence, notes and the new position in one transaction,
	// provided that the position is as it was read: else it is KindConflict and
	// nothing changes. It MUST NOT return before it is durable.
	RecordVerdicts(ctx context.Context, round hub.VerdictRound) error
}

// Boxes shows the verdicts on what came to an agency.
type Boxes interface {
	// DeliveryVerdicts answers for those of the deliveries that are the recipient's, in
	// any order. What later looks gave is in the note of the name later + dispatch id.
	DeliveryVerdicts(ctx context.Context, recipient hub.AgencyID, deliveries []hub.DeliveryID, later string) ([]hub.DeliveryVerdicts, error)
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

// Notary completes and seals evidences.
type Notary interface {
	Seal(ctx context.Context, evidence ...hub.Evidence) ([]hub.SealedEvidence, error)
}

// RecheckOptions are what a Rechecker works with. All but Settle are required.
type RecheckOptions struct {
	Archive    *Service
	Notes      Notes
	Dispatches Dispatches
	Blobs      Blobs
	Judge      Judge
	Rounds     Rounds
	Notary     Notary
	Digest     func(*hub.SignatureReport) (hub.Digest, error) // of the RFC 8785 form
	Now        func() time.Time
	Log        *slog.Logger
	// Settle is how long after a change a round begins. By then every node knows of the
	// change, and what was judged without is recorded.
	Settle time.Duration
}

// Rechecker judges what could not be decided again when there are other roots, lists or
// responses. A verdict that differs is an evidence, SignatureValidation, for the sender
// and all recipients. One node at a time should run it; if two do, one of them finds at
// the end of its batch that the other was faster, and records nothing.
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

// VerdictsNow returns for each of the deliveries to an agency the last verdict on every
// part of its document. What was taken back has none.
func (s *Service) VerdictsNow(ctx context.Context, actor hub.Actor, agency hub.AgencyID, deliveries []hub.DeliveryID) (map[hub.DeliveryID][]hub.SignatureReport, error) {
	if err := actor.Receives(agency); err != nil {
		return nil, err
	}
	found, err := s.boxes.DeliveryVerdicts(ctx, agency, deliveries, recheckPrefix)
	if err != nil {
		return nil, err
	}
	verdicts := make(map[hub.DeliveryID][]hub.SignatureReport, len(found))
	for _, f := range found {
		if f.Delivery.TakenBack() {
			continue
		}
		var later []hub.Recheck
		if len(f.Later) > 0 {
			if err := json.Unmarshal(f.Later, &later); err != nil {
				return nil, hub.Internal("decode the later verdicts on "+string(f.Delivery.Dispatch), err)
			}
		}
		verdicts[f.Delivery.ID] = hub.NewestReports(f.Reports, later)
	}
	return verdicts, nil
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
		n, err := encode(positionNote, at)
		if err != nil {
			return err
		}
		if err := r.Notes.SaveNotes(ctx, n); err != nil {
			return err
		}
	}
	if r.now().Before(at.Seen.Add(r.Settle)) {
		return nil
	}
	for n := 0; n < maxBatches && !at.Done && err == nil; n++ {
		at, err = r.batch(ctx)
	}
	return err
}

// batch works on the next dispatches and records what came of it in one transaction with
// the position: after a crash they are judged again, with the same result.
func (r *Rechecker) batch(ctx context.Context) (position, error) {
	was, err := r.Notes.Note(ctx, positionNote)
	if err != nil {
		return position{}, err
	}
	at, err := decodePosition(&was)
	if err != nil || at.Done {
		return at, err
	}
	round := hub.VerdictRound{Was: was}
	found, err := r.Notes.Notes(ctx, hub.NotesQuery{Prefix: undecidedPrefix, After: at.After, Limit: batchSize})
	if err != nil {
		return at, err
	}
	for i := range found {
		if err := r.dispatch(ctx, &found[i], &round); err != nil {
			return at, err
		}
		at.After = found[i].Name
	}
	at.Done = len(found) < batchSize
	if round.Position, err = encode(positionNote, at); err != nil {
		return at, err
	}
	return at, r.Rounds.RecordVerdicts(ctx, round)
}

func decodePosition(n *hub.RetentionNote) (position, error) {
	var at position
	if err := json.Unmarshal(n.Body, &at); err != nil {
		return at, hub.Internal("decode the note "+n.Name, err)
	}
	return at, nil
}

// dispatch judges the undecided parts of one dispatch again and adds to the round what
// came of it.
func (r *Rechecker) dispatch(ctx context.Context, n *hub.RetentionNote, round *hub.VerdictRound) error {
	id := hub.DispatchID(n.Name[len(undecidedPrefix):])
	item, err := r.Dispatches.DispatchItem(ctx, id)
	if err != nil {
		orphans, err := r.orphan(n, err)
		round.Notes = append(round.Notes, orphans...)
		return err
	}
	history, err := load[[]hub.Recheck](ctx, r.Notes, recheckPrefix+string(id))
	if err != nil {
		return err
	}
	looked := look{Rechecker: r, dispatch: &item.Dispatch, history: history}
	if item.Dispatch.Purged != nil {
		looked.history = append(looked.history, hub.Recheck{At: r.now(), Skipped: hub.SkipPurged})
	} else if err := looked.all(ctx); err != nil {
		return err
	}
	if len(looked.history) > len(history) {
		if err := looked.prove(ctx, looked.history[len(history):], round); err != nil {
			return err
		}
		kept, err := encode(recheckPrefix+string(id), looked.history)
		if err != nil {
			return err
		}
		round.Notes = append(round.Notes, kept)
	}
	if !looked.open {
		round.Notes = append(round.Notes, hub.RetentionNote{Name: n.Name})
	}
	return nil
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

// add puts another verdict into the history.
func (l *look) add(ctx context.Context, was, now *hub.SignatureReport) error {
	digest, err := l.Digest(now)
	if err != nil {
		return hub.Internal("digest a report", err)
	}
	at := l.now()
	if accepted := l.dispatch.AcceptedAt; at.Before(accepted) { // the clock was set back
		at = accepted
	}
	l.Log.InfoContext(ctx, "a signature was judged again", "dispatch", l.dispatch.ID, "part", now.Part, "was", was.Indication, "is", now.Indication)
	l.history = append(l.history, hub.Recheck{At: at, Part: now.Part, Report: now, SHA256: digest})
	return nil
}

// prove seals what is new in the history as one evidence for all parties of the
// dispatch, and says in the history which.
func (l *look) prove(ctx context.Context, fresh []hub.Recheck, round *hub.VerdictRound) error {
	var verdicts []hub.Validation
	var parts []hub.Part
	for i := range fresh {
		if fresh[i].Report == nil {
			continue
		}
		verdicts = append(verdicts, fresh[i].Report.Validations(fresh[i].SHA256)...)
		parts = append(parts, *l.dispatch.PartByID(fresh[i].Part))
	}
	if len(verdicts) == 0 {
		return nil
	}
	first, err := l.Dispatches.Evidences(ctx, hub.EvidenceQuery{Dispatch: l.dispatch.ID, Page: hub.Page{Limit: 1}})
	if err != nil {
		return err
	}
	if len(first.Items) == 0 || first.Items[0].Evidence.Event != hub.EventSubmissionAcceptance {
		return hub.Internal(fmt.Sprintf("the evidence of dispatch %s does not begin with its acceptance", l.dispatch.ID), nil)
	}
	sealed, err := l.Notary.Seal(ctx, evidence(l.dispatch, &first.Items[0], verdicts, parts, fresh[0].At))
	if err != nil {
		return err
	}
	for i := range fresh {
		if fresh[i].Report != nil {
			fresh[i].Evidence = sealed[0].Evidence.ID
		}
	}
	round.Evidence = append(round.Evidence, sealed...)
	return nil
}

// evidence drafts a SignatureValidation. It hangs on the acceptance and names all
// parties, as that does: a verdict is about a document and no single delivery.
func evidence(d *hub.Dispatch, acceptance *hub.SealedEvidence, verdicts []hub.Validation, parts []hub.Part, at time.Time) hub.Evidence {
	return hub.Evidence{
		Event: hub.EventSignatureValidation,
		Time:  at,
		Sender: &hub.Party{
			ID: d.Sender, Code: d.SenderCode, Scheme: string(d.SenderCode.Form()), Name: d.SenderName,
		},
		Recipients: acceptance.Evidence.Recipients,
		Dispatch:   d.ID,
		ExternalID: d.ExternalID,
		Operation:  d.Operation,
		Content:    hub.PartFacts(parts),
		Prev:       new(acceptance.Ref()),
		Validation: verdicts,
		TraceID:    d.TraceID,
	}
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
