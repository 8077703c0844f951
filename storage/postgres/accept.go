package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/fault"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

// earlier is what a key led to.
type earlier struct {
	dispatch hub.DispatchID
	receipt  hub.SealedEvidence
}

func scanEarlier(row pgx.CollectableRow) (earlier, error) {
	var e earlier
	if err := row.Scan(&e.dispatch, &e.receipt.Canonical, &e.receipt.JWS); err != nil {
		return e, err
	}
	return e, unfold(&e.receipt)
}

// FindAccepted returns what (sender, key) or (sender, external id, operation)
// led to; KindNotFound when nothing.
func (s *Store) FindAccepted(ctx context.Context, sender hub.AgencyID, key, externalID string, op hub.Operation) (hub.Accepted, error) {
	if fault.NoIdempotencyKey {
		return hub.Accepted{}, sqlkit.NotFound("dispatch")
	}
	// The key decides before the external id: it names this very call.
	found, err := collect(ctx, s, scanEarlier, `SELECT a.dispatch, e.canonical, e.jws FROM (
			SELECT 0 AS rank, dispatch, receipt FROM acceptances WHERE sender = $1 AND key = $2 AND $2 <> ''
			UNION ALL SELECT 1, dispatch, receipt FROM acceptances WHERE sender = $1 AND external_id = $3 AND operation = $4
			ORDER BY rank LIMIT 1) a
		CROSS JOIN LATERAL (SELECT canonical, `+sqlkit.PostgresJWS+` AS jws FROM evidences e WHERE e.id = a.receipt LIMIT 1) e`,
		string(sender), key, externalID, string(op))
	a, err := first(found, "dispatch", err)
	if err != nil {
		return hub.Accepted{}, err
	}
	item, err := s.DispatchItem(ctx, a.dispatch)
	return hub.Accepted{Dispatch: item.Dispatch, Deliveries: item.Deliveries, Receipt: a.receipt}, err
}

// acceptText records an acceptance, or nothing when an earlier one stands in the
// way: everything else hangs on the row of the first insert. It returns a row when
// it has recorded. The last argument is the year in which the dispatch claims a number: where
// the sender keeps its numbers here, nothing is recorded either; 0 where that was seen to.
const acceptText = `WITH
	a AS (INSERT INTO acceptances (dispatch, sender, external_id, operation, key, receipt)
		SELECT $1::text, $2::text, $3::text, $4::text, $5::text, $6::text
		WHERE NOT EXISTS (SELECT 1 FROM register_years WHERE agency = $2::text AND year = $34::bigint)
			AND ($39::bigint = 0 OR NOT EXISTS (SELECT 1 FROM outgoing_numbers WHERE agency = $2::text AND year = $39::bigint)) ON CONFLICT DO NOTHING RETURNING dispatch),
	d AS (INSERT INTO dispatches (id, sender, number, promulgated, search, first_delivery, last_delivery, body, reports, figures)
		SELECT a.dispatch, $2::text, $7::text, $8::text, $9::text, $10::text, $11::text, $12::text, $13::text, $35::text FROM a),
	p AS (INSERT INTO dispatch_parts (dispatch, position, digest)
		SELECT a.dispatch, p.n, p.digest FROM a, unnest($14::bytea[]) WITH ORDINALITY AS p (digest, n)),
	o AS (INSERT INTO completions (dispatch, open, completed_at) SELECT a.dispatch, $31::integer, $32::bigint FROM a),
	v AS (INSERT INTO deliveries (id, dispatch, position, recipient, state, version, final, calm, next_attempt, expires_at, body, awaits, arrived, due)
		SELECT v.id, a.dispatch, v.position, v.recipient, v.state, v.version, v.final, v.calm, v.next_attempt, v.expires_at, v.body, v.awaits, v.arrived, v.due
		FROM a, unnest($15::text[], $16::integer[], $17::text[], $18::text[], $19::bigint[], $20::boolean[], $21::smallint[], $22::bigint[], $23::bigint[], $24::text[],
				$36::smallint[], $37::bigint[], $38::text[])
			AS v (id, position, recipient, state, version, final, calm, next_attempt, expires_at, body, awaits, arrived, due)),
	e AS (INSERT INTO evidences (id, dispatch, delivery, rejected, era, canonical, jws)
		SELECT e.id, e.dispatch, e.delivery, '', $25::integer, e.canonical, e.jws
		FROM a, unnest($26::text[], $27::text[], $28::text[], $29::bytea[], $30::text[]) WITH ORDINALITY
			AS e (id, dispatch, delivery, canonical, jws, n) ORDER BY e.n),
	w AS (INSERT INTO dispatch_words (dispatch, words) SELECT a.dispatch, $33::text[] FROM a)
	SELECT a.dispatch FROM a`

