package tracking

import (
	"context"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// RegisterStore keeps the numbers of registers of incoming documents.
type RegisterStore interface {
	// TakeNumber gives a number to a delivery for good; the same again is no error,
	// KindConflict when another delivery has it. It MUST be durable when it returns.
	TakeNumber(ctx context.Context, n hub.RegisterNumber) error
	// NextNumber is the number that a delivery has in the register of a year already, else
	// the one behind the highest. Nothing is reserved.
	NextNumber(ctx context.Context, agency hub.AgencyID, year int, delivery hub.DeliveryID) (string, error)
	// AssignNumber gives a delivery its NextNumber for good: of calls for one delivery at
	// once all get the same. It MUST be durable when it returns.
	AssignNumber(ctx context.Context, agency hub.AgencyID, year int, delivery hub.DeliveryID) (string, error)
}

// NextNumber proposes the number (số đến) for a document that the agency registers on
// this hub today: the one that the delivery got when its registration failed, else the
// next of the year. Nothing is reserved.
func (s *Service) NextNumber(ctx context.Context, actor hub.Actor, agency hub.AgencyID, delivery hub.DeliveryID) (hub.Registration, error) {
	if err := actor.Receives(agency); err != nil {
		return hub.Registration{}, err
	}
	today := s.now().In(hub.Vietnam())
	number, err := s.Registers.NextNumber(ctx, s.numbers(agency), today.Year(), delivery)
	return hub.Registration{Number: number, Date: hub.Date(today.Format(time.DateOnly))}, err
}

// RegisterNext is Register with the next number and the date of today, however often and
// from how many sides it is asked for at once: a document gets one number and the register
// has no gap. It returns the registration, which is empty for an agency that does not
// register. The number comes after the acknowledgement, when the sender can no longer
// withdraw the document. Errors: those of Acknowledge and Accept.
func (s *Service) RegisterNext(ctx context.Context, actor hub.Actor, id hub.DeliveryID, digests map[string]hub.Digest) (hub.Registration, error) {
	item, err := s.own(ctx, actor, id)
	if err != nil {
		return hub.Registration{}, err
	}
	d := &item.Delivery
	switch {
	case d.State == hub.StateAccepted && d.Registration != nil:
		return *d.Registration, nil
	case d.State == hub.StateConsigned || !d.Registers:
		if _, err := s.Acknowledge(ctx, actor, id, 0, digests); err != nil || !d.Registers {
			return hub.Registration{}, err
		}
	case d.Final() || d.State != hub.StateHandedOver:
		return hub.Registration{}, hub.Errorf(hub.KindConflict, "registration", "state", "the delivery is %s and can't be registered", d.State)
	}
	today := s.now().In(hub.Vietnam())
	number, err := s.Registers.AssignNumber(ctx, s.numbers(d.Recipient), today.Year(), id)
	if err != nil {
		return hub.Registration{}, err
	}
	r := hub.Registration{Number: number, Date: hub.Date(today.Format(time.DateOnly))}
	_, err = s.Accept(ctx, actor, id, r)
	return r, err
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
	return s.Registers.TakeNumber(ctx, hub.RegisterNumber{Agency: s.numbers(d.Recipient), Year: day.Year(), Number: entry(r.Number), Delivery: d.ID})
}

// register is the agency whose register takes the documents of another that was handed over
// to it; "" where that keeps its own. A register stays as it is from the hand-over on.
func (s *Service) register(recipient hub.AgencyID, at time.Time) hub.AgencyID {
	a, ok := s.Directory.ByID(recipient)
	if !ok {
		return ""
	}
	return a.TookOverAt(at)
}

// numbers is the agency whose register gives a document of a recipient its number now.
func (s *Service) numbers(recipient hub.AgencyID) hub.AgencyID {
	if other := s.register(recipient, s.now()); other != "" {
		return other
	}
	return recipient
}

// entry is a number as the register holds it: 07 is 7.
func entry(number string) string {
	if bare := strings.TrimLeft(number, "0"); bare != "" && bare[0] >= '0' && bare[0] <= '9' {
		return bare
	}
	return number
}
