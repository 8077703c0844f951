package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/text"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/directory"
)

type agencyCommand struct {
	Search     agencySearch     `cmd:"" help:"Find agencies by words of their names or codes, now or on a day."`
	Show       agencyShow       `cmd:"" help:"Show what a code means, and its successor when it is closed, now or on a day."`
	Tree       agencyTree       `cmd:"" help:"List the agencies directly below one, now or on a day."`
	History    agencyHistory    `cmd:"" help:"Show all that an agency was, and who came before and after it."`
	Import     agencyImport     `cmd:"" help:"Import agencies from CSV or JSON (operator); --dry-run shows the differences."`
	Export     agencyExport     `cmd:"" help:"Write all agencies as CSV or JSON to standard output (operator)."`
	Sync       agencySync       `cmd:"" help:"Take over what changed in the directory of a hub above, or in the register of the national axis, since the last time (operator)."`
	Acts       agencyActs       `cmd:"" help:"List the acts by which agencies changed."`
	Reorganise agencyReorganise `cmd:"" help:"Rename, merge, split, move or abolish agencies from a day on (operator)."`
	HandOver   agencyHandOver   `cmd:"" name:"hand-over" help:"Hand an agency that has closed over to its successor: open deliveries, drafts and people (operator)."`
	Test       agencyTest       `cmd:"" help:"Test how an agency is connected, hop by hop, with a document that nothing counts."`

	Bind     agencyBind     `cmd:"" help:"Say that a certificate signs for an agency (operator)."`
	Bindings agencyBindings `cmd:"" help:"List the certificates that sign for an agency."`
	Unbind   agencyUnbind   `cmd:"" help:"End that a certificate signs for an agency (operator)."`
}

type agencySearch struct {
	connection `embed:""`
	Words      []string `arg:"" optional:"" help:"Words; diacritics do not matter. None lists all."`
	Limit      int      `default:"50" help:"Rows at most."`
	Day        asOfDay  `embed:""`
}

// asOfDay asks for another day than today.
type asOfDay struct {
	At string `name:"at" placeholder:"DATE" help:"As of this day, YYYY-MM-DD, in Vietnam; default: now."`
}

// instant is the beginning of the day; zero for now.
func (d asOfDay) instant() (time.Time, error) { return dayOf("at", d.At) }

// dayOf reads a day in Vietnam; zero for an empty one.
func dayOf(flag, s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	t, err := time.ParseInLocation(time.DateOnly, s, hub.Vietnam())
	if err != nil {
		return t, hub.Invalid(flag, "date", "%q is not a date of the form YYYY-MM-DD that exists", s)
	}
	return t, nil
}

// orNow is an instant, or now for the zero one.
func orNow(t time.Time) time.Time {
	if t.IsZero() {
		return time.Now()
	}
	return t
}

// Run searches.
func (c *agencySearch) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	at, err := c.Day.instant()
	if err != nil {
		return err
	}
	list, err := client.Agencies(ctx, hubclient.AgencyQuery{Text: strings.Join(c.Words, " "), At: at, Page: hub.Page{Limit: c.Limit}})
	if err != nil {
		return err
	}
	e.noteMore(list.Next)
	return e.print(list.Items, func(w io.Writer) { writeAgencies(w, list.Items, orNow(at)) })
}

func writeAgencies(w io.Writer, list []hub.Agency, at time.Time) {
	t := text.Table{Head: []string{"CODE", "NAME", "LEVEL"}}
	for i := range list {
		a := &list[i]
		level, _ := hub.At(a.Levels, at)
		t.Add(string(a.CodeAt(at)), a.NameAt(at), string(level))
	}
	t.Write(w)
}

type agencyTree struct {
	connection `embed:""`
	Code       string  `arg:"" help:"Code or id of the agency above."`
	Day        asOfDay `embed:""`
}

// Run lists what is below an agency.
func (c *agencyTree) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	at, err := c.Day.instant()
	if err != nil {
		return err
	}
	list, err := client.Children(ctx, c.Code, at)
	if err != nil {
		return err
	}
	return e.print(list, func(w io.Writer) { writeAgencies(w, list, orNow(at)) })
}

