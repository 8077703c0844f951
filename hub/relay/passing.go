package relay

import (
	"context"
	"strings"

	"github.com/lienthong/lienthong/hub"
)

// List tells how all passages go, by system, those that are off included. It needs
// ScopeOperate or ScopeAudit.
func (p *Passages) List(ctx context.Context, actor hub.Actor) ([]hub.PassageStatus, error) {
	if err := actor.Oversees(); err != nil {
		return nil, err
	}
	if err := p.Refresh(ctx); err != nil {
		return nil, err
	}
	all := []hub.PassageStatus{}
	for _, here := range p.known.Load().ordered() {
		st, err := p.look(ctx, here)
		if err != nil {
			return nil, err
		}
		all = append(all, st)
	}
	return all, nil
}

func (p *Passages) look(ctx context.Context, here *passage) (hub.PassageStatus, error) {
	st := hub.PassageStatus{Passage: here.Passage}
	var err error
	if st.Axis, err = here.service.Look(ctx); err != nil || here.State == hub.PassageOff {
		return st, err
	}
	st.Left, err = p.left(ctx, here)
	return st, err
}

// left counts what must come to its end before a passage can.
func (p *Passages) left(ctx context.Context, here *passage) (hub.PassageLeft, error) {
	here.service.mu.Lock()
	left := hub.PassageLeft{Statuses: here.service.waiting, Unconfirmed: here.service.untold}
	here.service.mu.Unlock()
	if err := each(ctx, here.service.Notes, onwardNotes, func(string, hub.HeldPackage) (bool, error) {
		left.Statuses++
		return left.Statuses < hub.MaxHeld, nil
	}); err != nil {
		return left, err
	}
	if here.State == hub.PassageLeaving {
		n, err := here.service.doubts(ctx)
		if left.Unconfirmed += n; err != nil {
			return left, err
		}
	}
	for _, id := range here.Agencies {
		actor := as(id)
		err := counting(&left.Boxes, func(page hub.Page) (hub.List[hub.Item], error) {
			return p.o.Boxes.Mailbox(ctx, actor, hub.MailboxQuery{Agency: id, Page: page})
		}, nil)
		if err == nil {
			err = counting(&left.Boxes, func(page hub.Page) (hub.List[hub.Notice], error) {
				return p.o.Notices.Notices(ctx, actor, id, page)
			}, nil)
		}
		if err == nil {
			var strays []hub.Stray
			strays, err = p.Strays(ctx, actor, id)
			left.Boxes += len(strays)
		}
		if err == nil {
			queued := []hub.DeliveryState{hub.StateQueued}
			err = counting(&left.Outgoing, func(page hub.Page) (hub.List[hub.SentItem], error) {
				return p.o.Store.Sent(ctx, hub.SentQuery{Agency: id, States: queued, Page: page})
			}, outgoing)
		}
		if err != nil {
			return left, err
		}
	}
	return left, nil
}

// outgoing reports whether a dispatch waits for the axis to take it over.
func outgoing(sent *hub.SentItem) bool {
	for i := range sent.Deliveries {
		if d := &sent.Deliveries[i]; d.Channel == hub.ChannelAxis && d.State == hub.StateQueued {
			return true
		}
	}
	return false
}

// counting adds to n what a listing has, up to hub.MaxHeld; which says what counts, nil:
// all.
func counting[T any](n *int, list func(hub.Page) (hub.List[T], error), which func(*T) bool) error {
	for page := (hub.Page{Limit: notePage}); *n < hub.MaxHeld; {
		l, err := list(page)
		if err != nil {
			return err
		}
		for i := range l.Items {
			if which == nil || which(&l.Items[i]) {
				*n++
			}
		}
		if page.After = l.Next; l.Next == "" {
			break
		}
	}
	return nil
}

// Status tells how the membership of the hub itself goes; KindNotFound without one.
func (p *Passages) Status(ctx context.Context, actor hub.Actor) (hub.AxisStatus, error) {
	if err := actor.Oversees(); err != nil {
		return hub.AxisStatus{}, err
	}
	if p.o.Own == nil {
		return hub.AxisStatus{}, noMember()
	}
	return p.o.Own.Status(ctx, actor)
}

func noMember() error {
	return hub.Errorf(hub.KindNotFound, "axis", "", "this hub is a member of no axis: its setting --axis is empty")
}

// Units lists the register of the axis of which the hub is a member.
func (p *Passages) Units(ctx context.Context, actor hub.Actor) ([]hub.AxisUnit, error) {
	if err := actor.Require(hub.ScopeOperate); err != nil {
		return nil, err
	}
	if p.o.Own == nil {
		return nil, noMember()
	}
	return p.o.Own.Units(ctx, actor)
}

// member is a membership with the system of its passage, "" for that of the hub.
type member struct {
	system string
	*Service
}

// memberships are that of the hub, and then by system those that pass through or leave.
func (p *Passages) memberships(ctx context.Context) ([]member, error) {
	var all []member
	if p.o.Own != nil {
		all = append(all, member{"", p.o.Own})
	}
	if err := p.Refresh(ctx); err != nil {
		return nil, err
	}
	for _, here := range p.known.Load().ordered() {
		if here.State != hub.PassageOff {
			all = append(all, member{here.System, here.service})
		}
	}
	return all, nil
}

