package oidc_test

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lienthong/lienthong/adapters/oidc"
	"github.com/lienthong/lienthong/hub"
)

const (
	clientID = "hub"
	secret   = "the secret of one browser and one attempt"
	back     = "https://hub.example.vn/sign-in/provider/back"
)

// provider is one that answers as a test wants, also as none should.
type provider struct {
	*httptest.Server
	key      *rsa.PrivateKey
	mu       sync.Mutex
	nonce    string         // that was asked for
	verifier string         // that the last exchange showed
	claims   map[string]any // that replace those of a right token; nil takes one away
	header   map[string]any // the same of its header
	sign     func(text string) []byte
	info     map[string]any                                    // of the person
	describe map[string]any                                    // replaces what the provider says of itself
	token    func(w http.ResponseWriter, r *http.Request) bool // answers instead
	calls    int
}

func newProvider(t *testing.T) *provider {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p := &provider{key: key}
	p.Server = httptest.NewServer(http.HandlerFunc(p.answer))
	t.Cleanup(p.Close)
	return p
}

func (p *provider) answer(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls++
	w.Header().Set("Content-Type", "application/json")
	var answer any
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		all := map[string]any{
			"issuer": p.URL, "authorization_endpoint": p.URL + "/auth", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys",
			"userinfo_endpoint": p.URL + "/me", "end_session_endpoint": p.URL + "/end?x=1", "id_token_signing_alg_values_supported": []string{"RS256"},
		}
		maps.Copy(all, p.describe)
		answer = all
	case "/keys":
		answer = map[string]any{"keys": []any{map[string]any{
			"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "1",
			"n": base64.RawURLEncoding.EncodeToString(p.key.N.Bytes()), "e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(p.key.E)).Bytes()),
		}}}
	case "/me":
		answer = p.info
	case "/token":
		if p.token != nil && p.token(w, r) {
			return
		}
		p.verifier = r.PostFormValue("code_verifier")
		answer = map[string]any{"access_token": "a", "token_type": "Bearer", "id_token": p.idToken()}
	}
	_ = json.NewEncoder(w).Encode(answer)
}

