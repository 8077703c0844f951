package pdfsig_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/lienthong/lienthong/signing/pki"
	"github.com/lienthong/lienthong/signing/trust"
	"github.com/lienthong/lienthong/signing/verdict"
)

// sheet is a form as offices use it. Its object numbers are fixed:
//
//	1 catalog, 2 pages, 3 page, 4 contents, 5 font, 8 form, 9 empty text field "note",
//	10 its appearance, 11 filled text field "amount" with the appearance 12, 13 check
//	box "urgent" with the appearances 14 and 15, 16 empty signature field "seal",
//	17 read-only text field "number", 18 group "staff" of the text fields 19 "name"
//	and 22 "title", 23 hidden empty signature field "later"
//
// The leader's signature takes the objects 20 and 21.
func sheet() map[int]string {
	widget := func(number int, text string) string {
		return fmt.Sprintf("<< /Type /Annot /Subtype /Widget /P 3 0 R /Rect [40 %d 240 %d] /F 4 %s >>", 20*number, 20*number+15, text)
	}
	shape := "/Type /XObject /Subtype /Form /BBox [0 0 200 15] /Resources << /Font << /F1 5 0 R >> >>"
	return map[int]string{
		1:  `<< /Type /Catalog /Pages 2 0 R /AcroForm 8 0 R >>`,
		2:  `<< /Type /Pages /Kids [3 0 R] /Count 1 /MediaBox [0 0 595 842] >>`,
		3:  `<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> /Annots [9 0 R 11 0 R 13 0 R 16 0 R 17 0 R 19 0 R 22 0 R 23 0 R] >>`,
		4:  stream("", "BT /F1 12 Tf 72 700 Td (Form) Tj ET"),
		5:  `<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>`,
		6:  `<< /Producer (A) >>`,
		8:  `<< /Fields [9 0 R 11 0 R 13 0 R 16 0 R 17 0 R 18 0 R 23 0 R] /DR << /Font << /F1 5 0 R >> >> /DA (/F1 10 Tf 0 g) >>`,
		9:  widget(9, "/FT /Tx /T (note) /AP << /N 10 0 R >>"),
		10: stream(shape, "/Tx BMC EMC"),
		11: widget(11, "/FT /Tx /T (amount) /V (100) /AP << /N 12 0 R >>"),
		12: stream(shape, "/Tx BMC BT /F1 10 Tf (100) Tj ET EMC"),
		13: widget(13, "/FT /Btn /T (urgent) /V /Off /AS /Off /AP << /N << /Yes 14 0 R /Off 15 0 R >> >>"),
		14: stream(shape, "0 0 9 9 re f"),
		15: stream(shape, ""),
		16: widget(16, "/FT /Sig /T (seal)"),
		17: widget(17, "/FT /Tx /T (number) /Ff 1"),
		18: `<< /T (staff) /FT /Tx /Kids [19 0 R 22 0 R] >>`,
		19: widget(19, "/T (name) /Parent 18 0 R"),
		22: widget(22, "/T (title) /Parent 18 0 R"),
		23: strings.Replace(widget(23, "/FT /Sig /T (later)"), "/F 4", "/F 2", 1),
	}
}

// terms is what a signature says about later changes.
type terms struct {
	permission int    // of a certification; 0 makes an approval
	reference  string // further signature references
	lock       string // of its field
}

