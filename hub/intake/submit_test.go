package intake_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest"
	"github.com/lienthong/lienthong/hub/intake"
)

func TestAcceptedIsDurableAndWhole(t *testing.T) {
	f := newFixture()
	sub := f.Submission("1", " "+office, bureau, hubtest.ClosedCode)
	sub.Sender, sub.Key, sub.TraceID = " 000.00.00.H47 ", "key-1", "trace-1"
	sub.Document.Priority = hub.PriorityUrgent
	sub.Parts = append(sub.Parts, f.Part("p2", hub.RoleAttachment, "not signd"))
	got := f.submit(t, sub)

	stored, err := f.DispatchItem(t.Context(), got.Dispatch.ID)
	if err != nil || len(stored.Deliveries) != 3 {
		t.Fatalf("stored %d deliveries, %v", len(stored.Deliveries), err)
	}
	d := stored.Dispatch
	if d.Sender != hubtest.Province || d.SenderCode != "000.00.00.H47" || d.Key != "key-1" || d.Fingerprint != sub.Fingerprint() ||
		!d.AcceptedAt.Equal(f.Clock.Now()) || len(d.Parts) != 2 || d.SenderName != "UBND tỉnh Quảng Nam" {
		t.Errorf("dispatch %+v", d)
	}
	wants := []struct {
		recipient hub.AgencyID
		code      hub.Code
		registers bool
		noted     bool
	}{{hubtest.Office, office, true, false}, {hubtest.Bureau, bureau, false, false}, {hubtest.Ward, hubtest.ClosedCode, true, true}}
	for i, want := range wants {
		v := stored.Deliveries[i]
		if v.Recipient != want.recipient || v.AddressedAs != want.code || v.Registers != want.registers || (v.Note != "") != want.noted {
			t.Errorf("delivery %d is %+v", i, v)
		}
		if v.State != hub.StateConsigned || v.Attempts != 1 || v.Index != i || v.Version != 1 || !v.Urgent ||
			!v.ExpiresAt.Equal(f.Clock.Now().Add(30*24*time.Hour)) || v.NextAttempt.After(f.Clock.Now()) {
			t.Errorf("delivery %d starts as %+v", i, v)
		}
	}
	if rung := f.bell.rung; !slices.Equal(rung, []hub.AgencyID{hubtest.Office, hubtest.Bureau, hubtest.Ward}) {
		t.Errorf("rung for %v", rung)
	}
	if published := f.Queue.Published(); len(published) != 0 {
		t.Errorf("published %v, though there is nothing to carry", published)
	}
}

// TestBoxesFillWithTheAcceptance: what is collected here is consigned in the
// transaction of the acceptance, each with its evidence; what is carried is queued.
func TestBoxesFillWithTheAcceptance(t *testing.T) {
	f := newFixture()
	got := f.submit(t, f.Submission("1", office, remote, bureau))
	all := f.evidences(t)
	if len(all) != 3 || all[0].Digest != got.Receipt.Digest {
		t.Fatalf("%d evidences", len(all))
	}
	for i, e := range map[int]hub.SealedEvidence{0: all[1], 2: all[2]} {
		d := got.Deliveries[i]
		if d.State != hub.StateConsigned || d.LastEvidence != e.Ref() || e.Evidence.Event != hub.EventContentConsignment ||
			e.Evidence.Delivery != d.ID || *e.Evidence.Prev != got.Receipt.Ref() || !e.Evidence.Time.Equal(got.Dispatch.AcceptedAt) {
			t.Errorf("delivery %d is %s, evidence %+v", i, d.State, e.Evidence)
		}
	}
	if d := got.Deliveries[1]; d.State != hub.StateQueued || d.Attempts != 0 || d.LastEvidence != got.Receipt.Ref() {
		t.Errorf("what is to be carried is %+v", d)
	}
	if published := f.Queue.Published(); !slices.Equal(published, []hub.DispatchID{got.Dispatch.ID}) {
		t.Errorf("published %v", published)
	}
	if rung := f.bell.rung; !slices.Equal(rung, []hub.AgencyID{hubtest.Office, hubtest.Bureau}) {
		t.Errorf("rung for %v", rung)
	}
}

