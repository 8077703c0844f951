package dossiers

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/lienthong/lienthong/hub"
)

// Register records a dossier of a unit that the actor acts for, by default accepted at once,
// and returns the secret for its owner. The same key again returns the first dossier without
// that, and says that it was not made anew; with something else it is a conflict.
func (s *Service) Register(ctx context.Context, actor hub.Actor, wish hub.DossierWish) (view hub.DossierView, made bool, err error) {
	w := filing{DossierWish: wish}
	if err := mayRegister(&actor, &w.DossierWish); err != nil {
		return view, false, err
	}
	if err := text("key", w.Key, maxWord, false).AsError(); err != nil {
		return view, false, err
	}
	if first, err := s.before(ctx, &w); err != nil || first != nil {
		return s.again(&actor, first, err)
	}
	if err := s.check(&w).AsError(); err != nil {
		return view, false, err
	}
	d, given, err := s.begin(ctx, &w)
	if err != nil {
		return view, false, err
	}
	if w.secret, err = s.newSecret(); err != nil {
		return view, false, err
	}
	f, err := s.add(ctx, &actor, d, given, &w)
	if hub.KindOf(err) == hub.KindConflict {
		if first, again := s.before(ctx, &w); again != nil || first != nil {
			return s.again(&actor, first, again)
		}
	}
	if err != nil {
		return view, false, err
	}
	view = s.shown(f)
	view.Secret = w.secret
	return view, true, nil
}

// filing is a wish with its times, and what its owner is to get.
type filing struct {
	hub.DossierWish
	received, due time.Time
	secret        hub.DossierSecret
	consent       bool
	papers        []enclosure // that come with it
}

// enclosure is a file that comes with a dossier, and what it is there for.
type enclosure struct {
	paper  hub.DossierPaper
	reason string
}

// moment reads a time that is given, or now.
func (s *Service) moment(field string, m hub.DossierMoment) (time.Time, hub.Violations) {
	now := s.now()
	at, _, ok := m.Time()
	switch {
	case !ok:
		return now, hub.Violations{hub.Invalid(field, "date_time", "%s is a minute like 2026-03-02T09:30 in Vietnam, or RFC 3339", field)}
	case at.IsZero():
		at = now
	case at.Year() < firstYear || at.After(now.Add(clockLeeway)):
		return now, hub.Violations{hub.Invalid(field, "range", "%s lies between the year %d and now", field, firstYear)}
	}
	return at, nil
}

// due reads the end of a time, which lies behind its begin; zero for none.
func (s *Service) due(m hub.DossierMoment, begin time.Time) (time.Time, hub.Violations) {
	at, day, ok := m.Time()
	if !ok {
		return at, hub.Violations{hub.Invalid("due_at", "date_time", "due_at is a day, or a minute like 2026-03-02T09:30, in Vietnam, or RFC 3339")}
	}
	if day {
		at = s.working().Closing(hub.DateOf(at)).UTC()
	}
	if !at.IsZero() && (!at.After(begin) || at.After(begin.AddDate(maxDueYears, 0, 0))) {
		return at, hub.Violations{hub.Invalid("due_at", "range", "the end lies behind the begin, by %d years at most", maxDueYears)}
	}
	return at, nil
}

func (s *Service) shown(f *hub.DossierFile) hub.DossierView {
	if f == nil {
		return hub.DossierView{}
	}
	v := s.view(f)
	v.Events = f.Events
	return v
}

// before is the dossier that was registered under the key of a wish, or nil.
func (s *Service) before(ctx context.Context, wish *filing) (*hub.DossierFile, error) {
	if wish.Key == "" {
		return nil, nil //nolint:nilnil // there is none, and no reason to look
	}
	f, err := s.Store.FindDossier(ctx, hub.DossierKey{Unit: wish.Unit, Key: wish.Key})
	switch {
	case hub.KindOf(err) == hub.KindNotFound:
		return nil, nil //nolint:nilnil // there is none
	case err != nil:
		return nil, err
	case f.Procedure.Code != wish.Procedure || f.Erased == nil && (f.Owner == nil || *f.Owner != wish.Owner) || wish.Number != "" && f.Number != wish.Number:
		return nil, hub.Errorf(hub.KindConflict, "key", "taken", "another dossier of the unit has this key: %s", f.Number)
	}
	return &f, nil
}

