package app

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/lienthong/lienthong/adapters/httpapi"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/engine"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
	"github.com/lienthong/lienthong/hub/routing"
)

// What operators do goes into the log before it is done: an act without its note cannot
// be, a note of an act that then failed can. Who may not do it leaves no note.

// operatorAct is the body of a note.
type operatorAct struct {
	Action string `json:"action"`
	Actor  string `json:"actor,omitempty"`
	About  string `json:"about,omitempty"`
	// What is what the act puts into force, so that nobody can say later that it was
	// something else.
	What any `json:"what,omitempty"`
}

// chronicle notes what operators do.
type chronicle struct{ notes *audit.Notes }

func (c chronicle) note(ctx context.Context, actor hub.Actor, action, about string, what any) error {
	if !actor.Has(hub.ScopeOperate) && !actor.Has(hub.ScopeAccounts) {
		return nil // it will be refused
	}
	return c.notes.Note(ctx, hub.LogNoteOperator, operatorAct{Action: action, Actor: actor.Name, About: about, What: what})
}

// notedKeys notes who gets and loses a key.
type notedKeys struct {
	httpapi.KeyKeeper
	chronicle
}

// Issue implements httpapi.KeyKeeper.
func (k notedKeys) Issue(ctx context.Context, actor hub.Actor, key hub.APIKey) (hub.APIKey, string, error) {
	if err := k.note(ctx, actor, "key.issue", strings.TrimSpace(key.System+key.Client+" "+key.Name), key); err != nil {
		return hub.APIKey{}, "", err
	}
	return k.KeyKeeper.Issue(ctx, actor, key)
}

// keyEnd is when a key ends; the zero time for at once.
type keyEnd struct {
	At time.Time `json:"at,omitzero"`
}

// Revoke implements httpapi.KeyKeeper.
func (k notedKeys) Revoke(ctx context.Context, actor hub.Actor, id string, at time.Time) error {
	if err := k.note(ctx, actor, "key.revoke", id, keyEnd{at}); err != nil {
		return err
	}
	return k.KeyKeeper.Revoke(ctx, actor, id, at)
}

// notedRegistry notes changes of the directory.
type notedRegistry struct {
	httpapi.Registry
	chronicle
}

// Import implements httpapi.Registry.
func (r notedRegistry) Import(ctx context.Context, actor hub.Actor, list io.Reader, options hub.ImportOptions) (hub.ImportReport, error) {
	if options.DryRun {
		return r.Registry.Import(ctx, actor, list, options)
	}
	whole, err := io.ReadAll(list) // the edge bounds it
	if err != nil {
		return hub.ImportReport{}, err
	}
	if err := r.note(ctx, actor, "directory.import", options.Basis, hub.Digest(sha256.Sum256(whole))); err != nil {
		return hub.ImportReport{}, err
	}
	return r.Registry.Import(ctx, actor, bytes.NewReader(whole), options)
}

// Reorganise implements httpapi.Registry.
func (r notedRegistry) Reorganise(ctx context.Context, actor hub.Actor, change hub.AgencyChange, dryRun bool) (hub.ImportReport, error) {
	if dryRun {
		return r.Registry.Reorganise(ctx, actor, change, dryRun)
	}
	text, err := json.Marshal(change)
	if err != nil {
		return hub.ImportReport{}, err
	}
	what := any(change)
	if len(text) > 4096 { // a leaf of the log is small
		what = hub.Digest(sha256.Sum256(text))
	}
	if err := r.note(ctx, actor, "directory.reorganise", string(change.Kind)+" "+change.Day, what); err != nil {
		return hub.ImportReport{}, err
	}
	return r.Registry.Reorganise(ctx, actor, change, dryRun)
}

// notedRetention notes what decides how long content stays.
type notedRetention struct {
	httpapi.Retention
	chronicle
}

