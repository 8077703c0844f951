package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

// FigureProgress tells how far the log was counted, and where it ends.
func (s *Store) FigureProgress(ctx context.Context) (hub.FigureProgress, int64, error) {
	var end int64
	found, err := collect(ctx, s, func(row pgx.CollectableRow) (p hub.FigureProgress, err error) {
		var at, trafficAt, shard, size int64
		err = row.Scan(&p.Version, &p.Place, (*string)(&p.Day), &at, &p.Traffic, &trafficAt, &shard, &size)
		p.At, p.TrafficAt, end = sqlkit.Time(at), sqlkit.Time(trafficAt), sqlkit.Place(shard, size)
		return p, err
	}, `SELECT p.version, p.place, p.day, p.at, p.traffic, p.traffic_at, coalesce(l.number, 0), coalesce(l.size, 0) FROM figure_progress p
		LEFT JOIN (SELECT number, size FROM log_shards ORDER BY number DESC LIMIT 1) l ON true`)
	p, err := first(found, "progress", err)
	return p, end, err
}

// FigureEntries is LogFrom with what figures need of each evidence alone: when what
// happened to which delivery, ids and indexes of the recipients, reasons and tasks.
func (s *Store) FigureEntries(ctx context.Context, place int64, limit int) ([]hub.PlacedEvidence, error) {
	shard, index := sqlkit.SplitPlace(place)
	return collect(ctx, s, sqlkit.ScanCounted, `SELECT l.shard, l.idx, e.canonical FROM log_entries l LEFT JOIN evidences e ON e.id = l.source
		WHERE (l.shard, l.idx) >= ($1, $2) ORDER BY l.shard, l.idx LIMIT $3`, shard, index, limit)
}

// FigureSources returns what figures need of dispatches; those that are not there are left
// out.
func (s *Store) FigureSources(ctx context.Context, ids []hub.DispatchID) ([]hub.FigureSource, error) {
	wanted := texts(ids)
	sources, err := collect(ctx, s, sqlkit.ScanFigureSource[pgx.CollectableRow], "SELECT "+sqlkit.FigureSourceColumns+" FROM dispatches d WHERE d.id = ANY ($1)", wanted)
	if err != nil {
		return nil, err
	}
	// The range of ids spares looking into other months.
	deliveries, err := collect(ctx, s, sqlkit.ScanFigureDelivery[pgx.CollectableRow], `SELECT v.dispatch, v.position, v.id FROM dispatches d
		CROSS JOIN LATERAL (SELECT dispatch, position, id FROM deliveries v WHERE v.dispatch = d.id AND v.id BETWEEN d.first_delivery AND d.last_delivery) v WHERE d.id = ANY ($1)`, wanted)
	sqlkit.NameDeliveries(sources, deliveries)
	return sources, err
}

// FigureFacts returns the facts that keys name; those that are not there are left out.
func (s *Store) FigureFacts(ctx context.Context, keys []hub.FactsKey) ([]hub.DeliveryFacts, error) {
	dispatches, positions, recipients := make([]string, len(keys)), make([]int64, len(keys)), make([]string, len(keys))
	for i, k := range keys {
		dispatches[i], positions[i], recipients[i] = string(k.Dispatch), int64(k.Position), string(k.Recipient)
	}
	return collect(ctx, s, scanBody[hub.DeliveryFacts], `SELECT f.body FROM unnest($1::text[], $2::bigint[], $3::text[]) AS k (dispatch, position, recipient)
		CROSS JOIN LATERAL (SELECT body FROM figure_facts f WHERE f.dispatch = k.dispatch
			AND (f.position = k.position OR k.position = -1 AND f.recipient = k.recipient)) f`, dispatches, positions, recipients)
}

// FigureFactsDue returns facts of which something runs out before a day.
func (s *Store) FigureFactsDue(ctx context.Context, before hub.Date, limit int) ([]hub.DeliveryFacts, error) {
	return collect(ctx, s, scanBody[hub.DeliveryFacts], "SELECT body FROM figure_facts WHERE runs_out < $1 ORDER BY runs_out LIMIT $2", string(before), limit)
}