// sheetSigned is the sheet signed by the leader on these terms.
func sheetSigned(t testing.TB, a *pki.Authority, on terms) []byte {
	t.Helper()
	file := rawPDF(sheet(), "/Root 1 0 R /Info 6 0 R")
	certification, permissions := "", ""
	if on.permission > 0 {
		certification = fmt.Sprintf(`<< /Type /SigRef /TransformMethod /DocMDP /TransformParams << /Type /TransformParams /P %d /V /1.2 >> >>`, on.permission)
		permissions = "/Perms << /DocMDP 20 0 R >>"
	}
	return handSigned(t, file, person(t, a, pki.P256), map[int]string{
		1:  replace(t, object(t, file, 1), "/AcroForm 8 0 R", "/AcroForm 8 0 R "+permissions),
		3:  replace(t, object(t, file, 3), "23 0 R]", "23 0 R 21 0 R]"),
		8:  replace(t, object(t, file, 8), "/Fields [9 0 R 11 0 R 13 0 R 16 0 R 17 0 R 18 0 R 23 0 R]", "/Fields [9 0 R 11 0 R 13 0 R 16 0 R 17 0 R 18 0 R 23 0 R 21 0 R] /SigFlags 3"),
		20: replace(t, emptySignature, "/Type /Sig", "/Type /Sig /Reference ["+certification+on.reference+"]"),
		21: `<< /Type /Annot /Subtype /Widget /FT /Sig /T (leader) /V 20 0 R /Rect [300 20 400 60] /P 3 0 R /F 4 ` + on.lock + ` >>`,
	})
}

const emptySignature = `<< /Type /Sig /Filter /Adobe.PPKLite /SubFilter /adbe.pkcs7.detached /ByteRange [0 ********** ********** **********] /Contents<0000> >>`

// edit changes objects of a file as an incremental update.
type edit func(t testing.TB, file []byte) map[int]string

// put replaces text in one object.
func put(number int, old, other string) edit {
	return func(t testing.TB, file []byte) map[int]string {
		return map[int]string{number: replace(t, object(t, file, number), old, other)}
	}
}

// define writes objects.
func define(objects map[int]string) edit {
	return func(testing.TB, []byte) map[int]string { return objects }
}

// all makes one revision of several edits of different objects.
func all(edits ...edit) edit {
	return func(t testing.TB, file []byte) map[int]string {
		objects := map[int]string{}
		for _, e := range edits {
			maps.Copy(objects, e(t, file))
		}
		return objects
	}
}

const drawing = "/Type /XObject /Subtype /Form /BBox [0 0 200 15] /Resources << /Font << /F1 5 0 R >> >>"

// The edits that the tests combine.
var (
	fillNote    = all(put(9, "/T (note) /AP << /N 10 0 R >>", "/T (note) /V (seen) /AP << /N 40 0 R >>"), define(map[int]string{40: stream(drawing, "BT (seen) Tj ET")}))
	tickUrgent  = put(13, "/V /Off /AS /Off", "/V /Yes /AS /Yes")
	fillName    = put(19, "/T (name)", "/T (name) /V (An)")
	changeValue = all(put(11, "(100)", "(999)"), define(map[int]string{12: stream(drawing, "BT (999) Tj ET")}))
	emptySeal   = addField("new", "/Rect [0 0 0 0]")
	shownSeal   = addField("new", "/Rect [300 700 400 760]")
	addText     = addNote("Text", "/Rect [500 800 520 820]")
)

func addField(label, keys string) edit {
	return all(put(3, "23 0 R 21 0 R]", "23 0 R 21 0 R 41 0 R]"), put(8, "23 0 R 21 0 R]", "23 0 R 21 0 R 41 0 R]"), define(map[int]string{
		41: fmt.Sprintf("<< /Type /Annot /Subtype /Widget /FT /Sig /T (%s) /P 3 0 R %s >>", label, keys),
	}))
}

func addNote(kind, keys string) edit {
	return all(put(3, "23 0 R 21 0 R]", "23 0 R 21 0 R 42 0 R]"), define(map[int]string{
		42: fmt.Sprintf("<< /Type /Annot /Subtype /%s /P 3 0 R /Contents (x) %s >>", kind, keys),
	}))
}

// signedBy makes an edit a signature: the objects 50 is the signature dictionary.
func signedBy(with edit) edit {
	return all(with, define(map[int]string{50: emptySignature}))
}

