package pdfsig_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/sha1" // #nosec G505 -- the old forms stand on it
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/lienthong/lienthong/signing/pdfsig"
	"github.com/lienthong/lienthong/signing/pki"
	"github.com/lienthong/lienthong/signing/trust"
	"github.com/lienthong/lienthong/signing/tsp"
	"github.com/lienthong/lienthong/signing/verdict"
)

// expectProblem requires the only signature of a file to have this problem.
func expectProblem(t *testing.T, report pdfsig.Report, indication verdict.Indication, sub verdict.Sub) {
	t.Helper()
	if len(report.Signatures) != 1 {
		t.Fatalf("%d signatures, findings %q", len(report.Signatures), report.Findings)
	}
	if p := report.Signatures[0].Problem; p == nil || p.Indication != indication || p.Sub != sub {
		t.Errorf("got %v, want %s/%s", p, indication, sub)
	}
}

// The forms that stand on SHA-1: sound ones are undecided, changed ones fail.
func TestOldForms(t *testing.T) {
	a := authority(t, pki.P256)
	id := person(t, a, pki.RSA2048)
	bare := leaderSignature("adbe.x509.rsa_sha1")
	bare[20] = replace(t, bare[20], "/Type /Sig", "/Type /Sig /Cert <"+hex.EncodeToString(id.Certificate().Raw)+">")
	bareValue := func(content []byte) []byte {
		sum := sha1.Sum(content) // #nosec G401
		value, err := id.Key.Sign(rand.Reader, sum[:], crypto.SHA1)
		if err != nil {
			t.Fatal(err)
		}
		var b cryptobyte.Builder
		b.AddASN1OctetString(value)
		return b.BytesOrPanic()
	}
	enclosed := func(content []byte) []byte {
		sum := sha1.Sum(content) // #nosec G401
		outer := sha256.Sum256(sum[:])
		return enclose(t, digestMessage(t, outer[:], id, false), sum[:])
	}
	for name, c := range map[string]struct {
		objects map[int]string
		sign    func(content []byte) []byte
	}{
		"adbe.x509.rsa_sha1": {bare, bareValue},
		"adbe.pkcs7.sha1":    {leaderSignature("adbe.pkcs7.sha1"), enclosed},
	} {
		t.Run(name, func(t *testing.T) {
			file := handSignedWith(t, target(), c.objects, c.sign)
			expectProblem(t, verify(t, file, validator(t, a)), verdict.Indeterminate, verdict.CryptoConstraintsFailure)
			report := verify(t, inPlace(t, file, "Pay 100", "Pay 900"), validator(t, a))
			if p := worstOf(report); p == nil || p.Indication != verdict.Failed || p.Sub != verdict.HashFailure && p.Sub != verdict.SigCryptoFailure {
				t.Errorf("changed: %v", p)
			}
			expectFailed(t, verify(t, update(t, file, map[int]string{4: object(t, file, 7)}), validator(t, a)), verdict.FormatFailure, changed)
		})
	}
	missing := leaderSignature("adbe.x509.rsa_sha1")
	expectProblem(t, verify(t, handSignedWith(t, target(), missing, bareValue), validator(t, a)), verdict.Indeterminate, verdict.NoSigningCertificate)
	junk := handSignedWith(t, target(), bare, func([]byte) []byte { return []byte{5, 1, 1} })
	expectProblem(t, verify(t, junk, validator(t, a)), verdict.Failed, verdict.FormatFailure)
}

// enclose puts content into a detached message; the signature is not over that.
func enclose(t testing.TB, der, content []byte) []byte {
	t.Helper()
	explicit := asn1.Tag(0).ContextSpecific().Constructed()
	input := cryptobyte.String(der)
	var info, outer, data, digests, kind cryptobyte.String
	var version int64
	if !input.ReadASN1(&info, asn1.SEQUENCE) || !info.SkipASN1(asn1.OBJECT_IDENTIFIER) || !info.ReadASN1(&outer, explicit) ||
		!outer.ReadASN1(&data, asn1.SEQUENCE) || !data.ReadASN1Integer(&version) || !data.ReadASN1Element(&digests, asn1.SET) ||
		!data.ReadASN1(&kind, asn1.SEQUENCE) {
		t.Fatal("no message")
	}
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier([]int{1, 2, 840, 113549, 1, 7, 2})
		b.AddASN1(explicit, func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1Int64(version)
				b.AddBytes(digests)
				b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddBytes(kind)
					b.AddASN1(explicit, func(b *cryptobyte.Builder) { b.AddASN1OctetString(content) })
				})
				b.AddBytes(data)
			})
		})
	})
	return b.BytesOrPanic()
}

// stamper makes document timestamps of an authority in the test PKI.
type stamper struct {
	t         testing.TB
	authority *tsp.Authority
	broken    bool // stamps other bytes
}

