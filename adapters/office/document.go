package office

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/lienthong/lienthong/hub"
)

// The bounds of a document (ECMA-376) from outside.
const (
	maxEntries  = 500
	maxUnpacked = 64 << 20 // bytes of all parts
	maxPart     = 16 << 20 // bytes of one that has placeholders
)

const (
	typesPart = "[Content_Types].xml"
	mainPart  = "word/document.xml"
)

// document is a document that was looked through.
type document struct {
	files []*zip.File
	parts map[string]*part // those that have text, by name
}

func refused(rule, format string, values ...any) error {
	return hub.Invalid("file", rule, format, values...)
}

// openDocument looks a document through. Errors are of KindInvalid and KindTooLarge with the
// field "file".
func openDocument(content []byte) (*document, error) {
	z, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return nil, refused("docx", "the file is no document of a word processor (DOCX)")
	}
	if len(z.File) > maxEntries {
		return nil, hub.Errorf(hub.KindTooLarge, "file", "max_items", "a document has at most %d parts", maxEntries)
	}
	d := &document{files: z.File, parts: map[string]*part{}}
	seen := map[string]bool{}
	left := int64(maxUnpacked)
	for _, f := range z.File {
		if err := checkName(f.Name, seen); err != nil {
			return nil, err
		}
		body, err := unpack(f, left)
		if err != nil {
			return nil, err
		}
		left -= int64(len(body))
		if err := d.take(f.Name, body); err != nil {
			return nil, err
		}
	}
	if !seen[typesPart] || d.parts[mainPart] == nil {
		return nil, refused("docx", "the file is no document of a word processor (DOCX)")
	}
	return d, nil
}

// checkName refuses names that are not of a plain document.
func checkName(name string, seen map[string]bool) error {
	lower := strings.ToLower(name)
	switch {
	case seen[name] || strings.Contains(name, "\\") || path.IsAbs(name) || slices.Contains(strings.Split(name, "/"), ".."):
		return refused("docx", "a part of the document has an impossible name: %.60q", name)
	case strings.Contains(lower, "vba") || strings.Contains(lower, "activex") || strings.Contains(lower, "embeddings/") || strings.HasSuffix(lower, ".bin"):
		return refused("active", "the document holds macros or embedded objects: %.60q", name)
	}
	seen[name] = true
	return nil
}

// unpack reads an entry within what is left of the bound.
func unpack(f *zip.File, left int64) ([]byte, error) {
	r, err := f.Open()
	if err != nil {
		return nil, refused("docx", "a part of the document cannot be read: %.60q", f.Name)
	}
	defer func() { _ = r.Close() }() // it was read
	body, err := io.ReadAll(io.LimitReader(r, left+1))
	switch {
	case int64(len(body)) > left:
		return nil, hub.Errorf(hub.KindTooLarge, "file", "max_size", "a document has at most %d bytes when it is unpacked", maxUnpacked)
	case err != nil:
		return nil, refused("docx", "a part of the document is damaged: %.60q", f.Name)
	}
	return body, nil
}

// take looks at one part.
func (d *document) take(name string, body []byte) error {
	switch {
	case name == typesPart:
		if lower := bytes.ToLower(body); bytes.Contains(lower, []byte("macroenabled")) || bytes.Contains(lower, []byte("vbaproject")) {
			return refused("active", "the document holds macros")
		}
	case strings.HasSuffix(name, ".rels"):
		return checkRelations(body)
	case hasText(name):
		if len(body) > maxPart {
			return hub.Errorf(hub.KindTooLarge, "file", "max_size", "a part of a document has at most %d bytes", maxPart)
		}
		p, err := readPart(body)
		if err != nil {
			return err
		}
		d.parts[name] = p
	}
	return nil
}

// hasText reports whether a part has text in which placeholders are filled.
func hasText(name string) bool {
	folder, file := path.Split(name)
	return folder == "word/" && strings.HasSuffix(file, ".xml") && (file == "document.xml" || strings.HasPrefix(file, "header") || strings.HasPrefix(file, "footer"))
}

// checkRelations refuses what a document would fetch from elsewhere when it is opened; links
// that a reader may follow stay.
func checkRelations(body []byte) error {
	var list struct {
		Relations []struct {
			Kind string `xml:"Type,attr"`
			Mode string `xml:"TargetMode,attr"`
		} `xml:"Relationship"`
	}
	if err := xml.Unmarshal(body, &list); err != nil {
		return refused("docx", "the references of the document cannot be read")
	}
	for _, r := range list.Relations {
		if strings.EqualFold(r.Mode, "External") && !strings.HasSuffix(r.Kind, "/hyperlink") {
			return refused("external", "the document refers to something outside itself")
		}
	}
	return nil
}

// placeholders names those of all parts.
func (d *document) placeholders() []string {
	var names []string
	for _, f := range d.files {
		p := d.parts[f.Name]
		if p == nil {
			continue
		}
		for i := range p.paragraphs {
			for _, m := range placeholder().FindAllStringSubmatch(p.paragraphs[i].text(), -1) {
				if !slices.Contains(names, m[1]) {
					names = append(names, m[1])
				}
			}
		}
	}
	return names
}

func placeholder() *regexp.Regexp { return regexp.MustCompile(`\{([a-z][a-z_.]*)\}`) }

