package hub

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
)

// DossierID identifies a dossier: a UUIDv7.
type DossierID string

// DossierChannel is the way on which a dossier came in.
type DossierChannel string

// The channels of the national portal (Cổng DVCQG, kênh thực hiện 1 to 3).
const (
	ChannelCounter DossierChannel = "counter" // trực tiếp, 1
	ChannelOnline  DossierChannel = "online"  // trực tuyến, 2
	ChannelPost    DossierChannel = "post"    // bưu chính công ích, 3
)

// DossierChannels lists all channels.
func DossierChannels() []DossierChannel {
	return []DossierChannel{ChannelCounter, ChannelOnline, ChannelPost}
}

// DossierOwner is who filed a dossier, with no more than the counter needs. It is shown to
// the agencies of the dossier alone, one dossier at a time.
type DossierOwner struct {
	Name    string `json:"name"`
	Contact string `json:"contact,omitempty"` // telephone or mail, for the result
}

// DossierProcedure is the procedure of a dossier as it was in force when that was received.
type DossierProcedure struct {
	Code    string         `json:"code"`
	Version int64          `json:"version"`
	Name    string         `json:"name"`
	Limit   ProcedureLimit `json:"limit"`
}

// Dossier is what somebody filed at a one-stop desk (hồ sơ một cửa; TT 01/2018/TT-VPCP).
// What happened to it stands in its events; Status and Ended follow from them.
type Dossier struct {
	ID        DossierID        `json:"id"`
	Number    string           `json:"number"`
	Unit      AgencyID         `json:"unit"` // that received it
	UnitName  string           `json:"unit_name"`
	Day       Date             `json:"day"`      // of receipt, in Vietnam
	Sequence  int64            `json:"sequence"` // on that day at the unit, from 1
	Key       string           `json:"key,omitempty"`
	Procedure DossierProcedure `json:"procedure"`
	Owner     *DossierOwner    `json:"owner,omitempty"` // not in lists
	Channel   DossierChannel   `json:"channel"`
	Received  time.Time        `json:"received_at"`       // UTC
	Appointed time.Time        `json:"due_at,omitzero"`   // UTC; ngày hẹn trả; zero: none was given
	Parties   []AgencyID       `json:"parties"`           // the unit and all that handle it or did
	Status    DossierStatus    `json:"status"`            // the furthest
	Local     string           `json:"local_status"`      // the last that a system of its own gave; "" for none
	Ended     time.Time        `json:"ended_at,omitzero"` // UTC
	Version   int64            `json:"version"`           // number of its last event
	Digest    Digest           `json:"last_event_sha256"` // of its last event
	// Lookup is by what its owner finds it, see DossierSecret; zero for none. Views do not have it.
	Lookup Digest `json:"lookup_sha256,omitzero"`

	Erased *DossierErasure `json:"erased,omitempty"` // nil while all is there
	Remind time.Time       `json:"-"`                // UTC; when the hub looks at it next for something to say
}

// Open reports whether nothing has ended the dossier.
func (d *Dossier) Open() bool { return d.Ended.IsZero() }

// DossierStatus is a status of the national portal, 1 to 10 (Cổng DVCQG, trạng thái hồ sơ);
// 0 is none.
type DossierStatus int

// The statuses.
const (
	DossierNew        DossierStatus = 1 + iota // Mới đăng ký
	DossierAccepted                            // Được tiếp nhận
	DossierRejected                            // Không được tiếp nhận
	DossierProcessing                          // Đang xử lý
	DossierSupplement                          // Yêu cầu bổ sung giấy tờ
	DossierDuty                                // Yêu cầu thực hiện nghĩa vụ tài chính
	DossierWithdrawn                           // Công dân yêu cầu rút hồ sơ
	DossierStopped                             // Dừng xử lý
	DossierDone                                // Đã xử lý xong
	DossierReturned                            // Đã trả kết quả
)

// dossierStep says of a status how far it is, and which may come next.
type dossierStep struct {
	far  int
	next []DossierStatus
}

