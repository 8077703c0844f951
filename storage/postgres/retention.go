package postgres

import (
	"context"
	"encoding/json"

	"github.com/jackc/pgx/v5"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

// Completed lists dispatches of which every delivery has ended, oldest end first.
func (s *Store) Completed(ctx context.Context, q hub.CompletedQuery) ([]hub.Completed, error) {
	return collect(ctx, s, scanCompleted, `SELECT c.completed_at, d.body, e.canonical
		FROM (SELECT dispatch, completed_at FROM completions
			WHERE open = 0 AND (completed_at, dispatch) > ($1, $2) AND completed_at <= $3
			ORDER BY completed_at, dispatch LIMIT $4) c
		CROSS JOIN LATERAL (SELECT body FROM dispatches WHERE id = c.dispatch LIMIT 1) d
		CROSS JOIN LATERAL (SELECT receipt FROM acceptances WHERE dispatch = c.dispatch LIMIT 1) a
		CROSS JOIN LATERAL (SELECT canonical FROM evidences WHERE id = a.receipt LIMIT 1) e
		ORDER BY c.completed_at, c.dispatch`,
		sqlkit.Micros(q.After), string(q.AfterDispatch), sqlkit.Micros(q.Until), q.Limit)
}

func scanCompleted(row pgx.CollectableRow) (hub.Completed, error) {
	var at int64
	var body, receipt []byte
	if err := row.Scan(&at, &body, &receipt); err != nil {
		return hub.Completed{}, err
	}
	return sqlkit.Completed(at, body, receipt)
}

// purgeText removes the content references of dispatches; everything hangs on the rows
// of completions that go. Whoever changes the rules waits for it, or it for them. It
// returns a row for the rules, if they are of the version, and one for each purged.
const purgeText = `WITH
	rules AS (SELECT value FROM counters WHERE name = 'retention' AND value = $1 FOR SHARE),
	c AS (DELETE FROM completions c USING unnest($2::text[]) AS p (dispatch), rules
		WHERE c.dispatch = p.dispatch AND c.open = 0 RETURNING c.dispatch),
	parts AS (DELETE FROM dispatch_parts d USING c WHERE d.dispatch = c.dispatch),
	d AS (UPDATE dispatches d SET body = left(d.body, -1) || ',"purged":' || p.body || '}'
		FROM c JOIN unnest($2::text[], $3::text[]) AS p (dispatch, body) ON p.dispatch = c.dispatch WHERE d.id = c.dispatch),
	e AS (INSERT INTO evidences (id, dispatch, delivery, rejected, era, canonical, jws)
		SELECT e.id, e.dispatch, e.delivery, '', $4::integer, e.canonical, e.jws
		FROM unnest($5::text[], $6::text[], $7::text[], $8::bytea[], $9::text[]) WITH ORDINALITY
			AS e (id, dispatch, delivery, canonical, jws, n) JOIN c ON c.dispatch = e.dispatch ORDER BY e.n)
	SELECT '' FROM rules UNION ALL SELECT dispatch FROM c`

// Purge removes the content references of dispatches with the evidence of it, in one
// transaction. One that has an open delivery, or whose content is gone, is left out and
// its error, by index, is KindConflict. When the rules have changed the whole is
// KindConflict.
func (s *Store) Purge(ctx context.Context, batch hub.PurgeBatch) ([]error, error) {
	ids, bodies := make([]string, len(batch.Items)), make([]string, len(batch.Items))
	e := evidenceColumns{}
	for i := range batch.Items {
		item := &batch.Items[i]
		body, err := sqlkit.Encode(&item.Purge)
		if err != nil {
			return nil, err
		}
		ids[i], bodies[i] = string(item.Dispatch), body
		e.add(0, []hub.SealedEvidence{item.Evidence})
	}
	found, err := change(ctx, s, "purge content", pgx.RowTo[string], purgeText, append([]any{batch.Rules, ids, bodies, s.era}, e.args()...)...)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, sqlkit.RulesChanged()
	}
	purged := make(map[string]bool, len(found))
	for _, id := range found[1:] {
		purged[id] = true
	}
	results := make([]error, len(ids))
	for i, id := range ids {
		if !purged[id] {
			results[i] = sqlkit.NotPurged(hub.DispatchID(id))
		}
	}
	return results, nil
}

