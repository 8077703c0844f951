package c14n

import (
	"bufio"
	"cmp"
	"errors"
	"io"
	"slices"
	"strings"
)

// Method is a way of canonicalization.
type Method struct {
	Exclusive bool     // Exclusive XML Canonicalization 1.0, else inclusive
	V11       bool     // Canonical XML 1.1 rather than 1.0; of inclusive only
	Comments  bool     // comments are kept
	Prefixes  []string // InclusiveNamespaces PrefixList of an exclusive one; empty for #default
}

// ErrIrregular says that the canonical form of this document is not defined, or not
// in this version: it depends on relative URIs or on prefixes without a declaration.
var ErrIrregular = errors.New("the document has no canonical form")

const maxPrefixes = 32

// Write writes the canonical form of one element with its content, or of the whole
// document when element is nil. The element omit, which may be nil, is left out with
// all it contains; it is how an enveloped signature is not part of what it signs.
// The error is ErrIrregular or comes from w.
func (d *Document) Write(w io.Writer, element, omit *Element, method Method) error {
	if d.Irregular != "" || len(method.Prefixes) > maxPrefixes {
		return ErrIrregular
	}
	c := writer{out: bufio.NewWriterSize(w, 16<<10), method: method, omit: omit}
	if element == nil {
		c.document(d)
		return c.out.Flush()
	}
	for _, outer := range ancestors(element) {
		c.inScope.enter(outer)
	}
	inherited, err := c.inherited(element)
	if err != nil {
		return err
	}
	c.apex = true
	c.element(element, inherited)
	return c.out.Flush()
}

// ancestors returns the elements around e, the root first.
func ancestors(e *Element) []*Element {
	var list []*Element
	for e = e.Parent; e != nil; e = e.Parent {
		list = append(list, e)
	}
	slices.Reverse(list)
	return list
}

// writer writes one canonical form. Errors of writing stay in the buffered writer
// and come out at the end.
type writer struct {
	out      *bufio.Writer
	method   Method
	omit     *Element
	inScope  scope // declarations around and at the place
	rendered scope // those that were written
	apex     bool  // the next element is the first one written
	failed   bool  // the reader of the output wants no more
}

// document writes the root with comments and instructions around it, each of them
// on a line of its own.
func (c *writer) document(d *Document) {
	for i := range d.before {
		if c.node(&d.before[i]) {
			_ = c.out.WriteByte('\n')
		}
	}
	c.element(d.Root, nil)
	for i := range d.after {
		if kind := d.after[i].Kind; kind == InstructionNode || c.method.Comments {
			_ = c.out.WriteByte('\n')
		}
		c.node(&d.after[i])
	}
}

// inherited returns the attributes of the xml namespace that the first element takes
// over from those around it, which only the inclusive methods do.
func (c *writer) inherited(e *Element) ([]Attribute, error) {
	if c.method.Exclusive {
		return nil, nil
	}
	var list []Attribute
	for outer := e.Parent; outer != nil; outer = outer.Parent {
		for _, a := range outer.Attributes {
			switch {
			case a.Space != xmlSpace || c.method.V11 && a.Local == "id":
				continue
			case c.method.V11 && a.Local != "lang" && a.Local != "space":
				return nil, ErrIrregular // bases would have to be joined
			}
			same := func(other Attribute) bool { return other.Space == xmlSpace && other.Local == a.Local }
			if !slices.ContainsFunc(e.Attributes, same) && !slices.ContainsFunc(list, same) {
				list = append(list, a)
			}
		}
	}
	return list, nil
}

// node writes a node and reports whether there was something to write.
func (c *writer) node(n *Node) bool {
	switch n.Kind {
	case ElementNode:
		c.element(n.Element, nil)
	case TextNode:
		c.escape(n.Text, "&<>\r", textEscapes)
	case CommentNode:
		if !c.method.Comments {
			return false
		}
		c.write("<!--", n.Text, "-->")
	case InstructionNode:
		c.write("<?", n.Text, "?>")
	}
	return true
}

