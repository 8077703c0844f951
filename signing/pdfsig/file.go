package pdfsig

import (
	"bytes"
	"io"
	"regexp"
	"slices"
	"strings"
)

// Bounds of a file.
const (
	maxRevisions   = 256
	tailBytes      = 1024 // where the last startxref must be
	maxTrailing    = 8    // bytes of white space after a %%EOF
	headerBytes    = 8
	maxCacheWeight = 200_000
	maxIndirection = 16
	maxParsed      = 512 << 20 // bytes of objects over a whole verification, each time that one is read
	lookupCost     = 64        // bytes that finding an object counts for
	elementCost    = 8         // and each element of it, beside its own
)

// file is the strict reading of one PDF: its revisions, oldest first, and their
// objects. Nothing is repaired: what is not where the cross-reference says is an
// error. It is not safe for concurrent use.
type file struct {
	source    io.ReaderAt
	size      int64
	revisions []*revision
	entries   int64 // read so far
	scanner   *parser
	cache     map[int64]located // by offset of the object
	cost      int               // weight of the cache
	unpacked  map[int64]*objectStream
	held      int64 // bytes of the opened object streams in the cache
	inflated  int64 // bytes that all decoding yielded so far
	walked    int   // objects looked at to compare revisions
	spare     int64 // bytes of objects that may still be read
	measuring bool  // a length is being read from an object stream
}

// revision is one incremental update, or the original with both sections of a
// linearized file.
type revision struct {
	sections []*section // newest first
	start    int64      // where its bytes begin: the %%EOF of the one before
	eof      int64      // just after its own %%EOF
	end      int64      // and after the line end behind that
}

// trailer returns the dictionary that counts for the revision.
func (r *revision) trailer() dict { return r.sections[0].trailer }

// lastSection is the section that the end mark of the revision follows.
func (r *revision) lastSection() *section { return r.sections[len(r.sections)-1] }

// located is an object with its place.
type located struct {
	object     object
	start, end int64 // of "n g obj ... endobj"; of the container when compressed
	compressed bool
}

// open reads the structure of a file down to its first revision.
func open(source io.ReaderAt, size int64) (*file, error) {
	f := &file{source: source, size: size, cache: map[int64]located{}, unpacked: map[int64]*objectStream{}, scanner: newParser(source, 0), spare: maxParsed}
	if err := f.checkHeader(); err != nil {
		return nil, err
	}
	last, err := f.lastSection()
	if err != nil {
		return nil, err
	}
	sections, err := f.chain(last)
	if err != nil {
		return nil, err
	}
	if err := f.buildRevisions(sections); err != nil {
		return nil, err
	}
	return f, f.checkPlaces()
}

// parserAt moves the file's one parser; what it read before must be done with.
func (f *file) parserAt(offset int64) *parser {
	f.scanner.seek(offset)
	f.scanner.err, f.scanner.elements = nil, 0
	return f.scanner
}

func (f *file) checkHeader() error {
	head := make([]byte, headerBytes)
	if n, err := f.source.ReadAt(head, 0); n < headerBytes {
		return streamError(0, "the file is too short", err)
	}
	if !regexp.MustCompile(`^%PDF-(1\.[0-7]|2\.0)$`).Match(head) {
		return broken(0, "the file does not begin with a PDF header")
	}
	return nil
}

// lastSection finds the number behind the last startxref. Only a little white space
// may follow the last %%EOF: what a reader would ignore there no signature covers.
func (f *file) lastSection() (int64, error) {
	tail := make([]byte, min(tailBytes, f.size))
	from := f.size - int64(len(tail))
	if n, err := f.source.ReadAt(tail, from); n < len(tail) {
		return 0, streamError(from, "the file is cut short", err)
	}
	trimmed := bytes.TrimRight(tail, trailingSpace)
	if !bytes.HasSuffix(trimmed, []byte("%%EOF")) || len(tail)-len(trimmed) > maxTrailing {
		return 0, broken(f.size, "the file does not end with %%%%EOF")
	}
	at := bytes.LastIndex(tail, []byte("startxref"))
	if at < 0 {
		return 0, broken(from, "startxref is missing")
	}
	p := f.parserAt(from + int64(at))
	p.keyword("startxref")
	return p.integer(), p.err
}

// chain follows /Prev from the newest section to the oldest.
func (f *file) chain(offset int64) ([]*section, error) {
	var sections []*section
	seen := map[int64]bool{}
	for {
		if seen[offset] || len(sections) == maxRevisions {
			return nil, broken(offset, "the chain of revisions has a loop or is too long")
		}
		if offset <= 0 || offset >= f.size {
			return nil, broken(f.size, "a cross-reference offset is outside the file")
		}
		seen[offset] = true
		s, err := f.readSection(offset)
		if err != nil {
			return nil, err
		}
		sections = append(sections, s)
		previous, more := s.trailer["Prev"]
		if !more {
			return sections, nil
		}
		number, ok := previous.(int64)
		if !ok {
			return nil, broken(offset, "/Prev is not a number")
		}
		offset = number
	}
}

