package retention_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
	"github.com/lienthong/lienthong/hub/hubtest"
	"github.com/lienthong/lienthong/hub/intake"
	"github.com/lienthong/lienthong/hub/retention"
	"github.com/lienthong/lienthong/hub/tracking"
)

// The ports that the surroundings fit.
var (
	_ retention.Store      = (*hubtest.Memory)(nil)
	_ retention.Notes      = (*hubtest.Memory)(nil)
	_ retention.Dispatches = (*hubtest.Memory)(nil)
	_ retention.Blobs      = (*hubtest.Blobs)(nil)
	_ retention.Notary     = (*hubtest.Notary)(nil)
)

const day = 24 * time.Hour

// world is a hub with retention in memory.
type world struct {
	*hubtest.World
	t        *testing.T
	ctx      context.Context //nolint:containedctx // that of the test
	service  *retention.Service
	intake   *intake.Service
	tracking *tracking.Service
	waited   time.Duration // that the service let pass
	onWait   func() error
}

func newWorld(t *testing.T, change ...func(*retention.Options)) *world {
	t.Helper()
	w := &world{World: hubtest.NewWorld(), t: t, ctx: t.Context()}
	w.intake = intake.New(intake.Options{
		Store: w, Uploads: w, Blobs: w.Blobs, Staging: w.Blobs, Directory: w.Directory, Verifier: w.Verifier,
		Notary: w.Notary, Queue: w.Queue, Now: w.Clock.Now, NewID: w.IDs.New, Canonical: hubtest.CanonicalReport,
	})
	w.tracking = tracking.New(tracking.Options{
		Store: w, Leases: w, Reports: w, Links: w, Evidences: w, Blobs: w.Blobs, Directory: w.Directory,
		Notary: w.Notary, Now: w.Clock.Now, NewID: w.IDs.New,
	})
	o := retention.Options{
		Store: w, Notes: w, Dispatches: w, Blobs: w.Blobs, Notary: w.Notary, Now: w.Clock.Now, NewID: w.IDs.New,
		Batch: 3, Wait: w.wait,
	}
	for _, c := range change {
		c(&o)
	}
	w.service = retention.New(o)
	return w
}

