package pdfsig

// comparePages allows a page to gain the widgets of new signatures, and notes.
func (d *diff) comparePages(before, after dict) error {
	for _, key := range keysOf(before, after) {
		switch key {
		case "Annots":
			continue
		case "LastModified":
			if _, ok := after[key].(*text); ok {
				continue
			}
		case "Tabs", "StructParents": // what tagged files must say of pages with fields
			if before[key] == nil && !isReference(after[key]) {
				continue
			}
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

// comparePageTree allows nothing but the mark that one widespread writer leaves in
// the page tree.
func (d *diff) comparePageTree(number int, before, after dict) error {
	for _, key := range keysOf(before, after) {
		if _, mark := after[key].(*text); key == "ITXT" && mark {
			continue
		}
		if !d.same(before[key], after[key], 0) {
			return refuse("object %d (Pages)", number)
		}
	}
	return d.err
}

func isReference(o object) bool {
	_, ok := o.(ref)
	return ok
}

// gainsWidgets requires a list to keep its elements in order and to gain only
// widgets of new signatures, and notes, at its end.
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
		r, ok := element.(ref)
		if !ok || !d.fresh(r.number) && !d.widgets[r.number] {
			return refuse("%s gained what is not a signature", what)
		}
		if d.widgets[r.number] {
			if !d.fresh(r.number) {
				d.change.visible = "that was on no page"
			}
			if err := d.checkOverlap(old, r); err != nil {
				return err
			}
		} else if err := d.addNote(r); err != nil {
			return err
		}
	}
	return d.err
}

// maxCovered is the part of an annotation that a new signature may cover. The seal
// of an agency covers a third of the leader's signature (NĐ 30/2020/NĐ-CP, annex I).
const maxCovered = 0.6

// checkOverlap refuses a new visible signature that hides what another annotation
// of the page shows. Signatures over signatures are custom, and each is reported.
func (d *diff) checkOverlap(old array, r ref) error {
	widget, err := d.after.dict(r)
	if err != nil || isHidden(widget) {
		return err
	}
	area, _ := d.rectOf(d.after, widget)
	for _, element := range old {
		annotation := dictOf(d.resolve(d.before, element))
		if isHidden(annotation) || d.isHarmless(annotation) {
			continue
		}
		covered, _ := d.rectOf(d.before, annotation)
		if !covered.empty() && covered.common(area).size() > maxCovered*covered.size() {
			return refuse("a new signature covers an annotation that was there before")
		}
	}
	return d.err
}

// isHarmless reports whether covering an annotation hides nothing: a link, a closed
// window, a signature.
func (d *diff) isHarmless(annotation dict) bool {
	if kind := annotation["Subtype"]; kind == name("Link") || kind == name("Popup") {
		return true
	}
	parent := dictOf(d.resolve(d.before, annotation["Parent"]))
	return annotation["FT"] == name("Sig") || annotation["FT"] == nil && parent["FT"] == name("Sig")
}

// addNote allows a note: an icon that opens a text. Other annotations can cover
// what was signed, whatever a certification says.
func (d *diff) addNote(r ref) error {
	note, err := d.after.dict(r)
	if err != nil {
		return err
	}
	kind := note["Subtype"]
	if kind != name("Text") && kind != name("Popup") {
		return refuse("an annotation was added that is not a signature")
	}
	for key := range note {
		switch key {
		case "Type", "Subtype", "Rect", "P", "F", "AP", "AS", "Contents", "NM", "M", "C", "CA", "Name", "Open", "Popup",
			"Parent", "T", "RC", "Subj", "CreationDate", "State", "StateModel", "IRT", "RT", "Border", "BS":
		default:
			return refuse("a note has an entry /%s", key)
		}
	}
	area, ok := d.rectOf(d.after, note)
	if !ok {
		return refuse("a note has no proper place")
	}
	if kind == name("Text") && (area.right-area.left > maxNoteSide || area.top-area.bottom > maxNoteSide) {
		return refuse("a note is larger than an icon")
	}
	if kind == name("Popup") && note["AP"] != nil {
		return refuse("the window of a note has an appearance")
	}
	d.change.note(classAnnotation, "a note was added")
	return d.err
}

// maxNoteSide is the largest side of the icon of a note, in points.
const maxNoteSide = 40

// area is a rectangle in points.
type area struct{ left, bottom, right, top float64 }

// rectOf returns the place of an annotation; empty when it has none. What is there
// and is not four numbers is no place: readers differ in what they make of it.
func (d *diff) rectOf(in view, annotation dict) (a area, ok bool) {
	place := d.resolve(in, annotation["Rect"])
	if place == nil {
		return area{}, true
	}
	list, _ := place.(array)
	if len(list) != 4 {
		return area{}, false
	}
	var n [4]float64
	for i, o := range list {
		if n[i], ok = number(d.resolve(in, o)); !ok {
			return area{}, false
		}
	}
	return area{min(n[0], n[2]), min(n[1], n[3]), max(n[0], n[2]), max(n[1], n[3])}, true
}

func (a area) size() float64 {
	return max(0, a.right-a.left) * max(0, a.top-a.bottom)
}

func (a area) empty() bool { return a.size() == 0 }

func (a area) common(b area) area {
	return area{max(a.left, b.left), max(a.bottom, b.bottom), min(a.right, b.right), min(a.top, b.top)}
}
