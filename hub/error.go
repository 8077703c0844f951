package hub

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// ErrorKind classifies an error once for every edge: each protocol maps kinds
// to its own codes in one table. The zero value is KindInternal.
type ErrorKind string

// The error kinds.
const (
	KindInternal      ErrorKind = "internal"       // unknown failure; its text never leaves the hub
	KindInvalid       ErrorKind = "invalid"        // a field breaks a rule
	KindUntrusted     ErrorKind = "untrusted"      // a signature or credential did not verify
	KindUnknownAgency ErrorKind = "unknown_agency" // no agency has this code at this time
	KindDenied        ErrorKind = "denied"         // the actor may not do this
	KindNotFound      ErrorKind = "not_found"      // absent, or not the actor's to see
	KindConflict      ErrorKind = "conflict"       // contradicts what is already recorded
	KindTooLarge      ErrorKind = "too_large"      // above a limit
	KindUnsupported   ErrorKind = "unsupported"    // a dialect, type or operation the hub does not speak
	KindBusy          ErrorKind = "busy"           // over a budget; try again after RetryAfter
	KindUnavailable   ErrorKind = "unavailable"    // a dependency is away; try again
)

// Error is the one error type that crosses rooms. Field is the name of the
// offending field in the vocabulary of this package ("recipients[2].code"),
// Rule a stable machine word for the broken rule ("required", "max_length"),
// Message one sentence for a person, in English, and Values what differs in it from one
// time to the next (see Sentence). Err is the cause, which never leaves the hub when Kind
// is KindInternal.
type Error struct {
	Kind       ErrorKind
	Field      string
	Rule       string
	Message    string
	Values     []string
	RetryAfter time.Duration // for KindBusy and KindUnavailable; zero means unspecified
	Err        error
}

// Error implements error.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(string(e.Kind))
	if e.Field != "" {
		fmt.Fprintf(&b, ": %s", e.Field)
	}
	if e.Rule != "" {
		fmt.Fprintf(&b, " [%s]", e.Rule)
	}
	if e.Message != "" {
		fmt.Fprintf(&b, ": %s", e.Message)
	}
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Invalid returns an error of KindInvalid for a field and the rule it breaks.
func Invalid(field, rule, format string, args ...any) *Error {
	return Errorf(KindInvalid, field, rule, format, args...)
}

// Unlisted returns an error of KindInvalid for a value that is none of a closed list, and
// names the list.
func Unlisted[T ~string](field string, value T, list []T) *Error {
	words := make([]string, len(list))
	for i, word := range list {
		words[i] = string(word)
	}
	return Invalid(field, "code_list", "%.40q is none of %s", string(value), strings.Join(words, ", "))
}

// Errorf returns an error of any kind; rule may be empty.
func Errorf(kind ErrorKind, field, rule, format string, args ...any) *Error {
	return &Error{Kind: kind, Field: field, Rule: rule, Message: fmt.Sprintf(format, args...), Values: valuesOf(args)}
}

// Internal wraps an unexpected failure with what was being done.
func Internal(doing string, err error) *Error {
	return &Error{Kind: KindInternal, Message: doing, Err: err}
}

// KindOf returns the kind of the first *Error in err's tree, and KindInternal
// for every other non-nil error. It must not be called with nil.
func KindOf(err error) ErrorKind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return KindInternal
}

// Violations is a list of errors found together, so that a sender can mend a
// submission in one round. It unwraps to its members.
type Violations []*Error

// Error implements error.
func (v Violations) Error() string {
	parts := make([]string, len(v))
	for i, e := range v {
		parts[i] = e.Error()
	}
	return strings.Join(parts, "; ")
}

// Unwrap returns the members.
func (v Violations) Unwrap() []error {
	errs := make([]error, len(v))
	for i, e := range v {
		errs[i] = e
	}
	return errs
}

// AsError returns nil when the list is empty, its only member, or the list.
func (v Violations) AsError() error {
	switch len(v) {
	case 0:
		return nil
	case 1:
		return v[0]
	default:
		return v
	}
}

// ViolationsOf flattens err into the *Error values it carries. An error that
// carries none becomes one of KindInternal.
func ViolationsOf(err error) Violations {
	if err == nil {
		return nil
	}
	var list Violations
	if errors.As(err, &list) {
		return list
	}
	var e *Error
	if errors.As(err, &e) {
		return Violations{e}
	}
	return Violations{Internal("unexpected failure", err)}
}

// Tellable is the first violation in an error that says something and is not the hub's own
// business; nil where there is none.
func Tellable(err error) *Error {
	for _, v := range ViolationsOf(err) {
		if v.Kind != KindInternal && v.Message != "" {
			return v
		}
	}
	return nil
}

// Told is what those outside are told of an error: kind and message. The text of an
// unknown one never leaves the hub.
func Told(err error) string {
	var e *Error
	if !errors.As(err, &e) || e.Kind == KindInternal {
		return "it failed inside the hub; see its log"
	}
	return fmt.Sprintf("%s: %s", e.Kind, e.Message)
}
