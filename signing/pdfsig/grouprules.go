package pdfsig

// group is a field that holds other fields and has no value of its own; zero is the top
// of the form.
type group struct {
	at    ref
	name  string // fully qualified
	depth int
}

func (g group) top() bool { return g.at == (ref{}) }

// isGroup reports whether a new field only holds others.
func isGroup(d dict) bool {
	return d["Kids"] != nil && d["FT"] == nil && d["V"] == nil && d["Subtype"] == nil
}

// isGroup reports whether a field that was there shows nothing itself, but holds others.
func (f field) isGroup() bool { return f.holds && len(f.widgets) == 0 }

// nameIn returns the full name of a new field, which must hang in its group and
// nowhere else.
func (d *diff) nameIn(in group, field dict) (string, error) {
	above, _ := field["Parent"].(ref)
	if above != in.at || in.top() && field["Parent"] != nil {
		return "", refuse("a field was added that names another parent")
	}
	title, ok := d.resolve(d.after, field["T"]).(*text)
	switch {
	case ok:
		return joinName(in.name, title.string()), d.err
	case in.top():
		return "without a name", d.err
	}
	return "", refuse("a field was added to the group %q without a name", in.name)
}

// addGroup allows a new group of new signature fields. They name it as their parent, so
// that it cannot hold itself.
func (d *diff) addGroup(dict dict, g group) error {
	if g.depth > maxFieldDepth {
		return refuse("the fields are nested too deep")
	}
	for key, value := range dict {
		switch key {
		case "T", "Kids", "Parent":
		case "Ff":
			if _, ok := value.(int64); !ok {
				return refuse("the flags of the group %q are no number", g.name)
			}
		default:
			return refuse("the group of fields %q has an entry /%s", g.name, key)
		}
	}
	return d.compareFields(nil, dict["Kids"], g)
}

// growGroup allows a group that was there to gain signature fields.
func (d *diff) growGroup(f field) error {
	after, err := d.after.dict(f.at)
	if err != nil {
		return err
	}
	if err := d.requireSame(f, f.dict, after, "Kids", "M"); err != nil {
		return err
	}
	d.settled[f.at.number] = true
	return d.compareFields(f.dict["Kids"], after["Kids"], group{at: f.at, name: f.name})
}
