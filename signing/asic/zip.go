package asic

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// Record signatures and lengths of the ZIP format (APPNOTE.TXT 6.3).
const (
	signatureLocal      = 0x04034b50
	signatureCentral    = 0x02014b50
	signatureEnd        = 0x06054b50
	signatureDescriptor = 0x08074b50
	lengthLocal         = 30
	lengthCentral       = 46
	lengthEnd           = 22
	maxDirectory        = 4 << 20

	methodStored   = 0
	methodDeflated = 8
	flagDescriptor = 1 << 3
	flagUTF8       = 1 << 11
	flagsLevel     = 1<<1 | 1<<2 // how hard the packer tried
)

// entry is one file of the archive as both headers describe it.
type entry struct {
	name         string
	flags        uint16
	method       uint16
	crc          uint32
	packed, size int64
	header       int64 // offset of the local header
	content      int64 // offset of the content
}

// archive is the strict view of a ZIP file.
type archive struct {
	source  io.ReaderAt
	entries []entry // in the order of the file
}

// readArchive reads the directory at the very end of the file and compares it with
// what stands before each content.
func readArchive(source io.ReaderAt, size int64) (*archive, error) {
	directory, start, count, err := readDirectory(source, size)
	if err != nil {
		return nil, err
	}
	a := &archive{source: source}
	for range count {
		e, rest, refusal := parseCentral(directory)
		if refusal != nil {
			return nil, refusal
		}
		a.entries, directory = append(a.entries, e), rest
	}
	if len(directory) > 0 {
		return nil, refuse("directory", "has a directory that is longer than its entries")
	}
	slices.SortStableFunc(a.entries, func(x, y entry) int { return int(x.header - y.header) })
	if refusal := a.checkNames(); refusal != nil {
		return nil, refusal
	}
	return a, a.checkLayout(start)
}

// readDirectory returns the central directory, its offset and its number of entries.
// The end record stands at the end of the file; a comment could hide another one.
func readDirectory(source io.ReaderAt, size int64) (directory []byte, start int64, count int, err error) {
	if size > MaxBytes {
		return nil, 0, 0, refuse("size", "is larger than %d MiB", MaxBytes>>20)
	}
	if size < lengthEnd {
		return nil, 0, 0, refuse("end record", "is too short")
	}
	end, err := readAt(source, size-lengthEnd, lengthEnd)
	if err != nil {
		return nil, 0, 0, err
	}
	field := func(at int) uint16 { return binary.LittleEndian.Uint16(end[at:]) }
	length, offset := int64(binary.LittleEndian.Uint32(end[12:])), int64(binary.LittleEndian.Uint32(end[16:]))
	count = int(field(10))
	switch {
	case binary.LittleEndian.Uint32(end) != signatureEnd:
		return nil, 0, 0, refuse("end record", "does not end with the end record of its directory")
	case field(20) != 0:
		return nil, 0, 0, refuse("comment", "has a comment")
	case field(4) != 0 || field(6) != 0 || int(field(8)) != count:
		return nil, 0, 0, refuse("parts", "is one of several parts")
	case count > MaxFiles || length > maxDirectory:
		return nil, 0, 0, refuse("files", "has more than %d entries or too long a directory", MaxFiles)
	case offset+length != size-lengthEnd:
		return nil, 0, 0, refuse("layout", "has something between directory and end, or is of 64-bit size")
	}
	directory, err = readAt(source, offset, length)
	return directory, offset, count, err
}

func readAt(source io.ReaderAt, offset, length int64) ([]byte, error) {
	buffer := make([]byte, length)
	if n, err := source.ReadAt(buffer, offset); int64(n) < length {
		return nil, errors.Join(io.ErrUnexpectedEOF, err)
	}
	return buffer, nil
}

