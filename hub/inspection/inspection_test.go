package inspection_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/inspection"
)

// world is a Department of Justice "j" with everything around it: "u" issues documents; "o"
// has closed, and "u" took over from it; "x" has no part in anything.
type world struct {
	*inspection.Service
	now   time.Time
	ids   int
	files []hub.InspectionFile
	notes []hub.LogNote
	sent  map[hub.DispatchID]hub.SentItem
	items map[hub.DeliveryID]hub.Item
	race  func() // before the next event is recorded
}

func newWorld() *world {
	w := &world{now: time.Date(2026, 3, 2, 1, 0, 0, 0, time.UTC), sent: map[hub.DispatchID]hub.SentItem{}, items: map[hub.DeliveryID]hub.Item{}}
	w.Service = inspection.New(inspection.Options{
		Store: w, Documents: w, Directory: w, Chronicle: w, Calendar: func() *hub.Calendar { return hub.NewCalendar() },
		Now: func() time.Time { return w.now }, NewID: w.newID, Log: slog.New(slog.DiscardHandler),
	})
	return w
}

func (w *world) newID() string {
	w.ids++
	return fmt.Sprintf("%06d", w.ids)
}

func (w *world) AddInspection(_ context.Context, f hub.InspectionFile, note hub.LogNote) error {
	for i := range w.files {
		o := &w.files[i]
		if o.Key != "" && o.Agency == f.Agency && o.Key == f.Key || o.Document != nil && f.Document != nil && o.Document.Delivery == f.Document.Delivery {
			return hub.Errorf(hub.KindConflict, "", "", "taken")
		}
	}
	w.files, w.notes = append(w.files, f), append(w.notes, note)
	return nil
}

func (w *world) AddInspectionEvent(_ context.Context, f hub.InspectionFile, note hub.LogNote) error {
	if race := w.race; race != nil {
		w.race = nil
		race()
	}
	for i := range w.files {
		if w.files[i].ID == f.ID && w.files[i].Version == f.Version-1 {
			w.files[i], w.notes = f, append(w.notes, note)
			return nil
		}
	}
	return hub.Errorf(hub.KindConflict, "", "", "moved")
}

func (w *world) FindInspection(_ context.Context, key hub.InspectionKey) (hub.InspectionFile, error) {
	for _, f := range w.files {
		if key.ID != "" && f.ID == key.ID || key.Delivery != "" && f.Document != nil && f.Document.Delivery == key.Delivery || key.Key != "" && f.Agency == key.Agency && f.Key == key.Key {
			return f, nil
		}
	}
	return hub.InspectionFile{}, hub.Errorf(hub.KindNotFound, "", "", "none")
}

func (w *world) Inspections(_ context.Context, q hub.InspectionQuery) (hub.List[hub.InspectionFile], error) {
	var l hub.List[hub.InspectionFile]
	for _, f := range w.files {
		if slices.Contains(f.Parties, q.Agency) && (q.State == "" || q.State == f.State) && (q.Kind == "" || q.Kind == f.Kind) {
			l.Items = append(l.Items, f)
		}
	}
	return l, nil
}

func (w *world) InspectionsBetween(_ context.Context, span hub.InspectionSpan) (hub.List[hub.InspectionFile], error) {
	var l hub.List[hub.InspectionFile]
	for _, f := range w.files {
		if f.Agency == span.Agency && f.Day >= span.From && f.Day < span.Until && string(f.ID) > span.Page.After {
			if len(l.Items) == span.Page.Limit {
				l.Next = string(l.Items[len(l.Items)-1].ID)
				break
			}
			l.Items = append(l.Items, f)
		}
	}
	return l, nil
}

func (w *world) WaitingInspections(_ context.Context, after hub.InspectionID, limit int) ([]hub.InspectionFile, error) {
	var found []hub.InspectionFile
	for _, f := range w.files {
		if f.Waits && f.ID > after && len(found) < limit {
			found = append(found, f)
		}
	}
	return found, nil
}