// TestArrivalIsReported: where the directory says so the hub reports 01 for a recipient, in
// the transaction that fills the box, and for nobody else.
func TestArrivalIsReported(t *testing.T) {
	f := newFixture()
	for _, id := range []hub.AgencyID{hubtest.Office, hubtest.Remote} {
		a, _ := f.Directory.ByID(id)
		a.ReportsArrival = true
	}
	got := f.submit(t, f.Submission("1", office, remote, bureau))
	names := []string{}
	for _, e := range f.evidences(t) {
		names = append(names, e.Evidence.Event.Name())
	}
	if want := []string{"SubmissionAcceptance", "ContentConsignment", "StatusReport", "ContentConsignment"}; !slices.Equal(names, want) {
		t.Fatalf("evidences %v, want %v", names, want)
	}
	all := f.evidences(t)
	box, said := &all[1], &all[2]
	d := got.Deliveries[0]
	if *said.Evidence.Prev != box.Ref() || d.LastEvidence != said.Ref() || d.Progress != hub.StatusArrived || d.State != hub.StateConsigned || d.Version != 1 {
		t.Errorf("the delivery is %+v, behind %+v", d, said.Evidence)
	}
	if s := said.Evidence.Status; s == nil || !s.Automatic || s.Code != hub.StatusArrived || said.Evidence.DeliveryInfo != nil || said.Evidence.Recipients[0].ID != hubtest.Office {
		t.Errorf("the evidence says %+v", said.Evidence)
	}
	reports, err := f.StatusReports(t.Context(), got.Dispatch.ID)
	if err != nil || len(reports) != 1 || !reports[0].Automatic || reports[0].Reporter != hubtest.Office || reports[0].Delivery != d.ID || !reports[0].RecordedAt.Equal(got.Dispatch.AcceptedAt) {
		t.Errorf("reports %+v, %v", reports, err)
	}
	if away := got.Deliveries[1]; !away.ReportsArrival || away.Progress != "" || got.Deliveries[2].Progress != "" {
		t.Errorf("what is to be carried is %+v", away)
	}
	if again := f.submit(t, f.Submission("1", office, remote, bureau)); !again.Duplicate || len(f.evidences(t)) != 4 {
		t.Error("a repetition reported again")
	}
}

// TestForInformation: the mark reaches delivery and evidence, by whatever code it names a
// recipient, warns of nothing, and is part of what was said.
func TestForInformation(t *testing.T) {
	f := newFixture()
	sub := f.Submission("1", office, bureau)
	sub.ForInformation = []string{"H47.12"}
	got := f.submit(t, sub)
	copied, asked := got.Deliveries[0], got.Deliveries[1]
	if !copied.ForInformation || !copied.WarnAt.IsZero() || copied.ExpiresAt.IsZero() || !copied.Deadline().Equal(copied.ExpiresAt) {
		t.Errorf("the copy is %+v", copied)
	}
	if asked.ForInformation || asked.WarnAt.IsZero() {
		t.Errorf("what is asked is %+v", asked)
	}
	if to := got.Receipt.Evidence.Recipients; !to[0].ForInformation || to[1].ForInformation {
		t.Errorf("the receipt names %+v", to)
	}
	for i, e := range f.evidences(t)[1:] {
		if to := e.Evidence.Recipients[0]; to.ForInformation != (i == 0) {
			t.Errorf("%s names %+v", e.Evidence.Event.Name(), to)
		}
	}
	if again := f.submit(t, sub); !again.Duplicate {
		t.Error("the same submission was another")
	}
	other := sub
	other.ForInformation = nil
	_, err := f.Submit(t.Context(), f.actor, other)
	wantError(t, err, hub.KindConflict, "external_id duplicate")
	preview, err := f.Preview(t.Context(), f.actor, f.renamed(sub, "2"))
	if err != nil || !preview.Informed[hubtest.Office] || len(preview.Informed) != 1 {
		t.Errorf("before it is sent %+v, %v", preview.Informed, err)
	}

	wrong := f.renamed(sub, "3")
	wrong.ForInformation = []string{office, ward, "nonsense"}
	_, err = f.Submit(t.Context(), f.actor, wrong)
	if got := rules(f.rejected(t, err)); got != "for_information[1] recipient, for_information[2] recipient" {
		t.Errorf("refused by %s", got)
	}
}

