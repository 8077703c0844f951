package pdfsig

import (
	"errors"
	"slices"

	"github.com/lienthong/lienthong/signing/verdict"
)

// diff compares one revision with the one before, object by object. Everything
// that a revision changes must be claimed by a rule that knows why it may; what is
// left over is a change of the document. An object that was in use before may change
// only if rules account for every reference to it, so that nothing else is shown or
// done by the same bytes.
//
// What the rules know: further signatures in fields of their own or in empty fields
// that were there, empty signature fields, values of other fields together with
// their appearance, notes, the document security store, document timestamps,
// declared extensions, the version, tags, and what a producer writes about itself
// (some entries of the information dictionary, the XMP metadata). What a revision
// did is described in change; whether a signature allows it is for type permission.
type diff struct {
	comparison
	number  int // of the revision, from 0
	changed map[int]entry
	claims  map[int]int  // accounted references to each object of the view before
	settled map[int]bool // changed in place, and compared in full
	reached *reach       // of the view before
	widgets map[int]bool // of new signatures
	change  change
}

// refusedError ends a comparison at the first change that no rule allows.
type refusedError struct {
	problem *verdict.Problem
	unsure  bool // a bound was met
}

// Error implements error.
func (e *refusedError) Error() string { return e.problem.String() }

func refuse(format string, args ...any) error {
	problem := verdict.Fail(verdict.FormatFailure, "the file was changed after this signature: "+format, args...)
	return &refusedError{problem: problem}
}

func errTooManyObjects() error {
	problem := verdict.Doubt(verdict.FormatFailure, "the file has too many objects to compare its revisions")
	return &refusedError{problem, true}
}

// compareRevision judges the revision of that number, from 1 on. The problem of the
// result is set when no permission could allow what the revision did.
func (f *file) compareRevision(number int) (change, error) {
	d := &diff{
		comparison: comparison{before: view{f, number - 1}, after: view{f, number}},
		number:     number,
		changed:    map[int]entry{},
		claims:     map[int]int{},
		settled:    map[int]bool{},
		widgets:    map[int]bool{},
	}
	err := d.run()
	var refused *refusedError
	var structure *structureError
	switch {
	case err == nil:
		return d.result(), nil
	case errors.As(err, &refused):
		return change{problem: refused.problem, unsure: refused.unsure}, nil
	case errors.As(err, &structure):
		return change{problem: verdict.Fail(verdict.FormatFailure,
			"the file was changed after this signature and revision %d cannot be read: %s", number+1, structure.reason)}, nil
	}
	return change{}, err
}

// result is what a comparison that came to its end has found.
func (d *diff) result() change {
	if d.reached.unreadable == nil {
		d.change.size = d.reached.size()
		return d.change
	}
	d.change.unsure = true
	d.change.problem = verdict.Doubt(verdict.FormatFailure,
		"the file has an object that cannot be read, so that its revisions cannot be compared in full: %s", d.reached.unreadable.reason)
	return d.change
}

func (d *diff) run() error {
	steps := []func() error{
		d.checkPlaces, d.checkTiling, d.findChanges, d.checkHidden,
		d.compareTrailers, d.compareCatalogs, d.compareRest,
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
		if d.err != nil {
			return d.err
		}
	}
	return nil
}

// checkPlaces requires what the revision defines to lie in its own bytes. An entry
// that points back to earlier bytes could bring a planted object to light; one that
// repeats the entry in force changes nothing.
func (d *diff) checkPlaces() error {
	r := d.after.revisions[d.number]
	for _, e := range r.sections[0].entries {
		if e.kind != entryInUse || e.offset >= r.start {
			continue
		}
		if known, ok := d.before.entry(int(e.number)); !ok || known != e {
			return refuse("object %d of revision %d lies outside of it", e.number, d.number+1)
		}
	}
	return nil
}

// checkTiling requires the bytes of the revision to be its objects, one behind the
// other, and nothing else: no bytes that only a repairing reader would find.
func (d *diff) checkTiling() error {
	r := d.after.revisions[d.number]
	s := r.sections[0]
	offsets := []int64{s.offset}
	for _, e := range s.entries {
		if e.kind == entryInUse && e.offset >= r.start && e.offset < s.offset {
			offsets = append(offsets, e.offset)
		}
	}
	if s.hidden != nil && s.hidden.offset >= r.start {
		offsets = append(offsets, s.hidden.offset)
	}
	slices.Sort(offsets)
	at := r.start
	for _, want := range slices.Compact(offsets) {
		p := d.after.parserAt(at)
		p.skipSpace()
		if p.err != nil {
			return p.err
		}
		if want < at || want > p.offset() { // some writers point to the line end before
			return refuse("revision %d has bytes that belong to no object", d.number+1)
		}
		if want == s.offset {
			return nil
		}
		found, err := d.after.readIndirect(want, &d.after)
		if err != nil {
			return err
		}
		at = found.end
	}
	return nil
}

