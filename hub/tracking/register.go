package tracking

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// RegisterStore keeps the numbers of registers of incoming documents.
type RegisterStore interface {
	// TakeNumber gives a number to a delivery for good; the same again is no error,
	// KindConflict when another delivery has it. It MUST be durable when it returns.
	TakeNumber(ctx context.Context, n hub.RegisterNumber) error
	// LastNumber is the highest number of a year; 0 without one.
	LastNumber(ctx context.Context, agency hub.AgencyID, year int) (int64, error)
}

// NextNumber proposes the number (số đến) for a document that the agency registers on
// this hub today. It counts on from the highest one of the year; nothing is reserved.
func (s *Service) NextNumber(ctx context.Context, actor hub.Actor, agency hub.AgencyID) (hub.Registration, error) {
	if err := actor.SpeaksFor(agency, hub.ScopeCollect); err != nil {
		return hub.Registration{}, err
	}
	today := s.now().In(hub.Vietnam())
	last, err := s.Registers.LastNumber(ctx, agency, today.Year())
	return hub.Registration{Number: strconv.FormatInt(last+1, 10), Date: hub.Date(today.Format(time.DateOnly))}, err
}

// Register is how an agency takes a document that keeps its register on this hub: it
// acknowledges the digests, unless that was done, and enters the document under a
// number that no other has in the year of the date. An agency that does not register
// acknowledges only, and says nothing of a number. The same again gives the first
// evidence. An agency whose own system keeps the register uses Acknowledge and Accept,
// and the hub does not look at its numbers. Errors: those of both; KindConflict with
// the field "number" when the number is taken, with nothing done.
//
// A number stays with its delivery even if the registration then fails, so that no two
// documents ever have the same.
func (s *Service) Register(ctx context.Context, actor hub.Actor, id hub.DeliveryID, digests map[string]hub.Digest, r hub.Registration) (hub.SealedEvidence, error) {
	item, err := s.own(ctx, actor, id)
	if err != nil {
		return hub.SealedEvidence{}, err
	}
	if !item.Delivery.Registers {
		return s.Acknowledge(ctx, actor, id, 0, digests)
	}
	r.Number, r.Unit = strings.TrimSpace(r.Number), strings.TrimSpace(r.Unit)
	if err := checkRegistration(r); err != nil {
		return hub.SealedEvidence{}, err
	}
	switch item.Delivery.State {
	case hub.StateConsigned, hub.StateHandedOver:
		if err := s.takeNumber(ctx, &item.Delivery, r); err != nil {
			return hub.SealedEvidence{}, err
		}
	}
	if item.Delivery.State == hub.StateConsigned {
		if sealed, err := s.Acknowledge(ctx, actor, id, 0, digests); err != nil {
			return sealed, err
		}
	}
	return s.Accept(ctx, actor, id, r)
}

func (s *Service) takeNumber(ctx context.Context, d *hub.Delivery, r hub.Registration) error {
	day, err := time.Parse(time.DateOnly, string(r.Date))
	if err != nil {
		return hub.Invalid("date", "date", "the date of registration has the form YYYY-MM-DD and exists")
	}
	return s.Registers.TakeNumber(ctx, hub.RegisterNumber{Agency: d.Recipient, Year: day.Year(), Number: entry(r.Number), Delivery: d.ID})
}

// entry is a number as the register holds it: 07 is 7.
func entry(number string) string {
	if bare := strings.TrimLeft(number, "0"); bare != "" && bare[0] >= '0' && bare[0] <= '9' {
		return bare
	}
	return number
}