// dossierSteps is the one table of statuses. Of two that are equally far the later one
// counts.
func dossierSteps() [DossierReturned + 1]dossierStep {
	return [DossierReturned + 1]dossierStep{
		0:                 {0, []DossierStatus{DossierNew}},
		DossierNew:        {1, []DossierStatus{DossierAccepted, DossierRejected, DossierWithdrawn}},
		DossierAccepted:   {2, []DossierStatus{DossierProcessing, DossierSupplement, DossierDuty, DossierWithdrawn, DossierStopped, DossierDone}},
		DossierRejected:   {4, nil},
		DossierProcessing: {3, []DossierStatus{DossierSupplement, DossierDuty, DossierWithdrawn, DossierStopped, DossierDone}},
		DossierSupplement: {3, []DossierStatus{DossierProcessing, DossierWithdrawn, DossierStopped}},
		DossierDuty:       {3, []DossierStatus{DossierProcessing, DossierWithdrawn, DossierStopped, DossierDone}},
		DossierWithdrawn:  {4, []DossierStatus{DossierStopped, DossierReturned}},
		DossierStopped:    {4, []DossierStatus{DossierReturned}},
		DossierDone:       {5, []DossierStatus{DossierReturned}},
		DossierReturned:   {6, nil},
	}
}

// Valid reports whether the status is one of the ten.
func (s DossierStatus) Valid() bool { return s >= DossierNew && s <= DossierReturned }

// Leads reports whether another status may come next; the same one again is harmless.
func (s DossierStatus) Leads(to DossierStatus) bool {
	return s == to || s >= 0 && s <= DossierReturned && slices.Contains(dossierSteps()[s].next, to)
}

// Furthest is which of two statuses a dossier shows, of which the other came later.
func (s DossierStatus) Furthest(later DossierStatus) DossierStatus {
	if !later.Valid() || s.Valid() && dossierSteps()[later].far < dossierSteps()[s].far {
		return s
	}
	return later
}

// DossierAct is what an event of a dossier is.
type DossierAct string

// The acts.
const (
	DossierRegister  DossierAct = "register"
	DossierAccept    DossierAct = "accept"             // tiếp nhận, with an appointment; the time begins
	DossierRefuse    DossierAct = "reject"             // không tiếp nhận, with a reason (phiếu từ chối)
	DossierProcess   DossierAct = "process"            // is being handled
	DossierAsk       DossierAct = "request_supplement" // phiếu yêu cầu bổ sung, with what is missing; the time stands still
	DossierSupply    DossierAct = "supplement"         // what was missing has come
	DossierCharge    DossierAct = "financial_duty"     // something is to be paid
	DossierPay       DossierAct = "pay"                // was paid
	DossierWithdraw  DossierAct = "withdraw"           // the owner takes it back
	DossierStop      DossierAct = "stop"               // with a reason
	DossierFinish    DossierAct = "result"             // there is a result
	DossierGiveBack  DossierAct = "return"             // the result was given to the owner
	DossierHandOver  DossierAct = "hand_over"          // to an agency, which then leads or handles with others
	DossierHandBack  DossierAct = "hand_back"          // the agency has done its share
	DossierApologise DossierAct = "apologise"          // phiếu xin lỗi và hẹn lại, with a reason and a new appointment
	DossierDeliver   DossierAct = "deliver_letter"     // the owner has the letter of apology; says how
	DossierReport    DossierAct = "report"             // a status of the agency's own system
	DossierAttach    DossierAct = "attach"             // a file came
	DossierRemind    DossierAct = "remind"             // by the hub: it is about to be late
	DossierErase     DossierAct = "erase"              // by the hub: its time is over
	DossierPosted    DossierAct = "post"               // the post did something for it; the time is that of the bill
	DossierRenew     DossierAct = "renew_secret"       // the owner got another secret; the one before finds nothing any more
)

// dossierActs says which status an act brings, 0 for none.
func dossierActs() map[DossierAct]DossierStatus {
	return map[DossierAct]DossierStatus{
		DossierRegister: DossierNew, DossierAccept: DossierAccepted, DossierRefuse: DossierRejected, DossierProcess: DossierProcessing,
		DossierAsk: DossierSupplement, DossierSupply: DossierProcessing, DossierCharge: DossierDuty, DossierPay: DossierProcessing,
		DossierWithdraw: DossierWithdrawn, DossierStop: DossierStopped, DossierFinish: DossierDone, DossierGiveBack: DossierReturned,
		DossierHandOver: 0, DossierHandBack: 0, DossierApologise: 0, DossierDeliver: 0, DossierReport: 0, DossierAttach: 0, DossierRemind: 0, DossierErase: 0, DossierPosted: 0, DossierRenew: 0,
	}
}