// The rows of an acceptance to many lie in memory three times, once as they are and twice
// in the buffers of the driver, until the server has taken them. So a few of them go there
// at once, and others wait; those to fewer recipients never do.
const (
	many       = 50   // recipients
	manyAtOnce = 2000 // recipients of all that go there at once
)

// enter waits for the room that an acceptance to many needs, and returns how it leaves.
func (s *Store) enter(ctx context.Context, recipients int) (leave func(), err error) {
	if recipients < many {
		return func() {}, nil
	}
	needs := int64(min(recipients, manyAtOnce))
	if err := s.room.Acquire(ctx, needs); err != nil {
		return nil, failed("record the dispatch", err)
	}
	return func() { s.room.Release(needs) }, nil
}

// Accept records an acceptance once; see the contract in hub/intake.
func (s *Store) Accept(ctx context.Context, a hub.Acceptance) (hub.Accepted, error) {
	leave, err := s.enter(ctx, len(a.Deliveries))
	if err != nil {
		return hub.Accepted{}, err
	}
	defer leave()
	args, err := s.acceptArgs(&a)
	if err != nil {
		return hub.Accepted{}, err
	}
	recorded, err := s.record(ctx, &a, args)
	if err == nil && !recorded {
		var first hub.Accepted
		if first, err = s.duplicate(ctx, &a.Dispatch); err == nil || hub.KindOf(err) != hub.KindNotFound {
			return first, err
		}
		// No earlier one stands in the way: the sender keeps its numbers here, or its year
		// is closed.
		args[len(args)-1] = 0
		recorded, err = s.acceptWithChanges(ctx, &a, args, true)
	}
	if err == nil && !recorded {
		var first hub.Accepted
		if first, err = s.duplicate(ctx, &a.Dispatch); err == nil || hub.KindOf(err) != hub.KindNotFound {
			return first, err
		}
		if err = s.yearOpen(ctx, a.Dispatch.Sender, a.Dispatch.AcceptedAt.In(hub.Vietnam()).Year()); err == nil {
			err = hub.Internal("the dispatch cannot be recorded and no earlier one is there", nil)
		}
	}
	if err != nil {
		return hub.Accepted{}, err
	}
	return hub.Accepted{Dispatch: a.Dispatch, Deliveries: a.Deliveries, Receipt: a.Evidence[0]}, nil
}

// record does what is mostly one statement.
func (s *Store) record(ctx context.Context, a *hub.Acceptance, args []any) (bool, error) {
	if len(a.Changes) > 0 || len(a.Dispatch.Links) > 0 || len(a.Arrivals) > 0 || len(a.Dispatch.Tasks) > 0 {
		return s.acceptWithChanges(ctx, a, args, false)
	}
	recorded, err := change(ctx, s, "record the dispatch", pgx.RowTo[string], acceptText, args...)
	return len(recorded) > 0, err
}

// duplicate returns the acceptance that stands in the way of a new one; KindNotFound where
// none does.
func (s *Store) duplicate(ctx context.Context, d *hub.Dispatch) (hub.Accepted, error) {
	found, err := s.FindAccepted(ctx, d.Sender, d.Key, d.ExternalID, d.Operation)
	if err != nil {
		return hub.Accepted{}, err
	}
	return sqlkit.Duplicate(d, found)
}

