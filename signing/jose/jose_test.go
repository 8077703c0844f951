package jose_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gowebpki/jcs"
	"pgregory.net/rapid"

	"github.com/lienthong/lienthong/signing/jose"
)

var claimed = time.Date(2026, 11, 23, 10, 15, 31, 204_000_000, time.UTC)

func newKey(t testing.TB, curve elliptic.Curve) (*ecdsa.PrivateKey, *x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(7),
		Subject:      pkix.Name{CommonName: "Trục liên thông thử nghiệm"},
		NotBefore:    claimed.Add(-time.Hour),
		NotAfter:     claimed.Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return key, certificate
}

func sign(t testing.TB, payload []byte) (string, *x509.Certificate) {
	t.Helper()
	key, certificate := newKey(t, elliptic.P256())
	signer, err := jose.NewSigner(key, []*x509.Certificate{certificate})
	if err != nil {
		t.Fatal(err)
	}
	token, err := signer.SignDetached(payload, claimed)
	if err != nil {
		t.Fatal(err)
	}
	return token, certificate
}

func TestSignThenVerify(t *testing.T) {
	payload := []byte(`{"a":1}`)
	token, certificate := sign(t, payload)
	got, err := jose.VerifyDetached(token, payload)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Chain) != 1 || !got.Chain[0].Equal(certificate) {
		t.Error("the chain is not the one of the signer")
	}
	if want := claimed.Truncate(time.Second); !got.Claimed.Equal(want) {
		t.Errorf("claimed time %v, want %v", got.Claimed, want)
	}
}

// Every byte of token and payload counts: no flipped bit may pass.
func TestEveryByteCounts(t *testing.T) {
	payload := []byte(`{"event":"ContentHandover","time":"2026-11-23T10:15:31.204Z"}`)
	token, _ := sign(t, payload)
	for i := range payload {
		for bit := range 8 {
			changed := append([]byte(nil), payload...)
			changed[i] ^= 1 << bit
			if _, err := jose.VerifyDetached(token, changed); err == nil {
				t.Fatalf("payload byte %d, bit %d: accepted", i, bit)
			}
		}
	}
	for i := range token {
		for bit := range 8 {
			changed := []byte(token)
			changed[i] ^= 1 << bit
			if _, err := jose.VerifyDetached(string(changed), payload); err == nil {
				t.Fatalf("token byte %d (%q), bit %d: accepted", i, token[i], bit)
			}
		}
	}
	for _, longer := range []string{token + "\n", token + "=", "\n" + token, token + "A", strings.Replace(token, "..", ".\n.", 1)} {
		if _, err := jose.VerifyDetached(longer, payload); err == nil {
			t.Errorf("accepted with an added character")
		}
	}
}

