package sqlite

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"strconv"

	"github.com/lienthong/lienthong/hub"
)

func insertEvidences(ctx context.Context, tx *sql.Tx, rejected hub.AgencyID, sealed []hub.SealedEvidence) error {
	for i := range sealed {
		e := &sealed[i]
		_, err := tx.ExecContext(ctx, `INSERT INTO evidences (id, dispatch, delivery, rejected, canonical, jws)
			VALUES (?, ?, ?, ?, ?, ?)`,
			string(e.Evidence.ID), string(e.Evidence.Dispatch), string(e.Evidence.Delivery), string(rejected), e.Canonical, e.JWS)
		if err != nil {
			return failed("record evidence "+string(e.Evidence.ID), err)
		}
	}
	return nil
}

// positioned is an evidence with its place in the order of recording.
type positioned struct {
	position int64
	sealed   hub.SealedEvidence
}

func scanEvidence(rows *sql.Rows) (positioned, error) {
	var p positioned
	var canonical []byte
	var jws string
	if err := rows.Scan(&p.position, &canonical, &jws); err != nil {
		return p, err
	}
	var err error
	p.sealed, err = sealedFrom(canonical, jws)
	return p, err
}

func sealedFrom(canonical []byte, jws string) (hub.SealedEvidence, error) {
	s := hub.SealedEvidence{Canonical: canonical, JWS: jws, Digest: sha256.Sum256(canonical)}
	if err := json.Unmarshal(canonical, &s.Evidence); err != nil {
		return s, hub.Internal("decode an evidence", err)
	}
	return s, nil
}

// Evidence returns one evidence; KindNotFound when there is none.
func (s *Store) Evidence(ctx context.Context, id hub.EvidenceID) (hub.SealedEvidence, error) {
	return evidenceByID(ctx, s.reader, id)
}

func evidenceByID(ctx context.Context, q queryer, id hub.EvidenceID) (hub.SealedEvidence, error) {
	var canonical []byte
	var jws string
	row := q.QueryRowContext(ctx, "SELECT canonical, jws FROM evidences WHERE id = ?", string(id))
	if err := row.Scan(&canonical, &jws); err != nil {
		return hub.SealedEvidence{}, missing(err, "evidence")
	}
	return sealedFrom(canonical, jws)
}

// Evidences lists evidences in the order of recording.
func (s *Store) Evidences(ctx context.Context, query hub.EvidenceQuery) (hub.List[hub.SealedEvidence], error) {
	var list hub.List[hub.SealedEvidence]
	var c condition
	switch {
	case query.Dispatch != "":
		c.add("dispatch = ?", string(query.Dispatch))
	case query.Delivery != "":
		c.add("delivery = ?", string(query.Delivery))
	case query.Sender != "":
		c.add("rejected = ?", string(query.Sender))
	}
	after, err := parseCursor(query.Page.After, 1)
	if err != nil {
		return list, err
	}
	if after != nil {
		position, err := strconv.ParseInt(after[0], 10, 64)
		if err != nil {
			return list, hub.Invalid("after", "cursor", "this is not a cursor that the hub gave out")
		}
		c.add("position > ?", position)
	}
	found, err := collect(ctx, s.reader, scanEvidence,
		"SELECT position, canonical, jws FROM evidences"+c.where()+" ORDER BY position LIMIT ?", append(c.args, query.Page.Limit+1)...)
	if err != nil {
		return list, err
	}
	if len(found) > query.Page.Limit {
		found = found[:query.Page.Limit]
		list.Next = cursor(strconv.FormatInt(found[len(found)-1].position, 10))
	}
	for _, p := range found {
		list.Items = append(list.Items, p.sealed)
	}
	return list, nil
}
