package storagetest

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Retention tells whose time may be over, and removes content references.
type Retention interface {
	// Completed lists dispatches of which every delivery has ended and whose content
	// is there, in the order of (instant of the last end, id).
	Completed(ctx context.Context, query hub.CompletedQuery) ([]hub.Completed, error)
	// Purge removes references in one transaction with the evidence. One that is not
	// completed is left out, with KindConflict as its error by index; when the rules
	// are of another version the whole is KindConflict.
	Purge(ctx context.Context, batch hub.PurgeBatch) ([]error, error)
	// Unreferenced returns those of the digests that no dispatch, report or upload
	// names, in one statement.
	Unreferenced(ctx context.Context, digests []hub.Digest) ([]hub.Digest, error)
	// NamedContent lists what dispatches and reports name, by digest, each once.
	NamedContent(ctx context.Context, after hub.Digest, limit int) ([]hub.Digest, error)
	// DispatchesWith lists dispatches that name a content.
	DispatchesWith(ctx context.Context, digest hub.Digest, limit int) ([]hub.DispatchID, error)
}

// Notes keeps what retention remembers.
type Notes interface {
	RulesVersion(ctx context.Context) (int64, error)
	// ChangeRules saves notes when the rules are of the version, which then grows by
	// one; else KindConflict.
	ChangeRules(ctx context.Context, version int64, notes ...hub.RetentionNote) error
	SaveNotes(ctx context.Context, notes ...hub.RetentionNote) error
	// SwapNote saves a note in the place of the one that was read; without a body it was
	// not there, or is removed. KindConflict where another stands there.
	SwapNote(ctx context.Context, was, now hub.RetentionNote) error
	Note(ctx context.Context, name string) (hub.RetentionNote, error)
	Notes(ctx context.Context, query hub.NotesQuery) ([]hub.RetentionNote, error)
	// RecordVerdicts saves evidence, notes and the new position, when the position is as
	// it was read; else KindConflict.
	RecordVerdicts(ctx context.Context, round hub.VerdictRound) error
}

// completed lists ids and instants of what is completed now or before.
func (b *bench) completed() []string {
	b.t.Helper()
	found, err := b.store.Completed(b.ctx, hub.CompletedQuery{Until: b.Clock, Limit: 100})
	b.must(err)
	var list []string
	for i := range found {
		list = append(list, ended(found[i].Dispatch.ID, found[i].At))
	}
	return list
}

func ended(id hub.DispatchID, at time.Time) string {
	return fmt.Sprint(id, " ", at.Format(time.RFC3339Nano))
}

// sharing makes a dispatch whose parts are the given contents.
func (b *bench) sharing(contents ...string) hub.Acceptance {
	a := b.Acceptance("r1")
	a.Dispatch.Parts = nil
	for i, text := range contents {
		a.Dispatch.Parts = append(a.Dispatch.Parts, hub.Part{ID: hub.PartName(i + 1), Role: hub.RoleOriginal, Digest: sha256.Sum256([]byte(text)), Size: int64(len(text))})
	}
	return a
}

// end ends a delivery.
func (b *bench) end(d hub.Delivery) hub.Delivery {
	b.t.Helper()
	return b.to(d, hub.StateFailed)
}