var (
	sealPrepared = signedBy(all(put(16, "/T (seal)", "/T (seal) /V 50 0 R /AP << /N 43 0 R >>"), define(map[int]string{43: stream(drawing, "BT (seal) Tj ET")})))
	sealHidden   = signedBy(addField("new", "/Rect [0 0 0 0] /V 50 0 R"))
	sealShown    = signedBy(addField("new", "/Rect [300 700 400 760] /V 50 0 R"))
	sealNameless = signedBy(all(addField("new", ""), define(map[int]string{
		41: "<< /Type /Annot /Subtype /Widget /FT /Sig /P 3 0 R /Rect [300 700 400 760] /V 50 0 R >>"})))
	sealRevealed = signedBy(put(23, "/F 2 /FT /Sig /T (later)", "/F 4 /FT /Sig /T (later) /V 50 0 R"))
)

// revise appends a revision for each edit; those with a signature are signed.
func revise(t testing.TB, a *pki.Authority, file []byte, edits ...edit) []byte {
	t.Helper()
	for _, e := range edits {
		objects := e(t, file)
		if slices.Contains(slices.Collect(maps.Values(objects)), emptySignature) {
			file = handSigned(t, file, agency(t, a, pki.P256), objects)
		} else {
			file = update(t, file, objects)
		}
	}
	return file
}

// judgeEdits applies revisions to the leader's file and returns what becomes of the
// leader's signature.
func judgeEdits(t *testing.T, a *pki.Authority, on terms, edits ...edit) *verdict.Problem {
	t.Helper()
	file := sheetSigned(t, a, on)
	file = revise(t, a, file, edits...)
	report := verify(t, file, validator(t, a))
	for _, s := range report.Signatures {
		if s.Field == "leader" {
			return s.Problem
		}
	}
	t.Fatalf("the leader's signature is not reported: %+v", report)
	return nil
}

// The matrix of who permits what: approval, and certification at the levels 1 to 3.
// A dash passes, a cross is TOTAL-FAILED.
func TestPermissions(t *testing.T) {
	a := authority(t, pki.P256)
	cases := []struct {
		name string
		want string // for approval, P1, P2, P3
		edit edit
	}{
		{"nothing changed", "----", define(nil)},
		{"empty field filled in", "-x--", fillNote},
		{"check box ticked", "-x--", tickUrgent},
		{"field of a group filled in", "-x--", fillName},
		{"value replaced", "xx--", changeValue},
		{"prepared field signed", "-x--", sealPrepared},
		{"new hidden field signed", "-x--", sealHidden},
		{"new visible field signed", "-xxx", sealShown},
		{"new visible field without a name signed", "-xxx", sealNameless},
		{"hidden field signed and revealed", "-xxx", sealRevealed},
		{"new hidden field, empty", "-x--", emptySeal},
		{"new visible field, empty", "xxxx", shownSeal},
		{"note as an icon", "xxx-", addText},
		{"note larger than an icon", "xxxx", addNote("Text", "/Rect [0 0 595 842]")},
		{"note with an action", "xxxx", addNote("Text", "/Rect [500 800 520 820] /A << /S /JavaScript /JS (x) >>")},
		{"free text", "xxxx", addNote("FreeText", "/Rect [0 0 595 842] /DA (/F1 9 Tf)")},
		{"small free text", "xxxx", addNote("FreeText", "/Rect [500 800 520 820] /DA (/F1 9 Tf)")},
		{"stamp", "xxxx", addNote("Stamp", "/Rect [0 0 595 842]")},
		{"redaction", "xxxx", addNote("Redact", "/Rect [0 0 595 842]")},
		{"highlight", "xxxx", addNote("Highlight", "/Rect [0 0 595 842]")},
		{"square", "xxxx", addNote("Square", "/Rect [0 0 595 842]")},
		{"link", "xxxx", addNote("Link", "/Rect [0 0 595 842] /A << /S /URI /URI (http://x) >>")},
		{"widget of no field", "xxxx", addNote("Widget", "/Rect [0 0 595 842] /FT /Sig")},
		{"file attachment", "xxxx", addNote("FileAttachment", "/Rect [500 800 520 820]")},
	}
	for _, c := range cases {
		for level := range 4 {
			t.Run(fmt.Sprintf("%s P%d", c.name, level), func(t *testing.T) {
				problem := judgeEdits(t, a, terms{permission: level}, c.edit)
				passes := c.want[level] == '-'
				if passes && problem != nil || !passes && (problem == nil || problem.Indication != verdict.Failed) {
					t.Errorf("want %c, got %v", c.want[level], problem)
				}
			})
		}
	}
}

