package hub

import (
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Procedure is what one version of an administrative procedure (thủ tục hành chính) says
// (NĐ 63/2010/NĐ-CP, article 8, and NĐ 92/2017/NĐ-CP). It is public.
type Procedure struct {
	Code       string          `json:"code"`  // of the national database, "1.001234"; the same for all versions
	Name       string          `json:"name"`  // tên thủ tục
	Field      string          `json:"field"` // lĩnh vực
	Levels     []Level         `json:"levels"`
	Agency     AgencyID        `json:"agency"`      // that is responsible
	AgencyCode Code            `json:"agency_code"` // as the list wrote it, in force on the first day of the version
	Limit      ProcedureLimit  `json:"limit"`
	Online     OnlineLevel     `json:"online"`
	Fees       []ProcedureFee  `json:"fees,omitempty"`
	Papers     []string        `json:"papers,omitempty"` // that an applicant hands in
	Basis      []string        `json:"basis,omitempty"`  // căn cứ pháp lý
	Until      ProcedureMinute `json:"until,omitempty"`  // the decision itself says when it lapses
}

// ProcedureLimit is how long the law lets an agency take.
type ProcedureLimit struct {
	Amount int       `json:"amount"`
	Unit   LimitUnit `json:"unit"`
}

// LimitUnit is what a limit is counted in.
type LimitUnit string

// The units of limits.
const (
	LimitWorkingDays LimitUnit = "working_days"
	LimitDays        LimitUnit = "days" // of the calendar
	LimitHours       LimitUnit = "hours"
)

// LimitUnits lists all units.
func LimitUnits() []LimitUnit { return []LimitUnit{LimitWorkingDays, LimitDays, LimitHours} }

// OnlineLevel is how much of a procedure is done online (NĐ 42/2022/NĐ-CP, article 11).
type OnlineLevel string

// The online levels.
const (
	OnlineInformation OnlineLevel = "information" // cung cấp thông tin; levels 1 and 2 before 2022
	OnlinePartial     OnlineLevel = "partial"     // một phần; level 3
	OnlineFull        OnlineLevel = "full"        // toàn trình; level 4
)

// OnlineLevels lists all online levels.
func OnlineLevels() []OnlineLevel { return []OnlineLevel{OnlineInformation, OnlinePartial, OnlineFull} }

// ProcedureFee is a fee (phí) or charge (lệ phí) in đồng.
type ProcedureFee struct {
	Amount int64  `json:"amount"`
	Note   string `json:"note,omitempty"`
}

// ProcedureAct is what a decision does to a procedure.
type ProcedureAct string

// The acts.
const (
	ProcedurePublish ProcedureAct = "publish" // công bố
	ProcedureAmend   ProcedureAct = "amend"   // sửa đổi, bổ sung
	ProcedureAbolish ProcedureAct = "abolish" // bãi bỏ
)

// ProcedureDecision is the signed document by which an act is done. Number, notation and
// date are those of the document.
type ProcedureDecision struct {
	Dispatch DispatchID   `json:"dispatch"`
	Agency   AgencyID     `json:"agency"` // that sent it
	Act      ProcedureAct `json:"act"`
	Number   string       `json:"number"`
	Notation string       `json:"notation"`
	Date     Date         `json:"date"`
}

// ProcedureState is how a version stands at an instant. It is computed when it is asked
// for, never stored.
type ProcedureState string

// The states.
const (
	ProcedureComing  ProcedureState = "coming"
	ProcedureInForce ProcedureState = "in_force"
	ProcedureLapsed  ProcedureState = "lapsed"
)

// ProcedureVersion is a procedure from one minute up to but not including another.
type ProcedureVersion struct {
	Procedure
	Version  int64              `json:"version"`         // of the procedure, from 1
	Valid    Interval           `json:"valid"`           // whole minutes; a zero To is open
	Decision ProcedureDecision  `json:"decision"`        // that published or amended it
	Ended    *ProcedureDecision `json:"ended,omitempty"` // that amended or abolished it
	// State is as of the reading, and empty in the store.
	State ProcedureState `json:"state,omitempty"`
}

// InForce reports whether the version is in force at an instant. One that was abolished
// before it began never is.
func (v *ProcedureVersion) InForce(at time.Time) bool { return v.StateAt(at) == ProcedureInForce }

// StateAt tells how the version stands at an instant.
func (v *ProcedureVersion) StateAt(at time.Time) ProcedureState {
	switch {
	case !v.Valid.To.IsZero() && (!at.Before(v.Valid.To) || !v.Valid.From.Before(v.Valid.To)):
		return ProcedureLapsed
	case at.Before(v.Valid.From):
		return ProcedureComing
	}
	return ProcedureInForce
}

// ProcedureChange is one act in the order in which all were recorded. Seq has no gaps, and
// what has a higher one was committed later.
type ProcedureChange struct {
	Seq      int64             `json:"seq"` // from 1
	Act      ProcedureAct      `json:"act"`
	Code     string            `json:"code"`
	Number   int64             `json:"number"` // of the version that it made or, by abolishing, ended
	From     time.Time         `json:"from"`   // UTC; when it takes effect
	Decision ProcedureDecision `json:"decision"`
	By       string            `json:"by,omitempty"` // Actor.Name; empty where it is told to everybody
	At       time.Time         `json:"at"`           // UTC; when it was recorded
	// Version is as of the reading, so that what has ended meanwhile says so; nil in the store.
	Version *ProcedureVersion `json:"version,omitempty"`
}

// ProcedureQuery selects procedures that are in force at an instant, by code.
type ProcedureQuery struct {
	At     time.Time
	Text   string   // words of code, name and field, without diacritics or case; all must occur
	Agency AgencyID // "": all
	Page   Page
}

// ProcedureDifference is what an act changes about one property.
type ProcedureDifference struct {
	Field string `json:"field"`
	Was   string `json:"was"`
	Is    string `json:"is"`
}

// ProcedureRow is what one row of an import does.
type ProcedureRow struct {
	Row         int                   `json:"row"` // from 1
	Code        string                `json:"code"`
	Name        string                `json:"name"`
	Act         ProcedureAct          `json:"act"`
	From        time.Time             `json:"from"` // UTC
	Differences []ProcedureDifference `json:"differences,omitempty"`
}

// ProcedureImport tells what an import came to, or would come to.
type ProcedureImport struct {
	DryRun    bool              `json:"dry_run"`
	Decision  ProcedureDecision `json:"decision"`
	Published int               `json:"published"`
	Amended   int               `json:"amended"`
	Abolished int               `json:"abolished"`
	Unchanged int               `json:"unchanged"`
	Ignored   []string          `json:"ignored,omitempty"` // columns of the list that mean nothing here
	Rows      []ProcedureRow    `json:"rows"`              // those that change something
	Seq       int64             `json:"seq"`               // of the last change behind it
}

// ProcedureWish is what somebody wants to do to the catalogue by one decision.
type ProcedureWish struct {
	Decision DispatchID
	// From is when it takes effect where a row does not say it: a whole minute, UTC; zero is
	// the minute that runs.
	From   time.Time
	DryRun bool
	// Columns adds names to those by which the columns of a list are known: theirs to ours.
	Columns map[string]string
}

// ProcedureMinute is a minute in Vietnam as lists write it: "2025-07-01T07:30", or a day
// alone, which is its first minute.
type ProcedureMinute string

const minuteLayout = "2006-01-02T15:04"

// ParseProcedureMinute reads a minute in Vietnam: 2025-07-01, 2025-07-01T07:30, 01/07/2025,
// 07:30 01/07/2025, or RFC 3339 on a whole minute. It returns UTC, and the zero time for "".
func ParseProcedureMinute(s string) (time.Time, bool) {
	s = strings.TrimSpace(s)
	if s == "" {
		return time.Time{}, true
	}
	for _, layout := range []string{time.DateOnly, minuteLayout, "2006-01-02 15:04", "02/01/2006", "15:04 02/01/2006", "02/01/2006 15:04"} {
		if t, err := time.ParseInLocation(layout, s, Vietnam()); err == nil {
			return t.UTC(), sane(t)
		}
	}
	t, err := time.Parse(time.RFC3339, s)
	return t.UTC(), err == nil && t.Equal(t.Truncate(time.Minute)) && sane(t)
}

func sane(t time.Time) bool { return t.Year() >= 1990 && t.Year() <= 2200 }

// MinuteOf is a minute as lists write it; "" for the zero time.
func MinuteOf(t time.Time) ProcedureMinute {
	if t.IsZero() {
		return ""
	}
	return ProcedureMinute(t.In(Vietnam()).Format(minuteLayout))
}

// The bounds of a procedure.
const (
	maxProcedureCode  = 50
	maxProcedureName  = 1000
	maxProcedureField = 300
	maxProcedureText  = 2000 // of a paper, a basis, the note of a fee
	maxProcedureItems = 200
	maxProcedureLimit = 3650
	maxProcedureFee   = 1_000_000_000_000
)

// Check returns what is wrong with a procedure; field stands before each name, such as
// "procedures[3].".
func (p *Procedure) Check(field string) Violations {
	var found Violations
	fail := func(name, rule, format string, values ...any) {
		found = append(found, Invalid(field+name, rule, format, values...))
	}
	text := func(name, value string, longest int) {
		switch {
		case strings.TrimSpace(value) == "":
			fail(name, "required", "%s is missing", name)
		case !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl):
			fail(name, "control_character", "%s is plain text", name)
		case utf8.RuneCountInString(value) > longest:
			fail(name, "max_length", "%s has at most %d characters", name, longest)
		}
	}
	text("code", p.Code, maxProcedureCode)
	if strings.ContainsFunc(p.Code, func(r rune) bool {
		return r != '.' && r != '-' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}) {
		fail("code", "grammar", "a code has digits, letters, points and hyphens: %.60q", p.Code)
	}
	text("name", p.Name, maxProcedureName)
	text("field", p.Field, maxProcedureField)
	if len(p.Levels) == 0 {
		fail("levels", "required", "levels is missing")
	}
	for i, l := range p.Levels {
		if !l.Valid() || slices.Contains(p.Levels[:i], l) {
			fail("levels", "code_list", "%.20q is none of %v, or stands twice", string(l), Levels())
		}
	}
	if p.Limit.Amount < 0 || p.Limit.Amount > maxProcedureLimit {
		fail("limit", "range", "a limit is from 0 to %d", maxProcedureLimit)
	}
	if !slices.Contains(LimitUnits(), p.Limit.Unit) {
		fail("limit", "code_list", "%.20q is none of working_days, days, hours", string(p.Limit.Unit))
	}
	if !slices.Contains(OnlineLevels(), p.Online) {
		fail("online", "code_list", "%.20q is none of information, partial, full", string(p.Online))
	}
	for _, list := range []struct {
		name  string
		items []string
	}{{"papers", p.Papers}, {"basis", p.Basis}} {
		if len(list.items) > maxProcedureItems {
			fail(list.name, "max_items", "%s has at most %d lines", list.name, maxProcedureItems)
			continue
		}
		for _, item := range list.items {
			text(list.name, item, maxProcedureText)
		}
	}
	if len(p.Fees) > maxProcedureItems {
		fail("fees", "max_items", "fees has at most %d lines", maxProcedureItems)
		return found
	}
	for _, fee := range p.Fees {
		if fee.Amount < 0 || fee.Amount > maxProcedureFee {
			fail("fees", "range", "a fee is from 0 to %d đồng", int64(maxProcedureFee))
		}
		if fee.Note != "" {
			text("fees", fee.Note, maxProcedureText)
		}
	}
	return found
}

// SearchText is in what a search for procedures looks.
func (p *Procedure) SearchText() string { return Fold(p.Code + " " + p.Name + " " + p.Field) }
