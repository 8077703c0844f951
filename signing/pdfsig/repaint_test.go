package pdfsig_test

import (
	"testing"

	"github.com/lienthong/lienthong/signing/pki"
)

// What could paint over a page without anybody's signature.
func TestRepainting(t *testing.T) {
	a := authority(t, pki.P256)
	paints := define(map[int]string{44: stream(drawing, "1 g 0 0 595 842 re f BT (Pay 999) Tj ET")})
	shows := func(keys string) edit { return all(addField("new", keys+" /AP << /N 44 0 R >>"), paints) }
	note := func(keys string) edit { return addNote("Text", keys) }
	for name, c := range map[string]struct {
		edit   edit
		reason string
	}{
		"field for print alone, on a page":  {shows("/F 36 /Rect [0 0 595 842]"), "covers most of a page"},
		"field for print alone, small":      {shows("/F 36 /Rect [300 700 400 760]"), "not signed"},
		"place of five numbers":             {shows("/F 4 /Rect [0 0 595 842 0]"), "no proper place"},
		"place of three numbers":            {shows("/F 4 /Rect [0 0 595]"), "no proper place"},
		"place with a name":                 {shows("/F 4 /Rect [0 0 595 /842]"), "no proper place"},
		"place that is no list":             {shows("/F 4 /Rect (0 0 595 842)"), "no proper place"},
		"place of a signature":              {signedBy(shows("/F 4 /V 50 0 R /Rect [0 0 595 842 0]")), "no proper place"},
		"place of the numbers of an object": {all(shows("/F 4 /Rect [0 0 45 0 R 842]"), define(map[int]string{45: "595"})), "covers most of a page"},
	} {
		t.Run(name, func(t *testing.T) { expectBroken(t, judgeEdits(t, a, terms{}, c.edit), c.reason) })
	}
	expectBroken(t, judgeEdits(t, a, terms{permission: 3}, note("/Rect [0 0 595 842 0]")), "a note has no proper place")
	if problem := judgeEdits(t, a, terms{}, signedBy(shows("/F 36 /V 50 0 R /Rect [300 700 400 760]"))); problem != nil {
		t.Errorf("a signature that is printed: %v", problem)
	}
	if problem := judgeEdits(t, a, terms{}, shows("/F 6 /Rect [0 0 595 842]")); problem != nil {
		t.Errorf("a hidden field: %v", problem)
	}
}

// A field that was there and empty may be as large as the page; filled in after the
// signature it would paint the page anew.
func TestFieldsAsLargeAsThePage(t *testing.T) {
	a := authority(t, pki.P256)
	v := validator(t, a)
	signedSheet := func(number int, place, flags string) []byte {
		objects := sheet()
		objects[number] = replace(t, replace(t, objects[number], place, "[0 0 595 842]"), "/F 4", flags)
		return handSigned(t, rawPDF(objects, "/Root 1 0 R /Info 6 0 R"), person(t, a, pki.P256), map[int]string{
			8:  replace(t, objects[8], "23 0 R]", "23 0 R 21 0 R]"),
			3:  replace(t, objects[3], "23 0 R]", "23 0 R 21 0 R]"),
			20: emptySignature,
			21: `<< /Type /Annot /Subtype /Widget /FT /Sig /T (leader) /V 20 0 R /Rect [0 0 0 0] /P 3 0 R /F 4 >>`,
		})
	}
	leader := func(file []byte) bool { return verify(t, file, v).Signatures[0].Problem == nil }
	text := signedSheet(9, "[40 180 240 195]", "/F 4")
	expectPassed(t, verify(t, text, v), 1)
	expectBroken(t, verify(t, revise(t, a, text, fillNote), v).Signatures[0].Problem, `the field "note" covers most of a page`)
	if !leader(revise(t, a, text, tickUrgent)) {
		t.Error("another field cannot be filled in")
	}
	seal := signedSheet(16, "[40 320 240 335]", "/F 4")
	expectBroken(t, verify(t, revise(t, a, seal, sealPrepared), v).Signatures[0].Problem, `the field "seal" covers most of a page`)
	if !leader(revise(t, a, signedSheet(9, "[40 180 240 195]", "/F 2"), fillNote)) {
		t.Error("a hidden field cannot be filled in")
	}
	five := sheet()[9]
	objects := sheet()
	objects[9] = replace(t, five, "[40 180 240 195]", "[40 180 240 195 0]")
	file := handSigned(t, rawPDF(objects, "/Root 1 0 R /Info 6 0 R"), person(t, a, pki.P256), map[int]string{
		8: replace(t, objects[8], "23 0 R]", "23 0 R 21 0 R]"), 20: emptySignature,
		21: `<< /Type /Annot /Subtype /Widget /FT /Sig /T (leader) /V 20 0 R /Rect [0 0 0 0] /P 3 0 R /F 4 >>`,
	})
	expectBroken(t, verify(t, revise(t, a, file, fillNote), v).Signatures[0].Problem, `the field "note" has no proper place`)
}

// The list of pages is no list of annotations: a widget in it would be shown as a page.
func TestWidgetAmongThePages(t *testing.T) {
	a := authority(t, pki.P256)
	v := validator(t, a)
	objects := sheet()
	objects[2] = replace(t, objects[2], "[3 0 R]", "60 0 R")
	objects[60] = "[3 0 R]"
	objects[3] = replace(t, objects[3], "[9 0 R 11 0 R 13 0 R 16 0 R 17 0 R 19 0 R 22 0 R 23 0 R]", "61 0 R")
	objects[61] = "[9 0 R 11 0 R 13 0 R 16 0 R 17 0 R 19 0 R 22 0 R 23 0 R]"
	file := handSigned(t, rawPDF(objects, "/Root 1 0 R /Info 6 0 R"), person(t, a, pki.P256), map[int]string{
		8: replace(t, objects[8], "23 0 R]", "23 0 R 21 0 R] /SigFlags 3"), 61: replace(t, objects[61], "23 0 R]", "23 0 R 21 0 R]"), 20: emptySignature,
		21: `<< /Type /Annot /Subtype /Widget /FT /Sig /T (leader) /V 20 0 R /Rect [0 0 0 0] /P 3 0 R /F 4 >>`,
	})
	gains := func(list int) edit {
		return all(put(8, "21 0 R]", "21 0 R 41 0 R]"), put(list, "0 R]", "0 R 41 0 R]"), define(map[int]string{
			41: "<< /Type /Annot /Subtype /Widget /FT /Sig /T (new) /F 6 /Rect [0 0 0 0] /Contents 42 0 R >>",
			42: stream("", "BT /F1 24 Tf 72 700 Td (Pay 999) Tj ET"),
		}))
	}
	expectBroken(t, verify(t, revise(t, a, file, gains(60)), v).Signatures[0].Problem, "not the annotations of a page")
	expectPassed(t, verify(t, revise(t, a, file, gains(61)), v), 1)
}
