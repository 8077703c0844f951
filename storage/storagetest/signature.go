package storagetest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lienthong/lienthong/hub"
)

// testSharedSignature: however a store keeps a signature that evidences of one act share,
// every reader gets each JWS as it was sealed, and so does a store that is given an archive.
func testSharedSignature(t *testing.T, back Backend) {
	b := newBench(t, back)
	a := b.Acceptance("r1", "r2", "r3", "r4")
	for i := range a.Deliveries {
		a.Evidence = append(a.Evidence, b.Seal(hub.Evidence{Event: hub.EventContentConsignment, Dispatch: a.Dispatch.ID, Delivery: a.Deliveries[i].ID}))
	}
	for i, jws := range []string{"h..s~AA", "h..s~AB", "alone..s", "h..s~AC", "h..s2~AA"} {
		a.Evidence[i].JWS = jws
	}
	other := b.Acceptance("r1") // of the same batch, by another act
	other.Evidence[0].JWS = "h..s~AD"
	b.acceptThis(a)
	b.acceptThis(other)

	want := map[string]string{}
	for _, e := range append(a.Evidence, other.Evidence...) {
		want[string(e.Evidence.ID)] = e.JWS
	}
	b.wholeSignatures(t, want)
	again, err := b.store.FindAccepted(b.ctx, "s1", a.Dispatch.Key, "", hub.OperationNew)
	b.must(err)
	same(t, "the receipt given again", again.Receipt.JWS, "h..s~AA")
	exported := b.export()

	// A page that begins behind the evidence that has the signature, and one that holds both.
	intake, ids := b.unsequenced("", 1)
	b.must(b.store.AppendLog(b.ctx, 0, batchOf("o/2026", 1, 0, intake.Mark, ids...)))
	for first := int64(1); first < 6; first += int64(len(ids)) {
		intake, ids = b.unsequenced(intake.Mark, 3)
		for _, s := range intake.Sources {
			same(t, "what the log reads", s.JWS, want[s.ID])
		}
		b.must(b.store.AppendLog(b.ctx, first, batchOf("o/2026", 1, first, intake.Mark, ids...)))
	}
	b.wholeSignatures(t, want)
	page, err := b.store.LogPage(b.ctx, "o/2026", 0, 10)
	b.must(err)
	placed, err := b.store.LogFrom(b.ctx, 0, 10)
	b.must(err)
	same(t, "how many the log has", []int{len(page), len(placed)}, []int{6, 6})
	for i := range page {
		same(t, "a page of the log", page[i].JWS, want[page[i].Source])
		same(t, "what subscriptions read", placed[i].Evidence.JWS, want[string(placed[i].Evidence.Evidence.ID)])
	}

	restored := newBench(t, back)
	b.must(restored.store.Import(b.ctx, reading(exported)))
	restored.wholeSignatures(t, want)
	same(t, "what is exported again", fmt.Sprintf("%s", restored.export()), fmt.Sprintf("%s", exported))
}

// wholeSignatures compares the JWS of every evidence in each way that needs no log.
func (b *bench) wholeSignatures(t *testing.T, want map[string]string) {
	t.Helper()
	for id, jws := range want {
		got, err := b.store.Evidence(b.ctx, hub.EvidenceID(id))
		b.must(err)
		same(t, "one evidence", got.JWS, jws)
	}
	list, err := b.store.Evidences(b.ctx, hub.EvidenceQuery{Page: hub.Page{Limit: 10}})
	b.must(err)
	same(t, "how many are listed", len(list.Items), len(want))
	for i := range list.Items {
		same(t, "a list", list.Items[i].JWS, want[string(list.Items[i].Evidence.ID)])
	}
	b.must(b.store.LogRows(b.ctx, func(row hub.LogRow) error {
		same(t, "a row for an audit", row.JWS, want[row.Source])
		return nil
	}))
	b.must(b.store.DispatchFiles(b.ctx, func(d hub.DispatchFile) error {
		for i := range d.Evidence {
			same(t, "a file", d.Evidence[i].JWS, want[string(d.Evidence[i].Evidence.ID)])
		}
		return nil
	}))
	for _, r := range b.export() {
		if r.Kind != hub.RecordEvidence {
			continue
		}
		if !strings.Contains(string(r.Body), `..s`) {
			t.Errorf("a record without its signature: %s", r.Body)
		}
	}
}
