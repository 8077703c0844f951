package bundletest

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/examine"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/packing"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
	"github.com/lienthong/lienthong/hub/audit/bundle"
	"github.com/lienthong/lienthong/signing"
	"github.com/lienthong/lienthong/signing/pki"
	"github.com/lienthong/lienthong/signing/trust"
	"github.com/lienthong/lienthong/signing/tsp"
)

const (
	name   = "so.example"
	origin = name + "/evidence/2026"
	sender = hub.AgencyID("A-100")
	taker  = hub.AgencyID("B-200")
)

// begin is when the document of a world is accepted.
func begin() time.Time { return time.Date(2026, 11, 23, 3, 15, 0, 0, time.UTC) }

// world is a hub with everything that bundles are made from and verified by. It tells
// its own time.
type world struct {
	tasks     []hub.TaskFact // that the acceptance sets
	t         testing.TB
	pki       *pki.Authority
	hub       pki.Identity
	tsa       pki.Identity
	logKey    ed25519.PrivateKey
	witnesses []ed25519.PrivateKey
	now       time.Time
	audit     *audit.Service
	ids       int

	dispatch hub.Dispatch
	delivery hub.Delivery
	other    hub.Delivery
	evidence []hub.SealedEvidence
	leaves   [][]byte
	numbers  map[hub.AgencyID]int64
	untagged bool // leaves are as they were before there were sequences
	stamps   []hub.LogStamp
	renewals []hub.LogRenewal
	rehashes rehashes
	notes    []hub.LogNote // of renewals and rehashes
	seenBy   int           // witnesses that cosign checkpoints
	mirror   *trust.Mirror
	change   func(files []bundle.File) []bundle.File // before they are sealed; nil: none
	document []byte
	xml      bool // bundles have the XML form of receipts
	lost     bool // the document is not there any more

	firstNote json.RawMessage // what entry 0 of the log is about
}

// newWorld is a world with keys of its own, in which a document is accepted.
func newWorld(t testing.TB) *world {
	w := &world{t: t}
	w.pki = must(pki.New(begin().AddDate(0, -1, 0), pki.P256))(t)
	w.hub = must(w.pki.Agency("Trục liên thông", pki.P256))(t)
	w.tsa = must(w.pki.TimestampAuthority("Dấu thời gian", pki.P256))(t)
	return w.again()
}

// again is another world with the same keys.
func (w *world) again() *world {
	same, t := w, w.t
	w = &world{t: t, pki: same.pki, hub: same.hub, tsa: same.tsa, now: begin(), seenBy: 2, numbers: map[hub.AgencyID]int64{}, document: []byte("%PDF-1.7 a decision, signed elsewhere")}
	w.logKey = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, ed25519.SeedSize))
	for i := range 3 {
		w.witnesses = append(w.witnesses, ed25519.NewKeyFromSeed(bytes.Repeat([]byte{byte(2 + i)}, ed25519.SeedSize)))
	}
	sealer := must(signing.NewSealer(w.hub.Key, w.hub.Chain[:2]))(t)
	w.audit = audit.New(audit.Options{
		Store: w, Sealer: sealer, Issuer: hub.Party{ID: name, Scheme: "hub", Name: "Trục liên thông"},
		Origin: name + "/evidence", Now: func() time.Time { return w.now },
		NewID: func() string { w.ids++; return fmt.Sprintf("0199f000-0000-7000-8000-%012d", w.ids) },
	})
	note := hub.LogNote{ID: "first note", Kind: hub.LogNoteKey, Time: begin().Add(-15 * time.Minute), Body: json.RawMessage(`{"key":"0"}`)}
	w.firstNote = must(json.Marshal(note))(t)
	w.leaves = append(w.leaves, must(audit.NoteLeaf(&note))(t))
	w.dispatch = hub.Dispatch{
		ID: "0199f000-0000-7000-8000-00000000000d", Sender: sender, SenderCode: "000.00.14.H47", SenderName: "Sở Tư pháp", ExternalID: "42/STP-VP",
		Operation: hub.OperationNew, Parts: []hub.Part{{ID: "p1", Role: hub.RoleOriginal, Name: "Quyết định 42.pdf", MediaType: "application/pdf", Size: int64(len(w.document)), Digest: sha256.Sum256(w.document)}},
		AcceptedAt: w.now,
	}
	w.delivery = hub.Delivery{ID: "0199f000-0000-7000-8000-00000000000e", Dispatch: w.dispatch.ID, Recipient: taker, AddressedAs: "000.00.12.H47", Name: "Sở Nội vụ", State: hub.StateQueued, Registers: true}
	w.other = w.delivery
	w.other.ID, w.other.Recipient, w.other.Name, w.other.Index = "0199f000-0000-7000-8000-00000000000f", "C-300", "Sở Y tế", 1
	w.accept()
	return w
}

