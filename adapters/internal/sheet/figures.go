package sheet

import (
	"strconv"

	"github.com/lienthong/lienthong/hub"
)

// FigureColumns are the columns of FigureRows. Words are looked up by say: column.part,
// column.name, column.id, column.level, column.side, and measures by their names.
func FigureColumns(say func(string) string) []Column {
	var columns []Column
	for _, name := range []string{"part", "name", "id", "level", "side"} {
		columns = append(columns, Column{Name: say("column." + name), Width: 0.12})
	}
	for _, m := range hub.Measures() {
		columns = append(columns, Column{Name: say(string(m)), Width: 0.07, Number: true})
	}
	return columns
}

// FigureRows are the rows of a report, two for each of its parts: what was sent and what
// was received. Those of reasons of refusals have no other number. Words are looked up by
// say: part.total, part.refusals, part.level, part.step, part.unit, reason.*, level.*, sent,
// received.
func FigureRows(r *hub.FigureReport, say func(string) string) [][]string {
	var rows [][]string
	add := func(part, name, id string, level hub.Level, sums *hub.SideTallies) {
		said := ""
		if level != "" {
			said = say("level." + string(level))
		}
		for _, side := range []hub.Side{hub.SideSent, hub.SideReceived} {
			row := []string{say("part." + part), name, id, said, say(string(side))}
			for _, n := range sums.On(side) {
				row = append(row, strconv.FormatInt(n, 10))
			}
			rows = append(rows, row)
		}
	}
	add("total", r.Name, string(r.Agency), "", &r.Total)
	for i := range r.Refusals {
		refused := &r.Refusals[i]
		name := say("reason." + string(refused.Reason))
		for n, count := range []int64{refused.Sent, refused.Received} {
			row := []string{say("part.refusals"), name, string(refused.Reason), "", say(string([]hub.Side{hub.SideSent, hub.SideReceived}[n]))}
			for _, m := range hub.Measures() {
				text := ""
				if m == hub.MeasureRefused {
					text = strconv.FormatInt(count, 10)
				}
				row = append(row, text)
			}
			rows = append(rows, row)
		}
	}
	for i := range r.Levels {
		add("level", "", "", r.Levels[i].Level, &r.Levels[i].SideTallies)
	}
	for i := range r.Steps {
		add("step", string(r.Steps[i].Period), "", "", &r.Steps[i].SideTallies)
	}
	for i := range r.Units {
		u := &r.Units[i]
		add("unit", u.Name, string(u.Agency), u.Level, &u.SideTallies)
	}
	return rows
}
