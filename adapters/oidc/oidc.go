// Package oidc lets an identity provider say who somebody is: OpenID Connect Core 1.0,
// authorization code flow with PKCE (RFC 7636), endpoints and keys by discovery.
//
// An attempt to sign in is bound to one browser by a secret that only that browser has:
// state, nonce and code verifier are made from it, so nothing is kept here meanwhile, and
// an answer that another browser asked for, or nobody, proves nothing. Of the provider's
// answer a name is taken and no more: roles are the hub's business.
//
// The provider is asked when somebody signs in, never before: a hub whose provider is away
// starts and works. Calls are bounded in time, size and number, follow no redirects and
// lead by https alone, but to the machine itself. The operator names the issuer, so that
// host may be anywhere; endpoints that the provider names on other hosts must be public
// ones (adapters/internal/dialguard).
package oidc

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/lienthong/lienthong/hub"
)

// The bounds of calls to the provider.
const (
	callTime    = 10 * time.Second
	maxAnswer   = 1 << 20 // bytes
	callsAtOnce = 16      // people who come back side by side
	maxValue    = 255     // bytes of the value of a claim
	maxCode     = 4 << 10 // bytes of an authorization code
)

// pause is how long a provider that did not answer is not asked again.
const pause = 5 * time.Second

// Subject is the claim that names a person for good.
const Subject = "sub"

// Options configure a Provider; what is not optional is required.
type Options struct {
	Issuer   string // exactly as the provider writes it
	ClientID string
	// Secret returns the secret of the client; it is asked for each time. Nil for a public
	// client.
	Secret   func() (string, error)
	Scopes   []string    // besides openid; optional
	Claim    string      // that names the account; default Subject
	Redirect string      // address at which the browser comes back
	TLS      *tls.Config // whom to trust; default: the system's authorities
	Now      func() time.Time
}

// Provider is an identity provider. It is safe for concurrent use.
type Provider struct {
	options Options
	client  *http.Client
	turn    chan struct{} // held while the provider is discovered
	found   *found        // nil before
	failed  time.Time     // when it was asked in vain
	calls   chan struct{} // a token for each exchange
}

// found is what discovery found.
type found struct {
	*oidc.Provider
	more metadata
}

// metadata is what go-oidc leaves out of the provider's description of itself.
type metadata struct {
	JWKS       string `json:"jwks_uri"`
	UserInfo   string `json:"userinfo_endpoint"`
	EndSession string `json:"end_session_endpoint"`
	// ClientAuth lists how clients sign in where codes are traded.
	ClientAuth []string `json:"token_endpoint_auth_methods_supported"`
	// SendsIssuer says that each answer names its issuer (RFC 9207, section 3).
	SendsIssuer bool `json:"authorization_response_iss_parameter_supported"`
}

// New returns a Provider and asks it nothing yet.
func New(o Options) *Provider {
	o.Claim = cmp.Or(o.Claim, Subject)
	return &Provider{options: o, client: clientFor(o.Issuer, o.TLS), turn: make(chan struct{}, 1), calls: make(chan struct{}, callsAtOnce)}
}

// CheckIssuer says what is wrong with the address of an issuer, or with another one of a
// provider, without asking it.
func CheckIssuer(field, address string) error {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Hostname() == "" || u.Opaque != "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.ContainsFunc(address, unicode.IsSpace):
		return hub.Invalid(field, "url", "this is not an address of the form https://HOST/PATH")
	case !secure(u):
		return hub.Invalid(field, "https", "an address begins with https://, or with http:// on this machine itself")
	}
	return nil
}

// discovered asks the provider about itself, once.
func (p *Provider) discovered(ctx context.Context) (*found, error) {
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return nil, away(ctx.Err())
	}
	if p.found != nil {
		return p.found, nil
	}
	if p.options.Now().Sub(p.failed) < pause {
		return nil, away(errors.New("it did not answer a moment ago"))
	}
	f, err := p.discover(ctx)
	if err != nil {
		if ctx.Err() == nil {
			p.failed = p.options.Now()
		}
		return nil, away(err)
	}
	p.found = f
	return f, nil
}

