package backup

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/lienthong/lienthong/hub"
)

// cut returns the payloads of the chunks that a stream of records becomes.
func cut(t *testing.T, records []hub.Record) []string {
	t.Helper()
	var payloads []string
	p := packer{full: func(c packed) error {
		if c.count == 0 || len(c.payload) > maxChunk+4096 {
			t.Errorf("a chunk of %d records and %d bytes", c.count, len(c.payload))
		}
		var n int64
		err := c.records(func(r hub.Record) error {
			if n++; r.Kind != c.kind || len(r.Body) == 0 || r.Body[len(r.Body)-1] == '\n' {
				t.Errorf("record %s %q in a chunk of %s", r.Kind, r.Body, c.kind)
			}
			return nil
		})
		if err != nil || n != c.count {
			t.Errorf("%d records of %d, %v", n, c.count, err)
		}
		payloads = append(payloads, string(c.kind)+string(c.payload))
		return nil
	}}
	for _, r := range records {
		if err := p.add(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.flush(); err != nil {
		t.Fatal(err)
	}
	return payloads
}

// TestChunksStayWhereNothingChanged: a record more, less or changed, at the end or in
// the middle, changes the chunks around it and no others.
func TestChunksStayWhereNothingChanged(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	record := func() hub.Record {
		body, err := json.Marshal(map[string]string{"id": fmt.Sprint(random.Uint64()), "text": strings.Repeat("x", random.IntN(2000))})
		if err != nil {
			t.Fatal(err)
		}
		return hub.Record{Kind: hub.RecordEvidence, Body: body}
	}
	records := []hub.Record{{Kind: hub.RecordAgency, Body: []byte("{}")}}
	for range 10_000 {
		records = append(records, record())
	}
	before := cut(t, records)
	if len(before) < 10 {
		t.Fatalf("only %d chunks", len(before))
	}
	middle := len(records) / 2
	for name, after := range map[string][]hub.Record{
		"appended": append(slices.Clone(records), record()),
		"inserted": slices.Insert(slices.Clone(records), middle, record()),
		"removed":  slices.Delete(slices.Clone(records), middle, middle+1),
		"changed":  slices.Replace(slices.Clone(records), middle, middle+1, record()),
	} {
		added := 0
		for _, payload := range cut(t, after) {
			if !slices.Contains(before, payload) {
				added++
			}
		}
		if added == 0 || added > 2 {
			t.Errorf("%s: %d of %d chunks are new", name, added, len(before))
		}
	}
}
