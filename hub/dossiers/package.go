package dossiers

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Packages reads what the packages of one-stop systems say.
type Packages interface {
	// Read reads the part that says what happened to a dossier. Errors of the text are
	// hub.Violations; its events and files are bounded.
	Read(r io.Reader) (hub.DossierPackage, error)
	// Element and PaperElement are the names that fields have in a package: of the dossier,
	// of an event where that is not negative, and of a file.
	Element(event int, field string) string
	PaperElement(paper int, field string) string
}

// Dispatches are what packages became.
type Dispatches interface {
	// DispatchItem answers KindNotFound when there is none.
	DispatchItem(ctx context.Context, dispatch hub.DispatchID) (hub.SentItem, error)
	// SignatureReports are the verdicts that were made at the acceptance.
	SignatureReports(ctx context.Context, dispatch hub.DispatchID) ([]hub.SignatureReport, error)
}

const (
	takingPrefix = "dossier-package/" // packages that are not in their dossier; the dispatch follows
	takingPage   = 100
	orphanAfter  = time.Hour // from then on a dispatch that is not there will not come
	noEvent      = -1        // the dossier itself, in Packages.Element
)

// isPackage reports whether a document is a package about a dossier. What takes one back is
// about the document alone: what happened, happened.
func (s *Service) isPackage(d *hub.Document, op hub.Operation) bool {
	return op != hub.OperationRecall && slices.Contains(s.Applications, d.Application)
}

// CheckPackage says what is wrong with what a submission says of a dossier, before anything
// of it is accepted; nil of one that is no package of a one-stop system. Errors are
// hub.Violations by the names of the package, or failures of the hub.
func (s *Service) CheckPackage(ctx context.Context, actor hub.Actor, sender hub.AgencyID, sub *hub.Submission, recipients []hub.AgencyID) error {
	if !s.isPackage(&sub.Document, sub.Operation) {
		return nil
	}
	if sub.Operation != hub.OperationNew {
		return hub.Invalid("operation", "package", "events of a dossier are only added: a package neither updates nor replaces another one")
	}
	p, papers, err := s.readPackage(ctx, sub.Parts)
	if err != nil {
		return err
	}
	r := &rehearsal{Service: s, actor: onBehalf(&actor, sender), sender: sender}
	f, err := r.dossier(ctx, &p)
	if err != nil {
		return err
	}
	if f == nil {
		return r.found.AsError()
	}
	for i := range p.Events {
		if err := r.event(ctx, f, i, &p.Events[i]); err != nil {
			return err
		}
	}
	r.papers(f, papers)
	for i, id := range recipients {
		if !slices.Contains(f.Parties, id) {
			r.found = append(r.found, hub.Invalid(fmt.Sprintf("recipients[%d]", i), "party", "the package tells of a dossier that was not handed over to this recipient"))
		}
	}
	return r.found.AsError()
}

// onBehalf is the actor that acts on dossiers for the sender of a package.
func onBehalf(actor *hub.Actor, sender hub.AgencyID) *hub.Actor {
	as := &hub.Actor{Name: actor.Name, Kind: hub.ActorSystem, Agencies: []hub.AgencyID{sender}, TookOver: actor.TookOver, Scopes: []hub.Scope{scopeOfActs}, Auth: actor.Auth}
	if actor.Has(hub.ScopeSeal) {
		as.Scopes = append(as.Scopes, hub.ScopeSeal)
	}
	return as
}

// packaged is a file beside the content of a package.
type packaged struct {
	paper hub.DossierPaper
	key   string
	part  string // id in the package
}

// readPackage reads the parts of a package.
func (s *Service) readPackage(ctx context.Context, parts []hub.Part) (p hub.DossierPackage, files []packaged, err error) {
	content := hub.DossierPartOf(parts)
	if content == nil {
		return p, nil, hub.Invalid("parts", "required", "a package about a dossier has a part %s", hub.DossierPart)
	}
	blob, err := s.Blobs.OpenBlob(ctx, content.Digest)
	if err != nil {
		return p, nil, err
	}
	defer func() { _ = blob.Close() }() // was only read
	if p, err = s.Packages.Read(blob); err != nil {
		return p, nil, err
	}
	files, found := s.filesOf(&p, parts, content)
	return p, files, found.AsError()
}

