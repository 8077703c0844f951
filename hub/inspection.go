package hub

import (
	"crypto/sha256"
	"encoding/json"
	"slices"
	"time"
)

// InspectionID identifies an inspection: a UUIDv7.
type InspectionID string

// InspectionKind is what is inspected, and how.
type InspectionKind string

// The kinds.
const (
	InspectDocument  InspectionKind = "document"  // a normative document, of which the agency got a copy (NĐ 34/2016/NĐ-CP, chapter VIII)
	InspectAnnounced InspectionKind = "announced" // an agency, by a plan that it knows (kiểm tra theo kế hoạch)
	InspectSurprise  InspectionKind = "surprise"  // an agency, unannounced (kiểm tra đột xuất)
)

// InspectionKinds lists all kinds.
func InspectionKinds() []InspectionKind {
	return []InspectionKind{InspectDocument, InspectAnnounced, InspectSurprise}
}

// Visit reports whether an agency is inspected, and no document.
func (k InspectionKind) Visit() bool { return k == InspectAnnounced || k == InspectSurprise }

// InspectionItem is one thing that is checked of a normative document.
type InspectionItem string

// The check list (Luật ban hành văn bản quy phạm pháp luật; NĐ 34/2016/NĐ-CP, article 104).
const (
	ItemAuthority InspectionItem = "authority" // thẩm quyền ban hành
	ItemForm      InspectionItem = "form"      // thể thức, kỹ thuật trình bày, trình tự, thủ tục
	ItemContent   InspectionItem = "content"   // nội dung
	ItemValidity  InspectionItem = "validity"  // hiệu lực
)

// InspectionItems lists the check list.
func InspectionItems() []InspectionItem {
	return []InspectionItem{ItemAuthority, ItemForm, ItemContent, ItemValidity}
}

// InspectionVerdict is the answer to one item of the check list.
type InspectionVerdict string

// The verdicts.
const (
	VerdictFits    InspectionVerdict = "fits"
	VerdictWrong   InspectionVerdict = "wrong"
	VerdictUnclear InspectionVerdict = "unclear"
)

// InspectionVerdicts lists all verdicts.
func InspectionVerdicts() []InspectionVerdict {
	return []InspectionVerdict{VerdictFits, VerdictWrong, VerdictUnclear}
}

// InspectionFinding is what is wrong.
type InspectionFinding string

// The findings.
const (
	FindingWrongAuthority InspectionFinding = "wrong_authority" // trái thẩm quyền
	FindingIllegal        InspectionFinding = "illegal"         // dấu hiệu trái pháp luật
	FindingShortcoming    InspectionFinding = "shortcoming"     // tồn tại, hạn chế; of a visit
)

// InspectionFindings lists all findings.
func InspectionFindings() []InspectionFinding {
	return []InspectionFinding{FindingWrongAuthority, FindingIllegal, FindingShortcoming}
}

// Of reports whether an inspection of a kind finds it.
func (f InspectionFinding) Of(k InspectionKind) bool { return (f == FindingShortcoming) == k.Visit() }

// InspectionOutcome is how an inspection ended.
type InspectionOutcome string

// The outcomes.
const (
	OutcomeClean    InspectionOutcome = "clean"    // nothing is wrong
	OutcomeUpheld   InspectionOutcome = "upheld"   // the issuer explained itself, and the document stays
	OutcomeAmended  InspectionOutcome = "amended"  // by a document
	OutcomeRepealed InspectionOutcome = "repealed" // by a document
	OutcomeRemedied InspectionOutcome = "remedied" // of a visit: what was wrong is mended
	OutcomeReferred InspectionOutcome = "referred" // to who stands over the agency
)

// InspectionOutcomes lists all outcomes.
func InspectionOutcomes() []InspectionOutcome {
	return []InspectionOutcome{OutcomeClean, OutcomeUpheld, OutcomeAmended, OutcomeRepealed, OutcomeRemedied, OutcomeReferred}
}

