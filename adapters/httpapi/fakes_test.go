package httpapi

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lienthong/lienthong/hub"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testTime is the clock of all tests.
var testTime = time.Date(2026, 1, 5, 1, 0, 0, 0, time.UTC)

// fakeHub plays every service with one agency, one dispatch and one delivery. It
// keeps what it was asked, so that tests see what a handler made of a request.
type fakeHub struct {
	mu      sync.Mutex
	err     error // what the services answer, when set
	actors  map[string]hub.Actor
	blobs   map[hub.Digest][]byte
	writers []*fakeWriter
	bell    chan struct{}
	empty   bool          // the mailbox holds nothing
	looked  chan struct{} // gets one for each look into the mailbox
	began   chan struct{} // gets one for each blob that is begun

	submitted hub.Submission
	status    hub.StatusMessage
	appended  []byte
	lease     hub.LeaseRequest
	mailbox   hub.MailboxQuery
	sent      hub.SentQuery
	evidence  hub.EvidenceQuery
	key       hub.APIKey
	sealed    hub.SealOrder
	damaged   bool // content breaks off at its end
}

func newFakeHub() *fakeHub {
	f := &fakeHub{blobs: map[hub.Digest][]byte{}, bell: make(chan struct{}), looked: make(chan struct{}, 100), began: make(chan struct{}, 100), actors: map[string]hub.Actor{}}
	for _, s := range hub.Scopes() {
		f.actors["lt_"+string(s)+"_x"] = hub.Actor{Name: string(s), Kind: hub.ActorSystem, Agencies: []hub.AgencyID{"a1"}, Scopes: []hub.Scope{s}}
	}
	f.actors["lt_none_x"] = hub.Actor{Name: "none", Agencies: []hub.AgencyID{"a1"}}
	f.actors["lt_all_x"] = hub.Actor{Name: "all", Kind: hub.ActorSystem, Agencies: []hub.AgencyID{"a1"}, Scopes: hub.Scopes()}
	f.put([]byte(theContent))
	return f
}

const theContent = "%PDF-1.7 nội dung giả"

func (f *fakeHub) put(content []byte) hub.Digest {
	d := hub.Digest(sha256.Sum256(content))
	f.blobs[d] = content
	return d
}

func theAgency() *hub.Agency {
	return &hub.Agency{
		ID: "a1", Codes: []hub.Dated[hub.Code]{{Value: "000.00.00.H47"}}, Registers: true,
		Names:  []hub.Dated[string]{{Value: "UBND tỉnh Quảng Nam"}},
		Levels: []hub.Dated[hub.Level]{{Value: hub.LevelProvince}},
	}
}

func theDispatch() hub.Dispatch {
	return hub.Dispatch{
		ID: "d1", Sender: "a1", SenderCode: "000.00.00.H47", SenderName: "UBND tỉnh Quảng Nam",
		ExternalID: "173", Operation: hub.OperationNew, Format: hub.FormatREST, AcceptedAt: testTime,
		Document: hub.Document{CodeNumber: "173", CodeNotation: "UBND-KSTTHC", Subject: "Cải cách <hành chính>", Promulgated: "2020-01-10"},
		Parts: []hub.Part{{
			ID: "p1", Role: hub.RoleOriginal, Name: `Chỉ thị "173".pdf`, MediaType: "application/pdf",
			Size: int64(len(theContent)), Digest: sha256.Sum256([]byte(theContent)),
		}},
	}
}

func theDelivery() hub.Delivery {
	return hub.Delivery{
		ID: "v1", Dispatch: "d1", Recipient: "a1", AddressedAs: "000.00.12.H47", Name: "Sở Nội vụ",
		Channel: hub.ChannelPull, Registers: true, State: hub.StateConsigned, Version: 2,
		UpdatedAt: testTime, ExpiresAt: testTime.Add(time.Hour),
		Lease: &hub.Lease{Fence: 7, Holder: "all", Until: testTime.Add(time.Minute)},
	}
}

// sealed returns an evidence whose canonical bytes a careless encoder would change.
func sealed() hub.SealedEvidence {
	e := hub.Evidence{
		Version: hub.EvidenceVersion, Profile: hub.EvidenceProfile, ID: "e1", Event: hub.EventSubmissionAcceptance,
		Time: testTime, Issuer: hub.Party{ID: "hub", Name: "A < B & C > D"}, Log: hub.LogRef{Origin: "test"},
	}
	canonical, err := encodeJSON(e)
	if err != nil {
		panic(err)
	}
	canonical = bytes.TrimSpace(canonical)
	return hub.SealedEvidence{Evidence: e, Canonical: canonical, JWS: "aGVhZA..c2ln", Digest: sha256.Sum256(canonical)}
}