// filesOf are the files of a package, as far as it says what they are.
func (s *Service) filesOf(p *hub.DossierPackage, parts []hub.Part, content *hub.Part) (files []packaged, found hub.Violations) {
	used := make([]int, len(p.Papers))
	for i := range parts {
		part := &parts[i]
		if part == content || part.Role == hub.RoleEnvelope {
			continue
		}
		f := packaged{part: part.ID, paper: hub.DossierPaper{Kind: hub.DossierOther, Name: part.Name, MediaType: part.MediaType, Size: part.Size, Digest: part.Digest}}
		for n := range p.Papers {
			if said := &p.Papers[n]; said.Name == part.Name {
				f.paper.Kind, f.key = said.Kind, said.Key
				used[n]++
			}
		}
		name := []rune(part.Name)
		f.key = cmp.Or(f.key, "file "+part.Digest.String()+" "+string(name[:min(len(name), maxWord/2)]))
		files = append(files, f)
	}
	for n := range used {
		if used[n] != 1 {
			found = append(found, hub.Invalid(s.Packages.PaperElement(n, "name"), "attachment", "%d files of the package have the name %.60q, and not one", used[n], p.Papers[n].Name))
		}
	}
	return files, found
}

// rehearsal does what a package says without recording it, and collects what is wrong.
type rehearsal struct {
	*Service
	actor  *hub.Actor
	sender hub.AgencyID
	found  hub.Violations
}

// note collects what is wrong with an event, or with the dossier, under the names of the
// package; a failure of the hub comes back.
func (r *rehearsal) note(event int, err error) error {
	if err == nil {
		return nil
	}
	for _, v := range hub.ViolationsOf(err) {
		kind := hub.KindInvalid
		switch v.Kind {
		case hub.KindInternal, hub.KindUnavailable, hub.KindBusy:
			return err
		case hub.KindTooLarge:
			kind = v.Kind
		}
		e := *v
		e.Kind, e.Field = kind, r.Packages.Element(event, v.Field)
		r.found = append(r.found, &e)
	}
	return nil
}

// dossier is the dossier of a package as it is, or as it would be registered; nil where
// something is wrong with that.
func (r *rehearsal) dossier(ctx context.Context, p *hub.DossierPackage) (*hub.DossierFile, error) {
	f, known, err := r.known(ctx, r.actor, p.Head.Number)
	if err != nil {
		return nil, err
	}
	if known {
		err := r.note(noEvent, agrees(&f, r.sender, &p.Head, r.Service))
		if len(r.found) > 0 {
			return nil, err
		}
		return &f, err
	}
	w := &filing{DossierWish: registering(p, r.sender)}
	if err := r.note(noEvent, r.whole(w)); err != nil || len(r.found) > 0 {
		return nil, err
	}
	d, _, err := r.begin(ctx, w)
	if err != nil {
		return nil, r.note(noEvent, err)
	}
	f = hub.DossierFile{Dossier: d}
	_, err = r.append(&f, hub.DossierEvent{Act: hub.DossierRegister, At: d.Received, Agency: d.Unit, Name: d.UnitName, Status: hub.DossierNew}, r.actor)
	return &f, err
}

// known is a dossier that the actor may see.
func (s *Service) known(ctx context.Context, actor *hub.Actor, number string) (hub.DossierFile, bool, error) {
	f, err := s.Store.FindDossier(ctx, hub.DossierKey{Number: number})
	if err != nil {
		if hub.KindOf(err) == hub.KindNotFound {
			err = nil
		}
		return f, false, err
	}
	return f, slices.ContainsFunc(f.Parties, func(id hub.AgencyID) bool { return actsFor(actor, id) }), nil
}

// registering is the wish by which a package registers a dossier that the hub does not know.
// That it was accepted is an event of its own.
func registering(p *hub.DossierPackage, sender hub.AgencyID) hub.DossierWish {
	w := p.Head
	w.Unit, w.Waits, w.Channel = sender, true, cmp.Or(w.Channel, hub.ChannelCounter)
	return w
}