// renamed is a submission under another id.
func (f *fixture) renamed(sub hub.Submission, id string) hub.Submission {
	sub.ExternalID, sub.Key = id, id
	return sub
}

func TestTheReceiptNamesEverything(t *testing.T) {
	f := newFixture()
	sub := f.Submission("1", office, hubtest.ClosedCode)
	sub.Parts = append(sub.Parts, f.Part("p2", hub.RoleAttachment, "an annex"))
	sub.ReceivedAt = f.Clock.Now().Add(-3 * time.Second)
	e := f.submit(t, sub).Receipt.Evidence
	if e.Event != hub.EventSubmissionAcceptance || e.Prev != nil || e.Delivery != "" || e.ExternalID != "1" ||
		!e.Time.Equal(f.Clock.Now()) || !e.SubmissionTime.Equal(sub.ReceivedAt) {
		t.Errorf("evidence %+v", e)
	}
	if e.Sender.ID != hubtest.Province || e.Sender.Auth == nil || *e.Sender.Auth != (hub.AuthFact{Method: hub.AuthAPIKey, Actor: f.actor.Name}) {
		t.Errorf("sender %+v", e.Sender)
	}
	if len(e.Recipients) != 2 || *e.Recipients[1].Index != 1 || e.Recipients[1].ID != hubtest.Ward || e.Recipients[1].Note == "" ||
		e.Recipients[0].Scheme != string(hub.FormQCVN102) {
		t.Errorf("recipients %+v", e.Recipients)
	}
	if len(e.Content.Parts) != 2 || e.Content.Parts[0].SHA256 != sub.Parts[0].Digest || e.Content.Parts[1].Size != 8 {
		t.Errorf("content %+v", e.Content)
	}
	want := []hub.Validation{
		{Part: "p1", Signer: "Trần Thị Mẫu (hư cấu)", Indication: hub.TotalPassed, Policy: "hubtest"},
		{Part: "p2", Indication: hub.NoSignatureFound, Policy: "hubtest"},
	}
	reports, err := f.SignatureReports(t.Context(), e.Dispatch)
	if err != nil || len(reports) != 2 {
		t.Fatal(reports, err)
	}
	for i := range want {
		if want[i].Report, err = hubtest.ReportDigest(&reports[i]); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(e.Validation, want) {
		t.Errorf("verdicts %+v", e.Validation)
	}
}

// A submission to many waits for the log, before its time is fixed; one to few does not.
func TestManyRecipientsWaitForTheLog(t *testing.T) {
	for n, want := range map[int]int{49: 0, 50: 1} {
		waited := 0
		var f *fixture
		f = newFixture(func(o *intake.Options) {
			o.AwaitLog = func(context.Context) { waited++; f.Clock.Advance(time.Minute) }
		})
		sub := f.Submission("1", slices.Repeat([]string{"000.00.99.H47"}, n)...) // nobody
		begun := f.Clock.Now()
		_, err := f.Submit(t.Context(), f.actor, sub)
		var refused *hub.Rejection
		if !errors.As(err, &refused) {
			t.Fatal(err)
		}
		if took := refused.Receipt.Evidence.Time.Sub(begun); waited != want || took != time.Duration(want)*time.Minute {
			t.Errorf("%d recipients: waited %d times, and the evidence is of %v later", n, waited, took)
		}
	}
}

// accepting keeps what the store was given last.
type accepting struct {
	*hubtest.World
	last hub.Acceptance
}

func (a *accepting) Accept(ctx context.Context, acceptance hub.Acceptance) (hub.Accepted, error) {
	a.last = acceptance
	return a.World.Accept(ctx, acceptance)
}

// The text that the receipt names by its digest is the one that the store keeps, and it is
// made once.
func TestReportsAreWrittenOnce(t *testing.T) {
	store, made := &accepting{}, 0
	f := newFixture(func(o *intake.Options) {
		store.World = o.Store.(*hubtest.World)
		o.Store = store
		o.Canonical = func(r *hub.SignatureReport) ([]byte, error) {
			made++
			return hubtest.CanonicalReport(r)
		}
	})
	sub := f.Submission("1", office)
	sub.Parts = append(sub.Parts, f.Part("p2", hub.RoleAttachment, "not signed"))
	e := f.submit(t, sub).Receipt.Evidence
	if made != 2 || len(store.last.ReportTexts) != 2 {
		t.Fatalf("%d texts were made of 2 reports, and %d given to the store", made, len(store.last.ReportTexts))
	}
	for i, text := range store.last.ReportTexts {
		if e.Validation[i].Report != sha256.Sum256(text) {
			t.Errorf("the receipt names another text than %s", text)
		}
	}
}

func TestTheSameSubmissionGetsTheSameAnswer(t *testing.T) {
	f := newFixture()
	sub := f.Submission("1", office)
	sub.Key = "key-1"
	first := f.submit(t, sub)
	f.Clock.Advance(time.Hour)
	f.Blobs.Remove(sub.Parts[0].Digest) // not even looked at again
	for name, again := range map[string]func(*hub.Submission){
		"same key and id": func(*hub.Submission) {},
		"id alone":        func(s *hub.Submission) { s.Key = "" },
		"other key":       func(s *hub.Submission) { s.Key = "key-2" },
		"other moment":    func(s *hub.Submission) { s.ReceivedAt, s.TraceID = f.Clock.Now(), "later" },
	} {
		repeated := sub
		again(&repeated)
		got := f.submit(t, repeated)
		if !got.Duplicate || got.Dispatch.ID != first.Dispatch.ID || !bytes.Equal(hub.MarshalReceipt(got.Receipt), hub.MarshalReceipt(first.Receipt)) {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if len(f.sent(t)) != 1 || len(f.evidences(t)) != 2 || len(f.bell.rung) != 1 {
		t.Error("the repetition left a trace")
	}
}

func TestOtherContentUnderTheSameIDIsAConflict(t *testing.T) {
	f := newFixture()
	sub := f.Submission("1", office)
	sub.Key = "key-1"
	first := f.submit(t, sub)
	for name, change := range map[string]func(*hub.Submission){
		"same id":  func(s *hub.Submission) { s.Key = "key-2" },
		"same key": func(s *hub.Submission) { s.ExternalID = "2" },
	} {
		other := sub
		change(&other)
		other.Document.Subject = "Về việc khác"
		_, err := f.Submit(t.Context(), f.actor, other)
		wantError(t, err, hub.KindConflict, "external_id duplicate")
		for _, id := range []string{string(first.Dispatch.ID), string(first.Receipt.Evidence.ID)} {
			if !bytes.Contains([]byte(err.Error()), []byte(id)) {
				t.Errorf("%s: %v does not name %s", name, err, id)
			}
		}
	}
	if len(f.sent(t)) != 1 || len(f.evidences(t)) != 2 {
		t.Error("a conflict left a trace")
	}
	recall := sub
	recall.Key, recall.Operation = "", hub.OperationRecall
	if got := f.submit(t, recall); got.Duplicate {
		t.Error("another operation under the same id is another dispatch")
	}
}

func TestTwoAtOnceAreOne(t *testing.T) {
	f := newFixture()
	// The second one arrives when the first has been looked for and not found.
	sub := f.Submission("1", office)
	var inner hub.Accepted
	f.interrupt("Accept", func() { inner = f.submit(t, sub) })
	outer := f.submit(t, sub)
	if inner.Duplicate || !outer.Duplicate || outer.Receipt.Digest != inner.Receipt.Digest || len(f.sent(t)) != 1 {
		t.Errorf("inner %+v, outer %+v", inner, outer)
	}
}

func TestTwoAtOnceWithOtherContent(t *testing.T) {
	f := newFixture()
	sub, other := f.Submission("1", office), f.Submission("1", ward)
	f.interrupt("Accept", func() { f.submit(t, other) })
	_, err := f.Submit(t.Context(), f.actor, sub)
	wantError(t, err, hub.KindConflict, "external_id duplicate")
	if first := f.sent(t)[0].Dispatch.ID; !bytes.Contains([]byte(err.Error()), []byte(first)) {
		t.Errorf("%v does not name %s", err, first)
	}
}

// TestStrangersLeaveNoTrace: who may not send for an agency learns nothing of its
// submission and writes nothing into its records.
func TestStrangersLeaveNoTrace(t *testing.T) {
	f := newFixture()
	noScope := f.actor
	noScope.Scopes = []hub.Scope{hub.ScopeCollect, hub.ScopeRead}
	for _, tt := range []struct {
		name   string
		actor  hub.Actor
		sender string
		kind   hub.ErrorKind
		rule   string
	}{
		{"no scope", noScope, "000.00.00.H47", hub.KindDenied, " scope"},
		{"no scope, unknown sender", noScope, hubtest.UnknownCode, hub.KindDenied, " scope"},
		{"another agency", hubtest.System(hubtest.Office), "000.00.00.H47", hub.KindDenied, "sender agency"},
		{"no agency", hubtest.System(), "000.00.00.H47", hub.KindDenied, "sender agency"},
		{"unknown sender", f.actor, hubtest.UnknownCode, hub.KindUnknownAgency, "sender unknown_agency"},
		{"closed sender", f.actor, hubtest.ClosedCode, hub.KindDenied, "sender closed"},
		{"empty sender", f.actor, "", hub.KindUnknownAgency, "sender unknown_agency"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sub := f.Submission("1") // would be refused for lack of recipients
			sub.Sender = tt.sender
			_, err := f.Submit(t.Context(), tt.actor, sub)
			wantError(t, err, tt.kind, tt.rule)
			_, err = f.Register(t.Context(), tt.actor, sub)
			wantError(t, err, tt.kind, tt.rule)
		})
	}
	if len(f.evidences(t)) != 0 {
		t.Error("a stranger left evidence")
	}
}

func TestRejectionIsSealedAndStored(t *testing.T) {
	f := newFixture()
	sub := f.Submission("1", office, hubtest.UnknownCode)
	sub.Document.CodeNumber, sub.Document.Confidential = "", "MẬT"
	_, err := f.Submit(t.Context(), f.actor, sub)
	r := f.rejected(t, err)
	if got := rules(r); got != "document.code_number required, document.confidential state_secret, recipients[1] unknown_agency" {
		t.Errorf("violations %s", got)
	}
	var codes []hub.ReasonCode
	for _, reason := range r.Receipt.Evidence.Reasons {
		codes = append(codes, reason.Code)
	}
	if !slices.Equal(codes, []hub.ReasonCode{hub.ReasonInvalidFormat, hub.ReasonStateSecret, hub.ReasonUnknownRecipient}) {
		t.Errorf("reasons %v", codes)
	}
	if e := r.Receipt.Evidence; e.Dispatch != "" || e.ExternalID != "1" || len(e.Content.Parts) != 1 || e.Sender.ID != hubtest.Province {
		t.Errorf("evidence %+v", e)
	}
	list, err := f.Evidences(t.Context(), hub.EvidenceQuery{Sender: hubtest.Province, Page: hub.Page{Limit: 10}})
	if err != nil || len(list.Items) != 1 {
		t.Errorf("%d rejections are listed, %v", len(list.Items), err)
	}
	if len(f.sent(t)) != 0 || len(f.Queue.Published()) != 0 {
		t.Error("a rejected submission was accepted")
	}
	sub.Document.CodeNumber, sub.Document.Confidential, sub.Recipients = "173", "", []string{office}
	if got := f.submit(t, sub); got.Duplicate {
		t.Error("what was mended counts as a repetition")
	}
}

// TestRejectionStaysReadable: whatever was wrong, the receipt can be kept, read
// again and shown.
func TestRejectionStaysReadable(t *testing.T) {
	f := newFixture()
	sub := f.Submission("1", office)
	sub.ExternalID = string(bytes.Repeat([]byte("\u202e\x00\xff"), 100_000))
	sub.Operation = hub.Operation(sub.ExternalID)
	sub.Document.Promulgated = hub.Date(sub.ExternalID)
	sub.Parts = slices.Repeat(sub.Parts, 10_000)
	for i := range sub.Parts {
		sub.Parts[i].Name, sub.Parts[i].ID = sub.ExternalID, sub.ExternalID
	}
	sub.Document.ToPlaces = slices.Repeat([]string{"\x00"}, 900)
	_, err := f.Submit(t.Context(), f.actor, sub)
	r := f.rejected(t, err)
	file := hub.MarshalReceipt(r.Receipt)
	if len(file) > 200_000 {
		t.Errorf("the receipt has %d bytes", len(file))
	}
	if _, err := hub.ParseReceipt(file); err != nil {
		t.Errorf("the receipt cannot be read: %v", err)
	}
	if bytes.ContainsAny(file, "\u202e\x00") || r.Receipt.Evidence.Note == "" {
		t.Error("the receipt shows what must not be shown, or hides that there was more")
	}
}

func TestAddressees(t *testing.T) {
	f := newFixture(func(o *intake.Options) { o.MaxRecipients = 3 })
	for _, tt := range []struct {
		name       string
		recipients []string
		rules      string
		reason     hub.ReasonCode
	}{
		{"none", nil, "recipients required", hub.ReasonInvalidFormat},
		{"unknown, named by its place", []string{office, ward, hubtest.UnknownCode}, "recipients[2] unknown_agency", hub.ReasonUnknownRecipient},
		{"closed with several successors", []string{hubtest.DividedCode}, "recipients[0] several_successors", hub.ReasonClosedRecipient},
		{"twice", []string{office, office}, "recipients[1] unique", hub.ReasonInvalidFormat},
		{"twice under two codes", []string{office, "H47.12"}, "recipients[1] unique", hub.ReasonInvalidFormat},
		{"twice by succession", []string{ward, hubtest.ClosedCode}, "recipients[1] unique", hub.ReasonInvalidFormat},
		{"too many", []string{office, ward, bureau, "x"}, "recipients max_items", hub.ReasonTooLarge},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := f.Submit(t.Context(), f.actor, f.Submission("1", tt.recipients...))
			r := f.rejected(t, err)
			if rules(r) != tt.rules || r.Receipt.Evidence.Reasons[0].Code != tt.reason {
				t.Errorf("got %s because of %s", rules(r), r.Receipt.Evidence.Reasons[0].Code)
			}
		})
	}
}

