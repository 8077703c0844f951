package historytest

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/directory"
	"github.com/lienthong/lienthong/hub/figures"
	"github.com/lienthong/lienthong/hub/hubtest/server"
	"github.com/lienthong/lienthong/storage/postgres"
	"github.com/lienthong/lienthong/storage/sqlite"
)

// yearOf is a year with n dispatches to one recipient each, between the agencies of a
// provinceOf: a formula, so that a database makes its figures by itself, and counting
// evidence makes the same. One agency, large, sends a seventh of all and receives another.
type yearOf struct{ n, agencies int }

const large = hub.AgencyID("a1")

const (
	firstDay  = "2026-01-01"
	wholeYear = 365
	fates     = 60 // of which most are waiting
	fillStep  = 500_000
)

func kindsOfYear() []string { return hub.KindKeys()[:5] }

// events of the deliveries that came to an end, by their place in fates.
func fateOf(n int) hub.Event {
	return map[int]hub.Event{
		53: hub.EventContentConsignment, 54: hub.EventContentHandover, 55: hub.EventConsignmentAcceptance, 56: hub.EventConsignmentRejection,
		57: hub.EventAcceptanceRejectionExpiry, 58: hub.EventWithdrawal, 59: hub.EventRelayRejection,
	}[n]
}

// facts are those of dispatch i when all is counted on the last day of the year.
func (y yearOf) facts(i int) hub.DeliveryFacts {
	at, _ := time.Parse(time.DateOnly, firstDay)
	at = at.AddDate(0, 0, i*wholeYear/y.n).Add(time.Hour)
	f := hub.DeliveryFacts{
		Dispatch: hub.DispatchID(fmt.Sprint("d", 10_000_000+i)), Delivery: hub.DeliveryID(fmt.Sprint("v", 10_000_000+i)),
		Sender: hub.AgencyID(fmt.Sprint("a", 1+i*7919%(y.agencies-1))), Recipient: hub.AgencyID(fmt.Sprint("a", 1+(i*104_729+17)%(y.agencies-1))),
		Kind: kindsOfYear()[i%len(kindsOfYear())], SenderLevel: hub.LevelUnit, RecipientLevel: hub.LevelUnit,
		Leads: true, SentAt: at, Signing: -1, State: hub.StateQueued, Due: "2026-12-30",
	}
	switch i % 7 {
	case 3:
		f.Sender = large
	case 5:
		f.Recipient = large
	}
	for up := upOf(f.Sender); up != ""; up = upOf(up) {
		f.SenderAbove = append(f.SenderAbove, up)
	}
	for up := upOf(f.Recipient); up != ""; up = upOf(up) {
		f.RecipientAbove = append(f.RecipientAbove, up)
	}
	if e := fateOf(i % fates); e != "" {
		f.Take(&hub.Evidence{Event: e, Time: at, Reasons: []hub.Reason{{Code: hub.ReasonIncomplete}}})
	}
	f.Look("2026-12-31")
	return f
}

// body is an expression for the JSON of facts of a fate, g.i being the number of the
// dispatch.
func (y yearOf) body(fate int) string {
	f := y.facts(fate)
	f.Dispatch, f.Delivery, f.Sender, f.Recipient, f.Kind = "{d}", "{v}", "{s}", "{r}", "{k}"
	f.SenderAbove, f.RecipientAbove = []hub.AgencyID{"{su}"}, []hub.AgencyID{"{ru}"}
	text, _ := json.Marshal(&f) //nolint:errchkjson // facts have nothing that fails
	quoted := "'" + strings.ReplaceAll(string(text), "'", "''") + "'"
	return strings.NewReplacer(
		"{d}", "'||g.d||'", "{v}", "'||g.v||'", "{s}", "'||s.id||'", "{r}", "'||r.id||'", "{k}", "'||k.kind||'",
		`"{su}"`, "'||s.above||'", `"{ru}"`, "'||r.above||'", string(hub.Day(f.SentAt))+"T", "'||t.day||'T",
	).Replace(quoted)
}

