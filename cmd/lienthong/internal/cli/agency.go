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

	Bind     agencyBind     `cmd:"" help:"Say that a certificate signs for an agency (operator)."`
	Bindings agencyBindings `cmd:"" help:"List the certificates that sign for an agency."`
	Unbind   agencyUnbind   `cmd:"" help:"End that a certificate signs for an agency (operator)."`
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
