package sqlkit

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// TallyColumns are the columns of a tally in its order, each in a form in which %[1]s
// stands for its name.
func TallyColumns(form string) string {
	columns := make([]string, len(hub.Measures()))
	for i, m := range hub.Measures() {
		columns[i] = fmt.Sprintf(form, string(m))
	}
	return strings.Join(columns, ", ")
}

// TallyValues are the values of TallyColumns.
func TallyValues(t *hub.Tally) []any {
	values := make([]any, len(t))
	for i := range t {
		values[i] = t[i]
	}
	return values
}

// FigureKey are the columns that name a row of figures.
const FigureKey = "agency, kind, period, side, unit, level"

// FigureValues are the values of FigureKey and TallyColumns.
func FigureValues(r *hub.FigureRow) []any {
	return append([]any{string(r.Agency), r.Kind, string(r.Period), string(r.Side), string(r.Unit), string(r.Level)}, TallyValues(&r.Tally)...)
}

// ScanUnit reads side, unit, level and a tally.
func ScanUnit[R Row](row R) (hub.FigureRow, error) {
	var r hub.FigureRow
	return r, row.Scan(append([]any{(*string)(&r.Side), (*string)(&r.Unit), (*string)(&r.Level)}, tallyInto(&r.Tally)...)...)
}

// ScanPeriod reads side, period and a tally.
func ScanPeriod[R Row](row R) (hub.FigureRow, error) {
	var r hub.FigureRow
	return r, row.Scan(append([]any{(*string)(&r.Side), (*string)(&r.Period)}, tallyInto(&r.Tally)...)...)
}

func tallyInto(t *hub.Tally) []any {
	into := make([]any, len(t))
	for i := range t {
		into[i] = &t[i]
	}
	return into
}

// FactsValues are the columns dispatch, position, delivery, sender, recipient, day, kind,
// measures, reason, runs_out and body of facts.
func FactsValues(f *hub.DeliveryFacts) ([]any, error) {
	body, err := Encode(f)
	var reason, runsOut *string
	if code := string(f.Refusal()); code != "" {
		reason = &code
	}
	if day := string(f.RunsOut()); day != "" {
		runsOut = &day
	}
	return []any{
		string(f.Dispatch), int64(f.Position), string(f.Delivery), string(f.Sender), string(f.Recipient), string(hub.Day(f.SentAt)), f.Kind,
		int64(f.Marks()), reason, runsOut, body,
	}, err
}

// HourValues are the columns hour, class and count.
func HourValues(h *hub.HourCount) []any { return []any{Micros(h.Hour), int64(h.Class), h.Count} }

// ScanHour reads them.
func ScanHour[R Row](row R) (h hub.HourCount, err error) {
	var at int64
	err = row.Scan(&at, &h.Class, &h.Count)
	h.Hour = Time(at)
	return h, err
}

// countedEvidence is what figures need of an evidence. The rest of it is longer by far.
type countedEvidence struct {
	Delivery   hub.DeliveryID `json:"delivery_id"`
	Event      hub.Event      `json:"event"`
	Time       time.Time      `json:"event_time"`
	Dispatch   hub.DispatchID `json:"message_id"`
	Reasons    []hub.Reason   `json:"reasons"`
	Recipients []countedParty `json:"recipients"`
	Tasks      []hub.TaskFact `json:"tasks"`
}

type countedParty struct {
	ForInformation bool         `json:"for_information"`
	ID             hub.AgencyID `json:"id"`
	Index          *int         `json:"index"`
}

// ScanCounted reads shard and index of an entry with canonical bytes of its evidence, which
// are NULL where it is something else, as far as figures need them.
func ScanCounted[R Row](row R) (hub.PlacedEvidence, error) {
	var p hub.PlacedEvidence
	var shard, index int64
	var canonical []byte
	err := row.Scan(&shard, &index, &canonical)
	p.Place = Place(shard, index)
	if err != nil || canonical == nil {
		return p, err
	}
	e, ok := findCounted(canonical)
	if !ok {
		e, err = Decode[countedEvidence](canonical)
	}
	p.Evidence.Evidence = hub.Evidence{Delivery: e.Delivery, Event: e.Event, Time: e.Time, Dispatch: e.Dispatch, Reasons: e.Reasons, Tasks: e.Tasks}
	for _, r := range e.Recipients {
		p.Evidence.Evidence.Recipients = append(p.Evidence.Evidence.Recipients, hub.Party{ID: r.ID, Index: r.Index, ForInformation: r.ForInformation})
	}
	return p, err
}

