package relay_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest"
	"github.com/lienthong/lienthong/hub/relay"
)

// move is a hub through which systems pass, each with what it sees of the axis, and the
// keys and channels that the switches change.
type move struct {
	*fixture
	*relay.Passages
	seen    map[string]*axis      // by system
	keys    map[string]string     // secrets
	adopted map[string]hub.APIKey // by id, as keys
	revoked []string
	set     map[hub.AgencyID]hub.Channel
	added   []string
	other   []hub.APIKey // that the passages did not adopt
	grace   time.Duration

	onList func() // once, before keys are listed; nil: nothing
}

// secrets are the keys of a move.
type secrets struct{ *move }

func (s secrets) List(context.Context, hub.Actor) ([]hub.APIKey, error) {
	if act := s.onList; act != nil {
		s.onList = nil
		act()
	}
	all := slices.Clone(s.other)
	for id := range s.keys {
		all = append(all, s.adopted[id])
	}
	return slices.DeleteFunc(all, func(k hub.APIKey) bool { return slices.Contains(s.revoked, k.ID) }), nil
}

const secret = "a secret of a test"

func newMove(t *testing.T) *move {
	t.Helper()
	m := &move{
		fixture: newFixture(t), keys: map[string]string{}, adopted: map[string]hub.APIKey{}, set: map[hub.AgencyID]hub.Channel{},
		seen: map[string]*axis{"office": newAxis(), "bureau": newAxis()},
	}
	m.restart(t, false)
	return m
}

