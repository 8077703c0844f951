package pdfsig

import (
	"slices"
)

// compareTrailers allows a new catalog object and the producer's own entries in
// the information dictionary.
func (d *diff) compareTrailers() error {
	before, after := d.before.revisions[d.number-1].trailer(), d.after.revisions[d.number].trailer()
	if _, encrypted := after["Encrypt"]; encrypted {
		return refuse("revision %d encrypts it", d.number+1)
	}
	root, ok := after["Root"].(ref)
	if !ok || !sameRef(before["Root"], root) && !d.fresh(root.number) {
		return refuse("the catalog is another object that was there before")
	}
	d.claimed[root.number] = true // every key of it is compared
	if after["Info"] == nil || d.same(before["Info"], after["Info"], 0) && !d.touched(after["Info"]) {
		return nil
	}
	if err := d.claimMoved(before["Info"], after["Info"], "the document information"); err != nil {
		return err
	}
	return d.compareInfo(before["Info"], after["Info"])
}

// touched reports whether an object is a reference to a changed one.
func (d *diff) touched(o object) bool {
	r, ok := o.(ref)
	_, changed := d.changed[r.number]
	return ok && changed
}

// compareInfo lets a producer note itself and the time of its change.
func (d *diff) compareInfo(a, b object) error {
	before, err := d.before.dict(a)
	if err != nil {
		return err
	}
	after, err := d.after.dict(b)
	if err != nil {
		return err
	}
	for _, key := range keysOf(before, after) {
		switch key {
		case "ModDate", "Producer", "Creator", "CreationDate":
			if _, ok := after[key].(*text); !ok && after[key] != nil {
				return refuse("the document information has a /%s that is no text", key)
			}
		default:
			if !d.same(before[key], after[key], 0) {
				return refuse("/%s of the document information", key)
			}
		}
	}
	d.extend()
	return nil
}

// extend notes that the revision added no signature so far but more than nothing.
func (d *diff) extend() { d.kind = max(d.kind, changeExtension) }