// must is for calls that fail only when the test is wrong.
func must[T any](v T, err error) func(t testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// accept records the acceptance, which names both recipients.
func (w *world) accept() {
	e := hub.DeliveryEvidence(hub.EventSubmissionAcceptance, &w.dispatch, &w.delivery, w.now)
	second := hub.DeliveryEvidence(hub.EventSubmissionAcceptance, &w.dispatch, &w.other, w.now)
	e.Recipients = append(e.Recipients, second.Recipients...)
	e.Delivery, e.Prev, e.SubmissionTime = "", nil, w.now
	report := w.report()
	e.Tasks = w.tasks
	e.Validation = report.Validations(must(signing.ReportDigest(&report))(w.t))
	w.record(e, nil)
	w.delivery.LastEvidence = w.evidence[0].Ref()
	w.other.LastEvidence = w.evidence[0].Ref()
}

// setting begins anew with an acceptance that sets tasks.
func (w *world) setting(tasks ...hub.TaskFact) {
	w.evidence, w.leaves, w.numbers, w.tasks = nil, w.leaves[:1], map[hub.AgencyID]int64{}, tasks
	w.accept()
}

// tags numbers an evidence in the sequences of those whom it names.
func (w *world) tags(sealed *hub.SealedEvidence) []audit.Tag {
	if w.untagged {
		return nil
	}
	tags := []audit.Tag{}
	for _, party := range append([]hub.Party{*sealed.Evidence.Sender}, sealed.Evidence.Recipients...) {
		w.numbers[party.ID]++
		key := audit.NewSequenceSecret(w.logKey).Key(origin, party.ID)
		tags = append(tags, key.Tags().Tag(w.numbers[party.ID]))
	}
	return tags
}

// report is the verdict on the document at its acceptance.
func (w *world) report() hub.SignatureReport {
	return hub.SignatureReport{Part: "p1", SHA256: w.dispatch.Parts[0].Digest, Indication: hub.Indeterminate, Sub: hub.SubNoCertificateChain, ValidatedAt: begin(), Policy: signing.Policy, Signatures: []hub.SignatureVerdict{}}
}

// record seals an evidence as it is, and the log takes it.
func (w *world) record(e hub.Evidence, delivery *hub.Delivery) hub.SealedEvidence {
	w.t.Helper()
	sealed := must(w.audit.Seal(w.t.Context(), e))(w.t)[0]
	w.evidence = append(w.evidence, sealed)
	w.leaves = append(w.leaves, must(audit.ReceiptLeaf(sealed.Canonical, sealed.JWS, w.tags(&sealed)))(w.t))
	if delivery != nil {
		delivery.LastEvidence = sealed.Ref()
	}
	return sealed
}

// event records an event of the delivery a minute later.
func (w *world) event(event hub.Event, change ...func(*hub.Evidence)) hub.SealedEvidence {
	w.now = w.now.Add(time.Minute)
	e := hub.DeliveryEvidence(event, &w.dispatch, &w.delivery, w.now)
	if event.Negative() {
		e.Reasons = []hub.Reason{{Code: hub.ReasonWrongAddressee}}
	}
	for _, c := range change {
		c(&e)
	}
	return w.record(e, &w.delivery)
}

// walk brings the delivery to its end, with a time-stamp on the way and one behind it.
func (w *world) walk() *world {
	w.event(hub.EventContentConsignment)
	w.stamp()
	w.event(hub.EventContentHandover)
	w.event(hub.EventConsignmentAcceptance, func(e *hub.Evidence) {
		e.Registration = &hub.Registration{Number: "17", Date: "2026-11-23"}
	})
	w.stamp()
	return w
}

// stamp lets the authority stamp the log as it is, ten minutes later.
func (w *world) stamp() {
	w.now = w.now.Add(10 * time.Minute)
	note := w.checkpoint(w.leaves)
	w.stamps = append(w.stamps, hub.LogStamp{Origin: origin, Size: int64(len(w.leaves)), Note: note, Token: w.token(note), Time: w.now})
}

func (w *world) token(note []byte) []byte {
	authority := must(tsp.NewAuthority(tsp.AuthorityOptions{Key: w.tsa.Key, Chain: w.tsa.Chain[:2], Now: func() time.Time { return w.now }}))(w.t)
	sum := sha256.Sum256(note)
	return must(authority.Timestamp(crypto.SHA256, sum[:]))(w.t).Raw
}

// checkpoint is the signed head of a tree, written without the code that reads it.
func (w *world) checkpoint(leaves [][]byte) []byte {
	root := treeOf(leaves)
	text := fmt.Sprintf("%s\n%d\n%s\n", origin, len(leaves), base64.StdEncoding.EncodeToString(root[:]))
	note := text + "\n" + line(origin, 1, w.logKey, ed25519.Sign(w.logKey, []byte(text)))
	for i := range w.seenBy {
		at := uint64(w.now.Unix())
		signed := ed25519.Sign(w.witnesses[i], fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", at, text))
		note += line(witnessName(i), 4, w.witnesses[i], append(binary.BigEndian.AppendUint64(nil, at), signed...))
	}
	return []byte(note)
}

func witnessName(i int) string { return fmt.Sprintf("witness-%d.example", i+1) }

func line(name string, kind byte, key ed25519.PrivateKey, signature []byte) string {
	id := sha256.Sum256(slices.Concat([]byte(name+"\n"), []byte{kind}, key.Public().(ed25519.PublicKey)))
	return "— " + name + " " + base64.StdEncoding.EncodeToString(append(id[:4], signature...)) + "\n"
}

// treeOf is the root of RFC 6962, 2.1, as it is defined there.
func treeOf(leaves [][]byte) [sha256.Size]byte {
	if len(leaves) == 1 {
		return sha256.Sum256(append([]byte{0}, leaves[0]...))
	}
	k := 1
	for k*2 < len(leaves) {
		k *= 2
	}
	left, right := treeOf(leaves[:k]), treeOf(leaves[k:])
	return sha256.Sum256(slices.Concat([]byte{1}, left[:], right[:]))
}

// policyText is what an auditor holds who wants so many witnesses.
func (w *world) policyText(quorum int) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "log %s\n", audit.VerifierKey(origin, w.logKey.Public().(ed25519.PublicKey)))
	for i, key := range w.witnesses {
		fmt.Fprintf(&b, "witness w%d %s\n", i+1, audit.WitnessKey(witnessName(i), key.Public().(ed25519.PublicKey)))
	}
	fmt.Fprintf(&b, "group all %d w1 w2 w3\nquorum all\n", quorum)
	return []byte(b.String())
}