func (w *world) DispatchItem(_ context.Context, id hub.DispatchID) (hub.SentItem, error) {
	item, ok := w.sent[id]
	if !ok {
		return item, hub.Errorf(hub.KindNotFound, "", "", "none")
	}
	return item, nil
}

func (w *world) Item(_ context.Context, id hub.DeliveryID) (hub.Item, error) {
	item, ok := w.items[id]
	if !ok {
		return item, hub.Errorf(hub.KindNotFound, "", "", "none")
	}
	return item, nil
}

func (w *world) ByID(id hub.AgencyID) (*hub.Agency, bool) {
	a := &hub.Agency{ID: id, Names: []hub.Dated[string]{{Value: strings.ToUpper(string(id))}}}
	if id == "o" {
		a.Valid.To = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return a, strings.Contains("juox", string(id))
}

func (w *world) Heirs(id hub.AgencyID, _ time.Time) []hub.AgencyID {
	if id == "o" {
		return []hub.AgencyID{"u"}
	}
	return []hub.AgencyID{id}
}

func (w *world) InspectionNote(id hub.InspectionID, e *hub.InspectionEvent, digest hub.Digest) (hub.LogNote, error) {
	return hub.LogNote{ID: e.Note, Body: []byte(fmt.Sprintf("%s %d %s", id, e.Seq, digest))}, nil
}

// copyOf is a document of an issuer that reached "j".
func (w *world) copyOf(issuer hub.AgencyID, number string) *hub.Item {
	d := hub.Dispatch{ID: hub.DispatchID("d" + w.newID()), Sender: issuer, SenderName: string(issuer), AcceptedAt: w.now, Operation: hub.OperationNew, Document: hub.Document{CodeNumber: number, CodeNotation: "2026/QĐ-UBND", Subject: "Quy định"}}
	v := hub.Delivery{ID: hub.DeliveryID("v" + w.newID()), Dispatch: d.ID, Recipient: "j", Name: "Sở Tư pháp", State: hub.StateAccepted}
	w.put(d, v)
	return &hub.Item{Dispatch: d, Delivery: v}
}

func (w *world) put(d hub.Dispatch, deliveries ...hub.Delivery) {
	w.sent[d.ID] = hub.SentItem{Dispatch: d, Deliveries: deliveries}
	for _, v := range deliveries {
		w.items[v.ID] = hub.Item{Dispatch: d, Delivery: v}
	}
}

// recommends is a document of "j" that sets an agency tasks.
func (w *world) recommends(to hub.AgencyID, due hub.Date, tasks ...hub.TaskID) hub.DispatchID {
	d := hub.Dispatch{ID: hub.DispatchID("d" + w.newID()), Sender: "j", AcceptedAt: w.now, Operation: hub.OperationNew, Document: hub.Document{CodeNumber: "9", CodeNotation: "STP-KTVB"}}
	v := hub.Delivery{ID: hub.DeliveryID("v" + w.newID()), Dispatch: d.ID, Recipient: to, State: hub.StateHandedOver}
	for _, id := range tasks {
		v.Tasks = append(v.Tasks, hub.Assignment{Task: id, State: hub.TaskNotStarted, Due: due})
	}
	w.put(d, v)
	return d.ID
}

// turn changes the task of a recommendation.
func (w *world) turn(id hub.DispatchID, change func(*hub.Assignment)) {
	item := w.sent[id]
	v := item.Deliveries[0]
	v.Tasks = slices.Clone(v.Tasks)
	change(&v.Tasks[0])
	w.put(item.Dispatch, v)
}

func actor(scope hub.Scope, agencies ...hub.AgencyID) hub.Actor {
	return hub.Actor{Name: "an", Agencies: agencies, Scopes: []hub.Scope{scope, hub.ScopeRead}}
}

func (w *world) act(t *testing.T, id hub.InspectionID, order hub.InspectionOrder) hub.InspectionView {
	t.Helper()
	v, err := w.Act(t.Context(), actor(hub.ScopeSubmit, "j"), id, order)
	if err != nil {
		t.Fatalf("%+v: %v", order, err)
	}
	return v
}

func (w *world) receive(t *testing.T, item *hub.Item) hub.InspectionID {
	t.Helper()
	if err := w.Receive(t.Context(), item, hub.RuleRef{Name: "Kiểm tra", Version: 3}); err != nil {
		t.Fatal(err)
	}
	return w.files[len(w.files)-1].ID
}

func (w *world) follow(t *testing.T, id hub.InspectionID) hub.InspectionView {
	t.Helper()
	if err := w.Follow(t.Context()); err != nil {
		t.Fatal(err)
	}
	v, err := w.Show(t.Context(), actor(hub.ScopeSubmit, "j"), id)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func acts(v *hub.InspectionView) string {
	var list []string
	for _, e := range v.Events {
		list = append(list, string(e.Act))
	}
	return strings.Join(list, " ")
}

// TestFromCopyToRepeal: a copy becomes one inspection; a recommendation runs as a task, whose
// answer, extension and return become events; the outcome is by a document of the issuer.
func TestFromCopyToRepeal(t *testing.T) {
	w := newWorld()
	item := w.copyOf("o", "04") // its heir is asked
	id := w.receive(t, item)
	w.receive(t, item)
	recall := *item
	recall.Dispatch.Operation, recall.Delivery.ID = hub.OperationRecall, "other"
	w.receive(t, &recall)
	own := w.copyOf("j", "05")
	w.receive(t, own)
	if len(w.files) != 1 || w.files[0].Document.Number != "04/2026/QĐ-UBND" || w.files[0].Events[0].Rule.Version != 3 || w.files[0].State != hub.InspectionOpen {
		t.Fatalf("a copy told of twice, a recall and a document of one's own made %+v", w.files)
	}
	w.act(t, id, hub.InspectionOrder{Act: hub.InspectCheck, Item: hub.ItemAuthority, Verdict: hub.VerdictUnclear})
	v := w.act(t, id, hub.InspectionOrder{Act: hub.InspectCheck, Item: hub.ItemAuthority, Verdict: hub.VerdictWrong, Text: "Trái khoản 1"})
	if got := fmt.Sprint(v.Checks); got != "[{authority wrong Trái khoản 1 3} {form   0} {content   0} {validity   0}]" {
		t.Errorf("the check list is %s", got)
	}
	doc := w.recommends("u", "2026-03-20", "t1", "t2")
	if _, err := w.Act(t.Context(), actor(hub.ScopeSubmit, "j"), id, hub.InspectionOrder{Act: hub.InspectRecommend, Dispatch: doc, Task: "t1"}); err == nil || hub.ViolationsOf(err)[0].Rule != "state" {
		t.Errorf("a recommendation without a finding: %v", err)
	}
	find := hub.InspectionOrder{Act: hub.InspectFind, Finding: hub.FindingWrongAuthority, Text: "Điều 3", Key: "k1"}
	w.act(t, id, find)
	if again := w.act(t, id, find); len(again.Findings) != 1 {
		t.Errorf("the same key again found %d", len(again.Findings))
	}
	find.Text = "Điều 4"
	if _, err := w.Act(t.Context(), actor(hub.ScopeSubmit, "j"), id, find); err == nil || hub.ViolationsOf(err)[0].Rule != "taken" {
		t.Errorf("the same key with other words: %v", err)
	}

	// Until it is recommended something, who was inspected knows of nothing.
	issuer := actor(hub.ScopeSubmit, "u")
	if _, err := w.Show(t.Context(), issuer, id); err == nil || hub.KindOf(err) != hub.KindNotFound {
		t.Errorf("the issuer sees an inspection without a recommendation: %v", err)
	}
	v = w.act(t, id, hub.InspectionOrder{Act: hub.InspectRecommend, Dispatch: doc, Task: "t1"})
	if v.State != hub.InspectionRecommended || v.Due != "2026-03-20" || v.Recommendation.Number != "9/STP-KTVB" || v.Timeliness != hub.InTime {
		t.Errorf("recommended: %s until %s by %s, %s", v.State, v.Due, v.Recommendation.Number, v.Timeliness)
	}
	seen, err := w.Show(t.Context(), issuer, id)
	if err != nil || acts(&seen) != "begin find recommend" || seen.Checks != nil {
		t.Errorf("the issuer sees %s, %v, %v", acts(&seen), seen.Checks, err)
	}
	if _, err := w.Show(t.Context(), actor(hub.ScopeSubmit, "x"), id); err == nil || hub.KindOf(err) != hub.KindNotFound {
		t.Errorf("a stranger sees it: %v", err)
	}
	if _, err := w.Act(t.Context(), issuer, id, hub.InspectionOrder{Act: hub.InspectConclude, Outcome: hub.OutcomeClean}); err == nil || hub.KindOf(err) != hub.KindDenied {
		t.Errorf("the issuer concludes: %v", err)
	}
	if _, err := w.Act(t.Context(), actor(hub.ScopeSubmit, "j"), id, hub.InspectionOrder{Act: hub.InspectExplain, Text: "x"}); err == nil || hub.KindOf(err) != hub.KindDenied {
		t.Errorf("who inspects explains: %v", err)
	}
	if _, err := w.Act(t.Context(), issuer, id, hub.InspectionOrder{Act: hub.InspectExplain, Text: "Căn cứ khác"}); err != nil {
		t.Errorf("the issuer explains: %v", err)
	}
	explanations := 1
	for ; ; explanations++ { // what follows shows that the rest goes on
		_, err := w.Act(t.Context(), issuer, id, hub.InspectionOrder{Act: hub.InspectExplain, Text: "Căn cứ khác"})
		if hub.KindOf(err) == hub.KindTooLarge {
			break
		}
		if err != nil || explanations > 1000 {
			t.Fatalf("explanation %d: %v", explanations, err)
		}
	}

	// The task goes its way.
	w.turn(doc, func(a *hub.Assignment) { a.Due = "2026-03-25" })
	if v = w.follow(t, id); v.Due != "2026-03-25" {
		t.Errorf("extended until %s", v.Due)
	}
	w.put(hub.Dispatch{ID: "a1", Sender: "u", AcceptedAt: w.now, Document: hub.Document{CodeNumber: "77", CodeNotation: "UBND"}}, hub.Delivery{ID: "va", Recipient: "j"})
	answered := func(day hub.Date) func(*hub.Assignment) {
		return func(a *hub.Assignment) {
			a.State, a.EndedOn, a.Answers = hub.TaskAwaiting, day, []hub.DispatchID{"a1"}
		}
	}
	w.turn(doc, answered("2026-03-24"))
	if v = w.follow(t, id); v.State != hub.InspectionAnswered || v.Answer.Number != "77/UBND" || v.Timeliness != hub.InTime {
		t.Errorf("answered: %s by %v, %s", v.State, v.Answer, v.Timeliness)
	}
	w.turn(doc, func(a *hub.Assignment) { a.State, a.EndedOn, a.Said = hub.TaskInProgress, "", "chưa đủ" })
	if v = w.follow(t, id); v.State != hub.InspectionRecommended || v.Answer != nil {
		t.Errorf("an answer that was sent back leaves it %s", v.State)
	}
	w.turn(doc, answered("2026-03-26"))
	v = w.follow(t, id)
	if again := w.follow(t, id); v.Timeliness != hub.Overdue || again.Version != v.Version {
		t.Errorf("answered late: %s; followed again %d events behind %d", v.Timeliness, again.Version, v.Version)
	}

	// Concluded by a document of the issuer that the agency got.
	repeal := w.copyOf("u", "08")
	other := w.copyOf("x", "09")
	for dispatch, rule := range map[hub.DispatchID]string{"none": "unknown", other.Dispatch.ID: "author", item.Dispatch.ID: "self", doc: "unknown"} {
		_, err := w.Act(t.Context(), actor(hub.ScopeSubmit, "j"), id, hub.InspectionOrder{Act: hub.InspectConclude, Outcome: hub.OutcomeRepealed, Dispatch: dispatch})
		if err == nil || hub.ViolationsOf(err)[0].Rule != rule {
			t.Errorf("concluded by %s: %v, want %s", dispatch, err, rule)
		}
	}
	v = w.act(t, id, hub.InspectionOrder{Act: hub.InspectConclude, Outcome: hub.OutcomeRepealed, Dispatch: repeal.Dispatch.ID})
	if v.State != hub.InspectionConcluded || v.Conclusion.Number != "08/2026/QĐ-UBND" || w.files[0].Waits {
		t.Errorf("concluded: %s by %s", v.State, v.Conclusion.Number)
	}
	if _, err := w.Act(t.Context(), actor(hub.ScopeSubmit, "j"), id, hub.InspectionOrder{Act: hub.InspectFind, Finding: hub.FindingIllegal, Text: "x"}); err == nil || hub.KindOf(err) != hub.KindConflict {
		t.Errorf("found behind the conclusion: %v", err)
	}
	v = w.act(t, id, hub.InspectionOrder{Act: hub.InspectReopen, Text: "Có căn cứ mới"})
	if want := "begin check check find recommend" + strings.Repeat(" explain", explanations) + " extend answer return answer conclude reopen"; acts(&v) != want || v.State != hub.InspectionAnswered {
		t.Errorf("its course is %s (%s), want %s", acts(&v), v.State, want)
	}
	// Each event names the one before, and the notes hold their digests.
	var before hub.Digest
	for i, e := range w.files[0].Events {
		digest, err := e.SHA256()
		if err != nil || e.Seq != int64(i)+1 || e.Previous != before || string(w.notes[i].Body) != fmt.Sprintf("%s %d %s", id, e.Seq, digest) || w.notes[i].ID != e.Note {
			t.Errorf("event %d: %+v noted as %s, %v", i, e, w.notes[i].Body, err)
		}
		before = digest
	}
}

// TestRefusedActs: what is wrong is said by field and rule, and nothing is recorded.
func TestRefusedActs(t *testing.T) {
	w := newWorld()
	id := w.receive(t, w.copyOf("u", "04"))
	w.act(t, id, hub.InspectionOrder{Act: hub.InspectFind, Finding: hub.FindingIllegal, Text: "Điều 3"})
	foreign := w.copyOf("u", "05").Dispatch.ID
	version := w.files[0].Version
	for want, order := range map[string]hub.InspectionOrder{
		"act code_list":       {Act: "begin"},
		"item code_list":      {Act: hub.InspectCheck, Verdict: hub.VerdictFits},
		"verdict code_list":   {Act: hub.InspectCheck, Item: hub.ItemForm},
		"text required":       {Act: hub.InspectCheck, Item: hub.ItemForm, Verdict: hub.VerdictWrong},
		"finding code_list":   {Act: hub.InspectFind, Finding: hub.FindingShortcoming, Text: "x"},
		"outcome code_list":   {Act: hub.InspectConclude, Outcome: hub.OutcomeRemedied},
		"number required":     {Act: hub.InspectConclude, Outcome: hub.OutcomeAmended, Day: "2026-03-01"},
		"day range":           {Act: hub.InspectConclude, Outcome: hub.OutcomeAmended, Number: "9/QĐ", Day: "2026-03-03"},
		"day date":            {Act: hub.InspectConclude, Outcome: hub.OutcomeAmended, Number: "9/QĐ", Day: "2026-02-30"},
		"outcome superfluous": {Act: hub.InspectFind, Finding: hub.FindingIllegal, Text: "x", Outcome: hub.OutcomeClean},
		"dispatch required":   {Act: hub.InspectRecommend},
		"dispatch unknown":    {Act: hub.InspectRecommend, Dispatch: foreign},
		"dispatch recipient":  {Act: hub.InspectRecommend, Dispatch: w.recommends("x", "", "t")},
		"dispatch task":       {Act: hub.InspectRecommend, Dispatch: w.recommends("u", "")},
		"task required":       {Act: hub.InspectRecommend, Dispatch: w.recommends("u", "", "t1", "t2")},
		"act state":           {Act: hub.InspectReceive, Number: "9/UBND", Day: "2026-03-01"},
		"text max_length":     {Act: hub.InspectFind, Finding: hub.FindingIllegal, Text: strings.Repeat("x", 4001)},
	} {
		_, err := w.Act(t.Context(), actor(hub.ScopeSubmit, "j"), id, order)
		if err == nil {
			t.Errorf("%s: recorded", want)
			continue
		}
		if e := hub.ViolationsOf(err)[0]; e.Field+" "+e.Rule != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
	visit := hub.InspectionWish{Agency: "j", Subject: "u", Kind: hub.InspectSurprise, Title: "Kỷ luật hành chính", Key: "v1"}
	for want, change := range map[string]func(*hub.InspectionWish){
		"kind code_list":         func(v *hub.InspectionWish) { v.Kind = hub.InspectDocument },
		"subject self":           func(v *hub.InspectionWish) { v.Subject = "j" },
		"subject unknown_agency": func(v *hub.InspectionWish) { v.Subject = "o" },
		"day range":              func(v *hub.InspectionWish) { v.Day = "2026-03-03" },
		"title required":         func(v *hub.InspectionWish) { v.Title = " " },
	} {
		wish := visit
		change(&wish)
		_, _, err := w.Visit(t.Context(), actor(hub.ScopeSubmit, "j"), wish)
		if err == nil || hub.ViolationsOf(err)[0].Field+" "+hub.ViolationsOf(err)[0].Rule != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if len(w.files) != 1 || w.files[0].Version != version {
		t.Errorf("refused acts were recorded: %d inspections, %d events", len(w.files), w.files[0].Version)
	}
	first, made, err := w.Visit(t.Context(), actor(hub.ScopeSubmit, "j"), visit)
	if err != nil || !made || first.Day != "2026-03-02" {
		t.Errorf("a visit: %v %v %s", made, err, first.Day)
	}
	again, made, err := w.Visit(t.Context(), actor(hub.ScopeSubmit, "j"), visit)
	if err != nil || made || again.ID != first.ID {
		t.Errorf("the same visit again: %v %v", made, err)
	}
	visit.Title = "Khác"
	if _, _, err := w.Visit(t.Context(), actor(hub.ScopeSubmit, "j"), visit); err == nil || hub.KindOf(err) != hub.KindConflict {
		t.Errorf("another visit with its key: %v", err)
	}
	if _, _, err := w.Visit(t.Context(), actor(hub.ScopeSubmit, "x"), visit); err == nil || hub.KindOf(err) != hub.KindDenied {
		t.Errorf("a visit for another agency: %v", err)
	}
	if _, err := w.Figures(t.Context(), actor(hub.ScopeFigures, "x"), "j", "2026"); err == nil || hub.KindOf(err) != hub.KindDenied {
		t.Errorf("figures of another agency: %v", err)
	}
	if _, err := w.List(t.Context(), actor(hub.ScopeSubmit, "x"), hub.InspectionQuery{Agency: "j"}); err == nil || hub.KindOf(err) != hub.KindDenied {
		t.Errorf("the list of another agency: %v", err)
	}
}

// TestTwoAtOnce: who loses a race tries again, and nothing is lost.
func TestTwoAtOnce(t *testing.T) {
	w := newWorld()
	id := w.receive(t, w.copyOf("u", "04"))
	w.race = func() {
		w.act(t, id, hub.InspectionOrder{Act: hub.InspectFind, Finding: hub.FindingIllegal, Text: "thứ hai"})
	}
	v := w.act(t, id, hub.InspectionOrder{Act: hub.InspectFind, Finding: hub.FindingWrongAuthority, Text: "thứ nhất"})
	if len(v.Findings) != 2 || v.Version != 3 {
		t.Errorf("%d findings, version %d", len(v.Findings), v.Version)
	}
}

// TestFiguresAreARecount: over random histories figures are what a recount of the raw events
// gives, and each number is that of the inspections behind it.
func TestFiguresAreARecount(t *testing.T) {
	met := map[hub.InspectionMeasure]int{}
	for seed := range uint64(60) {
		w := newWorld()
		r := rand.New(rand.NewPCG(seed, 1))
		for range 12 {
			w.history(t, r)
		}
		for _, period := range []hub.Period{"2026", "2026-Q1", "2026-04", "2025"} {
			figures, err := w.Figures(t.Context(), actor(hub.ScopeRead, "j"), "j", period)
			if err != nil {
				t.Fatal(err)
			}
			want := w.recount(period)
			for _, m := range hub.InspectionMeasures() {
				if met[m] += want[m]; figures.Counts[m] != want[m] {
					t.Fatalf("seed %d, %s, %s: %d, recounted %d", seed, period, m, figures.Counts[m], want[m])
				}
				behind := 0
				for page := (hub.Page{Limit: 2}); ; {
					list, err := w.Counted(t.Context(), actor(hub.ScopeRead, "j"), "j", period, m, page)
					if err != nil {
						t.Fatal(err)
					}
					behind += len(list.Items)
					if page.After = list.Next; list.Next == "" {
						break
					}
				}
				if behind != want[m] {
					t.Fatalf("seed %d, %s, %s: %d inspections behind the number %d", seed, period, m, behind, want[m])
				}
			}
		}
	}
	for _, m := range hub.InspectionMeasures() {
		if met[m] == 0 {
			t.Errorf("no history came to %s", m)
		}
	}
}

// history is what happens to one inspection, by chance.
func (w *world) history(t *testing.T, r *rand.Rand) {
	t.Helper()
	w.now = w.now.Add(time.Duration(r.IntN(300)) * time.Hour)
	me := actor(hub.ScopeSubmit, "j")
	subject := []hub.AgencyID{"u", "o"}[r.IntN(2)]
	var id hub.InspectionID
	kind := hub.InspectionKinds()[r.IntN(3)]
	if kind == hub.InspectDocument {
		id = w.receive(t, w.copyOf(subject, fmt.Sprint(r.IntN(100))))
	} else {
		v, _, err := w.Visit(t.Context(), me, hub.InspectionWish{Agency: "j", Subject: "u", Kind: kind, Title: "Kiểm tra"})
		if err != nil {
			t.Fatal(err)
		}
		id, subject = v.ID, "u"
	}
	var doc hub.DispatchID
	for range r.IntN(14) {
		w.now = w.now.Add(time.Duration(r.IntN(60)) * time.Hour)
		order := hub.InspectionOrder{Act: hub.InspectionActs()[r.IntN(len(hub.InspectionActs())-1)], Text: "vì"}
		switch order.Act {
		case hub.InspectCheck:
			order.Item, order.Verdict = hub.InspectionItems()[r.IntN(4)], hub.InspectionVerdicts()[r.IntN(3)]
		case hub.InspectFind:
			order.Finding = hub.InspectionFindings()[r.IntN(3)]
		case hub.InspectRecommend:
			doc = w.recommends([]hub.AgencyID{subject, "u"}[r.IntN(2)], hub.DateOf(w.now).Plus(r.IntN(6)), "t")
			order.Dispatch = doc
		case hub.InspectReceive:
			order.Number, order.Day = "9/UBND", hub.DateOf(w.now)
		case hub.InspectConclude:
			order.Outcome = hub.InspectionOutcomes()[r.IntN(6)]
			if order.Outcome.ByDocument() {
				order.Number, order.Day = "9/QĐ", hub.DateOf(w.now)
			}
		}
		_, _ = w.Act(t.Context(), me, id, order) // what the state does not allow is refused
		if doc == "" || r.IntN(2) == 0 {
			continue
		}
		today := hub.DateOf(w.now)
		w.turn(doc, func(a *hub.Assignment) {
			switch r.IntN(5) {
			case 0:
				a.Due = today.Plus(r.IntN(9))
			case 1:
				a.State, a.EndedOn = hub.TaskInProgress, ""
			case 2:
				if r.IntN(3) == 0 {
					a.State = hub.TaskCancelled
				}
			default:
				if a.State != hub.TaskCancelled {
					a.State, a.EndedOn = hub.TaskAwaiting, today
				}
			}
		})
		if err := w.Follow(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// recount counts raw events by the rules as they are written in the guide.
func (w *world) recount(period hub.Period) map[hub.InspectionMeasure]int {
	from, until := period.Span()
	today := hub.DateOf(w.now)
	counts := map[hub.InspectionMeasure]int{}
	for _, f := range w.files {
		if f.Day < hub.DateOf(from) || f.Day >= hub.DateOf(until) {
			continue
		}
		last := func(acts ...hub.InspectionAct) int64 {
			n := int64(0)
			for _, e := range f.Events {
				if slices.Contains(acts, e.Act) {
					n = e.Seq
				}
			}
			return n
		}
		switch f.Kind {
		case hub.InspectDocument:
			counts[hub.MeasureInspected]++
		case hub.InspectAnnounced:
			counts[hub.MeasureAnnounced]++
		case hub.InspectSurprise:
			counts[hub.MeasureSurprise]++
		}
		found := map[hub.InspectionFinding]bool{}
		for _, e := range f.Events {
			found[e.Finding] = true
		}
		for finding, m := range map[hub.InspectionFinding]hub.InspectionMeasure{hub.FindingWrongAuthority: hub.MeasureWrongAuthority, hub.FindingIllegal: hub.MeasureIllegal, hub.FindingShortcoming: hub.MeasureShortcoming} {
			if found[finding] {
				counts[m]++
			}
		}
		recommended := last(hub.InspectRecommend)
		if recommended <= last(hub.InspectRevoke) {
			recommended = 0
		}
		concluded := last(hub.InspectConclude)
		if concluded <= last(hub.InspectReopen) {
			concluded = 0
		}
		if concluded > 0 {
			counts[hub.InspectionMeasure(f.Events[concluded-1].Outcome)]++
		} else if recommended == 0 {
			counts[hub.MeasureUnderWay]++
		}
		if recommended == 0 {
			continue
		}
		counts[hub.MeasureRecommended]++
		due := f.Events[recommended-1].Due
		if n := last(hub.InspectExtend); n > recommended {
			due = f.Events[n-1].Due
		}
		answered := last(hub.InspectAnswer, hub.InspectReceive)
		if answered < recommended || answered < last(hub.InspectReturn) {
			answered = 0
		}
		switch {
		case answered > 0 && f.Events[answered-1].Day > due && due != "":
			counts[hub.MeasureReplyLate]++
		case answered > 0:
			counts[hub.MeasureReplyInTime]++
		case concluded > 0:
		case today > due && due != "":
			counts[hub.MeasureReplyOverdue]++
		default:
			counts[hub.MeasureReplyAwaited]++
		}
	}
	return counts
}