func keysOf(dicts ...dict) []name {
	var keys []name
	for _, d := range dicts {
		for key := range d {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// compareCatalogs allows what signers add to the root of the document.
func (d *diff) compareCatalogs() error {
	before, err := d.before.catalog()
	if err != nil {
		return err
	}
	after, err := d.after.catalog()
	if err != nil {
		return err
	}
	for _, key := range keysOf(before, after) {
		a, b := before[key], after[key]
		switch key {
		case "AcroForm":
			err = d.compareForms(a, b)
		case "DSS":
			err = d.compareStores(a, b)
		case "Metadata":
			err = d.compareMetadata(a, b)
		case "Version":
			if _, ok := b.(name); !ok && b != nil {
				err = refuse("the version in the catalog")
			}
		case "Extensions":
			err = d.grow(a, b, "the list of extensions", 0)
		default:
			if !d.same(a, b, 0) {
				err = refuse("/%s in the catalog", key)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// compareMetadata allows new XMP metadata: it describes, it is not shown on a page.
func (d *diff) compareMetadata(a, b object) error {
	if sameRef(a, b) && !d.touched(b) {
		return nil
	}
	r, ok := b.(ref)
	if !ok {
		return refuse("the metadata was removed")
	}
	if err := d.claimMoved(a, b, "the metadata"); err != nil {
		return err
	}
	found, err := d.after.lookup(r)
	if err != nil {
		return err
	}
	content, ok := found.object.(*stream)
	if !ok || content.dict["Type"] != name("Metadata") {
		return refuse("the metadata is replaced by something else")
	}
	d.extend()
	return nil
}

// compareStores allows the document security store to grow.
func (d *diff) compareStores(a, b object) error {
	if a == nil && b == nil {
		return nil
	}
	if b == nil {
		return refuse("the validation data was removed")
	}
	store, err := d.after.dict(b)
	if err != nil {
		return err
	}
	for key := range store {
		switch key {
		case "Type", "Certs", "OCSPs", "CRLs", "VRI":
		default:
			return refuse("the validation data has an entry /%s", key)
		}
	}
	d.extend()
	return d.grow(a, b, "the validation data", 0)
}

// grow allows dictionaries to gain keys and arrays to gain elements; what was there
// stays, and streams never change.
func (d *diff) grow(a, b object, what string, depth int) error {
	if depth > maxFieldDepth {
		return refuse("%s is nested too deeply", what)
	}
	if err := d.claimMoved(a, b, what); err != nil && a != nil {
		return err
	}
	before, after := d.resolve(d.before, a), d.resolve(d.after, b)
	if before == nil || d.err != nil {
		return d.err
	}
	switch old := before.(type) {
	case dict:
		return d.growDict(old, after, what, depth)
	case array:
		return d.growArray(old, after, what)
	}
	if !d.sameDirect(before, after, depth) {
		return refuse("%s lost or changed an entry", what)
	}
	return d.err
}

func (d *diff) growDict(old dict, after object, what string, depth int) error {
	grown, ok := after.(dict)
	if !ok {
		return refuse("%s is replaced by something else", what)
	}
	for _, key := range keysOf(old) {
		if err := d.grow(old[key], grown[key], what, depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (d *diff) growArray(old array, after object, what string) error {
	grown, ok := after.(array)
	if !ok {
		return refuse("%s is replaced by something else", what)
	}
	for _, element := range old {
		if !slices.ContainsFunc(grown, func(o object) bool { return d.same(element, o, 0) }) {
			return refuse("%s lost an entry", what)
		}
	}
	return d.err
}

// compareRest judges the changed objects that no entry of trailer or catalog
// accounted for: pages that gained a widget, fields that were signed, lists.
func (d *diff) compareRest() error {
	for _, number := range sortedKeys(d.changed) {
		if d.claimed[number] || d.fresh(number) || d.reached.count[number] == 0 {
			// What is new, or was part of nothing (an old cross-reference stream), can be
			// reached from nothing that was there before (checkHidden), only from what a
			// rule let change.
			continue
		}
		before, err := d.before.lookup(d.refBefore(number))
		if err != nil {
			return err
		}
		after, err := d.after.lookup(refOf(d.changed[number]))
		if err != nil {
			return err
		}
		if err := d.compareObject(number, before.object, after.object); err != nil {
			return err
		}
	}
	return nil
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

func (d *diff) compareObject(number int, a, b object) error {
	if list, ok := a.(array); ok {
		if err := d.claimInPlace(ref{number: number}, "a list"); err != nil {
			return err
		}
		return d.gainsWidgets(list, b, "a list")
	}
	before, after := dictOf(a), dictOf(b)
	if isStream(a) != isStream(b) || before == nil || after == nil {
		return refuse("object %d", number)
	}
	switch {
	case isStream(a):
		return refuse("object %d, a stream of content", number)
	case before["Type"] == name("Page") && after["Type"] == name("Page"):
		return d.comparePages(before, after)
	}
	return refuse("object %d (%s)", number, kindOf(before))
}

func kindOf(d dict) string {
	for _, key := range []name{"Type", "Subtype", "FT"} {
		if kind, ok := d[key].(name); ok {
			return string(kind)
		}
	}
	return "a dictionary"
}

// comparePages allows a page to gain the widgets of new signatures.
func (d *diff) comparePages(before, after dict) error {
	for _, key := range keysOf(before, after) {
		if key == "Annots" {
			continue
		}
		if !d.same(before[key], after[key], 0) {
			return refuse("/%s of a page", key)
		}
	}
	if sameRef(before["Annots"], after["Annots"]) {
		return nil // the same list object, which is judged by itself
	}
	old, _ := d.resolve(d.before, before["Annots"]).(array)
	if err := d.claimMoved(before["Annots"], after["Annots"], "the annotations of a page"); err != nil {
		return err
	}
	return d.gainsWidgets(old, d.resolve(d.after, after["Annots"]), "the annotations of a page")
}

// gainsWidgets requires a list to keep its elements in order and to gain only
// widgets of new signatures at its end.
func (d *diff) gainsWidgets(old array, b object, what string) error {
	grown, ok := b.(array)
	if !ok || len(grown) < len(old) {
		return refuse("%s lost an entry", what)
	}
	for i, element := range grown {
		if i < len(old) {
			if !d.same(old[i], element, 0) {
				return refuse("%s has another entry", what)
			}
			continue
		}
		if r, ok := element.(ref); !ok || !d.widgets[r.number] {
			return refuse("%s gained what is not a signature", what)
		}
	}
	return d.err
}