// Evidence implements audit.Store.
func (w *world) Evidence(_ context.Context, id hub.EvidenceID) (hub.SealedEvidence, error) {
	for _, e := range w.evidence {
		if e.Evidence.ID == id {
			return e, nil
		}
	}
	return hub.SealedEvidence{}, hub.Errorf(hub.KindNotFound, "", "", "no such evidence")
}

// Evidences implements audit.Store.
func (w *world) Evidences(_ context.Context, q hub.EvidenceQuery) (hub.List[hub.SealedEvidence], error) {
	var list hub.List[hub.SealedEvidence]
	for _, e := range w.evidence {
		if e.Evidence.Delivery == q.Delivery {
			list.Items = append(list.Items, e)
		}
	}
	return list, nil
}

// DispatchItem implements audit.Store.
func (w *world) DispatchItem(context.Context, hub.DispatchID) (hub.SentItem, error) {
	return hub.SentItem{Dispatch: w.dispatch, Deliveries: []hub.Delivery{w.delivery, w.other}}, nil
}

// LogPlace implements audit.PlaceStore.
func (w *world) LogPlace(ctx context.Context, source string) (hub.LogPlace, error) {
	e, err := w.Evidence(ctx, hub.EvidenceID(source))
	if err != nil {
		return hub.LogPlace{}, err
	}
	digest := fmt.Appendf(nil, `"sha256":"%x"`, sha256.Sum256(e.Canonical))
	i := slices.IndexFunc(w.leaves, func(l []byte) bool { return bytes.Contains(l, digest) })
	return hub.LogPlace{Origin: origin, Index: int64(i), Data: w.leaves[i]}, nil
}

// LogShards implements audit.PlaceStore.
func (w *world) LogShards(context.Context) ([]hub.LogShard, error) {
	head := hub.LogHead{Origin: origin, Size: int64(len(w.leaves)), Note: w.checkpoint(w.leaves)}
	return []hub.LogShard{{Origin: origin, Size: head.Size, Head: head}}, nil
}

// LogStamps implements audit.PlaceStore.
func (w *world) LogStamps(_ context.Context, _ string, size int64, limit int) ([]hub.LogStamp, error) {
	var found []hub.LogStamp
	for _, s := range w.stamps {
		if s.Size >= size && len(found) < limit {
			found = append(found, s)
		}
	}
	return found, nil
}

// LogRenewals implements audit.PlaceStore.
func (w *world) LogRenewals(_ context.Context, _ string, size int64, stamped time.Time) ([]hub.LogRenewal, error) {
	var found []hub.LogRenewal
	for _, r := range w.renewals {
		if r.Size == size && r.Stamped.Equal(stamped) {
			found = append(found, r)
		}
	}
	return found, nil
}

