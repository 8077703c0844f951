package relay

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// SwitchOn has a system pass through: from now on the hub takes what waits for it on its
// axis. The axis is asked first, with the secret: where it does not know the system,
// nothing changes. The agencies are reached here from then on, and agencies in the
// register of the axis which the directory does not have are added to it as behind the
// axis. It may be repeated, with another secret too; with another endpoint only after the
// passage went off. It needs ScopeOperate.
func (p *Passages) SwitchOn(ctx context.Context, actor hub.Actor, wish hub.PassageWish) (hub.PassageStatus, error) {
	var none hub.PassageStatus
	if err := actor.Require(hub.ScopeOperate); err != nil {
		return none, err
	}
	if err := p.Refresh(ctx); err != nil {
		return none, err
	}
	before := p.known.Load().bySystem[wish.System]
	if err := p.check(&wish); err != nil {
		return none, err
	}
	if err := p.nothingThere(ctx, wish.Agencies); err != nil {
		return none, err
	}
	line := p.o.Connect(wish.Endpoint, wish.System, func() (string, error) { return wish.Secret, nil })
	if _, err := line.Waiting(ctx, hub.PackageStatus); err != nil {
		return none, refusedThere(err)
	}
	units, err := line.Units(ctx)
	if err != nil {
		return none, refusedThere(err)
	}
	if before != nil && before.State == hub.PassageLeaving && !before.Ended.IsZero() { // its secrets are being revoked: none of them serves
		keys, err := p.secrets(ctx, actor, &before.Passage)
		if err == nil {
			err = p.revoke(ctx, actor, keys)
		}
		if err != nil {
			return none, err
		}
	}
	away := slices.DeleteFunc(slices.Clone(wish.Agencies), func(id hub.AgencyID) bool {
		a, ok := p.o.Directory.ByID(id)
		return ok && a.ChannelAt(p.o.Now()) != hub.ChannelAxis
	})
	if err := p.o.Moves.SetChannel(ctx, actor, away, hub.ChannelPull); err != nil {
		return none, err
	}
	key, err := p.letIn(ctx, actor, &wish, away, units)
	if err != nil {
		return none, errors.Join(err, p.o.Moves.SetChannel(ctx, actor, away, hub.ChannelAxis))
	}
	return p.set(ctx, before, &hub.Passage{
		System: wish.System, Endpoint: wish.Endpoint, Agencies: wish.Agencies, Secret: key.ID, State: hub.PassageOn, By: actor.Name,
	})
}

// letIn gives a system access whose agencies are reached here from now on; away are those
// that were not. They are at the axis again where it fails.
func (p *Passages) letIn(ctx context.Context, actor hub.Actor, wish *hub.PassageWish, away []hub.AgencyID, units []hub.AxisUnit) (hub.APIKey, error) {
	if err := p.nothingThere(ctx, away); err != nil { // it was sent while the axis was asked
		return hub.APIKey{}, err
	}
	key, err := p.adopt(ctx, actor, wish.System, wish.Agencies, wish.Secret)
	if err != nil {
		return key, err
	}
	return key, p.o.Moves.AddBehind(ctx, actor, slices.DeleteFunc(units, func(u hub.AxisUnit) bool {
		_, err := p.o.Directory.Resolve(u.Code, p.o.Now())
		return err == nil
	}))
}

// nothingThere refuses a move while documents of this hub wait at the axis for one of the
// agencies, or are on their way to it: what the passage took of them would be what the hub
// has, and the word of the axis about it would be the hub's own.
func (p *Passages) nothingThere(ctx context.Context, agencies []hub.AgencyID) error {
	for _, id := range agencies {
		n := 0
		err := counting(&n, func(page hub.Page) (hub.List[hub.Item], error) {
			return p.o.Stored.Mailbox(ctx, hub.MailboxQuery{
				Agency: id, States: []hub.DeliveryState{hub.StateQueued, hub.StateConsigned}, Now: p.o.Now(), Page: page,
			})
		}, func(item *hub.Item) bool { return item.Delivery.Channel == hub.ChannelAxis })
		if err != nil {
			return err
		}
		if n > 0 {
			return hub.Errorf(hub.KindConflict, "agencies", "waiting",
				"%d documents that this hub handed over to the axis for one of them have not arrived: let its software fetch them there, and try again", n)
		}
	}
	return nil
}

// refusedThere is the error of an axis that does not let a system in.
func refusedThere(err error) error {
	switch message := hub.ViolationsOf(err)[0].Message; hub.KindOf(err) {
	case hub.KindUntrusted, hub.KindDenied:
		return hub.Invalid("secret", "axis", "%s", message)
	case hub.KindNotFound, hub.KindInvalid, hub.KindUnsupported:
		return hub.Invalid("endpoint", "axis", "%s", message)
	}
	return err
}