// buildRevisions groups the sections, newest first, into revisions and checks that
// each lies wholly behind the one before.
func (f *file) buildRevisions(sections []*section) error {
	slices.Reverse(sections)
	first := &revision{sections: sections[:1], eof: sections[0].eof}
	rest := sections[1:]
	if len(rest) > 0 && rest[0].offset < sections[0].offset {
		if !f.isLinearized() || sections[0].startxref != rest[0].offset {
			return broken(rest[0].offset, "a later revision lies before an earlier one")
		}
		first.sections = []*section{rest[0], sections[0]}
		rest = rest[1:]
	} else if sections[0].startxref != sections[0].offset {
		return broken(sections[0].bodyEnd, "startxref does not point to its section")
	}
	f.revisions = []*revision{first}
	for _, s := range rest {
		previous := f.revisions[len(f.revisions)-1]
		if s.unended == nil && (s.startxref != s.offset || s.offset < previous.eof) {
			return broken(s.offset, "a later revision lies inside an earlier one")
		}
		f.revisions = append(f.revisions, &revision{sections: []*section{s}, start: previous.eof, eof: s.eof})
	}
	for i, r := range f.revisions {
		if err := r.lastSection().unended; err != nil {
			return err
		}
		if err := f.findEnd(r); err != nil {
			return err
		}
		if err := f.uncover(i, r); err != nil {
			return err
		}
	}
	if last := f.revisions[len(f.revisions)-1]; last.end != f.size {
		return broken(last.eof, "the file goes on after its last revision")
	}
	return nil
}

// trailingSpace is what may stand behind %%EOF.
const trailingSpace = "\r\n \t"

// findEnd passes the white space behind %%EOF that still belongs to the revision.
func (f *file) findEnd(r *revision) error {
	p := f.parserAt(r.eof)
	for range maxTrailing {
		if b, ok := p.peek(); !ok || strings.IndexByte(trailingSpace, b) < 0 {
			break
		}
		p.at++
	}
	r.end = p.offset()
	return p.err
}

// checkPlaces requires every object that a revision defines to lie before the end
// of the revision: what a signature covers must not change with what is appended.
// That a later revision brings no earlier bytes to light is for type diff.
func (f *file) checkPlaces() error {
	for _, r := range f.revisions {
		for _, s := range r.sections {
			for _, e := range s.entries {
				if e.kind == entryInUse && e.offset >= r.eof {
					return broken(s.offset, "object %d of a revision lies behind its end", e.number)
				}
			}
		}
	}
	return nil
}

// view is the file as it stood after one revision; -1 is before the first.
type view struct {
	*file
	revision int
}

func (f *file) latest() view { return view{f, len(f.revisions) - 1} }

// entry returns where an object is in this view.
func (v view) entry(number int) (entry, bool) {
	e, _, ok := v.defined(number)
	return e, ok
}

// defined also tells which revision the entry comes from.
func (v view) defined(number int) (e entry, by int, ok bool) {
	for by = v.revision; by >= 0; by-- {
		for _, s := range v.revisions[by].sections {
			if e, ok := s.find(number); ok {
				return e, by, e.kind != entryFree
			}
		}
	}
	return entry{}, 0, false
}

// lookup reads the object that a reference names; one that is absent is nil.
func (v view) lookup(r ref) (located, error) {
	if err := v.spend(lookupCost); err != nil {
		return located{}, err
	}
	e, by, ok := v.defined(r.number)
	switch {
	case !ok:
		return located{}, nil
	case e.kind == entryCompressed:
		if r.generation != 0 {
			return located{}, nil
		}
		return v.unpack(e, by)
	case int(e.minor) != r.generation:
		return located{}, nil
	}
	if found, ok := v.cache[e.offset]; ok {
		return found, nil
	}
	found, err := v.readIndirect(e.offset, &v)
	if err != nil {
		return located{}, err
	}
	if at := (ref{int(e.number), int(e.minor)}); found.id != at {
		return located{}, broken(e.offset, "object %d is not where the cross-reference says", e.number)
	}
	v.remember(e.offset, found.located)
	return found.located, nil
}

// spendOn counts an object that the parser has just read from an offset.
func (f *file) spendOn(p *parser, offset int64) error {
	return f.spend(p.offset() - offset + elementCost*int64(p.elements))
}

// spend counts bytes of objects that were read. Large objects that lie in each other, or
// that push each other out of the cache, would else cost time without end.
func (f *file) spend(n int64) error {
	if f.spare -= n; f.spare < 0 {
		return broken(f.size, "the objects take too long to read")
	}
	return nil
}

// remember caches an object; a cache that is full is emptied.
func (f *file) remember(offset int64, found located) {
	weight := weight(found.object)
	if f.cost += weight; f.cost > maxCacheWeight {
		f.cache, f.cost = map[int64]located{}, weight
	}
	f.cache[offset] = found
}

// resolve follows references until it meets an object.
func (v view) resolve(o object) (object, error) {
	for range maxIndirection {
		r, ok := o.(ref)
		if !ok {
			return o, nil
		}
		found, err := v.lookup(r)
		if err != nil {
			return nil, err
		}
		o = found.object
	}
	return nil, broken(0, "a reference leads through too many others")
}

// dict resolves an object to a dictionary, or nil.
func (v view) dict(o object) (dict, error) {
	resolved, err := v.resolve(o)
	return dictOf(resolved), err
}