// fill gives a database the figures of the year, in the language that both have.
func (y yearOf) fill(t testing.TB, db *sql.DB) {
	t.Helper()
	do := func(statement string, args ...any) {
		t.Helper()
		if _, err := db.ExecContext(t.Context(), statement, args...); err != nil {
			t.Fatalf("%v: %.300s", err, statement)
		}
	}
	table := func(name, columns string, rows []string) {
		do("CREATE TABLE " + name + " (" + columns + ")")
		for part := range slices.Chunk(rows, 500) {
			do("INSERT INTO " + name + " VALUES " + strings.Join(part, ", "))
		}
	}
	var days, kinds, fate, agencies, above []string
	begin, _ := time.Parse(time.DateOnly, firstDay)
	for n := range wholeYear {
		days = append(days, fmt.Sprintf("(%d, '%s')", n, begin.AddDate(0, 0, n).Format(time.DateOnly)))
	}
	for n, kind := range kindsOfYear() {
		kinds = append(kinds, fmt.Sprintf("(%d, '%s')", n, kind))
	}
	cases := "CASE g.i % 60"
	for n := range fates {
		f := y.facts(n)
		fate = append(fate, fmt.Sprintf("(%d, %d)", n, f.Marks()))
		if fateOf(n) != "" {
			cases += fmt.Sprintf(" WHEN %d THEN %s", n, y.body(n))
		}
	}
	cases += " ELSE " + y.body(0) + " END"
	for n := 1; n < y.agencies; n++ {
		id := hub.AgencyID(fmt.Sprint("a", n))
		var ups []string
		for up, unit := upOf(id), id; up != ""; up, unit = upOf(up), up {
			ups = append(ups, `"`+string(up)+`"`)
			above = append(above, fmt.Sprintf("('%s', '%s', '%s')", id, up, unit))
		}
		agencies = append(agencies, fmt.Sprintf("(%d, '%s', '%s')", n-1, id, strings.Join(ups, ",")))
	}
	table("fill_days", "n integer PRIMARY KEY, day text", days)
	table("fill_kinds", "n integer PRIMARY KEY, kind text", kinds)
	table("fill_fates", "n integer PRIMARY KEY, marks integer", fate)
	table("fill_agencies", "n integer PRIMARY KEY, id text, above text", agencies)
	table("fill_above", "leaf text, agency text, unit text", above)
	others := y.agencies - 1
	for from := 0; from < y.n; from += fillStep {
		do(fmt.Sprintf(`INSERT INTO figure_facts (dispatch, position, delivery, sender, recipient, day, kind, measures, reason, runs_out, body)
			WITH RECURSIVE n (i) AS (SELECT CAST(%d AS bigint) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < %d),
			g AS (SELECT i, 'd' || (10000000 + i) AS d, 'v' || (10000000 + i) AS v FROM n)
			SELECT g.d, 0, g.v, s.id, r.id, t.day, k.kind, f.marks, CASE WHEN f.marks & %d <> 0 THEN '%s' END, NULL, %s FROM g
			JOIN fill_agencies s ON s.n = CASE g.i %% 7 WHEN 3 THEN 0 ELSE g.i * 7919 %% %d END JOIN fill_agencies r ON r.n = CASE g.i %% 7 WHEN 5 THEN 0 ELSE (g.i * 104729 + 17) %% %d END
			JOIN fill_kinds k ON k.n = g.i %% 5 JOIN fill_fates f ON f.n = g.i %% 60 JOIN fill_days t ON t.n = g.i * %d / %d`,
			from, min(from+fillStep, y.n), hub.MeasureRefused.Mark(), hub.ReasonIncomplete, cases, others, others, wholeYear, y.n))
	}
	y.rollUp(do)
	for _, name := range []string{"fill_days", "fill_kinds", "fill_fates", "fill_agencies", "fill_above"} {
		do("DROP TABLE " + name)
	}
}

