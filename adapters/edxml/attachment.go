package edxml

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/beevik/etree"

	"github.com/lienthong/lienthong/hub"
)

// attachments takes the contents of a package into the store while they pass by
// and decides at the end, when everything is known, what each of them is.
type attachments struct {
	ctx    context.Context //nolint:containedctx // lives within one Decode
	store  PartStore
	limits Limits
	taken  []*stored
}

// stored is one content: as it was sent, unpacked, or both when the elements
// that decide stand behind it.
type stored struct {
	raw, unpacked         hub.BlobWriter
	rawSize, unpackedSize int64
	unpackErr             error
}

func (a *attachments) discard() {
	for _, s := range a.taken {
		for _, w := range []hub.BlobWriter{s.raw, s.unpacked} {
			if w != nil {
				w.Discard()
			}
		}
	}
}

// take stores one content. With the hint complete it knows what to do; without,
// a content that looks like a ZIP is kept in both forms until the end.
func (a *attachments) take(hint attachmentHint, r io.Reader) error {
	if len(a.taken) >= a.limits.Attachments {
		return hub.Errorf(hub.KindTooLarge, "AttachmentEncoded", "max_items", "a package has at most %d attachments", a.limits.Attachments)
	}
	s := &stored{}
	a.taken = append(a.taken, s)
	if hint.complete() {
		if packed(hint) {
			return a.unpack(s, r)
		}
		return a.keep(s, r)
	}
	in := bufio.NewReader(r)
	if head, _ := in.Peek(len(zipLocal)); string(head) != zipLocal {
		return a.keep(s, in)
	}
	return a.both(s, in)
}

// complete reports whether nothing behind the content can change the decision.
func (h attachmentHint) complete() bool { return h.name != nil && h.contentType != nil }

// packed is the rule of the reference parser: application/zip, or no type at
// all, means a ZIP around the file, unless the file itself is called a ZIP.
func packed(h attachmentHint) bool {
	if h.contentType != nil && *h.contentType != "application/zip" {
		return false
	}
	format := "unk"
	switch {
	case h.format != nil:
		format = *h.format
	case h.name != nil && path.Ext(*h.name) != "":
		format = strings.TrimPrefix(path.Ext(*h.name), ".")
	}
	return format != "zip"
}

func (a *attachments) keep(s *stored, r io.Reader) error {
	var err error
	if s.raw, err = a.store.CreateBlob(a.ctx); err != nil {
		return err
	}
	// The content comes in pieces as small as the network's; a file takes large ones.
	out := bufio.NewWriterSize(&sizeLimit{w: s.raw, limits: a.limits}, chunk)
	if s.rawSize, err = out.ReadFrom(r); err == nil {
		err = out.Flush()
	}
	return err
}

func (a *attachments) unpack(s *stored, r io.Reader) error {
	var err error
	if s.unpacked, err = a.store.CreateBlob(a.ctx); err != nil {
		return err
	}
	in := bufio.NewReader(r)
	if _, err := in.Peek(1); err == io.EOF {
		return nil // empty content is an empty file
	}
	s.unpackedSize, err = unzip(s.unpacked, in, a.limits)
	return err
}

// both keeps the ZIP and what is in it. That it cannot be unpacked is an error
// only if it turns out that it should be.
func (a *attachments) both(s *stored, r io.Reader) error {
	var err error
	if s.raw, err = a.store.CreateBlob(a.ctx); err != nil {
		return err
	}
	if s.unpacked, err = a.store.CreateBlob(a.ctx); err != nil {
		return err
	}
	raw := &sizeLimit{w: s.raw, limits: a.limits}
	tee := io.TeeReader(r, raw)
	s.unpackedSize, s.unpackErr = unzip(s.unpacked, tee, a.limits)
	if kind := hub.KindInvalid; s.unpackErr != nil && hub.KindOf(s.unpackErr) != kind && hub.KindOf(s.unpackErr) != hub.KindTooLarge {
		return s.unpackErr
	}
	_, err = io.Copy(io.Discard, tee)
	s.rawSize = raw.size
	return err
}

// sizeLimit refuses content beyond the limit.
type sizeLimit struct {
	w      io.Writer
	size   int64
	limits Limits
}