// SetClasses implements httpapi.Retention.
func (r notedRetention) SetClasses(ctx context.Context, actor hub.Actor, set hub.RetentionClasses) (hub.RetentionClasses, error) {
	if err := r.note(ctx, actor, "retention.classes", "", set.Classes); err != nil {
		return hub.RetentionClasses{}, err
	}
	return r.Retention.SetClasses(ctx, actor, set)
}

// PlaceHold implements httpapi.Retention.
func (r notedRetention) PlaceHold(ctx context.Context, actor hub.Actor, hold hub.LegalHold) (hub.LegalHold, error) {
	if err := r.note(ctx, actor, "retention.hold", string(hold.Dispatch)+string(hold.Agency)+hold.Number, hold); err != nil {
		return hold, err
	}
	return r.Retention.PlaceHold(ctx, actor, hold)
}

// ReleaseHold implements httpapi.Retention.
func (r notedRetention) ReleaseHold(ctx context.Context, actor hub.Actor, id, reason string) (hub.LegalHold, error) {
	if err := r.note(ctx, actor, "retention.release", id, reason); err != nil {
		return hub.LegalHold{}, err
	}
	return r.Retention.ReleaseHold(ctx, actor, id, reason)
}

// AskPurge implements httpapi.Retention.
func (r notedRetention) AskPurge(ctx context.Context, actor hub.Actor) (string, error) {
	if err := r.note(ctx, actor, "retention.purge", "", nil); err != nil {
		return "", err
	}
	return r.Retention.AskPurge(ctx, actor)
}

// notedRules notes which signatures are asked for, and whose certificates they are.
type notedRules struct {
	httpapi.SignatureRules
	chronicle
}

// SetRules implements httpapi.SignatureRules.
func (r notedRules) SetRules(ctx context.Context, actor hub.Actor, set hub.SignatureRules) (hub.SignatureRules, error) {
	if err := r.note(ctx, actor, "signatures.rules", "", set.Rules); err != nil {
		return hub.SignatureRules{}, err
	}
	return r.SignatureRules.SetRules(ctx, actor, set)
}

// Bind implements httpapi.SignatureRules.
func (r notedRules) Bind(ctx context.Context, actor hub.Actor, b hub.CertificateBinding) (hub.CertificateBinding, error) {
	if err := r.note(ctx, actor, "signatures.bind", string(b.Agency), b); err != nil {
		return hub.CertificateBinding{}, err
	}
	return r.SignatureRules.Bind(ctx, actor, b)
}

// Unbind implements httpapi.SignatureRules.
func (r notedRules) Unbind(ctx context.Context, actor hub.Actor, agency hub.AgencyID, id string) (hub.CertificateBinding, error) {
	if err := r.note(ctx, actor, "signatures.unbind", id, nil); err != nil {
		return hub.CertificateBinding{}, err
	}
	return r.SignatureRules.Unbind(ctx, actor, agency, id)
}

// notedCalendar notes which days are worked from now on.
type notedCalendar struct {
	httpapi.WorkingDays
	chronicle
}

// calendarFact says what was put into force: the days by the digest of their JSON.
type calendarFact struct {
	Source hub.Digest `json:"source_sha256"`
	Days   int        `json:"days"`
	SHA256 hub.Digest `json:"days_sha256"`
}

// Import implements httpapi.WorkingDays.
func (c notedCalendar) Import(ctx context.Context, actor hub.Actor, source string, days []hub.CalendarDay, dryRun bool) (hub.CalendarImport, error) {
	if dryRun {
		return c.WorkingDays.Import(ctx, actor, source, days, dryRun)
	}
	text, err := json.Marshal(days)
	if err != nil {
		return hub.CalendarImport{}, err
	}
	fact := calendarFact{Source: sha256.Sum256([]byte(source)), Days: len(days), SHA256: sha256.Sum256(text)}
	if err := c.note(ctx, actor, "calendar.import", "", fact); err != nil {
		return hub.CalendarImport{}, err
	}
	return c.WorkingDays.Import(ctx, actor, source, days, dryRun)
}

