package cli

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/text"
	"github.com/lienthong/lienthong/hub"
)

// inspectionCommand is for agencies that inspect, and for those that are inspected.
type inspectionCommand struct {
	List    inspectionList    `cmd:"" help:"List the inspections that an agency makes, or that recommend something to it."`
	Show    inspectionShow    `cmd:"" help:"Show an inspection: check list, findings, recommendation, answer, outcome."`
	Visit   inspectionVisit   `cmd:"" help:"Register the inspection of an agency, announced or by surprise."`
	Act     inspectionAct     `cmd:"" help:"Record what is done about an inspection."`
	Figures inspectionFigures `cmd:"" help:"Count the inspections of an agency in a period, and list those behind a number."`
}

type inspectionList struct {
	connection `embed:""`
	ownAgency  `embed:""`
	State      string `help:"Only those in this state: open, recommended, answered, concluded."`
	Kind       string `help:"Only those of this kind: document, announced, surprise."`
	Limit      int    `default:"50" help:"Rows at most."`
}

// Run lists inspections.
func (c *inspectionList) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	list, err := client.Inspections(ctx, hubclient.InspectionQuery{Agency: c.Agency, State: hub.InspectionState(c.State), Kind: hub.InspectionKind(c.Kind), Page: hub.Page{Limit: c.Limit}})
	if err != nil {
		return err
	}
	e.noteMore(list.Next)
	return e.print(list.Items, func(w io.Writer) { printInspections(w, list.Items) })
}

func printInspections(w io.Writer, list []hub.InspectionView) {
	t := text.Table{Head: []string{"ID", "DAY", "KIND", "WHAT", "OF", "STATE", "FINDINGS", "DUE", "STANDS"}}
	for i := range list {
		v := &list[i]
		t.Add(string(v.ID), string(v.Day), string(v.Kind), text.Short(text.Printable(inspectedWhat(v)), 40), text.Short(text.Printable(v.SubjectName), 40), string(v.State), strconv.Itoa(len(v.Findings)), string(v.Due), string(v.Timeliness))
	}
	t.Write(w)
}

func inspectedWhat(v *hub.InspectionView) string {
	if v.Document != nil {
		return v.Document.Number
	}
	return v.Title
}

type inspectionShow struct {
	connection `embed:""`
	Inspection string `arg:"" help:"Id."`
}

// Run shows an inspection.
func (c *inspectionShow) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	view, err := client.Inspection(ctx, hub.InspectionID(c.Inspection))
	if err != nil {
		return err
	}
	return e.print(view, func(w io.Writer) { printInspection(w, &view) })
}

func printInspection(w io.Writer, v *hub.InspectionView) {
	fmt.Fprintf(w, "%s, %s of %s: %s, by %s, %s\n", v.ID, v.Kind, v.Day, v.State, text.Printable(v.AgencyName), text.Printable(v.SubjectName))
	if d := v.Document; d != nil {
		fmt.Fprintf(w, "document %s %s of %s: %s (dispatch %s)\n", text.Printable(d.TypeName), text.Printable(d.Number), d.Date, text.Printable(d.Subject), d.Dispatch)
	} else {
		fmt.Fprintf(w, "%s\n", text.Printable(v.Title))
	}
	for _, c := range v.Checks {
		verdict := string(c.Verdict)
		if verdict == "" {
			verdict = "not checked yet"
		}
		fmt.Fprintf(w, "check %s: %s\n", c.Item, verdict)
	}
	if r := v.Recommendation; r != nil {
		fmt.Fprintf(w, "recommendation %s (dispatch %s, task %s), due %s: %s\n", text.Printable(r.Number), r.Dispatch, r.Task, v.Due, v.Timeliness)
	}
	if a := v.Answer; a != nil {
		fmt.Fprintf(w, "answered on %s by %s\n", a.Day, text.Printable(a.Number))
	}
	if c := v.Conclusion; c != nil {
		fmt.Fprintf(w, "outcome %s %s\n", c.Outcome, text.Printable(c.Number))
	}
	t := text.Table{Head: []string{"EVENT", "WHEN", "ACT", "WHAT", "BY", "DOCUMENT", "DUE", "TEXT"}}
	for i := range v.Events {
		a := &v.Events[i]
		what := strings.TrimSpace(string(a.Item) + " " + string(a.Verdict) + string(a.Finding) + string(a.Outcome))
		t.Add(strconv.FormatInt(a.Seq, 10), text.Clock(a.At), string(a.Act), what, text.Short(text.Printable(a.Name), 40), text.Printable(a.Number), string(a.Due), text.Short(text.Printable(a.Text), 80))
	}
	t.Write(w)
}

