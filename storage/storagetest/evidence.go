package storagetest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
)

func testStatusReports(t *testing.T, back Backend) {
	b := newBench(t, back)
	d := b.consigned("r1")
	other := b.consigned("r1")
	var want []hub.StatusReport
	for i, code := range []hub.StatusCode{hub.StatusInProgress, hub.StatusArrived, hub.StatusCompleted} {
		step := b.Step(d, hub.StateConsigned)
		step.Reports = []hub.StatusReport{{
			ID: fmt.Sprintf("z%d", 9-i), Dispatch: d.Dispatch, Delivery: d.ID, Reporter: "r1", Code: code,
			Description: "Đang xử lý", Staff: &hub.Staff{Name: "Trần Thị Bình (hư cấu)"}, StatedAt: b.Clock, RecordedAt: b.Clock,
		}}
		b.must(b.apply(step))
		d = step.Delivery
		want = append(want, step.Reports...)
	}
	reports, err := b.store.StatusReports(b.ctx, d.Dispatch)
	b.must(err)
	same(t, "reports in the order of recording", reports, want)
	none, err := b.store.StatusReports(b.ctx, other.Dispatch)
	b.must(err)
	same(t, "no reports", len(none), 0)
}

func testSignatureReports(t *testing.T, back Backend) {
	b := newBench(t, back)
	a := b.Acceptance("r1")
	a.Reports = append(a.Reports, hub.SignatureReport{
		Part: "p2", Indication: hub.Indeterminate, Sub: hub.SubNoCertificateChain, ValidatedAt: b.Clock,
		Signatures: []hub.SignatureVerdict{{Field: "Signature1", Signer: "UBND (hư cấu)", Indication: hub.Indeterminate}},
	})
	b.acceptThis(a)
	reports, err := b.store.SignatureReports(b.ctx, a.Dispatch.ID)
	b.must(err)
	same(t, "reports in part order", reports, a.Reports)

	made := b.Acceptance("r1")
	made.Reports = a.Reports
	want := slices.Clone(a.Reports)
	for i := range want {
		want[i].Findings = []string{"only in the text"}
		text, err := json.Marshal(&want[i])
		b.must(err)
		made.ReportTexts = append(made.ReportTexts, text)
	}
	b.acceptThis(made)
	reports, err = b.store.SignatureReports(b.ctx, made.Dispatch.ID)
	b.must(err)
	same(t, "reports whose texts were made before", reports, want)
	_, err = b.store.SignatureReports(b.ctx, "none")
	b.wants(hub.KindNotFound, err)
}

// testDeliveryVerdicts: those on a page of an inbox come at once, each with the later
// looks at it, and to nobody but the recipient.
func testDeliveryVerdicts(t *testing.T, back Backend) {
	b := newBench(t, back)
	var ids []hub.DeliveryID
	var want []hub.DeliveryVerdicts
	for i, recipient := range []hub.AgencyID{"r1", "r1", "r2"} {
		a := b.Acceptance(recipient, "r3")
		a.Reports = []hub.SignatureReport{{Part: fmt.Sprint("p", i), Indication: hub.Indeterminate, ValidatedAt: b.Clock}}
		b.acceptThis(a)
		ids = append(ids, a.Deliveries[0].ID)
		v := hub.DeliveryVerdicts{Delivery: a.Deliveries[0], Reports: a.Reports}
		if i == 1 {
			v.Later = []byte(`[{"part": "p1"}]`)
			b.must(b.store.SaveNotes(b.ctx, hub.RetentionNote{Name: "later/" + string(a.Dispatch.ID), Body: v.Later}))
		}
		if recipient == "r1" {
			want = append(want, v)
		}
	}
	found, err := b.store.DeliveryVerdicts(b.ctx, "r1", append(ids, "none"), "later/")
	b.must(err)
	slices.SortFunc(found, func(x, y hub.DeliveryVerdicts) int { return cmp.Compare(x.Reports[0].Part, y.Reports[0].Part) })
	same(t, "verdicts", found, want)
	found, err = b.store.DeliveryVerdicts(b.ctx, "r1", nil, "later/")
	b.must(err)
	same(t, "verdicts on nothing", len(found), 0)
}

