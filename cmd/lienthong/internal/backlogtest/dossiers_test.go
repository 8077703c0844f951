package backlogtest

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/hubproc"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/calendar"
	"github.com/lienthong/lienthong/hub/hubtest/server"
)

// yearOfDossiers is a year of so many dossiers, at so many boxes of a site: 19 of 20 have
// ended, one of ten late. The first box has a seventh of all, as the centre of a province has.
type yearOfDossiers struct{ n, units, year int }

// fill has the database make the year by itself, with what is kept of each dossier.
func (y yearOfDossiers) fill(b testing.TB, db *sql.DB, basis string) {
	b.Helper()
	const day = int64(86_400_000_000) // microseconds
	begin := time.Date(y.year, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
	never := "9223372036854775807"
	from := fmt.Sprintf(`FROM (WITH RECURSIVE counted(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM counted WHERE n < %d)
		SELECT n, 'd' || (10000000 + n) AS id, 'box-' || CASE WHEN n %% 7 = 3 THEN 0 ELSE n %% %d END AS unit, %d + (n * CAST(%d AS bigint)) AS received, CASE WHEN n %% 20 = 7 THEN 1 ELSE 0 END AS running, CASE WHEN n %% 10 = 3 THEN 6 ELSE 2 END AS took FROM counted) x`,
		y.n-1, y.units, begin, 360*day/int64(y.n))
	body := `'{"id":"' || id || '","number":"' || id || '","unit":"' || unit || '","unit_name":"Đơn vị","day":"YEAR-03-02","sequence":1,"procedure":{"code":"1.001","version":1,"name":"Đăng ký khai sinh","limit":{"amount":4,"unit":"working_days"}},` +
		`"channel":"online","received_at":"YEAR-03-02T01:00:00Z","parties":["' || unit || '"],"status":9,"local_status":"","version":2,"last_event_sha256":"` + strings.Repeat("0", 64) + `"}'`
	event := func(seq int, act string, status int, at string) string {
		return fmt.Sprintf(`'{"seq":%d,"act":"%s","at":"%s","agency":"' || unit || '","agency_name":"Đơn vị","by":"x","recorded_at":"%[3]s","status":%d,"previous_sha256":"%s","note":"n"}'`, seq, act, at, status, strings.Repeat("0", 64))
	}
	end := fmt.Sprintf("received + took * %d", day)
	ended := "CASE WHEN running = 1 THEN " + never + " ELSE " + end + " END"
	late := fmt.Sprintf("CASE WHEN running = 1 THEN received + %d WHEN took = 6 THEN received ELSE %s END", 5*day, never)
	for _, text := range []string{
		"INSERT INTO dossiers (id, number, unit, day, sequence, key, received, ended, body, counted, counted_version) SELECT id, id, unit, 'YEAR-03-02', n, '', received, " + ended + ", " + body + ", '" + basis + "', 2 " + from,
		"INSERT INTO dossier_parties (agency, dossier, open, status, late, foreseen, marks) SELECT unit, id, running = 1, 9, " + late + ", " + never + ", 64 " + from,
		"INSERT INTO dossier_events (dossier, seq, body) SELECT id, 1, " + event(1, "accept", 2, "YEAR-03-02T01:00:00Z") + " " + from,
		"INSERT INTO dossier_events (dossier, seq, body) SELECT id, 2, " + event(2, "result", 9, "YEAR-03-04T01:00:00Z") + " " + from,
		"INSERT INTO dossier_facts SELECT id, received, CASE WHEN running = 1 THEN " + never + " ELSE " + end + " END, unit, '1.00' || (n % 40), 'online', received, " + never + ", received + " + strconv.FormatInt(5*day, 10) + ", 0, 1, 0, 0, 0 " + from,
		"INSERT INTO dossier_facts SELECT id, " + end + ", " + never + ", unit, '1.00' || (n % 40), 'online', received, " + end + ", " + late + ", 0, 1, 0, 480, 1920 " + from + " WHERE running = 0",
	} {
		if _, err := db.ExecContext(b.Context(), strings.ReplaceAll(text, "YEAR", strconv.Itoa(y.year))); err != nil {
			b.Fatal(err)
		}
	}
}

// start is a hub that has the year, and its operator.
func (y yearOfDossiers) start(tb testing.TB, e engines) (*hubproc.Process, *hubclient.Client) {
	tb.Helper()
	s := newSite(tb, e.empty(tb), y.units)
	driver, at := "pgx", s.settings.Database
	if at == "" { // a fill that a crash takes is made again
		driver, at = "sqlite", "file:"+filepath.Join(s.dir, "hub.db")+"?_pragma=cache_size(-1000000)&_pragma=synchronous(off)&_pragma=wal_autocheckpoint(100000)"
	}
	db, err := sql.Open(driver, at)
	if err != nil {
		tb.Fatal(err)
	}
	years, err := calendar.Shipped()
	if err != nil {
		tb.Fatal(err)
	}
	began := time.Now()
	y.fill(tb, db, hub.WorkingTime{Calendar: hub.NewCalendar(years...)}.Basis())
	tidy := "ANALYZE"
	if driver == "pgx" { // as autovacuum leaves it
		tidy = "VACUUM ANALYZE"
	}
	if _, err := db.ExecContext(tb.Context(), tidy); err != nil {
		tb.Fatal(err)
	}
	if err := db.Close(); err != nil {
		tb.Fatal(err)
	}
	tb.Logf("%d dossiers in %s", y.n, time.Since(began).Round(time.Second))
	process := s.start(tb)
	key, err := process.OperatorKey()
	if err != nil {
		tb.Fatal(err)
	}
	return process, client(tb, process.URL, key)
}

// period is the whole year.
func (y yearOfDossiers) period() hub.Period { return hub.Period(strconv.Itoa(y.year)) }

// leader is a system that may see the figures of the whole province.
func leader(tb testing.TB, at string, operator *hubclient.Client) *hubclient.Client {
	tb.Helper()
	issued, err := operator.IssueKey(tb.Context(), hubclient.NewKey{
		Name: "leader", Kind: hub.ActorSystem, Agencies: []string{senderCode}, Scopes: []hub.Scope{hub.ScopeRead, hub.ScopeFigures},
	})
	if err != nil {
		tb.Fatal(err)
	}
	return client(tb, at, issued.Secret)
}

// evaluated runs an evaluation of the province to its end.
func (y yearOfDossiers) evaluated(tb testing.TB, c *hubclient.Client) hubclient.Evaluation {
	tb.Helper()
	q := hubclient.EvaluationQuery{Agency: senderCode, Table: "qd766", Period: y.period()}
	if _, err := c.Evaluate(tb.Context(), q); err != nil {
		tb.Fatal(err)
	}
	for deadline := time.Now().Add(server.Patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		e, err := c.Evaluation(tb.Context(), q)
		if err == nil && e.Run == nil {
			return e
		}
		if err != nil && hub.KindOf(err) != hub.KindNotFound || err == nil && e.Run.Error != "" {
			tb.Fatal(err, e.Run)
		}
	}
	tb.Fatal("the evaluation did not end")
	return hubclient.Evaluation{}
}

// TestAYearOfDossiers: a year that a database made by itself is counted whole, as a province
// and unit by unit, by a hub that was started upon it, and lies on its pages.
func TestAYearOfDossiers(t *testing.T) {
	y := yearOfDossiers{n: 2000, units: 40, year: 2025}
	for _, e := range bothEngines() {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			process, operator := y.start(t, e)
			c := leader(t, process.URL, operator)
			scored := y.evaluated(t, c)
			f, err := c.DossierFigures(t.Context(), hubclient.DossierFigureQuery{Agency: senderCode, Period: y.period(), Under: true})
			if err != nil || f.Total != y.n || scored.Facts["all"] != strconv.Itoa(y.n) || scored.Facts["late"] != strconv.Itoa(f.Late) || f.Late == 0 || f.Pending || len(scored.Units) != y.units {
				t.Errorf("%+v, %v, %v, %d units", f.DossierCount, err, scored.Facts, len(scored.Units))
			}
			clerk := signIn(t, process.URL, operator, "mot.cua", hub.AgencyID(boxID(3)), hub.RoleClerk)
			if text := clerk.get("/dossiers?all=1"); !strings.Contains(text, "d10001923") || strings.Contains(text, "d10001963") {
				t.Errorf("the page of box 3 has not what is its, or what is another's")
			}
		})
	}
}

