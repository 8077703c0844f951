package hub

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Measure is one thing that is counted, for a period, of the documents that an agency
// sent or that came to it.
type Measure string

// The measures. Those up to MeasureTasksOverdue count deliveries, the documents that they
// are of, or the tasks that these set; the documents behind such a number can be listed.
const (
	MeasureDocuments  Measure = "documents"   // dispatches; of what came to an agency the same as deliveries
	MeasureDeliveries Measure = "deliveries"  // dispatch times recipient
	MeasureElectronic Measure = "electronic"  // deliveries of which no paper follows
	MeasureWaiting    Measure = "waiting"     // neither collected nor ended
	MeasureHandedOver Measure = "handed_over" // collected, whatever came of them then
	MeasureAccepted   Measure = "accepted"    // entered into the register of the recipient
	MeasureRefused    Measure = "refused"
	MeasureFailed     Measure = "failed"
	MeasureExpired    Measure = "expired"
	MeasureWithdrawn  Measure = "withdrawn"
	// Of deliveries that ask for an answer by a day: not of copies for information, nor of
	// what ended without the recipient.
	MeasureAnsweredInTime Measure = "answered_in_time" // the answer came on that day or before
	MeasureAnsweredLate   Measure = "answered_late"
	MeasureOpen           Measure = "open"    // not answered, and the day has not passed
	MeasureOverdue        Measure = "overdue" // not answered, and the day has passed

	MeasureSigned      Measure = "signed"        // documents of which a signature says when it was made
	MeasureSignedInDay Measure = "signed_in_day" // of these, sent within 24 hours of it
	MeasureTaken       Measure = "taken"         // accepted deliveries of which it is known when they arrived
	MeasureTakenInDay  Measure = "taken_in_day"  // of these, accepted within 24 hours

	// Tasks in four totals, each at each agency that has it: for the assigner from the
	// acceptance of the document on, for the agency while it sees them (DeliveryFacts.shown);
	// not those that were returned or cancelled. It counts when the agency said that it is
	// done; what has no deadline is in time.
	MeasureTasksDoneInTime Measure = "tasks_done_in_time"
	MeasureTasksDoneLate   Measure = "tasks_done_late"
	MeasureTasksOpen       Measure = "tasks_open" // not confirmed as done, and in time so far
	MeasureTasksOverdue    Measure = "tasks_overdue"

	MeasureSigningSeconds Measure = "signing_seconds" // sum, of MeasureSigned, from the signature to the acceptance by the hub
	MeasureTakingSeconds  Measure = "taking_seconds"  // sum, of MeasureTaken, from the arrival to the acceptance by the recipient
)

// Measures lists all measures in the order of a Tally.
func Measures() []Measure {
	return []Measure{
		MeasureDocuments, MeasureDeliveries, MeasureElectronic, MeasureWaiting, MeasureHandedOver, MeasureAccepted, MeasureRefused,
		MeasureFailed, MeasureExpired, MeasureWithdrawn, MeasureAnsweredInTime, MeasureAnsweredLate, MeasureOpen, MeasureOverdue,
		MeasureSigned, MeasureSignedInDay, MeasureTaken, MeasureTakenInDay,
		MeasureTasksDoneInTime, MeasureTasksDoneLate, MeasureTasksOpen, MeasureTasksOverdue, MeasureSigningSeconds, MeasureTakingSeconds,
	}
}

// Places of measures in a Tally.
const (
	countedMeasures = 22 // that count, before those that sum up
	tallySize       = countedMeasures + 2
)

// Marks are the measures that a delivery counts for: bit n is measure n of Measures.
type Marks uint32

// Mark is the bit of a measure; 0 of one that is no count.
func (m Measure) Mark() Marks {
	if n := slices.Index(Measures(), m); n >= 0 && n < countedMeasures {
		return 1 << n
	}
	return 0
}

// shownMark is a bit beside those of measures: the recipient sees the tasks of the delivery.
const shownMark Marks = 1 << countedMeasures

// Marks are those all of which a delivery has that counts for a measure on the side; 0 where
// the side counts no such thing.
func (s Side) Marks(m Measure) Marks {
	mark := m.Mark()
	switch {
	case s == SideSent:
		return mark
	case m == MeasureDocuments: // each delivery is one
		return MeasureDeliveries.Mark()
	case m == MeasureSigned, m == MeasureSignedInDay:
		return 0
	case slices.Contains(taskMeasures(), m):
		return mark | shownMark
	}
	return mark
}

// Tally holds a number for each of Measures.
type Tally [tallySize]int64