// idToken is a right one, but for what the test replaces.
func (p *provider) idToken() string {
	header := map[string]any{"alg": "RS256", "kid": "1", "typ": "JWT"}
	claims := map[string]any{
		"iss": p.URL, "aud": clientID, "sub": "s-1", "nonce": p.nonce, "iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix(),
	}
	maps.Copy(header, p.header)
	maps.Copy(claims, p.claims)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	encode := func(v any) string {
		text, _ := json.Marshal(v)
		return base64.RawURLEncoding.EncodeToString(text)
	}
	text := encode(header) + "." + encode(claims)
	sign := p.sign
	if sign == nil {
		sign = p.rs256(p.key)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(sign(text))
}

func (p *provider) rs256(key *rsa.PrivateKey) func(string) []byte {
	return func(text string) []byte {
		sum := sha256.Sum256([]byte(text))
		signature, _ := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
		return signature
	}
}

func (p *provider) client(change ...func(*oidc.Options)) *oidc.Provider {
	o := oidc.Options{Issuer: p.URL, ClientID: clientID, Secret: func() (string, error) { return "x", nil }, Redirect: back, Now: time.Now}
	for _, c := range change {
		c(&o)
	}
	return oidc.New(o)
}

// begin asks for an attempt and returns what the provider is asked for.
func (p *provider) begin(t *testing.T, c *oidc.Provider) url.Values {
	t.Helper()
	address, err := c.Begin(t.Context(), secret)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(address)
	if err != nil || !strings.HasPrefix(address, p.URL+"/auth?") {
		t.Fatalf("the browser is sent to %s, %v", address, err)
	}
	p.nonce = u.Query().Get("nonce")
	return u.Query()
}

// TestSignIn: what is asked for, and whom a right answer names.
func TestSignIn(t *testing.T) {
	p := newProvider(t)
	c := p.client(func(o *oidc.Options) { o.Scopes = []string{"email"} })
	asked := p.begin(t, c)
	for name, want := range map[string]string{
		"response_type": "code", "client_id": clientID, "redirect_uri": back, "scope": "openid email", "code_challenge_method": "S256",
	} {
		if asked.Get(name) != want {
			t.Errorf("%s is %q", name, asked.Get(name))
		}
	}
	if strings.Contains(asked.Encode(), url.QueryEscape(secret)) || len(asked.Get("state")) < 43 || len(asked.Get("nonce")) < 43 || asked.Get("state") == asked.Get("nonce") {
		t.Errorf("the provider is told %v", asked)
	}
	login, err := c.Finish(t.Context(), secret, url.Values{"state": {asked.Get("state")}, "code": {"c"}})
	if want := (hub.Login{Issuer: p.URL, Claim: "sub", Value: "s-1"}); err != nil || login != want {
		t.Errorf("%+v, %v", login, err)
	}
	sum := sha256.Sum256([]byte(p.verifier))
	if asked.Get("code_challenge") != base64.RawURLEncoding.EncodeToString(sum[:]) {
		t.Error("the verifier does not fit the challenge")
	}
	if end := c.End(t.Context()); end != p.URL+"/end?client_id="+clientID+"&x=1" {
		t.Errorf("the end is at %q", end)
	}
}

// TestClientSignsInOnce: a code is shown once, with the secret in the way that the provider
// names, whether that is right or not.
func TestClientSignsInOnce(t *testing.T) {
	for name, tt := range map[string]struct {
		methods  any
		public   bool
		inHeader bool
	}{
		"nothing said": {nil, false, true}, "both": {[]string{"client_secret_post", "client_secret_basic"}, false, true},
		"post alone": {[]string{"private_key_jwt", "client_secret_post"}, false, false}, "neither": {[]string{"private_key_jwt"}, false, true},
		"a public client": {nil, true, false},
	} {
		for _, status := range []int{http.StatusOK, http.StatusUnauthorized} {
			p := newProvider(t)
			if tt.methods != nil {
				p.describe = map[string]any{"token_endpoint_auth_methods_supported": tt.methods}
			}
			shown := 0
			p.token = func(w http.ResponseWriter, r *http.Request) bool {
				shown++
				user, password, inHeader := r.BasicAuth()
				if inHeader != tt.inHeader || inHeader && (user != clientID || password != "x") || !inHeader && !tt.public && r.PostFormValue("client_secret") != "x" {
					t.Errorf("%s: the client shows %q %q and %v", name, user, password, r.PostForm)
				}
				if status != http.StatusOK {
					w.WriteHeader(status)
				}
				return status != http.StatusOK
			}
			c := p.client(func(o *oidc.Options) {
				if tt.public {
					o.Secret = nil
				}
			})
			answer := url.Values{"state": {p.begin(t, c).Get("state")}, "code": {"c"}}
			if _, err := c.Finish(t.Context(), secret, answer); (err == nil) != (status == http.StatusOK) {
				t.Errorf("%s: %v", name, err)
			}
			if shown != 1 {
				t.Errorf("%s: the code was shown %d times", name, shown)
			}
		}
	}
}

// TestWrongAnswers: each attack names what it fails at, and nobody.
func TestWrongAnswers(t *testing.T) {
	foreign, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p := newProvider(t)
	public := base64.RawURLEncoding.EncodeToString(p.key.N.Bytes())
	for name, attack := range map[string]struct {
		change func()                        // of the provider
		answer func(state string) url.Values // nil: a right one
		secret string                        // of the browser; "": the right one
		claim  string
		rule   string // "": it is no attack
	}{
		"right":                    {},
		"state of another browser": {secret: "another browser", rule: "state"},
		"no browser":               {secret: "-", rule: "state"},
		"wrong state":              {answer: func(string) url.Values { return url.Values{"state": {"x"}, "code": {"c"}} }, rule: "state"},
		"no state":                 {answer: func(string) url.Values { return url.Values{"code": {"c"}} }, rule: "state"},
		"two states":               {answer: func(s string) url.Values { return url.Values{"state": {s, "x"}, "code": {"c"}} }, rule: "state"},
		"another issuer (RFC 9207)": {answer: func(s string) url.Values {
			return url.Values{"state": {s}, "code": {"c"}, "iss": {"https://evil.example"}}
		}, rule: "state"},
		"the issuer (RFC 9207)":       {answer: func(s string) url.Values { return url.Values{"state": {s}, "code": {"c"}, "iss": {p.URL}} }},
		"no code":                     {answer: func(s string) url.Values { return url.Values{"state": {s}} }, rule: "code"},
		"two codes":                   {answer: func(s string) url.Values { return url.Values{"state": {s}, "code": {"c", "d"}} }, rule: "code"},
		"a code without end":          {answer: func(s string) url.Values { return url.Values{"state": {s}, "code": {strings.Repeat("c", 5000)}} }, rule: "code"},
		"refused":                     {answer: func(s string) url.Values { return url.Values{"state": {s}, "error": {"access_denied"}} }, rule: "refused"},
		"provider busy":               {answer: func(s string) url.Values { return url.Values{"state": {s}, "error": {"temporarily_unavailable"}} }, rule: "away"},
		"replayed code":               {change: func() { p.token = refusal(http.StatusBadRequest, `{"error":"invalid_grant"}`) }, rule: "code"},
		"wrong secret of the client":  {change: func() { p.token = refusal(http.StatusUnauthorized, `{"error":"invalid_client"}`) }, rule: "away"},
		"broken provider":             {change: func() { p.token = refusal(http.StatusInternalServerError, "<html>") }, rule: "away"},
		"answer without end":          {change: func() { p.token = refusal(http.StatusOK, `{"x":"`+strings.Repeat("x", 2<<20)+`"}`) }, rule: "away"},
		"redirected":                  {change: func() { p.token = redirection }, rule: "away"},
		"no token":                    {change: func() { p.token = refusal(http.StatusOK, `{"access_token":"a","token_type":"Bearer"}`) }, rule: "token"},
		"wrong nonce":                 {change: func() { p.claims = map[string]any{"nonce": "x"} }, rule: "token"},
		"no nonce":                    {change: func() { p.claims = map[string]any{"nonce": nil} }, rule: "token"},
		"for another client":          {change: func() { p.claims = map[string]any{"aud": "other"} }, rule: "token"},
		"for two, made for the other": {change: func() { p.claims = map[string]any{"aud": []string{clientID, "other"}, "azp": "other"} }, rule: "token"},
		"for two, made for nobody":    {change: func() { p.claims = map[string]any{"aud": []string{clientID, "other"}} }, rule: "token"},
		"for two, made for us":        {change: func() { p.claims = map[string]any{"aud": []string{clientID, "other"}, "azp": clientID} }},
		"of another issuer":           {change: func() { p.claims = map[string]any{"iss": "https://evil.example"} }, rule: "token"},
		"expired":                     {change: func() { p.claims = map[string]any{"exp": time.Now().Add(-time.Minute).Unix()} }, rule: "token"},
		"without an end":              {change: func() { p.claims = map[string]any{"exp": nil} }, rule: "token"},
		"not yet in force":            {change: func() { p.claims = map[string]any{"nbf": time.Now().Add(time.Hour).Unix()} }, rule: "token"},
		"another key":                 {change: func() { p.sign = p.rs256(foreign) }, rule: "token"},
		"no signature": {change: func() {
			p.header, p.sign = map[string]any{"alg": "none"}, func(string) []byte { return nil }
		}, rule: "token"},
		"signed with the public key": {change: func() {
			p.header, p.sign = map[string]any{"alg": "HS256"}, func(text string) []byte {
				mac := hmac.New(sha256.New, []byte(public))
				mac.Write([]byte(text))
				return mac.Sum(nil)
			}
		}, rule: "token"},
		"nobody":                   {change: func() { p.claims = map[string]any{"sub": ""} }, rule: "claim"},
		"control characters":       {change: func() { p.claims = map[string]any{"sub": "a\nb"} }, rule: "claim"},
		"a name without end":       {change: func() { p.claims = map[string]any{"sub": strings.Repeat("x", 256)} }, rule: "claim"},
		"no such claim":            {claim: "staff", change: func() { p.info = map[string]any{"sub": "s-1"} }, rule: "claim"},
		"no text":                  {claim: "staff", change: func() { p.claims = map[string]any{"staff": []string{"a"}} }, rule: "claim"},
		"from the endpoint":        {claim: "staff", change: func() { p.info = map[string]any{"sub": "s-1", "staff": "s-1"} }},
		"the endpoint of another":  {claim: "staff", change: func() { p.info = map[string]any{"sub": "s-2", "staff": "boss"} }, rule: "token"},
		"mail verified":            {claim: "email", change: func() { p.claims = map[string]any{"email": "s-1", "email_verified": true} }},
		"mail not verified":        {claim: "email", change: func() { p.claims = map[string]any{"email": "a@example.vn", "email_verified": false} }, rule: "claim"},
		"mail of unknown standing": {claim: "email", change: func() { p.claims = map[string]any{"email": "a@example.vn"} }, rule: "claim"},
	} {
		t.Run(name, func(t *testing.T) {
			p.claims, p.header, p.sign, p.info, p.token = nil, nil, nil, nil, nil
			c := p.client(func(o *oidc.Options) { o.Claim = attack.claim })
			state := p.begin(t, c).Get("state")
			if attack.change != nil {
				attack.change()
			}
			answer := url.Values{"state": {state}, "code": {"c"}}
			if attack.answer != nil {
				answer = attack.answer(state)
			}
			browser := secret
			if attack.secret != "" {
				browser = strings.TrimPrefix(attack.secret, "-")
			}
			login, err := c.Finish(t.Context(), browser, answer)
			if attack.rule == "" {
				if err != nil || login.Value != "s-1" {
					t.Errorf("%+v, %v", login, err)
				}
				return
			}
			kind := hub.KindUntrusted
			if attack.rule == "away" {
				kind = hub.KindUnavailable
			}
			if found := hub.ViolationsOf(err); login != (hub.Login{}) || len(found) != 1 || found[0].Rule != attack.rule || found[0].Kind != kind || found[0].Field != "provider" {
				t.Errorf("%+v, %v", login, err)
			}
		})
	}
}

func refusal(status int, body string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(status)
		fmt.Fprint(w, body)
		return true
	}
}

