package storagetest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// postal is an order of an agency as it is first recorded.
func (b *bench) postal(agency hub.AgencyID, change func(*hub.PostalOrder)) hub.PostalOrder {
	at := b.Clock.UTC().Truncate(time.Millisecond)
	o := hub.PostalOrder{
		ID: hub.PostalID(b.ID()), Agency: agency, AgencyName: "Đơn vị", Kind: hub.PostalReturn, Dossier: "h1", Number: "H47.12-260302-0001",
		From: &hub.PostalParty{Name: "Đơn vị", Address: "1 Trần Phú"}, To: &hub.PostalParty{Name: "Trần Thị <Mẫu>", Address: "2 Lê Lợi", Phone: "0900"},
		Envelopes: 1, By: "an", Created: at, Next: at, Version: 1,
	}
	change(&o)
	return o
}

// testPostalOrders: an order is recorded once, changed by one at a time, found by its agency
// alone, due when its time has come, and without persons when its dossier is erased.
func testPostalOrders(t *testing.T, back Backend) {
	b := newBench(t, back)
	plain := func(*hub.PostalOrder) {}
	first := b.postal("u1", func(o *hub.PostalOrder) { o.Key = "k1" })
	b.must(b.store.AddPostalOrder(b.ctx, first))
	b.wants(hub.KindConflict, b.store.AddPostalOrder(b.ctx, b.postal("u1", func(o *hub.PostalOrder) { o.Key = "k1" })))
	b.must(b.store.AddPostalOrder(b.ctx, b.postal("u2", func(o *hub.PostalOrder) { o.Key, o.Dossier = "k1", "h2" })))
	for _, key := range []hub.PostalKey{{ID: first.ID}, {Agency: "u1", Key: "k1"}} {
		o, err := b.store.FindPostalOrder(b.ctx, key)
		b.must(err)
		same(t, "an order", o, first)
	}
	for _, key := range []hub.PostalKey{{}, {ID: "x"}, {Agency: "u1"}, {Agency: "u3", Key: "k1"}} {
		_, err := b.store.FindPostalOrder(b.ctx, key)
		b.wants(hub.KindNotFound, err)
	}

	// A delivery has one order that is open.
	paper := b.postal("u1", func(o *hub.PostalOrder) {
		o.Kind, o.Dossier, o.Dispatch, o.Delivery = hub.PostalPaper, "", "d1", "v1"
		o.Next = o.Next.Add(time.Hour)
	})
	b.must(b.store.AddPostalOrder(b.ctx, paper))
	second := b.postal("u1", func(o *hub.PostalOrder) {
		o.Kind, o.Dossier, o.Dispatch, o.Delivery, o.Next = hub.PostalPaper, "", "d1", "v1", time.Time{}
	})
	b.wants(hub.KindConflict, b.store.AddPostalOrder(b.ctx, second))
	backlog := func(open, unsent int, overdue time.Time) {
		t.Helper()
		got, err := b.store.PostalBacklog(b.ctx)
		b.must(err)
		same(t, "the backlog", got, hub.PostalBacklog{Open: open, Unsent: unsent, Overdue: overdue})
	}
	backlog(3, 3, first.Next)
	paper.Add(hub.PostalEvent{Act: hub.PostalRejected, At: paper.Created, Recorded: paper.Created})
	paper.SentAt, paper.Version = paper.Created, 2
	b.must(b.store.ChangePostalOrder(b.ctx, paper))
	b.must(b.store.AddPostalOrder(b.ctx, second))
	backlog(3, 2, first.Next)

	// One change at a time.
	var changed sync.Mutex
	var wait sync.WaitGroup
	done := 0
	for n := range 4 {
		wait.Go(func() {
			o := first
			o.Version, o.Asked = 2, n+1
			if b.store.ChangePostalOrder(b.ctx, o) == nil {
				changed.Lock()
				done++
				changed.Unlock()
			}
		})
	}
	wait.Wait()
	if done != 1 {
		t.Errorf("%d of four changes of one version were recorded", done)
	}

	// Lists, by agency alone.
	b.must(b.store.AddPostalOrder(b.ctx, b.postal("u1", func(o *hub.PostalOrder) { o.Kind = hub.PostalPickUp; o.Dossier = "h3" })))
	b.Clock = b.Clock.Add(48 * time.Hour)
	b.must(b.store.AddPostalOrder(b.ctx, b.postal("u1", plain)))
	today := hub.DateOf(b.Clock)
	for _, c := range []struct {
		query hub.PostalQuery
		want  string
	}{
		{hub.PostalQuery{Agency: "u1"}, "[return/h1 pick_up/h3 paper/ paper/ return/h1]"},
		{hub.PostalQuery{Agency: "u1", Open: true}, "[return/h1 pick_up/h3 paper/ return/h1]"},
		{hub.PostalQuery{Agency: "u1", Outgoing: true}, "[return/h1 paper/ paper/ return/h1]"},
		{hub.PostalQuery{Agency: "u1", Oldest: true}, "[return/h1 paper/ paper/ pick_up/h3 return/h1]"},
		{hub.PostalQuery{Agency: "u1", Dossier: "h1"}, "[return/h1 return/h1]"},
		{hub.PostalQuery{Agency: "u1", Dispatch: "d1", Open: true}, "[paper/]"},
		{hub.PostalQuery{Agency: "u1", From: today}, "[return/h1]"},
		{hub.PostalQuery{Agency: "u1", To: today.Plus(-1)}, "[pick_up/h3 paper/ paper/ return/h1]"},
		{hub.PostalQuery{Agency: "u2"}, "[return/h2]"},
		{hub.PostalQuery{Agency: "u2", Dossier: "h1"}, "[]"},
		{hub.PostalQuery{Agency: "u3"}, "[]"},
	} {
		var got []string
		for c.query.Page = (hub.Page{Limit: 2}); ; {
			list, err := b.store.PostalOrders(b.ctx, c.query)
			b.must(err)
			for i := range list.Items {
				got = append(got, fmt.Sprintf("%s/%s", list.Items[i].Kind, list.Items[i].Dossier))
			}
			if c.query.Page.After = list.Next; list.Next == "" {
				break
			}
		}
		if fmt.Sprint(got) != c.want {
			t.Errorf("%+v: %v, want %s", c.query, got, c.want)
		}
	}
	_, err := b.store.PostalOrders(b.ctx, hub.PostalQuery{Agency: "u1", Page: hub.Page{Limit: 1, After: "x"}})
	b.wants(hub.KindInvalid, err)

	// Due, oldest first; what wants no work never is.
	due, err := b.store.DuePostalOrders(b.ctx, b.Clock, 10)
	b.must(err)
	if len(due) != 5 || due[0].Next.After(due[4].Next) {
		t.Errorf("%d orders are due, of five", len(due))
	}
	if due, err = b.store.DuePostalOrders(b.ctx, first.Next.Add(-time.Second), 10); err != nil || len(due) != 0 {
		t.Errorf("%d orders are due before their time, %v", len(due), err)
	}

	b.erasesPostal(t)
}

