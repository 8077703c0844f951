package post

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

func has(o *hub.PostalOrder, rule hub.PostalRule) bool { return slices.Contains(o.Findings, rule) }

// Order records an order of an agency that the actor acts for; Work gives it to the operator.
// The same key again returns the first order, and says that it was not made anew; with
// something else it is a conflict.
func (s *Service) Order(ctx context.Context, actor hub.Actor, wish hub.PostalWish) (order hub.PostalOrder, made bool, err error) {
	if err := actor.SpeaksFor(wish.Agency, hub.ScopeSubmit); err != nil {
		return order, false, err
	}
	if err := check(&wish).AsError(); err != nil {
		return order, false, err
	}
	if first, found, err := s.before(ctx, &wish); err != nil || found {
		return s.shown(first), false, err
	}
	o, err := s.draft(ctx, &actor, &wish)
	if err != nil {
		return order, false, err
	}
	err = s.Store.AddPostalOrder(ctx, o)
	if hub.KindOf(err) == hub.KindConflict {
		if first, found, again := s.before(ctx, &wish); again != nil || found {
			return s.shown(first), false, again
		}
		return order, false, hub.Errorf(hub.KindConflict, "delivery", "taken", "the document is on its way to this recipient by another order")
	}
	if err != nil {
		return order, false, err
	}
	s.Log.InfoContext(ctx, "an order for the post was recorded", "order", o.ID, "agency", o.Agency, "kind", o.Kind, "actor", actor.Name)
	return s.shown(o), true, nil
}

// before is the order that was given under the key of a wish.
func (s *Service) before(ctx context.Context, wish *hub.PostalWish) (hub.PostalOrder, bool, error) {
	if wish.Key == "" {
		return hub.PostalOrder{}, false, nil
	}
	o, err := s.Store.FindPostalOrder(ctx, hub.PostalKey{Agency: wish.Agency, Key: wish.Key})
	about := func(name string) bool { return name == "" || name == string(o.Dossier) || name == o.Number }
	switch {
	case hub.KindOf(err) == hub.KindNotFound:
		return o, false, nil
	case err != nil:
		return o, false, err
	case o.Kind != wish.Kind || !about(wish.Dossier) || wish.Dispatch != o.Dispatch || wish.Delivery != "" && wish.Delivery != o.Delivery:
		return o, false, hub.Errorf(hub.KindConflict, "key", "taken", "another order of the agency has this key: %s", o.ID)
	}
	return o, true, nil
}

// draft is the order of a wish.
func (s *Service) draft(ctx context.Context, actor *hub.Actor, wish *hub.PostalWish) (hub.PostalOrder, error) {
	now := s.now()
	agency, ok := s.Directory.ByID(wish.Agency)
	if !ok {
		return hub.PostalOrder{}, hub.Invalid("agency", "unknown_agency", "there is no such agency")
	}
	o := hub.PostalOrder{
		ID: hub.PostalID(s.NewID()), Agency: agency.ID, AgencyName: agency.NameAt(now), Kind: wish.Kind, Key: wish.Key,
		Content: strings.TrimSpace(wish.Content), Note: strings.TrimSpace(wish.Note), Envelopes: max(wish.Envelopes, 1), Weight: wish.Weight, Collect: wish.Collect,
		By: actor.Name, Created: now, Next: now, Version: 1,
	}
	own := s.partyOf(agency)
	if s.Operator == nil {
		o.Next = time.Time{}
	}
	var other hub.PostalParty
	var err error
	if wish.Kind == hub.PostalPaper {
		other, err = s.ofDocument(ctx, actor, wish, &o)
	} else {
		other, err = s.ofDossier(ctx, actor, wish, &o)
	}
	if err != nil {
		return o, err
	}
	from, to := own, other
	if wish.Kind == hub.PostalPickUp {
		from, to = other, own
	}
	o.From, o.To = completed(wish.From, from), completed(wish.To, to)
	return o, append(checkParty("from", o.From), checkParty("to", o.To)...).AsError()
}

// completed is a party as it was given, with what is known where that says nothing.
func completed(given *hub.PostalParty, known hub.PostalParty) *hub.PostalParty {
	if given == nil {
		return &known
	}
	p := *given
	p.Name, p.Address = cmp.Or(strings.TrimSpace(p.Name), known.Name), cmp.Or(strings.TrimSpace(p.Address), known.Address)
	p.Phone, p.Email = cmp.Or(strings.TrimSpace(p.Phone), known.Phone), cmp.Or(strings.TrimSpace(p.Email), known.Email)
	return &p
}

