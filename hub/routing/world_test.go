package routing_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest"
	"github.com/lienthong/lienthong/hub/intake"
	"github.com/lienthong/lienthong/hub/routing"
	"github.com/lienthong/lienthong/hub/tracking"
)

const (
	office = "000.00.12.H47"
	bureau = "000.00.13.H47"
	ward   = "000.31.05.H47"
)

// world is a hub with rules: office, bureau and ward stand under the province, and the log
// holds all evidence at once.
type world struct {
	*hubtest.World
	rules     *routing.Service
	intake    *intake.Service
	tracking  *tracking.Service
	forwarder *routing.Forwarder
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{World: hubtest.NewWorld()}
	for _, id := range []hub.AgencyID{hubtest.Office, hubtest.Bureau, hubtest.Ward} {
		a, _ := w.Directory.ByID(id)
		a.Parents = []hub.Dated[hub.AgencyID]{{Value: hubtest.Province}}
	}
	w.tracking = tracking.New(tracking.Options{
		Store: w.Memory, Leases: w.Memory, Reports: w.Memory, Links: w.Memory, Evidences: w.Memory, Blobs: w.Blobs, Directory: w.Directory,
		Notary: w.Notary, Now: w.Clock.Now, NewID: w.IDs.New,
	})
	w.intake = intake.New(intake.Options{
		Store: w.Memory, Uploads: w.Memory, Blobs: w.Blobs, Staging: w.Blobs, Directory: w.Directory, Verifier: w.Verifier,
		Notary: w.Notary, Queue: w.Queue, Bell: w.tracking, Now: w.Clock.Now, NewID: w.IDs.New, Changes: w.tracking, Canonical: hubtest.CanonicalReport,
		Forwards: w.tracking, Verdicts: w, MaxRecipients: 3,
	})
	w.rules = w.node()
	w.intake.Routing = w.rules
	w.forwarder = routing.NewForwarder(routing.ForwarderOptions{Rules: w.rules, Feed: w, Items: w.Memory, Forwards: w.intake, Log: w.Log})
	w.feed(t) // begins at the end of the log
	return w
}

func (w *world) node() *routing.Service {
	return routing.New(routing.Options{
		Notes: w.Memory, Directory: w.Directory, Past: w, SameHouse: w.intake.SameHouse, Now: w.Clock.Now, Log: slog.New(slog.DiscardHandler),
	})
}

// Verdicts implements intake.Verdicts.
func (w *world) Verdicts(ctx context.Context, _ hub.Actor, id hub.DispatchID) ([]hub.SignatureReport, []hub.Recheck, error) {
	reports, err := w.SignatureReports(ctx, id)
	return reports, nil, err
}

func (w *world) log(ctx context.Context) ([]hub.SealedEvidence, error) {
	list, err := w.Evidences(ctx, hub.EvidenceQuery{Page: hub.Page{Limit: 10_000}})
	return list.Items, err
}

// PushPosition implements routing.Feed.
func (w *world) PushPosition(ctx context.Context) (position, end int64, err error) {
	all, err := w.log(ctx)
	return 0, int64(len(all)), err
}

// LogFrom implements routing.Feed.
func (w *world) LogFrom(ctx context.Context, place int64, limit int) ([]hub.PlacedEvidence, error) {
	all, err := w.log(ctx)
	var placed []hub.PlacedEvidence
	for i := place; i < int64(len(all)) && len(placed) < limit; i++ {
		placed = append(placed, hub.PlacedEvidence{Place: i, Evidence: all[i]})
	}
	return placed, err
}

// SentBetween implements routing.Past, two at a time.
func (w *world) SentBetween(ctx context.Context, span hub.SentSpan) (hub.List[hub.SentItem], error) {
	return w.Sent(ctx, hub.SentQuery{Agency: span.Sender, Page: hub.Page{After: span.Page.After, Limit: 2}})
}

// RegisteredBetween implements routing.Past.
func (w *world) RegisteredBetween(ctx context.Context, query hub.RegisterQuery) (hub.List[hub.RegisterEntry], error) {
	list, err := w.Mailbox(ctx, hub.MailboxQuery{Agency: query.Agency, States: []hub.DeliveryState{hub.StateAccepted}, Page: query.Page})
	found := hub.List[hub.RegisterEntry]{Next: list.Next}
	for _, item := range list.Items {
		found.Items = append(found.Items, hub.RegisterEntry{Item: item})
	}
	return found, err
}

