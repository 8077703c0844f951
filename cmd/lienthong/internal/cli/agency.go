package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/text"
	"github.com/lienthong/lienthong/hub"
)

type agencyCommand struct {
	Search agencySearch `cmd:"" help:"Find agencies by words of their names or codes."`
	Show   agencyShow   `cmd:"" help:"Show what a code means, and its successor when it is closed."`
	Import agencyImport `cmd:"" help:"Import agencies from CSV (operator); --dry-run shows the differences."`
	Export agencyExport `cmd:"" help:"Write all agencies as CSV to standard output (operator)."`
}

type agencySearch struct {
	connection `embed:""`
	Words      []string `arg:"" optional:"" help:"Words; diacritics do not matter. None lists all."`
	Limit      int      `default:"50" help:"Rows at most."`
}

// Run searches.
func (c *agencySearch) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	list, err := client.Agencies(ctx, hubclient.AgencyQuery{Text: strings.Join(c.Words, " "), Page: hub.Page{Limit: c.Limit}})
	if err != nil {
		return err
	}
	e.noteMore(list.Next)
	return e.print(list.Items, func(w io.Writer) {
		t := text.Table{Head: []string{"CODE", "NAME", "LEVEL"}}
		now := time.Now()
		for i := range list.Items {
			a := &list.Items[i]
			level, _ := hub.At(a.Levels, now)
			t.Add(string(a.CodeAt(now)), a.NameAt(now), string(level))
		}
		t.Write(w)
	})
}

type agencyShow struct {
	connection `embed:""`
	Code       string `arg:"" help:"Code in either form."`
}

// Run resolves a code.
func (c *agencyShow) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	resolution, err := client.Agency(ctx, c.Code, time.Time{})
	if err != nil {
		return err
	}
	return e.print(resolution, func(w io.Writer) {
		a, now := resolution.Agency, time.Now()
		fmt.Fprintf(w, "%s  %s\n", a.CodeAt(now), a.NameAt(now))
		for _, code := range a.Codes {
			fmt.Fprintf(w, "  code %s (%s)\n", code.Value, code.Value.Form())
		}
		if resolution.Note != "" {
			fmt.Fprintln(w, "  note:", resolution.Note)
		}
	})
}

type agencyImport struct {
	connection `embed:""`
	File       string `arg:"" type:"existingfile" help:"CSV file; the columns are in the documentation of the API."`
	DryRun     bool   `name:"dry-run" help:"Show what would change and change nothing."`
}

// Run imports.
func (c *agencyImport) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	f, err := os.Open(c.File)
	if err != nil {
		return hub.Invalid("file", "file", "%v", err)
	}
	defer f.Close()
	result, err := client.ImportAgencies(ctx, f, c.DryRun)
	if err != nil {
		return err
	}
	return e.print(result, func(w io.Writer) {
		for _, row := range result.Rows {
			fmt.Fprintf(w, "line %d: %s: %s\n", row.Line, row.Code, row.Change)
		}
		verb := map[bool]string{true: "would be ", false: ""}[c.DryRun]
		fmt.Fprintf(w, "%s%d added, %d changed, %d unchanged\n", verb, result.Added, result.Changed, result.Unchanged)
	})
}

type agencyExport struct {
	connection `embed:""`
}

// Run exports.
func (c *agencyExport) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	return client.ExportAgencies(ctx, e.Stdout, time.Time{})
}

type keyCommand struct {
	Create keyCreate `cmd:"" help:"Create a key; its secret is shown this once."`
	List   keyList   `cmd:"" help:"List keys, revoked ones included."`
	Revoke keyRevoke `cmd:"" help:"Revoke a key at once."`
}

type keyCreate struct {
	connection `embed:""`
	Name       string    `required:"" help:"What the key is for."`
	Agency     []string  `help:"Agency that the key speaks for (code or id); repeat for several."`
	Kind       string    `enum:"system,clerk,auditor,operator" default:"system" help:"system, clerk, auditor or operator."`
	Scope      []string  `help:"What the key may do: submit, collect, read, verify, audit, operate."`
	Expires    time.Time `format:"2006-01-02" help:"Last day on which it works, YYYY-MM-DD; no end when left out."`
	Out        string    `type:"path" help:"Write the secret to this file (mode 0600) instead of printing it."`
}

// Run creates a key.
func (c *keyCreate) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	issued, err := client.IssueKey(ctx, hubclient.NewKey{
		Name: c.Name, Kind: hub.ActorKind(c.Kind), Agencies: c.Agency, Scopes: c.scopes(), Expires: c.expires(),
	})
	if err != nil {
		return err
	}
	if c.Out != "" {
		if err := writeFile(c.Out, func(w io.Writer) error {
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
		e.note("key %s created; its secret is not shown again", issued.Key.ID)
	})
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
		t := text.Table{Head: []string{"KEY", "NAME", "KIND", "AGENCIES", "SCOPES", "STATE"}}
		for i := range keys {
			k := &keys[i]
			state := "revoked " + text.Clock(k.Revoked)
			if k.LiveAt(time.Now()) {
				state = "in force"
			}
			t.Add(k.ID, k.Name, string(k.Kind), joined(k.Agencies), joined(k.Scopes), state)
		}
		t.Write(w)
	})
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
