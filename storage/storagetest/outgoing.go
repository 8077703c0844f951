package storagetest

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// testOutgoing: numbers run without gaps from however many sides they are taken and used,
// a key takes one number, and number and notation are used once.
func testOutgoing(t *testing.T, back Backend) {
	b := newBench(t, back)
	wish := func(kind, notation, key string) hub.OutgoingNumber {
		return hub.OutgoingNumber{Agency: "s1", Year: 2020, Kind: kind, Notation: notation, State: hub.NumberReserved, Subject: "x", Key: key, TakenBy: "an", TakenAt: b.Clock.UTC().Truncate(time.Millisecond)}
	}
	refused := func(what, field, rule string, err error) {
		t.Helper()
		if v := hub.ViolationsOf(err); err == nil || v[0].Field != field || v[0].Rule != rule {
			t.Errorf("%s: %v, want %s %s", what, err, field, rule)
		}
	}
	letter := func(kind, number, notation string) hub.Acceptance {
		a := b.Acceptance("r1")
		a.Dispatch.Document.TypeName, a.Dispatch.Document.CodeNumber, a.Dispatch.Document.CodeNotation = kind, number, notation
		return a
	}
	send := func(a hub.Acceptance) error {
		t.Helper()
		checked := b.store.CheckOutgoing(b.ctx, &a.Dispatch)
		_, err := b.store.Accept(b.ctx, a)
		if fmt.Sprint(checked) != fmt.Sprint(err) {
			t.Errorf("the check says %v, the acceptance %v", checked, err)
		}
		return err
	}
	b.must(send(letter("Quyết định", "17", "QĐ-UBND"))) // no series is kept
	b.must(send(letter("Quyết định", "17", "QĐ-UBND")))

	// Many take numbers at once, some of them twice.
	const takers = 12
	taken := make([]int64, 2*takers)
	var all sync.WaitGroup
	for i := range taken {
		all.Go(func() {
			n, err := b.store.TakeOutgoing(b.ctx, wish("Quyết định", "QĐ-UBND", fmt.Sprint("key", i%takers)))
			if err != nil {
				t.Error(err)
			}
			taken[i] = n.Number
		})
	}
	all.Wait()
	for i := range takers {
		if taken[i] != taken[i+takers] {
			t.Errorf("one key took %d and %d", taken[i], taken[i+takers])
		}
	}
	numbers := slices.Sorted(slices.Values(taken[:takers]))
	for i, n := range numbers {
		if n != int64(i+1) {
			t.Fatalf("the numbers %v have gaps", numbers)
		}
	}
	next := func(kind string, year int, want int64) {
		t.Helper()
		n, err := b.store.NextOutgoing(b.ctx, "s1", year, kind)
		b.must(err)
		if n != want {
			t.Errorf("the next number of %s is %d, want %d", kind, n, want)
		}
	}
	next("QUYẾT  định", 2020, takers+1)
	next("Quyết định", 2021, 1)
	next("Báo cáo", 2020, 1)
	_, err := b.store.TakeOutgoing(b.ctx, wish("Quyết định", "QĐ-KHÁC", "key1"))
	refused("a key for another number", "key", "duplicate", err)
	far := wish("Quyết định", "QĐ-UBND", "")
	far.Number = takers + 2
	_, err = b.store.TakeOutgoing(b.ctx, far)
	refused("a number that leaves a gap", "number", hub.RuleNumberSeries, err)
	begins := wish("Báo cáo", "BC-UBND", "")
	begins.Number = 45 // papers had the numbers before
	first, err := b.store.TakeOutgoing(b.ctx, begins)
	b.must(err)
	next("Báo cáo", 2020, 46)
	same := wish("Tờ trình", "BC-UBND", "")
	same.Number = 45
	_, err = b.store.TakeOutgoing(b.ctx, same)
	refused("number and notation of another series", "notation", "unique", err)

	// Documents are sent under them.
	used := letter("Quyết định", "03", "QĐ-UBND")
	b.must(send(used))
	again, err := b.store.Accept(b.ctx, used)
	b.must(err)
	if !again.Duplicate {
		t.Error("the same submission again is another one")
	}
	refused("a number that was used", "document.code_number", hub.RuleNumberUsed, send(letter("Quyết định", "3", "QĐ-UBND")))
	refused("a number that was not taken", "document.code_number", hub.RuleNumberSeries, send(letter("Quyết định", "99", "QĐ-UBND")))
	refused("what is no number", "document.code_number", hub.RuleNumberSeries, send(letter("Quyết định", "3a", "QĐ-UBND")))
	b.must(send(letter("Quyết định", fmt.Sprint(takers+1), "QĐ-UBND"))) // the next: taken by sending
	next("Quyết định", 2020, takers+2)
	b.must(send(letter("Công văn", "17", "UBND-VP"))) // its series is not kept
	update := letter("Quyết định", "3", "QĐ-UBND")
	update.Dispatch.Operation = hub.OperationUpdate
	b.must(send(update)) // keeps the number of what it updates

	// What is given up stays so.
	cancel := hub.OutgoingNumber{Agency: "s1", Year: 2020, Number: 5, Notation: "QĐ-UBND", Reason: "soạn sai", CancelledBy: "an", CancelledAt: b.Clock.UTC().Truncate(time.Millisecond)}
	cancelled, err := b.store.CancelOutgoing(b.ctx, cancel)
	b.must(err)
	if cancelled.State != hub.NumberCancelled || cancelled.Reason != "soạn sai" || cancelled.Key == "" {
		t.Errorf("%+v", cancelled)
	}
	cancel.Reason = "khác"
	if again, err := b.store.CancelOutgoing(b.ctx, cancel); err != nil || again.Reason != "soạn sai" {
		t.Errorf("%+v %v", again, err)
	}
	refused("a number that was cancelled", "document.code_number", hub.RuleNumberCancelled, send(letter("Quyết định", "5", "QĐ-UBND")))
	cancel.Number = 3
	_, err = b.store.CancelOutgoing(b.ctx, cancel)
	refused("cancelling what was used", "number", hub.RuleNumberUsed, err)
	cancel.Number = 300
	_, err = b.store.CancelOutgoing(b.ctx, cancel)
	b.wants(hub.KindNotFound, err)

	var listed []hub.OutgoingNumber
	for q := (hub.OutgoingQuery{Agency: "s1", Year: 2020, Page: hub.Page{Limit: 5}}); ; {
		list, err := b.store.OutgoingNumbers(b.ctx, q)
		b.must(err)
		listed = append(listed, list.Items...)
		if q.Page.After = list.Next; list.Next == "" {
			break
		}
	}
	if len(listed) != takers+2 || listed[0] != first || listed[3].Dispatch != used.Dispatch.ID || listed[3].State != hub.NumberUsed {
		t.Errorf("listed %+v", listed)
	}
	only, err := b.store.OutgoingNumbers(b.ctx, hub.OutgoingQuery{Agency: "s1", Year: 2020, State: hub.NumberCancelled, Page: hub.Page{Limit: 5}})
	b.must(err)
	if len(only.Items) != 1 || only.Items[0] != cancelled {
		t.Errorf("cancelled %+v", only.Items)
	}

	// Many send under the next number at once: one has it.
	results := make([]error, 6)
	for i := range results {
		a := letter("Quyết định", fmt.Sprint(takers+2), "QĐ-UBND")
		all.Go(func() { _, results[i] = b.store.Accept(b.ctx, a) })
	}
	all.Wait()
	won := 0
	for _, err := range results {
		if err == nil {
			won++
		} else {
			refused("a number that another took at the same moment", "document.code_number", hub.RuleNumberUsed, err)
		}
	}
	if won != 1 {
		t.Errorf("%d documents were sent under one number", won)
	}

	testKeyOfTwoYears(t, b)
	testClosedSeries(t, b)

	// In a closed year nothing of it changes.
	_, err = b.store.CloseYear(b.ctx, hub.RegisterYear{Agency: "s1", Year: 2020, ClosedBy: "an"})
	b.must(err)
	_, err = b.store.TakeOutgoing(b.ctx, wish("Quyết định", "QĐ-UBND", "late"))
	refused("a number of a closed year", "date", hub.RuleYearClosed, err)
	cancel.Number = 6
	_, err = b.store.CancelOutgoing(b.ctx, cancel)
	refused("cancelling in a closed year", "date", hub.RuleYearClosed, err)
	refused("sending under a number of a closed year", "date", hub.RuleYearClosed, send(letter("Quyết định", "6", "QĐ-UBND")))
}

