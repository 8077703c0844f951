package sqlkit

import (
	"slices"
	"strconv"
	"strings"

	"github.com/lienthong/lienthong/hub"
)

// Arrived is when a delivery came to its recipient, as its column holds it; 0 where nothing of
// it says that. Deliveries of before the hub kept it have theirs from the acceptance.
func Arrived(d *hub.Delivery) int64 {
	if d.Channel == hub.ChannelAxis || d.ConsignedAt.IsZero() && d.Channel != hub.ChannelPull {
		return Micros(d.HandedOverAt)
	}
	return Micros(d.ConsignedAt)
}

// ArrivedImported is Arrived of a delivery of an archive: of before the hub kept it, the last
// change stands in.
func ArrivedImported(d *hub.Delivery) int64 {
	if at := Arrived(d); at != 0 || d.State == hub.StateQueued || d.Channel != hub.ChannelPull {
		return at
	}
	return Micros(d.UpdatedAt)
}

// The lanes of what presses, in the order of the list: of what is urgent and then of the
// others, those with a deadline of a task by that day, then the others by their arrival.
const pressLanes = 4

// PressLane is one of them.
type PressLane struct {
	Calm  int  // as the column: 0 for urgent ones
	Tasks bool // in the order of deadlines, else of arrivals
}

func pressLane(n int) PressLane { return PressLane{Calm: n / 2, Tasks: n%2 == 0} }

// PressKey is the place of a delivery in its lane: the day or the arrival, and the id.
type PressKey struct {
	Due     string
	Arrived int64
	ID      string
}

func (l PressLane) cursor(k *PressKey) string {
	lane, at := 2*l.Calm, k.Due
	if !l.Tasks {
		lane, at = lane+1, strconv.FormatInt(k.Arrived, 10)
	}
	return Cursor("pressing", strconv.Itoa(lane), at, k.ID)
}

// Spans are those of a lane.
func (l PressLane) Spans(all []hub.ArrivalSpan) []hub.ArrivalSpan {
	return slices.DeleteFunc(slices.Clone(all), func(s hub.ArrivalSpan) bool { return s.Urgent != (l.Calm == 0) })
}

// The bounds of a search among what presses: so many are looked at for a page, in so large parts.
const (
	pressStretch = 1_000
	pressPart    = 200
)

// PressLister reads what presses out of a store.
type PressLister struct {
	Query *hub.MailboxQuery
	// Keys returns the first places of a lane behind one, nil for its beginning.
	Keys func(lane PressLane, after *PressKey, rows int) ([]PressKey, error)
	// Items returns deliveries in whatever order.
	Items func(ids []hub.DeliveryID) ([]hub.Item, error)
}

// pressed is a place in the list.
type pressed struct {
	lane int
	key  *PressKey // nil: the beginning of the lane
}

// List reads a page. A search looks through the documents of a bounded part of the list.
func (l PressLister) List() (hub.List[hub.Item], error) {
	var list hub.List[hub.Item]
	at, err := l.begin()
	if err != nil {
		return list, err
	}
	limit := l.Query.Page.Limit
	asked, some := Ask(l.Query.Text)
	rows, most := limit+1, limit+1
	if some {
		rows, most = pressPart, pressStretch
	}
	for looked := 0; looked < most; looked += rows {
		places, err := l.places(at, rows)
		if err != nil || len(places) == 0 {
			list.Next = ""
			return list, err
		}
		found, err := l.read(places)
		if err != nil {
			return list, err
		}
		for i, place := range places {
			at = place
			if item, ok := found[place.key.ID]; ok && (!some || asked.Matches(&item.Dispatch)) {
				if len(list.Items) == limit {
					return list, nil
				}
				list.Items = append(list.Items, item)
			}
			if list.Next = pressLane(place.lane).cursor(place.key); i == len(places)-1 && len(places) < rows {
				list.Next = ""
				return list, nil
			}
		}
	}
	return list, nil
}

// begin is where the cursor of the query stands.
func (l PressLister) begin() (pressed, error) {
	after, err := ParseCursor("pressing", l.Query.Page, 3)
	if err != nil || after == nil {
		return pressed{}, err
	}
	lane, err := ParseSmall(after[0], pressLanes-1)
	if err != nil {
		return pressed{}, err
	}
	key := &PressKey{Due: after[1], ID: after[2]}
	if !pressLane(int(lane)).Tasks {
		key.Due = ""
		key.Arrived, err = ParseNumber(after[1])
	}
	return pressed{int(lane), key}, err
}

// places are the next ones behind a place, from lane to lane.
func (l PressLister) places(at pressed, rows int) ([]pressed, error) {
	var places []pressed
	for lane, after := at.lane, at.key; lane < pressLanes && len(places) < rows; lane, after = lane+1, nil {
		keys, err := l.Keys(pressLane(lane), after, rows-len(places))
		if err != nil {
			return nil, err
		}
		for i := range keys {
			places = append(places, pressed{lane, &keys[i]})
		}
	}
	return places, nil
}

func (l PressLister) read(places []pressed) (map[string]hub.Item, error) {
	ids := make([]hub.DeliveryID, len(places))
	for i := range places {
		ids[i] = hub.DeliveryID(places[i].key.ID)
	}
	items, err := l.Items(ids)
	found := make(map[string]hub.Item, len(items))
	for i := range items {
		found[string(items[i].Delivery.ID)] = items[i]
	}
	return found, err
}

// Matches reports whether a dispatch has all that a search asks for.
func (a *Asked) Matches(d *hub.Dispatch) bool {
	text := SearchText(d)
	return len(a.Patterns) > 0 && !slices.ContainsFunc(a.Patterns, func(p string) bool { return !strings.Contains(text, strings.Trim(p, "%")) })
}
