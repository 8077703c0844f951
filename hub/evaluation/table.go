package evaluation

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/lienthong/lienthong/hub"
)

// The bounds of a table.
const (
	MaxTable      = 256 << 10 // bytes of its file
	maxIndicators = 100
	maxBands      = 20
	maxInputs     = 50
	maxText       = 500 // characters
	maxName       = 40
)

// The facts that the hub has beside the measures of dossiers.
const (
	factWorked     = "worked_minutes"
	factAllowed    = "allowed_minutes"
	factAgencies   = "agencies"
	factProcedures = "procedures"        // of which there were dossiers
	factOnline     = "procedures_online" // of these, that are online services in part or in full
	factRatings    = "ratings"
	factSatisfied  = "ratings_satisfied"
	factPoints     = "rating_points"
	factComplaints = "complaints"
	factInTime     = "complaints_in_time"
	factAnswered   = "complaints_answered"
	valueName      = "value" // of an indicator, in the formula of its points
)

// Facts lists the facts that formulas may use without an input.
func Facts() []string {
	list := []string{factWorked, factAllowed, factAgencies, factProcedures, factOnline, factRatings, factSatisfied, factPoints, factComplaints, factInTime, factAnswered}
	for _, m := range hub.DossierMeasures() {
		list = append(list, string(m))
	}
	slices.Sort(list)
	return list
}

