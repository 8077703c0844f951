package historytest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
	"github.com/lienthong/lienthong/hub/figures"
	"github.com/lienthong/lienthong/hub/hubtest"
	"github.com/lienthong/lienthong/hub/traffic"
	"github.com/lienthong/lienthong/signing"
	"github.com/lienthong/lienthong/signing/pki"
)

// counter counts the evidence of histories as if the log had it at once.
type counter struct {
	feed
	*figures.Service
	dies string
}

// FigureProgress implements figures.Store.
func (c counter) FigureProgress(ctx context.Context) (hub.FigureProgress, int64, error) {
	if _, _, err := c.PushPosition(ctx); err != nil { // takes what is new into the log
		return hub.FigureProgress{}, 0, err
	}
	progress, _, err := c.store.FigureProgress(ctx)
	return progress, int64(len(c.log)), err
}

// FigureFacts implements figures.Store.
func (c counter) FigureFacts(ctx context.Context, keys []hub.FactsKey) ([]hub.DeliveryFacts, error) {
	return c.store.FigureFacts(ctx, keys)
}

// FigureFactsDue implements figures.Store.
func (c counter) FigureFactsDue(ctx context.Context, before hub.Date, limit int) ([]hub.DeliveryFacts, error) {
	return c.store.FigureFactsDue(ctx, before, limit)
}

// SaveFigures implements figures.Store. Another node may have counted further, or this one
// dies before or behind it.
func (c counter) SaveFigures(ctx context.Context, step hub.FigureStep) error {
	switch c.dies {
	case "before":
		return errDead
	case "another":
		if err := c.store.SaveFigures(ctx, step); err != nil {
			return err
		}
	}
	err := c.store.SaveFigures(ctx, step)
	if c.dies == "behind" && err == nil {
		return errDead
	}
	return err
}

var errDead = errors.New("dead")

// ForgetFigures implements figures.Store.
func (c counter) ForgetFigures(ctx context.Context) error { return c.store.ForgetFigures(ctx) }

// FigureEntries implements figures.Log.
func (c counter) FigureEntries(ctx context.Context, place int64, limit int) ([]hub.PlacedEvidence, error) {
	return c.LogFrom(ctx, place, limit)
}

// FigureSources implements figures.Log.
func (c counter) FigureSources(ctx context.Context, ids []hub.DispatchID) ([]hub.FigureSource, error) {
	return c.store.FigureSources(ctx, ids)
}

func (s *station) counter() counter { return s.dying("") }

// dying is a counter that dies with its next step, or is too late with it.
func (s *station) dying(how string) counter {
	c := counter{feed: feed{s}, dies: how}
	c.Service = figures.New(figures.Options{Store: c, Log: c, Directory: s.Directory, Now: s.Clock.Now, Traffic: &traffic.Service{Log: c, Now: s.Clock.Now}})
	return c
}

// ask sends what asks for an answer by a day.
func (s *station) ask(t *rapid.T) {
	s.n++
	sub := s.Submission(fmt.Sprint("x", s.n), "000.00.12.H47", "000.00.13.H47", "000.31.05.H47")
	day := s.Clock.Now().AddDate(0, 0, rapid.IntRange(-2, 20).Draw(t, "due"))
	sub.Document.DueDate, sub.Document.PaperFollows = hub.Day(day), rapid.Bool().Draw(t, "paper")
	if rapid.Bool().Draw(t, "sets tasks") {
		sub.Tasks = s.wishes(t)
	}
	sub.Document.TypeName = rapid.SampledFrom([]string{"Công văn", "CHỈ THỊ", "", "Thư mời họp"}).Draw(t, "type")
	accepted, err := s.intake.Submit(context.Background(), hubtest.System(hubtest.Province), sub)
	if err != nil {
		t.Fatal(err)
	}
	s.sent, s.ids, s.open = append(s.sent, sub), append(s.ids, accepted.Dispatch.ID), append(s.open, accepted.Deliveries...)
}