// redirection leads to where everything would be right.
func redirection(w http.ResponseWriter, r *http.Request) bool {
	if r.URL.RawQuery != "" {
		return false
	}
	http.Redirect(w, r, "/token?again", http.StatusTemporaryRedirect)
	return true
}

// TestAnswersNameTheirIssuer: where the provider says that it does, an answer without one
// is none of it (RFC 9207, section 2.4).
func TestAnswersNameTheirIssuer(t *testing.T) {
	p := newProvider(t)
	p.describe = map[string]any{"authorization_response_iss_parameter_supported": true}
	c := p.client()
	state := p.begin(t, c).Get("state")
	if _, err := c.Finish(t.Context(), secret, url.Values{"state": {state}, "code": {"c"}}); hub.KindOf(err) != hub.KindUntrusted {
		t.Error(err)
	}
	if _, err := c.Finish(t.Context(), secret, url.Values{"state": {state}, "code": {"c"}, "iss": {p.URL}}); err != nil {
		t.Error(err)
	}
}

// TestProvidersThatAreNone: a description that names another issuer or endpoints without
// TLS, and one that does not come at all.
func TestProvidersThatAreNone(t *testing.T) {
	for name, describe := range map[string]map[string]any{
		"another issuer": {"issuer": "https://evil.example"}, "plain keys": {"jwks_uri": "http://keys.example/"}, "plain tokens": {"token_endpoint": "http://id.example/token"},
		"a script": {"authorization_endpoint": "javascript:alert(1)"}, "no tokens": {"token_endpoint": ""}, "a plain end": {"end_session_endpoint": "http://id.example/"},
	} {
		p := newProvider(t)
		p.describe = describe
		c := p.client()
		if address, err := c.Begin(t.Context(), secret); hub.KindOf(err) != hub.KindUnavailable || address != "" {
			t.Errorf("%s: %s, %v", name, address, err)
		}
		if end := c.End(t.Context()); end != "" {
			t.Errorf("%s ends at %s", name, end)
		}
	}

	now := time.Now()
	p := newProvider(t)
	p.describe = map[string]any{"issuer": "https://evil.example"}
	c := p.client(func(o *oidc.Options) { o.Now = func() time.Time { return now } })
	for range 3 {
		if _, err := c.Begin(t.Context(), secret); hub.KindOf(err) != hub.KindUnavailable {
			t.Error(err)
		}
	}
	if p.calls != 1 {
		t.Errorf("a provider that failed was asked %d times at once", p.calls)
	}
	now, p.describe = now.Add(time.Minute), nil
	if _, err := c.Begin(t.Context(), secret); err != nil {
		t.Errorf("the provider is back: %v", err)
	}
}

