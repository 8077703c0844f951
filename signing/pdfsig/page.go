package pdfsig

// Bounds of the page tree.
const (
	maxPageDepth = 64
	maxPageNodes = 100_000
)

// Box is a rectangle of a page in points, counted from its lower left corner.
type Box struct{ Left, Bottom, Right, Top float64 }

// Empty reports whether nothing can show in the box.
func (b Box) Empty() bool { return b.Right <= b.Left || b.Top <= b.Bottom }

// Width returns the width in points.
func (b Box) Width() float64 { return b.Right - b.Left }

// Height returns the height in points.
func (b Box) Height() float64 { return b.Top - b.Bottom }

func (b Box) array() array { return array{b.Left, b.Bottom, b.Right, b.Top} }

// page is a leaf of the page tree with what it inherits.
type page struct {
	at    ref
	dict  dict
	media Box
}

// page finds a page by its number from 1; a negative number counts from the end.
func (v view) page(number int) (page, error) {
	leaves, err := v.pages()
	if err != nil {
		return page{}, err
	}
	if number < 0 {
		number += len(leaves) + 1
	}
	if number < 1 || number > len(leaves) {
		return page{}, reject("page", "the document has %d pages and no page %d", len(leaves), number)
	}
	return leaves[number-1], nil
}

// pages returns the pages in order.
func (v view) pages() ([]page, error) {
	catalog, err := v.catalog()
	if err != nil {
		return nil, err
	}
	w := pageWalk{view: v, seen: map[ref]bool{}}
	err = w.visit(catalog["Pages"], page{}, 0)
	return w.leaves, err
}

type pageWalk struct {
	view
	seen   map[ref]bool
	leaves []page
}

func (w *pageWalk) visit(node object, inherited page, depth int) error {
	at, ok := node.(ref)
	if !ok || w.seen[at] || depth > maxPageDepth || len(w.seen) > maxPageNodes {
		return broken(w.size, "the page tree is malformed, has a loop or is too large")
	}
	w.seen[at] = true
	d, err := w.plain(at)
	if err != nil {
		return err
	}
	inherited.at, inherited.dict = at, d
	if box, ok, err := w.box(d["MediaBox"]); err != nil || ok {
		inherited.media = box
		if err != nil {
			return err
		}
	}
	children, err := w.resolve(d["Kids"])
	if err != nil {
		return err
	}
	kids, isNode := children.(array)
	if !isNode {
		w.leaves = append(w.leaves, inherited)
		return nil
	}
	for _, kid := range kids {
		if err := w.visit(kid, inherited, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// box reads a rectangle, with its corners in any order.
func (v view) box(o object) (Box, bool, error) {
	resolved, err := v.resolve(o)
	if err != nil {
		return Box{}, false, err
	}
	list, ok := resolved.(array)
	if !ok || len(list) != 4 {
		return Box{}, false, nil
	}
	var n [4]float64
	for i, element := range list {
		corner, err := v.resolve(element)
		if err != nil {
			return Box{}, false, err
		}
		if n[i], ok = number(corner); !ok {
			return Box{}, false, nil
		}
	}
	return Box{min(n[0], n[2]), min(n[1], n[3]), max(n[0], n[2]), max(n[1], n[3])}, true, nil
}

// plain reads an object that is a dictionary and no stream, so that it can be
// written again.
func (v view) plain(r ref) (dict, error) {
	found, err := v.lookup(r)
	if err != nil {
		return nil, err
	}
	d, ok := found.object.(dict)
	if !ok {
		return nil, broken(found.start, "object %d is not a dictionary", r.number)
	}
	return d, nil
}
