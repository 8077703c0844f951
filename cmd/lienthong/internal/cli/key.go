package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/app"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/text"
	"github.com/lienthong/lienthong/hub"
)

type keyCommand struct {
	Create keyCreate `cmd:"" help:"Create a key; its secret is shown this once."`
	List   keyList   `cmd:"" help:"List keys, revoked ones included."`
	Revoke keyRevoke `cmd:"" help:"Revoke a key at once."`

	RotateHub keyRotateHub `cmd:"" name:"rotate-hub" help:"Prepare the next key that signs evidence; its turn begins at a time."`

	RotateSecrets keyRotateSecrets `cmd:"" name:"rotate-secrets" help:"Give the secrets of systems a new key, in a file or wrapped in a token."`

	ResealSecrets keyResealSecrets `cmd:"" name:"reseal-secrets" help:"Encrypt all secrets of systems, webhooks and second factors with the newest key, so that older ones can be destroyed."`

	Recover keyRecover `cmd:"" help:"Write a new operator key to DATA-DIR/operator.key, for a hub with --database whose key file is lost."`
}

type keyCreate struct {
	connection `embed:""`
	Name       string    `required:"" help:"What the key is for."`
	Agency     []string  `help:"Agency that the key speaks for (code or id); repeat for several."`
	Kind       string    `enum:"system,clerk,auditor,operator" default:"system" help:"system, clerk, auditor or operator."`
	Scope      []string  `help:"What the key may do: submit, collect, read, verify, seal, audit, operate, accounts, figures, and alone portal: hand in dossiers. Without it: what the kind usually needs, never seal."`
	Expires    time.Time `format:"2006-01-02" help:"Last day on which it works, YYYY-MM-DD; no end when left out."`
	Out        string    `type:"path" help:"Write the secret to this new file (mode 0600) instead of printing it."`
}

// Run creates a key.
func (c *keyCreate) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	out, err := reserve(c.Out)
	if err != nil {
		return err
	}
	defer out.release()
	issued, err := client.IssueKey(ctx, hubclient.NewKey{
		Name: c.Name, Kind: hub.ActorKind(c.Kind), Agencies: c.Agency, Scopes: c.scopes(), Expires: c.expires(),
	})
	if err != nil {
		return err
	}
	return hand(e, issued, out, "key %s created; its secret is not shown again", issued.Key.ID)
}

// hand prints a secret, or writes it to its file, and says what was created.
func hand(e *env, issued hubclient.IssuedKey, out *reserved, created string, values ...any) error {
	if out.wanted() {
		if err := out.keep(issued.Key.ID, func(w io.Writer) error {
			_, err := fmt.Fprintln(w, issued.Secret)
			return err
		}); err != nil {
			return err
		}
		issued.Secret = ""
	}
	return e.print(issued, func(w io.Writer) {
		if issued.Secret != "" {
			fmt.Fprintln(w, issued.Secret)
		}
		e.note(created, values...)
	})
}

type keyRecover struct {
	hubSettings `embed:""`
}

// Run writes a new operator key.
func (c *keyRecover) Run(ctx context.Context, e *env) error {
	path, err := app.RecoverOperator(ctx, c.Config, newLog(e.Stderr, c.LogLevel, c.LogFormat))
	if err != nil {
		return err
	}
	return e.print(map[string]string{"file": path}, func(w io.Writer) { fmt.Fprintln(w, path) })
}

// expires is the end of the last day, in Vietnam.
func (c *keyCreate) expires() time.Time {
	if c.Expires.IsZero() {
		return time.Time{}
	}
	year, month, day := c.Expires.Date()
	return time.Date(year, month, day+1, 0, 0, 0, 0, hub.Vietnam())
}

// scopes are those given, or what a key of the kind usually needs.
func (c *keyCreate) scopes() []hub.Scope {
	if len(c.Scope) > 0 {
		scopes := make([]hub.Scope, len(c.Scope))
		for i, s := range c.Scope {
			scopes[i] = hub.Scope(s)
		}
		return scopes
	}
	switch hub.ActorKind(c.Kind) {
	case hub.ActorAuditor:
		return []hub.Scope{hub.ScopeAudit, hub.ScopeVerify}
	case hub.ActorOperator:
		return []hub.Scope{hub.ScopeOperate, hub.ScopeVerify}
	}
	return []hub.Scope{hub.ScopeSubmit, hub.ScopeCollect, hub.ScopeRead, hub.ScopeVerify}
}

type keyList struct {
	connection `embed:""`
}

// Run lists keys.
func (c *keyList) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	keys, err := client.Keys(ctx)
	if err != nil {
		return err
	}
	return e.print(keys, func(w io.Writer) {
		t := text.Table{Head: []string{"KEY", "NAME", "KIND", "AGENCIES", "SCOPES", "LAST USED", "STATE"}}
		for i := range keys {
			k := &keys[i]
			t.Add(k.ID, k.Name, string(k.Kind), joined(k.Agencies), joined(k.Scopes), usedOf(k), stateOf(k, time.Now()))
		}
		t.Write(w)
	})
}

// usedOf says when a key or secret was last used.
func usedOf(k *hub.APIKey) string {
	if k.Used.IsZero() {
		return "not yet"
	}
	return text.Clock(k.Used)
}

// stateOf says whether a key or secret is in force, and what ended it or will.
func stateOf(k *hub.APIKey, now time.Time) string {
	switch {
	case !k.Revoked.IsZero() && k.LiveAt(now):
		return "in force until " + text.Clock(k.Revoked)
	case !k.Revoked.IsZero():
		return "revoked " + text.Clock(k.Revoked)
	case !k.LiveAt(now):
		return "expired " + text.Clock(k.Expires)
	}
	return "in force"
}

func joined[T ~string](values []T) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = string(v)
	}
	return strings.Join(texts, ",")
}

type keyRevoke struct {
	connection `embed:""`
	ID         string `arg:"" help:"Key id as key list shows it."`
}

// Run revokes a key.
func (c *keyRevoke) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	if err := client.RevokeKey(ctx, c.ID); err != nil {
		return err
	}
	return e.print(map[string]string{"revoked": c.ID}, func(w io.Writer) { fmt.Fprintln(w, "revoked", c.ID) })
}
