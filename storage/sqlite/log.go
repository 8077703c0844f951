package sqlite

import (
	"context"
	"database/sql"
	"strconv"
	"time"

	sqlite3 "modernc.org/sqlite/lib"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

// LogShards lists the shards, oldest first.
func (s *Store) LogShards(ctx context.Context) ([]hub.LogShard, error) {
	return collect(ctx, s.reader, sqlkit.ScanShard, "SELECT origin, epoch, size, mark, head, witnessed FROM log_shards ORDER BY number")
}

// Unsequenced returns what is recorded and has no index. The mark is a position: there
// is one writer, so what comes later has a greater one.
func (s *Store) Unsequenced(ctx context.Context, mark hub.LogMark, limit int) (hub.LogIntake, error) {
	intake := hub.LogIntake{Mark: mark}
	var after int64
	if mark != "" {
		var err error
		if after, err = sqlkit.ParseNumber(string(mark)); err != nil {
			return intake, err
		}
	}
	notes, err := collect(ctx, s.reader, sqlkit.ScanNoteSource, "SELECT id, body FROM log_notes WHERE pending = 1 ORDER BY position LIMIT ?", limit)
	if err != nil {
		return intake, err
	}
	type placed struct {
		position int64
		source   hub.LogSource
	}
	found, err := collect(ctx, s.reader, func(rows *sql.Rows) (p placed, err error) {
		err = rows.Scan(&p.position, &p.source.ID, &p.source.Canonical, &p.source.JWS)
		return p, err
	}, `SELECT position, id, canonical, jws FROM evidences e WHERE position > ?
		AND NOT EXISTS (SELECT 1 FROM log_entries l WHERE l.source = e.id) ORDER BY position LIMIT ?`, after, limit-len(notes))
	if err != nil {
		return intake, err
	}
	intake.Sources = notes
	for i := range found {
		intake.Sources = append(intake.Sources, found[i].source)
	}
	if err := sqlkit.CompleteSources(intake.Sources, func(id hub.EvidenceID) (hub.SealedEvidence, error) { return s.Evidence(ctx, id) }); err != nil {
		return intake, err
	}
	if n := len(found); n > 0 {
		intake.Mark = hub.LogMark(strconv.FormatInt(found[n-1].position, 10))
	}
	return intake, nil
}

// AppendLog gives entries the next indexes of the newest shard, or of a new one.
func (s *Store) AppendLog(ctx context.Context, first int64, b hub.LogBatch) error {
	rows := 2 * len(b.Entries)
	for i := range b.Entries {
		rows += len(b.Entries[i].Numbers)
	}
	return s.doAhead(ctx, rows, func(t *tx) error {
		n, err := t.change(`UPDATE log_shards SET size = size + ?1, epoch = ?2, mark = ?3
			WHERE origin = ?4 AND size = ?5 AND epoch <= ?2 AND number = (SELECT max(number) FROM log_shards)`,
			len(b.Entries), b.Epoch, string(b.Mark), b.Origin, first)
		if err == nil && n == 0 && first == 0 {
			n, err = t.change(`INSERT INTO log_shards (number, origin, epoch, size, mark, head, witnessed) -- the one before is published to its end
				SELECT count(*), ?1, ?2, ?3, ?4, '', '' FROM log_shards WHERE true
				HAVING coalesce(max(epoch), 0) <= ?2 AND coalesce(sum(origin = ?1 OR size <> coalesce(nullif(head, '') ->> '$.size', 0)), 0) = 0`,
				b.Origin, b.Epoch, len(b.Entries), string(b.Mark))
		}
		if err == nil && n == 0 {
			err = sqlkit.LogRefused()
		}
		if err == nil {
			err = appendEntries(ctx, t, b.Entries)
		}
		return failed("append to the log", err)
	})
}

// TakeLog takes the log for an epoch, and lists the shards.
func (s *Store) TakeLog(ctx context.Context, epoch int64) ([]hub.LogShard, error) {
	err := s.do(ctx, 1, func(t *tx) error {
		overtaken, err := collect(ctx, t, sqlkit.ScanShard, "SELECT origin, epoch, size, mark, head, witnessed FROM log_shards WHERE epoch > ?", epoch)
		if err == nil && len(overtaken) > 0 {
			return sqlkit.LogRefused()
		}
		if err == nil {
			err = t.exec("UPDATE log_shards SET epoch = ?1 WHERE number = (SELECT max(number) FROM log_shards) AND epoch < ?1", epoch)
		}
		return failed("take the log", err)
	})
	if err != nil {
		return nil, err
	}
	return s.LogShards(ctx)
}

// appendEntries adds entries to the newest shard. It is done for every evidence, so few
// statements do it for many.
func appendEntries(ctx context.Context, t *tx, entries []hub.LogEntry) error {
	shard, err := one(ctx, t, "shard", scanInt, "SELECT max(number) FROM log_shards")
	if err != nil {
		return err
	}
	rows, sources := make([][]any, len(entries)), make([]string, len(entries))
	var numbers [][]any
	for i := range entries {
		e := &entries[i]
		rows[i], sources[i] = []any{shard, e.Index, sqlkit.Pointer(e.Source), e.Data}, e.Source
		for _, n := range e.Numbers {
			numbers = append(numbers, []any{shard, string(n.Agency), n.Number, e.Index})
		}
	}
	err = t.insert("INSERT INTO log_entries (shard, idx, source, data) VALUES", rows)
	if err == nil {
		err = t.insert("INSERT INTO log_numbers (shard, agency, number, idx) VALUES", numbers)
	}
	if primaryCode(err) == sqlite3.SQLITE_CONSTRAINT {
		return sqlkit.LogRefused()
	}
	if err != nil {
		return err
	}
	return t.exec("UPDATE log_notes SET pending = 0 WHERE pending = 1 AND id IN (SELECT value FROM json_each(?))", list(sources))
}

// LogEntries reads entries of a shard in order, from an index on.
func (s *Store) LogEntries(ctx context.Context, origin string, from int64, limit int) ([]hub.LogEntry, error) {
	return collect(ctx, s.reader, sqlkit.ScanEntry, `SELECT idx, coalesce(source, ''), data FROM log_entries
		WHERE shard = (SELECT number FROM log_shards WHERE origin = ?) AND idx >= ? ORDER BY idx LIMIT ?`, origin, from, limit)
}

// PublishLog records the newest checkpoint of a shard.
func (s *Store) PublishLog(ctx context.Context, head hub.LogHead) error {
	body, err := sqlkit.Encode(head)
	if err != nil {
		return err
	}
	return s.doAhead(ctx, 1, func(t *tx) error {
		n, err := t.change(`UPDATE log_shards SET head = ?1, epoch = ?2 WHERE origin = ?3 AND epoch <= ?2
			AND size >= ?4 AND (head = '' OR nullif(head, '') ->> '$.size' < ?4)`, body, head.Epoch, head.Origin, head.Size)
		if err == nil && n == 0 {
			err = sqlkit.LogRefused()
		}
		return failed("publish a checkpoint", err)
	})
}

// WitnessLog records the newest checkpoint with a quorum of cosignatures.
func (s *Store) WitnessLog(ctx context.Context, head hub.LogHead) error {
	body, err := sqlkit.Encode(head)
	if err != nil {
		return err
	}
	return s.do(ctx, 1, func(t *tx) error {
		n, err := t.change(`UPDATE log_shards SET witnessed = ?1 WHERE origin = ?2 AND head <> '' AND nullif(head, '') ->> '$.size' >= ?3
			AND (witnessed = '' OR nullif(witnessed, '') ->> '$.size' <= ?3)`, body, head.Origin, head.Size)
		if err == nil && n == 0 {
			err = sqlkit.LogRefused()
		}
		return failed("record cosignatures", err)
	})
}

// LogPlace tells where the log holds an evidence or a note; KindNotFound while it does
// not.
func (s *Store) LogPlace(ctx context.Context, source string) (hub.LogPlace, error) {
	return one(ctx, s.reader, "entry of the log", func(rows *sql.Rows) (p hub.LogPlace, err error) {
		err = rows.Scan(&p.Origin, &p.Index, &p.Data)
		return p, err
	}, "SELECT s.origin, e.idx, e.data FROM log_entries e JOIN log_shards s ON s.number = e.shard WHERE e.source = ?", source)
}

// AddLogNote records a note, which the log will hold.
func (s *Store) AddLogNote(ctx context.Context, n hub.LogNote) error {
	body, err := sqlkit.Encode(n)
	if err != nil {
		return err
	}
	return s.do(ctx, 1, func(t *tx) error {
		return failed("record a note", t.exec("INSERT INTO log_notes (id, kind, body, pending) VALUES (?, ?, ?, 1)", n.ID, string(n.Kind), body))
	})
}

// LogNotes lists notes of a kind, or of all kinds, newest first.
func (s *Store) LogNotes(ctx context.Context, kind hub.LogNoteKind, limit int) ([]hub.LogNote, error) {
	return collect(ctx, s.reader, scanBody[hub.LogNote],
		"SELECT body FROM log_notes WHERE kind = ?1 OR ?1 = '' ORDER BY position DESC LIMIT ?2", string(kind), limit)
}

// LogNote returns one note; KindNotFound when there is none.
func (s *Store) LogNote(ctx context.Context, id string) (hub.LogNote, error) {
	return one(ctx, s.reader, "note", scanBody[hub.LogNote], "SELECT body FROM log_notes WHERE id = ?", id)
}

// AddLogStamp keeps a time-stamped checkpoint.
func (s *Store) AddLogStamp(ctx context.Context, stamp hub.LogStamp) error {
	body, err := sqlkit.Encode(stamp)
	if err != nil {
		return err
	}
	return s.do(ctx, 1, func(t *tx) error {
		return failed("keep a time-stamp", t.exec("INSERT INTO log_stamps (shard, size, time, body) SELECT number, ?, ?, ? FROM log_shards WHERE origin = ? ON CONFLICT DO NOTHING",
			stamp.Size, sqlkit.Micros(stamp.Time), body, stamp.Origin))
	})
}

// LogStamps lists the time-stamped checkpoints of a shard from a size on, smallest
// first.
func (s *Store) LogStamps(ctx context.Context, origin string, size int64, limit int) ([]hub.LogStamp, error) {
	return collect(ctx, s.reader, scanBody[hub.LogStamp], `SELECT body FROM log_stamps
		WHERE shard = (SELECT number FROM log_shards WHERE origin = ?) AND size >= ? ORDER BY size, time LIMIT ?`, origin, size, limit)
}

// AddLogRenewal keeps a further token for a time-stamped checkpoint, together with the
// note of it.
func (s *Store) AddLogRenewal(ctx context.Context, r hub.LogRenewal, note hub.LogNote) error {
	body, noted, err := sqlkit.EncodeNoted(r, note)
	if err != nil {
		return err
	}
	return s.do(ctx, 2, func(t *tx) error {
		added, err := t.change(`INSERT INTO log_renewals (shard, size, stamped, number, body)
			SELECT p.shard, p.size, p.time, ?4, ?5 FROM log_stamps p JOIN log_shards s ON s.number = p.shard
			WHERE s.origin = ?1 AND p.size = ?2 AND p.time = ?3 AND ?4 = 1 + (
				SELECT count(*) FROM log_renewals r WHERE r.shard = p.shard AND r.size = p.size AND r.stamped = p.time)`,
			r.Origin, r.Size, sqlkit.Micros(r.Stamped), r.Number, body)
		if err != nil {
			return failed("renew a time-stamp", err)
		}
		if added == 0 {
			return sqlkit.NotNextRenewal(&r)
		}
		return failed("record a note", t.exec("INSERT INTO log_notes (id, kind, body, pending) VALUES (?, ?, ?, 1)", note.ID, string(note.Kind), noted))
	})
}

// LogRenewals lists the further tokens of a time-stamped checkpoint, in order.
func (s *Store) LogRenewals(ctx context.Context, origin string, size int64, stamped time.Time) ([]hub.LogRenewal, error) {
	return collect(ctx, s.reader, scanBody[hub.LogRenewal], `SELECT body FROM log_renewals
		WHERE shard = (SELECT number FROM log_shards WHERE origin = ?) AND size = ? AND stamped = ? ORDER BY number`, origin, size, sqlkit.Micros(stamped))
}

// The records of the log in an archive.

func logSources() []recordSource {
	return []recordSource{
		{hub.RecordLogNote, "SELECT body FROM log_notes ORDER BY position", scanRaw},
		{hub.RecordLogShard, "SELECT origin, size, head, witnessed FROM log_shards ORDER BY number", sqlkit.ScanShardRecord[*sql.Rows]},
		{hub.RecordLogEntry, "SELECT shard, idx, coalesce(source, ''), data FROM log_entries ORDER BY shard, idx", sqlkit.ScanEntryRecord[*sql.Rows]},
		{hub.RecordLogNumber, sqlkit.LogNumberText, sqlkit.ScanNumberRecord[*sql.Rows]},
		{hub.RecordLogStamp, "SELECT body FROM log_stamps ORDER BY shard, size, time", scanRaw},
		{hub.RecordLogRenewal, "SELECT body FROM log_renewals ORDER BY shard, size, stamped, number", scanRaw},
	}
}

func (t *tx) importLog(r *hub.Record) error {
	switch r.Kind {
	case hub.RecordLogNote:
		return importAs(r, func(n *hub.LogNote) error {
			return t.exec("INSERT INTO log_notes (id, kind, body, pending) VALUES (?, ?, ?, 1)", n.ID, string(n.Kind), string(r.Body))
		})
	case hub.RecordLogShard:
		return importAs(r, func(s *hub.LogShardRecord) error {
			head, err := sqlkit.HeadColumn(s.Head)
			if err != nil {
				return err
			}
			witnessed, err := sqlkit.HeadColumn(s.Witnessed)
			if err != nil {
				return err
			}
			return t.exec(`INSERT INTO log_shards (number, origin, epoch, size, mark, head, witnessed)
				SELECT count(*), ?, 0, ?, '', ?, ? FROM log_shards`, s.Origin, s.Size, head, witnessed)
		})
	case hub.RecordLogEntry:
		return importAs(r, func(e *hub.LogEntryRecord) error {
			err := t.exec("INSERT INTO log_entries (shard, idx, source, data) VALUES (?, ?, ?, ?)", e.Shard, e.Index, sqlkit.Pointer(e.Source), e.Data)
			if err == nil && e.Source != "" {
				err = t.exec("UPDATE log_notes SET pending = 0 WHERE pending = 1 AND id = ?", e.Source)
			}
			return err
		})
	case hub.RecordLogNumber:
		return importAs(r, func(n *hub.LogNumberRecord) error {
			return t.exec("INSERT INTO log_numbers (shard, agency, number, idx) VALUES (?, ?, ?, ?)", n.Shard, string(n.Agency), n.Number, n.Index)
		})
	case hub.RecordLogStamp:
		return importAs(r, func(s *hub.LogStamp) error {
			return t.exec("INSERT INTO log_stamps (shard, size, time, body) SELECT number, ?, ?, ? FROM log_shards WHERE origin = ?",
				s.Size, sqlkit.Micros(s.Time), string(r.Body), s.Origin)
		})
	case hub.RecordLogRenewal:
		return importAs(r, func(n *hub.LogRenewal) error {
			return t.exec("INSERT INTO log_renewals (shard, size, stamped, number, body) SELECT number, ?, ?, ?, ? FROM log_shards WHERE origin = ?",
				n.Size, sqlkit.Micros(n.Stamped), n.Number, string(r.Body), n.Origin)
		})
	}
	return sqlkit.UnknownKind(r.Kind)
}
