package postgres

import (
	"context"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

// importRows is how many records of a kind go to the server at once.
const importRows = 200

// Import takes the records of an archive into an empty database: all of them in one
// transaction, or none. next returns io.EOF after the last; its other errors are in
// the tree of the error. A database that is not empty is KindConflict, a kind of
// records that this version does not know KindUnsupported. No hub may run meanwhile.
func (s *Store) Import(ctx context.Context, next func() (hub.Record, error)) error {
	conn, err := s.acquire(ctx)
	if err != nil {
		return failed("import", err)
	}
	defer conn.Release()
	return failed("import", pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0")
		if err != nil {
			return err
		}
		i := &importer{ctx: ctx, tx: tx, era: s.era, months: map[time.Time]bool{}}
		if err := i.checkEmpty(); err != nil {
			return err
		}
		return i.run(next)
	}))
}

// importer is one import: records gather until a batch of one kind is full.
type importer struct {
	ctx    context.Context //nolint:containedctx // that of the import
	tx     pgx.Tx
	era    int
	batch  []hub.Record
	months map[time.Time]bool // whose partitions are there
}

func (i *importer) checkEmpty() error {
	used, err := rows(i.ctx, i.tx.Conn(), pgx.RowTo[bool], `SELECT EXISTS (SELECT FROM agencies) OR EXISTS (SELECT FROM api_keys)
		OR EXISTS (SELECT FROM uploads) OR EXISTS (SELECT FROM acceptances) OR EXISTS (SELECT FROM evidences)`)
	if err == nil && used[0] {
		err = sqlkit.NotEmpty()
	}
	return err
}

func (i *importer) run(next func() (hub.Record, error)) error {
	for {
		record, err := next()
		switch {
		case errors.Is(err, io.EOF):
			if err := i.flush(); err != nil {
				return err
			}
			if err := i.countOpen(); err != nil {
				return err
			}
			if err := i.indexWords(); err != nil {
				return err
			}
			_, err := i.tx.Exec(i.ctx, indexTasks+"WHERE v.body::json -> 'tasks' IS NOT NULL"+replaceTasks)
			return failed("index tasks", err)
		case err != nil:
			return err
		}
		if len(i.batch) == importRows || len(i.batch) > 0 && i.batch[0].Kind != record.Kind {
			if err := i.flush(); err != nil {
				return err
			}
		}
		i.batch = append(i.batch, record)
	}
}

