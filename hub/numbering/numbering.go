// Package numbering gives numbers to outgoing documents: a series for each agency, year and
// kind of document that begins with 1 and has no gaps (NĐ 30/2020/NĐ-CP, article 15).
//
// It promises that no number is given twice, from however many nodes and people it is asked
// for at once, that the same key takes the same number however often an answer is lost, and
// that a number that was given and not used stays in the series with the reason why. A
// series is kept here from the first number on that is taken in it in a year; from then on
// the store accepts a document of that kind under a number that was taken, or under the next
// one, alone. Agencies that number elsewhere take none and are not checked.
package numbering

import (
	"context"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/lienthong/lienthong/hub"
)

// The longest values in characters; those of documents are of NĐ 30/2020/NĐ-CP, annex VI.
const (
	maxKind     = 100
	maxNotation = 30
	maxSubject  = 500
	maxReason   = 1000
	maxKey      = 200
	maxNumber   = 1_000_000 // a year has fewer documents
	maxPage     = 200
)

// Store keeps numbers.
type Store interface {
	// TakeOutgoing gives the next number of a series or, with a number, the first of a
	// series that begins with it. The same key gives the same number again; KindConflict
	// where it took another, where the number is not the next, where number and notation
	// stand in another series, and in a closed year. It MUST be durable when it returns.
	TakeOutgoing(ctx context.Context, n hub.OutgoingNumber) (hub.OutgoingNumber, error)
	// CancelOutgoing gives a number up for good: of n are looked at the number and what is
	// said of the cancelling. The first cancelling stays. KindNotFound; KindConflict where a
	// document was sent under it, and in a closed year.
	CancelOutgoing(ctx context.Context, n hub.OutgoingNumber) (hub.OutgoingNumber, error)
	// NextOutgoing is the number behind the highest of a series; nothing is taken.
	NextOutgoing(ctx context.Context, agency hub.AgencyID, year int, kind string) (int64, error)
	OutgoingNumbers(ctx context.Context, query hub.OutgoingQuery) (hub.List[hub.OutgoingNumber], error)
}

// Options are what a Service needs; all of it.
type Options struct {
	Store Store
	Now   func() time.Time
}

// Service gives numbers. It is safe for concurrent use.
type Service struct{ Options }

// New returns a Service.
func New(o Options) *Service { return &Service{o} }

func (s *Service) now() time.Time { return s.Now().UTC().Truncate(time.Millisecond) }

// year is the one that is meant: this one or, in the first days of a year, the one before.
func (s *Service) year(wish int) (int, error) {
	this := s.now().In(hub.Vietnam()).Year()
	switch {
	case wish == 0:
		return this, nil
	case wish != this && wish != this-1:
		return 0, hub.Invalid("year", "range", "numbers are given for %d and, while it is open, for %d", this, this-1)
	}
	return wish, nil
}

// Take gives a number to who may send for the agency. Errors: those of Store; KindInvalid
// with the field.
func (s *Service) Take(ctx context.Context, actor hub.Actor, w hub.NumberWish) (hub.OutgoingNumber, error) {
	if err := actor.SpeaksFor(w.Agency, hub.ScopeSubmit); err != nil {
		return hub.OutgoingNumber{}, err
	}
	n := hub.OutgoingNumber{
		Agency: w.Agency, Kind: tidy(w.Kind), Notation: tidy(w.Notation), Number: w.Number, State: hub.NumberReserved,
		Subject: strings.TrimSpace(w.Subject), Key: w.Key, TakenBy: actor.Name, TakenAt: s.now(),
	}
	var found hub.Violations
	year, err := s.year(w.Year)
	if err != nil {
		found = append(found, hub.ViolationsOf(err)...)
	}
	n.Year = year
	found = text(found, "kind", n.Kind, true, maxKind)
	before := len(found)
	found = text(found, "notation", n.Notation, true, maxNotation)
	if err := hub.CheckNotation(n.Notation); err != nil && len(found) == before {
		found = append(found, hub.ViolationsOf(err)...)
	}
	found = text(found, "subject", n.Subject, false, maxSubject)
	found = text(found, "key", n.Key, false, maxKey)
	if n.Number < 0 || n.Number > maxNumber {
		found = append(found, hub.Invalid("number", "range", "a number is from 1 to %d", maxNumber))
	}
	if err := found.AsError(); err != nil {
		return hub.OutgoingNumber{}, err
	}
	return s.Store.TakeOutgoing(ctx, n)
}

