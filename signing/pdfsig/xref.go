package pdfsig

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"slices"
)

// Bounds of the cross-reference data.
const (
	maxObjectNumber = 10_000_000
	maxEntries      = 2_000_000 // over all sections: 48 MB
	freeEntries     = 4096      // what any file may have; more must fit its size
	bytesPerEntry   = 4         // a packed object takes a few bytes at least
	tableEntryBytes = 20
	maxLead         = 2 // bytes of white space before a section
)

// entryKind is the first field of a cross-reference entry.
type entryKind uint8

const (
	entryFree       entryKind = 0
	entryInUse      entryKind = 1
	entryCompressed entryKind = 2
)

// entry says where an object is: at an offset, or at an index in an object stream.
type entry struct {
	offset int64 // in use: byte offset; compressed: number of the object stream
	number int32
	minor  uint32 // in use: generation; compressed: index
	kind   entryKind
}

// section is one cross-reference table or stream with its trailer.
type section struct {
	offset    int64 // of the keyword or of the stream object
	bodyEnd   int64 // of the section itself, trailer included
	startxref int64 // the number that follows it
	eof       int64 // just after its %%EOF
	unended   error // no such mark follows, which only the first section of a linearized file may lack
	trailer   dict
	entries   []entry  // by number, each once
	stream    bool     // a cross-reference stream
	hidden    *section // what /XRefStm of a table names; nil without
}

func (s *section) index(number int) (int, bool) {
	return slices.BinarySearchFunc(s.entries, number, func(e entry, n int) int { return int(e.number) - n })
}

func (s *section) find(number int) (entry, bool) {
	i, ok := s.index(number)
	if !ok {
		return entry{}, false
	}
	return s.entries[i], true
}

// readSection reads the section at an offset and the end mark behind it.
func (f *file) readSection(offset int64) (*section, error) {
	p := f.parserAt(offset)
	for range maxLead { // some writers point to the line end before the keyword
		if b, ok := p.peek(); !ok || !isSpace(b) {
			break
		}
		p.at++
	}
	b, _ := p.peek()
	s := &section{offset: offset}
	var err error
	if b == 'x' {
		err = f.readTable(p, s)
	} else {
		err = f.readXrefStream(s)
	}
	if err != nil {
		return nil, err
	}
	if err := sortEntries(s); err != nil {
		return nil, err
	}
	if err := f.readHidden(s); err != nil {
		return nil, err
	}
	s.unended = f.readEndMark(s)
	var structure *structureError
	if s.unended != nil && !errors.As(s.unended, &structure) {
		return nil, s.unended
	}
	return s, nil
}

// sortEntries orders the entries by number and refuses a number given twice.
func sortEntries(s *section) error {
	slices.SortFunc(s.entries, func(a, b entry) int { return int(a.number) - int(b.number) })
	for i := 1; i < len(s.entries); i++ {
		if s.entries[i].number == s.entries[i-1].number {
			return broken(s.offset, "a cross-reference section has object %d twice", s.entries[i].number)
		}
	}
	return nil
}

// readEndMark reads "startxref N %%EOF" behind a section.
func (f *file) readEndMark(s *section) error {
	p := f.parserAt(s.bodyEnd)
	p.skipSpace()
	if b, _ := p.peek(); s.stream && b == 't' { // Acrobat repeats a part of it in linearized files
		p.keyword("trailer")
		repeated, ok := p.object(0).(dict)
		for key := range repeated {
			ok = ok && (key == "Size" || key == "ID")
		}
		if !ok {
			p.fail("a trailer contradicts its cross-reference stream")
		}
	}
	p.keyword("startxref")
	s.startxref = p.integer()
	for b, ok := p.peek(); ok && isSpace(b); b, ok = p.peek() {
		p.at++
	}
	for _, want := range []byte("%%EOF") {
		if b, _ := p.next(); b != want {
			p.fail("a revision does not end with %%%%EOF")
			break
		}
	}
	s.eof = p.offset()
	return p.err
}

// readTable reads "xref", its subsections and the trailer. Entries have exactly
// twenty bytes, as readers that seek take for granted.
func (f *file) readTable(p *parser, s *section) error {
	p.keyword("xref")
	for p.err == nil {
		p.skipSpace()
		if b, _ := p.peek(); b == 't' {
			break
		}
		first, count := p.integer(), p.integer()
		p.skipSpace()
		if p.err == nil {
			f.readSubsection(p, s, first, count)
		}
	}
	p.keyword("trailer")
	s.trailer, _ = p.object(0).(dict)
	s.bodyEnd = p.offset()
	if p.err == nil && s.trailer == nil {
		p.fail("the trailer is not a dictionary")
	}
	return p.err
}

func (f *file) readSubsection(p *parser, s *section, first, count int64) {
	if first+count > maxObjectNumber || !f.spendEntries(count) || p.offset()+count*tableEntryBytes > f.size {
		p.fail("a cross-reference table is too large")
		return
	}
	var line [tableEntryBytes]byte
	for i := range count {
		for j := range line {
			line[j], _ = p.next()
		}
		e, ok := parseTableEntry(line[:])
		if !ok || p.err != nil {
			p.fail("a cross-reference entry is malformed")
			return
		}
		e.number = int32(first + i)
		s.entries = append(s.entries, e)
	}
}