type inspectionVisit struct {
	connection `embed:""`
	ownAgency  `embed:""`
	Subject    string `required:"" placeholder:"CODE" help:"Code or id of the agency that is inspected."`
	Kind       string `default:"announced" help:"announced or surprise."`
	Day        string `help:"The day, such as 2026-03-02; today when left out."`
	Title      string `required:"" help:"What is looked at."`
	ID         string `name:"id" help:"A key of your own: the same again registers nothing anew."`
}

// Run registers a visit.
func (c *inspectionVisit) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	view, err := client.Visit(ctx, c.Agency, c.Subject, hub.InspectionWish{Kind: hub.InspectionKind(c.Kind), Day: hub.Date(c.Day), Title: c.Title, Key: c.ID})
	if err != nil {
		return err
	}
	return e.print(view, func(w io.Writer) { printInspection(w, &view) })
}

type inspectionAct struct {
	connection `embed:""`
	ownAgency  `embed:""`
	Inspection string `arg:"" help:"Id."`
	Act        string `arg:"" help:"check, find, recommend, receive, conclude, reopen; or explain, by who was inspected."`
	Item       string `help:"Of a check: authority, form, content or validity."`
	Verdict    string `help:"Of a check: fits, wrong or unclear."`
	Finding    string `help:"Of find: wrong_authority or illegal; of a visit, shortcoming."`
	Outcome    string `help:"Of conclude: clean, upheld, amended, repealed, referred; of a visit, clean, remedied, referred."`
	Dispatch   string `help:"Id of the document that recommends, amends or repeals."`
	Task       string `help:"Id of the task of that document where it sets several."`
	Number     string `help:"Number of a document that came on another way."`
	Day        string `help:"Its day, such as 2026-03-02."`
	Text       string `help:"What is wrong, why, or what is explained."`
	ID         string `name:"id" help:"A key of your own: the same again changes nothing."`
}

// Run records an act.
func (c *inspectionAct) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	view, err := client.ActOnInspection(ctx, hub.InspectionID(c.Inspection), c.Agency, hub.InspectionOrder{
		Act: hub.InspectionAct(c.Act), Key: c.ID, Item: hub.InspectionItem(c.Item), Verdict: hub.InspectionVerdict(c.Verdict), Finding: hub.InspectionFinding(c.Finding), Outcome: hub.InspectionOutcome(c.Outcome),
		Dispatch: hub.DispatchID(c.Dispatch), Task: hub.TaskID(c.Task), Number: c.Number, Day: hub.Date(c.Day), Text: c.Text,
	})
	if err != nil {
		return err
	}
	return e.print(view, func(w io.Writer) { printInspection(w, &view) })
}

type inspectionFigures struct {
	connection `embed:""`
	ownAgency  `embed:""`
	Period     string `help:"2026-03-02, 2026-03, 2026-Q1 or 2026; this year when left out."`
	Measure    string `help:"List the inspections behind this number, such as answered_late."`
}

// Run counts inspections.
func (c *inspectionFigures) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	if c.Measure != "" {
		list, err := whole(func(p hub.Page) (hub.List[hub.InspectionView], error) {
			return client.CountedInspections(ctx, c.Agency, hub.Period(c.Period), hub.InspectionMeasure(c.Measure), p)
		})
		if err != nil {
			return err
		}
		return e.print(list, func(w io.Writer) { printInspections(w, list) })
	}
	figures, err := client.InspectionFigures(ctx, c.Agency, hub.Period(c.Period))
	if err != nil {
		return err
	}
	return e.print(figures, func(w io.Writer) {
		t := text.Table{Head: []string{"MEASURE", "NUMBER"}}
		for _, m := range hub.InspectionMeasures() {
			t.Add(string(m), strconv.Itoa(figures.Counts[m]))
		}
		t.Write(w)
		if figures.More {
			fmt.Fprintf(w, "there are more: the first %d were counted\n", hub.MaxInspectionsCounted)
		}
	})
}
