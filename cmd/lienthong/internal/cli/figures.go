package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/text"
	"github.com/lienthong/lienthong/hub"
)

// figuresCommand counts what agencies send and receive.
type figuresCommand struct {
	Show      figuresShow      `cmd:"" default:"withargs" help:"Show the figures of an agency and of those under it."`
	Documents figuresDocuments `cmd:"" help:"List the documents behind a number of your own agency."`
	Rebuild   figuresRebuild   `cmd:"" help:"Count everything anew from the log of evidence (operator)."`
}

// figuresOf says whose figures are meant, when and of what.
type figuresOf struct {
	ownAgency `embed:""`
	Period    string `help:"A day 2026-11-29, a month 2026-11, a quarter 2026-Q4 or a year 2026; the year that runs when left out."`
	Kind      string `help:"Documents of one type alone: cong-van, quyet-dinh and so on, khac for all that NĐ 30/2020/NĐ-CP does not name."`
}

func (c *figuresOf) query() hubclient.FiguresQuery {
	return hubclient.FiguresQuery{Agency: c.Agency, Period: hub.Period(c.Period), Kind: c.Kind}
}

type figuresShow struct {
	connection `embed:""`
	figuresOf  `embed:""`
	Level      string `help:"Of the agencies below, count those of one level alone (commune): what the total of that level consists of."`
	Format     string `enum:"text,csv,xlsx" default:"text" help:"csv or xlsx writes a file with all figures."`
	Out        string `short:"o" type:"path" help:"File to write csv or xlsx to; without it, standard output."`
}

// Run shows figures.
func (c *figuresShow) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	query := c.query()
	query.Level = hub.Level(c.Level)
	switch {
	case c.Format != "text" && c.Out != "":
		return writeFile(c.Out, func(w io.Writer) error { return client.ExportFigures(ctx, query, c.Format, w) })
	case c.Format != "text":
		return client.ExportFigures(ctx, query, c.Format, e.Stdout)
	}
	report, err := client.Figures(ctx, query, hub.Page{Limit: 200})
	if err != nil {
		return err
	}
	for next := report.Next; next != ""; {
		page, err := client.Figures(ctx, query, hub.Page{Limit: 200, After: next})
		if err != nil {
			return err
		}
		report.Units, next = append(report.Units, page.Units[1:]...), page.Next
	}
	report.Next = ""
	return e.print(report, func(w io.Writer) { printFigures(w, &report) })
}

func printFigures(w io.Writer, r *hub.FigureReport) {
	fmt.Fprint(w, strings.Join(slices.DeleteFunc([]string{r.Name, string(r.Period), r.Kind}, func(s string) bool { return s == "" }), ", "), " (with all below)\n\n")
	t := text.Table{Head: []string{"", "SENT", "RECEIVED"}}
	for _, m := range hub.Measures() {
		if m == hub.MeasureSigningSeconds || m == hub.MeasureTakingSeconds {
			continue
		}
		t.Add(string(m), strconv.FormatInt(r.Total.Sent.Of(m), 10), strconv.FormatInt(r.Total.Received.Of(m), 10))
	}
	t.Add("signing to sending", mean(&r.Total.Sent, hub.MeasureSigningSeconds, hub.MeasureSigned), "")
	t.Add("arrival to acceptance", mean(&r.Total.Sent, hub.MeasureTakingSeconds, hub.MeasureTaken), mean(&r.Total.Received, hub.MeasureTakingSeconds, hub.MeasureTaken))
	t.Add("electronic only", share(&r.Total.Sent), share(&r.Total.Received))
	for _, refused := range r.Refusals {
		t.Add("refused: "+string(refused.Reason), strconv.FormatInt(refused.Sent, 10), strconv.FormatInt(refused.Received, 10))
	}
	t.Write(w)
	fmt.Fprintln(w)
	parts := text.Table{Head: []string{"", "LEVEL", "SENT", "RECEIVED", "ACCEPTED", "REFUSED", "OPEN", "OVERDUE", "LATE", "TASKS DONE", "DONE LATE", "TASKS OPEN", "TASKS OVERDUE"}}
	add := func(name string, level hub.Level, sums *hub.SideTallies) {
		row := []string{name, string(level), strconv.FormatInt(sums.Sent.Of(hub.MeasureDocuments), 10)}
		for _, m := range []hub.Measure{
			hub.MeasureDeliveries, hub.MeasureAccepted, hub.MeasureRefused, hub.MeasureOpen, hub.MeasureOverdue, hub.MeasureAnsweredLate,
			hub.MeasureTasksDoneInTime, hub.MeasureTasksDoneLate, hub.MeasureTasksOpen, hub.MeasureTasksOverdue,
		} {
			row = append(row, strconv.FormatInt(sums.Received.Of(m), 10))
		}
		parts.Add(row...)
	}
	for i := range r.Levels {
		add("all of", r.Levels[i].Level, &r.Levels[i].SideTallies)
	}
	for i := range r.Units {
		u := &r.Units[i]
		switch {
		case u.Agency != r.Agency:
			add(u.Name, u.Level, &u.SideTallies)
		case r.Level == "" || u.Level == r.Level:
			add(u.Name+" itself", u.Level, &u.SideTallies)
		}
	}
	parts.Write(w)
	if r.Pending {
		fmt.Fprintf(w, "\ncounted to %s; the log holds more\n", text.Clock(r.CountedTo))
	}
}

