package pdfsig_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/lienthong/lienthong/signing/pki"
	"github.com/lienthong/lienthong/signing/trust"
	"github.com/lienthong/lienthong/signing/verdict"
)

// target is a PDF made by hand with every structure that the attacks aim at. Its
// object numbers are fixed:
//
//	1 catalog, 2 pages, 3 page, 4 contents, 5 font, 6 information, 7 other contents
//	that nothing shows, 8 form, 9 text field, 10 empty signature field, 11 list of
//	annotations, 12 metadata, 14 array that is both contents and certificates
func target() []byte {
	return rawPDF(map[int]string{
		1:  `<< /Type /Catalog /Pages 2 0 R /AcroForm 8 0 R /Metadata 12 0 R /DSS << /Certs 14 0 R >> >>`,
		2:  `<< /Type /Pages /Kids [3 0 R] /Count 1 /MediaBox [0 0 595 842] >>`,
		3:  `<< /Type /Page /Parent 2 0 R /Contents 14 0 R /Resources << /Font << /F1 5 0 R >> /XObject << /X1 99 0 R >> >> /Annots 11 0 R >>`,
		4:  stream("", "BT /F1 12 Tf 72 700 Td (Pay 100) Tj ET"),
		5:  `<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>`,
		6:  `<< /Title (Decision) /Producer (A) /ModDate (D:20260101000000Z) >>`,
		7:  stream("", "BT /F1 12 Tf 72 700 Td (Pay 999) Tj ET"),
		8:  `<< /Fields [9 0 R 10 0 R] >>`,
		9:  `<< /Type /Annot /Subtype /Widget /FT /Tx /T (amount) /V (100) /Rect [10 10 50 30] /P 3 0 R >>`,
		10: `<< /Type /Annot /Subtype /Widget /FT /Sig /T (prepared) /Rect [100 10 200 60] /P 3 0 R >>`,
		11: `[9 0 R 10 0 R]`,
		12: stream("/Type /Metadata /Subtype /XML", "<x/>"),
		14: `[4 0 R]`,
	}, "/Root 1 0 R /Info 6 0 R")
}

func stream(keys, content string) string {
	return fmt.Sprintf("<< %s /Length %d >>\nstream\n%s\nendstream", keys, len(content), content)
}

// rawPDF writes objects with a cross-reference table.
func rawPDF(objects map[int]string, trailer string) []byte {
	return appendObjects([]byte("%PDF-1.7\n"), objects, trailer, 0)
}

// appendObjects writes one revision. The numbers may have gaps.
func appendObjects(file []byte, objects map[int]string, trailer string, previous int64) []byte {
	var numbers []int
	for number := range objects {
		numbers = append(numbers, number)
	}
	slices.Sort(numbers)
	out := bytes.NewBuffer(bytes.Clone(file))
	var table strings.Builder
	if previous == 0 {
		table.WriteString("0 1\n0000000000 65535 f\r\n")
	}
	for _, number := range numbers {
		fmt.Fprintf(&table, "%d 1\n%010d 00000 n\r\n", number, out.Len())
		fmt.Fprintf(out, "%d 0 obj\n%s\nendobj\n", number, objects[number])
	}
	start := out.Len()
	fmt.Fprintf(out, "xref\n%strailer\n<< /Size 200 %s", table.String(), trailer)
	if previous > 0 {
		fmt.Fprintf(out, " /Prev %d", previous)
	}
	fmt.Fprintf(out, " >>\nstartxref\n%d\n%%%%EOF\n", start)
	return out.Bytes()
}