// Of returns the number of a measure.
func (t *Tally) Of(m Measure) int64 {
	if n := slices.Index(Measures(), m); n >= 0 {
		return t[n]
	}
	return 0
}

// Add adds another tally, factor times.
func (t *Tally) Add(other *Tally, factor int64) {
	for i := range t {
		t[i] += factor * other[i]
	}
}

// MarshalJSON writes an object with a member for each measure.
func (t Tally) MarshalJSON() ([]byte, error) {
	var b strings.Builder
	for i, m := range Measures() {
		fmt.Fprintf(&b, ",%q:%d", m, t[i])
	}
	return []byte("{" + b.String()[1:] + "}"), nil
}

// UnmarshalJSON reads what MarshalJSON writes.
func (t *Tally) UnmarshalJSON(text []byte) error {
	var numbers map[Measure]int64
	if err := json.Unmarshal(text, &numbers); err != nil {
		return err
	}
	for i, m := range Measures() {
		t[i] = numbers[m]
	}
	return nil
}

// Side says whose documents a figure counts: those that an agency sent, or those that
// came to it.
type Side string

// The sides.
const (
	SideSent     Side = "sent"
	SideReceived Side = "received"
)

// Day is the calendar day of an instant in Viet Nam.
func Day(t time.Time) Date { return Date(t.In(Vietnam()).Format(time.DateOnly)) }

// DeliveryFacts is what figures remember of a delivery: a fold over its evidence, with
// what its document says of itself.
type DeliveryFacts struct {
	Dispatch  DispatchID `json:"dispatch"`
	Position  int        `json:"position"` // among the recipients, from 0
	Delivery  DeliveryID `json:"delivery"`
	Sender    AgencyID   `json:"sender"`
	Recipient AgencyID   `json:"recipient"`
	// SenderAbove and RecipientAbove are the agencies above them on the day of SentAt, the
	// nearest first; levels are of that day, too.
	SenderAbove    []AgencyID `json:"sender_above,omitempty"`
	RecipientAbove []AgencyID `json:"recipient_above,omitempty"`
	SenderLevel    Level      `json:"sender_level,omitempty"`
	RecipientLevel Level      `json:"recipient_level,omitempty"`

	Kind   string    `json:"kind"`  // one of KindKeys
	Leads  bool      `json:"leads"` // the delivery that counts its document
	SentAt time.Time `json:"sent_at"`
	// Signing is the time from the last signature to SentAt in seconds; -1 where no
	// signature says when it was made.
	Signing        int64 `json:"signing"`
	PaperFollows   bool  `json:"paper_follows,omitempty"`
	ForInformation bool  `json:"for_information,omitempty"`
	Due            Date  `json:"due,omitempty"` // the day by which the document asks for an answer

	State      DeliveryState `json:"state"`
	ArrivedAt  time.Time     `json:"arrived_at,omitzero"`
	HandedOver bool          `json:"handed_over,omitempty"`
	AcceptedAt time.Time     `json:"accepted_at,omitzero"`
	Reason     ReasonCode    `json:"reason,omitempty"` // of a refusal
	GivenBack  bool          `json:"given_back,omitempty"`
	AnsweredAt time.Time     `json:"answered_at,omitzero"`
	Tasks      []CountedTask `json:"tasks,omitempty"`  // that the recipient has by the document
	Looked     Date          `json:"looked,omitempty"` // the day of the last look at what is overdue
}

// Take adds an evidence of the delivery, in the order of the log.
func (f *DeliveryFacts) Take(e *Evidence) {
	if e.Event == EventTask {
		for i := range e.Tasks {
			f.takeTask(&e.Tasks[i], Day(e.Time))
		}
	}
	if e.Event == EventContentPurge {
		f.GivenBack = true
		f.endTasks()
	}
	state, moves := e.StateAfter()
	if !moves {
		return
	}
	f.State = state
	f.endTasks()
	switch state {
	case StateConsigned:
		if e.Event == EventContentConsignment {
			f.ArrivedAt = e.Time
		}
		if e.Event == EventRelayToNonERDS { // by post, on paper
			f.PaperFollows = true
		}
	case StateHandedOver:
		f.HandedOver = true
		if f.ArrivedAt.IsZero() {
			f.ArrivedAt = e.Time
		}
	case StateAccepted:
		f.AcceptedAt = e.Time
	case StateRefused:
		f.Reason = ReasonOther
		if len(e.Reasons) > 0 {
			f.Reason = e.Reasons[0].Code
		}
	}
}

