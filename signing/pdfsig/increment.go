package pdfsig

import (
	"bytes"
	"cmp"
	"compress/zlib"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"slices"
)

// increment is a revision under way: objects that go behind the last byte of a
// file, with a cross-reference section in the form that the file has.
type increment struct {
	base    view
	out     encoder
	entries []entry // of what was written, in this order
	next    int     // number of the next new object
	trailer dict
	catalog dict // as it will be
	changed bool // it differs from the one that was there
}

// newIncrement begins a revision behind the newest one.
func newIncrement(base view) (*increment, error) {
	root, ok := base.revisions[base.revision].trailer()["Root"].(ref)
	if !ok {
		return nil, broken(base.size, "the trailer names no catalog")
	}
	catalog, err := base.plain(root)
	if err != nil {
		return nil, err
	}
	last := base.revisions[base.revision]
	size, _ := last.trailer()["Size"].(int64)
	next := max(1, int(min(size, maxObjectNumber)))
	for _, r := range base.revisions {
		for _, s := range r.sections {
			if n := len(s.entries); n > 0 {
				next = max(next, int(s.entries[n-1].number)+1)
			}
		}
	}
	i := &increment{base: base, next: next, trailer: dict{}, catalog: maps.Clone(catalog)}
	for _, key := range []name{"Root", "Info", "ID"} {
		if value, ok := last.trailer()[key]; ok {
			i.trailer[key] = value
		}
	}
	if last.end == last.eof { // nothing ends the line of the last %%EOF
		i.out.WriteByte('\n')
	}
	return i, nil
}

// setCatalog sets an entry of the catalog, which finish then writes.
func (i *increment) setCatalog(key name, value object) {
	i.catalog[key], i.changed = value, true
}

// at is where the next byte will stand in the file.
func (i *increment) at() int64 { return i.base.size + int64(i.out.Len()) }

// reserve returns the reference of a new object that is written later.
func (i *increment) reserve() ref {
	i.next++
	return ref{number: i.next - 1}
}

// begin opens an object.
func (i *increment) begin(r ref) {
	i.entries = append(i.entries, entry{offset: i.at(), number: int32(r.number), minor: uint32(r.generation), kind: entryInUse})
	fmt.Fprintf(&i.out, "%d %d obj\n", r.number, r.generation)
}

func (i *increment) end() { i.out.WriteString("\nendobj\n") }

// write writes an object, new or in place of the one that had this number.
func (i *increment) write(r ref, o object) {
	i.begin(r)
	i.out.object(o)
	i.end()
}

// add writes a new object.
func (i *increment) add(o object) ref {
	r := i.reserve()
	i.write(r, o)
	return r
}

// addStream writes a new stream, compressed unless the dictionary has a filter.
func (i *increment) addStream(d dict, data []byte) ref {
	d = maps.Clone(d)
	if _, filtered := d["Filter"]; !filtered {
		d["Filter"] = name("FlateDecode")
		data = deflate(data)
	}
	d["Length"] = int64(len(data))
	r := i.reserve()
	i.begin(r)
	i.out.dict(d)
	i.out.WriteString("\nstream\n")
	i.out.Write(data)
	i.out.WriteString("\nendstream")
	i.end()
	return r
}

func deflate(data []byte) []byte {
	var packed bytes.Buffer
	w := zlib.NewWriter(&packed)
	_, _ = w.Write(data) // a buffer never fails to write
	_ = w.Close()
	return packed.Bytes()
}

// finish writes the cross-reference section and returns the bytes of the revision.
func (i *increment) finish() []byte {
	last := i.base.revisions[i.base.revision]
	newest := last.sections[0]
	if root, ok := i.trailer["Root"].(ref); ok && i.changed {
		i.write(root, i.catalog)
	}
	i.trailer["Prev"] = newest.offset
	i.renewID()
	if newest.stream {
		i.finishStream()
	} else {
		i.finishTable()
	}
	return i.out.Bytes()
}

// renewID changes the second half of the file identifier, as every revision should
// (ISO 32000-1, 14.4). It follows from what the revision says.
func (i *increment) renewID() {
	list, ok := i.trailer["ID"].(array)
	if !ok || len(list) != 2 {
		return
	}
	sum := sha256.Sum256(i.out.Bytes())
	i.trailer["ID"] = array{list[0], &text{value: sum[:16]}}
}

// runs groups the entries by consecutive numbers.
func (i *increment) runs() [][]entry {
	slices.SortFunc(i.entries, func(a, b entry) int { return cmp.Compare(a.number, b.number) })
	var runs [][]entry
	for n, e := range i.entries {
		if n == 0 || e.number != i.entries[n-1].number+1 {
			runs = append(runs, nil)
		}
		runs[len(runs)-1] = append(runs[len(runs)-1], e)
	}
	return runs
}

func (i *increment) finishTable() {
	start := i.at()
	i.trailer["Size"] = int64(i.next)
	i.out.WriteString("xref\n")
	for _, run := range i.runs() {
		fmt.Fprintf(&i.out, "%d %d\n", run[0].number, len(run))
		for _, e := range run {
			fmt.Fprintf(&i.out, "%010d %05d n \n", e.offset, e.minor)
		}
	}
	i.out.WriteString("trailer\n")
	i.out.dict(i.trailer)
	fmt.Fprintf(&i.out, "\nstartxref\n%d\n%%%%EOF\n", start)
}

// finishStream writes a cross-reference stream that lists itself.
func (i *increment) finishStream() {
	start := i.at()
	own := i.reserve()
	i.entries = append(i.entries, entry{offset: start, number: int32(own.number), kind: entryInUse})
	index := array{}
	var rows bytes.Buffer
	for _, run := range i.runs() {
		index = append(index, int64(run[0].number), int64(len(run)))
		for _, e := range run {
			rows.WriteByte(byte(entryInUse))
			for shift := 40; shift >= 0; shift -= 8 {
				rows.WriteByte(byte(e.offset >> shift))
			}
			rows.Write([]byte{byte(e.minor >> 8), byte(e.minor)})
		}
	}
	d := maps.Clone(i.trailer)
	d["Type"], d["Size"], d["Index"] = name("XRef"), int64(i.next), index
	d["W"], d["Length"] = array{int64(1), int64(6), int64(2)}, int64(rows.Len())
	fmt.Fprintf(&i.out, "%d 0 obj\n", own.number)
	i.out.dict(d)
	i.out.WriteString("\nstream\n")
	i.out.Write(rows.Bytes())
	fmt.Fprintf(&i.out, "\nendstream\nendobj\nstartxref\n%d\n%%%%EOF\n", start)
}

// joined is a file with bytes behind it that are not written yet.
type joined struct {
	head io.ReaderAt
	size int64
	tail []byte
}

// ReadAt implements io.ReaderAt.
func (j joined) ReadAt(p []byte, offset int64) (int, error) {
	n := 0
	if offset < j.size {
		var err error
		n, err = j.head.ReadAt(p[:min(int64(len(p)), j.size-offset)], offset)
		if n == len(p) || offset+int64(n) < j.size {
			return n, err
		}
	}
	n += copy(p[n:], j.tail[min(offset+int64(n)-j.size, int64(len(j.tail))):])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (j joined) length() int64 { return j.size + int64(len(j.tail)) }