// maxEndpoint bounds the address of an axis, in bytes.
const maxEndpoint = 500

func (p *Passages) check(wish *hub.PassageWish) error {
	var v hub.Violations
	u, err := url.Parse(wish.Endpoint)
	if err != nil || len(wish.Endpoint) > maxEndpoint || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		v = append(v, hub.Invalid("endpoint", "url", "the endpoint of an axis is of the form https://HOST/PATH"))
	}
	if wish.System == "" {
		v = append(v, hub.Invalid("system", "required", "as which system is it known on the axis?"))
	}
	if len(wish.Agencies) == 0 {
		v = append(v, hub.Invalid("agencies", "required", "name the agencies for which the system speaks"))
	}
	known := p.known.Load()
	for _, id := range wish.Agencies {
		if other := known.byAgency[id]; other != nil && other.System != wish.System {
			v = append(v, hub.Errorf(hub.KindConflict, "agencies", "state", "another system passes through for one of them: %s", other.System))
		}
	}
	here := known.bySystem[wish.System]
	if here != nil && here.State != hub.PassageOff && !sameAgencies(here.Agencies, wish.Agencies) {
		v = append(v, hub.Errorf(hub.KindConflict, "agencies", "state", "the system passes through for other agencies: switch that off first, and wait until it is"))
	}
	if here != nil && here.State != hub.PassageOff && here.Endpoint != wish.Endpoint {
		v = append(v, hub.Errorf(hub.KindConflict, "endpoint", "state", "the system passes through to another axis: switch that off first, and wait until it is"))
	}
	return v.AsError()
}

func sameAgencies(a, b []hub.AgencyID) bool {
	return slices.Equal(slices.Compact(slices.Sorted(slices.Values(a))), slices.Compact(slices.Sorted(slices.Values(b))))
}

// set saves a passage in the place of the one that was read, and tells how it goes.
func (p *Passages) set(ctx context.Context, was *passage, record *hub.Passage) (hub.PassageStatus, error) {
	record.Since = p.o.Now().UTC().Truncate(time.Millisecond)
	if err := p.save(ctx, was, record); err != nil {
		return hub.PassageStatus{}, err
	}
	p.o.Log.InfoContext(ctx, "a pass-through is switched", "system", record.System, "state", record.State, "by", record.By)
	return p.look(ctx, p.known.Load().bySystem[record.System])
}

// save saves a passage in the place of the one that was read; nil: of none. KindConflict
// where it was switched since.
func (p *Passages) save(ctx context.Context, was *passage, record *hub.Passage) error {
	name := switchNotes + named(record.System)
	before := gone(name)
	if was != nil {
		before = was.note
	}
	next, err := note(name, record)
	if err != nil {
		return err
	}
	if err := p.o.Notes.SwapNote(ctx, before, next); err != nil {
		return err
	}
	return p.Refresh(ctx)
}

// SwitchOff has a system leave: nothing more is taken from its axis, and the passage goes
// off by itself when the system has taken what waits for it here, and the axis what it
// sent. Until then the system goes on speaking to this hub. It needs ScopeOperate.
// KindNotFound for a system that does not pass through.
func (p *Passages) SwitchOff(ctx context.Context, actor hub.Actor, system string) (hub.PassageStatus, error) {
	if err := actor.Require(hub.ScopeOperate); err != nil {
		return hub.PassageStatus{}, err
	}
	here, err := p.find(ctx, system)
	if err != nil || here.State != hub.PassageOn {
		if err != nil {
			return hub.PassageStatus{}, err
		}
		return p.look(ctx, here)
	}
	record := here.Passage
	record.State, record.By = hub.PassageLeaving, actor.Name
	return p.set(ctx, here, &record)
}

func (p *Passages) find(ctx context.Context, system string) (*passage, error) {
	if err := p.Refresh(ctx); err != nil {
		return nil, err
	}
	here := p.known.Load().bySystem[system]
	if here == nil {
		return nil, hub.Errorf(hub.KindNotFound, "system", "", "no system %.40q passes through", system)
	}
	return here, nil
}

// finish ends a passage that has nothing left. The system is shut out first: what it
// sent in that instant is brought to its end too. What is held was not acknowledged, so
// the axis has it for the system.
func (p *Passages) finish(ctx context.Context, here *passage) error {
	operator := hub.Actor{Name: here.By, Kind: hub.ActorOperator, Scopes: []hub.Scope{hub.ScopeOperate}}
	// Only now that nothing is being taken: what was would go back to the axis.
	if n, err := here.service.doubts(ctx); err != nil || n > 0 {
		return err
	}
	if err := p.o.Moves.SetChannel(ctx, operator, here.Agencies, hub.ChannelAxis); err != nil {
		return err
	}
	left, err := p.left(ctx, here)
	switch {
	case err != nil:
		return err
	case left.Boxes > 0 && !here.Ended.IsZero():
		return p.admit(ctx, operator, here)
	case !left.Nothing():
		return nil
	}
	here, err = p.shut(ctx, operator, here)
	if err != nil || here.State != hub.PassageLeaving || p.o.Now().Sub(here.Ended) < p.o.Grace {
		return err // the next rounds see whether another node let it in meanwhile
	}
	if left, err = p.left(ctx, here); err != nil || !left.Nothing() {
		return err
	}
	if err := here.service.dropHeld(ctx); err != nil {
		return err
	}
	record := here.Passage
	record.State = hub.PassageOff
	_, err = p.set(ctx, here, &record)
	return err
}