// givenBack has a recipient give a document back that it was to register: that is the end
// of the delivery, once. It returns what is completed then.
func (b *bench) givenBack(before []string) []string {
	b.t.Helper()
	a := b.accept("r1", "r2")
	d := b.to(b.to(a.Deliveries[0], hub.StateConsigned), hub.StateHandedOver)
	step := b.Step(d, d.State)
	purge := b.Seal(hub.Evidence{Event: hub.EventContentPurge, Dispatch: d.Dispatch, Delivery: d.ID})
	step.Delivery.Destroyed = &hub.Destruction{At: step.Delivery.UpdatedAt, Evidence: purge.Evidence.ID}
	step.Delivery.LastEvidence = purge.Ref()
	step.Evidence = append(step.Evidence, purge)
	b.must(b.apply(step))
	late, err := b.store.ExpiringDeliveries(b.ctx, step.Delivery.ExpiresAt.Add(time.Hour), 10)
	b.must(err)
	for i := range late {
		if late[i].Delivery.ID == d.ID {
			b.t.Errorf("what was given back expires")
		}
	}
	b.must(b.apply(b.Step(step.Delivery, d.State))) // a report after the end
	same(b.t, "with one open", b.completed(), before)
	b.end(a.Deliveries[1])
	before = append(before, ended(a.Dispatch.ID, b.Clock))
	same(b.t, "with what was given back", b.completed(), before)
	return before
}

// testCompleted: a dispatch is completed at the end of its last delivery, whatever
// ended before and whatever happens after.
func testCompleted(t *testing.T, back Backend) {
	b := newBench(t, back)
	begun := b.Clock
	a := b.Acceptance("r1", "r2", "r3")
	a.Deliveries[2].Registers = false // ends with the hand-over
	a.Evidence[0] = b.Seal(hub.Evidence{Event: hub.EventSubmissionAcceptance, Dispatch: a.Dispatch.ID, Recipients: []hub.Party{{ID: "r1"}, {ID: "r2"}, {ID: "r3"}}})
	first := b.acceptThis(a)
	second := b.accept("r1")
	third := b.accept("r1")
	same(t, "at first", b.completed(), []string(nil))

	b.Clock = begun.Add(time.Hour)
	d := b.end(first.Deliveries[0])
	b.to(b.to(first.Deliveries[2], hub.StateConsigned), hub.StateHandedOver)
	same(t, "while one is open", b.completed(), []string(nil))
	b.end(third.Deliveries[0])
	b.Clock = begun.Add(2 * time.Hour)
	box := b.to(first.Deliveries[1], hub.StateConsigned)
	b.to(b.to(box, hub.StateHandedOver), hub.StateAccepted)
	b.end(second.Deliveries[0])
	want := []string{
		ended(third.Dispatch.ID, begun.Add(time.Hour)), ended(first.Dispatch.ID, begun.Add(2*time.Hour)), ended(second.Dispatch.ID, begun.Add(2*time.Hour)),
	}
	same(t, "when all have ended", b.completed(), want)
	b.Clock = begun.Add(3 * time.Hour)
	b.must(b.apply(b.Step(d, d.State))) // a report after the end
	same(t, "after a report", b.completed(), want)
	want = b.givenBack(want)

	found, err := b.store.Completed(b.ctx, hub.CompletedQuery{After: begun.Add(time.Hour), AfterDispatch: third.Dispatch.ID, Until: b.Clock, Limit: 1})
	b.must(err)
	if len(found) != 1 {
		t.Fatalf("a page of one has %d", len(found))
	}
	same(t, "the dispatch", found[0].Dispatch, first.Dispatch)
	same(t, "its receipt", found[0].Receipt, a.Evidence[0].Ref())
	same(t, "its recipients", found[0].Recipients, []hub.AgencyID{"r1", "r2", "r3"})
	early, err := b.store.Completed(b.ctx, hub.CompletedQuery{Until: begun.Add(time.Hour), Limit: 10})
	b.must(err)
	if len(early) != 1 || early[0].Dispatch.ID != third.Dispatch.ID {
		t.Errorf("until the first end there are %d", len(early))
	}
	b.store = back.Reopen(t, b.store)
	same(t, "after a restart", b.completed(), want)
}

