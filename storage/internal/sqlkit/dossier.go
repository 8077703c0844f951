package sqlkit

import (
	"encoding/json"
	"math"

	"github.com/lienthong/lienthong/hub"
)

// DossierEnd is the column ended of a dossier.
func DossierEnd(d *hub.Dossier) int64 {
	if d.Open() {
		return math.MaxInt64
	}
	return Micros(d.Ended)
}

// DossierLookup is the column lookup of a dossier, by which its owner finds it.
func DossierLookup(d *hub.Dossier) string {
	if d.Lookup.IsZero() {
		return ""
	}
	return d.Lookup.String()
}

// DossierRemind is the column remind of a dossier.
func DossierRemind(d *hub.Dossier) int64 {
	if !d.Open() {
		return math.MaxInt64
	}
	return Micros(d.Remind)
}

// DossierMoved says that somebody else changed a dossier, or took its number or its key.
func DossierMoved() error {
	return hub.Errorf(hub.KindConflict, "", "version", "the dossier, its number or its key has been taken or changed meanwhile")
}

// LastEvent is the event that is to be recorded; the file has one.
func LastEvent(f *hub.DossierFile) (*hub.DossierEvent, error) {
	n := len(f.Events)
	if n == 0 || f.Events[n-1].Seq != f.Version || f.Version != int64(n) {
		return nil, hub.Internal("number the events of a dossier", nil)
	}
	return &f.Events[n-1], nil
}

// DossierEventRow is an event with the dossier that it is of.
type DossierEventRow struct {
	Dossier hub.DossierID
	Event   hub.DossierEvent
}

// Record returns the record of an event.
func (r *StoredDossierEvent) Record() json.RawMessage {
	b := append(append([]byte(`{"dossier":`), quoted(r.Dossier)...), `,"event":`...)
	return append(append(b, r.Event...), '}')
}

// StoredDossierEvent is an event as stores keep it.
type StoredDossierEvent struct {
	Dossier string          `json:"dossier"`
	Event   json.RawMessage `json:"event"`
}

// Decoded is the event itself.
func (r *StoredDossierEvent) Decoded() (row DossierEventRow, err error) {
	row.Dossier = hub.DossierID(r.Dossier)
	if err = json.Unmarshal(r.Event, &row.Event); err != nil {
		err = badRecord(hub.RecordDossierEvent, err)
	}
	return row, err
}

// StoredDossierNews is the place of an event in the series of an agency, as stores keep it.
type StoredDossierNews struct {
	Agency  string `json:"agency"`
	Seq     int64  `json:"seq"`
	Dossier string `json:"dossier"`
	Event   int64  `json:"event"`
}

// DossierNewsRows read what ScanDossierNewsRecord takes.
const DossierNewsRows = "SELECT agency, seq, dossier, event FROM dossier_news ORDER BY agency, seq"

// ScanDossierNewsRecord reads the record of a row of DossierNewsRows.
func ScanDossierNewsRecord[R Row](row R) (json.RawMessage, error) {
	var r StoredDossierNews
	if err := row.Scan(&r.Agency, &r.Seq, &r.Dossier, &r.Event); err != nil {
		return nil, err
	}
	return json.Marshal(r)
}

// ScanDossierNews reads place, dossier, number, unit and body of an event.
func ScanDossierNews[R Row](row R) (n hub.DossierNews, err error) {
	var body []byte
	if err = row.Scan(&n.Seq, &n.Dossier, &n.Number, &n.Unit, &body); err != nil {
		return n, err
	}
	return n, json.Unmarshal(body, &n.Event)
}

// DossierFiles joins dossiers with their events, which come by dossier and number. An event
// that is newer than its dossier was read is left for the next look.
func DossierFiles(dossiers []hub.Dossier, events []DossierEventRow) []hub.DossierFile {
	places := make(map[hub.DossierID]int, len(dossiers))
	files := make([]hub.DossierFile, len(dossiers))
	for i := range dossiers {
		files[i].Dossier = dossiers[i]
		places[dossiers[i].ID] = i
	}
	for i := range events {
		if place, ok := places[events[i].Dossier]; ok && events[i].Event.Seq <= files[place].Version {
			files[place].Events = append(files[place].Events, events[i].Event)
		}
	}
	return files
}

// DossierIDs are the ids of dossiers.
func DossierIDs(dossiers []hub.Dossier) []string {
	ids := make([]string, len(dossiers))
	for i := range dossiers {
		ids[i] = string(dossiers[i].ID)
	}
	return ids
}

// DossierRowTexts read what ScanDossierRow takes: each event by dossier and number, then each
// dossier, then their agencies.
func DossierRowTexts() []string {
	return []string{
		"SELECT dossier, seq, body, '', '', '', '', 0, '', 0, '' FROM dossier_events ORDER BY dossier, seq",
		"SELECT id, 0, body, '', number, unit, day, sequence, key, ended, lookup FROM dossiers ORDER BY id",
		"SELECT dossier, -1, CAST(NULL AS TEXT), agency, '', '', '', 0, '', 0, '' FROM dossier_parties ORDER BY dossier, agency",
	}
}

// ScanDossierRow reads a row of DossierRowTexts.
func ScanDossierRow[R Row](row R) (hub.DossierRow, error) {
	var r hub.DossierRow
	var number, unit, day, key, lookup string
	var sequence, ended int64
	if err := row.Scan(&r.Dossier, &r.Seq, &r.Body, &r.Agency, &number, &unit, &day, &sequence, &key, &ended, &lookup); err != nil || r.Seq != 0 {
		return r, err
	}
	var d hub.Dossier
	r.Listed = json.Unmarshal(r.Body, &d) == nil && d.ID == r.Dossier && d.Number == number && string(d.Unit) == unit && string(d.Day) == day &&
		d.Sequence == sequence && d.Key == key && DossierEnd(&d) == ended && DossierLookup(&d) == lookup
	return r, nil
}

const dossierListing = "dossiers"

// DossierCursor is the place of a dossier among those of an agency.
func DossierCursor(d *hub.Dossier) string { return Cursor(dossierListing, string(d.ID)) }

// ParseDossierCursor unpacks a cursor: the dossier behind which a page begins.
func ParseDossierCursor(page hub.Page) (string, error) {
	after, err := ParseCursor(dossierListing, page, 1)
	if err != nil || after == nil {
		return "", err
	}
	return after[0], nil
}
