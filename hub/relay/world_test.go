package relay_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest"
	"github.com/lienthong/lienthong/hub/intake"
	"github.com/lienthong/lienthong/hub/relay"
	"github.com/lienthong/lienthong/hub/tracking"
)

// Codes: the first three are reached here, the others over the axis.
const (
	province = "000.00.00.H47"
	office   = "000.00.12.H47"
	bureau   = "000.00.13.H47"
	far      = "000.00.14.H47"
	farther  = "000.00.00.H48"
)

// fixture is a membership in its surroundings.
type fixture struct {
	*hubtest.World
	*relay.Service
	axis     *axis
	intake   *intake.Service
	tracking *tracking.Service
	options  relay.Options
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	w := hubtest.NewWorld()
	all := hubtest.Agencies()
	for i := range all {
		if all[i].ID == hubtest.Remote || all[i].ID == hubtest.Stranger {
			all[i].Channels = []hub.Dated[hub.Channel]{{Value: hub.ChannelAxis}}
			all[i].Registers = true
		}
	}
	w.Directory = hubtest.NewDirectory(all...)
	f := &fixture{World: w, axis: newAxis()}
	f.tracking = tracking.New(tracking.Options{
		Store: w, Leases: w, Reports: w, Links: w, Notices: w, Evidences: w, Blobs: w.Blobs, Directory: w.Directory,
		Notary: w.Notary, Now: w.Clock.Now, NewID: w.IDs.New,
	})
	f.intake = intake.New(intake.Options{
		Store: w, Uploads: w, Blobs: w.Blobs, Staging: w.Blobs, Directory: w.Directory, Verifier: w.Verifier, Changes: f.tracking,
		Notary: w.Notary, Queue: w.Queue, Now: w.Clock.Now, NewID: w.IDs.New, Canonical: hubtest.CanonicalReport,
	})
	f.options = relay.Options{
		Axis: f.axis, Register: f.axis, Codec: codec(w), Blobs: w.Blobs, Store: w, Notes: w, Intake: f.intake, Recipient: f.tracking,
		Notices: f.tracking, Directory: listed{w.Directory, all}, Now: w.Clock.Now, System: "H47",
	}
	f.Service = relay.New(f.options)
	return f
}

// listed lists the agencies of a directory.
type listed struct {
	*hubtest.Directory
	all []hub.Agency
}

func (l listed) Search(_ string, at time.Time, _ hub.Page) hub.List[hub.Agency] {
	return hub.List[hub.Agency]{Items: slices.DeleteFunc(slices.Clone(l.all), func(a hub.Agency) bool { return !a.LivesAt(at) })}
}

// codec reads and writes packages as JSON: what a package looks like is not the business
// of this room.
func codec(w *hubtest.World) relay.Codec {
	return relay.Codec{
		Decode: func(ctx context.Context, r io.Reader) (hub.Package, error) {
			raw, err := io.ReadAll(r)
			if err != nil {
				return hub.Package{}, err
			}
			var p hub.Package
			if err := json.Unmarshal(raw, &p); err != nil {
				return p, hub.Invalid("package", "malformed", "this is no package")
			}
			envelope := w.Part("envelope", hub.RoleEnvelope, string(raw))
			if p.Submission != nil {
				p.Submission.Envelope = &envelope
			} else {
				p.Status.Envelope = &envelope
			}
			return p, nil
		},
		Encode: func(_ context.Context, out io.Writer, item hub.SentItem, _ func(hub.Part) (hub.Blob, error)) error {
			return json.NewEncoder(out).Encode(item.Dispatch.ExternalID + fmt.Sprint(len(item.Deliveries)))
		},
		EncodeStatus: func(out io.Writer, m hub.StatusMessage) error {
			return json.NewEncoder(out).Encode(hub.Package{Kind: hub.PackageStatus, Status: &m})
		},
	}
}

// axis is what the hub is a member of.
type axis struct {
	mu       sync.Mutex
	rows     []hub.AxisRow
	packages map[string][]byte
	acked    map[string]string // by id: done, or the reason of a return
	sent     []sentPackage
	outcomes map[string][]hub.AxisOutcome
	listed   []hub.AxisSent
	asked    []string // agencies to register
	// refuse is asked before each call; nil: the axis does all.
	refuse func(call string, p *hub.AxisPackage) error
	acks   func(id string) // hears of each acknowledgement
}

type sentPackage struct {
	hub.AxisPackage
	content string
}

func newAxis() *axis {
	return &axis{packages: map[string][]byte{}, acked: map[string]string{}, outcomes: map[string][]hub.AxisOutcome{}}
}

func (a *axis) ask(call string, p *hub.AxisPackage) error {
	if a.refuse == nil {
		return nil
	}
	return a.refuse(call, p)
}

// put has a package wait on the axis.
func (a *axis) put(id string, kind hub.PackageKind, from, to string, content []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.rows = append(a.rows, hub.AxisRow{ID: id, Kind: kind, From: from, To: to})
	a.packages[id] = content
}

func (a *axis) Send(_ context.Context, p hub.AxisPackage) (string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	content, err := io.ReadAll(p.Content)
	if err == nil {
		err = a.ask("send", &p)
	}
	if err != nil {
		return "", err
	}
	a.sent = append(a.sent, sentPackage{p, string(content)})
	return fmt.Sprint("x", len(a.sent)), nil
}

