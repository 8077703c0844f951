package pdfsig

import "slices"

// fillFields judges the fields that were there and that the revision changes.
func (d *diff) fillFields(fields []field) error {
	names := map[string]int{}
	for _, f := range fields {
		names[f.name]++
	}
	for _, f := range fields {
		if !d.touches(f) {
			continue
		}
		var err error
		switch {
		case f.signed():
			return refuse("the signature field %q, which was signed", f.name)
		case f.isGroup():
			err = d.growGroup(f)
		case f.isSignature():
			err = d.signField(f)
		case names[f.name] > 1:
			return refuse("the field %q, which shares its name", f.name)
		default:
			err = d.fillField(f)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (d *diff) touches(f field) bool {
	return d.touched(f.at) || f.isGroup() && d.touched(f.dict["Kids"]) || slices.ContainsFunc(f.widgets, func(r ref) bool { return d.touched(r) })
}

// signField allows an empty signature field to be signed, with an appearance at its
// place.
func (d *diff) signField(f field) error {
	after, err := d.after.dict(f.at)
	if err != nil {
		return err
	}
	if err := d.requireSame(f, f.dict, after, "V", "AP", "AS", "MK", "DA", "DR", "F", "Ff", "M"); err != nil {
		return err
	}
	shown := false
	for _, r := range f.widgets {
		drawn, err := d.signWidget(f, r)
		if err != nil {
			return err
		}
		shown = shown || drawn
	}
	d.settled[f.at.number] = true
	if after["V"] == nil {
		return refuse("the signature field %q without a signature", f.name)
	}
	d.change.fields = append(d.change.fields, f.name)
	return d.addValue(after, f.at, f.name, shown)
}

// signWidget compares the widget of a field that is signed, and reports whether it
// now shows something that it did not show before.
func (d *diff) signWidget(f field, r ref) (drawn bool, err error) {
	d.widgets[r.number] = true
	before, err := d.before.dict(r)
	if err != nil {
		return false, err
	}
	after, err := d.after.dict(r)
	if err != nil {
		return false, err
	}
	d.settled[r.number] = true
	if r != f.at {
		if err := d.requireSame(f, before, after, "AP", "AS", "MK", "DA", "F", "M"); err != nil {
			return false, err
		}
	}
	if err := d.compareAppearance(f, before, after); err != nil {
		return false, err
	}
	if shows, err := d.checkRoom(f, after); !shows || err != nil {
		return false, err
	}
	if isHidden(before) {
		d.change.visible = f.name
	}
	redrawn := !d.same(before["AP"], after["AP"], 0) || d.touched(after["AP"])
	return redrawn && d.drawsContent(d.after, after["AP"]), d.err
}

// checkRoom reports whether the widget of a field that changes shows anything, and
// refuses one with room to paint over most of a page.
func (d *diff) checkRoom(f field, widget dict) (shows bool, err error) {
	area, ok := d.rectOf(d.after, widget)
	switch {
	case !ok:
		return true, refuse("the field %q has no proper place", f.name)
	case isHidden(widget) || area.empty():
		return false, d.err
	case area.size() > maxWidgetArea:
		return true, refuse("the field %q covers most of a page", f.name)
	}
	return true, d.err
}

// requireSame requires all entries but some to be as they were.
func (d *diff) requireSame(f field, before, after dict, except ...name) error {
	for _, key := range keysOf(before, after) {
		if key == "Type" && before[key] == nil && after[key] == name("Annot") {
			continue // the default, written out
		}
		if !slices.Contains(except, key) && !d.same(before[key], after[key], 0) {
			return refuse("/%s of the field %q", key, f.name)
		}
	}
	return d.err
}

// The flags of fields that nobody may fill in (ISO 32000-2, tables 227 and 229).
const (
	flagReadOnly   = 1 << 0
	flagPushButton = 1 << 16
)

// fillField allows a field to get a value, and with it its appearance.
func (d *diff) fillField(f field) error {
	switch f.kind {
	case name("Tx"), name("Ch"), name("Btn"):
	default:
		return refuse("the field %q", f.name)
	}
	after, err := d.after.dict(f.at)
	if err != nil {
		return err
	}
	old, now := d.resolve(d.before, f.dict["V"]), d.resolve(d.after, after["V"])
	if isStream(old) || isStream(now) || f.flags&flagReadOnly != 0 || f.kind == name("Btn") && f.flags&flagPushButton != 0 {
		return refuse("the field %q, which cannot be filled in", f.name)
	}
	d.claim(f.dict["V"])
	if d.sameDirect(old, now, 0) {
		return d.keepField(f, after)
	}
	if err := d.requireSame(f, f.dict, after, "V", "AP", "AS", "M", "I"); err != nil {
		return err
	}
	d.settled[f.at.number] = true
	for _, r := range f.widgets {
		if err := d.fillWidget(f, r, isEmptyValue(old)); err != nil {
			return err
		}
	}
	d.change.fields = append(d.change.fields, f.name)
	d.change.note(classForm, "the field "+f.name+" was filled in")
	if !isEmptyValue(old) && d.change.overwritten == "" {
		d.change.overwritten = f.name
	}
	return d.err
}

// keepField refuses another appearance of a field whose value stays. Only the date
// of the change may differ.
func (d *diff) keepField(f field, after dict) error {
	if err := d.requireSame(f, f.dict, after, "M", "V"); err != nil {
		return err
	}
	d.settled[f.at.number] = true
	for _, r := range f.widgets {
		before, err := d.before.dict(r)
		if err != nil {
			return err
		}
		now, err := d.after.dict(r)
		if err != nil {
			return err
		}
		if err := d.requireSame(f, before, now, "M", "V"); err != nil {
			return err
		}
		d.settled[r.number] = true
	}
	return d.err
}

func (d *diff) fillWidget(f field, r ref, wasEmpty bool) error {
	before, err := d.before.dict(r)
	if err != nil {
		return err
	}
	after, err := d.after.dict(r)
	if err != nil {
		return err
	}
	if wasEmpty && f.kind != name("Btn") && d.drawsContent(d.before, before["AP"]) {
		return refuse("the field %q showed something though it was empty", f.name)
	}
	if r != f.at {
		if err := d.requireSame(f, before, after, "AP", "AS", "M"); err != nil {
			return err
		}
		d.settled[r.number] = true
	}
	if _, err := d.checkRoom(f, after); err != nil {
		return err
	}
	if before["AP"] != nil && after["AP"] == nil {
		return refuse("the appearance of the field %q was removed", f.name)
	}
	return d.compareAppearance(f, before, after)
}

// isEmptyValue reports whether nobody had filled in the field.
func isEmptyValue(o object) bool {
	switch v := o.(type) {
	case nil:
		return true
	case *text:
		return v.string() == ""
	case array:
		return len(v) == 0
	case name:
		return v == "Off" || v == ""
	}
	return false
}

// compareAppearance allows what a field looks like to be drawn anew: by new
// objects, or by new content of those that served this field alone.
func (d *diff) compareAppearance(f field, before, after dict) error {
	if err := d.claimTree(before["AP"]); err != nil {
		return err
	}
	if r, ok := before["AP"].(ref); ok && !sameRef(r, after["AP"]) && d.reached.count[r.number] > 1 {
		return refuse("the appearance of the field %q is used for something else too", f.name)
	}
	known := map[ref]bool{}
	d.eachAppearance(d.before, before["AP"], func(r ref) { known[r] = true })
	planted := false
	d.eachAppearance(d.after, after["AP"], func(r ref) {
		planted = planted || !known[r] && !d.fresh(r.number)
	})
	if planted {
		return refuse("the field %q takes its appearance from what was there before", f.name)
	}
	return d.err
}

// eachAppearance visits the references of an appearance dictionary down to its
// streams (ISO 32000-2, 12.5.5).
func (d *diff) eachAppearance(in view, appearance object, visit func(ref)) {
	if r, ok := appearance.(ref); ok {
		visit(r)
	}
	states, _ := d.resolve(in, appearance).(dict)
	for _, state := range states {
		if r, ok := state.(ref); ok {
			visit(r)
		}
		streams, _ := d.resolve(in, state).(dict)
		for _, o := range streams {
			if r, ok := o.(ref); ok {
				visit(r)
			}
		}
	}
}

// maxAppearance bounds what is read of an appearance.
const maxAppearance = 64 << 10

// drawsContent reports whether the normal appearance shows text, an image or
// another form: an empty field shows at most a frame. What cannot be read counts
// as drawing.
func (d *diff) drawsContent(in view, appearance object) bool {
	states, _ := d.resolve(in, appearance).(dict)
	content, ok := d.resolve(in, states["N"]).(*stream)
	if !ok {
		return false
	}
	reader, err := in.decode(content, &in)
	if err != nil {
		return true
	}
	return showsSomething(reader)
}
