package pdfsig

import "io"

// Layout is what must be known of a file to place a signature on its pages.
type Layout struct {
	Pages  []Box        // their size, in order
	Fields []ShownField // signature fields in the order of the form
}

// ShownField is a signature field of a file.
type ShownField struct {
	Name   string
	Signed bool
	Page   int // from 1; 0 when it is on none
	Box    Box // empty when it shows nothing
}

// ReadLayout reads the pages and the signature fields of a file. What cannot be read
// strictly is a SignError: it could not be signed either.
func ReadLayout(in io.ReaderAt, size int64) (Layout, error) {
	f, err := open(in, size)
	if err != nil {
		return Layout{}, asSignError(err)
	}
	l, err := f.latest().layout()
	return l, asSignError(err)
}

func (v view) layout() (Layout, error) {
	var l Layout
	leaves, err := v.pages()
	if err != nil {
		return l, err
	}
	holder := map[ref]int{}
	for i, p := range leaves {
		l.Pages = append(l.Pages, p.media)
		list, err := v.resolve(p.dict["Annots"])
		if err != nil {
			return l, err
		}
		widgets, _ := list.(array)
		for _, o := range widgets {
			if r, ok := o.(ref); ok {
				holder[r] = i + 1
			}
		}
	}
	all, err := v.fields()
	if err != nil {
		return l, err
	}
	for _, f := range all {
		if !f.isSignature() {
			continue
		}
		shown := ShownField{Name: f.name, Signed: f.signed()}
		if len(f.widgets) > 0 {
			widget, err := v.dict(f.widgets[0])
			if err != nil {
				return l, err
			}
			shown.Page = holder[f.widgets[0]]
			if shown.Box, _, err = v.box(widget["Rect"]); err != nil {
				return l, err
			}
		}
		l.Fields = append(l.Fields, shown)
	}
	return l, nil
}