// wishes are tasks for those who are asked: of one lead with a co-agency, of each for itself,
// and without a deadline.
func (s *station) wishes(t *rapid.T) []hub.TaskWish {
	day := func(label string) hub.TaskTerm {
		return hub.TaskTerm{Due: hub.Day(s.Clock.Now().AddDate(0, 0, rapid.IntRange(0, 20).Draw(t, label)))}
	}
	return []hub.TaskWish{
		{Content: "Trả lời kiến nghị", TaskTerm: day("lead"), Lead: "000.00.12.H47", Co: []hub.CoWish{{Agency: "000.00.13.H47", TaskTerm: day("co")}}},
		{Content: "Nâng cấp cổng", TaskTerm: day("each"), Each: []string{"000.00.12.H47", "000.31.05.H47"}, Answer: hub.AnswerReport},
		{Content: "Thực hiện thường xuyên", Each: []string{"000.00.12.H47"}, Answer: hub.AnswerNone},
	}
}

// work on tasks: an act of the agency that has one, or of the successor that it was handed
// over to, or of the assigner.
func (s *station) actOnTask(t *rapid.T) {
	d, ok := s.withTasks(t)
	if !ok {
		return
	}
	order := hub.TaskOrder{Agency: d.Recipient, Text: "mẫu", Act: rapid.SampledFrom([]hub.TaskAct{
		hub.ActStart, hub.ActProgress, hub.ActFinish, hub.ActFinish, hub.ActFinish, hub.ActGiveBack, hub.ActAsk,
		hub.ActConfirm, hub.ActConfirm, hub.ActConfirm, hub.ActRedo, hub.ActSuspend, hub.ActResume, hub.ActCancel, hub.ActExtend, hub.ActExtend, hub.ActDeny,
	}).Draw(t, "act")}
	if order.Act == hub.ActAsk || order.Act == hub.ActExtend && rapid.Bool().Draw(t, "unasked") {
		order.Due = hub.Day(s.Clock.Now().AddDate(0, 0, rapid.IntRange(0, 40).Draw(t, "until")))
	}
	actor := hubtest.System(d.Recipient)
	switch {
	case order.Act.OfAssigner():
		actor = hubtest.System(hubtest.Province)
	case rapid.Bool().Draw(t, "successor"):
		actor = heirOf(d.Recipient)
	}
	_, err := s.tasks.Act(context.Background(), actor, rapid.SampledFrom(d.Tasks).Draw(t, "task").Task, order)
	if hub.KindOf(err) != hub.KindInvalid { // no extension of what has no deadline, or to an earlier day
		allowed(t, err)
	}
}

// withTasks is a delivery that has some.
func (s *station) withTasks(t *rapid.T) (hub.Delivery, bool) {
	with := slices.DeleteFunc(slices.Clone(s.open), func(d hub.Delivery) bool { return len(d.Tasks) == 0 })
	if len(with) == 0 {
		return hub.Delivery{}, false
	}
	return rapid.SampledFrom(with).Draw(t, "delivery"), true
}

// settleTask lets an agency do a task some days later, with an extension or without, and the
// assigner confirm it.
func (s *station) settleTask(t *rapid.T) {
	d, ok := s.withTasks(t)
	if !ok {
		return
	}
	ctx, agency, assigner := context.Background(), hubtest.System(d.Recipient), hubtest.System(hubtest.Province)
	item, err := s.store.Item(ctx, d.ID)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.tracking.Acknowledge(ctx, agency, d.ID, 0, hubtest.Digests(&item.Dispatch))
	allowed(t, err)
	id := rapid.SampledFrom(d.Tasks).Draw(t, "task").Task
	if more := rapid.SampledFrom([]int{0, 25}).Draw(t, "more"); more > 0 {
		until := hub.TaskTerm{Due: hub.Day(s.Clock.Now().AddDate(0, 0, more))}
		_, err = s.tasks.Act(ctx, assigner, id, hub.TaskOrder{Act: hub.ActExtend, Agency: d.Recipient, TaskTerm: until})
		allowed(t, err)
	}
	s.Clock.Advance(time.Duration(rapid.SampledFrom([]int{0, 5, 21}).Draw(t, "days")) * 24 * time.Hour)
	_, err = s.tasks.Act(ctx, agency, id, hub.TaskOrder{Act: hub.ActFinish, Agency: d.Recipient})
	allowed(t, err)
	_, err = s.tasks.Act(ctx, assigner, id, hub.TaskOrder{Act: hub.ActConfirm, Agency: d.Recipient})
	allowed(t, err)
}

// heirOf is the system of an agency that receives in the place of another, which closed.
func heirOf(id hub.AgencyID) hub.Actor {
	heir := hubtest.System("heir")
	heir.ReceivesFor = []hub.AgencyID{id}
	return heir
}

