package pdfsig_test

import (
	"testing"

	"github.com/lienthong/lienthong/signing/pki"
	"github.com/lienthong/lienthong/signing/verdict"
)

// The ways in which signers name a new field and its widget.
func TestShapesOfNewFields(t *testing.T) {
	a := authority(t, pki.P256)
	const widget = "<< /Type /Annot /Subtype /Widget /FT /Sig /P 3 0 R /Rect [0 0 0 0] /V 50 0 R "
	shown := put(3, "23 0 R 21 0 R]", "23 0 R 21 0 R 41 0 R]")
	listed := func(fields string) edit { return all(shown, put(8, "23 0 R 21 0 R]", "23 0 R 21 0 R "+fields+"]")) }
	grown := func(kids string) edit { return all(shown, put(18, "22 0 R]", "22 0 R "+kids+"]")) }
	apart := define(map[int]string{41: "<< /Type /Annot /Subtype /Widget /Parent 61 0 R /P 3 0 R /Rect [0 0 0 0] >>", 61: "<< /FT /Sig /T (new) /V 50 0 R /Kids [41 0 R] >>"})
	nested := func(group, field string) edit {
		return all(listed("61 0 R"), define(map[int]string{61: "<< /T (agency) /Kids [41 0 R] " + group + " >>", 41: widget + field + " >>"}))
	}
	const unreadable = "unreadable"
	for name, c := range map[string]struct {
		edit   edit
		reason string // empty passes
	}{
		"default value is the signature":  {addField("new", "/Rect [0 0 0 0] /V 50 0 R /DV 50 0 R"), ""},
		"default value is something else": {addField("new", "/Rect [0 0 0 0] /V 50 0 R /DV 4 0 R"), "has a default value"},
		"default value in place":          {addField("new", "/Rect [0 0 0 0] /V 50 0 R /DV (x)"), "has a default value"},
		"widget listed beside its field":  {all(listed("61 0 R 41 0 R"), apart), ""},
		"widget of two fields":            {all(listed("61 0 R 62 0 R"), apart, define(map[int]string{62: "<< /FT /Sig /T (other) /Kids [41 0 R] >>"})), unreadable},
		"widget that holds itself":        {all(listed("61 0 R"), apart, define(map[int]string{41: "<< /Type /Annot /Subtype /Widget /Parent 61 0 R /Rect [0 0 0 0] /Kids [41 0 R] >>"})), unreadable},
		"field listed twice":              {listed("9 0 R"), unreadable},
		"widget apart":                    {all(listed("61 0 R"), apart), ""},
		"in a new group":                  {nested("/Ff 1", "/T (seal) /Parent 61 0 R"), ""},
		"in a new group with an action":   {nested("/AA << >>", "/T (seal) /Parent 61 0 R"), "has an entry /AA"},
		"in a new group with a value":     {nested("/V (x)", "/T (seal) /Parent 61 0 R"), "not a signature"},
		"in a new group with odd flags":   {nested("/Ff (x)", "/T (seal) /Parent 61 0 R"), "are no number"},
		"in a new group of another":       {nested("", "/T (seal) /Parent 18 0 R"), "another parent"},
		"in a new group, no parent":       {nested("", "/T (seal)"), "another parent"},
		"in a new group, no name":         {nested("", "/Parent 61 0 R"), "without a name"},
		"at the top, below something":     {all(listed("41 0 R"), define(map[int]string{41: widget + "/T (top) /Parent 2 0 R >>"})), "another parent"},
		"in a group that was there":       {all(grown("41 0 R"), define(map[int]string{41: widget + "/T (seal) /Parent 18 0 R >>"})), ""},
		"in a group in a group":           {all(grown("61 0 R"), define(map[int]string{61: "<< /T (in) /Kids [41 0 R] /Parent 18 0 R >>", 41: widget + "/T (seal) /Parent 61 0 R >>"})), ""},
		"twice in a group":                {all(grown("41 0 R 41 0 R"), define(map[int]string{41: widget + "/T (seal) /Parent 18 0 R >>"})), unreadable},
		"text field in a group":           {all(grown("41 0 R"), define(map[int]string{41: "<< /FT /Tx /T (more) /Parent 18 0 R >>", 50: emptySignature})), "not a signature"},
		"group that loses a field":        {all(put(18, "22 0 R]", "41 0 R]"), define(map[int]string{41: widget + "/T (seal) /Parent 18 0 R >>"})), "was removed"},
		"group that gets another name":    {all(put(18, "/T (staff)", "/T (other)")), "/T of the field"},
		"group that gets a value":         {put(18, "/T (staff)", "/T (staff) /V (x)"), "/V of the field"},
		"old widget in a group":           {grown("9 0 R"), unreadable},
		"new group of old fields":         {all(listed("61 0 R"), define(map[int]string{61: "<< /T (agency) /Kids [9 0 R] >>", 41: "<< >>"})), unreadable},
		"group below itself":              {all(listed("61 0 R"), define(map[int]string{61: "<< /T (agency) /Kids [61 0 R] >>", 41: "<< >>"})), unreadable},
	} {
		t.Run(name, func(t *testing.T) {
			report := verify(t, revise(t, a, sheetSigned(t, a, terms{}), signedBy(c.edit)), validator(t, a))
			switch first := report.Signatures[0]; c.reason {
			case "":
				expectPassed(t, report, 2)
			case unreadable: // not even the first signature's field is found
				expectFailed(t, report, verdict.FormatFailure, "cannot be read strictly")
			default:
				expectBroken(t, first.Problem, c.reason)
			}
		})
	}
}
