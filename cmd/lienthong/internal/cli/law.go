package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/text"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/law"
)

// lawCommand keeps how much time the law gives.
type lawCommand struct {
	Show   lawShow   `cmd:"" help:"Show how much time the law gives to send, to give notice and to register."`
	Import lawImport `cmd:"" help:"Put a new version of the whole set into force from a CSV or JSON file (operator)."`
}

type lawShow struct {
	connection `embed:""`
	CSV        bool `help:"As the CSV that import reads."`
}

// Run shows the rules.
func (c *lawShow) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	set, err := client.LegalTerms(ctx)
	if err != nil {
		return err
	}
	if c.CSV {
		return law.WriteCSV(e.Stdout, set.Terms)
	}
	return e.print(set, func(w io.Writer) {
		fmt.Fprintf(w, "version %d, %s\n", set.Version, text.Printable(set.Source))
		t := text.Table{Head: []string{"ID", "DUTY", "URGENT", "IN FORCE", "TIME", "SOURCE"}}
		for i := range set.Terms {
			l := &set.Terms[i]
			t.Add(text.Printable(l.ID), string(l.Duty), yesNo(l.Urgent), string(l.From)+" – "+string(l.To), givenTime(l), text.Printable(l.Source))
		}
		t.Write(w)
	})
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

// givenTime is how much time a rule gives, in words.
func givenTime(l *hub.LegalTerm) string {
	if l.Within != "" {
		return "within " + l.Within
	}
	day := "the same day"
	if l.Days > 0 {
		day = fmt.Sprintf("%d working days", l.Days)
	}
	if l.By != "" {
		return day + ", by " + l.By
	}
	return day
}

type lawImport struct {
	connection `embed:""`
	File       string `arg:"" type:"existingfile" help:"CSV with the columns that show --csv writes, or a JSON array of the same. It is the whole set: a rule that ended stays in it, with the day to."`
	Source     string `required:"" help:"What the rules were taken from, such as the number of the decree."`
	DryRun     bool   `help:"Tell what would change, and change nothing."`
}

// Run imports.
func (c *lawImport) Run(ctx context.Context, e *env) error {
	raw, err := readLimited(c.File, maxCalendarFile)
	if err != nil {
		return hub.Invalid("file", "file", "%v", err)
	}
	terms, err := law.ReadTerms(bytes.NewReader(raw), strings.EqualFold(filepath.Ext(c.File), ".csv"))
	if err != nil {
		return err
	}
	client, err := c.client(e)
	if err != nil {
		return err
	}
	report, err := client.ImportLegalTerms(ctx, c.Source, terms, c.DryRun)
	if err != nil {
		return err
	}
	return e.print(report, func(w io.Writer) {
		word := "changed"
		if report.DryRun {
			word = "would change"
		}
		fmt.Fprintf(w, "version %d: %s %s\n", report.Version, text.Count(len(report.Changes), "rule"), word)
		t := text.Table{Head: []string{"ID", "WAS", "NOW"}}
		for _, change := range report.Changes {
			t.Add(text.Printable(change.ID), givenWas(change.Was), givenWas(change.Now))
		}
		t.Write(w)
	})
}

func givenWas(l *hub.LegalTerm) string {
	if l == nil {
		return "–"
	}
	return givenTime(l) + ", " + string(l.From) + " – " + string(l.To)
}

// clockLine is a clock of the law in words.
func clockLine(c *hub.LegalClock) string {
	line := string(c.Duty) + ": " + strings.ReplaceAll(string(c.State), "_", " ") + ", due " + c.Due.In(hub.Vietnam()).Format(time.DateTime)
	if !c.Open() {
		line += ", done " + c.Met.In(hub.Vietnam()).Format(time.DateTime)
	}
	return line + " (" + text.Printable(c.Source) + ")"
}