// remindOfTasks lets the hub say which deadlines are near.
func (s *station) remindOfTasks(t *rapid.T) {
	_, err := s.tasks.Remind(context.Background())
	allowed(t, err)
}

// answer lets a recipient answer what it was sent.
func (s *station) answer(t *rapid.T) {
	asked := rapid.SampledFrom(s.sent).Draw(t, "asked")
	who := rapid.SampledFrom([]hub.AgencyID{hubtest.Office, hubtest.Bureau}).Draw(t, "who")
	s.n++
	sub := s.Submission(fmt.Sprint("x", s.n), "000.00.00.H47")
	sub.Sender = map[hub.AgencyID]string{hubtest.Office: "000.00.12.H47", hubtest.Bureau: "000.00.13.H47"}[who]
	sub.Document.ResponseFor = []hub.Reference{{Agency: "000.00.00.H47", ExternalID: asked.ExternalID}}
	accepted, err := s.intake.Submit(context.Background(), hubtest.System(who), sub)
	allowed(t, err)
	if err == nil {
		s.ids, s.open = append(s.ids, accepted.Dispatch.ID), append(s.open, accepted.Deliveries...)
	}
}

// row names a row of figures.
type row struct {
	period hub.Period
	side   hub.Side
	kind   string
	agency hub.AgencyID
	unit   hub.AgencyID
}