// erasesPostal: what orders say of persons goes with what the dossier says of them.
func (b *bench) erasesPostal(t *testing.T) {
	t.Helper()
	d := b.dossier("u1", 1)
	d.Ended = d.Received
	b.must(b.store.AddDossier(b.ctx, d, true, nil))
	o := b.postal("u1", func(o *hub.PostalOrder) { o.Dossier, o.Content, o.Note = d.ID, "Giấy khai sinh", "gọi trước" })
	o.Add(hub.PostalEvent{Act: hub.PostalDelivered, At: o.Created, Recorded: o.Created, Bill: "EB1", Text: "người nhận: con gái"})
	b.must(b.store.AddPostalOrder(b.ctx, o))
	rules, err := b.store.RulesVersion(b.ctx)
	b.must(err)
	b.happens(&d, hub.DossierErase)
	b.must(b.store.EraseDossier(b.ctx, d, b.dossierNote(), rules, nil))
	got, err := b.store.FindPostalOrder(b.ctx, hub.PostalKey{ID: o.ID})
	b.must(err)
	o.Erase()
	same(t, "an order whose dossier was erased", got, o)
	if got.To != nil || got.Content+got.Note+got.Events[0].Text != "" || got.Events[0].Bill != "EB1" || got.Version != 2 {
		t.Errorf("an order whose dossier was erased: %+v", got)
	}
}