func newStamper(t testing.TB, a *pki.Authority) *stamper {
	t.Helper()
	id, err := a.TimestampAuthority("TSA (test)", pki.P256)
	if err != nil {
		t.Fatal(err)
	}
	made, err := tsp.NewAuthority(tsp.AuthorityOptions{Key: id.Key, Chain: id.Chain, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	return &stamper{t: t, authority: made}
}

func (s *stamper) token(content []byte) []byte {
	sum := sha256.Sum256(content)
	if s.broken {
		sum[0]++
	}
	token, err := s.authority.Timestamp(crypto.SHA256, sum[:])
	if err != nil {
		s.t.Fatal(err)
	}
	return token.Raw
}

// stamped appends a document timestamp in a field of its own.
func (s *stamper) stamped(file []byte, number int, keys string) []byte {
	form, list := object(s.t, file, 8), object(s.t, file, 11)
	field := fmt.Sprintf(" %d 0 R]", number+1)
	return handSignedWith(s.t, file, map[int]string{
		8:          strings.Replace(form, "]", field, 1),
		11:         strings.Replace(list, "]", field, 1),
		number:     replace(s.t, replace(s.t, emptySignature, "/Type /Sig", "/Type /DocTimeStamp"), "adbe.pkcs7.detached", "ETSI.RFC3161"),
		number + 1: fmt.Sprintf("<< /Type /Annot /Subtype /Widget /FT /Sig /T (stamp%d) /V %d 0 R /P 3 0 R %s >>", number, number, keys),
	}, s.token)
}

// verifyStamped verifies with a judge of timestamps.
func verifyStamped(t testing.TB, file []byte, v *trust.Validator, judge verdict.TokenJudge) pdfsig.Report {
	t.Helper()
	report, err := pdfsig.VerifyWith(t.Context(), bytes.NewReader(file), int64(len(file)), pdfsig.Options{Validator: v, At: now, Tokens: judge})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// A trusted document timestamp makes B-T of B-B, and so it stays with what follows.
// B-LT and above need paths and revocation: those are tested with package signing.
func TestLevels(t *testing.T) {
	a := authority(t, pki.P256)
	id := person(t, a, pki.P256)
	s := newStamper(t, a)
	trusts := func([]byte, func(crypto.Hash) []byte, verdict.Material, time.Time) verdict.Stamp {
		return verdict.Stamp{Time: now}
	}
	file := handSignedWith(t, target(), leaderSignature("ETSI.CAdES.detached"), func(content []byte) []byte {
		sum := sha256.Sum256(content)
		return digestMessage(t, sum[:], id, true)
	})
	expectLevel := func(want string, judge verdict.TokenJudge, stamps int) {
		t.Helper()
		report := verifyStamped(t, file, validator(t, a), judge)
		expectPassed(t, report, 1)
		if report.Signatures[0].Level != want || len(report.Timestamps) != stamps {
			t.Errorf("level %s with %d timestamps, want %s with %d", report.Signatures[0].Level, len(report.Timestamps), want, stamps)
		}
	}
	expectLevel("B-B", trusts, 0)
	file = s.stamped(file, 200, "/Rect [0 0 0 0]")
	expectLevel("B-T", trusts, 1)
	expectLevel("B-B", nil, 1) // nobody judged the time
	file = s.stamped(withStore(t, file, a), 202, "/Rect [0 0 0 0]")
	expectLevel("B-T", trusts, 2)
	file = update(t, file, map[int]string{1: replace(t, object(t, file, 1), "/OCSPs [94 0 R]", "/OCSPs [94 0 R 97 0 R]"), 97: stream("", "newer")})
	file = s.stamped(file, 204, "/Rect [0 0 0 0]")
	expectLevel("B-T", trusts, 3)
}

// A timestamp counts for its own bytes and its own revision, and shows nothing.
func TestDocumentTimestamps(t *testing.T) {
	a := authority(t, pki.P256)
	v := validator(t, a)
	s := newStamper(t, a)
	good := signTarget(t, a)
	stamped := s.stamped(good, 200, "/Rect [0 0 0 0]")
	report := verify(t, stamped, v)
	expectPassed(t, report, 1)
	if len(report.Timestamps) != 1 || !report.Timestamps[0].Time.Equal(now) || report.Timestamps[0].Judged || len(report.Timestamps[0].Token) == 0 {
		t.Errorf("%+v", report.Timestamps)
	}
	refuses := func([]byte, func(crypto.Hash) []byte, verdict.Material, time.Time) verdict.Stamp {
		return verdict.Stamp{Problem: verdict.Doubt(verdict.NoCertificateChain, "unknown authority")}
	}
	if report := verifyStamped(t, stamped, v, refuses); len(report.Signatures) != 1 || report.Signatures[0].Problem != nil || report.Timestamps[0].Problem == nil {
		t.Errorf("%+v", report)
	}
	copied := object(t, stamped, 200)
	for name, file := range map[string][]byte{
		"that is shown":            s.stamped(good, 200, "/Rect [100 500 300 600]"),
		"with something behind it": update(t, stamped, map[int]string{4: object(t, stamped, 7)}),
		"copied to a later place": update(t, stamped, map[int]string{206: copied,
			207: "<< /FT /Sig /T (copy) /V 206 0 R /Type /Annot /Subtype /Widget /Rect [0 0 0 0] >>",
			8:   strings.Replace(object(t, stamped, 8), "]", " 207 0 R]", 1)}),
		"in the seal's field, drawn": handSignedWith(t, good, map[int]string{
			10:  replace(t, object(t, good, 10), "/T (prepared)", "/T (prepared) /V 200 0 R /AP << /N 210 0 R >>"),
			210: stream(drawing, "BT /F1 9 Tf (Approved) Tj ET"),
			200: replace(t, replace(t, emptySignature, "/Type /Sig", "/Type /DocTimeStamp"), "adbe.pkcs7.detached", "ETSI.RFC3161")}, s.token),
	} {
		t.Run(name, func(t *testing.T) { expectFailed(t, verify(t, file, v), verdict.FormatFailure, "") })
	}
	s.broken = true
	report = verify(t, s.stamped(good, 200, "/Rect [0 0 0 0]"), v)
	expectFailed(t, report, verdict.HashFailure, "for other bytes")
}

// A timestamp may take the field that was prepared, as long as it draws nothing.
func TestTimestampInPreparedField(t *testing.T) {
	a := authority(t, pki.P256)
	good := signTarget(t, a)
	file := handSignedWith(t, good, map[int]string{
		10:  replace(t, object(t, good, 10), "/T (prepared)", "/T (prepared) /V 200 0 R"),
		200: replace(t, replace(t, emptySignature, "/Type /Sig", "/Type /DocTimeStamp"), "adbe.pkcs7.detached", "ETSI.RFC3161")}, newStamper(t, a).token)
	expectPassed(t, verify(t, file, validator(t, a)), 1)
}

// A token that cannot be read proves nothing, and takes nothing from the signature.
func TestUnreadableTimestamp(t *testing.T) {
	a := authority(t, pki.P256)
	s := newStamper(t, a)
	good := signTarget(t, a)
	junk := s.stamped(good, 200, "/Rect [0 0 0 0]")
	at := bytes.LastIndex(junk, []byte("/Contents<30")) + len("/Contents<")
	copy(junk[at:], "31")
	report := verify(t, junk, validator(t, a))
	expectPassed(t, report, 1)
	if len(report.Timestamps) != 1 || report.Timestamps[0].Problem == nil || len(report.Findings) == 0 {
		t.Errorf("%+v", report)
	}
}

// The document as each signer left it can be taken out, byte for byte.
func TestRevision(t *testing.T) {
	a := authority(t, pki.P256)
	file := sheetSigned(t, a, terms{})
	first := bytes.Clone(file)
	file = revise(t, a, file, fillNote, sealPrepared)
	second := bytes.Clone(file)
	file = revise(t, a, file, tickUrgent)
	for number, want := range map[int][]byte{2: first, 4: second} { // the first revision was not signed, the third filled in a field
		section, err := pdfsig.Revision(t.Context(), bytes.NewReader(file), int64(len(file)), number)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(section)
		if err != nil || !bytes.Equal(bytes.TrimRight(got, "\n"), bytes.TrimRight(want, "\n")) {
			t.Errorf("revision %d has %d bytes, want %d (%v)", number, len(got), len(want), err)
		}
		expectPassed(t, verify(t, got, validator(t, a)), number/2)
	}
	for _, number := range []int{-1, 0, 1, 3, 5, 6} {
		if _, err := pdfsig.Revision(t.Context(), bytes.NewReader(file), int64(len(file)), number); !errors.Is(err, pdfsig.ErrNoRevision) {
			t.Errorf("revision %d: %v", number, err)
		}
	}
	if _, err := pdfsig.Revision(t.Context(), strings.NewReader("no PDF"), 6, 0); err == nil {
		t.Error("a revision of no PDF was found")
	}
}

// What an encrypted file shows cannot be told, but what was done to its bytes can.
func TestEncryptedFiles(t *testing.T) {
	a := authority(t, pki.P256)
	plain := target()
	encrypted := bytes.Replace(plain, []byte("/Root 1 0 R /Info 6 0 R"), []byte("/Encrypt << /Filter /Standard /V 5 >> /Root 1 0 R /Info 6 0 R"), 1)
	objects := leaderSignature("adbe.pkcs7.detached")
	trailer := "/Encrypt << /Filter /Standard /V 5 >> /Root 1 0 R /Info 6 0 R"
	file := handSignedTrailer(t, encrypted, person(t, a, pki.P256), objects, trailer)
	expectProblem(t, verify(t, file, validator(t, a)), verdict.Indeterminate, verdict.FormatFailure)
	expectProblem(t, verify(t, inPlace(t, file, "Pay 100", "Pay 900"), validator(t, a)), verdict.Failed, verdict.HashFailure)
}
