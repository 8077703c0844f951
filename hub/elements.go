package hub

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// ReadElements reads a JSON array of objects, one element after the other, at most so many,
// with nothing behind it and no member that T does not know. Errors are of KindInvalid with
// the rule "json", or of KindTooLarge; the field is that of the element, "terms[3]", with the
// member where a value of it is of another type.
func ReadElements[T any](r io.Reader, field string, most int) ([]T, error) {
	decoder := json.NewDecoder(r)
	decoder.DisallowUnknownFields()
	if start, err := decoder.Token(); err != nil || start != json.Delim('[') {
		return nil, Invalid(field, "json", "%s is a JSON array of objects", field)
	}
	var list []T
	for decoder.More() {
		if len(list) == most {
			return nil, Errorf(KindTooLarge, field, "max_items", "%s has at most %d elements", field, most)
		}
		var element *T
		if err := decoder.Decode(&element); err != nil || element == nil {
			return nil, wrongElement(fmt.Sprintf("%s[%d]", field, len(list)), err)
		}
		list = append(list, *element)
	}
	if _, err := decoder.Token(); err != nil {
		return nil, wrongElement(fmt.Sprintf("%s[%d]", field, len(list)), err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, Invalid(field, "json", "something stands behind the array")
	}
	return list, nil
}

// wrongElement says what is wrong with an element; nil is null.
func wrongElement(field string, err error) error {
	if err == nil {
		return Invalid(field, "json", "null is no object")
	}
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && wrong.Field != "" {
		return Invalid(field+"."+wrong.Field, "json", "a %s is no value of %s", wrong.Value, wrong.Field)
	}
	return Invalid(field, "json", "%v", err)
}
