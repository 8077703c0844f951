package pdfsig_test

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/lienthong/lienthong/signing/pdfsig"
	"github.com/lienthong/lienthong/signing/pki"
	"github.com/lienthong/lienthong/signing/trust"
	"github.com/lienthong/lienthong/signing/verdict"
)

func deflate(t testing.TB, data []byte) string {
	t.Helper()
	var out bytes.Buffer
	w := zlib.NewWriter(&out)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// xrefRow is one row of a cross-reference stream with the widths 1, 4 and 2.
func xrefRow(kind byte, offset, minor int) []byte {
	return []byte{kind, byte(offset >> 24), byte(offset >> 16), byte(offset >> 8), byte(offset), byte(minor >> 8), byte(minor)}
}

// packedUpdate is an incremental update in the newer syntax: the objects named in inside
// are put into one object stream, the table is a stream with a PNG predictor.
type packedUpdate struct {
	objects  map[int]string
	inside   map[int]string
	number   int // of the object stream, the table takes the next one
	filter   byte
	previous int64
}

func (p packedUpdate) append(t testing.TB, file []byte) []byte {
	t.Helper()
	out := bytes.NewBuffer(bytes.Clone(file))
	rows := map[int][]byte{}
	put := func(number int, text string) {
		rows[number] = xrefRow(1, out.Len(), 0)
		fmt.Fprintf(out, "%d 0 obj\n%s\nendobj\n", number, text)
	}
	for _, number := range sorted(p.objects) {
		put(number, p.objects[number])
	}
	if len(p.inside) > 0 {
		var index, data strings.Builder
		for i, number := range sorted(p.inside) {
			fmt.Fprintf(&index, "%d %d ", number, data.Len())
			fmt.Fprintf(&data, "%s\n", p.inside[number])
			rows[number] = xrefRow(2, p.number, i)
		}
		content := deflate(t, []byte(index.String()+data.String()))
		put(p.number, stream(fmt.Sprintf("/Type /ObjStm /N %d /First %d /Filter /FlateDecode", len(p.inside), index.Len()), content))
	}
	start := out.Len()
	rows[p.number+1] = xrefRow(1, start, 0)
	var list strings.Builder
	var data []byte
	for _, number := range sorted(rows) {
		fmt.Fprintf(&list, "%d 1 ", number)
		data = append(data, rows[number]...)
	}
	previous := ""
	if p.previous > 0 {
		previous = fmt.Sprintf("/Prev %d", p.previous)
	}
	content := deflate(t, predict(data, 7, p.filter))
	fmt.Fprintf(out, "%d 0 obj\n%s\nendobj\nstartxref\n%d\n%%%%EOF\n", p.number+1, stream(fmt.Sprintf(
		"/Type /XRef /Size 400 /W [1 4 2] /Index [%s] /Root 1 0 R /Info 6 0 R %s /Filter /FlateDecode /DecodeParms << /Predictor 12 /Columns 7 >>", list.String(), previous), content), start)
	return out.Bytes()
}

func sorted[V any](m map[int]V) []int {
	var keys []int
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// predict applies one PNG filter to every row.
func predict(data []byte, columns int, filter byte) []byte {
	var out []byte
	above := make([]byte, columns)
	for at := 0; at < len(data); at += columns {
		row := data[at : at+columns]
		out = append(out, filter)
		for i, b := range row {
			left, corner := byte(0), byte(0)
			if i > 0 {
				left, corner = row[i-1], above[i-1]
			}
			guess := [5]byte{0, left, above[i], byte((int(left) + int(above[i])) / 2), paethOf(left, above[i], corner)}
			out = append(out, b-guess[filter])
		}
		above = row
	}
	return out
}

func paethOf(a, b, c byte) byte {
	p := int(a) + int(b) - int(c)
	best, guess := 1<<10, a
	for _, v := range []byte{a, b, c} {
		if d := max(p-int(v), int(v)-p); d < best {
			best, guess = d, v
		}
	}
	return guess
}

func startxref(t testing.TB, file []byte) (offset int64) {
	t.Helper()
	if _, err := fmt.Sscanf(last(t, file, `startxref\s+\d+`), "startxref\n%d", &offset); err != nil {
		t.Fatal(err)
	}
	return offset
}

// Updates whose objects lie in object streams, with each filter of the predictor.
func TestPackedUpdates(t *testing.T) {
	a := authority(t, pki.P256)
	v := validator(t, a)
	file := sheetSigned(t, a, terms{})
	note := replace(t, object(t, file, 9), "/T (note) /AP << /N 10 0 R >>", "/T (note) /V (seen) /AP << /N 300 0 R >>")
	for filter := range byte(5) {
		good := packedUpdate{objects: map[int]string{300: stream(drawing, "BT (seen) Tj ET")}, inside: map[int]string{9: note}, number: 310, filter: filter, previous: startxref(t, file)}.append(t, file)
		expectPassed(t, verify(t, good, v), 1)
	}
	bad := packedUpdate{inside: map[int]string{17: replace(t, object(t, file, 17), "/T (number)", "/T (number) /V (7)")}, number: 310, previous: startxref(t, file)}.append(t, file)
	expectFailed(t, verify(t, bad, v), verdict.FormatFailure, "cannot be filled in")
	hidden := packedUpdate{inside: map[int]string{20: "<< /Type /Sig /ByteRange [0 1 2 3] /Contents <00> >>"}, number: 310, previous: startxref(t, file)}.append(t, file)
	expectFailed(t, verify(t, hidden, v), verdict.FormatFailure, "")
}

// hybrid appends an update whose table names a stream of further objects.
func hybrid(t testing.TB, file []byte, shown, hidden map[int]string) []byte {
	t.Helper()
	previous := startxref(t, file)
	out := bytes.NewBuffer(bytes.Clone(file))
	var table strings.Builder
	for _, number := range sorted(shown) {
		fmt.Fprintf(&table, "%d 1\n%010d 00000 n\r\n", number, out.Len())
		fmt.Fprintf(out, "%d 0 obj\n%s\nendobj\n", number, shown[number])
	}
	var rows []byte
	var list strings.Builder
	for _, number := range sorted(hidden) {
		rows = append(rows, xrefRow(1, out.Len(), 0)...)
		fmt.Fprintf(&list, "%d 1 ", number)
		fmt.Fprintf(out, "%d 0 obj\n%s\nendobj\n", number, hidden[number])
		if _, also := shown[number]; !also {
			fmt.Fprintf(&table, "%d 1\n0000000000 65535 f\r\n", number)
		}
	}
	at := out.Len()
	fmt.Fprintf(&table, "320 1\n%010d 00000 n\r\n", at)
	fmt.Fprintf(out, "320 0 obj\n%s\nendobj\n", stream(fmt.Sprintf("/Type /XRef /Size 400 /W [1 4 2] /Index [%s]", list.String()), string(rows)))
	start := out.Len()
	fmt.Fprintf(out, "xref\n%strailer\n<< /Size 400 /Root 1 0 R /Info 6 0 R /XRefStm %d /Prev %d >>\nstartxref\n%d\n%%%%EOF\n", table.String(), at, previous, start)
	return out.Bytes()
}

// Both views of a hybrid file must be the same.
func TestHybridUpdates(t *testing.T) {
	a := authority(t, pki.P256)
	v := validator(t, a)
	file := sheetSigned(t, a, terms{})
	note := replace(t, object(t, file, 9), "/T (note) /AP << /N 10 0 R >>", "/T (note) /V (seen) /AP << /N 300 0 R >>")
	good := hybrid(t, file, map[int]string{9: note}, map[int]string{300: stream(drawing, "BT (seen) Tj ET")})
	expectPassed(t, verify(t, good, v), 1)
	expectFailed(t, verify(t, hybrid(t, file, map[int]string{9: note}, map[int]string{9: object(t, file, 9)}), v), verdict.FormatFailure, "two views of object 9")
	expectFailed(t, verify(t, hybrid(t, file, map[int]string{6: object(t, file, 6)}, map[int]string{4: stream("", "BT (x) Tj ET")}), v), verdict.FormatFailure, "two views of object 4")
}

// How files of other programs end and are spaced.
func TestLayoutsThatPass(t *testing.T) {
	a := authority(t, pki.P256)
	id := person(t, a, pki.P256)
	v := validator(t, a)
	plain := target()
	spaced := leaderSignature("adbe.pkcs7.detached")
	spaced[20] = strings.Replace(spaced[20], "/ByteRange [0", "/ByteRange   [0", 1)
	loose := leaderSignature("adbe.pkcs7.detached")
	loose[21] = replace(t, loose[21], "/V 20 0 R", "/V "+loose[20])
	delete(loose, 20)
	noPage := leaderSignature("adbe.pkcs7.detached")
	noPage[21] = "<< /FT /Sig /T (leader) /V 20 0 R >>"
	noPage[11] = "[9 0 R 10 0 R]"
	child := leaderSignature("adbe.pkcs7.detached")
	child[8] = "<< /Fields [9 0 R 10 0 R 22 0 R] >>"
	child[22] = "<< /T (group) /FT /Sig /Kids [21 0 R] >>"
	child[21] = "<< /T (leader) /Parent 22 0 R /FT /Sig /V 20 0 R >>"
	apart := leaderSignature("adbe.pkcs7.detached")
	apart[20] = strings.Replace(apart[20], "[0 ********** ********** **********]", "97 0 R", 1)
	apart[20] = strings.Replace(apart[20], "<0000>", " 98 0 R", 1)
	apart[97], apart[98] = "[0 ********** ********** **********]", "<0000>"
	utf16 := leaderSignature("adbe.pkcs7.detached")
	utf16[21] = replace(t, utf16[21], "(leader)", "<FEFF01B0>")
	for name, file := range map[string][]byte{
		"more space":                  handSigned(t, plain, id, spaced),
		"signature in its field":      handSigned(t, plain, id, loose),
		"range and value apart":       handSigned(t, plain, id, apart),
		"field without a widget":      handSigned(t, plain, id, noPage),
		"field of a group":            handSigned(t, plain, id, child),
		"name in UTF-16":              handSigned(t, plain, id, utf16),
		"PDF 2.0":                     handSigned(t, bytes.Replace(plain, []byte("%PDF-1.7"), []byte("%PDF-2.0"), 1), id, leaderSignature("adbe.pkcs7.detached")),
		"carriage returns at the end": handSigned(t, bytes.Replace(plain, []byte("%%EOF\n"), []byte("%%EOF\r"), 1), id, leaderSignature("adbe.pkcs7.detached")),
		"no line end at the end":      handSigned(t, bytes.TrimRight(plain, "\n"), id, leaderSignature("adbe.pkcs7.detached")),
		"blank line after the end":    append(signTarget(t, a), '\r', '\n'),
		"new catalog object":          update(t, signTarget(t, a), map[int]string{350: object(t, signTarget(t, a), 1)}, "/Root 350 0 R /Info 6 0 R"),
		"new information object":      update(t, signTarget(t, a), map[int]string{351: "<< /Title (Decision) /Producer (B) >>"}, "/Root 1 0 R /Info 351 0 R"),
		"no information any more":     update(t, signTarget(t, a), nil, "/Root 1 0 R"),
		"unused object added":         update(t, signTarget(t, a), map[int]string{352: "(hello)"}),
	} {
		t.Run(name, func(t *testing.T) { expectPassed(t, verify(t, file, v), 1) })
	}
}

// Files that two readers see differently, and ranges that leave something out.
func TestLayoutsThatFail(t *testing.T) {
	a := authority(t, pki.P256)
	v := validator(t, a)
	good := signTarget(t, a)
	signature := func(change func(string) string) []byte {
		objects := leaderSignature("adbe.pkcs7.detached")
		objects[20] = change(objects[20])
		return handSigned(t, target(), person(t, a, pki.P256), objects)
	}
	for name, file := range map[string][]byte{
		"bytes before the header":    append([]byte("GIF89a\n"), good...),
		"HTML before the header":     append([]byte("<html><!--\n"), good...),
		"archive behind the end":     append(bytes.Clone(good), "PK\x05\x06"+strings.Repeat("\x00", 18)...),
		"zeros behind the end":       append(bytes.Clone(good), make([]byte, 16)...),
		"second file behind the end": append(bytes.Clone(good), good...),
		"key given twice":            signature(func(s string) string { return strings.Replace(s, "/Type /Sig", "/Type /Sig /Filter /Other", 1) }),
		"key given twice, escaped":   signature(func(s string) string { return strings.Replace(s, "/Type /Sig", "/Type /Sig /Content#73 <00>", 1) }),
	} {
		t.Run(name, func(t *testing.T) { expectFailed(t, verify(t, file, v), verdict.FormatFailure, "") })
	}
	apart := leaderSignature("adbe.pkcs7.detached")
	apart[20] = strings.Replace(apart[20], "<0000>", " 98 0 R", 1)
	apart[98] = "<0000>"
	signedApart := handSigned(t, target(), person(t, a, pki.P256), apart)
	expectFailed(t, verify(t, update(t, signedApart, map[int]string{98: "<00>"}), v), verdict.FormatFailure, "object 98")
	earlier := handSigned(t, update(t, target(), map[int]string{97: "[0 1 2 3]"}), person(t, a, pki.P256), map[int]string{
		20: "<< /Type /Sig /SubFilter /adbe.pkcs7.detached /ByteRange 97 0 R /X [0 ********** ********** **********] /Contents<0000> >>",
		21: "<< /FT /Sig /T (leader) /V 20 0 R >>", 8: `<< /Fields [9 0 R 10 0 R 21 0 R] >>`})
	expectFailed(t, verify(t, earlier, v), verdict.FormatFailure, "no byte range")
	cut := good[:len(good)-20]
	expectFailed(t, verify(t, cut, v), verdict.FormatFailure, "")
}

// A reader's usage rights are signed without a field; that is no forgery.
func TestUsageRights(t *testing.T) {
	rights := func(permissions string) []byte {
		return rawPDF(map[int]string{
			1: "<< /Type /Catalog /Pages 2 0 R " + permissions + " >>", 2: "<< /Type /Pages /Kids [] /Count 0 >>",
			3: "<< /Type /Sig /ByteRange [0 1 2 3] /Contents <00> >>"}, "/Root 1 0 R")
	}
	if report := verify(t, rights("/Perms << /UR3 3 0 R >>"), trust.NewValidator(nil)); len(report.Signatures) != 0 {
		t.Errorf("%+v", report)
	}
	expectFailed(t, verify(t, rights("/X 3 0 R"), trust.NewValidator(nil)), verdict.FormatFailure, "no field of its form reaches")
}

// bomb is a file that wants much of whoever reads it.
type bomb struct {
	name string
	file func(t testing.TB) []byte
}

func bombs() []bomb {
	tree := func(objects map[int]string) []byte { return rawPDF(objects, "/Root 1 0 R /Info 6 0 R") }
	catalog := `<< /Type /Catalog /Pages 2 0 R /AcroForm 8 0 R >>`
	return []bomb{
		{"many pages", func(testing.TB) []byte {
			objects := map[int]string{1: catalog, 6: "<< >>", 8: "<< /Fields [] >>"}
			var kids strings.Builder
			for i := range 4_000 {
				fmt.Fprintf(&kids, "%d 0 R ", 400+i)
				objects[400+i] = "<< /Type /Page /Parent 2 0 R >>"
			}
			objects[2] = "<< /Type /Pages /Kids [" + kids.String() + "] >>"
			return tree(objects)
		}},
		{"deep page tree", func(testing.TB) []byte {
			objects := map[int]string{1: catalog, 6: "<< >>", 8: "<< /Fields [] >>", 2: "<< /Type /Pages /Kids [400 0 R] >>"}
			for i := range 4_000 {
				objects[400+i] = fmt.Sprintf("<< /Type /Pages /Kids [%d 0 R] >>", 401+i)
			}
			return tree(objects)
		}},
		{"page tree in a circle", func(testing.TB) []byte {
			return tree(map[int]string{1: catalog, 2: "<< /Type /Pages /Kids [2 0 R] /Parent 2 0 R >>", 6: "<< >>", 8: "<< /Fields [] >>"})
		}},
		{"many fields", func(testing.TB) []byte {
			objects := map[int]string{1: catalog, 2: "<< >>", 6: "<< >>"}
			var fields strings.Builder
			for i := range 4_000 {
				fmt.Fprintf(&fields, "%d 0 R ", 400+i)
				objects[400+i] = fmt.Sprintf("<< /FT /Tx /T (f%d) >>", i)
			}
			objects[8] = "<< /Fields [" + fields.String() + "] >>"
			return tree(objects)
		}},
		{"wide arrays", func(testing.TB) []byte {
			row := "[" + strings.Repeat("1 0 R ", 30_000) + "]"
			return tree(map[int]string{1: catalog, 2: row, 3: row, 6: "<< /A 2 0 R /B 3 0 R >>", 8: "<< /Fields [] /X 2 0 R >>"})
		}},
		{"structure tree in a circle", func(testing.TB) []byte {
			objects := tagged()
			objects[33] = `<< /Type /StructElem /S /P /P 31 0 R /K [31 0 R 33 0 R] >>`
			return tree(objects)
		}},
		{"objects packed a thousandfold", func(t testing.TB) []byte {
			inside := map[int]string{1: catalog, 2: "<< >>", 6: "<< >>", 8: "<< /Fields [] >>"}
			for i := range 60 {
				inside[400+i] = "(" + strings.Repeat(" ", 100_000) + ")"
			}
			return packedUpdate{inside: inside, number: 310}.append(t, []byte("%PDF-1.7\n"))
		}},
		{"many packed streams", func(t testing.TB) []byte {
			file := tree(map[int]string{1: catalog, 2: "<< >>", 6: "<< >>", 8: "<< /Fields [] >>"})
			for i := range 6 {
				inside := map[int]string{}
				for j := range 4 {
					inside[1000+10*i+j] = "(" + strings.Repeat(" ", 900_000) + ")"
				}
				file = packedUpdate{inside: inside, objects: map[int]string{2: fmt.Sprintf("<< /A %d 0 R >>", 1000+10*i)}, number: 310 + 2*i, previous: startxref(t, file)}.append(t, file)
			}
			return file
		}},
	}
}

// A signature over such a file, and a revision behind it, take neither long nor much
// memory: below two seconds of processor time, and ten times the size of the file besides what a small
// one takes.
func TestBombs(t *testing.T) {
	a := authority(t, pki.P256)
	v := validator(t, a)
	for _, b := range bombs() {
		t.Run(b.name, func(t *testing.T) {
			file := signAnything(t, b.file(t), person(t, a, pki.P256))
			file = update(t, file, map[int]string{390: "(later)"})
			var report pdfsig.Report
			var grown uint64
			checkBudget(t, func() { grown = peakDuring(func() { report = verify(t, file, v) }) })
			if len(report.Signatures) == 0 {
				t.Errorf("%+v", report)
			}
			if limit := uint64(10*len(file) + 40<<20); grown > limit {
				t.Errorf("the heap grew by %d KiB for %d KiB", grown>>10, len(file)>>10)
			}
		})
	}
}

// signAnything puts a signature field in place of the form.
func signAnything(t testing.TB, file []byte, by pki.Identity) []byte {
	t.Helper()
	form := "<< /Fields [21 0 R] >>"
	if at := bytes.LastIndex(file, []byte("\n8 0 obj\n")); at >= 0 {
		form = strings.Replace(object(t, file, 8), "/Fields [", "/Fields [21 0 R ", 1)
	}
	return handSigned(t, file, by, map[int]string{8: form, 20: emptySignature, 21: "<< /FT /Sig /T (leader) /V 20 0 R >>"})
}

// Many revisions, each of which must be compared with the one before.
func TestManyRevisions(t *testing.T) {
	a := authority(t, pki.P256)
	file := sheetSigned(t, a, terms{})
	for range 60 {
		file = update(t, file, map[int]string{6: object(t, file, 6)})
	}
	checkBudget(t, func() { expectPassed(t, verify(t, file, validator(t, a)), 1) })
	for range 256 {
		file = update(t, file, map[int]string{6: object(t, file, 6)})
	}
	expectFailed(t, verify(t, file, validator(t, a)), verdict.FormatFailure, "too long")
}

// Many signatures are verified in one pass.
func TestManySignatures(t *testing.T) {
	a := authority(t, pki.P256)
	id := agency(t, a, pki.P256)
	file := signTarget(t, a)
	for i := range 30 {
		number := 400 + 2*i
		file = handSigned(t, file, id, map[int]string{
			8:          strings.Replace(object(t, file, 8), "]", fmt.Sprintf(" %d 0 R]", number+1), 1),
			number:     emptySignature,
			number + 1: fmt.Sprintf("<< /FT /Sig /T (s%d) /V %d 0 R >>", i, number),
		})
	}
	checkBudget(t, func() { expectPassed(t, verify(t, file, validator(t, a)), 31) })
}
