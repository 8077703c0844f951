package postgres

import (
	"context"
	"encoding/json"
	"io/fs"
	"iter"
	"log/slog"
	"path"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/semaphore"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

// Archive reads a database as a whole, beside the nodes that work on it, and never
// writes to it.
type Archive struct {
	s *Store
}

// OpenArchive connects for reading. A database that is not of this program's schema
// is KindUnsupported, one that is no hub's KindNotFound.
func OpenArchive(ctx context.Context, o Options) (*Archive, error) {
	o.MaxConns = 2 // one reads
	config, err := o.poolConfig()
	if err != nil {
		return nil, err
	}
	s := &Store{log: slog.New(slog.DiscardHandler), config: config.ConnConfig.Copy(), beforeConnect: config.BeforeConnect, room: semaphore.NewWeighted(manyAtOnce)}
	if s.pool, err = pgxpool.NewWithConfig(context.WithoutCancel(ctx), config); err != nil {
		return nil, failed("open the database", err)
	}
	if err := s.checkVersion(ctx); err != nil {
		s.pool.Close()
		return nil, err
	}
	return &Archive{s}, nil
}

func (s *Store) checkVersion(ctx context.Context) error {
	tables, err := collect(ctx, s, pgx.RowTo[bool], "SELECT to_regclass('goose_db_version') IS NOT NULL")
	if err != nil {
		return err
	}
	if !tables[0] {
		return hub.Errorf(hub.KindNotFound, "database", "", "there is no hub in this database")
	}
	current, err := collect(ctx, s, pgx.RowTo[int64], "SELECT coalesce(max(version_id), 0) FROM goose_db_version WHERE is_applied")
	if err != nil {
		return err
	}
	target, err := newestVersion()
	if err == nil && current[0] != target {
		err = hub.Errorf(hub.KindUnsupported, "database", "schema",
			"the database has schema version %d, this program reads version %d: use the program that the hub runs", current[0], target)
	}
	return err
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

// Close closes the connections.
func (a *Archive) Close() error { return a.s.Close() }

// Export hands out all state as records, of one instant, in the order of
// hub.RecordKinds. An error of emit ends it and is in the tree of its error. Months
// of deliveries that were detached are not in the archive.
func (a *Archive) Export(ctx context.Context, emit func(hub.Record) error) error {
	return a.s.Export(ctx, emit)
}

// DispatchFiles hands out all that is stored about each dispatch, one after the other, of
// one instant, in the order of dispatches; then the evidence of refused submissions.
// An error of emit ends it and is in the tree of its error.
func (a *Archive) DispatchFiles(ctx context.Context, emit func(hub.DispatchFile) error) error {
	return a.s.DispatchFiles(ctx, emit)
}

// Export is Archive.Export of an open store.
func (s *Store) Export(ctx context.Context, emit func(hub.Record) error) error {
	return s.snapshot(ctx, func(tx pgx.Tx) error {
		for _, source := range recordSources() {
			for body, err := range each(ctx, tx, string(source.kind), source.scan, source.text) {
				if err != nil {
					return err
				}
				if err := emit(hub.Record{Kind: source.kind, Body: body}); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// DispatchFiles is Archive.DispatchFiles of an open store.
func (s *Store) DispatchFiles(ctx context.Context, emit func(hub.DispatchFile) error) error {
	return s.snapshot(ctx, func(tx pgx.Tx) error {
		rows := sqlkit.DispatchFileRows{
			Heads: each(ctx, tx, "file_heads", scanHead, "SELECT d.id, d.body, a.receipt, d.reports FROM dispatches d LEFT JOIN acceptances a ON a.dispatch = d.id ORDER BY d.id"),
			Deliveries: each(ctx, tx, "file_deliveries", scanDeliveryAbout,
				"SELECT dispatch, body, fence, lease_until, lease_holder FROM deliveries ORDER BY dispatch, position"),
			Evidence: each(ctx, tx, "file_evidence", scanEvidenceAbout,
				"SELECT e.dispatch, e.canonical, "+sqlkit.PostgresJWS+" FROM evidences e WHERE e.dispatch <> '' ORDER BY e.dispatch, e.era, e.xid, e.position"),
			Reports: each(ctx, tx, "file_reports", scanReportAbout, "SELECT dispatch, body FROM status_reports ORDER BY dispatch, position"),
			Refused: each(ctx, tx, "file_refused", scanEvidenceAbout,
				"SELECT e.dispatch, e.canonical, "+sqlkit.PostgresJWS+" FROM evidences e WHERE e.dispatch = '' ORDER BY e.era, e.xid, e.position"),
		}
		return rows.Emit(emit)
	})
}

// snapshot runs read in one transaction that sees one instant. It may last for hours.
func (s *Store) snapshot(ctx context.Context, read func(pgx.Tx) error) error {
	if s.closed.Load() {
		return hub.Errorf(hub.KindUnavailable, "", "", "the hub is stopping")
	}
	conn, err := s.acquire(ctx)
	if err != nil {
		return failed("read the database", err)
	}
	defer conn.Release()
	return failed("read the database", pgx.BeginTxFunc(ctx, conn, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly},
		func(tx pgx.Tx) error {
			// Rows come in the order of an index: to sort them would take the room of all.
			_, err := tx.Exec(ctx, "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL enable_sort = off")
			if err != nil {
				return err
			}
			return read(tx)
		}))
}

// fetchRows is how many rows come at once.
const fetchRows = "100"

// each reads rows through a cursor: several can be open in one transaction, and what
// is done between two rows keeps no statement waiting. The name of a cursor belongs to one
// text alone: connections remember which columns a name has.
func each[T any](ctx context.Context, tx pgx.Tx, cursor string, scan pgx.RowToFunc[T], text string) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		if _, err := tx.Exec(ctx, "DECLARE "+cursor+" NO SCROLL CURSOR FOR "+text); err != nil {
			yield(none, err)
			return
		}
		for {
			found, err := rows(ctx, tx.Conn(), scan, "FETCH "+fetchRows+" FROM "+cursor)
			if err != nil {
				yield(none, err)
				return
			}
			for _, v := range found {
				if !yield(v, nil) {
					return
				}
			}
			if len(found) == 0 {
				return
			}
		}
	}
}

// recordSource is where the records of a kind come from.
type recordSource struct {
	kind hub.RecordKind
	text string
	scan pgx.RowToFunc[json.RawMessage]
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
		{hub.RecordDossierNews, sqlkit.DossierNewsRows, sqlkit.ScanDossierNewsRecord[pgx.CollectableRow]},
		{hub.RecordInspection, "SELECT body FROM inspections ORDER BY id", scanRaw},
		{hub.RecordInspectionEvent, "SELECT inspection, body FROM inspection_events ORDER BY inspection, seq", scanInspectionRecord},
		{hub.RecordPostal, "SELECT body FROM postal_orders ORDER BY id", scanRaw},
		{hub.RecordFeedback, "SELECT body FROM feedback ORDER BY agency, id", scanRaw},
		{hub.RecordSubscription, "SELECT body FROM subscriptions ORDER BY id", scanRaw},
		{hub.RecordPush, "SELECT " + sqlkit.PushColumns + " FROM pushes ORDER BY subscription, place", sqlkit.ScanPushRecord[pgx.CollectableRow]},
		{hub.RecordDispatch, `SELECT d.body, d.reports, coalesce(a.receipt, ''), d.first_delivery, d.last_delivery, CASE WHEN c.open = 0 THEN c.completed_at ELSE 0 END
			FROM dispatches d LEFT JOIN acceptances a ON a.dispatch = d.id LEFT JOIN completions c ON c.dispatch = d.id ORDER BY d.id`, scanDispatchRecord},
		{hub.RecordDelivery, "SELECT body, fence, lease_until, lease_holder FROM deliveries ORDER BY id", scanDeliveryRecord},
		{hub.RecordEvidence, "SELECT e.canonical, " + sqlkit.PostgresJWS + ", e.rejected FROM evidences e ORDER BY e.era, e.xid, e.position", scanEvidenceRecord},
		{hub.RecordStatusReport, "SELECT body FROM status_reports ORDER BY position, id", scanRaw},
		{hub.RecordRetention, "SELECT name, body FROM retention_notes ORDER BY name", scanNoteRecord},
	}, append(logSources(), rehashSources()...)...)
}

func scanRaw(row pgx.CollectableRow) (json.RawMessage, error) {
	var body []byte
	err := row.Scan(&body)
	return body, err
}

func scanNamed[T int64 | string](row pgx.CollectableRow) (json.RawMessage, error) {
	var name string
	var value T
	if err := row.Scan(&name, &value); err != nil {
		return nil, err
	}
	return sqlkit.NamedBody(name, value)
}

func scanDossierRecord(row pgx.CollectableRow) (json.RawMessage, error) {
	var r sqlkit.StoredDossierEvent
	err := row.Scan(&r.Dossier, (*[]byte)(&r.Event))
	return r.Record(), err
}

func scanInspectionRecord(row pgx.CollectableRow) (json.RawMessage, error) {
	var r sqlkit.StoredInspectionEvent
	err := row.Scan(&r.Inspection, (*[]byte)(&r.Event))
	return r.Record(), err
}

func scanDispatchRecord(row pgx.CollectableRow) (json.RawMessage, error) {
	var r sqlkit.DispatchRow
	err := row.Scan((*[]byte)(&r.Body), (*[]byte)(&r.Reports), &r.Receipt, &r.First, &r.Last, &r.Completed)
	return r.Record(), err
}

func scanDeliveryRecord(row pgx.CollectableRow) (json.RawMessage, error) {
	var r sqlkit.DeliveryRow
	err := row.Scan((*[]byte)(&r.Body), &r.Fence, &r.Until, &r.Holder)
	return r.Record(), err
}

func scanEvidenceRecord(row pgx.CollectableRow) (json.RawMessage, error) {
	var canonical []byte
	var jws, rejected string
	if err := row.Scan(&canonical, &jws, &rejected); err != nil {
		return nil, err
	}
	return sqlkit.EvidenceBody(canonical, jws, rejected)
}

func scanHead(row pgx.CollectableRow) (sqlkit.About[sqlkit.Head], error) {
	var a sqlkit.About[sqlkit.Head]
	var body, reports []byte
	var receipt *string // NULL: the acceptance is not there, which is for others to say
	err := row.Scan((*string)(&a.Dispatch), &body, &receipt, &reports)
	if err == nil && receipt != nil {
		a.Row.Receipt = hub.EvidenceID(*receipt)
	}
	if err == nil {
		a.Row.Dispatch, err = sqlkit.Decode[hub.Dispatch](body)
	}
	if err == nil {
		a.Row.Verdicts, err = sqlkit.Decode[[]hub.SignatureReport](reports)
	}
	return a, err
}

func scanDeliveryAbout(row pgx.CollectableRow) (sqlkit.About[hub.Delivery], error) {
	var a sqlkit.About[hub.Delivery]
	var body []byte
	var fence, until int64
	var holder string
	err := row.Scan((*string)(&a.Dispatch), &body, &fence, &until, &holder)
	if err == nil {
		a.Row, err = sqlkit.DecodeDelivery(body, fence, until, holder)
	}
	return a, err
}

func scanEvidenceAbout(row pgx.CollectableRow) (sqlkit.About[hub.SealedEvidence], error) {
	var a sqlkit.About[hub.SealedEvidence]
	var canonical []byte
	var jws string
	err := row.Scan((*string)(&a.Dispatch), &canonical, &jws)
	if err == nil {
		a.Row, err = sqlkit.Sealed(canonical, jws)
	}
	return a, err
}

func scanReportAbout(row pgx.CollectableRow) (sqlkit.About[hub.StatusReport], error) {
	var a sqlkit.About[hub.StatusReport]
	var body []byte
	err := row.Scan((*string)(&a.Dispatch), &body)
	if err == nil {
		a.Row, err = sqlkit.Decode[hub.StatusReport](body)
	}
	return a, err
}