// Of reports whether an inspection of a kind can end so.
func (o InspectionOutcome) Of(k InspectionKind) bool {
	switch o {
	case OutcomeUpheld, OutcomeAmended, OutcomeRepealed:
		return !k.Visit()
	case OutcomeRemedied:
		return k.Visit()
	}
	return true
}

// ByDocument reports whether it is another document that brings the outcome.
func (o InspectionOutcome) ByDocument() bool { return o == OutcomeAmended || o == OutcomeRepealed }

// InspectionState is how far an inspection has come. It follows from the events.
type InspectionState string

// The states.
const (
	InspectionOpen        InspectionState = "open"        // is being looked at
	InspectionRecommended InspectionState = "recommended" // awaits the answer of who was inspected
	InspectionAnswered    InspectionState = "answered"
	InspectionConcluded   InspectionState = "concluded"
)

// InspectionStates lists all states.
func InspectionStates() []InspectionState {
	return []InspectionState{InspectionOpen, InspectionRecommended, InspectionAnswered, InspectionConcluded}
}

// InspectionAct is what an event of an inspection is.
type InspectionAct string

// The acts, by who does them.
const (
	InspectBegin InspectionAct = "begin" // a copy came, or somebody visits

	// Of the agency that inspects.
	InspectCheck     InspectionAct = "check"     // an item of the list has its verdict
	InspectFind      InspectionAct = "find"      // something is wrong
	InspectRecommend InspectionAct = "recommend" // by a document that sets a task
	InspectReceive   InspectionAct = "receive"   // an answer that came on another way
	InspectConclude  InspectionAct = "conclude"
	InspectReopen    InspectionAct = "reopen"

	// Of who was inspected.
	InspectExplain InspectionAct = "explain" // giải trình

	// Of the hub, as the task of the recommendation goes.
	InspectAnswer InspectionAct = "answer" // the task was answered
	InspectReturn InspectionAct = "return" // the answer was sent back: it is no answer
	InspectExtend InspectionAct = "extend" // the task has another deadline
	InspectRevoke InspectionAct = "revoke" // the task was cancelled, or its document taken back
)

// InspectionActs lists the acts that somebody orders.
func InspectionActs() []InspectionAct {
	return []InspectionAct{InspectCheck, InspectFind, InspectRecommend, InspectReceive, InspectConclude, InspectReopen, InspectExplain}
}

// Inner reports whether the act is a matter of the agency that inspects alone.
func (a InspectionAct) Inner() bool { return a == InspectCheck }

// InspectedDocument is the document that is inspected, as the copy had it.
type InspectedDocument struct {
	Dispatch DispatchID `json:"dispatch"` // that brought the copy
	Delivery DeliveryID `json:"delivery"`
	Number   string     `json:"number"`
	TypeName string     `json:"type_name,omitempty"`
	Date     Date       `json:"date,omitempty"`
	Subject  string     `json:"subject,omitempty"`
}

// Inspection is a case of an agency that inspects. What happened to it stands in its events;
// State and Waits follow from them.
type Inspection struct {
	ID          InspectionID       `json:"id"`
	Kind        InspectionKind     `json:"kind"`
	Agency      AgencyID           `json:"agency"` // that inspects
	AgencyName  string             `json:"agency_name"`
	Subject     AgencyID           `json:"subject"` // that issued the document, or is visited
	SubjectName string             `json:"subject_name"`
	Day         Date               `json:"day"` // in Vietnam: when the copy was received, or of the visit
	Document    *InspectedDocument `json:"document,omitempty"`
	Title       string             `json:"title,omitempty"` // of a visit: what is looked at
	Key         string             `json:"key,omitempty"`   // of the agency: the same again begins nothing anew
	Parties     []AgencyID         `json:"parties"`         // that see it: from a recommendation on also who was inspected
	State       InspectionState    `json:"state"`
	Waits       bool               `json:"waits"`             // there is a recommendation, and no conclusion
	Version     int64              `json:"version"`           // number of its last event
	Digest      Digest             `json:"last_event_sha256"` // of its last event
}