type agencyShow struct {
	connection `embed:""`
	Code       string  `arg:"" help:"Code in either form."`
	Day        asOfDay `embed:""`
}

// Run resolves a code.
func (c *agencyShow) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	at, err := c.Day.instant()
	if err != nil {
		return err
	}
	resolution, err := client.Agency(ctx, c.Code, at)
	if err != nil {
		return err
	}
	return e.print(resolution, func(w io.Writer) {
		a, then := resolution.Agency, orNow(at)
		fmt.Fprintf(w, "%s  %s\n", a.CodeAt(then), a.NameAt(then))
		for _, code := range a.Codes {
			if code.Valid.Contains(then) {
				fmt.Fprintf(w, "  code %s (%s)\n", code.Value, code.Value.Form())
			}
		}
		fmt.Fprintf(w, "  channel %s\n", a.ChannelAt(then))
		if resolution.Note != "" {
			fmt.Fprintln(w, "  note:", resolution.Note)
		}
	})
}

type agencyHistory struct {
	connection `embed:""`
	Code       string `arg:"" help:"Code that the agency has or had, or its id."`
}

// Run shows the history of an agency.
func (c *agencyHistory) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	h, err := client.AgencyHistory(ctx, c.Code)
	if err != nil {
		return err
	}
	return e.print(h, func(w io.Writer) {
		fmt.Fprintf(w, "%s%s\n", h.Agency.ID, during(h.Agency.Valid))
		writeSpans(w, "name", h.Agency.Names)
		writeSpans(w, "code", h.Agency.Codes)
		writeSpans(w, "level", h.Agency.Levels)
		writeSpans(w, "kind", h.Agency.Kinds)
		writeSpans(w, "parent", h.Agency.Parents)
		writeSpans(w, "channel", h.Agency.Channels)
		writeSpans(w, "received by", h.Agency.ReceivedBy)
		for _, id := range h.Predecessors {
			fmt.Fprintln(w, "  took over from", id)
		}
		for _, id := range h.Successors {
			fmt.Fprintln(w, "  successor", id)
		}
		writeActs(w, h.Acts)
	})
}

func writeSpans[T any](w io.Writer, what string, list []hub.Dated[T]) {
	for _, d := range list {
		fmt.Fprintf(w, "  %s %v%s\n", what, d.Value, during(d.Valid))
	}
}

// during writes when something holds, by days of Vietnam, the last one exclusive.
func during(i hub.Interval) string {
	var s string
	if !i.From.IsZero() {
		s = " from " + localDay(i.From)
	}
	if !i.To.IsZero() {
		s += " until before " + localDay(i.To)
	}
	return s
}

func localDay(t time.Time) string { return t.In(hub.Vietnam()).Format(time.DateOnly) }

func writeActs(w io.Writer, acts []hub.Reorganisation) {
	for i := range acts {
		act := &acts[i]
		fmt.Fprintf(w, "%s %s %s", localDay(act.At), act.Kind, joinIDs(act.From))
		if len(act.To) > 0 {
			fmt.Fprintf(w, " -> %s", joinIDs(act.To))
		}
		if act.Basis != "" {
			fmt.Fprintf(w, " (%s)", act.Basis)
		}
		if !act.Withdrawn.IsZero() {
			fmt.Fprintf(w, " withdrawn %s", localDay(act.Withdrawn))
		}
		fmt.Fprintln(w)
	}
}

func joinIDs(ids []hub.AgencyID) string {
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = string(id)
	}
	return strings.Join(texts, ", ")
}

type agencyActs struct {
	connection `embed:""`
	Limit      int `default:"200" help:"Rows at most."`
}

// Run lists acts.
func (c *agencyActs) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	list, err := client.AgencyActs(ctx, hub.Page{Limit: c.Limit})
	if err != nil {
		return err
	}
	e.noteMore(list.Next)
	return e.print(list.Items, func(w io.Writer) { writeActs(w, list.Items) })
}

