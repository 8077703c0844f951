package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

const (
	insertDossier       = "INSERT INTO dossiers (id, number, unit, day, sequence, key, received, ended, erased, lookup, body, counted, counted_version, remind) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
	insertDossierFacts  = "INSERT INTO dossier_facts (" + sqlkit.DossierFactColumns + ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
	insertDossierEvent  = "INSERT INTO dossier_events (dossier, seq, body) VALUES (?, ?, ?)"
	replaceDossierEvent = insertDossierEvent + " ON CONFLICT (dossier, seq) DO UPDATE SET body = excluded.body"
	insertLogNote       = "INSERT INTO log_notes (id, kind, body, pending) VALUES (?, ?, ?, 1)"
	putDossierParty     = `INSERT INTO dossier_parties (agency, dossier, open, status, late, foreseen, marks) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (agency, dossier) DO UPDATE SET open = excluded.open, status = excluded.status, late = excluded.late, foreseen = excluded.foreseen, marks = excluded.marks`
	dossierTaken = `SELECT count(*) FROM (SELECT 1 FROM dossiers WHERE number = ?1 UNION ALL SELECT 1 FROM dossiers WHERE unit = ?2 AND day = ?3 AND sequence = ?4
		UNION ALL SELECT 1 FROM dossiers WHERE unit = ?2 AND key = ?5 AND key <> '')`
	lastDossier     = "SELECT coalesce(max(sequence), 0) FROM dossiers WHERE unit = ? AND day = ?"
	dossierEvents   = "SELECT dossier, body FROM dossier_events WHERE dossier IN (SELECT value FROM json_each(?)) ORDER BY dossier, seq"
	dossierByID     = "SELECT body FROM dossiers WHERE id = ?"
	dossierByNumber = "SELECT body FROM dossiers WHERE number = ?"
	dossierByLookup = "SELECT body FROM dossiers WHERE lookup = ? AND lookup <> ''"
	addDossierNews  = `INSERT INTO dossier_news (agency, seq, dossier, event)
		SELECT ?1, coalesce(max(seq), 0) + 1, ?2, ?3 FROM dossier_news WHERE agency = ?1`
	dossierNews = `SELECT n.seq, n.dossier, d.number, d.unit, e.body FROM dossier_news n CROSS JOIN dossiers d ON d.id = n.dossier
		CROSS JOIN dossier_events e ON e.dossier = n.dossier AND e.seq = n.event WHERE n.agency = ? AND n.seq > ? ORDER BY n.seq LIMIT ?`
	dossierByKey = "SELECT body FROM dossiers WHERE unit = ? AND key = ? AND key <> ''"
)

// AddDossier records a dossier; see the contract in hub/dossiers.
func (s *Store) AddDossier(ctx context.Context, f hub.DossierFile, next bool, notes []hub.LogNote, keep ...hub.RetentionNote) error {
	body, err := sqlkit.Encode(&f.Dossier)
	if err != nil {
		return err
	}
	return s.do(ctx, 5+(2+len(f.Parties))*len(f.Events)+len(keep), func(t *tx) error {
		taken, err := one(ctx, t, "dossier", scanInt, dossierTaken, f.Number, string(f.Unit), string(f.Day), f.Sequence, f.Key)
		if err == nil && taken == 0 && next {
			var last int64
			if last, err = one(ctx, t, "dossier", scanInt, lastDossier, string(f.Unit), string(f.Day)); last != f.Sequence-1 {
				taken = 1
			}
		}
		if err == nil && taken > 0 {
			err = sqlkit.DossierMoved()
		}
		if err == nil {
			err = t.putDossier(&f, body)
		}
		for i := 0; err == nil && i < len(f.Events); i++ {
			if err = t.putDossierEvent(f.ID, &f.Events[i]); err == nil {
				err = t.tellDossier(&f.Dossier, f.Events[i].Seq)
			}
		}
		for i := 0; err == nil && i < len(notes); i++ {
			err = t.putLogNote(&notes[i])
		}
		if err == nil {
			err = saveNotes(t, keep)
		}
		return err
	})
}

func (t *tx) putDossier(f *hub.DossierFile, body string) error {
	d := &f.Dossier
	basis, version := sqlkit.DossierBasis(f)
	err := t.exec(insertDossier, string(d.ID), d.Number, string(d.Unit), string(d.Day), d.Sequence, d.Key, sqlkit.Micros(d.Received), sqlkit.DossierEnd(d), d.Erased != nil, sqlkit.DossierLookup(d), body, basis, version, sqlkit.DossierRemind(d))
	if err == nil {
		err = t.keepDossier(f)
	}
	return failed("record a dossier", err)
}

