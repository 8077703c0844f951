package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/text"
	"github.com/lienthong/lienthong/hub"
)

// retentionCommand says how long content is kept and shows what became of it.
type retentionCommand struct {
	Classes  retentionClasses  `cmd:"" help:"Show the classes in force; without any, content is kept for ever."`
	Apply    retentionApply    `cmd:"" help:"Put the classes of a file into force (operator); --dry-run counts what they would purge."`
	Hold     retentionHold     `cmd:"" help:"Place a legal hold on a dispatch, an agency or numbers (operator)."`
	Holds    retentionHolds    `cmd:"" help:"List legal holds."`
	Release  retentionRelease  `cmd:"" help:"Release a legal hold (operator)."`
	Runs     retentionRuns     `cmd:"" help:"List what was purged, swept and scrubbed."`
	Findings retentionFindings `cmd:"" help:"List content that is missing or damaged."`
	Purge    retentionPurge    `cmd:"" help:"Purge what is due, now (operator)."`
}

type retentionClasses struct {
	connection `embed:""`
}

// Run shows the classes.
func (c *retentionClasses) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	set, err := client.RetentionClasses(ctx)
	if err != nil {
		return err
	}
	return e.print(set, func(w io.Writer) {
		if set.Version == 0 {
			fmt.Fprintln(w, "no classes are in force: content is kept for ever")
			return
		}
		fmt.Fprintf(w, "version %d, set by %s on %s\n", set.Version, set.SetBy, text.Clock(set.SetAt))
		t := text.Table{Head: []string{"CLASS", "NAME", "TYPES", "AGENCIES", "KEEP", "PRIORITY", "LEGAL BASIS"}}
		for _, class := range set.Classes {
			t.Add(class.ID, text.Short(class.Name, 40), orAll(class.Types), orAll(class.Agencies), period(class.Keep),
				strconv.Itoa(class.Priority), text.Short(class.LegalBasis, 50))
		}
		t.Write(w)
	})
}

func orAll[T any](list []T) string {
	if len(list) == 0 {
		return "all"
	}
	return text.Short(strings.Trim(strings.Join(strings.Fields(fmt.Sprint(list)), ","), "[]"), 30)
}

func period(p hub.RetentionPeriod) string {
	if p.IsZero() {
		return "for ever"
	}
	return p.String()
}

type retentionApply struct {
	connection `embed:""`
	File       string `arg:"" type:"existingfile" help:"JSON file with \"classes\", as printed by retention classes --json."`
	DryRun     bool   `name:"dry-run" help:"Count what would be purged and change nothing."`
}

// Run applies the classes of a file.
func (c *retentionApply) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	raw, err := os.ReadFile(c.File)
	if err != nil {
		return hub.Invalid("file", "file", "%v", err)
	}
	var set hub.RetentionClasses
	if err := json.Unmarshal(raw, &set); err != nil {
		return hub.Invalid("file", "json", "%s holds no set of classes: %v", c.File, err)
	}
	if set.Classes == nil {
		return hub.Invalid("file", "required", `%s has no "classes"; to keep everything for ever, give an empty list`, c.File)
	}
	answer, err := client.SetRetentionClasses(ctx, set, c.DryRun)
	if err != nil {
		return err
	}
	return e.print(answer, func(w io.Writer) {
		if f := answer.Forecast; f != nil {
			printForecast(w, f)
			return
		}
		fmt.Fprintf(w, "version %d with %d classes is in force\n", answer.Classes.Version, len(answer.Classes.Classes))
	})
}

func printForecast(w io.Writer, f *hub.RetentionForecast) {
	for _, class := range slices.Sorted(maps.Keys(f.ByClass)) {
		fmt.Fprintf(w, "%s: %d\n", class, f.ByClass[class])
	}
	least := ""
	if !f.Complete {
		least = " at least, there are more"
	}
	fmt.Fprintf(w, "of %d completed dispatches%s: %d would be purged, %d more are under a legal hold\n", f.Examined, least, f.Purged, f.Held)
}

type retentionHold struct {
	connection `embed:""`
	Dispatch   string    `help:"Hold this dispatch."`
	Agency     string    `help:"Hold all that this agency sent or received (code or id)."`
	Number     string    `help:"Hold all whose number and notation contain this text."`
	Reason     string    `required:"" help:"Why; it stays in the record."`
	Until      time.Time `format:"2006-01-02" help:"Last day of the hold, in Vietnam; without it, until it is released."`
}

// Run places a hold.
func (c *retentionHold) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	wish := hubclient.HoldRequest{Dispatch: hub.DispatchID(c.Dispatch), Agency: c.Agency, Number: c.Number, Reason: c.Reason}
	if !c.Until.IsZero() {
		y, m, d := c.Until.Date()
		wish.Until = time.Date(y, m, d+1, 0, 0, 0, 0, hub.Vietnam()).UTC()
	}
	hold, err := client.PlaceHold(ctx, wish)
	if err != nil {
		return err
	}
	return e.print(hold, func(w io.Writer) { fmt.Fprintf(w, "hold %s is in force\n", hold.ID) })
}

