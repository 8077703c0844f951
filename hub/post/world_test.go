package post_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
	"github.com/lienthong/lienthong/hub/delivery"
	"github.com/lienthong/lienthong/hub/hubtest"
	"github.com/lienthong/lienthong/hub/intake"
	"github.com/lienthong/lienthong/hub/post"
	"github.com/lienthong/lienthong/hub/tracking"
)

const (
	paperCode              = "000.00.15.H47"
	paper     hub.AgencyID = "paper" // is not connected
	dossier                = "H47-200110-0001"
)

// world is the post with all that it works on: Province has a dossier, and sends documents to
// an agency that is not connected.
type world struct {
	*hubtest.World
	*post.Service
	options  post.Options
	intake   *intake.Service
	tracking *tracking.Service
	delivery *delivery.Service
	orders   map[hub.PostalID]hub.PostalOrder
	crash    string // store calls that fail from now on: "change" or ""
	desk     *desk
	operator *operator
	calls    []string
}

// operator is the other side: it has orders, and answers as it is told.
type operator struct {
	got   map[hub.PostalID]int // how often each was given
	fail  error                // in place of any answer
	lose  bool                 // the order arrives, its answer does not
	rows  []hub.PostalEvent
	fees  *hub.PostalFees
	asked int
}

func (o *operator) Order(_ context.Context, order *hub.PostalOrder) error {
	if o.fail != nil {
		return o.fail
	}
	o.got[order.ID]++
	if o.lose {
		return errors.New("connection reset")
	}
	return nil
}

func (o *operator) Ask(_ context.Context, order *hub.PostalOrder) (hub.PostalNews, error) {
	o.asked++
	if o.fail != nil {
		return hub.PostalNews{}, o.fail
	}
	if o.got[order.ID] == 0 {
		return hub.PostalNews{}, hub.Errorf(hub.KindNotFound, "", "", "no such order")
	}
	return hub.PostalNews{Events: slices.Clone(o.rows), Fees: o.fees}, nil
}

// desk is a dossier of Province with its owner, and what the post told it.
type desk struct {
	erased bool
	shown  []string
	posted []string
	fail   error
}

func (d *desk) Show(_ context.Context, actor hub.Actor, name string) (hub.DossierView, error) {
	if name != dossier && name != "d1" || actor.SpeaksFor(hubtest.Province, hub.ScopeRead) != nil {
		return hub.DossierView{}, hub.Errorf(hub.KindNotFound, "dossier", "", "there is no such dossier")
	}
	d.shown = append(d.shown, actor.Name)
	v := hub.DossierView{Dossier: hub.Dossier{ID: "d1", Number: dossier, Unit: hubtest.Province, Parties: []hub.AgencyID{hubtest.Province}, Owner: &hub.DossierOwner{Name: "Nguyễn Văn Ví Dụ", Contact: "0900"}}}
	if d.erased {
		v.Owner, v.Erased = nil, &hub.DossierErasure{}
	}
	return v, nil
}

func (d *desk) Posted(_ context.Context, id hub.DossierID, agency hub.AgencyID, key string, at time.Time, p hub.DossierPost) error {
	if d.fail != nil {
		return d.fail
	}
	d.posted = append(d.posted, fmt.Sprintf("%s %s %s %s %s %s", id, agency, p.Kind, p.Act, p.Bill, at.In(hub.Vietnam()).Format("15:04")))
	if key == "" {
		return errors.New("no key")
	}
	return nil
}

func newWorld(change ...func(*post.Options)) *world {
	w := &world{World: hubtest.NewWorld(), orders: map[hub.PostalID]hub.PostalOrder{}, desk: &desk{}, operator: &operator{got: map[hub.PostalID]int{}}}
	contact := hub.Contact{Address: "10 Trần Phú", Telephone: "0235"}
	all := append(hubtest.Agencies(), hub.Agency{
		ID: paper, Names: []hub.Dated[string]{{Value: "Hội Mẫu (hư cấu)"}}, Codes: []hub.Dated[hub.Code]{{Value: paperCode}}, Registers: true,
		Channels: []hub.Dated[hub.Channel]{{Value: hub.ChannelPaper}}, Contacts: []hub.Dated[hub.Contact]{{Value: contact}},
	})
	all[0].Contacts = []hub.Dated[hub.Contact]{{Value: contact}}
	w.Directory = hubtest.NewDirectory(all...)
	notary := audit.New(audit.Options{Store: w.Memory, Sealer: w.Notary, Issuer: hub.Party{ID: "hub"}, Origin: "hub.test/evidence", Now: w.Clock.Now, NewID: w.IDs.New})
	w.tracking = tracking.New(tracking.Options{
		Store: w.Memory, Leases: w.Memory, Reports: w.Memory, Links: w.Memory, Evidences: w.Memory, Blobs: w.Blobs, Directory: w.Directory, Notary: notary, Now: w.Clock.Now, NewID: w.IDs.New,
	})
	w.intake = intake.New(intake.Options{
		Store: w.Memory, Uploads: w.Memory, Blobs: w.Blobs, Staging: w.Blobs, Directory: w.Directory, Verifier: w.Verifier, Changes: w.tracking,
		Notary: notary, Queue: w.Queue, Bell: w.tracking, Now: w.Clock.Now, NewID: w.IDs.New, Canonical: hubtest.CanonicalReport,
	})
	w.delivery = delivery.New(delivery.Options{Store: w.Memory, Notary: notary, Queue: delivery.NewLocalQueue(4), Bell: w.tracking, Now: w.Clock.Now, NewID: w.IDs.New})
	w.options = post.Options{
		Store: w, Operator: w.operator, Dossiers: w.desk, Documents: w.tracking, Deliveries: w.Memory, Notary: notary, Directory: w.Directory,
		Observed: func(call, outcome string) { w.calls = append(w.calls, call+" "+outcome) }, Now: w.Clock.Now, NewID: w.IDs.New, Log: w.Log,
	}
	for _, c := range change {
		c(&w.options)
	}
	w.Service = post.New(w.options)
	return w
}