// forge signs any header text, so that only the header rules can refuse it.
func forge(t *testing.T, key crypto.Signer, header string, payload []byte) string {
	t.Helper()
	protected := base64.RawURLEncoding.EncodeToString([]byte(header))
	hash := crypto.SHA256.New()
	hash.Write([]byte(protected + "." + base64.RawURLEncoding.EncodeToString(payload)))
	der, err := key.Sign(rand.Reader, hash.Sum(nil), crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	return protected + ".." + base64.RawURLEncoding.EncodeToString(rawForm(t, der))
}

func rawForm(t *testing.T, der []byte) []byte {
	t.Helper()
	var value struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(der, &value); err != nil {
		t.Fatal(err)
	}
	raw := make([]byte, 64)
	value.R.FillBytes(raw[:32])
	value.S.FillBytes(raw[32:])
	return raw
}

func TestHeaderRules(t *testing.T) {
	key, certificate := newKey(t, elliptic.P256())
	_, other := newKey(t, elliptic.P256())
	signer, err := jose.NewSigner(key, []*x509.Certificate{certificate})
	if err != nil {
		t.Fatal(err)
	}
	payload := []byte("{}")
	token, err := signer.SignDetached(payload, claimed)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[0])
	if err != nil {
		t.Fatal(err)
	}
	good := string(raw)
	if _, err := jose.VerifyDetached(forge(t, key, good, payload), payload); err != nil {
		t.Fatalf("the unchanged header is refused: %v", err)
	}
	older := strings.Replace(good, `"iat":1795428931,`, `"crit":["sigT"],"sigT":"2026-11-23T10:15:31Z",`, 1)
	if s, err := jose.VerifyDetached(forge(t, key, older, payload), payload); err != nil || !s.Claimed.Equal(claimed.Truncate(time.Second)) {
		t.Fatalf("a header of before says %v, %v", s.Claimed, err)
	}
	otherChain := base64.StdEncoding.EncodeToString(other.Raw)
	ownChain := base64.StdEncoding.EncodeToString(certificate.Raw)
	cases := map[string]string{
		"alg none":            strings.Replace(good, `"ES256"`, `"none"`, 1),
		"alg HS256":           strings.Replace(good, `"ES256"`, `"HS256"`, 1),
		"alg RS256":           strings.Replace(good, `"ES256"`, `"RS256"`, 1),
		"alg lower case":      strings.Replace(good, `"ES256"`, `"es256"`, 1),
		"alg missing":         strings.Replace(good, `"alg":"ES256",`, ``, 1),
		"alg name in capital": strings.Replace(good, `"alg"`, `"ALG"`, 1),
		"alg twice":           strings.Replace(good, `{"alg"`, `{"alg":"none","alg"`, 1),
		"jwk":                 strings.Replace(good, `{"alg"`, `{"jwk":{},"alg"`, 1),
		"jku":                 strings.Replace(good, `{"alg"`, `{"jku":"http://127.0.0.1/","alg"`, 1),
		"b64":                 strings.Replace(good, `{"alg"`, `{"b64":false,"alg"`, 1),
		"iat missing":         strings.Replace(good, `"iat":1795428931,`, ``, 1),
		"iat with fraction":   strings.Replace(good, `1795428931`, `1795428931.5`, 1),
		"iat in another form": strings.Replace(good, `1795428931`, `1.795428931e9`, 1),
		"iat as text":         strings.Replace(good, `1795428931`, `"1795428931"`, 1),
		"iat before 1970":     strings.Replace(good, `1795428931`, `-1`, 1),
		"iat too far":         strings.Replace(good, `1795428931`, `253402300800`, 1),
		"iat null":            strings.Replace(good, `1795428931`, `null`, 1),
		"iat and crit":        strings.Replace(good, `"iat"`, `"crit":["iat"],"iat"`, 1),
		"iat and sigT":        strings.Replace(good, `"iat"`, `"sigT":"2026-11-23T10:15:31Z","iat"`, 1),
		"crit empty":          strings.Replace(older, `["sigT"]`, `[]`, 1),
		"crit missing":        strings.Replace(older, `"crit":["sigT"],`, ``, 1),
		"crit with unknown":   strings.Replace(older, `["sigT"]`, `["sigT","b64"]`, 1),
		"sigT with zone":      strings.Replace(older, `31Z"`, `31+07:00"`, 1),
		"sigT no date":        strings.Replace(older, `2026-11-23T`, `2026-13-23T`, 1),
		"sigT missing":        strings.Replace(older, `"sigT":"2026-11-23T10:15:31Z",`, ``, 1),
		"x5c of another":      strings.Replace(good, ownChain, otherChain, 1),
		"x5c empty":           strings.Replace(good, `["`+ownChain+`"]`, `[]`, 1),
		"x5c garbage":         strings.Replace(good, ownChain, "AAAA", 1),
		"x5c missing":         strings.Replace(good, `"x5c":["`+ownChain+`"],`, ``, 1),
		"x5t missing":         good[:strings.Index(good, `,"x5t#S256"`)] + "}",
		"trailing data":       good + "{}",
		"array":               "[" + good + "]",
		"null":                "null",
	}
	for name, header := range cases {
		t.Run(name, func(t *testing.T) {
			if header == good || header == older {
				t.Fatal("the case changes nothing")
			}
			_, err := jose.VerifyDetached(forge(t, key, header, payload), payload)
			var refusal *jose.Error
			if !errors.As(err, &refusal) || refusal.Forged {
				t.Fatalf("not refused by a header rule: %v", err)
			}
		})
	}
	attached := strings.Replace(token, "..", "."+base64.RawURLEncoding.EncodeToString(payload)+".", 1)
	if _, err := jose.VerifyDetached(attached, payload); err == nil {
		t.Error("an attached payload is accepted")
	}
}

func TestOnlyP256(t *testing.T) {
	key, certificate := newKey(t, elliptic.P384())
	if _, err := jose.NewSigner(key, []*x509.Certificate{certificate}); err == nil {
		t.Error("a P-384 key is accepted")
	}
	own, _ := newKey(t, elliptic.P256())
	_, foreign := newKey(t, elliptic.P256())
	if _, err := jose.NewSigner(own, []*x509.Certificate{foreign}); err == nil {
		t.Error("a certificate of another key is accepted")
	}
	if _, err := jose.NewSigner(own, nil); err == nil {
		t.Error("a signer without certificate is accepted")
	}
}

