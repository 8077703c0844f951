package edxml

import (
	"bufio"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"hash"
	"hash/crc32"
	"io"
	"strings"

	"github.com/lienthong/lienthong/hub"
)

// Structure of a ZIP file (PKWARE APPNOTE): signatures and the fixed lengths of
// the records that a ZIP with one entry has.
const (
	zipLocal       = "PK\x03\x04"
	zipDescriptor  = "PK\x07\x08"
	zipCentral     = "PK\x01\x02"
	zipEnd         = "PK\x05\x06"
	localLength    = 30
	centralLength  = 46
	maxEntryName   = 1024
	maxZipTrailer  = 64 << 10
	methodStored   = 0
	methodDeflate  = 8
	flagEncrypted  = 1 << 0
	flagDescriptor = 1 << 3
)

const contentPath = "AttachmentEncoded/Attachment/ContentTransferEncoded"

func badZip(rule, message string) error { return hub.Invalid(contentPath, rule, "%s", message) }

// unzip copies the one entry of a ZIP to w while the ZIP streams by. The sizes
// of an entry are known only at its end, so limits are watched on the way.
func unzip(w io.Writer, r io.Reader, limits Limits) (int64, error) {
	packed := &countingReader{r: r}
	in := bufio.NewReaderSize(packed, 32<<10)
	header, err := readLocal(in)
	if err != nil {
		return 0, err
	}
	out := &entryWriter{w: w, crc: crc32.NewIEEE(), packed: packed, limits: limits}
	if err := copyEntry(out, in, header); err != nil {
		return out.size, err
	}
	return out.size, checkTrailer(in, header, out)
}

// zipHeader is a local file header.
type zipHeader struct {
	flags, method uint16
	crc           uint32
	packed, size  uint32
	name          string
}

func readLocal(in *bufio.Reader) (zipHeader, error) {
	var h zipHeader
	var fixed [localLength]byte
	if _, err := io.ReadFull(in, fixed[:]); err != nil {
		return h, notZip(err)
	}
	if string(fixed[:4]) == zipEnd || string(fixed[:4]) != zipLocal {
		return h, badZip("zip", "the attachment should be a ZIP with one file and is not")
	}
	le := binary.LittleEndian
	h = zipHeader{
		flags: le.Uint16(fixed[6:]), method: le.Uint16(fixed[8:]), crc: le.Uint32(fixed[14:]),
		packed: le.Uint32(fixed[18:]), size: le.Uint32(fixed[22:]),
	}
	nameLength, extra := int(le.Uint16(fixed[26:])), int(le.Uint16(fixed[28:]))
	if nameLength > maxEntryName {
		return h, badZip("zip_entry_name", "the name of the file inside the ZIP is too long")
	}
	name := make([]byte, nameLength)
	if _, err := io.ReadFull(in, name); err != nil {
		return h, notZip(err)
	}
	if _, err := in.Discard(extra); err != nil {
		return h, notZip(err)
	}
	h.name = string(name)
	return h, h.check()
}

func notZip(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return badZip("zip", "the attachment should be a ZIP with one file and is cut off or none")
	}
	return err
}

func (h *zipHeader) check() error {
	switch {
	case h.flags&flagEncrypted != 0:
		return badZip("zip_encrypted", "the ZIP is encrypted")
	case strings.ContainsAny(h.name, `/\:`) || strings.ContainsRune(h.name, 0) || h.name == ".." || h.name == "." || h.name == "":
		return badZip("zip_entry_name", "the file inside the ZIP must have a plain name without a path")
	case h.method != methodStored && h.method != methodDeflate:
		return badZip("zip_method", "the ZIP uses a compression that is not known")
	case h.method == methodStored && h.flags&flagDescriptor != 0:
		return badZip("zip_method", "the ZIP stores a file of unknown length")
	}
	return nil
}

