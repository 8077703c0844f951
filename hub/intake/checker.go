package intake

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/lienthong/lienthong/hub"
)

// checker collects violations, so that a sender can mend all of them at once.
type checker struct{ found hub.Violations }

func (c *checker) add(v *hub.Error) { c.found = append(c.found, v) }

func (c *checker) fail(field, rule, format string, args ...any) {
	c.add(hub.Invalid(field, rule, format, args...))
}

// text checks one line: required or not, length in characters, encoding, and no
// characters that could change what a person believes to read.
func (c *checker) text(field, value string, required bool, longest int) {
	switch {
	case required && strings.TrimSpace(value) == "":
		c.fail(field, "required", "%s is required", field)
	case !utf8.ValidString(value):
		c.fail(field, "utf8", "%s is not valid UTF-8", field)
	case utf8.RuneCountInString(value) > longest:
		c.fail(field, "max_length", "%s has %d characters, at most %d are allowed", field, utf8.RuneCountInString(value), longest)
	case strings.ContainsFunc(value, forbidden):
		c.fail(field, "control_character", "%s contains control characters", field)
	}
}

// lines checks text that may have several lines.
func (c *checker) lines(field, value string, longest int) {
	c.text(field, strings.NewReplacer("\n", " ", "\r", " ", "\t", " ").Replace(value), false, longest)
}

func (c *checker) texts(field string, values []string, longest int) {
	for i := range bounded(c, field, values) {
		c.text(fmt.Sprintf("%s[%d]", field, i), values[i], false, longest)
	}
}

// bounded returns a list to be checked item by item, or nothing when it is too
// long to be looked at.
func bounded[T any](c *checker, field string, list []T) []T {
	if len(list) > maxList {
		c.add(hub.Errorf(hub.KindTooLarge, field, "max_items", "%s has %d items, at most %d are allowed", field, len(list), maxList))
		return nil
	}
	return list
}

// forbidden tells the characters that no line may hold: controls (C0 and C1),
// line separators, the byte order mark, and the marks that reorder text on a
// screen, so that "gnp.exe" shows as "exe.png".
func forbidden(r rune) bool {
	switch {
	case unicode.IsControl(r), r == '\u2028', r == '\u2029', r == '\ufeff':
		return true
	case r == '\u061c', r == '\u200e', r == '\u200f', r >= '\u202a' && r <= '\u202e', r >= '\u2066' && r <= '\u2069':
		return true
	}
	return false
}

func (c *checker) date(field string, value hub.Date, required bool) {
	if value == "" {
		if required {
			c.fail(field, "required", "%s is required", field)
		}
		return
	}
	if _, err := hub.ParseDate(string(value)); err != nil {
		c.fail(field, "date", "%.20q is not a date of the form YYYY-MM-DD that exists", string(value))
	}
}

func (c *checker) priority(field string, p hub.Priority) {
	if p < hub.PriorityNormal || p > hub.PriorityTimed {
		c.fail(field, "code_list", "%s is %d, allowed are %d to %d", field, p, hub.PriorityNormal, hub.PriorityTimed)
	}
}

func (c *checker) count(field string, n int) {
	if n < 0 {
		c.fail(field, "minimum", "%s is not negative", field)
	}
}

// secret refuses documents marked as state secrets: they must not travel through
// a system of this kind (QĐ 28/2018/QĐ-TTg art. 1.2). The mark is looked for in
// its own field and as a word of its own in capitals in what the sender wrote.
func (c *checker) secret(d *hub.Document) {
	const message = "documents marked as state secrets must not be sent through this system (QĐ 28/2018/QĐ-TTg art. 1.2)"
	if strings.TrimSpace(d.Confidential) != "" {
		c.fail("document.confidential", "state_secret", message)
	}
	for _, place := range []struct{ field, value string }{
		{"document.code_notation", d.CodeNotation},
		{"document.type_name", d.TypeName},
		{"document.subject", d.Subject},
	} {
		if markedSecret(place.value) {
			c.fail(place.field, "state_secret", message)
		}
	}
}

// markedSecret finds MẬT, TỐI MẬT or TUYỆT MẬT. A subject in capitals may speak of
// secrets without being one (BẢO VỆ BÍ MẬT NHÀ NƯỚC), so the usual compounds do
// not count; whatever else holds the word does.
func markedSecret(text string) bool {
	words := strings.FieldsFunc(norm.NFC.String(text), func(r rune) bool { return !unicode.IsLetter(r) })
	at := func(i int) string {
		if i < 0 || i >= len(words) {
			return ""
		}
		return words[i]
	}
	before, behind := []string{"BÍ", "BẢO"}, []string{"KHẨU", "MÃ", "ĐỘ"}
	for i, word := range words {
		if word == "MẬT" && !slices.Contains(before, at(i-1)) && !slices.Contains(behind, at(i+1)) {
			return true
		}
	}
	return false
}