func (w *world) feed(t *testing.T) {
	t.Helper()
	if err := w.forwarder.Feeding(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// rewind has the log read from its beginning on, as after a restore.
func (w *world) rewind(t *testing.T) {
	t.Helper()
	was, err := w.Note(t.Context(), "routing-position")
	if err == nil {
		err = w.SwapNote(t.Context(), was, hub.RetentionNote{Name: was.Name, Body: []byte("0")})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// noted counts the notes under a prefix.
func (w *world) noted(t *testing.T, prefix string) int {
	t.Helper()
	notes, err := w.Notes(t.Context(), hub.NotesQuery{Prefix: prefix, Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	return len(notes)
}

// admin is the administrator of agencies.
func admin(agencies ...hub.AgencyID) hub.Actor {
	return hub.Actor{Name: "quan.tri", Kind: hub.ActorAdministrator, Agencies: agencies, Scopes: []hub.Scope{hub.ScopeAccounts}}
}

func (w *world) set(t *testing.T, agency hub.AgencyID, rules ...hub.RoutingRule) hub.RoutingRules {
	t.Helper()
	set, err := w.rules.SetRules(t.Context(), admin(agency), hub.RoutingRules{Agency: agency, Rules: rules})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func rule(name string, action hub.RoutingAction, recipients ...string) hub.RoutingRule {
	return hub.RoutingRule{Name: name, Action: action, Recipients: recipients}
}

// normative is a submission of a normative document.
func (w *world) normative(id string, recipients ...string) hub.Submission {
	sub := w.Submission(id, recipients...)
	sub.Document.TypeName, sub.Document.CodeNumber, sub.Document.CodeNotation = "QUYẾT ĐỊNH", "04", "2026/QĐ-UBND"
	return sub
}

func (w *world) submit(t *testing.T, sub hub.Submission) hub.Accepted {
	t.Helper()
	accepted, err := w.intake.Submit(t.Context(), hubtest.System(hubtest.Province), sub)
	if err != nil {
		t.Fatal(err)
	}
	return accepted
}

// receive lets the recipient of a delivery take it, with a number where it registers.
func (w *world) receive(t *testing.T, d hub.Delivery) {
	t.Helper()
	actor := hubtest.System(d.Recipient)
	item, err := w.tracking.Item(t.Context(), actor, d.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.tracking.Acknowledge(t.Context(), actor, d.ID, 0, hubtest.Digests(&item.Dispatch)); err != nil {
		t.Fatal(err)
	}
	if d.Registers {
		if _, err := w.tracking.Accept(t.Context(), actor, d.ID, hub.Registration{Number: "1", Date: "2026-01-05"}); err != nil {
			t.Fatal(err)
		}
	}
}

func (w *world) sentOf(t *testing.T, agency hub.AgencyID) []hub.SentItem {
	t.Helper()
	list, err := w.Sent(t.Context(), hub.SentQuery{Agency: agency, Page: hub.Page{Limit: 1000}})
	if err != nil {
		t.Fatal(err)
	}
	return list.Items
}

func (w *world) failures(t *testing.T, agency hub.AgencyID) []hub.RoutingFailure {
	t.Helper()
	list, err := w.rules.Failures(t.Context(), admin(agency), agency)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// wants fails unless an error is a violation "field rule".
func wants(t *testing.T, what string, err error, want string) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: taken, want %s", what, want)
		return
	}
	var found []string
	for _, v := range hub.ViolationsOf(err) {
		found = append(found, v.Field+" "+v.Rule)
	}
	if !slices.Contains(found, want) {
		t.Errorf("%s: %q, want %s", what, found, want)
	}
}

var errAway = errors.New("the disk is away")

// oneItem is a store of one item.
type oneItem struct{ item hub.Item }

// Item implements routing.Items.
func (o oneItem) Item(context.Context, hub.DeliveryID) (hub.Item, error) { return o.item, nil }