// parseCentral reads one entry of the directory and returns what follows it.
func parseCentral(b []byte) (entry, []byte, *Refusal) {
	if len(b) < lengthCentral || binary.LittleEndian.Uint32(b) != signatureCentral {
		return entry{}, nil, refuse("directory", "has a damaged directory")
	}
	short := func(at int) int { return int(binary.LittleEndian.Uint16(b[at:])) }
	long := func(at int) uint32 { return binary.LittleEndian.Uint32(b[at:]) }
	name, extra := short(28), short(30)
	if len(b) < lengthCentral+name+extra {
		return entry{}, nil, refuse("directory", "has a damaged directory")
	}
	e := entry{
		name:  string(b[lengthCentral : lengthCentral+name]),
		flags: uint16(short(8)), method: uint16(short(10)), crc: long(16),
		packed: int64(long(20)), size: int64(long(24)), header: int64(long(42)),
	}
	switch {
	case short(32) != 0:
		return e, nil, refuse("comment", "has a comment at %q", e.name)
	case short(34) != 0:
		return e, nil, refuse("parts", "is one of several parts")
	case b[5] == 3 && !plainFile(long(38)>>16, e.isFolder()):
		return e, nil, refuse("kind", "has an entry that is no file: %q", e.name)
	}
	if refusal := e.check(b[lengthCentral+name : lengthCentral+name+extra]); refusal != nil {
		return e, nil, refusal
	}
	return e, b[lengthCentral+name+extra:], nil
}

func (e *entry) isFolder() bool { return strings.HasSuffix(e.name, "/") }

// plainFile looks at the Unix mode: no links, devices or pipes.
func plainFile(mode uint32, folder bool) bool {
	switch mode & 0o170000 {
	case 0:
		return true
	case 0o100000:
		return !folder
	case 0o040000:
		return folder
	}
	return false
}

func (e *entry) check(extra []byte) *Refusal {
	if refusal := checkName(e.name); refusal != nil {
		return refusal
	}
	ascii := !strings.ContainsFunc(e.name, func(r rune) bool { return r >= utf8.RuneSelf })
	switch {
	case e.flags&^(flagDescriptor|flagUTF8|flagsLevel) != 0:
		return refuse("encryption", "has an entry that is encrypted or of an unknown form: %q", e.name)
	case !ascii && e.flags&flagUTF8 == 0:
		return refuse("name", "has a name whose encoding is not declared: %q", e.name)
	case e.method != methodStored && e.method != methodDeflated:
		return refuse("method", "has an entry that is packed by a method that is not supported: %q", e.name)
	case e.method == methodStored && e.packed != e.size:
		return refuse("size", "has a stored entry of two sizes: %q", e.name)
	case e.isFolder() && (e.size != 0 || e.packed > 2):
		return refuse("kind", "has a folder with content: %q", e.name)
	case e.size > max(e.packed*MaxRatio, freeRatioBytes):
		return refuse("ratio", "has an entry that unpacks to more than %d times its size: %q", MaxRatio, e.name)
	}
	return checkExtra(extra, e.name)
}

// checkExtra reads extra fields and refuses those that change what an entry is:
// 64-bit sizes, other names, encryption.
func checkExtra(extra []byte, name string) *Refusal {
	for len(extra) > 0 {
		if len(extra) < 4 || len(extra) < 4+int(binary.LittleEndian.Uint16(extra[2:])) {
			return refuse("extra", "has a damaged extra field at %q", name)
		}
		switch binary.LittleEndian.Uint16(extra) {
		case 0x0001, 0x7075, 0x6375, 0x9901, 0x0017:
			return refuse("extra", "has an entry with 64-bit sizes, a second name or encryption: %q", name)
		}
		extra = extra[4+int(binary.LittleEndian.Uint16(extra[2:])):]
	}
	return nil
}

