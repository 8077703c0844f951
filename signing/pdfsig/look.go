package pdfsig

import (
	"maps"
	"slices"

	"github.com/lienthong/lienthong/signing/appearance"
)

// drawing prepares what the signature shows; nil when it shows nothing.
func (s *signer) drawing() (*appearance.Drawing, error) {
	a := s.request.Appearance
	if a == nil || s.place.box.Empty() {
		if a != nil {
			return nil, reject("appearance", "the field %q has no place on a page to show anything", s.place.name)
		}
		return nil, nil
	}
	width, height := s.place.box.Width(), s.place.box.Height()
	switch {
	case len(a.Image) > 0 && len(a.Lines) > 0:
		return nil, reject("appearance", "a signature shows a picture or text, not both")
	case len(a.Image) > 0:
		picture, err := appearance.DecodePNG(a.Image)
		if err != nil {
			return nil, reject("appearance", "%s", err)
		}
		return appearance.FromPicture(picture, width, height), nil
	}
	drawing, err := appearance.FromLines(a.Lines, width, height)
	if err != nil {
		return nil, reject("appearance", "%s", err)
	}
	return drawing, nil
}

// addLook writes a drawing as a form that a widget refers to; without one the
// reference is zero.
func (i *increment) addLook(d *appearance.Drawing) ref {
	if d == nil {
		return ref{}
	}
	resources := dict{}
	if d.Picture != nil {
		resources["XObject"] = dict{appearance.ImageName: i.addPicture(d.Picture)}
	}
	if d.Font != nil {
		resources["Font"] = dict{appearance.FontName: i.addFont(d.Font)}
	}
	return i.addStream(dict{
		"Type": name("XObject"), "Subtype": name("Form"), "Resources": resources,
		"BBox": array{int64(0), int64(0), d.Width, d.Height},
	}, d.Content)
}

func (i *increment) addPicture(p *appearance.Picture) ref {
	picture := func(space name) dict {
		return dict{"Type": name("XObject"), "Subtype": name("Image"), "Width": int64(p.Width), "Height": int64(p.Height),
			"BitsPerComponent": int64(8), "ColorSpace": space}
	}
	colours := picture("DeviceRGB")
	if p.Alpha != nil {
		colours["SMask"] = i.addStream(picture("DeviceGray"), p.Alpha)
	}
	return i.addStream(colours, p.RGB)
}

// addFont embeds the part of a face (ISO 32000-1, 9.7: a composite font whose codes
// are the numbers of its glyphs).
func (i *increment) addFont(f *appearance.Font) ref {
	program := i.addStream(dict{"Length1": int64(len(f.Program))}, f.Program)
	box := array{}
	for _, side := range f.BBox {
		box = append(box, int64(side))
	}
	const nonsymbolic, serif = 1 << 5, 1 << 1
	descriptor := i.add(dict{
		"Type": name("FontDescriptor"), "FontName": name(appearance.FaceName), "Flags": int64(nonsymbolic | serif),
		"FontBBox": box, "ItalicAngle": int64(0), "Ascent": int64(f.Ascent), "Descent": int64(f.Descent),
		"CapHeight": int64(f.Ascent), "StemV": int64(80), "FontFile2": program,
	})
	widths := array{}
	for _, glyph := range slices.Sorted(maps.Keys(f.Widths)) {
		widths = append(widths, int64(glyph), array{int64(f.Widths[glyph])})
	}
	descendant := i.add(dict{
		"Type": name("Font"), "Subtype": name("CIDFontType2"), "BaseFont": name(appearance.FaceName),
		"CIDSystemInfo":  dict{"Registry": textOf("Adobe"), "Ordering": textOf("Identity"), "Supplement": int64(0)},
		"FontDescriptor": descriptor, "W": widths, "CIDToGIDMap": name("Identity"),
	})
	return i.add(dict{
		"Type": name("Font"), "Subtype": name("Type0"), "BaseFont": name(appearance.FaceName), "Encoding": name("Identity-H"),
		"DescendantFonts": array{descendant}, "ToUnicode": i.addStream(dict{}, f.ToUnicode),
	})
}
