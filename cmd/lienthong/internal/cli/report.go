package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/text"
	"github.com/lienthong/lienthong/hub"
)

// reportCommand is for agencies that report on reform.
type reportCommand struct {
	Make     reportMake     `cmd:"" help:"Make a report of an agency, or a roll-up of it and all under it, and keep it."`
	Preview  reportPreview  `cmd:"" help:"Count the numbers of a report, and keep nothing."`
	List     reportList     `cmd:"" help:"List the reports of an agency."`
	Show     reportShow     `cmd:"" help:"Show a report: its numbers, and the question behind each."`
	File     reportFile     `cmd:"" help:"Download a report as DOCX, PDF or XLSX."`
	Due      reportDue      `cmd:"" help:"Say how the reports stand that are due by the schedule."`
	Template reportTemplate `cmd:"" help:"Show or set how an agency writes its reports."`
	Schedule reportSchedule `cmd:"" help:"Show or set when reports of an agency are due."`
}

// reportOf says what a report is of.
type reportOf struct {
	ownAgency `embed:""`
	Period    string `required:"" help:"2026-03, 2026-Q1 or 2026."`
	Scope     string `default:"own" help:"own: of the agency alone; tree: with all that stand under it."`
}

type reportMake struct {
	connection `embed:""`
	reportOf   `embed:""`
}

// Run makes a report.
func (c *reportMake) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	report, err := client.MakeReport(ctx, c.Agency, hub.Period(c.Period), hub.ReportScope(c.Scope))
	if err != nil {
		return err
	}
	return e.print(report, func(w io.Writer) { printReport(w, &report) })
}

type reportPreview struct {
	connection `embed:""`
	reportOf   `embed:""`
}

// Run counts numbers.
func (c *reportPreview) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	report, err := client.PreviewReport(ctx, c.Agency, hub.Period(c.Period), hub.ReportScope(c.Scope))
	if err != nil {
		return err
	}
	return e.print(report, func(w io.Writer) { printReport(w, &report) })
}

func printReport(w io.Writer, r *hub.ReformReport) {
	if r.ID != "" {
		fmt.Fprintf(w, "report %s, ", r.ID)
	}
	fmt.Fprintf(w, "%s of %s, %s, %d agencies, made %s by %s, template %d\n", r.Period, text.Printable(r.Name), r.Scope, r.Units, text.Clock(r.MadeAt), text.Printable(r.By), r.Template)
	t := text.Table{Head: []string{"NUMBER", "VALUE", "WHY", "SOURCE", "OPENS"}}
	for i := range r.Numbers {
		n := &r.Numbers[i]
		value := n.Value
		if value == "" {
			value = "N/A"
		}
		t.Add(string(n.Key), value, string(n.Why), n.Source, n.Opens)
	}
	t.Write(w)
}

type reportList struct {
	connection `embed:""`
	ownAgency  `embed:""`
	Limit      int `default:"50" help:"Rows at most."`
}

// Run lists reports.
func (c *reportList) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	list, err := client.ReformReports(ctx, c.Agency, hub.Page{Limit: c.Limit})
	if err != nil {
		return err
	}
	e.noteMore(list.Next)
	return e.print(list.Items, func(w io.Writer) {
		t := text.Table{Head: []string{"ID", "PERIOD", "SCOPE", "AGENCIES", "MADE", "BY"}}
		for i := range list.Items {
			r := &list.Items[i]
			t.Add(string(r.ID), string(r.Period), string(r.Scope), strconv.Itoa(r.Units), text.Clock(r.MadeAt), text.Printable(r.By))
		}
		t.Write(w)
	})
}

type reportShow struct {
	connection `embed:""`
	ownAgency  `embed:""`
	Report     string `arg:"" help:"Id."`
}

// Run shows a report.
func (c *reportShow) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	report, err := client.ReformReport(ctx, c.Agency, hub.ReportID(c.Report))
	if err != nil {
		return err
	}
	return e.print(report, func(w io.Writer) { printReport(w, &report) })
}

type reportFile struct {
	connection `embed:""`
	ownAgency  `embed:""`
	Report     string `arg:"" help:"Id."`
	Out        string `required:"" help:"File to write; *.docx, *.pdf or *.xlsx says the format. It must not exist."`
}

// Run downloads a report.
func (c *reportFile) Run(ctx context.Context, e *env) error {
	format := hub.ReportFormat(strings.TrimPrefix(strings.ToLower(filepath.Ext(c.Out)), "."))
	client, err := c.client(e)
	if err != nil {
		return err
	}
	if err := isNew("out", c.Out); err != nil {
		return err
	}
	err = writeFile(c.Out, func(w io.Writer) error { return client.ReportFile(ctx, c.Agency, hub.ReportID(c.Report), format, w) })
	if err != nil {
		return err
	}
	return e.wrote(c.Out)
}