// AddLogRenewal implements audit.RenewalStore.
func (w *world) AddLogRenewal(_ context.Context, r hub.LogRenewal, note hub.LogNote) error {
	w.renewals, w.notes = append(w.renewals, r), append(w.notes, note)
	return nil
}

// tiles are those of a tree of fewer than 256 leaves: one, at any width.
type tiles struct {
	audit.TileStore
	*world
}

// Tile implements audit.TileStore.
func (s tiles) Tile(_ context.Context, name string) ([]byte, error) {
	var out []byte
	for _, leaf := range s.leaves {
		sum := sha256.Sum256(append([]byte{0}, leaf...))
		out = append(out, sum[:]...)
	}
	if !strings.HasPrefix(name, "2026/tile/0/000.p/") {
		return nil, hub.Errorf(hub.KindNotFound, "tile", "", "no tile %s", name)
	}
	return out, nil
}

// Dispatch, Open and Archive are what the rooms of tracking and validation do.
type rooms struct{ *world }

func (r rooms) Dispatch(context.Context, hub.Actor, hub.DispatchID) (hub.SentItem, error) {
	return hub.SentItem{Dispatch: r.dispatch, Deliveries: []hub.Delivery{r.delivery, r.other}}, nil
}

func (r rooms) Open(_ context.Context, _ hub.Actor, _ hub.DispatchID, id string) (hub.Part, hub.Blob, error) {
	return *r.dispatch.PartByID(id), hub.BlobOf(r.document), nil
}

func (r rooms) Archive(_ context.Context, _ hub.Actor, id hub.DispatchID) (hub.ValidationArchive, error) {
	return hub.ValidationArchive{Dispatch: id, Reports: []hub.SignatureReport{r.report()}, Material: []hub.Material{}}, nil
}

// changing lets a test put its hand between the files and the seal.
type changing struct {
	*packing.Packing
	*world
}

func (c changing) Pack(ctx context.Context, out io.Writer, files []bundle.File) error {
	if c.change != nil {
		files = c.change(files)
	}
	return c.Packing.Pack(ctx, out, files)
}

func (w *world) builder() *bundle.Builder {
	pack := &packing.Packing{
		Keys: func() (crypto.Signer, []*x509.Certificate) { return w.hub.Key, w.hub.Chain[:2] }, Now: func() time.Time { return w.now },
		Forms:  must(signing.NewSealer(w.hub.Key, w.hub.Chain[:2]))(w.t).ReceiptXML,
		Policy: func() ([]byte, error) { return w.policyText(1), nil }, Mirror: func() *trust.Mirror { return w.mirror },
		Anchors: func() ([]byte, error) { return w.pki.AnchorsPEM(), nil },
	}
	reader := &audit.Reader{Evidence: w.audit, Store: w, Rehashes: rehashStore{&w.rehashes, w}, Tiles: tiles{world: w}}
	return &bundle.Builder{Evidences: w.audit, Proofs: reader, Dispatches: rooms{w}, Verdicts: rooms{w}, Packaging: changing{pack, w}}
}

func party() hub.Actor {
	return hub.Actor{Name: "sender", Kind: hub.ActorSystem, Agencies: []hub.AgencyID{sender}, Scopes: []hub.Scope{hub.ScopeRead}}
}

// bundle makes the bundle of the delivery.
func (w *world) bundle(content bool) []byte {
	w.t.Helper()
	var out bytes.Buffer
	order := hub.BundleOrder{Dispatch: w.dispatch.ID, Delivery: w.delivery.ID, Content: content, XML: w.xml}
	if err := w.builder().Write(w.t.Context(), party(), order, &out); err != nil {
		w.t.Fatal(err)
	}
	return out.Bytes()
}

// auditor is who trusts the roots of a world and wants two witnesses, a day later.
type auditor struct {
	examine.Auditor
	anchors    *trust.Anchors
	mirror     *trust.Mirror
	revocation trust.Requirement
	algorithms *trust.Algorithms
	at         time.Time
}

func (w *world) auditor() *auditor {
	policy := must(audit.ParsePolicy(w.policyText(2)))(w.t)
	return &auditor{Auditor: examine.Auditor{Policy: policy}, anchors: must(trust.LoadAnchors(w.pki.AnchorsPEM()))(w.t), at: w.now.Add(24 * time.Hour)}
}

func (a *auditor) verifier() *signing.Verifier {
	return signing.NewVerifier(signing.VerifierOptions{Anchors: a.anchors, Mirror: a.mirror, Revocation: a.revocation, Algorithms: a.algorithms, Now: func() time.Time { return a.at }})
}

func (a *auditor) verify(t testing.TB, file []byte) hub.BundleReport {
	t.Helper()
	return must(bundle.Verify(t.Context(), examine.Question(a.verifier(), &a.Auditor, a.at, bytes.NewReader(file), int64(len(file)))))(t)
}
