package pdfsig

// compareForms allows the form to gain signatures and values: new signature fields,
// and values of fields that were there.
func (d *diff) compareForms(a, b object) error {
	if b == nil {
		if a != nil {
			return refuse("the form was removed")
		}
		return nil
	}
	before, err := d.before.dict(a)
	if err != nil {
		return err
	}
	after, err := d.after.dict(b)
	if err != nil {
		return err
	}
	if after == nil {
		return refuse("the form is replaced by something else")
	}
	if err := d.claimMoved(a, b, "the form"); err != nil {
		return err
	}
	for _, key := range keysOf(before, after) {
		if err := d.compareFormEntry(key, before, after); err != nil {
			return err
		}
	}
	fields, err := d.before.fields()
	if err != nil {
		return err
	}
	if err := d.compareFields(before["Fields"], after["Fields"], group{}); err != nil {
		return err
	}
	return d.fillFields(fields)
}

func (d *diff) compareFormEntry(key name, before, after dict) error {
	switch key {
	case "Fields":
		return nil
	case "SigFlags":
		if _, ok := after[key].(int64); ok {
			return nil
		}
	case "DR":
		return d.growResources(before[key], after[key])
	case "DA": // signers add a default to a form that has none
		if before[key] == nil {
			return nil
		}
	case "NeedAppearances": // true would have viewers draw every value anew
		if after[key] == nil || after[key] == false {
			return nil
		}
	}
	if !d.same(before[key], after[key], 0) {
		return refuse("/%s of the form", key)
	}
	return nil
}

// growResources allows the default resources of the form to gain entries.
func (d *diff) growResources(a, b object) error {
	if a == nil {
		return nil
	}
	d.claim(a)
	before, ok := d.resolve(d.before, a).(dict)
	after, also := d.resolve(d.after, b).(dict)
	if !ok || !also {
		return refuse("/DR of the form")
	}
	for category, old := range before {
		d.claim(old)
		if category == "XObject" { // no text of a field refers to it
			continue
		}
		list, isDict := d.resolve(d.before, old).(dict)
		grown, _ := d.resolve(d.after, after[category]).(dict)
		if !isDict {
			if !d.same(old, after[category], 0) {
				return refuse("/DR of the form")
			}
			continue
		}
		for key, resource := range list {
			if !d.same(resource, grown[key], 0) {
				return refuse("/%s of /DR of the form", key)
			}
		}
	}
	return d.err
}

// compareFields requires every old field of a group to stay and every new one to be a
// signature field.
func (d *diff) compareFields(a, b object, in group) error {
	if err := d.claimMoved(a, b, "the list of fields"); err != nil && a != nil {
		return err
	}
	old, _ := d.resolve(d.before, a).(array)
	grown, _ := d.resolve(d.after, b).(array)
	kept, added := map[object]int{}, map[ref]bool{}
	for _, element := range old {
		if _, ok := element.(ref); !ok {
			return refuse("a field is not an object of its own")
		}
		kept[element]++
	}
	for _, element := range grown {
		r, ok := element.(ref)
		if !ok {
			return refuse("a field is not an object of its own")
		}
		if kept[r] > 0 {
			kept[r]--
			continue
		}
		if in.top() && d.fresh(r.number) && d.widgets[r.number] {
			continue // of a new field, listed beside it
		}
		if added[r] {
			return refuse("a field was added twice")
		}
		added[r] = true
		if err := d.addField(r, in); err != nil {
			return err
		}
	}
	for _, left := range kept {
		if left > 0 {
			return refuse("a field was removed from the form")
		}
	}
	return d.err
}

// addField allows a new signature field with its widgets, or a group of them. The keys are a closed
// list, so that nothing comes with it that acts or is shown in another way.
func (d *diff) addField(r ref, in group) error {
	if !d.fresh(r.number) {
		return refuse("a field was added that is not new")
	}
	dict, err := d.after.dict(r)
	if err != nil {
		return err
	}
	label, err := d.nameIn(in, dict)
	switch {
	case err != nil:
		return err
	case isGroup(dict):
		return d.addGroup(dict, group{r, label, in.depth + 1})
	case dict["FT"] != name("Sig"):
		return refuse("a form field was added that is not a signature")
	}
	if err := checkWidgetKeys(dict); err != nil {
		return err
	}
	shown, err := d.addWidgets(r, dict, label)
	switch {
	case err != nil:
		return err
	case dict["V"] == nil:
		return d.addEmpty(r, label, shown)
	}
	return d.addValue(dict, r, label, shown)
}