func TestContentMustBeThere(t *testing.T) {
	f := newFixture()
	sub := f.Submission("1", office)
	sub.Parts = append(sub.Parts, f.Part("p2", hub.RoleAttachment, "annex"), f.Part("p3", hub.RoleAttachment, "table"))
	sub.Parts[0].Digest[0] ^= 1
	sub.Parts[1].Size++
	_, err := f.Submit(t.Context(), f.actor, sub)
	r := f.rejected(t, err)
	if rules(r) != "parts[0].sha256 digest, parts[1].size digest" || r.Receipt.Evidence.Reasons[0].Code != hub.ReasonDigestMismatch {
		t.Errorf("got %s", rules(r))
	}
	sub = f.Submission("2", office)
	sub.Envelope = &hub.Part{ID: "envelope", Role: hub.RoleEnvelope, Name: "x.edxml", Size: 5, Digest: hub.Digest{1}}
	_, err = f.Submit(t.Context(), f.actor, sub)
	if r := f.rejected(t, err); rules(r) != "envelope.sha256 digest" {
		t.Errorf("got %s", rules(r))
	}
}

func TestDamagedContentIsNeverAccepted(t *testing.T) {
	f := newFixture()
	sub := f.Submission("1", office)
	f.Blobs.Damage(sub.Parts[0].Digest)
	if _, err := f.Submit(t.Context(), f.actor, sub); err == nil || len(f.sent(t)) != 0 || len(f.evidences(t)) != 0 {
		t.Errorf("damaged content gave %v", err)
	}
}

