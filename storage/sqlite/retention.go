package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

// insertParts records which content a new dispatch names, and how many of its
// deliveries are open.
func insertParts(t *tx, d *hub.Dispatch, open int, completedAt int64) error {
	for i := range d.Parts {
		err := t.exec("INSERT INTO dispatch_parts (dispatch, position, digest) VALUES (?, ?, ?)", string(d.ID), i+1, d.Parts[i].Digest[:])
		if err != nil {
			return failed("record a part", err)
		}
	}
	return failed("record the dispatch", t.exec("INSERT INTO completions (dispatch, open, completed_at) VALUES (?, ?, ?)", string(d.ID), open, completedAt))
}

// endDelivery records that one more delivery of a dispatch has ended.
func endDelivery(t *tx, dispatch hub.DispatchID, at time.Time) error {
	return failed("record the end of a delivery", t.exec("UPDATE completions SET open = open - 1, completed_at = max(completed_at, ?) WHERE dispatch = ?",
		sqlkit.Micros(at), string(dispatch)))
}

// Completed lists dispatches of which every delivery has ended, oldest end first.
func (s *Store) Completed(ctx context.Context, q hub.CompletedQuery) ([]hub.Completed, error) {
	return collect(ctx, s.reader, scanCompleted, `SELECT c.completed_at, d.body, e.canonical
		FROM completions c CROSS JOIN dispatches d ON d.id = c.dispatch CROSS JOIN evidences e ON e.id = d.receipt
		WHERE c.open = 0 AND (c.completed_at, c.dispatch) > (?, ?) AND c.completed_at <= ?
		ORDER BY c.completed_at, c.dispatch LIMIT ?`,
		sqlkit.Micros(q.After), string(q.AfterDispatch), sqlkit.Micros(q.Until), q.Limit)
}

func scanCompleted(rows *sql.Rows) (hub.Completed, error) {
	var at int64
	var body, receipt sql.RawBytes
	if err := rows.Scan(&at, &body, &receipt); err != nil {
		return hub.Completed{}, err
	}
	return sqlkit.Completed(at, body, receipt)
}

