package pdfsig_test

import (
	"crypto"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/signing/pki"
	"github.com/lienthong/lienthong/signing/trust"
	"github.com/lienthong/lienthong/signing/verdict"
)

// directRoots is a hybrid file whose two views name catalogs that are no references.
func directRoots() []byte {
	file := "%PDF-1.7\n"
	catalog := len(file)
	file += "1 0 obj\n<< /Type /Catalog >>\nendobj\n"
	hidden := len(file)
	file += "5 0 obj\n<< /Type /XRef /Size 6 /W [1 2 1] /Index [0 1] /Root << >> /Length 4 >>\nstream\n\x00\x00\x00\x00\nendstream\nendobj\n"
	table := len(file)
	return []byte(file + fmt.Sprintf("xref\n0 2\n0000000000 65535 f \n%010d 00000 n \ntrailer\n<< /Size 6 /Root << >> /XRefStm %d >>\nstartxref\n%d\n%%%%EOF\n",
		catalog, hidden, table))
}

func TestDirectRootsOfHybridFile(t *testing.T) {
	report := verify(t, directRoots(), trust.NewValidator(nil))
	if len(report.Signatures) != 0 || len(report.Findings) != 1 {
		t.Errorf("%+v", report)
	}
	signed := append(directRoots()[:9], append([]byte("% /ByteRange [0 1 2 3]\n"), directRoots()[9:]...)...)
	expectFailed(t, verify(t, signed, trust.NewValidator(nil)), verdict.FormatFailure, "cannot be read strictly")
}

// An error of the program is no verdict on the file, and must not end the process.
func TestPanicIsUndecided(t *testing.T) {
	a := authority(t, pki.P256)
	fails := func([]byte, func(crypto.Hash) []byte, verdict.Material, time.Time) verdict.Stamp {
		panic("index out of range")
	}
	file := newStamper(t, a).stamped(signTarget(t, a), 200, "/Rect [0 0 0 0]")
	expectProblem(t, verifyStamped(t, file, validator(t, a), fails), verdict.Indeterminate, verdict.FormatFailure)
}

// encryptedTrailer is what the newest trailer says of an encrypted target.
const encryptedTrailer = "/Root 1 0 R /Info 6 0 R /Encrypt << /Filter /Standard /V 1 /R 2 /O (x) /U (y) /P -4 >>"

// What a file shows once it is encrypted, or no more, cannot be told: a revision that
// makes it so is a change, and must not switch off the comparison of what else it does.
func TestEncryptionComesLater(t *testing.T) {
	a := authority(t, pki.P256)
	v := validator(t, a)
	id := person(t, a, pki.P256)
	evil := map[int]string{4: object(t, target(), 7)}
	file := signTarget(t, a)
	encrypts := verify(t, update(t, file, evil, encryptedTrailer), v)
	expectProblem(t, encrypts, verdict.Failed, verdict.FormatFailure)
	unreadable := map[int]string{8: "<< /Fields [7 0 R (x)] >>"}
	expectFailed(t, verify(t, update(t, file, unreadable, encryptedTrailer), v), verdict.FormatFailure, "encrypts the file")
	stamped := newStamper(t, a).stamped(file, 200, "/Rect [0 0 0 0]")
	if report := verify(t, update(t, stamped, evil, encryptedTrailer), v); len(report.Signatures) != 2 ||
		report.Signatures[0].Indication() != verdict.Failed || report.Signatures[1].Indication() != verdict.Failed {
		t.Errorf("%+v", report)
	}
	// What was encrypted when it was signed stays undecided.
	encrypted := handSignedTrailer(t, target(), id, leaderSignature("adbe.pkcs7.detached"), encryptedTrailer)
	expectProblem(t, verify(t, encrypted, v), verdict.Indeterminate, verdict.FormatFailure)
	expectProblem(t, verify(t, update(t, encrypted, nil, encryptedTrailer), v), verdict.Indeterminate, verdict.FormatFailure)
	expectFailed(t, verify(t, update(t, encrypted, evil), v), verdict.FormatFailure, "is encrypted")
}

// taggedSigned is a document with a structure tree, signed by the leader.
func taggedSigned(t testing.TB, a *pki.Authority, objects map[int]string) []byte {
	t.Helper()
	return handSigned(t, rawPDF(objects, "/Root 1 0 R /Info 6 0 R"), person(t, a, pki.P256), map[int]string{
		3:  replace(t, objects[3], "23 0 R]", "23 0 R 21 0 R]"),
		8:  replace(t, objects[8], "18 0 R 23 0 R]", "18 0 R 23 0 R 21 0 R]"),
		20: emptySignature,
		21: `<< /Type /Annot /Subtype /Widget /FT /Sig /T (leader) /V 20 0 R /Rect [0 0 0 0] /P 3 0 R >>`,
	})
}