// Next is the number that would be taken now; nothing is.
func (s *Service) Next(ctx context.Context, actor hub.Actor, agency hub.AgencyID, year int, kind string) (int64, error) {
	if err := actor.SpeaksFor(agency, hub.ScopeSubmit); err != nil {
		return 0, err
	}
	year, err := s.year(year)
	if err != nil {
		return 0, err
	}
	kind = tidy(kind)
	if err := text(nil, "kind", kind, true, maxKind).AsError(); err != nil {
		return 0, err
	}
	return s.Store.NextOutgoing(ctx, agency, year, kind)
}

// Cancel gives a number up for good, with the reason. Errors: those of Store; KindInvalid
// with the field.
func (s *Service) Cancel(ctx context.Context, actor hub.Actor, agency hub.AgencyID, year int, number int64, notation, reason string) (hub.OutgoingNumber, error) {
	if err := actor.SpeaksFor(agency, hub.ScopeSubmit); err != nil {
		return hub.OutgoingNumber{}, err
	}
	year, err := s.year(year)
	if err != nil {
		return hub.OutgoingNumber{}, err
	}
	n := hub.OutgoingNumber{Agency: agency, Year: year, Number: number, Notation: tidy(notation), Reason: strings.TrimSpace(reason), CancelledBy: actor.Name, CancelledAt: s.now()}
	found := text(nil, "notation", n.Notation, true, maxNotation)
	if err := text(found, "reason", n.Reason, true, maxReason).AsError(); err != nil {
		return hub.OutgoingNumber{}, err
	}
	return s.Store.CancelOutgoing(ctx, n)
}

// List is a page of the numbers of an agency in a year, by series and number, to who sends
// for the agency or reads what it sent. Year 0 is this one.
func (s *Service) List(ctx context.Context, actor hub.Actor, query hub.OutgoingQuery) (hub.List[hub.OutgoingNumber], error) {
	if actor.SpeaksFor(query.Agency, hub.ScopeSubmit) != nil {
		if err := actor.SpeaksFor(query.Agency, hub.ScopeRead); err != nil {
			return hub.List[hub.OutgoingNumber]{}, err
		}
	}
	switch query.State {
	case "", hub.NumberReserved, hub.NumberUsed, hub.NumberCancelled:
	default:
		return hub.List[hub.OutgoingNumber]{}, hub.Invalid("state", "code_list", "%.20q is none of reserved, used, cancelled", string(query.State))
	}
	if query.Year == 0 {
		query.Year, _ = s.year(0)
	}
	if query.Page.Limit <= 0 || query.Page.Limit > maxPage {
		query.Page.Limit = min(max(query.Page.Limit, 50), maxPage)
	}
	return s.Store.OutgoingNumbers(ctx, query)
}

func tidy(s string) string { return strings.Join(strings.Fields(s), " ") }

func text(found hub.Violations, field, value string, required bool, longest int) hub.Violations {
	switch {
	case required && value == "":
		return append(found, hub.Invalid(field, "required", "%s is missing", field))
	case !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl):
		return append(found, hub.Invalid(field, "control_character", "%s is plain text", field))
	case utf8.RuneCountInString(value) > longest:
		return append(found, hub.Invalid(field, "max_length", "%s has at most %d characters", field, longest))
	}
	return found
}
