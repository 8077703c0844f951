package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"io/fs"
	"iter"
	"net/url"
	"path"
	"strconv"
	"strings"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

// Archive reads a database as a whole. It never writes to it and needs no right to it
// alone: the hub that the database belongs to may go on working. While it reads, the
// write-ahead log of a running hub grows.
type Archive struct {
	db *sql.DB
}

// OpenArchive opens the database of a stopped or running hub for reading. A database
// that is not of this program's schema is KindUnsupported, one that is not there
// KindNotFound.
func OpenArchive(ctx context.Context, file string) (*Archive, error) {
	query := url.Values{"mode": {"ro"}, "_pragma": {"busy_timeout(10000)", "query_only(ON)", "cache_size(-8000)", "temp_store(MEMORY)"}}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: file}).EscapedPath(), RawQuery: query.Encode()}).String())
	if err != nil {
		return nil, hub.Internal("open the database", err)
	}
	db.SetMaxOpenConns(1)
	a := &Archive{db}
	if err := a.checkVersion(ctx, file); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return a, nil
}

func (a *Archive) checkVersion(ctx context.Context, file string) error {
	target, err := newestVersion()
	if err != nil {
		return err
	}
	var current int64
	err = a.db.QueryRowContext(ctx, "SELECT coalesce(max(version_id), 0) FROM goose_db_version WHERE is_applied").Scan(&current)
	switch {
	case err != nil:
		return &hub.Error{Kind: hub.KindNotFound, Field: "database", Message: "there is no database of a hub at " + file, Err: err}
	case current != target:
		return hub.Errorf(hub.KindUnsupported, "database", "schema",
			"the database has schema version %d, this program reads version %d: use the program that the hub runs", current, target)
	}
	return nil
}

// newestVersion is the version of the schema that this program brings databases to.
func newestVersion() (int64, error) {
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil || len(files) == 0 {
		return 0, hub.Internal("read the migrations", err)
	}
	number, _, _ := strings.Cut(path.Base(files[len(files)-1]), "_") // sorted by name
	version, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return 0, hub.Internal("read the migrations", err)
	}
	return version, nil
}

// Close closes the database.
func (a *Archive) Close() error { return a.db.Close() }

// Export hands out all state as records, of one instant, in the order of
// hub.RecordKinds. An error of emit ends it and is returned as it is.
func (a *Archive) Export(ctx context.Context, emit func(hub.Record) error) error {
	return a.snapshot(ctx, func(c *sql.Conn) error {
		for _, source := range recordSources() {
			if err := source.emit(ctx, c, emit); err != nil {
				return err
			}
		}
		return nil
	})
}

// Export is Archive.Export of an open store.
func (s *Store) Export(ctx context.Context, emit func(hub.Record) error) error {
	return (&Archive{s.reader.db}).Export(ctx, emit)
}