// Unreferenced returns those of the digests that no dispatch, no status report, no
// upload and no note names.
func (s *Store) Unreferenced(ctx context.Context, digests []hub.Digest) ([]hub.Digest, error) {
	asked := make([][]byte, len(digests))
	for i := range digests {
		asked[i] = digests[i][:]
	}
	return collect(ctx, s, scanDigest, `WITH uploaded AS MATERIALIZED (SELECT decode(p ->> 'sha256', 'hex') AS digest FROM uploads u,
			json_array_elements(CASE json_typeof(u.body::json #> '{submission,parts}') WHEN 'array' THEN u.body::json #> '{submission,parts}' ELSE '[]' END) p)
		SELECT a.digest FROM unnest($1::bytea[]) AS a (digest)
		WHERE NOT EXISTS (SELECT FROM dispatch_parts WHERE digest = a.digest) AND NOT EXISTS (SELECT FROM report_parts WHERE digest = a.digest)
		AND NOT EXISTS (SELECT FROM uploaded WHERE digest = a.digest)
		AND NOT EXISTS (SELECT FROM retention_notes WHERE name >= 'content/' || encode(a.digest, 'hex') || '/' AND name < 'content/' || encode(a.digest, 'hex') || '0')`, asked)
}

// NamedContent lists what dispatches, status reports and dossiers name, in the order of
// digests, each once.
func (s *Store) NamedContent(ctx context.Context, after hub.Digest, limit int) ([]hub.Digest, error) {
	first := after[:]
	if after.IsZero() {
		first = []byte{} // also what has only zeros
	}
	return collect(ctx, s, scanDigest, `SELECT digest FROM (SELECT DISTINCT digest FROM dispatch_parts WHERE digest > $1 ORDER BY digest LIMIT $2) d
		UNION SELECT digest FROM (SELECT DISTINCT digest FROM report_parts WHERE digest > $1 ORDER BY digest LIMIT $2) r
		UNION SELECT digest FROM (SELECT DISTINCT decode(substr(name, 9, 64), 'hex') AS digest FROM retention_notes
			WHERE name >= 'content/' || encode($1, 'hex') || '0' AND name < 'content0' AND substr(name, 74, 8) = 'dossier-' ORDER BY digest LIMIT $2) n
		ORDER BY digest LIMIT $2`, first, limit)
}

func scanDigest(row pgx.CollectableRow) (hub.Digest, error) {
	raw, err := pgx.RowTo[[]byte](row)
	if err != nil {
		return hub.Digest{}, err
	}
	return sqlkit.Digest(raw)
}

// DispatchesWith lists dispatches that name a content, by id.
func (s *Store) DispatchesWith(ctx context.Context, digest hub.Digest, limit int) ([]hub.DispatchID, error) {
	return collect(ctx, s, pgx.RowTo[hub.DispatchID],
		"SELECT DISTINCT dispatch FROM dispatch_parts WHERE digest = $1 ORDER BY dispatch LIMIT $2", digest[:], limit)
}

// RulesVersion returns the version of classes and holds together.
func (s *Store) RulesVersion(ctx context.Context) (int64, error) {
	found, err := collect(ctx, s, pgx.RowTo[int64], "SELECT value FROM counters WHERE name = 'retention'")
	return first(found, "version", err)
}

// noteArgs are notes to keep column by column, and the names of those to remove.
func noteArgs(notes []hub.RetentionNote) []any {
	names, bodies, gone := []string{}, []string{}, []string{}
	for i := range notes {
		if n := &notes[i]; len(n.Body) == 0 {
			gone = append(gone, n.Name)
		} else {
			names, bodies = append(names, n.Name), append(bodies, string(n.Body))
		}
	}
	return []any{names, bodies, gone}
}

// ChangeRules saves notes that say what is purged, provided that the rules are of the
// version, which then grows by one; else it is KindConflict.
func (s *Store) ChangeRules(ctx context.Context, version int64, notes ...hub.RetentionNote) error {
	changed, err := change(ctx, s, "change the rules of retention", pgx.RowTo[int64], `WITH
		v AS (UPDATE counters SET value = value + 1 WHERE name = 'retention' AND value = $4 RETURNING value),
		n AS (INSERT INTO retention_notes (name, body) SELECT n.name, n.body FROM unnest($1::text[], $2::text[]) AS n (name, body), v
			ON CONFLICT (name) DO UPDATE SET body = excluded.body),
		d AS (DELETE FROM retention_notes USING v WHERE name = ANY ($3::text[]))
		SELECT value FROM v`, append(noteArgs(notes), version)...)
	if err == nil && len(changed) == 0 {
		err = sqlkit.RulesChanged()
	}
	return err
}