// DossierActs lists all acts but that of registering, which makes the dossier, that of
// attaching, which takes a file, that of renewing the secret, which answers with it, and those
// of erasing, of reminding and of the post, which are the hub's.
func DossierActs() []DossierAct {
	return []DossierAct{
		DossierAccept, DossierRefuse, DossierProcess, DossierAsk, DossierSupply, DossierCharge, DossierPay, DossierWithdraw, DossierStop,
		DossierFinish, DossierGiveBack, DossierHandOver, DossierHandBack, DossierApologise, DossierDeliver, DossierReport,
	}
}

// Status is the status that the act brings, 0 for none.
func (a DossierAct) Status() DossierStatus { return dossierActs()[a] }

// OfAny reports whether every agency of a dossier may do the act, not only the one that
// received it and the one that leads.
func (a DossierAct) OfAny() bool {
	return a == DossierHandBack || a == DossierReport || a == DossierAttach
}

// NeedsText reports whether the act says something in words.
func (a DossierAct) NeedsText() bool {
	return a == DossierRefuse || a == DossierAsk || a == DossierStop || a == DossierApologise || a == DossierDeliver
}

// DossierRole is what an agency is to a dossier that was handed over to it.
type DossierRole string

// The roles.
const (
	DossierLead DossierRole = "lead" // chủ trì; the one before does not lead any more
	DossierCo   DossierRole = "co"   // phối hợp
)

// DossierEvent is one thing that happened to a dossier. Events are only added; each names
// the digest of the one before, and a note in the log that was recorded with it holds its
// own.
type DossierEvent struct {
	Seq      int64         `json:"seq"` // from 1 without gaps, as they were recorded
	Act      DossierAct    `json:"act"`
	At       time.Time     `json:"at"`     // UTC; when it happened, as the agency says
	Agency   AgencyID      `json:"agency"` // that reports it
	Name     string        `json:"agency_name"`
	By       string        `json:"by"`                     // Actor.Name
	Recorded time.Time     `json:"recorded_at"`            // UTC, milliseconds
	Key      string        `json:"key,omitempty"`          // of the agency: the same again changes nothing
	Status   DossierStatus `json:"status,omitempty"`       // that it brings
	Said     DossierStatus `json:"said,omitempty"`         // of an agency that handles with others: how far its share is
	Local    string        `json:"local,omitempty"`        // status in the words of the agency's own system
	To       AgencyID      `json:"to,omitempty"`           // of a hand-over
	ToName   string        `json:"to_name,omitempty"`      // of a hand-over
	Role     DossierRole   `json:"role,omitempty"`         // of a hand-over
	Due      time.Time     `json:"due_at,omitzero"`        // UTC; of a hand-over its end, of an apology the new appointment, of an acceptance the first one
	Text     string        `json:"text,omitempty"`         // reason, or what is missing
	Finding  DossierRule   `json:"finding,omitempty"`      // of a reminder; Due is the end of the time that it is about
	Paper    *DossierPaper `json:"paper,omitempty"`        // of a file that came
	Post     *DossierPost  `json:"post,omitempty"`         // what the post did
	Previous Digest        `json:"previous_sha256"`        // of the event before; zeros for the first
	Note     string        `json:"note"`                   // id of the note in the log
	Dispatch DispatchID    `json:"dispatch,omitempty"`     // that reported it, of a package
	Lookup   Digest        `json:"lookup_sha256,omitzero"` // of a secret that the owner got, see DossierSecret
	Consent  bool          `json:"consent,omitempty"`      // of a registration on the portal: the owner agreed to what agencies do with it

	Erased Digest `json:"erased_sha256,omitzero"` // what it was, where words of it are gone
}

// DossierNews is an event of a dossier as the agencies of that follow it, each in a series of
// its own: without gaps, and one with a higher number became visible later.
type DossierNews struct {
	Seq     int64        `json:"seq"` // from 1
	Dossier DossierID    `json:"dossier"`
	Number  string       `json:"number"`
	Unit    AgencyID     `json:"unit"`
	Event   DossierEvent `json:"event"` // as it now is
}

