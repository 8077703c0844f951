package historytest

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/directory"
	"github.com/lienthong/lienthong/hub/dossiers"
	"github.com/lienthong/lienthong/hub/evaluation"
	"github.com/lienthong/lienthong/hub/hubtest"
)

// desked is a store of dossiers.
type desked interface {
	dossiers.Store
	dossiers.Counts
	evaluation.Feedbacks
}

// yearOfDossiers is a year of so many dossiers at the units of a province: 19 of 20 have ended,
// one of ten late.
type yearOfDossiers struct{ n, units int }

// fill has the database make the year by itself, with what is kept of each dossier.
func (y yearOfDossiers) fill(b testing.TB, db *sql.DB, basis string) {
	b.Helper()
	const day = int64(86_400_000_000) // microseconds
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
	never := "9223372036854775807"
	from := fmt.Sprintf(`FROM (WITH RECURSIVE counted(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM counted WHERE n < %d)
		SELECT n, 'd' || (10000000 + n) AS id, 'a' || (n %% %d) AS unit, %d + (n * CAST(%d AS bigint)) AS received, CASE WHEN n %% 20 = 7 THEN 1 ELSE 0 END AS running, CASE WHEN n %% 10 = 3 THEN 6 ELSE 2 END AS took FROM counted) x`,
		y.n-1, y.units, begin, 360*day/int64(y.n))
	body := `'{"id":"' || id || '","number":"' || id || '","unit":"' || unit || '","unit_name":"Đơn vị","day":"2026-03-02","sequence":1,"procedure":{"code":"1.001","version":1,"name":"Đăng ký khai sinh","limit":{"amount":4,"unit":"working_days"}},` +
		`"channel":"online","received_at":"2026-03-02T01:00:00Z","parties":["' || unit || '"],"status":9,"local_status":"","version":2,"last_event_sha256":"` + strings.Repeat("0", 64) + `"}'`
	event := func(seq int, act string, status int, at string) string {
		return fmt.Sprintf(`'{"seq":%d,"act":"%s","at":"%s","agency":"' || unit || '","agency_name":"Đơn vị","by":"x","recorded_at":"%[3]s","status":%d,"previous_sha256":"%s","note":"n"}'`, seq, act, at, status, strings.Repeat("0", 64))
	}
	end := fmt.Sprintf("received + took * %d", day)
	ended := "CASE WHEN running = 1 THEN " + never + " ELSE " + end + " END"
	late := fmt.Sprintf("CASE WHEN running = 1 THEN received + %d WHEN took = 6 THEN received ELSE %s END", 5*day, never)
	for _, text := range []string{
		"INSERT INTO dossiers (id, number, unit, day, sequence, key, received, ended, body, counted, counted_version) SELECT id, id, unit, '2026-03-02', n, '', received, " + ended + ", " + body + ", '" + basis + "', 2 " + from,
		"INSERT INTO dossier_parties (agency, dossier, open, status, late, foreseen, marks) SELECT unit, id, running = 1, 9, " + late + ", " + never + ", 64 " + from,
		"INSERT INTO dossier_events (dossier, seq, body) SELECT id, 1, " + event(1, "accept", 2, "2026-03-02T01:00:00Z") + " " + from,
		"INSERT INTO dossier_events (dossier, seq, body) SELECT id, 2, " + event(2, "result", 9, "2026-03-04T01:00:00Z") + " " + from,
		"INSERT INTO dossier_facts SELECT id, received, CASE WHEN running = 1 THEN " + never + " ELSE " + end + " END, unit, '1.00' || (n % 40), 'online', received, " + never + ", received + " + strconv.FormatInt(5*day, 10) + ", 0, 1, 0, 0, 0 " + from,
		"INSERT INTO dossier_facts SELECT id, " + end + ", " + never + ", unit, '1.00' || (n % 40), 'online', received, " + end + ", " + late + ", 0, 1, 0, 480, 1920 " + from + " WHERE running = 0",
	} {
		if _, err := db.ExecContext(b.Context(), text); err != nil {
			b.Fatal(err)
		}
	}
	if _, err := db.ExecContext(b.Context(), "ANALYZE"); err != nil {
		b.Fatal(err)
	}
}

// offices are the services upon a store that was filled.
func (y yearOfDossiers) offices(b testing.TB, engine string) (*dossiers.Service, *evaluation.Service) {
	b.Helper()
	found, db := openFigures(b, engine)
	store, ok := found.(desked)
	if !ok {
		b.Fatal("the store keeps no dossiers")
	}
	days := hub.NewCalendar()
	began := time.Now()
	y.fill(b, db, hub.WorkingTime{Calendar: days}.Basis())
	b.Logf("%d dossiers in %s", y.n, time.Since(began).Round(time.Second))
	tree := directory.New(directory.Options{Store: provinceOf(y.units), Now: time.Now, NewID: func() string { return "" }})
	if err := tree.Load(b.Context()); err != nil {
		b.Fatal(err)
	}
	now := func() time.Time { return time.Date(2026, 12, 31, 1, 0, 0, 0, time.UTC) }
	desk := dossiers.New(dossiers.Options{Store: store, Counts: store, Directory: tree, Calendar: func() *hub.Calendar { return days }, Now: now, Log: slog.New(slog.DiscardHandler)})
	world := hubtest.NewWorld()
	return desk, evaluation.New(evaluation.Options{Notes: world, Dossiers: store, Desk: desk, Feedbacks: store, Procedures: noProcedures{}, Directory: tree, Now: now, Log: slog.New(slog.DiscardHandler)})
}

