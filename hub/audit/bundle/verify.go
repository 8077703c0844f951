package bundle

import (
	"context"
	"crypto/sha256"
	"encoding/pem"
	"errors"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
)

// Container is an opened container whose structure holds: every reader finds the same
// files in it.
type Container interface {
	// Names lists the files, those of the seal left out, in order.
	Names() []string
	// ReadFile fails for a file of more than limit bytes.
	ReadFile(name string, limit int64) ([]byte, error)
	// Open streams a file; nil when there is none.
	Open(name string) io.Reader
}

// Judge judges signatures, for the roots of whoever verifies and one time.
type Judge interface {
	Calendar
	// Seal judges the container as a whole. A container that breaks a rule has a
	// verdict that says so; the error is a failure to read.
	Seal(ctx context.Context, source io.ReaderAt, size int64) (hub.SignatureVerdict, error)
	ReceiptJudge
	// Token judges a time-stamp over some bytes. ProvenAt is its time if it counts.
	Token(token, stamped []byte) hub.SignatureVerdict
	// Report digests a signature report as receipts name it (RFC 8785, SHA-256).
	Report(report *hub.SignatureReport) (hub.Digest, error)
}

// Calendar says until when something proves anything by itself.
type Calendar interface {
	TokenEnd(token []byte) (hub.TokenEnd, error)
	// DigestEnd is that of a digest by its name; zero where no end is set.
	DigestEnd(name string) time.Time
}

// ReceiptJudge judges receipts.
type ReceiptJudge interface {
	// Receipt judges one that is proven to have existed at a time; zero: not proven.
	Receipt(sealed *hub.SealedEvidence, proven time.Time) hub.SignatureVerdict
	// ReceiptXML judges the signature of an XML form, and that it says what a receipt says
	// and carries it. The error is a failure to read.
	ReceiptXML(ctx context.Context, form []byte, sealed *hub.SealedEvidence) (hub.SignatureVerdict, error)
}

// Original is a file that somebody holds beside the bundle.
type Original struct {
	Name   string // without folders
	SHA256 hub.Digest
	// Open reads it again, where SHA-256 is not relied upon any more; nil: it cannot be.
	Open func() (io.ReadCloser, error)
}

// DefaultGap is how much later than its event a time-stamp may be. The log is
// time-stamped at least once an hour; a day passes over an outage of the authority.
const DefaultGap = 24 * time.Hour

// clockSkew is how far clocks of the hub's nodes and of the authority may be apart.
const clockSkew = time.Minute

// Question is a bundle and all that it is verified by.
type Question struct {
	Content io.ReaderAt
	Size    int64
	// Open opens the container. An error that is no *hub.Error says that it breaks a
	// rule; Judge.Seal then says which.
	Open func(source io.ReaderAt, size int64) (Container, error)
	// Judge returns the judge, who is told what certificates, lists and responses lie
	// in the bundle: a help to find paths, and nothing that is trusted.
	Judge func(along []hub.Material) Judge

	Policy    *audit.Policy // of whoever verifies; nil: none, which leaves the log undecided
	Kept      []audit.Kept  // checkpoints that somebody kept
	Originals []Original    // files to compare with the content; nil: none
	At        time.Time     // that is verified for
	Gap       time.Duration // DefaultGap when zero
	// HandoverEnds says that the recipient has agreed to no registration, so that the
	// hand-over is the end. Evidence does not say it.
	HandoverEnds bool
}

// Verify verifies a bundle in twelve steps. What is wrong with it is in the report; the
// error is a failure to read.
func Verify(ctx context.Context, q Question) (hub.BundleReport, error) {
	if q.Gap == 0 {
		q.Gap = DefaultGap
	}
	v := &verification{Question: q, report: newReport(q.At), tokens: map[string]stamped{}, heads: map[string]audit.Checkpoint{}}
	if err := v.run(ctx); err != nil {
		return v.BundleReport, err
	}
	v.conclude()
	return v.BundleReport, nil
}

// verification is one run.
type verification struct {
	Question
	*report
	container Container
	judge     Judge
	receipts  []receipt
	tokens    map[string]stamped          // that count, by the name of their file
	heads     map[string]audit.Checkpoint // by the name that their token has
	files     map[string]bool             // of the container; true once something is known of it
	newest    *rehash                     // that counts and holds the acceptance; nil: none
	proofs    int                         // bytes of proofs of rehashes that were read
}

// stamped is a checkpoint with a time-stamp that counts.
type stamped struct {
	note, token []byte
	time        time.Time
}

