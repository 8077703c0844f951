package hubtest_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/delivery"
	"github.com/lienthong/lienthong/hub/directory"
	"github.com/lienthong/lienthong/hub/hubtest"
	"github.com/lienthong/lienthong/hub/intake"
	"github.com/lienthong/lienthong/hub/tasks"
	"github.com/lienthong/lienthong/hub/tracking"
)

// reform is a hub with the sample directory of Quảng Nam and Đà Nẵng.
type reform struct {
	*hubtest.World
	*testing.T
	directory *directory.Directory
	intake    *intake.Service
	tracking  *tracking.Service
	delivery  *delivery.Service
	tasks     *tasks.Service
}

func newReform(t *testing.T) *reform {
	r := &reform{World: hubtest.NewWorld(), T: t}
	r.directory = r.node()
	r.tracking = tracking.New(tracking.Options{
		Store: r.Memory, Leases: r.Memory, Reports: r.Memory, Links: r.Memory, Evidences: r.Memory, Blobs: r.Blobs, Directory: r.directory,
		Notary: r.Notary, Now: r.Clock.Now, NewID: r.IDs.New,
	})
	calendar := func() *hub.Calendar { return hub.NewCalendar() }
	r.tasks = tasks.New(tasks.Options{Store: r.Memory, Directory: r.directory, Notary: r.Notary, Bell: r.tracking, Calendar: calendar, Now: r.Clock.Now})
	r.intake = intake.New(intake.Options{
		Store: r.Memory, Uploads: r.Memory, Blobs: r.Blobs, Staging: r.Blobs, Directory: r.directory, Verifier: r.Verifier,
		Notary: r.Notary, Queue: r.Queue, Bell: r.tracking, Now: r.Clock.Now, NewID: r.IDs.New, Changes: r.tracking, Tasks: r.tasks, Calendar: calendar, Canonical: hubtest.CanonicalReport,
	})
	r.delivery = delivery.New(delivery.Options{Store: r.Memory, Notary: r.Notary, Queue: delivery.NewLocalQueue(4), Bell: r.tracking, Now: r.Clock.Now, NewID: r.IDs.New})
	return r
}

// node is the directory as one more node knows it.
func (r *reform) node() *directory.Directory {
	r.Helper()
	d := directory.New(directory.Options{Store: r.Memory, Now: r.Clock.Now, NewID: r.IDs.New})
	if err := d.Load(r.Context()); err != nil {
		r.Fatal(err)
	}
	return d
}

func (r *reform) importSample(name string) {
	r.Helper()
	list, ok := directory.Sample(name)
	if !ok {
		r.Fatalf("there is no sample %s", name)
	}
	operator := hub.Actor{Kind: hub.ActorOperator, Scopes: []hub.Scope{hub.ScopeOperate}}
	if _, err := r.directory.Import(r.Context(), operator, strings.NewReader(list), hub.ImportOptions{Basis: "NQ 202/2025/QH15"}); err != nil {
		r.Fatal(err)
	}
}

func (r *reform) until(day string) {
	r.Helper()
	t, err := time.ParseInLocation("2006-01-02 15:04", day, hub.Vietnam())
	if err != nil {
		r.Fatal(err)
	}
	r.Clock.Advance(t.Sub(r.Clock.Now()))
}