// testKeyOfTwoYears: of numbers of two years that one key takes at the same moment it has one,
// and the other is a conflict that names the first.
func testKeyOfTwoYears(t *testing.T, b *bench) {
	t.Helper()
	for round := range 20 {
		results := make([]error, 2)
		var all sync.WaitGroup
		for i := range results {
			all.Go(func() {
				_, results[i] = b.store.TakeOutgoing(b.ctx, hub.OutgoingNumber{
					Agency: "twice", Year: 2020 + i, Kind: "Quyết định", Notation: "QĐ-UBND", Key: fmt.Sprint("key", round), State: hub.NumberReserved, TakenBy: "an",
				})
			})
		}
		all.Wait()
		lost := results[0]
		if lost == nil {
			lost = results[1]
		}
		if (results[0] == nil) == (results[1] == nil) || hub.KindOf(lost) != hub.KindConflict || hub.ViolationsOf(lost)[0].Rule != "duplicate" {
			t.Errorf("one key for two years: %v", results)
		}
	}
}

// testClosedSeries: of numbers that are taken, cancelled and used while a year is closed,
// none is given or changed behind the closing.
func testClosedSeries(t *testing.T, b *bench) {
	t.Helper()
	number := func(agency hub.AgencyID) hub.OutgoingNumber {
		return hub.OutgoingNumber{Agency: agency, Year: 2020, Kind: "Quyết định", Notation: "QĐ-UBND", State: hub.NumberReserved, TakenBy: "an"}
	}
	for round := range 20 {
		agency := hub.AgencyID(fmt.Sprint("closing", round))
		_, err := b.store.TakeOutgoing(b.ctx, number(agency))
		b.must(err)
		letter := b.Acceptance("r1")
		d := &letter.Dispatch
		d.Sender, d.Document.TypeName, d.Document.CodeNumber, d.Document.CodeNotation = agency, "Quyết định", "1", "QĐ-UBND"
		stood := func() string {
			list, err := b.store.OutgoingNumbers(b.ctx, hub.OutgoingQuery{Agency: agency, Year: 2020, Page: hub.Page{Limit: 50}})
			if err != nil {
				t.Error(err)
			}
			return fmt.Sprint(list.Items)
		}
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() { _, _ = b.store.TakeOutgoing(b.ctx, number(agency)) }) // may come too late
		}
		all.Go(func() { _, _ = b.store.Accept(b.ctx, letter) })
		closed := ""
		all.Go(func() {
			if _, err := b.store.CloseYear(b.ctx, hub.RegisterYear{Agency: agency, Year: 2020, ClosedBy: "an"}); err != nil {
				t.Error(err)
			}
			closed = stood()
		})
		all.Wait()
		if now := stood(); now != closed {
			t.Errorf("behind the closing the numbers are %s, when it was closed they were %s", now, closed)
		}
	}
}
