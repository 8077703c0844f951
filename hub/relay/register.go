package relay

import (
	"context"
	"errors"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// registered is what the axis was asked to register.
type registered struct {
	Unit  hub.AxisUnit `json:"unit"`
	At    time.Time    `json:"at"`
	Error string       `json:"error,omitempty"`
}

// keepRegister asks the axis now and then to register the agencies of this hub that it
// does not know. It asks once for each: an axis may leave that to its operator.
func (s *Service) keepRegister(ctx context.Context) error {
	s.mu.Lock()
	due := !s.NoWishes && s.now().Sub(s.looked) >= s.LookEvery
	s.mu.Unlock()
	if !due {
		return nil
	}
	units, err := s.Register.Units(ctx)
	if err != nil {
		return err
	}
	there := make(map[string]bool, len(units))
	for _, u := range units {
		there[u.Code] = true
	}
	var all []error
	for page := (hub.Page{Limit: agencyPage}); ctx.Err() == nil; {
		list := s.Directory.Search("", s.now(), page)
		for i := range list.Items {
			a := &list.Items[i]
			if s.ours(a) && !there[string(a.CodeAt(s.now()))] {
				all = append(all, s.register(ctx, a))
			}
		}
		if page.After = list.Next; list.Next == "" {
			break
		}
	}
	if err := errors.Join(all...); err != nil {
		return err
	}
	s.mu.Lock()
	s.looked = s.now()
	s.mu.Unlock()
	return nil
}

// register asks the axis to register an agency, unless it was asked for the same before.
func (s *Service) register(ctx context.Context, a *hub.Agency) error {
	u := s.unitOf(a)
	name := agencyNotes + named(u.Code)
	var before registered
	if _, found, err := s.load(ctx, name, &before); err != nil || found && before.Error == "" && before.Unit == u {
		return err
	}
	asked := registered{Unit: u, At: s.now()}
	err := s.Register.Register(ctx, u)
	if err != nil {
		asked.Error = hub.ViolationsOf(err)[0].Message
		if !permanent(err) && hub.KindOf(err) != hub.KindDenied {
			return err
		}
		s.Log.WarnContext(ctx, "the axis does not register an agency", "code", u.Code, "error", err)
	}
	n, err := note(name, &asked)
	if err != nil {
		return err
	}
	return s.Notes.SaveNotes(ctx, n)
}

func (s *Service) unitOf(a *hub.Agency) hub.AxisUnit {
	now := s.now()
	contact, _ := hub.At(a.Contacts, now)
	u := hub.AxisUnit{
		ID: string(a.ID), Code: string(a.CodeAt(now)), Name: a.NameAt(now), Email: contact.Email, Phone: contact.Telephone, Fax: contact.Fax,
	}
	if parent, ok := hub.At(a.Parents, now); ok {
		if above, ok := s.Directory.ByID(parent); ok {
			u.Parent = string(above.CodeAt(now))
		}
	}
	return u
}

// Units lists the register of the axis, with what this hub knows of each agency.
func (s *Service) Units(ctx context.Context, actor hub.Actor) ([]hub.AxisUnit, error) {
	if err := actor.Require(hub.ScopeOperate); err != nil {
		return nil, err
	}
	units, err := s.Register.Units(ctx)
	for i := range units {
		r, err := s.Directory.Resolve(units[i].Code, s.now())
		units[i].Known = err == nil
		units[i].Local = err == nil && !s.behind(r.Agency)
	}
	return units, err
}
