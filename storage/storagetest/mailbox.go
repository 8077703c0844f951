package storagetest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// mailbox reads all pages of a query, limit rows each.
func (b *bench) mailbox(query hub.MailboxQuery, limit int) []hub.Item {
	b.t.Helper()
	return allPages(b.t, limit, func(page hub.Page) (hub.List[hub.Item], error) {
		query.Page = page
		return b.store.Mailbox(b.ctx, query)
	})
}

func (b *bench) sent(query hub.SentQuery, limit int) []hub.SentItem {
	b.t.Helper()
	return allPages(b.t, limit, func(page hub.Page) (hub.List[hub.SentItem], error) {
		query.Page = page
		return b.store.Sent(b.ctx, query)
	})
}

// allPages reads to the end and checks what every listing promises: pages are
// full but for the last one, and only that one names no next.
func allPages[T any](t reporter, limit int, read func(hub.Page) (hub.List[T], error)) []T {
	t.Helper()
	var all []T
	page := hub.Page{Limit: limit}
	for {
		list, err := read(page)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, list.Items...)
		if list.Next == "" {
			return all
		}
		if len(list.Items) != limit {
			t.Fatalf("a page of %d rows has %d and names a next one", limit, len(list.Items))
		}
		page.After = list.Next
	}
}

func deliveryIDs(items []hub.Item) []hub.DeliveryID {
	ids := make([]hub.DeliveryID, len(items))
	for i := range items {
		ids[i] = items[i].Delivery.ID
	}
	return ids
}

func dispatchIDs(items []hub.SentItem) []hub.DispatchID {
	ids := make([]hub.DispatchID, len(items))
	for i := range items {
		ids[i] = items[i].Dispatch.ID
	}
	return ids
}

func testMailboxPages(t *testing.T, back Backend) {
	b := newBench(t, back)
	var urgent, calm []hub.DeliveryID
	for i := range 23 {
		a := b.Acceptance("r1", "r2")
		isUrgent := i%3 == 0
		for n := range a.Deliveries {
			a.Deliveries[n].Urgent = isUrgent
		}
		d := b.to(b.acceptThis(a).Deliveries[0], hub.StateConsigned)
		if i%5 == 0 {
			d = b.to(d, hub.StateHandedOver) // reads across states stay in one order
		}
		if isUrgent {
			urgent = append(urgent, d.ID)
		} else {
			calm = append(calm, d.ID)
		}
	}
	want := slices.Concat(urgent, calm)
	query := hub.MailboxQuery{Agency: "r1", States: []hub.DeliveryState{hub.StateHandedOver, hub.StateConsigned, hub.StateConsigned}}
	for _, limit := range []int{1, 2, 7, 22, 23, 24, 500} {
		same(t, fmt.Sprintf("pages of %d", limit), deliveryIDs(b.mailbox(query, limit)), want)
	}
	same(t, "another box", len(b.mailbox(hub.MailboxQuery{Agency: "r2"}, 10)), 0)
	for _, it := range b.mailbox(query, 10) {
		same(t, "an item of a page", it, b.item(it.Delivery.ID))
	}
	_, err := b.store.Mailbox(b.ctx, hub.MailboxQuery{Agency: "r1"})
	b.wants(hub.KindInvalid, err) // a page of no rows
}