// testCompletedInParallel: whoever ends the last delivery, the dispatch is completed.
func testCompletedInParallel(t *testing.T, back Backend) {
	b := newBench(t, back)
	var recipients []hub.AgencyID
	for i := range 24 {
		recipients = append(recipients, hub.AgencyID(fmt.Sprint("r", i)))
	}
	for range 5 {
		a := b.accept(recipients...)
		var all sync.WaitGroup
		for _, d := range a.Deliveries {
			step := b.Step(d, hub.StateFailed)
			all.Go(func() {
				for {
					results, err := b.store.ApplySteps(b.ctx, step)
					if err == nil && results[0] != nil {
						t.Error(results[0])
					}
					if err == nil || hub.KindOf(err) != hub.KindUnavailable {
						b.mustNot(err)
						return
					}
				}
			})
		}
		all.Wait()
		if !slices.ContainsFunc(b.completed(), func(s string) bool { return strings.HasPrefix(s, string(a.Dispatch.ID)) }) {
			t.Fatalf("dispatch %s is not completed", a.Dispatch.ID)
		}
	}
}

// mustNot reports an error from another goroutine.
func (b *bench) mustNot(err error) {
	if err != nil {
		b.t.Errorf("%v", err)
	}
}

// purgeOf asks for the purge of dispatches.
func (b *bench) purgeOf(ids ...hub.DispatchID) hub.PurgeBatch {
	b.t.Helper()
	version, err := b.store.RulesVersion(b.ctx)
	b.must(err)
	batch := hub.PurgeBatch{Rules: version}
	for _, id := range ids {
		sealed := b.Seal(hub.Evidence{Event: hub.EventContentPurge, Dispatch: id, Note: "hết hạn <lưu>"})
		batch.Items = append(batch.Items, hub.PurgeItem{
			Dispatch: id, Evidence: sealed,
			Purge: hub.Purge{At: b.Clock, Class: "công-văn", Rules: 3, LegalBasis: "điều 1 \"mẫu\" <&>", Evidence: sealed.Evidence.ID},
		})
	}
	return batch
}

// purge purges dispatches and returns what became of each.
func (b *bench) purge(ids ...hub.DispatchID) []error {
	b.t.Helper()
	results, err := b.store.Purge(b.ctx, b.purgeOf(ids...))
	b.must(err)
	if len(results) != len(ids) {
		b.t.Fatalf("%d results of %d", len(results), len(ids))
	}
	return results
}

// testPurge: the reference goes, once, with its evidence; everything else stays; what
// another dispatch names stays named.
func testPurge(t *testing.T, back Backend) {
	b := newBench(t, back)
	one, other, open := b.acceptThis(b.sharing("shared", "only one")), b.acceptThis(b.sharing("shared", "only other")), b.acceptThis(b.sharing("open"))
	b.end(one.Deliveries[0])
	b.end(other.Deliveries[0])
	box := b.to(open.Deliveries[0], hub.StateConsigned)

	batch := b.purgeOf(open.Dispatch.ID, one.Dispatch.ID, "none")
	results, err := b.store.Purge(b.ctx, batch)
	b.must(err)
	b.wants(hub.KindConflict, results[0])
	b.must(results[1])
	b.wants(hub.KindConflict, results[2])
	for _, err := range b.purge(open.Dispatch.ID, one.Dispatch.ID) {
		b.wants(hub.KindConflict, err)
	}
	wanted := one.Dispatch
	wanted.Purged = &batch.Items[1].Purge
	b.store = back.Reopen(t, b.store)
	item, err := b.store.DispatchItem(b.ctx, one.Dispatch.ID)
	b.must(err)
	same(t, "the purged dispatch", item.Dispatch, wanted)
	evidence, err := b.store.Evidences(b.ctx, hub.EvidenceQuery{Dispatch: one.Dispatch.ID, Page: hub.Page{Limit: 10}})
	b.must(err)
	if n := len(evidence.Items); n != 3 || evidence.Items[2].Evidence.ID != batch.Items[1].Evidence.Evidence.ID {
		t.Errorf("%d evidences of the purged dispatch", n)
	}
	left, err := b.store.DispatchItem(b.ctx, open.Dispatch.ID)
	b.must(err)
	same(t, "the open dispatch", left.Dispatch, open.Dispatch)
	b.unreferenced([]string{"shared", "only one", "only other", "open", "never"}, "only one", "never")
	b.to(box, hub.StateFailed)
	same(t, "what is completed", len(b.completed()), 2)

	b.must(b.purge(other.Dispatch.ID)[0])
	b.unreferenced([]string{"shared", "only one", "only other", "open"}, "shared", "only one", "only other")
	late := item.Deliveries[0]
	b.must(b.apply(b.Step(late, late.State))) // a report may still come
	again, err := b.store.FindAccepted(b.ctx, "s1", one.Dispatch.Key, "", "")
	b.must(err)
	same(t, "its receipt", again.Receipt, one.Receipt)
}