// idCut stands in the id of a held package behind the system of its passage: each axis
// gives ids of its own, and one axis may give several systems the same.
const idCut = ":"

// called is what a held package is called among those of all memberships.
func (m *member) called(held hub.HeldPackage) hub.HeldPackage {
	if m.system != "" {
		held.ID = m.system + idCut + held.ID
	}
	return held
}

// Held lists what is held by all memberships; see Service.Held. The ids of what systems
// that pass through have begin with these.
func (p *Passages) Held(ctx context.Context, actor hub.Actor, page hub.Page) (hub.List[hub.HeldPackage], error) {
	var list hub.List[hub.HeldPackage]
	if err := actor.Oversees(); err != nil {
		return list, err
	}
	all, err := p.memberships(ctx)
	if err != nil {
		return list, err
	}
	limit := min(max(page.Limit, 1), hub.MaxHeld)
	system, after, _ := strings.Cut(page.After, cursorCut)
	for i := range all {
		m := &all[i]
		if m.system < system {
			continue
		}
		if len(list.Items) == limit {
			list.Next = m.system + cursorCut
			break
		}
		from := hub.Page{Limit: limit - len(list.Items)}
		if m.system == system {
			from.After = after
		}
		more, err := m.Held(ctx, actor, from)
		if err != nil {
			return list, err
		}
		for _, held := range more.Items {
			list.Items = append(list.Items, m.called(held))
		}
		if more.Next != "" {
			list.Next = m.system + cursorCut + more.Next
			break
		}
	}
	return list, nil
}

// cursorCut stands in a cursor behind the system, which has no blanks.
const cursorCut = " "

// holding finds the membership that holds a package, and the id of the package there. An
// id as its axis gives it will do where no other membership holds one of that id.
func (p *Passages) holding(ctx context.Context, id string) (holder *member, there string, err error) {
	all, err := p.memberships(ctx)
	if err != nil {
		return nil, "", err
	}
	var others []string
	for i := range all {
		m := &all[i]
		names := []string{id}
		if rest, its := strings.CutPrefix(id, m.system+idCut); its && m.system != "" {
			names = []string{rest, id}
		}
		for n, name := range names {
			_, _, err := m.find(ctx, name)
			switch {
			case err != nil && hub.KindOf(err) != hub.KindNotFound:
				return nil, "", err
			case err != nil:
				continue
			case m.system == "" || n < len(names)-1: // so it is listed
				return m, name, nil
			}
			holder, there, others = m, name, append(others, m.system+idCut+name)
		}
	}
	switch len(others) {
	case 0:
		return nil, "", hub.Errorf(hub.KindNotFound, "package", "", "no package with this id is held")
	case 1:
		return holder, there, nil
	}
	return nil, "", hub.Errorf(hub.KindConflict, "package", "ambiguous", "several packages have this id: name one of %s", strings.Join(others, ", "))
}

// Open opens the bytes of a held package as they came; see Service.Open.
func (p *Passages) Open(ctx context.Context, actor hub.Actor, id string) (part hub.Part, content hub.Blob, err error) {
	if err := actor.Require(hub.ScopeOperate); err != nil {
		return part, nil, err
	}
	m, there, err := p.holding(ctx, id)
	if err != nil {
		return part, nil, err
	}
	return m.Open(ctx, actor, there)
}

// Retry has a held package tried again; see Service.Retry.
func (p *Passages) Retry(ctx context.Context, actor hub.Actor, id string) (held hub.HeldPackage, err error) {
	if err := actor.Require(hub.ScopeOperate); err != nil {
		return held, err
	}
	m, there, err := p.holding(ctx, id)
	if err != nil {
		return held, err
	}
	held, err = m.Retry(ctx, actor, there)
	return m.called(held), err
}

// GiveUp ends the waiting of a held package; see Service.GiveUp.
func (p *Passages) GiveUp(ctx context.Context, actor hub.Actor, id, reason string) error {
	if err := actor.Require(hub.ScopeOperate); err != nil {
		return err
	}
	m, there, err := p.holding(ctx, id)
	if err != nil {
		return err
	}
	return m.GiveUp(ctx, actor, there, reason)
}

// Fault tells why a passage wants somebody's attention; nil for none. An axis is given
// some time before its silence is one.
func (p *Passages) Fault(ctx context.Context, silence func(hub.AxisStatus) bool) error {
	for _, here := range p.known.Load().ordered() {
		if here.State == hub.PassageOff {
			continue
		}
		st, err := here.service.Fault(ctx)
		switch {
		case err != nil:
			return err
		case silence(st):
			return hub.Errorf(hub.KindUnavailable, "", "axis_of_system_silent", "the axis of the system %s did not answer lately: %s", here.System, st.LastError)
		case st.Held > 0:
			return hub.Errorf(hub.KindUnavailable, "", "axis_of_system_held", "%d packages of the system %s wait for the operator: lienthong axis held", st.Held, here.System)
		}
	}
	return nil
}