// flush inserts the batch.
func (i *importer) flush() error {
	if len(i.batch) == 0 {
		return nil
	}
	kind := i.batch[0].Kind
	var err error
	switch kind {
	case hub.RecordAgency:
		err = insert(i, `INSERT INTO agencies (id, body) SELECT * FROM unnest($1::text[], $2::text[])`,
			func(c *columns, r *hub.Record, a *hub.Agency) { c.add(string(a.ID), string(r.Body)) })
	case hub.RecordCounter:
		err = insert(i, `INSERT INTO counters (name, value) SELECT * FROM unnest($1::text[], $2::bigint[]) ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
			func(c *columns, _ *hub.Record, v *sqlkit.NameValue[int64]) { c.add(v.Name, v.Value) })
	case hub.RecordSetting:
		err = insert(i, `INSERT INTO settled (name, value) SELECT * FROM unnest($1::text[], $2::text[]) ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
			func(c *columns, _ *hub.Record, v *sqlkit.NameValue[string]) { c.add(v.Name, v.Value) })
	case hub.RecordKey:
		err = insert(i, `INSERT INTO api_keys (id, hash, body) SELECT * FROM unnest($1::text[], $2::bytea[], $3::text[])`,
			func(c *columns, r *hub.Record, k *sqlkit.StoredKey) { c.add(k.Key.ID, k.Hash[:], string(r.Body)) })
	case hub.RecordKeyUse:
		err = insert(i, `UPDATE api_keys k SET used = u.at FROM unnest($1::text[], $2::bigint[]) AS u (id, at) WHERE k.id = u.id`,
			func(c *columns, _ *hub.Record, u *sqlkit.NameValue[int64]) { c.add(u.Name, u.Value) })
	case hub.RecordUpload:
		err = insert(i, `INSERT INTO uploads (id, expires, body) SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[])`,
			func(c *columns, r *hub.Record, u *hub.Upload) { c.add(u.ID, sqlkit.Micros(u.Expires), string(r.Body)) })
	case hub.RecordAccount:
		err = insert(i, `INSERT INTO accounts (name, version, body, login) SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[])`,
			func(c *columns, r *hub.Record, a *sqlkit.StoredAccount) {
				c.add(a.Account.Name, a.Account.Version, string(r.Body), sqlkit.LoginOf(&a.Account))
			})
	case hub.RecordRegister:
		err = insert(i, `INSERT INTO register_numbers (agency, year, number, position, delivery) SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::bigint[], $5::text[])`,
			func(c *columns, _ *hub.Record, n *hub.RegisterNumber) {
				c.add(string(n.Agency), int64(n.Year), n.Number, n.Position(), string(n.Delivery))
			})
	case hub.RecordRegisterYear:
		err = insert(i, `INSERT INTO register_years (agency, year, body) SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[])`,
			func(c *columns, r *hub.Record, y *hub.RegisterYear) {
				c.add(string(y.Agency), int64(y.Year), string(r.Body))
			})
	case hub.RecordOutgoing:
		err = insert(i, `INSERT INTO outgoing_numbers (agency, year, series, number, notation, take, body)
				SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::text[])`,
			func(c *columns, r *hub.Record, n *hub.OutgoingNumber) {
				c.add(string(n.Agency), int64(n.Year), hub.SeriesOf(n.Kind), n.Number, n.Notation, n.Key, string(r.Body))
			})
	case hub.RecordProcedure:
		err = insert(i, putProcedureVersion, func(c *columns, r *hub.Record, v *hub.ProcedureVersion) {
			c.add(procedureColumns(v, string(r.Body))...)
		})
	case hub.RecordProcedureAct:
		err = insert(i, insertProcedureChange, func(c *columns, r *hub.Record, p *hub.ProcedureChange) {
			c.add(p.Seq, p.Code, p.Number, string(r.Body))
		})
	case hub.RecordDossier:
		err = i.dossiers()
	case hub.RecordFeedback:
		err = i.feedback()
	case hub.RecordDossierEvent:
		err = i.dossierEvents()
	case hub.RecordInspection:
		err = i.inspections()
	case hub.RecordInspectionEvent:
		err = i.inspectionEvents()
	case hub.RecordPostal:
		err = insert(i, insertPostal, func(c *columns, r *hub.Record, o *hub.PostalOrder) { c.add(postalColumns(o, string(r.Body))...) })
	case hub.RecordDossierNews:
		err = insert(i, "INSERT INTO dossier_news (agency, seq, dossier, event) SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::bigint[])",
			func(c *columns, _ *hub.Record, n *sqlkit.StoredDossierNews) {
				c.add(n.Agency, n.Seq, n.Dossier, n.Event)
			})
	case hub.RecordSubscription:
		err = insert(i, `INSERT INTO subscriptions (id, version, body) SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[])`,
			func(c *columns, r *hub.Record, s *sqlkit.StoredSubscription) {
				c.add(s.Subscription.ID, s.Subscription.Version, string(r.Body))
			})
	case hub.RecordPush:
		err = insert(i, insertPushes, func(c *columns, _ *hub.Record, p *hub.Push) { c.add(sqlkit.PushRow(p)...) })
	case hub.RecordDispatch:
		err = i.dispatches()
	case hub.RecordDelivery:
		err = i.deliveries()
	case hub.RecordEvidence:
		err = i.evidences()
	case hub.RecordStatusReport:
		err = i.reports()
	case hub.RecordRetention:
		err = insert(i, `INSERT INTO retention_notes (name, body) SELECT * FROM unnest($1::text[], $2::text[])`,
			func(c *columns, _ *hub.Record, n *hub.RetentionNote) { c.add(n.Name, string(n.Body)) })
	case hub.RecordLogNote, hub.RecordLogShard, hub.RecordLogEntry, hub.RecordLogNumber, hub.RecordLogStamp, hub.RecordLogRenewal:
		err = i.log(kind)
	case hub.RecordLogRehash, hub.RecordRehashTile:
		err = i.rehashes(kind)
	default:
		err = sqlkit.UnknownKind(kind)
	}
	i.batch = i.batch[:0]
	return failed("import records of kind "+string(kind), err)
}