func digests(contents []string) []hub.Digest {
	list := make([]hub.Digest, len(contents))
	for i, text := range contents {
		list[i] = sha256.Sum256([]byte(text))
	}
	return list
}

// unreferenced checks which of the contents nothing names.
func (b *bench) unreferenced(contents []string, want ...string) {
	b.t.Helper()
	found, err := b.store.Unreferenced(b.ctx, digests(contents))
	b.must(err)
	sorted := func(list []hub.Digest) []hub.Digest {
		slices.SortFunc(list, func(a, b hub.Digest) int { return slices.Compare(a[:], b[:]) })
		return list
	}
	same(b.t, "what nothing names", sorted(append([]hub.Digest{}, found...)), sorted(digests(want)))
}

// testPurgeConflicts: rules that changed stop a purge as a whole, and evidence that is
// there already undoes it.
func testPurgeConflicts(t *testing.T, back Backend) {
	b := newBench(t, back)
	a := b.acceptThis(b.sharing("content"))
	b.end(a.Deliveries[0])
	batch := b.purgeOf(a.Dispatch.ID)
	b.must(b.store.ChangeRules(b.ctx, batch.Rules, hub.RetentionNote{Name: "hold/1", Body: json.RawMessage(`{}`)}))
	_, err := b.store.Purge(b.ctx, batch)
	b.wants(hub.KindConflict, err)
	twice := b.purgeOf(a.Dispatch.ID)
	twice.Items[0].Evidence = a.Receipt
	if _, err := b.store.Purge(b.ctx, twice); err == nil {
		t.Error("a purge was recorded with an evidence that was there")
	}
	item, err := b.store.DispatchItem(b.ctx, a.Dispatch.ID)
	b.must(err)
	same(t, "the dispatch", item.Dispatch, a.Dispatch)
	b.unreferenced([]string{"content"})
	if _, err := b.store.Purge(b.ctx, b.purgeOf()); err != nil {
		t.Errorf("a purge of nothing: %v", err)
	}
	b.must(b.purge(a.Dispatch.ID)[0])
}

// testPurgeArchive: what was purged stays so in an archive, which does not ask for its
// content.
func testPurgeArchive(t *testing.T, back Backend) {
	b := newBench(t, back)
	gone, kept, open := b.acceptThis(b.sharing("gone")), b.acceptThis(b.sharing("kept")), b.acceptThis(b.sharing("open"))
	b.end(gone.Deliveries[0])
	b.end(kept.Deliveries[0])
	b.Clock = b.Clock.Add(time.Hour)
	b.must(b.purge(gone.Dispatch.ID)[0])
	records := b.export()
	for i := range records {
		refs, err := records[i].Contents()
		b.must(err)
		for _, ref := range refs {
			if ref.Digest == gone.Dispatch.Parts[0].Digest {
				t.Errorf("the archive wants what was purged: %s", records[i].Body)
			}
		}
	}
	copied := newBench(t, back)
	copied.Maker = b.Maker
	copied.must(copied.store.Import(copied.ctx, reading(records)))
	same(t, "exported again", copied.export(), records)
	same(t, "completed", copied.completed(), b.completed())
	copied.unreferenced([]string{"gone", "kept", "open"}, "gone")
	copied.wants(hub.KindConflict, copied.purge(gone.Dispatch.ID)[0])
	copied.end(open.Deliveries[0])
	if n := len(copied.completed()); n != 2 {
		t.Errorf("%d are completed after one more end", n)
	}
	b.older(t, back, records)
}