func TestSignaturePolicy(t *testing.T) {
	const passed, unsigned, failed = "signed", "nothing", "tampered"
	for _, tt := range []struct {
		policy               hub.SignaturePolicy
		original, attachment string
		rules                string // "" for accepted
	}{
		{hub.PolicyRecord, passed, failed, ""},
		{hub.PolicyRecord, unsigned, unsigned, ""},
		{hub.PolicyRecord, failed, unsigned, ""},
		{hub.PolicyEnforce, passed, unsigned, ""},
		{hub.PolicyEnforce, unsigned, passed, "parts[0] signature"},
		{hub.PolicyEnforce, failed, passed, "parts[0] signature"},
		{hub.PolicyEnforce, passed, failed, "parts[1] signature"},
		{hub.PolicyEnforce, unsigned, failed, "parts[0] signature, parts[1] signature"},
	} {
		t.Run(string(tt.policy)+" "+tt.original+" "+tt.attachment, func(t *testing.T) {
			f := newFixture(func(o *intake.Options) { o.Policy = tt.policy })
			sub := f.Submission("1", office)
			sub.Parts = []hub.Part{f.Part("p1", hub.RoleOriginal, tt.original), f.Part("p2", hub.RoleAttachment, tt.attachment+".")}
			got, err := f.Submit(t.Context(), f.actor, sub)
			if tt.rules != "" {
				r := f.rejected(t, err)
				if rules(r) != tt.rules || hub.KindOf(r) != hub.KindUntrusted || r.Receipt.Evidence.Reasons[0].Code != hub.ReasonInvalidSignature {
					t.Errorf("got %s", rules(r))
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			reports, err := f.SignatureReports(t.Context(), got.Dispatch.ID)
			if err != nil || len(reports) != 2 || len(got.Receipt.Evidence.Validation) != 2 {
				t.Errorf("%d reports, %d verdicts, %v", len(reports), len(got.Receipt.Evidence.Validation), err)
			}
		})
	}
}

func TestPackageSignatureIsVerifiedWhenClaimed(t *testing.T) {
	for _, signed := range []bool{false, true} {
		f := newFixture()
		sub := f.Submission("1", office)
		envelope := f.Part("envelope", hub.RoleEnvelope, "a signed package")
		sub.Envelope, sub.XMLSigned, sub.Format = &envelope, signed, hub.FormatEdXML
		got := f.submit(t, sub)
		last := got.Dispatch.Parts[len(got.Dispatch.Parts)-1]
		if last.Role != hub.RoleEnvelope || last.Digest != envelope.Digest {
			t.Errorf("the package as received is not the last part: %+v", last)
		}
		want := 1
		if signed {
			want = 2
		}
		if n := len(got.Receipt.Evidence.Validation); n != want {
			t.Errorf("signed %v: %d verdicts", signed, n)
		}
	}
}

// TestFailuresOfTheHubAreNoRejections: the sender comes again and is accepted.
func TestFailuresOfTheHubAreNoRejections(t *testing.T) {
	away := errors.New("away")
	type failure struct {
		begin, end func(*fixture)
		kind       hub.ErrorKind
	}
	before := func(method string) failure {
		return failure{
			func(f *fixture) {
				f.Before = func(m string) error {
					if m == method {
						return hub.Errorf(hub.KindUnavailable, "", "", "away")
					}
					return nil
				}
			},
			func(f *fixture) { f.Before = nil }, hub.KindUnavailable,
		}
	}
	for name, failure := range map[string]failure{
		"verifier": {func(f *fixture) { f.Verifier.Err = away }, func(f *fixture) { f.Verifier.Err = nil }, hub.KindUnavailable},
		"store":    before("Accept"),
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture()
			sub := f.Submission("1", office)
			failure.begin(f)
			_, err := f.Submit(t.Context(), f.actor, sub)
			var rejection *hub.Rejection
			if err == nil || errors.As(err, &rejection) || hub.KindOf(err) != failure.kind {
				t.Fatalf("got %v", err)
			}
			if len(f.evidences(t)) != 0 || len(f.sent(t)) != 0 {
				t.Error("the failure left a trace")
			}
			failure.end(f)
			if got := f.submit(t, sub); got.Duplicate {
				t.Error("the second attempt counts as a repetition")
			}
		})
	}
}

