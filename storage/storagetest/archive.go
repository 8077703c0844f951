package storagetest

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Archives takes the state out of a store and into another one.
type Archives interface {
	// Export hands out all state of one instant, in the order of hub.RecordKinds.
	Export(ctx context.Context, emit func(hub.Record) error) error
	// Import takes an archive into an empty store, all of it or nothing.
	Import(ctx context.Context, next func() (hub.Record, error)) error
	// DispatchFiles hands out all that is stored about each dispatch of one instant.
	DispatchFiles(ctx context.Context, emit func(hub.DispatchFile) error) error
}

func (b *bench) export() []hub.Record {
	b.t.Helper()
	var records []hub.Record
	b.must(b.store.Export(b.ctx, func(r hub.Record) error {
		records = append(records, hub.Record{Kind: r.Kind, Body: slices.Clone(r.Body)})
		return nil
	}))
	return records
}

func reading(records []hub.Record) func() (hub.Record, error) {
	return func() (hub.Record, error) {
		if len(records) == 0 {
			return hub.Record{}, io.EOF
		}
		r := records[0]
		records = records[1:]
		return r, nil
	}
}

// history gives a store one of everything.
func (b *bench) history() {
	b.t.Helper()
	version, err := b.store.SaveAgencies(b.ctx, 0, []hub.Agency{{ID: "r1"}, {ID: "s1", Registers: true}})
	b.must(err)
	_, err = b.store.SaveAgencies(b.ctx, version, []hub.Agency{{ID: "r1", Test: true}})
	b.must(err)
	_, err = b.store.Settle(b.ctx, "hub-key", "abc <&> đ")
	b.must(err)
	b.must(b.store.AddKey(b.ctx, hub.APIKey{ID: "k1", Hash: hub.Digest{1, 2}, Name: "khóa", Kind: hub.ActorSystem, Created: b.Clock, System: "777.77.04.D77", Sealed: []byte{1, 255}}))
	b.must(b.store.UseKeys(b.ctx, []hub.KeyUse{{Key: "k1", At: b.Clock.Add(time.Minute)}}))
	b.must(b.store.SaveUpload(b.ctx, hub.Upload{ID: b.ID(), Actor: "k1", Sender: "s1", Expires: b.Clock.Add(time.Hour)}))
	b.must(b.store.SaveAccount(b.ctx, hub.Account{Name: "an", FullName: "Trần <Thị> Mẫu", Password: "$argon2id$x", Login: &hub.Login{Issuer: "https://id.example.vn", Claim: "sub", Value: "1"}, Created: b.Clock, Version: 1}))
	b.must(b.store.TakeNumber(b.ctx, hub.RegisterNumber{Agency: "r1", Year: 2026, Number: "12 <a>", Delivery: "d1"}))
	b.must(b.store.TakeNumber(b.ctx, hub.RegisterNumber{Agency: "r1", Year: 2026, Number: "11", Delivery: "d2"}))
	_, err = b.store.CloseYear(b.ctx, hub.RegisterYear{Agency: "r1", Year: 2024, ClosedAt: b.Clock, ClosedBy: "an <&>"})
	b.must(err)
	_, err = b.store.TakeOutgoing(b.ctx, hub.OutgoingNumber{Agency: "r1", Year: 2025, Kind: "Quyết định", Notation: "QĐ-<r1>", State: hub.NumberReserved, Key: "k", TakenBy: "an", TakenAt: b.Clock})
	b.must(err)
	v := procedure(b, "1.<r1>", 1)
	b.must(b.store.SaveProcedures(b.ctx, 0, []hub.ProcedureChange{procedureChange(b, 1, &v)}, []hub.ProcedureVersion{v}, b.newNote(hub.LogNoteOperator)))
	d := b.dossier("s1", 1, "r1")
	d.Number, d.Owner.Name = "H47.12-260102-0001", "Trần <Thị> & Mẫu"
	b.must(b.store.AddDossier(b.ctx, d, true, nil))
	_, err = b.store.AddFeedback(b.ctx, []hub.Feedback{{ID: "f-1", Agency: "s1", Kind: hub.FeedbackRating, At: b.Clock.UTC(), Score: 4}})
	b.must(err)
	inspected := b.inspection("s1", "r1")
	inspected.SubjectName = "UBND <huyện> & xã"
	b.must(b.store.AddInspection(b.ctx, inspected, b.inspectionNote()))
	b.must(b.store.AddPostalOrder(b.ctx, b.postal("r1", func(o *hub.PostalOrder) { o.Key = "k <1>" })))
	b.pushHistory()
	first := b.accept("r1", "r2", "r3")
	urgent := b.Acceptance("r1")
	urgent.Dispatch.Key, urgent.Deliveries[0].Urgent = "", true
	urgent.Dispatch.Document.Subject = "Về việc <thử> & \u2028 xuống dòng\nĐ"
	b.acceptThis(urgent)
	b.must(b.store.Reject(b.ctx, "s1", b.Seal(hub.Evidence{Event: hub.EventSubmissionRejection, Note: "sai <mẫu> & đ"})))
	consigned := b.to(first.Deliveries[0], hub.StateConsigned)
	b.to(first.Deliveries[1], hub.StateFailed)
	leased, err := b.store.TakeLeases(b.ctx, hub.LeaseRequest{Agency: "r1", Holder: "k1", IDs: []hub.DeliveryID{consigned.ID}, Now: b.Clock, Until: b.Clock.Add(time.Minute)})
	b.must(err)
	b.must(b.store.ReleaseLease(b.ctx, consigned.ID, leased[0].Delivery.Lease.Fence, b.Clock))
	_, err = b.store.TakeLeases(b.ctx, hub.LeaseRequest{Agency: "r1", Holder: "k1", Max: 5, Now: b.Clock, Until: b.Clock.Add(time.Minute)})
	b.must(err)
	third := b.to(first.Deliveries[2], hub.StateConsigned)
	b.must(b.store.ChangeRules(b.ctx, 0, hub.RetentionNote{Name: "hold/1", Body: json.RawMessage(`{"reason":"thanh tra"}`)}))
	step := b.Step(third, hub.StateHandedOver)
	for _, code := range []hub.StatusCode{hub.StatusArrived, hub.StatusAssigned} {
		step.Reports = append(step.Reports, hub.StatusReport{ID: b.ID(), Dispatch: third.Dispatch, Delivery: third.ID, Reporter: "r3", Code: code, RecordedAt: b.Clock})
	}
	b.must(b.apply(step))
	b.logHistory()
}