// ofDossier fills in what an order says of its dossier, of which the agency is a party, and
// returns its owner.
func (s *Service) ofDossier(ctx context.Context, actor *hub.Actor, wish *hub.PostalWish, o *hub.PostalOrder) (hub.PostalParty, error) {
	d, err := s.Dossiers.Show(ctx, *actor, wish.Dossier)
	switch {
	case err != nil:
		return hub.PostalParty{}, err
	case !slices.Contains(d.Parties, wish.Agency):
		return hub.PostalParty{}, hub.Errorf(hub.KindDenied, "agency", "party", "the agency does not handle this dossier")
	case d.Erased != nil:
		return hub.PostalParty{}, erased("what it held of persons is gone")
	}
	o.Dossier, o.Number = d.ID, d.Number
	o.Content = cmp.Or(o.Content, d.Number)
	owner := hub.PostalParty{}
	if d.Owner != nil {
		owner.Name = d.Owner.Name
		if strings.Contains(d.Owner.Contact, "@") {
			owner.Email = d.Owner.Contact
		} else {
			owner.Phone = d.Owner.Contact
		}
	}
	return owner, nil
}

// ofDocument fills in what an order says of a document that the agency sent, and returns the
// recipient: one that is reached by post, and that it has not been sent to yet.
func (s *Service) ofDocument(ctx context.Context, actor *hub.Actor, wish *hub.PostalWish, o *hub.PostalOrder) (hub.PostalParty, error) {
	sent, err := s.Documents.Dispatch(ctx, *actor, wish.Dispatch)
	if err != nil {
		return hub.PostalParty{}, err
	}
	if sent.Dispatch.Sender != wish.Agency {
		return hub.PostalParty{}, hub.Errorf(hub.KindDenied, "dispatch", "sender", "only its sender has a document carried by post")
	}
	var waiting []*hub.Delivery
	for i := range sent.Deliveries {
		d := &sent.Deliveries[i]
		if d.Channel == hub.ChannelPaper && d.State == hub.StateQueued && (wish.Delivery == "" || wish.Delivery == d.ID) {
			waiting = append(waiting, d)
		}
	}
	switch {
	case len(waiting) == 0:
		return hub.PostalParty{}, hub.Invalid("delivery", "no_paper", "the document waits for the post to none of its recipients, or not to this one")
	case len(waiting) > 1:
		return hub.PostalParty{}, hub.Invalid("delivery", "required", "name one of the %d recipients that are reached by post", len(waiting))
	}
	d := waiting[0]
	o.Dispatch, o.Delivery, o.Number, o.Place = sent.Dispatch.ID, d.ID, sent.Dispatch.Document.Number(), d.Name
	o.Content = cmp.Or(o.Content, strings.TrimSpace(sent.Dispatch.Document.TypeName+" "+o.Number))
	if agency, ok := s.Directory.ByID(d.Recipient); ok {
		return s.partyOf(agency), nil
	}
	return hub.PostalParty{Name: d.Name}, nil
}

// partyOf is an agency with what the directory knows of its address.
func (s *Service) partyOf(a *hub.Agency) hub.PostalParty {
	contact, _ := hub.At(a.Contacts, s.now())
	return hub.PostalParty{Name: a.NameAt(s.now()), Address: contact.Address, Phone: contact.Telephone, Email: contact.Email}
}

func check(w *hub.PostalWish) hub.Violations {
	found := text("key", w.Key, maxWord, false)
	found = append(append(found, text("content", w.Content, maxText, false)...), text("note", w.Note, maxText, false)...)
	paper := w.Kind == hub.PostalPaper
	switch {
	case !slices.Contains(hub.PostalKinds(), w.Kind):
		found = append(found, hub.Unlisted("kind", w.Kind, hub.PostalKinds()))
	case paper && w.Dispatch == "":
		found = append(found, hub.Invalid("dispatch", "required", "name the dispatch of the document"))
	case !paper && strings.TrimSpace(w.Dossier) == "":
		found = append(found, hub.Invalid("dossier", "required", "name the dossier"))
	case paper && w.Dossier != "", !paper && (w.Dispatch != "" || w.Delivery != ""):
		found = append(found, hub.Invalid("kind", "exclusive", "an order is of a dossier or of a document"))
	}
	if w.Envelopes < 0 || w.Envelopes > maxEnvelope || w.Weight < 0 || w.Weight > maxWeight {
		found = append(found, hub.Invalid("envelopes", "range", "an order has at most %d envelopes, and %d grams", maxEnvelope, maxWeight))
	}
	if w.Collect < 0 || w.Collect > maxCollect {
		found = append(found, hub.Invalid("cod_collect", "range", "the postman collects at most %d đồng", maxCollect))
	}
	return found
}

func checkParty(field string, p *hub.PostalParty) hub.Violations {
	found := text(field+".name", p.Name, maxWord, true)
	found = append(found, text(field+".address", p.Address, maxText, true)...)
	found = append(found, text(field+".phone", p.Phone, maxWord, false)...)
	found = append(found, text(field+".email", p.Email, maxWord, false)...)
	for _, code := range []struct{ name, value string }{{"province", p.Province}, {"district", p.District}} {
		if len(code.value) > 9 || strings.Trim(code.value, "0123456789") != "" {
			found = append(found, hub.Invalid(field+"."+code.name, "digits", "%s is a number of the operator, or empty", code.name))
		}
	}
	return found
}