func TestALostQueueLosesNothing(t *testing.T) {
	f := newFixture()
	f.Queue.Err = errors.New("the broker burns")
	got := f.submit(t, f.Submission("1", remote))
	due, err := f.DueDeliveries(t.Context(), f.Clock.Now(), 10)
	if err != nil || len(due) != 1 || due[0].Dispatch.ID != got.Dispatch.ID {
		t.Errorf("due %v, %v", due, err)
	}
}

// TestARejectionThatCannotBeStoredIsNone: a receipt is durable before its sender
// sees it.
func TestARejectionThatCannotBeStoredIsNone(t *testing.T) {
	f := newFixture()
	f.Before = func(string) error { return hub.Internal("disk full", nil) }
	_, err := f.Submit(t.Context(), f.actor, f.Submission("1"))
	var rejection *hub.Rejection
	if err == nil || errors.As(err, &rejection) || hub.KindOf(err) != hub.KindInternal {
		t.Errorf("got %v", err)
	}
}

func TestAcceptedAnswerIsPlainJSON(t *testing.T) {
	f := newFixture()
	body, err := json.Marshal(f.submit(t, f.Submission("1", office)))
	if err != nil || !bytes.Contains(body, []byte(`"receipt":{"evidence":{`)) {
		t.Errorf("%s, %v", body, err)
	}
}