// fill writes the document anew; parts without placeholders stay as they are.
func (d *document) fill(to io.Writer, values map[string]string) error {
	w := zip.NewWriter(to)
	for _, f := range d.files {
		p := d.parts[f.Name]
		if p == nil {
			if err := w.Copy(f); err != nil {
				return hub.Internal("copy a part of a document", err)
			}
			continue
		}
		part, err := w.CreateHeader(&zip.FileHeader{Name: f.Name, Method: zip.Deflate})
		if err == nil {
			_, err = part.Write(p.filled(values))
		}
		if err != nil {
			return hub.Internal("write a part of a document", err)
		}
	}
	if err := w.Close(); err != nil {
		return hub.Internal("write a document", err)
	}
	return nil
}

// part is an XML part with its paragraphs.
type part struct {
	body       []byte
	paragraphs []paragraph
}

// paragraph is the text of a paragraph, in the pieces in which it stands: word processors
// break it wherever its look or its language changes.
type paragraph struct{ pieces []piece }

// piece is one element of text.
type piece struct {
	tag, begin, end int // places in the part: of the element, of its text, behind its text
	text            string
}

func (p *paragraph) text() string {
	var b strings.Builder
	for i := range p.pieces {
		b.WriteString(p.pieces[i].text)
	}
	return b.String()
}

// readPart finds the paragraphs of a part.
func readPart(body []byte) (*part, error) {
	p := &part{body: body}
	r := &partReader{decoder: xml.NewDecoder(bytes.NewReader(body)), part: p}
	for {
		before := int(r.decoder.InputOffset())
		token, err := r.decoder.RawToken()
		if errors.Is(err, io.EOF) && len(r.open) == 0 {
			return p, nil
		}
		if err != nil {
			return nil, refused("docx", "the text of the document cannot be read")
		}
		if err := r.take(token, before); err != nil {
			return nil, err
		}
	}
}

// partReader is on its way through a part.
type partReader struct {
	decoder *xml.Decoder
	part    *part
	open    []paragraph // those that have begun, the inmost last
	piece   *piece      // the text that has begun
	order   bool        // inside an instruction of a field
}

const wordPrefix = "w" // by which every word processor names its elements

func (r *partReader) take(token xml.Token, before int) error {
	switch t := token.(type) {
	case xml.Directive:
		return refused("docx", "the document declares entities")
	case xml.StartElement:
		return r.begin(&t, before)
	case xml.EndElement:
		if t.Name.Space == wordPrefix {
			r.end(t.Name.Local, before)
		}
	case xml.CharData:
		if r.piece != nil {
			r.piece.text += string(t)
		}
		if r.order {
			return checkOrder(string(t))
		}
	}
	return nil
}

func (r *partReader) begin(t *xml.StartElement, before int) error {
	if t.Name.Space != wordPrefix {
		return nil
	}
	switch t.Name.Local {
	case "p":
		r.open = append(r.open, paragraph{})
	case "t":
		r.piece = &piece{tag: before, begin: int(r.decoder.InputOffset())}
	case "instrText":
		r.order = true
	case "fldSimple":
		for _, a := range t.Attr {
			if err := checkOrder(a.Value); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *partReader) end(name string, before int) {
	last := len(r.open) - 1
	switch {
	case name == "instrText":
		r.order = false
	case name == "t" && r.piece != nil:
		if r.piece.end = before; r.piece.text != "" && last >= 0 {
			r.open[last].pieces = append(r.open[last].pieces, *r.piece)
		}
		r.piece = nil
	case name == "p" && last >= 0:
		r.part.paragraphs = append(r.part.paragraphs, r.open[last])
		r.open = r.open[:last]
	}
}

// checkOrder refuses fields that run programs or fetch something when a document is opened.
func checkOrder(text string) error {
	upper := strings.ToUpper(text)
	for _, word := range []string{"DDE", "INCLUDETEXT", "INCLUDEPICTURE", "IMPORT", "LINK "} {
		if strings.Contains(upper, word) && !strings.Contains(upper, "HYPERLINK") {
			return refused("active", "the document has a field that fetches or runs something: %s", strings.TrimSpace(word))
		}
	}
	return nil
}

// filled is the part with values in the place of placeholders.
func (p *part) filled(values map[string]string) []byte {
	var changed []piece
	for i := range p.paragraphs {
		changed = append(changed, p.paragraphs[i].filled(values)...)
	}
	slices.SortFunc(changed, func(a, b piece) int { return a.begin - b.begin })
	var out bytes.Buffer
	at := 0
	for i := range changed {
		c := &changed[i]
		out.Write(p.body[at:c.tag])
		out.WriteString(`<w:t xml:space="preserve">`)
		_ = xml.EscapeText(&out, []byte(c.text)) // a buffer takes all
		at = c.end
	}
	out.Write(p.body[at:])
	return out.Bytes()
}

// filled are the pieces that change, with their new text: a value stands where its
// placeholder began.
func (p *paragraph) filled(values map[string]string) []piece {
	whole := p.text()
	found := placeholder().FindAllStringSubmatchIndex(whole, -1)
	var changed []piece
	begin := 0
	for i := range p.pieces {
		c := p.pieces[i]
		end := begin + len(c.text)
		var text strings.Builder
		at := begin
		for _, m := range found {
			if m[1] <= begin || m[0] >= end {
				continue
			}
			if m[0] >= begin {
				text.WriteString(whole[at:m[0]])
				text.WriteString(values[whole[m[2]:m[3]]])
			}
			at = min(m[1], end)
		}
		text.WriteString(whole[at:end])
		if touched := text.String(); touched != c.text {
			c.text = touched
			changed = append(changed, c)
		}
		begin = end
	}
	return changed
}
