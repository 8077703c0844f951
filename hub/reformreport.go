package hub

import (
	"slices"
	"time"
)

// ReportID identifies a reform report: a UUIDv7.
type ReportID string

// ReportScope says whose numbers a reform report has.
type ReportScope string

// The scopes.
const (
	ReportOwn  ReportScope = "own"  // of the agency alone
	ReportTree ReportScope = "tree" // of the agency and all that stand under it
)

// ReportScopes lists all scopes.
func ReportScopes() []ReportScope { return []ReportScope{ReportOwn, ReportTree} }

// ReportKey names a number of a reform report.
type ReportKey string

// ReportGap is why a report has no number.
type ReportGap string

// The gaps.
const (
	GapNothing   ReportGap = "nothing"       // a share of nothing
	GapTooMany   ReportGap = "too_many"      // there are more than are counted
	GapNotScored ReportGap = "not_evaluated" // nobody evaluated the agency for the period
	GapPending   ReportGap = "uncounted"     // the log holds more than was counted
)

// ReportNumber is one number of a reform report, with where it comes from.
type ReportNumber struct {
	Key    ReportKey `json:"key"`
	Value  string    `json:"value"`            // digits, or a share in per cent such as 98.25; "" where there is none
	Why    ReportGap `json:"why,omitempty"`    // why there is none, or why it may be too small
	Source string    `json:"source,omitempty"` // of the API: gives the number again
	Opens  string    `json:"opens,omitempty"`  // of the API: lists what is behind it
	Page   string    `json:"page,omitempty"`   // of the pages: opens down to what is behind it
}

// ReformReport is the periodic report of an agency on reform (báo cáo cải cách hành chính),
// with its numbers as they stood when it was made. It never changes; one that is made anew
// is another one.
type ReformReport struct {
	ID       ReportID       `json:"id"`
	Agency   AgencyID       `json:"agency"`
	Name     string         `json:"agency_name"`
	Period   Period         `json:"period"`
	Scope    ReportScope    `json:"scope"`
	Template int64          `json:"template"` // version of the template by which it is written
	MadeAt   time.Time      `json:"made_at"`  // UTC
	By       string         `json:"made_by"`
	Units    int            `json:"units"` // agencies that are counted
	Numbers  []ReportNumber `json:"numbers"`
	Digest   Digest         `json:"sha256,omitzero"` // of its JSON without this, as a note in the log has it
}

// Number returns a number of the report, or nil.
func (r *ReformReport) Number(key ReportKey) *ReportNumber {
	i := slices.IndexFunc(r.Numbers, func(n ReportNumber) bool { return n.Key == key })
	if i < 0 {
		return nil
	}
	return &r.Numbers[i]
}

// ReportFormat is a kind of file that a report is written as.
type ReportFormat string

// The formats.
const (
	ReportDOCX ReportFormat = "docx"
	ReportPDF  ReportFormat = "pdf"
	ReportXLSX ReportFormat = "xlsx"
)

// ReportFormats lists all formats.
func ReportFormats() []ReportFormat { return []ReportFormat{ReportDOCX, ReportPDF, ReportXLSX} }

// ReportRow is a line of a table of a report.
type ReportRow struct {
	Label string    `json:"label"`
	Key   ReportKey `json:"key"`
}

// ReportBlock is a part of a report. Placeholders of its text are names of numbers in braces,
// {documents.sent}, and {agency}, {period}, {day}, {units}.
type ReportBlock struct {
	Heading string      `json:"heading,omitempty"`
	Text    string      `json:"text,omitempty"`
	Rows    []ReportRow `json:"rows,omitempty"`
}

// ReportTemplate is how an agency writes its reports. Each version stays in the store.
// Besides what it says itself it may have a document of a word processor with the same
// placeholders, which is filled for the format DOCX.
type ReportTemplate struct {
	Agency  AgencyID      `json:"agency"`
	Version int64         `json:"version"` // 0: the one that comes with the program
	Left    []string      `json:"left,omitempty"`
	Right   []string      `json:"right,omitempty"`
	Title   string        `json:"title"`
	Blocks  []ReportBlock `json:"blocks"`
	Signed  []string      `json:"signed,omitempty"`
	File    *ReportFile   `json:"file,omitempty"`
	SetBy   string        `json:"set_by,omitempty"`
	SetAt   time.Time     `json:"set_at,omitzero"` // UTC
}

// ReportFile is the document of a template.
type ReportFile struct {
	Name   string      `json:"name"`
	Size   int64       `json:"size"`
	Digest Digest      `json:"sha256"`
	Keys   []ReportKey `json:"keys"` // placeholders that it has
}

// ReportText is a report in words, for writing a file of it.
type ReportText struct {
	Left, Right []string
	Title       string
	Blocks      []ReportTextBlock
	Signed      []string
	Values      map[ReportKey]string // of placeholders
}

// ReportTextBlock is a part of a report in words.
type ReportTextBlock struct {
	Heading, Text string
	Rows          []ReportTextRow
}

// ReportTextRow is a line of a table of a report in words.
type ReportTextRow struct{ Label, Value, Source string }

// ReportEvery is how often an agency reports.
type ReportEvery string

// The paces.
const (
	EveryMonth   ReportEvery = "month"
	EveryQuarter ReportEvery = "quarter"
	EveryYear    ReportEvery = "year"
)

// ReportPaces lists all paces.
func ReportPaces() []ReportEvery { return []ReportEvery{EveryMonth, EveryQuarter, EveryYear} }

// PeriodOf is the period of the pace in which a day lies.
func (e ReportEvery) PeriodOf(day Date) Period {
	switch e {
	case EveryMonth:
		return Period(day[:len("2006-01")])
	case EveryQuarter:
		month := (day[5]-'0')*10 + day[6] - '1' // from 0
		return Period(day[:4]) + "-Q" + Period('1'+month/3)
	}
	return Period(day[:4])
}

// ReportSchedule says when reports of an agency are due. Each version stays in the store.
type ReportSchedule struct {
	Agency  AgencyID     `json:"agency"`
	Version int64        `json:"version"` // 0: none was set
	Terms   []ReportTerm `json:"terms"`
	SetBy   string       `json:"set_by,omitempty"`
	SetAt   time.Time    `json:"set_at,omitzero"` // UTC
}

// ReportTerm is one report that is due again and again.
type ReportTerm struct {
	Every ReportEvery `json:"every"`
	Scope ReportScope `json:"scope"`
	// Days are working days behind the end of a period until which its report is due.
	Days int `json:"working_days"`
}

// ReportDue is a report that is due, or was made.
type ReportDue struct {
	Every      ReportEvery `json:"every"`
	Scope      ReportScope `json:"scope"`
	Period     Period      `json:"period"`
	Due        Date        `json:"due"`
	Timeliness Timeliness  `json:"timeliness"`
	Report     ReportID    `json:"report,omitempty"` // the first that was made of the whole period
	MadeAt     time.Time   `json:"made_at,omitzero"` // UTC
}

// ReportFact is the body of a note of LogNoteReport.
type ReportFact struct {
	Report ReportID    `json:"report"`
	Agency AgencyID    `json:"agency"`
	Period Period      `json:"period"`
	Scope  ReportScope `json:"scope"`
	Actor  string      `json:"actor"`
	SHA256 Digest      `json:"report_sha256"`
}