func (s *Store) acceptArgs(a *hub.Acceptance) ([]any, error) {
	d := &a.Dispatch
	if len(a.Evidence) == 0 {
		return nil, hub.Internal("an acceptance without its evidence", nil)
	}
	body, err := sqlkit.Encode(d)
	if err != nil {
		return nil, err
	}
	reports, err := sqlkit.EncodeReports(a)
	if err != nil {
		return nil, err
	}
	figures, err := sqlkit.EncodeFigureSource(d, a.Reports)
	if err != nil {
		return nil, err
	}
	deliveries, err := columnsOf(a)
	if err != nil {
		return nil, err
	}
	var key *string // NULL: the sender gave none
	if d.Key != "" && !fault.NoIdempotencyKey {
		key = &d.Key
	}
	externalID := d.ExternalID
	if fault.NoIdempotencyKey {
		externalID += string(d.ID)
	}
	digests := make([][]byte, len(d.Parts))
	for i := range d.Parts {
		digests[i] = d.Parts[i].Digest[:]
	}
	args := []any{
		string(d.ID), string(d.Sender), externalID, string(d.Operation), key, string(a.Evidence[0].Evidence.ID),
		d.Document.Number(), string(d.Document.Promulgated), sqlkit.SearchText(d), deliveries.firstID, deliveries.lastID, body, reports, digests,
	}
	args = append(args, deliveries.args()...)
	e := evidenceColumns{}
	e.add(0, a.Evidence)
	open, completedAt := sqlkit.OpenAmong(a)
	args = append(append(append(args, s.era), e.args()...), open, completedAt, sqlkit.IndexedWords(d, a.Deliveries), d.AcceptedAt.In(hub.Vietnam()).Year(), figures)
	return append(append(args, deliveries.press.args()...), claimedYear(d)), nil
}

// deliveryColumns are new deliveries column by column, as statements take many rows.
type deliveryColumns struct {
	ids, recipients, states, bodies []string
	positions                       []int32
	versions, nextAttempts, expires []int64
	final                           []bool
	calm                            []int16
	press                           pressColumns
	firstID, lastID                 string
}

func columnsOf(a *hub.Acceptance) (*deliveryColumns, error) {
	c := &deliveryColumns{}
	for i := range a.Deliveries {
		v := &a.Deliveries[i]
		if v.Dispatch != a.Dispatch.ID {
			return nil, hub.Internal("delivery "+string(v.ID)+" belongs to another dispatch", nil)
		}
		body, err := sqlkit.EncodeDelivery(v)
		if err != nil {
			return nil, err
		}
		id, calm := string(v.ID), int16(1)
		if v.Urgent {
			calm = 0
		}
		if i == 0 || id < c.firstID {
			c.firstID = id
		}
		c.lastID = max(c.lastID, id)
		c.ids, c.recipients, c.states = append(c.ids, id), append(c.recipients, string(v.Recipient)), append(c.states, string(v.State))
		c.bodies, c.positions, c.versions = append(c.bodies, body), append(c.positions, int32(v.Index)), append(c.versions, v.Version)
		c.press.add(v)
		c.final, c.calm = append(c.final, v.Final()), append(c.calm, calm)
		c.nextAttempts, c.expires = append(c.nextAttempts, sqlkit.Micros(v.NextAttempt)), append(c.expires, sqlkit.Micros(v.Deadline()))
	}
	return c, nil
}

func (c *deliveryColumns) args() []any {
	return []any{c.ids, c.positions, c.recipients, c.states, c.versions, c.final, c.calm, c.nextAttempts, c.expires, c.bodies}
}

// Reject records the evidence of a refused submission.
func (s *Store) Reject(ctx context.Context, sender hub.AgencyID, evidence hub.SealedEvidence) error {
	e := &evidence.Evidence
	return s.exec(ctx, "record evidence "+string(e.ID), `INSERT INTO evidences (id, dispatch, delivery, rejected, era, canonical, jws)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		string(e.ID), string(e.Dispatch), string(e.Delivery), string(sender), s.era, evidence.Canonical, evidence.JWS)
}