func TestCanonical(t *testing.T) {
	got, err := jose.Canonical(map[string]any{"b": 1.0, "a": "<đ & ô>", "c": []int{3, 2}, "B": nil})
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"B":null,"a":"<đ & ô>","b":1,"c":[3,2]}`; string(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if !jose.IsCanonical(got) {
		t.Error("its own output is not canonical")
	}
	for _, raw := range []string{`{ "a":1}`, `{"b":1,"a":2}`, `{"a":1.0}`, `{"a":"\u0041"}`, `{`, ``} {
		if jose.IsCanonical([]byte(raw)) {
			t.Errorf("%s is called canonical", raw)
		}
	}
}

// openssl, which shares no code with us, must accept our signatures.
func TestAgreesWithOpenSSL(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("openssl is not installed")
		}
		t.Skip("openssl is not installed")
	}
	payload := []byte(`{"evidence_id":"0199"}`)
	token, certificate := sign(t, payload)
	parts := strings.Split(token, ".")
	raw, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		t.Fatal(err)
	}
	der, err := asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(raw[:32]), new(big.Int).SetBytes(raw[32:])})
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(certificate.PublicKey)
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
	out, err := exec.CommandContext(t.Context(), openssl, "dgst", "-sha256",
		"-verify", write("key.pem", pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})),
		"-signature", write("signature.der", der),
		write("input", []byte(parts[0]+"."+base64.RawURLEncoding.EncodeToString(payload)))).CombinedOutput()
	if err != nil {
		t.Fatalf("openssl: %v\n%s", err, out)
	}
}

func FuzzVerifyDetached(f *testing.F) {
	payload := []byte("{}")
	token, _ := sign(f, payload)
	f.Add(token, payload)
	f.Add("..", payload)
	f.Add("e30.."+strings.Repeat("A", 86), payload)
	f.Fuzz(func(t *testing.T, candidate string, body []byte) {
		signature, err := jose.VerifyDetached(candidate, body)
		if err == nil && candidate == token && string(body) != string(payload) {
			t.Fatal("a signature over other bytes is accepted")
		}
		if err == nil && len(signature.Chain) == 0 {
			t.Fatal("accepted without a certificate")
		}
	})
}

func FuzzCanonical(f *testing.F) {
	f.Add([]byte(`{"b":[1,2.50,1e30,"\u20ac"],"a":null}`))
	f.Add([]byte(`{"b":[],"a":{},"aa":{"z":-0,"y":-7,"é":1},"a b":"<\u2028\u0001\n\"\\>","a!":12345678901234567890}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var value any
		if json.Unmarshal(raw, &value) != nil {
			return
		}
		first, err := jose.Canonical(value)
		if err != nil {
			return
		}
		if !jose.IsCanonical(first) {
			t.Fatalf("%s is not a fixed point", first)
		}
		again, _ := json.Marshal(value)
		if want, err := jcs.Transform(again); err != nil || string(want) != string(first) {
			t.Fatalf("%s, the reference says %s, %v", first, want, err)
		}
	})
}

// TestCanonicalEvidence: members in their order, whatever a type says first.
func TestCanonicalEvidence(t *testing.T) {
	type inner struct {
		Z string            `json:"z"`
		M map[string]string `json:"m,omitempty"`
		A int               `json:"a"`
	}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String()
		value := struct {
			B []inner   `json:"b_list"`
			C *inner    `json:"b"`
			T time.Time `json:"a_time"`
			X bool      `json:"X"`
		}{
			B: []inner{{text.Draw(t, "z"), rapid.MapOfN(text, text, 0, 3).Draw(t, "m"), rapid.Int().Draw(t, "a")}, {Z: "<>&"}},
			C: &inner{Z: text.Draw(t, "z2")}, T: claimed,
		}
		raw, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		want, err := jcs.Transform(raw)
		if err != nil {
			t.Skip("the reference refuses it")
		}
		if got, err := jose.Canonical(value); err != nil || string(got) != string(want) {
			t.Fatalf("%s, want %s, %v", got, want, err)
		}
	})
}

func BenchmarkSignDetached(b *testing.B) {
	key, certificate := newKey(b, elliptic.P256())
	signer, err := jose.NewSigner(key, []*x509.Certificate{certificate})
	if err != nil {
		b.Fatal(err)
	}
	payload := []byte(strings.Repeat(`{"a":1}`, 150))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := signer.SignDetached(payload, claimed); err != nil {
			b.Fatal(err)
		}
	}
}