// findCounted decodes no more of an evidence than is asked for; false where it has to be
// decoded whole.
func findCounted(canonical []byte) (e countedEvidence, ok bool) {
	ok = members(canonical, func(name, value []byte) (ok bool) {
		switch string(name) {
		case "delivery_id":
			*(*string)(&e.Delivery), ok = plain(value)
			return ok
		case "event":
			*(*string)(&e.Event), ok = plain(value)
			return ok
		case "event_time":
			return e.Time.UnmarshalJSON(value) == nil
		case "message_id":
			*(*string)(&e.Dispatch), ok = plain(value)
			return ok
		case "reasons":
			return json.Unmarshal(value, &e.Reasons) == nil
		case "tasks":
			return json.Unmarshal(value, &e.Tasks) == nil
		case "recipients":
			return elements(value, func(party []byte) bool {
				p, ok := findParty(party)
				e.Recipients = append(e.Recipients, p)
				return ok
			})
		}
		return true
	})
	return e, ok
}

func findParty(text []byte) (p countedParty, ok bool) {
	ok = members(text, func(name, value []byte) (ok bool) {
		switch string(name) {
		case "for_information":
			p.ForInformation = string(value) == "true"
		case "id":
			*(*string)(&p.ID), ok = plain(value)
			return ok
		case "index":
			n, err := strconv.Atoi(string(value))
			p.Index = &n
			return err == nil
		}
		return true
	})
	return p, ok
}

// FiguresMoved is the answer to a step of counting that was made from what is no more.
func FiguresMoved() error {
	return hub.Errorf(hub.KindConflict, "figures", "version", "another node has counted further")
}

const countedListing = "counted"

// CountedPlace is where facts stand in a listing.
type CountedPlace struct {
	Day      string
	Dispatch string
	Position int64
}

// CountedCursor is the cursor behind an item.
func CountedCursor(item *hub.Item) string {
	return Cursor(countedListing, string(hub.Day(item.Dispatch.AcceptedAt)), string(item.Dispatch.ID), strconv.Itoa(item.Delivery.Index))
}

// ParseCountedCursor unpacks it; nil stands for the first page.
func ParseCountedCursor(page hub.Page) (*CountedPlace, error) {
	parts, err := ParseCursor(countedListing, page, 3)
	if err != nil || parts == nil {
		return nil, err
	}
	position, err := ParseNumber(parts[2])
	return &CountedPlace{parts[0], parts[1], position}, err
}

// CountedDays are the first day of a period and the first behind it.
func CountedDays(p hub.Period) (first, end string) {
	begin, behind := p.Span()
	return string(hub.Day(begin)), string(hub.Day(behind))
}

// EncodeFigureSource is the column figures of a dispatch: hub.FigureSource.
func EncodeFigureSource(d *hub.Dispatch, reports []hub.SignatureReport) (string, error) {
	return Encode(hub.FigureSourceOf(d, reports))
}

// ImportFigureSource is EncodeFigureSource of a dispatch from an archive.
func ImportFigureSource(d *hub.Dispatch, reports []byte) (string, error) {
	list, err := Decode[[]hub.SignatureReport](reports)
	if err != nil {
		return "", err
	}
	return EncodeFigureSource(d, list)
}

// FigureSourceColumns are what ScanFigureSource takes of a dispatch d. The column figures is
// NULL in rows that were made before there was one: the whole of those is read.
const FigureSourceColumns = "d.figures, CASE WHEN d.figures IS NULL THEN d.body END, CASE WHEN d.figures IS NULL THEN d.reports END"

// ScanFigureSource reads FigureSourceColumns.
func ScanFigureSource[R Row](row R) (hub.FigureSource, error) {
	var kept, body, reports []byte
	if err := row.Scan(&kept, &body, &reports); err != nil {
		return hub.FigureSource{}, err
	}
	if kept != nil {
		return Decode[hub.FigureSource](kept)
	}
	d, err := Decode[hub.Dispatch](body)
	if err != nil {
		return hub.FigureSource{}, err
	}
	list, err := Decode[[]hub.SignatureReport](reports)
	return hub.FigureSourceOf(&d, list), err
}

// FigureDelivery names a delivery by its place among the recipients.
type FigureDelivery struct {
	dispatch hub.DispatchID
	position int
	id       hub.DeliveryID
}

// ScanFigureDelivery reads dispatch, position and id of a delivery.
func ScanFigureDelivery[R Row](row R) (v FigureDelivery, err error) {
	err = row.Scan((*string)(&v.dispatch), &v.position, (*string)(&v.id))
	return v, err
}

// NameDeliveries gives sources the deliveries of theirs.
func NameDeliveries(sources []hub.FigureSource, deliveries []FigureDelivery) {
	of := make(map[hub.DispatchID]map[int]hub.DeliveryID, len(sources))
	for i := range sources {
		sources[i].Deliveries = map[int]hub.DeliveryID{}
		of[sources[i].Dispatch] = sources[i].Deliveries
	}
	for _, v := range deliveries {
		if known := of[v.dispatch]; known != nil {
			known[v.position] = v.id
		}
	}
}