// restart is the hub after it was killed; member: it has a membership of its own.
func (m *move) restart(t *testing.T, member bool) {
	t.Helper()
	o := m.options
	o.Jitter = func(time.Duration) time.Duration { return 0 }
	m.Passages = relay.NewPassages(relay.PassageOptions{
		Options: o, Secrets: secrets{m}, Moves: m, Boxes: m.tracking, Stored: m.World, Grace: m.grace,
		Connect: func(_, system string, secret func() (string, error)) relay.Line { return line{m.seen[system], secret} },
	})
	if member {
		m.SetOwn(m.Service)
	}
	if err := m.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// line is an axis that asks for the secret.
type line struct {
	*axis
	secret func() (string, error)
}

func (l line) Waiting(ctx context.Context, kind hub.PackageKind) ([]hub.AxisRow, error) {
	if given, err := l.secret(); err != nil || given != secret {
		return nil, hub.Errorf(hub.KindUntrusted, "", "axis", "the axis answers 401")
	}
	return l.axis.Waiting(ctx, kind)
}

func (m *move) Adopt(ctx context.Context, _ hub.Actor, key hub.APIKey, secret string) (hub.APIKey, error) {
	if key.ID = "key of " + key.System; slices.Contains(m.revoked, key.ID) {
		key.ID += " again"
	}
	m.keys[key.ID], m.adopted[key.ID] = secret, key
	return key, ctx.Err()
}

func (m *move) SystemSecret(_ context.Context, id string) (string, error) { return m.keys[id], nil }

func (m *move) Revoke(_ context.Context, actor hub.Actor, id string, _ time.Time) error {
	m.revoked = append(m.revoked, id)
	return actor.Require(hub.ScopeOperate)
}

func (m *move) SetChannel(_ context.Context, _ hub.Actor, agencies []hub.AgencyID, channel hub.Channel) error {
	for _, id := range agencies {
		m.set[id] = channel
		a, _ := m.World.Directory.ByID(id)
		a.Channels = []hub.Dated[hub.Channel]{{Value: channel}}
	}
	return nil
}

func (m *move) AddBehind(_ context.Context, _ hub.Actor, units []hub.AxisUnit) error {
	for _, u := range units {
		m.added = append(m.added, u.Code)
	}
	return nil
}

func wishOf(system string, agencies ...hub.AgencyID) hub.PassageWish {
	return hub.PassageWish{System: system, Endpoint: "https://axis.example.vn/vxp", Agencies: agencies, Secret: secret}
}

func (m *move) on(t *testing.T, system string, agency hub.AgencyID) {
	t.Helper()
	if st, err := m.SwitchOn(t.Context(), operator(), wishOf(system, agency)); err != nil || st.State != hub.PassageOn {
		t.Fatal(st, err)
	}
}

// round polls for all; the clock goes on.
func (m *move) round(t *testing.T) {
	t.Helper()
	m.Clock.Advance(time.Hour)
	if err := m.Passages.Poll(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// box lists what waits for an agency, by external id.
func (m *move) box(t *testing.T, agency hub.AgencyID) []hub.Item {
	t.Helper()
	list, err := m.tracking.Mailbox(t.Context(), hubtest.System(agency), hub.MailboxQuery{Agency: agency, Page: hub.Page{Limit: 100}})
	if err != nil {
		t.Fatal(err)
	}
	return list.Items
}

// empty takes what waits for an agency.
func (m *move) empty(t *testing.T, agency hub.AgencyID) {
	t.Helper()
	for _, item := range m.box(t, agency) {
		digests := map[string]hub.Digest{}
		for _, p := range item.Dispatch.Parts {
			digests[p.ID] = p.Digest
		}
		if _, err := m.tracking.Acknowledge(t.Context(), hubtest.System(agency), item.Delivery.ID, 0, digests); err != nil {
			t.Fatal(err)
		}
	}
}

// emptyNotices takes the status messages that wait for an agency.
func (m *move) emptyNotices(t *testing.T, agency hub.AgencyID) {
	t.Helper()
	list, err := m.tracking.Notices(t.Context(), hubtest.System(agency), agency, hub.Page{Limit: 100})
	for i := range list.Items {
		err = errors.Join(err, m.tracking.TakeNotice(t.Context(), hubtest.System(agency), list.Items[i].Report.ID))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// consigned settles a delivery that was carried.
func (m *move) consigned(t *testing.T, a *hub.Accepted) {
	t.Helper()
	step := hub.Step{Delivery: a.Deliveries[0], From: hub.StateQueued, Version: a.Deliveries[0].Version}
	step.Delivery.State, step.Delivery.Version = hub.StateConsigned, step.Version+1
	if results, err := m.ApplySteps(t.Context(), step); err != nil || results[0] != nil {
		t.Fatal(results, err)
	}
}

func (m *move) state(t *testing.T, system string) hub.PassageStatus {
	t.Helper()
	all, err := m.List(t.Context(), operator())
	i := slices.IndexFunc(all, func(p hub.PassageStatus) bool { return p.System == system })
	if err != nil || i < 0 {
		t.Fatal(all, err)
	}
	return all[i]
}

// TestPassages: a system moves in with a document that waits, and moves back; the power
// goes at each write in turn. The document is in its box once, the axis is told of what
// was taken and of nothing else, and in the end nothing is left.
func TestPassages(t *testing.T) {
	for fault, met := 1, true; met; fault++ {
		m := newMove(t)
		ctx := t.Context()
		seen := m.seen["office"]
		seen.put("a1", hub.PackageDocument, far, office, m.document("d1", far, office))
		seen.put("a2", hub.PackageDocument, far, office, []byte("this is no package"))
		var calls atomic.Int64 // packages are taken beside one another
		crash := func(string) error {
			if int(calls.Add(1)) == fault {
				return errLost
			}
			return nil
		}
		m.Before = crash
		// until does something again after each crash, as operators and systems do.
		until := func(what string, do func() error) {
			for tries := 0; ; tries++ {
				m.Clock.Advance(time.Hour)
				err := do()
				if err == nil {
					return
				}
				if tries > 3 {
					t.Fatalf("fault %d: %s: %v", fault, what, err)
				}
				before := m.Before
				m.Before = nil
				m.restart(t, false)
				m.Before = before
			}
		}
		until("on", func() error { _, err := m.SwitchOn(ctx, operator(), wishOf("office", hubtest.Office)); return err })
		until("take", func() error { return m.Passages.Poll(ctx) })
		until("settled", func() error { return m.Passages.Poll(ctx) })
		until("off", func() error { _, err := m.SwitchOff(ctx, operator(), "office"); return err })
		seen.put("a3", hub.PackageDocument, far, office, m.document("d3", far, office))
		until("leave", func() error { return m.Passages.Poll(ctx) })
		m.Before, met = nil, int(calls.Load()) >= fault
		if st := m.state(t, "office"); st.State != hub.PassageLeaving || st.Left.Boxes != 1 || len(m.revoked) > 0 {
			t.Fatalf("fault %d: with a document in the box the passage is %+v", fault, st)
		}
		m.empty(t, hubtest.Office)
		calls.Store(0)
		m.Before = crash
		until("end", func() error { return m.Passages.Poll(ctx) })
		until("end", func() error { return m.Passages.Poll(ctx) })
		m.Before, met = nil, met || int(calls.Load()) >= fault
		if st := m.state(t, "office"); st.State != hub.PassageOff || len(m.revoked) == 0 || m.set[hubtest.Office] != hub.ChannelAxis {
			t.Errorf("fault %d: in the end %+v", fault, st)
		}
		if items := m.came(t, hubtest.Remote); len(items) != 1 || items[0].Dispatch.ExternalID != "d1" {
			t.Errorf("fault %d: %d documents came", fault, len(items))
		}
		if got := seen.acknowledged(); !slices.Equal(got, []string{"a1"}) {
			t.Errorf("fault %d: acknowledged %v", fault, got)
		}
		if m.kept(t, []byte("this is no package")) {
			t.Errorf("fault %d: what was held is kept for ever", fault)
		}
	}
}

// TestTakenBeforeOff: a package that was taken in the instant before the power went, of
// which that was not noted, is at its end here: the axis is told, and does not give it to
// the system again. Of what may have been taken the passage waits to be sure.
func TestTakenBeforeOff(t *testing.T) {
	for _, kind := range []hub.PackageKind{hub.PackageDocument, hub.PackageStatus} {
		m := newMove(t)
		m.restart(t, true)
		m.on(t, "office", hubtest.Office)
		seen, content := m.seen["office"], m.document("d1", far, office)
		if kind == hub.PackageStatus {
			sub := m.Submission("d0", far)
			sub.Sender = office
			a, err := m.intake.Submit(t.Context(), hubtest.System(hubtest.Office), sub)
			if err != nil {
				t.Fatal(err)
			}
			if err := m.Passages.Carry(t.Context(), hub.Item{Dispatch: a.Dispatch, Delivery: a.Deliveries[0]}); err != nil {
				t.Fatal(err)
			}
			m.consigned(t, &a)
			content = status(hub.StatusInProgress, far, office, "d0")
		}
		seen.put("a1", kind, far, office, content)
		taken := false
		m.Before = func(method string) error {
			if taken = taken || method == "Accept" || method == "ApplySteps"; taken && method == "SaveNotes" {
				return errLost
			}
			return nil
		}
		m.Clock.Advance(time.Hour)
		if err := m.Passages.Poll(t.Context()); err == nil || !taken {
			t.Fatalf("%s: taken %v, %v", kind, taken, err)
		}
		m.Before = nil
		m.restart(t, true)
		if _, err := m.SwitchOff(t.Context(), operator(), "office"); err != nil {
			t.Fatal(err)
		}
		m.empty(t, hubtest.Office)
		m.emptyNotices(t, hubtest.Office)
		m.Before = func(method string) error { // the hub goes on failing for a while
			if method == "SaveNotes" {
				return errLost
			}
			return nil
		}
		for range 3 {
			m.Clock.Advance(time.Hour)
			if err := m.Passages.Poll(t.Context()); err == nil || m.state(t, "office").State != hub.PassageLeaving {
				t.Fatalf("%s: while that is not sure the passage is %+v, %v", kind, m.state(t, "office"), err)
			}
		}
		m.Before = nil
		m.round(t)
		m.round(t)
		if got := seen.acknowledged(); !slices.Equal(got, []string{"a1"}) || m.state(t, "office").State != hub.PassageOff {
			t.Errorf("%s: acknowledged %v, %+v", kind, got, m.state(t, "office"))
		}
	}
}

// TestOffWhileTaking: what is being fetched when the operator has a system leave comes into
// its box, or stays at the axis; it does not go back there as another document.
func TestOffWhileTaking(t *testing.T) {
	for _, call := range []string{"list", "fetch"} {
		m := newMove(t)
		m.restart(t, true)
		m.on(t, "office", hubtest.Office)
		seen := m.seen["office"]
		seen.put("a1", hub.PackageDocument, far, office, m.document("d1", far, office))
		seen.refuse = func(now string, _ *hub.AxisPackage) error {
			if now != call {
				return nil
			}
			seen.refuse = nil
			_, err := m.SwitchOff(t.Context(), operator(), "office")
			return err
		}
		m.round(t)
		m.round(t)
		taken, told := len(m.box(t, hubtest.Office)), len(seen.acknowledged())
		if taken != told || taken != map[string]int{"list": 0, "fetch": 1}[call] {
			t.Errorf("%s: %d in the box, %d acknowledged", call, taken, told)
		}
		m.empty(t, hubtest.Office)
		m.round(t)
		if st := m.state(t, "office"); st.State != hub.PassageOff || m.set[hubtest.Office] != hub.ChannelAxis {
			t.Errorf("%s: %+v", call, st)
		}
	}
}

// TestCameAfterShut: what comes for a system in the instant in which it is shut out lets it
// in once more; the passage is off when that is taken.
func TestCameAfterShut(t *testing.T) {
	m := newMove(t)
	m.grace = 90 * time.Minute
	m.restart(t, false)
	m.on(t, "office", hubtest.Office)
	sub := m.Submission("d1", bureau)
	sub.Sender, sub.Format = office, hub.FormatEdXML
	a, err := m.intake.Submit(t.Context(), hubtest.System(hubtest.Office), sub)
	if err != nil {
		t.Fatal(err)
	}
	m.emptyNotices(t, hubtest.Office) // from now on reports wait for it
	if _, err := m.SwitchOff(t.Context(), operator(), "office"); err != nil {
		t.Fatal(err)
	}
	m.round(t)
	if st := m.state(t, "office"); st.Ended.IsZero() || len(m.revoked) != 1 {
		t.Fatalf("it is not shut out: %+v", st)
	}
	m.empty(t, hubtest.Bureau)
	if _, err := m.tracking.Report(t.Context(), hubtest.System(hubtest.Bureau), a.Deliveries[0].ID, hub.StatusReport{Code: hub.StatusInProgress}); err != nil {
		t.Fatal(err)
	}
	m.round(t)
	st := m.state(t, "office")
	if st.State != hub.PassageLeaving || st.Left.Boxes != 1 || !st.Ended.IsZero() || slices.Contains(m.revoked, st.Secret) || m.keys[st.Secret] != secret {
		t.Fatalf("with a report in its box it is %+v, revoked %v", st, m.revoked)
	}
	m.emptyNotices(t, hubtest.Office)
	for range 3 {
		m.round(t)
	}
	if st := m.state(t, "office"); st.State != hub.PassageOff || len(m.revoked) != 2 {
		t.Errorf("in the end it is %+v, revoked %v", st, m.revoked)
	}
}

// TestAcceptedMeanwhile: a document for a system that was being accepted while that was
// shut out comes to it all the same.
func TestAcceptedMeanwhile(t *testing.T) {
	m := newMove(t)
	m.grace = 90 * time.Minute
	m.restart(t, false)
	m.on(t, "office", hubtest.Office)
	m.Before = func(method string) error {
		if method != "Accept" {
			return nil
		}
		m.Before = nil
		_, err := m.SwitchOff(t.Context(), operator(), "office")
		m.round(t)
		return err
	}
	m.send(t, "d1", office)
	for range 3 {
		m.round(t)
	}
	if st := m.state(t, "office"); st.State != hub.PassageLeaving || st.Left.Boxes != 1 || !st.Ended.IsZero() {
		t.Fatalf("with a document in its box it is %+v", st)
	}
	m.empty(t, hubtest.Office)
	for range 3 {
		m.round(t)
	}
	if st := m.state(t, "office"); st.State != hub.PassageOff {
		t.Errorf("in the end it is %+v", st)
	}
}

// TestOffWithoutOutcomes: an axis that does not tell what became of what it took over keeps
// no system from leaving.
func TestOffWithoutOutcomes(t *testing.T) {
	m := newMove(t)
	m.on(t, "office", hubtest.Province)
	a := m.send(t, "d1", far)
	if err := m.Passages.Carry(t.Context(), hub.Item{Dispatch: a.Dispatch, Delivery: a.Deliveries[0]}); err != nil {
		t.Fatal(err)
	}
	m.consigned(t, &a)
	m.seen["office"].refuse = func(call string, _ *hub.AxisPackage) error {
		if call == "outcomes" {
			return hub.Errorf(hub.KindNotFound, "", relay.RuleAnswer, "no such operation")
		}
		return nil
	}
	if _, err := m.SwitchOff(t.Context(), operator(), "office"); err != nil {
		t.Fatal(err)
	}
	m.Clock.Advance(time.Hour)
	if err := m.Passages.Poll(t.Context()); err == nil || m.state(t, "office").State != hub.PassageOff {
		t.Errorf("it is %+v, %v", m.state(t, "office"), err)
	}
}

// TestDirectoryOfBefore: a node whose directory does not know yet that an agency moved here
// leaves what comes for it where it is.
func TestDirectoryOfBefore(t *testing.T) {
	m := newMove(t)
	m.on(t, "office", hubtest.Office)
	seen := m.seen["office"]
	seen.put("a1", hub.PackageDocument, far, office, m.document("d1", far, office))
	channel := func(c hub.Channel) {
		if err := m.SetChannel(t.Context(), operator(), []hub.AgencyID{hubtest.Office}, c); err != nil {
			t.Fatal(err)
		}
	}
	channel(hub.ChannelAxis)
	m.round(t)
	if len(m.came(t, hubtest.Remote)) > 0 || len(seen.acknowledged()) > 0 {
		t.Errorf("it came as %+v, and %v is acknowledged", m.came(t, hubtest.Remote), seen.acknowledged())
	}
	channel(hub.ChannelPull)
	m.round(t)
	if len(m.box(t, hubtest.Office)) != 1 || len(seen.acknowledged()) != 1 {
		t.Errorf("%d in the box, %v acknowledged", len(m.box(t, hubtest.Office)), seen.acknowledged())
	}
}

// TestOnWhileLeaving: whoever switches a passage on in the instant in which it ends wins,
// or is told that it did not.
func TestOnWhileLeaving(t *testing.T) {
	m := newMove(t)
	m.on(t, "office", hubtest.Office)
	if _, err := m.SwitchOff(t.Context(), operator(), "office"); err != nil {
		t.Fatal(err)
	}
	m.onList = func() { m.on(t, "office", hubtest.Office) } // nothing is left, and it is about to be shut
	m.Clock.Advance(time.Hour)
	if err := m.Passages.Poll(t.Context()); hub.KindOf(err) != hub.KindConflict {
		t.Error("the round that met it:", err)
	}
	m.round(t)
	if st := m.state(t, "office"); st.State != hub.PassageOn || !st.Ended.IsZero() || len(m.revoked) > 0 {
		t.Errorf("switched on, it is %+v, revoked %v", st, m.revoked)
	}
	if _, err := m.SwitchOn(t.Context(), operator(), wishOf("office", hubtest.Office, hubtest.Bureau)); hub.KindOf(err) != hub.KindConflict || hub.ViolationsOf(err)[0].Field != "agencies" {
		t.Error("for more agencies: ", err)
	}
}

// TestOnBeforeItArrived: an agency does not move while what this hub handed over to the
// axis for it has not arrived; and what lies there is not shown here, too.
func TestOnBeforeItArrived(t *testing.T) {
	m := newMove(t)
	m.restart(t, true)
	a := m.send(t, "d1", far)
	for _, step := range []string{"on its way", "at the axis"} {
		_, err := m.SwitchOn(t.Context(), operator(), wishOf("office", hubtest.Remote))
		if hub.KindOf(err) != hub.KindConflict || hub.ViolationsOf(err)[0].Rule != "waiting" || len(m.keys) > 0 || len(m.set) > 0 {
			t.Errorf("%s: %v, keys %v, channels %v", step, err, m.keys, m.set)
		}
		if items := m.box(t, hubtest.Remote); len(items) > 0 {
			t.Errorf("%s: %d documents in the box here", step, len(items))
		}
		if step == "on its way" {
			if err := m.carry(t, &a, 0); err != nil {
				t.Fatal(err)
			}
		}
	}
	if d := m.delivery(t, a.Deliveries[0].ID); !d.Relayed() {
		t.Fatalf("%+v", d)
	}
}

// TestSentWhileOn: a document that this hub sends to an agency at the axis while that is
// switched on has the switch refused, and nothing of it stays.
func TestSentWhileOn(t *testing.T) {
	m := newMove(t)
	m.restart(t, true)
	asked := false
	m.seen["office"].refuse = func(string, *hub.AxisPackage) error {
		if !asked {
			asked = true
			m.send(t, "d1", far)
		}
		return nil
	}
	_, err := m.SwitchOn(t.Context(), operator(), wishOf("office", hubtest.Remote))
	if !asked || hub.KindOf(err) != hub.KindConflict || hub.ViolationsOf(err)[0].Rule != "waiting" {
		t.Fatal(err)
	}
	if a, _ := m.World.Directory.ByID(hubtest.Remote); len(m.keys) > 0 || len(m.added) > 0 || a.ChannelAt(m.Clock.Now()) != hub.ChannelAxis {
		t.Errorf("after that there are keys %v, agencies %v, and it is reached by %q", m.keys, m.added, a.ChannelAt(m.Clock.Now()))
	}
}

// TestAcceptedWhileOn: a document that was accepted for the axis in the instant in which
// its recipient moved here is not acknowledged there: nobody has it.
func TestAcceptedWhileOn(t *testing.T) {
	m := newMove(t)
	m.restart(t, true)
	raw := m.document("d1", province, far)
	pkg, err := codec(m.World).Decode(t.Context(), bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	pkg.Submission.Format = hub.FormatEdXML
	m.Before = func(method string) error {
		if method == "Accept" {
			m.Before = nil
			m.on(t, "office", hubtest.Remote)
		}
		return nil
	}
	a, err := m.intake.Submit(t.Context(), hubtest.System(hubtest.Province), *pkg.Submission)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Passages.Carry(t.Context(), hub.Item{Dispatch: a.Dispatch, Delivery: a.Deliveries[0]}); err != nil || len(m.axis.sent) != 1 {
		t.Fatal(len(m.axis.sent), err)
	}
	m.consigned(t, &a)
	seen := m.seen["office"]
	seen.put("a1", hub.PackageDocument, province, far, raw)
	m.round(t)
	held, err := m.Passages.Held(t.Context(), operator(), hub.Page{Limit: 10})
	if err != nil || len(seen.acknowledged()) > 0 || len(held.Items) != 1 || !held.Items[0].Waits {
		t.Errorf("acknowledged %v, held %+v, %v", seen.acknowledged(), held.Items, err)
	}
}

// TestAnAxisSpeaksForNobodyHere: the axis of one system can say nothing in the name of an
// agency that is reached here; its messages about what that has here change nothing.
func TestAnAxisSpeaksForNobodyHere(t *testing.T) {
	m := newMove(t)
	raw := m.document("d1", bureau, office)
	pkg, err := codec(m.World).Decode(t.Context(), bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	pkg.Submission.Format = hub.FormatEdXML
	a, err := m.intake.Submit(t.Context(), hubtest.System(hubtest.Bureau), *pkg.Submission)
	if err != nil {
		t.Fatal(err)
	}
	m.on(t, "bureau", hubtest.Bureau)
	seen := m.seen["bureau"]
	seen.put("s1", hub.PackageStatus, office, bureau, status(hub.StatusRefused, office, bureau, "d1"))
	seen.put("s2", hub.PackageStatus, bureau, bureau, status(hub.StatusRecallAsked, bureau, bureau, "d1"))
	seen.put("a1", hub.PackageDocument, office, bureau, m.document("d2", office, bureau)) // office does not pass through
	for range 5 {
		m.round(t)
	}
	if d := m.delivery(t, a.Deliveries[0].ID); d.State != hub.StateConsigned || d.Version != a.Deliveries[0].Version {
		t.Errorf("the delivery became %+v", d)
	}
	if len(m.box(t, hubtest.Bureau)) != 0 || slices.Contains(seen.acknowledged(), "a1") {
		t.Error("a document in the name of an agency here was taken")
	}
}

// TestGrace: where other nodes may let a system in a little longer, a passage ends only
// after that.
func TestGrace(t *testing.T) {
	m := newMove(t)
	m.grace = 90 * time.Minute
	m.restart(t, false)
	m.on(t, "office", hubtest.Office)
	if _, err := m.SwitchOff(t.Context(), operator(), "office"); err != nil {
		t.Fatal(err)
	}
	for n, want := range []hub.PassageState{hub.PassageLeaving, hub.PassageLeaving, hub.PassageOff} {
		m.round(t)
		if st := m.state(t, "office"); st.State != want || st.Ended.IsZero() || len(m.revoked) != 1 {
			t.Errorf("after round %d it is %+v", n+1, st)
		}
	}
}

// TestEachTakesItsOwn: a package that names agencies of two systems comes to each through
// its own passage, once, whether they moved together or not; one of an agency that moved
// in the same evening is taken, and what this hub sent is not taken again.
func TestEachTakesItsOwn(t *testing.T) {
	m := newMove(t)
	both := m.document("d1", far, office, bureau)
	m.seen["office"].put("a1", hub.PackageDocument, far, office, both)
	m.seen["bureau"].put("b2", hub.PackageDocument, office, bureau, m.document("d2", office, bureau))
	m.on(t, "office", hubtest.Office)
	m.round(t)
	if len(m.box(t, hubtest.Office)) != 1 || len(m.box(t, hubtest.Bureau)) != 0 {
		t.Error("what one system took came to another, which may have it from the axis")
	}
	m.on(t, "bureau", hubtest.Bureau)
	m.round(t)
	if items := m.box(t, hubtest.Bureau); len(items) != 1 || items[0].Dispatch.Sender != hubtest.Office {
		t.Errorf("of an agency that moved too: %+v", items)
	}
	m.seen["bureau"].put("b1", hub.PackageDocument, far, bureau, both)
	m.seen["office"].put("a3", hub.PackageDocument, far, office, both) // a second time, under another id
	m.round(t)
	if len(m.box(t, hubtest.Office)) != 1 || len(m.box(t, hubtest.Bureau)) != 2 {
		t.Errorf("%d and %d documents", len(m.box(t, hubtest.Office)), len(m.box(t, hubtest.Bureau)))
	}
	raw := m.document("d4", office, bureau)
	pkg, err := codec(m.World).Decode(t.Context(), bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	pkg.Submission.Format = hub.FormatEdXML
	if _, err := m.intake.Submit(t.Context(), hubtest.System(hubtest.Office), *pkg.Submission); err != nil {
		t.Fatal(err)
	}
	m.seen["bureau"].put("b4", hub.PackageDocument, office, bureau, raw)
	m.round(t)
	if len(m.box(t, hubtest.Bureau)) != 3 || !slices.Contains(m.seen["bureau"].acknowledged(), "b4") {
		t.Errorf("given back by the axis: %d documents", len(m.box(t, hubtest.Bureau)))
	}
}

// TestWhoCarries: each dispatch goes to the axis with the credentials of its sender, and
// one that the membership of the hub has begun to hand over stays with that.
func TestWhoCarries(t *testing.T) {
	m := newMove(t)
	send := func(id string) hub.Accepted { return m.send(t, id, far) } // of the province
	a := send("d1")
	item := hub.Item{Dispatch: a.Dispatch, Delivery: a.Deliveries[0]}
	if err := m.Passages.Carry(t.Context(), item); hub.KindOf(err) != hub.KindUnavailable {
		t.Errorf("without a way to the axis: %v", err)
	}
	m.restart(t, true)
	m.axis.refuse = func(string, *hub.AxisPackage) error { return hub.Errorf(hub.KindBusy, "", "axis", "later") }
	if err := m.Passages.Carry(t.Context(), item); hub.KindOf(err) != hub.KindBusy {
		t.Errorf("the axis of the hub: %v", err)
	}
	m.axis.refuse = nil
	m.on(t, "office", hubtest.Province)
	b := send("d2")
	for _, a := range []hub.Accepted{a, b} {
		if err := m.Passages.Carry(t.Context(), hub.Item{Dispatch: a.Dispatch, Delivery: a.Deliveries[0]}); err != nil {
			t.Fatal(err)
		}
	}
	if own, theirs := m.axis.sent, m.seen["office"].sent; len(own) != 1 || len(theirs) != 1 {
		t.Errorf("%d over the membership of the hub, %d over that of the system", len(own), len(theirs))
	}
	for i, a := range []hub.Accepted{a, b} {
		item := hub.Item{Dispatch: a.Dispatch, Delivery: a.Deliveries[0]}
		if note := m.Passages.Answer(t.Context(), &item); !strings.Contains(note, []string{"system H47", "system office"}[i]) {
			t.Errorf("for the evidence: %q", note)
		}
	}
}

type notices relay.Notices // its name is that of a method

// looks counts how often status messages are looked for.
type looks struct {
	relay.Store
	notices
	forAll, forOne atomic.Int64
}

func (l *looks) NoticeAgencies(ctx context.Context, after hub.AgencyID, limit int) ([]hub.AgencyID, error) {
	l.forAll.Add(1)
	return l.Store.NoticeAgencies(ctx, after, limit)
}

func (l *looks) Notices(ctx context.Context, actor hub.Actor, agency hub.AgencyID, page hub.Page) (hub.List[hub.Notice], error) {
	l.forOne.Add(1)
	return l.notices.Notices(ctx, actor, agency, page)
}

// TestLooksOnceForAll: however many systems pass through, the status messages that wait are
// looked through once in a round, and then by the passage alone that has one to send.
func TestLooksOnceForAll(t *testing.T) {
	m := newMove(t)
	l := &looks{Store: m.options.Store, notices: m.options.Notices}
	m.options.Store, m.options.Notices = l, l
	m.restart(t, false)
	m.on(t, "office", hubtest.Office)
	m.on(t, "bureau", hubtest.Bureau)
	m.seen["office"].put("a1", hub.PackageDocument, far, office, m.document("d1", far, office))
	m.round(t)
	item := m.box(t, hubtest.Office)[0]
	if _, err := m.tracking.Report(t.Context(), hubtest.System(hubtest.Office), item.Delivery.ID, hub.StatusReport{Code: hub.StatusInProgress}); err != nil {
		t.Fatal(err)
	}
	for _, round := range []struct {
		what                 string
		sent, forAll, forOne int64
	}{{"with one message", 1, 1, 2}, {"with none", 0, 1, 0}} {
		l.forAll.Store(0)
		l.forOne.Store(0)
		before := len(m.seen["office"].sent)
		m.round(t)
		if sent := int64(len(m.seen["office"].sent) - before); sent != round.sent || l.forAll.Load() != round.forAll || l.forOne.Load() != round.forOne {
			t.Errorf("%s: %d were sent, looked %d times for all and %d times for one; want %+v", round.what, sent, l.forAll.Load(), l.forOne.Load(), round)
		}
	}
	if len(m.seen["bureau"].sent) != 0 {
		t.Error("the other passage spoke for the office")
	}
}

// TestLeads: a node says that it polls as long as it does.
func TestLeads(t *testing.T) {
	m := newMove(t)
	m.on(t, "office", hubtest.Office)
	ctx, stop := context.WithCancel(t.Context())
	listed := make(chan struct{})
	var once sync.Once
	m.seen["office"].refuse = func(string, *hub.AxisPackage) error {
		once.Do(func() { close(listed) })
		return nil
	}
	done := make(chan error)
	go func() { done <- m.Lead(ctx, time.Hour) }()
	<-listed
	if !m.state(t, "office").Axis.Leads {
		t.Error("while it polls")
	}
	stop()
	if err := <-done; err != nil || m.state(t, "office").Axis.Leads {
		t.Errorf("after that: %v", err)
	}
}

// TestSwitchedByANewerHub: a passage that a node of another version switched, which notes
// more, is switched by this one, too.
func TestSwitchedByANewerHub(t *testing.T) {
	m := newMove(t)
	m.on(t, "office", hubtest.Office)
	const name = hub.RelayNotes + "switch/office"
	n, err := m.Note(t.Context(), name)
	if err == nil {
		err = m.SaveNotes(t.Context(), hub.RetentionNote{Name: name, Body: append(bytes.TrimSuffix(n.Body, []byte("}")), []byte(`,"more":1}`)...)})
	}
	if err != nil {
		t.Fatal(err)
	}
	m.restart(t, false)
	if st, err := m.SwitchOff(t.Context(), operator(), "office"); err != nil || st.State != hub.PassageLeaving {
		t.Errorf("%+v, %v", st, err)
	}
}

// TestShutsOutNoOther: with a passage end the secrets that open what it was for, whoever
// gave them out; what the system may do for another agency goes on.
func TestShutsOutNoOther(t *testing.T) {
	m := newMove(t)
	m.on(t, "office", hubtest.Office)
	m.other = []hub.APIKey{
		{ID: "for the bureau", System: "office", Agencies: []hub.AgencyID{hubtest.Bureau}},
		{ID: "for both", System: "office", Agencies: []hub.AgencyID{hubtest.Bureau, hubtest.Office}},
	}
	if _, err := m.SwitchOff(t.Context(), operator(), "office"); err != nil {
		t.Fatal(err)
	}
	m.round(t)
	slices.Sort(m.revoked)
	if st := m.state(t, "office"); st.State != hub.PassageOff || !slices.Equal(m.revoked, []string{"for both", "key of office"}) {
		t.Errorf("%+v, revoked %v", st, m.revoked)
	}
}

// TestRegistersOwn: the membership of the hub asks for its own agencies alone, and not for
// those that are on the axis as another system's.
func TestRegistersOwn(t *testing.T) {
	m := newMove(t)
	o := m.options
	o.Here, o.Served = m.Passing, func(id hub.AgencyID) bool { return !m.Passing(id) }
	m.Service = relay.New(o)
	m.restart(t, true)
	m.on(t, "office", hubtest.Office)
	m.poll(t)
	if slices.Contains(m.axis.asked, office) || !slices.Contains(m.axis.asked, bureau) {
		t.Errorf("asked to register %v", m.axis.asked)
	}
}

// TestSwitchRefuses: what cannot be switched is refused by field, and changes nothing.
func TestSwitchRefuses(t *testing.T) {
	m := newMove(t)
	ctx := t.Context()
	with := func(change func(*hub.PassageWish)) hub.PassageWish {
		w := wishOf("office", hubtest.Office)
		change(&w)
		return w
	}
	for name, tt := range map[string]struct {
		wish  hub.PassageWish
		field string
		kind  hub.ErrorKind
	}{
		"no address":    {with(func(w *hub.PassageWish) { w.Endpoint = "axis" }), "endpoint", hub.KindInvalid},
		"a query":       {with(func(w *hub.PassageWish) { w.Endpoint += "?a=b" }), "endpoint", hub.KindInvalid},
		"a password":    {with(func(w *hub.PassageWish) { w.Endpoint = "https://a:b@axis.example.vn" }), "endpoint", hub.KindInvalid},
		"another thing": {with(func(w *hub.PassageWish) { w.Endpoint = "file:///etc/passwd" }), "endpoint", hub.KindInvalid},
		"no system":     {with(func(w *hub.PassageWish) { w.System = "" }), "system", hub.KindInvalid},
		"no agency":     {with(func(w *hub.PassageWish) { w.Agencies = nil }), "agencies", hub.KindInvalid},
		"wrong secret":  {with(func(w *hub.PassageWish) { w.Secret += "x" }), "secret", hub.KindInvalid},
	} {
		_, err := m.SwitchOn(ctx, operator(), tt.wish)
		if hub.KindOf(err) != tt.kind || hub.ViolationsOf(err)[0].Field != tt.field {
			t.Errorf("%s: %v", name, err)
		}
	}
	m.seen["office"].refuse = func(string, *hub.AxisPackage) error { return hub.Errorf(hub.KindNotFound, "", "", "no such operation") }
	if _, err := m.SwitchOn(ctx, operator(), wishOf("office", hubtest.Office)); hub.KindOf(err) != hub.KindInvalid || hub.ViolationsOf(err)[0].Field != "endpoint" {
		t.Errorf("at a wrong address: %v", err)
	}
	m.seen["office"].refuse = func(string, *hub.AxisPackage) error { return hub.Errorf(hub.KindUnavailable, "", "", "away") }
	if _, err := m.SwitchOn(ctx, operator(), wishOf("office", hubtest.Office)); hub.KindOf(err) != hub.KindUnavailable {
		t.Errorf("while the axis is away: %v", err)
	}
	if all, err := m.List(ctx, operator()); err != nil || len(all)+len(m.keys)+len(m.set)+len(m.added) != 0 {
		t.Errorf("something changed: %+v, %v", m, err)
	}
	m.seen["office"].refuse = nil
	m.on(t, "office", hubtest.Office)
	if !slices.Equal(m.added, []string{"000.00.00.H99"}) {
		t.Errorf("of the register were added %v", m.added)
	}
	if _, err := m.SwitchOn(ctx, operator(), wishOf("bureau", hubtest.Office)); hub.KindOf(err) != hub.KindConflict {
		t.Errorf("an agency with two systems: %v", err)
	}
	if _, err := m.SwitchOn(ctx, operator(), with(func(w *hub.PassageWish) { w.Endpoint += "/2" })); hub.KindOf(err) != hub.KindConflict {
		t.Errorf("to another axis: %v", err)
	}
	if _, err := m.SwitchOff(ctx, operator(), "bureau"); hub.KindOf(err) != hub.KindNotFound {
		t.Errorf("off what is not on: %v", err)
	}
	stranger := hubtest.System(hubtest.Office)
	_, on := m.SwitchOn(ctx, stranger, wishOf("office", hubtest.Office))
	_, off := m.SwitchOff(ctx, stranger, "office")
	_, list := m.List(ctx, stranger)
	for what, err := range map[string]error{"on": on, "off": off, "list": list} {
		if hub.KindOf(err) != hub.KindDenied {
			t.Errorf("%s by a system: %v", what, err)
		}
	}
}

// TestHeldByPassages: what the passages hold is listed behind what the hub holds, page by
// page, and settled as that is.
func TestHeldByPassages(t *testing.T) {
	m := newMove(t)
	ctx := t.Context()
	m.restart(t, true)
	m.on(t, "office", hubtest.Office)
	m.on(t, "bureau", hubtest.Bureau)
	for name, a := range map[string]*axis{"h": m.axis, "o": m.seen["office"], "b": m.seen["bureau"]} {
		for _, n := range []string{"1", "2"} {
			a.put(name+n, hub.PackageDocument, far, "", []byte("no package "+name+n))
		}
	}
	m.poll(t)
	m.round(t)
	var got []string
	for page := (hub.Page{Limit: 1}); ; {
		list, err := m.Passages.Held(ctx, operator(), page)
		if err != nil {
			t.Fatal(err)
		}
		for i := range list.Items {
			got = append(got, list.Items[i].ID)
		}
		if page.After = list.Next; list.Next == "" {
			break
		}
	}
	if !slices.Equal(got, []string{"h1", "h2", "bureau:b1", "bureau:b2", "office:o1", "office:o2"}) {
		t.Errorf("held %v", got)
	}
	_, content, err := m.Passages.Open(ctx, operator(), "office:o1")
	if err != nil || string(read(t, content)) != "no package o1" {
		t.Errorf("opened: %v", err)
	}
	if held, err := m.Passages.Retry(ctx, operator(), "b2"); err != nil || held.Waits || held.ID != "bureau:b2" {
		t.Errorf("tried again: %+v, %v", held, err)
	}
	if err := m.Passages.GiveUp(ctx, operator(), "o1", "no package"); err != nil || m.seen["office"].acked["o1"] != "no package" {
		t.Errorf("given up: %v", err)
	}
	if _, err := m.SwitchOff(ctx, operator(), "office"); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Passages.Retry(ctx, operator(), "o2"); hub.KindOf(err) != hub.KindConflict {
		t.Errorf("of a system that leaves: %v", err)
	}
	if err := m.Passages.GiveUp(ctx, operator(), "o9", "nothing"); hub.KindOf(err) != hub.KindNotFound {
		t.Errorf("of what is not held: %v", err)
	}
	for name, a := range map[string]*axis{"hub": m.axis, "office": m.seen["office"], "bureau": m.seen["bureau"]} {
		for _, id := range []string{"same", "twice"} {
			if name != "hub" || id == "same" {
				a.put(id, hub.PackageDocument, far, "", []byte("no package of "+name))
			}
		}
	}
	if _, err := m.SwitchOn(ctx, operator(), wishOf("office", hubtest.Office)); err != nil {
		t.Fatal(err)
	}
	m.poll(t)
	m.round(t)
	for id, want := range map[string]string{"same": "hub", "bureau:same": "bureau", "office:twice": "office"} {
		_, content, err := m.Passages.Open(ctx, operator(), id)
		if err != nil || string(read(t, content)) != "no package of "+want {
			t.Errorf("%s: %v", id, err)
		}
	}
	if err := m.Passages.GiveUp(ctx, operator(), "twice", "which?"); hub.KindOf(err) != hub.KindConflict || !strings.Contains(err.Error(), "bureau:twice, office:twice") {
		t.Errorf("of two with one id: %v", err)
	}
	if err := m.Passages.GiveUp(ctx, operator(), "office:same", "x"); err != nil || m.seen["office"].acked["same"] != "x" || m.seen["bureau"].acked["same"] != "" || m.axis.acked["same"] != "" {
		t.Errorf("of one of them: %v", err)
	}
	if err := m.Fault(ctx, func(hub.AxisStatus) bool { return false }); err == nil || !strings.Contains(err.Error(), "bureau") {
		t.Errorf("health: %v", err)
	}
}
