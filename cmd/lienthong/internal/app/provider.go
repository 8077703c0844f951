package app

import (
	"cmp"
	"net/url"
	"os"
	"regexp"
	"strings"

	"github.com/lienthong/lienthong/adapters/oidc"
	"github.com/lienthong/lienthong/adapters/web"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/accounts"
)

var (
	_ web.Provider = (*oidc.Provider)(nil)
	_ web.Outside  = (*accounts.Service)(nil)
)

// ProviderSettings are about an identity provider, by which people may sign in.
type ProviderSettings struct {
	OIDCIssuer           string   `name:"oidc-issuer" env:"LIENTHONG_OIDC_ISSUER" placeholder:"https://HOST/PATH" help:"Identity provider (OpenID Connect) by which people may sign in to the pages, exactly as it writes its issuer. See deploy/sign-in.md."`
	OIDCClientID         string   `name:"oidc-client-id" env:"LIENTHONG_OIDC_CLIENT_ID" help:"Id of this hub at --oidc-issuer."`
	OIDCClientSecretFile string   `name:"oidc-client-secret-file" env:"LIENTHONG_OIDC_CLIENT_SECRET_FILE" help:"File with the secret of --oidc-client-id, read for every sign-in; without it the hub is a public client."`
	OIDCScope            []string `name:"oidc-scope" env:"LIENTHONG_OIDC_SCOPE" help:"Scopes to ask for besides openid; repeat or separate with commas."`
	OIDCClaim            string   `name:"oidc-claim" env:"LIENTHONG_OIDC_CLAIM" default:"sub" help:"Claim whose value names the account. Another than sub must be one that people cannot change themselves; email counts where the provider has verified it."`
	OIDCName             string   `name:"oidc-name" env:"LIENTHONG_OIDC_NAME" help:"What people call the provider, on the button; without it, its host."`
	OIDCCA               string   `name:"oidc-ca" env:"LIENTHONG_OIDC_CA" help:"Certificates (PEM) of authorities that the provider is trusted by, besides those of the system."`
	PagesURL             string   `name:"pages-url" env:"LIENTHONG_PAGES_URL" placeholder:"https://HOST" help:"Address of the pages as browsers know it; required with --oidc-issuer, which sends them back to /sign-in/provider/back there."`
}

// claimNames can name a claim.
var claimNames = regexp.MustCompile(`^[A-Za-z0-9_.:/-]{1,100}$`)

func (c *Config) checkProvider() hub.Violations {
	if c.OIDCIssuer == "" {
		return nil
	}
	var found hub.Violations
	if err := oidc.CheckIssuer("oidc-issuer", c.OIDCIssuer); err != nil {
		found = append(found, hub.ViolationsOf(err)...)
	}
	if err := oidc.CheckIssuer("pages-url", c.PagesURL); err != nil {
		found = append(found, hub.ViolationsOf(err)...)
	} else if u, err := url.Parse(c.PagesURL); err == nil && strings.Trim(u.Path, "/") != "" {
		found = append(found, hub.Invalid("pages-url", "url", "the pages stand at the root of their host"))
	}
	if c.OIDCClientID == "" {
		found = append(found, hub.Invalid("oidc-client-id", "required", "--oidc-issuer knows the hub by its --oidc-client-id"))
	}
	if c.OIDCClientSecretFile != "" {
		if _, err := c.clientSecret(); err != nil {
			found = append(found, hub.Invalid("oidc-client-secret-file", "file", "%v", err))
		}
	}
	if !claimNames.MatchString(c.oidcClaim()) {
		found = append(found, hub.Invalid("oidc-claim", "claim", "%.40q is not the name of a claim", c.OIDCClaim))
	}
	for _, scope := range c.OIDCScope {
		if !claimNames.MatchString(scope) {
			found = append(found, hub.Invalid("oidc-scope", "scope", "%.40q is not a scope", scope))
		}
	}
	if _, err := authorities("oidc-ca", c.OIDCCA); err != nil {
		found = append(found, hub.ViolationsOf(err)...)
	}
	return found
}

func (c *Config) oidcClaim() string { return cmp.Or(c.OIDCClaim, oidc.Subject) }

func (c *Config) clientSecret() (string, error) {
	text, err := os.ReadFile(c.OIDCClientSecretFile)
	return strings.TrimSpace(string(text)), err
}

// logins are those of the provider, without a value.
func (c *Config) logins() hub.Login {
	if c.OIDCIssuer == "" {
		return hub.Login{}
	}
	return hub.Login{Issuer: c.OIDCIssuer, Claim: c.oidcClaim()}
}

// providing adds the provider to what the pages need, where there is one.
func (a *App) providing(o *web.Options) error {
	c := &a.config
	if c.OIDCIssuer == "" {
		return nil
	}
	trust, err := authorities("oidc-ca", c.OIDCCA)
	if err != nil {
		return err
	}
	options := oidc.Options{
		Issuer: c.OIDCIssuer, ClientID: c.OIDCClientID, Scopes: c.OIDCScope, Claim: c.oidcClaim(), TLS: trust, Now: a.now,
		Redirect: strings.TrimSuffix(c.PagesURL, "/") + "/sign-in/provider/back",
	}
	if c.OIDCClientSecretFile != "" {
		options.Secret = c.clientSecret
	}
	u, err := url.Parse(c.OIDCIssuer)
	if err != nil {
		return hub.Invalid("oidc-issuer", "url", "%v", err)
	}
	o.Provider, o.ProviderName = oidc.New(options), cmp.Or(c.OIDCName, u.Host)
	return nil
}
