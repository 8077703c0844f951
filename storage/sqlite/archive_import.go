package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"io"
	"net/url"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

// importCache gives an import room for the indexes that it fills in no order: 256 MiB.
const importCache = "PRAGMA cache_size = -262144"

// Import takes the records of an archive into an empty store: all of them in one
// transaction, or none. next returns io.EOF after the last; its other errors are
// returned as they are. A store that is not empty is KindConflict, a kind of records
// that this version does not know KindUnsupported. The database and, until the
// commit, its write-ahead log need room for everything.
func (s *Store) Import(ctx context.Context, next func() (hub.Record, error)) error {
	db, err := open(s.path, 1, url.Values{})
	if err != nil {
		return err
	}
	defer db.Close() //nolint:errcheck // what was imported is committed
	conn, err := db.Conn(ctx)
	if err != nil {
		return failed("import", err)
	}
	w := &writer{db: db, tx: &tx{conn: conn, prepared: make(map[string]*sql.Stmt)}}
	defer w.reset() // without a commit nothing stays
	if err = w.tx.exec(importCache); err == nil {
		err = w.tx.importAll(ctx, next)
	}
	if isDiskFailure(err) {
		s.fatal(err)
	}
	return failed("import", err)
}

func (t *tx) importAll(ctx context.Context, next func() (hub.Record, error)) error {
	if err := t.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	used, err := one(ctx, t, "row", scanInt, `SELECT EXISTS (SELECT 1 FROM agencies) OR EXISTS (SELECT 1 FROM api_keys)
		OR EXISTS (SELECT 1 FROM uploads) OR EXISTS (SELECT 1 FROM dispatches) OR EXISTS (SELECT 1 FROM evidences)`)
	if err == nil && used != 0 {
		err = sqlkit.NotEmpty()
	}
	if err != nil {
		return err
	}
	for {
		record, err := next()
		switch {
		case errors.Is(err, io.EOF):
			if err := t.countOpen(); err != nil {
				return err
			}
			if err := t.indexWords(); err != nil {
				return err
			}
			if err := t.exec(indexTasks + "WHERE v.body ->> '$.tasks' IS NOT NULL" + replaceTasks); err != nil {
				return failed("index tasks", err)
			}
			return t.exec("COMMIT")
		case err == nil:
			err = cmp.Or(ctx.Err(), t.importRecord(&record))
		}
		if err != nil {
			return err
		}
	}
}

func (t *tx) importRecord(r *hub.Record) error {
	switch r.Kind {
	case hub.RecordAgency:
		return importAs(r, func(a *hub.Agency) error {
			return t.exec("INSERT INTO agencies (id, body) VALUES (?, ?)", string(a.ID), string(r.Body))
		})
	case hub.RecordCounter:
		return importAs(r, func(c *sqlkit.NameValue[int64]) error {
			return t.exec("INSERT INTO counters (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", c.Name, c.Value)
		})
	case hub.RecordSetting:
		return importAs(r, func(c *sqlkit.NameValue[string]) error {
			return t.exec("INSERT INTO settled (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", c.Name, c.Value)
		})
	case hub.RecordKey:
		return importAs(r, func(k *sqlkit.StoredKey) error {
			return t.exec("INSERT INTO api_keys (id, hash, body) VALUES (?, ?, ?)", k.Key.ID, k.Hash[:], string(r.Body))
		})
	case hub.RecordKeyUse:
		return importAs(r, func(u *sqlkit.NameValue[int64]) error {
			return t.exec("UPDATE api_keys SET used = ? WHERE id = ?", u.Value, u.Name)
		})
	case hub.RecordUpload:
		return importAs(r, func(u *hub.Upload) error {
			return t.exec("INSERT INTO uploads (id, expires, body) VALUES (?, ?, ?)", u.ID, sqlkit.Micros(u.Expires), string(r.Body))
		})
	case hub.RecordAccount:
		return importAs(r, func(a *sqlkit.StoredAccount) error {
			return t.exec("INSERT INTO accounts (name, version, body, login) VALUES (?, ?, ?, ?)", a.Account.Name, a.Account.Version, string(r.Body), sqlkit.LoginOf(&a.Account))
		})
	case hub.RecordRegister:
		return importAs(r, func(n *hub.RegisterNumber) error { return insertNumber(t, n) })
	case hub.RecordRegisterYear:
		return importAs(r, func(y *hub.RegisterYear) error {
			return t.exec("INSERT INTO register_years (agency, year, body) VALUES (?, ?, ?)", string(y.Agency), y.Year, string(r.Body))
		})
	case hub.RecordOutgoing:
		return importAs(r, func(n *hub.OutgoingNumber) error {
			return t.exec(insertOutgoing, string(n.Agency), n.Year, hub.SeriesOf(n.Kind), n.Number, n.Notation, n.Key, string(r.Body))
		})
	case hub.RecordProcedure:
		return importAs(r, t.putProcedure)
	case hub.RecordProcedureAct:
		return importAs(r, t.putProcedureChange)
	case hub.RecordDossier:
		return importAs(r, func(d *hub.Dossier) error { return t.putDossier(&hub.DossierFile{Dossier: *d}, string(r.Body)) })
	case hub.RecordFeedback:
		return importAs(r, func(f *hub.Feedback) error {
			values, err := sqlkit.FeedbackValues(f)
			if err != nil {
				return err
			}
			return t.exec(insertFeedback, values...)
		})
	case hub.RecordDossierEvent:
		return importAs(r, func(e *sqlkit.StoredDossierEvent) error {
			row, err := e.Decoded()
			if err != nil {
				return err
			}
			return t.exec(insertDossierEvent, string(row.Dossier), row.Event.Seq, string(e.Event))
		})
	case hub.RecordInspection:
		return importAs(r, func(i *hub.Inspection) error { return t.putInspection(i, string(r.Body)) })
	case hub.RecordInspectionEvent:
		return importAs(r, func(e *sqlkit.StoredInspectionEvent) error {
			row, err := e.Decoded()
			if err != nil {
				return err
			}
			return t.exec(insertInspectionEvent, string(row.Inspection), row.Event.Seq, string(e.Event))
		})
	case hub.RecordPostal:
		return importAs(r, func(o *hub.PostalOrder) error { return t.putPostal(o, string(r.Body)) })
	case hub.RecordDossierNews:
		return importAs(r, func(n *sqlkit.StoredDossierNews) error {
			return t.exec("INSERT INTO dossier_news (agency, seq, dossier, event) VALUES (?, ?, ?, ?)", n.Agency, n.Seq, n.Dossier, n.Event)
		})
	case hub.RecordSubscription:
		return importAs(r, func(s *sqlkit.StoredSubscription) error {
			return t.exec("INSERT INTO subscriptions (id, version, body) VALUES (?, ?, ?)", s.Subscription.ID, s.Subscription.Version, string(r.Body))
		})
	case hub.RecordPush:
		return importAs(r, func(p *hub.Push) error { return insertPush(t, p) })
	case hub.RecordDispatch:
		return t.importDispatch(r)
	case hub.RecordDelivery:
		return t.importDelivery(r)
	case hub.RecordEvidence:
		sealed, rejected, err := sqlkit.DecodeEvidence(r)
		if err != nil {
			return err
		}
		return insertEvidences(t, rejected, []hub.SealedEvidence{sealed})
	case hub.RecordStatusReport:
		return importAs(r, func(s *hub.StatusReport) error {
			return insertReport(t, s, []any{s.ID, string(s.Dispatch), string(r.Body)})
		})
	case hub.RecordRetention:
		return importAs(r, func(n *hub.RetentionNote) error { return saveNotes(t, []hub.RetentionNote{*n}) })
	case hub.RecordLogRehash, hub.RecordRehashTile:
		return t.importRehash(r)
	}
	return t.importLog(r)
}

