package asic_test

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"strings"
	"testing"

	"github.com/lienthong/lienthong/signing/asic"
)

// seal stands for a CMS signature where none is looked at.
func seal(_ context.Context, manifest []byte) ([]byte, error) {
	return append([]byte("signed: "), manifest[:5]...), nil
}

func write(t testing.TB, files ...asic.File) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := asic.Write(t.Context(), &b, files, seal); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestWrittenContainersCanBeRead(t *testing.T) {
	files := []asic.File{
		asic.Bytes("receipt.json", "application/json", []byte(`{"a":1}`)),
		asic.Bytes("log/receipt.tlog-proof", "text/plain", nil),
		asic.Bytes("content/Quyết định 10%.pdf", "application/pdf", bytes.Repeat([]byte("x"), 3<<20)),
	}
	first, second := write(t, files...), write(t, files...)
	if !bytes.Equal(first, second) {
		t.Error("the same files gave other bytes")
	}
	c, err := asic.Read(bytes.NewReader(first), int64(len(first)))
	if err != nil {
		t.Fatal(err)
	}
	if names := c.Names(); c.MediaType != asic.MediaTypeE || len(names) != 3 || names[2] != files[2].Name {
		t.Errorf("%q %q", c.MediaType, names)
	}
	for _, f := range files {
		got, err := c.ReadFile(f.Name, asic.MaxBytes)
		want, _ := io.ReadAll(io.NewSectionReader(f.Content, 0, f.Size))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %v", f.Name, err)
		}
	}
	if c.Open("no such file") != nil {
		t.Error("a file that is not there was opened")
	}
	if _, err := c.ReadFile("receipt.json", 3); rule(err) != "size" {
		t.Errorf("a file above the limit: %v", err)
	}
	// Another reader finds the same, and the media type at the fixed offset 38.
	other, err := zip.NewReader(bytes.NewReader(first), int64(len(first)))
	if err != nil || len(other.File) != 6 {
		t.Fatalf("%v, %d entries", err, len(other.File))
	}
	if string(first[30:38]) != "mimetype" || !bytes.HasPrefix(first[38:], []byte(asic.MediaTypeE)) {
		t.Error("the media type is not at its fixed place")
	}
}

func rule(err error) string {
	var refusal *asic.Refusal
	if errors.As(err, &refusal) {
		return refusal.Rule
	}
	return ""
}

func TestWriteRefuses(t *testing.T) {
	one := asic.Bytes("a", "", []byte("1"))
	cases := map[string]struct {
		files []asic.File
		rule  string
	}{
		"nothing":            {nil, "files"},
		"too many":           {make([]asic.File, asic.MaxFiles), "files"},
		"twice":              {[]asic.File{one, one}, "duplicate name"},
		"twins in case":      {[]asic.File{one, asic.Bytes("A", "", nil)}, "duplicate name"},
		"media type":         {[]asic.File{asic.Bytes("mimetype", "", nil)}, "duplicate name"},
		"signature":          {[]asic.File{asic.Bytes("META-INF/signatures.xml", "", nil)}, "name"},
		"signature in case":  {[]asic.File{asic.Bytes("meta-inf/x", "", nil)}, "name"},
		"folder":             {[]asic.File{asic.Bytes("a/", "", nil)}, "name"},
		"leaves the archive": {[]asic.File{asic.Bytes("../a", "", nil)}, "name"},
		"too large":          {[]asic.File{{Name: "a", Size: asic.MaxBytes + 1}}, "size"},
	}
	for name, c := range cases {
		var b bytes.Buffer
		if err := asic.Write(t.Context(), &b, c.files, seal); rule(err) != c.rule || b.Len() > 0 {
			t.Errorf("%s: %v, %d bytes written", name, err, b.Len())
		}
	}
	failing := func(context.Context, []byte) ([]byte, error) { return nil, io.ErrClosedPipe }
	if err := asic.Write(t.Context(), io.Discard, []asic.File{one}, failing); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("a seal that fails: %v", err)
	}
	short := asic.File{Name: "a", Content: strings.NewReader("1"), Size: 2}
	if err := asic.Write(t.Context(), io.Discard, []asic.File{short}, seal); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a file shorter than it says: %v", err)
	}
}

// raw is a ZIP entry that a test writes field by field.
type raw struct {
	name, localName   string // localName empty: as name
	content           []byte // as it stands in the file
	size              int    // unpacked; negative: length of content
	method, flags     uint16
	extra, localExtra []byte
	comment           string
	mode              uint32 // Unix
	crc               uint32 // of a stored entry: of content
	localCRC          uint32 // zero: as crc
	descriptor, gap   int    // length of descriptor, bytes before the header
}