// receipt is one of the bundle.
type receipt struct {
	hub.SealedEvidence
	name  string // of its files, without endings
	proof audit.Proof
	head  audit.Checkpoint
	fact  *hub.BundleReceipt
}

func (v *verification) run(ctx context.Context) error {
	sealed, err := v.open(ctx)
	if err != nil || !sealed {
		return err
	}
	v.readReceipts()
	for i := range v.receipts {
		v.prove(&v.receipts[i])
	}
	v.checkTokens()
	for i := range v.receipts {
		v.judgeReceipt(&v.receipts[i])
		if err := v.judgeXML(ctx, &v.receipts[i]); err != nil {
			return err
		}
	}
	if err := v.checkContent(ctx); err != nil {
		return err
	}
	v.checkVerdicts()
	v.checkChain()
	v.checkConsistency()
	if err := v.checkRenewals(ctx); err != nil {
		return err
	}
	v.checkFiles()
	v.passAll()
	return nil
}

// open opens the container and judges its seal. It reports whether there is anything to
// go on with.
func (v *verification) open(ctx context.Context) (bool, error) {
	var err error
	if v.container, err = v.Open(v.Content, v.Size); err != nil {
		return false, v.refused(ctx, err)
	}
	v.files = map[string]bool{}
	for _, name := range v.container.Names() {
		v.files[name] = false
	}
	along, err := v.material()
	if err != nil {
		return false, v.refused(ctx, err)
	}
	v.judge = v.Judge(along)
	seal, err := v.judge.Seal(ctx, v.Content, v.Size)
	if err != nil {
		return false, err
	}
	v.takeSeal(&seal)
	return seal.Indication != hub.TotalFailed, nil
}

// refused reports what is wrong with a container that cannot be opened.
func (v *verification) refused(ctx context.Context, err error) error {
	var ours *hub.Error
	if errors.As(err, &ours) {
		return err
	}
	seal, failed := v.Judge(nil).Seal(ctx, v.Content, v.Size)
	if failed != nil {
		return failed
	}
	if seal.Indication == hub.TotalPassed { // cannot be: one of two readers is wrong
		seal.Indication, seal.Sub, seal.Reason = hub.TotalFailed, hub.SubFormatFailure, err.Error()
	}
	v.takeSeal(&seal)
	return nil
}

// takeSeal turns the verdict on the container into steps. That the certificate of the
// packaging seal has ended since, or was revoked, takes nothing from the evidence, which
// has signatures and times of its own.
func (v *verification) takeSeal(seal *hub.SignatureVerdict) {
	switch {
	case seal.Indication == hub.TotalPassed:
		v.pass(stepSignatures, "container_sealed", seal.Signer)
	case seal.Indication == hub.TotalFailed && seal.Sub == hub.SubSigCryptoFailure:
		v.fail(stepSignatures, seal.Sub, "seal_judged_alone", english(seal.Reason))
	case seal.Indication == hub.TotalFailed:
		v.fail(stepContainer, seal.Sub, "seal_judged", english(seal.Reason))
	case aboutTime(seal.Sub):
		v.note(stepSignatures, "seal_old", seal.Sub, english(seal.Reason))
	case seal.Sub == hub.SubFormatFailure || seal.Sub == hub.SubSignedDataNotFound:
		v.doubt(stepContainer, seal.Sub, "seal_judged", english(seal.Reason))
	default:
		v.doubt(stepSignatures, seal.Sub, "seal_judged_alone", english(seal.Reason))
	}
}

// aboutTime tells doubts that arise from when something was made, or from what became
// of a certificate since.
func aboutTime(sub hub.SubReason) bool {
	switch sub {
	case hub.SubRevoked, hub.SubRevokedNoPOE, hub.SubRevokedCANoPOE, hub.SubExpired, hub.SubNotYetValid, hub.SubOutOfBoundsNoPOE,
		hub.SubOutOfBoundsNotRevoked, hub.SubRevocationOutOfBounds, hub.SubTryLater, hub.SubCryptoConstraintsNoPOE:
		return true
	}
	return false
}

// material reads the certificates, lists and responses of the bundle.
func (v *verification) material() ([]hub.Material, error) {
	var all []hub.Material
	total := 0
	for _, name := range v.container.Names() {
		switch {
		case name == ChainFile || name == AuthorityFile:
			text, err := v.container.ReadFile(name, maxSmallFile)
			if err != nil {
				return nil, err
			}
			for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
				all = append(all, hub.NewMaterial(hub.MaterialCertificate, block.Bytes))
			}
		case revocationFile.MatchString(name) && total < MaxMaterial:
			der, err := v.container.ReadFile(name, MaxRevocation)
			if err != nil {
				return nil, err
			}
			total += len(der)
			kind := hub.MaterialCRL
			if strings.HasSuffix(name, endOCSP) {
				kind = hub.MaterialOCSP
			}
			all = append(all, hub.NewMaterial(kind, der))
		default:
			continue
		}
		v.files[name] = true
	}
	return all, nil
}

