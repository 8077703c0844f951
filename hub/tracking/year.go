package tracking

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// YearStore keeps which years of registers are closed.
type YearStore interface {
	// CloseYear closes the registers of an agency in a year and returns how they were
	// closed, which is the first closing. From when it returns on, no step enters anything
	// into them, and every entry that is made is there to be read.
	CloseYear(ctx context.Context, y hub.RegisterYear) (hub.RegisterYear, error)
	// CompleteYear records what stands in closed registers; KindNotFound where they are
	// not closed.
	CompleteYear(ctx context.Context, y hub.RegisterYear) error
	// ClosedYears lists the closed years of an agency, the newest first.
	ClosedYears(ctx context.Context, agency hub.AgencyID) ([]hub.RegisterYear, error)
}

// Chronicle notes in the log what was done to registers.
type Chronicle interface {
	// YearClosed notes what stands in the registers of a year; durable when it returns.
	YearClosed(ctx context.Context, actor hub.Actor, y hub.RegisterYear) error
}

// firstRegisterYear bounds what can be closed: no document of this hub is older.
const firstRegisterYear = 1990

// CloseYear closes the registers of an agency in a year that is over, or of an agency that
// has closed, for good: nothing is entered into them any more by whatever door, and they
// stay readable. What stands in them goes into the log as a digest, by which an audit finds
// every later change. It is for who keeps the accounts of the agency, or of the one that took it
// over. The same again gives the first closing; one that broke off is finished. Errors:
// KindDenied; KindInvalid with the field "year".
func (s *Service) CloseYear(ctx context.Context, actor hub.Actor, agency hub.AgencyID, year int) (hub.RegisterYear, error) {
	none := hub.RegisterYear{}
	if !keepsRegisters(&actor, agency) {
		return none, hub.Errorf(hub.KindDenied, "", "agency", "this credential may not close the registers of that agency")
	}
	a, ok := s.Directory.ByID(agency)
	if !ok {
		return none, hub.Errorf(hub.KindNotFound, "agency", "", "there is no such agency")
	}
	// What was being accepted when the year ended, on a node whose clock is behind, is in.
	now, before := s.now(), s.now().Add(-idSlack)
	this := now.In(hub.Vietnam()).Year()
	switch {
	case year < firstRegisterYear || year > this:
		return none, hub.Invalid("year", "range", "the year is one from %d to %d", firstRegisterYear, this)
	case year >= before.In(hub.Vietnam()).Year() && a.LivesAt(before):
		return none, hub.Invalid("year", "ended", "the registers of %d are closed from an hour after the end of the year on", year)
	}
	y, err := s.Years.CloseYear(ctx, hub.RegisterYear{Agency: agency, Year: year, ClosedAt: now, ClosedBy: actor.Name})
	if err != nil || y.Outgoing != nil && y.Incoming != nil {
		return y, err
	}
	out, in, err := s.bookDigests(ctx, agency, year)
	if err != nil {
		return none, err
	}
	y.Outgoing, y.Incoming = &out, &in
	// The log has it before it is done: what has no note is not complete and is done again.
	if err := s.Chronicle.YearClosed(ctx, actor, y); err != nil {
		return none, err
	}
	return y, s.Years.CompleteYear(ctx, y)
}

// keepsRegisters reports whether the actor closes registers of an agency.
func keepsRegisters(actor *hub.Actor, agency hub.AgencyID) bool {
	return agency != "" && actor.Has(hub.ScopeAccounts) && (slices.Contains(actor.Agencies, agency) || slices.Contains(actor.TookOver, agency))
}

// ClosedYears lists the closed years of an agency, the newest first, to who reads its
// registers or keeps its accounts.
func (s *Service) ClosedYears(ctx context.Context, actor hub.Actor, agency hub.AgencyID) ([]hub.RegisterYear, error) {
	if !keepsRegisters(&actor, agency) && actor.SpeaksFor(agency, hub.ScopeCollect) != nil {
		if err := actor.SpeaksFor(agency, hub.ScopeRead); err != nil {
			return nil, err
		}
	}
	return s.Years.ClosedYears(ctx, agency)
}

// bookDigests says what stands in the registers of a year.
func (s *Service) bookDigests(ctx context.Context, agency hub.AgencyID, year int) (outgoing, incoming hub.BookDigest, err error) {
	text := strconv.Itoa(year)
	query := hub.RegisterQuery{Agency: agency, TookOver: s.Directory.TookOver([]hub.AgencyID{agency}, s.now()), From: hub.Date(text + "-01-01"), To: hub.Date(text + "-12-31")}
	begin, end := query.Span()
	var out, in hub.BookSum
	for page := (hub.Page{Limit: s.MaxPage}); ; {
		list, err := s.Books.SentBetween(ctx, hub.SentSpan{
			Sender: agency, Page: page,
			First: hub.DispatchID(hub.IDAt(begin.Add(-idSlack))), End: hub.DispatchID(hub.IDAt(end.Add(idSlack))),
		})
		if err != nil {
			return outgoing, incoming, err
		}
		for i := range list.Items {
			if of, entry, ok := hub.OutgoingEntry(&list.Items[i].Dispatch, list.Items[i].Deliveries); ok && of == year {
				out.Add(entry)
			}
		}
		if page.After = list.Next; list.Next == "" {
			break
		}
	}
	for query.Page = (hub.Page{Limit: s.MaxPage}); ; {
		list, err := s.Books.RegisteredBetween(ctx, query)
		if err != nil {
			return outgoing, incoming, err
		}
		for i := range list.Items {
			e := &list.Items[i]
			if book, of, entry, ok := hub.IncomingEntry(&e.Dispatch, &e.Delivery); ok && book == agency && of == year {
				in.Add(entry)
			}
		}
		if query.Page.After = list.Next; list.Next == "" {
			return out.Digest(), in.Digest(), nil
		}
	}
}

// lateEntry is the day on which a document is entered that a report put into a year whose
// register is closed meanwhile: the day of the entry itself.
func (s *Service) lateEntry() hub.Registration {
	return hub.Registration{Date: hub.Date(s.now().In(hub.Vietnam()).Format(time.DateOnly))}
}
