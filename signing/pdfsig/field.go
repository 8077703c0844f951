package pdfsig

import "slices"

// Bounds of the form.
const (
	maxFields     = 20_000
	maxFieldDepth = 32
	maxSignatures = 64
)

// field is a signature field.
type field struct {
	name  string // fully qualified
	at    ref    // of the field's dictionary
	dict  dict
	value ref  // of the signature dictionary; zero when the field is not signed
	loose bool // the value is not a reference: no place in the file to check
}

// signed reports whether the field has a value of any kind.
func (f field) signed() bool { return f.value != (ref{}) || f.loose }

// fields returns the signature fields of the form in this view.
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
	w := fieldWalk{view: v, seen: map[ref]bool{}}
	for _, root := range roots {
		if err := w.visit(root, "", nil, 0); err != nil {
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
	found []field
}

// visit walks one node of the form with what it inherits.
func (w *fieldWalk) visit(node object, prefix string, kind object, depth int) error {
	at, ok := node.(ref)
	if !ok {
		return broken(w.size, "a form field is not an object of its own")
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
	full := prefix
	if t, ok := partial.(*text); ok {
		full = joinName(prefix, t.string())
	}
	if own, given := d["FT"]; given {
		kind = own
	}
	if kind == name("Sig") {
		w.add(field{name: full, at: at, dict: d})
	}
	children, err := w.resolve(d["Kids"])
	if err != nil {
		return err
	}
	kids, _ := children.(array)
	for _, kid := range kids {
		if err := w.visit(kid, full, kind, depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (w *fieldWalk) add(f field) {
	switch value := f.dict["V"].(type) {
	case nil:
	case ref:
		f.value = value
	default:
		f.loose = true
	}
	w.found = append(w.found, f)
}

func joinName(prefix, partial string) string {
	if prefix == "" {
		return partial
	}
	return prefix + "." + partial
}

// signedFields keeps the fields that have a value.
func signedFields(all []field) []field {
	return slices.DeleteFunc(slices.Clone(all), func(f field) bool { return !f.signed() })
}
