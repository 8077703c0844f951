package sqlkit

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// never is a column of an instant that does not come.
const never = math.MaxInt64

func orNever(t time.Time) int64 {
	if t.IsZero() {
		return never
	}
	return Micros(t)
}

// DossierBasis are the columns that say what is kept of a dossier: from which basis it
// follows, and from how many events.
func DossierBasis(f *hub.DossierFile) (basis string, version int64) {
	if f.Kept == nil {
		return "", 0
	}
	return f.Kept.Basis, f.Version
}

// DossierPresent are the columns of a party by which lists find a dossier.
func DossierPresent(f *hub.DossierFile) (late, foreseen, marks int64) {
	if f.Kept == nil {
		return never, never, 0
	}
	return orNever(f.Kept.Late), orNever(f.Kept.Foreseen), int64(f.Kept.Marks)
}

// DossierFactColumns are the columns of DossierFactValues.
const DossierFactColumns = "dossier, since, until, unit, procedure, channel, start, ended, late, requests, parties, marks, worked, allowed"

// DossierFactValues are the rows of what is kept of a dossier.
func DossierFactValues(d *hub.DossierFile) [][]any {
	if d.Kept == nil {
		return nil
	}
	rows := make([][]any, len(d.Kept.Facts))
	for i := range d.Kept.Facts {
		f := &d.Kept.Facts[i]
		rows[i] = []any{
			string(d.ID), Micros(f.Since), orNever(f.Until), string(d.Unit), d.Procedure.Code, string(d.Channel), Micros(f.Start), orNever(f.Ended), orNever(f.Late),
			int64(f.Requests), int64(f.Parties), int64(f.Marks), f.Worked, f.Allowed,
		}
	}
	return rows
}

// DossierMeasureText is the condition by which facts that hold count for a measure, with the
// places of the begin of the period and of the look.
func DossierMeasureText(m hub.DossierMeasure, from, look string) string {
	late, ended := "late < "+look, "ended <> "+strconv.FormatInt(never, 10)
	marked := func(mark hub.DossierMarks) string { return fmt.Sprintf("(marks & %d) <> 0", mark) }
	texts := map[hub.DossierMeasure][]string{
		hub.DossiersAll: {"1 = 1"}, hub.DossiersNew: {"start >= " + from}, hub.DossiersCarried: {"start < " + from}, hub.DossiersEnded: {ended},
		hub.DossiersEarly: {ended, not(late), marked(hub.MarkEarly)}, hub.DossiersOnTime: {ended, not(late), not(marked(hub.MarkEarly))}, hub.DossiersEndedLate: {ended, late},
		hub.DossiersOpenInTime: {not(ended), not(late)}, hub.DossiersOpenLate: {not(ended), late}, hub.DossiersInTime: {not(late)}, hub.DossiersLate: {late},
		hub.DossiersSupplemented: {"requests > 0"}, hub.DossiersAgain: {"requests > 1"},
		hub.DossiersLetters: {late, marked(hub.MarkLetter)}, hub.DossiersLettersLate: {late, marked(hub.MarkTardy)}, hub.DossiersNoLetter: {late, not(marked(hub.MarkLetter))},
		hub.DossiersStopped: {ended, marked(hub.MarkStopped)}, hub.DossiersFiled: {marked(hub.MarkFiled)}, hub.DossiersResult: {ended, marked(hub.MarkResult)}, hub.DossiersShared: {"parties > 1"},
	}
	if list, ok := texts[m]; ok {
		return strings.Join(list, " AND ")
	}
	return "channel = '" + string(m) + "'"
}

func not(term string) string { return "NOT " + term }

// DossierSumText counts the dossiers of a look; the places are those of the unit, the begin
// of the period, the look, and the span in which their time began.
func DossierSumText(unit, from, look, begun, ending string) string {
	counts := make([]string, 0, len(hub.DossierMeasures()))
	for _, m := range hub.DossierMeasures() {
		counts = append(counts, "count(*) FILTER (WHERE "+DossierMeasureText(m, from, look)+")")
	}
	return "SELECT procedure, channel, CAST(sum(worked) AS bigint), CAST(sum(allowed) AS bigint), CAST(sum(parties) AS bigint), " + strings.Join(counts, ", ") +
		" FROM (" + inHand(DossierFactColumns, "", unit, from, look, begun, ending) + ") f GROUP BY procedure, channel ORDER BY procedure, channel"
}

