package postgres

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

const (
	insertDossiers = `INSERT INTO dossiers (id, number, unit, day, sequence, key, received, ended, erased, lookup, body, counted, counted_version, remind)
		SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::bigint[], $8::bigint[], $9::boolean[], $10::text[], $11::text[], $12::text[], $13::bigint[], $14::bigint[])`
	insertDossierEvents  = "INSERT INTO dossier_events (dossier, seq, body) SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[])"
	replaceDossierEvents = insertDossierEvents + " ON CONFLICT (dossier, seq) DO UPDATE SET body = excluded.body"
	insertLogNotes       = `INSERT INTO log_notes (id, kind, body, pending) SELECT id, kind, body, true
		FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS n (id, kind, body, position) ORDER BY position`
	putDossierParties = `INSERT INTO dossier_parties (agency, dossier, open, status, late, foreseen, marks)
		SELECT * FROM unnest($1::text[], $2::text[], $3::boolean[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[])
		ON CONFLICT (agency, dossier) DO UPDATE SET open = excluded.open, status = excluded.status, late = excluded.late, foreseen = excluded.foreseen, marks = excluded.marks`
	// Who tells an agency of something waits for the others that do, so that a number which is
	// seen has all lower ones before it.
	lockDossierNews = "SELECT pg_advisory_xact_lock(key) FROM (SELECT DISTINCT hashtextextended('dossier-news/' || agency, 0) AS key FROM unnest($1::text[]) AS a (agency) ORDER BY key) k"
	addDossierNews  = `INSERT INTO dossier_news (agency, seq, dossier, event)
		SELECT a.agency, coalesce((SELECT max(n.seq) FROM dossier_news n WHERE n.agency = a.agency), 0) + e.place, $2, e.event
		FROM unnest($1::text[]) AS a (agency), unnest($3::bigint[]) WITH ORDINALITY AS e (event, place)`
	dossierNews = `SELECT n.seq, n.dossier, d.number, d.unit, e.body FROM (SELECT * FROM dossier_news WHERE agency = $1 AND seq > $2 ORDER BY seq LIMIT $3) n
		JOIN dossiers d ON d.id = n.dossier JOIN dossier_events e ON e.dossier = n.dossier AND e.seq = n.event ORDER BY n.seq`
	lastDossier = "SELECT coalesce(max(sequence), 0) FROM dossiers WHERE unit = $1 AND day = $2"
)

// AddDossier records a dossier; see the contract in hub/dossiers. Two that want one place
// meet at its index: the second waits, and finds it taken or free.
func (s *Store) AddDossier(ctx context.Context, f hub.DossierFile, next bool, notes []hub.LogNote, keep ...hub.RetentionNote) error {
	var rows, parties, events, noted columns
	body, err := sqlkit.Encode(&f.Dossier)
	if err != nil {
		return err
	}
	rows.add(dossierColumns(&f, body)...)
	addDossierParties(&parties, &f)
	for i := range f.Events {
		if err := addDossierEvent(&events, f.ID, &f.Events[i]); err != nil {
			return err
		}
	}
	for i := range notes {
		if err := addLogNote(&noted, &notes[i]); err != nil {
			return err
		}
	}
	return s.actOnDossier(ctx, func(ctx context.Context, tx pgx.Tx) error {
		if next {
			var last int64
			if err := tx.QueryRow(ctx, lastDossier, string(f.Unit), string(f.Day)).Scan(&last); err != nil {
				return err
			}
			if last != f.Sequence-1 {
				return sqlkit.DossierMoved()
			}
		}
		if err := runAll(ctx, tx, statement{insertDossiers, rows.args}, statement{putDossierParties, parties.args}, factsOf(&f), statement{insertDossierEvents, events.args}, statement{insertLogNotes, noted.args}, savingNotes(keep)); err != nil {
			return err
		}
		return tellOfDossier(ctx, tx, &f.Dossier, f.Events)
	})
}