type retentionHolds struct {
	connection `embed:""`
	Released   bool `help:"Those that were released."`
	Limit      int  `default:"100" help:"Rows at most."`
}

// Run lists holds.
func (c *retentionHolds) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	l, err := client.Holds(ctx, c.Released, hub.Page{Limit: c.Limit})
	if err != nil {
		return err
	}
	e.noteMore(l.Next)
	return e.print(l.Items, func(w io.Writer) {
		t := text.Table{Head: []string{"HOLD", "ON", "REASON", "BY", "SINCE", "UNTIL"}}
		for _, h := range l.Items {
			until := "released"
			switch {
			case !h.ReleasedAt.IsZero():
				until = text.Clock(h.ReleasedAt)
			case !h.Until.IsZero():
				until = text.Clock(h.Until)
			}
			t.Add(h.ID, heldBy(&h), text.Short(h.Reason, 40), h.PlacedBy, text.Clock(h.PlacedAt), until)
		}
		t.Write(w)
	})
}

func heldBy(h *hub.LegalHold) string {
	switch {
	case h.Dispatch != "":
		return "dispatch " + string(h.Dispatch)
	case h.Agency != "":
		return "agency " + string(h.Agency)
	}
	return "number " + h.Number
}

type retentionRelease struct {
	connection `embed:""`
	Hold       string `arg:"" help:"Hold by id."`
	Reason     string `required:"" help:"Why; it stays in the record."`
}

// Run releases a hold.
func (c *retentionRelease) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	hold, err := client.ReleaseHold(ctx, c.Hold, c.Reason)
	if err != nil {
		return err
	}
	return e.print(hold, func(w io.Writer) {
		fmt.Fprintf(w, "hold %s was released on %s\n", hold.ID, text.Clock(hold.ReleasedAt))
	})
}

type retentionRuns struct {
	connection `embed:""`
	Limit      int `default:"20" help:"Rows at most."`
}

// Run lists runs.
func (c *retentionRuns) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	l, err := client.RetentionRuns(ctx, hub.Page{Limit: c.Limit})
	if err != nil {
		return err
	}
	e.noteMore(l.Next)
	return e.print(l.Items, func(w io.Writer) { printRuns(w, l.Items...) })
}

func printRuns(w io.Writer, runs ...hub.RetentionRun) {
	t := text.Table{Head: []string{"ENDED", "JOB", "PURGED", "HELD", "SWEPT", "CHECKED", "FINDINGS", "ASKED BY", "ERROR"}}
	for _, r := range runs {
		t.Add(text.Clock(r.Ended), string(r.Job), strconv.Itoa(r.Purged), strconv.Itoa(r.Held), strconv.Itoa(r.Swept),
			strconv.FormatInt(r.Checked, 10), strconv.Itoa(r.Findings), r.AskBy, text.Short(r.Error, 40))
	}
	t.Write(w)
}

type retentionFindings struct {
	connection `embed:""`
	Limit      int `default:"100" help:"Rows at most."`
}

// Run lists findings.
func (c *retentionFindings) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	l, err := client.Findings(ctx, hub.Page{Limit: c.Limit})
	if err != nil {
		return err
	}
	e.noteMore(l.Next)
	return e.print(l.Items, func(w io.Writer) {
		if len(l.Items) == 0 {
			fmt.Fprintln(w, "no content is known to be missing or damaged")
			return
		}
		t := text.Table{Head: []string{"SHA-256", "PROBLEM", "SINCE", "DISPATCHES"}}
		for _, f := range l.Items {
			t.Add(f.Digest.String(), string(f.Problem), text.Clock(f.First), orAll(f.Dispatches))
		}
		t.Write(w)
	})
}

type retentionPurge struct {
	connection `embed:""`
	Now        bool          `required:"" help:"Yes, now: what is due goes for good."`
	Wait       time.Duration `default:"1m" help:"Wait so long for the end of the run; 0 for not."`
}

// runPoll is the pause between two questions for a run.
const runPoll = 500 * time.Millisecond

// Run asks for a purge and waits for its end.
func (c *retentionPurge) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	id, err := client.AskPurge(ctx)
	if err != nil {
		return err
	}
	limit, cancel := context.WithTimeout(ctx, c.Wait)
	defer cancel()
	for {
		select {
		case <-limit.Done():
			return e.print(map[string]string{"id": id}, func(w io.Writer) {
				fmt.Fprintf(w, "run %s was asked for; see lienthong retention runs\n", id)
			})
		case <-time.After(runPoll):
		}
		run, err := client.RetentionRun(ctx, id)
		switch {
		case err == nil:
			return e.print(run, func(w io.Writer) { printRuns(w, run) })
		case hub.KindOf(err) != hub.KindNotFound:
			return err
		}
	}
}