func (f *fakeHub) Authenticate(_ context.Context, secret string) (hub.Actor, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	a, ok := f.actors[secret]
	if !ok {
		return hub.Actor{}, hub.Errorf(hub.KindUntrusted, "", "", "inner detail")
	}
	return a, nil
}

func (f *fakeHub) Issue(_ context.Context, _ hub.Actor, key hub.APIKey) (hub.APIKey, string, error) {
	f.key = key
	key.ID, key.Created = "k2", testTime
	return key, "lt_k2_secret", f.err
}
func (f *fakeHub) Revoke(context.Context, hub.Actor, string, time.Time) error { return f.err }
func (f *fakeHub) List(context.Context, hub.Actor) ([]hub.APIKey, error) {
	return []hub.APIKey{{ID: "k1", Name: "một", Kind: hub.ActorOperator, Scopes: []hub.Scope{hub.ScopeOperate}, Created: testTime}}, f.err
}

func (f *fakeHub) ByID(id hub.AgencyID) (*hub.Agency, bool) { return theAgency(), id == "a1" }
func (f *fakeHub) Resolve(code string, _ time.Time) (hub.Resolution, error) {
	if code != "000.00.00.H47" && code != "000.00.12.H47" {
		return hub.Resolution{}, hub.Errorf(hub.KindUnknownAgency, "", "unknown_agency", "no agency has the code %s", code)
	}
	return hub.Resolution{Agency: theAgency(), Code: hub.Code(code)}, nil
}
func (f *fakeHub) Search(_ string, _ time.Time, page hub.Page) hub.List[hub.Agency] {
	return hub.List[hub.Agency]{Items: []hub.Agency{*theAgency()}, Next: "after " + page.After}
}
func (f *fakeHub) Children(hub.AgencyID, time.Time) []hub.Agency { return nil }
func (f *fakeHub) Import(_ context.Context, _ hub.Actor, r io.Reader, _ bool) (hub.ImportReport, error) {
	_, err := io.Copy(io.Discard, r)
	return hub.ImportReport{Added: 1}, errors.Join(err, f.err)
}
func (f *fakeHub) Export(_ context.Context, _ hub.Actor, w io.Writer, _ time.Time) error {
	_, err := io.WriteString(w, "id,code,name\n"+strings.Repeat("a1,000.00.00.H47,UBND tỉnh Quảng Nam\n", 200))
	return err
}

func (f *fakeHub) Submit(_ context.Context, _ hub.Actor, sub hub.Submission) (hub.Accepted, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	duplicate := f.submitted.Key != "" && f.submitted.Key == sub.Key
	f.submitted = sub
	return hub.Accepted{Dispatch: theDispatch(), Deliveries: []hub.Delivery{theDelivery()}, Receipt: sealed(), Duplicate: duplicate}, f.err
}
func (f *fakeHub) Register(_ context.Context, a hub.Actor, sub hub.Submission) (hub.Upload, error) {
	f.submitted = sub
	return hub.Upload{ID: "u1", Actor: a.Name, Sender: "a1", Submission: sub, Parts: []hub.UploadPart{{ID: "p1", Size: 4}}, Expires: testTime}, f.err
}
func (f *fakeHub) UploadStatus(context.Context, hub.Actor, string) (hub.Upload, error) {
	return hub.Upload{ID: "u1", Parts: []hub.UploadPart{{ID: "p1", Size: 4, Offset: 2}}, Expires: testTime}, f.err
}
func (f *fakeHub) Append(_ context.Context, _ hub.Actor, _, _ string, offset int64, r io.Reader) (int64, error) {
	got, err := io.ReadAll(r)
	f.appended = got
	return offset + int64(len(got)), errors.Join(err, f.err)
}
func (f *fakeHub) Complete(ctx context.Context, a hub.Actor, _ string) (hub.Accepted, error) {
	return f.Submit(ctx, a, hub.Submission{})
}

