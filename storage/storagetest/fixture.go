package storagetest

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Maker makes what stores are fed with: ids that sort by the order of making, as
// UUIDv7 do, and times from a clock that only tests move. Codes and names are
// fictional (hư cấu). It is safe for concurrent use but for Clock.
type Maker struct {
	Clock time.Time
	count atomic.Int64
}

// NewMaker returns a Maker whose clock stands at a fixed instant.
func NewMaker() *Maker {
	return &Maker{Clock: time.Date(2026, 3, 2, 1, 30, 0, 123_000_000, time.UTC)}
}

// ID returns the next id, in the form of a UUIDv7.
func (m *Maker) ID() string {
	n := m.count.Add(1)
	return fmt.Sprintf("%08x-%04x-7000-8000-%012x", n>>16, n&0xffff, n)
}

// Acceptance returns a dispatch of sender "s1" to the given agencies, ready for
// Accept. Two calls never make the same dispatch.
func (m *Maker) Acceptance(recipients ...hub.AgencyID) hub.Acceptance {
	id := hub.DispatchID(m.ID())
	d := hub.Dispatch{
		ID: id, Sender: "s1", SenderCode: "000.00.00.H47", SenderName: "UBND tỉnh Quảng Nam",
		ExternalID: "ext-" + string(id), Operation: hub.OperationNew, Key: "key-" + string(id),
		Fingerprint: sha256.Sum256([]byte(id)), Format: hub.FormatREST, AcceptedAt: m.Clock, TraceID: "trace",
		Document: hub.Document{
			CodeNumber: "173", CodeNotation: "UBND-KSTTHC", TypeName: "Công văn",
			Subject: "Về việc đẩy mạnh cải cách thủ tục hành chính", Promulgated: "2020-01-10",
			Signer: hub.Signer{Competence: "KT. CHỦ TỊCH", FullName: "Nguyễn Văn Đức"},
		},
		Parts: []hub.Part{{ID: "p1", Role: hub.RoleOriginal, Name: "173.pdf", MediaType: "application/pdf", Size: 3, Digest: sha256.Sum256([]byte("abc"))}},
	}
	a := hub.Acceptance{Dispatch: d, Deliveries: make([]hub.Delivery, len(recipients))}
	a.Evidence = []hub.SealedEvidence{m.Seal(hub.Evidence{Event: hub.EventSubmissionAcceptance, Dispatch: id, Time: m.Clock})}
	a.Reports = []hub.SignatureReport{{Part: "p1", SHA256: d.Parts[0].Digest, Indication: hub.NoSignatureFound, ValidatedAt: m.Clock}}
	for i, recipient := range recipients {
		a.Deliveries[i] = hub.Delivery{
			ID: hub.DeliveryID(m.ID()), Dispatch: id, Index: i, Recipient: recipient,
			AddressedAs: "000.00.12.H47", Name: "Sở Nội vụ", Channel: hub.ChannelPull, Registers: true,
			State: hub.StateQueued, Version: 1, UpdatedAt: m.Clock, ExpiresAt: m.Clock.Add(30 * 24 * time.Hour),
			NextAttempt: m.Clock, LastEvidence: a.Evidence[0].Ref(),
		}
	}
	return a
}

// Tasked is Acceptance of a dispatch that sets each recipient one task until a day.
func (m *Maker) Tasked(due hub.Date, recipients ...hub.AgencyID) hub.Acceptance {
	a := m.Acceptance(recipients...)
	task := hub.Task{ID: hub.TaskID(m.ID()), Number: 1, Content: "Trả lời kiến nghị", Answer: hub.AnswerDocument}
	for i := range a.Deliveries {
		task.Assignees = append(task.Assignees, hub.Assignee{Agency: a.Deliveries[i].Recipient, Role: hub.RoleEach, Due: due})
		a.Deliveries[i].Tasks = []hub.Assignment{{Task: task.ID, Role: hub.RoleEach, State: hub.TaskNotStarted, Due: due, LastAct: hub.ActAssign, LastAt: m.Clock.UTC()}}
	}
	a.Dispatch.Tasks = []hub.Task{task}
	return a
}

