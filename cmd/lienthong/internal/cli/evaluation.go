package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/text"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/evaluation"
)

// evaluationCommand scores agencies by their dossiers.
type evaluationCommand struct {
	Run      evaluationRun    `cmd:"" help:"Evaluate an agency with all that were under it, and show how far that is."`
	Show     evaluationShow   `cmd:"" help:"Show the last result for an agency, or write it as a file."`
	Table    evaluationTable  `cmd:"" help:"Show score tables and put new ones into force."`
	Feedback evaluationFeed   `cmd:"" help:"Feed a rating or a complaint."`
	Input    evaluationInputs `cmd:"" help:"Feed numbers of a period that the hub does not have."`
}

// evaluationOf says which evaluation is meant.
type evaluationOf struct {
	ownAgency `embed:""`
	Table     string `help:"Id of the score table; the one in force at the end of the period when left out."`
	Period    string `help:"2026-03-02, 2026-03, 2026-Q1 or 2026; this year when left out."`
}

func (c *evaluationOf) query() hubclient.EvaluationQuery {
	return hubclient.EvaluationQuery{Agency: c.Agency, Table: c.Table, Period: hub.Period(c.Period)}
}

type evaluationRun struct {
	connection   `embed:""`
	evaluationOf `embed:""`
	Wait         time.Duration `default:"2m" help:"How long to wait for the result; 0s only asks for it."`
}

// Run evaluates.
func (c *evaluationRun) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	query := c.query()
	run, err := client.Evaluate(ctx, query)
	if err != nil {
		return err
	}
	query.Table, query.Period = run.Table, run.Period
	if c.Wait <= 0 {
		return e.print(run, func(w io.Writer) {
			fmt.Fprintf(w, "it is computed: lienthong evaluation show --period %s --table %s\n", run.Period, run.Table)
		})
	}
	waiting, stop := context.WithTimeout(ctx, c.Wait)
	defer stop()
	for told := 0; ; {
		found, err := client.Evaluation(waiting, query)
		switch {
		case err != nil && waiting.Err() == nil:
			return err
		case err == nil && found.Run == nil:
			return e.print(found, func(w io.Writer) { printEvaluation(w, &found.Evaluation) })
		case err == nil && found.Run.Error != "":
			return hub.Errorf(hub.ErrorKind(found.Run.Error), "", "", "the evaluation has failed; ask for it again")
		case err == nil:
			if found.Run.Done > told {
				told = found.Run.Done
				e.note("%d of %d units", told, found.Run.Total)
			}
		}
		select {
		case <-waiting.Done():
			return hub.Errorf(hub.KindBusy, "", "busy", "it is not computed yet; lienthong evaluation show tells when it is")
		case <-time.After(200 * time.Millisecond):
		}
	}
}

type evaluationShow struct {
	connection   `embed:""`
	evaluationOf `embed:""`
	Format       string `enum:"text,xlsx,pdf" default:"text" help:"xlsx or pdf writes a file."`
	Out          string `short:"o" type:"path" help:"File to write xlsx or pdf to; without it, standard output."`
}

// Run shows a result.
func (c *evaluationShow) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	query := c.query()
	switch {
	case c.Format != "text" && c.Out != "":
		return writeFile(c.Out, func(w io.Writer) error { return client.ExportEvaluation(ctx, query, c.Format, w) })
	case c.Format != "text":
		return client.ExportEvaluation(ctx, query, c.Format, e.Stdout)
	}
	found, err := client.Evaluation(ctx, query)
	if err != nil {
		return err
	}
	return e.print(found, func(w io.Writer) { printEvaluation(w, &found.Evaluation) })
}

func printEvaluation(w io.Writer, e *hub.Evaluation) {
	if e.Run != nil {
		fmt.Fprintf(w, "it is being computed: %d of %d units %s\n", e.Run.Done, e.Run.Total, e.Run.Error)
	}
	if e.At.IsZero() {
		return
	}
	fmt.Fprintf(w, "%s, %s, %s version %d, as of %s\n", text.Printable(e.Name), e.Period, e.EvaluationKey.Table, e.TableVersion, text.Clock(e.AsOf))
	fmt.Fprintf(w, "score %s of %s%s; %s of %s points that can be reached\n\n", cmp.Or(e.Score, "N/A"), e.Max, gradeText(e.Grade), e.Points, e.Reachable)
	t := text.Table{Head: []string{"INDICATOR", "VALUE", "POINTS", "MAX", "DOSSIERS", "MISSING", "NAME"}}
	for i := range e.Indicators {
		s := &e.Indicators[i]
		most, opens, name := "", "", ""
		for n := range e.Table.Indicators {
			if l := &e.Table.Indicators[n]; l.ID == s.ID {
				most, opens, name = l.Max, string(l.Opens), l.Name.In("vi")
			}
		}
		t.Add(text.Printable(s.ID), cmp.Or(s.Value, "N/A"), cmp.Or(s.Points, "N/A"), most, opens, strings.Join(s.Missing, " "), text.Short(text.Printable(name), 70))
	}
	t.Write(w)
	if len(e.Units) > 0 {
		fmt.Fprintln(w)
		units := text.Table{Head: []string{"AGENCY", "LEVEL", "POINTS", "SCORE", "GRADE"}}
		for i := range e.Units {
			u := &e.Units[i]
			units.Add(text.Short(text.Printable(u.Name), 50), string(u.Level), u.Points, cmp.Or(u.Score, "N/A"), strings.TrimPrefix(gradeText(u.Grade), ", "))
		}
		units.Write(w)
	}
	if len(e.Earlier) > 0 {
		fmt.Fprintln(w)
		earlier := text.Table{Head: []string{"PERIOD", "POINTS", "SCORE", "GRADE"}}
		for i := range e.Earlier {
			o := &e.Earlier[i]
			earlier.Add(string(o.Period), o.Points, cmp.Or(o.Score, "N/A"), strings.TrimPrefix(gradeText(o.Grade), ", "))
		}
		earlier.Write(w)
	}
}