// older imports an archive that does not tell when dispatches were completed: the last
// change of their deliveries counts, and what is open stays open.
func (b *bench) older(t *testing.T, back Backend, records []hub.Record) {
	t.Helper()
	old := slices.Clone(records)
	for i := range old {
		var body map[string]json.RawMessage
		b.must(json.Unmarshal(old[i].Body, &body))
		if old[i].Kind != hub.RecordDispatch {
			continue
		}
		delete(body, "completed_at")
		stripped, err := json.Marshal(body)
		b.must(err)
		old[i].Body = stripped
	}
	c := newBench(t, back)
	c.Clock = b.Clock
	c.must(c.store.Import(c.ctx, reading(old)))
	same(t, "completed, from an older archive", c.completed(), b.completed())
}

// testNamedContent: dispatches, the packages of status reports and uploads name
// content; each content is listed once.
func testNamedContent(t *testing.T, back Backend) {
	b := newBench(t, back)
	b.acceptThis(b.sharing("a", "b", "a"))
	with := b.acceptThis(b.sharing("a", "c"))
	step := b.Step(with.Deliveries[0], hub.StateConsigned)
	step.Reports = []hub.StatusReport{{
		ID: b.ID(), Dispatch: with.Dispatch.ID, Delivery: with.Deliveries[0].ID, Code: hub.StatusArrived,
		Envelope: &hub.Part{ID: "envelope", Role: hub.RoleEnvelope, Digest: digests([]string{"report"})[0]},
	}}
	b.must(b.apply(step))
	upload := hub.Upload{ID: b.ID(), Expires: b.Clock, Submission: hub.Submission{Parts: []hub.Part{{ID: "p1"}, {ID: "p2", Digest: digests([]string{"uploaded"})[0]}}}}
	b.must(b.store.SaveUpload(b.ctx, upload))
	b.must(b.store.SaveUpload(b.ctx, hub.Upload{ID: b.ID(), Expires: b.Clock})) // without parts
	b.unreferenced([]string{"a", "b", "c", "report", "uploaded", "x"}, "x")
	b.must(b.store.DeleteUpload(b.ctx, upload.ID))
	b.unreferenced([]string{"uploaded", "x", "a"}, "x", "uploaded")
	b.unreferenced(nil)

	all := digests([]string{"a", "b", "c", "report"})
	slices.SortFunc(all, func(a, b hub.Digest) int { return slices.Compare(a[:], b[:]) })
	named, err := b.store.NamedContent(b.ctx, hub.Digest{}, 10)
	b.must(err)
	same(t, "named content", named, all)
	page, err := b.store.NamedContent(b.ctx, all[0], 2)
	b.must(err)
	same(t, "a page of it", page, all[1:3])
	ids, err := b.store.DispatchesWith(b.ctx, digests([]string{"a"})[0], 10)
	b.must(err)
	if len(ids) != 2 || ids[1] != with.Dispatch.ID {
		t.Errorf("the content is named by %v", ids)
	}
}