// InspectionEvent is one thing that happened to an inspection. Events are only added; each
// names the digest of the one before, and a note in the log that was recorded with it holds
// its own.
type InspectionEvent struct {
	Seq      int64             `json:"seq"` // from 1 without gaps
	Act      InspectionAct     `json:"act"`
	At       time.Time         `json:"at"`               // UTC, milliseconds; when it was recorded
	Agency   AgencyID          `json:"agency,omitempty"` // that did it; empty for the hub
	Name     string            `json:"agency_name,omitempty"`
	By       string            `json:"by"`            // Actor.Name
	Key      string            `json:"key,omitempty"` // of the agency: the same again changes nothing
	Item     InspectionItem    `json:"item,omitempty"`
	Verdict  InspectionVerdict `json:"verdict,omitempty"`
	Finding  InspectionFinding `json:"finding,omitempty"`
	Outcome  InspectionOutcome `json:"outcome,omitempty"`
	Dispatch DispatchID        `json:"dispatch,omitempty"` // that recommends, answers, amends or repeals
	Delivery DeliveryID        `json:"delivery,omitempty"` // of a recommendation
	Task     TaskID            `json:"task,omitempty"`     // of a recommendation
	Number   string            `json:"number,omitempty"`   // of that document
	Day      Date              `json:"day,omitempty"`      // of an answer, or of a document that came on another way
	Due      Date              `json:"due,omitempty"`      // the last day of an answer; empty for none
	Text     string            `json:"text,omitempty"`
	Rule     *RuleRef          `json:"rule,omitempty"`  // by which it began
	Previous Digest            `json:"previous_sha256"` // of the event before; zeros for the first
	Note     string            `json:"note"`            // id of the note in the log
}

// SHA256 is the digest of an event, that of its JSON.
func (e *InspectionEvent) SHA256() (Digest, error) {
	text, err := json.Marshal(e)
	if err != nil {
		return Digest{}, Internal("encode an event of an inspection", err)
	}
	return sha256.Sum256(text), nil
}

// InspectionFile is an inspection with its events, in the order in which they were recorded.
type InspectionFile struct {
	Inspection
	Events []InspectionEvent
}

// InspectionKey finds one inspection: by its id, the copy that it is of, or the key of an
// agency.
type InspectionKey struct {
	ID       InspectionID
	Delivery DeliveryID
	Agency   AgencyID
	Key      string
}

// InspectionQuery selects inspections that an agency sees, those begun last first.
type InspectionQuery struct {
	Agency AgencyID
	State  InspectionState // "": all
	Kind   InspectionKind  // "": all
	Page   Page
}

// InspectionSpan selects inspections that an agency makes by their day, from From up to but
// not including Until.
type InspectionSpan struct {
	Agency      AgencyID
	From, Until Date
	Page        Page
}

// InspectionCheckpoint is an item of the check list with its last verdict; an empty one is
// still to be given.
type InspectionCheckpoint struct {
	Item    InspectionItem    `json:"item"`
	Verdict InspectionVerdict `json:"verdict,omitempty"`
	Text    string            `json:"text,omitempty"`
	Event   int64             `json:"event,omitempty"` // Seq
}

// InspectionView is an inspection as somebody sees it who may: what was said last of each
// thing, with how the answer stands to its deadline.
type InspectionView struct {
	Inspection
	Checks         []InspectionCheckpoint `json:"checks,omitempty"` // for the agency that inspects
	Findings       []InspectionEvent      `json:"findings"`
	Recommendation *InspectionEvent       `json:"recommendation,omitempty"` // the last one
	Due            Date                   `json:"due,omitempty"`            // of the answer, after extensions
	Answer         *InspectionEvent       `json:"answer,omitempty"`         // to the last recommendation
	Conclusion     *InspectionEvent       `json:"conclusion,omitempty"`
	Timeliness     Timeliness             `json:"timeliness"` // of the answer
	Events         []InspectionEvent      `json:"events,omitempty"`
}

