package report

import (
	_ "embed"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/lienthong/lienthong/hub"
)

//go:embed texts.json
var catalogueText []byte

// Language is one that pages are written in.
type Language string

// The languages.
const (
	Vietnamese Language = "vi"
	English    Language = "en"
)

// ChooseLanguage returns the first language of a list such as an Accept-Language header
// (RFC 9110 section 12.5.4) that pages are written in; Vietnamese when there is none.
// Weights are not looked at: programs write what they prefer first.
func ChooseLanguage(list string) Language {
	for item := range strings.SplitSeq(list, ",") {
		tag, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(item)), ";")
		primary, _, _ := strings.Cut(strings.TrimSpace(tag), "-")
		switch Language(primary) {
		case Vietnamese:
			return Vietnamese
		case English:
			return English
		}
	}
	return Vietnamese
}

// text is one text in every language.
type text map[Language]string

// catalogue holds all texts by what they are about.
type catalogue struct {
	Indication map[hub.Indication]text       `json:"indication"`
	Meaning    map[hub.Indication]text       `json:"meaning"`
	Sub        map[hub.SubReason]text        `json:"sub"`
	Revoked    map[hub.RevocationReason]text `json:"revoked"`
	Check      map[string]text               `json:"check"`
	Change     map[string]text               `json:"change"`  // {} stands for a name
	Finding    map[string]string             `json:"finding"` // in Vietnamese; {} stands for what differs, {0} for the first of them
	Label      map[string]text               `json:"label"`
}

func readCatalogue() (*catalogue, error) {
	var c catalogue
	if err := json.Unmarshal(catalogueText, &c); err != nil {
		return nil, hub.Internal("read the texts of reports", err)
	}
	return &c, nil
}

// check names a check; one that is not known by its own name.
func (c *catalogue) check(name string, l Language) string {
	if t, ok := c.Check[name]; ok {
		return t[l]
	}
	return name
}

// change translates what a later revision did; a text that is not known stays as it is.
func (c *catalogue) change(what string, l Language) string {
	for pattern, t := range c.Change {
		before, after, named := strings.Cut(pattern, "{}")
		if !named && what == pattern {
			return t[l]
		}
		if named && len(what) >= len(before)+len(after) && strings.HasPrefix(what, before) && strings.HasSuffix(what, after) {
			return strings.Replace(t[l], "{}", what[len(before):len(what)-len(after)], 1)
		}
	}
	return what
}

// finding says what was found out about a file, which reports hold in English: recorded
// ones, too. It is false for one that has no text in the language and stays as it is.
func (c *catalogue) finding(what string, l Language) (string, bool) {
	if l == English {
		return what, true
	}
	best := "" // of several forms the one that says most
	for form := range c.Finding {
		if _, fits := gaps(form, what); fits && len(form) > len(best) {
			best = form
		}
	}
	if best == "" {
		return what, false
	}
	said := c.Finding[best]
	values, _ := gaps(best, what)
	for i, value := range values {
		said = strings.ReplaceAll(said, "{"+strconv.Itoa(i)+"}", value)
	}
	return said, true
}

// gaps returns what a text has where its form has {}.
func gaps(form, text string) (values []string, fits bool) {
	pieces := strings.Split(form, "{}")
	rest, fits := strings.CutPrefix(text, pieces[0])
	for i, piece := range pieces[1:] {
		end := strings.Index(rest, piece)
		if i == len(pieces)-2 { // the last one reaches to the end
			end = len(rest) - len(piece)
		}
		if !fits || end < 0 || rest[end:end+len(piece)] != piece {
			return nil, false
		}
		values, rest = append(values, rest[:end]), rest[end+len(piece):]
	}
	return values, fits && rest == ""
}

// fill puts values into the gaps of a label.
func (c *catalogue) fill(label string, l Language, values ...string) string {
	s := c.Label[label][l]
	for _, value := range values {
		s = strings.Replace(s, "{}", value, 1)
	}
	return s
}
