package sqlkit

import (
	"encoding/json"

	"github.com/lienthong/lienthong/hub"
)

// InspectionMoved says that somebody else changed an inspection, or began one of the same
// copy or with the same key.
func InspectionMoved() error {
	return hub.Errorf(hub.KindConflict, "", "version", "the inspection has been changed meanwhile, or there is one of the same copy or key")
}

// InspectedDelivery is the column delivery of an inspection.
func InspectedDelivery(i *hub.Inspection) string {
	if i.Document == nil {
		return ""
	}
	return string(i.Document.Delivery)
}

// LastInspectionEvent is the event that is to be recorded; the file has one.
func LastInspectionEvent(f *hub.InspectionFile) (*hub.InspectionEvent, error) {
	n := len(f.Events)
	if n == 0 || f.Events[n-1].Seq != f.Version || f.Version != int64(n) {
		return nil, hub.Internal("number the events of an inspection", nil)
	}
	return &f.Events[n-1], nil
}

// InspectionEventRow is an event with the inspection that it is of.
type InspectionEventRow struct {
	Inspection hub.InspectionID
	Event      hub.InspectionEvent
}

// StoredInspectionEvent is an event as stores keep it.
type StoredInspectionEvent struct {
	Inspection string          `json:"inspection"`
	Event      json.RawMessage `json:"event"`
}

// Record returns the record of an event.
func (r *StoredInspectionEvent) Record() json.RawMessage {
	b := append(append([]byte(`{"inspection":`), quoted(r.Inspection)...), `,"event":`...)
	return append(append(b, r.Event...), '}')
}

// Decoded is the event itself.
func (r *StoredInspectionEvent) Decoded() (row InspectionEventRow, err error) {
	row.Inspection = hub.InspectionID(r.Inspection)
	if err = json.Unmarshal(r.Event, &row.Event); err != nil {
		err = badRecord(hub.RecordInspectionEvent, err)
	}
	return row, err
}

// InspectionFiles joins inspections with their events, which come by inspection and number.
// An event that is newer than its inspection was read is left for the next look.
func InspectionFiles(inspections []hub.Inspection, events []InspectionEventRow) []hub.InspectionFile {
	places := make(map[hub.InspectionID]int, len(inspections))
	files := make([]hub.InspectionFile, len(inspections))
	for i := range inspections {
		files[i].Inspection = inspections[i]
		places[inspections[i].ID] = i
	}
	for i := range events {
		if place, ok := places[events[i].Inspection]; ok && events[i].Event.Seq <= files[place].Version {
			files[place].Events = append(files[place].Events, events[i].Event)
		}
	}
	return files
}

// InspectionIDs are the ids of inspections.
func InspectionIDs(inspections []hub.Inspection) []string {
	ids := make([]string, len(inspections))
	for i := range inspections {
		ids[i] = string(inspections[i].ID)
	}
	return ids
}

const (
	inspectionListing = "inspections"
	inspectionSpan    = "inspections by day"
)

// InspectionCursor is the place of an inspection among those that an agency sees.
func InspectionCursor(i *hub.Inspection) string { return Cursor(inspectionListing, string(i.ID)) }

// ParseInspectionCursor unpacks a cursor: the inspection behind which a page begins.
func ParseInspectionCursor(page hub.Page) (string, error) {
	after, err := ParseCursor(inspectionListing, page, 1)
	if err != nil || after == nil {
		return "", err
	}
	return after[0], nil
}

// InspectionSpanCursor is the place of an inspection among those of an agency by their day.
func InspectionSpanCursor(i *hub.Inspection) string {
	return Cursor(inspectionSpan, string(i.Day), string(i.ID))
}

// ParseInspectionSpan unpacks a cursor: day and id behind which a page begins. Without one it
// is the begin of the span.
func ParseInspectionSpan(page hub.Page, from hub.Date) (day, id string, err error) {
	after, err := ParseCursor(inspectionSpan, page, 2)
	if err != nil || after == nil {
		return string(from), "", err
	}
	return after[0], after[1], nil
}