// statement is one of several of a transaction; without rows it is left out.
type statement struct {
	text string
	args []any
}

func runAll(ctx context.Context, tx pgx.Tx, statements ...statement) error {
	for _, st := range statements {
		if st.args == nil {
			continue
		}
		if _, err := tx.Exec(ctx, st.text, st.args...); err != nil {
			return err
		}
	}
	return nil
}

// tellOfDossier gives events of a dossier their places in the series of each of its agencies.
// It comes last in its transaction: others wait for its end.
func tellOfDossier(ctx context.Context, tx pgx.Tx, d *hub.Dossier, events []hub.DossierEvent) error {
	agencies, places := make([]string, len(d.Parties)), make([]int64, len(events))
	for i, agency := range d.Parties {
		agencies[i] = string(agency)
	}
	for i := range events {
		places[i] = events[i].Seq
	}
	return runAll(ctx, tx, statement{lockDossierNews, []any{agencies}}, statement{addDossierNews, []any{agencies, string(d.ID), places}})
}

// savingNotes is SaveNotes as a part of an act.
func savingNotes(notes []hub.RetentionNote) statement {
	if len(notes) == 0 {
		return statement{}
	}
	return statement{saveNotes, noteArgs(notes)}
}

// actOnDossier runs an act in a transaction; what is taken already is a conflict.
func (s *Store) actOnDossier(ctx context.Context, call func(context.Context, pgx.Tx) error) error {
	return s.act(ctx, "record a dossier", func(ctx context.Context, c *pgx.Conn) error {
		err := pgx.BeginFunc(ctx, c, func(tx pgx.Tx) error { return call(ctx, tx) })
		if state(err) == uniqueViolation {
			return sqlkit.DossierMoved()
		}
		return err
	})
}

func dossierColumns(f *hub.DossierFile, body string) []any {
	d := &f.Dossier
	basis, version := sqlkit.DossierBasis(f)
	return []any{string(d.ID), d.Number, string(d.Unit), string(d.Day), d.Sequence, d.Key, sqlkit.Micros(d.Received), sqlkit.DossierEnd(d), d.Erased != nil, sqlkit.DossierLookup(d), body, basis, version, sqlkit.DossierRemind(d)}
}

func addDossierParties(parties *columns, f *hub.DossierFile) {
	late, foreseen, marks := sqlkit.DossierPresent(f)
	for _, agency := range f.Parties {
		parties.add(string(agency), string(f.ID), f.Open(), int64(f.Status), late, foreseen, marks)
	}
}

func addDossierEvent(events *columns, id hub.DossierID, e *hub.DossierEvent) error {
	body, err := sqlkit.Encode(e)
	if err == nil {
		events.add(string(id), e.Seq, body)
	}
	return err
}

func addLogNote(notes *columns, n *hub.LogNote) error {
	body, err := sqlkit.Encode(n)
	if err == nil {
		notes.add(n.ID, string(n.Kind), body)
	}
	return err
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
	var parties, events, noted columns
	addDossierParties(&parties, &f)
	if err := addDossierEvent(&events, f.ID, event); err != nil {
		return err
	}
	if err := addLogNote(&noted, &note); err != nil {
		return err
	}
	return s.actOnDossier(ctx, func(ctx context.Context, tx pgx.Tx) error {
		basis, version := sqlkit.DossierBasis(&f)
		done, err := tx.Exec(ctx, "UPDATE dossiers SET ended = $1, lookup = $2, body = $3, counted = $4, counted_version = $5, remind = $6 WHERE id = $7 AND (body::jsonb ->> 'version')::bigint = $8",
			sqlkit.DossierEnd(&f.Dossier), sqlkit.DossierLookup(&f.Dossier), body, basis, version, sqlkit.DossierRemind(&f.Dossier), string(f.ID), f.Version-1)
		if err != nil {
			return err
		}
		if done.RowsAffected() == 0 {
			return sqlkit.DossierMoved()
		}
		if err := runAll(ctx, tx, statement{putDossierParties, parties.args}, forgetFacts(string(f.ID)), factsOf(&f), statement{insertDossierEvents, events.args}, statement{insertLogNotes, noted.args}, savingNotes(keep)); err != nil {
			return err
		}
		return tellOfDossier(ctx, tx, &f.Dossier, f.Events[len(f.Events)-1:])
	})
}

