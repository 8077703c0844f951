package asic

import (
	"archive/zip"
	"bytes"
	"context"
	"io"

	"github.com/lienthong/lienthong/signing/cms"
)

// CheckForm requires that a container is, byte for byte, what Write makes of its files
// and of their one signature: no header, no flag, no order and no place in the signature
// is left that could be changed without a trace, but that an ECDSA signature has a twin
// with the other s. What Read and Verify take from others is
// not always of this form. A *Refusal says where the container is not, with the rule
// "form"; any other error is a failure to read.
func CheckForm(ctx context.Context, source io.ReaderAt, size int64) error {
	c, err := Read(source, size)
	if err != nil {
		return err
	}
	entries := c.archive.entries
	if err := c.checkFilesForm(); err != nil {
		return err
	}
	if err := c.checkSignatureForm(); err != nil {
		return err
	}
	same := &comparison{source: source}
	out := zip.NewWriter(same)
	for i := range entries {
		e := &entries[i]
		if e.method != methodStored {
			return refuse("form", "has a packed entry: %q", e.name)
		}
		file := File{Name: e.name, Content: io.NewSectionReader(source, e.content, e.size), Size: e.size}
		if err := (measured{File: file, crc: e.crc}).write(ctx, out); err != nil {
			return err
		}
	}
	if err := out.Close(); err != nil {
		return err
	}
	if same.at != size {
		return refuse("form", "is longer than its files make it")
	}
	return nil
}

// checkFilesForm requires the media type, the files of the manifest in its order, the
// manifest and the signature, and nothing else: no folder, and nothing in META-INF that
// no signature is over.
func (c *Container) checkFilesForm() error {
	var names []string
	for i := range c.archive.entries {
		names = append(names, c.archive.entries[i].name)
	}
	if n := len(names); n < 4 || names[n-2] != manifestFile || names[n-1] != signatureFile {
		return refuse("form", "does not end with the manifest and the signature of a bundle")
	}
	mediaType, err := c.ReadFile(mediaTypeFile, MaxMetaBytes)
	if err != nil {
		return err
	}
	if string(mediaType) != MediaTypeE {
		return refuse("form", "has a media type that is not written as a hub writes it")
	}
	content, err := c.ReadFile(manifestFile, MaxMetaBytes)
	if err != nil {
		return err
	}
	sealed := []string{mediaTypeFile}
	for _, file := range readManifest(manifestFile, content).files {
		sealed = append(sealed, file.name)
	}
	sealed = append(sealed, manifestFile, signatureFile)
	for i, name := range names {
		if i >= len(sealed) || name != sealed[i] {
			return refuse("form", "has %q where its manifest has no such file", name)
		}
	}
	return nil
}

// checkSignatureForm requires that the signature is one that cms.Maker writes.
func (c *Container) checkSignatureForm() error {
	der, err := c.ReadFile(signatureFile, MaxMetaBytes)
	if err != nil {
		return err
	}
	message, problem := cms.Parse(der)
	if problem != nil || !message.IsPlain(der) {
		return refuse("form", "has a signature that holds more than one certificate and what it signed")
	}
	return nil
}

// comparison is a writer that wants to be given what a source holds.
type comparison struct {
	source io.ReaderAt
	at     int64
}

// Write implements io.Writer.
func (c *comparison) Write(p []byte) (int, error) {
	there := make([]byte, len(p))
	if n, err := c.source.ReadAt(there, c.at); n < len(p) && err != io.EOF { // io.ReaderAt gives io.EOF itself
		return 0, err
	}
	if !bytes.Equal(there, p) {
		return 0, refuse("form", "is not as a hub writes it, near byte %d", c.at)
	}
	c.at += int64(len(p))
	return len(p), nil
}