// update appends a revision to a file, with the catalog and information that are
// in force unless the trailer says something else.
func update(t testing.TB, file []byte, objects map[int]string, trailer ...string) []byte {
	t.Helper()
	entries := last(t, file, `/Root \d+ 0 R`) + " " + last(t, file, `/Info \d+ 0 R`)
	if len(trailer) > 0 {
		entries = trailer[0]
	}
	previous, err := strconv.ParseInt(strings.Fields(last(t, file, `startxref\s+\d+`))[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return appendObjects(file, objects, entries, previous)
}

func last(t testing.TB, file []byte, pattern string) string {
	t.Helper()
	all := regexp.MustCompile(pattern).FindAll(file, -1)
	if len(all) == 0 {
		t.Fatalf("the file has no %s", pattern)
	}
	return string(all[len(all)-1])
}

// object returns the newest text of an object.
func object(t testing.TB, file []byte, number int) string {
	t.Helper()
	text := last(t, file, fmt.Sprintf(`(?s)\n%d 0 obj\n.*?\nendobj`, number))
	text = strings.TrimPrefix(text, fmt.Sprintf("\n%d 0 obj\n", number))
	return strings.TrimSuffix(text, "\nendobj")
}

// replace changes the only place where old stands.
func replace(t testing.TB, text, old, other string) string {
	t.Helper()
	if strings.Count(text, old) != 1 {
		t.Fatalf("%q stands %d times in %.300s", old, strings.Count(text, old), text)
	}
	return strings.Replace(text, old, other, 1)
}

// inPlace changes bytes of a file without changing their number.
func inPlace(t testing.TB, file []byte, old, other string) []byte {
	t.Helper()
	if len(old) != len(other) || bytes.Count(file, []byte(old)) != 1 {
		t.Fatalf("cannot put %q in the place of %q, which stands %d times", other, old, bytes.Count(file, []byte(old)))
	}
	return bytes.Replace(file, []byte(old), []byte(other), 1)
}

// value returns the hexadecimal token of the newest signature.
func value(t testing.TB, file []byte) string {
	return strings.TrimPrefix(last(t, file, `/Contents<[0-9a-f]+>`), "/Contents")
}

// signTarget signs the target by hand: the library keeps only signature fields in
// the form.
func signTarget(t testing.TB, a *pki.Authority) []byte {
	t.Helper()
	id := person(t, a, pki.P256)
	return handSigned(t, target(), id, leaderSignature("adbe.pkcs7.detached"))
}

func TestTargetPasses(t *testing.T) {
	a := authority(t, pki.P256)
	file := signTarget(t, a)
	expectPassed(t, verify(t, file, validator(t, a)), 1)
	if out, err := tool(t, "pdfsig", "-nocert", write(t, file)); err != nil || !strings.Contains(out, "Signature is Valid") {
		t.Errorf("poppler: %v\n%s", err, out)
	}
}

// attack changes a signed file; every one must be TOTAL-FAILED.
type attack struct {
	name   string
	sub    verdict.Sub
	reason string
	change func(t *testing.T, file []byte) []byte
}

const changed = "the file was changed after this signature"

func attacks() []attack {
	return slices.Concat(forgeries(), savings(), wrappings(), shadows(), spoofs(), additions())
}

func TestAttacksFail(t *testing.T) {
	a := authority(t, pki.P256)
	v := validator(t, a)
	good := signTarget(t, a)
	expectPassed(t, verify(t, good, v), 1)
	for _, attack := range attacks() {
		t.Run(attack.name, func(t *testing.T) {
			file := attack.change(t, good)
			if bytes.Equal(file, good) {
				t.Fatal("the attack changes nothing")
			}
			expectFailed(t, verify(t, file, v), attack.sub, attack.reason)
		})
	}
}

// forgeries: universal signature forgery, where the value or its range is missing.
func forgeries() []attack {
	byteRange := func(t *testing.T, file []byte) string { return last(t, file, `/ByteRange \[[^\]]*\]`) }
	padded := func(old, other string) string { return other + strings.Repeat(" ", len(old)-len(other)) }
	simple := func(name, other string) attack {
		return attack{"USF byte range " + name, verdict.FormatFailure, "", func(t *testing.T, file []byte) []byte {
			old := byteRange(t, file)
			return inPlace(t, file, old, padded(old, other))
		}}
	}
	contents := func(name, reason string, other func(old string) string) attack {
		return attack{"USF contents " + name, verdict.FormatFailure, reason, func(t *testing.T, file []byte) []byte {
			old := "/Contents" + value(t, file)
			return inPlace(t, file, old, padded(old, other(old)))
		}}
	}
	return []attack{
		simple("missing", ""), simple("null", "/ByteRange null"), simple("empty", "/ByteRange []"),
		simple("of zeros", "/ByteRange [0 0 0 0]"), simple("negative", "/ByteRange [0 -1 10 10]"),
		simple("of one part", "/ByteRange [0 100]"), simple("of names", "/ByteRange [/a /b /c /d]"),
		simple("too large", "/ByteRange [0 9 99999999999999 9]"),
		contents("missing", "no value", func(string) string { return "" }),
		contents("null", "no value", func(string) string { return "/Contents null" }),
		contents("empty", "leaves out more", func(string) string { return "/Contents<>" }),
		contents("zero byte", "leaves out more", func(string) string { return "/Contents<00>" }),
		contents("as text", "no value in hexadecimal", func(string) string { return "/Contents(abc)" }),
		contents("zeros", "has no value", func(old string) string {
			return "/Contents<" + strings.Repeat("0", len(old)-len("/Contents<>")) + ">"
		}),
		contents("garbage", "malformed", func(old string) string {
			return "/Contents<" + strings.Repeat("5", len(old)-len("/Contents<>")) + ">"
		}),
		contents("with white space", "odd digit or white space", func(old string) string {
			return old[:len(old)-3] + "  >"
		}),
	}
}

// savings: incremental saving attacks.
func savings() []attack {
	other := func(t *testing.T, file []byte) map[int]string { return map[int]string{4: object(t, file, 7)} }
	tail := func(name, text string) attack {
		return attack{"ISA tail " + name, verdict.FormatFailure, "cannot be read strictly",
			func(_ *testing.T, file []byte) []byte { return append(bytes.Clone(file), text...) }}
	}
	return []attack{
		tail("object without table", "4 0 obj\n<<>>\nendobj\n"),
		tail("object and end mark", "4 0 obj\n<<>>\nendobj\n%%EOF\n"),
		tail("object and trailer", "4 0 obj\n<<>>\nendobj\ntrailer\n<< /Root 1 0 R >>\nstartxref\n0\n%%EOF\n"),
		tail("comment", "% note\n"), tail("zip", "PK\x05\x06"+strings.Repeat("\x00", 18)), tail("blanks", strings.Repeat("\n", 20)),
		{"ISA contents replaced", verdict.FormatFailure, changed, func(t *testing.T, file []byte) []byte {
			return update(t, file, other(t, file))
		}},
		{"ISA table without trailer", verdict.FormatFailure, "cannot be read strictly", func(t *testing.T, file []byte) []byte {
			return bytes.Replace(update(t, file, other(t, file)), []byte("trailer\n<< /Size 200 /Root 1 0 R /Info 6 0 R /Prev"), []byte("<< /Prev"), 1)
		}},
		{"ISA bytes between objects", verdict.FormatFailure, "belong to no object", func(t *testing.T, file []byte) []byte {
			good := update(t, file, map[int]string{6: object(t, file, 6)})
			at := len(file)
			bad := slices.Concat(good[:at], []byte("4 0 obj <<>> endobj\n"), good[at:])
			return moveTable(t, bad, at, 20)
		}},
		{"ISA page added", verdict.FormatFailure, changed, func(t *testing.T, file []byte) []byte {
			return update(t, file, map[int]string{2: `<< /Type /Pages /Kids [3 0 R 50 0 R] /Count 2 >>`, 50: `<< /Type /Page /Parent 2 0 R /Contents 7 0 R >>`})
		}},
		{"ISA page box", verdict.FormatFailure, changed, func(t *testing.T, file []byte) []byte {
			return update(t, file, map[int]string{3: replace(t, object(t, file, 3), "/Type /Page", "/Type /Page /CropBox [0 0 9 9]")})
		}},
		{"ISA annotations dropped", verdict.FormatFailure, changed, func(t *testing.T, file []byte) []byte {
			return update(t, file, map[int]string{11: `[]`})
		}},
		{"ISA font replaced", verdict.FormatFailure, changed, func(t *testing.T, file []byte) []byte {
			return update(t, file, map[int]string{5: replace(t, object(t, file, 5), "Helvetica", "Symbol")})
		}},
		{"ISA object deleted", verdict.FormatFailure, "/FT of the field", func(t *testing.T, file []byte) []byte {
			good := update(t, file, map[int]string{9: "null"})
			return freeEntry(t, good, 9)
		}},
	}
}

// moveTable adds to the offsets of the last revision what was put in at a place.
func moveTable(t testing.TB, file []byte, at, by int) []byte {
	t.Helper()
	head, tail := file[:at], string(file[at:])
	tail = regexp.MustCompile(`\d{10} 00000 n`).ReplaceAllStringFunc(tail, func(entry string) string {
		offset, err := strconv.Atoi(entry[:10])
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("%010d 00000 n", offset+by)
	})
	start, err := strconv.Atoi(strings.Fields(last(t, []byte(tail), `startxref\s+\d+`))[1])
	if err != nil {
		t.Fatal(err)
	}
	tail = strings.Replace(tail, fmt.Sprintf("startxref\n%d", start), fmt.Sprintf("startxref\n%d", start+by), 1)
	return append(bytes.Clone(head), tail...)
}

// freeEntry marks an object of the last revision as free and takes its bytes out.
func freeEntry(t testing.TB, file []byte, number int) []byte {
	t.Helper()
	text := fmt.Sprintf("%d 0 obj\nnull\nendobj\n", number)
	at := bytes.LastIndex(file, []byte(text))
	out := slices.Concat(file[:at], file[at+len(text):])
	out = moveTable(t, out, at, -len(text))
	entry := last(t, out, fmt.Sprintf(`\n%d 1\n\d{10} 00000 n`, number))
	return bytes.Replace(out, []byte(entry), fmt.Appendf(nil, "\n%d 1\n0000000000 00001 f", number), 1)
}

// wrappings: the range is moved or widened so that bytes are covered by nothing.
func wrappings() []attack {
	return []attack{
		{"SWA wider gap", verdict.FormatFailure, "leaves out more", func(t *testing.T, file []byte) []byte {
			old := last(t, file, `/ByteRange \[[^\]]*\]`)
			var n [4]int64
			if _, err := fmt.Sscanf(old, "/ByteRange [%d %d %d %d", &n[0], &n[1], &n[2], &n[3]); err != nil {
				t.Fatal(err)
			}
			return inPlace(t, file, old, fmt.Sprintf("/ByteRange [0 %-10d %-10d %-10d]", n[1], n[2]+4, n[3]-4))
		}},
		{"SWA second part moved to the end", verdict.FormatFailure, "", func(t *testing.T, file []byte) []byte {
			at := bytes.LastIndex(file, []byte(value(t, file))) + len(value(t, file))
			return slices.Concat(file[:at], []byte("\n4 0 obj\n<< /Evil true >>\nendobj\n"), file[at:])
		}},
		{"SWA shorter second part", verdict.FormatFailure, "end of the revision", func(t *testing.T, file []byte) []byte {
			old := last(t, file, `/ByteRange \[[^\]]*\]`)
			var n [4]int64
			if _, err := fmt.Sscanf(old, "/ByteRange [%d %d %d %d", &n[0], &n[1], &n[2], &n[3]); err != nil {
				t.Fatal(err)
			}
			return inPlace(t, file, old, fmt.Sprintf("/ByteRange [0 %-10d %-10d %-10d]", n[1], n[2], n[3]-60))
		}},
		{"SWA second contents", verdict.FormatFailure, "twice", func(t *testing.T, file []byte) []byte {
			return inPlace(t, file, "/SubFilter /adbe.pkcs7.detached", "/Contents<00> /S /a.pkcs7.detac")
		}},
	}
}

// shadows: objects planted before signing are brought to light behind it.
func shadows() []attack {
	return []attack{
		{"shadow: table points to planted object", verdict.FormatFailure, "lies outside", func(t *testing.T, file []byte) []byte {
			planted := bytes.Index(file, []byte("\n7 0 obj")) + 1
			out := update(t, file, map[int]string{6: object(t, file, 6)})
			return bytes.Replace(out, []byte(last(t, out, `\n6 1\n\d{10} 00000 n`)), fmt.Appendf(nil, "\n4 1\n%010d 00000 n", planted), 1)
		}},
		{"shadow: missing object is defined", verdict.FormatFailure, "to light", func(t *testing.T, file []byte) []byte {
			return update(t, file, map[int]string{99: stream("/Type /XObject /Subtype /Form /BBox [0 0 9 9]", "0 0 9 9 re f")})
		}},
		{"shadow: contents switched", verdict.FormatFailure, changed, func(t *testing.T, file []byte) []byte {
			return update(t, file, map[int]string{14: `[7 0 R]`})
		}},
		{"shadow: list of two uses grows", verdict.FormatFailure, "something else too", func(t *testing.T, file []byte) []byte {
			return update(t, file, map[int]string{14: `[4 0 R 60 0 R]`, 60: stream("", "0 0 595 842 re f")})
		}},
		{"shadow: catalog is another old object", verdict.FormatFailure, "", func(t *testing.T, file []byte) []byte {
			return update(t, file, map[int]string{6: object(t, file, 6)}, "/Root 3 0 R /Info 6 0 R")
		}},
		{"shadow: hybrid table", verdict.FormatFailure, "cannot be read strictly", func(t *testing.T, file []byte) []byte {
			return update(t, file, map[int]string{6: object(t, file, 6)}, "/Root 1 0 R /Info 6 0 R /XRefStm 15")
		}},
		{"shadow: page as information", verdict.FormatFailure, changed, func(t *testing.T, file []byte) []byte {
			return update(t, file, map[int]string{3: `<< /Producer (x) >>`}, "/Root 1 0 R /Info 3 0 R")
		}},
	}
}

// spoofs: what the signature says of itself is changed.
func spoofs() []attack {
	signature := func(t *testing.T, file []byte) string { return object(t, file, 20) }
	return []attack{
		{"spoof: reason added", verdict.FormatFailure, "", func(t *testing.T, file []byte) []byte {
			return update(t, file, map[int]string{20: replace(t, signature(t, file), "/Type /Sig", "/Type /Sig /Reason (Approved)")})
		}},
		{"spoof: field refers to a copy", verdict.FormatFailure, "", func(t *testing.T, file []byte) []byte {
			return update(t, file, map[int]string{70: signature(t, file), 21: replace(t, object(t, file, 21), "/V 20 0 R", "/V 70 0 R")})
		}},
		{"spoof: field removed from the form", verdict.FormatFailure, "no field of its form reaches", func(t *testing.T, file []byte) []byte {
			return update(t, file, map[int]string{8: `<< /Fields [9 0 R 10 0 R] >>`})
		}},
		{"spoof: form removed", verdict.FormatFailure, "no field of its form reaches", func(t *testing.T, file []byte) []byte {
			return update(t, file, map[int]string{1: replace(t, object(t, file, 1), "/AcroForm 8 0 R", "")})
		}},
		{"spoof: signed revision skipped", verdict.FormatFailure, "no field of its form reaches", func(t *testing.T, file []byte) []byte {
			first := strings.Fields(last(t, target(), `startxref\s+\d+`))[1]
			out := update(t, file, map[int]string{6: object(t, file, 6)})
			previous := last(t, out, `/Prev \d+`)
			at := bytes.LastIndex(out, []byte(previous))
			return slices.Concat(out[:at], fmt.Appendf(nil, "/Prev %-*s", len(previous)-len("/Prev "), first), out[at+len(previous):])
		}},
		{"spoof: field moved", verdict.FormatFailure, changed, func(t *testing.T, file []byte) []byte {
			return update(t, file, map[int]string{21: replace(t, object(t, file, 21), "[0 0 0 0]", "[0 0 500 500]")})
		}},
		{"spoof: appearance added to the signed field", verdict.FormatFailure, "which was signed", func(t *testing.T, file []byte) []byte {
			return update(t, file, map[int]string{
				21: replace(t, object(t, file, 21), "/P 3 0 R", "/P 3 0 R /AP << /N 71 0 R >>"),
				71: stream("/Type /XObject /Subtype /Form /BBox [0 0 9 9]", "0 0 9 9 re f")})
		}},
		{"spoof: second field with the same name", verdict.FormatFailure, "share a name", func(t *testing.T, file []byte) []byte {
			return update(t, file, map[int]string{8: `<< /Fields [9 0 R 10 0 R 21 0 R 72 0 R] /SigFlags 3 >>`,
				72: replace(t, object(t, file, 21), "/V 20 0 R", "")})
		}},
		{"spoof: second field with the same signature", verdict.FormatFailure, "share a name or a signature", func(t *testing.T, file []byte) []byte {
			return update(t, file, map[int]string{8: `<< /Fields [9 0 R 10 0 R 21 0 R 72 0 R] /SigFlags 3 >>`,
				72: replace(t, object(t, file, 21), "(leader)", "(other)")})
		}},
	}
}

// additions: what a later revision may not bring.
func additions() []attack {
	annotation := func(kind string) attack {
		return attack{"added annotation " + kind, verdict.FormatFailure, changed, func(t *testing.T, file []byte) []byte {
			return update(t, file, map[int]string{11: `[9 0 R 10 0 R 21 0 R 80 0 R]`,
				80: fmt.Sprintf(`<< /Type /Annot /Subtype /%s /Rect [0 0 595 842] /Contents (x) >>`, kind)})
		}}
	}
	catalog := func(name, entry string) attack {
		return attack{"added to the catalog: " + name, verdict.FormatFailure, changed, func(t *testing.T, file []byte) []byte {
			return update(t, file, map[int]string{1: replace(t, object(t, file, 1), "/Type /Catalog", "/Type /Catalog "+entry)})
		}}
	}
	field := func(name, text string) attack {
		return attack{"added field " + name, verdict.FormatFailure, changed, func(t *testing.T, file []byte) []byte {
			return update(t, file, map[int]string{8: `<< /Fields [9 0 R 10 0 R 21 0 R 81 0 R] /SigFlags 3 >>`,
				11: `[9 0 R 10 0 R 21 0 R 81 0 R]`, 81: text})
		}}
	}
	return []attack{
		annotation("FreeText"), annotation("Stamp"), annotation("Redact"), annotation("Widget"),
		catalog("script", "/OpenAction << /S /JavaScript /JS (x) >>"), catalog("names", "/Names << >>"),
		catalog("layers", "/OCProperties << >>"), catalog("permissions", "/Perms << >>"),
		catalog("unknown store entry", "/Lang (vi)"),
		field("text", `<< /Type /Annot /Subtype /Widget /FT /Tx /T (new) /Rect [0 0 500 500] >>`),
		field("signature without value", `<< /Type /Annot /Subtype /Widget /FT /Sig /T (new) /Rect [0 0 500 500] >>`),
		field("signature of nothing", `<< /Type /Annot /Subtype /Widget /FT /Sig /T (new) /Rect [0 0 500 500] /V << >> >>`),
		{"text field filled", verdict.FormatFailure, changed, func(t *testing.T, file []byte) []byte {
			return update(t, file, map[int]string{9: replace(t, object(t, file, 9), "(100)", "(999)")})
		}},
		{"title changed", verdict.FormatFailure, "/Title", func(t *testing.T, file []byte) []byte {
			return update(t, file, map[int]string{6: replace(t, object(t, file, 6), "Decision", "Other")})
		}},
		{"form asks for new appearances", verdict.FormatFailure, changed, func(t *testing.T, file []byte) []byte {
			return update(t, file, map[int]string{8: replace(t, object(t, file, 8), "/SigFlags 3", "/SigFlags 3 /NeedAppearances true")})
		}},
		{"file encrypted later", verdict.FormatFailure, "", func(t *testing.T, file []byte) []byte {
			return append(update(t, file, map[int]string{6: object(t, file, 6)}, "/Root 1 0 R /Info 6 0 R /Encrypt << >>"), 'x')
		}},
	}
}

// What may follow a signature.
func TestAllowedRevisions(t *testing.T) {
	a := authority(t, pki.P256)
	v := validator(t, a)
	good := signTarget(t, a)
	cases := map[string]func(t *testing.T) []byte{
		"nothing but an empty revision": func(t *testing.T) []byte { return update(t, good, nil) },
		"objects written again": func(t *testing.T) []byte {
			return update(t, good, map[int]string{3: object(t, good, 3), 4: object(t, good, 4)})
		},
		"producer and time": func(t *testing.T) []byte {
			return update(t, good, map[int]string{6: `<< /Title (Decision) /Producer (B) /ModDate (D:20270101000000Z) >>`})
		},
		"metadata": func(t *testing.T) []byte {
			return update(t, good, map[int]string{12: stream("/Type /Metadata /Subtype /XML", "<y/>")})
		},
		"version and extensions": func(t *testing.T) []byte {
			return update(t, good, map[int]string{1: replace(t, object(t, good, 1), "/Type /Catalog",
				"/Type /Catalog /Version /2.0 /Extensions << /ESIC << /BaseVersion /1.7 /ExtensionLevel 5 >> >>")})
		},
		"validation data": func(t *testing.T) []byte {
			return update(t, good, map[int]string{1: replace(t, object(t, good, 1), "/Certs 14 0 R", "/Certs 14 0 R /CRLs [90 0 R] /VRI << /AB << /CRL [90 0 R] >> >>"),
				90: stream("", "der")})
		},
		"validation data, then more": func(t *testing.T) []byte {
			first := update(t, good, map[int]string{1: replace(t, object(t, good, 1), "/DSS << /Certs 14 0 R >>", "/DSS 91 0 R"),
				91: "<< /Certs 14 0 R /CRLs 92 0 R >>", 92: "[90 0 R]", 90: stream("", "der")})
			return update(t, first, map[int]string{92: "[90 0 R 93 0 R]", 93: stream("", "more")})
		},
		"page object in place of a reference": func(t *testing.T) []byte {
			return update(t, good, map[int]string{3: replace(t, object(t, good, 3), "/Annots 11 0 R", "/Annots [9 0 R 10 0 R 21 0 R]")})
		},
	}
	for name, change := range cases {
		t.Run(name, func(t *testing.T) { expectPassed(t, verify(t, change(t), v), 1) })
	}
}

// The agency seals into the field that was prepared for it.
func TestPreparedFieldIsSigned(t *testing.T) {
	a := authority(t, pki.P256)
	seal := agency(t, a, pki.RSA2048)
	objects := map[int]string{
		30: `<< /Type /Sig /Filter /Adobe.PPKLite /SubFilter /adbe.pkcs7.detached /ByteRange [0 ********** ********** **********] /Contents<0000> >>`,
		31: stream("/Type /XObject /Subtype /Form /BBox [0 0 100 50]", "0 0 100 50 re f"),
		10: `<< /Type /Annot /Subtype /Widget /FT /Sig /T (prepared) /Rect [100 10 200 60] /P 3 0 R /V 30 0 R /AP << /N 31 0 R >> >>`,
	}
	file := handSigned(t, signTarget(t, a), seal, objects)
	report := verify(t, file, validator(t, a))
	expectPassed(t, report, 2)
	if report.Signatures[1].Field != "prepared" {
		t.Errorf("fields %q and %q", report.Signatures[0].Field, report.Signatures[1].Field)
	}
	objects[10] = replace(t, objects[10], "[100 10 200 60]", "[0 0 595 842]")
	moved := verify(t, handSigned(t, signTarget(t, a), seal, objects), validator(t, a))
	expectFailed(t, moved, verdict.FormatFailure, `/Rect of the field "prepared"`)
}

// A signature of somebody else may be added, but not pages with it.
func TestSignedChangesAreChanges(t *testing.T) {
	a := authority(t, pki.P256)
	file := handSigned(t, signTarget(t, a), agency(t, a, pki.P256), map[int]string{
		30: `<< /Type /Sig /Filter /Adobe.PPKLite /SubFilter /adbe.pkcs7.detached /ByteRange [0 ********** ********** **********] /Contents<0000> >>`,
		10: `<< /Type /Annot /Subtype /Widget /FT /Sig /T (prepared) /Rect [100 10 200 60] /P 3 0 R /V 30 0 R >>`,
		4:  stream("", "BT /F1 12 Tf 72 700 Td (Pay 999) Tj ET"),
	})
	report := verify(t, file, validator(t, a))
	if len(report.Signatures) != 2 || report.Signatures[0].Indication() != verdict.Failed || report.Signatures[1].Indication() != verdict.Passed {
		t.Errorf("%+v", report.Signatures)
	}
}

// A certification that forbids changes is broken by a further signature.
func TestCertificationForbidsSignatures(t *testing.T) {
	a := authority(t, pki.P256)
	for permission, want := range map[int]verdict.Indication{1: verdict.Failed, 2: verdict.Passed} {
		first := handSigned(t, target(), person(t, a, pki.P256), map[int]string{
			20: fmt.Sprintf(`<< /Type /Sig /Filter /Adobe.PPKLite /SubFilter /adbe.pkcs7.detached /ByteRange [0 ********** ********** **********] /Contents<0000> `+
				`/Reference [<< /Type /SigRef /TransformMethod /DocMDP /TransformParams << /P %d /V /1.2 >> >>] >>`, permission),
			21: `<< /Type /Annot /Subtype /Widget /FT /Sig /T (leader) /V 20 0 R /Rect [0 0 0 0] /P 3 0 R >>`,
			8:  `<< /Fields [9 0 R 10 0 R 21 0 R] /SigFlags 3 >>`,
		})
		file := handSigned(t, first, agency(t, a, pki.P256), map[int]string{
			30: `<< /Type /Sig /Filter /Adobe.PPKLite /SubFilter /adbe.pkcs7.detached /ByteRange [0 ********** ********** **********] /Contents<0000> >>`,
			10: `<< /Type /Annot /Subtype /Widget /FT /Sig /T (prepared) /Rect [100 10 200 60] /P 3 0 R /V 30 0 R >>`,
		})
		if got := verify(t, file, validator(t, a)).Signatures[0]; got.Indication() != want {
			t.Errorf("P %d: %v", permission, got.Problem)
		}
	}
}

func TestEncryptedFileIsUndecided(t *testing.T) {
	file := bytes.Replace(target(), []byte("/Root 1 0 R"), []byte("/Encrypt << /Filter /Standard >> /Root 1 0 R"), 1)
	report := verify(t, file, trust.NewValidator(nil))
	if len(report.Signatures) != 0 || len(report.Findings) != 1 {
		t.Errorf("not signed: %+v", report)
	}
	a := authority(t, pki.P256)
	signedFile := update(t, signTarget(t, a), nil, "/Root 1 0 R /Info 6 0 R /Encrypt << /Filter /Standard >>")
	expectFailed(t, verify(t, signedFile, validator(t, a)), verdict.FormatFailure, "a later revision encrypts the file")
}

// leaderSignature are the objects of a signature of the given form.
func leaderSignature(form string) map[int]string {
	return map[int]string{
		20: `<< /Type /Sig /Filter /Adobe.PPKLite /SubFilter /` + form + ` /ByteRange [0 ********** ********** **********] /Contents<0000> >>`,
		21: `<< /Type /Annot /Subtype /Widget /FT /Sig /T (leader) /V 20 0 R /Rect [0 0 0 0] /P 3 0 R >>`,
		8:  `<< /Fields [9 0 R 10 0 R 21 0 R] /SigFlags 3 >>`,
		11: `[9 0 R 10 0 R 21 0 R]`,
	}
}

func TestBaselineSignature(t *testing.T) {
	a := authority(t, pki.P256)
	id := person(t, a, pki.P256)
	sign := func(form string, reference bool) verdict.Signature {
		file := handSignedWith(t, target(), leaderSignature(form), func(content []byte) []byte {
			sum := sha256.Sum256(content)
			return digestMessage(t, sum[:], id, reference)
		})
		report := verify(t, file, validator(t, a))
		if len(report.Signatures) != 1 {
			t.Fatalf("%+v", report)
		}
		return report.Signatures[0]
	}
	if s := sign("ETSI.CAdES.detached", true); s.Indication() != verdict.Passed || s.Level != "B-B" {
		t.Errorf("baseline: %v, level %s", s.Problem, s.Level)
	}
	if s := sign("ETSI.CAdES.detached", false); s.Problem == nil || s.Problem.Sub != verdict.SigConstraintsFailure || s.Problem.Indication != verdict.Indeterminate {
		t.Errorf("baseline without the reference: %v", s.Problem)
	}
	if s := sign("adbe.pkcs7.detached", false); s.Indication() != verdict.Passed || s.Level != "legacy" {
		t.Errorf("older form: %v, level %s", s.Problem, s.Level)
	}
	if s := sign("entrust.ppkef", true); s.Problem == nil || s.Problem.Indication != verdict.Indeterminate {
		t.Errorf("unsupported form: %v", s.Problem)
	}
}
