package pdfsig

import (
	"errors"
	"slices"

	"github.com/lienthong/lienthong/signing/verdict"
)

// change says what a revision did to the one before.
type change int

const (
	changeNothing   change = iota // objects written again with the same content
	changeExtension               // validation data, document timestamp, metadata
	changeSignature               // another signature
)

// diff compares one revision with the one before, object by object. Everything
// that a revision changes must be claimed by a rule that knows why it may; what is
// left over is a change of the document.
//
// The rules are conservative: further signatures in fields of their own or in empty
// fields that were there, their widgets on the pages, the form's list of them, the
// document security store, document timestamps, declared extensions, the version,
// and what a producer writes about itself (some entries of the information
// dictionary, the XMP metadata). Form filling, annotations and tagging are changes.
type diff struct {
	comparison
	number  int // of the revision, from 0
	changed map[int]entry
	claimed map[int]bool // changed in place, and a rule knows why
	reached *reach       // of the view before
	widgets map[int]bool
	kind    change
}

// refusedError ends a comparison at the first change that no rule allows.
type refusedError struct{ problem *verdict.Problem }

// Error implements error.
func (e *refusedError) Error() string { return e.problem.String() }

func refuse(format string, args ...any) error {
	problem := verdict.Fail(verdict.FormatFailure, "the file was changed after this signature: "+format, args...)
	return &refusedError{problem}
}

// compareRevision judges the revision of that number, from 1 on.
func (f *file) compareRevision(number int) (change, *verdict.Problem, error) {
	d := &diff{
		comparison: comparison{before: view{f, number - 1}, after: view{f, number}},
		number:     number,
		changed:    map[int]entry{},
		claimed:    map[int]bool{},
		widgets:    map[int]bool{},
	}
	err := d.run()
	var refused *refusedError
	var structure *structureError
	switch {
	case err == nil:
		return d.kind, nil, nil
	case errors.As(err, &refused):
		return 0, refused.problem, nil
	case errors.As(err, &structure):
		return 0, verdict.Fail(verdict.FormatFailure,
			"the file was changed after this signature and revision %d cannot be read: %s", number+1, structure.reason), nil
	}
	return 0, nil, err
}

func (d *diff) run() error {
	steps := []func() error{d.checkTiling, d.findChanges, d.checkHidden, d.compareTrailers, d.compareCatalogs, d.compareRest}
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

// checkTiling requires the bytes of the revision to be its objects, one behind the
// other, and nothing else: no bytes that only a repairing reader would find.
func (d *diff) checkTiling() error {
	r := d.after.revisions[d.number]
	s := r.sections[0]
	var offsets []int64
	for _, e := range s.entries {
		if e.kind == entryInUse && e.offset >= r.start && e.offset < s.offset {
			offsets = append(offsets, e.offset)
		}
	}
	slices.Sort(offsets)
	at := r.start
	for _, want := range append(offsets, s.offset) {
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
		if used && e.kind == entryFree {
			return refuse("object %d was deleted", number)
		}
		if used {
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
	var err error
	if d.reached, err = d.before.reach(); err != nil {
		return err
	}
	if !d.reached.complete {
		return &refusedError{verdict.Doubt(verdict.FormatFailure, "the file has too many objects to compare its revisions")}
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

// claimInPlace accounts for a changed object that kept its number and place. It
// must not be in use anywhere else in the document: an object that is both a list
// of certificates and the content of a page could not be allowed to grow.
func (d *diff) claimInPlace(r ref, what string) error {
	if _, changed := d.changed[r.number]; !changed {
		return nil
	}
	if !d.fresh(r.number) && d.reached.count[r.number] > 1 {
		return refuse("%s is changed and used for something else too", what)
	}
	d.claimed[r.number] = true
	return nil
}

// claimMoved accounts for what an entry of the catalog refers to: the same object
// as before, or a new one.
func (d *diff) claimMoved(before, after object, what string) error {
	r, ok := after.(ref)
	if !ok {
		return nil
	}
	if !sameRef(before, after) && !d.fresh(r.number) {
		return refuse("%s refers to another object that was there before", what)
	}
	return d.claimInPlace(r, what)
}

// sameRef reports whether both are the same reference.
func sameRef(a, b object) bool {
	left, ok := a.(ref)
	right, also := b.(ref)
	return ok && also && left == right
}