// TestEndpointsElsewhere: the provider cannot lead the hub into the networks behind it.
func TestEndpointsElsewhere(t *testing.T) {
	p, inside := newProvider(t), newProvider(t)
	p.describe = map[string]any{"token_endpoint": inside.URL + "/token"}
	c := p.client()
	state := p.begin(t, c).Get("state")
	if _, err := c.Finish(t.Context(), secret, url.Values{"state": {state}, "code": {"c"}}); hub.KindOf(err) != hub.KindUnavailable || inside.calls != 0 {
		t.Errorf("%v after %d calls", err, inside.calls)
	}
}

func TestCheckIssuer(t *testing.T) {
	for address, right := range map[string]bool{
		"https://id.example.vn": true, "https://id.example.vn/realms/x": true, "http://localhost:9998/": true, "http://127.0.0.1:1": true, "http://[::1]:1/": true,
		"": false, "id.example.vn": false, "http://id.example.vn": false, "http://10.0.0.1/": false, "https://u:p@id.example.vn": false, "https://id.example.vn?x=1": false,
		"https://id.example.vn/#x": false, "https:///x": false, "javascript:alert(1)": false, "https://id.example.vn/ x": false,
	} {
		if err := oidc.CheckIssuer("x", address); (err == nil) != right {
			t.Errorf("%q: %v", address, err)
		}
	}
}
