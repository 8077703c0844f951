package pdfsig

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// defaultField is the name of a field that the caller did not name.
const defaultField = "Signature1"

// place is where a signature goes: a field that is there and empty, or a new one.
type place struct {
	field  *field // nil makes a new one
	name   string
	widget ref // of field, where it is another object than the field; zero otherwise
	box    Box
	page   page // of a new field
}

// choosePlace finds the empty signature field of that name. Where the name is taken
// by anything else, the new field gets the next free one.
func (v view) choosePlace(request SignRequest) (place, error) {
	all, err := v.fields()
	if err != nil {
		return place{}, err
	}
	wanted := request.Field
	if wanted == "" {
		wanted = defaultField
	}
	for i := range all {
		f := &all[i]
		if f.name == wanted && request.Field != "" && f.isSignature() && !f.signed() {
			return v.emptyField(f)
		}
	}
	if strings.Contains(wanted, ".") {
		return place{}, reject("field", "there is no empty signature field %q, and the name of a new one has no dots", wanted)
	}
	p := place{name: freeName(all, wanted)}
	number := 1
	if a := request.Appearance; a != nil {
		number, p.box = a.Page, Box{a.Rect[0], a.Rect[1], a.Rect[2], a.Rect[3]}
		if p.box.Empty() {
			return place{}, reject("appearance", "the rectangle of the signature is empty")
		}
	}
	if p.page, err = v.page(number); err != nil {
		return place{}, err
	}
	return p, v.checkRoom(p)
}

// checkRoom requires a visible signature to lie on its page: elsewhere nobody sees it.
func (v view) checkRoom(p place) error {
	m := p.page.media
	const tolerance = 0.5
	outside := p.box.Left < m.Left-tolerance || p.box.Bottom < m.Bottom-tolerance || p.box.Right > m.Right+tolerance || p.box.Top > m.Top+tolerance
	switch {
	case p.box.Empty():
		return nil
	case outside:
		return reject("appearance", "the rectangle of the signature reaches beyond the page (%.0f x %.0f points)", m.Width(), m.Height())
	case p.box.Width()*p.box.Height() > maxWidgetArea:
		return reject("appearance", "the rectangle of the signature covers most of the page")
	}
	return nil
}

// emptyField takes a field that was there, whose widget says where it shows.
func (v view) emptyField(f *field) (place, error) {
	if seed, err := v.dict(f.dict["SV"]); err != nil {
		return place{}, err
	} else if required, _ := seed["Ff"].(int64); required != 0 {
		return place{}, reject("field", "the field %q asks for a signature of a certain kind (seed values), which is not supported", f.name)
	}
	p := place{field: f, name: f.name}
	shown := f.dict
	switch len(f.widgets) {
	case 0:
		return p, nil
	case 1:
		if f.widgets[0] != f.at {
			p.widget = f.widgets[0]
			var err error
			if shown, err = v.plain(p.widget); err != nil {
				return place{}, err
			}
		}
	default:
		return place{}, reject("field", "the field %q shows in several places", f.name)
	}
	box, _, err := v.box(shown["Rect"])
	p.box = box
	return p, err
}

// freeName counts the number at the end of a name up until no field has it.
func freeName(all []field, wanted string) string {
	taken := func(name string) bool {
		return slices.ContainsFunc(all, func(f field) bool { return f.name == name || strings.HasPrefix(f.name, name+".") })
	}
	stem := strings.TrimRight(wanted, "0123456789")
	next, _ := strconv.Atoi(wanted[len(stem):])
	for free := wanted; ; free = stem + strconv.Itoa(next) {
		if !taken(free) {
			return free
		}
		next++
	}
}

// placeField writes the field with its value and appearance, and everything that
// must know of it: the page and the form.
func (i *increment) placeField(p place, value, look ref) error {
	if p.field != nil {
		if err := i.fillField(p, value, look); err != nil {
			return err
		}
		return i.growForm(ref{})
	}
	const flagPrint, flagLocked = 1 << 2, 1 << 7
	widget := dict{
		"Type": name("Annot"), "Subtype": name("Widget"), "FT": name("Sig"), "T": textOf(p.name), "V": value,
		"F": int64(flagPrint | flagLocked), "Rect": p.box.array(), "P": p.page.at,
	}
	if look != (ref{}) {
		widget["AP"] = dict{"N": look}
	}
	at := i.add(widget)
	if err := i.growAnnotations(p.page, at); err != nil {
		return err
	}
	return i.growForm(at)
}

// fillField writes a field that was there again, with its value.
func (i *increment) fillField(p place, value, look ref) error {
	filled := maps.Clone(p.field.dict)
	filled["V"] = value
	if look != (ref{}) && p.widget == (ref{}) {
		filled["AP"] = dict{"N": look}
	}
	i.write(p.field.at, filled)
	if look == (ref{}) || p.widget == (ref{}) {
		return nil
	}
	widget, err := i.base.plain(p.widget)
	if err != nil {
		return err
	}
	shown := maps.Clone(widget)
	shown["AP"] = dict{"N": look}
	i.write(p.widget, shown)
	return nil
}

// growAnnotations adds a widget to a page: in the list where that is an object of
// its own, else in the page.
func (i *increment) growAnnotations(p page, widget ref) error {
	list, at, err := i.list(p.dict["Annots"])
	if err != nil {
		return err
	}
	grown := append(slices.Clone(list), widget)
	if at != (ref{}) {
		i.write(at, grown)
		return nil
	}
	changed := maps.Clone(p.dict)
	changed["Annots"] = grown
	i.write(p.at, changed)
	return nil
}

// list returns an array and, where it is an object of its own, its reference.
func (i *increment) list(o object) (array, ref, error) {
	resolved, err := i.base.resolve(o)
	if err != nil {
		return nil, ref{}, err
	}
	list, ok := resolved.(array)
	if !ok && resolved != nil {
		return nil, ref{}, broken(i.base.size, "a list of annotations or fields is something else")
	}
	at, isRef := o.(ref)
	if !isRef || !ok {
		return list, ref{}, nil
	}
	found, err := i.base.lookup(at)
	if _, direct := found.object.(array); !direct && err == nil {
		err = broken(i.base.size, "a list is behind several references")
	}
	return list, at, err
}

// Flags of the form (ISO 32000-1, table 219).
const (
	signaturesExist = 1 << 0
	appendOnly      = 1 << 1
)

// growForm adds a field to the form, and the form to the catalog where there is
// none; every other entry stays. Without a field it only marks the form as signed.
func (i *increment) growForm(added ref) error {
	at, apart := i.catalog["AcroForm"].(ref)
	form, err := i.base.dict(i.catalog["AcroForm"])
	if err != nil {
		return err
	}
	if form == nil {
		form := i.add(dict{"Fields": array{added}, "SigFlags": int64(signaturesExist | appendOnly)})
		i.setCatalog("AcroForm", form)
		return nil
	}
	form = maps.Clone(form)
	flags, _ := form["SigFlags"].(int64)
	marked := flags&(signaturesExist|appendOnly) == signaturesExist|appendOnly
	form["SigFlags"] = flags | signaturesExist | appendOnly
	if added != (ref{}) {
		fields, list, err := i.list(form["Fields"])
		if err != nil {
			return err
		}
		grown := append(slices.Clone(fields), added)
		if list == (ref{}) {
			form["Fields"], marked = grown, false
		} else {
			i.write(list, grown)
		}
	}
	switch {
	case marked:
	case apart:
		if _, err := i.base.plain(at); err != nil {
			return err
		}
		i.write(at, form)
	default:
		i.setCatalog("AcroForm", form)
	}
	return nil
}