// answers is what a store says to everything that reads.
func (b *bench) answers() map[string]any {
	b.t.Helper()
	all := map[string]any{}
	keep := func(name string, value any, err error) {
		b.t.Helper()
		b.must(err)
		all[name] = value
	}
	agencies, version, err := b.store.LoadAgencies(b.ctx)
	keep("agencies", agencies, err)
	keep("version", version, nil)
	keys, err := b.store.Keys(b.ctx)
	keep("keys", keys, err)
	for i := range keys {
		keep("hash "+keys[i].ID, keys[i].Hash, nil)
		keep("sealed "+keys[i].ID, keys[i].Sealed, nil)
	}
	accounts, err := b.store.Accounts(b.ctx)
	keep("accounts", accounts, err)
	number, err := b.store.NextNumber(b.ctx, "r1", 2026, "")
	keep("register", number, err)
	years, err := b.store.ClosedYears(b.ctx, "r1")
	keep("closed years", years, err)
	numbers, err := b.store.OutgoingNumbers(b.ctx, hub.OutgoingQuery{Agency: "r1", Year: 2025, Page: hub.Page{Limit: 10}})
	keep("outgoing numbers", numbers, err)
	catalogue, err := b.store.ProcedureChanges(b.ctx, 0, 10)
	keep("procedures", catalogue, err)
	filed, err := b.store.Dossiers(b.ctx, hub.DossierQuery{Agency: "r1", Open: true, Page: hub.Page{Limit: 10}})
	keep("dossiers", filed, err)
	fed, err := b.store.FeedbackSums(b.ctx, b.Clock.Add(-time.Hour), b.Clock.Add(time.Hour))
	keep("feedback", fed, err)
	inspections, err := b.store.Inspections(b.ctx, hub.InspectionQuery{Agency: "r1", State: hub.InspectionOpen, Page: hub.Page{Limit: 10}})
	keep("inspections", inspections, err)
	posted, err := b.store.PostalOrders(b.ctx, hub.PostalQuery{Agency: "r1", Open: true, Page: hub.Page{Limit: 10}})
	keep("postal orders", posted, err)
	ordered, err := b.store.DuePostalOrders(b.ctx, b.Clock.Add(24*time.Hour), 10)
	keep("postal orders that are due", ordered, err)
	news, err := b.store.DossierNews(b.ctx, "r1", 0, 10)
	keep("news of dossiers", news, err)
	b.pushAnswers(keep)
	uploads, err := b.store.ExpiredUploads(b.ctx, b.Clock.Add(24*time.Hour), 10)
	keep("uploads", uploads, err)
	settled, err := b.store.Settle(b.ctx, "hub-key", "another")
	keep("settled", settled, err)
	sent, err := b.store.Sent(b.ctx, hub.SentQuery{Agency: "s1", Page: hub.Page{Limit: 100}})
	keep("sent", sent.Items, err)
	found, err := b.store.Sent(b.ctx, hub.SentQuery{Agency: "s1", Text: "cai cach", Page: hub.Page{Limit: 100}})
	keep("search", found.Items, err)
	for _, it := range sent.Items {
		d := &it.Dispatch
		accepted, err := b.store.FindAccepted(b.ctx, d.Sender, d.Key, d.ExternalID, d.Operation)
		keep("accepted "+string(d.ID), accepted, err)
		verdicts, err := b.store.SignatureReports(b.ctx, d.ID)
		keep("verdicts "+string(d.ID), verdicts, err)
		reports, err := b.store.StatusReports(b.ctx, d.ID)
		keep("reports "+string(d.ID), reports, err)
		counted, err := b.store.FigureSources(b.ctx, []hub.DispatchID{d.ID})
		keep("figures "+string(d.ID), counted, err)
	}
	for _, agency := range []hub.AgencyID{"r1", "r2", "r3"} {
		box, err := b.store.Mailbox(b.ctx, hub.MailboxQuery{Agency: agency, States: hub.DeliveryStates(), Now: b.Clock, Page: hub.Page{Limit: 100}})
		keep("box "+string(agency), box.Items, err)
	}
	due, err := b.store.DueDeliveries(b.ctx, b.Clock, 10)
	keep("due", due, err)
	version, err = b.store.RulesVersion(b.ctx)
	keep("version of the rules", version, err)
	notes, err := b.store.Notes(b.ctx, hub.NotesQuery{Limit: 10})
	keep("notes", notes, err)
	named, err := b.store.NamedContent(b.ctx, hub.Digest{}, 10)
	keep("named content", named, err)
	completed, err := b.store.Completed(b.ctx, hub.CompletedQuery{Until: b.Clock.Add(time.Hour), Limit: 10})
	keep("completed", completed, err)
	backlog, err := b.store.Backlog(b.ctx, 100)
	keep("backlog", backlog, err)
	b.logAnswers(keep)
	for _, q := range []hub.EvidenceQuery{{}, {Sender: "s1"}, {Dispatch: sent.Items[0].Dispatch.ID}} {
		q.Page.Limit = 100
		evidence, err := b.store.Evidences(b.ctx, q)
		keep("evidence "+string(q.Sender)+string(q.Dispatch), evidence.Items, err)
	}
	return all
}