// restart is another process on the same store.
func (w *world) restart() {
	w.crash = ""
	w.Service = post.New(w.options)
}

func (w *world) AddPostalOrder(_ context.Context, o hub.PostalOrder) error {
	for _, was := range w.orders {
		if was.Agency == o.Agency && was.Key == o.Key && o.Key != "" || was.Delivery == o.Delivery && o.Delivery != "" && was.Open() {
			return hub.Errorf(hub.KindConflict, "", "", "taken")
		}
	}
	w.orders[o.ID] = copied(o)
	return nil
}

// copied is an order as it comes back from a store.
func copied(o hub.PostalOrder) hub.PostalOrder {
	body, err := json.Marshal(o)
	var c hub.PostalOrder
	if err = errors.Join(err, json.Unmarshal(body, &c)); err != nil {
		panic(err)
	}
	return c
}

func (w *world) ChangePostalOrder(_ context.Context, o hub.PostalOrder) error {
	switch {
	case w.crash == "change":
		return errors.New("the process is gone")
	case w.orders[o.ID].Version != o.Version-1:
		return hub.Errorf(hub.KindConflict, "", "", "moved")
	}
	w.orders[o.ID] = copied(o)
	return nil
}

func (w *world) FindPostalOrder(_ context.Context, key hub.PostalKey) (hub.PostalOrder, error) {
	for _, o := range w.orders {
		if key.ID == o.ID || key.ID == "" && key.Key != "" && key.Agency == o.Agency && key.Key == o.Key {
			return copied(o), nil
		}
	}
	return hub.PostalOrder{}, hub.Errorf(hub.KindNotFound, "order", "", "none")
}

func (w *world) PostalOrders(_ context.Context, q hub.PostalQuery) (l hub.List[hub.PostalOrder], _ error) {
	for _, o := range w.orders {
		if o.Agency == q.Agency && (!q.Open || o.Open()) {
			l.Items = append(l.Items, copied(o))
		}
	}
	slices.SortFunc(l.Items, func(a, b hub.PostalOrder) int { return cmp.Compare(b.ID, a.ID) })
	return l, nil
}

func (w *world) DuePostalOrders(_ context.Context, now time.Time, _ int) (due []hub.PostalOrder, _ error) {
	for _, o := range w.orders {
		if !o.Next.IsZero() && !o.Next.After(now) {
			due = append(due, copied(o))
		}
	}
	slices.SortFunc(due, func(a, b hub.PostalOrder) int { return cmp.Or(a.Next.Compare(b.Next), cmp.Compare(a.ID, b.ID)) })
	return due, nil
}

func (w *world) PostalBacklog(context.Context) (hub.PostalBacklog, error) {
	return hub.PostalBacklog{}, nil
}

// wish is an order for the result of the dossier.
func wish(change ...func(*hub.PostalWish)) hub.PostalWish {
	w := hub.PostalWish{Agency: hubtest.Province, Kind: hub.PostalReturn, Dossier: dossier, To: &hub.PostalParty{Address: "2 Lê Lợi"}}
	for _, c := range change {
		c(&w)
	}
	return w
}

func (w *world) order(t *testing.T, change ...func(*hub.PostalWish)) hub.PostalOrder {
	t.Helper()
	o, made, err := w.Order(t.Context(), hubtest.System(hubtest.Province), wish(change...))
	if err != nil || !made {
		t.Fatalf("made %t: %v", made, err)
	}
	return o
}

// later moves the clock and works.
func (w *world) later(t *testing.T, d time.Duration) {
	t.Helper()
	w.Clock.Advance(d)
	if _, err := w.Work(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// send has Province send a document to the agency that is not connected.
func (w *world) send(t *testing.T, id string) hub.Accepted {
	t.Helper()
	a, err := w.intake.Submit(t.Context(), hubtest.System(hubtest.Province), w.Submission(id, paperCode))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// chain is the evidence of a dispatch, which must hold together.
func (w *world) chain(t *testing.T, a *hub.Accepted) (names []string, last hub.Evidence) {
	t.Helper()
	list, err := w.Evidences(t.Context(), hub.EvidenceQuery{Dispatch: a.Dispatch.ID, Page: hub.Page{Limit: 100}})
	if err != nil {
		t.Fatal(err)
	}
	for i := range list.Items {
		names = append(names, list.Items[i].Evidence.Event.Name())
		last = list.Items[i].Evidence
	}
	if err := audit.CheckChain(list.Items); err != nil {
		t.Errorf("the chain %v is wrong: %v", names, err)
	}
	return names, last
}

func (w *world) state(t *testing.T, a *hub.Accepted) hub.Delivery {
	t.Helper()
	item, err := w.Item(t.Context(), a.Deliveries[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	return item.Delivery
}
