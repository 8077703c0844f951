package pdfsig

// compareForms allows the form to gain signatures: new fields, or values of empty
// signature fields that were there.
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
	if err := d.compareFields(before["Fields"], after["Fields"]); err != nil {
		return err
	}
	return d.signEmptyFields()
}

func (d *diff) compareFormEntry(key name, before, after dict) error {
	switch key {
	case "Fields":
		return nil
	case "SigFlags":
		if _, ok := after[key].(int64); ok {
			return nil
		}
	case "DA", "DR", "NeedAppearances": // signers add defaults to a form that has none
		if before[key] == nil && after[key] != true {
			return nil
		}
	}
	if !d.same(before[key], after[key], 0) {
		return refuse("/%s of the form", key)
	}
	return nil
}

// compareFields requires every old field to stay and every new one to be a
// signature that covers this revision.
func (d *diff) compareFields(a, b object) error {
	if err := d.claimMoved(a, b, "the list of fields"); err != nil && a != nil {
		return err
	}
	old, _ := d.resolve(d.before, a).(array)
	grown, _ := d.resolve(d.after, b).(array)
	kept := map[object]int{}
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
		if err := d.addField(r); err != nil {
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

// addField allows a new signature field with its widgets. The keys are a closed
// list, so that nothing comes with it that acts or is shown in another way.
func (d *diff) addField(r ref) error {
	if !d.fresh(r.number) {
		return refuse("a field was added that is not new")
	}
	dict, err := d.after.dict(r)
	if err != nil {
		return err
	}
	if dict["FT"] != name("Sig") {
		return refuse("a form field was added that is not a signature")
	}
	if err := d.checkWidgetKeys(dict); err != nil {
		return err
	}
	if dict["Subtype"] == name("Widget") {
		d.widgets[r.number] = true
	}
	kids, _ := d.resolve(d.after, dict["Kids"]).(array)
	for _, kid := range kids {
		if err := d.addWidget(kid, r); err != nil {
			return err
		}
	}
	return d.addValue(dict)
}

func (d *diff) addWidget(kid object, parent ref) error {
	r, ok := kid.(ref)
	if !ok || !d.fresh(r.number) {
		return refuse("a widget of a new signature is not new")
	}
	widget, err := d.after.dict(r)
	if err != nil {
		return err
	}
	if widget["Subtype"] != name("Widget") || widget["Parent"] != parent || widget["Kids"] != nil || widget["V"] != nil {
		return refuse("a widget of a new signature is something else")
	}
	d.widgets[r.number] = true
	return d.checkWidgetKeys(widget)
}

func (d *diff) checkWidgetKeys(dict dict) error {
	for key, value := range dict {
		switch key {
		case "Subtype", "FT", "T", "V", "Rect", "P", "F", "Ff", "AP", "AS", "Parent", "Kids", "DA", "MK",
			"Lock", "SV", "TU", "TM", "Q", "BS", "Border", "M", "NM", "C", "H":
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

// addValue requires the field to be signed, by a signature or timestamp that
// passes the gate for this very revision.
func (d *diff) addValue(field dict) error {
	value, ok := field["V"].(ref)
	if !ok {
		return refuse("a signature field was added without a signature")
	}
	found, problem, err := d.after.gate(value)
	if err != nil {
		return err
	}
	if problem != nil || found.revision != d.number || !d.fresh(value.number) {
		return refuse("a signature was added that does not cover its revision")
	}
	if found.isTimestamp() {
		d.extend()
	} else {
		d.kind = changeSignature
	}
	return nil
}

// signEmptyFields allows signature fields without a value, which were there, to get
// one, with an appearance at the same place.
func (d *diff) signEmptyFields() error {
	fields, err := d.before.fields()
	if err != nil {
		return err
	}
	for _, field := range fields {
		if !d.touched(field.at) || field.signed() {
			continue
		}
		after, err := d.after.dict(field.at)
		if err != nil {
			return err
		}
		for _, key := range keysOf(field.dict, after) {
			switch key {
			case "V", "AP", "MK", "DA", "F", "M":
				continue
			}
			if !d.same(field.dict[key], after[key], 0) {
				return refuse("/%s of the signature field %q", key, field.name)
			}
		}
		d.claimed[field.at.number] = true
		if err := d.checkNewEntries(field.dict, after); err != nil {
			return err
		}
		if err := d.addValue(after); err != nil {
			return err
		}
	}
	return nil
}

// checkNewEntries requires what a signed field refers to now, and did not before,
// to be new.
func (d *diff) checkNewEntries(before, after dict) error {
	for _, key := range []name{"V", "AP", "MK"} {
		if d.same(before[key], after[key], 0) {
			continue
		}
		if r, ok := after[key].(ref); ok && !d.fresh(r.number) {
			return refuse("a signature takes /%s from what was there before", key)
		}
	}
	return d.err
}
