package cli

import (
	"bytes"
	"context"
	"errors"
	"io"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/signing/pdfsig"
	"github.com/lienthong/lienthong/signing/xmldsig"
)

// isXML reports whether a file begins like XML.
func isXML(in io.ReaderAt) (bool, error) {
	head := make([]byte, 64)
	n, err := in.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	return bytes.HasPrefix(bytes.TrimLeft(head[:n], "\xef\xbb\xbf \t\r\n"), []byte("<")), nil
}

// checkPackage refuses what a package cannot have.
func (c *signCommand) checkPackage(size int64) error {
	switch {
	case size > xmldsig.MaxBytes:
		return hub.Errorf(hub.KindTooLarge, "file", "max_size", "packages of more than %d MiB cannot be signed", xmldsig.MaxBytes>>20)
	case c.Level != "b" && c.Level != "t":
		return hub.Invalid("level", "package", "an edXML package is signed at level b or t, not %s", c.Level)
	case c.Role != "" || c.Image != "" || len(c.Text) > 0 || c.Rect != "" || c.Page != 0 || c.Beside != "":
		return hub.Invalid("role", "package", "an edXML package has no pages to show a signature on; sign the PDF in it before it is packed")
	case c.Field != "" || c.Certify != 0 || c.Reason != "" || c.Place != "":
		return hub.Invalid("field", "package", "--field, --certify, --reason and --place are for PDF only")
	}
	return nil
}

// signPackage signs the header of an edXML package.
func signPackage(ctx context.Context, in io.ReaderAt, size int64, w io.Writer, request pdfsig.SignRequest) error {
	envelope, err := io.ReadAll(io.NewSectionReader(in, 0, size))
	if err != nil {
		return hub.Invalid("file", "file", "%v", err)
	}
	maker := xmldsig.Maker{Key: request.Key, Chain: request.Chain, PSS: request.PSS, Stamp: request.Stamp}
	if err := maker.Check(); err != nil {
		return hub.Invalid("key", "key", "%s", err)
	}
	signed, err := maker.SignEnvelope(ctx, envelope, request.Time)
	switch {
	case errors.Is(err, xmldsig.ErrNotEnvelope):
		return hub.Invalid("file", "package", "%s", err)
	case errors.Is(err, xmldsig.ErrAlreadySigned):
		return hub.Errorf(hub.KindConflict, "file", "signed", "%s", err)
	case err != nil:
		return err
	}
	_, err = w.Write(signed)
	return err
}
