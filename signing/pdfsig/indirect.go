package pdfsig

import (
	"bytes"
	"io"
)

// indirect is an object as it stands in the file, with the numbers before "obj".
type indirect struct {
	located
	id ref
}

// readIndirect reads "n g obj ... endobj" at an offset. A view is needed only when
// a stream names its length by reference.
func (f *file) readIndirect(offset int64, in *view) (indirect, error) {
	p := f.parserAt(offset)
	id := ref{int(p.integer()), int(p.integer())}
	p.keyword("obj")
	found := indirect{located: located{object: p.object(0), start: offset}, id: id}
	if err := f.spendOn(p, offset); err != nil {
		return found, err
	}
	p.skipSpace()
	word := p.word()
	if p.err != nil {
		return found, p.err
	}
	switch d, isDict := found.object.(dict); {
	case word == "endobj":
		found.end = p.offset()
	case word == "stream" && isDict:
		content := &stream{dict: d}
		found.object = content
		return f.finishStream(found, content, in)
	default:
		return found, broken(p.offset(), "an object has no endobj")
	}
	return found, nil
}

// finishStream finds the bytes of a stream and requires the closing keywords right
// behind them, so that its length is what it says.
func (f *file) finishStream(found indirect, content *stream, in *view) (indirect, error) {
	p := f.scanner // stands behind the keyword
	switch b, _ := p.next(); b {
	case '\n':
	case '\r':
		if b, _ := p.next(); b != '\n' {
			return found, broken(p.offset(), "the keyword stream has no line end")
		}
	default:
		return found, broken(p.offset(), "the keyword stream has no line end")
	}
	content.offset = p.offset()
	length, err := f.streamLength(content, in)
	if err != nil {
		return found, err
	}
	p = f.parserAt(content.offset + length)
	p.keyword("endstream")
	p.keyword("endobj")
	found.end = p.offset()
	return found, p.err
}

// streamLength returns the number of bytes of a stream.
func (f *file) streamLength(s *stream, in *view) (int64, error) {
	value := s.dict["Length"]
	if r, ok := value.(ref); ok {
		if in == nil {
			return 0, broken(s.offset, "a cross-reference stream names its length by reference")
		}
		found, err := in.number(r, s.offset)
		if err != nil {
			return 0, err
		}
		value = found
	}
	length, ok := value.(int64)
	if !ok || length < 0 || length > f.size-s.offset {
		return 0, broken(s.offset, "the length of a stream is wrong")
	}
	return length, nil
}

// number reads the integer that a length refers to. One in an object stream is
// read only if that stream says its own length itself, so that lengths cannot lead
// in a circle.
func (v *view) number(r ref, from int64) (object, error) {
	e, by, ok := v.defined(r.number)
	switch {
	case !ok:
		return nil, broken(from, "the length of a stream is missing")
	case e.kind == entryInUse:
		return v.readNumber(e.offset)
	case v.measuring:
		return nil, broken(from, "the length of a stream leads through several object streams")
	}
	v.measuring = true
	found, err := v.unpack(e, by)
	v.measuring = false
	return found.object, err
}

// readNumber reads an object that must be an integer: nothing else may come before
// its endobj, so a length cannot lead back to a stream.
func (f *file) readNumber(offset int64) (int64, error) {
	p := f.parserAt(offset)
	p.integer()
	p.integer()
	p.keyword("obj")
	value := p.integer()
	p.keyword("endobj")
	return value, p.err
}

// objectStream is an opened object stream (ISO 32000-1, 7.5.7).
type objectStream struct {
	offset  int64
	numbers []int
	offsets []int64
	data    []byte // of the objects, from /First on
	found   located
}

// unpack reads a compressed object. Its container must belong to the revision that
// the entry comes from: otherwise a later revision could change objects without
// naming them.
func (v view) unpack(e entry, by int) (located, error) {
	container, definedBy, ok := view{v.file, by}.defined(int(e.offset))
	if !ok || container.kind != entryInUse || definedBy != by {
		return located{}, broken(v.revisions[by].eof, "object %d is in an object stream of another revision", e.number)
	}
	opened, err := v.openObjectStream(container, view{v.file, by})
	if err != nil {
		return located{}, err
	}
	index := int(e.minor)
	if index >= len(opened.numbers) || opened.numbers[index] != int(e.number) {
		return located{}, broken(container.offset, "object %d is not in its object stream", e.number)
	}
	end := len(opened.data)
	if index+1 < len(opened.offsets) {
		end = int(opened.offsets[index+1])
	}
	p := newParser(bytes.NewReader(opened.data[:end]), opened.offsets[index])
	o := p.object(0)
	if err := v.spendOn(p, opened.offsets[index]); err != nil {
		return located{}, err
	}
	if p.err != nil {
		return located{}, p.err
	}
	return located{object: o, start: opened.found.start, end: opened.found.end, compressed: true}, nil
}

func (f *file) openObjectStream(container entry, in view) (*objectStream, error) {
	if opened, ok := f.unpacked[container.offset]; ok {
		return opened, nil
	}
	if f.inflated > maxInflated {
		return nil, broken(container.offset, "the object streams are too large")
	}
	found, err := f.readIndirect(container.offset, &in)
	if err != nil {
		return nil, err
	}
	content, ok := found.object.(*stream)
	if !ok || content.dict["Type"] != name("ObjStm") || found.id.number != int(container.number) {
		return nil, broken(container.offset, "an object stream is not one")
	}
	reader, err := f.decode(content, &in)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(reader, maxObjectStreamBytes+1))
	f.inflated += int64(len(data)) // also where it breaks off: it may be asked for again
	if err != nil {
		return nil, streamError(container.offset, "an object stream is damaged", err)
	}
	if f.inflated > maxInflated || len(data) > maxObjectStreamBytes {
		return nil, broken(container.offset, "the object streams are too large")
	}
	opened, err := parseObjectStream(content.dict, data, container.offset)
	if err != nil {
		return nil, err
	}
	opened.found = found.located
	if f.held += int64(len(data)); f.held > maxHeldBytes {
		f.unpacked, f.held = map[int64]*objectStream{}, int64(len(data))
	}
	f.unpacked[container.offset] = opened
	return opened, nil
}

func parseObjectStream(d dict, data []byte, offset int64) (*objectStream, error) {
	count, ok := d["N"].(int64)
	first, also := d["First"].(int64)
	if !ok || !also || count < 0 || count > maxElements || first < 0 || first > int64(len(data)) {
		return nil, broken(offset, "an object stream has a bad header")
	}
	opened := &objectStream{offset: offset, data: data[first:]}
	p := newParser(bytes.NewReader(data[:first]), 0)
	before := int64(-1)
	for range count {
		number, at := p.integer(), p.integer()
		if p.err != nil || number > maxObjectNumber || at > int64(len(opened.data)) || at <= before { // one object in another is read again and again
			return nil, broken(offset, "an object stream has a bad index")
		}
		before = at
		opened.numbers = append(opened.numbers, int(number))
		opened.offsets = append(opened.offsets, at)
	}
	return opened, nil
}