// addEmpty allows an empty signature field. One that shows something must have been
// signed since: nobody would answer for what it shows.
func (d *diff) addEmpty(r ref, label string, shown bool) error {
	newest, err := d.after.latest().dict(r)
	if err != nil {
		return err
	}
	if shown && newest["V"] == nil {
		return refuse("the signature field %q was added and shows something, but is not signed", label)
	}
	d.change.note(classForm, "the empty signature field "+label+" was added")
	return d.err
}

// addWidgets accounts for the widgets of a new signature field and reports whether
// one of them shows something.
func (d *diff) addWidgets(r ref, dict dict, label string) (shown bool, err error) {
	if dict["Subtype"] == name("Widget") {
		if shown, err = d.placeWidget(r, dict, label); err != nil {
			return shown, err
		}
	}
	kids, _ := d.resolve(d.after, dict["Kids"]).(array)
	for _, kid := range kids {
		also, err := d.addWidget(kid, r, label)
		if err != nil {
			return shown, err
		}
		shown = shown || also
	}
	return shown, d.err
}

func (d *diff) addWidget(kid object, parent ref, label string) (shown bool, err error) {
	r, ok := kid.(ref)
	if !ok || !d.fresh(r.number) {
		return false, refuse("a widget of a new signature is not new")
	}
	widget, err := d.after.dict(r)
	if err != nil {
		return false, err
	}
	if widget["Subtype"] != name("Widget") || widget["Parent"] != nil && widget["Parent"] != parent || widget["Kids"] != nil || widget["V"] != nil {
		return false, refuse("a widget of a new signature is something else")
	}
	if err := checkWidgetKeys(widget); err != nil {
		return false, err
	}
	return d.placeWidget(r, widget, label)
}

func checkWidgetKeys(dict dict) error {
	for key, value := range dict {
		switch key {
		case "Subtype", "FT", "T", "V", "Rect", "P", "F", "Ff", "AP", "AS", "Parent", "Kids", "DA", "DR", "MK",
			"Lock", "SV", "TU", "TM", "Q", "BS", "Border", "M", "NM", "C", "H", "StructParent", "Contents", "CreationDate":
		case "DV": // some writers name the signature here too
			if !sameRef(value, dict["V"]) {
				return refuse("a signature field has a default value")
			}
		case "Type":
			if value != name("Annot") {
				return refuse("a signature field is also of type %v", value)
			}
		default:
			return refuse("a signature field has an entry /%s", key)
		}
	}
	return nil
}

// placeWidget accounts for a widget of a new signature field and reports whether it
// shows something.
func (d *diff) placeWidget(r ref, widget dict, label string) (shown bool, err error) {
	d.widgets[r.number] = true
	area, ok := d.rectOf(d.after, widget)
	switch {
	case !ok:
		return false, refuse("the new signature field %q has no proper place", label)
	case isHidden(widget) || area.empty():
		return false, d.err
	}
	if area.size() > maxWidgetArea {
		return true, refuse("the new signature field %q covers most of a page", label)
	}
	d.change.visible = label
	return true, d.err
}

// maxWidgetArea is half of an A4 page in square points: no seal, no signature and no
// value that is filled in later needs as much.
const maxWidgetArea = 250_000

// isHidden reports whether the flags of an annotation keep it from being shown, on
// screen and on paper (ISO 32000-1, table 165): what has NoView alone is printed.
func isHidden(widget dict) bool {
	const hidden = 1 << 1
	flags, _ := widget["F"].(int64)
	return flags&hidden != 0
}

// addValue requires the field to be signed, by a signature or timestamp that
// passes the gate for this very revision. A timestamp shows nothing: it names no
// signer who would answer for it.
func (d *diff) addValue(dict dict, at ref, label string, shown bool) error {
	f := field{at: at, dict: dict}
	f.value, _ = dict["V"].(ref)
	f.loose = f.value == (ref{})
	if !f.loose && !d.fresh(f.value.number) {
		return refuse("a signature was added that was there before")
	}
	found, problem, err := d.after.gate(f)
	if err != nil {
		return err
	}
	switch {
	case problem != nil || found.revision != d.number:
		return refuse("a signature was added that does not cover its revision")
	case found.isTimestamp() && shown:
		return refuse("the document timestamp in the field %q shows something", label)
	case found.isTimestamp():
		d.change.note(classExtension, "a document timestamp was added")
	default:
		d.change.note(classSignature, "a signature was added in the field "+label)
	}
	return d.err
}