// expectBroken requires the leader's signature to be TOTAL-FAILED for a reason.
func expectBroken(t *testing.T, problem *verdict.Problem, reason string) {
	t.Helper()
	if problem == nil || problem.Indication != verdict.Failed || !strings.Contains(problem.Reason, reason) {
		t.Errorf("got %v, want TOTAL-FAILED with %q", problem, reason)
	}
}

// What filling in a form may bring along, and what not.
func TestFormFill(t *testing.T) {
	a := authority(t, pki.P256)
	good := map[string]edit{
		"same appearance object, drawn anew": all(put(9, "/T (note)", "/T (note) /V (seen)"), define(map[int]string{10: stream(drawing, "BT (seen) Tj ET")})),
		"check box with its state alone":     put(13, "/AS /Off", "/AS /Off /M (D:20261123000000Z)"),
		"note of the time":                   put(9, "/T (note)", "/T (note) /M (D:20261123000000Z)"),
		"type written out":                   signedBy(put(16, "/T (seal)", "/T (seal) /V 50 0 R")),
	}
	for name, e := range good {
		t.Run(name, func(t *testing.T) {
			if problem := judgeEdits(t, a, terms{}, e); problem != nil {
				t.Error(problem)
			}
		})
	}
	bad := map[string]struct {
		edit   edit
		reason string
	}{
		"appearance swapped, value kept":      {define(map[int]string{12: stream(drawing, "BT (999) Tj ET")}), "stream of content"},
		"other appearance, value kept":        {all(put(11, "/N 12 0 R", "/N 44 0 R"), define(map[int]string{44: stream(drawing, "BT (999) Tj ET")})), "/AP of the field"},
		"appearance from the page's contents": {put(9, "/T (note) /AP << /N 10 0 R >>", "/T (note) /V (seen) /AP << /N 4 0 R >>"), "from what was there before"},
		"appearance from another field":       {put(9, "/T (note) /AP << /N 10 0 R >>", "/T (note) /V (seen) /AP << /N 12 0 R >>"), "from what was there before"},
		"appearance removed":                  {put(9, "/AP << /N 10 0 R >>", "/V (seen)"), "was removed"},
		"field moved":                         {put(9, "/Rect [40 180 240 195]", "/Rect [40 180 590 800] /V (seen)"), "/Rect of the field"},
		"read-only field":                     {put(17, "/T (number)", "/T (number) /V (7)"), "cannot be filled in"},
		"type of the field":                   {put(9, "/FT /Tx", "/FT /Sig"), "/FT of the field"},
		"name of the field":                   {put(9, "/T (note)", "/T (amount)"), "/T of the field"},
		"flags of the field":                  {put(9, "/T (note)", "/T (note) /Ff 2"), "/Ff of the field"},
		"script on the field":                 {put(9, "/T (note)", "/T (note) /V (1) /AA << /K << /S /JavaScript /JS (x) >> >>"), "/AA of the field"},
		"signature field without a signature": {all(put(16, "/T (seal)", "/T (seal) /AP << /N 48 0 R >>"), define(map[int]string{48: stream(drawing, "")})), "without a signature"},
		"signature field signed by nothing":   {put(16, "/T (seal)", "/T (seal) /V << >>"), "does not cover its revision"},
		"signed field drawn anew":             {all(put(21, "/F 4", "/F 4 /AP << /N 45 0 R >>"), define(map[int]string{45: stream(drawing, "BT (x) Tj ET")})), "which was signed"},
		"field removed":                       {put(8, "11 0 R ", ""), "was removed"},
		"field added to a group":              {all(put(18, "22 0 R]", "22 0 R 46 0 R]"), define(map[int]string{46: "<< /T (more) /Parent 18 0 R /V (x) >>"})), ""},
		"default appearance":                  {put(8, "0 g", "1 g"), "/DA of the form"},
		"resources of the form":               {put(8, "/F1 5 0 R", "/F1 4 0 R"), "/DR of the form"},
		"script added to the form":            {put(8, "/SigFlags 3", "/SigFlags 3 /CO [9 0 R]"), "/CO of the form"},
		"XFA form added":                      {put(8, "/SigFlags 3", "/SigFlags 3 /XFA (x)"), "/XFA of the form"},
		"text field added":                    {all(put(8, "21 0 R]", "21 0 R 46 0 R]"), define(map[int]string{46: "<< /FT /Tx /T (more) >>"})), "not a signature"},
		"seal over a filled field":            {signedBy(addField("new", "/Rect [40 215 250 250] /V 50 0 R")), "covers an annotation"},
		"seal over most of the page":          {signedBy(addField("new", "/Rect [0 300 595 842] /V 50 0 R")), "covers most of a page"},
		"seal with a script":                  {signedBy(addField("new", "/Rect [0 0 0 0] /V 50 0 R /A << /S /JavaScript /JS (x) >>")), "has an entry /A"},
		"two values in one revision": {all(fillNote, put(3, "/Contents 4 0 R", "/Contents 47 0 R"),
			define(map[int]string{47: stream("", "BT (y) Tj ET")})), "/Contents of a page"},
	}
	for name, c := range bad {
		t.Run(name, func(t *testing.T) { expectBroken(t, judgeEdits(t, a, terms{}, c.edit), c.reason) })
	}
}