// columns are rows column by column, as one statement takes many of them.
type columns struct{ args []any }

func (c *columns) add(values ...any) {
	if c.args == nil {
		c.args = make([]any, len(values))
	}
	for i, value := range values {
		list, _ := c.args[i].([]any)
		c.args[i] = append(list, value)
	}
}

// insert decodes the records of the batch and inserts what add makes of them.
func insert[T any](i *importer, text string, add func(*columns, *hub.Record, *T)) error {
	var c columns
	for n := range i.batch {
		v, err := sqlkit.DecodeRecord[T](&i.batch[n])
		if err != nil {
			return err
		}
		add(&c, &i.batch[n], &v)
	}
	return i.exec(text, &c)
}

func (i *importer) exec(text string, c *columns) error {
	if c.args == nil {
		return nil
	}
	_, err := i.tx.Exec(i.ctx, text, c.args...)
	return err
}

func (i *importer) dossiers() error {
	var made, parties columns
	for n := range i.batch {
		d, err := sqlkit.DecodeRecord[hub.Dossier](&i.batch[n])
		if err != nil {
			return err
		}
		f := hub.DossierFile{Dossier: d}
		made.add(dossierColumns(&f, string(i.batch[n].Body))...)
		addDossierParties(&parties, &f)
	}
	if err := i.exec(insertDossiers, &made); err != nil {
		return err
	}
	return i.exec(putDossierParties, &parties)
}

func (i *importer) inspections() error {
	var made, parties columns
	for n := range i.batch {
		inspection, err := sqlkit.DecodeRecord[hub.Inspection](&i.batch[n])
		if err != nil {
			return err
		}
		made.add(inspectionColumns(&inspection, string(i.batch[n].Body))...)
		addInspectionParties(&parties, &inspection)
	}
	if err := i.exec(insertInspections, &made); err != nil {
		return err
	}
	return i.exec(putInspectionParties, &parties)
}

func (i *importer) inspectionEvents() error {
	var events columns
	for n := range i.batch {
		stored, err := sqlkit.DecodeRecord[sqlkit.StoredInspectionEvent](&i.batch[n])
		if err != nil {
			return err
		}
		row, err := stored.Decoded()
		if err != nil {
			return err
		}
		events.add(string(row.Inspection), row.Event.Seq, string(stored.Event))
	}
	return i.exec(insertInspectionEvents, &events)
}

func (i *importer) feedback() error {
	var rows columns
	for n := range i.batch {
		f, err := sqlkit.DecodeRecord[hub.Feedback](&i.batch[n])
		if err != nil {
			return err
		}
		values, err := sqlkit.FeedbackValues(&f)
		if err != nil {
			return err
		}
		rows.add(values...)
	}
	return i.exec(insertFeedback, &rows)
}

func (i *importer) dossierEvents() error {
	var events columns
	for n := range i.batch {
		stored, err := sqlkit.DecodeRecord[sqlkit.StoredDossierEvent](&i.batch[n])
		if err != nil {
			return err
		}
		row, err := stored.Decoded()
		if err != nil {
			return err
		}
		events.add(string(row.Dossier), row.Event.Seq, string(stored.Event))
	}
	return i.exec(insertDossierEvents, &events)
}

