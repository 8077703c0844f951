package asic

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/url"
	"strings"
)

const (
	manifestFile  = metaFolder + "ASiCManifest.xml"
	signatureFile = metaFolder + "signature.p7s"
	asicNamespace = "http://uri.etsi.org/02918/v1.2.1#"
	dsigNamespace = "http://www.w3.org/2000/09/xmldsig#"
	sha256URI     = "http://www.w3.org/2001/04/xmlenc#sha256"
)

// File is a file to put into a container. Its content is read twice and must not
// change meanwhile.
type File struct {
	Name      string // with slashes; must be a safe name that no other file has
	MediaType string // such as application/json
	Content   io.ReaderAt
	Size      int64 // bytes
}

// Bytes returns a file with the given content.
func Bytes(name, mediaType string, content []byte) File {
	return File{name, mediaType, bytes.NewReader(content), int64(len(content))}
}

// Seal makes the detached CAdES signature (DER) over the bytes of a manifest.
type Seal func(ctx context.Context, manifest []byte) ([]byte, error)

// Write writes an ASiC-E container with the files in their order, the manifest over
// all of them, and the signature that seal makes over the manifest. Entries are
// stored, not packed, and carry no time, so that the bytes depend on nothing but
// files and signature. A *Refusal says that a name or size breaks a rule of the
// container; then nothing was written.
func Write(ctx context.Context, w io.Writer, files []File, seal Seal) error {
	entries, manifest, err := describe(ctx, files)
	if err != nil {
		return err
	}
	signature, err := seal(ctx, manifest)
	if err != nil {
		return fmt.Errorf("sign the manifest: %w", err)
	}
	for _, meta := range []File{Bytes(manifestFile, "", manifest), Bytes(signatureFile, "", signature)} {
		e, err := measure(ctx, meta)
		if err != nil {
			return err
		}
		entries = append(entries, e)
	}
	out := zip.NewWriter(w)
	for i := range entries {
		if err := entries[i].write(ctx, out); err != nil {
			return err
		}
	}
	return out.Close()
}

// measured is a file with what its header says.
type measured struct {
	File
	crc    uint32
	sha256 [sha256.Size]byte
}

// describe measures the files and builds the manifest over them. The first entry is
// the media type of the container, which no manifest lists.
func describe(ctx context.Context, files []File) ([]measured, []byte, error) {
	mediaType, err := measure(ctx, Bytes(mediaTypeFile, "", []byte(MediaTypeE)))
	if err != nil {
		return nil, nil, err
	}
	if len(files) == 0 || len(files) > MaxFiles-3 {
		return nil, nil, refuse("files", "would have %d files, want 1 to %d", len(files), MaxFiles-3)
	}
	entries := []measured{mediaType}
	taken := map[string]bool{mediaTypeFile: true}
	total := int64(0)
	for _, f := range files {
		if refusal := checkFileName(f.Name); refusal != nil {
			return nil, nil, refusal
		}
		key := nameKey(f.Name)
		if taken[key] {
			return nil, nil, refuse("duplicate name", "would have two files of the name %q", f.Name)
		}
		taken[key] = true
		if total += f.Size; f.Size < 0 || total > MaxBytes {
			return nil, nil, refuse("size", "would be larger than %d MiB", MaxBytes>>20)
		}
		e, err := measure(ctx, f)
		if err != nil {
			return nil, nil, err
		}
		entries = append(entries, e)
	}
	return entries, writeManifest(entries[1:]), nil
}

// checkFileName keeps files out of the folder of signatures.
func checkFileName(name string) *Refusal {
	if strings.HasSuffix(name, "/") || strings.HasPrefix(nameKey(name), nameKey(metaFolder)) {
		return refuse("name", "would have a file with the name of a folder or signature: %q", name)
	}
	return checkName(name)
}

func measure(ctx context.Context, f File) (measured, error) {
	m := measured{File: f}
	crc, sum := crc32.NewIEEE(), sha256.New()
	if err := f.copyTo(ctx, io.MultiWriter(crc, sum)); err != nil {
		return m, err
	}
	m.crc = crc.Sum32()
	sum.Sum(m.sha256[:0])
	return m, nil
}

// copyTo copies the content in pieces, so that a long one can be interrupted.
func (f File) copyTo(ctx context.Context, w io.Writer) error {
	content := io.NewSectionReader(f.Content, 0, f.Size)
	written := int64(0)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := io.CopyN(w, content, 1<<20)
		written += n
		if errors.Is(err, io.EOF) && written == f.Size {
			return nil
		}
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return fmt.Errorf("copy %q: %w", f.Name, err)
		}
	}
}

func (m measured) write(ctx context.Context, out *zip.Writer) error {
	const zipVersion, flagUTF8 = 20, 0x800
	header := &zip.FileHeader{
		Name: m.Name, Method: zip.Store, CreatorVersion: zipVersion, ReaderVersion: zipVersion,
		CRC32: m.crc, CompressedSize64: uint64(m.Size), UncompressedSize64: uint64(m.Size),
	}
	if strings.ContainsFunc(m.Name, func(r rune) bool { return r > 0x7e }) {
		header.Flags = flagUTF8
	}
	w, err := out.CreateRaw(header)
	if err != nil {
		return fmt.Errorf("write %q: %w", m.Name, err)
	}
	return m.copyTo(ctx, w)
}

// writeManifest writes the list of files with their digests. It is signed as it
// stands: its bytes, not its canonical form.
func writeManifest(files []measured) []byte {
	var b bytes.Buffer
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n")
	b.WriteString(`<asic:ASiCManifest xmlns:asic="` + asicNamespace + `" xmlns:ds="` + dsigNamespace + `">` + "\n")
	b.WriteString(`<asic:SigReference URI="` + signatureFile + `" MimeType="application/pkcs7-signature"/>` + "\n")
	for _, f := range files {
		b.WriteString(`<asic:DataObjectReference URI="` + attribute(escapePath(f.Name)) + `" MimeType="` + attribute(f.MediaType) + `">`)
		b.WriteString(`<ds:DigestMethod Algorithm="` + sha256URI + `"/><ds:DigestValue>` +
			base64.StdEncoding.EncodeToString(f.sha256[:]) + `</ds:DigestValue>`)
		b.WriteString("</asic:DataObjectReference>\n")
	}
	b.WriteString("</asic:ASiCManifest>\n")
	return b.Bytes()
}

// escapePath returns the name as a relative reference (RFC 3986).
func escapePath(name string) string {
	segments := strings.Split(name, "/")
	for i, segment := range segments {
		segments[i] = url.PathEscape(segment)
	}
	return strings.Join(segments, "/")
}

func attribute(value string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(value)) // a builder never fails to write
	return b.String()
}