// Locks freeze the fields that they name and those below, not the ones that begin
// alike.
func TestLocks(t *testing.T) {
	a := authority(t, pki.P256)
	lock := func(text string) terms { return terms{lock: "/Lock << /Type /SigFieldLock " + text + " >>"} }
	transform := func(text string) terms {
		return terms{reference: "<< /Type /SigRef /TransformMethod /FieldMDP /TransformParams << /Type /TransformParams /V /1.2 " + text + " >> >>"}
	}
	cases := map[string]struct {
		on     terms
		edit   edit
		reason string // empty passes
	}{
		"all":                             {lock("/Action /All"), fillNote, `locks the field "note"`},
		"all, transform":                  {transform("/Action /All"), fillNote, `locks the field "note"`},
		"included":                        {lock("/Action /Include /Fields [(note)]"), fillNote, `locks the field "note"`},
		"not included":                    {lock("/Action /Include /Fields [(note)]"), tickUrgent, ""},
		"not included, begins alike":      {lock("/Action /Include /Fields [(no)]"), fillNote, ""},
		"group included":                  {transform("/Action /Include /Fields [(staff)]"), fillName, `locks the field "staff.name"`},
		"sibling included":                {transform("/Action /Include /Fields [(staff.title)]"), fillName, ""},
		"excluded":                        {lock("/Action /Exclude /Fields [(note)]"), fillNote, ""},
		"not excluded":                    {lock("/Action /Exclude /Fields [(note)]"), tickUrgent, `locks the field "urgent"`},
		"group excluded":                  {lock("/Action /Exclude /Fields [(staff)]"), fillName, ""},
		"value of a free field replaced":  {lock("/Action /Include /Fields [(note)]"), changeValue, ""},
		"name in UTF-16":                  {lock("/Action /Include /Fields [<FEFF006E006F00740065>]"), fillNote, `locks the field "note"`},
		"prepared seal included":          {lock("/Action /Include /Fields [(seal)]"), sealPrepared, `locks the field "seal"`},
		"level 1 in the lock":             {lock("/Action /Include /Fields [(x)] /P 1"), sealHidden, "nothing may follow"},
		"level 1 in the transform":        {transform("/Action /Include /Fields [(x)] /P 1"), sealHidden, "nothing may follow"},
		"level 0 says nothing":            {lock("/Action /Include /Fields [(x)] /P 0"), sealHidden, ""},
		"certified for notes, lock for 1": {terms{permission: 3, lock: "/Lock << /Action /Include /Fields [(x)] /P 1 >>"}, fillNote, "nothing may follow"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			problem := judgeEdits(t, a, c.on, c.edit)
			if c.reason != "" {
				expectBroken(t, problem, c.reason)
			} else if problem != nil {
				t.Error(problem)
			}
		})
	}
}

