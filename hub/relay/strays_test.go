package relay_test

import (
	"context"
	"testing"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest"
)

// TestStrays: a status message about a document that this hub never had is passed on, in
// both directions, once and to nobody else; what the axis refuses waits for the operator.
// Each step is noted before it is done.
func TestStrays(t *testing.T) {
	m := newMove(t)
	ctx := t.Context()
	var noted []hub.Stray
	m.options.Noted = func(_ context.Context, st *hub.Stray) error {
		noted = append(noted, *st)
		return nil
	}
	m.restart(t, true)
	seen := m.seen["office"]
	raw := status(hub.StatusCompleted, far, office, "of last year")
	seen.put("s1", hub.PackageStatus, far, office, raw)
	m.axis.put("s2", hub.PackageStatus, far, province, status(hub.StatusCompleted, far, province, "of last year"))
	m.on(t, "office", hubtest.Office)
	system, other := hubtest.System(hubtest.Office), hubtest.System(hubtest.Bureau)
	for range 5 {
		m.round(t)
		m.poll(t)
	}
	list, err := m.Strays(ctx, system, hubtest.Office)
	if err != nil || len(list) != 1 || list[0].Came != "s1" || !m.kept(t, raw) || len(seen.acknowledged()) != 1 {
		t.Fatalf("%+v, %v", list, err)
	}
	if len(m.axis.acknowledged()) > 0 {
		t.Error("the membership of the hub passes on what nobody here sent")
	}
	id := list[0].ID
	if _, err := m.Strays(ctx, other, hubtest.Office); hub.KindOf(err) != hub.KindDenied {
		t.Errorf("listed by another: %v", err)
	}
	for what, act := range map[string]func() error{
		"read":  func() error { _, err := m.Stray(ctx, other, id); return err },
		"taken": func() error { return m.TakeStray(ctx, other, id) },
	} {
		if err := act(); hub.KindOf(err) != hub.KindNotFound {
			t.Errorf("%s by another: %v", what, err)
		}
	}
	for range 2 {
		if err := m.TakeStray(ctx, system, id); err != nil {
			t.Fatal(err)
		}
	}
	m.round(t)
	if list, err = m.Strays(ctx, system, hubtest.Office); err != nil || len(list) > 0 || m.kept(t, raw) {
		t.Errorf("after it was taken: %+v, %v", list, err)
	}

	out := status(hub.StatusCompleted, office, far, "of last year")
	envelope := m.Part("envelope", hub.RoleEnvelope, string(out))
	message := hub.StatusMessage{From: office, Code: hub.StatusCompleted, For: hub.Reference{Agency: far, ExternalID: "of last year"}, Envelope: &envelope}
	if _, err := m.PassOn(ctx, other, message); hub.KindOf(err) != hub.KindDenied {
		t.Errorf("for an agency of another system: %v", err)
	}
	local := message
	local.From = bureau
	if _, err := m.PassOn(ctx, other, local); hub.KindOf(err) != hub.KindNotFound {
		t.Errorf("of a system that does not pass through: %v", err)
	}
	away := hub.Errorf(hub.KindUnavailable, "", "", "away")
	seen.refuse = func(call string, _ *hub.AxisPackage) error {
		if call == "send" {
			return away
		}
		return nil
	}
	first, err := m.PassOn(ctx, system, message)
	if err != nil || m.Passages.Poll(ctx) == nil || m.state(t, "office").Left.Statuses != 1 || !m.kept(t, out) {
		t.Errorf("while the axis is away: %v", err)
	}
	seen.refuse, seen.sent = nil, nil
	m.round(t)
	again, err := m.PassOn(ctx, system, message)
	m.round(t)
	if err != nil || again != first || len(seen.sent) != 1 || seen.sent[0].content != string(out) || m.kept(t, out) {
		t.Errorf("passed on %d times, as %s and %s, %v", len(seen.sent), first, again, err)
	}
	if len(noted) != 4 || noted[1].Taken.IsZero() || noted[3].Went == "" {
		t.Errorf("noted %+v", noted)
	}

	seen.refuse = func(string, *hub.AxisPackage) error { return hub.Invalid("", "axis", "the axis answers 422") }
	refused := m.Part("envelope", hub.RoleEnvelope, "refused")
	message.Envelope = &refused
	if first, err = m.PassOn(ctx, system, message); err != nil || m.Passages.Poll(ctx) == nil {
		t.Errorf("refused by the axis: %v", err)
	}
	held, err := m.Passages.Held(ctx, operator(), hub.Page{Limit: 10})
	i := len(held.Items) - 1
	if err != nil || i < 0 || held.Items[i].ID != "office:"+first || !held.Items[i].Waits || !held.Items[i].Out {
		t.Fatalf("held %+v, %v", held.Items, err)
	}
	seen.refuse = nil
	if err := m.Passages.GiveUp(ctx, operator(), first, "nobody waits for it"); err != nil || m.kept(t, []byte("refused")) {
		t.Errorf("given up: %v", err)
	}
	if left := m.state(t, "office").Left; !left.Nothing() {
		t.Errorf("left %+v", left)
	}
}

// TestStrayTwiceAtOnce: the same status message that comes to two nodes at one moment goes
// to the axis once.
func TestStrayTwiceAtOnce(t *testing.T) {
	m := newMove(t)
	m.on(t, "office", hubtest.Office)
	content := status(hub.StatusCompleted, office, far, "of last year")
	envelope := m.Part("envelope", hub.RoleEnvelope, string(content))
	message := hub.StatusMessage{From: office, Code: hub.StatusCompleted, For: hub.Reference{Agency: far, ExternalID: "of last year"}, Envelope: &envelope}
	m.Before = func(method string) error { // the other node was as far, and its message is gone already
		if method != "SaveNotes" {
			return nil
		}
		m.Before = nil
		_, err := m.PassOn(t.Context(), hubtest.System(hubtest.Office), message)
		m.round(t)
		return err
	}
	if _, err := m.PassOn(t.Context(), hubtest.System(hubtest.Office), message); err != nil {
		t.Fatal(err)
	}
	m.round(t)
	if sent := m.seen["office"].sent; len(sent) != 1 || !m.state(t, "office").Left.Nothing() || m.kept(t, content) {
		t.Errorf("sent %d times, %+v", len(sent), m.state(t, "office").Left)
	}
}