func (p *Provider) discover(ctx context.Context) (*found, error) {
	provider, err := oidc.NewProvider(oidc.ClientContext(ctx, p.client), p.options.Issuer)
	if err != nil {
		return nil, err
	}
	f := &found{Provider: provider}
	if err := provider.Claims(&f.more); err != nil {
		return nil, err
	}
	for _, endpoint := range []string{provider.Endpoint().AuthURL, provider.Endpoint().TokenURL, f.more.JWKS, f.more.UserInfo, f.more.EndSession} {
		u, err := url.Parse(endpoint)
		optional := endpoint == "" && (endpoint == f.more.UserInfo || endpoint == f.more.EndSession)
		if !optional && (err != nil || u.Hostname() == "" || !secure(u)) {
			return nil, fmt.Errorf("the provider names an endpoint %.200q, which is no https address", endpoint)
		}
	}
	if endpoint := provider.Endpoint(); endpoint.AuthURL == "" || endpoint.TokenURL == "" || f.more.JWKS == "" {
		return nil, errors.New("the provider names no endpoints for the authorization code flow")
	}
	return f, nil
}

func away(err error) error {
	return &hub.Error{Kind: hub.KindUnavailable, Field: "provider", Rule: "away", Message: "the identity provider does not answer", RetryAfter: pause, Err: err}
}

// derive makes a value of an attempt from the secret of its browser.
func derive(secret, what string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("oidc " + what))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func (p *Provider) config(f *found, secret string) *oauth2.Config {
	endpoint := f.Endpoint()
	// A code may be shown once, so there is no trying: the provider says how, and what it
	// leaves out is Basic (OpenID Connect Discovery 1.0, section 3). A public client has
	// nothing to sign in with.
	endpoint.AuthStyle = oauth2.AuthStyleInHeader
	inHeader := len(f.more.ClientAuth) == 0 || slices.Contains(f.more.ClientAuth, "client_secret_basic")
	if p.options.Secret == nil || !inHeader && slices.Contains(f.more.ClientAuth, "client_secret_post") {
		endpoint.AuthStyle = oauth2.AuthStyleInParams
	}
	return &oauth2.Config{
		ClientID: p.options.ClientID, ClientSecret: secret, Endpoint: endpoint, RedirectURL: p.options.Redirect,
		Scopes: append([]string{oidc.ScopeOpenID}, p.options.Scopes...),
	}
}

// Begin returns the address at which the person signs in there. The secret is that of the
// browser, of 32 random bytes at least, and never used again. KindUnavailable when the
// provider does not answer.
func (p *Provider) Begin(ctx context.Context, secret string) (string, error) {
	f, err := p.discovered(ctx)
	if err != nil {
		return "", err
	}
	return p.config(f, "").AuthCodeURL(derive(secret, "state"), oidc.Nonce(derive(secret, "nonce")), oauth2.S256ChallengeOption(derive(secret, "verifier"))), nil
}

// Finish takes the answer with which the provider sent the browser back, and returns whom
// it names. The secret is that of the browser which brought the answer. Errors:
// KindUntrusted with the field "provider" and the rule state, refused, code, token or
// claim; KindUnavailable when the provider does not answer; KindBusy.
func (p *Provider) Finish(ctx context.Context, secret string, answer url.Values) (hub.Login, error) {
	if err := p.own(secret, answer); err != nil {
		return hub.Login{}, err
	}
	f, err := p.discovered(ctx)
	if err != nil {
		return hub.Login{}, err
	}
	issuer := answer["iss"]
	if len(issuer) > 1 || len(issuer) == 1 && issuer[0] != p.options.Issuer || len(issuer) == 0 && f.more.SendsIssuer {
		return hub.Login{}, untrusted("state", errors.New("the answer is that of another issuer"))
	}
	switch code := answer.Get("error"); code {
	case "":
	case "temporarily_unavailable", "server_error":
		return hub.Login{}, away(errors.New(code))
	default:
		return hub.Login{}, untrusted("refused", fmt.Errorf("the provider says %.60q", code))
	}
	code := answer["code"]
	if len(code) != 1 || code[0] == "" || len(code[0]) > maxCode {
		return hub.Login{}, untrusted("code", errors.New("the answer has no code"))
	}
	select {
	case p.calls <- struct{}{}:
		defer func() { <-p.calls }()
	default:
		return hub.Login{}, &hub.Error{Kind: hub.KindBusy, Field: "provider", Rule: "busy", Message: "many people sign in at this moment", RetryAfter: time.Second}
	}
	return p.exchange(oidc.ClientContext(ctx, p.client), f, secret, code[0])
}

// own refuses an answer that this browser did not ask for.
func (p *Provider) own(secret string, answer url.Values) error {
	state := answer["state"]
	if secret == "" || len(state) != 1 || subtle.ConstantTimeCompare([]byte(state[0]), []byte(derive(secret, "state"))) != 1 {
		return untrusted("state", errors.New("this browser did not ask for the answer"))
	}
	return nil
}

