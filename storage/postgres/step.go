package postgres

import (
	"cmp"
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

// stepsText records steps of different deliveries and returns the numbers of those
// that took effect. What a step brings along hangs on the change of its delivery, so
// that a step left out leaves nothing behind.
const stepsText = `WITH
	u AS (UPDATE deliveries v SET state = s.state, version = s.version + 1, final = s.final,
			next_attempt = s.next_attempt, expires_at = s.expires_at, body = s.body, asked = s.asked,
			awaits = s.awaits, arrived = CASE s.arrived WHEN 0 THEN v.arrived ELSE s.arrived END, due = s.due,
			lease_until = CASE WHEN s.state = 'consigned' THEN v.lease_until ELSE 0 END
		FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::text[], $7::boolean[], $8::bigint[], $9::bigint[], $10::text[],
			$22::boolean[], $23::bigint[], $25::boolean[], $26::text[], $27::bigint[],
			$28::smallint[], $29::bigint[], $30::text[]) AS s (n, id, was, version, fence, state, final, next_attempt, expires_at, body, ends, at, asked, book, year, awaits, arrived, due)
		WHERE v.id = s.id AND v.state = s.was AND v.version = s.version
			AND (NOT v.final OR v.state = s.state) AND (v.lease_until = 0 OR v.fence = s.fence)
			AND (s.year = 0 OR NOT EXISTS (SELECT 1 FROM register_years y WHERE y.agency = s.book AND y.year = s.year))
		RETURNING s.n, s.ends, s.at, v.dispatch),
	c AS (UPDATE completions c SET open = c.open - x.ended, completed_at = greatest(c.completed_at, x.at)
		FROM (SELECT dispatch, count(*) AS ended, max(at) AS at FROM u WHERE ends GROUP BY dispatch) x WHERE c.dispatch = x.dispatch),
	p AS (INSERT INTO report_parts (report, digest)
		SELECT r.id, r.digest FROM unnest($11::bigint[], $12::text[], $24::bytea[]) AS r (step, id, digest) JOIN u ON u.n = r.step WHERE r.digest IS NOT NULL),
	r AS (INSERT INTO status_reports (id, dispatch, body)
		SELECT r.id, r.dispatch, r.body FROM unnest($11::bigint[], $12::text[], $13::text[], $14::text[]) WITH ORDINALITY
			AS r (step, id, dispatch, body, n) JOIN u ON u.n = r.step ORDER BY r.n),
	e AS (INSERT INTO evidences (id, dispatch, delivery, rejected, era, canonical, jws)
		SELECT e.id, e.dispatch, e.delivery, '', $15::integer, e.canonical, e.jws
		FROM unnest($16::bigint[], $17::text[], $18::text[], $19::text[], $20::bytea[], $21::text[]) WITH ORDINALITY
			AS e (step, id, dispatch, delivery, canonical, jws, n) JOIN u ON u.n = e.step ORDER BY e.n)
	SELECT n FROM u`

// ApplySteps records steps; see the contract in hub/delivery. Beyond state and
// version a step needs that the delivery has not ended, unless the state stays,
// and that nobody took a lease since the delivery was read.
func (s *Store) ApplySteps(ctx context.Context, steps ...hub.Step) ([]error, error) {
	results := make([]error, len(steps))
	for i := range steps {
		results[i] = sqlkit.NotApplied(&steps[i])
	}
	statements, err := s.stepStatements(steps)
	if err != nil || len(statements) == 0 {
		return results, err
	}
	var applied []int64
	err = s.act(ctx, "record steps", func(ctx context.Context, c *pgx.Conn) (err error) {
		applied, err = sendSteps(ctx, c, statements, steps)
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, n := range applied {
		results[n] = nil
	}
	for i := range steps {
		if results[i] != nil {
			book, year := steps[i].Enters()
			if err := s.yearOpen(ctx, book, year); err != nil {
				results[i] = err
			}
		}
	}
	return results, nil
}

// sendSteps runs the statements of steps in one batch, which the server takes for one transaction:
// it commits when it has them all. A batch remembers the connection that it was sent
// on, so each try has one of its own.
func sendSteps(ctx context.Context, c *pgx.Conn, statements [][]any, steps []hub.Step) (applied []int64, err error) {
	batch := &pgx.Batch{}
	books, years := entries(steps)
	if len(years) > 0 {
		batch.Queue(lockYearShare, books, years)
	}
	for _, args := range statements {
		batch.Queue(stepsText, args...)
	}
	if ids := withTasks(len(steps), func(i int) *hub.Delivery { return &steps[i].Delivery }); len(ids) > 0 {
		batch.Queue(recordTasks, ids)
	}
	results := c.SendBatch(ctx, batch)
	if len(years) > 0 {
		_, err = results.Exec()
	}
	for n := 0; n < len(statements) && err == nil; n++ {
		var found pgx.Rows
		if found, err = results.Query(); err != nil {
			break
		}
		var numbers []int64
		numbers, err = pgx.CollectRows(found, pgx.RowTo[int64])
		applied = append(applied, numbers...)
	}
	if end := results.Close(); err == nil {
		err = end // only the end of the batch tells of the commit
	}
	return applied, err
}

// entries are in whose register, and of which year, steps make entries.
func entries(steps []hub.Step) (books []string, years []int64) {
	for i := range steps {
		if book, year := steps[i].Enters(); year != 0 {
			books, years = append(books, string(book)), append(years, int64(year))
		}
	}
	return books, years
}

// stepStatements returns the arguments of one statement for the first step of every
// delivery, of one for the second where a delivery has several, and so on: a statement
// changes a row once.
func (s *Store) stepStatements(steps []hub.Step) ([][]any, error) {
	rounds := map[hub.DeliveryID]int{}
	var columns []*stepColumns
	for i := range steps {
		if !sqlkit.LegalStep(&steps[i]) {
			continue
		}
		round := rounds[steps[i].Delivery.ID]
		rounds[steps[i].Delivery.ID]++
		if round == len(columns) {
			columns = append(columns, &stepColumns{})
		}
		columns[round].places = append(columns[round].places, i)
	}
	statements := make([][]any, len(columns))
	for i, c := range columns {
		if err := c.fill(steps); err != nil {
			return nil, err
		}
		statements[i] = c.args(s.era)
	}
	return statements, nil
}

// stepColumns are steps column by column.
type stepColumns struct {
	places                                   []int // of the steps in the call
	numbers, versions, fences, next, expires []int64
	ids, was, states, bodies                 []string
	final, ends, asked                       []bool
	ats                                      []int64
	books                                    []string // in whose register a step makes an entry
	years                                    []int64  // 0: in none
	press                                    pressColumns
	reportDigests                            [][]byte // nil where a report has no package
	reportSteps                              []int64
	reportIDs, reportDispatches, reports     []string
	evidences                                evidenceColumns
}

// fill encodes the steps in the order of their deliveries: two acts that change the
// same deliveries then wait for each other rather than block each other.
func (c *stepColumns) fill(steps []hub.Step) error {
	slices.SortFunc(c.places, func(a, b int) int { return cmp.Compare(steps[a].Delivery.ID, steps[b].Delivery.ID) })
	for _, i := range c.places {
		if err := c.add(int64(i), &steps[i]); err != nil {
			return err
		}
	}
	return nil
}

func (c *stepColumns) add(n int64, step *hub.Step) error {
	next, fence := step.Next(), int64(0)
	if next.Lease != nil {
		fence = next.Lease.Fence
	}
	body, err := sqlkit.EncodeDelivery(&next)
	if err != nil {
		return err
	}
	c.numbers, c.versions, c.fences = append(c.numbers, n), append(c.versions, step.Version), append(c.fences, fence)
	c.next, c.expires = append(c.next, sqlkit.Micros(next.NextAttempt)), append(c.expires, sqlkit.Micros(next.Deadline()))
	c.ids, c.was, c.states = append(c.ids, string(next.ID)), append(c.was, string(step.From)), append(c.states, string(next.State))
	c.bodies, c.final = append(c.bodies, body), append(c.final, next.Final())
	c.asked = append(c.asked, next.Request.Open())
	c.press.add(&next)
	book, year := step.Enters()
	c.books, c.years = append(c.books, string(book)), append(c.years, int64(year))
	c.ends, c.ats = append(c.ends, sqlkit.EndsWith(step)), append(c.ats, sqlkit.Micros(next.UpdatedAt))
	for i := range step.Reports {
		r := &step.Reports[i]
		body, err := sqlkit.Encode(r)
		if err != nil {
			return err
		}
		c.reportSteps, c.reportIDs = append(c.reportSteps, n), append(c.reportIDs, r.ID)
		c.reportDispatches, c.reports = append(c.reportDispatches, string(r.Dispatch)), append(c.reports, body)
		c.reportDigests = append(c.reportDigests, envelopeDigest(r))
	}
	c.evidences.add(n, step.Evidence)
	return nil
}

func (c *stepColumns) args(era int) []any {
	args := append([]any{
		c.numbers, c.ids, c.was, c.versions, c.fences, c.states, c.final, c.next, c.expires, c.bodies,
		c.reportSteps, c.reportIDs, c.reportDispatches, c.reports, era, c.evidences.steps,
	}, c.evidences.args()...)
	return append(append(args, c.ends, c.ats, c.reportDigests, c.asked, c.books, c.years), c.press.args()...)
}

// pressColumns are what is looked for when it is asked what presses.
type pressColumns struct {
	awaits  []int16
	arrived []int64
	dues    []string
}

func (c *pressColumns) add(d *hub.Delivery) {
	c.awaits, c.arrived = append(c.awaits, int16(d.AwaitsNow())), append(c.arrived, sqlkit.Arrived(d))
	c.dues = append(c.dues, string(d.FirstDue()))
}

func (c *pressColumns) args() []any { return []any{c.awaits, c.arrived, c.dues} }

// envelopeDigest is that of the package in which a report came; nil without one.
func envelopeDigest(r *hub.StatusReport) []byte {
	if r.Envelope == nil {
		return nil
	}
	return r.Envelope.Digest[:]
}