// evaluated runs an evaluation of the province to its end.
func evaluated(b testing.TB, s *evaluation.Service, leader hub.Actor) hub.Evaluation {
	b.Helper()
	key := hub.EvaluationKey{Agency: "a0", Table: "qd766", Period: "2026"}
	if _, err := s.Start(b.Context(), leader, key); err != nil {
		b.Fatal(err)
	}
	if err := s.Work(b.Context()); err != nil {
		b.Fatal(err)
	}
	e, err := s.Show(b.Context(), leader, key)
	if err != nil || e.Run != nil {
		b.Fatal(err, e.Run)
	}
	return e
}

func leaderOf(agencies ...hub.AgencyID) hub.Actor {
	leader := hubtest.System(agencies...)
	leader.Scopes = hub.Scopes()
	return leader
}

// TestFilledDossiers: a year that the database made by itself is counted whole, as a province
// and unit by unit.
func TestFilledDossiers(t *testing.T) {
	y := yearOfDossiers{n: 2000, units: 160}
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			desk, scores := y.offices(t, engine)
			e := evaluated(t, scores, leaderOf("a0"))
			f, err := desk.Figures(t.Context(), leaderOf("a0"), hub.DossierFigureQuery{Unit: "a0", Period: "2026", Under: true})
			if err != nil || f.Total != y.n || e.Facts["all"] != strconv.Itoa(y.n) || e.Facts["late"] != strconv.Itoa(f.Late) || f.Pending || len(e.Units) != y.units-1 {
				t.Errorf("%+v, %v, %v, %d units", f.DossierCount, err, e.Facts, len(e.Units))
			}
			list, err := desk.Counted(t.Context(), leaderOf("a0"), hub.DossierFigureQuery{Unit: "a3", Period: "2026", Measure: hub.DossiersLate})
			if err != nil || len(list.Items) == 0 {
				t.Errorf("%d late ones are listed, %v", len(list.Items), err)
			}
		})
	}
}

// BenchmarkDossiers: what pages of units and leaders wait for, and the evaluation of a province.
// LIENTHONG_BENCH_DOSSIERS says over how many dossiers, at 300 units and in a year.
func BenchmarkDossiers(b *testing.B) {
	n, err := strconv.Atoi(os.Getenv("LIENTHONG_BENCH_DOSSIERS"))
	if err != nil {
		n = 20_000
	}
	for _, engine := range []string{"sqlite", "postgres"} {
		b.Run(engine, func(b *testing.B) {
			desk, scores := yearOfDossiers{n, 300}.offices(b, engine)
			leader, clerk := leaderOf("a0"), leaderOf("a200")
			of := hub.DossierFigureQuery{Unit: "a200", Period: "2026"}
			for name, ask := range map[string]func() error{
				"list open": func() error {
					_, err := desk.List(b.Context(), clerk, hub.DossierQuery{Agency: "a200", Open: true})
					return err
				},
				"list late": func() error {
					_, err := desk.List(b.Context(), clerk, hub.DossierQuery{Agency: "a200", Finding: hub.FindingNoLetter})
					return err
				},
				"list of what is not there": func() error {
					_, err := desk.List(b.Context(), clerk, hub.DossierQuery{Agency: "a200", Finding: hub.FindingLateLetter})
					return err
				},
				"figures of a unit": func() error { _, err := desk.Figures(b.Context(), clerk, of); return err },
				"dossiers behind a unit": func() error {
					of := of
					of.Measure = hub.DossiersLate
					_, err := desk.Counted(b.Context(), clerk, of)
					return err
				},
				"figures of the province": func() error {
					_, err := desk.Figures(b.Context(), leader, hub.DossierFigureQuery{Unit: "a0", Period: "2026", Under: true})
					return err
				},
			} {
				b.Run(name, func(b *testing.B) {
					for b.Loop() {
						if err := ask(); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
			b.Run("evaluation of the province", func(b *testing.B) {
				for b.Loop() {
					evaluated(b, scores, leader)
				}
			})
			b.Run("page of the evaluation", func(b *testing.B) {
				for b.Loop() {
					if _, err := scores.Show(b.Context(), leader, hub.EvaluationKey{Agency: "a0", Table: "qd766", Period: "2026"}); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}

// noProcedures is an empty catalogue.
type noProcedures struct{}

// Versions implements evaluation.Procedures.
func (noProcedures) Versions(context.Context, string) ([]hub.ProcedureVersion, error) {
	return nil, hub.Errorf(hub.KindNotFound, "code", "", "none")
}
