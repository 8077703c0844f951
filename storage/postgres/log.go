package postgres

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

// LogShards lists the shards, oldest first.
func (s *Store) LogShards(ctx context.Context) ([]hub.LogShard, error) {
	return collect(ctx, s, sqlkit.ScanShard, "SELECT origin, epoch, size, mark, head, witnessed FROM log_shards ORDER BY number")
}

// logMark is a place in the order of recording before which everything has an index
// and nothing can come any more.
type logMark struct {
	era      int64
	xid      uint64
	position int64
}

func (m logMark) text() hub.LogMark {
	return hub.LogMark(fmt.Sprintf("%d %d %d", m.era, m.xid, m.position))
}

func (m logMark) before(o logMark) bool {
	if m.era != o.era {
		return m.era < o.era
	}
	return m.xid < o.xid || m.xid == o.xid && m.position < o.position
}

func parseMark(mark hub.LogMark) (logMark, error) {
	m := logMark{era: -1}
	if mark == "" {
		return m, nil
	}
	if _, err := fmt.Sscanf(string(mark), "%d %d %d", &m.era, &m.xid, &m.position); err != nil {
		return m, hub.Internal("read a mark of the log", err)
	}
	return m, nil
}

// Unsequenced returns what is recorded and has no index. It takes whatever is visible,
// in whichever order it was committed; the mark stays below every transaction that may
// still bring something.
func (s *Store) Unsequenced(ctx context.Context, mark hub.LogMark, limit int) (hub.LogIntake, error) {
	intake := hub.LogIntake{Mark: mark}
	after, err := parseMark(mark)
	if err != nil {
		return intake, err
	}
	err = s.read(ctx, "read what is not in the log", func(ctx context.Context, c *pgx.Conn) error {
		// Asked first: what was running then may come after what is read next.
		xmin, err := first1(rows(ctx, c, pgx.RowTo[uint64], "SELECT pg_snapshot_xmin(pg_current_snapshot())"))
		if err != nil {
			return err
		}
		notes, err := rows(ctx, c, sqlkit.ScanNoteSource, "SELECT id, body FROM log_notes WHERE pending ORDER BY position LIMIT $1", limit)
		if err != nil {
			return err
		}
		if len(notes) == limit { // no evidence was looked at: the mark stays
			intake.Sources = notes
			return nil
		}
		place := logMark{int64(s.era), xmin - 1, math.MaxInt64}
		last := place
		found, err := rows(ctx, c, func(row pgx.CollectableRow) (source hub.LogSource, err error) {
			err = row.Scan(&last.era, &last.xid, &last.position, &source.ID, &source.Canonical, &source.JWS)
			return source, err
		}, `SELECT era, xid, position, id, canonical, jws FROM evidences e WHERE (era, xid, position) > ($1, $2, $3)
			AND NOT EXISTS (SELECT 1 FROM log_entries l WHERE l.source = e.id) ORDER BY era, xid, position LIMIT $4`,
			after.era, after.xid, after.position, limit-len(notes))
		if err != nil {
			return err
		}
		intake.Sources = append(notes, found...)
		if len(found) == limit-len(notes) && last.before(place) {
			place = last // there may be more
		}
		if after.before(place) {
			intake.Mark = place.text()
		}
		return nil
	})
	if err == nil {
		err = sqlkit.CompleteSources(intake.Sources, func(id hub.EvidenceID) (hub.SealedEvidence, error) { return s.Evidence(ctx, id) })
	}
	return intake, err
}

func first1[T any](found []T, err error) (T, error) { return first(found, "row", err) }

// lockLog lets one statement after the other change the log.
const lockLog = "SELECT pg_advisory_xact_lock(hashtextextended('lienthong appends to the log', 0))"

const appendLogText = `WITH
	newest AS (SELECT max(number) AS number, coalesce(max(epoch), 0) AS epoch, count(*) AS shards,
		count(*) FILTER (WHERE origin = $1 OR size <> published) AS hindering FROM log_shards),
	u AS (UPDATE log_shards s SET size = s.size + $2, epoch = $3, mark = $4 FROM newest
		WHERE s.number = newest.number AND newest.epoch <= $3 AND s.origin = $1 AND s.size = $5 RETURNING s.number),
	n AS (INSERT INTO log_shards (number, origin, epoch, size, published, mark, head, witnessed)
		SELECT shards, $1, $3, $2, 0, $4, '', '' FROM newest WHERE $5 = 0 AND epoch <= $3 AND hindering = 0 RETURNING number),
	s AS (SELECT number FROM u UNION ALL SELECT number FROM n),
	e AS (INSERT INTO log_entries (shard, idx, source, data)
		SELECT s.number, x.idx, x.source, x.data FROM s, unnest($6::bigint[], $7::text[], $8::bytea[]) AS x (idx, source, data)),
	q AS (INSERT INTO log_numbers (shard, agency, number, idx)
		SELECT s.number, y.agency, y.number, y.idx FROM s, unnest($9::text[], $10::bigint[], $11::bigint[]) AS y (agency, number, idx)),
	p AS (UPDATE log_notes SET pending = false FROM s WHERE pending AND id = ANY ($7::text[]))
	SELECT number FROM s`