func gradeText(grade *hub.Bilingual) string {
	if grade == nil {
		return ""
	}
	return ", " + text.Printable(grade.In("vi"))
}

// evaluationTable keeps score tables.
type evaluationTable struct {
	List  evaluationTables `cmd:"" help:"List the score tables, that which began last first."`
	Show  evaluationSaid   `cmd:"" help:"Print a score table as JSON, to begin another with."`
	Apply evaluationApply  `cmd:"" help:"Put the score table of a JSON file into force (operator)."`
}

type evaluationTables struct {
	connection `embed:""`
}

// Run lists tables.
func (c *evaluationTables) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	tables, err := client.ScoreTables(ctx)
	if err != nil {
		return err
	}
	return e.print(tables, func(w io.Writer) {
		t := text.Table{Head: []string{"TABLE", "VERSION", "FROM", "UNTIL", "INDICATORS", "NAME"}}
		for i := range tables {
			s := &tables[i]
			t.Add(s.ID, strconv.FormatInt(s.Version, 10), string(s.From), string(s.Until), strconv.Itoa(len(s.Indicators)), text.Short(text.Printable(s.Name.In("vi")), 80))
		}
		t.Write(w)
	})
}

type evaluationSaid struct {
	connection `embed:""`
	ID         string `arg:"" name:"table" help:"Id of the table."`
}

// Run prints a table.
func (c *evaluationSaid) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	tables, err := client.ScoreTables(ctx)
	if err != nil {
		return err
	}
	for i := range tables {
		if tables[i].ID == c.ID {
			return e.printJSON(tables[i])
		}
	}
	return hub.Errorf(hub.KindNotFound, "table", "", "there is no score table %.40q", c.ID)
}

type evaluationApply struct {
	connection `embed:""`
	File       string `arg:"" type:"existingfile" help:"JSON file of the table."`
	DryRun     bool   `help:"Check the table and tell what would change, and change nothing."`
}

// Run puts a table into force.
func (c *evaluationApply) Run(ctx context.Context, e *env) error {
	raw, err := readLimited(c.File, evaluation.MaxTable)
	if err != nil {
		return hub.Invalid("file", "file", "%v", err)
	}
	table, err := evaluation.ReadTable(raw)
	if err != nil {
		return err
	}
	client, err := c.client(e)
	if err != nil {
		return err
	}
	change, err := client.ApplyScoreTable(ctx, table, c.DryRun)
	if err != nil {
		return err
	}
	return e.print(change, func(w io.Writer) {
		word := "is in force"
		switch {
		case !change.Changed:
			word = "is in force as it is"
		case change.DryRun:
			word = "would be put into force"
		}
		fmt.Fprintf(w, "%s version %d %s: %s from %s on\n", change.Table.ID, change.Table.Version, word, text.Count(len(change.Table.Indicators), "indicator"), change.Table.From)
	})
}

type evaluationFeed struct {
	connection `embed:""`
	ownAgency  `embed:""`
	ID         string    `required:"" name:"id" help:"Id of the rating or complaint in the system that has it: the same again changes nothing."`
	Score      int       `help:"Of a rating, 1 to 5."`
	At         time.Time `required:"" help:"When it came in, RFC 3339."`
	Due        time.Time `help:"Of a complaint, when it is to be answered, RFC 3339."`
	Answered   time.Time `help:"Of a complaint, when it was answered, RFC 3339."`
}

// Run feeds one.
func (c *evaluationFeed) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	f := hub.Feedback{ID: c.ID, Agency: hub.AgencyID(c.Agency), Kind: hub.FeedbackRating, At: c.At, Score: c.Score, Due: c.Due, Answered: c.Answered}
	if !c.Due.IsZero() {
		f.Kind = hub.FeedbackComplaint
	}
	fed, err := client.FeedEvaluation(ctx, []hub.Feedback{f})
	if err != nil {
		return err
	}
	return e.print(fed, func(w io.Writer) { fmt.Fprintf(w, "%d new, %d answered, %d known\n", fed.New, fed.Changed, fed.Same) })
}

type evaluationInputs struct {
	connection `embed:""`
	ownAgency  `embed:""`
	Period     string           `required:"" help:"2026-03, 2026-Q1 or 2026."`
	Source     string           `required:"" help:"Where the numbers come from."`
	Value      map[string]int64 `required:"" help:"An input of a score table and its number, such as payments_online=120; may be repeated. Those given are all that there are."`
}

// Run feeds inputs.
func (c *evaluationInputs) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	in, err := client.SetEvaluationInput(ctx, c.Agency, hub.EvaluationInput{Period: hub.Period(c.Period), Values: c.Value, Source: c.Source})
	if err != nil {
		return err
	}
	return e.print(in, func(w io.Writer) { fmt.Fprintf(w, "%s: %s\n", in.Period, text.Count(len(in.Values), "input")) })
}
