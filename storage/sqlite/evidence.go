package sqlite

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"strconv"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/fault"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

// insertEvidences records evidences; rejected is the sender of a refused
// submission, else empty.
func insertEvidences(t *tx, rejected hub.AgencyID, sealed []hub.SealedEvidence) error {
	if fault.NoEvidence {
		return nil
	}
	rows, jws := make([][]any, len(sealed)), sqlkit.JWSColumns(sealed)
	for i := range sealed {
		e := &sealed[i]
		rows[i] = []any{string(e.Evidence.ID), string(e.Evidence.Dispatch), string(e.Evidence.Delivery), string(rejected), e.Canonical, jws[i]}
	}
	return failed("record evidence", t.insert("INSERT INTO evidences (id, dispatch, delivery, rejected, canonical, jws) VALUES", rows))
}

// positioned is an evidence with its place in the order of recording.
type positioned struct {
	position int64
	sealed   hub.SealedEvidence
}

const evidenceColumns = "e.position, e.canonical, " + sqlkit.SQLiteJWS

func scanEvidence(rows *sql.Rows) (positioned, error) {
	var p positioned
	s := &p.sealed
	if err := rows.Scan(&p.position, &s.Canonical, &s.JWS); err != nil {
		return p, err
	}
	s.Digest = sha256.Sum256(s.Canonical)
	if err := json.Unmarshal(s.Canonical, &s.Evidence); err != nil {
		return p, hub.Internal("decode an evidence", err)
	}
	return p, nil
}

// Evidence returns one evidence; KindNotFound when there is none.
func (s *Store) Evidence(ctx context.Context, id hub.EvidenceID) (hub.SealedEvidence, error) {
	return evidence(ctx, s.reader, id)
}

func evidence(ctx context.Context, q queryer, id hub.EvidenceID) (hub.SealedEvidence, error) {
	p, err := one(ctx, q, "evidence", scanEvidence, "SELECT "+evidenceColumns+" FROM evidences e WHERE e.id = ?", string(id))
	return p.sealed, err
}

// Evidences lists evidences in the order of recording. All that a query names
// must apply.
func (s *Store) Evidences(ctx context.Context, query hub.EvidenceQuery) (hub.List[hub.SealedEvidence], error) {
	var list hub.List[hub.SealedEvidence]
	text, args, err := evidenceQuery(&query)
	if err != nil {
		return list, err
	}
	found, err := collect(ctx, free{s.reader.db}, scanEvidence, text, args...)
	if err != nil {
		return list, err
	}
	found, list.Next = sqlkit.Cut(found, query.Page.Limit, func(p *positioned) string {
		return sqlkit.Cursor("evidence", strconv.FormatInt(p.position, 10))
	})
	for i := range found {
		list.Items = append(list.Items, found[i].sealed)
	}
	return list, nil
}

func evidenceQuery(query *hub.EvidenceQuery) (string, []any, error) {
	after, err := sqlkit.ParseCursor("evidence", query.Page, 1)
	if err != nil {
		return "", nil, err
	}
	var c condition
	for _, term := range []struct{ column, value string }{
		{"dispatch", string(query.Dispatch)}, {"delivery", string(query.Delivery)}, {"rejected", string(query.Sender)},
	} {
		if term.value != "" {
			// The second half lets the partial index serve, which holds no empty ones.
			c.add(term.column+" = ? AND "+term.column+" <> ''", term.value)
		}
	}
	if query.Whole {
		c.add("delivery = ''")
	}
	if after != nil {
		position, err := sqlkit.ParseNumber(after[0])
		if err != nil {
			return "", nil, err
		}
		c.add("position > ?", position)
	}
	return "SELECT " + evidenceColumns + " FROM evidences e" + c.where() + " ORDER BY position LIMIT ?",
		append(c.args, query.Page.Limit+1), nil
}
