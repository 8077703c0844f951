package cms_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/signing/cms"
)

// digestOf hashes the content as the maker wants it.
func digestOf(t testing.TB, m cms.Maker) []byte {
	t.Helper()
	hash, err := m.Hash()
	if err != nil {
		t.Fatal(err)
	}
	h := hash.New()
	h.Write(content)
	return h.Sum(nil)
}

func makers(t *testing.T) map[string]cms.Maker {
	list := map[string]cms.Maker{}
	for name, key := range map[string]crypto.Signer{
		"P-256": ecKey(t, elliptic.P256()), "P-384": ecKey(t, elliptic.P384()), "P-521": ecKey(t, elliptic.P521()), "RSA": rsaKey(t),
	} {
		identity := newIdentity(t, key)
		list[name] = cms.Maker{Key: key, Chain: []*x509.Certificate{identity.certificate}}
	}
	pss := list["RSA"]
	pss.PSS = true
	list["RSA-PSS"] = pss
	return list
}

// TestMade checks what a Maker makes with the verifier of this package.
func TestMade(t *testing.T) {
	for name, maker := range makers(t) {
		t.Run(name, func(t *testing.T) {
			der, err := maker.Sign(t.Context(), digestOf(t, maker), time.Time{})
			if err != nil {
				t.Fatal(err)
			}
			m, problem := judge(der, content, true)
			if problem != nil {
				t.Fatal(problem)
			}
			if !m.SigningTime.IsZero() || m.Timestamped {
				t.Error("the message claims a time that nobody asked for")
			}
		})
	}
}

// TestMadeForOpenssl has another implementation check the signatures.
func TestMadeForOpenssl(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("openssl is not installed")
	}
	for name, maker := range makers(t) {
		t.Run(name, func(t *testing.T) {
			der, err := maker.Sign(t.Context(), digestOf(t, maker), now)
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			write := func(name string, data []byte) string {
				path := filepath.Join(dir, name)
				if err := os.WriteFile(path, data, 0o600); err != nil {
					t.Fatal(err)
				}
				return path
			}
			root := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: maker.Chain[0].Raw})
			out, err := exec.CommandContext(t.Context(), openssl, "cms", "-verify", "-cades", "-binary", "-inform", "DER",
				"-in", write("s.p7s", der), "-content", write("content", content), "-CAfile", write("root.pem", root),
				"-purpose", "any", "-no_check_time", "-out", filepath.Join(dir, "out")).CombinedOutput()
			if err != nil || !strings.Contains(string(out), "CAdES Verification successful") {
				t.Errorf("openssl: %v\n%s", err, out)
			}
		})
	}
}

func TestMadeWithTimes(t *testing.T) {
	maker := makers(t)["P-256"]
	var stamped []byte
	maker.Stamp = func(_ context.Context, value []byte) ([]byte, error) {
		stamped = value
		return []byte{0x30, 0x03, 0x02, 0x01, 0x07}, nil
	}
	for _, claimed := range []time.Time{now, time.Date(2055, 1, 2, 3, 4, 5, 0, time.UTC)} {
		der, err := maker.Sign(t.Context(), digestOf(t, maker), claimed)
		if err != nil {
			t.Fatal(err)
		}
		m, problem := cms.Parse(der)
		if problem != nil {
			t.Fatal(problem)
		}
		if !m.SigningTime.Equal(claimed) || !m.Timestamped {
			t.Errorf("claimed %v, timestamped %v", m.SigningTime, m.Timestamped)
		}
		if len(stamped) == 0 {
			t.Error("the authority was not given the signature value")
		}
	}
}

func TestMakerRefuses(t *testing.T) {
	good := makers(t)["P-256"]
	other := newIdentity(t, ecKey(t, elliptic.P256()))
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	away := errors.New("the authority is away")
	cases := map[string]struct {
		change func(*cms.Maker)
		digest []byte
		want   string
	}{
		"no key":          {func(m *cms.Maker) { m.Key = nil }, nil, "a key and its certificate are needed"},
		"no certificate":  {func(m *cms.Maker) { m.Chain = nil }, nil, "a key and its certificate are needed"},
		"another's":       {func(m *cms.Maker) { m.Chain = []*x509.Certificate{other.certificate} }, nil, "does not belong"},
		"PSS with ECDSA":  {func(m *cms.Maker) { m.PSS = true }, nil, "not an RSA key"},
		"short digest":    {func(*cms.Maker) {}, make([]byte, 20), "20 bytes"},
		"small RSA":       {func(m *cms.Maker) { *m = makerOf(t, small) }, nil, "1024 bits"},
		"curve":           {func(m *cms.Maker) { *m = makerOf(t, p224) }, nil, "P-224"},
		"authority":       {func(m *cms.Maker) { m.Stamp = stampWith(nil, away) }, nil, away.Error()},
		"token not DER":   {func(m *cms.Maker) { m.Stamp = stampWith([]byte("oops"), nil) }, nil, "not a DER value"},
		"token with tail": {func(m *cms.Maker) { m.Stamp = stampWith([]byte{0x30, 0, 0}, nil) }, nil, "not a DER value"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			maker, digest := good, c.digest
			c.change(&maker)
			if digest == nil {
				digest = make([]byte, 32)
			}
			if _, err := maker.Sign(t.Context(), digest, time.Time{}); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func makerOf(t testing.TB, key crypto.Signer) cms.Maker {
	t.Helper()
	return cms.Maker{Key: key, Chain: []*x509.Certificate{newIdentity(t, key).certificate}}
}

func stampWith(token []byte, err error) func(context.Context, []byte) ([]byte, error) {
	return func(context.Context, []byte) ([]byte, error) { return token, err }
}