// DossierFile is a dossier with its events, in the order in which they were recorded.
type DossierFile struct {
	Dossier
	Events []DossierEvent
	Kept   *DossierKept // written with it, never read
}

// DossierKey finds one dossier: by its id, its number, what its owner has, or the key of its
// intake at a unit.
type DossierKey struct {
	ID     DossierID
	Number string
	Lookup Digest
	Unit   AgencyID
	Key    string
}

// DossierQuery selects dossiers of one agency, those recorded last first.
type DossierQuery struct {
	Agency     AgencyID
	Open       bool          // only those that nothing has ended
	Status     DossierStatus // 0: all
	Timeliness []Timeliness  // empty: all
	Finding    DossierRule   // "": all
	Moments    DossierMoments
	Page       Page
}

// DossierFigureQuery selects what is counted: the dossiers of a unit in a period.
type DossierFigureQuery struct {
	Unit    AgencyID
	Period  Period
	Under   bool           // with those of all units that were under it
	Measure DossierMeasure // of those behind the figures; "": all
	Page    Page           // of those behind the figures
}

// DossierDueBasis says what the end of the time of a dossier comes from.
type DossierDueBasis string

// The bases.
const (
	DueByAppointment DossierDueBasis = "appointment" // ngày hẹn trả
	DueByLimit       DossierDueBasis = "limit"       // there is no appointment: the limit of the procedure
)

// DossierRule is a rule by which a figure of a dossier came about, or what is wrong with it.
type DossierRule string

// The rules of the clock.
const (
	RuleStart       DossierRule = "start"             // the time began
	RuleAppointment DossierRule = "due_appointment"   // it was to end with the appointment
	RuleLimit       DossierRule = "due_limit"         // it was to end with the legal limit
	RuleSuspended   DossierRule = "supplement"        // it stood still
	RuleMoved       DossierRule = "due_moved"         // so it ends later
	RuleSecond      DossierRule = "second_supplement" // more than one request: counted late
	RuleEndDone     DossierRule = "end_result"
	RuleEndReturned DossierRule = "end_returned"
	RuleEndStopped  DossierRule = "end_stopped" // stopped, rejected or withdrawn after acceptance
	RuleEndAsked    DossierRule = "end_asked"   // one request, and nothing since: that is the end
	RuleEndNone     DossierRule = "end_none"    // still open: the end of the period, or now
	RuleInTime      DossierRule = "in_time"
	RuleLate        DossierRule = "late"
	RuleNoStart     DossierRule = "no_start" // was not accepted: it does not count
)

// The findings, besides RuleLate and RuleSecond.
const (
	FindingNoLetter    DossierRule = "no_letter"    // late, and nobody apologised
	FindingLateLetter  DossierRule = "late_letter"  // the apology came when the time was over
	FindingLetterDue   DossierRule = "letter_due"   // no result yet, and this is the last day of an apology in time
	FindingUndelivered DossierRule = "letter_waits" // there is a letter that the owner does not have
	FindingForeseen    DossierRule = "foreseen"     // a share of the work is late or ends behind the dossier
	FindingDueSoon     DossierRule = "due_soon"     // of reminders alone: the end is near
	FindingOutOfOrder  DossierRule = "out_of_order" // a status that could not come next
	FindingUnknownWord DossierRule = "unknown_status"
)

// DossierFindings lists the rules that dossiers can be selected by.
func DossierFindings() []DossierRule {
	return []DossierRule{RuleLate, RuleSecond, FindingNoLetter, FindingLateLetter, FindingLetterDue, FindingUndelivered, FindingForeseen, FindingOutOfOrder, FindingUnknownWord}
}

// DossierReason is one step of the way to a figure.
type DossierReason struct {
	Rule    DossierRule `json:"rule"`
	Event   int64       `json:"event,omitempty"`   // Seq of the event that it follows from
	Until   int64       `json:"until,omitempty"`   // Seq of the event that ended it
	At      time.Time   `json:"at,omitzero"`       // UTC
	Minutes int64       `json:"minutes,omitempty"` // of working time
}