// Seal completes an evidence and seals it with something that looks like a
// signature: a store must keep it and cannot check it.
func (m *Maker) Seal(e hub.Evidence) hub.SealedEvidence {
	e.Version, e.Profile, e.ID = hub.EvidenceVersion, hub.EvidenceProfile, hub.EvidenceID(m.ID())
	e.Issuer, e.Log = hub.Party{ID: "hub"}, hub.LogRef{Origin: "hub.example/log"}
	if e.Time.IsZero() {
		e.Time = m.Clock
	}
	canonical, err := json.Marshal(e)
	if err != nil {
		panic(err) // plain data cannot fail
	}
	return hub.SealedEvidence{Evidence: e, Canonical: canonical, JWS: "h.." + string(e.ID), Digest: sha256.Sum256(canonical)}
}

// Step returns the step of a delivery to a state, with one evidence.
func (m *Maker) Step(d hub.Delivery, to hub.DeliveryState) hub.Step {
	next := d
	next.State, next.Version, next.UpdatedAt = to, d.Version+1, m.Clock
	sealed := m.Seal(hub.Evidence{Event: hub.EventContentConsignment, Dispatch: d.Dispatch, Delivery: d.ID, Prev: &d.LastEvidence})
	next.LastEvidence = sealed.Ref()
	return hub.Step{Delivery: next, From: d.State, Version: d.Version, Evidence: []hub.SealedEvidence{sealed}}
}

// reporter is what tests and property tests have in common.
type reporter interface {
	Helper()
	Errorf(format string, args ...any)
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// bench is one test's store with what it is fed with.
type bench struct {
	*Maker
	t     reporter
	ctx   context.Context //nolint:containedctx // that of one test
	store Store
}

func newBench(t *testing.T, b Backend) *bench {
	t.Helper()
	return &bench{Maker: NewMaker(), t: t, ctx: t.Context(), store: b.Open(t)}
}

// accept makes a dispatch to the recipients and records it.
func (b *bench) accept(recipients ...hub.AgencyID) hub.Accepted {
	b.t.Helper()
	return b.acceptThis(b.Acceptance(recipients...))
}

func (b *bench) acceptThis(a hub.Acceptance) hub.Accepted {
	b.t.Helper()
	accepted, err := b.store.Accept(b.ctx, a)
	b.must(err)
	return accepted
}

// consigned makes a dispatch to one recipient and puts it into the box.
func (b *bench) consigned(recipient hub.AgencyID) hub.Delivery {
	b.t.Helper()
	return b.to(b.accept(recipient).Deliveries[0], hub.StateConsigned)
}

// to records a step and returns the delivery after it.
func (b *bench) to(d hub.Delivery, state hub.DeliveryState) hub.Delivery {
	b.t.Helper()
	step := b.Step(d, state)
	b.must(b.apply(step))
	return step.Delivery
}

// apply records one step and returns what became of it.
func (b *bench) apply(step hub.Step) error {
	b.t.Helper()
	results, err := b.store.ApplySteps(b.ctx, step)
	b.must(err)
	if len(results) != 1 {
		b.t.Fatalf("one step gave %d results", len(results))
	}
	return results[0]
}

func (b *bench) item(id hub.DeliveryID) hub.Item {
	b.t.Helper()
	item, err := b.store.Item(b.ctx, id)
	b.must(err)
	return item
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// wants fails the test unless err is of the kind.
func (b *bench) wants(kind hub.ErrorKind, err error) {
	b.t.Helper()
	wantKind(b.t, kind, err)
}

func wantKind(t reporter, kind hub.ErrorKind, err error) {
	t.Helper()
	var e *hub.Error
	if err == nil || !errors.As(err, &e) || e.Kind != kind {
		t.Fatalf("got error %v, want one of kind %s", err, kind)
	}
}

// same fails the test unless the JSON forms are equal: what a store gives back
// must say what was put in.
func same(t reporter, what string, got, want any) {
	t.Helper()
	g, errGot := json.Marshal(got)
	w, errWant := json.Marshal(want)
	if err := errors.Join(errGot, errWant); err != nil {
		t.Fatal(err)
	}
	if string(g) != string(w) {
		t.Errorf("%s\n got %s\nwant %s", what, shorten(g), shorten(w))
	}
}

func shorten(b []byte) string {
	if len(b) <= 3000 {
		return string(b)
	}
	return strings.ToValidUTF8(string(b[:3000]), "") + "..."
}