// testVerdicts: a step of judging again is recorded as a whole, by one of several who
// take it at the same time.
func testVerdicts(t *testing.T, back Backend) {
	b := newBench(t, back)
	a := b.acceptThis(b.Acceptance("r1", "r2"))
	note := func(name, text string) hub.RetentionNote {
		return hub.RetentionNote{Name: name, Body: json.RawMessage(`{"t": "` + text + `"}`)}
	}
	b.must(b.store.SaveNotes(b.ctx, note("position", "0"), note("undecided/1", "x")))
	verdict := func() hub.SealedEvidence {
		return b.Seal(hub.Evidence{Event: hub.EventSignatureValidation, Dispatch: a.Dispatch.ID, Note: "kiểm tra lại <&>"})
	}
	rounds := make([]hub.VerdictRound, 4)
	failures := make([]error, len(rounds))
	var all sync.WaitGroup
	for i := range rounds {
		rounds[i] = hub.VerdictRound{
			Was: note("position", "0"), Position: note("position", "1"), Evidence: []hub.SealedEvidence{verdict()},
			Notes: []hub.RetentionNote{{Name: "undecided/1"}, note("recheck/1", fmt.Sprint("from ", i))},
		}
		all.Go(func() { failures[i] = b.store.RecordVerdicts(b.ctx, rounds[i]) })
	}
	all.Wait()
	first := slices.Index(failures, nil)
	for i, err := range failures {
		if (err == nil) != (i == first) || i != first && hub.KindOf(err) != hub.KindConflict {
			t.Fatalf("of several at once %v", failures)
		}
	}
	whole, err := b.store.Evidences(b.ctx, hub.EvidenceQuery{Dispatch: a.Dispatch.ID, Whole: true, Page: hub.Page{Limit: 10}})
	b.must(err)
	same(t, "evidence about the document as a whole", len(whole.Items), 2)
	same(t, "the verdict", whole.Items[1].Evidence.ID, rounds[first].Evidence[0].Evidence.ID)
	kept, err := b.store.Note(b.ctx, "recheck/1")
	b.must(err)
	same(t, "what was found", string(kept.Body), string(rounds[first].Notes[1].Body))
	position, err := b.store.Note(b.ctx, "position")
	b.must(err)
	same(t, "the position", string(position.Body), string(rounds[first].Position.Body))
	_, err = b.store.Note(b.ctx, "undecided/1")
	b.wants(hub.KindNotFound, err)
	b.wants(hub.KindConflict, b.store.RecordVerdicts(b.ctx, hub.VerdictRound{Was: note("nothing", "0"), Position: note("nothing", "1")}))
	b.must(b.store.RecordVerdicts(b.ctx, hub.VerdictRound{Was: position, Position: note("position", "2")}))
}

// testNotes: notes are listed by name, both ways, and replaced or removed.
func testNotes(t *testing.T, back Backend) {
	b := newBench(t, back)
	save := func(name, text string) {
		t.Helper()
		var body json.RawMessage
		if text != "" {
			body = json.RawMessage(`{"t":"` + text + `"}`)
		}
		b.must(b.store.SaveNotes(b.ctx, hub.RetentionNote{Name: name, Body: body}))
	}
	names := func(q hub.NotesQuery) []string {
		t.Helper()
		q.Limit = max(q.Limit, 1)
		found, err := b.store.Notes(b.ctx, q)
		b.must(err)
		list := []string{}
		for _, n := range found {
			list = append(list, n.Name+string(n.Body))
		}
		return list
	}
	for _, name := range []string{"run/2", "run/1", "hold/1", "run/3", "runs"} {
		save(name, "tốt")
	}
	save("run/2", "khác")
	want := []string{`run/1{"t":"tốt"}`, `run/2{"t":"khác"}`, `run/3{"t":"tốt"}`}
	same(t, "by name", names(hub.NotesQuery{Prefix: "run/", Limit: 9}), want)
	same(t, "a page", names(hub.NotesQuery{Prefix: "run/", After: "run/1", Limit: 1}), want[1:2])
	same(t, "backwards", names(hub.NotesQuery{Prefix: "run/", Backwards: true, Limit: 2}), []string{want[2], want[1]})
	same(t, "backwards, further", names(hub.NotesQuery{Prefix: "run/", After: "run/2", Backwards: true, Limit: 2}), want[:1])
	save("run/2", "")
	_, err := b.store.Note(b.ctx, "run/2")
	b.wants(hub.KindNotFound, err)
	b.store = back.Reopen(t, b.store)
	note, err := b.store.Note(b.ctx, "hold/1")
	b.must(err)
	same(t, "a note", note, hub.RetentionNote{Name: "hold/1", Body: json.RawMessage(`{"t":"tốt"}`)})
}

