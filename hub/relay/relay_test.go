package relay_test

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
	"github.com/lienthong/lienthong/hub/hubtest"
)

var errLost = errors.New("the power is gone")

// TestDurableBeforeAcknowledged: whatever step fails, a package is acknowledged only when
// its dispatch is there; in the end it is there once.
func TestDurableBeforeAcknowledged(t *testing.T) {
	for fails := 1; ; fails++ {
		f := newFixture(t)
		f.axis.put("a1", hub.PackageDocument, far, office, f.document("d1", far, office, bureau))
		f.axis.acks = func(string) {
			if len(f.came(t, hubtest.Remote)) != 1 {
				t.Errorf("acknowledged before anything is there (failure %d)", fails)
			}
		}
		steps := 0
		f.Before = func(string) error {
			if steps++; steps == fails {
				return errLost
			}
			return nil
		}
		_ = f.Poll(t.Context()) // it failed where it was told to
		reached := steps >= fails
		f.Before = nil
		f.poll(t)
		f.poll(t)
		items := f.came(t, hubtest.Remote)
		if len(items) != 1 || len(items[0].Deliveries) != 2 || !slices.Equal(f.axis.acknowledged(), []string{"a1"}) || len(f.held(t)) != 0 {
			t.Fatalf("failure %d: %d dispatches, acknowledged %v, held %+v", fails, len(items), f.axis.acknowledged(), f.held(t))
		}
		if !reached {
			return
		}
	}
}

// TestCameWithoutEvidence: what an axis gives leaves the evidence that it came from another
// exchange, which vouches for the sender, for all its recipients and recorded with the
// acceptance; what an agency of this hub sends itself does not.
func TestCameWithoutEvidence(t *testing.T) {
	f := newFixture(t)
	f.axis.put("a1", hub.PackageDocument, far, office, f.document("d1", far, office, bureau))
	f.poll(t)
	if _, err := f.intake.Submit(t.Context(), hubtest.System(hubtest.Province), f.Submission("d2", office)); err != nil {
		t.Fatal(err)
	}
	all, err := f.Evidences(t.Context(), hub.EvidenceQuery{Page: hub.Page{Limit: 100}})
	if err != nil {
		t.Fatal(err)
	}
	acceptance := all.Items[0]
	received := slices.DeleteFunc(slices.Clone(all.Items), func(e hub.SealedEvidence) bool { return e.Evidence.Event != hub.EventReceivedFromNonERDS })
	if len(received) != 1 {
		t.Fatalf("%d evidences of where something came from", len(received))
	}
	e := &received[0].Evidence
	if e.Prev == nil || *e.Prev != acceptance.Ref() || e.Delivery != "" || len(e.Recipients) != 2 || e.Sender.ID != hubtest.Remote ||
		e.Sender.Auth == nil || e.Sender.Auth.Method != hub.AuthAxis || e.TraceID != "a1" || e.Note == "" ||
		!reflect.DeepEqual(e.Content, acceptance.Evidence.Content) {
		t.Errorf("%s", received[0].Canonical)
	}
	of := slices.DeleteFunc(all.Items, func(o hub.SealedEvidence) bool { return o.Evidence.Dispatch != e.Dispatch })
	if err := audit.CheckChain(of); err != nil || len(of) != 4 {
		t.Errorf("%d evidences, %v", len(of), err)
	}
}

// TestOnceInEffect: a package under two ids of the axis, or listed again after it was
// acknowledged, has the effect of one; other bytes under its id are another document.
func TestOnceInEffect(t *testing.T) {
	f := newFixture(t)
	same := f.document("d1", far, office, bureau, farther)
	f.axis.put("a1", hub.PackageDocument, far, office, same)
	f.axis.put("a2", hub.PackageDocument, far, bureau, same)
	f.poll(t)
	items := f.came(t, hubtest.Remote)
	if len(items) != 1 || len(items[0].Deliveries) != 2 {
		t.Fatalf("%d dispatches", len(items))
	}
	if e := items[0].Dispatch.PartByID("envelope"); e == nil || e.Size != int64(len(same)) {
		t.Errorf("the package as received is %+v", e)
	}
	delete(f.axis.acked, "a1") // the axis forgot
	f.axis.put("a3", hub.PackageDocument, far, office, f.document("d1", far, office))
	f.poll(t)
	items = f.came(t, hubtest.Remote)
	if len(items) != 2 || hub.UnmarkedID(items[1].Dispatch.ExternalID) != "d1" || items[1].Dispatch.ExternalID == "d1" {
		t.Fatalf("%+v", items)
	}
	if got := f.axis.acknowledged(); !slices.Equal(got, []string{"a1", "a2", "a3"}) {
		t.Errorf("acknowledged %v", got)
	}
}