// TestReformOf2025 plays 1 July 2025 with documents on their way: what was sent reaches
// whom it was for, what is sent goes to the successor or is refused with the successors
// named, and the closed ones send nothing any more.
func TestReformOf2025(t *testing.T) {
	r := newReform(t)
	ctx := context.Background()
	r.until("2025-06-20 09:00")
	r.importSample("quang-nam-before")
	r.until("2025-06-25 09:00")
	r.importSample("quang-nam-after") // told before it holds

	// The last evening: the province writes to a department, a district and a commune.
	r.until("2025-06-30 23:59")
	province := hubtest.System("qnam")
	evening := r.Submission("H47,2025/06/30,1", "H47.02", "H47.31", "000.01.31.H47")
	evening.Sender, evening.Key = "H47", "the last one"
	sent, err := r.intake.Submit(ctx, province, evening)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []hub.AgencyID{"qnam-s02", "qnam-d31", "qnam-d31-01"} {
		if d := sent.Deliveries[i]; d.Recipient != want || d.Note != "" {
			t.Errorf("on the last evening %s goes to %s with the note %q", d.AddressedAs, d.Recipient, d.Note)
		}
	}

	r.until("2025-07-01 00:00")
	// The answer to the last submission was lost: the same again gets the same receipt,
	// and nothing new may be sent.
	again, err := r.intake.Submit(ctx, province, evening)
	if err != nil || !again.Duplicate || again.Receipt.Digest != sent.Receipt.Digest {
		t.Errorf("the same submission after midnight: %+v, %v", again.Duplicate, err)
	}
	late := r.Submission("H47,2025/07/01,2", "H17.02")
	late.Sender = "H47"
	if _, err := r.intake.Submit(ctx, province, late); hub.KindOf(err) != hub.KindDenied || !strings.Contains(err.Error(), "01/07/2025") {
		t.Errorf("a closed province sends: %v", err)
	}
	if _, err := r.intake.Submit(ctx, hubtest.System("dnang"), evening); hub.KindOf(err) != hub.KindDenied {
		t.Errorf("a stranger asks for the answer to the last submission: %v", err)
	}

	// What lay in the boxes of those that closed is theirs to collect and to register.
	office := hubtest.System("qnam-s02")
	leased, err := r.tracking.Lease(ctx, office, hub.LeaseRequest{Agency: "qnam-s02", Max: 10})
	if err != nil || len(leased) != 1 {
		t.Fatalf("the closed department collects %d, %v", len(leased), err)
	}
	d := leased[0].Delivery
	if _, err := r.tracking.Acknowledge(ctx, office, d.ID, d.Lease.Fence, hubtest.Digests(&leased[0].Dispatch)); err != nil {
		t.Fatal(err)
	}
	accepted, err := r.tracking.Accept(ctx, office, d.ID, hub.Registration{Number: "99", Date: "2025-07-01"})
	if err != nil || accepted.Evidence.Recipients[0].ID != "qnam-s02" {
		t.Errorf("it registers: %v", err)
	}

	// The day after: old codes lead to successors, with a note in receipt and delivery.
	ministry := hubtest.System("dnang")
	next := r.Submission("H17,2025/07/01,1", "H47.02", "000.02.31.H47", "000.00.00.H47")
	next.Sender = "H17"
	sent, err = r.intake.Submit(ctx, ministry, next)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []hub.AgencyID{"dnang-s02", "dnang-x101", "dnang"} {
		if d := sent.Deliveries[i]; d.Recipient != want || !strings.Contains(d.Note, "01/07/2025") || sent.Receipt.Evidence.Recipients[i].Note != d.Note {
			t.Errorf("%s goes to %s with the note %q, in the receipt %q", d.AddressedAs, d.Recipient, d.Note, sent.Receipt.Evidence.Recipients[i].Note)
		}
	}
	// A district was split: the sender must choose, and is told among whom.
	split := r.Submission("H17,2025/07/01,2", "H47.31")
	split.Sender = "H17"
	if _, err := r.intake.Submit(ctx, ministry, split); err == nil || !strings.Contains(err.Error(), "several_successors") ||
		!strings.Contains(err.Error(), "H17.101") || !strings.Contains(err.Error(), "H17.102") {
		t.Errorf("to a district that was split: %v", err)
	}

	// What nobody collected ends visibly like everything else.
	r.Clock.Advance(40 * 24 * time.Hour)
	if _, err := r.delivery.Expire(ctx); err != nil {
		t.Fatal(err)
	}
	first, err := r.tracking.Dispatch(ctx, province, again.Dispatch.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range first.Deliveries {
		if len(d.State.Next()) > 0 {
			t.Errorf("%s is left %s", d.AddressedAs, d.State)
		}
	}
	// The tree as of both days, and what joins them.
	eve, day := time.Date(2025, 6, 30, 5, 0, 0, 0, time.UTC), time.Date(2025, 7, 1, 5, 0, 0, 0, time.UTC)
	if a, b := r.districts(eve), r.districts(day); a != 24 || b != 0 {
		t.Errorf("%d districts on the eve, %d on the day", a, b)
	}
	h, _ := r.directory.History("dnang-x101")
	if len(h.Predecessors) != 3 || len(h.Acts) != 2 || h.Acts[0].Basis != "NQ 202/2025/QH15" {
		t.Errorf("the commune has the predecessors %v and the acts %+v", h.Predecessors, h.Acts)
	}
}

// districts counts the districts that there are under both provinces.
func (r *reform) districts(at time.Time) int {
	n := 0
	for _, province := range []hub.AgencyID{"qnam", "dnang"} {
		for _, a := range r.directory.Children(province, at) {
			if level, _ := hub.At(a.Levels, at); level == hub.LevelDistrict {
				n++
			}
		}
	}
	return n
}

// TestSamplesSayThatTheyAreFictional: below level 1 nothing looks like a real agency.
func TestSamplesSayThatTheyAreFictional(t *testing.T) {
	for _, name := range directory.Samples() {
		list, _ := directory.Sample(name)
		for line := range strings.Lines(list) {
			if !strings.Contains(line, "(hư cấu)") && !strings.HasPrefix(line, "id,") && !strings.HasPrefix(line, "qnam,H47,") && !strings.HasPrefix(line, "dnang,H17,") {
				t.Errorf("%s: %s", name, line)
			}
		}
	}
	if _, ok := directory.Sample("../sample.go"); ok {
		t.Error("a sample that is none")
	}
}
