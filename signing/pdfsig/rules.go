package pdfsig

import (
	"slices"
)

// compareTrailers allows a new catalog object and the producer's own entries in
// the information dictionary.
func (d *diff) compareTrailers() error {
	before, after := d.before.revisions[d.number-1].trailer(), d.after.revisions[d.number].trailer()
	if after["Encrypt"] != nil || before["Encrypt"] != nil { // the newest is not, or nothing would be compared
		return refuse("one of the revisions %d and %d is encrypted", d.number, d.number+1)
	}
	root, ok := after["Root"].(ref)
	if !ok || !sameRef(before["Root"], root) && !d.fresh(root.number) {
		return refuse("the catalog is another object that was there before")
	}
	d.settled[root.number] = true // every key of it is compared
	d.claim(before["Info"])
	if after["Info"] == nil || d.same(before["Info"], after["Info"], 0) && !d.touched(after["Info"]) {
		return nil
	}
	if r, ok := after["Info"].(ref); ok && !sameRef(before["Info"], r) && !d.fresh(r.number) {
		return refuse("the document information refers to another object that was there before")
	}
	return d.compareInfo(before["Info"], after["Info"])
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
			if _, ok := d.resolve(d.after, after[key]).(*text); !ok && after[key] != nil {
				return refuse("the document information has a /%s that is no text", key)
			}
		default:
			if !d.same(before[key], after[key], 0) {
				return refuse("/%s of the document information", key)
			}
		}
	}
	d.change.note(classExtension, "")
	return d.err
}

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
		if err := d.compareCatalogEntry(key, before[key], after[key]); err != nil {
			return err
		}
	}
	return nil
}

