package validation_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
	"github.com/lienthong/lienthong/hub/hubtest"
	"github.com/lienthong/lienthong/hub/validation"
)

// desk is a Rechecker with a judge that says what it is told.
type desk struct {
	*hubtest.World
	*validation.Rechecker
	archive *validation.Service
	trust   string
	verdict map[hub.Digest]hub.SignatureReport // by content
	fail    map[hub.Digest]error
	known   map[hub.Digest]time.Time // what JudgeAgain was told
	kept    map[hub.Digest][]hub.Material
	judged  int
}

func newDesk() *desk {
	d := &desk{
		World: hubtest.NewWorld(), trust: "first", verdict: map[hub.Digest]hub.SignatureReport{}, fail: map[hub.Digest]error{},
		known: map[hub.Digest]time.Time{}, kept: map[hub.Digest][]hub.Material{},
	}
	d.archive = validation.New(d.World, d, d.World)
	d.Rechecker = validation.NewRechecker(validation.RecheckOptions{
		Archive: d.archive, Notes: d.World, Dispatches: d.World, Blobs: d.Blobs, Judge: d, Rounds: d.World,
		Notary: d.Notary, Digest: hubtest.ReportDigest,
		Now: d.Clock.Now, Log: slog.New(slog.DiscardHandler), Settle: time.Minute,
	})
	return d
}

func (d *desk) Trust() string { return d.trust }

func (d *desk) JudgeAgain(_ context.Context, part hub.Part, _ hub.Blob, known time.Time, kept []hub.Material) (hub.SignatureReport, error) {
	d.judged++
	d.known[part.Digest], d.kept[part.Digest] = known, kept
	r := d.verdict[part.Digest]
	r.Part, r.SHA256 = part.ID, part.Digest
	return r, d.fail[part.Digest]
}

// verdicts are the SignatureValidations of a dispatch.
func (d *desk) verdicts(t *testing.T, id hub.DispatchID) []hub.SealedEvidence {
	t.Helper()
	list, err := d.Evidences(t.Context(), hub.EvidenceQuery{Dispatch: id, Whole: true, Page: hub.Page{Limit: 100}})
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(list.Items, func(e hub.SealedEvidence) bool { return e.Evidence.Event != hub.EventSignatureValidation })
}

// SignatureReports shows verdicts to everybody but a stranger.
func (d *desk) SignatureReports(ctx context.Context, actor hub.Actor, id hub.DispatchID) ([]hub.SignatureReport, error) {
	if actor.Name == "stranger" {
		return nil, hub.Errorf(hub.KindNotFound, "dispatch", "", "no such dispatch")
	}
	return d.World.SignatureReports(ctx, id)
}

func report(i hub.Indication, sub hub.SubReason, material ...hub.MaterialRef) hub.SignatureReport {
	r := hub.SignatureReport{Signatures: []hub.SignatureVerdict{{Signer: "A", Indication: i, Sub: sub}}, Material: material}
	r.Conclude()
	return r
}