func (f *fakeHub) Mailbox(_ context.Context, _ hub.Actor, q hub.MailboxQuery) (hub.List[hub.Item], error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mailbox = q
	select {
	case f.looked <- struct{}{}:
	default:
	}
	if f.empty {
		return hub.List[hub.Item]{}, f.err
	}
	return hub.List[hub.Item]{Items: []hub.Item{{Dispatch: theDispatch(), Delivery: theDelivery()}}, Next: "row/1?&"}, f.err
}
func (f *fakeHub) Item(_ context.Context, _ hub.Actor, id hub.DeliveryID) (hub.Item, error) {
	if id != "v1" {
		return hub.Item{}, hub.Errorf(hub.KindNotFound, "delivery", "", "there is no such delivery")
	}
	return hub.Item{Dispatch: theDispatch(), Delivery: theDelivery()}, f.err
}
func (f *fakeHub) Listen(hub.AgencyID) <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.bell
}
func (f *fakeHub) ring() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.empty = false
	close(f.bell)
	f.bell = make(chan struct{})
}

func (f *fakeHub) Lease(_ context.Context, _ hub.Actor, r hub.LeaseRequest) ([]hub.Item, error) {
	f.lease = r
	return []hub.Item{{Dispatch: theDispatch(), Delivery: theDelivery()}}, f.err
}
func (f *fakeHub) Renew(_ context.Context, _ hub.Actor, _ hub.DeliveryID, fence int64, d time.Duration) (hub.Lease, error) {
	return hub.Lease{Fence: fence, Holder: "all", Until: testTime.Add(d)}, f.err
}
func (f *fakeHub) Release(context.Context, hub.Actor, hub.DeliveryID, int64) error { return f.err }

func (f *fakeHub) Acknowledge(context.Context, hub.Actor, hub.DeliveryID, int64, map[string]hub.Digest) (hub.SealedEvidence, error) {
	return sealed(), f.err
}
func (f *fakeHub) Accept(context.Context, hub.Actor, hub.DeliveryID, hub.Registration) (hub.SealedEvidence, error) {
	return sealed(), f.err
}
func (f *fakeHub) Refuse(context.Context, hub.Actor, hub.DeliveryID, int64, hub.Reason) (hub.SealedEvidence, error) {
	return sealed(), f.err
}
func (f *fakeHub) Report(context.Context, hub.Actor, hub.DeliveryID, hub.StatusReport) (hub.SealedEvidence, error) {
	return sealed(), f.err
}
func (f *fakeHub) ReportMessage(_ context.Context, _ hub.Actor, m hub.StatusMessage) (hub.SealedEvidence, error) {
	f.status = m
	return sealed(), f.err
}

func (f *fakeHub) Sent(_ context.Context, _ hub.Actor, q hub.SentQuery) (hub.List[hub.SentItem], error) {
	f.sent = q
	return hub.List[hub.SentItem]{Items: []hub.SentItem{{Dispatch: theDispatch(), Deliveries: []hub.Delivery{theDelivery()}}}}, f.err
}
func (f *fakeHub) Dispatch(_ context.Context, _ hub.Actor, id hub.DispatchID) (hub.SentItem, error) {
	if id == "taken" {
		return hub.SentItem{Dispatch: hub.Item{Dispatch: theDispatch()}.Stub().Dispatch}, nil
	}
	if id != "d1" {
		return hub.SentItem{}, hub.Errorf(hub.KindNotFound, "dispatch", "", "there is no such dispatch")
	}
	return hub.SentItem{Dispatch: theDispatch(), Deliveries: []hub.Delivery{theDelivery()}}, f.err
}
func (f *fakeHub) Open(_ context.Context, _ hub.Actor, _ hub.DispatchID, part string) (hub.Part, hub.Blob, error) {
	d := theDispatch()
	p := d.PartByID(part)
	if p == nil {
		return hub.Part{}, nil, hub.Errorf(hub.KindNotFound, "part", "", "the dispatch has no part %q", part)
	}
	return *p, newFakeBlob(f.blobs[p.Digest], f.damaged), f.err
}
func (f *fakeHub) Reports(context.Context, hub.Actor, hub.DispatchID) ([]hub.StatusReport, error) {
	return []hub.StatusReport{{ID: "s1", Dispatch: "d1", Delivery: "v1", Reporter: "a1", Code: hub.StatusAssigned, StatedAt: testTime, RecordedAt: testTime}}, f.err
}