func (s *Service) check(w *filing) hub.Violations {
	var found, wrong hub.Violations
	w.received, found = s.moment("received_at", w.Received)
	w.due, wrong = s.due(w.Due, w.received)
	found = append(found, wrong...)
	found = append(found, text("owner.name", w.Owner.Name, maxWord, true)...)
	found = append(found, text("owner.contact", w.Owner.Contact, maxWord, false)...)
	found = append(found, text("local", w.Local, maxWord, false)...)
	found = append(found, text("procedure", w.Procedure, maxWord, true)...)
	if !slices.Contains(hub.DossierChannels(), w.Channel) {
		found = append(found, hub.Invalid("channel", "code_list", "a dossier comes in by counter, online or post"))
	}
	return found
}

func text(field, value string, longest int, required bool) hub.Violations {
	forbidden := func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t' }
	switch {
	case required && strings.TrimSpace(value) == "":
		return hub.Violations{hub.Invalid(field, "required", "%s is missing", field)}
	case !utf8.ValidString(value) || strings.ContainsFunc(value, forbidden):
		return hub.Violations{hub.Invalid(field, "control_character", "%s is plain text", field)}
	case utf8.RuneCountInString(value) > longest:
		return hub.Violations{hub.Invalid(field, "max_length", "%s has at most %d characters", field, longest)}
	}
	return nil
}

// begin is a dossier of a wish without its place on the day, or with the one that its number
// says.
func (s *Service) begin(ctx context.Context, w *filing) (d hub.Dossier, given bool, err error) {
	unit, ok := s.Directory.ByID(w.Unit)
	if !ok || !unit.LivesAt(w.received) {
		return d, false, hub.Invalid("unit", "closed", "the unit did not exist when the dossier was received")
	}
	d = hub.Dossier{
		ID: hub.DossierID(s.NewID()), Unit: w.Unit, UnitName: unit.NameAt(w.received), Day: hub.DateOf(w.received), Key: w.Key,
		Owner: &w.Owner, Channel: w.Channel, Received: w.received, Appointed: w.due, Parties: []hub.AgencyID{w.Unit},
	}
	if d.Procedure, err = s.inForce(ctx, w.Procedure, w.received); err != nil {
		return d, false, err
	}
	code := w.UnitCode
	if w.Number != "" {
		n, err := hub.ParseDossierNumber(w.Number)
		if err != nil {
			return d, false, named("number", err)
		}
		if n.Day != d.Day {
			return d, false, hub.Invalid("number", "day", "the number says %s, and the dossier was received on %s", n.Day, d.Day)
		}
		code, d.Number, d.Sequence = n.Unit, w.Number, n.Sequence
	} else if code == "" {
		code = unit.CodeAt(w.received)
	}
	if !holds(unit, code, w.received) {
		return d, false, hub.Invalid(cmp.Or(map[bool]string{true: "number"}[w.Number != ""], "unit"), "unit_code", "%.40q was no code of the unit on that day", string(code))
	}
	if w.Number == "" {
		d.Number = hub.DossierNumber{Unit: code, Day: d.Day}.String() // with its place as soon as that is known
	}
	return d, w.Number != "", nil
}

func holds(unit *hub.Agency, code hub.Code, at time.Time) bool {
	return slices.ContainsFunc(unit.Codes, func(c hub.Dated[hub.Code]) bool { return c.Value == code && c.Valid.Contains(at) })
}

func named(field string, err error) error {
	e := *hub.ViolationsOf(err)[0]
	e.Field = field
	return &e
}

// inForce is a procedure as it was in force at an instant.
func (s *Service) inForce(ctx context.Context, code string, at time.Time) (hub.DossierProcedure, error) {
	versions, err := s.Procedures.Versions(ctx, code)
	if err != nil && hub.KindOf(err) != hub.KindNotFound {
		return hub.DossierProcedure{}, err
	}
	for i := range versions {
		if v := &versions[i]; v.InForce(at) {
			return hub.DossierProcedure{Code: v.Code, Version: v.Version, Name: v.Name, Limit: v.Limit}, nil
		}
	}
	return hub.DossierProcedure{}, hub.Invalid("procedure", "in_force", "no procedure %.60q was in force when the dossier was received", code)
}