// readReceipts takes the receipts: three files each, numbered without a gap, under the
// name of their event.
func (v *verification) readReceipts() {
	names := v.numbered()
	for n := 1; names[n] != ""; n++ {
		r := receipt{name: names[n]}
		if v.readReceipt(&r, n) {
			v.Receipts = append(v.Receipts, hub.BundleReceipt{ID: r.Evidence.ID, Event: r.Evidence.Event, Time: r.Evidence.Time})
			v.receipts = append(v.receipts, r)
		}
	}
	for i := range v.receipts { // the list grows no more
		v.receipts[i].fact = &v.Receipts[i]
	}
	if len(v.receipts) == 0 {
		v.fail(stepContainer, hub.SubSignedDataNotFound, "receipt_none")
	}
}

// numbered finds the names of receipts, without endings, by their numbers. Of two with
// one number one remains a file that is none of a bundle.
func (v *verification) numbered() map[int]string {
	names := map[int]string{}
	for _, name := range v.container.Names() {
		found := receiptFile.FindStringSubmatch(name)
		if found == nil || found[2] != endEvidence {
			continue
		}
		if n, _ := strconv.Atoi(found[1]); names[n] == "" { // three digits are a number
			names[n] = strings.TrimSuffix(name, endEvidence)
		}
	}
	return names
}

func (v *verification) readReceipt(r *receipt, n int) bool {
	canonical, ok := v.read(r.name + endEvidence)
	token, has := v.read(r.name + endSignature)
	proof, proven := v.read(r.name + endProof)
	if !ok || !has || !proven {
		return false
	}
	file := hub.MarshalReceipt(hub.SealedEvidence{Canonical: canonical, JWS: string(token)})
	var err error
	if r.SealedEvidence, err = hub.ParseReceipt(file); err != nil {
		v.fail(stepCanonical, hub.SubFormatFailure, "unreadable", r.name, err)
		return false
	}
	if sha256.Sum256(canonical) != r.Digest || r.JWS != string(token) {
		v.fail(stepCanonical, hub.SubFormatFailure, "not_canonical", r.name)
		return false
	}
	if r.name != receiptName(n, r.Evidence.Event) {
		v.fail(stepContainer, hub.SubFormatFailure, "event_other", r.name, r.Evidence.Event.Name())
	}
	if r.proof, err = audit.ParseProof(proof); err == nil {
		r.head, err = r.proof.Checkpoint()
	}
	if err != nil {
		v.fail(stepInclusion, hub.SubFormatFailure, "unreadable", r.name, err)
		return false
	}
	return true
}

// read reads a small file that must be there.
func (v *verification) read(name string) ([]byte, bool) { return v.readUpTo(name, maxSmallFile) }

func (v *verification) readUpTo(name string, limit int64) ([]byte, bool) {
	if _, there := v.files[name]; !there {
		v.fail(stepContainer, hub.SubSignedDataNotFound, "file_missing", name)
		return nil, false
	}
	v.files[name] = true
	data, err := v.container.ReadFile(name, limit)
	if err != nil {
		v.fail(stepContainer, hub.SubFormatFailure, "broken", err)
	}
	return data, err == nil
}

// checkFiles finds files that are none of a bundle: nothing may ride along.
func (v *verification) checkFiles() {
	for _, name := range slices.Sorted(maps.Keys(v.files)) {
		switch {
		case v.files[name]:
		case name == PolicyFile || name == TrustListFile || name == AnchorsFile || name == ArchiveFile: // hints and reports, sealed
		default:
			v.fail(stepContainer, hub.SubFormatFailure, "file_foreign", name)
		}
	}
}

// passAll says what was found in order where nothing was wrong.
func (v *verification) passAll() {
	n := len(v.receipts)
	v.pass(stepContainer, "container_passed", len(v.files))
	if n == 0 {
		return
	}
	v.pass(stepCanonical, "canonical_passed", n)
	v.pass(stepSignatures, "signatures_passed", n)
	v.pass(stepLeaf, "leaf_passed", n)
	v.pass(stepInclusion, "inclusion_passed", n, len(v.heads))
}
