package signing_test

import (
	"bytes"
	"context"
	"crypto/x509/pkix"
	"encoding/asn1"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/signing"
	"github.com/lienthong/lienthong/signing/pdfsig"
	"github.com/lienthong/lienthong/signing/pki"
	"github.com/lienthong/lienthong/signing/trust"
	"github.com/lienthong/lienthong/signing/tsp"
)

// stageAt is a hierarchy of its own that began at another time.
func stageAt(t testing.TB, at time.Time) *stage {
	t.Helper()
	a, err := pki.New(at, pki.P256)
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{Authority: a}
	if s.stamper, err = a.TimestampAuthority("Dấu thời gian về sau", pki.P256); err != nil {
		t.Fatal(err)
	}
	s.authority, err = tsp.NewAuthority(tsp.AuthorityOptions{Key: s.stamper.Key, Chain: s.stamper.Chain, Now: func() time.Time { return at }})
	if err != nil {
		t.Fatal(err)
	}
	if s.signer, err = a.Agency("UBND tỉnh Quảng Nam", pki.P256); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestRenewedTimestamp: the lists in a file that their authority signed count after its
// end if a later timestamp proves that they are older; so the first timestamp proves the
// time of the signature for ever longer.
func TestRenewedTimestamp(t *testing.T) {
	s, renewal := newStage(t), now.AddDate(1, 6, 0)
	next := stageAt(t, renewal)
	anchors, err := trust.LoadAnchors(append(s.AnchorsPEM(), next.AnchorsPEM()...))
	if err != nil {
		t.Fatal(err)
	}
	first := s.sign(t, pdfsig.LevelLTA, nil)
	renew := func(stamp func(context.Context, []byte) ([]byte, error)) []byte {
		request := pdfsig.SignRequest{
			Key: next.signer.Key, Chain: next.signer.Chain, Level: pdfsig.LevelLTA, Time: renewal, Stamp: next.stamp, StampDigest: stamp,
			Material: func(context.Context, []byte) (pdfsig.Material, error) {
				return pdfsig.Material{Certificates: append(next.signer.Chain[1:2:2], next.stamper.Chain[0]), CRLs: next.lists(t, renewal)}, nil
			},
		}
		var out bytes.Buffer
		if err := pdfsig.Sign(t.Context(), bytes.NewReader(first), int64(len(first)), &out, request); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
	for name, c := range map[string]struct {
		file  []byte
		years int
		want  hub.SubReason
	}{
		"the first authority has ended":                     {first, 3, ""},
		"who signed its lists has ended":                    {first, 6, hub.SubOutOfBoundsNoPOE},
		"renewed before":                                    {renew(next.stampDigest), 6, ""},
		"renewed by an authority that nobody trusts":        {renew(newStage(t).stampDigest), 6, hub.SubOutOfBoundsNoPOE},
		"renewed, and the lists of the renewal have no end": {renew(next.stampDigest), 9, hub.SubOutOfBoundsNoPOE},
	} {
		t.Run(name, func(t *testing.T) {
			options := signing.VerifierOptions{Anchors: anchors, Revocation: trust.RevocationRequired}
			v := s.examine(t, c.file, options, signing.Inquiry{At: now.AddDate(c.years, 0, 0)}).Report.Signatures[0]
			if v.Sub != c.want || (v.Indication == hub.TotalPassed) != (c.want == "") {
				t.Errorf("%s/%s: %s\n%+v", v.Indication, v.Sub, v.Reason, v.Checks)
			}
			if c.want == "" && (v.Level != "B-LTA" || !v.ProvenAt.Equal(now)) {
				t.Errorf("level %s, proven at %v", v.Level, v.ProvenAt)
			}
		})
	}
}

// TestCopiedDocumentTimestamp: a document timestamp of another file was put there to
// deceive.
func TestCopiedDocumentTimestamp(t *testing.T) {
	s := newStage(t)
	other := s.sign(t, pdfsig.LevelLTA, nil)
	read, err := pdfsig.Verify(t.Context(), bytes.NewReader(other), int64(len(other)), trust.NewValidator(s.anchors), now)
	if err != nil || len(read.Timestamps) != 1 || read.Timestamps[0].Problem != nil {
		t.Fatalf("%v, %+v", err, read.Timestamps)
	}
	file := s.sign(t, pdfsig.LevelLTA, func(r *pdfsig.SignRequest) {
		r.StampDigest = func(context.Context, []byte) ([]byte, error) { return read.Timestamps[0].Token, nil }
	})
	report := s.examine(t, file, signing.VerifierOptions{}, signing.Inquiry{}).Report
	if report.Indication != hub.TotalFailed || report.Sub != hub.SubHashFailure {
		t.Errorf("%s/%s: %+v", report.Indication, report.Sub, report.Signatures)
	}
}

// TestSignatureBehindDocumentTimestamp: what came after a document timestamp is not
// archived by it.
func TestSignatureBehindDocumentTimestamp(t *testing.T) {
	s := newStage(t)
	request := pdfsig.SignRequest{Key: s.signer.Key, Chain: s.signer.Chain, Level: pdfsig.LevelT, Time: now, Stamp: s.stamp}
	file, err := sign(t, s.sign(t, pdfsig.LevelLTA, nil), request)
	if err != nil {
		t.Fatal(err)
	}
	found := s.examine(t, file, signing.VerifierOptions{}, signing.Inquiry{}).Report.Signatures
	if len(found) != 2 || found[0].Level != "B-LTA" || found[1].Level != "B-LT" || found[1].Indication != hub.TotalPassed {
		t.Errorf("%+v", found)
	}
}

// TestLongDocumentTimestamp: a token that is larger than expected gets more room, and
// the authority is asked again for the digest of that.
func TestLongDocumentTimestamp(t *testing.T) {
	s := newStage(t)
	template := s.Template(pkix.Name{CommonName: "Dấu thời gian dài dòng"})
	purpose, err := asn1.Marshal([]asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 8}})
	if err != nil {
		t.Fatal(err)
	}
	template.ExtraExtensions = []pkix.Extension{
		{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: true, Value: purpose},
		{Id: asn1.ObjectIdentifier{2, 999, 1}, Value: make([]byte, 12<<10)},
	}
	if s.stamper, err = s.Issue(template, pki.P256); err != nil {
		t.Fatal(err)
	}
	s.authority, err = tsp.NewAuthority(tsp.AuthorityOptions{Key: s.stamper.Key, Chain: s.stamper.Chain, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	file := s.sign(t, pdfsig.LevelLTA, func(r *pdfsig.SignRequest) {
		r.StampDigest = func(ctx context.Context, digest []byte) ([]byte, error) {
			asked++
			return s.stampDigest(ctx, digest)
		}
	})
	v := s.examine(t, file, signing.VerifierOptions{}, signing.Inquiry{}).Report.Signatures[0]
	if asked != 2 || v.Indication != hub.TotalPassed || v.Level != "B-LTA" {
		t.Errorf("asked %d times, %s, level %s: %s", asked, v.Indication, v.Level, v.Reason)
	}
}