// whole checks that a package says enough of a dossier to register it.
func (s *Service) whole(w *filing) error {
	if w.Procedure == "" && w.Owner.Name == "" {
		return hub.Invalid("number", "unknown_dossier", "no dossier of the sender has the number %.60s: a package that registers it says procedure, owner and receipt", w.Number)
	}
	found := s.check(w)
	if w.Received == "" {
		found = append(found, hub.Invalid("received_at", "required", "received_at is missing"))
	}
	return found.AsError()
}

// agrees holds what the unit says of its dossier again against what it said first.
func agrees(f *hub.DossierFile, sender hub.AgencyID, said *hub.DossierWish, s *Service) error {
	var found hub.Violations
	if f.Erased != nil {
		return named("number", erasedAlready())
	}
	if sender != f.Unit {
		return nil
	}
	taken := func(field, is string) {
		found = append(found, hub.Invalid(field, "taken", "the dossier was registered with another one: %.60s", is))
	}
	if said.Procedure != "" && said.Procedure != f.Procedure.Code {
		taken("procedure", f.Procedure.Code)
	}
	if said.Owner.Name != "" && (f.Owner == nil || said.Owner.Name != f.Owner.Name) {
		taken("owner.name", f.Number)
	}
	due, wrong := s.due(said.Due, f.Received)
	if found = append(found, wrong...); len(wrong) == 0 && !due.IsZero() && !f.Appointed.IsZero() && !due.Equal(f.Appointed) {
		taken("due_at", string(hub.MinuteOf(f.Appointed)))
	}
	return found.AsError()
}

// event does one event in memory.
func (r *rehearsal) event(ctx context.Context, f *hub.DossierFile, n int, said *hub.DossierPackageEvent) error {
	if said.Act == hub.DossierRegister {
		return nil
	}
	o, err := r.order(f, r.sender, said)
	if err != nil {
		return r.note(n, err)
	}
	if known, err := told(r.actor, f, &o, nil); err != nil || known {
		return r.note(n, err)
	}
	e, err := r.Service.event(ctx, r.actor, f, o, &enclosed{})
	if err == nil && len(f.Events) >= maxEvents {
		err = hub.Errorf(hub.KindTooLarge, "", "max_items", "a dossier has at most %d events", maxEvents)
	}
	if err != nil {
		return r.note(n, err)
	}
	_, err = r.append(f, e, r.actor)
	return err
}

// order is an event of a package as an agency reports it. What agencies are is resolved by
// the directory of this moment.
func (s *Service) order(f *hub.DossierFile, sender hub.AgencyID, said *hub.DossierPackageEvent) (hub.DossierOrder, error) {
	o := said.DossierOrder
	if slices.Contains(f.Parties, sender) {
		o.Agency = sender
	}
	if said.ToCode == "" {
		return o, nil
	}
	to, err := s.Directory.Resolve(said.ToCode, s.now())
	if err != nil {
		return o, named("to", err)
	}
	o.To = to.Agency.ID
	return o, nil
}

func (r *rehearsal) papers(f *hub.DossierFile, files []packaged) {
	if len(f.Events)+len(files) > maxEvents {
		r.found = append(r.found, hub.Errorf(hub.KindTooLarge, "parts", "max_items", "a dossier has at most %d events, and each file is one", maxEvents))
	}
	for i := range files {
		for _, v := range checkPaper(&files[i].paper) {
			r.found = append(r.found, hub.Invalid("parts", v.Rule, "%.60s: %s", files[i].paper.Name, v.Message))
		}
		if found := text("parts", files[i].key, maxWord, true); len(found) > 0 {
			r.found = append(r.found, found...)
		}
		o := hub.DossierOrder{Act: hub.DossierAttach, Key: files[i].key}
		if _, err := told(r.actor, f, &o, &files[i].paper); err != nil {
			r.found = append(r.found, hub.Invalid("parts", "taken", "%.60s: the dossier has another file under the same key", files[i].paper.Name))
		}
	}
}