// fillDocuments gives a database what the facts of the year are about: a dispatch and a
// delivery for each, which are read when a number is opened.
func (y yearOf) fillDocuments(t testing.TB, db *sql.DB, engine string) {
	t.Helper()
	text := func(v any) string {
		t.Helper()
		body, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return "'" + strings.NewReplacer("'", "''", "{d}", "'||f.dispatch||'", "{v}", "'||f.delivery||'", "{s}", "'||f.sender||'", "{r}", "'||f.recipient||'").Replace(string(body)) + "'"
	}
	at, _ := time.Parse(time.DateOnly, firstDay)
	dispatch := text(&hub.Dispatch{
		ID: "{d}", Sender: "{s}", SenderName: "Đơn vị mẫu {s}", ExternalID: "{d}", Operation: hub.OperationNew, AcceptedAt: at,
		Document: hub.Document{Subject: "V/v đẩy mạnh cải cách hành chính (mẫu)", TypeName: "Công văn", DueDate: "2026-12-30"},
		Parts:    []hub.Part{{ID: "p1", Name: "173-UBND-KSTTHC.pdf", MediaType: "application/pdf", Size: 123_456}},
	})
	delivery := text(&hub.Delivery{
		ID: "{v}", Dispatch: "{d}", Recipient: "{r}", Name: "Đơn vị mẫu {r}", Channel: hub.ChannelPull, State: hub.StateHandedOver, Version: 3,
		UpdatedAt: at, ExpiresAt: at, ConsignedAt: at, HandedOverAt: at,
	})
	columns, values, final := "operation, receipt, external_id", "'new', f.dispatch, f.dispatch", "1"
	if engine == "postgres" {
		columns, values, final = "first_delivery, last_delivery", "f.delivery, f.delivery", "true"
	}
	for from := 0; from < y.n; from += fillStep {
		span := fmt.Sprintf(" FROM figure_facts f WHERE f.dispatch >= 'd%d' AND f.dispatch < 'd%d'", 10_000_000+from, 10_000_000+min(from+fillStep, y.n))
		for _, statement := range []string{
			"INSERT INTO dispatches (id, sender, number, promulgated, search, " + columns + ", body, reports) SELECT f.dispatch, f.sender, f.dispatch, f.day, '', " + values + ", " + dispatch + ", '[]'" + span,
			"INSERT INTO deliveries (id, dispatch, position, recipient, state, version, final, calm, next_attempt, expires_at, body) SELECT f.delivery, f.dispatch, 0, f.recipient, 'handed_over', 3, " + final + ", 1, 0, 0, " + delivery + span,
		} {
			if _, err := db.ExecContext(t.Context(), statement); err != nil {
				t.Fatalf("%v: %.300s", err, statement)
			}
		}
	}
	if engine == "postgres" { // as autovacuum leaves it
		if _, err := db.ExecContext(t.Context(), "VACUUM ANALYZE"); err != nil {
			t.Fatal(err)
		}
	}
}

// rollUp makes the sums of the facts: of each agency by day and by month and kind, of these
// the months of all kinds, and of all that the agencies above have.
func (y yearOf) rollUp(do func(string, ...any)) {
	var names, sums []string
	for _, m := range hub.Measures() {
		names = append(names, string(m))
		sums = append(sums, "sum("+string(m)+")")
	}
	into := "INSERT INTO figures (agency, kind, period, side, unit, level, " + strings.Join(names, ", ") + ") "
	for side, party := range map[hub.Side]string{hub.SideSent: "sender", hub.SideReceived: "recipient"} {
		var bits []string
		for _, m := range hub.Measures() {
			bit := "0" // everything happens at one instant
			if marks := side.Marks(m); marks != 0 {
				bit = fmt.Sprintf("sum(CASE WHEN measures & %[1]d = %[1]d THEN 1 ELSE 0 END)", marks)
			}
			bits = append(bits, bit)
		}
		for _, by := range [][2]string{{"''", "day"}, {"kind", "substr(day, 1, 7)"}} {
			do(into + fmt.Sprintf("SELECT agency, kind, period, '%s', agency, 'unit', %s FROM (SELECT %s AS agency, %s AS kind, %s AS period, measures FROM figure_facts) f GROUP BY agency, kind, period",
				side, strings.Join(bits, ", "), party, by[0], by[1]))
		}
	}
	do(into + "SELECT agency, '', period, side, unit, level, " + strings.Join(sums, ", ") + " FROM figures WHERE kind <> '' GROUP BY agency, period, side, unit, level")
	do(into + "SELECT u.agency, f.kind, f.period, f.side, u.unit, f.level, " + strings.Join(sums, ", ") +
		" FROM figures f JOIN fill_above u ON u.leaf = f.agency GROUP BY u.agency, f.kind, f.period, f.side, u.unit, f.level")
	do("INSERT INTO figure_refusals (agency, kind, period, side, reason, count, own) SELECT agency, kind, period, side, '" + string(hub.ReasonIncomplete) +
		"', sum(refused), sum(CASE WHEN unit = agency THEN refused ELSE 0 END) FROM figures GROUP BY agency, kind, period, side HAVING sum(refused) > 0")
}

// yearLog is the evidence of a year.
type yearLog struct{ yearOf }