// catalogueChronicle words what decisions do to the catalogue of procedures. Its note is
// recorded in one transaction with the act, so that an audit can tell an act that is gone
// from one that never was.
type catalogueChronicle struct {
	newID func() string
	now   func() time.Time
}

// ProceduresChanged implements procedures.Chronicle.
func (c catalogueChronicle) ProceduresChanged(actor hub.Actor, fact hub.CatalogueFact) (hub.LogNote, error) {
	return audit.NewNote(hub.LogNoteOperator, operatorAct{
		Action: hub.ActProceduresChange, Actor: actor.Name, About: string(fact.Decision.Dispatch), What: fact,
	}, c.newID(), c.now())
}

// yearChronicle notes which registers are closed, with the digests of what stands in them.
type yearChronicle struct{ chronicle }

// YearClosed implements tracking.Chronicle.
func (c yearChronicle) YearClosed(ctx context.Context, actor hub.Actor, y hub.RegisterYear) error {
	return c.note(ctx, actor, hub.ActRegisterClose, string(y.Agency)+" "+strconv.Itoa(y.Year), y)
}

// notedLaw notes how much time the law gives from now on.
type notedLaw struct {
	httpapi.Law
	chronicle
}

// termsFact says what was put into force: the rules by the digest of their JSON.
type termsFact struct {
	Source hub.Digest `json:"source_sha256"`
	Terms  int        `json:"terms"`
	SHA256 hub.Digest `json:"terms_sha256"`
}

// Import implements httpapi.Law.
func (l notedLaw) Import(ctx context.Context, actor hub.Actor, source string, terms []hub.LegalTerm, dryRun bool) (hub.LegalTermImport, error) {
	if dryRun {
		return l.Law.Import(ctx, actor, source, terms, dryRun)
	}
	text, err := json.Marshal(terms)
	if err != nil {
		return hub.LegalTermImport{}, hub.Internal("encode the terms of the law", err)
	}
	fact := termsFact{Source: sha256.Sum256([]byte(source)), Terms: len(terms), SHA256: sha256.Sum256(text)}
	if err := l.note(ctx, actor, "law.import", "", fact); err != nil {
		return hub.LegalTermImport{}, err
	}
	return l.Law.Import(ctx, actor, source, terms, dryRun)
}

// notedRouting notes which rules agencies put into force.
type notedRouting struct {
	*routing.Service
	chronicle
}

// SetRules implements httpapi.RoutingRules and web.RoutingRules.
func (r notedRouting) SetRules(ctx context.Context, actor hub.Actor, set hub.RoutingRules) (hub.RoutingRules, error) {
	if actor.SpeaksFor(set.Agency, hub.ScopeAccounts) == nil {
		text, err := json.Marshal(set.Rules)
		if err != nil {
			return set, hub.Internal("encode rules", err)
		}
		if err := r.note(ctx, actor, "routing.rules", string(set.Agency), hub.Digest(sha256.Sum256(text))); err != nil {
			return hub.RoutingRules{}, err
		}
	}
	return r.Service.SetRules(ctx, actor, set)
}

// notedAxis notes who reads what the axis has for agencies, and who decides about it.
type notedAxis struct {
	httpapi.Axis
	chronicle
}

// Open implements httpapi.HeldPackages.
func (x notedAxis) Open(ctx context.Context, actor hub.Actor, id string) (hub.Part, hub.Blob, error) {
	if err := x.note(ctx, actor, "axis.open", id, nil); err != nil {
		return hub.Part{}, nil, err
	}
	return x.Axis.Open(ctx, actor, id)
}

// Retry implements httpapi.HeldPackages.
func (x notedAxis) Retry(ctx context.Context, actor hub.Actor, id string) (hub.HeldPackage, error) {
	if err := x.note(ctx, actor, "axis.retry", id, nil); err != nil {
		return hub.HeldPackage{}, err
	}
	return x.Axis.Retry(ctx, actor, id)
}