// TestHeld: what cannot be taken keeps its bytes and its reason and is not acknowledged,
// until it can be taken, or is given up.
func TestHeld(t *testing.T) {
	f := newFixture(t)
	for id, p := range map[string][]byte{
		"broken":    []byte("<edXML"),
		"stranger":  f.document("d2", hubtest.UnknownCode, office),
		"nobody":    f.document("d3", far, farther),
		"localised": f.document("d4", office, bureau), // of an agency that is reached here
	} {
		f.axis.put(id, hub.PackageDocument, far, "", p)
	}
	f.axis.put("elsewhere", hub.PackageDocument, far, hubtest.UnknownCode, f.document("d5", far, office))
	f.axis.put("mixed", hub.PackageDocument, far, "", status(hub.StatusArrived, far, province, "d1"))
	f.poll(t)
	f.poll(t)
	held := f.held(t)
	var names []string
	for _, h := range held {
		names = append(names, h.ID+" "+h.Errors[0].Field+" "+h.Errors[0].Rule)
		if !h.Waits || h.Attempts != 1 || !f.kept(t, f.axis.packages[h.ID]) {
			t.Errorf("%+v", h)
		}
	}
	want := []string{
		"broken package malformed", "elsewhere to unknown_agency", "localised sender axis", "mixed messagetype mismatch",
		"nobody recipients axis", "stranger sender unknown_agency",
	}
	if !slices.Equal(names, want) || len(f.axis.acked) != 0 || len(f.came(t, hubtest.Remote)) != 0 {
		t.Errorf("held %v, acknowledged %v", names, f.axis.acked)
	}
	part, content, err := f.Open(t.Context(), operator(), "broken")
	if err != nil || part.Size != 6 || !bytes.Equal(read(t, content), []byte("<edXML")) {
		t.Errorf("%+v, %v", part, err)
	}
	if _, _, err := f.Open(t.Context(), hubtest.System(hubtest.Province), "broken"); hub.KindOf(err) != hub.KindDenied {
		t.Errorf("opened by an agency: %v", err)
	}
	if st, err := f.Status(t.Context(), operator()); err != nil || st.Held != 6 || st.Retrying != 0 {
		t.Errorf("%+v, %v", st, err)
	}
	if _, err := f.Retry(t.Context(), operator(), "broken"); err != nil {
		t.Fatal(err)
	}
	if err := f.GiveUp(t.Context(), operator(), "broken", "x"); hub.KindOf(err) != hub.KindConflict {
		t.Errorf("given up while it is tried: %v", err)
	}
	f.poll(t)
	if err := f.GiveUp(t.Context(), operator(), "broken", "unreadable"); err != nil {
		t.Fatal(err)
	}
	if f.axis.acked["broken"] != "unreadable" || !f.kept(t, []byte("<edXML")) || len(f.held(t)) != 5 {
		t.Errorf("given up: %v, %d are held", f.axis.acked, len(f.held(t)))
	}
}

// TestTriedAgain: what may pass is tried again with growing pauses, and nothing is
// acknowledged meanwhile.
func TestTriedAgain(t *testing.T) {
	f := newFixture(t)
	f.axis.put("a1", hub.PackageDocument, far, office, f.document("d1", far, office))
	away := hub.Errorf(hub.KindUnavailable, "", "axis", "away")
	f.axis.refuse = func(call string, _ *hub.AxisPackage) error {
		if call == "fetch" {
			return away
		}
		return nil
	}
	for try := 1; try < 4; try++ {
		f.Clock.Advance(time.Hour)
		if err := f.Poll(t.Context()); err == nil {
			t.Fatal("nobody hears that the axis is away")
		}
		held := f.held(t)
		if len(held) != 1 || held[0].Waits || held[0].Attempts != try || held[0].Package != nil || !held[0].Next.After(f.Clock.Now()) {
			t.Fatalf("try %d: %+v", try, held)
		}
		_ = f.Poll(t.Context())
		if now := f.held(t); now[0].Attempts != try {
			t.Errorf("it was tried before its time")
		}
	}
	f.axis.refuse = nil
	f.poll(t)
	if len(f.came(t, hubtest.Remote)) != 1 || len(f.held(t)) != 0 || f.axis.acked["a1"] != "done" {
		t.Errorf("%d came, %v", len(f.came(t, hubtest.Remote)), f.axis.acked)
	}
}