// saveFigures records a step of counting. What is added hangs on the change of the
// progress, so that a step left out leaves nothing behind. Arguments: four of the progress,
// eleven columns of facts, seven of refusals, three of the traffic with its progress and what is
// forgotten of it, then those of the rows.
func saveFigures() string {
	const before = 4 + 11 + 7 + 6
	types, names := "", ""
	for i := range 6 + len(hub.Tally{}) {
		kind := "bigint"
		if i < 6 {
			kind = "text"
		}
		types += fmt.Sprintf(", $%d::%s[]", before+1+i, kind)
		names += fmt.Sprintf(", c%d", i)
	}
	return `WITH moved AS (UPDATE figure_progress SET version = version + 1, place = $2, day = $3, at = $4, traffic = $26, traffic_at = $27 WHERE version = $1 RETURNING 1),
	facts AS (INSERT INTO figure_facts (dispatch, position, delivery, sender, recipient, day, kind, measures, reason, runs_out, body)
		SELECT * FROM unnest($5::text[], $6::integer[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::integer[], $13::text[], $14::text[], $15::text[])
		WHERE EXISTS (SELECT FROM moved)
		ON CONFLICT (dispatch, position) DO UPDATE SET measures = excluded.measures, reason = excluded.reason, runs_out = excluded.runs_out, body = excluded.body),
	refusals AS (INSERT INTO figure_refusals (agency, kind, period, side, reason, count, own)
		SELECT * FROM unnest($16::text[], $17::text[], $18::text[], $19::text[], $20::text[], $21::bigint[], $22::bigint[])
		WHERE EXISTS (SELECT FROM moved)
		ON CONFLICT (agency, kind, period, side, reason) DO UPDATE SET count = figure_refusals.count + excluded.count, own = figure_refusals.own + excluded.own),
	hours AS (INSERT INTO traffic (hour, class, count) SELECT * FROM unnest($23::bigint[], $24::bigint[], $25::bigint[]) WHERE EXISTS (SELECT FROM moved)
		ON CONFLICT (hour, class) DO UPDATE SET count = traffic.count + excluded.count),
	past AS (DELETE FROM traffic WHERE hour < $28 AND EXISTS (SELECT FROM moved)),
	rolled AS (INSERT INTO figures (` + sqlkit.FigureKey + `, ` + sqlkit.TallyColumns("%[1]s") + `)
		SELECT * FROM unnest(` + types[2:] + `) AS r (` + names[2:] + `) WHERE EXISTS (SELECT FROM moved)
		ON CONFLICT (` + sqlkit.FigureKey + `) DO UPDATE SET ` + sqlkit.TallyColumns("%[1]s = figures.%[1]s + excluded.%[1]s") + `)
	SELECT count(*) FROM moved`
}

// lists returns the columns of rows as arguments of unnest.
func lists(width int, rows [][]any) []any {
	columns := make([]any, width)
	for i := range columns {
		list := make([]any, len(rows))
		for n := range rows {
			list[n] = rows[n][i]
		}
		columns[i] = list
	}
	return columns
}

// SaveFigures records a step of counting.
func (s *Store) SaveFigures(ctx context.Context, step hub.FigureStep) error {
	var facts, rows, refusals, hours [][]any
	for i := range step.Facts {
		values, err := sqlkit.FactsValues(&step.Facts[i])
		if err != nil {
			return err
		}
		facts = append(facts, values)
	}
	for i := range step.Rows {
		rows = append(rows, sqlkit.FigureValues(&step.Rows[i]))
	}
	for i := range step.Reasons {
		r := &step.Reasons[i]
		refusals = append(refusals, []any{string(r.Agency), r.Kind, string(r.Period), string(r.Side), string(r.Reason), r.Count, r.Own})
	}
	for i := range step.Hours {
		hours = append(hours, sqlkit.HourValues(&step.Hours[i]))
	}
	args := []any{step.Version, step.Next.Place, string(step.Next.Day), sqlkit.Micros(step.Next.At)}
	args = append(args, lists(11, facts)...)
	args = append(args, lists(7, refusals)...)
	args = append(args, lists(3, hours)...)
	args = append(args, step.Next.Traffic, sqlkit.Micros(step.Next.TrafficAt), sqlkit.Micros(step.Since))
	args = append(args, lists(6+len(hub.Tally{}), rows)...)
	moved, err := change(ctx, s, "save figures", pgx.RowTo[int64], saveFigures(), args...)
	if n, err := first(moved, "progress", err); err != nil || n == 1 {
		return err
	}
	return sqlkit.FiguresMoved()
}

