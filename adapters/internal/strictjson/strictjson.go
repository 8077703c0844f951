// Package strictjson reads JSON that strangers wrote, in one way only: what two readers
// could understand differently is refused, with the path of the member.
package strictjson

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/lienthong/lienthong/hub"
)

// maxDepth bounds nesting of JSON bodies; a submission needs six levels.
const maxDepth = 16

// Decode reads one JSON text into v, a pointer to a struct. It refuses what
// two readers could understand differently: members that are unknown, occur twice
// or differ in case, text after the end, text that is not UTF-8. Errors name the
// field by its path ("parts[0].sha256"); of names and values that strangers chose they
// say no more than their beginning.
func Decode(raw []byte, v any) error {
	if !utf8.Valid(raw) {
		return hub.Invalid("", "utf8_body", "the body is not UTF-8 text")
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	k := walker{dec: dec}
	if err := k.value("", reflect.TypeOf(v).Elem(), 0); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return hub.Invalid("", "trailing_data", "there is text after the end of the JSON body")
	}
	return explained(json.Unmarshal(raw, v))
}

// explained names the field of what the walker let pass: numbers out of range.
func explained(err error) error {
	var wrongType *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &wrongType):
		return hub.Invalid(wrongType.Field, "type", "%s cannot be %s", wrongType.Field, short(wrongType.Value))
	}
	return notJSON(err)
}

func notJSON(err error) error {
	return &hub.Error{Kind: hub.KindInvalid, Rule: "json", Message: "the body is not JSON: " + short(err.Error())}
}

// walker goes through a JSON text beside the type that it is meant for.
type walker struct{ dec *json.Decoder }

// value checks the next value; a nil type takes anything.
func (k *walker) value(path string, t reflect.Type, depth int) error {
	if depth > maxDepth {
		return hub.Invalid(path, "max_depth", "the body has more than %d levels", maxDepth)
	}
	token, err := k.dec.Token()
	if err != nil {
		return notJSON(unexpectedEnd(err))
	}
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t != nil && t.Kind() == reflect.Interface {
		t = nil
	}
	switch token {
	case nil:
		return nil // null leaves the zero value
	case json.Delim('{'):
		return k.object(path, t, depth)
	case json.Delim('['):
		return k.array(path, t, depth)
	}
	return scalar(path, t, token)
}

func unexpectedEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func (k *walker) object(path string, t reflect.Type, depth int) error {
	if t != nil && (t.Kind() != reflect.Struct && t.Kind() != reflect.Map || isText(t)) {
		return wrongType(path, t, "an object")
	}
	seen := map[string]bool{}
	for k.dec.More() {
		token, err := k.dec.Token()
		if err != nil {
			return notJSON(unexpectedEnd(err))
		}
		name, _ := token.(string)
		field := join(path, short(name))
		if seen[name] {
			return hub.Invalid(field, "duplicate_member", "%q occurs twice in one object", short(name))
		}
		seen[name] = true
		member, known := memberType(t, name)
		if !known {
			return hub.Invalid(field, "unknown_member", "%q is not known here", field)
		}
		if err := k.value(field, member, depth+1); err != nil {
			return err
		}
	}
	return k.end()
}

// end reads the closing delimiter.
func (k *walker) end() error {
	if _, err := k.dec.Token(); err != nil {
		return notJSON(unexpectedEnd(err))
	}
	return nil
}

func (k *walker) array(path string, t reflect.Type, depth int) error {
	var element reflect.Type
	switch {
	case t == nil:
	case t.Kind() == reflect.Slice && !isText(t):
		element = t.Elem()
	default:
		return wrongType(path, t, "an array")
	}
	for i := 0; k.dec.More(); i++ {
		if err := k.value(fmt.Sprintf("%s[%d]", path, i), element, depth+1); err != nil {
			return err
		}
	}
	return k.end()
}

// scalar checks a string, number or boolean.
func scalar(path string, t reflect.Type, token json.Token) error {
	switch v := token.(type) {
	case string:
		if t != nil && isText(t) {
			return text(path, t, v)
		}
		if t != nil && t.Kind() != reflect.String {
			return wrongType(path, t, "a string")
		}
	case bool:
		if t != nil && t.Kind() != reflect.Bool {
			return wrongType(path, t, "a boolean")
		}
	case json.Number:
		if t != nil && !isNumber(t) {
			return wrongType(path, t, "a number")
		}
	}
	return nil
}

// text lets the type read the string, so that its error gets the path.
func text(path string, t reflect.Type, s string) error {
	u, _ := reflect.New(t).Interface().(encoding.TextUnmarshaler)
	err := u.UnmarshalText([]byte(s))
	var e *hub.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &e):
		return hub.Invalid(path, e.Rule, "%s", short(e.Message))
	}
	return hub.Invalid(path, "format", "%s is not well-formed: %s", path, short(err.Error()))
}

func isText(t reflect.Type) bool {
	return reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}

func isNumber(t reflect.Type) bool {
	k := t.Kind()
	return k >= reflect.Int && k <= reflect.Uint64 || k == reflect.Float32 || k == reflect.Float64
}

func wrongType(path string, t reflect.Type, got string) error {
	want := map[reflect.Kind]string{
		reflect.Struct: "an object", reflect.Map: "an object", reflect.Slice: "an array",
		reflect.String: "a string", reflect.Bool: "a boolean",
	}[t.Kind()]
	switch {
	case isText(t):
		want = "a string"
	case isNumber(t):
		want = "a number"
	}
	return hub.Invalid(path, "type", "this is %s, it must be %s", got, want)
}

// memberType returns the type of a member of an object, by its exact name.
func memberType(t reflect.Type, name string) (reflect.Type, bool) {
	switch {
	case t == nil:
		return nil, true
	case t.Kind() == reflect.Map:
		return t.Elem(), true
	}
	for i := range t.NumField() {
		f := t.Field(i)
		tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if tag == name && tag != "-" {
			return f.Type, true
		}
	}
	for i := range t.NumField() { // those of embedded structs lie deeper
		if f := t.Field(i); f.Anonymous && f.Type.Kind() == reflect.Struct && f.Tag.Get("json") == "" {
			if member, known := memberType(f.Type, name); known {
				return member, true
			}
		}
	}
	return nil, false
}

// maxShort bounds what an error repeats, in bytes.
const maxShort = 200

// short is the beginning of what may be as long as the body: errors go into logs and
// into headers of messages.
func short(s string) string {
	if len(s) <= maxShort {
		return s
	}
	return strings.ToValidUTF8(s[:maxShort], "") + "…"
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