// A certification counts for what comes behind later signatures, too, and cannot be
// taken away or given twice.
func TestCertifications(t *testing.T) {
	a := authority(t, pki.P256)
	certifies := `/Reference [<< /Type /SigRef /TransformMethod /DocMDP /TransformParams << /P 2 /V /1.2 >> >>]`
	second := func(t testing.TB, file []byte) map[int]string {
		objects := sealPrepared(t, file)
		objects[50] = replace(t, objects[50], "/Type /Sig", "/Type /Sig "+certifies)
		return objects
	}
	twice := func(on terms) *verdict.Problem {
		file := sheetSigned(t, a, on)
		file = handSigned(t, file, agency(t, a, pki.P256), second(t, file))
		return verify(t, file, validator(t, a)).Signatures[1].Problem
	}
	judgeSeal := func(on terms, edits ...edit) *verdict.Problem {
		t.Helper()
		file := revise(t, a, sheetSigned(t, a, on), edits...)
		for _, s := range verify(t, file, validator(t, a)).Signatures {
			if s.Field == "seal" {
				return s.Problem
			}
		}
		t.Fatal("no seal")
		return nil
	}
	expectBroken(t, twice(terms{}), "other signatures came first")
	expectBroken(t, twice(terms{permission: 2}), "other signatures came first")
	expectBroken(t, judgeSeal(terms{permission: 2}, sealPrepared, sealOver), "after a certification")
	if problem := judgeSeal(terms{permission: 2}, sealPrepared, fillNote); problem != nil {
		t.Error(problem)
	}
	expectBroken(t, judgeEdits(t, a, terms{permission: 2}, put(1, "/Perms << /DocMDP 20 0 R >>", "")), "/Perms in the catalog")
	expectBroken(t, judgeEdits(t, a, terms{}, put(1, "/AcroForm", "/Perms << /DocMDP 20 0 R >> /AcroForm")), "/Perms in the catalog")
	expectBroken(t, judgeEdits(t, a, terms{permission: 2}, put(20, "/P 2", "/P 3")), "")
}

// sealOver is a visible seal in a field of its own, with other object numbers.
var sealOver = all(put(3, "23 0 R 21 0 R]", "23 0 R 21 0 R 61 0 R]"), put(8, "23 0 R 21 0 R]", "23 0 R 21 0 R 61 0 R]"), define(map[int]string{
	61: "<< /Type /Annot /Subtype /Widget /FT /Sig /T (over) /P 3 0 R /Rect [300 700 400 760] /V 60 0 R >>",
	60: emptySignature}))

// What Vietnamese offices do: the leader signs, the clerk notes number and date in
// fields, the agency seals, validation data follows; each of them is legitimate.
func TestLeaderClerkAgency(t *testing.T) {
	a := authority(t, pki.P256)
	for _, on := range []terms{{}, {permission: 2}, {permission: 3}} {
		store := all(put(1, "/AcroForm 8 0 R", "/AcroForm 8 0 R /DSS << /CRLs [70 0 R] >>"), define(map[int]string{70: stream("", "list")}))
		if problem := judgeEdits(t, a, on, fillNote, tickUrgent, sealPrepared, store); problem != nil {
			t.Errorf("%+v: %v", on, problem)
		}
	}
}