func (c *writer) element(e *Element, inherited []Attribute) {
	if e == c.omit || c.failed {
		return
	}
	c.inScope.enter(e)
	declarations := c.declarations(e)
	output := Element{Declarations: declarations}
	c.rendered.enter(&output)
	_ = c.out.WriteByte('<')
	c.name(e.Prefix, e.Local)
	for _, d := range declarations {
		c.write(" xmlns")
		if d.Prefix != "" {
			c.write(":", d.Prefix)
		}
		c.value(d.Space)
	}
	for _, a := range sorted(e.Attributes, inherited) {
		_ = c.out.WriteByte(' ')
		c.name(a.Prefix, a.Local)
		c.value(a.Value)
	}
	_ = c.out.WriteByte('>')
	for i := range e.Children {
		c.node(&e.Children[i])
	}
	c.write("</")
	c.name(e.Prefix, e.Local)
	_ = c.out.WriteByte('>')
	c.rendered.leave(&output)
	c.inScope.leave(e)
}

// declarations returns what must be declared here because it is not yet, sorted by
// prefix.
func (c *writer) declarations(e *Element) []Declaration {
	var list []Declaration
	consider := func(prefix string) {
		space, known := c.inScope.lookup(prefix)
		if prefix == "xml" || !known && prefix != "" {
			return
		}
		if written, _ := c.rendered.lookup(prefix); written == space {
			return
		}
		if d := (Declaration{prefix, space}); !slices.Contains(list, d) {
			list = append(list, d)
		}
	}
	switch {
	case c.method.Exclusive:
		consider(e.Prefix)
		for _, a := range e.Attributes {
			if a.Prefix != "" {
				consider(a.Prefix)
			}
		}
		for _, prefix := range c.method.Prefixes {
			consider(prefix)
		}
	case c.apex:
		for prefix := range c.inScope.bindings {
			consider(prefix)
		}
	default:
		for _, d := range e.Declarations {
			consider(d.Prefix)
		}
	}
	c.apex = false
	slices.SortFunc(list, func(x, y Declaration) int { return strings.Compare(x.Prefix, y.Prefix) })
	return list
}

// sorted returns the attributes by namespace and name, those without namespace first.
func sorted(own, inherited []Attribute) []Attribute {
	order := func(x, y Attribute) int {
		return cmp.Or(strings.Compare(x.Space, y.Space), strings.Compare(x.Local, y.Local))
	}
	if len(inherited) == 0 && slices.IsSortedFunc(own, order) {
		return own
	}
	all := slices.Concat(own, inherited)
	slices.SortFunc(all, order)
	return all
}

func (c *writer) write(parts ...string) {
	for _, part := range parts {
		if _, err := c.out.WriteString(part); err != nil {
			c.failed = true // the error itself comes out of the last flush
		}
	}
}

func (c *writer) name(prefix, local string) {
	if prefix != "" {
		c.write(prefix, ":")
	}
	c.write(local)
}

func (c *writer) value(text string) {
	c.write(`="`)
	c.escape(text, "&<\"\t\n\r", valueEscapes)
	_ = c.out.WriteByte('"')
}

// textEscapes and valueEscapes return what a character is written as.
func textEscapes(character byte) string {
	switch character {
	case '&':
		return "&amp;"
	case '<':
		return "&lt;"
	case '>':
		return "&gt;"
	}
	return "&#xD;"
}

func valueEscapes(character byte) string {
	switch character {
	case '"':
		return "&quot;"
	case '\t':
		return "&#x9;"
	case '\n':
		return "&#xA;"
	}
	return textEscapes(character)
}

// escape writes text with the special characters replaced. Long values, such as an
// attachment in base64, have none: each is looked for at the speed of memory.
func (c *writer) escape(text, special string, replacement func(byte) string) {
	const long = 4 << 10
	if len(text) >= long && !containsAny(text, special) {
		c.write(text)
		return
	}
	for {
		i := strings.IndexAny(text, special)
		if i < 0 {
			c.write(text)
			return
		}
		c.write(text[:i], replacement(text[i]))
		text = text[i+1:]
	}
}

func containsAny(text, special string) bool {
	for i := range len(special) {
		if strings.IndexByte(text, special[i]) >= 0 {
			return true
		}
	}
	return false
}