// shut lets a system in no more for the agencies of its passage, with whatever secret, and
// returns the passage as it is then. That it ends is saved first: whoever switches the passage on meanwhile, or did,
// and this can't both succeed. The time of grace begins when no secret is left.
func (p *Passages) shut(ctx context.Context, operator hub.Actor, here *passage) (*passage, error) {
	keys, err := p.secrets(ctx, operator, &here.Passage)
	if err != nil {
		return here, err
	}
	if !here.Ended.IsZero() && len(keys) == 0 {
		return here, nil
	}
	record := here.Passage
	record.Ended = p.o.Now().UTC().Truncate(time.Millisecond)
	if err := p.save(ctx, here, &record); err != nil {
		return here, err
	}
	if err := p.revoke(ctx, operator, keys); err != nil {
		return here, err
	}
	return p.known.Load().bySystem[here.System], nil
}

// admit lets a system in again that was shut out, for what came into its box meanwhile.
// What is left of its secrets may be ending on another node: none of them serves.
func (p *Passages) admit(ctx context.Context, operator hub.Actor, here *passage) error {
	secret, err := p.o.Secrets.SystemSecret(ctx, here.Secret)
	if err != nil {
		return err
	}
	keys, err := p.secrets(ctx, operator, &here.Passage)
	if err == nil {
		err = p.revoke(ctx, operator, keys)
	}
	if err != nil {
		return err
	}
	key, err := p.adopt(ctx, operator, here.System, here.Agencies, secret)
	if err != nil {
		return err
	}
	record := here.Passage
	record.Ended, record.Secret = time.Time{}, key.ID
	p.o.Log.InfoContext(ctx, "a system that leaves is let in again: something came for it", "system", here.System)
	return p.save(ctx, here, &record)
}

func (p *Passages) adopt(ctx context.Context, actor hub.Actor, system string, agencies []hub.AgencyID, secret string) (hub.APIKey, error) {
	return p.o.Secrets.Adopt(ctx, actor, hub.APIKey{
		Name: "pass-through " + system, System: system, Kind: hub.ActorSystem, Agencies: agencies,
		Scopes: []hub.Scope{hub.ScopeSubmit, hub.ScopeCollect, hub.ScopeRead},
	}, secret)
}

// secrets are the keys with which a system is let in for an agency of its passage.
func (p *Passages) secrets(ctx context.Context, operator hub.Actor, of *hub.Passage) ([]hub.APIKey, error) {
	keys, err := p.o.Secrets.List(ctx, operator)
	return slices.DeleteFunc(keys, func(k hub.APIKey) bool {
		passes := func(id hub.AgencyID) bool { return slices.Contains(of.Agencies, id) }
		return k.System != of.System || !k.LiveAt(p.o.Now()) || !slices.ContainsFunc(k.Agencies, passes)
	}), err
}

func (p *Passages) revoke(ctx context.Context, operator hub.Actor, keys []hub.APIKey) error {
	for i := range keys {
		if err := p.o.Secrets.Revoke(ctx, operator, keys[i].ID, time.Time{}); err != nil {
			return err
		}
	}
	return nil
}

// doubts counts what may be in the exchange and of which that is not noted, up to
// hub.MaxHeld.
func (s *Service) doubts(ctx context.Context) (n int, err error) {
	err = each(ctx, s.Notes, heldNotes, func(_ string, held hub.HeldPackage) (bool, error) {
		if inDoubt(&held) {
			n++
		}
		return n < hub.MaxHeld, nil
	})
	return n, err
}

// dropHeld forgets what is held: the axis has it still.
func (s *Service) dropHeld(ctx context.Context) error {
	var drop []hub.RetentionNote
	err := each(ctx, s.Notes, heldNotes, func(id string, held hub.HeldPackage) (bool, error) {
		if drop = append(drop, gone(heldNotes+id)); held.Package != nil {
			drop = append(drop, gone(keepHeld(&held).Name))
		}
		return true, nil
	})
	if err != nil || len(drop) == 0 {
		return err
	}
	return s.Notes.SaveNotes(ctx, drop...)
}
