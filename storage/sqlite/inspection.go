package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

const (
	insertInspection      = "INSERT INTO inspections (id, agency, day, key, delivery, waits, body) VALUES (?, ?, ?, ?, ?, ?, ?)"
	insertInspectionEvent = "INSERT INTO inspection_events (inspection, seq, body) VALUES (?, ?, ?)"
	putInspectionParty    = `INSERT INTO inspection_parties (agency, inspection, state, kind) VALUES (?, ?, ?, ?)
		ON CONFLICT (agency, inspection) DO UPDATE SET state = excluded.state`
	inspectionTaken = `SELECT count(*) FROM (SELECT 1 FROM inspections WHERE agency = ?1 AND key = ?2 AND key <> ''
		UNION ALL SELECT 1 FROM inspections WHERE delivery = ?3 AND delivery <> '')`
	inspectionEvents     = "SELECT inspection, body FROM inspection_events WHERE inspection IN (SELECT value FROM json_each(?)) ORDER BY inspection, seq"
	inspectionByID       = "SELECT body FROM inspections WHERE id = ?"
	inspectionByDelivery = "SELECT body FROM inspections WHERE delivery = ? AND delivery <> ''"
	inspectionByKey      = "SELECT body FROM inspections WHERE agency = ? AND key = ? AND key <> ''"
	waitingInspections   = "SELECT body FROM inspections WHERE waits = 1 AND id > ? ORDER BY id LIMIT ?"
)

// AddInspection records an inspection; see the contract in hub/inspection.
func (s *Store) AddInspection(ctx context.Context, f hub.InspectionFile, note hub.LogNote) error {
	event, err := sqlkit.LastInspectionEvent(&f)
	if err != nil {
		return err
	}
	body, err := sqlkit.Encode(&f.Inspection)
	if err != nil {
		return err
	}
	return s.do(ctx, 3+len(f.Parties), func(t *tx) error {
		taken, err := one(ctx, t, "inspection", scanInt, inspectionTaken, string(f.Agency), f.Key, sqlkit.InspectedDelivery(&f.Inspection))
		if err == nil && taken > 0 {
			err = sqlkit.InspectionMoved()
		}
		if err == nil {
			err = t.putInspection(&f.Inspection, body)
		}
		if err == nil {
			err = t.putInspectionEvent(f.ID, event)
		}
		if err == nil {
			err = t.putLogNote(&note)
		}
		return err
	})
}

func (t *tx) putInspection(i *hub.Inspection, body string) error {
	err := t.exec(insertInspection, string(i.ID), string(i.Agency), string(i.Day), i.Key, sqlkit.InspectedDelivery(i), i.Waits, body)
	if err == nil {
		err = t.putInspectionParties(i)
	}
	return failed("record an inspection", err)
}

func (t *tx) putInspectionParties(i *hub.Inspection) error {
	for _, agency := range i.Parties {
		if err := t.exec(putInspectionParty, string(agency), string(i.ID), string(i.State), string(i.Kind)); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) putInspectionEvent(id hub.InspectionID, e *hub.InspectionEvent) error {
	body, err := sqlkit.Encode(e)
	if err == nil {
		err = t.exec(insertInspectionEvent, string(id), e.Seq, body)
	}
	return failed("record an event of an inspection", err)
}

// AddInspectionEvent records the last event of an inspection; see the contract in
// hub/inspection.
func (s *Store) AddInspectionEvent(ctx context.Context, f hub.InspectionFile, note hub.LogNote) error {
	event, err := sqlkit.LastInspectionEvent(&f)
	if err != nil {
		return err
	}
	body, err := sqlkit.Encode(&f.Inspection)
	if err != nil {
		return err
	}
	return s.do(ctx, 3+len(f.Parties), func(t *tx) error {
		n, err := t.change("UPDATE inspections SET waits = ?, body = ? WHERE id = ? AND body ->> '$.version' = ?", f.Waits, body, string(f.ID), f.Version-1)
		if err == nil && n == 0 {
			return sqlkit.InspectionMoved()
		}
		if err == nil {
			err = t.putInspectionParties(&f.Inspection)
		}
		if err == nil {
			err = t.putInspectionEvent(f.ID, event)
		}
		if err == nil {
			err = t.putLogNote(&note)
		}
		return failed("record an event of an inspection", err)
	})
}

// FindInspection returns one inspection; KindNotFound when there is none.
func (s *Store) FindInspection(ctx context.Context, key hub.InspectionKey) (hub.InspectionFile, error) {
	text, args := inspectionByKey, []any{string(key.Agency), key.Key}
	switch {
	case key.ID != "":
		text, args = inspectionByID, []any{string(key.ID)}
	case key.Delivery != "":
		text, args = inspectionByDelivery, []any{string(key.Delivery)}
	}
	i, err := one(ctx, s.reader, "inspection", scanBody[hub.Inspection], text, args...)
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
	events, err := collect(ctx, s.reader, scanInspectionEvent, inspectionEvents, list(sqlkit.InspectionIDs(inspections)))
	if err != nil {
		return nil, err
	}
	return sqlkit.InspectionFiles(inspections, events), nil
}

func scanInspectionEvent(rows *sql.Rows) (r sqlkit.InspectionEventRow, err error) {
	var body []byte
	if err = rows.Scan(&r.Inspection, &body); err != nil {
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
	found, err := collect(ctx, s.reader, scanBody[hub.Inspection], text, args...)
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
	c.add("p.agency = ?", string(query.Agency))
	if query.State != "" {
		c.add("p.state = ?", string(query.State))
	}
	if query.Kind != "" {
		c.add("p.kind = ?", string(query.Kind))
	}
	if after != "" {
		c.add("p.inspection < ?", after)
	}
	return "SELECT i.body FROM inspection_parties p CROSS JOIN inspections i ON i.id = p.inspection" + c.where() + " ORDER BY p.inspection DESC LIMIT ?",
		append(c.args, query.Page.Limit+1), nil
}

// InspectionsBetween lists those that an agency makes, by their day.
func (s *Store) InspectionsBetween(ctx context.Context, span hub.InspectionSpan) (hub.List[hub.InspectionFile], error) {
	text, args, err := inspectionSpanQuery(&span)
	if err != nil {
		return hub.List[hub.InspectionFile]{}, err
	}
	return s.inspectionPage(ctx, span.Page.Limit, sqlkit.InspectionSpanCursor, text, args...)
}

func inspectionSpanQuery(span *hub.InspectionSpan) (string, []any, error) {
	day, id, err := sqlkit.ParseInspectionSpan(span.Page, span.From)
	if err != nil {
		return "", nil, err
	}
	return "SELECT body FROM inspections WHERE agency = ? AND (day, id) > (?, ?) AND day < ? ORDER BY day, id LIMIT ?",
		[]any{string(span.Agency), day, id, string(span.Until), span.Page.Limit + 1}, nil
}

// WaitingInspections lists those with a recommendation and no conclusion, by id.
func (s *Store) WaitingInspections(ctx context.Context, after hub.InspectionID, limit int) ([]hub.InspectionFile, error) {
	found, err := collect(ctx, s.reader, scanBody[hub.Inspection], waitingInspections, string(after), limit)
	if err != nil {
		return nil, err
	}
	return s.inspectionFiles(ctx, found)
}