// FigureEntries implements figures.Log: of each dispatch its acceptance and its fate.
func (y yearLog) FigureEntries(_ context.Context, place int64, limit int) (list []hub.PlacedEvidence, err error) {
	for ; place < int64(2*y.n) && len(list) < limit; place++ {
		i, zero := int(place/2), 0
		f := y.facts(i)
		e := hub.Evidence{
			Event: hub.EventSubmissionAcceptance, Dispatch: f.Dispatch, Time: f.SentAt, Reasons: []hub.Reason{{Code: hub.ReasonIncomplete}},
			Recipients: []hub.Party{{ID: f.Recipient, Index: &zero}},
		}
		if place%2 == 1 {
			e.Event, e.Delivery = fateOf(i%fates), f.Delivery
		}
		list = append(list, hub.PlacedEvidence{Place: place, Evidence: hub.SealedEvidence{Evidence: e}})
	}
	return list, nil
}

// FigureSources implements figures.Log.
func (y yearLog) FigureSources(_ context.Context, ids []hub.DispatchID) (list []hub.FigureSource, err error) {
	for _, id := range ids {
		var i int
		if _, err := fmt.Sscanf(string(id), "d%d", &i); err != nil {
			return nil, err
		}
		f := y.facts(i - 10_000_000)
		s := hub.FigureSource{Dispatch: id, Sender: f.Sender, AcceptedAt: f.SentAt, DueDate: f.Due, Deliveries: map[int]hub.DeliveryID{0: f.Delivery}}
		for _, name := range hub.DocumentKinds() {
			if hub.KindKey(name) == f.Kind {
				s.TypeName = name
			}
		}
		list = append(list, s)
	}
	return list, nil
}

// atOnce counts a log that is of such a length.
type atOnce struct {
	figures.Store
	end int64
}

// FigureProgress implements figures.Store.
func (s atOnce) FigureProgress(ctx context.Context) (hub.FigureProgress, int64, error) {
	p, _, err := s.Store.FigureProgress(ctx)
	return p, s.end, err
}

// openFigures opens an empty store of an engine, and its database.
func openFigures(t testing.TB, engine string) (counted, *sql.DB) {
	t.Helper()
	var store counted
	var err error
	driver, at := "sqlite", filepath.Join(t.TempDir(), "hub.db")
	if engine == driver {
		store, err = sqlite.Open(t.Context(), sqlite.Options{Path: at, Fatal: func(err error) { panic(err) }})
	} else {
		driver, at = "pgx", server.PostgreSQL(t).Database(t)
		store, err = postgres.Open(t.Context(), postgres.Options{URL: at})
	}
	if err != nil {
		t.Fatal(err)
	}
	if engine == driver { // a fill that a crash takes is made again
		at = "file:" + at + "?_pragma=cache_size(-1000000)&_pragma=synchronous(off)&_pragma=wal_autocheckpoint(100000)"
	}
	db, err := sql.Open(driver, at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return store, db
}

// TestFilledFigures: what a database makes of a year by itself is what counting its evidence
// makes of it, row by row.
func TestFilledFigures(t *testing.T) {
	y := yearOf{n: 3000, agencies: 200}
	tree := directory.New(directory.Options{Store: provinceOf(y.agencies), Now: time.Now, NewID: func() string { return "" }})
	if err := tree.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			store, counts := openFigures(t, engine)
			now := func() time.Time { return time.Date(2026, 12, 31, 1, 0, 0, 0, time.UTC) }
			s := figures.New(figures.Options{Store: atOnce{store, int64(2 * y.n)}, Log: yearLog{y}, Directory: tree, Tree: tree, Now: now})
			if err := s.Count(t.Context()); err != nil {
				t.Fatal(err)
			}
			_, filled := openFigures(t, engine)
			y.fill(t, filled)
			for _, of := range []string{
				"figure_facts ORDER BY dispatch, position", "figure_refusals ORDER BY agency, kind, period, side, reason",
				"figures ORDER BY agency, kind, period, side, unit, level",
			} {
				got, want := rowsOf(t, filled, of), rowsOf(t, counts, of)
				if len(want) == 0 || len(got) != len(want) {
					t.Fatalf("%s: %d rows, counted %d", of, len(got), len(want))
				}
				for i := range want {
					if got[i] != want[i] {
						t.Fatalf("%s, row %d: %s\ncounted %s", of, i, got[i], want[i])
					}
				}
			}
		})
	}
}

// rowsOf are the rows of a table as texts, the columns in the order of their names.
func rowsOf(t *testing.T, db *sql.DB, of string) (list []string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), "SELECT * FROM "+of)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		values, into := make([]sql.NullString, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		row := map[string]string{}
		for i, name := range columns {
			row[name] = values[i].String
		}
		list = append(list, fmt.Sprint(row))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}
