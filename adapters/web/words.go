package web

import (
	"cmp"
	"embed"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/lienthong/lienthong/adapters/internal/strictjson"
	"github.com/lienthong/lienthong/hub"
)

// The languages of the pages, by their tags.
const (
	vietnamese = "vi"
	english    = "en"
)

//go:embed messages
var messages embed.FS

// catalogues are all texts, by language and name.
type catalogues map[string]map[string]string

func readCatalogues() (catalogues, error) {
	all := catalogues{}
	for _, language := range []string{vietnamese, english} {
		raw, err := messages.ReadFile("messages/" + language + ".json")
		if err != nil {
			return nil, hub.Internal("read the texts of the pages", err)
		}
		texts := map[string]string{}
		if err := strictjson.Decode(raw, &texts); err != nil { // a name that stands twice would lose a text
			return nil, hub.Internal("read the texts of the pages", err)
		}
		all[language] = texts
	}
	return all, nil
}

// details are the names of what the hub writes in English beside reasons, the longest form
// first: it leaves the least to its gaps.
func (c catalogues) details() []string {
	var names []string
	for name := range c[english] {
		if strings.HasPrefix(name, "detail.") {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(len(c[english][b]), len(c[english][a])), cmp.Compare(a, b))
	})
	return names
}

// text returns a text with values in its gaps {0}, {1}; a name without a text stays
// visible as it is.
func (c catalogues) text(language, name string, values ...any) string {
	text, ok := c[language][name]
	if !ok {
		return name
	}
	for i, v := range values {
		text = strings.ReplaceAll(text, "{"+strconv.Itoa(i)+"}", plain(v))
	}
	return text
}

func plain(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case int:
		return strconv.Itoa(v)
	case int64:
		return strconv.FormatInt(v, 10)
	}
	raw, _ := json.Marshal(v) //nolint:errchkjson // for texts, which hold strings and numbers
	return strings.Trim(string(raw), `"`)
}

const languageCookie = "lienthong_language"

// language is the one that the person chose; Vietnamese unless it is English.
func (*site) language(r *http.Request) string {
	if c, err := r.Cookie(languageCookie); err == nil && c.Value == english {
		return english
	}
	return vietnamese
}
