package directory

import (
	"slices"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// snapshot is the whole directory at one version. It never changes once built.
type snapshot struct {
	version  int64
	agencies []hub.Agency // in the order of keys
	keys     []string     // what listings are ordered and paged by, ascending
	byID     map[hub.AgencyID]int32
	holders  map[hub.Code][]holding // ordered by start
	children map[hub.AgencyID][]int32
	words    wordIndex
	acts     []*hub.Reorganisation // oldest day first
	tops     []int32               // may be under nobody
	byChange []int32               // in the order in which they last changed
	// predecessors are those whose successors an agency is among.
	predecessors map[hub.AgencyID][]int32
	served       map[hub.AgencyID][]int32 // agencies that an agency receives for, at some time
}

// holding is the time during which an agency has a code: the validity of the
// code within the life of the agency.
type holding struct {
	agency *hub.Agency
	valid  hub.Interval
}

func newSnapshot(agencies []hub.Agency, version int64) *snapshot {
	s := &snapshot{
		version:  version,
		byID:     make(map[hub.AgencyID]int32, len(agencies)),
		holders:  make(map[hub.Code][]holding, len(agencies)),
		children: make(map[hub.AgencyID][]int32),

		predecessors: make(map[hub.AgencyID][]int32),
		served:       make(map[hub.AgencyID][]int32),
	}
	s.agencies, s.keys = inListOrder(agencies)
	for i := range s.agencies {
		s.add(int32(i), &s.agencies[i])
	}
	for _, h := range s.holders {
		slices.SortStableFunc(h, func(a, b holding) int { return a.valid.From.Compare(b.valid.From) })
	}
	s.words = indexWords(s.agencies)
	s.acts = gatherActs(s.agencies)
	s.tops = s.findTops()
	s.byChange = s.orderChanges()
	return s
}

func (s *snapshot) add(i int32, a *hub.Agency) {
	s.byID[a.ID] = i
	for _, c := range a.Codes {
		valid := within(c.Valid, a.Valid)
		if !empty(valid) {
			s.holders[c.Value] = append(s.holders[c.Value], holding{agency: a, valid: valid})
		}
	}
	for _, p := range a.Parents {
		if list := s.children[p.Value]; len(list) == 0 || list[len(list)-1] != i {
			s.children[p.Value] = append(list, i)
		}
	}
	for _, by := range a.ReceivedBy {
		if list := s.served[by.Value]; len(list) == 0 || list[len(list)-1] != i {
			s.served[by.Value] = append(list, i)
		}
	}
	for _, id := range a.Successors {
		s.predecessors[id] = append(s.predecessors[id], i)
	}
}

func inListOrder(agencies []hub.Agency) (ordered []hub.Agency, keys []string) {
	keys = make([]string, len(agencies))
	place := make(map[string]int, len(agencies))
	for i := range agencies {
		keys[i] = listKey(&agencies[i])
		place[keys[i]] = i
	}
	slices.Sort(keys)
	ordered = make([]hub.Agency, len(agencies))
	for i, key := range keys {
		ordered[i] = agencies[place[key]]
	}
	return ordered, keys
}

// listKey orders agencies by their newest code; the id makes it unique. The comma
// sorts before the dot, so that H47 comes before H47.12.
func listKey(a *hub.Agency) string {
	newest := hub.Code("")
	for _, c := range a.Codes {
		newest = c.Value
		if c.Valid.To.IsZero() {
			break
		}
	}
	return string(newest) + "," + string(a.ID)
}

func (s *snapshot) agency(id hub.AgencyID) (*hub.Agency, bool) {
	i, ok := s.byID[id]
	if !ok {
		return nil, false
	}
	return &s.agencies[i], true
}

// meaning is what a code means around an instant; each may be nil.
type meaning struct {
	now    *holding // who has it
	before *holding // who had it last
	after  *holding // who will have it first
}

func (s *snapshot) lookUp(c hub.Code, at time.Time) meaning {
	var m meaning
	held := s.holders[c]
	for i := range held {
		h := &held[i]
		switch {
		case h.valid.Contains(at):
			m.now = h
		case !h.valid.From.IsZero() && at.Before(h.valid.From):
			if m.after == nil {
				m.after = h
			}
		default:
			m.before = h
		}
	}
	return m
}

// heirs returns the agencies that stand in for a at an instant: itself while it
// lives, else all that its successors lead to, each once, in the order of the
// succession.
func (s *snapshot) heirs(a *hub.Agency, at time.Time) []*hub.Agency {
	var list []*hub.Agency
	visited := map[hub.AgencyID]bool{}
	var follow func(a *hub.Agency)
	follow = func(a *hub.Agency) {
		if visited[a.ID] {
			return
		}
		visited[a.ID] = true
		if a.LivesAt(at) {
			list = append(list, a)
			return
		}
		for _, id := range a.Successors {
			if next, ok := s.agency(id); ok {
				follow(next)
			}
		}
	}
	follow(a)
	return list
}

// within returns the common part of two intervals, an empty one when they have none.
func within(a, b hub.Interval) hub.Interval {
	if b.From.After(a.From) {
		a.From = b.From
	}
	if a.To.IsZero() || !b.To.IsZero() && b.To.Before(a.To) {
		a.To = b.To
	}
	return a
}

func empty(i hub.Interval) bool { return !i.To.IsZero() && !i.From.Before(i.To) }
