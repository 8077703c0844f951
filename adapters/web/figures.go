package web

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/lienthong/lienthong/adapters/internal/sheet"
	"github.com/lienthong/lienthong/hub"
)

// Figures counts what agencies send and receive.
type Figures interface {
	Report(ctx context.Context, actor hub.Actor, query hub.FiguresQuery) (hub.FigureReport, error)
	// Whole is Report with all units on one page.
	Whole(ctx context.Context, actor hub.Actor, query hub.FiguresQuery) (hub.FigureReport, error)
}

// Counted lists what is behind a number.
type Counted interface {
	Counted(ctx context.Context, actor hub.Actor, query hub.CountedQuery) (hub.List[hub.Item], error)
}

// countedAtOnce is how many documents or agencies a page lists.
const countedAtOnce = 50

// figuresPage shows leaders what their agency and those under it send and receive.
type figuresPage struct {
	Agency  hub.AgencyID
	Report  *hub.FigureReport // nil where nothing could be counted
	Period  hub.Period
	Kind    string
	Periods []hub.Period // to choose from
	Kinds   []kindChoice
	Rows    []figureRow
	Refused []figureRow // by reason
	Chart   graph
	Most    int64  // what the highest bar of the chart stands for
	Tasks   bool   // there are some
	Follow  string // address of the next page of units
	First   string // address of the first one, where this is another
}

// kindChoice is a kind of documents to choose.
type kindChoice struct{ Key, Name string }

// figureRow is a line of numbers.
type figureRow struct {
	Text           string
	Sent, Received figure
}

// figure is a number of an agency and all under it, with what of it the agency itself has
// and where that is listed.
type figure struct {
	Count, Own string // Own is empty where it is all of it
	Behind     string // empty for nothing that could be listed
}

// figuresQuery reads what the person asks for. The agency is that of the person where none
// is named.
func (x *exchange) figuresQuery() hub.FiguresQuery {
	q := x.r.URL.Query()
	query := hub.FiguresQuery{
		Agency: hub.AgencyID(q.Get("agency")), Period: hub.Period(strings.TrimSpace(q.Get("period"))), Kind: q.Get("kind"), Level: hub.Level(q.Get("level")),
		Page: hub.Page{After: q.Get("after"), Limit: countedAtOnce},
	}
	if query.Agency == "" {
		query.Agency = x.office()
	}
	if query.Period == "" {
		query.Period = hub.Period(x.Now().In(hub.Vietnam()).Format("2006"))
	}
	return query
}

// figuresAddress is that of a page about the same figures, with further parameters.
func figuresAddress(path string, q *hub.FiguresQuery, further ...[2]string) string {
	values := url.Values{"agency": {string(q.Agency)}, "period": {string(q.Period)}}
	if q.Kind != "" {
		values.Set("kind", q.Kind)
	}
	if q.Level != "" {
		values.Set("level", string(q.Level))
	}
	for _, f := range further {
		values.Set(f[0], f[1])
	}
	return path + "?" + values.Encode()
}

func (x *exchange) figures() error {
	query := x.figuresQuery()
	page := figuresPage{Agency: query.Agency, Period: query.Period, Kind: query.Kind, Periods: periodsAt(x.Now()), Kinds: kindChoices()}
	report, err := x.Figures.Report(x.r.Context(), x.visit.Actor, query)
	if err != nil && again(err) {
		return x.show(statusOf(hub.KindOf(err)), "figures", &page, x.problems(err, "period", "kind", "level"))
	}
	if err != nil {
		return err
	}
	page.Report, page.Rows, page.Refused = &report, x.figureRows(&report, &query), x.refusedRows(&report, &query)
	page.Chart, page.Most = x.chartOf(&report)
	for _, side := range []*hub.Tally{&report.Total.Sent, &report.Total.Received} {
		page.Tasks = page.Tasks || side.Of(hub.MeasureTasksDoneInTime)+side.Of(hub.MeasureTasksDoneLate)+side.Of(hub.MeasureTasksOpen)+side.Of(hub.MeasureTasksOverdue) > 0
	}
	if query.Page.After != "" {
		page.First = figuresAddress("/figures", &query)
	}
	if report.Next != "" {
		page.Follow = figuresAddress("/figures", &query, [2]string{"after", report.Next})
	}
	return x.show(http.StatusOK, "figures", &page, nil)
}