// InspectionOrder is an act as somebody asks for it.
type InspectionOrder struct {
	Agency   AgencyID          `json:"-"` // may be empty where the actor can act for one alone
	Act      InspectionAct     `json:"act"`
	Key      string            `json:"key,omitempty"`
	Item     InspectionItem    `json:"item,omitempty"`
	Verdict  InspectionVerdict `json:"verdict,omitempty"`
	Finding  InspectionFinding `json:"finding,omitempty"`
	Outcome  InspectionOutcome `json:"outcome,omitempty"`
	Dispatch DispatchID        `json:"dispatch,omitempty"`
	Task     TaskID            `json:"task,omitempty"` // where the document sets several
	Number   string            `json:"number,omitempty"`
	Day      Date              `json:"day,omitempty"`
	Text     string            `json:"text,omitempty"`
}

// InspectionWish is a visit as an agency that inspects registers it.
type InspectionWish struct {
	Agency  AgencyID       `json:"-"`
	Subject AgencyID       `json:"-"`
	Kind    InspectionKind `json:"kind"`          // announced or surprise
	Day     Date           `json:"day,omitempty"` // "": today
	Title   string         `json:"title"`
	Key     string         `json:"key,omitempty"`
}

// InspectionFact is the body of a note of LogNoteInspection: it names an event by its digest.
type InspectionFact struct {
	Inspection InspectionID  `json:"inspection"`
	Seq        int64         `json:"seq"`
	Act        InspectionAct `json:"act"`
	Agency     AgencyID      `json:"agency,omitempty"`
	Actor      string        `json:"actor"`
	SHA256     Digest        `json:"event_sha256"`
}

// InspectionMeasure is one thing that is counted of inspections.
type InspectionMeasure string

// The measures. Those of findings, answers and outcomes are of inspections that have such a
// thing now; answers are those to the last recommendation.
const (
	MeasureInspected      InspectionMeasure = "documents"
	MeasureAnnounced      InspectionMeasure = "announced"
	MeasureSurprise       InspectionMeasure = "surprise"
	MeasureUnderWay       InspectionMeasure = "under_way" // neither a recommendation nor a conclusion
	MeasureWrongAuthority InspectionMeasure = "wrong_authority"
	MeasureIllegal        InspectionMeasure = "illegal"
	MeasureShortcoming    InspectionMeasure = "shortcoming"
	MeasureRecommended    InspectionMeasure = "recommended"
	MeasureReplyInTime    InspectionMeasure = "answered_in_time"
	MeasureReplyLate      InspectionMeasure = "answered_late"
	MeasureReplyAwaited   InspectionMeasure = "awaited" // no answer, and the day has not passed
	MeasureReplyOverdue   InspectionMeasure = "overdue" // no answer, and the day has passed
	MeasureClean          InspectionMeasure = "clean"
	MeasureUpheld         InspectionMeasure = "upheld"
	MeasureAmended        InspectionMeasure = "amended"
	MeasureRepealed       InspectionMeasure = "repealed"
	MeasureRemedied       InspectionMeasure = "remedied"
	MeasureReferred       InspectionMeasure = "referred"
)

// InspectionMeasures lists all measures.
func InspectionMeasures() []InspectionMeasure {
	return []InspectionMeasure{
		MeasureInspected, MeasureAnnounced, MeasureSurprise, MeasureUnderWay, MeasureWrongAuthority, MeasureIllegal, MeasureShortcoming,
		MeasureRecommended, MeasureReplyInTime, MeasureReplyLate, MeasureReplyAwaited, MeasureReplyOverdue,
		MeasureClean, MeasureUpheld, MeasureAmended, MeasureRepealed, MeasureRemedied, MeasureReferred,
	}
}

// InspectionFigures count the inspections of an agency by their day, as they stand now.
type InspectionFigures struct {
	Agency AgencyID                  `json:"agency"`
	Period Period                    `json:"period"`
	AsOf   time.Time                 `json:"as_of"` // UTC
	Counts map[InspectionMeasure]int `json:"counts"`
	More   bool                      `json:"more,omitempty"` // there are more than MaxInspectionsCounted
}