// AwaitPackage remembers that a package is about to be accepted, so that no crash parts it
// from its dossier. It is durable when it returns; a dispatch that never comes is forgotten.
func (s *Service) AwaitPackage(ctx context.Context, actor hub.Actor, d *hub.Dispatch) error {
	if !s.isPackage(&d.Document, d.Operation) {
		return nil
	}
	p, _, err := s.readPackage(ctx, d.Parts)
	if err != nil {
		return err
	}
	return s.keepTaking(ctx, &hub.DossierTaking{
		Dispatch: d.ID, Sender: d.Sender, Number: p.Head.Number, At: d.AcceptedAt, By: actor.Name, TookOver: actor.TookOver, Seals: actor.Has(hub.ScopeSeal),
	})
}

func (s *Service) keepTaking(ctx context.Context, t *hub.DossierTaking) error {
	body, err := json.Marshal(t)
	if err != nil {
		return hub.Internal("encode a package that waits", err)
	}
	return s.Notes.SaveNotes(ctx, hub.RetentionNote{Name: takingPrefix + string(t.Dispatch), Body: body})
}

// TakePackage puts what a package says into its dossier, once it was accepted. What it has
// done before it does not do again. What fails for now is tried again by TakePackages.
func (s *Service) TakePackage(ctx context.Context, d *hub.Dispatch) {
	if !s.isPackage(&d.Document, d.Operation) {
		return
	}
	waiting, err := s.Notes.Notes(ctx, hub.NotesQuery{Prefix: takingPrefix + string(d.ID), Limit: 1})
	if err == nil && len(waiting) == 1 {
		err = s.takeNoted(ctx, &waiting[0])
	}
	if err != nil {
		s.Log.WarnContext(ctx, "a package waits to be put into its dossier", "dispatch", d.ID, "error", err)
	}
}

// TakePackages puts into their dossiers what was accepted and then interrupted, in the order
// in which it was accepted.
func (s *Service) TakePackages(ctx context.Context) error {
	return s.takings(ctx, func(n *hub.RetentionNote) {
		if err := s.takeNoted(ctx, n); err != nil {
			s.Log.WarnContext(ctx, "a package waits to be put into its dossier", "note", n.Name, "error", err)
		}
	})
}

func (s *Service) takings(ctx context.Context, each func(*hub.RetentionNote)) error {
	for after := ""; ctx.Err() == nil; {
		notes, err := s.Notes.Notes(ctx, hub.NotesQuery{Prefix: takingPrefix, After: after, Limit: takingPage})
		if err != nil || len(notes) == 0 {
			return err
		}
		for i := range notes {
			each(&notes[i])
		}
		after = notes[len(notes)-1].Name
	}
	return ctx.Err()
}

// Takings are the packages of an agency that are not in their dossiers, the oldest first and
// 200 at most, and why where that is for good: those that nobody has settled, or those that
// somebody has.
func (s *Service) Takings(ctx context.Context, actor hub.Actor, agency hub.AgencyID, settled bool) ([]hub.DossierTaking, error) {
	if !sees(&actor, agency) && !actsFor(&actor, agency) {
		return nil, actor.SpeaksFor(agency, scopeOfLooks)
	}
	list, failure := []hub.DossierTaking{}, error(nil)
	err := s.takings(ctx, func(n *hub.RetentionNote) {
		var t hub.DossierTaking
		if failure != nil || len(list) == maxPage || json.Unmarshal(n.Body, &t) != nil || t.Sender != agency || settled != (t.Settled != nil) {
			return
		}
		if _, err := s.Dispatches.DispatchItem(ctx, t.Dispatch); err == nil {
			list = append(list, t)
		} else if hub.KindOf(err) != hub.KindNotFound { // else it is about to be accepted, or never was
			failure = err
		}
	})
	return list, errors.Join(err, failure)
}

