package web

import (
	"strconv"
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
			if v.x.knows(key) {
				return why{v.T(key, values...), told}
			}
		}
	}
	kind := told
	if end := strings.IndexAny(told, ": "); end >= 0 {
		kind = told[:end]
	}
	if v.x.knows("fault." + kind) {
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

// because is a reason that evidence gives.
type because struct {
	Code hub.ReasonCode
	why
}

// Reasons are those of an evidence. What was wrong with a submission is said to the system
// that sent it, field by field.
func (v *view) Reasons(e hub.Evidence) []because {
	reasons := make([]because, len(e.Reasons))
	for i, r := range e.Reasons {
		reasons[i] = because{r.Code, why{Text: v.Detail(r.Detail)}}
		if e.Event == hub.EventSubmissionRejection {
			reasons[i].why = why{Technical: r.Detail}
		}
	}
	return reasons
}

// Detail says what stands beside a reason: evidence holds it in English where the hub
// wrote it, and sealed. What a person wrote stays as it is.
func (v *view) Detail(detail string) string {
	for _, name := range v.x.details {
		values, fits := gapsOf(v.x.texts[english][name], detail)
		if !fits {
			continue
		}
		read := make([]any, len(values))
		for i, value := range values {
			read[i] = v.value(value)
			if kind, _, told := strings.Cut(value, ": "); told && v.x.knows("fault."+kind) {
				read[i] = v.T("fault." + kind)
			} else if v.x.knows("subscription.kind." + value) {
				read[i] = v.T("subscription.kind." + value)
			}
		}
		return v.T(name, read...)
	}
	return detail
}

// Heir is the note on a recipient who is addressed by the code of a closed agency, of which
// it says the same in Vietnamese and in English.
func (v *view) Heir(note string) string {
	vi, en, both := strings.Cut(note, " / code ")
	switch {
	case !both:
		return note
	case v.x.lang == vietnamese:
		return vi
	}
	return "code " + en
}

// gapsOf returns what a text has where its form has {0}, {1}, in that order.
func gapsOf(form, text string) (values []string, fits bool) {
	for i := 0; ; i++ {
		before, after, gap := strings.Cut(form, "{"+strconv.Itoa(i)+"}")
		if !gap {
			return values, text == form
		}
		rest, begins := strings.CutPrefix(text, before)
		next, _, _ := strings.Cut(after, "{")
		end := strings.Index(rest, next)
		if next == "" {
			end = len(rest)
		}
		if !begins || end < 0 {
			return nil, false
		}
		values, form, text = append(values, rest[:end]), after, rest[end:]
	}
}

// Said is a sentence of a report on a bundle.
func (v *view) Said(s hub.Sentence) string {
	text := v.T("said."+s.Code, shown(s.Values)...)
	if s.Sub != "" {
		text += " " + v.Because(s.Sub)
	}
	return text
}