// Answer adds that the recipient answered; the first answer counts.
func (f *DeliveryFacts) Answer(at time.Time) {
	if f.AnsweredAt.IsZero() || at.Before(f.AnsweredAt) {
		f.AnsweredAt = at
	}
}

// Look adds which day it is.
func (f *DeliveryFacts) Look(today Date) { f.Looked = max(f.Looked, today) }

// RunsOut is the first day behind which something is overdue that is not so yet; "" for
// none.
func (f *DeliveryFacts) RunsOut() Date {
	first := Date("")
	add := func(due Date) {
		if due != "" && (first == "" || due < first) {
			first = due
		}
	}
	if f.answer() == MeasureOpen {
		add(f.Due)
	}
	for i := range f.Tasks {
		if t := &f.Tasks[i]; t.EndedOn == "" && t.measure(f.Looked) == MeasureTasksOpen {
			add(t.Due)
		}
	}
	return first
}

// Marks are the measures that the delivery counts for.
func (f *DeliveryFacts) Marks() Marks {
	marks := MeasureDeliveries.Mark()
	add := func(m Measure, on bool) {
		if on {
			marks |= m.Mark()
		}
	}
	add(MeasureDocuments, f.Leads)
	add(MeasureElectronic, !f.PaperFollows)
	add(MeasureWaiting, f.State == StateQueued || f.State == StateConsigned)
	add(MeasureHandedOver, f.HandedOver)
	add(MeasureAccepted, f.State == StateAccepted)
	add(MeasureRefused, f.State == StateRefused)
	add(MeasureFailed, f.State == StateFailed)
	add(MeasureExpired, f.State == StateExpired)
	add(MeasureWithdrawn, f.State == StateWithdrawn)
	add(f.answer(), true)
	add(MeasureSigned, f.Leads && f.Signing >= 0)
	add(MeasureSignedInDay, f.Leads && f.Signing >= 0 && f.Signing <= daySeconds)
	add(MeasureTaken, f.taking() >= 0)
	add(MeasureTakenInDay, f.taking() >= 0 && f.taking() <= daySeconds)
	for _, m := range taskMeasures() {
		add(m, f.tasks(m) > 0)
	}
	if f.shown() {
		marks |= shownMark
	}
	return marks
}

// shown reports whether the recipient sees the tasks of the delivery, as Delivery.ShowsTasks
// does: not while the document is on its way, here or with another axis, nor once it was taken
// back.
func (f *DeliveryFacts) shown() bool {
	onItsWay := f.State == StateQueued || f.State == StateConsigned && f.ArrivedAt.IsZero()
	return !onItsWay && f.State != StateWithdrawn && !f.GivenBack
}

const daySeconds = 24 * 3600

// answer is the measure of answers that the delivery counts for; empty for none.
func (f *DeliveryFacts) answer() Measure {
	switch {
	case f.Due == "" || f.ForInformation:
		return ""
	case !f.AnsweredAt.IsZero() && Day(f.AnsweredAt) <= f.Due:
		return MeasureAnsweredInTime
	case !f.AnsweredAt.IsZero():
		return MeasureAnsweredLate
	case f.GivenBack || f.State == StateRefused || f.State == StateFailed || f.State == StateExpired || f.State == StateWithdrawn:
		return ""
	case f.Due < f.Looked:
		return MeasureOverdue
	}
	return MeasureOpen
}

// taking is the time from the arrival to the acceptance in seconds; -1 where there is none.
func (f *DeliveryFacts) taking() int64 {
	if f.State != StateAccepted || f.ArrivedAt.IsZero() {
		return -1
	}
	return max(0, int64(f.AcceptedAt.Sub(f.ArrivedAt)/time.Second))
}

// Tally is what the delivery counts for on a side. Of what came to an agency each
// delivery is a document, and when it was signed says nothing of the agency.
func (f *DeliveryFacts) Tally(side Side) Tally {
	var t Tally
	marks := f.Marks()
	if side == SideReceived {
		marks = marks.received()
	}
	for i := range countedMeasures {
		t[i] = int64(marks >> i & 1)
	}
	for i, m := range taskMeasures() {
		if n := countedMeasures - len(taskMeasures()) + i; t[n] > 0 {
			t[n] = f.tasks(m)
		}
	}
	if marks&MeasureSigned.Mark() != 0 {
		t[countedMeasures] = f.Signing
	}
	if marks&MeasureTaken.Mark() != 0 {
		t[countedMeasures+1] = f.taking()
	}
	return t
}

