package relay

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// PassageOptions configure Passages. All fields but Own and Grace are required.
type PassageOptions struct {
	Options // of each passage, but Axis, Register, Endpoint and System
	Own     *Service
	// Connect speaks to an axis as a system; secret is asked for each call.
	Connect func(endpoint, system string, secret func() (string, error)) Line
	Secrets Secrets
	Moves   Moves
	Boxes   Boxes
	Stored  Stored
	// Grace is how long after its secret ended another node may still let a system in, and
	// something may still come for it.
	Grace time.Duration
}

// Line is an axis as one system sees it.
type Line interface {
	Axis
	Register
}

// Secrets keep what systems sign with.
type Secrets interface {
	// Adopt lets a system in with the secret that it has.
	Adopt(ctx context.Context, actor hub.Actor, key hub.APIKey, secret string) (hub.APIKey, error)
	// SystemSecret is the secret in a key, also of one that has ended.
	SystemSecret(ctx context.Context, id string) (string, error)
	List(ctx context.Context, actor hub.Actor) ([]hub.APIKey, error)
	// Revoke ends a key, now with the zero time.
	Revoke(ctx context.Context, actor hub.Actor, id string, at time.Time) error
}

// Moves keep the directory true to where agencies are.
type Moves interface {
	// SetChannel says how agencies are reached from now on.
	SetChannel(ctx context.Context, actor hub.Actor, agencies []hub.AgencyID, channel hub.Channel) error
	// AddBehind adds agencies that are reached over the axis.
	AddBehind(ctx context.Context, actor hub.Actor, units []hub.AxisUnit) error
}

// Boxes tell what waits for an agency.
type Boxes interface {
	Mailbox(ctx context.Context, actor hub.Actor, query hub.MailboxQuery) (hub.List[hub.Item], error)
}

// Stored lists deliveries as they are, those at the axis too.
type Stored interface {
	Mailbox(ctx context.Context, query hub.MailboxQuery) (hub.List[hub.Item], error)
}

// Passages stand between present systems and their present axis, each with credentials of
// its own, beside the membership of the hub. They are safe for concurrent use.
//
// A passage is a membership as Service describes it for the agencies of one system. What
// the operator switches is a note, read by all nodes; each act of a system's agencies goes
// through one membership, and what one has begun it ends.
type Passages struct {
	o     PassageOptions
	mu    sync.Mutex // of refresh
	known atomic.Pointer[roll]
	// readers are, by system, the agencies behind the axis for whom its agencies said
	// something, as of the last look; nil where that look failed.
	readers atomic.Pointer[map[string][]hub.AgencyID]
}

// roll is who passes through, as read at an instant. It does not change.
type roll struct {
	bySystem map[string]*passage
	byAgency map[hub.AgencyID]*passage // of those that are not off
}

// passage is a system with its membership.
type passage struct {
	hub.Passage
	service *Service
	note    hub.RetentionNote
	running *atomic.Bool
}

// switchNotes hold what the operator switched, by system: hub.Passage.
const switchNotes = hub.RelayNotes + "switch/"

// NewPassages returns Passages that know nobody before Refresh.
func NewPassages(o PassageOptions) *Passages {
	o.Options = o.Options.withDefaults()
	p := &Passages{o: o}
	p.known.Store(&roll{})
	return p
}

// SetOwn names the membership of the hub itself, before anything is asked of p.
func (p *Passages) SetOwn(own *Service) { p.o.Own = own }

// Passing reports whether an agency's system passes through, or is leaving.
func (p *Passages) Passing(agency hub.AgencyID) bool { return p.known.Load().byAgency[agency] != nil }

// Of is the passage of an agency's system; nil where it does not pass through.
func (p *Passages) Of(ctx context.Context, agency hub.AgencyID) (*hub.Passage, error) {
	if err := p.Refresh(ctx); err != nil {
		return nil, err
	}
	if here := p.known.Load().byAgency[agency]; here != nil {
		return &here.Passage, nil
	}
	return nil, nil //nolint:nilnil // there is none
}