func testMatchDelivery(t *testing.T, back Backend) {
	b := newBench(t, back)
	document := func(number, date, externalID string) hub.Delivery {
		a := b.Acceptance("r1", "r2")
		a.Dispatch.Document.CodeNumber, a.Dispatch.Document.Promulgated = number, hub.Date(date)
		a.Dispatch.ExternalID = externalID
		return b.acceptThis(a).Deliveries[0]
	}
	old, older := document("1", "2025-01-05", "x1"), document("1", "2024-01-05", "x2")
	newest := document("1", "2025-01-05", "x3")
	for i := range 30 { // many more of the same number must not hide an old one
		document("1", "2026-02-01", fmt.Sprint("many", i))
	}
	const number = "1/UBND-KSTTHC"
	for name, c := range map[string]struct {
		ref  hub.Reference
		want hub.DeliveryID
	}{
		"external id":            {hub.Reference{ExternalID: "x1"}, old.ID},
		"external id first":      {hub.Reference{ExternalID: "x1", Number: number, Promulgated: "2024-01-05"}, old.ID},
		"number and date":        {hub.Reference{Number: number, Promulgated: "2024-01-05"}, older.ID},
		"the newest of several":  {hub.Reference{Number: number, Promulgated: "2025-01-05"}, newest.ID},
		"failing the id, number": {hub.Reference{ExternalID: "gone", Number: number, Promulgated: "2024-01-05"}, older.ID},
	} {
		item, err := b.store.MatchDelivery(b.ctx, "s1", "r1", c.ref)
		b.must(err)
		if item.Delivery.ID != c.want || item.Dispatch.ID != item.Delivery.Dispatch {
			t.Errorf("%s: found %s, want %s", name, item.Delivery.ID, c.want)
		}
	}
	for _, c := range []struct {
		sender, recipient hub.AgencyID
		ref               hub.Reference
	}{
		{"s1", "r1", hub.Reference{}},
		{"s1", "r1", hub.Reference{Number: number, Promulgated: "2023-01-05"}},
		{"s1", "r1", hub.Reference{Number: "1"}},
		{"s1", "r3", hub.Reference{ExternalID: "x1"}},
		{"s2", "r1", hub.Reference{ExternalID: "x1"}},
	} {
		_, err := b.store.MatchDelivery(b.ctx, c.sender, c.recipient, c.ref)
		b.wants(hub.KindNotFound, err)
	}
}

func testEvidence(t *testing.T, back Backend) {
	b := newBench(t, back)
	a := b.Acceptance("r1", "r2")
	// Bytes are kept as they were sealed, not as this program would write them now.
	a.Evidence[0].Canonical = append(bytes.Replace(a.Evidence[0].Canonical, []byte("{"), []byte("{ "), 1), ' ')
	a.Evidence[0].JWS = "eyJ.." + string(a.Evidence[0].Evidence.ID)
	b.acceptThis(a)
	got, err := b.store.Evidence(b.ctx, a.Evidence[0].Evidence.ID)
	b.must(err)
	if !bytes.Equal(got.Canonical, a.Evidence[0].Canonical) || got.JWS != a.Evidence[0].JWS {
		t.Errorf("the sealed bytes changed:\n%s\n%s", got.Canonical, a.Evidence[0].Canonical)
	}
	_, err = b.store.Evidence(b.ctx, "none")
	b.wants(hub.KindNotFound, err)

	first, second := b.to(a.Deliveries[0], hub.StateConsigned), b.to(a.Deliveries[1], hub.StateConsigned)
	b.to(first, hub.StateHandedOver)
	b.accept("r1")
	count := func(query hub.EvidenceQuery) int {
		return len(allPages(t, 2, func(page hub.Page) (hub.List[hub.SealedEvidence], error) {
			query.Page = page
			return b.store.Evidences(b.ctx, query)
		}))
	}
	for name, c := range map[string]struct {
		query hub.EvidenceQuery
		want  int
	}{
		"everything":   {hub.EvidenceQuery{}, 5},
		"one dispatch": {hub.EvidenceQuery{Dispatch: a.Dispatch.ID}, 4},
		"one delivery": {hub.EvidenceQuery{Delivery: second.ID}, 1},
		"rejections":   {hub.EvidenceQuery{Sender: "s1"}, 0},
		"nothing":      {hub.EvidenceQuery{Dispatch: "none"}, 0},
	} {
		if got := count(c.query); got != c.want {
			t.Errorf("%s: %d evidences, want %d", name, got, c.want)
		}
	}
}