// add gives a dossier its place on the day, unless its number says it, and records it.
func (s *Service) add(ctx context.Context, actor *hub.Actor, d hub.Dossier, given bool, w *filing) (*hub.DossierFile, error) {
	for try := 1; ; try++ {
		f := hub.DossierFile{Dossier: d}
		if !given {
			last, err := s.Store.LastDossier(ctx, d.Unit, d.Day)
			if err != nil {
				return nil, err
			}
			code, _, _ := strings.Cut(d.Number, "-")
			f.Sequence = last + 1
			f.Number = hub.DossierNumber{Unit: hub.Code(code), Day: d.Day, Sequence: f.Sequence}.String()
		}
		var notes []hub.LogNote
		var keep []hub.RetentionNote
		for _, e := range w.events(&f.Dossier) {
			note, err := s.append(&f, e, actor)
			if err != nil {
				return nil, err
			}
			notes = append(notes, note)
			for _, k := range kept(f.ID, &e) {
				if !slices.ContainsFunc(keep, func(o hub.RetentionNote) bool { return o.Name == k.Name }) { // the same file for two papers
					keep = append(keep, k)
				}
			}
		}
		err := s.Store.AddDossier(ctx, f, !given, notes, keep...)
		switch {
		case err == nil:
			s.Log.InfoContext(ctx, "a dossier was registered", "dossier", f.ID, "unit", f.Unit, "actor", actor.Name)
			return &f, nil
		case hub.KindOf(err) != hub.KindConflict:
			return nil, err
		case given:
			return nil, hub.Errorf(hub.KindConflict, "number", "taken", "the unit has a dossier with this number of the day, or with this key")
		case try == maxTries:
			return nil, err
		}
		if first, again := s.before(ctx, w); again != nil || first != nil {
			return nil, err // another try of the same wish was faster
		}
	}
}

// events are those with which a dossier begins.
func (w *filing) events(d *hub.Dossier) []hub.DossierEvent {
	of := func(act hub.DossierAct) hub.DossierEvent {
		return hub.DossierEvent{Act: act, At: d.Received, Agency: d.Unit, Name: d.UnitName, Status: act.Status()}
	}
	first := of(hub.DossierRegister)
	first.Key, first.Local, first.Lookup, first.Consent = w.Key, w.Local, w.secret.Lookup(d.Number), w.consent
	list := []hub.DossierEvent{first}
	for i := range w.papers {
		e := of(hub.DossierAttach)
		e.Paper, e.Text = &w.papers[i].paper, w.papers[i].reason
		list = append(list, e)
	}
	if !w.Waits {
		list = append(list, of(hub.DossierAccept))
	}
	return list
}

// append adds an event to a file in memory, with the note that is recorded with it.
func (s *Service) append(f *hub.DossierFile, e hub.DossierEvent, actor *hub.Actor) (hub.LogNote, error) {
	e.Seq, e.By, e.Recorded, e.Previous, e.Note = f.Version+1, actor.Name, s.now(), f.Digest, s.NewID()
	digest, err := e.SHA256()
	if err != nil {
		return hub.LogNote{}, err
	}
	f.Events = append(f.Events, e)
	f.Version, f.Digest = e.Seq, digest
	if e.Act == hub.DossierAccept && f.Appointed.IsZero() {
		f.Appointed = e.Due
	}
	c := follow(f.Events, s.now().Add(clockLeeway+time.Millisecond))
	f.Status, f.Local, f.Ended = c.status, c.local, time.Time{}
	if end, _ := c.end(); end != nil {
		f.Ended = end.At
	}
	if !e.Lookup.IsZero() {
		f.Lookup = e.Lookup
	}
	if e.To != "" && !slices.Contains(f.Parties, e.To) {
		f.Parties = append(slices.Clone(f.Parties), e.To)
	}
	f.Kept = keep(f, s.working())
	f.Remind = morningAfter(s.now())
	fact := hub.DossierFact{Dossier: f.ID, Seq: e.Seq, Act: e.Act, Agency: e.Agency, Actor: e.By, SHA256: digest, Finding: e.Finding, Tell: f.Parties}
	if e.Act == hub.DossierRemind {
		fact.Tell = s.concerned(f)
	}
	return s.Chronicle.DossierNote(fact, e.Note, e.Recorded)
}

// Act records an event that one of the agencies of a dossier reports. Events are kept in
// whichever order they come; the same key again changes nothing. What the actor may not see
// does not exist (KindNotFound).
func (s *Service) Act(ctx context.Context, actor hub.Actor, id hub.DossierID, order hub.DossierOrder) (hub.DossierView, error) {
	return s.report(ctx, &actor, id, order, enclosed{})
}