// EraseDossier takes from a dossier what it held of persons; see the contract in
// hub/dossiers. Whoever changes the rules of retention waits for it, or it for them.
func (s *Store) EraseDossier(ctx context.Context, f hub.DossierFile, note hub.LogNote, rules int64, gone []hub.RetentionNote) error {
	if _, err := sqlkit.LastEvent(&f); err != nil {
		return err
	}
	body, err := sqlkit.Encode(&f.Dossier)
	if err != nil {
		return err
	}
	var parties, events, noted columns
	addDossierParties(&parties, &f)
	for i := range f.Events {
		if err := addDossierEvent(&events, f.ID, &f.Events[i]); err != nil {
			return err
		}
	}
	if err := addLogNote(&noted, &note); err != nil {
		return err
	}
	return s.actOnDossier(ctx, func(ctx context.Context, tx pgx.Tx) error {
		held, err := tx.Exec(ctx, "SELECT value FROM counters WHERE name = 'retention' AND value = $1 FOR SHARE", rules)
		if err == nil && held.RowsAffected() == 0 {
			err = sqlkit.RulesChanged()
		}
		if err != nil {
			return err
		}
		basis, version := sqlkit.DossierBasis(&f)
		done, err := tx.Exec(ctx, "UPDATE dossiers SET erased = true, lookup = '', body = $1, counted = $2, counted_version = $3 WHERE id = $4 AND (body::jsonb ->> 'version')::bigint = $5",
			body, basis, version, string(f.ID), f.Version-1)
		if err == nil && done.RowsAffected() == 0 {
			err = sqlkit.DossierMoved()
		}
		if err != nil {
			return err
		}
		if err := runAll(ctx, tx, statement{putDossierParties, parties.args}, forgetFacts(string(f.ID)), factsOf(&f), statement{replaceDossierEvents, events.args}, statement{insertLogNotes, noted.args}, savingNotes(gone)); err != nil {
			return err
		}
		if err := erasePostal(ctx, tx, f.ID); err != nil {
			return err
		}
		return tellOfDossier(ctx, tx, &f.Dossier, f.Events[len(f.Events)-1:])
	})
}

// EndedDossiers lists dossiers that have ended and were not erased, by their end.
func (s *Store) EndedDossiers(ctx context.Context, q hub.EndedDossiers) ([]hub.Dossier, error) {
	return collect(ctx, s, scanBody[hub.Dossier], "SELECT body FROM dossiers WHERE NOT erased AND (ended, id) > ($1, $2) AND ended <= $3 ORDER BY ended, id LIMIT $4",
		sqlkit.Micros(q.After), string(q.AfterDossier), sqlkit.Micros(q.Until), q.Limit)
}

const (
	dossiersToRemind = "SELECT body FROM dossiers WHERE remind <= $1 AND remind < 9223372036854775807 ORDER BY remind, id LIMIT $2"
	remindLater      = "UPDATE dossiers SET remind = $1 WHERE id = $2 AND remind < 9223372036854775807 AND (body::jsonb ->> 'version')::bigint = $3"
)

// DossiersToRemind lists dossiers whose next look has come, the longest waiting first.
func (s *Store) DossiersToRemind(ctx context.Context, now time.Time, limit int) ([]hub.DossierFile, error) {
	found, err := collect(ctx, s, scanBody[hub.Dossier], dossiersToRemind, sqlkit.Micros(now), limit)
	if err != nil {
		return nil, err
	}
	return s.dossierFiles(ctx, found)
}