// wait moves the clock instead of waiting.
func (w *world) wait(ctx context.Context, d time.Duration) error {
	w.waited += d
	w.Clock.Advance(d)
	if w.onWait != nil {
		if err := w.onWait(); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func operator() hub.Actor {
	return hub.Actor{Name: "vận hành", Kind: hub.ActorOperator, Scopes: []hub.Scope{hub.ScopeOperate}}
}

func auditor() hub.Actor {
	return hub.Actor{Name: "kiểm toán", Kind: hub.ActorAuditor, Scopes: []hub.Scope{hub.ScopeAudit}}
}

// submit sends a document of a type and number to agencies.
func (w *world) submit(externalID string, change func(*hub.Submission), to ...string) hub.Accepted {
	w.t.Helper()
	sub := w.Submission(externalID, to...)
	if change != nil {
		change(&sub)
	}
	accepted, err := w.intake.Submit(w.ctx, hubtest.System(hubtest.Province), sub)
	w.must(err)
	return accepted
}

// ended sends a document to one agency and ends its delivery.
func (w *world) ended(externalID string, change func(*hub.Submission)) hub.Dispatch {
	w.t.Helper()
	a := w.submit(externalID, change, "000.00.12.H47")
	w.end(&a.Dispatch, a.Deliveries[0])
	return a.Dispatch
}

func (w *world) end(dispatch *hub.Dispatch, d hub.Delivery) {
	w.t.Helper()
	now := w.Clock.Now()
	draft := hub.DeliveryEvidence(hub.EventContentConsignmentFailure, dispatch, &d, now)
	draft.Reasons = []hub.Reason{{Code: hub.ReasonNoBox}}
	sealed, err := w.Notary.Seal(w.ctx, draft)
	w.must(err)
	next := d
	next.State, next.UpdatedAt, next.LastEvidence = hub.StateFailed, now, sealed[0].Ref()
	results, err := w.ApplySteps(w.ctx, hub.Step{Delivery: next, From: d.State, Version: d.Version, Evidence: sealed})
	w.must(errors.Join(err, results[0]))
}

// activate puts classes into force.
func (w *world) activate(classes ...hub.RetentionClass) hub.RetentionClasses {
	w.t.Helper()
	set, err := w.service.SetClasses(w.ctx, operator(), hub.RetentionClasses{Classes: classes})
	w.must(err)
	return set
}

func class(id, keep string, change ...func(*hub.RetentionClass)) hub.RetentionClass {
	period, err := hub.ParseRetentionPeriod(keep)
	if err != nil {
		panic(err)
	}
	c := hub.RetentionClass{ID: id, Name: "Lớp " + id, Keep: period, LegalBasis: "Quyết định mẫu (hư cấu)"}
	for _, f := range change {
		f(&c)
	}
	return c
}

// run makes the scheduled run, which MUST be due, and returns its record.
func (w *world) run() hub.RetentionRun {
	w.t.Helper()
	w.must(w.service.Purge(w.ctx))
	return w.lastRun(hub.JobPurge)
}

// purge makes a run that an operator asked for and returns its record.
func (w *world) purge() hub.RetentionRun {
	w.t.Helper()
	id, err := w.service.AskPurge(w.ctx, operator())
	w.must(err)
	w.must(w.service.Purge(w.ctx))
	run, err := w.service.RunOf(w.ctx, auditor(), id)
	w.must(err)
	return run
}

func (w *world) lastRun(job hub.RetentionJob) hub.RetentionRun {
	w.t.Helper()
	runs, err := w.service.Runs(w.ctx, auditor(), hub.Page{Limit: 50})
	w.must(err)
	for _, r := range runs.Items {
		if r.Job == job {
			return r
		}
	}
	w.t.Fatalf("no run of the job %s is recorded", job)
	return hub.RetentionRun{}
}

// purged reports whether the content of a dispatch was purged, and checks its chain.
func (w *world) purged(id hub.DispatchID) bool {
	w.t.Helper()
	item, err := w.DispatchItem(w.ctx, id)
	w.must(err)
	evidence, err := w.Evidences(w.ctx, hub.EvidenceQuery{Dispatch: id, Page: hub.Page{Limit: 100}})
	w.must(err)
	if err := audit.CheckChain(evidence.Items); err != nil {
		w.t.Errorf("the chain of %s: %v", id, err)
	}
	proofs := 0
	for i := range evidence.Items {
		if e := &evidence.Items[i].Evidence; e.Event == hub.EventContentPurge {
			proofs++
			if item.Dispatch.Purged == nil || item.Dispatch.Purged.Evidence != e.ID || !item.Dispatch.Purged.At.Equal(e.Time) {
				w.t.Errorf("the purge %+v is proved by %+v", item.Dispatch.Purged, e)
			}
		}
	}
	if gone := item.Dispatch.Purged != nil; gone != (proofs == 1) {
		w.t.Errorf("dispatch %s: purged %v, by %d evidences", id, gone, proofs)
	}
	return item.Dispatch.Purged != nil
}

// opens reports whether the sender can read the first part.
func (w *world) opens(id hub.DispatchID) error {
	_, blob, err := w.tracking.Open(w.ctx, hubtest.System(hubtest.Province), id, "p1")
	if err == nil {
		_ = blob.Close()
	}
	return err
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) wants(kind hub.ErrorKind, err error) *hub.Error {
	w.t.Helper()
	var e *hub.Error
	if err == nil || hub.KindOf(err) != kind || !errors.As(err, &e) {
		w.t.Fatalf("got error %v, want one of kind %s", err, kind)
	}
	return e
}