// ReadTable decodes the file of a table; what it does not know is an error. Errors are of
// KindInvalid or KindTooLarge.
func ReadTable(raw []byte) (hub.ScoreTable, error) {
	var t hub.ScoreTable
	if len(raw) > MaxTable {
		return t, hub.Errorf(hub.KindTooLarge, "table", "max_length", "a table has at most %d bytes", MaxTable)
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	err := d.Decode(&t)
	if err == nil {
		if _, behind := d.Token(); !errors.Is(behind, io.EOF) {
			err = errors.New("there is something behind the table")
		}
	}
	if err != nil {
		return t, hub.Invalid("table", "json", "the table cannot be read: %v", err)
	}
	return t, nil
}

// table is one that was checked, with its formulas.
type table struct {
	hub.ScoreTable
	lines  []line
	grades []*big.Rat
	max    *big.Rat
}

// line is an indicator with its formulas.
type line struct {
	*hub.ScoreIndicator
	value  *formula
	points *formula // nil for bands
	max    *big.Rat
	bands  []band
}

type band struct{ least, most, points *big.Rat }

// checker gathers what is wrong with a table.
type checker struct {
	found hub.Violations
	table *hub.ScoreTable
}

func (c *checker) add(field, rule, format string, args ...any) {
	c.found = append(c.found, hub.Invalid(field, rule, format, args...))
}

// compile checks a table and reads its formulas. Errors are of KindInvalid and name field
// and rule, such as indicators[2].formula.
func compile(t *hub.ScoreTable) (*table, error) {
	c := &checker{table: t}
	c.head()
	made := &table{ScoreTable: *t, max: new(big.Rat)}
	if n := len(t.Indicators); n == 0 || n > maxIndicators {
		c.add("indicators", "max_items", "a table has 1 to %d indicators", maxIndicators)
		return nil, c.found.AsError()
	}
	ids := map[string]bool{}
	for i := range t.Indicators {
		at := fmt.Sprintf("indicators[%d].", i)
		if id := t.Indicators[i].ID; ids[id] {
			c.add(at+"id", "unique", "another indicator has the id %q", id)
		}
		ids[t.Indicators[i].ID] = true
		l := c.line(at, &t.Indicators[i])
		if made.lines = append(made.lines, l); l.max != nil {
			made.max.Add(made.max, l.max)
		}
	}
	for i := range t.Grades {
		made.grades = append(made.grades, c.number(fmt.Sprintf("grades[%d].at_least", i), t.Grades[i].AtLeast, true))
		c.words(fmt.Sprintf("grades[%d].name", i), t.Grades[i].Name)
		if i > 0 && made.grades[i] != nil && made.grades[i-1] != nil && made.grades[i].Cmp(made.grades[i-1]) >= 0 {
			c.add(fmt.Sprintf("grades[%d].at_least", i), "order", "grades go from the best down")
		}
	}
	if len(t.Grades) > maxBands {
		c.add("grades", "max_items", "a table has at most %d grades", maxBands)
	}
	return made, c.found.AsError()
}

func (c *checker) head() {
	t := c.table
	c.name("id", t.ID, "-")
	c.words("name", t.Name)
	c.text("basis", t.Basis, true)
	c.text("note", t.Note, false)
	for field, day := range map[string]hub.Date{"from": t.From, "until": t.Until} {
		if day != day.Plus(0) || day != "" && hub.Midnight(day).IsZero() || day == "" && field == "from" {
			c.add(field, "date", "%s is a day like 2026-01-01", field)
		}
	}
	if t.Until != "" && t.Until < t.From {
		c.add("until", "range", "the last day lies before the first")
	}
	if len(t.Inputs) > maxInputs || len(t.Groups) > maxInputs {
		c.add("inputs", "max_items", "a table has at most %d inputs and %d groups", maxInputs, maxInputs)
		return
	}
	for i := range t.Inputs {
		at := fmt.Sprintf("inputs[%d].", i)
		c.name(at+"name", t.Inputs[i].Name, "_")
		if slices.Contains(Facts(), t.Inputs[i].Name) || t.Inputs[i].Name == valueName {
			c.add(at+"name", "unique", "the hub has a fact %q", t.Inputs[i].Name)
		}
		c.words(at+"text", t.Inputs[i].Text)
	}
	for i := range t.Groups {
		c.text(fmt.Sprintf("groups[%d].id", i), t.Groups[i].ID, true)
		c.words(fmt.Sprintf("groups[%d].name", i), t.Groups[i].Name)
	}
}

func (c *checker) line(at string, i *hub.ScoreIndicator) line {
	l := line{ScoreIndicator: i, max: c.number(at+"max", i.Max, true)}
	c.text(at+"id", i.ID, true)
	c.words(at+"name", i.Name)
	c.text(at+"unit", i.Unit, false)
	c.text(at+"uncertain", i.Uncertain, false)
	if i.Group != "" && !slices.ContainsFunc(c.table.Groups, func(g hub.ScoreGroup) bool { return g.ID == i.Group }) {
		c.add(at+"group", "unknown", "there is no group %.40q", i.Group)
	}
	if i.Opens != "" && !slices.Contains(hub.DossierMeasures(), i.Opens) {
		c.found = append(c.found, hub.Unlisted(at+"opens", i.Opens, hub.DossierMeasures()))
	}
	l.value = c.formula(at+"formula", i.Formula, c.knows)
	switch {
	case (i.Points == "") == (len(i.Bands) == 0):
		c.add(at+"points", "exclusive", "an indicator has bands, or a formula for its points")
	case i.Points != "":
		l.points = c.formula(at+"points", i.Points, func(name string) bool { return name == valueName })
	case len(i.Bands) > maxBands:
		c.add(at+"bands", "max_items", "an indicator has at most %d bands", maxBands)
	}
	for n := range i.Bands {
		in := fmt.Sprintf("%sbands[%d].", at, n)
		b := band{c.number(in+"at_least", i.Bands[n].AtLeast, false), c.number(in+"at_most", i.Bands[n].AtMost, false), c.number(in+"points", i.Bands[n].Points, true)}
		if b.points != nil && l.max != nil && b.points.Cmp(l.max) > 0 {
			c.add(in+"points", "range", "a band gives at most the points of its indicator")
		}
		l.bands = append(l.bands, b)
	}
	return l
}

// knows reports whether formulas may use a name.
func (c *checker) knows(name string) bool {
	return slices.Contains(Facts(), name) || slices.ContainsFunc(c.table.Inputs, func(i hub.ScoreInput) bool { return i.Name == name })
}

func (c *checker) formula(field, text string, known func(string) bool) *formula {
	f, err := parse(text, known)
	if err != nil {
		e := *hub.ViolationsOf(err)[0]
		e.Field = field
		c.found = append(c.found, &e)
	}
	return f
}

func (c *checker) number(field, text string, required bool) *big.Rat {
	if text == "" && !required {
		return nil
	}
	n, ok := decimal(text)
	if !ok {
		c.add(field, "number", "%s is a number such as 12.5", field)
		return nil
	}
	return n
}

// name checks a name of letters, digits and one more sign.
func (c *checker) name(field, name, sign string) {
	const signs = "abcdefghijklmnopqrstuvwxyz0123456789"
	if name == "" || len(name) > maxName || strings.Trim(name, signs+sign) != "" || !isLetter(name[0]) {
		c.add(field, "name", "%s has 1 to %d letters from a to z, digits and %s, and begins with a letter", field, maxName, sign)
	}
}

func (c *checker) words(field string, b hub.Bilingual) {
	c.text(field+".vi", b.VI, true)
	c.text(field+".en", b.EN, false)
}

func (c *checker) text(field, text string, required bool) {
	switch {
	case required && strings.TrimSpace(text) == "":
		c.add(field, "required", "%s is missing", field)
	case !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl):
		c.add(field, "control_character", "%s is plain text", field)
	case utf8.RuneCountInString(text) > maxText:
		c.add(field, "max_length", "%s has at most %d characters", field, maxText)
	}
}