// testEvidenceOrder: a listing of everything misses nothing and has one order,
// also while others write.
func testEvidenceOrder(t *testing.T, back Backend) {
	b := newBench(t, back)
	const writers, each = 4, 15
	var group sync.WaitGroup
	for range writers {
		group.Go(func() {
			for range each {
				d := b.Acceptance("r1")
				accepted, err := b.store.Accept(b.ctx, d)
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := b.store.ApplySteps(b.ctx, b.Step(accepted.Deliveries[0], hub.StateConsigned)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	all := func(limit int) (ids []hub.EvidenceID) {
		for _, e := range allPages(t, limit, func(page hub.Page) (hub.List[hub.SealedEvidence], error) {
			return b.store.Evidences(b.ctx, hub.EvidenceQuery{Page: page})
		}) {
			ids = append(ids, e.Evidence.ID)
		}
		return ids
	}
	whole := all(1000)
	if len(whole) != 2*writers*each {
		t.Fatalf("%d evidences, want %d", len(whole), 2*writers*each)
	}
	same(t, "small pages", all(7), whole)
	place := map[hub.EvidenceID]int{}
	for i, id := range whole {
		place[id] = i
	}
	for _, it := range b.sent(hub.SentQuery{Agency: "s1"}, 100) { // a chain is never listed backwards
		chain, err := b.store.Evidences(b.ctx, hub.EvidenceQuery{Dispatch: it.Dispatch.ID, Page: hub.Page{Limit: 10}})
		b.must(err)
		if len(chain.Items) != 2 || place[chain.Items[0].Evidence.ID] > place[chain.Items[1].Evidence.ID] ||
			chain.Items[0].Evidence.Event != hub.EventSubmissionAcceptance {
			t.Errorf("the evidence of %s is out of order", it.Dispatch.ID)
		}
	}
}

// testEvidenceAppendOnly: no method of a store may put other bytes under an id.
func testEvidenceAppendOnly(t *testing.T, back Backend) {
	b := newBench(t, back)
	accepted := b.accept("r1")
	forged := b.Seal(hub.Evidence{Event: hub.EventSubmissionRejection, Note: "forged"})
	forged.Evidence.ID = accepted.Receipt.Evidence.ID
	if err := b.store.Reject(b.ctx, "s1", forged); err == nil {
		t.Error("a rejection took the id of an evidence")
	}
	step := b.Step(accepted.Deliveries[0], hub.StateConsigned)
	step.Evidence[0].Evidence.ID = accepted.Receipt.Evidence.ID
	if _, err := b.store.ApplySteps(b.ctx, step); err == nil {
		t.Error("a step took the id of an evidence")
	}
	again := b.Acceptance("r1")
	again.Evidence[0].Evidence.ID = accepted.Receipt.Evidence.ID
	if _, err := b.store.Accept(b.ctx, again); err == nil {
		t.Error("an acceptance took the id of an evidence")
	}
	got, err := b.store.Evidence(b.ctx, accepted.Receipt.Evidence.ID)
	b.must(err)
	same(t, "the first evidence", got, accepted.Receipt)
}

// testReopen: what a store answered for is there after a restart.
func testReopen(t *testing.T, back Backend) {
	b := newBench(t, back)
	_, err := b.store.SaveAgencies(b.ctx, 0, []hub.Agency{{ID: "a"}})
	b.must(err)
	b.must(b.store.AddKey(b.ctx, hub.APIKey{ID: "k1"}))
	b.must(b.store.SaveUpload(b.ctx, hub.Upload{ID: "u1", Expires: b.Clock}))
	rejection := b.Seal(hub.Evidence{Event: hub.EventSubmissionRejection})
	b.must(b.store.Reject(b.ctx, "s1", rejection))
	a := b.Acceptance("r1", "r2")
	b.acceptThis(a)
	step := b.Step(a.Deliveries[0], hub.StateConsigned)
	step.Reports = []hub.StatusReport{{ID: b.ID(), Dispatch: a.Dispatch.ID, Code: hub.StatusArrived}}
	b.must(b.apply(step))
	lease := b.lease(b.request("r1", "k1", 1))[0].Delivery.Lease
	version, err := b.store.AgenciesVersion(b.ctx)
	b.must(err)

	b.store = back.Reopen(t, b.store)

	again, err := b.store.Accept(b.ctx, a)
	b.must(err)
	if !again.Duplicate {
		t.Error("a submission repeated after a restart counts as a new one")
	}
	same(t, "the receipt after a restart", again.Receipt, a.Evidence[0])
	want := step.Delivery
	want.Lease = lease
	same(t, "delivery and lease", b.item(want.ID).Delivery, want)
	if got := b.lease(b.request("r1", "k2", 1)); len(got) != 0 {
		t.Error("a lease did not survive")
	}
	b.Clock = b.Clock.Add(time.Hour)
	if next := b.lease(b.request("r1", "k2", 1))[0].Delivery.Lease; next.Fence <= lease.Fence {
		t.Errorf("fence %d after %d", next.Fence, lease.Fence)
	}
	agencies, loaded, err := b.store.LoadAgencies(b.ctx)
	b.must(err)
	keys, err := b.store.Keys(b.ctx)
	b.must(err)
	uploads, err := b.store.ExpiredUploads(b.ctx, b.Clock, 10)
	b.must(err)
	reports, err := b.store.StatusReports(b.ctx, a.Dispatch.ID)
	b.must(err)
	evidences, err := b.store.Evidences(b.ctx, hub.EvidenceQuery{Page: hub.Page{Limit: 10}})
	b.must(err)
	if len(agencies) != 1 || loaded != version || len(keys) != 1 || len(uploads) != 1 || len(reports) != 1 || len(evidences.Items) != 3 {
		t.Errorf("after a restart: %d agencies of version %d, %d keys, %d uploads, %d reports, %d evidences",
			len(agencies), loaded, len(keys), len(uploads), len(reports), len(evidences.Items))
	}
}