// exchange trades the code for an ID token and reads it.
func (p *Provider) exchange(ctx context.Context, f *found, secret, code string) (hub.Login, error) {
	clientSecret := ""
	if p.options.Secret != nil {
		var err error
		if clientSecret, err = p.options.Secret(); err != nil {
			return hub.Login{}, away(fmt.Errorf("the secret of the client: %w", err))
		}
	}
	tokens, err := p.config(f, clientSecret).Exchange(ctx, code, oauth2.VerifierOption(derive(secret, "verifier")))
	var refused *oauth2.RetrieveError
	switch {
	case errors.As(err, &refused) && refused.ErrorCode == "invalid_grant":
		return hub.Login{}, untrusted("code", err)
	case err != nil:
		return hub.Login{}, away(err)
	}
	raw, _ := tokens.Extra("id_token").(string)
	token, err := f.Verifier(&oidc.Config{ClientID: p.options.ClientID, Now: p.options.Now}).Verify(ctx, raw)
	if err != nil {
		return hub.Login{}, untrusted("token", err)
	}
	if err := p.forUs(token, secret); err != nil {
		return hub.Login{}, untrusted("token", err)
	}
	value, err := p.named(ctx, f, token, tokens)
	if err != nil {
		return hub.Login{}, err
	}
	return hub.Login{Issuer: p.options.Issuer, Claim: p.options.Claim, Value: value}, nil
}

// forUs makes the checks that go-oidc leaves to its callers (OpenID Connect Core 1.0,
// section 3.1.3.7, 3 to 5 and 11).
func (p *Provider) forUs(token *oidc.IDToken, secret string) error {
	if subtle.ConstantTimeCompare([]byte(token.Nonce), []byte(derive(secret, "nonce"))) != 1 {
		return errors.New("the nonce is another one")
	}
	var party struct {
		AZP string `json:"azp"`
	}
	if err := token.Claims(&party); err != nil {
		return err
	}
	if party.AZP != "" && party.AZP != p.options.ClientID || party.AZP == "" && len(token.Audience) > 1 {
		return fmt.Errorf("the token was made for %.200q", slices.Concat(token.Audience, []string{party.AZP}))
	}
	return nil
}

// named reads the claim that names the person: from the ID token, or where it is not
// there, from the provider's endpoint for that (section 5.3).
func (p *Provider) named(ctx context.Context, f *found, token *oidc.IDToken, tokens *oauth2.Token) (string, error) {
	claims := map[string]any{}
	if err := token.Claims(&claims); err != nil {
		return "", untrusted("token", err)
	}
	if _, there := claims[p.options.Claim]; !there && f.more.UserInfo != "" {
		info, err := f.UserInfo(ctx, oauth2.StaticTokenSource(tokens))
		if err != nil {
			return "", away(err)
		}
		if info.Subject != token.Subject { // section 5.3.2
			return "", untrusted("token", errors.New("the provider tells of another person"))
		}
		if err := info.Claims(&claims); err != nil {
			return "", untrusted("token", err)
		}
	}
	value, _ := claims[p.options.Claim].(string)
	switch {
	case value == "" || len(value) > maxValue || !utf8.ValidString(value) || strings.ContainsFunc(value, func(r rune) bool { return !unicode.IsPrint(r) }):
		return "", untrusted("claim", fmt.Errorf("the provider gives no claim %q that names a person", p.options.Claim))
	case p.options.Claim == "email" && claims["email_verified"] != true && claims["email_verified"] != "true":
		return "", untrusted("claim", errors.New("the provider has not verified the address of the person"))
	}
	return value, nil
}

func untrusted(rule string, err error) error {
	return &hub.Error{Kind: hub.KindUntrusted, Field: "provider", Rule: rule, Message: "the identity provider does not prove who signs in", Err: err}
}

// End returns the address at which the person signs out at the provider (OpenID Connect
// RP-Initiated Logout 1.0), or "" where it has none or does not answer.
func (p *Provider) End(ctx context.Context) string {
	f, err := p.discovered(ctx)
	if err != nil || f.more.EndSession == "" {
		return ""
	}
	u, err := url.Parse(f.more.EndSession)
	if err != nil {
		return ""
	}
	q := u.Query()
	q.Set("client_id", p.options.ClientID)
	u.RawQuery = q.Encode()
	return u.String()
}

// CloseIdle closes connections that nobody uses.
func (p *Provider) CloseIdle() { p.client.CloseIdleConnections() }