// Write implements io.Writer.
func (l *sizeLimit) Write(p []byte) (int, error) {
	if l.size += int64(len(p)); l.size > l.limits.Attachment {
		return 0, tooLargeAttachment(l.limits)
	}
	return l.w.Write(p)
}

// described is what the elements of an attachment say, with the index of its
// content among those taken.
type described struct {
	hint        attachmentHint
	description string
	content     bool
}

// attachments lists what the package says of its attachments. Only the last
// AttachmentEncoded under the root counts; an Attachment without children is none.
func (h *header) attachments() []described {
	var list []described
	encoded := children(h.root, "AttachmentEncoded")
	for n, block := range encoded {
		for _, e := range children(block, "Attachment") {
			d := described{content: child(e, "ContentTransferEncoded") != nil, description: text(e, "Description")}
			d.hint = attachmentHint{contentType: optional(e, "ContentType"), name: optional(e, "AttachmentName"), format: optional(e, "Format")}
			if n == len(encoded)-1 && len(e.ChildElements()) > 0 || d.content {
				list = append(list, d)
			}
		}
	}
	return list
}

func optional(e *etree.Element, name string) *string {
	c := child(e, name)
	if c == nil {
		return nil
	}
	t := content(c)
	return &t
}

// commit makes the contents durable in the form that the rules choose and
// returns the parts: the first one is the original, the others its attachments.
func (a *attachments) commit(list []described) ([]hub.Part, error) {
	var parts []hub.Part
	next := 0
	for i, d := range list {
		field := fmt.Sprintf("AttachmentEncoded/Attachment[%d]", i)
		switch {
		case d.hint.name == nil || *d.hint.name == "":
			return nil, hub.Invalid(field+"/AttachmentName", "required", "attachment %d has no AttachmentName", i+1)
		case !d.content:
			return nil, hub.Invalid(field+"/ContentTransferEncoded", "required", "attachment %d has no ContentTransferEncoded", i+1)
		}
		content, err := a.contentAt(next, field)
		if err != nil {
			return nil, err
		}
		next++
		part, err := content.commit(d)
		if err != nil {
			return nil, err
		}
		part.ID, part.Role = hub.PartName(i+1), hub.RoleAttachment
		if i == 0 {
			part.Role = hub.RoleOriginal
		}
		parts = append(parts, part)
	}
	return parts, nil
}

// contentAt returns the content that belongs to an attachment. An empty element
// (<ContentTransferEncoded/>) has none, which the count shows.
func (a *attachments) contentAt(i int, field string) (*stored, error) {
	if i >= len(a.taken) {
		return nil, hub.Invalid(field+"/ContentTransferEncoded", "required", "an attachment has an empty element for its content")
	}
	return a.taken[i], nil
}

func (s *stored) commit(d described) (hub.Part, error) {
	part := hub.Part{Name: *d.hint.name, Description: d.description, MediaType: mediaType(*d.hint.name)}
	w := s.raw
	if packed(d.hint) {
		if s.unpackErr != nil {
			return part, s.unpackErr
		}
		if w = s.unpacked; w == nil && s.rawSize > 0 {
			return part, badZip("zip", "the attachment should be a ZIP with one file and is not")
		}
	}
	if w == nil {
		w = s.raw
	}
	if w == nil {
		return part, badZip("zip", "the attachment changed its kind while it was read")
	}
	var err error
	part.Digest, part.Size, err = w.Commit()
	return part, err
}

// mediaType goes by the name: what senders write in ContentType is not reliable.
func mediaType(name string) string {
	switch strings.ToLower(path.Ext(name)) {
	case ".pdf":
		return "application/pdf"
	case ".doc":
		return "application/msword"
	case ".docx":
		return "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
	case ".xls":
		return "application/vnd.ms-excel"
	case ".xlsx":
		return "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	case ".png":
		return "image/png"
	case ".jpg", ".jpeg":
		return "image/jpeg"
	case ".txt":
		return "text/plain"
	case ".xml", ".edxml":
		return "application/xml"
	case ".zip":
		return "application/zip"
	}
	return "application/octet-stream"
}