// AppendLog gives entries the next indexes of the newest shard, or of a new one.
func (s *Store) AppendLog(ctx context.Context, first int64, b hub.LogBatch) error {
	var indexes []int64
	var sources []*string
	var data [][]byte
	var agencies []string
	var numbers, places []int64
	for i := range b.Entries {
		e := &b.Entries[i]
		for _, n := range e.Numbers {
			agencies, numbers, places = append(agencies, string(n.Agency)), append(numbers, n.Number), append(places, e.Index)
		}
		indexes, sources, data = append(indexes, e.Index), append(sources, sqlkit.Pointer(e.Source)), append(data, e.Data)
	}
	return s.changeLog(ctx, "append to the log", appendLogText,
		b.Origin, int64(len(b.Entries)), b.Epoch, string(b.Mark), first, indexes, sources, data, agencies, numbers, places)
}

// TakeLog takes the log for an epoch, and lists the shards.
func (s *Store) TakeLog(ctx context.Context, epoch int64) ([]hub.LogShard, error) {
	err := s.changeLog(ctx, "take the log", `WITH
		newest AS (SELECT max(number) AS number, coalesce(max(epoch), 0) AS epoch FROM log_shards),
		u AS (UPDATE log_shards s SET epoch = $1 FROM newest WHERE s.number = newest.number AND newest.epoch <= $1)
		SELECT 1::bigint FROM newest WHERE epoch <= $1`, epoch)
	if err != nil {
		return nil, err
	}
	return s.LogShards(ctx)
}

// changeLog runs one statement that changes the order of the log and returns a row when
// it did. Nothing else changes it meanwhile.
func (s *Store) changeLog(ctx context.Context, doing, text string, args ...any) error {
	var changed []int64
	err := s.act(ctx, doing, func(ctx context.Context, c *pgx.Conn) error {
		batch := &pgx.Batch{}
		batch.Queue(lockLog)
		batch.Queue(text, args...)
		results := c.SendBatch(ctx, batch)
		_, err := results.Exec()
		if err == nil {
			var found pgx.Rows
			if found, err = results.Query(); err == nil {
				changed, err = pgx.CollectRows(found, pgx.RowTo[int64])
			}
		}
		if closed := results.Close(); err == nil {
			err = closed
		}
		return err
	})
	if err == nil && len(changed) == 0 || state(err) == uniqueViolation {
		return sqlkit.LogRefused()
	}
	return err
}

// LogEntries reads entries of a shard in order, from an index on.
func (s *Store) LogEntries(ctx context.Context, origin string, from int64, limit int) ([]hub.LogEntry, error) {
	return collect(ctx, s, sqlkit.ScanEntry, `SELECT idx, coalesce(source, ''), data FROM log_entries
		WHERE shard = (SELECT number FROM log_shards WHERE origin = $1) AND idx >= $2 ORDER BY idx LIMIT $3`, origin, from, limit)
}

// PublishLog records the newest checkpoint of a shard.
func (s *Store) PublishLog(ctx context.Context, head hub.LogHead) error {
	body, err := sqlkit.Encode(head)
	if err != nil {
		return err
	}
	return s.changeLog(ctx, "publish a checkpoint", `UPDATE log_shards SET head = $1, published = $4, epoch = $2
		WHERE origin = $3 AND epoch <= $2 AND size >= $4 AND published < $4 RETURNING number`, body, head.Epoch, head.Origin, head.Size)
}

// WitnessLog records the newest checkpoint with a quorum of cosignatures.
func (s *Store) WitnessLog(ctx context.Context, head hub.LogHead) error {
	body, err := sqlkit.Encode(head)
	if err != nil {
		return err
	}
	return s.changeLog(ctx, "record cosignatures", `UPDATE log_shards SET witnessed = $1 WHERE origin = $2 AND published >= $3
		AND (witnessed = '' OR (nullif(witnessed, '')::json ->> 'size')::bigint <= $3) RETURNING number`, body, head.Origin, head.Size)
}

