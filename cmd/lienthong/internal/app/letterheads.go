package app

import (
	"fmt"
	"io"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/schemas"
	"github.com/lienthong/lienthong/signing/letterhead"
)

// typesOfDocuments are the names of the types that the law knows.
func typesOfDocuments() ([]string, error) {
	codes, err := schemas.Codes()
	if err != nil {
		return nil, err
	}
	names := make([]string, len(codes.DocumentTypes))
	for i, t := range codes.DocumentTypes {
		names[i] = t.Name
	}
	return names, nil
}

// readingOf reads what documents of these types print of themselves.
func readingOf(types []string) func(io.ReaderAt, int64) (hub.Document, error) {
	return func(content io.ReaderAt, size int64) (hub.Document, error) {
		h, err := letterhead.Read(content, size, types)
		if err != nil {
			return hub.Document{}, fmt.Errorf("read the head of a document: %w", err)
		}
		d := hub.Document{
			CodeNumber: h.Number, CodeNotation: h.Notation, TypeName: h.Type, Subject: h.Subject, Place: h.Place,
			Signer: hub.Signer{Position: h.Position, FullName: h.Signer},
		}
		if !h.Date.IsZero() {
			d.Promulgated = hub.Date(h.Date.Format(time.DateOnly))
		}
		return d, nil
	}
}
