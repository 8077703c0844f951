package sqlkit

import (
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
// marks, reason, runs_out and body of facts.
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
	Recipients []struct {
		ForInformation bool         `json:"for_information"`
		ID             hub.AgencyID `json:"id"`
		Index          *int         `json:"index"`
	} `json:"recipients"`
	Tasks []hub.TaskFact `json:"tasks"`
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
	e, err := Decode[countedEvidence](canonical)
	p.Evidence.Evidence = hub.Evidence{Delivery: e.Delivery, Event: e.Event, Time: e.Time, Dispatch: e.Dispatch, Reasons: e.Reasons, Tasks: e.Tasks}
	for _, r := range e.Recipients {
		p.Evidence.Evidence.Recipients = append(p.Evidence.Evidence.Recipients, hub.Party{ID: r.ID, Index: r.Index, ForInformation: r.ForInformation})
	}
	return p, err
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

// DecodeFigureSource reads a dispatch and when its signatures were made.
func DecodeFigureSource(body, reports []byte) (hub.FigureSource, error) {
	var s hub.FigureSource
	d, err := Decode[hub.Dispatch](body)
	if err != nil {
		return s, err
	}
	// Of a report nothing else is read: it is long, and this is done for every dispatch.
	signed, err := Decode[[]struct {
		Signatures []struct {
			ProvenAt  time.Time `json:"proven_at"`
			ClaimedAt time.Time `json:"claimed_at"`
		} `json:"signatures"`
	}](reports)
	for i := range signed {
		for _, v := range signed[i].Signatures {
			at := v.ProvenAt
			if at.IsZero() {
				at = v.ClaimedAt
			}
			if at.After(s.SignedAt) {
				s.SignedAt = at
			}
		}
	}
	s.Item.Dispatch = d
	return s, err
}