// inHand selects facts of a look. What has ended and what is open are two ranges of one index.
func inHand(columns, further, unit, from, look, begun, ending string) string {
	rows := func(span string) string {
		return fmt.Sprintf("SELECT %s FROM dossier_facts WHERE unit = %s AND %s AND since < %s AND until >= %[4]s AND start >= %s AND start < %s", columns, unit, span, look, begun, ending) + further
	}
	return rows(fmt.Sprintf("ended >= %s AND ended < %s", from, look)) + " UNION ALL " + rows(fmt.Sprintf("ended = %d", int64(never)))
}

// DossierCountText counts the dossiers of a look: all, those that are late, and of these
// those with an apology and with one that came when the time was over. The places are those
// of DossierSumText. Late ones are found by an index of their own.
func DossierCountText(unit, from, look, begun, ending string) string {
	late := fmt.Sprintf(" AND late <> %d AND late < %s", int64(never), look)
	marked := func(mark hub.DossierMarks) string {
		return fmt.Sprintf("count(*) FILTER (WHERE (marks & %d) <> 0)", mark)
	}
	return "SELECT CAST(sum(n) AS bigint), CAST(sum(late) AS bigint), CAST(sum(letters) AS bigint), CAST(sum(tardy) AS bigint) FROM (" +
		inHand("count(*) AS n, 0 AS late, 0 AS letters, 0 AS tardy", "", unit, from, look, begun, ending) + " UNION ALL " +
		inHand("0, count(*), "+marked(hub.MarkLetter)+", "+marked(hub.MarkTardy), late, unit, from, look, begun, ending) + ") f"
}

// ScanDossierCount reads a row of DossierCountText.
func ScanDossierCount[R Row](row R) (c hub.DossierCount, err error) {
	if err = row.Scan(&c.Total, &c.Late, &c.Letters, &c.Tardy); err == nil {
		c.InTime, c.Missing = c.Total-c.Late, c.Late-c.Letters
		c.Rate = hub.PerCent(c.InTime, c.Total)
	}
	return c, err
}

// DossierLookValues are the unit, the begin of the period, the look, and the span of a look.
func DossierLookValues(l *hub.DossierLook) []any {
	begun := int64(math.MinInt64)
	if !l.Begun.From.IsZero() {
		begun = Micros(l.Begun.From)
	}
	return []any{string(l.Unit), Micros(l.From), Micros(l.At), begun, orNever(l.Begun.To)}
}

// ScanDossierSum reads a row of DossierSumText.
func ScanDossierSum[R Row](row R) (hub.DossierSum, error) {
	measures := hub.DossierMeasures()
	counts := make([]int64, len(measures))
	var s hub.DossierSum
	dest := []any{&s.Procedure, (*string)(&s.Channel), &s.Worked, &s.Allowed, &s.Parties}
	for i := range counts {
		dest = append(dest, &counts[i])
	}
	if err := row.Scan(dest...); err != nil {
		return s, err
	}
	s.Counts = make(map[hub.DossierMeasure]int64, len(measures))
	for i, m := range measures {
		s.Counts[m] = counts[i]
	}
	return s, nil
}

// DossierUnitsText lists the units of facts by steps through an index.
const DossierUnitsText = `WITH RECURSIVE units (unit) AS (SELECT min(unit) FROM dossier_facts
	UNION ALL SELECT (SELECT min(unit) FROM dossier_facts f WHERE f.unit > units.unit) FROM units WHERE units.unit IS NOT NULL)
	SELECT unit FROM units WHERE unit IS NOT NULL`

// DossierPlace is where facts stand among those that are listed.
type DossierPlace struct {
	Ended, Until int64
	Dossier      string
}

// Open reports whether the place is among dossiers that are open.
func (p DossierPlace) Open() bool { return p.Ended == never }

// openPlace is the first place of those that are open.
func openPlace() DossierPlace { return DossierPlace{Ended: never, Until: math.MinInt64} }

const countedDossiers = "counted dossiers"

// Cursor is the cursor of the page behind the place.
func (p *DossierPlace) Cursor() string {
	return Cursor(countedDossiers, strconv.FormatInt(p.Ended, 10), strconv.FormatInt(p.Until, 10), p.Dossier)
}

// parseDossierPlace unpacks a cursor; without one it is the begin of those that have ended.
func parseDossierPlace(page hub.Page) (DossierPlace, error) {
	after, err := ParseCursor(countedDossiers, page, 3)
	if err != nil || after == nil {
		return DossierPlace{Ended: math.MinInt64}, err
	}
	p := DossierPlace{Dossier: after[2]}
	if p.Ended, err = ParseNumber(after[0]); err == nil {
		p.Until, err = ParseNumber(after[1])
	}
	return p, err
}