// snapshot runs read in one transaction, which sees the database as it was at its
// first statement.
func (a *Archive) snapshot(ctx context.Context, read func(*sql.Conn) error) error {
	conn, err := a.db.Conn(ctx)
	if err != nil {
		return failed("read the database", err)
	}
	defer conn.Close() //nolint:errcheck // was only read
	if _, err := conn.ExecContext(ctx, "BEGIN"); err != nil {
		return failed("read the database", err)
	}
	defer func() { _, _ = conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK") }() // nothing was written
	return failed("read the database", read(conn))
}

// recordSource is where the records of a kind come from.
type recordSource struct {
	kind hub.RecordKind
	text string
	scan func(*sql.Rows) (json.RawMessage, error)
}

// recordSources are in the order of hub.RecordKinds.
func recordSources() []recordSource {
	return append([]recordSource{
		{hub.RecordAgency, "SELECT body FROM agencies ORDER BY id", scanRaw},
		{hub.RecordCounter, "SELECT name, value FROM counters ORDER BY name", scanNamed[int64]},
		{hub.RecordSetting, "SELECT name, value FROM settled ORDER BY name", scanNamed[string]},
		{hub.RecordKey, "SELECT body FROM api_keys ORDER BY id", scanRaw},
		{hub.RecordKeyUse, "SELECT id, used FROM api_keys WHERE used > 0 ORDER BY id", scanNamed[int64]},
		{hub.RecordUpload, "SELECT body FROM uploads ORDER BY id", scanRaw},
		{hub.RecordAccount, "SELECT body FROM accounts ORDER BY name", scanRaw},
		{hub.RecordRegister, "SELECT agency, year, number, delivery FROM register_numbers ORDER BY agency, year, number", scanNumberRecord},
		{hub.RecordRegisterYear, "SELECT body FROM register_years ORDER BY agency, year", scanRaw},
		{hub.RecordOutgoing, "SELECT body FROM outgoing_numbers ORDER BY agency, year, series, number", scanRaw},
		{hub.RecordProcedure, "SELECT body FROM procedure_versions ORDER BY code, number", scanRaw},
		{hub.RecordProcedureAct, "SELECT body FROM procedure_changes ORDER BY seq", scanRaw},
		{hub.RecordDossier, "SELECT body FROM dossiers ORDER BY id", scanRaw},
		{hub.RecordDossierEvent, "SELECT dossier, body FROM dossier_events ORDER BY dossier, seq", scanDossierRecord},
		{hub.RecordDossierNews, sqlkit.DossierNewsRows, sqlkit.ScanDossierNewsRecord[*sql.Rows]},
		{hub.RecordInspection, "SELECT body FROM inspections ORDER BY id", scanRaw},
		{hub.RecordInspectionEvent, "SELECT inspection, body FROM inspection_events ORDER BY inspection, seq", scanInspectionRecord},
		{hub.RecordPostal, "SELECT body FROM postal_orders ORDER BY id", scanRaw},
		{hub.RecordFeedback, "SELECT body FROM feedback ORDER BY agency, id", scanRaw},
		{hub.RecordSubscription, "SELECT body FROM subscriptions ORDER BY id", scanRaw},
		{hub.RecordPush, "SELECT " + sqlkit.PushColumns + " FROM pushes ORDER BY subscription, place", sqlkit.ScanPushRecord[*sql.Rows]},
		{hub.RecordDispatch, `SELECT d.body, d.reports, d.receipt,
			coalesce((SELECT min(id) FROM deliveries WHERE dispatch = d.id), ''),
			coalesce((SELECT max(id) FROM deliveries WHERE dispatch = d.id), ''),
			coalesce((SELECT completed_at FROM completions WHERE dispatch = d.id AND open = 0), 0) FROM dispatches d ORDER BY d.id`, scanDispatchRecord},
		{hub.RecordDelivery, "SELECT body, fence, lease_until, lease_holder FROM deliveries ORDER BY id", scanDeliveryRecord},
		{hub.RecordEvidence, "SELECT e.canonical, " + sqlkit.SQLiteJWS + ", e.rejected FROM evidences e ORDER BY e.position", scanEvidenceRecord},
		{hub.RecordStatusReport, "SELECT body FROM status_reports ORDER BY position", scanRaw},
		{hub.RecordRetention, "SELECT name, body FROM retention_notes ORDER BY name", scanNoteRecord},
	}, append(logSources(), rehashSources()...)...)
}

func (s *recordSource) emit(ctx context.Context, c *sql.Conn, emit func(hub.Record) error) error {
	rows, err := c.QueryContext(ctx, s.text)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		body, err := s.scan(rows)
		if err != nil {
			return err
		}
		if err := emit(hub.Record{Kind: s.kind, Body: body}); err != nil {
			return err
		}
	}
	return rows.Err()
}

func scanRaw(rows *sql.Rows) (json.RawMessage, error) {
	var body []byte
	err := rows.Scan(&body)
	return body, err
}

func scanNamed[T int64 | string](rows *sql.Rows) (json.RawMessage, error) {
	var name string
	var value T
	if err := rows.Scan(&name, &value); err != nil {
		return nil, err
	}
	return sqlkit.NamedBody(name, value)
}

func scanDispatchRecord(rows *sql.Rows) (json.RawMessage, error) {
	var r sqlkit.DispatchRow
	err := rows.Scan((*sql.RawBytes)(&r.Body), (*sql.RawBytes)(&r.Reports), &r.Receipt, &r.First, &r.Last, &r.Completed)
	return r.Record(), err
}

func scanNoteRecord(rows *sql.Rows) (json.RawMessage, error) {
	n, err := scanNote(rows)
	if err != nil {
		return nil, err
	}
	return sqlkit.NoteBody(&n)
}

func scanDossierRecord(rows *sql.Rows) (json.RawMessage, error) {
	var r sqlkit.StoredDossierEvent
	err := rows.Scan(&r.Dossier, (*sql.RawBytes)(&r.Event))
	return r.Record(), err
}

func scanInspectionRecord(rows *sql.Rows) (json.RawMessage, error) {
	var r sqlkit.StoredInspectionEvent
	err := rows.Scan(&r.Inspection, (*sql.RawBytes)(&r.Event))
	return r.Record(), err
}