func (a *axis) Waiting(_ context.Context, kind hub.PackageKind) ([]hub.AxisRow, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(a.rows), func(r hub.AxisRow) bool { return r.Kind != kind || a.acked[r.ID] != "" }), a.ask("list", nil)
}

func (a *axis) Fetch(_ context.Context, id string, w io.Writer) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, err := w.Write(a.packages[id])
	if err == nil {
		err = a.ask("fetch", nil)
	}
	return err
}

func (a *axis) Acknowledge(_ context.Context, id string) error {
	if a.acks != nil {
		a.acks(id)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.ask("acknowledge", nil); err != nil {
		return err
	}
	a.acked[id] = "done"
	return nil
}

func (a *axis) SendBack(_ context.Context, id, reason string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.acked[id] = reason
	return a.ask("send back", nil)
}

func (a *axis) Outcomes(_ context.Context, id string) ([]hub.AxisOutcome, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.outcomes[id], a.ask("outcomes", nil)
}

func (a *axis) Sent(context.Context) ([]hub.AxisSent, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.listed, a.ask("sent list", nil)
}

func (a *axis) Units(context.Context) ([]hub.AxisUnit, error) {
	return []hub.AxisUnit{{ID: "1", Code: province}, {ID: "2", Code: farther}, {ID: "3", Code: "000.00.00.H99"}}, a.ask("units", nil)
}

func (a *axis) Register(_ context.Context, u hub.AxisUnit) error {
	a.asked = append(a.asked, u.Code)
	return a.ask("register", nil)
}

// document is a package of an agency behind the axis.
func (f *fixture) document(id, from string, to ...string) []byte {
	sub := f.Submission(id, to...)
	sub.Sender = from
	raw, err := json.Marshal(hub.Package{Kind: hub.PackageDocument, Submission: &sub})
	if err != nil {
		panic(err)
	}
	return raw
}

// status is a status package.
func status(code hub.StatusCode, from, to, id string) []byte {
	raw, err := json.Marshal(hub.Package{Kind: hub.PackageStatus, Status: &hub.StatusMessage{
		From: from, Code: code, For: hub.Reference{Agency: to, ExternalID: id}, StatedAt: time.Date(2020, 1, 11, 0, 0, 0, 0, time.UTC),
	}})
	if err != nil {
		panic(err)
	}
	return raw
}

// poll makes a round; the clock goes on so that what waits is due in the next one.
func (f *fixture) poll(t *testing.T) {
	t.Helper()
	f.Clock.Advance(2 * time.Hour)
	if err := f.Poll(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// came lists the dispatches of an agency behind the axis, oldest first.
func (f *fixture) came(t *testing.T, sender hub.AgencyID) []hub.SentItem {
	t.Helper()
	list, err := f.Sent(t.Context(), hub.SentQuery{Agency: sender, Page: hub.Page{Limit: 100}})
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(list.Items)
	return list.Items
}

// held lists what is held.
func (f *fixture) held(t *testing.T) []hub.HeldPackage {
	t.Helper()
	list, err := f.Held(t.Context(), operator(), hub.Page{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	return list.Items
}

func operator() hub.Actor {
	return hub.Actor{Name: "operator", Kind: hub.ActorOperator, Scopes: []hub.Scope{hub.ScopeOperate}}
}

// send has the intake accept a document of Province and returns it.
func (f *fixture) send(t *testing.T, id string, to ...string) hub.Accepted {
	t.Helper()
	accepted, err := f.intake.Submit(t.Context(), hubtest.System(hubtest.Province), f.Submission(id, to...))
	if err != nil {
		t.Fatal(err)
	}
	return accepted
}

// carry hands one delivery over as a worker does, and settles it where that succeeds.
func (f *fixture) carry(t *testing.T, a *hub.Accepted, i int) error {
	t.Helper()
	item := hub.Item{Dispatch: a.Dispatch, Delivery: a.Deliveries[i]}
	err := f.Carry(t.Context(), item)
	if err == nil {
		step := hub.Step{Delivery: item.Delivery, From: hub.StateQueued, Version: item.Delivery.Version}
		step.Delivery.State, step.Delivery.Version = hub.StateConsigned, item.Delivery.Version+1
		if results, err := f.ApplySteps(t.Context(), step); err != nil || results[0] != nil {
			t.Fatal(results, err)
		}
	}
	return err
}

func (f *fixture) delivery(t *testing.T, id hub.DeliveryID) hub.Delivery {
	t.Helper()
	item, err := f.Item(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return item.Delivery
}

// kept reports whether content is named by something.
func (f *fixture) kept(t *testing.T, content []byte) bool {
	t.Helper()
	digest := f.Blobs.Put(content)
	orphans, err := f.Unreferenced(t.Context(), []hub.Digest{digest})
	if err != nil {
		t.Fatal(err)
	}
	return len(orphans) == 0
}

func (a *axis) acknowledged() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Sorted(maps.Keys(a.acked))
}

// read reads what is opened.
func read(t *testing.T, b hub.Blob) []byte {
	t.Helper()
	defer b.Close()
	var out bytes.Buffer
	if _, err := io.Copy(&out, b); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