// findChanges lists the objects that the revision defines differently.
func (d *diff) findChanges() error {
	for _, e := range d.after.revisions[d.number].sections[0].entries {
		number := int(e.number)
		old, used := d.before.entry(number)
		if number == 0 || !used && e.kind == entryFree || used && old == e {
			continue
		}
		if used && e.kind != entryFree {
			same, err := d.rewritten(old, e)
			if err != nil {
				return err
			}
			if same {
				continue
			}
		}
		d.changed[number] = e
	}
	return nil
}

// rewritten reports whether both entries lead to the same content.
func (d *diff) rewritten(old, now entry) (bool, error) {
	before, err := d.before.lookup(refOf(old))
	if err != nil {
		return false, err
	}
	after, err := d.after.lookup(refOf(now))
	if err != nil {
		return false, err
	}
	return refOf(old) == refOf(now) && d.sameDirect(before.object, after.object, 0), d.err
}

// refOf returns the reference that finds an entry.
func refOf(e entry) ref {
	if e.kind == entryCompressed {
		return ref{number: int(e.number)}
	}
	return ref{int(e.number), int(e.minor)}
}

// checkHidden refuses a revision that defines an object which the signed document
// already referred to without having it.
func (d *diff) checkHidden() error {
	if len(d.changed) == 0 {
		d.reached = &reach{}
		return nil
	}
	var err error
	if d.reached, err = d.before.reach(); err != nil {
		return err
	}
	if !d.reached.complete {
		return errTooManyObjects()
	}
	for number := range d.changed {
		if d.reached.dangling[number] {
			return refuse("revision %d brings object %d to light, which the document referred to", d.number+1, number)
		}
	}
	return nil
}

// fresh reports whether the revision brings an object that was not there before.
func (d *diff) fresh(number int) bool {
	_, changed := d.changed[number]
	_, used := d.before.entry(number)
	return changed && !used
}

// touched reports whether an object is a reference to a changed one.
func (d *diff) touched(o object) bool {
	r, ok := o.(ref)
	_, changed := d.changed[r.number]
	return ok && changed
}

// claim accounts for one reference to an object that may change in place.
func (d *diff) claim(o object) {
	if r, ok := o.(ref); ok {
		d.claims[r.number]++
	}
}

// claimMoved accounts for what an entry refers to: the same object as before, or a
// new one.
func (d *diff) claimMoved(before, after object, what string) error {
	d.claim(before)
	if r, ok := after.(ref); ok && !sameRef(before, after) && !d.fresh(r.number) {
		return refuse("%s refers to another object that was there before", what)
	}
	return nil
}

// sameRef reports whether both are the same reference.
func sameRef(a, b object) bool {
	left, ok := a.(ref)
	right, also := b.(ref)
	return ok && also && left == right
}

// compareRest judges the changed objects that are not settled: every reference to
// them must be accounted for, or they are pages and lists that gained a widget.
func (d *diff) compareRest() error {
	for _, number := range sortedKeys(d.changed) {
		count := d.reached.count[number]
		if d.settled[number] || d.fresh(number) || count == 0 {
			// What is new, or was part of nothing (an old cross-reference stream), can be
			// reached from nothing that was there before (checkHidden), only from what a
			// rule let change.
			continue
		}
		if d.changed[number].kind == entryFree && d.claims[number] < count {
			return refuse("object %d was deleted", number)
		}
		if d.claims[number] >= count {
			continue
		}
		if err := d.compareObject(number); err != nil {
			return err
		}
	}
	return nil
}

func (d *diff) compareObject(number int) error {
	before, err := d.before.lookup(d.refBefore(number))
	if err != nil {
		return err
	}
	after, err := d.after.lookup(refOf(d.changed[number]))
	if err != nil {
		return err
	}
	if list, ok := before.object.(array); ok {
		switch {
		case d.reached.count[number] > 1:
			return refuse("a list is changed and used for something else too")
		case !d.reached.annotations[number]:
			return refuse("a list is changed that is not the annotations of a page")
		}
		return d.gainsWidgets(list, after.object, "a list")
	}
	old, now := dictOf(before.object), dictOf(after.object)
	switch {
	case isStream(before.object) || isStream(after.object):
		return refuse("object %d, a stream of content", number)
	case old == nil || now == nil:
		return refuse("object %d", number)
	case old["Type"] == name("Page") && now["Type"] == name("Page"):
		return d.comparePages(old, now)
	case old["Type"] == name("Pages") && now["Type"] == name("Pages"):
		return d.comparePageTree(number, old, now)
	}
	return refuse("object %d (%s)", number, kindOf(old))
}

func (d *diff) refBefore(number int) ref {
	e, _ := d.before.entry(number)
	return refOf(e)
}

func sortedKeys(m map[int]entry) []int {
	keys := make([]int, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

func kindOf(d dict) string {
	for _, key := range []name{"Type", "Subtype", "FT"} {
		if kind, ok := d[key].(name); ok {
			return string(kind)
		}
	}
	return "a dictionary"
}