// TestClosed: while the intake is closed nothing new comes in by any way, and nothing is
// promised or recorded, not even a refusal; what was accepted before is answered as ever.
func TestClosed(t *testing.T) {
	var why error
	f := newFixture(func(o *intake.Options) { o.Closed = func() error { return why } })
	sub := f.Submission("1", office)
	first := f.submit(t, sub)
	taken := f.register(t, f.announced("2", original))
	f.append1(t, taken.ID, 0, original)
	before := len(f.evidences(t))

	why = &hub.Error{Kind: hub.KindUnavailable, Rule: "unproven", RetryAfter: time.Minute}
	if again, err := f.Submit(t.Context(), f.actor, sub); err != nil || !again.Duplicate || again.Receipt.Digest != first.Receipt.Digest {
		t.Errorf("what was accepted before: %+v, %v", again, err)
	}
	for name, try := range map[string]func() error{
		"a submission": func() error { _, err := f.Submit(t.Context(), f.actor, f.Submission("3", office)); return err },
		"one that is wrong": func() error {
			_, err := f.Submit(t.Context(), f.actor, f.Submission("4", hubtest.UnknownCode))
			return err
		},
		"a file":             func() error { _, err := f.Announce(t.Context(), f.actor, hubtest.Province, 1); return err },
		"an upload":          func() error { _, err := f.Register(t.Context(), f.actor, f.announced("5", original)); return err },
		"a wrong upload":     func() error { _, err := f.Register(t.Context(), f.actor, f.announced("6", "")); return err },
		"the end of another": func() error { _, err := f.Complete(t.Context(), f.actor, taken.ID); return err },
	} {
		err := try()
		if err == nil || hub.KindOf(err) != hub.KindUnavailable || hub.ViolationsOf(err)[0].RetryAfter != time.Minute {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := f.Submit(t.Context(), hubtest.System(hubtest.Stranger), sub); err == nil || hub.KindOf(err) != hub.KindDenied {
		t.Errorf("a stranger learns of it: %v", err)
	}
	if after := len(f.evidences(t)); after != before || len(f.sent(t)) != 1 {
		t.Errorf("%d evidences were made, %d dispatches are there", after-before, len(f.sent(t)))
	}

	why = nil
	if got, err := f.Complete(t.Context(), f.actor, taken.ID); err != nil || got.Duplicate {
		t.Errorf("the upload, afterwards: %+v, %v", got, err)
	}
}
