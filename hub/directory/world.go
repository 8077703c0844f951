package directory

import (
	"slices"

	"github.com/lienthong/lienthong/hub"
)

// world is the directory as it would be: what is there, and some agencies as they become.
type world struct {
	base   *snapshot
	merged []hub.Agency
	place  map[hub.AgencyID]int // in merged
	claims map[hub.Code][]claim
}

// claim says that an agency has a code for a time.
type claim struct {
	agency *hub.Agency
	valid  hub.Interval
}

// claim gathers who would have which code.
func (w *world) claim() {
	w.claims = make(map[hub.Code][]claim, len(w.base.holders)+len(w.merged))
	add := func(a *hub.Agency) {
		for _, c := range a.Codes {
			if valid := within(c.Valid, a.Valid); !empty(valid) {
				w.claims[c.Value] = append(w.claims[c.Value], claim{agency: a, valid: valid})
			}
		}
	}
	for i := range w.merged {
		add(&w.merged[i])
	}
	for i := range w.base.agencies {
		if a := &w.base.agencies[i]; !w.names(a.ID) {
			add(a)
		}
	}
}

// names reports whether the agency is among those that become another.
func (w *world) names(id hub.AgencyID) bool {
	_, ok := w.place[id]
	return ok
}

// after returns the agency as it would be.
func (w *world) after(id hub.AgencyID) (*hub.Agency, bool) {
	if i, ok := w.place[id]; ok {
		return &w.merged[i], true
	}
	return w.base.agency(id)
}

// rival returns another agency that would have a code of this one at the same time.
func (w *world) rival(own *hub.Agency, code hub.Code) (*hub.Agency, bool) {
	claims := w.claims[code]
	for _, mine := range claims {
		if mine.agency != own {
			continue
		}
		for _, other := range claims {
			if other.agency != own && other.valid.Overlaps(mine.valid) {
				return other.agency, true
			}
		}
	}
	return nil, false
}

// The bounds of what an agency may hang on: a longer way is taken for a circle, so that
// no list makes its check endless.
const (
	maxDepth = 64     // agencies above one another
	maxHeirs = 10_000 // agencies that a succession leads to
)

// underItself reports whether an agency would at any time be above itself.
func (w *world) underItself(a *hub.Agency) bool {
	var way []hub.AgencyID
	var climb func(at *hub.Agency, during hub.Interval) bool
	climb = func(at *hub.Agency, during hub.Interval) bool {
		for _, p := range at.Parents {
			then := within(p.Valid, during)
			switch {
			case empty(then):
			case p.Value == a.ID || len(way) == maxDepth:
				return true
			case slices.Contains(way, p.Value): // a circle that does not hold this agency
			default:
				above, ok := w.after(p.Value)
				if !ok {
					continue
				}
				way = append(way, p.Value)
				if climb(above, then) {
					return true
				}
				way = way[:len(way)-1]
			}
		}
		return false
	}
	return climb(a, a.Valid)
}

// inheritsFromItself reports whether the successors of an agency lead back to it.
func (w *world) inheritsFromItself(a *hub.Agency) bool {
	seen := map[hub.AgencyID]bool{}
	var follow func(ids []hub.AgencyID) bool
	follow = func(ids []hub.AgencyID) bool {
		for _, id := range ids {
			if id == a.ID || len(seen) == maxHeirs {
				return true
			}
			if seen[id] {
				continue
			}
			seen[id] = true
			if next, ok := w.after(id); ok && follow(next.Successors) {
				return true
			}
		}
		return false
	}
	return len(a.Successors) > 0 && follow(a.Successors)
}
