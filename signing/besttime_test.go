package signing_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"math/big"
	"testing"
	"time"

	"codeberg.org/go-pdf/fpdf"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/signing"
	"github.com/lienthong/lienthong/signing/pdfsig"
	"github.com/lienthong/lienthong/signing/pki"
	"github.com/lienthong/lienthong/signing/trust"
	"github.com/lienthong/lienthong/signing/tsp"
	"github.com/lienthong/lienthong/signing/verdict"
	"github.com/lienthong/lienthong/signing/xmldsig"
)

// stage is a hierarchy with a time-stamp authority, a signer and a document.
type stage struct {
	*pki.Authority
	anchors   *trust.Anchors
	authority *tsp.Authority
	signer    pki.Identity
	stamper   pki.Identity
}

func newStage(t testing.TB) *stage {
	t.Helper()
	s := &stage{}
	s.Authority, s.anchors = newAuthority(t)
	var err error
	if s.stamper, err = s.TimestampAuthority("Dấu thời gian thử nghiệm", pki.P256); err != nil {
		t.Fatal(err)
	}
	s.authority, err = tsp.NewAuthority(tsp.AuthorityOptions{Key: s.stamper.Key, Chain: s.stamper.Chain, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	if s.signer, err = s.Person("Nguyễn Văn Nghĩa (hư cấu)", "UBND tỉnh Quảng Nam", pki.P256); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *stage) stamp(ctx context.Context, value []byte) ([]byte, error) {
	sum := sha256.Sum256(value)
	return s.stampDigest(ctx, sum[:])
}

func (s *stage) stampDigest(_ context.Context, digest []byte) ([]byte, error) {
	token, err := s.authority.Timestamp(crypto.SHA256, digest)
	if err != nil {
		return nil, err
	}
	return token.Raw, nil
}

// list signs a revocation list of the issuing authority (or the root) with entries.
func (s *stage) list(t testing.TB, by pki.Identity, at time.Time, entries ...x509.RevocationListEntry) []byte {
	t.Helper()
	der, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{
		Number: big.NewInt(at.Unix()), ThisUpdate: at, NextUpdate: at.AddDate(0, 0, 7), RevokedCertificateEntries: entries,
	}, by.Certificate(), by.Key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func (s *stage) lists(t testing.TB, at time.Time, entries ...x509.RevocationListEntry) [][]byte {
	return [][]byte{s.list(t, s.Root(), at), s.list(t, s.Issuing(), at, entries...)}
}

func entryOf(by pki.Identity, at time.Time, reason int) x509.RevocationListEntry {
	return x509.RevocationListEntry{SerialNumber: by.Certificate().SerialNumber, RevocationTime: at, ReasonCode: reason}
}

// sign makes a document signed at a level; change may alter the request.
func (s *stage) sign(t testing.TB, level pdfsig.Level, change func(r *pdfsig.SignRequest)) []byte {
	t.Helper()
	page := fpdf.New("P", "mm", "A4", "")
	page.SetFont("Helvetica", "", 12)
	page.AddPage()
	page.Cell(0, 10, "173/UBND-KSTTHC")
	var plain, signed bytes.Buffer
	if err := page.Output(&plain); err != nil {
		t.Fatal(err)
	}
	request := pdfsig.SignRequest{
		Key: s.signer.Key, Chain: s.signer.Chain, Level: level, Time: now, Stamp: s.stamp, StampDigest: s.stampDigest,
		Material: func(context.Context, []byte) (pdfsig.Material, error) {
			return pdfsig.Material{Certificates: append(s.signer.Chain[1:2:2], s.stamper.Chain[0]), CRLs: s.lists(t, now)}, nil
		},
	}
	if change != nil {
		change(&request)
	}
	if err := pdfsig.Sign(t.Context(), bytes.NewReader(plain.Bytes()), int64(plain.Len()), &signed, request); err != nil {
		t.Fatal(err)
	}
	return signed.Bytes()
}

func (s *stage) examine(t testing.TB, file []byte, options signing.VerifierOptions, inquiry signing.Inquiry) signing.Examination {
	t.Helper()
	if options.Anchors == nil {
		options.Anchors = s.anchors
	}
	if options.Now == nil {
		options.Now = func() time.Time { return now }
	}
	found, err := signing.NewVerifier(options).ExamineFile(t.Context(), "a.pdf", blob(file), inquiry)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestLevels(t *testing.T) {
	s := newStage(t)
	for level, wantProven := range map[pdfsig.Level]bool{pdfsig.LevelB: false, pdfsig.LevelT: true, pdfsig.LevelLT: true, pdfsig.LevelLTA: true} {
		found := s.examine(t, s.sign(t, level, nil), signing.VerifierOptions{}, signing.Inquiry{}).Report
		v := found.Signatures[0]
		if v.Indication != hub.TotalPassed || v.Level != string(level) || v.ProvenAt.Equal(now) != wantProven || v.ProvenAt.IsZero() == wantProven {
			t.Errorf("%s: %s/%s, level %s, proven at %v: %s\n%+v", level, v.Indication, v.Sub, v.Level, v.ProvenAt, v.Reason, v.Checks)
		}
	}
	t.Run("validation data of half a path is no B-LT", func(t *testing.T) {
		file := s.sign(t, pdfsig.LevelLT, func(r *pdfsig.SignRequest) {
			r.Material = func(context.Context, []byte) (pdfsig.Material, error) {
				return pdfsig.Material{Certificates: s.signer.Chain[1:2], CRLs: [][]byte{s.list(t, s.Issuing(), now)}}, nil
			}
		})
		if v := s.examine(t, file, signing.VerifierOptions{}, signing.Inquiry{}).Report.Signatures[0]; v.Level != "B-T" {
			t.Errorf("level %s", v.Level)
		}
	})
	t.Run("nor with lists of somebody else", func(t *testing.T) {
		other := newStage(t)
		file := s.sign(t, pdfsig.LevelLT, func(r *pdfsig.SignRequest) {
			r.Material = func(context.Context, []byte) (pdfsig.Material, error) {
				return pdfsig.Material{Certificates: s.signer.Chain[1:2], CRLs: other.lists(t, now)}, nil
			}
		})
		if v := s.examine(t, file, signing.VerifierOptions{}, signing.Inquiry{}).Report.Signatures[0]; v.Level != "B-T" {
			t.Errorf("level %s", v.Level)
		}
	})
	t.Run("an authority that is not trusted proves nothing", func(t *testing.T) {
		other := newStage(t)
		file := s.sign(t, pdfsig.LevelT, func(r *pdfsig.SignRequest) { r.Stamp = other.stamp })
		v := s.examine(t, file, signing.VerifierOptions{}, signing.Inquiry{}).Report.Signatures[0]
		if v.Level != "B-B" || !v.ProvenAt.IsZero() || v.Indication != hub.TotalPassed {
			t.Errorf("level %s, proven at %v, %s", v.Level, v.ProvenAt, v.Indication)
		}
	})
	t.Run("a timestamp of another signature", func(t *testing.T) {
		other, err := s.stamp(t.Context(), []byte("another value"))
		if err != nil {
			t.Fatal(err)
		}
		file := s.sign(t, pdfsig.LevelT, func(r *pdfsig.SignRequest) {
			r.Stamp = func(context.Context, []byte) ([]byte, error) { return other, nil }
		})
		v := s.examine(t, file, signing.VerifierOptions{}, signing.Inquiry{}).Report.Signatures[0]
		if v.Indication != hub.TotalFailed || v.Sub != hub.SubHashFailure || !v.ProvenAt.IsZero() {
			t.Errorf("%s/%s, proven at %v", v.Indication, v.Sub, v.ProvenAt)
		}
	})
}

// TestYearsLater judges documents when the signer's certificate has ended or was
// revoked: what decides is what proves the time, never what the signature claims.
func TestYearsLater(t *testing.T) {
	s := newStage(t)
	later := now.AddDate(3, 0, 0) // the signer's certificate is valid for two years
	plain, stamped := s.sign(t, pdfsig.LevelB, nil), s.sign(t, pdfsig.LevelT, nil)
	stranger := newStage(t)
	archived := s.sign(t, pdfsig.LevelLTA, func(r *pdfsig.SignRequest) { r.Stamp = stranger.stamp })
	unproven := s.sign(t, pdfsig.LevelLTA, func(r *pdfsig.SignRequest) { r.Stamp, r.StampDigest = stranger.stamp, stranger.stampDigest })
	revoked := func(at time.Time, by pki.Identity, reason int) *trust.Mirror {
		return trust.NewMirror(verdict.Material{CRLs: s.lists(t, now.AddDate(0, 1, 0), entryOf(by, at, reason))})
	}
	in := func(years, months, days int) time.Time { return now.AddDate(years, months, days) }
	cases := map[string]struct {
		file    []byte
		mirror  *trust.Mirror
		inquiry signing.Inquiry
		want    hub.SubReason
	}{
		"expired, no proof":                      {plain, nil, signing.Inquiry{At: later}, hub.SubOutOfBoundsNoPOE},
		"expired, timestamp":                     {stamped, nil, signing.Inquiry{At: later}, ""},
		"expired, receipt of a hub":              {plain, nil, signing.Inquiry{At: later, Known: now.AddDate(0, 0, 1)}, ""},
		"expired, receipt after that":            {plain, nil, signing.Inquiry{At: later, Known: later.AddDate(0, 0, -1)}, hub.SubOutOfBoundsNoPOE},
		"revoked, no proof":                      {plain, revoked(in(0, 0, 3), s.signer, 1), signing.Inquiry{At: in(0, 1, 1)}, hub.SubRevokedNoPOE},
		"revoked after the timestamp":            {stamped, revoked(in(0, 0, 3), s.signer, 1), signing.Inquiry{At: in(0, 1, 1)}, ""},
		"revoked before the timestamp":           {stamped, revoked(in(0, 0, -1), s.signer, 1), signing.Inquiry{At: in(0, 1, 1)}, hub.SubRevokedNoPOE},
		"revoked after the receipt":              {plain, revoked(in(0, 0, 3), s.signer, 1), signing.Inquiry{At: in(0, 1, 1), Known: in(0, 0, 1)}, ""},
		"authority of the timestamp compromised": {stamped, revoked(in(0, 0, 3), s.stamper, 1), signing.Inquiry{At: later}, hub.SubOutOfBoundsNoPOE},
		"authority of the timestamp superseded":  {stamped, revoked(in(0, 0, 3), s.stamper, 4), signing.Inquiry{At: later}, ""},
		"expired, document timestamp alone":      {archived, nil, signing.Inquiry{At: later}, ""},
		"expired, document timestamp of nobody":  {unproven, nil, signing.Inquiry{At: later}, hub.SubOutOfBoundsNoPOE},
		"revoked after the document timestamp":   {archived, revoked(in(0, 0, 3), s.signer, 1), signing.Inquiry{At: in(0, 1, 1)}, ""},
		"revoked before the document timestamp":  {archived, revoked(in(0, 0, -1), s.signer, 1), signing.Inquiry{At: in(0, 1, 1)}, hub.SubRevokedNoPOE},
		"before the timestamp was made":          {stamped, nil, signing.Inquiry{At: in(0, 0, -20)}, hub.SubOutOfBoundsNoPOE},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			v := s.examine(t, c.file, signing.VerifierOptions{Mirror: c.mirror}, c.inquiry).Report.Signatures[0]
			if v.Sub != c.want || (v.Indication == hub.TotalPassed) != (c.want == "") {
				t.Errorf("%s/%s: %s\n%+v", v.Indication, v.Sub, v.Reason, v.Checks)
			}
			if r := v.Revocation; (r != nil) != (c.want == hub.SubRevokedNoPOE) ||
				r != nil && (r.Certificate != v.Certificate || r.Reason != hub.RevokedKeyCompromise || r.At.After(in(0, 0, 3)) || r.At.IsZero()) {
				t.Errorf("%+v", r)
			}
		})
	}
}

// TestArchivedMaterial gives the same report, byte for byte, from what was kept, when
// the lists of the time are long gone.
func TestArchivedMaterial(t *testing.T) {
	s := newStage(t)
	file := s.sign(t, pdfsig.LevelT, nil)
	mirror := trust.NewMirror(verdict.Material{CRLs: s.lists(t, now.Add(-time.Hour))})
	first := s.examine(t, file, signing.VerifierOptions{Mirror: mirror, Revocation: trust.RevocationRequired}, signing.Inquiry{})
	if first.Report.Indication != hub.TotalPassed || len(first.Material.CRLs) != 2 || len(first.Material.Certificates) != 4 {
		t.Fatalf("%s/%s, %d lists, %d certificates", first.Report.Indication, first.Report.Sub, len(first.Material.CRLs), len(first.Material.Certificates))
	}
	lost := signing.VerifierOptions{Revocation: trust.RevocationRequired, Now: func() time.Time { return now.AddDate(9, 0, 0) }}
	again := s.examine(t, file, lost, signing.Inquiry{At: first.Report.ValidatedAt, Archived: first.Material})
	if a, b := encode(t, first.Report), encode(t, again.Report); !bytes.Equal(a, b) {
		t.Errorf("the reports differ\n%s\n%s", a, b)
	}
	if without := s.examine(t, file, lost, signing.Inquiry{At: first.Report.ValidatedAt}).Report; without.Sub != hub.SubTryLater {
		t.Errorf("without the archive: %s/%s", without.Indication, without.Sub)
	}
}

func encode(t *testing.T, report hub.SignatureReport) []byte {
	t.Helper()
	raw, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestTrustChangesWhileRunning(t *testing.T) {
	s := newStage(t)
	file := s.sign(t, pdfsig.LevelB, nil)
	v := signing.NewVerifier(signing.VerifierOptions{Now: func() time.Time { return now }})
	verify := func() hub.SubReason {
		report, err := v.VerifyFile(t.Context(), "a.pdf", blob(file))
		if err != nil {
			t.Fatal(err)
		}
		return report.Sub
	}
	if sub := verify(); sub != hub.SubNoCertificateChain {
		t.Errorf("nobody trusted: %s", sub)
	}
	v.Trust(s.anchors, nil)
	if sub := verify(); sub != "" {
		t.Errorf("trusted: %s", sub)
	}
	v.Trust(s.anchors, trust.NewMirror(verdict.Material{CRLs: s.lists(t, now, entryOf(s.signer, now, 1))}))
	if sub := verify(); sub != hub.SubRevokedNoPOE {
		t.Errorf("revoked: %s", sub)
	}
}

// TestTimeOfXMLSignatures: the same holds for the signature of an envelope.
func TestTimeOfXMLSignatures(t *testing.T) {
	s, stranger := newStage(t), newStage(t)
	const envelope = `<edXML xmlns="http://www.e-doc.vn/Schema/"><edXMLEnvelope><edXMLHeader></edXMLHeader></edXMLEnvelope></edXML>`
	sign := func(stamp func(context.Context, []byte) ([]byte, error)) []byte {
		file, err := xmldsig.Maker{Key: s.signer.Key, Chain: s.signer.Chain, Stamp: stamp}.SignEnvelope(t.Context(), []byte(envelope), now)
		if err != nil {
			t.Fatal(err)
		}
		return file
	}
	later := now.AddDate(3, 0, 0)
	copied := func(context.Context, []byte) ([]byte, error) { return s.stamp(t.Context(), []byte("another value")) }
	mirror := func(at time.Time) *trust.Mirror {
		return trust.NewMirror(verdict.Material{CRLs: s.lists(t, now.AddDate(0, 1, 0), entryOf(s.signer, at, 1))})
	}
	for name, c := range map[string]struct {
		file    []byte
		mirror  *trust.Mirror
		inquiry signing.Inquiry
		want    hub.SubReason
		level   string
	}{
		"now":                         {sign(nil), nil, signing.Inquiry{}, "", "B-B"},
		"expired, no proof":           {sign(nil), nil, signing.Inquiry{At: later}, hub.SubOutOfBoundsNoPOE, "B-B"},
		"expired, receipt of a hub":   {sign(nil), nil, signing.Inquiry{At: later, Known: now}, "", "B-B"},
		"expired, timestamp":          {sign(s.stamp), nil, signing.Inquiry{At: later}, "", "B-T"},
		"timestamp of a stranger":     {sign(stranger.stamp), nil, signing.Inquiry{At: later}, hub.SubOutOfBoundsNoPOE, "B-B"},
		"timestamp of another":        {sign(copied), nil, signing.Inquiry{}, hub.SubHashFailure, "B-B"},
		"revoked after the timestamp": {sign(s.stamp), mirror(now.AddDate(0, 0, 3)), signing.Inquiry{At: now.AddDate(0, 1, 1)}, "", "B-T"},
		"revoked before":              {sign(s.stamp), mirror(now.AddDate(0, 0, -1)), signing.Inquiry{At: now.AddDate(0, 1, 1)}, hub.SubRevokedNoPOE, "B-T"},
	} {
		v := s.examine(t, c.file, signing.VerifierOptions{Mirror: c.mirror}, c.inquiry).Report.Signatures[0]
		if v.Sub != c.want || v.Level != c.level {
			t.Errorf("%s: %s/%s, level %s: %s\n%+v", name, v.Indication, v.Sub, v.Level, v.Reason, v.Checks)
		}
	}
}

func BenchmarkVerifyWithRevocation(b *testing.B) {
	s := newStage(b)
	file := s.sign(b, pdfsig.LevelT, nil)
	v := signing.NewVerifier(signing.VerifierOptions{
		Anchors: s.anchors, Now: func() time.Time { return now }, Revocation: trust.RevocationRequired,
		Mirror: trust.NewMirror(verdict.Material{CRLs: s.lists(b, now)}),
	})
	b.ReportAllocs()
	for b.Loop() {
		if report, err := v.VerifyFile(b.Context(), "a.pdf", blob(file)); err != nil || report.Indication != hub.TotalPassed {
			b.Fatal(report.Indication, err)
		}
	}
}

// TestAgedAlgorithm: the report names the algorithm, until when it was relied upon, and
// the table that says so.
func TestAgedAlgorithm(t *testing.T) {
	s := newStage(t)
	signer, err := s.Person("Nguyễn Văn Nghĩa (hư cấu)", "UBND tỉnh Quảng Nam", pki.RSA2048)
	if err != nil {
		t.Fatal(err)
	}
	s.signer = signer
	report := s.examine(t, s.sign(t, pdfsig.LevelB, nil), signing.VerifierOptions{}, signing.Inquiry{At: now.AddDate(3, 0, 0)}).Report
	v := report.Signatures[0]
	end := time.Date(2029, 1, 1, 0, 0, 0, 0, time.UTC)
	if v.Sub != hub.SubCryptoConstraintsNoPOE || v.Crypto == nil || v.Crypto.Algorithm != "RSA, 2048 bits" || !v.Crypto.SecureUntil.Equal(end) ||
		report.AlgorithmTable != trust.DefaultAlgorithms().Version {
		t.Errorf("%s, %+v, table %q", v.Sub, v.Crypto, report.AlgorithmTable)
	}
}
