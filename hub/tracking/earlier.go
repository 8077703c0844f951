package tracking

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// maxSameID bounds the dispatches that carry one external id: one of each operation, and
// those of the same number.
const maxSameID = 10

// Earlier finds what a submission is about: the documents of the same sender that it
// recalls, updates or replaces at its recipients, and those that it answers. A recall of
// a document that this hub does not know is refused, as is an update of one that was
// recalled; an update or replacement of an unknown one is taken, since the document may
// have gone another way, and its evidence says so.
//
// Errors: hub.Violations of KindInvalid.
func (s *Service) Earlier(ctx context.Context, sender hub.AgencyID, sub *hub.Submission, recipients []hub.AgencyID) (hub.Earlier, error) {
	e := &search{Service: s, ctx: ctx, now: s.now(), sender: sender, sub: sub, recipients: recipients}
	err := e.changes()
	if err == nil {
		err = e.answers()
	}
	if err != nil {
		return hub.Earlier{}, err
	}
	return e.found, e.wrong.AsError()
}

// search is one run of Earlier.
type search struct {
	*Service
	ctx        context.Context //nolint:containedctx // that of the one call
	now        time.Time
	sender     hub.AgencyID
	sub        *hub.Submission
	recipients []hub.AgencyID
	found      hub.Earlier
	wrong      hub.Violations
}

// changes looks for what the operation acts on.
func (e *search) changes() error {
	const field = "document.business"
	b := &e.sub.Document.Business
	switch e.sub.Operation {
	case hub.OperationRecall:
		id := b.EarlierID
		if id == "" {
			id = e.sub.ExternalID // the header repeats that of the recalled document
		}
		return e.change(field+".earlier_id", id, e.recipients)
	case hub.OperationUpdate:
		return e.update(field+".earlier_id", b)
	case hub.OperationReplace:
		if len(b.Replacements) == 0 {
			return e.change(field+".earlier_id", b.EarlierID, e.recipients)
		}
		for i, r := range b.Replacements {
			place := fmt.Sprintf("%s.replacements[%d]", field, i)
			at, ok := e.agencies(place+".agencies", r.Agencies)
			if !ok {
				continue
			}
			if err := e.change(place+".external_id", r.ExternalID, at); err != nil {
				return err
			}
		}
	}
	return nil
}

// update changes the content for those who keep the document and takes it back from
// those who are removed.
func (e *search) update(field string, b *hub.BusinessInfo) error {
	var added, removed []hub.AgencyID
	for i, r := range b.Receivers {
		resolved, err := e.Directory.Resolve(r.Agency, e.now)
		switch {
		case err != nil:
			place := fmt.Sprintf("document.business.receivers[%d].agency", i)
			e.wrong = append(e.wrong, hub.ViolationsOf(inField(err, place))...)
		case r.Added:
			added = append(added, resolved.Agency.ID)
		default:
			removed = append(removed, resolved.Agency.ID)
		}
	}
	keep := slices.DeleteFunc(slices.Clone(e.recipients), func(a hub.AgencyID) bool { return slices.Contains(added, a) })
	if b.ToChanged && !b.InfoChanged {
		keep = nil // they have this content already
	}
	earlier, err := e.documents(field, b.EarlierID)
	if err != nil {
		return err
	}
	if slices.IndexFunc(earlier, live) < 0 && len(earlier) > 0 {
		e.fail(field, "frozen", "%q was recalled: it can be replaced, not updated", b.EarlierID)
		return nil
	}
	for i := range earlier {
		e.link(hub.LinkUpdates, &earlier[i])
		e.routed(&earlier[i], removed)
		e.aim(hub.OperationUpdate, &earlier[i], keep)
		e.aim(hub.OperationRecall, &earlier[i], removed)
	}
	return nil
}

// live reports whether a dispatch was not recalled at every recipient.
func live(item hub.SentItem) bool {
	return slices.ContainsFunc(item.Deliveries, func(d hub.Delivery) bool { return !d.Recalled() })
}

// change aims at every document of an external id at some recipients.
func (e *search) change(field, id string, at []hub.AgencyID) error {
	earlier, err := e.documents(field, id)
	if err != nil {
		return err
	}
	for i := range earlier {
		e.link(hub.LinkOf(e.sub.Operation), &earlier[i])
		e.aim(e.sub.Operation, &earlier[i], slices.Concat(at, e.routed(&earlier[i], nil)))
	}
	return nil
}

// routed notes to whom a document went by rules of the sender, and is still theirs, but for
// some agencies. It returns those of them who are recipients of the submission: the document
// is changed there, too, whether or not the sender says so of them.
func (e *search) routed(item *hub.SentItem, but []hub.AgencyID) []hub.AgencyID {
	var reached []hub.AgencyID
	for i := range item.Deliveries {
		d := &item.Deliveries[i]
		switch {
		case d.Rule == nil || d.Recalled() || slices.Contains(but, d.Recipient):
		case slices.Contains(e.recipients, d.Recipient):
			reached = append(reached, d.Recipient)
		default:
			e.found.Routed = append(e.found.Routed, *d)
		}
	}
	return reached
}