// DossierClock is how a dossier, or the share of an agency, stands to its time. It is
// computed and never stored.
type DossierClock struct {
	Start      time.Time       `json:"start_at,omitzero"` // UTC
	Basis      DossierDueBasis `json:"due_basis,omitempty"`
	Set        time.Time       `json:"due_set_at,omitzero"` // UTC; as it was set
	Due        time.Time       `json:"due_at,omitzero"`     // UTC; behind the time that stood still
	End        time.Time       `json:"end_at,omitzero"`     // UTC; of what is open, that of the look
	Requests   int             `json:"supplement_requests"`
	Suspended  int64           `json:"suspended_minutes"` // of working time
	Worked     int64           `json:"worked_minutes"`    // of working time, without what stood still
	Ended      bool            `json:"ended"`
	Late       bool            `json:"late"`
	Timeliness Timeliness      `json:"timeliness"`
	Explain    []DossierReason `json:"explain"`
}

// DossierShare is the part of a dossier that was handed over to an agency, with its clock.
type DossierShare struct {
	Agency AgencyID     `json:"agency"`
	Name   string       `json:"agency_name"`
	Role   DossierRole  `json:"role"`
	Clock  DossierClock `json:"clock"`
}

// DossierFinding is something wrong with a dossier, or about to go wrong.
type DossierFinding struct {
	Rule   DossierRule `json:"rule"`
	Event  int64       `json:"event,omitempty"`  // Seq
	Agency AgencyID    `json:"agency,omitempty"` // whose share
}

// DossierView is a dossier as one of its agencies sees it.
type DossierView struct {
	Dossier
	Lead     AgencyID         `json:"lead"`
	LeadName string           `json:"lead_name"`
	Clock    DossierClock     `json:"clock"`
	Shares   []DossierShare   `json:"shares"`
	Letter   time.Time        `json:"apologised_at,omitzero"` // UTC; the first apology
	Anew     time.Time        `json:"new_due_at,omitzero"`    // UTC; of the last apology
	Findings []DossierFinding `json:"findings"`
	Events   []DossierEvent   `json:"events,omitempty"` // of one dossier, not in lists
	// Secret is for the owner, in the one answer that made it.
	Secret DossierSecret `json:"secret,omitempty"`
}

// Has reports whether a finding is among those of the dossier.
func (v *DossierView) Has(rule DossierRule) bool {
	return slices.ContainsFunc(v.Findings, func(f DossierFinding) bool { return f.Rule == rule })
}

// DossierCount is how many dossiers of a unit were in hand in a period and how they stood,
// by the national formula.
type DossierCount struct {
	Total  int `json:"total"`
	InTime int `json:"in_time"`
	Late   int `json:"late"`
	// Rate is the share in time in per cent with two decimals; "" where there is nothing.
	Rate string `json:"rate"`
	// Letters are late ones with an apology; Missing those without.
	Letters int `json:"letters"`
	Missing int `json:"letters_missing"`
	// Tardy are those of Letters that came when the time was over.
	Tardy int `json:"letters_late"`
}

// DossierFigures are the figures of a unit in a period.
type DossierFigures struct {
	Unit   AgencyID  `json:"unit"`
	Period Period    `json:"period"`
	AsOf   time.Time `json:"as_of"` // UTC; the end of the period, or now
	DossierCount
	Channels map[DossierChannel]DossierCount `json:"channels"`
	Under    bool                            `json:"under,omitempty"` // with those of all units that were under it
	Tally    DossierTally                    `json:"tally"`
	Pending  bool                            `json:"pending,omitempty"` // some dossiers are being counted anew
}

// DossierCounted is how one dossier counts in the figures of a period, and why.
type DossierCounted struct {
	ID      DossierID       `json:"id"`
	Number  string          `json:"number"`
	Channel DossierChannel  `json:"channel"`
	Late    bool            `json:"late"`
	Letter  bool            `json:"letter,omitempty"`
	Tardy   bool            `json:"letter_late,omitempty"` // it came when the time was over
	Explain []DossierReason `json:"explain"`
}

// DossierMoment is an instant as people and systems write it: a minute in Vietnam such as
// 2026-03-02T09:30, a day, or RFC 3339. Of what is due, a day is the end of its office hours,
// else its first minute; "" stands for none, or now.
type DossierMoment string

// Time is the instant, in UTC and milliseconds, and whether it is a day.
func (m DossierMoment) Time() (at time.Time, day, ok bool) {
	s := strings.TrimSpace(string(m))
	if at, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return at.UTC().Truncate(time.Millisecond), false, sane(at)
	}
	at, ok = ParseProcedureMinute(s)
	return at, ok && s != "" && !strings.Contains(s, ":"), ok
}

