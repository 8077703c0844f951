package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/text"
	"github.com/lienthong/lienthong/hub"
)

// procedureCommand keeps the catalogue of administrative procedures.
type procedureCommand struct {
	List    procedureList    `cmd:"" help:"List the procedures that are in force, now or at a minute."`
	Show    procedureShow    `cmd:"" help:"Show all versions of a procedure."`
	Import  procedureImport  `cmd:"" help:"Publish, amend and abolish procedures by a decision, from a CSV, JSON or XML file."`
	Abolish procedureAbolish `cmd:"" help:"Abolish procedures by a decision."`
	Changes procedureChanges `cmd:"" help:"List the changes behind a number, as portals and one-stop systems follow them."`
}

type procedureList struct {
	connection  `embed:""`
	Search      string `arg:"" optional:"" help:"Words of code, name or field, with or without diacritics."`
	Responsible string `help:"Code or id of the responsible agency; all when left out."`
	At          string `help:"A day or minute in Viet Nam, such as 2025-07-01T07:30; now when left out."`
	Limit       int    `default:"50" help:"Rows at most."`
}

// Run lists procedures.
func (c *procedureList) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	at, err := minuteOf("at", c.At)
	if err != nil {
		return err
	}
	list, err := client.Procedures(ctx, c.Search, c.Responsible, at, hub.Page{Limit: c.Limit})
	if err != nil {
		return err
	}
	e.noteMore(list.Next)
	return e.print(list.Items, func(w io.Writer) {
		if len(list.Items) == 0 {
			fmt.Fprintln(w, "no procedure is in force")
			return
		}
		printProcedures(w, list.Items)
	})
}

func minuteOf(field, s string) (time.Time, error) {
	t, ok := hub.ParseProcedureMinute(s)
	if !ok {
		return t, hub.Invalid(field, "date_time", "%.30q is no day or minute such as 2025-07-01 or 2025-07-01T07:30", s)
	}
	return t, nil
}

func printProcedures(w io.Writer, versions []hub.ProcedureVersion) {
	t := text.Table{Head: []string{"CODE", "VERSION", "STATE", "IN FORCE", "NAME", "AGENCY", "LIMIT", "ONLINE", "BY"}}
	for i := range versions {
		v := &versions[i]
		t.Add(text.Printable(v.Code), strconv.FormatInt(v.Version, 10), string(v.State), string(hub.MinuteOf(v.Valid.From))+" – "+string(hub.MinuteOf(v.Valid.To)),
			text.Short(v.Name, 60), text.Printable(string(v.AgencyCode)), strconv.Itoa(v.Limit.Amount)+" "+string(v.Limit.Unit), string(v.Online), printedDecision(&v.Decision))
	}
	t.Write(w)
}

func printedDecision(d *hub.ProcedureDecision) string {
	return text.Printable(d.Number + "/" + d.Notation + " " + string(d.Date))
}

type procedureShow struct {
	connection `embed:""`
	Code       string `arg:"" help:"Code of the procedure."`
}

// Run shows the versions of a procedure.
func (c *procedureShow) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	versions, err := client.ProcedureVersions(ctx, c.Code)
	if err != nil {
		return err
	}
	return e.print(versions, func(w io.Writer) { printProcedures(w, versions) })
}

// byDecision is what an act on the catalogue is done by.
type byDecision struct {
	Decision string `required:"" help:"Id of the dispatch of the signed decision, sent over this hub."`
	From     string `help:"Day or minute in Viet Nam from which it is in effect; the minute that runs when left out."`
	DryRun   bool   `help:"Tell what would change, and change nothing."`
}

func (d *byDecision) wish() (hub.ProcedureWish, error) {
	from, err := minuteOf("from", d.From)
	return hub.ProcedureWish{Decision: hub.DispatchID(d.Decision), From: from, DryRun: d.DryRun}, err
}

type procedureImport struct {
	connection `embed:""`
	byDecision `embed:""`
	File       string            `arg:"" type:"existingfile" help:"CSV, JSON or XML, with the names of columns that national exports have."`
	Column     map[string]string `help:"What a column of the file is here, theirs=ours; may be repeated."`
}

// Run imports.
func (c *procedureImport) Run(ctx context.Context, e *env) error {
	wish, err := c.wish()
	if err != nil {
		return err
	}
	wish.Columns = c.Column
	file, err := os.Open(c.File)
	if err != nil {
		return hub.Invalid("file", "file", "%v", err)
	}
	defer file.Close()
	client, err := c.client(e)
	if err != nil {
		return err
	}
	report, err := client.ImportProcedures(ctx, wish, file)
	if err != nil {
		return err
	}
	return e.print(report, func(w io.Writer) { printProcedureImport(w, &report) })
}

func printProcedureImport(w io.Writer, r *hub.ProcedureImport) {
	word := ""
	if r.DryRun {
		word = " (nothing was changed)"
	}
	fmt.Fprintf(w, "%d published, %d amended, %d abolished, %d unchanged%s\n", r.Published, r.Amended, r.Abolished, r.Unchanged, word)
	if len(r.Ignored) > 0 {
		fmt.Fprintf(w, "columns that mean nothing here: %s\n", text.Printable(strings.Join(r.Ignored, ", ")))
	}
	if len(r.Rows) == 0 {
		return
	}
	t := text.Table{Head: []string{"ROW", "CODE", "ACT", "FROM", "NAME", "DIFFERENCES"}}
	for _, row := range r.Rows {
		differences := make([]string, len(row.Differences))
		for i, d := range row.Differences {
			differences[i] = d.Field + ": " + text.Short(d.Was, 60) + " → " + text.Short(d.Is, 60)
		}
		t.Add(strconv.Itoa(row.Row), text.Printable(row.Code), string(row.Act), string(hub.MinuteOf(row.From)), text.Short(row.Name, 60), text.Printable(strings.Join(differences, "; ")))
	}
	t.Write(w)
}

type procedureAbolish struct {
	connection `embed:""`
	byDecision `embed:""`
	Codes      []string `arg:"" help:"Codes of the procedures."`
}

// Run abolishes.
func (c *procedureAbolish) Run(ctx context.Context, e *env) error {
	wish, err := c.wish()
	if err != nil {
		return err
	}
	client, err := c.client(e)
	if err != nil {
		return err
	}
	report, err := client.AbolishProcedures(ctx, wish, c.Codes...)
	if err != nil {
		return err
	}
	return e.print(report, func(w io.Writer) { printProcedureImport(w, &report) })
}

type procedureChanges struct {
	connection `embed:""`
	After      int64 `help:"The number of the last change that is known."`
	Limit      int   `default:"100" help:"Rows at most."`
}

// Run lists changes.
func (c *procedureChanges) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	changes, last, err := client.ProcedureChanges(ctx, c.After, c.Limit)
	if err != nil {
		return err
	}
	return e.print(changes, func(w io.Writer) {
		if len(changes) == 0 {
			fmt.Fprintf(w, "nothing changed behind %d\n", last)
			return
		}
		t := text.Table{Head: []string{"SEQ", "ACT", "CODE", "VERSION", "FROM", "STATE NOW", "BY"}}
		for i := range changes {
			p := &changes[i]
			state := ""
			if p.Version != nil {
				state = string(p.Version.State)
			}
			t.Add(strconv.FormatInt(p.Seq, 10), string(p.Act), text.Printable(p.Code), strconv.FormatInt(p.Number, 10), string(hub.MinuteOf(p.From)), state, printedDecision(&p.Decision))
		}
		t.Write(w)
	})
}