// LogPlace tells where the log holds an evidence or a note; KindNotFound while it does
// not.
func (s *Store) LogPlace(ctx context.Context, source string) (hub.LogPlace, error) {
	found, err := collect(ctx, s, func(row pgx.CollectableRow) (p hub.LogPlace, err error) {
		err = row.Scan(&p.Origin, &p.Index, &p.Data)
		return p, err
	}, "SELECT s.origin, e.idx, e.data FROM log_entries e JOIN log_shards s ON s.number = e.shard WHERE e.source = $1", source)
	return first(found, "entry of the log", err)
}

// AddLogNote records a note, which the log will hold.
func (s *Store) AddLogNote(ctx context.Context, n hub.LogNote) error {
	body, err := sqlkit.Encode(n)
	if err != nil {
		return err
	}
	return s.exec(ctx, "record a note", "INSERT INTO log_notes (id, kind, body, pending) VALUES ($1, $2, $3, true)", n.ID, string(n.Kind), body)
}

// LogNotes lists notes of a kind, or of all kinds, newest first.
func (s *Store) LogNotes(ctx context.Context, kind hub.LogNoteKind, limit int) ([]hub.LogNote, error) {
	return collect(ctx, s, scanBody[hub.LogNote],
		"SELECT body FROM log_notes WHERE kind = $1 OR $1 = '' ORDER BY position DESC LIMIT $2", string(kind), limit)
}

// LogNote returns one note; KindNotFound when there is none.
func (s *Store) LogNote(ctx context.Context, id string) (hub.LogNote, error) {
	found, err := collect(ctx, s, scanBody[hub.LogNote], "SELECT body FROM log_notes WHERE id = $1", id)
	return first(found, "note", err)
}

// AddLogStamp keeps a time-stamped checkpoint.
func (s *Store) AddLogStamp(ctx context.Context, stamp hub.LogStamp) error {
	body, err := sqlkit.Encode(stamp)
	if err != nil {
		return err
	}
	return s.exec(ctx, "keep a time-stamp", "INSERT INTO log_stamps (shard, size, time, body) SELECT number, $1, $2, $3 FROM log_shards WHERE origin = $4 ON CONFLICT DO NOTHING",
		stamp.Size, sqlkit.Micros(stamp.Time), body, stamp.Origin)
}

// LogStamps lists the time-stamped checkpoints of a shard from a size on, smallest
// first.
func (s *Store) LogStamps(ctx context.Context, origin string, size int64, limit int) ([]hub.LogStamp, error) {
	return collect(ctx, s, scanBody[hub.LogStamp], `SELECT body FROM log_stamps
		WHERE shard = (SELECT number FROM log_shards WHERE origin = $1) AND size >= $2 ORDER BY size, time LIMIT $3`, origin, size, limit)
}

// AddLogRenewal keeps a further token for a time-stamped checkpoint, together with the
// note of it.
func (s *Store) AddLogRenewal(ctx context.Context, r hub.LogRenewal, note hub.LogNote) error {
	body, noted, err := sqlkit.EncodeNoted(r, note)
	if err != nil {
		return err
	}
	added, err := change(ctx, s, "renew a time-stamp", pgx.RowTo[string], `WITH r AS (
			INSERT INTO log_renewals (shard, size, stamped, number, body)
			SELECT p.shard, p.size, p.time, $4::bigint, $5 FROM log_stamps p JOIN log_shards s ON s.number = p.shard
			WHERE s.origin = $1 AND p.size = $2 AND p.time = $3 AND $4::bigint = 1 + (
				SELECT count(*) FROM log_renewals r WHERE r.shard = p.shard AND r.size = p.size AND r.stamped = p.time)
			ON CONFLICT DO NOTHING RETURNING number)
		INSERT INTO log_notes (id, kind, body, pending) SELECT $6, $7, $8, true FROM r RETURNING id`,
		r.Origin, r.Size, sqlkit.Micros(r.Stamped), r.Number, body, note.ID, string(note.Kind), noted)
	if err == nil && len(added) == 0 {
		err = sqlkit.NotNextRenewal(&r)
	}
	return err
}

