package reports

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// count is one report on its way.
type count struct {
	*Service
	ctx    context.Context //nolint:containedctx // that of the one call
	report *hub.ReformReport
	until  time.Time // the end of the period, or now
	reader hub.Actor // the hub itself, which counts what the actor may see the sums of
	units  []hub.AgencyID
}

// figureNumber is a number of documents or tasks.
type figureNumber struct {
	key     hub.ReportKey
	side    hub.Side
	measure hub.Measure
}

func figureNumbers() []figureNumber {
	return []figureNumber{
		{"documents.sent", hub.SideSent, hub.MeasureDocuments},
		{"documents.sent.deliveries", hub.SideSent, hub.MeasureDeliveries},
		{"documents.sent.electronic", hub.SideSent, hub.MeasureElectronic},
		{"documents.received", hub.SideReceived, hub.MeasureDeliveries},
		{"documents.received.electronic", hub.SideReceived, hub.MeasureElectronic},
		{"documents.received.accepted", hub.SideReceived, hub.MeasureAccepted},
		{"documents.received.refused", hub.SideReceived, hub.MeasureRefused},
		{"documents.answered_in_time", hub.SideReceived, hub.MeasureAnsweredInTime},
		{"documents.answered_late", hub.SideReceived, hub.MeasureAnsweredLate},
		{"documents.overdue", hub.SideReceived, hub.MeasureOverdue},
		{"tasks.done_in_time", hub.SideReceived, hub.MeasureTasksDoneInTime},
		{"tasks.done_late", hub.SideReceived, hub.MeasureTasksDoneLate},
		{"tasks.open", hub.SideReceived, hub.MeasureTasksOpen},
		{"tasks.overdue", hub.SideReceived, hub.MeasureTasksOverdue},
	}
}

// dossierNumber is a number of dossiers, or of letters of apology for them.
type dossierNumber struct {
	key     hub.ReportKey
	measure hub.DossierMeasure
}

func dossierNumbers() []dossierNumber {
	return []dossierNumber{
		{"dossiers.total", hub.DossiersAll}, {"dossiers.new", hub.DossiersNew}, {"dossiers.ended", hub.DossiersEnded}, {"dossiers.in_time", hub.DossiersInTime}, {"dossiers.late", hub.DossiersLate},
		{"dossiers.online", hub.DossiersOnline}, {"letters.issued", hub.DossiersLetters}, {"letters.late", hub.DossiersLettersLate}, {"letters.missing", hub.DossiersNoLetter},
	}
}

// procedureActs are the acts on the catalogue that are counted.
func procedureActs() map[hub.ReportKey]hub.ProcedureAct {
	return map[hub.ReportKey]hub.ProcedureAct{"procedures.published": hub.ProcedurePublish, "procedures.amended": hub.ProcedureAmend, "procedures.abolished": hub.ProcedureAbolish}
}

// inspectionKey names a number of inspections.
func inspectionKey(m hub.InspectionMeasure) hub.ReportKey { return hub.ReportKey("inspections." + m) }

// What is computed from other numbers.
const (
	shareElectronic hub.ReportKey = "documents.sent.electronic_share"
	shareInTime     hub.ReportKey = "dossiers.rate"
	evaluationScore hub.ReportKey = "evaluation.score"
)

// Keys lists the numbers that reports have, in their order.
func Keys() []hub.ReportKey {
	var keys []hub.ReportKey
	for _, n := range figureNumbers() {
		keys = append(keys, n.key)
		if n.key == "documents.sent.electronic" {
			keys = append(keys, shareElectronic)
		}
	}
	for _, n := range dossierNumbers() {
		keys = append(keys, n.key)
	}
	keys = append(keys, shareInTime, "procedures.published", "procedures.amended", "procedures.abolished", evaluationScore)
	for _, m := range hub.InspectionMeasures() {
		keys = append(keys, inspectionKey(m))
	}
	return keys
}