func (f *fakeHub) Recall(context.Context, hub.Actor, hub.DispatchID, []string, string) ([]hub.RecallOutcome, error) {
	receipt := sealed()
	return []hub.RecallOutcome{{Delivery: "v1", Recipient: "a2", Name: "Sở Nội vụ", Outcome: hub.RecallAsked, Receipt: &receipt}}, f.err
}
func (f *fakeHub) Related(context.Context, hub.Actor, hub.DispatchID) ([]hub.Related, error) {
	d := theDispatch()
	return []hub.Related{{Link: hub.Link{Kind: hub.LinkAnsweredBy, Dispatch: d.ID}, Operation: d.Operation, Sender: d.Sender, ExternalID: d.ExternalID}}, f.err
}
func (f *fakeHub) Evidences(_ context.Context, _ hub.Actor, q hub.EvidenceQuery) (hub.List[hub.SealedEvidence], error) {
	f.evidence = q
	return hub.List[hub.SealedEvidence]{Items: []hub.SealedEvidence{sealed()}}, f.err
}
func (f *fakeHub) Evidence(context.Context, hub.Actor, hub.EvidenceID) (hub.SealedEvidence, error) {
	return sealed(), f.err
}

func (f *fakeHub) VerifyFile(_ context.Context, name string, content hub.Blob) (hub.FileReport, error) {
	sum := sha256.New()
	n, err := io.Copy(sum, content)
	if err != nil || n != content.Size() {
		return hub.FileReport{}, fmt.Errorf("read %d of %d: %w", n, content.Size(), err)
	}
	var first [4]byte
	if _, err := content.ReadAt(first[:], 0); err != nil {
		return hub.FileReport{}, err
	}
	r := hub.FileReport{Name: name, Kind: hub.FilePDF, SignatureReport: hub.SignatureReport{
		Indication: hub.NoSignatureFound, ValidatedAt: testTime, Policy: "test", Findings: []string{name + " " + string(first[:])},
	}}
	sum.Sum(r.SHA256[:0])
	return r, f.err
}

func (f *fakeHub) Archive(_ context.Context, _ hub.Actor, id hub.DispatchID) (hub.ValidationArchive, error) {
	piece := hub.NewMaterial(hub.MaterialCRL, []byte("list"))
	return hub.ValidationArchive{Dispatch: id, Material: []hub.Material{piece}, Reports: []hub.SignatureReport{{
		Part: "p1", Indication: hub.NoSignatureFound, ValidatedAt: testTime, Policy: "test", Material: []hub.MaterialRef{piece.Ref()},
	}}}, f.err
}

// fakeSeals has a seal for the one agency.
type fakeSeals struct{ hub *fakeHub }

func (f fakeSeals) MaySeal(actor hub.Actor, order hub.SealOrder) error {
	f.hub.sealed = order
	return actor.SpeaksFor(order.Agency, hub.ScopeSeal)
}

func (f fakeSeals) Seal(_ context.Context, actor hub.Actor, order hub.SealOrder, in hub.Blob, out io.Writer) (hub.SealFact, error) {
	digest := sha256.New()
	_, err := io.Copy(io.MultiWriter(out, digest), io.MultiReader(in, strings.NewReader(" sealed")))
	fact := hub.SealFact{Agency: order.Agency, Role: order.Role, Actor: actor.Name}
	digest.Sum(fact.Output[:0])
	return fact, errors.Join(err, f.hub.err)
}

func (f *fakeHub) Verdicts(context.Context, hub.Actor, hub.DispatchID) ([]hub.SignatureReport, []hub.Recheck, error) {
	return []hub.SignatureReport{{Part: "p1", Indication: hub.NoSignatureFound, ValidatedAt: testTime, Policy: "test"}},
		[]hub.Recheck{{At: testTime, Skipped: hub.SkipPurged}}, f.err
}

// fakeForms write what they are asked for.
func fakeForms() []ReportForm {
	write := func(kind string) func(io.Writer, string, []hub.FileReport) error {
		return func(w io.Writer, languages string, files []hub.FileReport) error {
			_, err := fmt.Fprintf(w, "%s %s %s", kind, languages, files[0].Indication)
			return err
		}
	}
	return []ReportForm{
		{MediaType: "text/html", Charset: "utf-8", ContentPolicy: "default-src 'none'; style-src 'sha256-x'", Write: write("page")},
		{MediaType: "application/xml", Write: write("xml")},
	}
}

func (f *fakeHub) CreateBlob(context.Context) (hub.BlobWriter, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	w := &fakeWriter{hub: f}
	f.writers = append(f.writers, w)
	select {
	case f.began <- struct{}{}:
	default:
	}
	return w, nil
}

// open returns how many blob writers were neither committed nor discarded.
func (f *fakeHub) open() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, w := range f.writers {
		if !w.ended {
			n++
		}
	}
	return n
}

type fakeWriter struct {
	bytes.Buffer
	hub   *fakeHub
	ended bool
}