// accept records a dispatch of one part whose verdict is undecided.
func (d *desk) accept(t *testing.T, id hub.DispatchID, material ...hub.MaterialRef) hub.Part {
	t.Helper()
	now := d.Clock.Now()
	if err := d.archive.Watch(t.Context(), id, now); err != nil {
		t.Fatal(err)
	}
	part := d.Part("p1", hub.RoleOriginal, "content of "+string(id))
	r := report(hub.Indeterminate, hub.SubTryLater, material...)
	r.Part, r.SHA256 = part.ID, part.Digest
	sealed, err := d.Notary.Seal(t.Context(), hub.Evidence{
		Event: hub.EventSubmissionAcceptance, Time: now, Dispatch: id, Content: hub.PartFacts([]hub.Part{part}),
		Sender: &hub.Party{ID: hubtest.Province}, Recipients: []hub.Party{{ID: hubtest.Office, Index: new(0)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	dispatch := hub.Dispatch{ID: id, Sender: hubtest.Province, ExternalID: string(id), Operation: hub.OperationNew, Parts: []hub.Part{part}, AcceptedAt: now}
	if _, err := d.Accept(t.Context(), hub.Acceptance{Dispatch: dispatch, Evidence: sealed, Reports: []hub.SignatureReport{r}}); err != nil {
		t.Fatal(err)
	}
	return part
}

// round changes what is trusted and lets the Rechecker work until it has nothing to do.
func (d *desk) round(t *testing.T, trust string) {
	t.Helper()
	d.trust = trust
	for range 5 {
		if err := d.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		d.Clock.Advance(time.Minute)
	}
}

func (d *desk) rechecks(t *testing.T, id hub.DispatchID) []hub.Recheck {
	t.Helper()
	_, list, err := d.archive.Verdicts(t.Context(), hub.Actor{}, id)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func (d *desk) waiting(t *testing.T) int {
	t.Helper()
	notes, err := d.World.Notes(t.Context(), hub.NotesQuery{Prefix: "undecided/", Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	return len(notes)
}

// TestJudgedAgain: a verdict is given again when other roots have come and not before,
// with the acceptance as proof; the first one stays, and a decided one is let alone.
func TestJudgedAgain(t *testing.T) {
	d := newDesk()
	old := hub.NewMaterial(hub.MaterialCRL, []byte{1})
	fresh := hub.NewMaterial(hub.MaterialCRL, []byte{2})
	if _, err := d.archive.Keep(t.Context(), []hub.Material{old, fresh}); err != nil {
		t.Fatal(err)
	}
	accepted := d.Clock.Now()
	part := d.accept(t, "d1", old.Ref())
	d.verdict[part.Digest] = report(hub.Indeterminate, hub.SubTryLater)
	d.round(t, "second")
	if d.judged != 1 || len(d.rechecks(t, "d1")) != 0 || len(d.verdicts(t, "d1")) != 0 || d.waiting(t) != 1 {
		t.Fatalf("the same verdict: judged %d, %v", d.judged, d.rechecks(t, "d1"))
	}
	if !d.known[part.Digest].Equal(accepted) || len(d.kept[part.Digest]) != 1 || d.kept[part.Digest][0].SHA256 != old.SHA256 {
		t.Errorf("known since %s with %v", d.known[part.Digest], d.kept[part.Digest])
	}
	d.round(t, "second")
	if d.judged != 1 {
		t.Error("judged again for nothing new")
	}
	d.verdict[part.Digest] = report(hub.Indeterminate, hub.SubRevokedNoPOE, fresh.Ref())
	d.round(t, "third")
	d.verdict[part.Digest] = report(hub.TotalPassed, "")
	d.round(t, "fourth")
	list := d.rechecks(t, "d1")
	if len(list) != 2 || list[0].Report.Sub != hub.SubRevokedNoPOE || list[1].Report.Indication != hub.TotalPassed || list[1].At.Before(list[0].At) || d.waiting(t) != 0 {
		t.Fatalf("%+v", list)
	}
	d.wantProof(t, "d1", part, list)
	d.round(t, "fifth")
	if d.judged != 3 {
		t.Errorf("a decided verdict was judged again")
	}
	first, err := d.World.SignatureReports(t.Context(), "d1")
	if err != nil || first[0].Indication != hub.Indeterminate {
		t.Errorf("the first verdict became %v, %v", first, err)
	}
	a, err := d.archive.Archive(t.Context(), hub.Actor{}, "d1")
	if err != nil || len(a.Reports) != 1 || len(a.Rechecks) != 2 || len(a.Material) != 2 {
		t.Errorf("the archive has %d reports, %d rechecks, %d pieces, %v", len(a.Reports), len(a.Rechecks), len(a.Material), err)
	}
	if _, _, err := d.archive.Verdicts(t.Context(), hub.Actor{Name: "stranger"}, "d1"); hub.KindOf(err) != hub.KindNotFound {
		t.Errorf("a stranger sees %v", err)
	}
}

// wantProof fails the test unless each later verdict is an evidence for all parties, with
// the digest of the very report, and hangs on the acceptance.
func (d *desk) wantProof(t *testing.T, id hub.DispatchID, part hub.Part, list []hub.Recheck) {
	t.Helper()
	proofs := d.verdicts(t, id)
	if len(proofs) != len(list) {
		t.Fatalf("%d evidences of %d verdicts", len(proofs), len(list))
	}
	all, err := d.Evidences(t.Context(), hub.EvidenceQuery{Dispatch: id, Page: hub.Page{Limit: 100}})
	if err == nil {
		err = audit.CheckChain(all.Items)
	}
	if err != nil {
		t.Error(err)
	}
	for i := range proofs {
		e := &proofs[i].Evidence
		digest, err := hubtest.ReportDigest(list[i].Report)
		if err != nil || digest != list[i].SHA256 || list[i].Evidence != e.ID {
			t.Errorf("the digest %s is not of the report, or %s not the evidence, %v", list[i].SHA256, list[i].Evidence, err)
		}
		v := e.Validation[0]
		if v.Part != part.ID || v.Report != digest || v.Indication != list[i].Report.Indication || v.Sub != list[i].Report.Sub {
			t.Errorf("the evidence says %+v", v)
		}
		if e.Content.Parts[0].SHA256 != part.Digest || e.Sender.ID != hubtest.Province || len(e.Recipients) != 1 || e.Recipients[0].ID != hubtest.Office {
			t.Errorf("the evidence is about %+v, %+v, %+v", e.Content, e.Sender, e.Recipients)
		}
	}
}

// TestTwoJudgeAtOnce: of two nodes in the same round one records, and each verdict has
// one evidence.
func TestTwoJudgeAtOnce(t *testing.T) {
	d := newDesk()
	part := d.accept(t, "d1")
	d.verdict[part.Digest] = report(hub.TotalPassed, "")
	d.trust = "second"
	if err := d.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	d.Clock.Advance(time.Minute)
	d.Before = func(method string) error {
		if method == "RecordVerdicts" {
			d.Before = nil
			return d.Run(t.Context()) // the other node is faster
		}
		return nil
	}
	if err := d.Run(t.Context()); hub.KindOf(err) != hub.KindConflict {
		t.Errorf("the slower one got %v", err)
	}
	if proofs, list := d.verdicts(t, "d1"), d.rechecks(t, "d1"); len(proofs) != 1 || len(list) != 1 || d.judged != 2 {
		t.Errorf("%d evidences, %d verdicts, judged %d times", len(proofs), len(list), d.judged)
	}
}

// TestARoundSettles: nothing is judged before all nodes know of a change.
func TestARoundSettles(t *testing.T) {
	d := newDesk()
	d.accept(t, "d1")
	for n, want := range []int{0, 0, 1} {
		if err := d.Run(t.Context()); err != nil || d.judged != want {
			t.Errorf("run %d: judged %d, %v", n, d.judged, err)
		}
		d.Clock.Advance(30 * time.Second)
	}
}

// TestManyInBatches: a round survives every crash of the store, and what changes on the
// way leads to another round without starving the last.
func TestManyInBatches(t *testing.T) {
	d := newDesk()
	const many = 450
	for n := range many {
		part := d.accept(t, hub.DispatchID(fmt.Sprintf("d%04d", n)))
		d.verdict[part.Digest] = report(hub.TotalPassed, "")
	}
	if err := d.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	d.Clock.Advance(time.Minute)
	crashes, failed := 0, errors.New("power cut")
	d.Before = func(method string) error {
		if crashes++; method == "RecordVerdicts" && crashes%3 == 0 {
			return failed
		}
		return nil
	}
	runs := 0
	for ; d.waiting(t) > 0 && runs < 1000; runs++ {
		before := d.judged
		if err := d.Run(t.Context()); err != nil && !errors.Is(err, failed) {
			t.Fatal(err)
		}
		if d.judged-before > 200 {
			t.Fatalf("one run judged %d", d.judged-before)
		}
		d.trust = fmt.Sprint("changed ", runs)
	}
	d.Before = nil
	for n := range many {
		id := hub.DispatchID(fmt.Sprintf("d%04d", n))
		if list, proofs := d.rechecks(t, id), d.verdicts(t, id); len(list) != 1 || len(proofs) != 1 {
			t.Fatalf("dispatch %d has %d verdicts, %d evidences after %d runs", n, len(list), len(proofs), runs)
		}
	}
}

// TestWhatCannotBeJudged: damage and absence of one keep nobody else from a verdict;
// a store that is away stops the round.
func TestWhatCannotBeJudged(t *testing.T) {
	d := newDesk()
	damaged := d.accept(t, "d1")
	gone := d.accept(t, "d2", hub.MaterialRef{Kind: hub.MaterialCRL, SHA256: hub.Digest{9}})
	good := d.accept(t, "d3")
	d.fail[damaged.Digest] = hub.Internal("read a part", nil)
	d.verdict[gone.Digest], d.verdict[good.Digest] = report(hub.TotalPassed, ""), report(hub.TotalFailed, hub.SubRevoked)
	d.round(t, "second")
	if d.waiting(t) != 2 || len(d.rechecks(t, "d1"))+len(d.rechecks(t, "d2")) != 0 || d.rechecks(t, "d3")[0].Report.Indication != hub.TotalFailed {
		t.Errorf("%d wait", d.waiting(t))
	}
	d.fail[damaged.Digest] = hub.Errorf(hub.KindUnavailable, "", "", "away")
	d.trust = "third"
	if err := d.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	d.Clock.Advance(time.Minute)
	if err := d.Run(t.Context()); hub.KindOf(err) != hub.KindUnavailable {
		t.Errorf("got %v", err)
	}
	delete(d.fail, damaged.Digest)
	d.verdict[damaged.Digest] = report(hub.TotalPassed, "")
	d.round(t, "third")
	if list := d.rechecks(t, "d1"); len(list) != 1 {
		t.Errorf("after the store came back: %v", list)
	}
}

// TestPurgedAndNeverAccepted: content that was purged is skipped, and that is said; a
// dispatch that never came is forgotten, but not while it may still come.
func TestPurgedAndNeverAccepted(t *testing.T) {
	d := newDesk()
	d.accept(t, "d1")
	sealed, err := d.Notary.Seal(t.Context(), hub.Evidence{Event: hub.EventContentPurge, Time: d.Clock.Now(), Dispatch: "d1", Reasons: []hub.Reason{{Code: hub.ReasonRetentionExpired}}})
	if err != nil {
		t.Fatal(err)
	}
	failed, err := d.Purge(t.Context(), hub.PurgeBatch{Items: []hub.PurgeItem{{Dispatch: "d1", Evidence: sealed[0], Purge: hub.Purge{At: d.Clock.Now(), Class: "c"}}}})
	if err != nil || failed[0] != nil {
		t.Fatal(failed, err)
	}
	if err := d.archive.Watch(t.Context(), "d2", d.Clock.Now()); err != nil {
		t.Fatal(err)
	}
	d.round(t, "second")
	if list := d.rechecks(t, "d1"); len(list) != 1 || list[0].Skipped != hub.SkipPurged || d.judged != 0 || d.waiting(t) != 1 {
		t.Errorf("%+v, judged %d, %d wait", list, d.judged, d.waiting(t))
	}
	d.Clock.Advance(time.Hour)
	d.round(t, "third")
	if d.waiting(t) != 0 {
		t.Error("what never came is still waited for")
	}
}