// enclosed is what an event brings that no order says: a file, or a secret for the owner.
type enclosed struct {
	file   *hub.DossierPaper
	secret hub.DossierSecret
}

func (in *enclosed) any() bool { return in.file != nil || in.secret != "" }

// report records an event, with what comes with it.
func (s *Service) report(ctx context.Context, actor *hub.Actor, id hub.DossierID, order hub.DossierOrder, in enclosed) (hub.DossierView, error) {
	if err := actor.Require(scopeOfActs); err != nil {
		return hub.DossierView{}, err
	}
	var paper *hub.DossierPaper // the letter of an apology, made once
	for try := 1; ; try++ {
		f, err := s.file(ctx, actor, id)
		if err != nil {
			return hub.DossierView{}, err
		}
		if known, err := told(actor, &f, &order, in.file); err != nil {
			return hub.DossierView{}, err
		} else if known {
			return s.shown(&f), nil
		}
		if f.Erased != nil {
			return hub.DossierView{}, erasedAlready()
		}
		e, err := s.event(ctx, actor, &f, order, &in)
		if err == nil && e.Act == hub.DossierApologise {
			if paper == nil {
				paper, err = s.letter(ctx, actor, &f, &e)
			}
			e.Paper = paper
		}
		if err != nil {
			return hub.DossierView{}, err
		}
		if len(f.Events) >= maxEvents {
			return hub.DossierView{}, hub.Errorf(hub.KindTooLarge, "dossier", "max_items", "a dossier has at most %d events", maxEvents)
		}
		note, err := s.append(&f, e, actor)
		if err == nil {
			err = s.Store.AddDossierEvent(ctx, f, note, kept(f.ID, &e)...)
		}
		switch {
		case err == nil:
			view := s.shown(&f)
			view.Secret = in.secret
			return view, nil
		case hub.KindOf(err) != hub.KindConflict || try == maxTries:
			return hub.DossierView{}, err
		}
	}
}

// told reports whether an event was recorded under the key of an order; KindConflict when
// that was another one. It is asked first: what was right when it was recorded is told again
// without harm by who does not lead any more, or when its time has passed.
func told(actor *hub.Actor, f *hub.DossierFile, o *hub.DossierOrder, paper *hub.DossierPaper) (bool, error) {
	for i := range f.Events {
		e := &f.Events[i]
		if o.Key == "" || e.Key != o.Key || o.Agency != "" && o.Agency != e.Agency || !actsFor(actor, e.Agency) {
			continue
		}
		role := o.Role
		if o.Act == hub.DossierHandOver {
			role = cmp.Or(role, hub.DossierCo)
		}
		status := o.Status == 0 || o.Status == e.Status || o.Status == e.Said
		file := paper == nil || e.Paper != nil && e.Paper.Digest == paper.Digest
		if e.Act != o.Act || e.To != o.To || e.Role != role || e.Erased.IsZero() && e.Text != o.Text || e.Local != o.Local || !status || !file {
			return false, hub.Errorf(hub.KindConflict, "key", "taken", "event %d of the dossier has this key and is another", e.Seq)
		}
		return true, nil
	}
	return false, nil
}

// actsFor reports whether the actor reports for an agency, its own or one that it took over.
func actsFor(actor *hub.Actor, agency hub.AgencyID) bool {
	return actor.SpeaksFor(agency, scopeOfActs) == nil || slices.Contains(actor.TookOver, agency)
}

