package sheet

import (
	"strings"

	"github.com/lienthong/lienthong/hub"
)

// EvaluationTable is a table of EvaluationRows. Words are looked up by say: column.id,
// column.name, column.value, column.points, column.max, column.note.
func EvaluationTable(e *hub.Evaluation, language string, say func(string) string) *Table {
	t := &Table{Above: []string{e.Name}, Title: e.Table.Name.In(language), Below: []string{string(e.Period), e.Table.Basis}}
	for _, c := range []struct {
		name  string
		width float64
	}{{"id", 0.08}, {"name", 0.42}, {"value", 0.1}, {"points", 0.1}, {"max", 0.1}, {"note", 0.2}} {
		t.Columns = append(t.Columns, Column{Name: say("column." + c.name), Width: c.width})
	}
	return t
}

// EvaluationRows are the indicators of an evaluation, its sum, and the units under the agency
// by their scores. Words are looked up by say: na, missing, total, level.*.
func EvaluationRows(e *hub.Evaluation, language string, say func(string) string) [][]string {
	var rows [][]string
	for i := range e.Indicators {
		score := &e.Indicators[i]
		row := []string{score.ID, "", said(score.Value, say), said(score.Points, say), "", ""}
		for n := range e.Table.Indicators {
			if l := &e.Table.Indicators[n]; l.ID == score.ID {
				row[1], row[4] = l.Name.In(language), l.Max
				if score.Value != "" {
					row[2] = strings.TrimSpace(score.Value + " " + l.Unit)
				}
			}
		}
		if len(score.Missing) > 0 {
			row[5] = say("missing") + " " + strings.Join(score.Missing, ", ")
		}
		rows = append(rows, row)
	}
	rows = append(rows, []string{"", say("total"), said(e.Score, say), e.Points, e.Max, gradeOf(e.Grade, language)})
	for i := range e.Units {
		u := &e.Units[i]
		level := ""
		if u.Level != "" {
			level = say("level." + string(u.Level))
		}
		rows = append(rows, []string{level, u.Name, said(u.Score, say), u.Points, e.Max, gradeOf(u.Grade, language)})
	}
	return rows
}

func gradeOf(grade *hub.Bilingual, language string) string {
	if grade == nil {
		return ""
	}
	return grade.In(language)
}

// said is a number, or what stands in the place of none.
func said(number string, say func(string) string) string {
	if number == "" {
		return say("na")
	}
	return number
}