func testMailboxFilters(t *testing.T, back Backend) {
	b := newBench(t, back)
	queued := b.accept("r1").Deliveries[0]
	waiting, leased, over := b.consigned("r1"), b.consigned("r1"), b.to(b.consigned("r1"), hub.StateHandedOver)
	b.lease(b.request("r1", "k1", 1, leased.ID))
	for name, c := range map[string]struct {
		query hub.MailboxQuery
		want  []hub.DeliveryID
	}{
		"by default": {hub.MailboxQuery{}, []hub.DeliveryID{waiting.ID, leased.ID}},
		"queued":     {hub.MailboxQuery{States: []hub.DeliveryState{hub.StateQueued}}, []hub.DeliveryID{queued.ID}},
		"all":        {hub.MailboxQuery{States: hub.DeliveryStates()}, []hub.DeliveryID{queued.ID, waiting.ID, leased.ID, over.ID}},
		"free":       {hub.MailboxQuery{Free: true, Now: b.Clock}, []hub.DeliveryID{waiting.ID}},
		"free later": {hub.MailboxQuery{Free: true, Now: b.Clock.Add(time.Minute)}, []hub.DeliveryID{waiting.ID, leased.ID}},
		"no such":    {hub.MailboxQuery{States: []hub.DeliveryState{"lost"}}, []hub.DeliveryID{}},
	} {
		c.query.Agency = "r1"
		same(t, name, deliveryIDs(b.mailbox(c.query, 3)), c.want)
	}
}

// testMailboxVisibility: a reader that takes what is in the box until it is empty
// has seen every delivery that was put there, whatever the order of ids and of
// commits. A reader that pages by "greater than the last one seen" has not.
func testMailboxVisibility(t *testing.T, back Backend) {
	b := newBench(t, back)
	const writers, each = 8, 25
	var writing sync.WaitGroup
	for range writers {
		// Ids are made before the race for the commit, like those of a real hub.
		prepared := make([]hub.Acceptance, each)
		for i := range prepared {
			prepared[i] = b.Acceptance("r1")
		}
		rand.Shuffle(each, func(i, j int) { prepared[i], prepared[j] = prepared[j], prepared[i] })
		writing.Go(func() {
			for _, a := range prepared {
				accepted, err := b.store.Accept(b.ctx, a)
				if err != nil {
					t.Error(err)
					return
				}
				results, err := b.store.ApplySteps(b.ctx, b.Step(accepted.Deliveries[0], hub.StateConsigned))
				if err != nil || results[0] != nil {
					t.Error(err, results)
				}
			}
		})
	}
	written := make(chan struct{})
	go func() { writing.Wait(); close(written) }()

	seen := map[hub.DeliveryID]bool{}
	for done := false; ; {
		list, err := b.store.Mailbox(b.ctx, hub.MailboxQuery{Agency: "r1", Page: hub.Page{Limit: 10}})
		b.must(err)
		for _, it := range list.Items {
			if seen[it.Delivery.ID] {
				t.Fatalf("delivery %s came again after it was handed over", it.Delivery.ID)
			}
			seen[it.Delivery.ID] = true
			b.to(it.Delivery, hub.StateHandedOver)
		}
		if len(list.Items) > 0 {
			continue
		}
		if done { // the box was empty in a read that began after the last commit
			break
		}
		select {
		case <-written:
			done = true
		default:
		}
	}
	if len(seen) != writers*each {
		t.Errorf("the reader has seen %d of %d deliveries", len(seen), writers*each)
	}
}

func testSentPages(t *testing.T, back Backend) {
	b := newBench(t, back)
	var want []hub.DispatchID
	for i := range 13 {
		a := b.Acceptance([]hub.AgencyID{"r1", "r2", "r3"}[:1+i%3]...)
		b.acceptThis(a)
		want = append([]hub.DispatchID{a.Dispatch.ID}, want...)
	}
	other := b.Acceptance("r1")
	other.Dispatch.Sender = "s2"
	b.acceptThis(other)
	for _, limit := range []int{1, 5, 12, 13, 14} {
		same(t, fmt.Sprintf("pages of %d, newest first", limit), dispatchIDs(b.sent(hub.SentQuery{Agency: "s1"}, limit)), want)
	}
	for _, it := range b.sent(hub.SentQuery{Agency: "s1"}, 5) {
		whole, err := b.store.DispatchItem(b.ctx, it.Dispatch.ID)
		b.must(err)
		same(t, "an item of a page", it, whole)
	}
	same(t, "of nobody", len(b.sent(hub.SentQuery{Agency: "s9"}, 5)), 0)
}

