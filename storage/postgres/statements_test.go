package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/storagetest"
)

// counter counts what goes to the server.
type counter struct{ statements, trips atomic.Int64 }

func (c *counter) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	c.statements.Add(1)
	c.trips.Add(1)
	return ctx
}
func (*counter) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}
func (c *counter) TraceBatchStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceBatchStartData) context.Context {
	c.statements.Add(int64(data.Batch.Len()))
	c.trips.Add(1)
	return ctx
}
func (*counter) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}
func (*counter) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData)     {}

// TestStatements pins how many statements each method sends, for one row and for
// 500: it never depends on the number of rows.
func TestStatements(t *testing.T) {
	c := &counter{}
	s := openAt(t, shared.Get(t).Database(t), func(p *pgxpool.Config) { p.ConnConfig.Tracer = c })
	ctx, m := t.Context(), storagetest.NewMaker()
	var err error
	for _, n := range []int{1, 500} {
		want := func(what string, statements int64, call func()) {
			t.Helper()
			c.statements.Store(0)
			c.trips.Store(0)
			call()
			if err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			if got := c.statements.Load(); got != statements || c.trips.Load() != statements {
				t.Errorf("%s of %d rows: %d statements in %d round trips, want %d", what, n, got, c.trips.Load(), statements)
			}
		}
		a := m.Acceptance(recipients(n)...)
		want("FindAccepted", 1, func() {
			if _, missing := s.FindAccepted(ctx, "s1", "none", "none", hub.OperationNew); missing == nil {
				t.Error("found what is not there")
			}
		})
		want("Accept", 1, func() { _, err = s.Accept(ctx, a) })
		want("Accept again", 3, func() { _, err = s.Accept(ctx, a) })
		want("FindAccepted", 2, func() { _, err = s.FindAccepted(ctx, "s1", a.Dispatch.Key, "", "") })
		want("Reject", 1, func() { err = s.Reject(ctx, "s1", m.Seal(hub.Evidence{Event: hub.EventSubmissionRejection})) })

		var items []hub.Item
		want("DueDeliveries", 1, func() { items, err = s.DueDeliveries(ctx, m.Clock, n) })
		want("DueDeliveries of dispatches", 1, func() { items, err = s.DueDeliveries(ctx, m.Clock, n, a.Dispatch.ID) })
		want("FailingDeliveries", 1, func() { _, err = s.FailingDeliveries(ctx, n) })
		if len(items) != n {
			t.Fatalf("%d of %d deliveries are due", len(items), n)
		}
		steps := make([]hub.Step, n)
		for i := range steps {
			steps[i] = m.Step(items[i].Delivery, hub.StateConsigned)
			steps[i].Reports = []hub.StatusReport{{ID: m.ID(), Dispatch: a.Dispatch.ID, Code: hub.StatusArrived}}
		}
		want("ApplySteps", 1, func() { _, err = s.ApplySteps(ctx, steps...) })
		want("Mailbox", 1, func() {
			_, err = s.Mailbox(ctx, hub.MailboxQuery{Agency: "r000", States: hub.DeliveryStates(), Page: hub.Page{Limit: n}})
		})
		want("search in a mailbox", 6, func() { // of urgent ones and of others: the walk, the words, what has them
			_, err = s.Mailbox(ctx, hub.MailboxQuery{Agency: "r000", States: hub.DeliveryStates(), Text: "cải cách", Page: hub.Page{Limit: n}})
		})
		want("search in what was sent", 3, func() {
			_, err = s.Sent(ctx, hub.SentQuery{Agency: "s1", Text: "cải cách", Page: hub.Page{Limit: n}})
		})
		var sent hub.List[hub.SentItem]
		want("Sent", 1, func() { sent, err = s.Sent(ctx, hub.SentQuery{Agency: "s1", Page: hub.Page{Limit: n}}) })
		if len(sent.Items[0].Deliveries) != n {
			t.Errorf("%d deliveries sent, want %d", len(sent.Items[0].Deliveries), n)
		}
		want("Item", 1, func() { _, err = s.Item(ctx, a.Deliveries[n-1].ID) })
		want("Items", 1, func() { _, err = s.Items(ctx, []hub.DeliveryID{a.Deliveries[0].ID, a.Deliveries[n-1].ID}) })
		want("DispatchItem", 1, func() { _, err = s.DispatchItem(ctx, a.Dispatch.ID) })
		want("DispatchShares", 1, func() {
			_, err = s.DispatchShares(ctx, []hub.DispatchID{a.Dispatch.ID, "none"}, []hub.AgencyID{"r1"})
		})
		want("DispatchShare", 1, func() { _, err = s.DispatchShare(ctx, a.Dispatch.ID, []hub.AgencyID{"r1"}) })
		want("MatchDelivery", 1, func() { _, err = s.MatchDelivery(ctx, "s1", "r000", hub.Reference{ExternalID: a.Dispatch.ExternalID}) })
		want("StatusReports", 1, func() { _, err = s.StatusReports(ctx, a.Dispatch.ID) })
		want("SignatureReports", 1, func() { _, err = s.SignatureReports(ctx, a.Dispatch.ID) })
		ids := make([]hub.DeliveryID, n)
		for i := range a.Deliveries {
			ids[i] = a.Deliveries[i].ID
		}
		want("DeliveryVerdicts", 1, func() { _, err = s.DeliveryVerdicts(ctx, "r000", ids, "recheck/") })
		want("Evidences", 1, func() {
			_, err = s.Evidences(ctx, hub.EvidenceQuery{Dispatch: a.Dispatch.ID, Page: hub.Page{Limit: n}})
		})
		want("Evidence", 1, func() { _, err = s.Evidence(ctx, a.Evidence[0].Evidence.ID) })

		lease := hub.LeaseRequest{Agency: "r000", Holder: "k1", Max: n, Now: m.Clock, Until: m.Clock.Add(time.Minute)}
		want("TakeLeases", 1, func() { items, err = s.TakeLeases(ctx, lease) })
		fence := items[0].Delivery.Lease.Fence
		want("RenewLease", 1, func() { _, err = s.RenewLease(ctx, ids[0], fence, m.Clock, m.Clock.Add(time.Hour)) })
		want("ReleaseLease", 1, func() { err = s.ReleaseLease(ctx, ids[0], fence, m.Clock) })
		lease.IDs = ids[:1]
		want("TakeLeases by id", 1, func() { _, err = s.TakeLeases(ctx, lease) })
		want("ExpiringDeliveries", 1, func() { _, err = s.ExpiringDeliveries(ctx, m.Clock, n) })

		agencies := make([]hub.Agency, n)
		for i := range agencies {
			agencies[i].ID = hub.AgencyID(m.ID())
		}
		var known int64
		known, err = s.AgenciesVersion(ctx)
		if err != nil {
			t.Fatal(err)
		}
		want("SaveAgencies", 1, func() { _, err = s.SaveAgencies(ctx, known, agencies) })
		want("LoadAgencies", 1, func() { _, _, err = s.LoadAgencies(ctx) })
		want("AgenciesVersion", 1, func() { _, err = s.AgenciesVersion(ctx) })
		key := m.ID()
		want("AddKey", 1, func() { err = s.AddKey(ctx, hub.APIKey{ID: key, Hash: sha256.Sum256([]byte(key))}) })
		want("EndKey", 4, func() { err = s.EndKey(ctx, key, m.Clock) })                           // read and written in one transaction
		want("ResealKey", 1, func() { _ = s.ResealKey(ctx, "k1", []byte("was"), []byte("now")) }) // it has none
		want("UseKeys", 1, func() { err = s.UseKeys(ctx, []hub.KeyUse{{Key: "k1", At: m.Clock}, {Key: key, At: m.Clock}}) })
		want("KeyByID", 1, func() { _, err = s.KeyByID(ctx, key) })
		want("Keys", 1, func() { _, err = s.Keys(ctx) })
		want("SaveUpload", 1, func() { err = s.SaveUpload(ctx, hub.Upload{ID: "u1"}) })
		want("Upload", 1, func() { _, err = s.Upload(ctx, "u1") })
		want("ExpiredUploads", 1, func() { _, err = s.ExpiredUploads(ctx, m.Clock, n) })
		want("DeleteUpload", 1, func() { err = s.DeleteUpload(ctx, "u1") })
		want("Ping", 1, func() { err = s.Ping(ctx) })
		want("Settle", 1, func() { _, err = s.Settle(ctx, "x", "y") })
		want("Completed", 1, func() { _, err = s.Completed(ctx, hub.CompletedQuery{Until: m.Clock, Limit: n}) })
		digests := make([]hub.Digest, n)
		want("Unreferenced", 1, func() { _, err = s.Unreferenced(ctx, digests) })
		want("NamedContent", 1, func() { _, err = s.NamedContent(ctx, hub.Digest{}, n) })
		want("DispatchesWith", 1, func() { _, err = s.DispatchesWith(ctx, digests[0], n) })
		batch := hub.PurgeBatch{Items: make([]hub.PurgeItem, n)}
		want("Purge", 1, func() { _, err = s.Purge(ctx, batch) })
		want("RulesVersion", 1, func() { _, err = s.RulesVersion(ctx) })
		notes := make([]hub.RetentionNote, n)
		for i := range notes {
			notes[i] = hub.RetentionNote{Name: m.ID(), Body: json.RawMessage(`{}`)}
		}
		want("SaveNotes", 1, func() { err = s.SaveNotes(ctx, notes...) })
		want("RecordVerdicts", 1, func() {
			err = s.RecordVerdicts(ctx, hub.VerdictRound{Was: notes[0], Position: notes[0], Notes: notes[1:]})
		})
		want("Note", 1, func() { _, err = s.Note(ctx, notes[0].Name) })
		want("Notes", 1, func() { _, err = s.Notes(ctx, hub.NotesQuery{Limit: n}) })
		want("Backlog", 1, func() { _, err = s.Backlog(ctx, n) })
		want("EnsurePartitions", 1, func() { err = s.EnsurePartitions(ctx, time.Now(), preparedMonths) })
	}
}

// TestStepsOfOneDelivery: several steps of one delivery in one act follow one
// another, and the second of two that expect the same is left out.
func TestStepsOfOneDelivery(t *testing.T) {
	s, m := openNew(t), storagetest.NewMaker()
	d := accept(t, s.Store, m, "r1").Deliveries[0]
	box := m.Step(d, hub.StateConsigned)
	over := m.Step(box.Delivery, hub.StateHandedOver)
	results, err := s.ApplySteps(t.Context(), box, m.Step(d, hub.StateFailed), over)
	if err != nil || results[0] != nil || results[1] == nil || results[2] != nil {
		t.Errorf("%v, %v; want the second left out", results, err)
	}
	if got := must[hub.Item](t)(s.Item(t.Context(), d.ID)).Delivery; got.State != hub.StateHandedOver || got.Version != 3 {
		t.Errorf("the delivery is %s, version %d", got.State, got.Version)
	}
}