// keepDossier writes what is kept of a dossier so that it is found and counted.
func (t *tx) keepDossier(f *hub.DossierFile) error {
	late, foreseen, marks := sqlkit.DossierPresent(f)
	for _, agency := range f.Parties {
		if err := t.exec(putDossierParty, string(agency), string(f.ID), f.Open(), int64(f.Status), late, foreseen, marks); err != nil {
			return err
		}
	}
	err := t.exec("DELETE FROM dossier_facts WHERE dossier = ?", string(f.ID))
	for _, row := range sqlkit.DossierFactValues(f) {
		if err == nil {
			err = t.exec(insertDossierFacts, row...)
		}
	}
	return err
}

func (t *tx) putDossierEvent(id hub.DossierID, e *hub.DossierEvent) error {
	body, err := sqlkit.Encode(e)
	if err == nil {
		err = t.exec(insertDossierEvent, string(id), e.Seq, body)
	}
	return failed("record an event of a dossier", err)
}

// tellDossier gives an event of a dossier its place in the series of each of its agencies.
func (t *tx) tellDossier(d *hub.Dossier, event int64) error {
	for _, agency := range d.Parties {
		if err := t.exec(addDossierNews, string(agency), string(d.ID), event); err != nil {
			return failed("tell of an event of a dossier", err)
		}
	}
	return nil
}

func (t *tx) putLogNote(n *hub.LogNote) error {
	body, err := sqlkit.Encode(n)
	if err == nil {
		err = t.exec(insertLogNote, n.ID, string(n.Kind), body)
	}
	return failed("record a note", err)
}

// AddDossierEvent records the last event of a dossier; see the contract in hub/dossiers.
func (s *Store) AddDossierEvent(ctx context.Context, f hub.DossierFile, note hub.LogNote, keep ...hub.RetentionNote) error {
	event, err := sqlkit.LastEvent(&f)
	if err != nil {
		return err
	}
	body, err := sqlkit.Encode(&f.Dossier)
	if err != nil {
		return err
	}
	return s.do(ctx, 5+2*len(f.Parties)+len(keep), func(t *tx) error {
		basis, version := sqlkit.DossierBasis(&f)
		n, err := t.change("UPDATE dossiers SET ended = ?, lookup = ?, body = ?, counted = ?, counted_version = ?, remind = ? WHERE id = ? AND body ->> '$.version' = ?",
			sqlkit.DossierEnd(&f.Dossier), sqlkit.DossierLookup(&f.Dossier), body, basis, version, sqlkit.DossierRemind(&f.Dossier), string(f.ID), f.Version-1)
		if err == nil && n == 0 {
			return sqlkit.DossierMoved()
		}
		if err == nil {
			err = t.keepDossier(&f)
		}
		if err == nil {
			err = t.putDossierEvent(f.ID, event)
		}
		if err == nil {
			err = t.tellDossier(&f.Dossier, event.Seq)
		}
		if err == nil {
			err = t.putLogNote(&note)
		}
		if err == nil {
			err = saveNotes(t, keep)
		}
		return failed("record an event of a dossier", err)
	})
}

// EraseDossier takes from a dossier what it held of persons; see the contract in
// hub/dossiers.
func (s *Store) EraseDossier(ctx context.Context, f hub.DossierFile, note hub.LogNote, rules int64, gone []hub.RetentionNote) error {
	if _, err := sqlkit.LastEvent(&f); err != nil {
		return err
	}
	body, err := sqlkit.Encode(&f.Dossier)
	if err != nil {
		return err
	}
	return s.do(ctx, 4+len(f.Events)+len(f.Parties)+len(gone), func(t *tx) error {
		if err := checkRules(ctx, t, rules); err != nil {
			return err
		}
		basis, version := sqlkit.DossierBasis(&f)
		n, err := t.change("UPDATE dossiers SET erased = 1, lookup = '', body = ?, counted = ?, counted_version = ? WHERE id = ? AND body ->> '$.version' = ?", body, basis, version, string(f.ID), f.Version-1)
		if err == nil && n == 0 {
			return sqlkit.DossierMoved()
		}
		if err == nil {
			err = t.keepDossier(&f)
		}
		for i := 0; err == nil && i < len(f.Events); i++ {
			var event string
			if event, err = sqlkit.Encode(&f.Events[i]); err == nil {
				err = t.exec(replaceDossierEvent, string(f.ID), f.Events[i].Seq, event)
			}
		}
		if err == nil {
			err = t.tellDossier(&f.Dossier, f.Version)
		}
		if err == nil {
			err = t.putLogNote(&note)
		}
		if err == nil {
			err = saveNotes(t, gone)
		}
		if err == nil {
			err = t.erasePostal(ctx, f.ID)
		}
		return failed("erase a dossier", err)
	})
}

// EndedDossiers lists dossiers that have ended and were not erased, by their end.
func (s *Store) EndedDossiers(ctx context.Context, q hub.EndedDossiers) ([]hub.Dossier, error) {
	return collect(ctx, s.reader, scanBody[hub.Dossier], "SELECT body FROM dossiers WHERE erased = 0 AND (ended, id) > (?, ?) AND ended <= ? ORDER BY ended, id LIMIT ?",
		sqlkit.Micros(q.After), string(q.AfterDossier), sqlkit.Micros(q.Until), q.Limit)
}

