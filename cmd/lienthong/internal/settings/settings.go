// Package settings reads the configuration file of a hub.
//
// It is one JSON object whose keys are flags of serve. A key that is none, or stands
// there twice, is an error: it would silently do nothing.
package settings

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"github.com/lienthong/lienthong/hub"
)

// Parse reads one JSON object whose keys are known, and returns their values as texts.
// Errors are of hub.KindInvalid and name the key and its rule: json, unknown,
// duplicate, type.
func Parse(raw []byte, known map[string]string) (map[string]string, error) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	if token, err := decoder.Token(); err != nil || token != json.Delim('{') {
		return nil, hub.Invalid("config", "json", "the configuration file is not one JSON object")
	}
	values := map[string]string{}
	for decoder.More() {
		var value any
		key, err := decoder.Token()
		if err == nil {
			err = decoder.Decode(&value)
		}
		if err != nil {
			return nil, hub.Invalid("config", "json", "the configuration file is not JSON: %v", err)
		}
		name := fmt.Sprint(key)
		if values[name], err = textOf(name, value, known, values); err != nil {
			return nil, err
		}
	}
	if _, err := decoder.Token(); err != nil {
		return nil, hub.Invalid("config", "json", "the configuration file is not JSON: %v", err)
	}
	// Not decoder.More, to which a closing bracket is the end of everything.
	if _, err := decoder.Token(); err != io.EOF {
		return nil, hub.Invalid("config", "json", "the configuration file goes on after its object")
	}
	return values, nil
}

func textOf(name string, value any, known, already map[string]string) (string, error) {
	if _, ok := known[name]; !ok {
		return "", hub.Invalid(name, "unknown", "the configuration file has a key that is no flag of serve")
	}
	if _, ok := already[name]; ok {
		return "", hub.Invalid(name, "duplicate", "the configuration file has this key twice")
	}
	switch value.(type) {
	case string, bool, json.Number:
		return fmt.Sprint(value), nil
	}
	return "", hub.Invalid(name, "type", "the value in the configuration file must be a text, a number, true or false")
}