func testSentFilters(t *testing.T, back Backend) {
	b := newBench(t, back)
	plain, numbered := b.accept("r1", "r2"), b.Acceptance("r1", "r2")
	numbered.Dispatch.Document.CodeNumber = "200"
	b.acceptThis(numbered)
	b.to(numbered.Deliveries[1], hub.StateConsigned)
	for name, c := range map[string]struct {
		query hub.SentQuery
		want  []hub.DispatchID
	}{
		"external id":   {hub.SentQuery{ExternalID: plain.Dispatch.ExternalID}, []hub.DispatchID{plain.Dispatch.ID}},
		"number":        {hub.SentQuery{Number: "200/UBND-KSTTHC"}, []hub.DispatchID{numbered.Dispatch.ID}},
		"part of it":    {hub.SentQuery{Number: "200"}, []hub.DispatchID{}},
		"state of one":  {hub.SentQuery{States: []hub.DeliveryState{hub.StateConsigned, hub.StateRefused}}, []hub.DispatchID{numbered.Dispatch.ID}},
		"state of both": {hub.SentQuery{States: []hub.DeliveryState{hub.StateQueued}}, []hub.DispatchID{numbered.Dispatch.ID, plain.Dispatch.ID}},
		"all together":  {hub.SentQuery{Number: "200/UBND-KSTTHC", ExternalID: plain.Dispatch.ExternalID}, []hub.DispatchID{}},
	} {
		c.query.Agency = "s1"
		same(t, name, dispatchIDs(b.sent(c.query, 10)), c.want)
	}
}