// checkNames refuses twins, also those that only some file systems take for twins,
// and a file that is a folder of another.
func (a *archive) checkNames() *Refusal {
	taken := map[string]bool{}
	total := int64(0)
	for i := range a.entries {
		e := &a.entries[i]
		key := nameKey(strings.TrimSuffix(e.name, "/"))
		if _, twice := taken[key]; twice {
			return refuse("duplicate name", "has two entries of the name %q", e.name)
		}
		taken[key] = e.isFolder()
		if total += e.size; total > MaxBytes {
			return refuse("size", "unpacks to more than %d MiB", MaxBytes>>20)
		}
	}
	for name := range taken {
		for i := strings.LastIndexByte(name, '/'); i > 0; i = strings.LastIndexByte(name[:i], '/') {
			if folder, known := taken[name[:i]]; known && !folder {
				return refuse("duplicate name", "has a file that is also a folder: %q", name[:i])
			}
		}
	}
	return nil
}

// checkLayout requires that local header, content and descriptor of the entries
// fill the file from its first byte to the directory.
func (a *archive) checkLayout(directory int64) error {
	at := int64(0)
	for i := range a.entries {
		e := &a.entries[i]
		next := directory
		if i+1 < len(a.entries) {
			next = a.entries[i+1].header
		}
		if e.header != at || next > directory || next-at < lengthLocal {
			return refuse("layout", "has a gap or an overlap before %q", e.name)
		}
		if err := a.checkLocal(e); err != nil {
			return err
		}
		tail := next - e.content - e.packed
		if tail < 0 || tail > 16 {
			return refuse("layout", "has a gap or an overlap behind %q", e.name)
		}
		if err := a.checkDescriptor(e, tail); err != nil {
			return err
		}
		at = next
	}
	if at != directory {
		return refuse("layout", "has a gap before its directory")
	}
	return nil
}

// checkLocal compares the local header with the directory and finds the content.
func (a *archive) checkLocal(e *entry) error {
	b, err := readAt(a.source, e.header, lengthLocal)
	if err != nil {
		return err
	}
	short := func(at int) int { return int(binary.LittleEndian.Uint16(b[at:])) }
	long := func(at int) uint32 { return binary.LittleEndian.Uint32(b[at:]) }
	name, extra := short(26), short(28)
	if long(0) != signatureLocal || uint16(short(6)) != e.flags || uint16(short(8)) != e.method || name != len(e.name) {
		return mismatch(e)
	}
	rest, err := readAt(a.source, e.header+lengthLocal, int64(name+extra))
	if err != nil {
		return refuse("layout", "is cut short at %q", e.name)
	}
	if !bytes.Equal(rest[:name], []byte(e.name)) {
		return mismatch(e)
	}
	later := e.flags&flagDescriptor != 0 && long(14) == 0 && long(18) == 0 && long(22) == 0
	if !later && (long(14) != e.crc || int64(long(18)) != e.packed || int64(long(22)) != e.size) {
		return mismatch(e)
	}
	e.content = e.header + lengthLocal + int64(name+extra)
	if refusal := checkExtra(rest[name:], e.name); refusal != nil {
		return refusal
	}
	return nil
}

func mismatch(e *entry) *Refusal {
	return refuse("local header", "says something else in its directory than before the content of %q", e.name)
}

// checkDescriptor checks the record that repeats sizes and checksum behind the
// content; its signature may be left out.
func (a *archive) checkDescriptor(e *entry, length int64) error {
	if e.flags&flagDescriptor == 0 {
		if length != 0 {
			return refuse("layout", "has a gap behind %q", e.name)
		}
		return nil
	}
	b, err := readAt(a.source, e.content+e.packed, length)
	if err != nil {
		return err
	}
	if length == 16 && binary.LittleEndian.Uint32(b) == signatureDescriptor {
		b = b[4:]
	}
	if len(b) != 12 || binary.LittleEndian.Uint32(b) != e.crc ||
		int64(binary.LittleEndian.Uint32(b[4:])) != e.packed || int64(binary.LittleEndian.Uint32(b[8:])) != e.size {
		return mismatch(e)
	}
	return nil
}