func text(field, value string, longest int, required bool) hub.Violations {
	switch {
	case required && strings.TrimSpace(value) == "":
		return hub.Violations{hub.Invalid(field, "required", "%s is missing", field)}
	case !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl):
		return hub.Violations{hub.Invalid(field, "control_character", "%s is plain text in one line", field)}
	case utf8.RuneCountInString(value) > longest:
		return hub.Violations{hub.Invalid(field, "max_length", "%s has at most %d characters", field, longest)}
	}
	return nil
}

func checkDays(q *hub.PostalQuery) error {
	var found hub.Violations
	for _, day := range []struct {
		field string
		value hub.Date
	}{{"from", q.From}, {"to", q.To}} {
		if _, err := hub.ParseDate(string(day.value)); day.value != "" && err != nil {
			found = append(found, hub.Invalid(day.field, "date", "%s is a day like 2026-03-02", day.field))
		}
	}
	if q.Finding != "" && !slices.Contains(hub.PostalRules(), q.Finding) {
		found = append(found, hub.Unlisted("finding", q.Finding, hub.PostalRules()))
	}
	return found.AsError()
}

const (
	earliest    = 90 * 24 * time.Hour // before its order, that a bill may be reported of
	clockLeeway = 5 * time.Minute     // by which the clock of another system may be ahead
)

func erased(so string) error {
	return hub.Errorf(hub.KindConflict, "dossier", "erased", "the time of the dossier is over: %s", so)
}

// Report records what the agency of an order says itself, from the bill that it holds. The
// same key again changes nothing, and to an order whose dossier was erased nothing is added.
func (s *Service) Report(ctx context.Context, actor hub.Actor, id hub.PostalID, report hub.PostalReport) (hub.PostalOrder, error) {
	for try := 1; ; try++ {
		o, err := s.find(ctx, &actor, id)
		if err == nil && !actsFor(&actor, o.Agency) {
			err = actor.SpeaksFor(o.Agency, hub.ScopeSubmit)
		}
		if err != nil {
			return hub.PostalOrder{}, err
		}
		e, known, err := s.reported(&actor, &o, &report)
		if err != nil || known {
			return s.shown(o), err
		}
		if o.Erased() {
			return hub.PostalOrder{}, erased("nothing is added to its orders")
		}
		o.Add(e)
		o.Next = s.now()
		o.Version++
		switch err := s.Store.ChangePostalOrder(ctx, o); {
		case err == nil:
			s.Log.InfoContext(ctx, "an order was reported of", "order", o.ID, "act", e.Act, "actor", actor.Name)
			if err := s.tell(ctx, &o); err != nil {
				s.Log.WarnContext(ctx, "what the post did will be told again", "order", o.ID, "error", err)
			}
			return s.shown(o), nil
		case hub.KindOf(err) != hub.KindConflict || try == maxTries:
			return hub.PostalOrder{}, err
		}
	}
}

// actsFor reports whether the actor reports for an agency, its own or one that it took over.
func actsFor(actor *hub.Actor, agency hub.AgencyID) bool {
	return actor.Require(hub.ScopeSubmit) == nil && (slices.Contains(actor.Agencies, agency) || slices.Contains(actor.TookOver, agency))
}

// reported checks a report and makes an event of it; known where its key was used for it.
func (s *Service) reported(actor *hub.Actor, o *hub.PostalOrder, r *hub.PostalReport) (e hub.PostalEvent, known bool, err error) {
	for i := range o.Events {
		if was := &o.Events[i]; r.Key != "" && was.Key == r.Key {
			if was.Act != r.Act || was.Bill != r.Bill {
				return e, false, hub.Errorf(hub.KindConflict, "key", "taken", "event %d of the order has this key and is another", was.Seq)
			}
			return e, true, nil
		}
	}
	found := append(text("key", r.Key, maxWord, false), text("bill", r.Bill, maxWord, r.Act.Posted())...)
	found = append(found, text("text", r.Text, maxText, false)...)
	if !slices.Contains(hub.ReportedPostalActs(), r.Act) {
		found = append(found, hub.Unlisted("act", r.Act, hub.ReportedPostalActs()))
	}
	now := s.now()
	at, _, ok := r.At.Time()
	if at.IsZero() {
		at = now
	}
	switch {
	case !ok:
		found = append(found, hub.Invalid("at", "date_time", "at is a minute like 2026-03-02T09:30 in Vietnam, or RFC 3339"))
	case at.After(now.Add(clockLeeway)) || at.Before(o.Created.Add(-earliest)):
		found = append(found, hub.Invalid("at", "range", "what a bill says lies between 90 days before the order and now"))
	}
	if len(o.Events) >= maxEvents {
		found = append(found, hub.Errorf(hub.KindTooLarge, "order", "max_items", "an order has at most %d events", maxEvents))
	}
	return hub.PostalEvent{Act: r.Act, At: at, Recorded: now, By: actor.Name, Key: r.Key, Bill: strings.TrimSpace(r.Bill), Text: r.Text}, false, found.AsError()
}