// Refresh reads what the operator switched, on this node or another.
func (p *Passages) Refresh(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	before := p.known.Load()
	next := &roll{bySystem: map[string]*passage{}, byAgency: map[hub.AgencyID]*passage{}}
	err := each(ctx, p.o.Notes, switchNotes, func(name string, raw json.RawMessage) (bool, error) {
		n := hub.RetentionNote{Name: switchNotes + name, Body: raw} // as it stands there
		var record hub.Passage
		if err := json.Unmarshal(raw, &record); err != nil {
			return false, hub.Internal("decode the note "+n.Name, err)
		}
		here := &passage{Passage: record, note: n}
		if was := before.bySystem[record.System]; was != nil && was.Endpoint == record.Endpoint && was.Secret == record.Secret {
			here.service, here.running = was.service, was.running
		} else {
			here.service, here.running = p.open(&record), &atomic.Bool{}
		}
		next.bySystem[record.System] = here
		if record.State != hub.PassageOff {
			for _, id := range record.Agencies {
				next.byAgency[id] = here
			}
		}
		return true, nil
	})
	if err == nil {
		p.known.Store(next)
	}
	return err
}

// open makes the membership of a passage.
func (p *Passages) open(record *hub.Passage) *Service {
	system, secret := record.System, record.Secret
	o := p.o.Options
	line := p.o.Connect(record.Endpoint, system, func() (string, error) {
		return p.o.Secrets.SystemSecret(context.Background(), secret)
	})
	o.Axis, o.Register, o.NoWishes, o.Trusting = line, line, true, true
	o.Endpoint, o.System, o.Notes = record.Endpoint, system, prefixed{p.o.Notes, system + "@" + record.Endpoint}
	o.Here = p.Passing
	o.Served = func(id hub.AgencyID) bool {
		here := p.known.Load().byAgency[id]
		return here != nil && here.System == system
	}
	o.Readers = func(ctx context.Context) ([]hub.AgencyID, error) {
		if all := p.readers.Load(); all != nil {
			return (*all)[system], nil
		}
		return readersIn(ctx, o, p.behind)
	}
	o.Leaving = func() bool {
		here := p.known.Load().bySystem[system]
		return here == nil || here.State != hub.PassageOn
	}
	return New(o)
}

// behind reports whether an agency is reached over an axis.
func (p *Passages) behind(a *hub.Agency) bool {
	return a.ChannelAt(p.o.Now().UTC()) == hub.ChannelAxis && !p.Passing(a.ID)
}

// findReaders looks once for all passages through the status messages that wait for
// agencies behind the axis: each passage then looks at those alone to whom its agencies
// said something, however many there are.
func (p *Passages) findReaders(ctx context.Context) error {
	p.readers.Store(nil)
	passing := p.known.Load().byAgency
	found := map[string][]hub.AgencyID{}
	if len(passing) > 0 {
		ids, err := readersIn(ctx, p.o.Options, p.behind)
		if err != nil {
			return err
		}
		for _, id := range ids {
			if err := p.speakers(ctx, id, func(reporter hub.AgencyID) {
				here := passing[reporter]
				if here == nil {
					return
				}
				if list := found[here.System]; len(list) == 0 || list[len(list)-1] != id {
					found[here.System] = append(list, id)
				}
			}); err != nil {
				return err
			}
		}
	}
	p.readers.Store(&found)
	return nil
}

// speakers names whoever has something to say to an agency.
func (p *Passages) speakers(ctx context.Context, agency hub.AgencyID, named func(reporter hub.AgencyID)) error {
	for page := (hub.Page{Limit: notePage}); ; {
		list, err := p.o.Notices.Notices(ctx, as(agency), agency, page)
		if err != nil {
			return err
		}
		for i := range list.Items {
			named(list.Items[i].Report.Reporter)
		}
		if page.After = list.Next; list.Next == "" {
			return nil
		}
	}
}

// ordered lists passages by system.
func (r *roll) ordered() []*passage {
	return slices.SortedFunc(maps.Values(r.bySystem), func(a, b *passage) int { return cmp.Compare(a.System, b.System) })
}

