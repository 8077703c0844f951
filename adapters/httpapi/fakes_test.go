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
	alone   bool          // a1 receives for nobody else
	looked  chan struct{} // gets one for each look into the mailbox
	began   chan struct{} // gets one for each blob that is begun

	submitted hub.Submission
	forward   hub.ForwardOrder
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

func (f *fakeHub) ByID(id hub.AgencyID) (*hub.Agency, bool) {
	a := theAgency()
	a.ID = id
	return a, id == "a1" || id == "a9"
}
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
func (f *fakeHub) Acts(hub.Page) hub.List[hub.Reorganisation] {
	return hub.List[hub.Reorganisation]{Items: []hub.Reorganisation{testAct()}}
}
func (f *fakeHub) Changes(context.Context, string, int) (hub.AgencyChanges, error) {
	a, _ := f.ByID("a1")
	return hub.AgencyChanges{Items: []hub.Agency{*a}, Position: "7,a1"}, f.err
}
func (f *fakeHub) Holder(code string, _ time.Time) (*hub.Agency, bool) { return f.ByID("a1") }
func (f *fakeHub) History(id hub.AgencyID) (hub.AgencyHistory, bool) {
	a, ok := f.ByID(id)
	return hub.AgencyHistory{Agency: a, Predecessors: []hub.AgencyID{"a0"}, Successors: []hub.AgencyID{}, Acts: []hub.Reorganisation{testAct()}}, ok
}

func testAct() hub.Reorganisation {
	at := time.Date(2025, 6, 30, 17, 0, 0, 0, time.UTC)
	return hub.Reorganisation{AgencyAct: hub.AgencyAct{ID: "t1", Kind: hub.ActMerge, At: at, To: []hub.AgencyID{"a1"}, Basis: "NQ 202/2025/QH15", Recorded: at}, From: []hub.AgencyID{"a0"}}
}

func (f *fakeHub) Reorganise(context.Context, hub.Actor, hub.AgencyChange, bool) (hub.ImportReport, error) {
	return hub.ImportReport{Changed: 1, Rows: []hub.ImportRow{{Line: 1, Code: "H47.12", Change: "name", Differences: []hub.ImportDifference{{Column: "name", Was: "A", Is: "B"}}}}}, f.err
}
func (f *fakeHub) Import(_ context.Context, _ hub.Actor, r io.Reader, _ hub.ImportOptions) (hub.ImportReport, error) {
	_, err := io.Copy(io.Discard, r)
	return hub.ImportReport{Added: 1}, errors.Join(err, f.err)
}
func (f *fakeHub) Position() string { return "7,a" }