// DossierWish is a dossier as a unit registers it.
type DossierWish struct {
	Unit      AgencyID       `json:"-"`
	UnitCode  Code           `json:"unit_code,omitempty"` // the form in which the unit stands in the number; "": the first in force
	Number    string         `json:"number,omitempty"`    // given by the unit's own system; "": the hub gives the next
	Procedure string         `json:"procedure"`           // code
	Owner     DossierOwner   `json:"owner"`
	Channel   DossierChannel `json:"channel,omitempty"`     // "": at the counter
	Received  DossierMoment  `json:"received_at,omitempty"` // "": now
	Due       DossierMoment  `json:"due_at,omitempty"`      // the appointment; "": none
	Key       string         `json:"key,omitempty"`         // of the unit: the same again changes nothing
	Waits     bool           `json:"waits,omitempty"`       // is not accepted yet
	Local     string         `json:"local,omitempty"`
}

// DossierOrder is an event as an agency reports it.
type DossierOrder struct {
	Agency AgencyID      `json:"-"` // may be empty where the actor can act for one alone
	Act    DossierAct    `json:"act"`
	At     DossierMoment `json:"at,omitempty"` // "": now
	Key    string        `json:"key,omitempty"`
	Status DossierStatus `json:"status,omitempty"` // of a report; 0: by the words of the agency's system
	Local  string        `json:"local,omitempty"`
	To     AgencyID      `json:"-"`
	Role   DossierRole   `json:"role,omitempty"` // "": co
	Due    DossierMoment `json:"due_at,omitempty"`
	Text   string        `json:"text,omitempty"`

	Dispatch DispatchID `json:"-"` // of a package: the dispatch that it is
}

// DossierWords say which national status the words of an agency's own system stand for.
// Each version stays in the store.
type DossierWords struct {
	Agency  AgencyID                 `json:"agency"`
	Version int64                    `json:"version"` // 0: none were set
	Words   map[string]DossierStatus `json:"words"`
	SetBy   string                   `json:"set_by,omitempty"`
	SetAt   time.Time                `json:"set_at,omitzero"` // UTC
}

// DossierNumber is the number of a dossier in its parts: unit, day of receipt and the
// running number of that day (TT 01/2018/TT-VPCP, article 19).
type DossierNumber struct {
	Unit     Code
	Day      Date
	Sequence int64
}

const dossierDay = "060102"

// String is the number as it is written, H47.12-250102-0001.
func (n DossierNumber) String() string {
	running := strconv.FormatInt(n.Sequence, 10)
	return string(n.Unit) + "-" + midnight(n.Day).Format(dossierDay) + "-" + strings.Repeat("0", max(0, 4-len(running))) + running
}

// ParseDossierNumber reads a number in either form of the unit: 000.00.14.H20-200703-0002 or
// H47.12-250102-0001. Errors are of KindInvalid with the field left empty.
func ParseDossierNumber(s string) (DossierNumber, error) {
	var n DossierNumber
	wrong := Invalid("", "dossier_number", "%.60q is not of the form 000.00.14.H20-200703-0002 or H47.12-250102-0001", s)
	parts := strings.Split(s, "-")
	if len(parts) != 3 {
		return n, wrong
	}
	n.Unit = Code(parts[0])
	day, err := time.ParseInLocation(dossierDay, parts[1], Vietnam())
	running, wrongly := strconv.ParseInt(parts[2], 10, 64)
	n.Day, n.Sequence = DateOf(day), running
	whole := n.Unit.Form() == FormQD20 || n.Unit.Form() == FormQCVN102 && strings.Count(parts[0], ".") == 3
	if err != nil || wrongly != nil || running < 1 || running > maxDossierSequence || !whole || n.String() != s {
		return n, wrong
	}
	return n, nil
}

// maxDossierSequence bounds the running number of a day.
const maxDossierSequence = 99_999_999

// DigestText is the text of an event that its digest is of: its JSON.
func (e *DossierEvent) DigestText() ([]byte, error) {
	text, err := json.Marshal(e)
	if err != nil {
		return nil, Internal("encode an event of a dossier", err)
	}
	return text, nil
}