func stored(name, content string) raw { return raw{name: name, content: []byte(content), size: -1} }

func deflated(t testing.TB, name string, content []byte) raw {
	t.Helper()
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return raw{name: name, content: b.Bytes(), size: len(content), method: 8, crc: crc32.ChecksumIEEE(content)}
}

func le(parts ...any) []byte {
	var b bytes.Buffer
	for _, p := range parts {
		if s, ok := p.(string); ok {
			b.WriteString(s)
			continue
		}
		_ = binary.Write(&b, binary.LittleEndian, p)
	}
	return b.Bytes()
}

// archive writes entries and lets change the end record.
func archive(entries []raw, end func([]byte) []byte) []byte {
	var body, directory bytes.Buffer
	for _, e := range entries {
		if e.size < 0 {
			e.size, e.crc = len(e.content), crc32.ChecksumIEEE(e.content)
		}
		if e.localCRC == 0 {
			e.localCRC = e.crc
		}
		if e.localName == "" {
			e.localName = e.name
		}
		body.Write(make([]byte, e.gap))
		offset := body.Len()
		crc, packed, size := e.localCRC, uint32(len(e.content)), uint32(e.size)
		if e.descriptor > 0 {
			e.flags |= 8
			crc, packed, size = 0, 0, 0
		}
		body.Write(le(uint32(0x04034b50), uint16(20), e.flags, e.method, uint32(0), crc, packed, size, uint16(len(e.localName)), uint16(len(e.localExtra)), e.localName, e.localExtra))
		body.Write(e.content)
		descriptor := le(uint32(0x08074b50), e.crc, uint32(len(e.content)), uint32(e.size))
		if e.descriptor == 12 {
			descriptor = descriptor[4:]
		}
		if e.descriptor > 0 {
			body.Write(descriptor)
		}
		directory.Write(le(uint32(0x02014b50), uint16(20|3<<8), uint16(20), e.flags, e.method, uint32(0), e.crc, uint32(len(e.content)), uint32(e.size),
			uint16(len(e.name)), uint16(len(e.extra)), uint16(len(e.comment)), uint16(0), uint16(0), e.mode<<16, uint32(offset), e.name, e.extra, e.comment))
	}
	n := uint16(len(entries))
	tail := le(uint32(0x06054b50), uint16(0), uint16(0), n, n, uint32(directory.Len()), uint32(body.Len()), uint16(0))
	if end != nil {
		tail = end(tail)
	}
	return append(append(body.Bytes(), directory.Bytes()...), tail...)
}

func mime() raw { return stored("mimetype", asic.MediaTypeE) }

// readAll opens a container and reads every file in it.
func readAll(data []byte) error {
	c, err := asic.Read(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return err
	}
	for _, name := range c.Names() {
		if _, err := c.ReadFile(name, 64<<20); err != nil {
			return err
		}
	}
	return nil
}

