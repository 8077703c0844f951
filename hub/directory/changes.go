package directory

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/lienthong/lienthong/hub"
)

// position is a place in the order of changes: behind the agency that last changed at a
// version.
type position struct {
	version int64
	id      hub.AgencyID
}

func (p position) compare(o position) int {
	return cmp.Or(cmp.Compare(p.version, o.version), cmp.Compare(p.id, o.id))
}

func (p position) String() string { return fmt.Sprintf("%d,%s", p.version, p.id) }

func changeOf(a *hub.Agency) position { return position{a.Version, a.ID} }

func (s *snapshot) orderChanges() []int32 {
	order := make([]int32, len(s.agencies))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(i, j int32) int { return changeOf(&s.agencies[i]).compare(changeOf(&s.agencies[j])) })
	return order
}

// Changes returns the agencies that changed behind a position, at most limit of them, in
// the order in which they last changed; the empty position is before all. Test units are
// no affair of other hubs. KindInvalid with the field "since" for a position that is not
// of this hub as it is now.
func (d *Directory) Changes(ctx context.Context, since string, limit int) (hub.AgencyChanges, error) {
	from := position{version: -1}
	if since != "" {
		version, id, ok := strings.Cut(since, ",")
		n, err := strconv.ParseInt(version, 10, 64)
		if !ok || err != nil {
			return hub.AgencyChanges{}, hub.Invalid("since", "position", "a position is what an earlier answer gave")
		}
		from = position{n, hub.AgencyID(id)}
	}
	if !d.current.Load().reached(from) { // another node gave it
		if err := d.Refresh(ctx); err != nil {
			return hub.AgencyChanges{}, err
		}
	}
	s := d.current.Load()
	if !s.reached(from) {
		return hub.AgencyChanges{}, hub.Invalid("since", "position", "the position is of another hub, or of this one before it was restored: begin anew without one")
	}
	found := hub.AgencyChanges{Items: []hub.Agency{}, Position: since}
	first := sort.Search(len(s.byChange), func(i int) bool { return changeOf(&s.agencies[s.byChange[i]]).compare(from) > 0 })
	for _, i := range s.byChange[first:] {
		a := &s.agencies[i]
		if len(found.Items) == limit {
			found.More = true
			break
		}
		if !a.Test {
			found.Items = append(found.Items, *a)
		}
		found.Position = changeOf(a).String()
	}
	return found, nil
}

// Position is that of the last change, from which on Changes has nothing yet.
func (d *Directory) Position() string { return d.current.Load().position() }

func (s *snapshot) position() string {
	if len(s.byChange) == 0 {
		return position{}.String()
	}
	return changeOf(&s.agencies[s.byChange[len(s.byChange)-1]]).String()
}

// still refuses what was made from another state than this one; the empty position says
// nothing of that.
func (s *snapshot) still(since string) error {
	if since == "" || since == s.position() {
		return nil
	}
	return hub.Errorf(hub.KindConflict, "since", "changed", "the directory has changed behind the position %.60s: make the list anew from what it is now", since)
}

// reached reports whether the agency of a position has changed as often as it had then. It
// has not where changes were lost, even if there were as many others since.
func (s *snapshot) reached(p position) bool {
	a, ok := s.agency(p.id)
	return p.version < 0 || ok && a.Version >= p.version
}