func scanDeliveryRecord(rows *sql.Rows) (json.RawMessage, error) {
	var r sqlkit.DeliveryRow
	err := rows.Scan((*sql.RawBytes)(&r.Body), &r.Fence, &r.Until, &r.Holder)
	return r.Record(), err
}

func scanEvidenceRecord(rows *sql.Rows) (json.RawMessage, error) {
	var canonical sql.RawBytes
	var jws, rejected string
	if err := rows.Scan(&canonical, &jws, &rejected); err != nil {
		return nil, err
	}
	return sqlkit.EvidenceBody(canonical, jws, rejected)
}

// DispatchFiles hands out all that is stored about each dispatch, one after the other, of
// one instant, in the order of dispatches; then the evidence of refused submissions.
// An error of emit ends it and is returned as it is.
func (a *Archive) DispatchFiles(ctx context.Context, emit func(hub.DispatchFile) error) error {
	return a.snapshot(ctx, func(c *sql.Conn) error {
		rows := sqlkit.DispatchFileRows{
			Heads: each(ctx, c, scanHead, "SELECT id, body, receipt, reports FROM dispatches ORDER BY id"),
			Deliveries: each(ctx, c, scanDeliveryAbout,
				"SELECT dispatch, body, fence, lease_until, lease_holder FROM deliveries ORDER BY dispatch, position"),
			Evidence: each(ctx, c, scanEvidenceAbout,
				"SELECT e.dispatch, e.canonical, "+sqlkit.SQLiteJWS+" FROM evidences e WHERE e.dispatch <> '' ORDER BY e.dispatch, e.position"),
			Reports: each(ctx, c, scanReportAbout, "SELECT dispatch, body FROM status_reports ORDER BY dispatch, position"),
			Refused: each(ctx, c, scanEvidenceAbout, "SELECT e.dispatch, e.canonical, "+sqlkit.SQLiteJWS+" FROM evidences e WHERE e.dispatch = '' ORDER BY e.position"),
		}
		return rows.Emit(emit)
	})
}

// DispatchFiles is Archive.DispatchFiles of an open store.
func (s *Store) DispatchFiles(ctx context.Context, emit func(hub.DispatchFile) error) error {
	return (&Archive{s.reader.db}).DispatchFiles(ctx, emit)
}

// each reads rows one at a time.
func each[T any](ctx context.Context, c *sql.Conn, scan func(*sql.Rows) (T, error), text string) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		rows, err := c.QueryContext(ctx, text)
		if err != nil {
			yield(none, err)
			return
		}
		defer rows.Close()
		for rows.Next() {
			v, err := scan(rows)
			if !yield(v, err) || err != nil {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(none, err)
		}
	}
}

func scanHead(rows *sql.Rows) (sqlkit.About[sqlkit.Head], error) {
	var a sqlkit.About[sqlkit.Head]
	var body, reports sql.RawBytes
	err := rows.Scan((*string)(&a.Dispatch), &body, (*string)(&a.Row.Receipt), &reports)
	if err == nil {
		a.Row.Dispatch, err = sqlkit.Decode[hub.Dispatch](body)
	}
	if err == nil {
		a.Row.Verdicts, err = sqlkit.Decode[[]hub.SignatureReport](reports)
	}
	return a, err
}

func scanDeliveryAbout(rows *sql.Rows) (sqlkit.About[hub.Delivery], error) {
	var a sqlkit.About[hub.Delivery]
	var body sql.RawBytes
	var fence, until int64
	var holder string
	err := rows.Scan((*string)(&a.Dispatch), &body, &fence, &until, &holder)
	if err == nil {
		a.Row, err = sqlkit.DecodeDelivery(body, fence, until, holder)
	}
	return a, err
}

func scanEvidenceAbout(rows *sql.Rows) (sqlkit.About[hub.SealedEvidence], error) {
	var a sqlkit.About[hub.SealedEvidence]
	var canonical []byte
	var jws string
	err := rows.Scan((*string)(&a.Dispatch), &canonical, &jws)
	if err == nil {
		a.Row, err = sqlkit.Sealed(canonical, jws)
	}
	return a, err
}

func scanReportAbout(rows *sql.Rows) (sqlkit.About[hub.StatusReport], error) {
	var a sqlkit.About[hub.StatusReport]
	var body sql.RawBytes
	err := rows.Scan((*string)(&a.Dispatch), &body)
	if err == nil {
		a.Row, err = sqlkit.Decode[hub.StatusReport](body)
	}
	return a, err
}