// MaxInspectionsCounted bounds the inspections that figures count.
const MaxInspectionsCounted = 20_000

// View folds the events of an inspection as they stand on a day; soon is the last day of
// deadlines that count as near.
func (f *InspectionFile) View(today, soon Date) InspectionView {
	v := InspectionView{Inspection: f.Inspection, Findings: []InspectionEvent{}, Events: f.Events}
	checks := map[InspectionItem]InspectionCheckpoint{}
	for i := range f.Events {
		e := &f.Events[i]
		switch e.Act {
		case InspectCheck:
			checks[e.Item] = InspectionCheckpoint{e.Item, e.Verdict, e.Text, e.Seq}
		case InspectFind:
			v.Findings = append(v.Findings, *e)
		case InspectRecommend:
			v.Recommendation, v.Due, v.Answer = e, e.Due, nil
		case InspectAnswer, InspectReceive:
			v.Answer = e
		case InspectReturn:
			v.Answer = nil
		case InspectExtend:
			v.Due = e.Due
		case InspectRevoke:
			v.Recommendation, v.Due, v.Answer = nil, "", nil
		case InspectConclude:
			v.Conclusion = e
		case InspectReopen:
			v.Conclusion = nil
		}
	}
	if !f.Kind.Visit() {
		for _, item := range InspectionItems() {
			c := checks[item]
			c.Item = item
			v.Checks = append(v.Checks, c)
		}
	}
	v.State, v.Waits = v.stands()
	v.Timeliness = v.timeliness(today, soon)
	return v
}

func (v *InspectionView) stands() (InspectionState, bool) {
	switch {
	case v.Conclusion != nil:
		return InspectionConcluded, false
	case v.Answer != nil:
		return InspectionAnswered, true
	case v.Recommendation != nil:
		return InspectionRecommended, true
	}
	return InspectionOpen, false
}

func (v *InspectionView) timeliness(today, soon Date) Timeliness {
	a := Assignment{Due: v.Due}
	if v.Answer != nil {
		a.EndedOn = v.Answer.Day
	} else if v.Conclusion != nil {
		a.EndedOn = DateOf(v.Conclusion.At)
	}
	return a.Timeliness(today, soon)
}

// Counts lists the measures that the inspection counts for.
func (v *InspectionView) Counts() []InspectionMeasure {
	list := []InspectionMeasure{map[InspectionKind]InspectionMeasure{InspectDocument: MeasureInspected, InspectAnnounced: MeasureAnnounced, InspectSurprise: MeasureSurprise}[v.Kind]}
	if v.State == InspectionOpen {
		list = append(list, MeasureUnderWay)
	}
	for _, finding := range InspectionFindings() {
		if slices.ContainsFunc(v.Findings, func(e InspectionEvent) bool { return e.Finding == finding }) {
			list = append(list, InspectionMeasure(finding))
		}
	}
	if v.Recommendation != nil {
		list = append(list, MeasureRecommended)
		late := v.Timeliness == Overdue
		switch {
		case v.Answer != nil && late:
			list = append(list, MeasureReplyLate)
		case v.Answer != nil:
			list = append(list, MeasureReplyInTime)
		case v.Conclusion != nil: // nothing is awaited any more
		case late:
			list = append(list, MeasureReplyOverdue)
		default:
			list = append(list, MeasureReplyAwaited)
		}
	}
	if v.Conclusion != nil {
		list = append(list, InspectionMeasure(v.Conclusion.Outcome))
	}
	return list
}

// Seen is the inspection as who was inspected sees it: without what is a matter of the
// agency that inspects alone.
func (v InspectionView) Seen() InspectionView {
	v.Checks = nil
	v.Events = slices.DeleteFunc(slices.Clone(v.Events), func(e InspectionEvent) bool { return e.Act.Inner() })
	return v
}