type reportDue struct {
	connection `embed:""`
	ownAgency  `embed:""`
}

// Run says what is due.
func (c *reportDue) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	due, err := client.DueReports(ctx, c.Agency)
	if err != nil {
		return err
	}
	return e.print(due, func(w io.Writer) {
		t := text.Table{Head: []string{"PERIOD", "SCOPE", "DUE", "STANDS", "REPORT"}}
		for _, d := range due {
			t.Add(string(d.Period), string(d.Scope), string(d.Due), string(d.Timeliness), string(d.Report))
		}
		t.Write(w)
	})
}

type reportTemplate struct {
	connection `embed:""`
	ownAgency  `embed:""`
	Set        string `placeholder:"FILE" help:"JSON with title, blocks and lines, as --json prints them: what the template says from then on."`
	Document   string `placeholder:"FILE" help:"Document of a word processor (DOCX) with placeholders, by which reports are written as DOCX from then on."`
	Plain      bool   `help:"Take the document of the template away."`
}

// Run shows or sets a template.
func (c *reportTemplate) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	var t hub.ReportTemplate
	switch {
	case c.Set != "":
		body, err := readFileOr(e.Stdin, c.Set)
		if err == nil {
			err = json.Unmarshal(body, &t)
		}
		if err != nil {
			return hub.Invalid("set", "json", "%s: %v", c.Set, err)
		}
		t, err = client.SetReportTemplate(ctx, c.Agency, t)
		if err != nil {
			return err
		}
	case c.Document != "":
		body, err := os.ReadFile(c.Document)
		if err != nil {
			return hub.Invalid("document", "file", "%v", err)
		}
		if len(body) == 0 {
			return hub.Invalid("document", "required", "%s is empty", c.Document)
		}
		if t, err = client.SetReportFile(ctx, c.Agency, filepath.Base(c.Document), body); err != nil {
			return err
		}
	case c.Plain:
		t, err = client.SetReportFile(ctx, c.Agency, "", nil)
	default:
		t, err = client.ReportTemplate(ctx, c.Agency)
	}
	if err != nil {
		return err
	}
	return e.print(t, func(w io.Writer) { printTemplate(w, &t) })
}

func printTemplate(w io.Writer, t *hub.ReportTemplate) {
	fmt.Fprintf(w, "version %d: %s\n", t.Version, text.Printable(t.Title))
	if t.File != nil {
		fmt.Fprintf(w, "document %s, %d bytes, %d placeholders\n", text.Printable(t.File.Name), t.File.Size, len(t.File.Keys))
	}
	table := text.Table{Head: []string{"BLOCK", "LABEL", "NUMBER"}}
	for i := range t.Blocks {
		b := &t.Blocks[i]
		table.Add(text.Short(text.Printable(b.Heading), 40), text.Short(text.Printable(b.Text), 60), "")
		for _, row := range b.Rows {
			table.Add("", text.Short(text.Printable(row.Label), 60), string(row.Key))
		}
	}
	table.Write(w)
}

type reportSchedule struct {
	connection `embed:""`
	ownAgency  `embed:""`
	Term       []string `placeholder:"EVERY/SCOPE/DAYS" help:"A report that is due again and again: month, quarter or year; own or tree; working days behind the end of the period, such as quarter/tree/5. May be repeated; those given are all that there are. Without any, those in force are shown."`
}

// Run shows or sets a schedule.
func (c *reportSchedule) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	var schedule hub.ReportSchedule
	if len(c.Term) == 0 {
		schedule, err = client.ReportSchedule(ctx, c.Agency)
	} else {
		var terms []hub.ReportTerm
		for _, text := range c.Term {
			parts := strings.Split(text, "/")
			days, wrong := strconv.Atoi(parts[len(parts)-1])
			if len(parts) != 3 || wrong != nil {
				return hub.Invalid("term", "form", "%.60q is not of the form quarter/tree/5", text)
			}
			terms = append(terms, hub.ReportTerm{Every: hub.ReportEvery(parts[0]), Scope: hub.ReportScope(parts[1]), Days: days})
		}
		schedule, err = client.SetReportSchedule(ctx, c.Agency, terms)
	}
	if err != nil {
		return err
	}
	return e.print(schedule, func(w io.Writer) {
		t := text.Table{Head: []string{"EVERY", "SCOPE", "WORKING DAYS"}}
		for _, term := range schedule.Terms {
			t.Add(string(term.Every), string(term.Scope), strconv.Itoa(term.Days))
		}
		t.Write(w)
	})
}