// event checks an order and makes an event of it.
func (s *Service) event(ctx context.Context, actor *hub.Actor, f *hub.DossierFile, o hub.DossierOrder, in *enclosed) (hub.DossierEvent, error) {
	var e hub.DossierEvent
	agency, err := s.acting(actor, f, o.Agency, o.Act)
	if err != nil {
		return e, err
	}
	now := s.now()
	happened, found := s.moment("at", o.At)
	switch {
	case len(found) > 0:
	case happened.Before(f.Received.Truncate(time.Minute)):
		found = append(found, hub.Invalid("at", "before_receipt", "nothing happens to a dossier before it is received"))
	case happened.Before(f.Received): // a time that is given to the minute
		happened = f.Received
	}
	due, wrong := s.due(o.Due, happened)
	found = append(append(found, wrong...), checkOrder(&o, in.any())...)
	e = hub.DossierEvent{
		Act: o.Act, At: happened, Agency: agency.ID, Name: agency.NameAt(now), Key: o.Key, Status: o.Act.Status(), Local: o.Local, Due: due, Text: o.Text, Paper: in.file, Dispatch: o.Dispatch,
	}
	if in.secret != "" {
		e.Lookup = in.secret.Lookup(f.Number)
	}
	switch o.Act {
	case hub.DossierAccept:
		if !due.IsZero() && !f.Appointed.IsZero() && !due.Equal(f.Appointed) {
			found = append(found, hub.Invalid("due_at", "taken", "the dossier has another appointment: %s", hub.MinuteOf(f.Appointed)))
		}
	case hub.DossierReport:
		if e.Status = o.Status; e.Status == 0 && o.Local != "" {
			if e.Status, err = s.meaning(ctx, agency.ID, o.Local); err != nil {
				return e, err
			}
		}
		if f.Unit != agency.ID && s.view(f).Lead != agency.ID {
			e.Status, e.Said = 0, e.Status // who handles with others says how far it is itself
		}
	case hub.DossierHandOver:
		to, ok := s.Directory.ByID(o.To)
		switch {
		case !ok || !to.LivesAt(now):
			found = append(found, hub.Invalid("to", "unknown_agency", "name a living agency to hand over to"))
		case len(f.Parties) >= maxParties && !slices.Contains(f.Parties, o.To):
			found = append(found, hub.Invalid("to", "max_items", "a dossier has at most %d agencies", maxParties))
		default:
			e.To, e.ToName, e.Role = to.ID, to.NameAt(now), cmp.Or(o.Role, hub.DossierCo)
		}
	}
	return e, found.AsError()
}

// acting is the agency that the actor acts for: the one that is named, or the only one that
// it can be.
func (s *Service) acting(actor *hub.Actor, f *hub.DossierFile, wanted hub.AgencyID, act hub.DossierAct) (*hub.Agency, error) {
	lead := s.view(f).Lead
	var can []hub.AgencyID
	for _, party := range f.Parties {
		if actsFor(actor, party) && (act.OfAny() || party == f.Unit || party == lead) && (wanted == "" || wanted == party) {
			can = append(can, party)
		}
	}
	switch {
	case len(can) == 0:
		return nil, hub.Errorf(hub.KindDenied, "agency", "party", "only the agency that received the dossier and the one that leads may do that")
	case len(can) > 1:
		return nil, hub.Invalid("agency", "required", "name the agency that reports it")
	}
	agency, ok := s.Directory.ByID(can[0])
	if !ok {
		return nil, hub.Internal("find an agency of a dossier", nil)
	}
	return agency, nil
}

func checkOrder(o *hub.DossierOrder, brings bool) hub.Violations {
	found := text("text", o.Text, maxText, o.Act.NeedsText())
	found = append(found, text("key", o.Key, maxWord, false)...)
	found = append(found, text("local", o.Local, maxWord, false)...)
	switch {
	case !slices.Contains(hub.DossierActs(), o.Act) && !brings:
		found = append(found, hub.Unlisted("act", o.Act, hub.DossierActs()))
	case o.Status != 0 && (o.Act != hub.DossierReport || !o.Status.Valid()):
		found = append(found, hub.Invalid("status", "code_list", "a report says a status from 1 to 10; other acts bring their own"))
	case o.Act == hub.DossierReport && o.Status == 0 && strings.TrimSpace(o.Local) == "":
		found = append(found, hub.Invalid("local", "required", "a report says a status, or that of the agency's own system"))
	case o.Role != "" && (o.Act != hub.DossierHandOver || o.Role != hub.DossierLead && o.Role != hub.DossierCo):
		found = append(found, hub.Invalid("role", "code_list", "a dossier is handed over to a lead or a co agency"))
	case o.To != "" && o.Act != hub.DossierHandOver:
		found = append(found, hub.Invalid("to", "exclusive", "only a hand-over names an agency"))
	case o.Act == hub.DossierApologise && o.Due == "":
		found = append(found, hub.Invalid("due_at", "required", "an apology names a new appointment"))
	case o.Due != "" && o.Act != hub.DossierHandOver && o.Act != hub.DossierApologise && o.Act != hub.DossierAccept:
		found = append(found, hub.Invalid("due_at", "exclusive", "a hand-over has an end, an acceptance an appointment, and an apology a new one; nothing else"))
	}
	return found
}
