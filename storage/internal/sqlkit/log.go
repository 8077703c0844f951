package sqlkit

import (
	"encoding/json"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Row is a row of a result, of whatever driver.
type Row interface{ Scan(dest ...any) error }

// ScanShard reads origin, epoch, size, mark, head and witnessed.
func ScanShard[R Row](row R) (hub.LogShard, error) {
	var l hub.LogShard
	var head, witnessed []byte
	err := row.Scan(&l.Origin, &l.Epoch, &l.Size, (*string)(&l.Mark), &head, &witnessed)
	if err == nil {
		l.Head, err = LogHead(head)
	}
	if err == nil {
		l.Witnessed, err = LogHead(witnessed)
	}
	l.Head.Epoch = l.Epoch
	return l, err
}

// ScanNoteSource reads id and body of a note that waits for an index.
func ScanNoteSource[R Row](row R) (hub.LogSource, error) {
	var source hub.LogSource
	var body []byte
	err := row.Scan(&source.ID, &body)
	if err == nil {
		var note hub.LogNote
		note, err = Decode[hub.LogNote](body)
		source.Note = &note
	}
	return source, err
}

// ScanEntry reads index, source and data.
func ScanEntry[R Row](row R) (hub.LogEntry, error) {
	var e hub.LogEntry
	err := row.Scan(&e.Index, &e.Source, &e.Data)
	return e, err
}

// ScanShardRecord reads origin, size, head and witnessed into the record of a shard.
func ScanShardRecord[R Row](row R) (json.RawMessage, error) {
	var origin string
	var size int64
	var head, witnessed []byte
	if err := row.Scan(&origin, &size, &head, &witnessed); err != nil {
		return nil, err
	}
	return shardBody(origin, size, head, witnessed)
}

// ScanEntryRecord reads shard, index, source and data into the record of an entry.
func ScanEntryRecord[R Row](row R) (json.RawMessage, error) {
	var shard int64
	var e hub.LogEntry
	if err := row.Scan(&shard, &e.Index, &e.Source, &e.Data); err != nil {
		return nil, err
	}
	return marshal(hub.LogEntryRecord{Shard: shard, LogEntry: e})
}

// LogHead returns a checkpoint of a column: empty when there is none.
func LogHead(body []byte) (hub.LogHead, error) {
	if len(body) == 0 {
		return hub.LogHead{}, nil
	}
	return Decode[hub.LogHead](body)
}

// shardBody is the record of a shard, with checkpoints as their columns hold them.
func shardBody(origin string, size int64, head, witnessed []byte) (json.RawMessage, error) {
	s := hub.LogShardRecord{Origin: origin, Size: size}
	var err error
	if s.Head, err = headOf(head); err != nil {
		return nil, err
	}
	if s.Witnessed, err = headOf(witnessed); err != nil {
		return nil, err
	}
	return marshal(s)
}

func headOf(body []byte) (*hub.LogHead, error) {
	if len(body) == 0 {
		return nil, nil //nolint:nilnil // there is none
	}
	head, err := LogHead(body)
	return &head, err
}

// HeadColumn is what a column holds for a checkpoint of a record.
func HeadColumn(head *hub.LogHead) (string, error) {
	if head == nil {
		return "", nil
	}
	return Encode(head)
}

// LogRefused says that a step of the log does not follow what stands.
func LogRefused() error {
	return hub.Errorf(hub.KindConflict, "log", "order",
		"this step does not follow the last one: another node lets the log grow, or the shard is not the newest")
}

// NotNextRenewal says that a renewal is not the next one of a time-stamp that is there.
func NotNextRenewal(r *hub.LogRenewal) error {
	return hub.Errorf(hub.KindConflict, "renewal", "order",
		"the time-stamp over %d entries of %s is not there, or renewal %d is not its next one: another was made meanwhile", r.Size, r.Origin, r.Number)
}

// Pointer returns nil for the empty text, as a column that may be NULL wants it.
func Pointer(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// LogRowTexts are the statements that read what ScanLogRow takes: the log in its order with
// what it is about, then what has no entry. jws reads the JWS of an evidence e; the order
// is that of recording them.
func LogRowTexts(jws, order string) []string {
	return []string{
		`SELECT coalesce(s.origin, '?'), l.idx, l.data, coalesce(l.source, ''), e.canonical, coalesce(` + jws + `, ''), coalesce(e.dispatch, ''), coalesce(e.delivery, ''), coalesce(e.rejected, ''), n.body
			FROM log_entries l LEFT JOIN log_shards s ON s.number = l.shard LEFT JOIN evidences e ON e.id = l.source LEFT JOIN log_notes n ON n.id = l.source
			ORDER BY l.shard, l.idx`,
		`SELECT '', 0, NULL, e.id, e.canonical, ` + jws + `, e.dispatch, e.delivery, e.rejected, NULL
			FROM evidences e WHERE NOT EXISTS (SELECT 1 FROM log_entries l WHERE l.source = e.id) ORDER BY ` + order,
		`SELECT '', 0, NULL, n.id, NULL, '', '', '', '', n.body
			FROM log_notes n WHERE NOT EXISTS (SELECT 1 FROM log_entries l WHERE l.source = n.id) ORDER BY n.position`,
	}
}

// ScanLogRow reads origin, index and data of an entry, its source, canonical bytes,
// signature, dispatch, delivery and refused sender of its evidence, and the body of its note.
func ScanLogRow[R Row](row R) (hub.LogRow, error) {
	var l hub.LogRow
	err := row.Scan(&l.Origin, &l.Index, &l.Data, &l.Source, &l.Canonical, &l.JWS, (*string)(&l.Dispatch), (*string)(&l.Delivery), (*string)(&l.Rejected), &l.Note)
	return l, err
}

// LogTokenText reads what ScanLogToken takes: each time-stamp with its renewals, by shard,
// size and time.
//
//nolint:gosec // tokens of time-stamps are no credentials
const LogTokenText = `SELECT coalesce(s.origin, '?'), x.size, x.time, x.number, x.body FROM (
		SELECT shard, size, time, 0 AS number, body FROM log_stamps UNION ALL SELECT shard, size, stamped, number, body FROM log_renewals
	) x LEFT JOIN log_shards s ON s.number = x.shard ORDER BY x.shard, x.size, x.time, x.number`

// ScanLogToken reads origin, size, time and number of a time-stamp or renewal, and its body.
func ScanLogToken[R Row](row R) (hub.LogTokenRow, error) {
	var t hub.LogTokenRow
	var stamped int64
	err := row.Scan(&t.Origin, &t.Size, &stamped, &t.Number, &t.Body)
	t.Stamped = time.UnixMicro(stamped).UTC()
	return t, err
}