// periodsAt are the periods that people ask for most at an instant.
func periodsAt(now time.Time) []hub.Period {
	now = now.In(hub.Vietnam())
	month := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, hub.Vietnam())
	quarter := func(t time.Time) hub.Period {
		return hub.Period(fmt.Sprintf("%d-Q%d", t.Year(), (int(t.Month())+2)/3))
	}
	format := func(t time.Time, layout string) hub.Period { return hub.Period(t.Format(layout)) }
	return []hub.Period{
		format(now, time.DateOnly), format(month, "2006-01"), format(month.AddDate(0, -1, 0), "2006-01"),
		quarter(month), quarter(month.AddDate(0, -3, 0)), format(now, "2006"), format(month.AddDate(-1, 0, 0), "2006"),
	}
}

func kindChoices() []kindChoice {
	var choices []kindChoice
	for _, name := range hub.DocumentKinds() {
		choices = append(choices, kindChoice{hub.KindKey(name), name})
	}
	return choices
}

// figureRows are the numbers of a report as people read them.
func (x *exchange) figureRows(r *hub.FigureReport, q *hub.FiguresQuery) []figureRow {
	var rows []figureRow
	for _, m := range hub.Measures() {
		if m.Mark() == 0 {
			continue
		}
		row := figureRow{Text: x.say("measure." + string(m)), Sent: x.figureOf(r, q, hub.SideSent, m), Received: figure{Count: "–"}}
		if hub.SideReceived.Marks(m) != 0 {
			row.Received = x.figureOf(r, q, hub.SideReceived, m)
		}
		rows = append(rows, row)
	}
	// What is computed from counts leads to the documents that they count.
	mean := func(side hub.Side, sum, of hub.Measure) figure {
		t, f := r.Total.On(side), x.figureOf(r, q, side, of)
		if f.Count = "–"; t.Of(of) > 0 {
			f.Count = x.say("figures.hours", fmt.Sprintf("%.1f", float64(t.Of(sum))/float64(t.Of(of))/3600))
		}
		return f
	}
	share := func(side hub.Side) figure {
		t, f := r.Total.On(side), x.figureOf(r, q, side, hub.MeasureElectronic)
		if f.Count = "–"; t.Of(hub.MeasureDeliveries) > 0 {
			f.Count = fmt.Sprintf("%d%%", 100*t.Of(hub.MeasureElectronic)/t.Of(hub.MeasureDeliveries))
		}
		return f
	}
	return append(rows,
		figureRow{Text: x.say("figures.signing"), Sent: mean(hub.SideSent, hub.MeasureSigningSeconds, hub.MeasureSigned), Received: figure{Count: "–"}},
		figureRow{
			Text: x.say("figures.taking"), Sent: mean(hub.SideSent, hub.MeasureTakingSeconds, hub.MeasureTaken),
			Received: mean(hub.SideReceived, hub.MeasureTakingSeconds, hub.MeasureTaken),
		},
		figureRow{Text: x.say("figures.share"), Sent: share(hub.SideSent), Received: share(hub.SideReceived)},
	)
}

// refusedRows are refusals by their reasons.
func (x *exchange) refusedRows(r *hub.FigureReport, q *hub.FiguresQuery) []figureRow {
	rows := make([]figureRow, len(r.Refusals))
	for i := range r.Refusals {
		n := &r.Refusals[i]
		of := func(side hub.Side, all, own int64) figure {
			return x.figureWith(r, q, all, own, [2]string{"side", string(side)}, [2]string{"measure", string(hub.MeasureRefused)}, [2]string{"reason", string(n.Reason)})
		}
		rows[i] = figureRow{
			Text: x.say("reason." + string(n.Reason)),
			Sent: of(hub.SideSent, n.Sent, n.OwnSent), Received: of(hub.SideReceived, n.Received, n.OwnReceived),
		}
	}
	return rows
}

// figureOf is a number of a report.
func (x *exchange) figureOf(r *hub.FigureReport, q *hub.FiguresQuery, side hub.Side, m hub.Measure) figure {
	return x.figureWith(r, q, r.Total.On(side).Of(m), r.Units[0].On(side).Of(m), [2]string{"side", string(side)}, [2]string{"measure", string(m)})
}

