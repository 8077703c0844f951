package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"io"

	"github.com/lienthong/lienthong/hub"
)

// WriteXML writes the validation report on files as XML.
func WriteXML(w io.Writer, files ...hub.FileReport) error {
	body, err := xml.MarshalIndent(build(files), "", "  ")
	if err != nil {
		return hub.Internal("encode a validation report", err)
	}
	_, err = w.Write(append(append([]byte(xml.Header), body...), '\n'))
	return err
}

// WriteJSON writes the validation report on files as JSON with the same names.
func WriteJSON(w io.Writer, files ...hub.FileReport) error {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(map[string]any{"ValidationReport": build(files)}); err != nil {
		return hub.Internal("encode a validation report", err)
	}
	_, err := w.Write(b.Bytes())
	return err
}