// CountedPlaces is a page of places and its cursor: those of dossiers that have ended, and
// behind them of those that are open. find lists so many of one kind behind a place.
func CountedPlaces(page hub.Page, find func(behind DossierPlace, limit int) ([]DossierPlace, error)) ([]DossierPlace, string, error) {
	behind, err := parseDossierPlace(page)
	if err != nil {
		return nil, "", err
	}
	places, err := find(behind, page.Limit+1)
	if err == nil && !behind.Open() && len(places) <= page.Limit {
		var open []DossierPlace
		open, err = find(openPlace(), page.Limit+1-len(places))
		places = append(places, open...)
	}
	if err != nil {
		return nil, "", err
	}
	places, next := Cut(places, page.Limit, (*DossierPlace).Cursor)
	return places, next, nil
}

// ScanDossierPlace reads ended, until and dossier.
func ScanDossierPlace[R Row](row R) (p DossierPlace, err error) {
	err = row.Scan(&p.Ended, &p.Until, &p.Dossier)
	return p, err
}

// PlacedDossiers are the ids of the dossiers at places.
func PlacedDossiers(places []DossierPlace) []string {
	ids := make([]string, len(places))
	for i := range places {
		ids[i] = places[i].Dossier
	}
	return ids
}

// ByPlace orders dossiers as their places are.
func ByPlace(found []hub.Dossier, places []DossierPlace) []hub.Dossier {
	order := make(map[string]int, len(places))
	for i := range places {
		order[places[i].Dossier] = i
	}
	slices.SortFunc(found, func(a, b hub.Dossier) int { return cmp.Compare(order[string(a.ID)], order[string(b.ID)]) })
	return found
}

// CountedText lists facts behind a place; the places are those of the unit, the begin of the
// period, the look, the span in which their time began, the place behind which, and the limit.
func CountedText(m hub.DossierMeasure, open bool, at func(n int) string) string {
	part := fmt.Sprintf("ended >= %s AND ended < %s", at(2), at(3))
	if open {
		part = fmt.Sprintf("ended = %d AND ended >= %s", int64(never), at(2)) // every place has its type
	}
	return "SELECT ended, until, dossier FROM dossier_facts WHERE unit = " + at(1) + " AND " + part + " AND until >= " + at(3) + " AND since < " + at(3) + " AND start >= " + at(4) + " AND start < " + at(5) +
		" AND (ended, until, dossier) > (" + at(6) + ", " + at(7) + ", " + at(8) + ") AND " + DossierMeasureText(m, at(2), at(3)) + " ORDER BY ended, until, dossier LIMIT " + at(9)
}

// DossierListTerms adds the conditions by which lists select dossiers as they stand at the
// moments of a query; %s in a term stands for a value.
func DossierListTerms(q *hub.DossierQuery, add func(term string, values ...any)) {
	look, soon, letter := Micros(q.Moments.Look), Micros(q.Moments.Soon), Micros(q.Moments.Letter)
	if terms, values := timelinessTerms(q.Timeliness, look, soon); len(terms) > 0 {
		add("("+strings.Join(terms, " OR ")+")", values...)
	}
	marked := func(mark hub.DossierMarks) string { return fmt.Sprintf("(p.marks & %d) <> 0", mark) }
	switch q.Finding {
	case "":
	case hub.RuleLate:
		add("p.late < %s", look)
	case hub.RuleSecond:
		add(marked(hub.MarkSecond))
	case hub.FindingNoLetter:
		add("p.late < %s AND NOT "+marked(hub.MarkLetter), look)
	case hub.FindingLateLetter:
		add("p.late < %s AND "+marked(hub.MarkTardy), look)
	case hub.FindingLetterDue:
		add("p.late >= %s AND p.late < %s AND NOT "+marked(hub.MarkLetter), look, letter)
	case hub.FindingUndelivered:
		add(marked(hub.MarkWaits))
	case hub.FindingForeseen:
		add("p.foreseen < %s AND p.late >= %s", look, look)
	case hub.FindingOutOfOrder:
		add(marked(hub.MarkOutOfOrder))
	case hub.FindingUnknownWord:
		add(marked(hub.MarkUnknown))
	default:
		add("1 = 0")
	}
}

func timelinessTerms(wanted []hub.Timeliness, look, soon int64) (terms []string, values []any) {
	begun := fmt.Sprintf("(p.marks & %d) <> 0", hub.MarkBegun)
	for _, t := range wanted {
		switch t {
		case hub.Overdue:
			terms, values = append(terms, "p.late < %s"), append(values, look)
		case hub.DueSoon:
			terms, values = append(terms, "p.late >= %s AND p.late < %s"), append(values, look, soon)
		case hub.InTime:
			terms, values = append(terms, begun+" AND p.late >= %s"), append(values, soon)
		case hub.NoDeadline:
			terms = append(terms, "NOT "+begun)
		}
	}
	return terms, values
}