// testSwapNote: of several who swap a note at the same time one wins.
func testSwapNote(t *testing.T, back Backend) {
	b := newBench(t, back)
	note := func(text string) hub.RetentionNote {
		n := hub.RetentionNote{Name: "claim/1"}
		if text != "" {
			n.Body = json.RawMessage(`{"t": "` + text + `"}`)
		}
		return n
	}
	for _, was := range []string{"", "free"} {
		errs := make([]error, 6)
		var all sync.WaitGroup
		for i := range errs {
			all.Go(func() { errs[i] = b.store.SwapNote(b.ctx, note(was), note(fmt.Sprint("by ", i))) })
		}
		all.Wait()
		first := slices.Index(errs, nil)
		for i, err := range errs {
			if (err == nil) != (i == first) || i != first && hub.KindOf(err) != hub.KindConflict {
				t.Fatalf("of several at once %v", errs)
			}
		}
		kept, err := b.store.Note(b.ctx, "claim/1")
		b.must(err)
		same(t, "the note", string(kept.Body), string(note(fmt.Sprint("by ", first)).Body))
		b.must(b.store.SwapNote(b.ctx, kept, note("free")))
	}
	b.wants(hub.KindConflict, b.store.SwapNote(b.ctx, note("other"), note("")))
	b.must(b.store.SwapNote(b.ctx, note("free"), note("")))
	_, err := b.store.Note(b.ctx, "claim/1")
	b.wants(hub.KindNotFound, err)
	b.wants(hub.KindConflict, b.store.SwapNote(b.ctx, note("free"), note("x")))
}

// testKeepNotes: a note keeps a content for as long as it stands.
func testKeepNotes(t *testing.T, back Backend) {
	b := newBench(t, back)
	kept, other := hub.Digest(sha256.Sum256([]byte("kept"))), hub.Digest(sha256.Sum256([]byte("other")))
	keep := hub.KeepNote(kept, 4, "somebody")
	b.must(b.store.SaveNotes(b.ctx, keep, hub.KeepNote(kept, 4, "another")))
	for range 2 {
		orphans, err := b.store.Unreferenced(b.ctx, []hub.Digest{kept, other})
		b.must(err)
		same(t, "what nobody names", orphans, []hub.Digest{other})
		keep.Body = nil
		b.must(b.store.SaveNotes(b.ctx, keep))
	}
	b.must(b.store.SaveNotes(b.ctx, hub.RetentionNote{Name: hub.KeepNote(kept, 4, "another").Name}))
	orphans, err := b.store.Unreferenced(b.ctx, []hub.Digest{kept})
	b.must(err)
	same(t, "what nobody names any more", orphans, []hub.Digest{kept})
}

// testRules: of several who change the rules from one version on, one wins.
func testRules(t *testing.T, back Backend) {
	b := newBench(t, back)
	errs := make([]error, 8)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() {
			errs[i] = b.store.ChangeRules(b.ctx, 0, hub.RetentionNote{Name: fmt.Sprint("classes/", i), Body: json.RawMessage(`{}`)})
		})
	}
	all.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
			continue
		}
		b.wants(hub.KindConflict, err)
	}
	version, err := b.store.RulesVersion(b.ctx)
	b.must(err)
	notes, err := b.store.Notes(b.ctx, hub.NotesQuery{Prefix: "classes/", Limit: 10})
	b.must(err)
	if won != 1 || version != 1 || len(notes) != 1 {
		t.Errorf("%d won, the version is %d, %d notes", won, version, len(notes))
	}
}