// parseTableEntry reads "nnnnnnnnnn ggggg n" with a two-byte line end.
func parseTableEntry(line []byte) (entry, bool) {
	offset, ok := decimal(line[:10])
	generation, also := decimal(line[11:16])
	end := string(line[18:])
	if !ok || !also || line[10] != ' ' || line[16] != ' ' || generation > 65535 ||
		end != " \n" && end != " \r" && end != "\r\n" {
		return entry{}, false
	}
	e := entry{offset: offset, minor: uint32(generation)}
	switch line[17] {
	case 'n':
		if offset != 0 { // some writers mark numbers they never used this way
			e.kind = entryInUse
		}
	case 'f':
	default:
		return entry{}, false
	}
	return e, true
}

func decimal(digits []byte) (value int64, ok bool) {
	for _, b := range digits {
		if b < '0' || b > '9' {
			return 0, false
		}
		value = value*10 + int64(b-'0')
	}
	return value, true
}

// spendEntries counts entries against the bound of the file.
func (f *file) spendEntries(count int64) bool {
	f.entries += count
	return count >= 0 && count <= maxEntries && f.entries <= min(maxEntries, freeEntries+f.size/bytesPerEntry)
}

// readXrefStream reads a cross-reference stream (ISO 32000-1, 7.5.8).
func (f *file) readXrefStream(s *section) error {
	found, err := f.readIndirect(s.offset, nil)
	if err != nil {
		return err
	}
	content, ok := found.object.(*stream)
	if !ok || content.dict["Type"] != name("XRef") {
		return broken(s.offset, "no cross-reference section is here")
	}
	s.trailer, s.bodyEnd, s.stream = content.dict, found.end, true
	widths, ok := xrefWidths(content.dict)
	if !ok {
		return broken(s.offset, "a cross-reference stream has bad field widths")
	}
	ranges, ok := xrefRanges(content.dict)
	if !ok {
		return broken(s.offset, "a cross-reference stream has a bad index")
	}
	rows, err := f.decode(content, nil)
	if err != nil {
		return err
	}
	for i := 0; i < len(ranges); i += 2 {
		if err := f.readRows(rows, s, widths, ranges[i], ranges[i+1]); err != nil {
			return err
		}
	}
	return nil
}

func xrefWidths(d dict) (widths [3]int, ok bool) {
	list, _ := d["W"].(array)
	if len(list) != 3 {
		return widths, false
	}
	total := 0
	for i, o := range list {
		width, ok := o.(int64)
		if !ok || width < 0 || width > 8 {
			return widths, false
		}
		widths[i] = int(width)
		total += widths[i]
	}
	return widths, total > 0
}

// xrefRanges returns pairs of first number and count.
func xrefRanges(d dict) ([]int64, bool) {
	size, ok := d["Size"].(int64)
	if !ok {
		return nil, false
	}
	index, given := d["Index"].(array)
	if !given {
		index = array{int64(0), size}
	}
	ranges := make([]int64, len(index))
	for i, o := range index {
		if ranges[i], ok = o.(int64); !ok || ranges[i] < 0 || ranges[i] > maxObjectNumber {
			return nil, false
		}
	}
	return ranges, len(ranges)%2 == 0
}

func (f *file) readRows(rows io.Reader, s *section, widths [3]int, first, count int64) error {
	if first+count > maxObjectNumber || !f.spendEntries(count) {
		return broken(s.offset, "a cross-reference stream is too large")
	}
	row := make([]byte, widths[0]+widths[1]+widths[2])
	for i := range count {
		if _, err := io.ReadFull(rows, row); err != nil {
			return streamError(s.offset, "a cross-reference stream is cut short", err)
		}
		e, err := parseRow(row, widths)
		if err != nil {
			return broken(s.offset, "a cross-reference stream has a bad entry")
		}
		e.number = int32(first + i)
		s.entries = append(s.entries, e)
	}
	return nil
}

func parseRow(row []byte, widths [3]int) (entry, error) {
	kind := uint64(entryInUse) // the default when the first field has no width
	if widths[0] > 0 {
		kind = bigEndian(row[:widths[0]])
	}
	offset := bigEndian(row[widths[0] : widths[0]+widths[1]])
	minor := bigEndian(row[widths[0]+widths[1]:])
	if kind > uint64(entryCompressed) || offset > 1<<62 || minor > 1<<31 {
		return entry{}, io.ErrUnexpectedEOF
	}
	if kind == uint64(entryInUse) && offset == 0 {
		kind = uint64(entryFree)
	}
	return entry{kind: entryKind(kind), offset: int64(offset), minor: uint32(minor)}, nil
}

func bigEndian(field []byte) uint64 {
	var padded [8]byte
	copy(padded[8-len(field):], field)
	return binary.BigEndian.Uint64(padded[:])
}

// isLinearized reports whether the first object of the file says so.
func (f *file) isLinearized() bool {
	head := make([]byte, 64)
	n, _ := f.source.ReadAt(head, 0)
	at := bytes.Index(head[:n], []byte(" obj"))
	if at < 0 {
		return false
	}
	p := f.parserAt(int64(at) + 4)
	_, ok := dictOf(p.object(0))["Linearized"]
	return ok && p.err == nil
}