func (w *fakeWriter) Commit() (hub.Digest, int64, error) {
	w.hub.mu.Lock()
	defer w.hub.mu.Unlock()
	w.ended = true
	return w.hub.put(bytes.Clone(w.Bytes())), int64(w.Len()), nil
}
func (w *fakeWriter) Discard() {
	w.hub.mu.Lock()
	defer w.hub.mu.Unlock()
	w.ended = true
}

// fakeBlob is content in memory; a damaged one fails where its end is.
type fakeBlob struct {
	reader  *bytes.Reader
	damaged bool
}

func newFakeBlob(content []byte, damaged bool) *fakeBlob {
	return &fakeBlob{bytes.NewReader(content), damaged}
}
func (b *fakeBlob) Close() error                              { return nil }
func (b *fakeBlob) Size() int64                               { return b.reader.Size() }
func (b *fakeBlob) Seek(off int64, whence int) (int64, error) { return b.reader.Seek(off, whence) }
func (b *fakeBlob) ReadAt(p []byte, off int64) (int, error)   { return b.reader.ReadAt(p, off) }
func (b *fakeBlob) Read(p []byte) (int, error) {
	n, err := b.reader.Read(p)
	if b.damaged && (errors.Is(err, io.EOF) || b.reader.Len() == 0) {
		return n, hub.Internal("damaged /secret/path", nil) // n bytes come with the bad news
	}
	return n, err
}

// fakeCodec takes a body that begins with "status" for a status package; others
// are documents whose one part is the body.
func fakeCodec() Codec {
	return Codec{
		Decode: func(ctx context.Context, r io.Reader, store Blobs) (hub.Package, error) {
			w, err := store.CreateBlob(ctx)
			if err != nil {
				return hub.Package{}, err
			}
			defer w.Discard()
			text, err := io.ReadAll(io.TeeReader(r, w))
			if err != nil {
				return hub.Package{}, fmt.Errorf("the package cannot be read: %w", err)
			}
			if bytes.HasPrefix(text, []byte("broken")) {
				return hub.Package{}, hub.Invalid("package", "well_formed", "line 1: not XML")
			}
			digest, size, err := w.Commit()
			envelope := hub.Part{ID: "envelope", Role: hub.RoleEnvelope, Name: "a.edxml", MediaType: "application/xml", Size: size, Digest: digest}
			if bytes.HasPrefix(text, []byte("status")) {
				return hub.Package{Kind: hub.PackageStatus, Status: &hub.StatusMessage{Code: "03", Envelope: &envelope}}, err
			}
			return hub.Package{Kind: hub.PackageDocument, Submission: &hub.Submission{Sender: "000.00.00.H47", Recipients: []string{"in package"}, Envelope: &envelope}}, err
		},
		Encode: func(_ context.Context, w io.Writer, item hub.SentItem, open func(hub.Part) (hub.Blob, error)) error {
			if _, err := io.WriteString(w, "<edXML>"); err != nil {
				return err
			}
			for _, p := range item.Dispatch.Parts {
				blob, err := open(p)
				if err != nil {
					return err
				}
				if _, err := io.Copy(w, blob); err != nil {
					return err
				}
			}
			_, err := io.WriteString(w, "</edXML>")
			return err
		},
	}
}

// testServer is the API over a real connection.
type testServer struct {
	*httptest.Server
	hub *fakeHub
	log *logBuffer
}

// fakeAccounts is apart because its methods have names that fakeHub has, too.
type fakeAccounts struct{ f *fakeHub }

func (a fakeAccounts) account() hub.Account {
	return hub.Account{
		Name: "van.thu", FullName: "Trần Thị Mẫu", Memberships: []hub.Membership{{Agency: "a1", Role: hub.RoleClerk}},
		Password: "$argon2id$secret", Created: testTime, Version: 1,
	}
}
func (a fakeAccounts) Create(_ context.Context, _ hub.Actor, account hub.Account) (hub.Account, string, error) {
	account.Created, account.Version = testTime, 1
	return account, "aaaaa-bbbbb", a.f.err
}
func (a fakeAccounts) List(context.Context, hub.Actor) ([]hub.Account, error) {
	return []hub.Account{a.account()}, a.f.err
}
func (a fakeAccounts) Reset(context.Context, hub.Actor, string) (hub.Account, string, error) {
	return a.account(), "aaaaa-bbbbb", a.f.err
}
func (a fakeAccounts) Lock(context.Context, hub.Actor, string, bool) (hub.Account, error) {
	return a.account(), a.f.err
}