// Carry hands a dispatch over through the membership of its sender, or through that which
// has begun to.
func (p *Passages) Carry(ctx context.Context, item hub.Item) error {
	if err := p.Refresh(ctx); err != nil {
		return err
	}
	own, here := p.o.Own, p.known.Load().byAgency[item.Dispatch.Sender]
	if own != nil && here != nil {
		begun, err := own.began(ctx, item.Dispatch.ID)
		if err != nil {
			return err
		}
		if begun {
			here = nil
		}
	}
	switch {
	case here != nil:
		return here.service.Carry(ctx, item)
	case own != nil:
		return own.Carry(ctx, item)
	}
	return hub.Errorf(hub.KindUnavailable, "axis", "required", "this hub is a member of no axis now: its setting --axis is empty, and the system of %s does not pass through", item.Dispatch.SenderCode)
}

// began reports whether this membership has begun to hand a dispatch over.
func (s *Service) began(ctx context.Context, dispatch hub.DispatchID) (bool, error) {
	var sent sending
	_, found, err := s.load(ctx, sendingNotes+string(dispatch), &sent)
	return found, err
}

// Answer is what the axis answered to a dispatch, for the evidence; see Service.Answer.
func (p *Passages) Answer(ctx context.Context, item *hub.Item) string {
	answer := ""
	if p.o.Own != nil {
		answer = p.o.Own.Answer(ctx, item)
	}
	if here := p.known.Load().byAgency[item.Dispatch.Sender]; here != nil && answer == "" {
		answer = here.service.Answer(ctx, item)
	}
	return answer
}

// Hold keeps a dispatch from being handed over to any axis until release; see Service.Hold.
func (p *Passages) Hold(ctx context.Context, item *hub.Item) (release func(), err error) {
	var ways []*Service
	if p.o.Own != nil {
		ways = append(ways, p.o.Own)
	}
	if here := p.known.Load().byAgency[item.Dispatch.Sender]; here != nil {
		ways = append(ways, here.service)
	}
	var releases []func()
	release = func() {
		for _, release := range releases {
			release()
		}
	}
	for _, way := range ways {
		one, err := way.Hold(ctx, item.Dispatch.ID)
		if err != nil {
			release()
			return nil, err
		}
		releases = append(releases, one)
	}
	return release, nil
}

// maxRounds is how many passages are polled at a time.
const maxRounds = 16

// Lead polls for all passages at a steady pace until ctx ends. One node at a time does it.
// An axis that is slow for one system keeps no other waiting.
func (p *Passages) Lead(ctx context.Context, every time.Duration) error {
	var rounds sync.WaitGroup
	defer func() {
		rounds.Wait()
		for _, here := range p.known.Load().bySystem {
			here.service.leads.Store(false)
		}
	}()
	places := make(chan struct{}, maxRounds)
	for {
		if err := p.Refresh(ctx); err != nil && ctx.Err() == nil {
			p.o.Log.WarnContext(ctx, "who passes through cannot be read", "error", err)
		}
		if err := p.findReaders(ctx); err != nil && ctx.Err() == nil {
			p.o.Log.WarnContext(ctx, "each passage looks for its status messages by itself", "error", err)
		}
		for _, here := range p.known.Load().ordered() {
			if here.State == hub.PassageOff || !here.running.CompareAndSwap(false, true) {
				continue
			}
			rounds.Go(func() {
				defer here.running.Store(false)
				select {
				case places <- struct{}{}:
					defer func() { <-places }()
				case <-ctx.Done():
					return
				}
				if err := p.round(ctx, here); err != nil && ctx.Err() == nil {
					p.o.Log.WarnContext(ctx, "the axis of a system will be asked again", "system", here.System, "error", err)
				}
			})
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(every + p.o.Jitter(every/10)):
		}
	}
}

// Poll is one round for every passage, one after the other.
func (p *Passages) Poll(ctx context.Context) error {
	all := []error{p.Refresh(ctx), p.findReaders(ctx)}
	for _, here := range p.known.Load().ordered() {
		if here.State != hub.PassageOff {
			all = append(all, p.round(ctx, here))
		}
	}
	return errors.Join(all...)
}

// round polls for one passage and ends one that has nothing left.
func (p *Passages) round(ctx context.Context, here *passage) error {
	s := here.service
	s.leads.Store(true)
	err := s.Poll(ctx)
	s.mu.Lock()
	counted := s.counted
	s.mu.Unlock()
	if here.State != hub.PassageLeaving || !counted {
		return err
	}
	return errors.Join(err, p.finish(ctx, here))
}