// RemindLater puts off the next look at a dossier that is at the version, else nothing.
func (s *Store) RemindLater(ctx context.Context, id hub.DossierID, version int64, at time.Time) error {
	return s.act(ctx, "look at a dossier later", func(ctx context.Context, c *pgx.Conn) error {
		_, err := c.Exec(ctx, remindLater, sqlkit.Micros(at), string(id), version)
		return err
	})
}

// FindDossier returns one dossier; KindNotFound when there is none.
func (s *Store) FindDossier(ctx context.Context, key hub.DossierKey) (hub.DossierFile, error) {
	text, args := "SELECT body FROM dossiers WHERE unit = $1 AND key = $2 AND key <> ''", []any{string(key.Unit), key.Key}
	switch {
	case key.ID != "":
		text, args = "SELECT body FROM dossiers WHERE id = $1", []any{string(key.ID)}
	case key.Number != "":
		text, args = "SELECT body FROM dossiers WHERE number = $1", []any{key.Number}
	case !key.Lookup.IsZero():
		text, args = "SELECT body FROM dossiers WHERE lookup = $1 AND lookup <> ''", []any{key.Lookup.String()}
	}
	found, err := collect(ctx, s, scanBody[hub.Dossier], text, args...)
	d, err := first(found, "dossier", err)
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
	events, err := collect(ctx, s, scanDossierEvent, "SELECT dossier, body FROM dossier_events WHERE dossier = ANY($1) ORDER BY dossier, seq", sqlkit.DossierIDs(dossiers))
	if err != nil {
		return nil, err
	}
	return sqlkit.DossierFiles(dossiers, events), nil
}

func scanDossierEvent(row pgx.CollectableRow) (r sqlkit.DossierEventRow, err error) {
	var body []byte
	if err = row.Scan(&r.Dossier, &body); err != nil {
		return r, err
	}
	return r, json.Unmarshal(body, &r.Event)
}

// LastDossier is the last place that a unit gave on a day; 0 for none.
func (s *Store) LastDossier(ctx context.Context, unit hub.AgencyID, day hub.Date) (int64, error) {
	found, err := collect(ctx, s, pgx.RowTo[int64], lastDossier, string(unit), string(day))
	return first(found, "dossier", err)
}

// DossierNews are the events of dossiers of an agency behind a place of its series.
func (s *Store) DossierNews(ctx context.Context, agency hub.AgencyID, after int64, limit int) ([]hub.DossierNews, error) {
	return collect(ctx, s, sqlkit.ScanDossierNews[pgx.CollectableRow], dossierNews, string(agency), after, limit)
}

// Dossiers lists those of an agency, the last recorded first.
func (s *Store) Dossiers(ctx context.Context, query hub.DossierQuery) (hub.List[hub.DossierFile], error) {
	var l hub.List[hub.DossierFile]
	text, args, err := dossiersQuery(&query)
	if err != nil {
		return l, err
	}
	found, err := collect(ctx, s, scanBody[hub.Dossier], text, args...)
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
	c.add("p.agency = %s", string(query.Agency))
	if query.Status != 0 {
		c.add("p.status = %s", int64(query.Status))
	}
	if query.Open {
		c.add("p.open")
	}
	sqlkit.DossierListTerms(query, c.add)
	if after != "" {
		c.add("p.dossier < %s", after)
	}
	limit := c.arg(query.Page.Limit + 1)
	return "SELECT d.body FROM (SELECT p.dossier FROM dossier_parties p" + c.where() + " ORDER BY p.dossier DESC LIMIT " + limit +
		") x CROSS JOIN LATERAL (SELECT body FROM dossiers WHERE id = x.dossier LIMIT 1) d ORDER BY x.dossier DESC", c.args, nil // row by row: LIMIT keeps it from a walk through all
}
