package floor

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// postgres commits several groups at once: the server lets them share a
// synchronisation once more.
type postgres struct {
	pool  *pgxpool.Pool
	group *group[statement]
}

// statement is one act: a statement alone.
type statement struct {
	text string
	args []any
}

// writersToPostgres is how many groups are on their way at once.
const writersToPostgres = 4

func openPostgres(ctx context.Context, url, password string) (*postgres, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	if password != "" {
		config.ConnConfig.Password = password
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	if _, err := pool.Exec(ctx, strings.ReplaceAll(schema, "BLOB", "BYTEA")); err != nil {
		pool.Close()
		return nil, err
	}
	p := &postgres{pool: pool}
	p.group = newGroup(writersToPostgres, p.commit)
	return p, nil
}

func (p *postgres) accept(_ context.Context, d *dispatch) error {
	body, err := json.Marshal(d)
	if err != nil {
		return err
	}
	ids, recipients := make([]string, len(d.deliveries)), make([]string, len(d.deliveries))
	for i, v := range d.deliveries {
		ids[i], recipients[i] = v.id, v.recipient
	}
	return p.group.do(statement{`WITH d AS (INSERT INTO floor_dispatches (id, sender, external_id, body) VALUES ($1, $2, $3, $4)),
		v AS (INSERT INTO floor_deliveries (id, dispatch, recipient, open) SELECT unnest($5::text[]), $1, unnest($6::text[]), 1)
		INSERT INTO floor_evidences (id, dispatch, body, signature) VALUES ($7, $1, $8, $9)`,
		[]any{d.ID, d.Sender, d.ExternalID, string(body), ids, recipients, newID(), string(d.proof.Evidence), d.proof.Signature}})
}

func (p *postgres) handOver(_ context.Context, v *delivery, proof proof) error {
	return p.group.do(statement{`WITH v AS (UPDATE floor_deliveries SET open = 0 WHERE id = $1 AND open = 1)
		INSERT INTO floor_evidences (id, dispatch, body, signature) VALUES ($2, $3, $4, $5)`,
		[]any{v.id, newID(), v.dispatch.ID, string(proof.Evidence), proof.Signature}})
}

// commit sends all acts in one go. Without a BEGIN the server makes one transaction
// of them.
func (p *postgres) commit(acts []statement) error {
	var batch pgx.Batch
	for i := range acts {
		batch.Queue(acts[i].text, acts[i].args...)
	}
	return p.pool.SendBatch(context.Background(), &batch).Close()
}

// Close lets the writers finish.
func (p *postgres) Close() error {
	p.group.close()
	p.pool.Close()
	return nil
}