// recount is what figures must be by the evidence of a dispatch, as audits read it.
func (s *station) recount(t fatal, id hub.DispatchID, today hub.Date, sum map[row]map[hub.Measure]int64) {
	list, err := s.store.Evidences(context.Background(), hub.EvidenceQuery{Dispatch: id, Page: hub.Page{Limit: 1000}})
	if err != nil {
		t.Fatal(err)
	}
	chains, err := audit.InspectChain(list.Items)
	if err != nil {
		t.Fatal(err)
	}
	item, err := s.store.DispatchItem(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	d := &item.Dispatch
	kind := map[string]string{"Công văn": "cong-van", "CHỈ THỊ": "chi-thi"}[d.Document.TypeName]
	if kind == "" {
		kind = "khac"
	}
	day := d.AcceptedAt.In(hub.Vietnam()).Format(time.DateOnly)
	for i, chain := range chains.Recipients {
		counts := map[hub.Measure]int64{hub.MeasureDeliveries: 1}
		if !d.Document.PaperFollows {
			counts[hub.MeasureElectronic] = 1
		}
		if m := measureOf(chain.State); m != "" {
			counts[m] = 1
		}
		var arrived, collected, accepted time.Time
		for _, e := range list.Items {
			if len(e.Evidence.Recipients) != 1 || *e.Evidence.Recipients[0].Index != i {
				continue
			}
			switch e.Evidence.Event {
			case hub.EventContentConsignment:
				arrived = e.Evidence.Time
			case hub.EventContentHandover:
				collected, counts[hub.MeasureHandedOver] = e.Evidence.Time, 1
			case hub.EventConsignmentAcceptance:
				accepted = e.Evidence.Time
			}
		}
		if arrived.IsZero() {
			arrived = collected
		}
		if !accepted.IsZero() {
			took := accepted.Sub(arrived)
			counts[hub.MeasureTaken], counts[hub.MeasureTakingSeconds] = 1, int64(took.Seconds())
			if took <= 24*time.Hour {
				counts[hub.MeasureTakenInDay] = 1
			}
		}
		if m := s.answered(t, d, chain.Recipient.ID, chain.State, today); m != "" {
			counts[m] = 1
		}
		tasks := s.tasksOf(t, d, &item.Deliveries[i], today)
		for _, side := range []hub.Side{hub.SideSent, hub.SideReceived} {
			agency := d.Sender
			counts[hub.MeasureDocuments] = 0
			if side == hub.SideReceived {
				agency = chain.Recipient.ID
			}
			for _, m := range taskTotals() {
				counts[m] = tasks[side][m]
			}
			if side == hub.SideReceived || i == 0 {
				counts[hub.MeasureDocuments] = 1
			}
			for _, period := range []string{day, day[:7]} {
				for _, kind := range []string{"", kind} {
					if kind != "" && period == day {
						continue // days are kept for all kinds together
					}
					add(sum, row{hub.Period(period), side, kind, agency, agency}, counts)
					if up := above(agency, d.AcceptedAt); up != "" {
						add(sum, row{hub.Period(period), side, kind, up, agency}, counts)
					}
				}
			}
		}
	}
}

func add(sum map[row]map[hub.Measure]int64, r row, counts map[hub.Measure]int64) {
	if sum[r] == nil {
		sum[r] = map[hub.Measure]int64{}
	}
	for m, n := range counts {
		sum[r][m] += n
	}
}

// moves is when the ward comes under another agency.
func moves() time.Time { return time.Date(2027, 6, 1, 0, 0, 0, 0, hub.Vietnam()) }

// above is the agency above another; none has two above it.
func above(id hub.AgencyID, at time.Time) hub.AgencyID {
	switch {
	case id == hubtest.Bureau || id == hubtest.Ward && at.Before(moves()):
		return hubtest.Stranger
	case id == hubtest.Ward:
		return hubtest.Office
	}
	return ""
}

func measureOf(state hub.DeliveryState) hub.Measure {
	switch state {
	case hub.StateQueued, hub.StateConsigned:
		return hub.MeasureWaiting
	case hub.StateHandedOver:
		return ""
	}
	return hub.Measure(state)
}

// answered is what a delivery counts for among those that ask for an answer.
func (s *station) answered(t fatal, d *hub.Dispatch, recipient hub.AgencyID, state hub.DeliveryState, today hub.Date) hub.Measure {
	if d.Document.DueDate == "" {
		return ""
	}
	links, err := s.store.LinksTo(context.Background(), d.ID, 100)
	if err != nil {
		t.Fatal(err)
	}
	var first time.Time
	for _, l := range links {
		later, err := s.store.DispatchItem(context.Background(), l.Dispatch)
		if err != nil {
			t.Fatal(err)
		}
		if at := later.Dispatch.AcceptedAt; later.Dispatch.Sender == recipient && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
	ended := slices.Contains([]hub.DeliveryState{hub.StateRefused, hub.StateFailed, hub.StateExpired, hub.StateWithdrawn}, state)
	switch {
	case !first.IsZero() && hub.Day(first) <= d.Document.DueDate:
		return hub.MeasureAnsweredInTime
	case !first.IsZero():
		return hub.MeasureAnsweredLate
	case ended:
		return ""
	case d.Document.DueDate < today:
		return hub.MeasureOverdue
	}
	return hub.MeasureOpen
}

// tasksOf are the tasks of a delivery in four totals: all of them as the assigner has them,
// and those that the list of the agency shows.
func (s *station) tasksOf(t fatal, d *hub.Dispatch, v *hub.Delivery, today hub.Date) map[hub.Side]map[hub.Measure]int64 {
	sums := map[hub.Side]map[hub.Measure]int64{hub.SideSent: {}, hub.SideReceived: {}}
	query := hub.TaskQuery{Agency: v.Recipient, Shown: true, Today: today, Page: hub.Page{Limit: hub.MaxTasks}}
	for i := range d.Tasks {
		query.Tasks = append(query.Tasks, d.Tasks[i].ID)
	}
	if len(query.Tasks) == 0 {
		return sums
	}
	shown, err := s.store.Tasks(context.Background(), query)
	if err != nil {
		t.Fatal(err)
	}
	for i := range v.Tasks {
		m := totalOf(&v.Tasks[i], today)
		if m == "" {
			continue
		}
		sums[hub.SideSent][m]++
		s.totals[m]++
		if slices.ContainsFunc(shown.Items, func(a hub.AssignedTask) bool { return a.Task == v.Tasks[i].Task }) {
			sums[hub.SideReceived][m]++
		} else {
			s.unseen++
		}
	}
	return sums
}

func taskTotals() []hub.Measure {
	return []hub.Measure{hub.MeasureTasksDoneInTime, hub.MeasureTasksDoneLate, hub.MeasureTasksOpen, hub.MeasureTasksOverdue}
}

// totalOf is the one of the four totals that a task counts for, as its delivery has it.
func totalOf(a *hub.Assignment, today hub.Date) hub.Measure {
	late := a.Timeliness(today, today) == hub.Overdue
	switch {
	case a.State == hub.TaskCancelled || a.State == hub.TaskReturned:
		return ""
	case a.State == hub.TaskDone && late:
		return hub.MeasureTasksDoneLate
	case a.State == hub.TaskDone:
		return hub.MeasureTasksDoneInTime
	case late:
		return hub.MeasureTasksOverdue
	}
	return hub.MeasureTasksOpen
}

// wantFigures fails a history of which figures say something else than its evidence.
func (s *station) wantFigures(t fatal, ids []hub.DispatchID) {
	c := s.counter()
	if err := c.Count(context.Background()); err != nil {
		t.Fatal(err)
	}
	s.wantTraffic(t)
	progress, end, err := c.FigureProgress(context.Background())
	if err != nil || progress.Place != end {
		t.Fatalf("counted to %d of %d, %v", progress.Place, end, err)
	}
	want := map[row]map[hub.Measure]int64{}
	for _, id := range ids {
		s.recount(t, id, progress.Day, want)
	}
	periods, seen := map[hub.Period]bool{}, 0
	for r := range want {
		periods[r.period] = true
	}
	for period := range periods {
		for _, agency := range hubtest.Agencies() {
			for _, kind := range []string{"", "cong-van", "chi-thi", hub.OtherKind} {
				rows, err := s.store.FiguresByUnit(context.Background(), hub.FigureQuery{Agency: agency.ID, Periods: []hub.Period{period}, Kind: kind})
				if err != nil {
					t.Fatal(err)
				}
				seen += len(rows)
				s.wantBehind(t, hub.CountedQuery{Agency: agency.ID, Period: period, Kind: kind}, rows, progress.Day)
				for i := range rows {
					for _, m := range hub.Measures() {
						if got, must := rows[i].Tally.Of(m), want[row{period, rows[i].Side, kind, agency.ID, rows[i].Unit}][m]; got != must {
							t.Fatalf("%s of what %s, of it %s, %s of kind %q in %s: %d, by the evidence %d", m, agency.ID, rows[i].Unit, rows[i].Side, kind, period, got, must)
						}
					}
				}
			}
		}
	}
	if seen != len(want) {
		t.Fatalf("%d rows, by the evidence %d: %v", seen, len(want), slices.Collect(maps.Keys(want)))
	}
	s.wantRefusals(t, ids)
}

// measuresAtOnce is how many measures a look at figures opens; the next look opens the next ones.
const measuresAtOnce = 3

// wantBehind fails a history in which a number of an agency itself leads to more or fewer
// documents than it says, or to other tasks of these.
func (s *station) wantBehind(t fatal, of hub.CountedQuery, rows []hub.FigureRow, today hub.Date) {
	for range measuresAtOnce {
		s.opened++
		of.Measure = hub.Measures()[s.opened%len(hub.Measures())]
		for _, of.Side = range []hub.Side{hub.SideSent, hub.SideReceived} {
			if of.Check() != nil { // sums of seconds, and days of one kind
				continue
			}
			number, listed := int64(0), int64(0)
			for i := range rows {
				if rows[i].Side == of.Side && rows[i].Unit == of.Agency {
					number += rows[i].Tally.Of(of.Measure)
				}
			}
			of.Page.Limit = 1000
			behind, err := s.store.Counted(context.Background(), of)
			if err != nil {
				t.Fatal(err)
			}
			for i := range behind.Items {
				if listed++; slices.Contains(taskTotals(), of.Measure) {
					listed += int64(len(behind.Items[i].Delivery.Counted(of.Measure, today))) - 1
				}
			}
			if listed != number {
				t.Fatalf("%s %s by %s in %s of kind %q: %d, listed %d", of.Measure, of.Side, of.Agency, of.Period, of.Kind, number, listed)
			}
		}
	}
}

// wantTotals fails where the totals of the tasks of an agency are others than those of its
// figures of all months.
func (s *station) wantTotals(t *testing.T, ids []hub.DispatchID) {
	t.Helper()
	months := map[hub.Period]bool{}
	for _, id := range ids {
		item, err := s.store.DispatchItem(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		months[hub.Period(hub.Day(item.Dispatch.AcceptedAt)[:7])] = true
	}
	today := hub.Day(s.Clock.Now())
	for _, agency := range hubtest.Agencies() {
		rows, err := s.store.FiguresByUnit(t.Context(), hub.FigureQuery{Agency: agency.ID, Periods: slices.Collect(maps.Keys(months))})
		if err != nil {
			t.Fatal(err)
		}
		for side, query := range map[hub.Side]hub.TaskQuery{hub.SideSent: {Assigner: agency.ID}, hub.SideReceived: {Agency: agency.ID, Shown: true}} {
			var sum hub.Tally
			for i := range rows {
				if rows[i].Side == side && rows[i].Unit == agency.ID {
					sum.Add(&rows[i].Tally, 1)
				}
			}
			query.Today = today
			got, err := s.store.TaskTotals(t.Context(), query)
			if err != nil {
				t.Fatal(err)
			}
			want := hub.TaskTotals{
				DoneInTime: int(sum.Of(hub.MeasureTasksDoneInTime)), DoneLate: int(sum.Of(hub.MeasureTasksDoneLate)),
				OpenInTime: int(sum.Of(hub.MeasureTasksOpen)), OpenLate: int(sum.Of(hub.MeasureTasksOverdue)), Returned: got.Returned,
			}
			if got != want {
				t.Errorf("tasks %s by %s: the totals are %+v, those of the figures %+v", side, agency.ID, got, want)
			}
		}
	}
}

// refusals names a row of refusals.
type refusals struct {
	agency hub.AgencyID
	side   hub.Side
	reason hub.ReasonCode
}

// wantRefusals fails a history of which the refusals of a month, all and of each agency
// itself, or the documents behind these are others than its evidence says.
func (s *station) wantRefusals(t fatal, ids []hub.DispatchID) {
	ctx := context.Background()
	type count struct{ all, own int64 }
	want := map[hub.Period]map[refusals]count{}
	for _, id := range ids {
		list, err := s.store.Evidences(ctx, hub.EvidenceQuery{Dispatch: id, Page: hub.Page{Limit: 1000}})
		if err != nil {
			t.Fatal(err)
		}
		item, err := s.store.DispatchItem(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		month := hub.Period(hub.Day(item.Dispatch.AcceptedAt)[:7])
		if want[month] == nil {
			want[month] = map[refusals]count{}
		}
		for i := range list.Items {
			e := &list.Items[i].Evidence
			if e.Event != hub.EventConsignmentRejection {
				continue
			}
			for side, agency := range map[hub.Side]hub.AgencyID{hub.SideSent: item.Dispatch.Sender, hub.SideReceived: e.Recipients[0].ID} {
				own := refusals{agency, side, e.Reasons[0].Code}
				n := want[month][own]
				want[month][own] = count{n.all + 1, n.own + 1}
				if up := above(agency, item.Dispatch.AcceptedAt); up != "" {
					n := want[month][refusals{up, side, own.reason}]
					want[month][refusals{up, side, own.reason}] = count{n.all + 1, n.own}
				}
			}
		}
	}
	for month, must := range want {
		for _, agency := range hubtest.Agencies() {
			rows, err := s.store.Refusals(ctx, hub.FigureQuery{Agency: agency.ID, Periods: []hub.Period{month}})
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range rows {
				key := refusals{agency.ID, r.Side, r.Reason}
				behind, err := s.store.Counted(ctx, hub.CountedQuery{Agency: agency.ID, Side: r.Side, Measure: hub.MeasureRefused, Reason: r.Reason, Period: month, Page: hub.Page{Limit: 1000}})
				if err != nil {
					t.Fatal(err)
				}
				if n := must[key]; n != (count{r.Count, r.Own}) || int64(len(behind.Items)) != n.own {
					t.Fatalf("refused for %s, %s by %s in %s: %d, of it %d itself, %d listed; by the evidence %+v", r.Reason, r.Side, agency.ID, month, r.Count, r.Own, len(behind.Items), n)
				}
				s.totals[hub.MeasureRefused] += int(r.Own)
				delete(must, key)
			}
		}
		if len(must) > 0 {
			t.Fatalf("refusals of %s that are not counted: %+v", month, must)
		}
	}
}

// wantTraffic fails a history of which the traffic of hours is another than its evidence
// says.
func (s *station) wantTraffic(t fatal) {
	s.noteClock() // what was counted while the clock was ahead has forgotten more
	oldest := s.latest.Truncate(time.Hour).Add(-7 * 24 * time.Hour)
	want, got := map[time.Time][2]int64{}, map[time.Time][2]int64{}
	for i := range s.log {
		e := &s.log[i].Evidence.Evidence
		hour := e.Time.Truncate(time.Hour)
		sum := want[hour]
		switch e.Event {
		case hub.EventSubmissionAcceptance:
			sum[0]++
		case hub.EventContentHandover:
			sum[1]++
		}
		if !hour.Before(oldest) && sum != [2]int64{} {
			want[hour] = sum
		}
	}
	counts, err := s.store.TrafficHours(context.Background(), oldest)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range counts {
		sum := got[c.Hour]
		if c.Class == hub.ClassAccepted {
			sum[0] += c.Count
		} else {
			sum[1] += c.Count
		}
		got[c.Hour] = sum
	}
	if !maps.Equal(got, want) {
		t.Fatalf("the traffic is %v, by the evidence %v", got, want)
	}
}

// TestFigures: whatever happens, in whatever order, and however counting is cut into steps,
// every figure is what the evidence says; and it is the same when it is counted anew.
func TestFigures(t *testing.T) {
	authority, err := pki.New(time.Now(), pki.P256)
	if err != nil {
		t.Fatal(err)
	}
	id, err := authority.Agency("Trục liên thông (mẫu)", pki.P256)
	if err != nil {
		t.Fatal(err)
	}
	s := &station{
		World: hubtest.NewWorld(), path: filepath.Join(t.TempDir(), "hub.db"), files: &tiles{files: map[string][]byte{}},
		logged: map[hub.EvidenceID]bool{}, events: map[hub.Event]int{}, totals: map[hub.Measure]int{},
	}
	agencies := hubtest.Agencies()
	for i := range agencies {
		switch a := &agencies[i]; a.ID {
		case hubtest.Bureau:
			a.Parents = []hub.Dated[hub.AgencyID]{{Value: hubtest.Stranger}}
		case hubtest.Ward:
			a.Channels = []hub.Dated[hub.Channel]{{Value: hub.ChannelAxis}} // its tasks are on their way for a while
			a.Parents = []hub.Dated[hub.AgencyID]{{Value: hubtest.Stranger, Valid: hub.Interval{To: moves()}}, {Value: hubtest.Office, Valid: hub.Interval{From: moves()}}}
		}
	}
	s.Directory = hubtest.NewDirectory(agencies...)
	if s.sealer, err = signing.NewSealer(id.Key, id.Chain); err != nil {
		t.Fatal(err)
	}
	s.start(t)
	defer func() { s.stop(t) }()
	if err := s.counter().Count(t.Context()); err != nil { // traffic begins here, whatever the clock does
		t.Fatal(err)
	}
	var all []hub.DispatchID
	count := func(t *rapid.T) {
		if _, err := s.dying(rapid.SampledFrom([]string{"", "", "before", "behind", "another"}).Draw(t, "dies")).Step(context.Background()); !errors.Is(err, errDead) {
			allowed(t, err)
		}
	}
	anew := func(t *rapid.T) {
		if err := s.counter().Rebuild(context.Background(), operator()); err != nil {
			t.Fatal(err)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		s.sent, s.open, s.ids = nil, nil, nil
		s.ask(t)
		for range rapid.IntRange(3, 15).Draw(t, "acts") {
			rapid.SampledFrom([]func(*rapid.T){
				s.submit, s.ask, s.answer, s.answer, s.act, s.act, s.act, s.act, s.work, s.pass, s.setBack, s.restart, count, count, anew,
				s.actOnTask, s.actOnTask, s.settleTask, s.settleTask, s.settleTask, s.remindOfTasks,
			}).Draw(t, "what")(t)
		}
		all = append(all, s.ids...)
		s.wantFigures(t, s.ids)
		s.end(t) // which takes so long that the next history has periods of its own
		s.wantFigures(t, s.ids)
	})
	if err := s.counter().Rebuild(t.Context(), operator()); err != nil {
		t.Fatal(err)
	}
	s.wantFigures(t, all)
	s.wantTotals(t, all)
	for _, m := range append(taskTotals(), hub.MeasureRefused) {
		if s.totals[m] == 0 {
			t.Errorf("no history had %s", m)
		}
	}
	if s.unseen == 0 {
		t.Error("no history had a task that the agency did not see yet")
	}
	due, err := s.store.FigureFactsDue(t.Context(), hub.Day(s.Clock.Now()), 1)
	if err != nil || len(due) != 0 {
		t.Errorf("open and due before today: %v, %v", due, err)
	}
}