// figureWith is a number of an agency and all under it, and of itself, with what names it.
// Documents are listed of the agency itself, and to who speaks for it.
func (x *exchange) figureWith(r *hub.FigureReport, q *hub.FiguresQuery, all, own int64, names ...[2]string) figure {
	v := &view{x: x}
	f := figure{Count: v.Count(all)}
	if !r.Own || own == 0 {
		return f
	}
	documents := *q
	documents.Level = "" // they are of the agency itself
	f.Behind = figuresAddress("/figures/documents", &documents, names...)
	if own != all {
		f.Own = v.Count(own)
	}
	return f
}

// chartOf draws the deliveries of each step, with two bars: sent and received. The highest
// stands for most.
func (x *exchange) chartOf(r *hub.FigureReport) (c graph, most int64) {
	const width, height, top, bottom = 960, 240, 12, 212
	v := &view{x: x}
	c = graph{Says: x.say("figures.chart", v.PeriodName(r.Period)), Wide: width, High: height, Bottom: bottom, Foot: height - 8, Rungs: []rung{{Y: bottom}}}
	for i := range r.Steps {
		most = max(most, r.Steps[i].Sent.Of(hub.MeasureDeliveries), r.Steps[i].Received.Of(hub.MeasureDeliveries))
	}
	slot := width / float64(len(r.Steps))
	wide := min(40, max(4, slot*0.4))
	for i := range r.Steps {
		step, left := &r.Steps[i], float64(i)*slot
		for n, side := range []hub.Side{hub.SideSent, hub.SideReceived} {
			count := step.On(side).Of(hub.MeasureDeliveries)
			if count == 0 {
				continue
			}
			high := tenth(max(2, float64(count)*(bottom-top)/float64(most)))
			c.Bars = append(c.Bars, graphBar{
				Class: string(side), Title: fmt.Sprintf("%s, %s: %d", v.PeriodName(step.Period), x.say("side."+string(side)), count),
				X: tenth(left + slot/2 + float64(n-1)*wide), Y: tenth(bottom - high), Wide: tenth(wide - 1), High: high,
			})
		}
		if name := string(step.Period); len(r.Steps) <= 12 || i%2 == 0 {
			c.Marks = append(c.Marks, graphMark{tenth(left + slot/2), name[strings.LastIndexByte(name, '-')+1:]})
		}
	}
	return c, most
}

// countedPage lists the documents behind a number.
type countedPage struct {
	Items         []hub.Item
	Side          hub.Side
	Measure       hub.Measure
	Reason        hub.ReasonCode // empty for all
	Period        hub.Period
	Back          string
	First, Follow string
}

func (x *exchange) countedDocuments() error {
	of := x.figuresQuery()
	q := x.r.URL.Query()
	wish := hub.CountedQuery{
		Agency: of.Agency, Period: of.Period, Kind: of.Kind, Side: hub.Side(q.Get("side")), Measure: hub.Measure(q.Get("measure")),
		Reason: hub.ReasonCode(q.Get("reason")), Page: of.Page,
	}
	list, err := x.Counted.Counted(x.r.Context(), x.visit.Actor, wish)
	if err != nil {
		return err
	}
	page := countedPage{Items: list.Items, Side: wish.Side, Measure: wish.Measure, Reason: wish.Reason, Period: wish.Period, Back: figuresAddress("/figures", &of)}
	further := [][2]string{{"side", string(wish.Side)}, {"measure", string(wish.Measure)}}
	if wish.Reason != "" {
		further = append(further, [2]string{"reason", string(wish.Reason)})
	}
	if wish.Page.After != "" {
		page.First = figuresAddress("/figures/documents", &of, further...)
	}
	if list.Next != "" {
		page.Follow = figuresAddress("/figures/documents", &of, append(further, [2]string{"after", list.Next})...)
	}
	return x.show(http.StatusOK, "counted", &page, nil)
}