// TestOneCall: a dispatch goes to the axis once for all who live there, and nothing else
// of it; after a crash between the call and its record, with the same bytes.
func TestOneCall(t *testing.T) {
	f := newFixture(t)
	a := f.send(t, "d1", office, far, farther)
	f.Before = func(method string) error { // after the call
		if method == "SaveNotes" && len(f.axis.sent) > 0 {
			return errLost
		}
		return nil
	}
	if err := f.carry(t, &a, 1); !errors.Is(err, errLost) {
		t.Fatal(err)
	}
	f.Before = nil
	if err := f.carry(t, &a, 2); hub.KindOf(err) != hub.KindBusy {
		t.Errorf("under the claim of another: %v", err)
	}
	f.Clock.Advance(2 * time.Hour)
	for _, i := range []int{2, 1} {
		if err := f.carry(t, &a, i); err != nil {
			t.Fatal(err)
		}
	}
	if len(f.axis.sent) != 2 || f.axis.sent[0].content != f.axis.sent[1].content || f.axis.sent[0].Digest != f.axis.sent[1].Digest {
		t.Errorf("sent %+v", f.axis.sent)
	}
	if got := f.axis.sent[1]; !slices.Equal(got.To, []string{far, farther}) || got.From != province {
		t.Errorf("from %s to %v", got.From, got.To)
	}
	if f.kept(t, []byte(f.axis.sent[0].content)) {
		t.Error("the package that was made is kept for ever")
	}
	item := hub.Item{Dispatch: a.Dispatch, Delivery: a.Deliveries[1]}
	if note := f.Answer(t.Context(), &item); !strings.Contains(note, "H47, as x2") {
		t.Errorf("for the evidence: %q", note)
	}
}

// TestOneBadRecipient costs no other its document.
func TestOneBadRecipient(t *testing.T) {
	f := newFixture(t)
	a := f.send(t, "d1", far, farther)
	f.axis.refuse = func(_ string, p *hub.AxisPackage) error {
		if p != nil && slices.Contains(p.To, farther) {
			return hub.Invalid("", "axis", "the axis answers 422: no such agency")
		}
		return nil
	}
	if err := f.carry(t, &a, 1); hub.KindOf(err) != hub.KindInvalid {
		t.Errorf("the unknown one: %v", err)
	}
	if err := f.carry(t, &a, 0); err != nil {
		t.Fatal(err)
	}
	if len(f.axis.sent) != 1 || !slices.Equal(f.axis.sent[0].To, []string{far}) {
		t.Errorf("sent %+v", f.axis.sent)
	}
}