// importAs reads a record and inserts it.
func importAs[T any](r *hub.Record, insert func(*T) error) error {
	v, err := sqlkit.DecodeRecord[T](r)
	if err != nil {
		return err
	}
	return failed("import a record of kind "+string(r.Kind), insert(&v))
}

func (t *tx) importDispatch(r *hub.Record) error {
	row, d, err := sqlkit.DecodeDispatch(r)
	if err != nil {
		return err
	}
	figures, err := sqlkit.ImportFigureSource(&d, row.Reports)
	if err != nil {
		return err
	}
	err = t.exec(insertDispatch, dispatchRow(&d, row.Receipt, string(row.Body), string(row.Reports), figures)...)
	if err == nil && d.Purged == nil {
		err = insertParts(t, &d, 0, row.Completed) // who is open is counted at the end
	}
	if err == nil {
		err = insertLinks(t, &d)
	}
	return failed("import dispatch "+string(d.ID), err)
}

// countOpen counts the open deliveries of every dispatch. Where the archive does not
// say when a dispatch was completed, the last change of its deliveries counts.
func (t *tx) countOpen() error {
	err := t.exec("UPDATE completions SET open = n FROM (SELECT dispatch, count(*) AS n FROM deliveries WHERE final = 0 GROUP BY dispatch) v WHERE v.dispatch = completions.dispatch")
	if err != nil {
		return failed("count open deliveries", err)
	}
	return failed("complete dispatches", t.exec(`UPDATE completions SET completed_at = coalesce((
		SELECT max(CAST(unixepoch(body ->> 'updated_at', 'subsec') * 1e6 AS INTEGER)) FROM deliveries v WHERE v.dispatch = completions.dispatch), 0)
		WHERE open = 0 AND completed_at = 0`))
}

// indexWords lets all dispatches be found by their words and agencies.
func (t *tx) indexWords() error {
	return failed("index the words of dispatches", t.exec(`INSERT INTO dispatch_words (dispatch, words)
		SELECT id, indexed(search) || ' @' || lower(hex(sender)) || coalesce((SELECT group_concat(' ' || CASE calm WHEN 0 THEN '!' ELSE '@' END || lower(hex(recipient)), '') FROM deliveries WHERE dispatch = d.id), '')
		FROM dispatches d ORDER BY id`))
}

func (t *tx) importDelivery(r *hub.Record) error {
	row, d, err := sqlkit.DecodeDeliveryRecord(r)
	if err != nil {
		return err
	}
	values := deliveryRow(&d, string(row.Body))
	values[len(values)-2] = sqlkit.ArrivedImported(&d)
	return failed("import delivery "+string(d.ID), t.exec(`INSERT INTO deliveries
		(id, dispatch, position, recipient, state, version, final, calm, next_attempt, expires_at, asked, body, awaits, arrived, due, fence, lease_until, lease_holder)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		append(values, row.Fence, row.Until, row.Holder)...))
}