// GiveUp implements httpapi.HeldPackages.
func (x notedAxis) GiveUp(ctx context.Context, actor hub.Actor, id, reason string) error {
	if err := x.note(ctx, actor, "axis.give_up", id, reason); err != nil {
		return err
	}
	return x.Axis.GiveUp(ctx, actor, id, reason)
}

// notedLetters notes what becomes of messages that the broker gave up.
type notedLetters struct {
	letters engine.DeadLetters
	chronicle
}

// DeadLetters implements httpapi.DeadLetters.
func (l notedLetters) DeadLetters(ctx context.Context, limit int) ([]hub.DeadLetter, error) {
	return l.letters.DeadLetters(ctx, limit)
}

// letterChoice is what an operator chose: those with the ids, or all.
type letterChoice struct {
	IDs []string `json:"ids,omitempty"`
	All bool     `json:"all,omitempty"`
}

func (l notedLetters) note(ctx context.Context, actor hub.Actor, action string, ids []string) error {
	return l.chronicle.note(ctx, actor, action, "", letterChoice{IDs: ids, All: len(ids) == 0})
}

// Replay implements httpapi.DeadLetters.
func (l notedLetters) Replay(ctx context.Context, actor hub.Actor, ids ...string) (int, error) {
	if err := l.note(ctx, actor, "queue.replay", ids); err != nil {
		return 0, err
	}
	return l.letters.Replay(ctx, ids...)
}

// Discard implements httpapi.DeadLetters.
func (l notedLetters) Discard(ctx context.Context, actor hub.Actor, ids ...string) (int, error) {
	if err := l.note(ctx, actor, "queue.discard", ids); err != nil {
		return 0, err
	}
	return l.letters.Discard(ctx, ids...)
}

// notedStuck notes what operators do about deliveries that do not come on.
type notedStuck struct {
	deliveries httpapi.Stuck
	chronicle
}

// Stuck implements httpapi.Stuck and web.Stuck.
func (n notedStuck) Stuck(ctx context.Context, actor hub.Actor) (hub.Stuck, error) {
	return n.deliveries.Stuck(ctx, actor)
}

// TryAgain implements httpapi.Stuck and web.Stuck.
func (n notedStuck) TryAgain(ctx context.Context, actor hub.Actor, ids ...hub.DeliveryID) (hub.StuckOutcome, error) {
	if err := n.note(ctx, actor, "delivery.retry", "", deliveryChoice{IDs: ids, All: len(ids) == 0}); err != nil {
		return hub.StuckOutcome{}, err
	}
	return n.deliveries.TryAgain(ctx, actor, ids...)
}

// deliveryChoice is what an operator chose: those with the ids, or all that wait.
type deliveryChoice struct {
	IDs    []hub.DeliveryID `json:"ids,omitempty"`
	All    bool             `json:"all,omitempty"`
	Reason string           `json:"reason,omitempty"`
}

// GiveUp implements httpapi.Stuck and web.Stuck.
func (n notedStuck) GiveUp(ctx context.Context, actor hub.Actor, reason string, ids ...hub.DeliveryID) (hub.StuckOutcome, error) {
	if err := n.note(ctx, actor, "delivery.give_up", "", deliveryChoice{IDs: ids, Reason: reason}); err != nil {
		return hub.StuckOutcome{}, err
	}
	return n.deliveries.GiveUp(ctx, actor, reason, ids...)
}

// notedFigures notes that everything is counted anew.
type notedFigures struct {
	httpapi.Figures
	chronicle
}

// Rebuild implements httpapi.Figures.
func (n notedFigures) Rebuild(ctx context.Context, actor hub.Actor) error {
	if err := n.note(ctx, actor, "figures.rebuild", "", nil); err != nil {
		return err
	}
	return n.Figures.Rebuild(ctx, actor)
}
