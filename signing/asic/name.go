package asic

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// checkName refuses names that another program could take for something else than
// a file inside the container. Names are data here: nothing is ever written under
// them by this package.
func checkName(name string) *Refusal {
	switch {
	case name == "" || len(name) > MaxNameBytes:
		return refuse("name", "has a name that is empty or longer than %d bytes", MaxNameBytes)
	case !utf8.ValidString(name):
		return refuse("name", "has a name that is not UTF-8: %q", name)
	case strings.ContainsAny(name, `\:*?"<>|`):
		return refuse("name", "has a name with a separator or wildcard: %q", name)
	case strings.ContainsFunc(name, hidden):
		return refuse("name", "has a name with control or direction characters: %q", name)
	case hasEscape(name):
		return refuse("name", "has a name with a percent escape: %q", name)
	}
	for segment := range strings.SplitSeq(strings.TrimSuffix(name, "/"), "/") {
		if problem := checkSegment(segment, name); problem != nil {
			return problem
		}
	}
	return nil
}

// hidden reports characters that are not seen or change how others are shown:
// controls, formats (direction marks among them), separators of lines, and the
// character that stands for what could not be read.
func hidden(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co) || r == utf8.RuneError
}

// hasEscape finds %XX, which a reader that decodes twice would take for a character.
func hasEscape(name string) bool {
	for i := 0; i+2 < len(name); i++ {
		if name[i] == '%' && isHex(name[i+1]) && isHex(name[i+2]) {
			return true
		}
	}
	return false
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func checkSegment(segment, name string) *Refusal {
	switch {
	case segment == "" || segment == "." || segment == "..":
		return refuse("name", "has a name that is absolute or leaves its folder: %q", name)
	case strings.HasSuffix(segment, ".") || strings.TrimSpace(segment) != segment:
		return refuse("name", "has a name that begins or ends with a space or ends with a dot: %q", name)
	case isDevice(segment):
		return refuse("name", "has a name that is a device elsewhere: %q", name)
	}
	return nil
}

// isDevice knows the names that Windows opens as devices, whatever the extension.
func isDevice(segment string) bool {
	stem, _, _ := strings.Cut(strings.ToUpper(segment), ".")
	switch stem {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$":
		return true
	}
	return len(stem) == 4 && (strings.HasPrefix(stem, "COM") || strings.HasPrefix(stem, "LPT")) && stem[3] >= '0' && stem[3] <= '9'
}

// nameKey is equal for names that some file system would take for one.
func nameKey(name string) string {
	return norm.NFC.String(cases.Fold().String(norm.NFC.String(name)))
}
