package tsp_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/sha256"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/lienthong/lienthong/signing/pki"
	"github.com/lienthong/lienthong/signing/tsp"
)

var now = time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)

// world is a test PKI with a time-stamp authority over HTTP.
type world struct {
	pki       *pki.Authority
	identity  pki.Identity
	authority *tsp.Authority
	server    *httptest.Server
}

func newWorld(t testing.TB, algorithm pki.Algorithm, at time.Time) *world {
	t.Helper()
	w := &world{}
	var err error
	if w.pki, err = pki.New(at, pki.P256); err != nil {
		t.Fatal(err)
	}
	if w.identity, err = w.pki.TimestampAuthority("Cấp dấu thời gian thử nghiệm", algorithm); err != nil {
		t.Fatal(err)
	}
	w.authority, err = tsp.NewAuthority(tsp.AuthorityOptions{
		Key: w.identity.Key, Chain: w.identity.Chain, Accuracy: 1500 * time.Millisecond, Now: func() time.Time { return at },
	})
	if err != nil {
		t.Fatal(err)
	}
	w.server = httptest.NewServer(w.authority)
	t.Cleanup(w.server.Close)
	return w
}

func TestClientAndAuthority(t *testing.T) {
	for _, algorithm := range []pki.Algorithm{pki.P256, pki.RSA2048} {
		t.Run(string(algorithm), func(t *testing.T) {
			w := newWorld(t, algorithm, now)
			client := tsp.NewClient(tsp.ClientOptions{URL: w.server.URL})
			for _, hash := range []crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512} {
				digest := digestOf("công văn", hash)
				token, err := client.Timestamp(t.Context(), hash, digest)
				if err != nil {
					t.Fatal(err)
				}
				if !token.Time.Equal(now) || token.Accuracy != 1500*time.Millisecond || !token.Policy.Equal(tsp.DefaultPolicy()) {
					t.Errorf("%v, ± %v, policy %v", token.Time, token.Accuracy, token.Policy)
				}
				if problem := token.Over(func(h crypto.Hash) []byte { return digestOf("công văn", h) }); problem != nil {
					t.Error(problem)
				}
				if problem := token.Over(func(h crypto.Hash) []byte { return digestOf("khác", h) }); problem == nil {
					t.Error("it passes for other bytes")
				}
			}
		})
	}
}

func digestOf(text string, hash crypto.Hash) []byte {
	h := hash.New()
	h.Write([]byte(text))
	return h.Sum(nil)
}

// An answer that is not for this question is not taken.
func TestClientRefuses(t *testing.T) {
	w := newWorld(t, pki.P256, now)
	digest := sha256.Sum256([]byte("a"))
	other, err := w.authority.Timestamp(crypto.SHA256, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	replay := append([]byte{0x30, 0x82, byte((len(other.Raw) + 5) >> 8), byte(len(other.Raw) + 5), 0x30, 3, 2, 1, 0}, other.Raw...)
	answers := map[string]func(w http.ResponseWriter){
		"a token without the nonce": func(w http.ResponseWriter) { _, _ = w.Write(replay) },
		"garbage":                   func(w http.ResponseWriter) { _, _ = w.Write([]byte("hello")) },
		"too much":                  func(w http.ResponseWriter) { _, _ = w.Write(make([]byte, tsp.MaxToken+1)) },
		"an error":                  func(w http.ResponseWriter) { w.WriteHeader(http.StatusBadGateway) },
		"a redirect":                func(w http.ResponseWriter) { w.Header().Set("Location", "/"); w.WriteHeader(http.StatusFound) },
	}
	for name, answer := range answers {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { answer(w) }))
			defer server.Close()
			if _, err := tsp.NewClient(tsp.ClientOptions{URL: server.URL}).Timestamp(t.Context(), crypto.SHA256, digest[:]); err == nil {
				t.Error("it was taken")
			}
		})
	}
	t.Run("silence", func(t *testing.T) {
		release := make(chan struct{})
		server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
		defer server.Close()
		defer close(release)
		client := tsp.NewClient(tsp.ClientOptions{URL: server.URL, Timeout: 20 * time.Millisecond})
		if _, err := client.Timestamp(t.Context(), crypto.SHA256, digest[:]); err == nil {
			t.Error("it waits for ever")
		}
	})
	if _, err := tsp.NewClient(tsp.ClientOptions{URL: w.server.URL}).Timestamp(t.Context(), crypto.SHA1, make([]byte, 20)); err == nil {
		t.Error("it asks with SHA-1")
	}
}