// documents returns the dispatches of the sender with an external id that are no recalls
// themselves, newest first.
func (e *search) documents(field, id string) ([]hub.SentItem, error) {
	list, err := e.Store.Sent(e.ctx, hub.SentQuery{Agency: e.sender, ExternalID: id, Page: hub.Page{Limit: maxSameID}})
	if err != nil {
		return nil, err
	}
	found, err := e.numbered(list.Items, id)
	if err != nil {
		return nil, err
	}
	found = slices.DeleteFunc(found, func(i hub.SentItem) bool { return i.Dispatch.Operation == hub.OperationRecall })
	if e.sub.Operation != hub.OperationRecall && slices.ContainsFunc(found, func(i hub.SentItem) bool { return i.Dispatch.Origin != nil }) {
		e.fail(field, "forwarded", "%q is the document of another that this agency forwarded: it can be recalled; only its author changes it", id)
		return nil, nil
	}
	switch {
	case len(found) > 0:
	case e.sub.Operation == hub.OperationRecall:
		e.fail(field, "unknown_document", "no document %q was sent by this agency through this hub", id)
	default:
		e.found.Note = strings.TrimSpace(fmt.Sprintf("%s The earlier document %q is not known to this hub.", e.found.Note, id))
	}
	return found, nil
}

// numbered narrows what has an id to what has the number too, where the submission
// repeats it: senders give one id to several documents.
func (e *search) numbered(found []hub.SentItem, id string) ([]hub.SentItem, error) {
	number := e.sub.Document.Number()
	if number == "" || id == "" {
		return found, nil
	}
	list, err := e.Store.Sent(e.ctx, hub.SentQuery{Agency: e.sender, Number: number, Page: hub.Page{Limit: maxSameID}})
	if err != nil {
		return nil, err
	}
	named := slices.DeleteFunc(list.Items, func(i hub.SentItem) bool {
		d := &i.Dispatch
		return d.Operation == hub.OperationRecall || d.ExternalID != id && !marks(d.ExternalID, id)
	})
	if len(named) > 0 {
		return named, nil
	}
	return found, nil
}

func (e *search) fail(field, rule, format string, args ...any) {
	e.wrong = append(e.wrong, hub.Invalid(field, rule, format, args...))
}

// agencies resolves the agencies that must replace a document; all recipients where none
// is named. Each must be a recipient of what replaces it.
func (e *search) agencies(field string, codes []string) ([]hub.AgencyID, bool) {
	if len(codes) == 0 {
		return e.recipients, true
	}
	before := len(e.wrong)
	var list []hub.AgencyID
	for i, code := range codes {
		place := fmt.Sprintf("%s[%d]", field, i)
		r, err := e.Directory.Resolve(code, e.now)
		switch {
		case err != nil:
			e.wrong = append(e.wrong, hub.ViolationsOf(inField(err, place))...)
		case !slices.Contains(e.recipients, r.Agency.ID):
			e.fail(place, "recipient", "%s is to replace a document and is not among the recipients", code)
		default:
			list = append(list, r.Agency.ID)
		}
	}
	return list, len(e.wrong) == before
}

func (e *search) link(kind hub.LinkKind, item *hub.SentItem) {
	l := hub.Link{Kind: kind, Dispatch: item.Dispatch.ID}
	if !slices.Contains(e.found.Links, l) {
		e.found.Links = append(e.found.Links, l)
	}
}

// aim takes the deliveries of a document at some agencies as aims, each once.
func (e *search) aim(op hub.Operation, item *hub.SentItem, at []hub.AgencyID) {
	for _, d := range item.Deliveries {
		taken := slices.ContainsFunc(e.found.Aims, func(a hub.Aim) bool { return a.Item.Delivery.ID == d.ID })
		if slices.Contains(at, d.Recipient) && !taken {
			e.found.Aims = append(e.found.Aims, hub.Aim{
				Item: hub.Item{Dispatch: item.Dispatch, Delivery: d}, Operation: op, Reason: e.sub.Document.Business.Reason,
			})
		}
	}
}

// answers links to the documents that this one responds to, as far as the sender got
// them through this hub. What it got on paper is no error.
func (e *search) answers() error {
	for _, ref := range e.sub.Document.ResponseFor {
		author, err := e.Directory.Resolve(ref.Agency, e.now)
		if err != nil {
			continue
		}
		item, err := e.Options.Reports.MatchDelivery(e.ctx, author.Agency.ID, e.sender, ref)
		switch {
		case err == nil:
			e.link(hub.LinkAnswers, &hub.SentItem{Dispatch: item.Dispatch})
		case hub.KindOf(err) != hub.KindNotFound:
			return err
		}
	}
	return nil
}

// Refresh reads the deliveries of aims again, after one of them changed.
func (s *Service) Refresh(ctx context.Context, aims []hub.Aim) error {
	for i := range aims {
		item, err := s.Store.Item(ctx, aims[i].Item.Delivery.ID)
		if err != nil {
			return err
		}
		aims[i].Item = item
	}
	return nil
}