func (f *fakeHub) Export(_ context.Context, _ hub.Actor, w io.Writer, format string, _ time.Time) error {
	if format == hub.ListJSON {
		_, err := io.WriteString(w, `{"agencies": []}`)
		return err
	}
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
func (f *fakeHub) ReceivesFor(receivers []hub.AgencyID, _ time.Time) []hub.AgencyID {
	f.mu.Lock()
	defer f.mu.Unlock()
	if slices.Contains(receivers, "a1") && !f.alone {
		return []hub.AgencyID{"a9"}
	}
	return nil
}

func (f *fakeHub) TookOver([]hub.AgencyID, time.Time) []hub.AgencyID { return nil }
func (f *fakeHub) Forward(_ context.Context, _ hub.Actor, o hub.ForwardOrder) (hub.Accepted, error) {
	f.forward = o
	return hub.Accepted{Dispatch: theDispatch(), Deliveries: []hub.Delivery{theDelivery()}, Receipt: sealed()}, f.err
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
func (a fakeAccounts) Link(_ context.Context, _ hub.Actor, _, login string) (hub.Account, error) {
	account := a.account()
	account.Login = &hub.Login{Issuer: "https://id.example.vn", Claim: "sub", Value: login}
	return account, a.f.err
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
		Figures: fakeFigures{}, Counted: fakeFigures{},
		Authenticator: f, KeyKeeper: f, Accounts: fakeAccounts{f}, Enrolments: fakeEnrolments{f}, Directory: f, Registry: f, Intake: f, Uploads: f, Mailbox: f, Leases: f,
		Recipient: f, Dispatches: f, Changes: f, Forwards: f, Evidences: f, Verifier: f, ReportForms: fakeForms(), Blobs: f, Codec: fakeCodec(), DeadLetters: f, AgencyQueues: fakeQueues{}, Stuck: fakeStuck{}, Axis: fakeAxis{f}, Passages: fakePassages{f}, Subscriptions: fakeSubscriptions{f}, Telling: fakeSubscriptions{f}, Connections: fakeConnections{f}, Retention: f, SignatureRules: f, Seals: fakeSeals{f}, Proofs: f, Sequences: fakeSequences{f}, Bundles: fakeBundles{f}, Validation: f,
		Lists: fakeLists{f}, RoutingRules: fakeRouting{f}, WorkingDays: fakeCalendar{f}, Law: fakeLaw{f}, RegisterYears: fakeYears{f}, Numbers: fakeNumbers{f}, Procedures: fakeProcedures{f}, Dossiers: fakeDossiers{f}, Evaluations: fakeEvaluations{f}, Inspections: fakeInspections{f}, Reports: fakeReports{f}, Post: fakePost{f},
		Tasks:  fakeTasks{f},
		Alerts: fakeAlerts{},
		Now:    func() time.Time { return testTime }, NewID: func() string { return "request-1" }, HandOvers: fakeHandOvers{f},
		Log: slog.New(slog.NewTextHandler(log, nil)), Delegations: f, Version: "v-test", TempDir: t.TempDir(),
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

type fakeAlerts struct{}

func (fakeAlerts) alert() hub.Alert {
	note := hub.AlertNote{By: "an", At: testTime, Reason: "x"}
	return hub.Alert{
		ID: "x", Finding: hub.Finding{Kind: hub.AlertRecipient, About: "xa", Name: "Xã", Node: "n1", Urgent: true, At: testTime, Count: 1, Detail: "away"},
		First: testTime, Last: testTime, Opened: testTime, Told: testTime, Ended: testTime, Over: testTime, Again: 1, Seen: &note, Muted: &hub.AlertMute{AlertNote: note, Until: testTime},
	}
}

func (f fakeAlerts) Board(context.Context, hub.Actor) (hub.AlertBoard, error) {
	return hub.AlertBoard{Open: []hub.Alert{f.alert()}, Muted: []hub.Alert{f.alert()}, Recipients: 1, Waiting: 1, Problem: "away", Tried: testTime}, nil
}

func (f fakeAlerts) Past(context.Context, hub.Actor, hub.Page) (hub.List[hub.Alert], error) {
	return hub.List[hub.Alert]{Items: []hub.Alert{f.alert()}, Next: "x"}, nil
}

func (fakeAlerts) Acknowledge(context.Context, hub.Actor, string, string) error { return nil }
func (fakeAlerts) Mute(context.Context, hub.Actor, string, string, int) error   { return nil }
func (fakeAlerts) Unmute(context.Context, hub.Actor, string) error              { return nil }

// fakeFigures knows one report.
type fakeFigures struct{}

// Report implements Figures.
func (fakeFigures) Report(_ context.Context, _ hub.Actor, q hub.FiguresQuery) (hub.FigureReport, error) {
	return hub.FigureReport{
		Agency: q.Agency, Name: "Sở Mẫu (hư cấu)", Period: q.Period, Kind: q.Kind, Own: true, CountedTo: testTime, Total: hub.SideTallies{Sent: hub.Tally{1, 2}},
		Refusals: []hub.Refusals{{Reason: hub.ReasonOther, Sent: 1}}, Steps: []hub.FigureStepSums{{Period: "2026-01"}},
		Levels: []hub.FigureLevelSums{{Level: hub.LevelUnit}}, Units: []hub.FigureUnit{{Agency: q.Agency, Name: "Sở Mẫu (hư cấu)", Level: hub.LevelUnit}}, Next: "x",
	}, nil
}

// Whole implements Figures.
func (f fakeFigures) Whole(ctx context.Context, actor hub.Actor, q hub.FiguresQuery) (hub.FigureReport, error) {
	return f.Report(ctx, actor, q)
}

// Rebuild implements Figures.
func (fakeFigures) Rebuild(context.Context, hub.Actor) error { return nil }

// Counted implements Counted.
func (fakeFigures) Counted(_ context.Context, _ hub.Actor, q hub.CountedQuery) (hub.List[hub.Item], error) {
	return hub.List[hub.Item]{}, q.Check()
}

type fakeStuck struct{}

func (fakeStuck) Stuck(context.Context, hub.Actor) (hub.Stuck, error) {
	d := hub.StuckDelivery{ID: "x", Channel: hub.ChannelAxis, State: hub.StateQueued, AcceptedAt: testTime, ExpiresAt: testTime, Attempts: 1, LastError: "away"}
	return hub.Stuck{Failing: []hub.StuckDelivery{d}, Ending: []hub.StuckDelivery{}}, nil
}

func (fakeStuck) TryAgain(_ context.Context, _ hub.Actor, ids ...hub.DeliveryID) (hub.StuckOutcome, error) {
	return hub.StuckOutcome{Count: len(ids), Left: []hub.StuckLeft{}}, nil
}

func (fakeStuck) GiveUp(_ context.Context, _ hub.Actor, _ string, ids ...hub.DeliveryID) (hub.StuckOutcome, error) {
	return hub.StuckOutcome{Count: len(ids), Left: []hub.StuckLeft{}}, nil
}

type fakeQueues struct{}

func (fakeQueues) Grant(_ context.Context, _ hub.Actor, code hub.Code) (hub.Credential, error) {
	return hub.Credential{Channel: hub.EnrolAMQP, User: "agency." + string(code), Address: "amqps://mq.example/", Secret: "s"}, nil
}

func (fakeQueues) Revoke(context.Context, hub.Actor, hub.Code) error { return nil }

func (f *fakeHub) DeadLetters(context.Context, int) ([]hub.DeadLetter, error) {
	return []hub.DeadLetter{{ID: "x", Reason: "unreadable", Queue: "q", Count: 1, First: testTime, Last: testTime}}, nil
}

func (f *fakeHub) Replay(context.Context, hub.Actor, ...string) (int, error) { return 1, nil }

func (f *fakeHub) Discard(_ context.Context, _ hub.Actor, ids ...string) (int, error) {
	return len(ids), nil
}

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

// fakeSubscriptions is apart because its methods have names that fakeHub has, too.
type fakeSubscriptions struct{ f *fakeHub }

func (s fakeSubscriptions) one() hub.Subscription {
	return hub.Subscription{
		ID: "s1", Agency: "a1", Kind: hub.SubscriptionWebhook, Target: "https://xa.example/hook", Topics: hub.Topics(), Created: testTime, By: "k1", Version: 1,
		Paused: &hub.Pause{Reason: hub.PauseGone, At: testTime}, Secrets: []hub.SubscriptionSecret{{Sealed: []byte("sealed")}},
	}
}
func (s fakeSubscriptions) Create(context.Context, hub.Actor, hub.Subscription) (hub.Subscription, string, error) {
	return s.one(), "whsec_c2VjcmV0", s.f.err
}
func (s fakeSubscriptions) List(context.Context, hub.Actor, hub.AgencyID) ([]hub.Subscription, error) {
	return []hub.Subscription{s.one()}, s.f.err
}
func (s fakeSubscriptions) Get(context.Context, hub.Actor, string) (hub.Subscription, error) {
	return s.one(), s.f.err
}
func (s fakeSubscriptions) Rotate(context.Context, hub.Actor, string, time.Duration) (hub.Subscription, string, error) {
	return s.one(), "whsec_c2VjcmV0", s.f.err
}
func (s fakeSubscriptions) Remove(context.Context, hub.Actor, string) error { return s.f.err }
func (s fakeSubscriptions) Pause(context.Context, hub.Actor, string) (hub.Subscription, error) {
	return s.one(), s.f.err
}
func (s fakeSubscriptions) Resume(context.Context, hub.Actor, string) (hub.Subscription, error) {
	return s.one(), s.f.err
}
func (s fakeSubscriptions) Replay(context.Context, hub.Actor, string, hub.Replay) (int, error) {
	return 3, s.f.err
}
func (s fakeSubscriptions) Test(context.Context, hub.Actor, string) error { return s.f.err }
func (s fakeSubscriptions) Pushes(context.Context, hub.Actor, hub.PushQuery) (hub.List[hub.Push], error) {
	return hub.List[hub.Push]{Items: []hub.Push{{Subscription: "s1", Evidence: "e1", Place: 4, Topic: hub.TopicWaiting, At: testTime, State: hub.PushTold, Due: testTime}}}, s.f.err
}

// fakeSequences shows one receipt of any agency.
type fakeSequences struct{ f *fakeHub }

func (s fakeSequences) Sequence(_ context.Context, _ hub.Actor, query hub.SequenceQuery) (hub.Sequence, error) {
	item := hub.SequenceItem{Number: query.After + 1, Index: 4, Evidence: "e1", Event: hub.EventContentHandover, Time: time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)}
	return hub.Sequence{Agency: query.Agency, Log: "hub/evidence/2026", Key: strings.Repeat("0", 64), Size: 9, Items: []hub.SequenceItem{item}}, nil
}

// fakeConnections tests connections.
type fakeConnections struct{ f *fakeHub }

func (c fakeConnections) Test(_ context.Context, actor hub.Actor, agency hub.AgencyID) (hub.ConnectionTest, error) {
	return hub.ConnectionTest{
		Agency: agency, Code: "000.00.00.H47", Begun: testTime, TookMS: 1.5,
		Ways: []hub.TestedWay{{Way: hub.WayAMQP, Hops: []hub.TestedHop{{Hop: hub.HopQueue, Passed: true, TookMS: 1, Detail: actor.Name}, {Hop: hub.HopConsumer, Error: "unavailable: nobody reads it"}}}},
	}, c.f.err
}

type fakeRouting struct{ *fakeHub }

func (f fakeRouting) Rules(context.Context, hub.Actor, hub.AgencyID, int64) (hub.RoutingRules, error) {
	return testRules(), f.err
}

func (f fakeRouting) SetRules(context.Context, hub.Actor, hub.RoutingRules) (hub.RoutingRules, error) {
	return testRules(), f.err
}

func (f fakeRouting) Try(context.Context, hub.Actor, hub.RoutingTrial) (hub.RoutingTrialPart, error) {
	return hub.RoutingTrialPart{Looked: 7, Next: "x", Touched: []hub.RoutingTouch{{
		Dispatch: "d1", Number: "04/2026/QĐ-UBND", TypeName: "Quyết định", At: testTime, Rule: "Gửi Sở Tư pháp", Action: hub.RouteCopy, Recipient: "000.00.14.H47", Outcome: hub.RuleFailed, Problem: "closed",
	}}}, f.err
}

func (f fakeRouting) Failures(context.Context, hub.Actor, hub.AgencyID) ([]hub.RoutingFailure, error) {
	return []hub.RoutingFailure{{
		Agency: "a1", Rule: hub.RuleRef{Name: "Chuyển phường", Version: 2}, Recipient: "000.31.05.H47", Delivery: "v1", Number: "173/UBND", Attempts: 3,
		Since: testTime, Next: testTime, Ended: testTime, Problem: "closed for now",
	}}, f.err
}

// testRules are rules in which every member is used.
func testRules() hub.RoutingRules {
	return hub.RoutingRules{Agency: "a1", Version: 3, SetBy: "quan.tri", SetAt: testTime, Rules: []hub.RoutingRule{{
		Name: "Chuyển phường", Action: hub.RouteForward, Types: []string{"Công văn"}, Fields: []string{"KSTTHC"}, Numbers: []string{"*/UBND-*"}, Senders: []string{"H47"},
		Priority: hub.PriorityUrgent, Recipients: []string{"000.31.05.H47"}, ForInformation: true, Note: "Để thực hiện", ValidFrom: "2026-01-01", ValidTo: "2027-01-01", Since: testTime,
	}}}
}

type fakeHandOvers struct{ *fakeHub }

func (f fakeHandOvers) HandOver(context.Context, hub.Actor, hub.HandOverOrder, bool) (hub.HandOver, error) {
	return hub.HandOver{
		Agency: "a1", To: "a2", Basis: "NQ 202/2025/QH15", By: "op", At: testTime, Deliveries: 3, More: true, Accounts: []string{"van.thu"}, Drafts: 1, Further: []hub.AgencyID{"a0"}, Before: true,
	}, f.err
}

type fakeLists struct{ *fakeHub }

func (f fakeLists) Lists(context.Context, hub.Actor, hub.AgencyID) ([]hub.DistributionList, error) {
	return []hub.DistributionList{testList()}, f.err
}

func (f fakeLists) Save(context.Context, hub.Actor, hub.DistributionList) (hub.DistributionList, error) {
	return testList(), f.err
}
func (f fakeLists) Remove(context.Context, hub.Actor, hub.AgencyID, string) error { return f.err }

type fakeTasks struct{ *fakeHub }

func testTask() hub.TaskView {
	return hub.TaskView{
		Task: hub.Task{
			ID: "t1", Number: 1, Content: "Trả lời kiến nghị", Answer: hub.AnswerDocument,
			Assignees: []hub.Assignee{{Agency: "a2", Code: "000.00.12.H47", Name: "Sở Nội vụ", Role: hub.RoleLead, Due: "2026-02-27"}},
		},
		Assignment: hub.Assignment{Task: "t1", Role: hub.RoleLead, State: hub.TaskInProgress, Due: "2026-02-27", LastAct: hub.ActStart, LastAt: testTime},
		Timeliness: hub.InTime, Agency: "a2", AgencyName: "Sở Nội vụ", Code: "000.00.12.H47", Delivery: "v1", DeliveryState: hub.StateAccepted, Dispatch: "d1",
		Sender: "a1", SenderName: "UBND tỉnh Quảng Nam", SenderCode: "000.00.00.H47", DocNumber: "173/UBND-KSTTHC", Subject: "V/v", AssignedAt: testTime,
	}
}

func (f fakeTasks) Tasks(context.Context, hub.Actor, hub.TaskQuery) (hub.List[hub.TaskView], error) {
	return hub.List[hub.TaskView]{Items: []hub.TaskView{testTask()}}, f.err
}

func (f fakeTasks) Totals(context.Context, hub.Actor, hub.TaskQuery) (hub.TaskTotals, error) {
	return hub.TaskTotals{DoneInTime: 1, OpenLate: 2}, f.err
}

func (f fakeTasks) Task(context.Context, hub.Actor, hub.TaskID) ([]hub.TaskView, error) {
	return []hub.TaskView{testTask()}, f.err
}

func (f fakeTasks) History(context.Context, hub.Actor, hub.TaskID, hub.AgencyID) ([]hub.SealedEvidence, error) {
	return []hub.SealedEvidence{sealed()}, f.err
}

func (f fakeTasks) Act(context.Context, hub.Actor, hub.TaskID, hub.TaskOrder) (hub.SealedEvidence, error) {
	return sealed(), f.err
}

type fakeCalendar struct{ *fakeHub }

func (f fakeCalendar) Calendar() *hub.Calendar {
	return hub.NewCalendar(hub.CalendarYear{Year: 2027, Version: 1, Source: "TB 1", Days: []hub.CalendarDay{{Date: "2027-02-05", Kind: hub.DayOff, Name: "Tết"}}, SetBy: "op", SetAt: testTime})
}

func (f fakeCalendar) Import(_ context.Context, _ hub.Actor, _ string, days []hub.CalendarDay, dryRun bool) (hub.CalendarImport, error) {
	return hub.CalendarImport{DryRun: dryRun, Years: []int{2027}, Changes: []hub.CalendarChange{{Date: days[0].Date, Was: hub.DayOff, Now: days[0].Kind, Name: days[0].Name}}}, f.err
}

func testList() hub.DistributionList {
	return hub.DistributionList{Agency: "a1", Name: "Các sở", Recipients: []string{"000.00.12.H47"}, ChangedBy: "van.thu", ChangedAt: time.Date(2026, 1, 5, 2, 0, 0, 0, time.UTC)}
}

type fakeLaw struct{ *fakeHub }

func (f fakeLaw) Terms() *hub.LegalTerms {
	return &hub.LegalTerms{
		Version: 1, Source: "NĐ 30/2020/NĐ-CP", SetBy: "op", SetAt: testTime,
		Terms: []hub.LegalTerm{{ID: "send", Duty: hub.DutySend, From: "2020-03-05", Days: 1, By: "12:00", Source: "điều 18"}},
	}
}

func (f fakeLaw) Import(_ context.Context, _ hub.Actor, _ string, terms []hub.LegalTerm, dryRun bool) (hub.LegalTermImport, error) {
	return hub.LegalTermImport{DryRun: dryRun, Version: 1, Changes: []hub.LegalTermChange{{ID: terms[0].ID, Was: &f.Terms().Terms[0], Now: &terms[0]}}}, f.err
}

type fakeYears struct{ *fakeHub }

func (f fakeYears) year(agency hub.AgencyID, year int) hub.RegisterYear {
	return hub.RegisterYear{
		Agency: agency, Year: year, ClosedAt: testTime, ClosedBy: "quan.tri",
		Outgoing: &hub.BookDigest{Entries: 1, SHA256: hub.Digest{1}}, Incoming: &hub.BookDigest{},
	}
}

func (f fakeYears) CloseYear(_ context.Context, _ hub.Actor, agency hub.AgencyID, year int) (hub.RegisterYear, error) {
	return f.year(agency, year), f.err
}

func (f fakeYears) ClosedYears(_ context.Context, _ hub.Actor, agency hub.AgencyID) ([]hub.RegisterYear, error) {
	return []hub.RegisterYear{f.year(agency, 2025)}, f.err
}

type fakeNumbers struct{ *fakeHub }

func (f fakeNumbers) number(agency hub.AgencyID, state hub.NumberState) hub.OutgoingNumber {
	return hub.OutgoingNumber{Agency: agency, Year: 2026, Kind: "Quyết định", Number: 7, Notation: "QĐ-UBND", State: state, TakenBy: "an", TakenAt: testTime}
}

func (f fakeNumbers) Take(_ context.Context, _ hub.Actor, w hub.NumberWish) (hub.OutgoingNumber, error) {
	return f.number(w.Agency, hub.NumberReserved), f.err
}

func (f fakeNumbers) Next(context.Context, hub.Actor, hub.AgencyID, int, string) (int64, error) {
	return 8, f.err
}

func (f fakeNumbers) Cancel(_ context.Context, _ hub.Actor, agency hub.AgencyID, _ int, _ int64, _, reason string) (hub.OutgoingNumber, error) {
	n := f.number(agency, hub.NumberCancelled)
	n.Reason, n.CancelledBy, n.CancelledAt = reason, "an", testTime
	return n, f.err
}

func (f fakeNumbers) List(_ context.Context, _ hub.Actor, q hub.OutgoingQuery) (hub.List[hub.OutgoingNumber], error) {
	return hub.List[hub.OutgoingNumber]{Items: []hub.OutgoingNumber{f.number(q.Agency, hub.NumberReserved)}}, f.err
}

type fakeProcedures struct{ *fakeHub }

func (f fakeProcedures) decision(act hub.ProcedureAct) hub.ProcedureDecision {
	return hub.ProcedureDecision{Dispatch: "d1", Agency: "a1", Act: act, Number: "7", Notation: "QĐ-UBND", Date: "2026-06-20"}
}

func (f fakeProcedures) version() hub.ProcedureVersion {
	return hub.ProcedureVersion{
		Procedure: hub.Procedure{Code: "1.001193", Name: "Đăng ký khai sinh", Field: "Hộ tịch", Levels: []hub.Level{hub.LevelCommune}, Agency: "a1", AgencyCode: "000.00.00.H47",
			Limit: hub.ProcedureLimit{Amount: 1, Unit: hub.LimitWorkingDays}, Online: hub.OnlineFull, Fees: []hub.ProcedureFee{{Amount: 8000}}, Papers: []string{"Tờ khai"}, Basis: []string{"Luật Hộ tịch"}},
		Version: 1, Valid: hub.Interval{From: testTime}, Decision: f.decision(hub.ProcedurePublish), State: hub.ProcedureInForce,
	}
}

func (f fakeProcedures) List(context.Context, hub.ProcedureQuery) (hub.List[hub.ProcedureVersion], error) {
	return hub.List[hub.ProcedureVersion]{Items: []hub.ProcedureVersion{f.version()}}, f.err
}

func (f fakeProcedures) Versions(context.Context, string) ([]hub.ProcedureVersion, error) {
	return []hub.ProcedureVersion{f.version()}, f.err
}

func (f fakeProcedures) Changes(_ context.Context, after int64, _ int) ([]hub.ProcedureChange, error) {
	v := f.version()
	return []hub.ProcedureChange{{Seq: after + 1, Act: hub.ProcedurePublish, Code: v.Code, Number: 1, From: testTime, Decision: v.Decision, By: "an", At: testTime, Version: &v}}, f.err
}

func (f fakeProcedures) ImportList(_ context.Context, _ hub.Actor, wish hub.ProcedureWish, list io.Reader) (hub.ProcedureImport, error) {
	if _, err := io.ReadAll(list); err != nil {
		return hub.ProcedureImport{}, err
	}
	return hub.ProcedureImport{DryRun: wish.DryRun, Decision: f.decision(""), Amended: 1, Seq: 4, Rows: []hub.ProcedureRow{
		{Row: 1, Code: "1.001193", Name: "Đăng ký khai sinh", Act: hub.ProcedureAmend, From: testTime, Differences: []hub.ProcedureDifference{{Field: "name", Was: "Khai sinh", Is: "Đăng ký khai sinh"}}},
	}}, f.err
}

func (f fakeProcedures) Abolish(_ context.Context, _ hub.Actor, wish hub.ProcedureWish, codes ...string) (hub.ProcedureImport, error) {
	return hub.ProcedureImport{DryRun: wish.DryRun, Decision: f.decision(""), Abolished: len(codes), Rows: []hub.ProcedureRow{}}, f.err
}