// Extensions may be added and raised.
func TestExtensions(t *testing.T) {
	a := authority(t, pki.P256)
	declare := func(text string) edit { return put(1, "/Type /Catalog", "/Type /Catalog /Extensions "+text) }
	again := func(old, other string) edit { return put(1, old, other) }
	first := declare("<< /ADBE << /BaseVersion /1.7 /ExtensionLevel 8 >> >>")
	for name, c := range map[string]struct {
		edits  []edit
		passes bool
	}{
		"added":            {[]edit{first}, true},
		"level raised":     {[]edit{first, again("/ExtensionLevel 8", "/ExtensionLevel 11")}, true},
		"another added":    {[]edit{first, again("/ADBE", "/ESIC << /BaseVersion /1.7 /ExtensionLevel 1 >> /ADBE")}, true},
		"base raised":      {[]edit{first, again("/1.7 /ExtensionLevel 8", "/2.0 /ExtensionLevel 1")}, true},
		"list of versions": {[]edit{declare("<< /A [<< /BaseVersion /1.7 >>] >>"), again("/1.7 >>", "/1.7 >> << /BaseVersion /2.0 >>")}, true},
		"level lowered":    {[]edit{first, again("/ExtensionLevel 8", "/ExtensionLevel 3")}, false},
		"base lowered":     {[]edit{first, again("/1.7", "/1.6")}, false},
		"developer gone":   {[]edit{first, again("/ADBE << /BaseVersion /1.7 /ExtensionLevel 8 >>", "")}, false},
		"list gone":        {[]edit{first, again("/Extensions << /ADBE << /BaseVersion /1.7 /ExtensionLevel 8 >> >>", "")}, false},
		"shorter list":     {[]edit{declare("<< /A [<< >> << >>] >>"), again("<< >> << >>", "<< >>")}, false},
		"contents as one":  {[]edit{declare("<< /ADBE 4 0 R >>")}, false},
	} {
		t.Run(name, func(t *testing.T) {
			// the second edit is judged by a signature that covers the first one
			file := sheetSigned(t, a, terms{})
			file = handSigned(t, update(t, file, c.edits[0](t, file)), agency(t, a, pki.P256), sealPrepared(t, update(t, file, c.edits[0](t, file))))
			for _, e := range c.edits[1:] {
				file = update(t, file, e(t, file))
			}
			worst := worstOf(verify(t, file, validator(t, a)))
			if (worst == nil) != c.passes {
				t.Errorf("got %v", worst)
			}
		})
	}
}

// tagged is a document with a structure tree.
func tagged() map[int]string {
	objects := sheet()
	objects[1] = `<< /Type /Catalog /Pages 2 0 R /AcroForm 8 0 R /MarkInfo << /Marked true >> /StructTreeRoot 30 0 R >>`
	objects[30] = `<< /Type /StructTreeRoot /K 31 0 R /ParentTree 32 0 R /ParentTreeNextKey 1 >>`
	objects[31] = `<< /Type /StructElem /S /Document /P 30 0 R /K [33 0 R] >>`
	objects[32] = `<< /Nums [0 [33 0 R]] >>`
	objects[33] = `<< /Type /StructElem /S /P /P 31 0 R /Pg 3 0 R /K 0 /Alt (text) >>`
	return objects
}

// Tags for new fields are allowed, other texts for old content are not.
func TestTags(t *testing.T) {
	a := authority(t, pki.P256)
	file := rawPDF(tagged(), "/Root 1 0 R /Info 6 0 R")
	signedFile := handSigned(t, file, person(t, a, pki.P256), map[int]string{
		3:  replace(t, object(t, file, 3), "23 0 R]", "23 0 R 21 0 R]"),
		8:  replace(t, object(t, file, 8), "18 0 R 23 0 R]", "18 0 R 23 0 R 21 0 R]"),
		20: emptySignature,
		21: `<< /Type /Annot /Subtype /Widget /FT /Sig /T (leader) /V 20 0 R /Rect [0 0 0 0] /P 3 0 R >>`,
	})
	field := signedBy(addField("new", "/Rect [0 0 0 0] /V 50 0 R /StructParent 1"))
	grown := all(field, put(31, "[33 0 R]", "[33 0 R 34 0 R]"), put(30, "/ParentTreeNextKey 1", "/ParentTreeNextKey 2"),
		put(32, "[0 [33 0 R]]", "[0 [33 0 R] 1 34 0 R]"), define(map[int]string{
			34: `<< /Type /StructElem /S /Form /P 31 0 R /K << /Type /OBJR /Obj 41 0 R >> >>`}))
	seal := func(e edit) *verdict.Problem {
		return verify(t, handSigned(t, signedFile, agency(t, a, pki.P256), e(t, signedFile)), validator(t, a)).Signatures[0].Problem
	}
	if problem := seal(grown); problem != nil {
		t.Error(problem)
	}
	expectBroken(t, seal(all(field, put(33, "(text)", "(other)"))), "/Alt in the structure tree")
	expectBroken(t, seal(all(field, put(31, "[33 0 R]", "[34 0 R]"), define(map[int]string{34: "<< >>"}))), "/K in the structure tree")
	expectBroken(t, seal(all(field, put(1, "/StructTreeRoot 30 0 R", ""))), "the structure tree")
	expectBroken(t, seal(all(field, put(30, "/K 31 0 R", "/K 33 0 R"))), "structure tree")
}

