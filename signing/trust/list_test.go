package trust_test

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/lienthong/lienthong/signing/jose"
	"github.com/lienthong/lienthong/signing/pki"
	"github.com/lienthong/lienthong/signing/trust"
	"github.com/lienthong/lienthong/signing/verdict"
)

func operator(t testing.TB) (*jose.Signer, *x509.Certificate) {
	t.Helper()
	self := issue(t, nil, leaf("operator"))
	signer, err := jose.NewSigner(self.key, []*x509.Certificate{self.certificate})
	if err != nil {
		t.Fatal(err)
	}
	return signer, self.certificate
}

func TestTrustList(t *testing.T) {
	h := newHierarchy(t)
	signer, certificate := operator(t)
	list := trust.List{Sequence: 3}
	list.Add(h.root.certificate, time.Time{}, now.Add(30*day), "handed over on paper", trust.ForSigning)
	list.Add(h.middle.certificate, time.Time{}, time.Time{}, "", trust.ForTimestamping)
	list.Add(h.root.certificate, time.Time{}, now.Add(20*day), "compared by two", trust.ForSigning) // again: replaced
	file, err := list.Seal(signer, now)
	if err != nil {
		t.Fatal(err)
	}
	read, by, err := trust.OpenList(file)
	if err != nil || by != trust.Fingerprint(certificate) || len(read.Anchors) != 2 || read.Sequence != 3 {
		t.Fatalf("%v, signed by %s, %+v", err, by, read)
	}
	h.anchors = read.Set()
	if !strings.HasPrefix(h.anchors.Source(), "list 3, sha256:") {
		t.Errorf("source %q", h.anchors.Source())
	}
	expect(t, h.judge("", trust.Case{}).Problem, "")
	expect(t, h.judge("", trust.Case{At: now.Add(21 * day)}).Problem, verdict.OutOfBoundsNoPOE)
	expect(t, h.judge("", trust.Case{At: now.Add(21 * day), Proven: now}).Problem, "")
}

// Every byte of a trust list counts.
func TestTrustListIsTamperProof(t *testing.T) {
	h := newHierarchy(t)
	signer, certificate := operator(t)
	list := trust.List{Sequence: 1}
	list.Add(h.root.certificate, time.Time{}, time.Time{}, "x", trust.ForSigning)
	file, err := list.Seal(signer, now)
	if err != nil {
		t.Fatal(err)
	}
	for i := range file {
		changed := bytes.Clone(file)
		changed[i] ^= 1
		if read, by, err := trust.OpenList(changed); err == nil && by == trust.Fingerprint(certificate) {
			t.Fatalf("byte %d: %+v", i, read)
		}
	}
	var parts map[string]json.RawMessage
	if err := json.Unmarshal(file, &parts); err != nil {
		t.Fatal(err)
	}
	spaced := append(append([]byte(`{"jws":`), parts["jws"]...), append([]byte(`,"list": `), append(parts["list"], ' ', '}')...)...)
	if _, _, err := trust.OpenList(spaced); err != nil {
		t.Errorf("space around the list is no change: %v", err)
	}
	batch, err := signer.SignBatch([][]byte{parts["list"], []byte(`{}`)}, now)
	if err != nil {
		t.Fatal(err)
	}
	token, err := json.Marshal(batch[0])
	if err != nil {
		t.Fatal(err)
	}
	together := append(append([]byte(`{"jws":`), token...), append([]byte(`,"list":`), append(parts["list"], '}')...)...)
	if _, _, err := trust.OpenList(together); err == nil || !strings.Contains(err.Error(), "batch") {
		t.Errorf("a list signed in a batch: %v", err)
	}
	for name, bad := range map[string]trust.List{
		"no sequence": {}, "no purpose": listWith(h.root, now, now.Add(day)), "no time": listWith(h.root, now, now, trust.ForSigning),
		"no such purpose": listWith(h.root, now, now.Add(day), "shopping"),
	} {
		if _, err := bad.Seal(signer, now); err == nil {
			t.Errorf("%s: sealed", name)
		}
	}
}

func listWith(a *authority, from, until time.Time, purposes ...trust.Purpose) trust.List {
	l := trust.List{Sequence: 1}
	l.Add(a.certificate, from, until, "", purposes...)
	return l
}

func TestParseCertificates(t *testing.T) {
	a, err := pki.New(now, pki.P256)
	if err != nil {
		t.Fatal(err)
	}
	id, err := a.Person("x", "y", pki.P256)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	in, der, text := filepath.Join(dir, "in.pem"), filepath.Join(dir, "bag.p7b"), filepath.Join(dir, "bag.pem")
	if err := os.WriteFile(in, id.PEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	for out, form := range map[string]string{der: "DER", text: "PEM"} {
		if message, err := exec.CommandContext(t.Context(), "openssl", "crl2pkcs7", "-nocrl", "-certfile", in, "-outform", form, "-out", out).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, message)
		}
	}
	for _, file := range []string{in, der, text} {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if found, err := trust.ParseCertificates(data); err != nil || len(found) != 3 {
			t.Errorf("%s: %d certificates, %v", file, len(found), err)
		}
	}
	if found, err := trust.ParseCertificates(id.Chain[0].Raw); err != nil || len(found) != 1 {
		t.Errorf("DER: %d certificates, %v", len(found), err)
	}
	for _, bad := range []string{"", "hello", "-----BEGIN CERTIFICATE-----\n", "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n"} {
		if _, err := trust.ParseCertificates([]byte(bad)); err == nil {
			t.Errorf("%q: accepted", bad)
		}
	}
}

func TestLoadMirror(t *testing.T) {
	h := newHierarchy(t)
	folder := fstest.MapFS{
		"crl/middle.crl": {Data: listOf(t, h.middle, now.Add(-time.Hour), 1)},
		"crl/root.crl":   {Data: h.clean(t)},
		"ca/middle.der":  {Data: h.middle.certificate.Raw},
		".partial":       {Data: []byte("half")},
	}
	mirror, err := trust.LoadMirror(folder)
	if err != nil {
		t.Fatal(err)
	}
	if certificates, lists, answers := mirror.Counts(); certificates != 1 || lists != 2 || answers != 0 {
		t.Errorf("%d certificates, %d lists, %d answers", certificates, lists, answers)
	}
	v := trust.New(trust.Options{Anchors: h.anchors, Mirror: mirror, Revocation: trust.RevocationRequired})
	result := v.Validate(h.signer.certificate, trust.Case{At: now})
	expect(t, result.Problem, "")
	expect(t, result.Revocation, "")
	if result.Complete {
		t.Error("nothing came along, and yet the proof is complete")
	}
	folder["crl/damaged.crl"] = &fstest.MapFile{Data: listOf(t, h.middle, now, 2)[:100]}
	if _, err := trust.LoadMirror(folder); err == nil || !strings.Contains(err.Error(), "crl/damaged.crl") {
		t.Errorf("a damaged list: %v", err)
	}
}

func FuzzTrustList(f *testing.F) {
	h := newHierarchy(f)
	signer, certificate := operator(f)
	list := trust.List{Sequence: 1}
	list.Add(h.root.certificate, time.Time{}, time.Time{}, "x", trust.ForSigning)
	file, err := list.Seal(signer, now)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(file)
	f.Add([]byte(`{"list":{},"jws":""}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		read, by, err := trust.OpenList(data)
		if err == nil && by == trust.Fingerprint(certificate) && read.Sequence != 1 {
			t.Fatal("a list that was not signed")
		}
		_, _ = trust.ParseCertificates(data) // must not panic
	})
}
