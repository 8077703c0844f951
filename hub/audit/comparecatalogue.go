package audit

import (
	"encoding/json"

	"github.com/lienthong/lienthong/hub"
)

// CatalogueRows compares the catalogue of procedures that a store keeps with itself: each
// version is as the changes left it, and none is there that no change made. What the log
// notes of the changes, Comparison.CatalogueRows compares.
type CatalogueRows struct {
	found   func(rule, format string, args ...any)
	changes map[int64]hub.Digest // of each change with its effects; the zero digest: none that counts
	left    map[procedureID]procedureEnd
	rows    int64
}

type procedureID struct {
	code   string
	number int64
}

// procedureEnd is what changes leave of a version: its validity and what ended it.
type procedureEnd struct {
	valid hub.Interval
	by    hub.ProcedureDecision // zero: nothing did
}

func endOf(v *hub.ProcedureVersion) procedureEnd {
	end := procedureEnd{valid: hub.Interval{From: v.Valid.From.UTC(), To: v.Valid.To.UTC()}}
	if v.Ended != nil {
		end.by = *v.Ended
	}
	return end
}

// NewCatalogueRows returns one that has read nothing.
func NewCatalogueRows(found func(rule, format string, args ...any)) *CatalogueRows {
	return &CatalogueRows{found: found, changes: map[int64]hub.Digest{}, left: map[procedureID]procedureEnd{}}
}

// Row takes the next row: all changes by their numbers, then all versions.
func (r *CatalogueRows) Row(row *hub.CatalogueRow) {
	r.rows++
	if row.Seq != 0 {
		r.changes[row.Seq] = r.change(row)
		return
	}
	var v hub.ProcedureVersion
	left, known := r.left[procedureID{row.Code, row.Number}]
	switch {
	case !known:
		r.found("catalogue_row", "the store keeps version %d of the procedure %.60q, which no change made", row.Number, row.Code)
	case json.Unmarshal(row.Body, &v) != nil || !row.Listed:
		r.found("catalogue_row", "version %d of the procedure %.60q stands in the store with other columns than it says", row.Number, row.Code)
	case endOf(&v) != left:
		r.found("catalogue_row", "version %d of the procedure %.60q is in force from %v to %v in the store, which is not what the changes left", row.Number, row.Code, v.Valid.From, v.Valid.To)
	}
}

// change takes a change, and returns its digest with its effects.
func (r *CatalogueRows) change(row *hub.CatalogueRow) hub.Digest {
	var c hub.ProcedureChange
	var made, before hub.ProcedureVersion
	if json.Unmarshal(row.Body, &c) != nil || c.Seq != row.Seq || c.Code != row.Code || c.Number != row.Number {
		r.found("catalogue_row", "change %d of the catalogue stands in the store with other columns than it says", row.Seq)
		return hub.Digest{}
	}
	amends := c.Act == hub.ProcedureAmend
	if json.Unmarshal(row.Made, &made) != nil || amends && json.Unmarshal(row.Before, &before) != nil {
		r.found("catalogue_gone", "the store keeps change %d of the catalogue, and not the versions of the procedure %.60q that it is about", row.Seq, row.Code)
		return hub.Digest{}
	}
	effects := c.Effects(&made, &before)
	for i := range effects {
		r.left[procedureID{row.Code, row.Number - int64(len(effects)-1-i)}] = endOf(&effects[i])
	}
	digest, err := c.Digest(effects)
	if err != nil {
		r.found("catalogue_row", "change %d of the catalogue cannot be read: %v", row.Seq, err)
	}
	return digest
}

// holds reports whether a store keeps the changes of a note as it says.
func (r *CatalogueRows) holds(f *hub.CatalogueFact) bool {
	var digests []hub.Digest
	for seq := f.First; seq <= f.Last; seq++ {
		digest, ok := r.changes[seq]
		if !ok {
			return false
		}
		digests = append(digests, digest)
	}
	return hub.CatalogueDigest(digests) == f.SHA256
}

// CatalogueRows compares changes with the notes of them. The rows before MUST be of an
// instant before that of the rows which were compared with the log; again reads those of
// now, and is called where a note tells of what was not there before.
func (c *Comparison) CatalogueRows(before *CatalogueRows, again func() (*CatalogueRows, error)) error {
	noted, last := map[int64]bool{}, int64(0)
	for seq := range before.changes {
		last = max(last, seq)
	}
	if err := compareFacts(c.catalogue, before, again, func(f *hub.CatalogueFact, held bool) {
		for seq := max(f.First, 1); seq <= min(f.Last, last); seq++ {
			noted[seq] = true
		}
		if !held {
			c.found("catalogue_gone", "the log notes changes %d to %d of the catalogue of procedures, by the decision %s, and the store does not keep them, or other ones", f.First, f.Last, f.Decision.Dispatch)
		}
	}); err != nil {
		return err
	}
	c.Rows += before.rows
	for seq := range before.changes {
		if !noted[seq] {
			c.found("catalogue_row", "the store keeps change %d of the catalogue, and the log has no note of it", seq)
		}
	}
	return nil
}