// run counts all numbers of the report.
func (c *count) run() error {
	if err := c.findUnits(); err != nil {
		return err
	}
	c.report.Units = len(c.units)
	c.reader = hub.Actor{Name: "report", Kind: hub.ActorSystem, Agencies: c.units, Scopes: []hub.Scope{hub.ScopeFigures}}
	for _, part := range []func() error{c.figures, c.dossiers, c.procedures, c.evaluation, c.inspections} {
		if err := part(); err != nil {
			return err
		}
	}
	order := Keys()
	slices.SortFunc(c.report.Numbers, func(a, b hub.ReportNumber) int {
		return slices.Index(order, a.Key) - slices.Index(order, b.Key)
	})
	return nil
}

// findUnits are the agency and, of a roll-up, all that stood under it at the end.
func (c *count) findUnits() error {
	c.units = []hub.AgencyID{c.report.Agency}
	if c.report.Scope == hub.ReportOwn {
		return nil
	}
	at := c.until.Add(-time.Nanosecond)
	seen := map[hub.AgencyID]bool{c.report.Agency: true}
	for i := 0; i < len(c.units); i++ {
		for _, a := range c.Directory.Children(c.units[i], at) {
			if !seen[a.ID] {
				seen[a.ID] = true
				c.units = append(c.units, a.ID)
			}
		}
		if len(c.units) > maxUnits {
			return hub.Errorf(hub.KindTooLarge, "agency", "max_items", "a report counts at most %d agencies", maxUnits)
		}
	}
	return nil
}

func (c *count) add(n hub.ReportNumber) { c.report.Numbers = append(c.report.Numbers, n) }

// of is an address with the agency and the period of the report, and further values.
func (c *count) of(path string, pairs ...string) string {
	values := url.Values{"agency": {string(c.report.Agency)}, "period": {string(c.report.Period)}}
	for i := 0; i+1 < len(pairs); i += 2 {
		values.Set(pairs[i], pairs[i+1])
	}
	return path + "?" + values.Encode()
}

// figures are the numbers of documents and tasks. They are counted in the tree as it was
// when each document was accepted.
func (c *count) figures() error {
	f, err := c.Counters.Figures.Report(c.ctx, c.reader, hub.FiguresQuery{Agency: c.report.Agency, Period: c.report.Period, Page: hub.Page{Limit: 1}})
	if err != nil {
		return err
	}
	sums := &f.Total
	if c.report.Scope == hub.ReportOwn {
		sums = &f.Units[0].SideTallies
	}
	gap := hub.ReportGap("")
	if f.Pending {
		gap = hub.GapPending
	}
	for _, n := range figureNumbers() {
		number := hub.ReportNumber{
			Key: n.key, Value: strconv.FormatInt(sums.On(n.side).Of(n.measure), 10), Why: gap, Source: c.of("/v1/figures"), Page: c.of("/figures"),
		}
		if c.report.Scope == hub.ReportOwn {
			number.Opens = c.of("/v1/figures/documents", "side", string(n.side), "measure", string(n.measure))
		}
		c.add(number)
	}
	sent := sums.On(hub.SideSent)
	share := hub.PerCent(int(sent.Of(hub.MeasureElectronic)), int(sent.Of(hub.MeasureDeliveries)))
	number := hub.ReportNumber{Key: shareElectronic, Value: share, Why: gap, Source: c.of("/v1/figures"), Page: c.of("/figures")}
	if share == "" {
		number.Why = hub.GapNothing
	}
	c.add(number)
	return nil
}