func testSearch(t *testing.T, back Backend) {
	b := newBench(t, back)
	d := b.consigned("r1")
	plain := b.Acceptance("r1")
	plain.Dispatch.Document = hub.Document{CodeNumber: "9", CodeNotation: "SNV", Subject: "100% hoàn_thành \\ xong"}
	b.to(b.acceptThis(plain).Deliveries[0], hub.StateConsigned)
	for text, found := range map[string]bool{
		"":                     true,
		"cải cách":             true,
		"cai cach":             true,
		"CẢI CÁCH HÀNH CHÍNH":  true,
		"ca\u0309i ca\u0301ch": true, // decomposed
		"hanh   cai":           true, // any order, any space
		"duc":                  true, // signer, đ as d
		"đức":                  true,
		"173/ubnd":             true,
		"quang nam":            true, // sender
		"day manh":             true, // subject
		"cai khong":            false,
		"cải-cách":             true, // as it stands together
		"cach-cai":             false,
		"73/ubnd":              false, // whole words, so that a number is not found in others
		"cai cac":              false,
		"c%i":                  false, // no wild cards
		"c_i":                  false,
		"%":                    false, // no word
	} {
		inBox := slices.Contains(deliveryIDs(b.mailbox(hub.MailboxQuery{Agency: "r1", Text: text}, 10)), d.ID)
		inSent := slices.Contains(dispatchIDs(b.sent(hub.SentQuery{Agency: "s1", Text: text}, 10)), d.Dispatch)
		if inBox != found || inSent != found {
			t.Errorf("search %q: in the mailbox %v, in the sent list %v, want %v", text, inBox, inSent, found)
		}
	}
	for text, found := range map[string]int{"100%": 1, "hoan_thanh": 1, "thanh_hoan": 0, "thanh hoan": 1, `xong\`: 1, strings.Repeat("100 ", 40): 1, strings.Repeat("100 ", 40) + "9/SNW": 0} {
		same(t, "search "+text, len(b.sent(hub.SentQuery{Agency: "s1", Text: text}, 10)), found)
	}
}

// testSearchPages: a search goes through the urgent ones, then through the others, page by
// page.
func testSearchPages(t *testing.T, back Backend) {
	b := newBench(t, back)
	var urgent, calm []hub.DeliveryID
	var sent []hub.DispatchID
	for i := range 21 {
		a := b.Acceptance("r1", "r2")
		a.Deliveries[0].Urgent = i%3 == 0
		if i%2 == 0 {
			a.Dispatch.Document.Subject = "sáp nhập xã"
			sent = append([]hub.DispatchID{a.Dispatch.ID}, sent...)
		}
		d := b.to(b.acceptThis(a).Deliveries[0], hub.StateConsigned)
		switch {
		case i%2 == 0 && i%3 == 0:
			urgent = append(urgent, d.ID)
		case i%2 == 0:
			calm = append(calm, d.ID)
		}
	}
	for _, limit := range []int{1, 2, 4, 5, 10, 11, 50} {
		same(t, fmt.Sprintf("pages of %d", limit), deliveryIDs(b.mailbox(hub.MailboxQuery{Agency: "r1", Text: "Sáp nhập"}, limit)), slices.Concat(urgent, calm))
		same(t, fmt.Sprintf("sent in pages of %d", limit), dispatchIDs(b.sent(hub.SentQuery{Agency: "s1", Text: "xã sáp"}, limit)), sent)
	}
	same(t, "of another state", len(b.mailbox(hub.MailboxQuery{Agency: "r1", Text: "xã", States: []hub.DeliveryState{hub.StateAccepted}}, 5)), 0)
	same(t, "of no state", len(b.mailbox(hub.MailboxQuery{Agency: "r1", Text: "xã", States: []hub.DeliveryState{"lost"}}, 5)), 0)
	same(t, "of another recipient", len(b.mailbox(hub.MailboxQuery{Agency: "s1", Text: "xã"}, 5)), 0)
	same(t, "of another sender", len(b.sent(hub.SentQuery{Agency: "r1", Text: "xã"}, 5)), 0)
}

// testForeignCursors: a cursor comes back from outside, so it may be anything.
func testForeignCursors(t *testing.T, back Backend) {
	b := newBench(t, back)
	for range 3 {
		b.consigned("r1")
	}
	one := hub.Page{Limit: 1}
	mailbox, err := b.store.Mailbox(b.ctx, hub.MailboxQuery{Agency: "r1", Page: one})
	b.must(err)
	sent, err := b.store.Sent(b.ctx, hub.SentQuery{Agency: "s1", Page: one})
	b.must(err)
	evidence, err := b.store.Evidences(b.ctx, hub.EvidenceQuery{Page: one})
	b.must(err)
	own := map[string]string{"mailbox": mailbox.Next, "sent": sent.Next, "evidence": evidence.Next}
	bad := []string{"x", "!", "AA==", " ", "\x00", "AAAA", own["sent"] + "A", "A" + own["mailbox"], own["evidence"] + "\n"}
	for listing, read := range map[string]func(hub.Page) error{
		"mailbox": func(p hub.Page) error {
			_, err := b.store.Mailbox(b.ctx, hub.MailboxQuery{Agency: "r1", Page: p})
			return err
		},
		"sent": func(p hub.Page) error {
			_, err := b.store.Sent(b.ctx, hub.SentQuery{Agency: "s1", Page: p})
			return err
		},
		"evidence": func(p hub.Page) error {
			_, err := b.store.Evidences(b.ctx, hub.EvidenceQuery{Page: p})
			return err
		},
	} {
		b.must(read(hub.Page{Limit: 1, After: own[listing]}))
		tries := slices.Clone(bad)
		for other, cursor := range own {
			if other != listing {
				tries = append(tries, cursor)
			}
		}
		for _, cursor := range tries {
			err := read(hub.Page{Limit: 1, After: cursor})
			b.wants(hub.KindInvalid, err)
			if e := hub.ViolationsOf(err)[0]; e.Field != "after" {
				t.Errorf("%s with the cursor %q: the error names the field %q", listing, cursor, e.Field)
			}
		}
	}
}