func (d *diff) compareCatalogEntry(key name, a, b object) error {
	switch key {
	case "AcroForm":
		return d.compareForms(a, b)
	case "DSS":
		return d.compareStores(a, b)
	case "Metadata":
		return d.compareMetadata(a, b)
	case "Extensions":
		return d.compareExtensions(a, b)
	case "StructTreeRoot":
		return d.compareTags(a, b)
	case "Version":
		if _, ok := b.(name); ok || b == nil {
			return nil
		}
	}
	if !d.same(a, b, 0) {
		return refuse("/%s in the catalog", key)
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
	d.change.note(classExtension, "")
	return nil
}

// compareExtensions allows what a writer declares about the extensions of the
// format that it uses (ISO 32000-2, 7.12): names, numbers and texts. What was
// declared stays, at the same level or a higher one.
func (d *diff) compareExtensions(a, b object) error {
	if err := d.claimTree(a); err != nil {
		return err
	}
	if !d.isDeclaration(b, 0) {
		return refuse("the list of extensions is replaced by something else")
	}
	before, _ := d.resolve(d.before, a).(dict)
	after, _ := d.resolve(d.after, b).(dict)
	for developer, old := range before {
		if _, isName := old.(name); !isName && d.lowers(old, after[developer]) {
			return refuse("the declared extension /%s", developer)
		}
	}
	return d.err
}

// lowers reports whether an extension is no longer declared as it was.
func (d *diff) lowers(a, b object) bool {
	if list, ok := d.resolve(d.before, a).(array); ok { // of versions of one extension (ISO 32000-2)
		grown, _ := d.resolve(d.after, b).(array)
		return len(grown) < len(list)
	}
	old, isDict := d.resolve(d.before, a).(dict)
	now, also := d.resolve(d.after, b).(dict)
	if !isDict || !also {
		return !d.same(a, b, 0)
	}
	base, _ := old["BaseVersion"].(name)
	newBase, _ := now["BaseVersion"].(name)
	level, _ := number(old["ExtensionLevel"])
	newLevel, _ := number(now["ExtensionLevel"])
	return newBase < base || newBase == base && newLevel < level
}

func (d *diff) isDeclaration(o object, depth int) bool {
	if depth > maxFieldDepth {
		return false
	}
	var elements []object
	switch v := d.resolve(d.after, o).(type) {
	case dict:
		for _, element := range v {
			elements = append(elements, element)
		}
	case array:
		elements = v
	case *stream:
		return false
	}
	return !slices.ContainsFunc(elements, func(e object) bool { return !d.isDeclaration(e, depth+1) })
}

// maxStored is the largest number of entries in a list of validation data.
const maxStored = 10_000

// compareStores allows the document security store to be written anew: its content
// proves itself. It must stay a store, and what it was must not be in use elsewhere.
func (d *diff) compareStores(a, b object) error {
	if a == nil && b == nil {
		return nil
	}
	store, err := d.after.dict(b)
	if err != nil {
		return err
	}
	if store == nil {
		return refuse("the validation data was removed")
	}
	for key, value := range store {
		switch key {
		case "Type", "Certs", "OCSPs", "CRLs", "VRI":
		default:
			return refuse("the validation data has an entry /%s", key)
		}
		if list, _ := d.resolve(d.after, value).(array); len(list) > maxStored {
			return refuse("/%s of the validation data has more than %d entries", key, maxStored)
		}
	}
	if !d.same(a, b, 0) || d.touched(b) {
		d.change.note(classExtension, "validation data was added")
	}
	return d.claimTree(a)
}

// compareTags allows the structure tree to gain elements for new fields. What was
// there keeps its place and its text.
func (d *diff) compareTags(a, b object) error {
	if a == nil || b == nil {
		if a == nil && b == nil {
			return nil
		}
		return refuse("the structure tree")
	}
	if len(d.changed) == 0 {
		return nil
	}
	w := tagWalk{diff: d, seen: map[int]bool{}}
	if !sameRef(a, b) {
		if r, ok := b.(ref); ok && !d.fresh(r.number) {
			return refuse("the structure tree")
		}
		old, ok := d.resolve(d.before, a).(dict)
		now, also := d.resolve(d.after, b).(dict)
		if !ok || !also {
			return refuse("the structure tree")
		}
		if err := w.compareEntries(old, now); err != nil {
			return err
		}
	}
	return w.visit(a, 0)
}

// tagWalk looks for changed objects of the structure tree.
type tagWalk struct {
	*diff
	seen map[int]bool
}

func (w *tagWalk) visit(o object, depth int) error {
	if w.before.walked++; depth > maxTagDepth || w.before.walked > maxWalkedAll {
		return errTooManyObjects()
	}
	if r, ok := o.(ref); ok {
		if w.seen[r.number] {
			return nil
		}
		w.seen[r.number] = true
		if err := w.compare(r); err != nil {
			return err
		}
		o = w.resolve(w.before, r)
	}
	switch v := o.(type) {
	case array:
		for _, element := range v {
			if err := w.visit(element, depth+1); err != nil {
				return err
			}
		}
	case dict:
		if v["Type"] == name("OBJR") || v["Type"] == name("MCR") || isAnnotation(v) {
			return nil
		}
		for _, key := range []name{"K", "ParentTree", "Nums", "Kids"} {
			if err := w.visit(v[key], depth+1); err != nil {
				return err
			}
		}
	}
	return w.err
}

// maxTagDepth bounds the depth of a structure tree, arrays included.
const maxTagDepth = 400

func isAnnotation(d dict) bool { return d["Subtype"] != nil && d["Rect"] != nil }

// compare lets a changed element gain children, and a number tree entries.
func (w *tagWalk) compare(r ref) error {
	e, changed := w.changed[r.number]
	if !changed || w.settled[r.number] {
		return nil
	}
	before, after := w.resolve(w.before, r), w.resolve(w.after, refOf(e))
	if list, ok := before.(array); ok {
		if w.reached.count[r.number] > 1 || !w.gains(list, after) {
			return refuse("the structure tree")
		}
		w.settled[r.number] = true
		return nil
	}
	old, ok := before.(dict)
	now, also := after.(dict)
	if !ok || !also || isAnnotation(old) || old["Type"] == name("Page") || old["Type"] == name("Pages") {
		return nil // not of the tree, and judged elsewhere
	}
	w.settled[r.number] = true
	return w.compareEntries(old, now)
}

func (w *tagWalk) compareEntries(old, now dict) error {
	for _, key := range keysOf(old, now) {
		switch key {
		case "ParentTreeNextKey":
			if _, ok := now[key].(int64); ok {
				continue
			}
		case "Limits":
			if _, ok := now[key].(array); ok {
				continue
			}
		case "K", "Nums":
			if w.gains(old[key], now[key]) {
				continue
			}
		case "ParentTree", "RoleMap", "IDTree":
			if old[key] == nil {
				continue
			}
		}
		if !w.same(old[key], now[key], 0) {
			return refuse("/%s in the structure tree", key)
		}
	}
	return w.err
}

// gains reports whether a list, or a single element in its place, kept what it had
// in order and gained only new objects and numbers.
func (w *tagWalk) gains(a, b object) bool {
	old, isList := a.(array)
	if !isList && a != nil {
		old = array{a}
	}
	now, ok := b.(array)
	if !ok {
		now = array{b}
	}
	next := 0
	for _, element := range now {
		if next < len(old) && w.same(old[next], element, 0) {
			next++
			continue
		}
		switch v := element.(type) {
		case int64:
		case ref:
			if !w.fresh(v.number) {
				return false
			}
		default:
			return false
		}
	}
	return next == len(old)
}
