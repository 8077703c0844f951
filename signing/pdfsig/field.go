package pdfsig

import "slices"

// Bounds of the form.
const (
	maxFields     = 20_000
	maxFieldDepth = 32
	maxSignatures = 64
)

// field is a field of the form, with what it inherits.
type field struct {
	name    string // fully qualified
	at      ref    // of the field's dictionary
	dict    dict
	kind    object // /FT
	flags   int64  // /Ff
	widgets []ref  // itself where field and widget are one dictionary
	value   ref    // of the signature dictionary; zero when the field is not signed
	loose   bool   // the signature is not an object of its own
	holds   bool   // other fields
}

// signed reports whether the field is a signature field with a value.
func (f field) signed() bool { return f.value != (ref{}) || f.loose }

func (f field) isSignature() bool { return f.kind == name("Sig") }

// fields returns the fields of the form in this view.
func (v view) fields() ([]field, error) {
	form, err := v.form()
	if err != nil {
		return nil, err
	}
	list, err := v.resolve(form["Fields"])
	if err != nil {
		return nil, err
	}
	roots, _ := list.(array)
	w := fieldWalk{view: v, seen: map[ref]bool{}, shown: map[ref]bool{}}
	for _, root := range roots {
		if err := w.visit(root, -1, 0); err != nil {
			return nil, err
		}
	}
	return w.found, nil
}

// catalog returns the root dictionary.
func (v view) catalog() (dict, error) {
	at, ok := v.revisions[v.revision].trailer()["Root"].(ref)
	if !ok {
		return nil, broken(v.size, "the trailer names no catalog")
	}
	d, err := v.dict(at)
	if err == nil && d == nil {
		err = broken(v.size, "the catalog is missing")
	}
	return d, err
}

func (v view) form() (dict, error) {
	catalog, err := v.catalog()
	if err != nil {
		return nil, err
	}
	return v.dict(catalog["AcroForm"])
}

type fieldWalk struct {
	view
	seen  map[ref]bool
	shown map[ref]bool // widgets that a field has, with all below them
	found []field
}

// visit walks one node of the form; parent is an index of found, or -1. A node
// without a name of its own below a field is a widget of that field.
func (w *fieldWalk) visit(node object, parent, depth int) error {
	at, ok := node.(ref)
	if !ok {
		return broken(w.size, "a form field is not an object of its own")
	}
	if parent < 0 && w.shown[at] {
		return nil // some writers list the widgets of a field beside it
	}
	if w.seen[at] || depth > maxFieldDepth || len(w.seen) == maxFields {
		return broken(w.size, "the form has a loop or too many fields")
	}
	w.seen[at] = true
	d, err := w.dict(at)
	if err != nil || d == nil {
		return err
	}
	partial, err := w.resolve(d["T"])
	if err != nil {
		return err
	}
	_, hasName := partial.(*text)
	isField := parent < 0 || hasName
	if isField {
		parent = w.add(at, d, partial, parent)
	}
	if d["Subtype"] == name("Widget") {
		w.found[parent].widgets = append(w.found[parent].widgets, at)
	}
	children, err := w.resolve(d["Kids"])
	if err != nil {
		return err
	}
	kids, _ := children.(array)
	for _, kid := range kids {
		if err := w.visit(kid, parent, depth+1); err != nil {
			return err
		}
	}
	w.shown[at] = !isField
	return nil
}

// add notes a field and returns its index.
func (w *fieldWalk) add(at ref, d dict, partial object, parent int) int {
	f := field{at: at, dict: d}
	if parent >= 0 {
		above := w.found[parent]
		f.name, f.kind, f.flags = above.name, above.kind, above.flags
		w.found[parent].holds = true
	}
	if t, ok := partial.(*text); ok {
		f.name = joinName(f.name, t.string())
	}
	if own, given := d["FT"]; given {
		f.kind = own
	}
	if own, given := d["Ff"].(int64); given {
		f.flags = own
	}
	if f.isSignature() {
		f.value, _ = d["V"].(ref)
		f.loose = d["V"] != nil && f.value == (ref{})
	}
	w.found = append(w.found, f)
	return len(w.found) - 1
}

func joinName(prefix, partial string) string {
	if prefix == "" {
		return partial
	}
	return prefix + "." + partial
}

// signedFields keeps the fields that hold a signature.
func signedFields(all []field) []field {
	return slices.DeleteFunc(slices.Clone(all), func(f field) bool { return !f.signed() })
}