// SaveNotes inserts, replaces or, without a body, removes notes.
func (s *Store) SaveNotes(ctx context.Context, notes ...hub.RetentionNote) error {
	return s.exec(ctx, "save notes", saveNotes, noteArgs(notes)...)
}

const saveNotes = `WITH d AS (DELETE FROM retention_notes WHERE name = ANY ($3::text[]))
	INSERT INTO retention_notes (name, body) SELECT n.name, n.body FROM unnest($1::text[], $2::text[]) AS n (name, body)
	ON CONFLICT (name) DO UPDATE SET body = excluded.body`

// SwapNote saves a note in the place of the one that was read, of which the name is the
// same; without a body it was not there, or is removed. KindConflict where another stands
// there.
func (s *Store) SwapNote(ctx context.Context, was, now hub.RetentionNote) error {
	text, args := "UPDATE retention_notes SET body = $3 WHERE name = $1 AND body = $2 RETURNING name", []any{was.Name, string(was.Body), string(now.Body)}
	switch {
	case len(was.Body) == 0:
		text, args = "INSERT INTO retention_notes (name, body) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING name", []any{now.Name, string(now.Body)}
	case len(now.Body) == 0:
		text, args = "DELETE FROM retention_notes WHERE name = $1 AND body = $2 RETURNING name", args[:2]
	}
	moved, err := change(ctx, s, "swap a note", pgx.RowTo[string], text, args...)
	if err == nil && len(moved) == 0 {
		err = sqlkit.NoteMoved(now.Name)
	}
	return err
}

// verdictsText moves the position of a round; everything hangs on the row that moves.
// Whoever moves it at the same time waits for it, and then finds another body.
const verdictsText = `WITH
	p AS (UPDATE retention_notes SET body = $5 WHERE name = $4 AND body = $6 RETURNING name),
	n AS (INSERT INTO retention_notes (name, body) SELECT n.name, n.body FROM unnest($1::text[], $2::text[]) AS n (name, body), p
		ON CONFLICT (name) DO UPDATE SET body = excluded.body),
	d AS (DELETE FROM retention_notes USING p WHERE retention_notes.name = ANY ($3::text[])),
	e AS (INSERT INTO evidences (id, dispatch, delivery, rejected, era, canonical, jws)
		SELECT e.id, e.dispatch, e.delivery, '', $7::integer, e.canonical, e.jws
		FROM unnest($8::text[], $9::text[], $10::text[], $11::bytea[], $12::text[]) WITH ORDINALITY
			AS e (id, dispatch, delivery, canonical, jws, n), p ORDER BY e.n)
	SELECT name FROM p`

// RecordVerdicts records a step of judging again, provided that the position is as it
// was read; else it is KindConflict.
func (s *Store) RecordVerdicts(ctx context.Context, round hub.VerdictRound) error {
	e := evidenceColumns{}
	e.add(0, round.Evidence)
	args := append(noteArgs(round.Notes), round.Position.Name, string(round.Position.Body), string(round.Was.Body), s.era)
	moved, err := change(ctx, s, "record verdicts", pgx.RowTo[string], verdictsText, append(args, e.args()...)...)
	if err == nil && len(moved) == 0 {
		err = sqlkit.RoundMoved()
	}
	return err
}

// Note returns one note; KindNotFound when there is none.
func (s *Store) Note(ctx context.Context, name string) (hub.RetentionNote, error) {
	found, err := collect(ctx, s, scanNote, "SELECT name, body FROM retention_notes WHERE name = $1", name)
	return first(found, "note", err)
}

// Notes lists notes by name.
func (s *Store) Notes(ctx context.Context, q hub.NotesQuery) ([]hub.RetentionNote, error) {
	low, high := sqlkit.NoteRange(&q)
	order := "name"
	if q.Backwards {
		order = "name DESC"
	}
	return collect(ctx, s, scanNote, "SELECT name, body FROM retention_notes WHERE name >= $1 AND name < $2 ORDER BY "+order+" LIMIT $3", low, high, q.Limit)
}

func scanNote(row pgx.CollectableRow) (hub.RetentionNote, error) {
	var n hub.RetentionNote
	var body []byte
	err := row.Scan(&n.Name, &body)
	n.Body = json.RawMessage(body)
	return n, err
}

func scanNoteRecord(row pgx.CollectableRow) (json.RawMessage, error) {
	n, err := scanNote(row)
	if err != nil {
		return nil, err
	}
	return sqlkit.NoteBody(&n)
}