// dossiers are the numbers of dossiers, by the national formula, and of letters of apology.
// They are counted in the tree as it was when each dossier was accepted.
func (c *count) dossiers() error {
	under := c.report.Scope == hub.ReportTree
	f, err := c.Counters.Dossiers.Figures(c.ctx, c.reader, hub.DossierFigureQuery{Unit: c.report.Agency, Period: c.report.Period, Under: under})
	if err != nil {
		return err
	}
	number := hub.ReportNumber{Source: c.of("/v1/dossiers/figures"), Page: "/dossiers?all=1"}
	if under {
		number.Source = c.of("/v1/dossiers/figures", "under", "true")
	}
	if f.Pending {
		number.Why = hub.GapPending
	}
	for _, n := range dossierNumbers() {
		number.Key, number.Value = n.key, strconv.FormatInt(f.Tally.Counts[n.measure], 10)
		if !under {
			number.Opens = c.of("/v1/dossiers/counted", "measure", string(n.measure))
		}
		c.add(number)
	}
	number.Key, number.Value, number.Opens = shareInTime, f.Rate, ""
	if f.Rate == "" {
		number.Why = hub.GapNothing
	}
	c.add(number)
	return nil
}

const changesAtOnce = 500

// procedures are the acts on procedures that took effect in the period and by which an agency
// of the report is responsible.
func (c *count) procedures() error {
	begin, _ := c.report.Period.Span()
	sums := map[hub.ProcedureAct]int{}
	for after := int64(0); ; {
		changes, err := c.Counters.Procedures.Changes(c.ctx, after, changesAtOnce)
		if err != nil {
			return err
		}
		for i := range changes {
			ch := &changes[i]
			after = ch.Seq
			if !ch.From.Before(begin) && ch.From.Before(c.until) && ch.Version != nil && slices.Contains(c.units, ch.Version.Agency) {
				sums[ch.Act]++
			}
		}
		if len(changes) < changesAtOnce {
			break
		}
	}
	for key, act := range procedureActs() {
		c.add(hub.ReportNumber{Key: key, Value: strconv.Itoa(sums[act]), Source: "/v1/procedures/changes", Opens: "/v1/procedures/changes", Page: "/procedures"})
	}
	return nil
}

// evaluation is the score of the agency with all units that were under it, by the table in
// force at the end of the period, as it was evaluated last.
func (c *count) evaluation() error {
	n := hub.ReportNumber{Key: evaluationScore, Source: c.of("/v1/evaluations"), Page: c.of("/evaluations")}
	e, err := c.Counters.Evaluations.Show(c.ctx, c.reader, hub.EvaluationKey{Agency: c.report.Agency, Period: c.report.Period})
	switch {
	case hub.KindOf(err) == hub.KindNotFound, hub.KindOf(err) == hub.KindInvalid, err == nil && e.At.IsZero():
		n.Why = hub.GapNotScored
	case err != nil:
		return err
	case e.Score == "":
		n.Why = hub.GapNothing
	default:
		n.Value, n.Source, n.Page = e.Score, c.of("/v1/evaluations", "table", e.EvaluationKey.Table), c.of("/evaluations", "table", e.EvaluationKey.Table)
	}
	c.add(n)
	return nil
}

// inspections are the numbers of inspections that the agencies made.
func (c *count) inspections() error {
	sums := map[hub.InspectionMeasure]int{}
	more := false
	for _, unit := range c.units {
		f, err := c.Counters.Inspections.Figures(c.ctx, c.reader, unit, c.report.Period)
		if err != nil {
			return fmt.Errorf("count the inspections of %s: %w", unit, err)
		}
		for m, n := range f.Counts {
			sums[m] += n
		}
		more = more || f.More
	}
	for _, m := range hub.InspectionMeasures() {
		n := hub.ReportNumber{
			Key: inspectionKey(m), Value: strconv.Itoa(sums[m]), Source: c.of("/v1/inspections/figures"),
			Opens: c.of("/v1/inspections/counted", "measure", string(m)), Page: "/inspections?" + url.Values{"year": {string(c.report.Period)}, "measure": {string(m)}}.Encode(),
		}
		if c.report.Scope == hub.ReportTree { // no other question sums them up
			n.Source, n.Opens = c.of("/v1/reform-reports/preview", "scope", string(hub.ReportTree)), ""
		}
		if more {
			n.Value, n.Why = "", hub.GapTooMany
		}
		c.add(n)
	}
	return nil
}