// Purge removes the content references of dispatches with the evidence of it, in one
// transaction. One that has an open delivery, or whose content is gone, is left out and
// its error, by index, is KindConflict. When the rules have changed the whole is
// KindConflict.
func (s *Store) Purge(ctx context.Context, batch hub.PurgeBatch) ([]error, error) {
	purged := make([]string, len(batch.Items))
	for i := range batch.Items {
		body, err := sqlkit.Encode(&batch.Items[i].Purge)
		if err != nil {
			return nil, err
		}
		purged[i] = body
	}
	results := make([]error, len(batch.Items))
	err := s.do(ctx, 4*len(batch.Items), func(t *tx) error {
		if err := checkRules(ctx, t, batch.Rules); err != nil {
			return err
		}
		for i := range batch.Items {
			done, err := purge(t, &batch.Items[i], purged[i])
			if err != nil {
				return err
			}
			results[i] = nil
			if !done {
				results[i] = sqlkit.NotPurged(batch.Items[i].Dispatch)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return results, nil
}

func purge(t *tx, item *hub.PurgeItem, body string) (bool, error) {
	id := string(item.Dispatch)
	n, err := t.change("DELETE FROM completions WHERE dispatch = ? AND open = 0", id)
	if err != nil || n == 0 {
		return false, failed("purge a dispatch", err)
	}
	if err := t.exec("DELETE FROM dispatch_parts WHERE dispatch = ?", id); err != nil {
		return false, failed("purge a dispatch", err)
	}
	// The body stays as it was, byte for byte, but for its new last member.
	if err := t.exec(`UPDATE dispatches SET body = substr(body, 1, length(body) - 1) || ',"purged":' || ? || '}' WHERE id = ?`, body, id); err != nil {
		return false, failed("purge a dispatch", err)
	}
	return true, insertEvidences(t, "", []hub.SealedEvidence{item.Evidence})
}

func checkRules(ctx context.Context, q queryer, version int64) error {
	current, err := one(ctx, q, "version", scanInt, rulesVersion)
	if err == nil && current != version {
		err = sqlkit.RulesChanged()
	}
	return err
}

const rulesVersion = "SELECT value FROM counters WHERE name = 'retention'"

// Unreferenced returns those of the digests that no dispatch, no status report, no
// upload and no note names.
func (s *Store) Unreferenced(ctx context.Context, digests []hub.Digest) ([]hub.Digest, error) {
	asked, err := sqlkit.Encode(append([]hub.Digest{}, digests...))
	if err != nil {
		return nil, err
	}
	return collect(ctx, s.reader, scanDigest, `SELECT unhex(a.value) FROM json_each(?) a
		WHERE NOT EXISTS (SELECT 1 FROM dispatch_parts WHERE digest = unhex(a.value))
		AND NOT EXISTS (SELECT 1 FROM report_parts WHERE digest = unhex(a.value))
		AND NOT EXISTS (SELECT 1 FROM retention_notes WHERE name >= 'content/' || a.value || '/' AND name < 'content/' || a.value || '0')
		AND a.value NOT IN (SELECT p.value ->> 'sha256' FROM uploads u, json_each(u.body, '$.submission.parts') p WHERE p.value ->> 'sha256' IS NOT NULL)`, asked)
}

// NamedContent lists what dispatches, status reports and dossiers name, in the order of
// digests, each once.
func (s *Store) NamedContent(ctx context.Context, after hub.Digest, limit int) ([]hub.Digest, error) {
	text := "SELECT digest FROM (SELECT DISTINCT digest FROM dispatch_parts WHERE digest > ?1 ORDER BY digest LIMIT ?2)"
	first := after[:]
	if after.IsZero() {
		first = []byte{} // also what has only zeros
	}
	return collect(ctx, s.reader, scanDigest, text+` UNION SELECT digest FROM (SELECT DISTINCT digest FROM report_parts WHERE digest > ?1 ORDER BY digest LIMIT ?2)
		UNION SELECT digest FROM (SELECT DISTINCT unhex(substr(name, 9, 64)) AS digest FROM retention_notes
			WHERE name >= 'content/' || lower(hex(?1)) || '0' AND name < 'content0' AND substr(name, 74, 8) = 'dossier-' ORDER BY digest LIMIT ?2)
		ORDER BY digest LIMIT ?2`, first, limit)
}

func scanDigest(rows *sql.Rows) (hub.Digest, error) {
	var raw sql.RawBytes
	if err := rows.Scan(&raw); err != nil {
		return hub.Digest{}, err
	}
	return sqlkit.Digest(raw)
}

// DispatchesWith lists dispatches that name a content, by id.
func (s *Store) DispatchesWith(ctx context.Context, digest hub.Digest, limit int) ([]hub.DispatchID, error) {
	return collect(ctx, s.reader, func(rows *sql.Rows) (hub.DispatchID, error) {
		id, err := scanText(rows)
		return hub.DispatchID(id), err
	}, "SELECT DISTINCT dispatch FROM dispatch_parts WHERE digest = ? ORDER BY dispatch LIMIT ?", digest[:], limit)
}

// RulesVersion returns the version of classes and holds together.
func (s *Store) RulesVersion(ctx context.Context) (int64, error) {
	return one(ctx, s.reader, "version", scanInt, rulesVersion)
}

// ChangeRules saves notes that say what is purged, provided that the rules are of the
// version, which then grows by one; else it is KindConflict.
func (s *Store) ChangeRules(ctx context.Context, version int64, notes ...hub.RetentionNote) error {
	return s.do(ctx, 1+len(notes), func(t *tx) error {
		n, err := t.change("UPDATE counters SET value = value + 1 WHERE name = 'retention' AND value = ?", version)
		if err != nil {
			return failed("change the rules of retention", err)
		}
		if n == 0 {
			return sqlkit.RulesChanged()
		}
		return saveNotes(t, notes)
	})
}

// SaveNotes inserts, replaces or, without a body, removes notes.
func (s *Store) SaveNotes(ctx context.Context, notes ...hub.RetentionNote) error {
	return s.do(ctx, len(notes), func(t *tx) error { return saveNotes(t, notes) })
}

// SwapNote saves a note in the place of the one that was read, of which the name is the
// same; without a body it was not there, or is removed. KindConflict where another stands
// there.
func (s *Store) SwapNote(ctx context.Context, was, now hub.RetentionNote) error {
	return s.do(ctx, 1, func(t *tx) error {
		var n int64
		var err error
		switch {
		case len(was.Body) == 0:
			n, err = t.change("INSERT OR IGNORE INTO retention_notes (name, body) VALUES (?, ?)", now.Name, string(now.Body))
		case len(now.Body) == 0:
			n, err = t.change("DELETE FROM retention_notes WHERE name = ? AND body = ?", was.Name, string(was.Body))
		default:
			n, err = t.change("UPDATE retention_notes SET body = ? WHERE name = ? AND body = ?", string(now.Body), was.Name, string(was.Body))
		}
		if err == nil && n == 0 {
			return sqlkit.NoteMoved(now.Name)
		}
		return failed("swap a note", err)
	})
}

// RecordVerdicts records a step of judging again, provided that the position is as it
// was read; else it is KindConflict.
func (s *Store) RecordVerdicts(ctx context.Context, round hub.VerdictRound) error {
	return s.do(ctx, 1+len(round.Evidence)+len(round.Notes), func(t *tx) error {
		n, err := t.change("UPDATE retention_notes SET body = ?1 WHERE name = ?2 AND body = ?3",
			string(round.Position.Body), round.Position.Name, string(round.Was.Body))
		if err != nil {
			return failed("record verdicts", err)
		}
		if n == 0 {
			return sqlkit.RoundMoved()
		}
		if err := insertEvidences(t, "", round.Evidence); err != nil {
			return err
		}
		return saveNotes(t, round.Notes)
	})
}

func saveNotes(t *tx, notes []hub.RetentionNote) error {
	for i := range notes {
		var err error
		if n := &notes[i]; len(n.Body) == 0 {
			err = t.exec("DELETE FROM retention_notes WHERE name = ?", n.Name)
		} else {
			err = t.exec("INSERT INTO retention_notes (name, body) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET body = excluded.body", n.Name, string(n.Body))
		}
		if err != nil {
			return failed("save a note", err)
		}
	}
	return nil
}

// Note returns one note; KindNotFound when there is none.
func (s *Store) Note(ctx context.Context, name string) (hub.RetentionNote, error) {
	return one(ctx, s.reader, "note", scanNote, "SELECT name, body FROM retention_notes WHERE name = ?", name)
}

// Notes lists notes by name.
func (s *Store) Notes(ctx context.Context, q hub.NotesQuery) ([]hub.RetentionNote, error) {
	low, high := sqlkit.NoteRange(&q)
	if q.Backwards {
		return collect(ctx, s.reader, scanNote, "SELECT name, body FROM retention_notes WHERE name >= ? AND name < ? ORDER BY name DESC LIMIT ?", low, high, q.Limit)
	}
	return collect(ctx, s.reader, scanNote, "SELECT name, body FROM retention_notes WHERE name >= ? AND name < ? ORDER BY name LIMIT ?", low, high, q.Limit)
}

func scanNote(rows *sql.Rows) (hub.RetentionNote, error) {
	var n hub.RetentionNote
	var body []byte
	err := rows.Scan(&n.Name, &body)
	n.Body = json.RawMessage(body)
	return n, err
}