// mean is the mean length of time of a sum; empty where there is none.
func mean(t *hub.Tally, sum, of hub.Measure) string {
	n := t.Of(of)
	if n == 0 {
		return ""
	}
	return (time.Duration(t.Of(sum)/n) * time.Second).String()
}

// share is how much of the deliveries is electronic alone; empty where there are none.
func share(t *hub.Tally) string {
	n := t.Of(hub.MeasureDeliveries)
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(100*t.Of(hub.MeasureElectronic)/n, 10) + "%"
}

type figuresDocuments struct {
	connection `embed:""`
	figuresOf  `embed:""`
	Side       string `arg:"" enum:"sent,received" help:"sent or received."`
	Measure    string `arg:"" help:"What is counted, such as overdue, waiting or refused."`
	Reason     string `help:"Of what was refused: for this reason alone, such as incomplete."`
	Limit      int    `default:"50" help:"Rows at most."`
}

// Run lists documents.
func (c *figuresDocuments) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	list, err := client.Counted(ctx, c.query(), hubclient.FigureOf{Side: hub.Side(c.Side), Measure: hub.Measure(c.Measure), Reason: hub.ReasonCode(c.Reason)}, hub.Page{Limit: c.Limit})
	if err != nil {
		return err
	}
	e.noteMore(list.Next)
	return e.print(list.Items, func(w io.Writer) { printCounted(w, hub.Side(c.Side), hub.Measure(c.Measure), list.Items) })
}

// printCounted prints what is behind a number: the documents by what opens them, and the
// tasks that it counts.
func printCounted(w io.Writer, side hub.Side, measure hub.Measure, items []hub.Item) {
	if len(items) == 0 {
		fmt.Fprintln(w, "no documents")
		return
	}
	head, party := "DELIVERY", "FROM"
	if side == hub.SideSent {
		head, party = "DISPATCH", "TO"
	}
	t := text.Table{Head: []string{head, "NUMBER", "SUBJECT", party, "ACCEPTED BY THE HUB", "DUE", "STATE"}}
	tasks, some := text.Table{Head: []string{"TASK", "AT", "DUE", "STATE", "WHAT"}}, false
	for i := range items {
		d, v := &items[i].Dispatch, &items[i].Delivery
		id, other := string(v.ID), d.SenderName
		if side == hub.SideSent {
			id, other = string(d.ID), v.Name
		}
		t.Add(id, d.Document.Number(), text.Short(d.Document.Subject, 50), text.Short(other, 30), text.Clock(d.AcceptedAt), string(d.Document.DueDate), string(v.State))
		for _, a := range v.Counted(measure, hub.Day(time.Now())) {
			if task := d.TaskByID(a.Task); task != nil {
				some = true
				tasks.Add(string(a.Task), string(v.AddressedAs), string(a.Due), string(a.State), text.Short(text.Printable(task.Content), 60))
			}
		}
	}
	t.Write(w)
	if some {
		fmt.Fprintln(w)
		tasks.Write(w)
	}
}

type figuresRebuild struct {
	connection `embed:""`
}

// Run has all counted anew.
func (c *figuresRebuild) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	if err := client.RebuildFigures(ctx); err != nil {
		return err
	}
	return e.print(struct {
		Counting bool `json:"counting"`
	}{true}, func(w io.Writer) { fmt.Fprintln(w, "everything is counted anew; figures say how far that is") })
}
