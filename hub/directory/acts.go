package directory

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// maxBasis is the longest name of a decision, in characters.
const maxBasis = 500

// happened tells by what acts an agency became what it is, read from its history alone.
// What is the same at every writer cannot be forgotten by one.
func happened(a *hub.Agency) []hub.AgencyAct {
	var acts []hub.AgencyAct
	renamed := append(turns(a.Names, a.Valid), turns(a.Codes, a.Valid)...)
	slices.SortFunc(renamed, time.Time.Compare)
	for _, at := range slices.CompactFunc(renamed, time.Time.Equal) {
		acts = append(acts, hub.AgencyAct{Kind: hub.ActRename, At: at})
	}
	for _, at := range turns(a.Parents, a.Valid) {
		act := hub.AgencyAct{Kind: hub.ActMove, At: at}
		if parent, ok := hub.At(a.Parents, at); ok {
			act.To = []hub.AgencyID{parent}
		}
		acts = append(acts, act)
	}
	if !a.Valid.To.IsZero() {
		kinds := []hub.ActKind{hub.ActAbolish, hub.ActMerge, hub.ActSplit}
		acts = append(acts, hub.AgencyAct{Kind: kinds[min(len(a.Successors), 2)], At: a.Valid.To, To: a.Successors})
	}
	return acts
}

// turns returns the instants in a life at which a value of the list ends.
func turns[T any](list []hub.Dated[T], life hub.Interval) []time.Time {
	var found []time.Time
	for _, d := range list {
		to := d.Valid.To
		if !to.IsZero() && to.After(life.From) && (life.To.IsZero() || to.Before(life.To)) && !slices.ContainsFunc(found, to.Equal) {
			found = append(found, to)
		}
	}
	return found
}

func sameAct(a, b *hub.AgencyAct) bool {
	return a.Kind == b.Kind && a.At.Equal(b.At) && slices.Equal(a.To, b.To)
}

// record writes into agencies by what they became what they are: new acts get a shared id
// where they are one, and what no longer holds is withdrawn and stays.
func record(changed []hub.Agency, basis string, now time.Time, newID func() string) {
	shared := map[string]string{}
	for i := range changed {
		a := &changed[i]
		is := happened(a)
		acts := slices.Clone(a.Acts)
		for j := range acts {
			if acts[j].Withdrawn.IsZero() && !slices.ContainsFunc(is, func(h hub.AgencyAct) bool { return sameAct(&h, &acts[j]) }) {
				acts[j].Withdrawn = now
			}
		}
		for _, h := range is {
			if slices.ContainsFunc(acts, func(old hub.AgencyAct) bool { return old.Withdrawn.IsZero() && sameAct(&h, &old) }) {
				continue
			}
			key := actKey(a.ID, &h)
			if shared[key] == "" {
				shared[key] = newID()
			}
			h.ID, h.Basis, h.Recorded = shared[key], basis, now
			acts = append(acts, h)
		}
		slices.SortStableFunc(acts, func(x, y hub.AgencyAct) int { return x.At.Compare(y.At) })
		a.Acts = acts
	}
}

// actKey tells which agencies share an act: those that merge into one, move under one or
// end on one day. Each renames and splits by itself.
func actKey(id hub.AgencyID, act *hub.AgencyAct) string {
	parts := []string{string(act.Kind), act.At.Format(time.RFC3339Nano)}
	switch act.Kind {
	case hub.ActMerge, hub.ActMove:
		for _, to := range act.To {
			parts = append(parts, string(to))
		}
	case hub.ActAbolish:
	default:
		parts = append(parts, string(id))
	}
	return strings.Join(parts, " ")
}

// gatherActs puts the parts of agencies together, oldest day first.
func gatherActs(agencies []hub.Agency) []*hub.Reorganisation {
	byID := map[string]*hub.Reorganisation{}
	for i := range agencies {
		for _, part := range agencies[i].Acts {
			key := part.ID
			if !part.Withdrawn.IsZero() {
				key += " withdrawn" // for some of its agencies it may still hold
			}
			act := byID[key]
			if act == nil {
				act = &hub.Reorganisation{AgencyAct: part}
				byID[key] = act
			}
			act.From = append(act.From, agencies[i].ID)
		}
	}
	all := make([]*hub.Reorganisation, 0, len(byID))
	for _, act := range byID {
		all = append(all, act)
	}
	slices.SortFunc(all, func(a, b *hub.Reorganisation) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.ID, b.ID), a.Withdrawn.Compare(b.Withdrawn))
	})
	return all
}

// Acts lists the acts by which agencies changed, oldest day first, paged by Page.After.
func (d *Directory) Acts(page hub.Page) hub.List[hub.Reorganisation] {
	s := d.current.Load()
	var list hub.List[hub.Reorganisation]
	key := func(i int) string {
		act := s.acts[i]
		return act.At.UTC().Format("2006-01-02T15:04:05.000000000Z") + "," + act.ID + "," + act.Withdrawn.UTC().Format(time.RFC3339Nano)
	}
	for i := range s.acts {
		if key(i) <= page.After {
			continue
		}
		if len(list.Items) == max(page.Limit, 1) {
			list.Next = key(i - 1)
			break
		}
		list.Items = append(list.Items, *s.acts[i])
	}
	return list
}

// History returns an agency with those before and after it.
func (d *Directory) History(id hub.AgencyID) (hub.AgencyHistory, bool) {
	s := d.current.Load()
	a, ok := s.agency(id)
	if !ok {
		return hub.AgencyHistory{}, false
	}
	h := hub.AgencyHistory{Agency: a, Predecessors: []hub.AgencyID{}, Successors: []hub.AgencyID{}, Acts: []hub.Reorganisation{}}
	h.Successors = append(h.Successors, a.Successors...)
	for _, i := range s.predecessors[id] {
		h.Predecessors = append(h.Predecessors, s.agencies[i].ID)
	}
	for _, act := range s.acts {
		if slices.Contains(act.From, id) || act.Kind.Closes() && slices.Contains(act.To, id) {
			h.Acts = append(h.Acts, *act)
		}
	}
	return h, true
}