func (i *importer) dispatches() error {
	var acceptances, dispatches, parts, completions, links columns
	for n := range i.batch {
		row, d, err := sqlkit.DecodeDispatch(&i.batch[n])
		if err != nil {
			return err
		}
		if err := i.prepareMonth(string(d.ID)); err != nil {
			return err
		}
		figures, err := sqlkit.ImportFigureSource(&d, row.Reports)
		if err != nil {
			return err
		}
		acceptances.add(string(d.ID), string(d.Sender), d.ExternalID, string(d.Operation), d.Key, row.Receipt)
		dispatches.add(string(d.ID), string(d.Sender), d.Document.Number(), string(d.Document.Promulgated), sqlkit.SearchText(&d),
			row.First, row.Last, string(row.Body), string(row.Reports), figures)
		for _, l := range d.Links {
			links.add(string(l.Dispatch), string(d.ID), string(l.Kind))
		}
		if d.Purged != nil {
			continue
		}
		completions.add(string(d.ID), row.Completed)
		for p := range d.Parts {
			parts.add(string(d.ID), p+1, d.Parts[p].Digest[:])
		}
	}
	if err := i.exec(`INSERT INTO acceptances (dispatch, sender, external_id, operation, key, receipt)
		SELECT dispatch, sender, external_id, operation, nullif(key, ''), receipt
		FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[]) AS a (dispatch, sender, external_id, operation, key, receipt)`, &acceptances); err != nil {
		return err
	}
	if err := i.exec(`INSERT INTO dispatches (id, sender, number, promulgated, search, first_delivery, last_delivery, body, reports, figures)
		SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[])`, &dispatches); err != nil {
		return err
	}
	if err := i.exec(insertLinks, &links); err != nil {
		return err
	}
	if err := i.exec(`INSERT INTO completions (dispatch, open, completed_at) SELECT dispatch, 0, at FROM unnest($1::text[], $2::bigint[]) AS c (dispatch, at)`, &completions); err != nil {
		return err
	}
	return i.exec(`INSERT INTO dispatch_parts (dispatch, position, digest) SELECT * FROM unnest($1::text[], $2::integer[], $3::bytea[])`, &parts)
}

// countOpen counts the open deliveries of every dispatch. Where the archive does not
// say when a dispatch was completed, the last change of its deliveries counts.
func (i *importer) countOpen() error {
	_, err := i.tx.Exec(i.ctx, `UPDATE completions c SET open = v.open, completed_at = greatest(c.completed_at, CASE WHEN c.completed_at = 0 AND v.open = 0 THEN v.changed END)
		FROM (SELECT dispatch, count(*) FILTER (WHERE NOT final) AS open,
			max((extract(epoch FROM (body::json ->> 'updated_at')::timestamptz) * 1e6)::bigint) AS changed FROM deliveries GROUP BY dispatch) v
		WHERE v.dispatch = c.dispatch AND (v.open > 0 OR c.completed_at = 0)`)
	return failed("count open deliveries", err)
}

// indexWords lets all dispatches be found by their words and agencies.
func (i *importer) indexWords() error {
	_, err := i.tx.Exec(i.ctx, `INSERT INTO dispatch_words (dispatch, words)
		SELECT d.id, indexed_words(d.search) || ('@' || encode(convert_to(d.sender, 'UTF8'), 'hex')) || coalesce(v.agencies, '{}')
		FROM dispatches d LEFT JOIN (SELECT dispatch, array_agg(CASE calm WHEN 0 THEN '!' ELSE '@' END || encode(convert_to(recipient, 'UTF8'), 'hex')) AS agencies
			FROM deliveries GROUP BY dispatch) v ON v.dispatch = d.id`)
	return failed("index the words of dispatches", err)
}

