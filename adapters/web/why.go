package web

import (
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// why is what is told of a cause: in the language of the person, and as the hub tells it
// to programs and in its log, in English.
type why struct{ Text, Technical string }

// Why says a cause by its code, where the catalogue knows that; else by the kind of error
// that its text begins with (hub.Told), and where it begins otherwise, that there is more
// to read. What was recorded before there were codes has none.
func (v *view) Why(said *hub.Sentence, told string) why {
	if said != nil {
		values := v.values(said)
		rule := said.Code[strings.LastIndexByte(said.Code, '.')+1:]
		for _, key := range []string{"why." + said.Code, "rule." + said.Code, "why." + rule, "rule." + rule, "fault." + said.Code} {
			if _, known := v.x.texts[v.x.lang][key]; known {
				return why{v.T(key, values...), told}
			}
		}
	}
	kind := told
	if end := strings.IndexAny(told, ": "); end >= 0 {
		kind = told[:end]
	}
	if _, known := v.x.texts[v.x.lang]["fault."+kind]; known {
		return why{v.T("fault." + kind), told}
	}
	return why{v.T("why.unknown"), told}
}

// values are those of a sentence as people read them; parts of the hub are one value.
func (v *view) values(said *hub.Sentence) []any {
	var values []any
	if strings.HasPrefix(said.Code, "parts_") {
		names := make([]string, len(said.Values))
		for i, name := range said.Values {
			names[i] = v.T("check." + name)
		}
		return append(values, strings.Join(names, ", "))
	}
	for _, value := range said.Values {
		values = append(values, v.value(value))
	}
	if said.Code == "in_force" && len(values) == 2 {
		values[1] = v.T("channel." + said.Values[1])
	}
	return values
}

func (v *view) value(value string) string {
	if at, err := time.Parse(time.RFC3339, value); err == nil {
		return v.Clock(at)
	}
	if d, err := time.ParseDuration(value); err == nil && d > 0 {
		return v.Took(d)
	}
	return visible(value)
}

// Said is a sentence of a report on a bundle.
func (v *view) Said(s hub.Sentence) string {
	values := make([]any, len(s.Values))
	for i, value := range s.Values {
		values[i] = visible(value)
	}
	text := v.T("said."+s.Code, values...)
	if s.Sub != "" {
		text += " " + v.Because(s.Sub)
	}
	return text
}