// testArchive: what is exported from one store and imported into another makes that
// answer every question alike, and exports again byte for byte.
func testArchive(t *testing.T, back Backend) {
	b := newBench(t, back)
	b.history()
	records := b.export()
	var kinds []hub.RecordKind
	for i := range records {
		if !json.Valid(records[i].Body) || slices.Contains(records[i].Body, '\n') {
			t.Errorf("record %d is not JSON on one line: %s", i, records[i].Body)
		}
		if len(kinds) == 0 || kinds[len(kinds)-1] != records[i].Kind {
			kinds = append(kinds, records[i].Kind)
		}
	}
	if !slices.Equal(kinds, hub.RecordKinds()) {
		t.Errorf("kinds %v, want all of %v in order", kinds, hub.RecordKinds())
	}
	copied := newBench(t, back)
	copied.Clock = b.Clock
	copied.must(copied.store.Import(copied.ctx, reading(records)))
	want, got := b.answers(), copied.answers()
	for name := range want {
		same(t, name, got[name], want[name])
	}
	again := copied.export()
	if len(again) != len(records) {
		t.Fatalf("%d records became %d", len(records), len(again))
	}
	for i := range records {
		if again[i].Kind != records[i].Kind || string(again[i].Body) != string(records[i].Body) {
			t.Errorf("record %d was %s %s, is %s %s", i, records[i].Kind, records[i].Body, again[i].Kind, again[i].Body)
		}
	}
	copied.goesOn()
}