func (i *importer) deliveries() error {
	var c columns
	for n := range i.batch {
		row, d, err := sqlkit.DecodeDeliveryRecord(&i.batch[n])
		if err != nil {
			return err
		}
		if err := i.prepareMonth(string(d.ID)); err != nil {
			return err
		}
		calm := 1
		if d.Urgent {
			calm = 0
		}
		c.add(string(d.ID), string(d.Dispatch), d.Index, string(d.Recipient), string(d.State), d.Version, d.Final(), calm,
			sqlkit.Micros(d.NextAttempt), sqlkit.Micros(d.Deadline()), row.Fence, row.Until, row.Holder, string(row.Body), d.Request.Open(),
			int(d.AwaitsNow()), sqlkit.ArrivedImported(&d), string(d.FirstDue()))
	}
	return i.exec(`INSERT INTO deliveries
		(id, dispatch, position, recipient, state, version, final, calm, next_attempt, expires_at, fence, lease_until, lease_holder, body, asked, awaits, arrived, due)
		SELECT * FROM unnest($1::text[], $2::text[], $3::integer[], $4::text[], $5::text[], $6::bigint[], $7::boolean[], $8::smallint[],
			$9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::text[], $14::text[], $15::boolean[], $16::smallint[], $17::bigint[], $18::text[])`, &c)
}

func (i *importer) evidences() error {
	var c columns
	for n := range i.batch {
		sealed, rejected, err := sqlkit.DecodeEvidence(&i.batch[n])
		if err != nil {
			return err
		}
		e := &sealed.Evidence
		if err := i.prepareMonth(string(e.ID)); err != nil {
			return err
		}
		c.add(string(e.ID), string(e.Dispatch), string(e.Delivery), string(rejected), i.era, sealed.Canonical, sealed.JWS)
	}
	return i.exec(`INSERT INTO evidences (id, dispatch, delivery, rejected, era, canonical, jws)
		SELECT id, dispatch, delivery, rejected, era, canonical, jws
		FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::integer[], $6::bytea[], $7::text[]) WITH ORDINALITY
			AS e (id, dispatch, delivery, rejected, era, canonical, jws, n) ORDER BY n`, &c)
}

func (i *importer) reports() error {
	for n := range i.batch {
		s, err := sqlkit.DecodeRecord[hub.StatusReport](&i.batch[n])
		if err != nil {
			return err
		}
		if err := i.prepareMonth(s.ID); err != nil {
			return err
		}
	}
	err := insert(i, `INSERT INTO report_parts (report, digest) SELECT id, digest FROM unnest($1::text[], $2::bytea[]) AS r (id, digest) WHERE digest IS NOT NULL`,
		func(c *columns, _ *hub.Record, s *hub.StatusReport) { c.add(s.ID, envelopeDigest(s)) })
	if err != nil {
		return err
	}
	return insert(i, `INSERT INTO status_reports (id, dispatch, body) SELECT id, dispatch, body
		FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS s (id, dispatch, body, n) ORDER BY n`,
		func(c *columns, r *hub.Record, s *hub.StatusReport) { c.add(s.ID, string(s.Dispatch), string(r.Body)) })
}

// prepareMonth makes the partitions of the month of an id before its rows come: what
// lies in the default partition stays there.
func (i *importer) prepareMonth(id string) error {
	millis, err := strconv.ParseInt(strings.Replace(id[:min(13, len(id))], "-", "", 1), 16, 64)
	if err != nil || len(id) != 36 || id[14] != '7' {
		return nil //nolint:nilerr // no UUIDv7: the default partition is the place of its row
	}
	at := time.UnixMilli(millis).UTC()
	month := time.Date(at.Year(), at.Month(), 1, 0, 0, 0, 0, time.UTC)
	if i.months[month] || at.After(time.Now().AddDate(0, preparedMonths, 0)) {
		return nil
	}
	i.months[month] = true
	_, err = rows(i.ctx, i.tx.Conn(), pgx.RowTo[string], "SELECT ensure_partitions($1::date, $1::date)", month)
	return err
}