func TestContainersOfOtherToolsCanBeRead(t *testing.T) {
	text := bytes.Repeat([]byte("văn bản "), 1000)
	withDescriptor := func(length int) raw {
		r := deflated(t, "a", text)
		r.descriptor = length
		return r
	}
	time := raw{name: "a", content: []byte("x"), size: -1, extra: le(uint16(0x5455), uint16(5), "\x01abcd"), localExtra: le(uint16(0x5455), uint16(9), "\x03abcdabcd"), mode: 0o100644}
	for name, entries := range map[string][]raw{
		"stored":                 {mime(), stored("a", "1")},
		"deflated":               {mime(), deflated(t, "a", text)},
		"descriptor":             {mime(), withDescriptor(16), stored("b", "2")},
		"descriptor, no mark":    {mime(), stored("b", "2"), withDescriptor(12)},
		"times and modes":        {mime(), time},
		"folder":                 {mime(), {name: "d/", mode: 0o40755}, stored("d/a", "1")},
		"Vietnamese":             {mime(), {name: "Quyết định.pdf", flags: 1 << 11, content: []byte("1"), size: -1}},
		"line behind media type": {stored("mimetype", asic.MediaTypeS+"\n"), stored("a", "1")},
		"empty":                  {mime(), stored("a", ""), deflated(t, "b", nil)},
		"packed well, but small": {mime(), deflated(t, "a", make([]byte, 60<<10))},
	} {
		if err := readAll(archive(entries, nil)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	var b bytes.Buffer // and what the standard library writes
	w := zip.NewWriter(&b)
	m, _ := w.CreateHeader(&zip.FileHeader{Name: "mimetype", Method: zip.Store})
	_, _ = io.WriteString(m, asic.MediaTypeE)
	f, _ := w.Create("a.txt")
	_, _ = f.Write(text)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := readAll(b.Bytes()); err != nil {
		t.Errorf("standard library: %v", err)
	}
}

func TestManipulatedContainersAreRefused(t *testing.T) {
	text := bytes.Repeat([]byte("văn bản "), 1000)
	good := archive([]raw{mime(), stored("a", "1")}, nil)
	with := func(change func(*raw)) []byte {
		r := deflated(t, "a", text)
		change(&r)
		return archive([]raw{mime(), r}, nil)
	}
	end := func(at int, value ...byte) []byte {
		return archive([]raw{mime(), stored("a", "1")}, func(b []byte) []byte { copy(b[at:], value); return b })
	}
	bomb := deflated(t, "bomb", make([]byte, 20<<20))
	liar := bomb
	liar.size = 60 << 10
	overlap := archive([]raw{mime(), stored("a", "1")}, nil)
	second := bytes.LastIndex(overlap, []byte("PK\x01\x02"))
	binary.LittleEndian.PutUint32(overlap[second+42:], 0)
	cases := map[string]struct {
		data []byte
		rule string
	}{
		"cut":                          {good[:len(good)-1], "end record"},
		"tail":                         {append(bytes.Clone(good), 0), "end record"},
		"head":                         {append([]byte("MZ"), good...), "layout"},
		"two containers":               {append(bytes.Clone(good), good...), "layout"},
		"comment":                      {archive([]raw{mime()}, func(b []byte) []byte { b[20] = 3; return append(b, "abc"...) }), "end record"},
		"comment that is an end":       {archive([]raw{mime()}, func(b []byte) []byte { return append(append(bytes.Clone(b[:20]), 22, 0), b...) }), "layout"},
		"comment without its text":     {end(20, 3), "comment"},
		"entry comment":                {with(func(r *raw) { r.comment = "x" }), "comment"},
		"another disk":                 {end(4, 1), "parts"},
		"entries left out":             {end(8, 1), "parts"},
		"entries left out twice":       {end(8, 1, 0, 1, 0), "directory"},
		"entries too many":             {end(8, 3, 0, 3, 0), "directory"},
		"Zip64 mark":                   {end(8, 0xff, 0xff, 0xff, 0xff), "files"},
		"gap before an entry":          {with(func(r *raw) { r.gap = 7 }), "layout"},
		"gap before the directory":     {archive([]raw{mime(), stored("a", "1")}, func(b []byte) []byte { return append([]byte("x"), b...) }), "layout"},
		"two entries, one content":     {overlap, "layout"},
		"another name before content":  {with(func(r *raw) { r.localName = "b" }), "local header"},
		"longer name before content":   {with(func(r *raw) { r.localName = "aa" }), "local header"},
		"another sum before content":   {with(func(r *raw) { r.localCRC = 7 }), "local header"},
		"wrong sum":                    {with(func(r *raw) { r.crc = 7 }), "checksum"},
		"longer than said":             {with(func(r *raw) { r.size-- }), "size"},
		"shorter than said":            {with(func(r *raw) { r.size++ }), "size"},
		"bytes behind the content":     {with(func(r *raw) { r.content = append(r.content, "hidden"...) }), "layout"},
		"damaged content":              {with(func(r *raw) { r.content = bytes.Repeat([]byte{0xff}, len(r.content)) }), "content"},
		"content cut":                  {with(func(r *raw) { r.content = r.content[:len(r.content)-4] }), "size"},
		"encrypted":                    {with(func(r *raw) { r.flags = 1 }), "encryption"},
		"masked headers":               {with(func(r *raw) { r.flags = 1 << 13 }), "encryption"},
		"another method":               {with(func(r *raw) { r.method = 12 }), "method"},
		"stored in two sizes":          {with(func(r *raw) { r.method = 0 }), "size"},
		"Zip64 sizes":                  {with(func(r *raw) { r.extra = le(uint16(1), uint16(8), uint64(1)) }), "extra"},
		"Zip64 sizes before content":   {with(func(r *raw) { r.localExtra = le(uint16(1), uint16(8), uint64(1)) }), "extra"},
		"second name":                  {with(func(r *raw) { r.extra = le(uint16(0x7075), uint16(1), "b") }), "extra"},
		"damaged extra field":          {with(func(r *raw) { r.extra = []byte{1} }), "extra"},
		"link":                         {with(func(r *raw) { r.mode = 0o120777 }), "kind"},
		"folder with content":          {with(func(r *raw) { r.name = "a/" }), "kind"},
		"descriptor that lies":         {with(func(r *raw) { r.descriptor = 16; r.content = append(r.content, 1); r.size = len(text) }), "layout"},
		"bomb":                         {archive([]raw{mime(), bomb}, nil), "ratio"},
		"bomb that lies":               {archive([]raw{mime(), liar}, nil), "size"},
		"undeclared encoding":          {with(func(r *raw) { r.name = "đ" }), "name"},
		"duplicate":                    {archive([]raw{mime(), stored("a", "1"), stored("a", "2")}, nil), "duplicate name"},
		"duplicate in case":            {archive([]raw{mime(), stored("a", "1"), stored("A", "2")}, nil), "duplicate name"},
		"file and folder":              {archive([]raw{mime(), stored("a", "1"), stored("a/b", "2")}, nil), "duplicate name"},
		"composed and decomposed":      {archive([]raw{mime(), {name: "\u1ec7", flags: 1 << 11}, {name: "e\u0323\u0302", flags: 1 << 11}}, nil), "duplicate name"},
		"no media type":                {archive([]raw{stored("a", "1")}, nil), "mimetype"},
		"media type last":              {archive([]raw{stored("a", "1"), mime()}, nil), "mimetype"},
		"media type packed":            {archive([]raw{deflated(t, "mimetype", []byte(asic.MediaTypeE))}, nil), "mimetype"},
		"media type with extra field":  {archive([]raw{{name: "mimetype", content: []byte(asic.MediaTypeE), size: -1, localExtra: le(uint16(0x5455), uint16(0))}}, nil), "mimetype"},
		"another media type":           {archive([]raw{stored("mimetype", "application/zip")}, nil), "mimetype"},
		"nothing":                      {archive(nil, nil), "mimetype"},
		"too short":                    {[]byte("PK"), "end record"},
		"many files":                   {archive(make([]raw, 2000), nil), "files"},
		"directory larger than file":   {end(12, 0xff, 0xff, 0xff, 0x7f), "files"},
		"directory outside, but short": {end(16, 0xff, 0xff, 0xff, 0x7f), "layout"},
	}
	for name, c := range cases {
		if err := readAll(c.data); rule(err) != c.rule {
			t.Errorf("%s: %v (%s), want %s", name, err, rule(err), c.rule)
		}
	}
}

func TestNamesThatAreRefused(t *testing.T) {
	for _, name := range []string{
		"", "/etc/passwd", "../x", "a/../b", "a//b", "./a", "a/.", "..", `a\b`, `..\x`, `C:\x`, "C:x", "a:b", "a\x00b", "a\nb", "a\u202efdp.exe",
		"a\u200eb", "a\u2028b", "\u2066x", "\ufeffa", "a\xffb", "a%2e%2e%2fb", "a%00", "x.", "x ", " x", "a./b", "CON", "nul.txt", "com1", "lpt9.pdf",
		"a*", "a?", `a"b`, "a<b", "a|b", strings.Repeat("x", asic.MaxNameBytes+1), "a\ue000b",
	} {
		if err := readAll(archive([]raw{mime(), {name: name, flags: 1 << 11}}, nil)); rule(err) != "name" {
			t.Errorf("read %q: %v", name, err)
		}
		if err := asic.Write(t.Context(), io.Discard, []asic.File{asic.Bytes(name, "", nil)}, seal); rule(err) != "name" {
			t.Errorf("write %q: %v", name, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(write(f, asic.Bytes("a.txt", "text/plain", []byte("abc"))))
	f.Add(archive([]raw{mime(), deflated(f, "a", bytes.Repeat([]byte("ab"), 500))}, nil))
	f.Add(archive([]raw{mime(), {name: "d/"}, {name: "a", descriptor: 12}}, nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := asic.Read(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		// What we read, the standard library must read in the same way.
		other, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatalf("only we read it: %v", err)
		}
		for _, name := range c.Names() {
			got, err := c.ReadFile(name, 1<<20)
			if err != nil {
				continue
			}
			file, err := other.Open(name)
			if err != nil {
				t.Fatalf("%q: %v", name, err)
			}
			want, err := io.ReadAll(file)
			if err != nil || !bytes.Equal(got, want) {
				t.Fatalf("%q: %v", name, err)
			}
		}
	})
}
