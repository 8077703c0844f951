package hub

import "time"

// ScoreTable says how agencies are evaluated: indicators over named facts, what their values
// score, and the grades. It is data, with validity; each version stays in the store.
type ScoreTable struct {
	ID         string           `json:"id"` // "tt01-2018"
	Version    int64            `json:"version"`
	Name       Bilingual        `json:"name"`
	Basis      string           `json:"basis"`           // where it is laid down
	From       Date             `json:"from"`            // first day of periods that it may evaluate
	Until      Date             `json:"until,omitempty"` // last day; "" for none
	Note       string           `json:"note,omitempty"`
	Inputs     []ScoreInput     `json:"inputs,omitempty"` // further facts, which the hub does not have
	Groups     []ScoreGroup     `json:"groups,omitempty"`
	Indicators []ScoreIndicator `json:"indicators"`
	Grades     []ScoreGrade     `json:"grades"` // from the best down
	SetBy      string           `json:"set_by,omitempty"`
	SetAt      time.Time        `json:"set_at,omitzero"` // UTC
}

// Bilingual is a text in Vietnamese and in English.
type Bilingual struct {
	VI string `json:"vi"`
	EN string `json:"en"`
}

// In returns the text in a language, "vi" or "en".
func (b Bilingual) In(language string) string {
	if language == "en" && b.EN != "" {
		return b.EN
	}
	return b.VI
}

// ScoreInput is a fact that somebody feeds, by agency and period. Inputs of agencies add up
// to that of the one above them.
type ScoreInput struct {
	Name string    `json:"name"` // as formulas say it
	Text Bilingual `json:"text"`
}

// ScoreGroup holds indicators together.
type ScoreGroup struct {
	ID   string    `json:"id"`
	Name Bilingual `json:"name"`
}

// ScoreIndicator is one line of a table. Its value is a formula over facts; its points are
// those of the first band that the value is in, or a formula over "value".
type ScoreIndicator struct {
	ID        string         `json:"id"`
	Group     string         `json:"group,omitempty"`
	Name      Bilingual      `json:"name"`
	Formula   string         `json:"formula"`
	Unit      string         `json:"unit,omitempty"` // "%", or nothing
	Max       string         `json:"max"`            // points
	Bands     []ScoreBand    `json:"bands,omitempty"`
	Points    string         `json:"points,omitempty"`
	Opens     DossierMeasure `json:"opens,omitempty"`     // dossiers that the number leads to
	Uncertain string         `json:"uncertain,omitempty"` // what of it is not read from the text of the law
}

// ScoreBand gives points to values within it; an empty bound is none.
type ScoreBand struct {
	AtLeast string `json:"at_least,omitempty"`
	AtMost  string `json:"at_most,omitempty"`
	Points  string `json:"points"`
}

// ScoreGrade is a grade of those that reach so many points.
type ScoreGrade struct {
	AtLeast string    `json:"at_least"`
	Name    Bilingual `json:"name"`
}

// ScoreTableChange tells what applying a table did, or would do.
type ScoreTableChange struct {
	DryRun  bool       `json:"dry_run"`
	Changed bool       `json:"changed"` // false: it is in force as it is
	Table   ScoreTable `json:"table"`
}

// EvaluationKey names an evaluation.
type EvaluationKey struct {
	Agency AgencyID `json:"agency"`
	Table  string   `json:"table"`
	Period Period   `json:"period"`
}

// Evaluation is what an agency scored in a period, with all units that were under it, as it
// stood when it was computed.
type Evaluation struct {
	EvaluationKey
	Name         string             `json:"agency_name"`
	Level        Level              `json:"level"`
	TableVersion int64              `json:"table_version"`
	AsOf         time.Time          `json:"as_of"` // UTC; the end of the period, or when it was computed
	At           time.Time          `json:"at"`    // UTC; when it was computed
	By           string             `json:"by"`
	Facts        map[string]string  `json:"facts"` // numbers by name; what is not known is not there
	Own          map[string]string  `json:"own"`   // the same of the agency itself
	Indicators   []IndicatorScore   `json:"indicators"`
	Points       string             `json:"points"` // of the indicators that have a value
	Reachable    string             `json:"reachable"`
	Max          string             `json:"max"`
	Score        string             `json:"score"` // Points, in proportion from Reachable to Max; "" where nothing has a value
	Grade        *Bilingual         `json:"grade,omitempty"`
	Units        []EvaluationStand  `json:"units"` // that were under it, by score
	Table        ScoreTable         `json:"-"`
	Run          *EvaluationRun     `json:"run,omitempty"` // that is computing it anew
	Earlier      []EvaluationEarly  `json:"earlier,omitempty"`
	Places       map[Level]RankedAt `json:"ranks,omitempty"`
}

