package audit

import (
	"encoding/json"
	"slices"

	"github.com/lienthong/lienthong/hub"
)

// DossierRows compares the dossiers that a store keeps with themselves: the events of each
// follow one another without a gap, the dossier is at the last of them, and its agencies are
// those that they name. What the log notes of the events, Comparison.DossierRows compares.
type DossierRows struct {
	found  func(rule, format string, args ...any)
	events map[dossierEventID]hub.Digest
	ends   map[hub.DossierID]*dossierEnd
	rows   int64
}

type dossierEventID struct {
	dossier hub.DossierID
	seq     int64
}

// dossierEnd is what the events of a dossier came to.
type dossierEnd struct {
	version int64
	digest  hub.Digest
	parties []hub.AgencyID
	lookup  hub.Digest // of the last secret of its owner
	erased  bool       // words of an event are gone
	over    bool       // an event says why
	kept    bool       // the dossier itself is there
}

// NewDossierRows returns one that has read nothing.
func NewDossierRows(found func(rule, format string, args ...any)) *DossierRows {
	return &DossierRows{found: found, events: map[dossierEventID]hub.Digest{}, ends: map[hub.DossierID]*dossierEnd{}}
}

// Row takes the next row: all events by dossier and number, then all dossiers, then their
// agencies.
func (r *DossierRows) Row(row *hub.DossierRow) {
	r.rows++
	end := r.ends[row.Dossier]
	switch {
	case row.Seq > 0:
		if end == nil {
			end = &dossierEnd{}
			r.ends[row.Dossier] = end
		}
		r.event(row, end)
	case end == nil:
		r.found("dossier_row", "the store keeps the dossier %s without an event", row.Dossier)
	case row.Seq == 0:
		end.kept = true
		r.dossier(row, end)
	case !slices.Contains(end.parties, row.Agency):
		r.found("dossier_row", "the store shows the dossier %s to the agency %s, to which no event gave it", row.Dossier, row.Agency)
	}
}

func (r *DossierRows) event(row *hub.DossierRow, end *dossierEnd) {
	var e hub.DossierEvent
	digest, err := hub.Digest{}, json.Unmarshal(row.Body, &e)
	if err == nil {
		digest, err = e.SHA256()
	}
	switch {
	case err != nil || e.Seq != row.Seq:
		r.found("dossier_row", "event %d of the dossier %s stands in the store under another number than it says", row.Seq, row.Dossier)
	case e.Seq != end.version+1 || e.Previous != end.digest:
		r.found("dossier_row", "event %d of the dossier %s does not follow the one before it", row.Seq, row.Dossier)
	}
	end.version, end.digest = row.Seq, digest
	end.erased, end.over = end.erased || !e.Erased.IsZero(), end.over || e.Act == hub.DossierErase
	if !e.Lookup.IsZero() {
		end.lookup = e.Lookup
	}
	switch e.Act {
	case hub.DossierRegister:
		end.parties = append(end.parties, e.Agency)
	case hub.DossierHandOver:
		end.parties = append(end.parties, e.To)
	}
	r.events[dossierEventID{row.Dossier, row.Seq}] = digest
}

func (r *DossierRows) dossier(row *hub.DossierRow, end *dossierEnd) {
	var d hub.Dossier
	switch {
	case json.Unmarshal(row.Body, &d) != nil || !row.Listed:
		r.found("dossier_row", "the dossier %s stands in the store with other columns than it says", row.Dossier)
	case d.Version != end.version || d.Digest != end.digest:
		r.found("dossier_row", "the dossier %s is at event %d in the store, which is not the last that is kept, or another one", row.Dossier, d.Version)
	case slices.ContainsFunc(d.Parties, func(id hub.AgencyID) bool { return !slices.Contains(end.parties, id) }):
		r.found("dossier_row", "the dossier %s names an agency to which no event gave it", row.Dossier)
	case d.Lookup != end.lookup:
		r.found("dossier_row", "the dossier %s is found by another secret than its events gave", row.Dossier)
	case (d.Erased != nil || end.erased) && !end.over:
		r.found("dossier_row", "words of the dossier %s are gone, and no event says why", row.Dossier)
	}
}

// holds reports whether a store keeps the event of a note as it says.
func (r *DossierRows) holds(f *hub.DossierFact) bool {
	digest, ok := r.events[dossierEventID{f.Dossier, f.Seq}]
	return ok && digest == f.SHA256 && r.ends[f.Dossier].kept
}

// DossierRows compares events of dossiers with the notes of them. The rows before MUST be of
// an instant before that of the rows which were compared with the log; again reads those of
// now, and is called where a note tells of what was not there before.
func (c *Comparison) DossierRows(before *DossierRows, again func() (*DossierRows, error)) error {
	noted := map[dossierEventID]bool{}
	if err := compareFacts(c.dossiers, before, again, func(f *hub.DossierFact, held bool) {
		noted[dossierEventID{f.Dossier, f.Seq}] = true
		if !held {
			c.found("dossier_gone", "the log notes event %d of the dossier %s, and the store does not keep it, or another one", f.Seq, f.Dossier)
		}
	}); err != nil {
		return err
	}
	c.Rows += before.rows
	for id := range before.events {
		if !noted[id] {
			c.found("dossier_row", "the store keeps event %d of the dossier %s, and the log has no note of it", id.seq, id.dossier)
		}
	}
	return nil
}