// The findings about content that does not stay what was signed.
func TestDynamicContent(t *testing.T) {
	a := authority(t, pki.P256)
	for _, c := range []struct{ name, entry, finding string }{
		{"script", "/OpenAction << /S /JavaScript /JS (app.alert\\(1\\)) >>", "JavaScript"},
		{"script in a name tree", "/Names << /JavaScript << /Names [(a) << /S /JavaScript /JS (x) >>] >> >>", "JavaScript"},
		{"launch", "/OpenAction << /S /Launch /F (cmd.exe) >>", "start a program"},
		{"remote document", "/OpenAction << /S /GoToR /F (other.pdf) /D [0 /Fit] >>", "start a program"},
		{"submit", "/OpenAction << /S /SubmitForm /F (http://x) >>", "send or import"},
		{"XFA", "/X << /XFA (x) >>", "XFA"},
		{"external file", "/X << /Type /Filespec /F (other.pdf) >>", "outside of itself"},
		{"rich media", "/X << /Subtype /RichMedia >>", "multimedia"},
		{"attached program", "/X << /Type /Filespec /UF (run.EXE ) /EF << >> >>", "can be run"},
		{"attached table", "/X << /Type /Filespec /UF (table.xlsx) /EF << >> >>", ""},
		{"plain link", "/X << /S /URI /URI (https://example.org) >>", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			objects := sheet()
			objects[1] = strings.Replace(objects[1], "/Type /Catalog", "/Type /Catalog "+c.entry, 1)
			file := handSigned(t, rawPDF(objects, "/Root 1 0 R /Info 6 0 R"), person(t, a, pki.P256), map[int]string{
				8:  strings.Replace(objects[8], "/Fields [", "/Fields [21 0 R ", 1),
				20: emptySignature,
				21: `<< /FT /Sig /T (leader) /V 20 0 R >>`,
			})
			report := verify(t, file, validator(t, a))
			expectPassed(t, report, 1)
			found := slices.ContainsFunc(report.Findings, func(f string) bool { return c.finding != "" && strings.Contains(f, c.finding) })
			if found != (c.finding != "") || c.finding == "" && len(report.Findings) > 0 {
				t.Errorf("findings %q", report.Findings)
			}
		})
	}
}

// A content stream that lies outside of the file is not what was signed.
func TestExternalStream(t *testing.T) {
	objects := sheet()
	objects[4] = stream("/F (other.bin)", "")
	a := authority(t, pki.P256)
	file := handSigned(t, rawPDF(objects, "/Root 1 0 R /Info 6 0 R"), person(t, a, pki.P256), map[int]string{
		8: strings.Replace(objects[8], "/Fields [", "/Fields [21 0 R ", 1), 20: emptySignature, 21: `<< /FT /Sig /T (leader) /V 20 0 R >>`})
	report := verify(t, file, trust.NewValidator(nil))
	if !slices.ContainsFunc(report.Findings, func(f string) bool { return strings.Contains(f, "outside of itself") }) {
		t.Errorf("findings %q", report.Findings)
	}
}
