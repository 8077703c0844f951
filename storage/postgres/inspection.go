package postgres

import (
	"context"
	"encoding/json"

	"github.com/jackc/pgx/v5"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

const (
	insertInspections = `INSERT INTO inspections (id, agency, day, key, delivery, waits, body)
		SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::boolean[], $7::text[])`
	insertInspectionEvents = "INSERT INTO inspection_events (inspection, seq, body) SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[])"
	putInspectionParties   = `INSERT INTO inspection_parties (agency, inspection, state, kind) SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
		ON CONFLICT (agency, inspection) DO UPDATE SET state = excluded.state`
)

// inspectionRows are the rows that an act on an inspection writes.
type inspectionRows struct {
	inspections, parties, events, notes columns
}

func newInspectionRows(f *hub.InspectionFile, note *hub.LogNote) (r inspectionRows, body string, err error) {
	event, err := sqlkit.LastInspectionEvent(f)
	if err == nil {
		body, err = sqlkit.Encode(&f.Inspection)
	}
	if err != nil {
		return r, "", err
	}
	r.inspections.add(inspectionColumns(&f.Inspection, body)...)
	addInspectionParties(&r.parties, &f.Inspection)
	if err = addInspectionEvent(&r.events, f.ID, event); err == nil {
		err = addLogNote(&r.notes, note)
	}
	return r, body, err
}

func inspectionColumns(i *hub.Inspection, body string) []any {
	return []any{string(i.ID), string(i.Agency), string(i.Day), i.Key, sqlkit.InspectedDelivery(i), i.Waits, body}
}

func addInspectionParties(parties *columns, i *hub.Inspection) {
	for _, agency := range i.Parties {
		parties.add(string(agency), string(i.ID), string(i.State), string(i.Kind))
	}
}

func addInspectionEvent(events *columns, id hub.InspectionID, e *hub.InspectionEvent) error {
	body, err := sqlkit.Encode(e)
	if err == nil {
		events.add(string(id), e.Seq, body)
	}
	return err
}

// AddInspection records an inspection; see the contract in hub/inspection. Two of one copy
// meet at its index.
func (s *Store) AddInspection(ctx context.Context, f hub.InspectionFile, note hub.LogNote) error {
	r, _, err := newInspectionRows(&f, &note)
	if err != nil {
		return err
	}
	return s.actOnInspection(ctx, func(ctx context.Context, tx pgx.Tx) error {
		return runAll(ctx, tx, statement{insertInspections, r.inspections.args}, statement{putInspectionParties, r.parties.args}, statement{insertInspectionEvents, r.events.args}, statement{insertLogNotes, r.notes.args})
	})
}

// actOnInspection runs an act in a transaction; what is taken already is a conflict.
func (s *Store) actOnInspection(ctx context.Context, call func(context.Context, pgx.Tx) error) error {
	return s.act(ctx, "record an inspection", func(ctx context.Context, c *pgx.Conn) error {
		err := pgx.BeginFunc(ctx, c, func(tx pgx.Tx) error { return call(ctx, tx) })
		if state(err) == uniqueViolation {
			return sqlkit.InspectionMoved()
		}
		return err
	})
}

// AddInspectionEvent records the last event of an inspection; see the contract in
// hub/inspection.
func (s *Store) AddInspectionEvent(ctx context.Context, f hub.InspectionFile, note hub.LogNote) error {
	r, body, err := newInspectionRows(&f, &note)
	if err != nil {
		return err
	}
	return s.actOnInspection(ctx, func(ctx context.Context, tx pgx.Tx) error {
		done, err := tx.Exec(ctx, "UPDATE inspections SET waits = $1, body = $2 WHERE id = $3 AND (body::jsonb ->> 'version')::bigint = $4", f.Waits, body, string(f.ID), f.Version-1)
		if err != nil {
			return err
		}
		if done.RowsAffected() == 0 {
			return sqlkit.InspectionMoved()
		}
		return runAll(ctx, tx, statement{putInspectionParties, r.parties.args}, statement{insertInspectionEvents, r.events.args}, statement{insertLogNotes, r.notes.args})
	})
}

// FindInspection returns one inspection; KindNotFound when there is none.
func (s *Store) FindInspection(ctx context.Context, key hub.InspectionKey) (hub.InspectionFile, error) {
	text, args := "SELECT body FROM inspections WHERE agency = $1 AND key = $2 AND key <> ''", []any{string(key.Agency), key.Key}
	switch {
	case key.ID != "":
		text, args = "SELECT body FROM inspections WHERE id = $1", []any{string(key.ID)}
	case key.Delivery != "":
		text, args = "SELECT body FROM inspections WHERE delivery = $1 AND delivery <> ''", []any{string(key.Delivery)}
	}
	found, err := collect(ctx, s, scanBody[hub.Inspection], text, args...)
	i, err := first(found, "inspection", err)
	if err != nil {
		return hub.InspectionFile{}, err
	}
	files, err := s.inspectionFiles(ctx, []hub.Inspection{i})
	if err != nil {
		return hub.InspectionFile{}, err
	}
	return files[0], nil
}

// inspectionFiles adds their events to inspections that were read before.
func (s *Store) inspectionFiles(ctx context.Context, inspections []hub.Inspection) ([]hub.InspectionFile, error) {
	if len(inspections) == 0 {
		return nil, nil
	}
	events, err := collect(ctx, s, scanInspectionEvent, "SELECT inspection, body FROM inspection_events WHERE inspection = ANY($1) ORDER BY inspection, seq", sqlkit.InspectionIDs(inspections))
	if err != nil {
		return nil, err
	}
	return sqlkit.InspectionFiles(inspections, events), nil
}

func scanInspectionEvent(row pgx.CollectableRow) (r sqlkit.InspectionEventRow, err error) {
	var body []byte
	if err = row.Scan(&r.Inspection, &body); err != nil {
		return r, err
	}
	return r, json.Unmarshal(body, &r.Event)
}

// Inspections lists those that an agency sees, the last begun first.
func (s *Store) Inspections(ctx context.Context, query hub.InspectionQuery) (hub.List[hub.InspectionFile], error) {
	text, args, err := inspectionsQuery(&query)
	if err != nil {
		return hub.List[hub.InspectionFile]{}, err
	}
	return s.inspectionPage(ctx, query.Page.Limit, sqlkit.InspectionCursor, text, args...)
}

// inspectionPage is a page of the inspections that a text reads, with their events.
func (s *Store) inspectionPage(ctx context.Context, limit int, cursorOf func(*hub.Inspection) string, text string, args ...any) (l hub.List[hub.InspectionFile], err error) {
	found, err := collect(ctx, s, scanBody[hub.Inspection], text, args...)
	if err != nil {
		return l, err
	}
	found, l.Next = sqlkit.Cut(found, limit, cursorOf)
	l.Items, err = s.inspectionFiles(ctx, found)
	return l, err
}

func inspectionsQuery(query *hub.InspectionQuery) (string, []any, error) {
	after, err := sqlkit.ParseInspectionCursor(query.Page)
	if err != nil {
		return "", nil, err
	}
	var c condition
	c.add("p.agency = %s", string(query.Agency))
	if query.State != "" {
		c.add("p.state = %s", string(query.State))
	}
	if query.Kind != "" {
		c.add("p.kind = %s", string(query.Kind))
	}
	if after != "" {
		c.add("p.inspection < %s", after)
	}
	limit := c.arg(query.Page.Limit + 1)
	return "SELECT i.body FROM (SELECT p.inspection FROM inspection_parties p" + c.where() + " ORDER BY p.inspection DESC LIMIT " + limit +
		") x CROSS JOIN LATERAL (SELECT body FROM inspections WHERE id = x.inspection LIMIT 1) i ORDER BY x.inspection DESC", c.args, nil // row by row: LIMIT keeps it from a walk through all
}

// InspectionsBetween lists those that an agency makes, by their day.
func (s *Store) InspectionsBetween(ctx context.Context, span hub.InspectionSpan) (hub.List[hub.InspectionFile], error) {
	day, id, err := sqlkit.ParseInspectionSpan(span.Page, span.From)
	if err != nil {
		return hub.List[hub.InspectionFile]{}, err
	}
	return s.inspectionPage(ctx, span.Page.Limit, sqlkit.InspectionSpanCursor,
		"SELECT body FROM inspections WHERE agency = $1 AND (day, id) > ($2, $3) AND day < $4 ORDER BY day, id LIMIT $5", string(span.Agency), day, id, string(span.Until), span.Page.Limit+1)
}

// WaitingInspections lists those with a recommendation and no conclusion, by id.
func (s *Store) WaitingInspections(ctx context.Context, after hub.InspectionID, limit int) ([]hub.InspectionFile, error) {
	found, err := collect(ctx, s, scanBody[hub.Inspection], "SELECT body FROM inspections WHERE waits AND id > $1 ORDER BY id LIMIT $2", string(after), limit)
	if err != nil {
		return nil, err
	}
	return s.inspectionFiles(ctx, found)
}