func copyEntry(out *entryWriter, in *bufio.Reader, h zipHeader) error {
	var err error
	if h.method == methodStored {
		_, err = io.CopyN(out, in, int64(h.size))
	} else {
		inflate := flate.NewReader(in)
		_, err = io.Copy(out, struct{ io.Reader }{inflate})
		err = errors.Join(err, inflate.Close())
	}
	var corrupt flate.CorruptInputError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &corrupt), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return badZip("zip", "the ZIP is damaged")
	}
	return err
}

// checkTrailer reads what follows the entry: it must be the descriptor, a
// directory of one entry, and the end. A second entry is refused, since readers
// differ in which one they show.
func checkTrailer(in *bufio.Reader, h zipHeader, out *entryWriter) error {
	rest, err := io.ReadAll(io.LimitReader(in, maxZipTrailer+1))
	if err != nil {
		return err
	}
	if len(rest) > maxZipTrailer {
		return badZip("zip_entries", "the ZIP holds more than one file, or bytes that belong to none")
	}
	crc := h.crc
	if h.flags&flagDescriptor != 0 {
		if rest, crc, err = cutDescriptor(rest); err != nil {
			return err
		}
	}
	if crc != out.crc.Sum32() {
		return badZip("zip", "the ZIP is damaged: the checksum of its file is wrong")
	}
	return checkDirectory(rest)
}

// cutDescriptor finds the data descriptor, whose signature is optional and whose
// sizes have 4 or 8 bytes each, by the directory that must follow it.
func cutDescriptor(rest []byte) ([]byte, uint32, error) {
	at := bytes.Index(rest, []byte(zipCentral))
	if at != 12 && at != 16 && at != 20 && at != 24 {
		if bytes.Contains(rest, []byte(zipLocal)) {
			return nil, 0, badZip("zip_entries", "the ZIP holds more than one file")
		}
		return nil, 0, badZip("zip", "the ZIP is damaged: its directory is missing")
	}
	descriptor := bytes.TrimPrefix(rest[:at], []byte(zipDescriptor))
	return rest[at:], binary.LittleEndian.Uint32(descriptor), nil
}

func checkDirectory(rest []byte) error {
	switch {
	case bytes.HasPrefix(rest, []byte(zipLocal)):
		return badZip("zip_entries", "the ZIP holds more than one file")
	case !bytes.HasPrefix(rest, []byte(zipCentral)) || len(rest) < centralLength:
		return badZip("zip", "the ZIP is damaged: its directory is missing")
	}
	le := binary.LittleEndian
	length := centralLength + int(le.Uint16(rest[28:])) + int(le.Uint16(rest[30:])) + int(le.Uint16(rest[32:]))
	switch {
	case length > len(rest):
		return badZip("zip", "the ZIP is damaged: its directory is cut off")
	case bytes.HasPrefix(rest[length:], []byte(zipCentral)):
		return badZip("zip_entries", "the ZIP holds more than one file")
	case !bytes.Contains(rest[length:], []byte(zipEnd)):
		return badZip("zip", "the ZIP is damaged: its end is missing")
	}
	return nil
}

// entryWriter counts and checks the unpacked bytes on their way out.
type entryWriter struct {
	w      io.Writer
	crc    hash.Hash32
	size   int64
	packed *countingReader
	limits Limits
}

// smallEntry is the size up to which the ratio of a ZIP does not matter.
const smallEntry = 1 << 20

// Write implements io.Writer.
func (e *entryWriter) Write(p []byte) (int, error) {
	e.size += int64(len(p))
	switch {
	case e.size > e.limits.Attachment:
		return 0, tooLargeAttachment(e.limits)
	case e.size > smallEntry && e.size/max(e.packed.n, 1) > e.limits.Ratio:
		return 0, hub.Errorf(hub.KindTooLarge, contentPath, "zip_ratio", "the ZIP unpacks to more than %d times its size", e.limits.Ratio)
	}
	e.crc.Write(p)
	return e.w.Write(p)
}

func tooLargeAttachment(limits Limits) error {
	return hub.Errorf(hub.KindTooLarge, contentPath, "max_size", "an attachment has at most %d bytes", limits.Attachment)
}

// countingReader counts what was read.
type countingReader struct {
	r io.Reader
	n int64
}

// Read implements io.Reader.
func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}
