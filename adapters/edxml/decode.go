package edxml

import (
	"bufio"
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"io"

	"github.com/beevik/etree"

	"github.com/lienthong/lienthong/hub"
)

// Decode reads one package from r to its end. The package as received and its
// attachments are in the store when it returns without an error; on an error
// nothing of it is.
//
// Errors: KindInvalid with the path of the element and the rule, KindUnsupported
// for other dialects and encodings, KindTooLarge beyond a limit; other kinds are
// failures of r or of the store.
func (c *Codec) Decode(ctx context.Context, r io.Reader, store PartStore) (hub.Package, error) {
	envelope, err := store.CreateBlob(ctx)
	if err != nil {
		return hub.Package{}, err
	}
	defer envelope.Discard()
	atts := &attachments{ctx: ctx, store: store, limits: c.limits}
	defer atts.discard()

	limited := &limitedReader{r: r, room: c.limits.Package, limit: c.limits.Package}
	received := bufio.NewWriterSize(envelope, chunk) // bytes come in pieces as small as the network's
	s := newScanner(io.TeeReader(limited, received), c.limits, atts.take)
	if err := s.scan(); err != nil {
		return hub.Package{}, err
	}
	if err := received.Flush(); err != nil {
		return hub.Package{}, err
	}
	header, err := parse(s)
	if err != nil {
		return hub.Package{}, err
	}
	pkg, err := header.model()
	if err != nil {
		return hub.Package{}, err
	}
	if pkg.Kind == hub.PackageDocument {
		if pkg.Submission.Parts, err = atts.commit(header.attachments()); err != nil {
			return hub.Package{}, err
		}
	}
	return pkg, commitEnvelope(envelope, &pkg)
}

func commitEnvelope(envelope hub.BlobWriter, pkg *hub.Package) error {
	digest, size, err := envelope.Commit()
	if err != nil {
		return err
	}
	part := &hub.Part{
		ID: string(hub.RoleEnvelope), Role: hub.RoleEnvelope, Name: "package.edxml",
		MediaType: "application/xml", Size: size, Digest: digest,
	}
	if pkg.Kind == hub.PackageStatus {
		pkg.Status.Envelope = part
		return nil
	}
	pkg.Submission.Envelope = part
	return nil
}

// limitedReader refuses a package beyond its limit instead of cutting it off.
type limitedReader struct {
	r           io.Reader
	room, limit int64
}

// Read implements io.Reader.
func (l *limitedReader) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	if l.room -= int64(n); l.room < 0 {
		return 0, hub.Errorf(hub.KindTooLarge, "package", "max_size", "a package has at most %d bytes", l.limit)
	}
	return n, err
}

// header is the parsed skeleton of a package.
type header struct {
	root, envelope, message *etree.Element
	violations              hub.Violations
}

// parse builds the tree of the skeleton and finds the fixed places in it.
func parse(s *scanner) (*header, error) {
	if err := s.valid(); err != nil {
		return nil, err
	}
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(s.skeleton.Bytes()); err != nil {
		var syntax *xml.SyntaxError
		if errors.As(err, &syntax) {
			return nil, hub.Invalid("package", "well_formed", "line %d: %s", s.position(syntax.Line), syntax.Msg)
		}
		return nil, hub.Invalid("package", "well_formed", "%s", err)
	}
	if err := duplicateAttributes(doc.Root()); err != nil {
		return nil, err
	}
	return locate(doc.Root())
}

func duplicateAttributes(e *etree.Element) error {
	seen := map[string]bool{}
	for _, a := range e.Attr {
		if seen[a.FullKey()] {
			return hub.Invalid("package", "well_formed", "the attribute %s stands twice in <%s>", a.FullKey(), e.FullTag())
		}
		seen[a.FullKey()] = true
	}
	for _, child := range e.ChildElements() {
		if err := duplicateAttributes(child); err != nil {
			return err
		}
	}
	return nil
}

// locate finds envelope and message header. The root may have any name and
// namespace, as the reference parser allows; the envelope may not.
func locate(root *etree.Element) (*header, error) {
	h := &header{root: root}
	for _, e := range root.ChildElements() {
		if e.Tag == "edXMLEnvelope" && e.NamespaceURI() == Namespace {
			h.envelope = e
			break
		}
	}
	if h.envelope == nil {
		return nil, dialect(root)
	}
	head := child(h.envelope, "edXMLHeader")
	if head == nil {
		return nil, hub.Invalid("edXMLEnvelope/edXMLHeader", "required", "the element edXMLHeader is missing")
	}
	if h.message = child(head, "MessageHeader"); h.message == nil {
		return nil, hub.Invalid("edXMLHeader/MessageHeader", "required", "the element MessageHeader is missing")
	}
	return h, nil
}

// dialect says why a package has no envelope: most come from programs that speak
// an older or an invented format.
func dialect(root *etree.Element) error {
	for _, e := range append([]*etree.Element{root}, root.ChildElements()...) {
		switch uri := e.NamespaceURI(); {
		case uri == "http://www.mic.gov.vn/TBT/QCVN_102:2016":
			return unsupported("the namespace has a colon (QCVN_102:2016); QCVN_102_2016 is expected")
		case uri == "http://www.e-doc.vn/Schema/":
			return unsupported("this is eDoc as it was before QCVN 102:2016")
		case uri == "http://www.go.vn/eDoc":
			return unsupported("http://www.go.vn/eDoc is no published format")
		case e.Tag == "Envelope" || e.Tag == "edXMLEnvelope" && uri == "":
			return unsupported("the envelope has no namespace (format of 2012 to 2015)")
		}
	}
	return hub.Invalid("edXML/edXMLEnvelope", "required", "the element edXMLEnvelope is missing; this is no edXML package")
}

func unsupported(message string) error {
	return hub.Errorf(hub.KindUnsupported, "package", "dialect", "%s", message)
}

// child returns the last child of that local name, as the reference parser does.
func child(e *etree.Element, name string) *etree.Element {
	if e == nil {
		return nil
	}
	list := children(e, name)
	if len(list) == 0 {
		return nil
	}
	return list[len(list)-1]
}

func children(e *etree.Element, name string) []*etree.Element {
	if e == nil {
		return nil
	}
	var list []*etree.Element
	for _, c := range e.ChildElements() {
		if c.Tag == name {
			list = append(list, c)
		}
	}
	return list
}

// text returns the trimmed text of the child, comments and CDATA joined.
func text(e *etree.Element, name string) string {
	c := child(e, name)
	if c == nil {
		return ""
	}
	return content(c)
}

func content(e *etree.Element) string {
	var b bytes.Buffer
	for _, t := range e.Child {
		if data, ok := t.(*etree.CharData); ok {
			b.WriteString(data.Data)
		}
	}
	return string(bytes.TrimSpace(b.Bytes()))
}
