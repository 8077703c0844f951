package directory

import (
	"slices"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Under finds the agencies that live at an instant directly under each of some parents,
// in the order of the list; test units are hidden.
func (d *Directory) Under(parents []hub.AgencyID, at time.Time) map[hub.AgencyID][]hub.Agency {
	found := map[hub.AgencyID][]hub.Agency{}
	for _, parent := range parents {
		if list := d.Children(parent, at); len(list) > 0 {
			found[parent] = list
		}
	}
	return found
}

// Tops returns the agencies that live at an instant under no agency that lives then, in
// the order of the list; test units are hidden.
func (d *Directory) Tops(at time.Time) []hub.Agency {
	s := d.current.Load()
	var list []hub.Agency
	for _, i := range s.tops {
		a := &s.agencies[i]
		if a.Test || !a.LivesAt(at) {
			continue
		}
		parent, ok := hub.At(a.Parents, at)
		if above, known := s.agency(parent); !ok || !known || !above.LivesAt(at) {
			list = append(list, *a)
		}
	}
	return list
}

// findTops lists the agencies that are at any time under no agency that lives then.
func (s *snapshot) findTops() []int32 {
	var tops []int32
	for i := range s.agencies {
		if !s.alwaysUnder(&s.agencies[i]) {
			tops = append(tops, int32(i))
		}
	}
	return tops
}

// alwaysUnder reports whether an agency has a living parent all its life.
func (s *snapshot) alwaysUnder(a *hub.Agency) bool {
	var spans []hub.Interval
	for _, p := range a.Parents {
		if above, ok := s.agency(p.Value); ok {
			if span := within(within(p.Valid, above.Valid), a.Valid); !empty(span) {
				spans = append(spans, span)
			}
		}
	}
	slices.SortFunc(spans, func(x, y hub.Interval) int { return x.From.Compare(y.From) })
	reached := a.Valid.From // up to here there was one
	for _, span := range spans {
		if span.From.After(reached) {
			return false
		}
		if span.To.IsZero() || !a.Valid.To.IsZero() && !span.To.Before(a.Valid.To) {
			return true
		}
		if span.To.After(reached) {
			reached = span.To
		}
	}
	return false
}

// ReceivesFor lists the agencies for which others receive at an instant, without those
// themselves, by id. Who has closed receives for nobody.
func (d *Directory) ReceivesFor(receivers []hub.AgencyID, at time.Time) []hub.AgencyID {
	s := d.current.Load()
	var list []hub.AgencyID
	for _, id := range receivers {
		receiver, ok := s.agency(id)
		if !ok || !receiver.LivesAt(at) {
			continue
		}
		for _, i := range s.served[id] {
			a := &s.agencies[i]
			if a.ReceivedByAt(at) == id && !slices.Contains(receivers, a.ID) {
				list = append(list, a.ID)
			}
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}
