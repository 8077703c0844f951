package sqlite

import (
	"context"
	"database/sql"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

// FigureProgress tells how far the log was counted, and where it ends.
func (s *Store) FigureProgress(ctx context.Context) (hub.FigureProgress, int64, error) {
	p, err := one(ctx, s.reader, "progress", func(rows *sql.Rows) (p hub.FigureProgress, err error) {
		var at, trafficAt int64
		err = rows.Scan(&p.Version, &p.Place, (*string)(&p.Day), &at, &p.Traffic, &trafficAt)
		p.At, p.TrafficAt = sqlkit.Time(at), sqlkit.Time(trafficAt)
		return p, err
	}, "SELECT version, place, day, at, traffic, traffic_at FROM figure_progress")
	if err != nil {
		return p, 0, err
	}
	ends, err := collect(ctx, s.reader, scanEnd, "SELECT number, size FROM log_shards ORDER BY number DESC LIMIT 1")
	if err != nil || len(ends) == 0 {
		return p, 0, err
	}
	return p, ends[0], nil
}

// FigureEntries is LogFrom with what figures need of each evidence alone: when what
// happened to which delivery, ids and indexes of the recipients, reasons and tasks.
func (s *Store) FigureEntries(ctx context.Context, place int64, limit int) ([]hub.PlacedEvidence, error) {
	shard, index := sqlkit.SplitPlace(place)
	return collect(ctx, s.reader, sqlkit.ScanCounted, `SELECT l.shard, l.idx, e.canonical FROM log_entries l LEFT JOIN evidences e ON e.id = l.source
		WHERE (l.shard, l.idx) >= (?, ?) ORDER BY l.shard, l.idx LIMIT ?`, shard, index, limit)
}

// FigureSources returns what figures need of dispatches; those that are not there are left
// out.
func (s *Store) FigureSources(ctx context.Context, ids []hub.DispatchID) ([]hub.FigureSource, error) {
	wanted := list(ids)
	sources, err := collect(ctx, s.reader, sqlkit.ScanFigureSource[*sql.Rows], "SELECT "+sqlkit.FigureSourceColumns+" FROM dispatches d WHERE d.id IN (SELECT value FROM json_each(?))", wanted)
	if err != nil {
		return nil, err
	}
	deliveries, err := collect(ctx, s.reader, sqlkit.ScanFigureDelivery[*sql.Rows], "SELECT dispatch, position, id FROM deliveries WHERE dispatch IN (SELECT value FROM json_each(?))", wanted)
	sqlkit.NameDeliveries(sources, deliveries)
	return sources, err
}

// FigureFacts returns the facts that keys name; those that are not there are left out.
func (s *Store) FigureFacts(ctx context.Context, keys []hub.FactsKey) ([]hub.DeliveryFacts, error) {
	wanted, err := sqlkit.Encode(keys)
	if err != nil {
		return nil, err
	}
	return collect(ctx, s.reader, scanBody[hub.DeliveryFacts], `SELECT f.body FROM json_each(?) k CROSS JOIN figure_facts f ON f.dispatch = k.value ->> 'Dispatch'
		WHERE f.position = k.value ->> 'Position' OR k.value ->> 'Position' = -1 AND f.recipient = k.value ->> 'Recipient'`, wanted)
}

// FigureFactsDue returns facts of which something runs out before a day.
func (s *Store) FigureFactsDue(ctx context.Context, before hub.Date, limit int) ([]hub.DeliveryFacts, error) {
	return collect(ctx, s.reader, scanBody[hub.DeliveryFacts], "SELECT body FROM figure_facts WHERE runs_out < ? ORDER BY runs_out LIMIT ?", string(before), limit)
}

// The statements of a step.
func addFigures() string {
	return "INSERT INTO figures (" + sqlkit.FigureKey + ", " + sqlkit.TallyColumns("%[1]s") + ") VALUES (?, ?, ?, ?, ?, ?, " + sqlkit.TallyColumns("?%.0[1]s") +
		") ON CONFLICT DO UPDATE SET " + sqlkit.TallyColumns("%[1]s = %[1]s + excluded.%[1]s")
}

const (
	saveFacts = `INSERT INTO figure_facts (dispatch, position, delivery, sender, recipient, day, kind, measures, reason, runs_out, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET measures = excluded.measures, reason = excluded.reason, runs_out = excluded.runs_out, body = excluded.body`
	addRefusal = `INSERT INTO figure_refusals (agency, kind, period, side, reason, count, own) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET count = count + excluded.count, own = own + excluded.own`
	addHour = "INSERT INTO traffic (hour, class, count) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count"
)

// SaveFigures records a step of counting.
func (s *Store) SaveFigures(ctx context.Context, step hub.FigureStep) error {
	facts := make([][]any, len(step.Facts))
	for i := range step.Facts {
		var err error
		if facts[i], err = sqlkit.FactsValues(&step.Facts[i]); err != nil {
			return err
		}
	}
	add := addFigures()
	return s.do(ctx, 2+len(step.Facts)+len(step.Rows)+len(step.Reasons)+len(step.Hours), func(t *tx) error {
		n, err := t.change("UPDATE figure_progress SET version = version + 1, place = ?, day = ?, at = ?, traffic = ?, traffic_at = ? WHERE version = ?",
			step.Next.Place, string(step.Next.Day), sqlkit.Micros(step.Next.At), step.Next.Traffic, sqlkit.Micros(step.Next.TrafficAt), step.Version)
		if err == nil && n == 0 {
			err = sqlkit.FiguresMoved()
		}
		for i := 0; i < len(facts) && err == nil; i++ {
			err = t.exec(saveFacts, facts[i]...)
		}
		for i := 0; i < len(step.Rows) && err == nil; i++ {
			err = t.exec(add, sqlkit.FigureValues(&step.Rows[i])...)
		}
		for i := 0; i < len(step.Reasons) && err == nil; i++ {
			r := &step.Reasons[i]
			err = t.exec(addRefusal, string(r.Agency), r.Kind, string(r.Period), string(r.Side), string(r.Reason), r.Count, r.Own)
		}
		for i := 0; i < len(step.Hours) && err == nil; i++ {
			err = t.exec(addHour, sqlkit.HourValues(&step.Hours[i])...)
		}
		if err == nil && !step.Since.IsZero() {
			err = t.exec("DELETE FROM traffic WHERE hour < ?", sqlkit.Micros(step.Since))
		}
		return failed("save figures", err)
	})
}

// TrafficHours returns what was counted of the hours from an instant on, in any order.
func (s *Store) TrafficHours(ctx context.Context, since time.Time) ([]hub.HourCount, error) {
	return collect(ctx, s.reader, sqlkit.ScanHour[*sql.Rows], "SELECT hour, class, count FROM traffic WHERE hour >= ?", sqlkit.Micros(since))
}

// ForgetFigures removes all figures, so that they are counted anew from the beginning of
// the log. The traffic stays.
func (s *Store) ForgetFigures(ctx context.Context) error {
	return s.do(ctx, maxRows, func(t *tx) error {
		for _, statement := range []string{
			"DELETE FROM figure_facts", "DELETE FROM figures", "DELETE FROM figure_refusals",
			"UPDATE figure_progress SET version = version + 1, place = 0, day = '', at = 0",
		} {
			if err := t.exec(statement); err != nil {
				return failed("forget figures", err)
			}
		}
		return nil
	})
}

// The rows that a query selects.
const figuresWhere = " WHERE agency = ? AND kind = ? AND period IN (SELECT value FROM json_each(?))"

func figureArgs(q *hub.FigureQuery) []any { return []any{string(q.Agency), q.Kind, list(q.Periods)} }

// FiguresByUnit sums up the periods of a query by side, unit and level.
func (s *Store) FiguresByUnit(ctx context.Context, q hub.FigureQuery) ([]hub.FigureRow, error) {
	return collect(ctx, s.reader, sqlkit.ScanUnit[*sql.Rows],
		"SELECT side, unit, level, "+sqlkit.TallyColumns("sum(%[1]s)")+" FROM figures"+figuresWhere+" GROUP BY side, unit, level", figureArgs(&q)...)
}

// FiguresByPeriod sums up a query by side and period.
func (s *Store) FiguresByPeriod(ctx context.Context, q hub.FigureQuery) ([]hub.FigureRow, error) {
	return collect(ctx, s.reader, sqlkit.ScanPeriod[*sql.Rows],
		"SELECT side, period, "+sqlkit.TallyColumns("sum(%[1]s)")+" FROM figures"+figuresWhere+" GROUP BY side, period", figureArgs(&q)...)
}

// Refusals sums up refusals by side and reason.
func (s *Store) Refusals(ctx context.Context, q hub.FigureQuery) ([]hub.RefusalRow, error) {
	return collect(ctx, s.reader, func(rows *sql.Rows) (r hub.RefusalRow, err error) {
		err = rows.Scan((*string)(&r.Side), (*string)(&r.Reason), &r.Count, &r.Own)
		return r, err
	}, "SELECT side, reason, sum(count), sum(own) FROM figure_refusals"+figuresWhere+" GROUP BY side, reason HAVING sum(count) > 0 ORDER BY side, reason", figureArgs(&q)...)
}

// Counted lists the deliveries behind a number, by day.
func (s *Store) Counted(ctx context.Context, q hub.CountedQuery) (hub.List[hub.Item], error) {
	var found hub.List[hub.Item]
	text, args, err := countedQuery(&q)
	if err != nil {
		return found, err
	}
	found.Items, err = items(ctx, free{s.reader.db}, s.reader, text, args...)
	found.Items, found.Next = sqlkit.Cut(found.Items, q.Page.Limit, sqlkit.CountedCursor)
	return found, err
}

func countedQuery(q *hub.CountedQuery) (string, []any, error) {
	after, err := sqlkit.ParseCountedCursor(q.Page)
	if err != nil {
		return "", nil, err
	}
	party := "f.recipient"
	if q.Side == hub.SideSent {
		party = "f.sender"
	}
	var c condition
	first, end := sqlkit.CountedDays(q.Period)
	marks := int64(q.Side.Marks(q.Measure))
	c.add(party+" = ? AND f.day >= ? AND f.day < ?", string(q.Agency), first, end)
	if q.Reason != "" { // only what was refused has one
		c.add("f.reason = ?", string(q.Reason))
	} else {
		c.add("f.measures & ? = ?", marks, marks)
	}
	if q.Kind != "" {
		c.add("f.kind = ?", q.Kind)
	}
	if after != nil {
		c.add("(f.day, f.dispatch, f.position) > (?, ?, ?)", after.Day, after.Dispatch, after.Position)
	}
	// The index says which they are; the rows of these alone are read.
	return "SELECT " + deliveryColumns + ` FROM (SELECT f.day, f.dispatch, f.position FROM figure_facts f` +
			c.where() + ` ORDER BY f.day, f.dispatch, f.position LIMIT ?) f
			CROSS JOIN figure_facts b ON b.dispatch = f.dispatch AND b.position = f.position CROSS JOIN deliveries v ON v.id = b.delivery ORDER BY f.day, f.dispatch, f.position`,
		append(c.args, q.Page.Limit+1), nil
}
