package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

// evidenceColumns are new evidences column by column. steps tells which step of an
// act each belongs to; those of one step are recorded together or not at all.
type evidenceColumns struct {
	steps                            []int64
	ids, dispatches, deliveries, jws []string
	canonical                        [][]byte
}

func (c *evidenceColumns) add(step int64, sealed []hub.SealedEvidence) {
	c.jws = append(c.jws, sqlkit.JWSColumns(sealed)...)
	for i := range sealed {
		e := &sealed[i]
		c.steps = append(c.steps, step)
		c.ids, c.dispatches = append(c.ids, string(e.Evidence.ID)), append(c.dispatches, string(e.Evidence.Dispatch))
		c.deliveries, c.canonical = append(c.deliveries, string(e.Evidence.Delivery)), append(c.canonical, e.Canonical)
	}
}

func (c *evidenceColumns) args() []any {
	return []any{c.ids, c.dispatches, c.deliveries, c.canonical, c.jws}
}

// unfold fills in what follows from the canonical bytes.
func unfold(s *hub.SealedEvidence) error {
	s.Digest = sha256.Sum256(s.Canonical)
	if err := json.Unmarshal(s.Canonical, &s.Evidence); err != nil {
		return hub.Internal("decode an evidence", err)
	}
	return nil
}

// Evidence returns one evidence; KindNotFound when there is none.
func (s *Store) Evidence(ctx context.Context, id hub.EvidenceID) (hub.SealedEvidence, error) {
	found, err := collect(ctx, s, func(row pgx.CollectableRow) (e hub.SealedEvidence, err error) {
		if err = row.Scan(&e.Canonical, &e.JWS); err == nil {
			err = unfold(&e)
		}
		return e, err
	}, "SELECT e.canonical, "+sqlkit.PostgresJWS+" FROM evidences e WHERE e.id = $1", string(id))
	return first(found, "evidence", err)
}

// listed is an evidence with its place in the order of recording.
type listed struct {
	era, position int64
	xid           uint64
	settled       bool // no earlier one can come any more
	sealed        hub.SealedEvidence
}

func scanListed(row pgx.CollectableRow) (listed, error) {
	var l listed
	if err := row.Scan(&l.era, &l.xid, &l.position, &l.settled, &l.sealed.Canonical, &l.sealed.JWS); err != nil {
		return l, err
	}
	return l, unfold(&l.sealed)
}

func (l *listed) cursor() string {
	return sqlkit.Cursor("evidence", strconv.FormatInt(l.era, 10), strconv.FormatUint(l.xid, 10), strconv.FormatInt(l.position, 10))
}

// settleLimit bounds the wait for transactions that may still put an evidence before
// one that is there already. They last milliseconds.
const settleLimit = 2 * time.Second

// Evidences lists evidences in the order of recording. All that a query names
// must apply. The listing of everything ends before the first place where another
// may still come: what was recorded a moment ago by somebody slow comes with a later
// reading, and is never passed over. A listing of one dispatch, delivery or sender
// shows at once all that is recorded.
func (s *Store) Evidences(ctx context.Context, query hub.EvidenceQuery) (hub.List[hub.SealedEvidence], error) {
	var list hub.List[hub.SealedEvidence]
	text, args, err := s.evidenceQuery(&query)
	if err != nil {
		return list, err
	}
	found, err := collect(ctx, s, scanListed, text, args...)
	if everything := query.Dispatch == "" && query.Delivery == "" && query.Sender == ""; everything {
		for deadline, pause := time.Now().Add(settleLimit), time.Millisecond; err == nil && !allSettled(found) && time.Now().Before(deadline); pause = min(2*pause, 50*time.Millisecond) {
			select {
			case <-ctx.Done():
			case <-time.After(pause):
			}
			found, err = collect(ctx, s, scanListed, text, args...)
		}
		found = settled(found)
	}
	if err != nil {
		return list, err
	}
	found, list.Next = sqlkit.Cut(found, query.Page.Limit, (*listed).cursor)
	for i := range found {
		list.Items = append(list.Items, found[i].sealed)
	}
	return list, nil
}

// settled returns the rows before the first that is not.
func settled(found []listed) []listed {
	if n := slices.IndexFunc(found, func(l listed) bool { return !l.settled }); n >= 0 {
		return found[:n]
	}
	return found
}

func allSettled(found []listed) bool { return len(settled(found)) == len(found) }

// evidenceQuery returns the statement. A transaction has its number before it can
// write, and every number below xmin belongs to one that has ended (PostgreSQL,
// 9.27.8): below it nothing can come any more.
func (s *Store) evidenceQuery(query *hub.EvidenceQuery) (string, []any, error) {
	after, err := sqlkit.ParseCursor("evidence", query.Page, 3)
	if err != nil {
		return "", nil, err
	}
	c := condition{args: []any{s.era}}
	for _, term := range []struct{ column, value string }{
		{"dispatch", string(query.Dispatch)}, {"delivery", string(query.Delivery)}, {"rejected", string(query.Sender)},
	} {
		if term.value != "" {
			// The second half lets the partial index serve, which holds no empty ones.
			c.add(term.column+" = %s AND "+term.column+" <> ''", term.value)
		}
	}
	if query.Whole {
		c.add("delivery = ''")
	}
	if after != nil {
		var place [3]int64
		for i := range place {
			if place[i], err = sqlkit.ParseNumber(after[i]); err != nil {
				return "", nil, err
			}
		}
		c.add("(era, xid, position) > (%s, %s, %s)", place[0], uint64(place[1]), place[2])
	}
	rows := query.Page.Limit + 1
	limit := c.arg(rows)
	return fmt.Sprintf(`SELECT * FROM (
		SELECT era, xid, position, era < $1 OR xid < pg_snapshot_xmin(pg_current_snapshot()), canonical, %s
		FROM evidences e%s ORDER BY era, xid, position %s) e LIMIT %s`, sqlkit.PostgresJWS, c.where(), atMost(rows), limit), c.args, nil
}
