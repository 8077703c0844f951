package pdfsig

// maxWalked bounds the objects that are looked at to compare revisions.
const maxWalked = 400_000

// reach is what can be reached from the catalog and the information dictionary of
// one view: how often each object is referred to, and which references lead
// nowhere. A later revision that defines one of those brings something to light
// that the signer could not see.
type reach struct {
	count    map[int]int
	dangling map[int]bool
	complete bool // false when the bound was met
}

// reach walks the objects of the view.
func (v view) reach() (*reach, error) {
	r := &reach{count: map[int]int{}, dangling: map[int]bool{}}
	var queue []ref
	note := func(to ref) {
		if r.count[to.number]++; r.count[to.number] == 1 {
			queue = append(queue, to)
		}
	}
	trailer := v.revisions[v.revision].trailer()
	eachRef(trailer["Root"], note)
	eachRef(trailer["Info"], note)
	for len(queue) > 0 {
		next := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		if len(r.count) > maxWalked {
			return r, nil
		}
		if _, defined := v.entry(next.number); !defined {
			r.dangling[next.number] = true
			continue
		}
		found, err := v.lookup(next)
		if err != nil {
			return nil, err
		}
		eachRef(found.object, note)
	}
	r.complete = true
	return r, nil
}