// received are the marks of a delivery as they count for its recipient (Side.Marks).
func (m Marks) received() Marks {
	if m&shownMark == 0 {
		for _, of := range taskMeasures() {
			m &^= of.Mark()
		}
	}
	return m&^(MeasureSigned.Mark()|MeasureSignedInDay.Mark()) | MeasureDocuments.Mark()
}

// Periods are the periods that the delivery counts in: its day and its month.
func (f *DeliveryFacts) Periods() []Period {
	day := string(Day(f.SentAt))
	return []Period{Period(day), Period(day[:len("2006-01")])}
}

// FigureRow is a tally of an agency and of all that were under it on the day of the
// acceptance, for a kept period and a kind of documents; the empty kind stands for all.
type FigureRow struct {
	Agency AgencyID
	Kind   string
	Period Period
	Side   Side
	Unit   AgencyID // the agency directly under it that it comes from, or Agency itself
	Level  Level    // of the agency whose documents they are
	Tally  Tally
}

// RefusalRow counts refusals of one reason, of an agency and all under it.
type RefusalRow struct {
	Agency AgencyID
	Kind   string
	Period Period
	Side   Side
	Reason ReasonCode
	Count  int64
	Own    int64 // of these, of the agency itself
}

// FigureProgress says how far the log was counted. Version grows by one with each step.
type FigureProgress struct {
	Version int64
	Place   int64     // of the next entry of the log
	Day     Date      // up to which it was looked what is overdue
	At      time.Time // of the last evidence that was counted, UTC
	// Traffic is the place of the next entry for the traffic of hours, which counting anew
	// leaves as it is; -1 before that was begun.
	Traffic   int64
	TrafficAt time.Time // of the last evidence that it counted, UTC
}

// FigureStep is one step of counting, recorded whole or not at all.
type FigureStep struct {
	Version int64          // that the store MUST find
	Next    FigureProgress // without its version
	Facts   []DeliveryFacts
	Rows    []FigureRow  // what is added
	Reasons []RefusalRow // what is added
	Hours   []HourCount  // what is added
	Since   time.Time    // hours before it are forgotten; zero: none
}

// FigureSource is what figures need of a dispatch besides its evidence. A store keeps it
// beside the dispatch from its acceptance on: the whole document and the reports on its
// signatures are twenty times as long.
type FigureSource struct {
	Dispatch     DispatchID   `json:"dispatch"`
	Sender       AgencyID     `json:"sender"`
	Operation    Operation    `json:"operation"`
	Forwards     bool         `json:"forwards,omitempty"` // inside a house, what another one sent
	AcceptedAt   time.Time    `json:"accepted_at"`
	SignedAt     time.Time    `json:"signed_at,omitzero"` // of the last signature, proven or claimed; zero where none says it
	TypeName     string       `json:"type_name,omitempty"`
	DueDate      Date         `json:"due_date,omitempty"`
	PaperFollows bool         `json:"paper_follows,omitempty"`
	Answers      []DispatchID `json:"answers,omitempty"` // what the document answers
	// Deliveries are the ids of its deliveries by their place among the recipients; those
	// that are not there are left out.
	Deliveries map[int]DeliveryID `json:"-"`
}

// FigureSourceOf returns what figures need of a dispatch and of the reports on its
// signatures, without its deliveries.
func FigureSourceOf(d *Dispatch, reports []SignatureReport) FigureSource {
	s := FigureSource{
		Dispatch: d.ID, Sender: d.Sender, Operation: d.Operation, Forwards: d.Origin != nil, AcceptedAt: d.AcceptedAt,
		SignedAt: SignedLast(reports), TypeName: d.Document.TypeName, DueDate: d.Document.DueDate, PaperFollows: d.Document.PaperFollows,
	}
	for _, link := range d.Links {
		if link.Kind == LinkAnswers {
			s.Answers = append(s.Answers, link.Dispatch)
		}
	}
	return s
}

// FactsKey names facts: by the place among the recipients or, with Position -1, of all
// deliveries of the dispatch to a recipient.
type FactsKey struct {
	Dispatch  DispatchID
	Position  int
	Recipient AgencyID
}

// FigureQuery selects rows of figures.
type FigureQuery struct {
	Agency  AgencyID
	Kind    string   // empty for all
	Periods []Period // kept ones
}

// CountedQuery selects deliveries behind a number: of one agency, side and measure. They are
// as many as the number says; but of tasks, a delivery stands for all that it has of the
// measure (Delivery.Counted).
type CountedQuery struct {
	Agency  AgencyID
	Side    Side
	Measure Measure
	Reason  ReasonCode // with MeasureRefused: refused for it alone; empty for all
	Period  Period
	Kind    string // empty for all
	Page    Page
}