// TrafficHours returns what was counted of the hours from an instant on, in any order.
func (s *Store) TrafficHours(ctx context.Context, since time.Time) ([]hub.HourCount, error) {
	return collect(ctx, s, sqlkit.ScanHour[pgx.CollectableRow], "SELECT hour, class, count FROM traffic WHERE hour >= $1", sqlkit.Micros(since))
}

// ForgetFigures removes all figures, so that they are counted anew from the beginning of
// the log. The traffic stays.
func (s *Store) ForgetFigures(ctx context.Context) error {
	return s.exec(ctx, "forget figures", `WITH facts AS (DELETE FROM figure_facts), rows AS (DELETE FROM figures), refusals AS (DELETE FROM figure_refusals)
		UPDATE figure_progress SET version = version + 1, place = 0, day = '', at = 0`)
}

const figuresWhere = " WHERE agency = $1 AND kind = $2 AND period = ANY ($3)"

func figureArgs(q *hub.FigureQuery) []any { return []any{string(q.Agency), q.Kind, texts(q.Periods)} }

// FiguresByUnit sums up the periods of a query by side, unit and level.
func (s *Store) FiguresByUnit(ctx context.Context, q hub.FigureQuery) ([]hub.FigureRow, error) {
	return collect(ctx, s, sqlkit.ScanUnit[pgx.CollectableRow],
		"SELECT side, unit, level, "+sqlkit.TallyColumns("sum(%[1]s)::bigint")+" FROM figures"+figuresWhere+" GROUP BY side, unit, level", figureArgs(&q)...)
}

// FiguresByPeriod sums up a query by side and period.
func (s *Store) FiguresByPeriod(ctx context.Context, q hub.FigureQuery) ([]hub.FigureRow, error) {
	return collect(ctx, s, sqlkit.ScanPeriod[pgx.CollectableRow],
		"SELECT side, period, "+sqlkit.TallyColumns("sum(%[1]s)::bigint")+" FROM figures"+figuresWhere+" GROUP BY side, period", figureArgs(&q)...)
}

// Refusals sums up refusals by side and reason.
func (s *Store) Refusals(ctx context.Context, q hub.FigureQuery) ([]hub.RefusalRow, error) {
	return collect(ctx, s, func(row pgx.CollectableRow) (r hub.RefusalRow, err error) {
		err = row.Scan((*string)(&r.Side), (*string)(&r.Reason), &r.Count, &r.Own)
		return r, err
	}, "SELECT side, reason, sum(count)::bigint, sum(own)::bigint FROM figure_refusals"+figuresWhere+" GROUP BY side, reason HAVING sum(count) > 0 ORDER BY side, reason", figureArgs(&q)...)
}

// Counted lists the deliveries behind a number, by day.
func (s *Store) Counted(ctx context.Context, q hub.CountedQuery) (hub.List[hub.Item], error) {
	var found hub.List[hub.Item]
	text, args, err := countedQuery(&q)
	if err != nil {
		return found, err
	}
	found.Items, err = s.items(ctx, text, args...)
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
	begin, end := sqlkit.CountedDays(q.Period)
	marks := int32(q.Side.Marks(q.Measure))
	c.add(party+" = %s AND f.day >= %s AND f.day < %s", string(q.Agency), begin, end)
	if q.Reason != "" { // only what was refused has one
		c.add("f.reason = %s", string(q.Reason))
	} else {
		c.add("f.measures & %s = %s", marks, marks)
	}
	if q.Kind != "" {
		c.add("f.kind = %s", q.Kind)
	}
	if after != nil {
		c.add("(f.day, f.dispatch, f.position) > (%s, %s, %s)", after.Day, after.Dispatch, after.Position)
	}
	limit := c.arg(q.Page.Limit + 1)
	// The index says which they are; the rows of these alone are read.
	return itemsOf("(SELECT v.*, f.day FROM (SELECT f.day, f.dispatch, f.position FROM figure_facts f"+c.where()+
		" ORDER BY f.day, f.dispatch, f.position LIMIT "+limit+`) f
		CROSS JOIN LATERAL (SELECT delivery FROM figure_facts WHERE dispatch = f.dispatch AND position = f.position LIMIT 1) b
		CROSS JOIN LATERAL (SELECT * FROM deliveries WHERE id = b.delivery LIMIT 1) v) v`,
		"v.day, v.dispatch, v.position"), c.args, nil
}