func TestAuthorityRefuses(t *testing.T) {
	w := newWorld(t, pki.P256, now)
	person, err := w.pki.Person("Người thử", "Sở", pki.P256)
	if err != nil {
		t.Fatal(err)
	}
	options := tsp.AuthorityOptions{Key: person.Key, Chain: person.Chain, Now: time.Now}
	if _, err := tsp.NewAuthority(options); err == nil {
		t.Error("a person's certificate makes timestamps")
	}
	if _, err := w.authority.Timestamp(crypto.SHA1, make([]byte, 20)); err == nil {
		t.Error("it stamps SHA-1")
	}
	ask := func(contentType string, body []byte) int {
		response, err := http.Post(w.server.URL, contentType, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		return response.StatusCode
	}
	if code := ask("text/plain", nil); code != http.StatusUnsupportedMediaType {
		t.Errorf("another type: %d", code)
	}
	if code := ask("application/timestamp-query", make([]byte, 1<<20)); code != http.StatusBadRequest {
		t.Errorf("a large request: %d", code)
	}
	if code := ask("application/timestamp-query", []byte("x")); code != http.StatusOK { // a refusal in RFC 3161
		t.Errorf("a malformed request: %d", code)
	}
}

// openssl makes the question and checks the answer.
func TestAgreesWithOpenSSL(t *testing.T) {
	for _, algorithm := range []pki.Algorithm{pki.P256, pki.RSA2048} {
		t.Run(string(algorithm), func(t *testing.T) {
			w := newWorld(t, algorithm, time.Now())
			dir := t.TempDir()
			in := func(name string) string { return filepath.Join(dir, name) }
			write(t, in("data"), []byte("công văn"))
			write(t, in("root.pem"), w.pki.AnchorsPEM())
			write(t, in("chain.pem"), w.identity.PEM())
			openssl(t, "ts", "-query", "-data", in("data"), "-sha512", "-cert", "-out", in("query"))
			query, err := os.ReadFile(in("query"))
			if err != nil {
				t.Fatal(err)
			}
			answer, err := w.authority.Respond(query)
			if err != nil {
				t.Fatal(err)
			}
			write(t, in("reply"), answer)
			openssl(t, "ts", "-verify", "-queryfile", in("query"), "-in", in("reply"), "-CAfile", in("root.pem"), "-untrusted", in("chain.pem"))
			openssl(t, "ts", "-verify", "-data", in("data"), "-in", in("reply"), "-CAfile", in("root.pem"))
		})
	}
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func openssl(t *testing.T, args ...string) {
	t.Helper()
	out, err := exec.CommandContext(context.Background(), "openssl", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("openssl %v: %v\n%s", args, err, out)
	}
}

// A token is read as it was made, and nothing may follow it.
func TestParseIsExact(t *testing.T) {
	w := newWorld(t, pki.P256, now)
	digest := sha256.Sum256([]byte("a"))
	token, err := w.authority.Timestamp(crypto.SHA256, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	if again, problem := tsp.Parse(token.Raw); problem != nil || again.Serial.Cmp(token.Serial) != 0 {
		t.Errorf("%v", problem)
	}
	if _, problem := tsp.Parse(append(bytes.Clone(token.Raw), 0)); problem == nil {
		t.Error("bytes behind the token pass")
	}
}

func FuzzToken(f *testing.F) {
	w := newWorld(f, pki.P256, now)
	digest := sha256.Sum256([]byte("a"))
	token, err := w.authority.Timestamp(crypto.SHA256, digest[:])
	if err != nil {
		f.Fatal(err)
	}
	f.Add(token.Raw)
	f.Add([]byte{0x30, 0x80})
	f.Fuzz(func(t *testing.T, data []byte) {
		token, problem := tsp.Parse(data)
		if (token == nil) == (problem == nil) {
			t.Fatal("a token or a problem, not both, not neither")
		}
		if _, err := w.authority.Respond(data); err != nil {
			t.Fatal(err)
		}
	})
}