// goesOn checks that a store works after an import: leases get greater fences, and
// what is new comes behind what was there.
func (b *bench) goesOn() {
	b.t.Helper()
	later := b.Clock.Add(time.Hour)
	taken, err := b.store.TakeLeases(b.ctx, hub.LeaseRequest{Agency: "r1", Holder: "k1", Max: 1, Now: later, Until: later.Add(time.Minute)})
	b.must(err)
	if len(taken) != 1 || taken[0].Delivery.Lease.Fence != 3 {
		b.t.Errorf("the third lease of a delivery is %+v", taken)
	}
	last := b.Seal(hub.Evidence{Event: hub.EventSubmissionRejection, ID: "later"})
	b.must(b.store.Reject(b.ctx, "s1", last))
	list, err := b.store.Evidences(b.ctx, hub.EvidenceQuery{Page: hub.Page{Limit: 100}})
	b.must(err)
	if n := len(list.Items); n == 0 || list.Items[n-1].Evidence.ID != last.Evidence.ID {
		b.t.Errorf("the newest evidence is not the last of %d", n)
	}
}

// testArchiveRefused: an archive goes into an empty store only, and into that as a
// whole or not at all.
func testArchiveRefused(t *testing.T, back Backend) {
	b := newBench(t, back)
	b.history()
	records := b.export()
	b.wants(hub.KindConflict, b.store.Import(b.ctx, reading(records)))

	empty := newBench(t, back)
	none := empty.export()
	broken := errors.New("the medium broke")
	n := 0
	err := empty.store.Import(empty.ctx, func() (hub.Record, error) {
		if n++; n == len(records) {
			return hub.Record{}, broken
		}
		return records[n-1], nil
	})
	if !errors.Is(err, broken) {
		t.Errorf("an archive that breaks off: %v", err)
	}
	unknown := append(slices.Clone(records), hub.Record{Kind: "hologram", Body: json.RawMessage(`{}`)})
	empty.wants(hub.KindUnsupported, empty.store.Import(empty.ctx, reading(unknown)))
	bad := append(slices.Clone(records), hub.Record{Kind: hub.RecordAgency, Body: json.RawMessage(`[]`)})
	empty.wants(hub.KindInvalid, empty.store.Import(empty.ctx, reading(bad)))
	same(t, "a store after imports that failed", empty.export(), none)
	empty.must(empty.store.Import(empty.ctx, reading(records)))
}

// testDispatchFiles: they come in the order of dispatches, complete, and an error of the
// reader ends them.
func testDispatchFiles(t *testing.T, back Backend) {
	b := newBench(t, back)
	b.history()
	var files []hub.DispatchFile
	b.must(b.store.DispatchFiles(b.ctx, func(d hub.DispatchFile) error {
		files = append(files, d)
		return nil
	}))
	if len(files) != 3 {
		t.Fatalf("%d files", len(files))
	}
	for _, d := range files[:2] {
		item, err := b.store.DispatchItem(b.ctx, d.ID)
		b.must(err)
		same(t, "dispatch", d.Dispatch, &item.Dispatch)
		same(t, "deliveries", d.Deliveries, item.Deliveries)
		list, err := b.store.Evidences(b.ctx, hub.EvidenceQuery{Dispatch: d.ID, Page: hub.Page{Limit: 100}})
		b.must(err)
		same(t, "evidence", d.Evidence, list.Items)
		reports, err := b.store.StatusReports(b.ctx, d.ID)
		b.must(err)
		verdicts, err := b.store.SignatureReports(b.ctx, d.ID)
		b.must(err)
		same(t, "verdicts", append([]hub.SignatureReport{}, d.Verdicts...), append([]hub.SignatureReport{}, verdicts...))
		same(t, "reports", append([]hub.StatusReport{}, d.Reports...), append([]hub.StatusReport{}, reports...))
		if d.Receipt != d.Evidence[0].Evidence.ID {
			t.Errorf("receipt %s, first evidence %s", d.Receipt, d.Evidence[0].Evidence.ID)
		}
	}
	if d := files[2]; d.ID != "" || d.Dispatch != nil || len(d.Evidence) != 1 || d.Evidence[0].Evidence.Event != hub.EventSubmissionRejection {
		t.Errorf("the refused submission is %+v", d)
	}
	enough := errors.New("enough")
	if err := b.store.DispatchFiles(b.ctx, func(hub.DispatchFile) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("an error of the reader: %v", err)
	}
	b.accept("r1") // the store works on
}
