package pdfsig

import (
	"errors"
	"slices"
)

// Bounds of the objects that are looked at to compare revisions: of one view, and
// of all of them together.
const (
	maxWalked    = 400_000
	maxWalkedAll = 1_500_000
)

// reach is what can be reached from the trailer of one view: how often each object
// is referred to, and which references lead nowhere. A later revision that defines
// one of those brings something to light that the signer could not see.
type reach struct {
	count       map[int]int
	dangling    map[int]bool
	annotations map[int]bool // lists that a page names as its annotations
	complete    bool         // false when a bound was met
	unreadable  *structureError
}

// reach walks the objects of the view, past those that cannot be read.
func (v view) reach() (*reach, error) {
	var unreadable *structureError
	r, err := v.walk(func(_ object, err error) error {
		var structure *structureError
		if errors.As(err, &structure) {
			unreadable = structure
			return nil
		}
		return err
	})
	if r != nil {
		r.unreadable = unreadable
	}
	return r, err
}

// walk visits every object that can be reached, each once, with what kept it from
// being read.
func (v view) walk(visit func(object, error) error) (*reach, error) {
	r := &reach{count: map[int]int{}, dangling: map[int]bool{}, annotations: map[int]bool{}}
	var queue []ref
	note := func(to ref) {
		if r.count[to.number]++; r.count[to.number] == 1 {
			queue = append(queue, to)
		}
	}
	trailer := v.revisions[v.revision].trailer()
	eachRef(trailer["Root"], note)
	eachRef(trailer["Info"], note)
	shown := true // later, what only other entries of the trailer lead to: no reader shows it
	for len(queue) > 0 || shown {
		if len(queue) == 0 {
			shown = false
			eachRef(without(trailer, "Root", "Info"), note)
			continue
		}
		next := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		if v.walked++; len(r.count) > maxWalked || v.walked > maxWalkedAll {
			return r, nil
		}
		if _, defined := v.entry(next.number); !defined {
			r.dangling[next.number] = shown
			continue
		}
		found, err := v.lookup(next)
		if err := visit(found.object, err); err != nil {
			return nil, err
		}
		r.noteAnnotations(found.object)
		eachRef(found.object, note)
	}
	r.complete = true
	return r, nil
}

// size is the number of objects; 0 when they were not all counted.
func (r *reach) size() int {
	if !r.complete {
		return 0
	}
	return len(r.count)
}

// noteAnnotations notes the list that a page names as its annotations.
func (r *reach) noteAnnotations(o object) {
	page, _ := o.(dict)
	if list, ok := page["Annots"].(ref); ok && page["Type"] == name("Page") {
		r.annotations[list.number] = true
	}
}

// claimTree accounts for the references from an object of the view before, and from
// what is below it and in use nowhere else. That may then change. What is in use
// elsewhere too is not entered: its other holder did not agree to a change.
func (d *diff) claimTree(o object) error {
	var ready []ref
	note := func(to ref) {
		if d.claims[to.number]++; d.claims[to.number] == d.reached.count[to.number] {
			ready = append(ready, to)
		}
	}
	eachRef(o, note)
	for len(ready) > 0 {
		next := ready[len(ready)-1]
		ready = ready[:len(ready)-1]
		if d.before.walked++; d.before.walked > maxWalkedAll {
			return errTooManyObjects()
		}
		found, err := d.before.lookup(next)
		if err != nil {
			return err
		}
		eachRef(found.object, note)
	}
	return nil
}

func without(d dict, keys ...name) dict {
	out := dict{}
	for key, value := range d {
		if !slices.Contains(keys, key) {
			out[key] = value
		}
	}
	return out
}