// RankedAt is how many units of a level were evaluated, and their mean score.
type RankedAt struct {
	Units int    `json:"units"`
	Mean  string `json:"mean"` // "" where none has a score
}

// IndicatorScore is what an indicator came to.
type IndicatorScore struct {
	ID      string   `json:"id"`
	Value   string   `json:"value"`             // two decimals; "" for none
	Points  string   `json:"points"`            // two decimals; "" for none
	Missing []string `json:"missing,omitempty"` // facts that are not known, or by which nothing can be divided
}

// EvaluationStand is the result of a unit among others.
type EvaluationStand struct {
	Agency AgencyID   `json:"agency"`
	Name   string     `json:"agency_name"`
	Level  Level      `json:"level"`
	Direct bool       `json:"direct,omitempty"` // directly under the agency that was evaluated
	Points string     `json:"points"`
	Score  string     `json:"score"`
	Grade  *Bilingual `json:"grade,omitempty"`
}

// EvaluationEarly is a result of another period.
type EvaluationEarly struct {
	Period Period     `json:"period"`
	At     time.Time  `json:"at"` // UTC
	Points string     `json:"points"`
	Score  string     `json:"score"`
	Grade  *Bilingual `json:"grade,omitempty"`
}

// EvaluationRun is a computation that waits or runs.
type EvaluationRun struct {
	EvaluationKey
	By    string    `json:"by"`
	Asked time.Time `json:"asked_at"` // UTC
	Done  int       `json:"done"`     // units
	Total int       `json:"total"`    // 0 while it waits
	Error string    `json:"error,omitempty"`
}

// FeedbackKind is what somebody who filed a dossier says of an agency.
type FeedbackKind string

// The kinds.
const (
	FeedbackRating    FeedbackKind = "rating"    // đánh giá mức độ hài lòng
	FeedbackComplaint FeedbackKind = "complaint" // phản ánh, kiến nghị
)

// Feedback is one answer of a survey, or one complaint. It holds nothing of persons.
type Feedback struct {
	ID       string       `json:"id"` // of the system that feeds it; the same again changes nothing
	Agency   AgencyID     `json:"agency"`
	Kind     FeedbackKind `json:"kind"`
	At       time.Time    `json:"at"`                   // UTC
	Score    int          `json:"score,omitempty"`      // of a rating, 1 to 5
	Due      time.Time    `json:"due_at,omitzero"`      // UTC; of a complaint
	Answered time.Time    `json:"answered_at,omitzero"` // UTC; of a complaint, once it has been
}

// FeedbackFed tells what a feed did.
type FeedbackFed struct {
	New     int `json:"new"`
	Changed int `json:"changed"` // complaints that have been answered
	Same    int `json:"same"`
}

// FeedbackSum is what was fed of an agency in a period, as it stood at an instant.
type FeedbackSum struct {
	Agency     AgencyID
	Ratings    int64
	Satisfied  int64 // scores of 4 and 5
	Points     int64 // sum of the scores
	Complaints int64
	InTime     int64 // answered in time, or not due yet
	Answered   int64
}

// EvaluationInput feeds facts that the hub does not have.
type EvaluationInput struct {
	Agency AgencyID         `json:"-"`
	Period Period           `json:"period"`
	Values map[string]int64 `json:"values"` // by the names of inputs; from 0
	Source string           `json:"source"` // where they come from
	By     string           `json:"by,omitempty"`
	At     time.Time        `json:"at,omitzero"` // UTC
}
