package pdfsig

import (
	"cmp"
	"errors"
	"slices"

	"github.com/lienthong/lienthong/signing/verdict"
)

// findStrays looks for signature dictionaries that no field of the newest view
// reaches: a document whose signature was cut off its form must not pass as one
// that was never signed.
func (e *examination) findStrays(marks []int64) error {
	var places []entry
	for _, mark := range marks {
		if e.belongs(mark) {
			continue
		}
		if places == nil {
			places = e.places()
		}
		stray, err := e.strayAt(mark, places)
		if err != nil {
			return err
		}
		if !stray {
			continue
		}
		s := verdict.Signature{Format: "PDF", Revisions: len(e.revisions)}
		s.Check("signature field", "", verdict.Fail(verdict.FormatFailure, "the file holds a signature that no field of its form reaches"))
		e.report.add(s, Detail{})
		return nil // one such finding says it all
	}
	return nil
}

func (e *examination) belongs(mark int64) bool {
	for _, c := range e.candidates {
		if c.gated != nil && mark >= c.gated.object.start && mark < c.gated.object.end {
			return true
		}
	}
	return false
}

// places returns the entries of all revisions in the order of the file.
func (e *examination) places() []entry {
	var list []entry
	for _, r := range e.revisions {
		for _, s := range r.sections {
			for _, other := range s.entries {
				if other.kind == entryInUse {
					list = append(list, other)
				}
			}
		}
	}
	slices.SortFunc(list, func(a, b entry) int { return cmp.Compare(a.offset, b.offset) })
	return list
}

// strayAt reports whether the mark stands in an object that is a signature
// dictionary, or in bytes of no object that the cross-reference knows, as when a
// revision is skipped. The bytes of a stream may say what they like.
func (e *examination) strayAt(mark int64, places []entry) (bool, error) {
	next, _ := slices.BinarySearchFunc(places, mark, func(e entry, at int64) int { return cmp.Compare(e.offset, at) })
	if next == 0 {
		return true, nil
	}
	nearest := places[next-1]
	id := refOf(nearest)
	if slices.ContainsFunc(e.candidates, func(c *candidate) bool { return c.field.value == id || c.field.loose && c.field.at == id }) {
		return false, nil // judged already
	}
	latest := e.latest()
	found, err := e.readIndirect(nearest.offset, &latest)
	var structure *structureError
	if errors.As(err, &structure) || err == nil && mark >= found.end {
		return true, nil
	}
	d, ok := found.object.(dict)
	_, ranged := d["ByteRange"]
	_, valued := d["Contents"]
	return ok && ranged && valued && !e.isUsageRight(id), err
}

// isUsageRight reports whether the catalog's permissions name the signature: a
// reader's usage rights are signed without a field.
func (e *examination) isUsageRight(id ref) bool {
	catalog, err := e.latest().catalog()
	if err != nil {
		return false
	}
	permissions, err := e.latest().dict(catalog["Perms"])
	return err == nil && (permissions["UR3"] == id || permissions["UR"] == id)
}