// LogRenewals lists the further tokens of a time-stamped checkpoint, in order.
func (s *Store) LogRenewals(ctx context.Context, origin string, size int64, stamped time.Time) ([]hub.LogRenewal, error) {
	return collect(ctx, s, scanBody[hub.LogRenewal], `SELECT body FROM log_renewals
		WHERE shard = (SELECT number FROM log_shards WHERE origin = $1) AND size = $2 AND stamped = $3 ORDER BY number`, origin, size, sqlkit.Micros(stamped))
}

// The records of the log in an archive.

func logSources() []recordSource {
	return []recordSource{
		{hub.RecordLogNote, "SELECT body FROM log_notes ORDER BY position", scanRaw},
		{hub.RecordLogShard, "SELECT origin, size, head, witnessed FROM log_shards ORDER BY number", sqlkit.ScanShardRecord[pgx.CollectableRow]},
		{hub.RecordLogEntry, "SELECT shard, idx, coalesce(source, ''), data FROM log_entries ORDER BY shard, idx", sqlkit.ScanEntryRecord[pgx.CollectableRow]},
		{hub.RecordLogNumber, sqlkit.LogNumberText, sqlkit.ScanNumberRecord[pgx.CollectableRow]},
		{hub.RecordLogStamp, "SELECT body FROM log_stamps ORDER BY shard, size, time", scanRaw},
		{hub.RecordLogRenewal, "SELECT body FROM log_renewals ORDER BY shard, size, stamped, number", scanRaw},
	}
}

// log inserts records of the log.
func (i *importer) log(kind hub.RecordKind) error {
	switch kind {
	case hub.RecordLogNote:
		return insert(i, `INSERT INTO log_notes (id, kind, body, pending) SELECT n.id, n.kind, n.body, true
			FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS n (id, kind, body, place) ORDER BY n.place`,
			func(c *columns, r *hub.Record, n *hub.LogNote) { c.add(n.ID, string(n.Kind), string(r.Body)) })
	case hub.RecordLogShard:
		var failure error
		err := insert(i, `INSERT INTO log_shards (number, origin, epoch, size, published, mark, head, witnessed)
			SELECT (SELECT count(*) FROM log_shards) + s.place - 1, s.origin, 0, s.size, s.published, '', s.head, s.witnessed
			FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[], $5::text[]) WITH ORDINALITY AS s (origin, size, published, head, witnessed, place)`,
			func(c *columns, _ *hub.Record, s *hub.LogShardRecord) {
				head, err := sqlkit.HeadColumn(s.Head)
				if err != nil {
					failure = err
				}
				witnessed, err := sqlkit.HeadColumn(s.Witnessed)
				if err != nil {
					failure = err
				}
				published := int64(0)
				if s.Head != nil {
					published = s.Head.Size
				}
				c.add(s.Origin, s.Size, published, head, witnessed)
			})
		if err == nil {
			err = failure
		}
		return err
	case hub.RecordLogEntry:
		return insert(i, `WITH x AS (SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::bytea[]) AS x (shard, idx, source, data)),
			p AS (UPDATE log_notes n SET pending = false FROM x WHERE n.pending AND n.id = x.source)
			INSERT INTO log_entries (shard, idx, source, data) SELECT shard, idx, nullif(source, ''), data FROM x`,
			func(c *columns, _ *hub.Record, e *hub.LogEntryRecord) { c.add(e.Shard, e.Index, e.Source, e.Data) })
	case hub.RecordLogNumber:
		return insert(i, "INSERT INTO log_numbers (shard, agency, number, idx) SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[])",
			func(c *columns, _ *hub.Record, n *hub.LogNumberRecord) {
				c.add(n.Shard, string(n.Agency), n.Number, n.Index)
			})
	case hub.RecordLogRenewal:
		return insert(i, `INSERT INTO log_renewals (shard, size, stamped, number, body) SELECT s.number, x.size, x.stamped, x.number, x.body
			FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[], $5::text[]) AS x (size, stamped, number, body, origin) JOIN log_shards s ON s.origin = x.origin`,
			func(c *columns, r *hub.Record, n *hub.LogRenewal) {
				c.add(n.Size, sqlkit.Micros(n.Stamped), int64(n.Number), string(r.Body), n.Origin)
			})
	default:
		return insert(i, `INSERT INTO log_stamps (shard, size, time, body) SELECT s.number, x.size, x.time, x.body
			FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[]) AS x (size, time, body, origin) JOIN log_shards s ON s.origin = x.origin`,
			func(c *columns, r *hub.Record, s *hub.LogStamp) {
				c.add(s.Size, sqlkit.Micros(s.Time), string(r.Body), s.Origin)
			})
	}
}
