package tracking

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/lienthong/lienthong/hub"
)

// Longest values in characters.
const (
	maxRegister = 50
	maxUnit     = 200
	maxReason   = 1000 // of a refusal and a status report
)

// checkText adds to found what is wrong with a text of a recipient.
func checkText(found hub.Violations, field, value string, required bool, longest int) hub.Violations {
	switch {
	case required && strings.TrimSpace(value) == "":
		return append(found, hub.Invalid(field, "required", "%s is required", field))
	case !utf8.ValidString(value):
		return append(found, hub.Invalid(field, "utf8", "%s is not valid UTF-8", field))
	case strings.ContainsFunc(value, forbidden):
		return append(found, hub.Invalid(field, "control_character", "%s contains control characters", field))
	case utf8.RuneCountInString(value) > longest:
		return append(found, hub.Invalid(field, "max_length", "%s has more than %d characters", field, longest))
	}
	return found
}

// forbidden tells the characters that no text may hold: controls but for tabs and
// line ends, and the marks that reorder text on a screen.
func forbidden(r rune) bool {
	switch {
	case r == '\n', r == '\r', r == '\t':
		return false
	case unicode.IsControl(r), r == '\u2028', r == '\u2029', r == '\ufeff':
		return true
	case r == '\u061c', r == '\u200e', r == '\u200f', r >= '\u202a' && r <= '\u202e', r >= '\u2066' && r <= '\u2069':
		return true
	}
	return false
}

func checkStaff(found hub.Violations, s *hub.Staff) hub.Violations {
	if s == nil {
		return found
	}
	for _, f := range []struct{ field, value string }{
		{"staff.department", s.Department}, {"staff.department_id", s.DepartmentID}, {"staff.name", s.Name},
		{"staff.id", s.ID}, {"staff.email", s.Email}, {"staff.mobile", s.Mobile},
	} {
		found = checkText(found, f.field, f.value, false, maxUnit)
	}
	return found
}