const (
	dossiersToRemind = "SELECT body FROM dossiers WHERE remind <= ? AND remind < 9223372036854775807 ORDER BY remind, id LIMIT ?"
	remindLater      = "UPDATE dossiers SET remind = ? WHERE id = ? AND remind < 9223372036854775807 AND body ->> '$.version' = ?"
)

// DossiersToRemind lists dossiers whose next look has come, the longest waiting first.
func (s *Store) DossiersToRemind(ctx context.Context, now time.Time, limit int) ([]hub.DossierFile, error) {
	found, err := collect(ctx, s.reader, scanBody[hub.Dossier], dossiersToRemind, sqlkit.Micros(now), limit)
	if err != nil {
		return nil, err
	}
	return s.dossierFiles(ctx, found)
}

// RemindLater puts off the next look at a dossier that is at the version, else nothing.
func (s *Store) RemindLater(ctx context.Context, id hub.DossierID, version int64, at time.Time) error {
	return s.do(ctx, 1, func(t *tx) error {
		return failed("look at a dossier later", t.exec(remindLater, sqlkit.Micros(at), string(id), version))
	})
}

// FindDossier returns one dossier; KindNotFound when there is none.
func (s *Store) FindDossier(ctx context.Context, key hub.DossierKey) (hub.DossierFile, error) {
	text, args := dossierByKey, []any{string(key.Unit), key.Key}
	switch {
	case key.ID != "":
		text, args = dossierByID, []any{string(key.ID)}
	case key.Number != "":
		text, args = dossierByNumber, []any{key.Number}
	case !key.Lookup.IsZero():
		text, args = dossierByLookup, []any{key.Lookup.String()}
	}
	d, err := one(ctx, s.reader, "dossier", scanBody[hub.Dossier], text, args...)
	if err != nil {
		return hub.DossierFile{}, err
	}
	files, err := s.dossierFiles(ctx, []hub.Dossier{d})
	if err != nil {
		return hub.DossierFile{}, err
	}
	return files[0], nil
}

// dossierFiles adds their events to dossiers that were read before.
func (s *Store) dossierFiles(ctx context.Context, dossiers []hub.Dossier) ([]hub.DossierFile, error) {
	if len(dossiers) == 0 {
		return nil, nil
	}
	events, err := collect(ctx, s.reader, scanDossierEvent, dossierEvents, list(sqlkit.DossierIDs(dossiers)))
	if err != nil {
		return nil, err
	}
	return sqlkit.DossierFiles(dossiers, events), nil
}

func scanDossierEvent(rows *sql.Rows) (r sqlkit.DossierEventRow, err error) {
	var body []byte
	if err = rows.Scan(&r.Dossier, &body); err != nil {
		return r, err
	}
	return r, json.Unmarshal(body, &r.Event)
}

// LastDossier is the last place that a unit gave on a day; 0 for none.
func (s *Store) LastDossier(ctx context.Context, unit hub.AgencyID, day hub.Date) (int64, error) {
	return one(ctx, s.reader, "dossier", scanInt, lastDossier, string(unit), string(day))
}

// DossierNews are the events of dossiers of an agency behind a place of its series.
func (s *Store) DossierNews(ctx context.Context, agency hub.AgencyID, after int64, limit int) ([]hub.DossierNews, error) {
	return collect(ctx, s.reader, sqlkit.ScanDossierNews[*sql.Rows], dossierNews, string(agency), after, limit)
}

// Dossiers lists those of an agency, the last recorded first.
func (s *Store) Dossiers(ctx context.Context, query hub.DossierQuery) (hub.List[hub.DossierFile], error) {
	var l hub.List[hub.DossierFile]
	text, args, err := dossiersQuery(&query)
	if err != nil {
		return l, err
	}
	found, err := collect(ctx, s.reader, scanBody[hub.Dossier], text, args...)
	if err != nil {
		return l, err
	}
	found, l.Next = sqlkit.Cut(found, query.Page.Limit, sqlkit.DossierCursor)
	l.Items, err = s.dossierFiles(ctx, found)
	return l, err
}

func dossiersQuery(query *hub.DossierQuery) (string, []any, error) {
	after, err := sqlkit.ParseDossierCursor(query.Page)
	if err != nil {
		return "", nil, err
	}
	var c condition
	c.add("p.agency = ?", string(query.Agency))
	if query.Status != 0 {
		c.add("p.status = ?", int64(query.Status))
	}
	if query.Open {
		c.add("p.open = 1")
	}
	sqlkit.DossierListTerms(query, func(term string, values ...any) { c.add(strings.ReplaceAll(term, "%s", "?"), values...) })
	if after != "" {
		c.add("p.dossier < ?", after)
	}
	return "SELECT d.body FROM dossier_parties p CROSS JOIN dossiers d ON d.id = p.dossier" + c.where() + " ORDER BY p.dossier DESC LIMIT ?",
		append(c.args, query.Page.Limit+1), nil
}