// takeNoted takes a package that waits, unless it is known that it can't be taken.
func (s *Service) takeNoted(ctx context.Context, n *hub.RetentionNote) error {
	var t hub.DossierTaking
	if err := json.Unmarshal(n.Body, &t); err != nil {
		return hub.Internal("decode the note "+n.Name, err)
	}
	if t.Settled != nil && s.now().Sub(t.Settled.At) >= settledFor {
		return s.Notes.SaveNotes(ctx, hub.RetentionNote{Name: n.Name})
	}
	if len(t.Refused) > 0 {
		return nil
	}
	item, err := s.Dispatches.DispatchItem(ctx, t.Dispatch)
	switch {
	case err != nil && hub.KindOf(err) != hub.KindNotFound:
		return err
	case err != nil && s.now().Sub(t.At) < orphanAfter:
		return nil // is about to be recorded, or never
	case err == nil:
		if err := s.take(ctx, &t, &item.Dispatch); err != nil {
			return s.refuseTaking(ctx, &t, err)
		}
	}
	return s.Notes.SaveNotes(ctx, hub.RetentionNote{Name: n.Name})
}

// refuseTaking remembers why a package can't be put into its dossier any more, though nothing
// was wrong with it when it was accepted; a failure that passes comes back.
func (s *Service) refuseTaking(ctx context.Context, t *hub.DossierTaking, cause error) error {
	for _, v := range hub.ViolationsOf(cause) {
		passes := v.Kind == hub.KindInternal || v.Kind == hub.KindUnavailable || v.Kind == hub.KindBusy || v.Rule == "version"
		if passes || ctx.Err() != nil {
			return cause
		}
		t.Refused = append(t.Refused, hub.DossierFault{Field: v.Field, Rule: v.Rule, Message: v.Message})
	}
	s.Log.ErrorContext(ctx, "a package was accepted and can't be put into its dossier any more", "dispatch", t.Dispatch, "sender", t.Sender, "error", cause)
	return s.keepTaking(ctx, t)
}

// take does what a package says: each event and file is one transaction and has a key, so
// that what was interrupted goes on where it was.
func (s *Service) take(ctx context.Context, t *hub.DossierTaking, d *hub.Dispatch) error {
	actor := onBehalf(&hub.Actor{Name: t.By, TookOver: t.TookOver}, t.Sender)
	if t.Seals {
		actor.Scopes = append(actor.Scopes, hub.ScopeSeal)
	}
	p, files, err := s.readPackage(ctx, d.Parts)
	if err != nil {
		return err
	}
	f, known, err := s.known(ctx, actor, p.Head.Number)
	if err == nil && !known {
		if _, _, err = s.Register(ctx, *actor, registering(&p, t.Sender)); err == nil || hub.KindOf(err) == hub.KindConflict {
			f, err = s.Store.FindDossier(ctx, hub.DossierKey{Number: p.Head.Number})
		}
	}
	if err != nil {
		return err
	}
	for i := range p.Events {
		if p.Events[i].Act == hub.DossierRegister {
			continue
		}
		o, err := s.order(&f, t.Sender, &p.Events[i])
		if o.Dispatch = d.ID; err == nil {
			_, err = s.report(ctx, actor, f.ID, o, enclosed{})
		}
		if err != nil {
			return s.inEvent(i, err)
		}
	}
	came := d.AcceptedAt
	if came.Before(f.Received) {
		came = f.Received
	}
	if err := s.judged(ctx, d.ID, files); err != nil {
		return err
	}
	for i := range files {
		o := hub.DossierOrder{Key: files[i].key, At: hub.DossierMoment(came.Format(time.RFC3339Nano)), Dispatch: d.ID}
		if _, err := s.attach(ctx, *actor, f.ID, o, files[i].paper); err != nil {
			return err
		}
	}
	return nil
}

// judged notes on the files of a package the verdicts with which it was accepted.
func (s *Service) judged(ctx context.Context, id hub.DispatchID, files []packaged) error {
	reports, err := s.Dispatches.SignatureReports(ctx, id)
	if err != nil {
		return err
	}
	for i := range files {
		f := &files[i]
		for _, report := range reports {
			if report.Part == f.part && report.SHA256 == f.paper.Digest {
				report.Part = f.paper.Part().ID
				f.paper.Report = &report
			}
		}
	}
	return nil
}

// inEvent names the fields of an error as the package does.
func (s *Service) inEvent(event int, err error) error {
	var all hub.Violations
	for _, v := range hub.ViolationsOf(err) {
		e := *v
		if e.Kind != hub.KindInternal {
			e.Field = strings.TrimSpace(s.Packages.Element(event, v.Field))
		}
		all = append(all, &e)
	}
	return all
}
