package asic

import (
	"bytes"
	"io"
	"slices"
	"strings"
)

// Container is an opened container whose structure holds. Its files are foreign
// data still: only Verify says what is signed.
type Container struct {
	MediaType string // MediaTypeS or MediaTypeE

	archive *archive
}

// Read opens a container. The error is a *Refusal when the container breaks a rule,
// anything else is a failure to read the source.
func Read(source io.ReaderAt, size int64) (*Container, error) {
	a, err := readArchive(source, size)
	if err != nil {
		return nil, err
	}
	c := &Container{archive: a}
	if err := c.readMediaType(); err != nil {
		return nil, err
	}
	return c, nil
}

// readMediaType requires the entry that tells containers from other archives at a
// fixed place: first, not packed, without extra field.
func (c *Container) readMediaType() error {
	entries := c.archive.entries
	if len(entries) == 0 || entries[0].name != mediaTypeFile || entries[0].method != methodStored ||
		entries[0].content != lengthLocal+int64(len(mediaTypeFile)) {
		return refuse("mimetype", "does not begin with its media type, stored without an extra field")
	}
	value, err := c.ReadFile(mediaTypeFile, 256)
	if err != nil {
		return err
	}
	switch c.MediaType = string(bytes.TrimRight(value, "\r\n")); c.MediaType {
	case MediaTypeS, MediaTypeE:
		return nil
	}
	return refuse("mimetype", "is of the media type %q, which is not supported", c.MediaType)
}

// Names returns the names of the files in the container, those of signatures
// and manifests left out, in the order of the container.
func (c *Container) Names() []string { return c.names(false) }

func (c *Container) names(meta bool) []string {
	var list []string
	for i := range c.archive.entries {
		e := &c.archive.entries[i]
		if !e.isFolder() && e.name != mediaTypeFile && isMeta(e.name) == meta {
			list = append(list, e.name)
		}
	}
	return list
}

func isMeta(name string) bool { return strings.HasPrefix(nameKey(name), nameKey(metaFolder)) }

// Open returns the content of a file as a stream. The stream ends with io.EOF only
// when length and checksum were right, with a *Refusal when they were not; nil says
// that there is no such file.
func (c *Container) Open(name string) io.Reader {
	i := slices.IndexFunc(c.archive.entries, func(e entry) bool { return e.name == name && !e.isFolder() })
	if i < 0 {
		return nil
	}
	return c.archive.open(&c.archive.entries[i])
}

// ReadFile returns the content of a file of at most limit bytes.
func (c *Container) ReadFile(name string, limit int64) ([]byte, error) {
	r := c.Open(name)
	if r == nil {
		return nil, refuse("missing file", "has no file %q", name)
	}
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, refuse("size", "has a file larger than the %d bytes that are read of it: %q", limit, name)
	}
	return data, nil
}
