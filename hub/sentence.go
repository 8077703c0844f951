package hub

import (
	"errors"
	"fmt"
	"strings"
)

// Sentence is what people are told, by a code that does not change, with the values in it
// in their order: pages say it in the language of their reader. A value that is a time is
// written as in RFC 3339, one that is a length of time as 1h30m0s. What in the English of
// it is a technical reason is no value; in a report it stands as a sub-indication.
type Sentence struct {
	Code   string    `json:"code"`
	Values []string  `json:"values,omitempty"`
	Sub    SubReason `json:"sub_indication,omitempty"`
}

// Say returns a sentence.
func Say(code string, values ...any) *Sentence {
	return &Sentence{Code: code, Values: valuesOf(values)}
}

// SaidOf says by a code what Told says in English: the field and the rule of the error, or
// its kind where it names no rule.
func SaidOf(err error) *Sentence {
	var e *Error
	if !errors.As(err, &e) || e.Kind == KindInternal {
		return &Sentence{Code: string(KindInternal)}
	}
	code := e.Rule
	switch {
	case code == "":
		code = string(e.Kind)
	case e.Field != "":
		code = unnumbered(e.Field) + "." + code
	}
	return &Sentence{Code: code, Values: e.Values}
}

// unnumbered is the name of a field without the places in lists: recipients.code of
// recipients[2].code.
func unnumbered(field string) string {
	var b strings.Builder
	inside := false
	for _, r := range field {
		switch {
		case r == '[':
			inside = true
		case r == ']':
			inside = false
		case !inside:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// valuesOf are what stands in a text besides its causes, which say in English what others
// said.
func valuesOf(args []any) []string {
	var values []string
	for _, arg := range args {
		if _, cause := arg.(error); !cause {
			values = append(values, fmt.Sprint(arg))
		}
	}
	return values
}
