package storagetest

import (
	"errors"
	"testing"

	"github.com/lienthong/lienthong/hub"
)

// testLogRows: the log comes in its order with what it is about, then what has no entry.
func testLogRows(t *testing.T, back Backend) {
	b := newBench(t, back)
	b.accept("r1")
	b.accept("r1")
	b.logHistory() // two shards: an entry for each of three, and a link
	late := b.accept("r1").Receipt
	var rows []hub.LogRow
	b.must(b.store.LogRows(b.ctx, func(row hub.LogRow) error {
		rows = append(rows, row)
		return nil
	}))
	if len(rows) != 10 {
		t.Fatalf("%d rows: %+v", len(rows), rows)
	}
	for i, row := range rows[:3] {
		if row.Origin != "o/2026" || row.Index != int64(i) || string(row.Data) != "leaf of "+row.Source || (row.Note != nil) == (row.Canonical != nil) {
			t.Errorf("row %d: %+v", i, row)
		}
	}
	if row := rows[3]; row.Origin != "o/2027" || row.Source != "" || string(row.Data) != "link" {
		t.Errorf("a link: %+v", row)
	}
	if row := rows[4]; row.Origin != "" || row.Source != string(late.Evidence.ID) || string(row.Canonical) != string(late.Canonical) ||
		row.JWS != late.JWS || row.Dispatch != late.Evidence.Dispatch || row.Delivery != late.Evidence.Delivery {
		t.Errorf("an evidence without an entry: %+v", row)
	}
	for _, row := range rows[5:] {
		if row.Origin != "" || row.Note == nil || row.Canonical != nil {
			t.Errorf("a note without an entry: %+v", row)
		}
	}
	enough, n := errors.New("enough"), 0
	err := b.store.LogRows(b.ctx, func(hub.LogRow) error {
		n++
		return enough
	})
	if !errors.Is(err, enough) || n != 1 {
		t.Errorf("ended after %d rows: %v", n, err)
	}
}