// page is one that is asked for, by what it is.
type page struct{ name, path string }

var (
	// ofUnits are the pages of a clerk.
	ofUnits = []page{
		{"open", "/dossiers"}, {"all", "/dossiers?all=1"}, {"overdue", "/dossiers?stands=overdue"},
		{"no-letter", "/dossiers?all=1&finding=no_letter"}, {"late-letter", "/dossiers?all=1&finding=late_letter"}, {"new", "/dossiers/new"},
	}
	// ofLeaders are those of a leader of the province.
	ofLeaders = []page{
		{"evaluation", "/evaluations?table=qd766"}, {"evaluation-of-a-unit", "/evaluations?table=qd766&agency=box-7"},
		{"evaluation-of-the-busy-unit", "/evaluations?table=qd766&agency=box-0"}, {"behind-a-score", "/evaluations/dossiers?table=qd766&measure=late"},
		{"behind-a-score-of-a-unit", "/evaluations/dossiers?table=qd766&agency=box-7&measure=late"}, {"behind-a-score-of-the-busy-unit", "/evaluations/dossiers?table=qd766&agency=box-0&measure=late"},
	}
)

// BenchmarkDossiers: what clerks of a unit and leaders wait for in a year of dossiers at 300
// units, and the evaluation of the province. LIENTHONG_BENCH_DOSSIERS says how many.
func BenchmarkDossiers(b *testing.B) {
	n, err := strconv.Atoi(os.Getenv("LIENTHONG_BENCH_DOSSIERS"))
	if err != nil {
		n = 20_000
	}
	y := yearOfDossiers{n, 300, time.Now().Year()}
	for _, e := range bothEngines() {
		b.Run(fmt.Sprintf("%s/%d", e.name, n), func(b *testing.B) {
			process, operator := y.start(b, e)
			c := leader(b, process.URL, operator)
			usual := signIn(b, process.URL, operator, "mot.cua", hub.AgencyID(boxID(7)), hub.RoleClerk)
			busy := signIn(b, process.URL, operator, "trung.tam", hub.AgencyID(boxID(0)), hub.RoleClerk)
			chief := signIn(b, process.URL, operator, "lanh.dao", "h47", hub.RoleLeader)
			for b.Loop() {
				began := time.Now()
				y.evaluated(b, c)
				b.ReportMetric(time.Since(began).Seconds(), "evaluation-s")
				began = time.Now()
				if _, err := c.DossierFigures(b.Context(), hubclient.DossierFigureQuery{Agency: senderCode, Period: y.period(), Under: true}); err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(time.Since(began).Seconds()*1e3, "figures-of-the-province-ms")
				show := func(who *clerk, prefix string, pages ...page) {
					for _, p := range pages {
						var took []time.Duration
						for range 40 {
							began := time.Now()
							who.get(p.path)
							took = append(took, time.Since(began))
						}
						b.ReportMetric(percentile(took, 0.5), prefix+p.name+"-p50-ms")
						b.ReportMetric(percentile(took, 0.95), prefix+p.name+"-p95-ms")
					}
				}
				show(usual, "unit-", append(ofUnits, page{"one", "/dossiers/d10000007"})...)
				show(busy, "busy-unit-", append(ofUnits, page{"one", "/dossiers/d10000003"})...)
				show(chief, "province-", ofLeaders...)
			}
		})
	}
}