// Check refuses what names no number. What is counted on the other side alone has no
// documents on this one.
func (q *CountedQuery) Check() error {
	if q.Side != SideSent && q.Side != SideReceived {
		return Invalid("side", "side", "the side is sent or received")
	}
	if q.Side.Marks(q.Measure) == 0 {
		return Invalid("measure", "measure", "%.40q counts no documents of that side", string(q.Measure))
	}
	if q.Reason != "" && q.Measure != MeasureRefused {
		return Invalid("reason", "measure", "reasons are those of what was refused: ask for the measure %s", MeasureRefused)
	}
	if q.Reason != "" && !slices.Contains(ReasonCodes(), q.Reason) {
		return Unlisted("reason", q.Reason, ReasonCodes())
	}
	return CheckFigures(q.Period, q.Kind)
}

// Refusal is the reason for which the delivery was refused; empty for one that was not.
func (f *DeliveryFacts) Refusal() ReasonCode {
	if f.State != StateRefused {
		return ""
	}
	return f.Reason
}

// CheckFigures refuses what is no period, and kinds that figures do not know.
func CheckFigures(period Period, kind string) error {
	if _, err := ParsePeriod(string(period)); err != nil {
		return err
	}
	if kind != "" && !slices.Contains(KindKeys(), kind) {
		return Invalid("kind", "kind", "%.40q is no kind of documents; those of figures are names like cong-van, and %s for all others", kind, OtherKind)
	}
	if kind != "" && period.isDay() {
		return Invalid("kind", "by_day", "figures of one kind of documents are kept by month: ask for a month, a quarter or a year")
	}
	return nil
}

// FiguresQuery asks for the figures of an agency and of those under it.
type FiguresQuery struct {
	Agency AgencyID // empty: the one that the actor speaks for
	Period Period
	Kind   string // one of KindKeys; empty for all
	// Level has the list of agencies count those of one level alone, and name those alone that
	// have some: what the total of the level consists of. Empty for all.
	Level Level
	Page  Page // of the agencies
}

// SideTallies are the figures of both sides.
type SideTallies struct {
	Sent     Tally `json:"sent"`
	Received Tally `json:"received"`
}

// On returns the tally of a side.
func (t *SideTallies) On(side Side) *Tally {
	if side == SideSent {
		return &t.Sent
	}
	return &t.Received
}

// FigureReport is the answer to a FiguresQuery.
type FigureReport struct {
	Agency AgencyID `json:"agency"`
	Name   string   `json:"name"`
	Period Period   `json:"period"`
	Kind   string   `json:"kind,omitempty"`
	Level  Level    `json:"level,omitempty"` // that Units count, but for the first
	// Own says that the actor may list the documents behind the numbers of the agency itself.
	Own       bool        `json:"own"`
	CountedTo time.Time   `json:"counted_to,omitzero"` // UTC, of the last evidence that was counted
	Pending   bool        `json:"pending,omitempty"`   // the log holds more that was not counted yet
	Total     SideTallies `json:"total"`               // of the agency and all under it
	Refusals  []Refusals  `json:"refusals"`
	// Steps are the months or days that the period has, in order; of one kind of documents
	// months alone.
	Steps  []FigureStepSums  `json:"steps"`
	Levels []FigureLevelSums `json:"levels"`
	// Units are the agency itself, without those under it, and then a page of the agencies
	// directly under it, each with all under it.
	Units []FigureUnit `json:"units"`
	Next  string       `json:"next,omitempty"` // the page behind that one
}

// Refusals count a reason: of the agency and all under it, and of the agency itself.
type Refusals struct {
	Reason      ReasonCode `json:"reason"`
	Sent        int64      `json:"sent"`
	Received    int64      `json:"received"`
	OwnSent     int64      `json:"own_sent"`
	OwnReceived int64      `json:"own_received"`
}

// FigureStepSums are the figures of a part of the period.
type FigureStepSums struct {
	Period Period `json:"period"`
	SideTallies
}

// FigureLevelSums are the figures of all agencies of a level.
type FigureLevelSums struct {
	Level Level `json:"level"`
	SideTallies
}

// FigureUnit is an agency with its figures.
type FigureUnit struct {
	Agency AgencyID `json:"agency"`
	Name   string   `json:"name"`
	Level  Level    `json:"level"`
	SideTallies
}