// deepTags are elements of a structure tree, one below the other.
func deepTags(parent int) map[int]string {
	objects := map[int]string{}
	for number := 400; number < 900; number++ {
		objects[number] = fmt.Sprintf("<< /Type /StructElem /S /Div /P %d 0 R /K [%d 0 R] >>", parent, number+1)
		parent = number
	}
	objects[900] = fmt.Sprintf("<< /Type /StructElem /S /Div /P %d 0 R >>", parent)
	return objects
}

// What a revision may add must not be so much that the next one is not looked at.
func TestAdditionsAboveTheBounds(t *testing.T) {
	a := authority(t, pki.P256)
	v := validator(t, a)
	evil := define(map[int]string{4: stream("", "BT /F1 12 Tf 72 700 Td (Pay 999) Tj ET")})
	const added = "what cannot be compared"
	deep := all(put(31, "[33 0 R]", "[33 0 R 400 0 R]"), define(deepTags(31)))
	file := taggedSigned(t, a, tagged())
	expectPassed(t, verify(t, revise(t, a, file, deep), v), 1)
	expectBroken(t, verify(t, revise(t, a, file, define(nil), deep, evil), v).Signatures[0].Problem, added)
	// The tree as deep as that was signed: nobody can say.
	objects := tagged()
	objects[31] = replace(t, objects[31], "[33 0 R]", "[33 0 R 400 0 R]")
	for number, text := range deepTags(31) {
		objects[number] = text
	}
	expectProblem(t, verify(t, revise(t, a, taggedSigned(t, a, objects), define(nil), evil), v), verdict.Indeterminate, verdict.FormatFailure)

	many := func(from, count int) string {
		var list strings.Builder
		for number := from; number < from+count; number++ {
			fmt.Fprintf(&list, "%d 0 R ", number)
		}
		return "[" + list.String() + "]"
	}
	fonts := all(put(8, "/Font << /F1 5 0 R", "/Font << /F1 5 0 R /X1 60 0 R /X2 61 0 R /X3 62 0 R"), define(map[int]string{
		60: many(1_000_000, 140_000), 61: many(1_200_000, 140_000), 62: many(1_400_000, 140_000)}))
	sheet := sheetSigned(t, a, terms{})
	expectBroken(t, verify(t, revise(t, a, sheet, fonts, evil), v).Signatures[0].Problem, added)

	store := func(count int) edit {
		return all(put(1, "/AcroForm 8 0 R", "/AcroForm 8 0 R /DSS << /CRLs 60 0 R >>"), define(map[int]string{60: many(1_000_000, count)}))
	}
	expectBroken(t, verify(t, revise(t, a, sheet, store(10_001)), v).Signatures[0].Problem, "more than 10000 entries")
	expectPassed(t, verify(t, revise(t, a, sheet, store(10_000)), v), 1)
}

// An object that cannot be read strictly and was signed as it is leaves what follows in
// doubt, unless a change is seen all the same; one that came later is a change.
func TestUnreadableObjects(t *testing.T) {
	a := authority(t, pki.P256)
	v := validator(t, a)
	broken := "<< /Length 5 >>\nstream\nBT (a long text) Tj ET\nendstream"
	sign := func(objects map[int]string) []byte { return taggedSigned(t, a, objects) }
	objects := sheet()
	objects[3] = replace(t, objects[3], "/Contents 4 0 R", "/Contents [4 0 R 70 0 R]")
	objects[70] = broken
	file := sign(objects)
	expectPassed(t, verify(t, file, v), 1)
	producer := define(map[int]string{6: "<< /Producer (B) >>"})
	evil := define(map[int]string{4: stream("", "BT (Pay 999) Tj ET")})
	const doubt, failed = verdict.Indeterminate, verdict.Failed
	expectProblem(t, verify(t, revise(t, a, file, producer), v), doubt, verdict.FormatFailure)
	expectProblem(t, verify(t, revise(t, a, file, producer, fillNote), v), doubt, verdict.FormatFailure)
	expectProblem(t, verify(t, revise(t, a, file, evil), v), failed, verdict.FormatFailure)
	expectProblem(t, verify(t, revise(t, a, file, producer, evil), v), failed, verdict.FormatFailure)
	expectProblem(t, verify(t, revise(t, a, file, changeValue), v), failed, verdict.FormatFailure)

	// One that nothing referred to when it was signed is found by what a later revision adds.
	objects = sheet()
	objects[70] = broken
	aside := put(8, "/Font << /F1 5 0 R", "/Font << /F1 5 0 R /X1 70 0 R")
	expectPassed(t, verify(t, revise(t, a, sign(objects), aside), v), 1)
	expectProblem(t, verify(t, revise(t, a, sign(objects), aside, producer), v), failed, verdict.FormatFailure)
	expectProblem(t, verify(t, revise(t, a, sign(objects), all(put(8, "/Font << /F1 5 0 R", "/Font << /F1 5 0 R /X1 71 0 R"), define(map[int]string{71: broken}))), v),
		failed, verdict.FormatFailure)
}