type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}
func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newTestServer(t *testing.T, change ...func(*Options)) *testServer {
	t.Helper()
	f, log := newFakeHub(), &logBuffer{}
	o := Options{
		Authenticator: f, KeyKeeper: f, Accounts: fakeAccounts{f}, Directory: f, Registry: f, Intake: f, Uploads: f, Mailbox: f, Leases: f,
		Recipient: f, Dispatches: f, Changes: f, Evidences: f, Verifier: f, ReportForms: fakeForms(), Blobs: f, Codec: fakeCodec(), DeadLetters: f, Retention: f, SignatureRules: f, Seals: fakeSeals{f}, Proofs: f, Bundles: fakeBundles{f}, Validation: f,
		Now: func() time.Time { return testTime }, NewID: func() string { return "request-1" },
		Log: slog.New(slog.NewTextHandler(log, nil)), Version: "v-test", TempDir: t.TempDir(),
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
			_, _ = io.WriteString(w, "lienthong_up 1\n")
		}),
	}
	for _, c := range change {
		c(&o)
	}
	s := &testServer{httptest.NewServer(New(o)), f, log}
	t.Cleanup(s.Close)
	return s
}

// answer is an HTTP answer read to its end.
type answer struct {
	*http.Response
	body []byte
}

// call sends a request with the key that may do everything.
func (s *testServer) call(t *testing.T, method, path string, body string, header ...string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer lt_all_x")
	req.Header.Set("Accept-Encoding", "identity")
	for i := 0; i < len(header); i += 2 {
		if header[i+1] == "" {
			req.Header.Del(header[i])
			continue
		}
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := s.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return answer{resp, raw}
}

// problem reads the answer as a problem and checks what all problems have.
func (a answer) problem(t *testing.T) problem {
	t.Helper()
	if got := a.Header.Get("Content-Type"); got != "application/problem+json" {
		t.Fatalf("answer is %d %q, want a problem: %s", a.StatusCode, got, a.body)
	}
	var p problem
	if err := json.Unmarshal(a.body, &p); err != nil {
		t.Fatal(err)
	}
	if p.Status != a.StatusCode || p.Type != "urn:lienthong:problem:"+string(p.Kind) || p.Title == "" || p.Detail == "" || p.RequestID == "" {
		t.Errorf("the problem is not complete: %s", a.body)
	}
	return p
}

// has reports whether the problem names the field and rule.
func (p problem) has(field, rule string) bool {
	return slices.ContainsFunc(p.Errors, func(f fault) bool { return f.Field == field && f.Rule == rule })
}

func (f *fakeHub) DeadLetters(context.Context, int) ([]hub.DeadLetter, error) {
	return []hub.DeadLetter{{ID: "x", Reason: "unreadable", Queue: "q", Count: 1, First: testTime, Last: testTime}}, nil
}

func (f *fakeHub) Replay(context.Context, ...string) (int, error) { return 1, nil }

func (f *fakeHub) Discard(_ context.Context, ids ...string) (int, error) { return len(ids), nil }

func (f *fakeHub) Shards(context.Context) ([]hub.LogShard, error) {
	return []hub.LogShard{{Origin: "hub/evidence/2026"}}, f.err
}
func (f *fakeHub) Checkpoint(_ context.Context, shard string) ([]byte, error) {
	return []byte("hub/evidence/" + shard + "\n"), f.err
}
func (f *fakeHub) Tile(_ context.Context, shard, name string) ([]byte, error) {
	return []byte(shard + " " + name), f.err
}
func (f *fakeHub) Stamp(_ context.Context, shard string, size int64) (hub.LogStamp, error) {
	return hub.LogStamp{Origin: "hub/evidence/" + shard, Size: size, Note: []byte("note\n"), Token: []byte{0x30}, Time: testTime}, f.err
}
func (f *fakeHub) Proof(_ context.Context, _ hub.Actor, id hub.EvidenceID) ([]byte, error) {
	return []byte("c2sp.org/tlog-proof@v1\n" + id), f.err
}

// fakeBundles writes what was asked for.
type fakeBundles struct{ f *fakeHub }

func (b fakeBundles) Write(_ context.Context, _ hub.Actor, order hub.BundleOrder, w io.Writer) error {
	if b.f.err != nil {
		return b.f.err
	}
	_, err := fmt.Fprintf(w, "PK %s %s %v", order.Dispatch, order.Delivery, order.Content)
	return err
}