// figuresFile answers with all figures as a file.
func (x *exchange) figuresFile() error {
	query := x.figuresQuery()
	report, err := x.Figures.Whole(x.r.Context(), x.visit.Actor, query)
	if err != nil {
		return err
	}
	word := func(name string) string {
		switch {
		case strings.HasPrefix(name, "level."), strings.HasPrefix(name, "reason."):
			return x.say(name)
		case slices.Contains(hub.Measures(), hub.Measure(name)):
			return x.say("measure." + name)
		case name == string(hub.SideSent) || name == string(hub.SideReceived):
			return x.say("side." + name)
		}
		return x.say("figures." + name)
	}
	columns, rows := sheet.FigureColumns(word), sheet.FigureRows(&report, word)
	h, name := x.w.Header(), x.say("title.figures")+" "+string(query.Period)
	h.Set("Content-Security-Policy", sandbox)
	if x.r.URL.Query().Get("as") == "csv" {
		h.Set("Content-Type", "text/csv; charset=utf-8")
		h.Set("Content-Disposition", disposition("attachment", name+".csv"))
		return sheet.WriteCSV(x.w, columns, rows)
	}
	h.Set("Content-Type", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
	h.Set("Content-Disposition", disposition("attachment", name+".xlsx"))
	table := sheet.Table{Above: []string{report.Name}, Title: x.say("title.figures"), Below: []string{(&view{x: x}).PeriodName(query.Period)}, Columns: columns}
	return sheet.WriteXLSX(x.w, &table, rows)
}

// CountedTasks are those of a listed document that the number counts; none where it counts no
// tasks.
func (v *view) CountedTasks(p *countedPage, item hub.Item) []taskRow {
	var rows []taskRow
	counted := item.Delivery.Counted(p.Measure, hub.Day(v.x.Now()))
	for i := range counted {
		if t := item.Dispatch.TaskByID(counted[i].Task); t != nil {
			rows = append(rows, taskRow{Task: *t, Here: &counted[i], At: item.Delivery.Recipient})
		}
	}
	return rows
}

// Count is a number with groups of thousands as people in Viet Nam write them, or in
// English.
func (v *view) Count(n int64) string {
	digits, mark := fmt.Sprint(n), "."
	if v.x.lang == english {
		mark = ","
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + mark + digits[i:]
	}
	return digits
}

// PeriodName is a period as people read it.
func (v *view) PeriodName(p hub.Period) string {
	s := string(p)
	switch {
	case strings.Contains(s, "-Q"):
		return v.T("period.quarter", s[len(s)-1:], s[:4])
	case len(s) == len("2006"):
		return v.T("period.year", s)
	case len(s) == len("2006-01"):
		return v.T("period.month", s[5:], s[:4])
	}
	return v.T("period.day", v.Day(hub.Date(s)))
}

// UnitFigure is a number of an agency in the list of those under the one that is shown. Of
// the agency itself the documents are listed.
func (v *view) UnitFigure(p *figuresPage, u hub.FigureUnit, side hub.Side, m hub.Measure) figure {
	f := figure{Count: v.Count(u.On(side).Of(m))}
	if u.Agency == p.Report.Agency {
		q := hub.FiguresQuery{Agency: u.Agency, Period: p.Period, Kind: p.Kind}
		f.Behind = v.x.figureOf(p.Report, &q, side, m).Behind
	}
	return f
}

// UnitPath is the address of the figures of an agency for the period, and the level, that is
// shown.
func (v *view) UnitPath(id hub.AgencyID, p *figuresPage) string {
	return figuresAddress("/figures", &hub.FiguresQuery{Agency: id, Period: p.Period, Kind: p.Kind, Level: p.Report.Level})
}

// LevelPath is the address of the agencies of which the total of a level consists; of all for
// the empty one.
func (v *view) LevelPath(level hub.Level, p *figuresPage) string {
	return figuresAddress("/figures", &hub.FiguresQuery{Agency: p.Report.Agency, Period: p.Period, Kind: p.Kind, Level: level}) + "#units"
}

// ShownUnits are the agencies that are listed: of a level, the agency itself where it is of it.
func (p *figuresPage) ShownUnits() []hub.FigureUnit {
	units := p.Report.Units
	if p.Report.Level != "" && units[0].Level != p.Report.Level {
		units = units[1:]
	}
	return units
}

// FilePath is the address of the figures that are shown as a file.
func (v *view) FilePath(as string, p *figuresPage) string {
	return figuresAddress("/figures/file", &hub.FiguresQuery{Agency: p.Report.Agency, Period: p.Period, Kind: p.Kind, Level: p.Report.Level}, [2]string{"as", as})
}

// PeriodPath is the address of the figures that are shown for another period.
func (v *view) PeriodPath(period hub.Period, p *figuresPage) string {
	q := hub.FiguresQuery{Agency: p.Agency, Period: period, Kind: p.Kind}
	if p.Report != nil {
		q.Level = p.Report.Level
	}
	return figuresAddress("/figures", &q)
}