type agencyReorganise struct {
	connection `embed:""`
	Kind       string   `arg:"" enum:"rename,merge,split,move,abolish" help:"rename, merge, split, move or abolish."`
	From       []string `arg:"" help:"Codes or ids of the agencies to which it happens."`
	Day        string   `required:"" placeholder:"DATE" help:"First day on which it holds, YYYY-MM-DD, in Vietnam; it may have gone by."`
	To         []string `placeholder:"CODE" help:"Who takes over; of a move the new parent. Several of a split."`
	Name       string   `help:"Of a rename: the new name."`
	Code       string   `help:"Of a rename: the new code; the one before leads to the agency, with a note."`
	Basis      string   `help:"The decision behind it."`
	DryRun     bool     `name:"dry-run" help:"Show what would change and change nothing."`
}

// Run changes agencies.
func (c *agencyReorganise) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	result, err := client.Reorganise(ctx, hub.AgencyChange{
		Kind: hub.ActKind(c.Kind), Day: c.Day, From: c.From, To: c.To, Name: c.Name, Code: c.Code, Basis: c.Basis,
	}, c.DryRun)
	if err != nil {
		return err
	}
	return e.print(result, func(w io.Writer) { writeImported(w, result, c.DryRun) })
}

type agencyImport struct {
	connection `embed:""`
	File       string `arg:"" optional:"" type:"existingfile" help:"CSV file, or JSON as export --format json writes it (named .json); the columns are in the documentation of the API."`
	From       string `placeholder:"DATE" help:"First day on which the changes of a CSV file hold, YYYY-MM-DD, in Vietnam; default: at once."`
	Basis      string `help:"The decision that the changes follow; kept with the recorded acts."`
	Sample     string `placeholder:"NAME" help:"Instead of a file a sample list, fictional below level 1: quang-nam-before, then quang-nam-after (of 1 July 2025)."`
	DryRun     bool   `name:"dry-run" help:"Show what would change and change nothing."`
}

// Run imports.
func (c *agencyImport) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	options := hub.ImportOptions{Format: hub.ListCSV, Basis: c.Basis, DryRun: c.DryRun}
	if options.From, err = dayOf("from", c.From); err != nil {
		return err
	}
	if strings.EqualFold(filepath.Ext(c.File), ".json") {
		options.Format = hub.ListJSON
	}
	list, err := c.list()
	if err != nil {
		return err
	}
	defer list.Close()
	result, err := client.ImportList(ctx, list, options)
	if err != nil {
		return err
	}
	return e.print(result, func(w io.Writer) { writeImported(w, result, c.DryRun) })
}

// list opens what is imported.
func (c *agencyImport) list() (io.ReadCloser, error) {
	if (c.File == "") == (c.Sample == "") {
		return nil, hub.Invalid("file", "required", "import a file or a --sample")
	}
	if c.Sample != "" {
		list, ok := directory.Sample(c.Sample)
		if !ok {
			return nil, hub.Invalid("sample", "sample", "the samples are %s", strings.Join(directory.Samples(), ", "))
		}
		return io.NopCloser(strings.NewReader(list)), nil
	}
	f, err := os.Open(c.File)
	if err != nil {
		return nil, hub.Invalid("file", "file", "%v", err)
	}
	return f, nil
}

func writeImported(w io.Writer, result hub.ImportReport, dryRun bool) {
	for _, row := range result.Rows {
		fmt.Fprintf(w, "line %d: %s: %s\n", row.Line, row.Code, row.Change)
		for _, d := range row.Differences {
			fmt.Fprintf(w, "    %s: %q -> %q\n", d.Column, d.Was, d.Is)
		}
	}
	verb := map[bool]string{true: "would be ", false: ""}[dryRun]
	fmt.Fprintf(w, "%s%d added, %d changed, %d unchanged\n", verb, result.Added, result.Changed, result.Unchanged)
}

type agencyExport struct {
	connection `embed:""`
	Format     string  `enum:"csv,json" default:"csv" help:"csv: as of one day, a row for each agency; json: with all that they ever were."`
	Day        asOfDay `embed:""`
}

// Run exports.
func (c *agencyExport) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	at, err := c.Day.instant()
	if err != nil {
		return err
	}
	if c.Format == hub.ListJSON {
		return client.ExportHistory(ctx, e.Stdout)
	}
	return client.ExportAgencies(ctx, e.Stdout, at)
}