// TestGivenBack: a package of this hub that the axis gives back has no effect.
func TestGivenBack(t *testing.T) {
	f := newFixture(t)
	raw := f.document("d1", province, office, far)
	pkg, err := codec(f.World).Decode(t.Context(), bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	pkg.Submission.Format = hub.FormatEdXML
	accepted, err := f.intake.Submit(t.Context(), hubtest.System(hubtest.Province), *pkg.Submission)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.carry(t, &accepted, 1); err != nil {
		t.Fatal(err)
	}
	f.axis.put("a1", hub.PackageDocument, province, office, []byte(f.axis.sent[0].content))
	f.poll(t)
	if len(f.came(t, hubtest.Province)) != 1 || f.axis.acked["a1"] != "done" || len(f.held(t)) != 0 {
		t.Errorf("acknowledged %v, held %+v", f.axis.acked, f.held(t))
	}
	if f.axis.sent[0].content != string(raw) {
		t.Error("it went out with other bytes than it came")
	}
}

// TestStatusesOfRecipients: what a recipient behind the axis reports shows that it has the
// document; before the hand-over to the axis is settled it waits.
func TestStatusesOfRecipients(t *testing.T) {
	f := newFixture(t)
	a := f.send(t, "d1", far)
	f.axis.put("s1", hub.PackageStatus, far, province, status(hub.StatusAccepted, far, province, "d1"))
	f.poll(t)
	if held := f.held(t); len(held) != 1 || held[0].Waits || len(f.axis.acked) != 0 {
		t.Fatalf("before the delivery left: %+v", held)
	}
	if err := f.carry(t, &a, 0); err != nil {
		t.Fatal(err)
	}
	f.poll(t)
	if d := f.delivery(t, a.Deliveries[0].ID); d.State != hub.StateAccepted || f.axis.acked["s1"] != "done" {
		t.Errorf("the delivery is %s, acknowledged %v", d.State, f.axis.acked)
	}
	f.axis.put("s2", hub.PackageStatus, far, province, status(hub.StatusRecallAsked, far, office, "unknown"))
	for range 6 {
		f.poll(t)
	}
	if f.axis.acked["s2"] != "done" || len(f.held(t)) != 0 {
		t.Errorf("a recall of what never came: %v, %+v", f.axis.acked, f.held(t))
	}
}

// TestWhatTheAxisTells of its recipients: collected, refused, withdrawn, or nothing.
func TestWhatTheAxisTells(t *testing.T) {
	for _, tt := range []struct {
		state  hub.AxisState
		recall bool
		want   hub.DeliveryState
	}{
		{hub.AxisWaiting, false, hub.StateConsigned}, {hub.AxisCollected, false, hub.StateHandedOver},
		{hub.AxisRefused, false, hub.StateRefused}, {hub.AxisWithdrawn, false, hub.StateConsigned}, {hub.AxisWithdrawn, true, hub.StateWithdrawn},
	} {
		f := newFixture(t)
		a := f.send(t, "d1", far)
		if err := f.carry(t, &a, 0); err != nil {
			t.Fatal(err)
		}
		if tt.recall {
			if _, err := f.tracking.Recall(t.Context(), hubtest.System(hubtest.Province), a.Dispatch.ID, nil, "nhầm"); err != nil {
				t.Fatal(err)
			}
		}
		f.axis.outcomes["x1"] = []hub.AxisOutcome{{To: far, State: tt.state, Detail: "fail:\x00 vì sai"}, {To: "other", State: hub.AxisRefused}}
		f.poll(t)
		f.poll(t)
		d := f.delivery(t, a.Deliveries[0].ID)
		if d.State != tt.want {
			t.Errorf("%s: the delivery is %s, want %s", tt.state, d.State, tt.want)
		}
		if d.State == hub.StateRefused && d.Reason.Detail != "the axis says: fail: vì sai" {
			t.Errorf("refused because of %q", d.Reason.Detail)
		}
	}
}

// TestStatusesForTheAxis: reports about what came from there go there, oldest first, once;
// one that the axis refuses waits for the operator and keeps no other waiting.
func TestStatusesForTheAxis(t *testing.T) {
	f := newFixture(t)
	f.axis.put("a1", hub.PackageDocument, far, office, f.document("d1", far, office))
	f.poll(t)
	id := f.came(t, hubtest.Remote)[0].Deliveries[0].ID
	report := func(code hub.StatusCode) {
		t.Helper()
		if _, err := f.tracking.Report(t.Context(), hubtest.System(hubtest.Office), id, hub.StatusReport{Code: code}); err != nil {
			t.Fatal(err)
		}
	}
	report(hub.StatusArrived)
	report(hub.StatusInProgress)
	refused := 0
	f.axis.refuse = func(call string, _ *hub.AxisPackage) error {
		if call == "send" && refused == 0 {
			refused++
			return hub.Invalid("", "axis", "the axis answers 422")
		}
		return nil
	}
	f.Clock.Advance(time.Hour)
	if err := f.Poll(t.Context()); err == nil {
		t.Error("nobody hears that the axis refuses")
	}
	held := f.held(t)
	if len(f.axis.sent) != 1 || len(held) != 1 || !held[0].Out || !held[0].Waits || held[0].From != office || held[0].To != far {
		t.Fatalf("sent %+v, held %+v", f.axis.sent, held)
	}
	f.poll(t)
	if _, err := f.Retry(t.Context(), operator(), held[0].ID); err != nil {
		t.Fatal(err)
	}
	f.poll(t)
	f.poll(t)
	if len(f.axis.sent) != 2 || len(f.held(t)) != 0 || f.axis.sent[0].From != office || f.axis.sent[0].Kind != hub.PackageStatus {
		t.Errorf("sent %+v, held %+v", f.axis.sent, f.held(t))
	}
}

// TestTakenBackBeforeItWent: nobody on the axis hears of what never went there.
func TestTakenBackBeforeItWent(t *testing.T) {
	f := newFixture(t)
	first, never := f.send(t, "d1", far), f.send(t, "d2", far)
	if err := f.carry(t, &first, 0); err != nil { // from now on reports for this agency wait
		t.Fatal(err)
	}
	for _, a := range []*hub.Accepted{&first, &never} {
		if _, err := f.tracking.Recall(t.Context(), hubtest.System(hubtest.Province), a.Dispatch.ID, nil, "nhầm"); err != nil {
			t.Fatal(err)
		}
	}
	f.poll(t)
	f.poll(t)
	if len(f.axis.sent) != 2 || !strings.Contains(f.axis.sent[1].content, `"d1"`) || len(f.held(t)) != 0 {
		t.Errorf("sent %+v, held %+v", f.axis.sent, f.held(t))
	}
	if d := f.delivery(t, never.Deliveries[0].ID); d.State != hub.StateWithdrawn {
		t.Errorf("what never went is %s", d.State)
	}
}

// TestRegisters: the axis is asked once for each agency of this hub that it does not have.
func TestRegisters(t *testing.T) {
	f := newFixture(t)
	f.poll(t)
	f.Clock.Advance(24 * time.Hour)
	f.poll(t)
	slices.Sort(f.axis.asked)
	if want := []string{office, bureau, "000.31.05.H47"}; !slices.Equal(f.axis.asked, want) {
		t.Errorf("asked for %v, want %v", f.axis.asked, want)
	}
	units, err := f.Units(t.Context(), operator())
	if err != nil || len(units) != 3 || !units[0].Local || !units[1].Known || units[1].Local || units[2].Known {
		t.Errorf("%+v, %v", units, err)
	}
	if _, err := f.Units(t.Context(), hubtest.System(hubtest.Province)); hub.KindOf(err) != hub.KindDenied {
		t.Errorf("read by an agency: %v", err)
	}
}

// TestNoLongerSent: a status message that the axis refuses for good can be given up; the
// list of what is held comes in pages.
func TestNoLongerSent(t *testing.T) {
	f := newFixture(t)
	f.axis.put("a1", hub.PackageDocument, far, office, f.document("d1", far, office))
	f.axis.put("broken", hub.PackageDocument, far, office, []byte("<"))
	f.poll(t)
	id := f.came(t, hubtest.Remote)[0].Deliveries[0].ID
	if _, err := f.tracking.Report(t.Context(), hubtest.System(hubtest.Office), id, hub.StatusReport{Code: hub.StatusArrived}); err != nil {
		t.Fatal(err)
	}
	f.axis.refuse = func(call string, _ *hub.AxisPackage) error {
		if call == "send" {
			return hub.Invalid("", "axis", "the axis answers 422")
		}
		return nil
	}
	f.Clock.Advance(time.Hour)
	_ = f.Poll(t.Context()) // tells that the axis refuses
	var ids []string
	page := hub.Page{Limit: 1}
	for range 3 {
		list, err := f.Held(t.Context(), operator(), page)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range list.Items {
			ids = append(ids, h.ID)
		}
		if page.After = list.Next; list.Next == "" {
			break
		}
	}
	if len(ids) != 2 || ids[0] != "broken" {
		t.Fatalf("held are %v", ids)
	}
	if err := f.GiveUp(t.Context(), operator(), ids[1], "the axis does not know it"); err != nil {
		t.Fatal(err)
	}
	f.axis.refuse = nil
	f.poll(t)
	if len(f.axis.sent) != 0 || len(f.held(t)) != 1 {
		t.Errorf("sent %+v, held %+v", f.axis.sent, f.held(t))
	}
}
