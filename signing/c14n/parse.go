package c14n

import (
	"strings"
	"unicode/utf8"
)

// What the tree takes in memory, in bytes, with room for growing lists; and what a
// document may take: most have long values, and only an attack is all markup.
const (
	costElement   = 184
	costNode      = 64
	costAttribute = 96
	freeCost      = 8 << 20
	costFactor    = 4
)

// Parse reads a document; one in a string is not copied. The error is a *SyntaxError.
func Parse[text string | []byte](data text) (*Document, error) {
	p := &parser{data: string(data), document: &Document{}}
	if err := p.run(); err != nil {
		return nil, err
	}
	return p.document, nil
}

// parser reads the document once, from its first byte to its last.
type parser struct {
	data     string
	at       int
	document *Document
	open     *Element
	depth    int
	cost     int
	scope    scope
}

// fail returns the error for the current place. The methods return error, never
// *SyntaxError, so that nil stays nil.
func (p *parser) fail(reason string) error {
	return &SyntaxError{Offset: p.at, Reason: reason}
}

func (p *parser) hostile(reason string) error {
	return &SyntaxError{Offset: p.at, Reason: reason, Hostile: true}
}

func (p *parser) run() error {
	if len(p.data) > MaxBytes {
		return p.fail("the document is too large")
	}
	if err := p.checkCharacters(); err != nil {
		return err
	}
	if strings.HasPrefix(p.data, "\xEF\xBB\xBF") {
		p.at = 3
	}
	if err := p.declaration(); err != nil {
		return err
	}
	for p.at < len(p.data) {
		if err := p.next(); err != nil {
			return err
		}
	}
	switch {
	case p.open != nil:
		return p.fail("the document ends inside an element")
	case p.document.Root == nil:
		return p.fail("the document has no element")
	}
	return nil
}

// checkCharacters requires UTF-8 and the characters that XML 1.0 allows.
func (p *parser) checkCharacters() error {
	if !utf8.ValidString(p.data) {
		return p.fail("the document is not UTF-8")
	}
	for i := range len(p.data) {
		if c := p.data[i]; c < 0x20 && c != '\n' && c != '\t' && c != '\r' {
			p.at = i
			return p.fail("a control character")
		}
	}
	if strings.Contains(p.data, "\xEF\xBF\xBE") || strings.Contains(p.data, "\xEF\xBF\xBF") {
		return p.fail("a code point that is no character")
	}
	return nil
}

// declaration reads the XML declaration, if there is one.
func (p *parser) declaration() error {
	rest := p.data[p.at:]
	if !strings.HasPrefix(rest, "<?xml") || len(rest) < 6 || !isSpace(rest[5]) {
		return nil
	}
	end := strings.Index(rest, "?>")
	if end < 0 || end > 1024 {
		return p.fail("an XML declaration without end")
	}
	fields, ok := pseudoAttributes(rest[5:end])
	if !ok || len(fields) == 0 || fields[0] != [2]string{"version", "1.0"} {
		return p.fail("an XML declaration that is not of version 1.0")
	}
	fields = fields[1:]
	if len(fields) > 0 && fields[0][0] == "encoding" {
		if !strings.EqualFold(fields[0][1], "UTF-8") {
			return p.fail("a document that says it is not UTF-8")
		}
		fields = fields[1:]
	}
	if len(fields) > 0 && fields[0][0] == "standalone" && (fields[0][1] == "yes" || fields[0][1] == "no") {
		fields = fields[1:]
	}
	if len(fields) > 0 {
		return p.fail("an XML declaration with unknown parts")
	}
	p.at += end + 2
	return nil
}

// pseudoAttributes reads name="value" pairs, each behind white space.
func pseudoAttributes(text string) ([][2]string, bool) {
	var list [][2]string
	for {
		trimmed := strings.TrimLeft(text, " \t\r\n")
		if trimmed == "" {
			return list, true
		}
		name, rest, found := strings.Cut(trimmed, "=")
		rest = strings.TrimLeft(rest, " \t\r\n")
		if len(trimmed) == len(text) || !found || rest == "" || rest[0] != '"' && rest[0] != '\'' {
			return nil, false
		}
		value, after, closed := strings.Cut(rest[1:], rest[:1])
		if !closed {
			return nil, false
		}
		list = append(list, [2]string{strings.TrimRight(name, " \t\r\n"), value})
		text = after
	}
}

// next reads one piece of markup or text.
func (p *parser) next() error {
	rest := p.data[p.at:]
	switch {
	case rest[0] != '<':
		return p.text(rest)
	case strings.HasPrefix(rest, "<!--"):
		return p.comment(rest)
	case strings.HasPrefix(rest, "<![CDATA["):
		return p.section(rest)
	case strings.HasPrefix(rest, "<!"):
		return p.hostile("a document type declaration")
	case strings.HasPrefix(rest, "<?"):
		return p.instruction(rest)
	case strings.HasPrefix(rest, "</"):
		return p.endTag()
	}
	return p.startTag()
}

func (p *parser) text(rest string) error {
	end := strings.IndexByte(rest, '<')
	if end < 0 {
		end = len(rest)
	}
	text := rest[:end]
	if p.open == nil {
		if len(strings.Trim(text, " \t\r\n")) > 0 {
			return p.fail("text outside the root element")
		}
		p.at += end
		return nil
	}
	if strings.Contains(text, "]]>") {
		return p.fail("the end of a CDATA section without its begin")
	}
	value, err := p.decode(text, false)
	if err != nil {
		return err
	}
	p.at += end
	return p.add(Node{Kind: TextNode, Text: value})
}

func (p *parser) section(rest string) error {
	const begin = len("<![CDATA[")
	end := strings.Index(rest, "]]>")
	if end < 0 || p.open == nil {
		return p.fail("a CDATA section without end, or outside the root element")
	}
	p.at += end + 3
	return p.add(Node{Kind: TextNode, Text: lineEnds(rest[begin:end])})
}

func (p *parser) comment(rest string) error {
	const begin = len("<!--")
	end := strings.Index(rest[begin:], "--")
	if end < 0 || !strings.HasPrefix(rest[begin+end:], "-->") {
		return p.fail("a comment that does not end, or with two dashes in it")
	}
	p.at += begin + end + 3
	return p.add(Node{Kind: CommentNode, Text: lineEnds(rest[begin : begin+end])})
}

func (p *parser) instruction(rest string) error {
	body, _, ends := strings.Cut(rest[2:], "?>")
	if !ends {
		return p.fail("a processing instruction that does not end")
	}
	target, data := cutSpace(body)
	if !isNCName(target) || strings.EqualFold(target, "xml") {
		return p.fail("a processing instruction of a name that is not allowed")
	}
	p.document.Instructions = true
	p.at += 2 + len(body) + 2
	text := target
	if data = lineEnds(data); data != "" {
		text += " " + data
	}
	return p.add(Node{Kind: InstructionNode, Text: text})
}

// spend keeps account of memory.
func (p *parser) spend(cost int) error {
	if p.cost += cost; p.cost > freeCost+costFactor*len(p.data) {
		return p.fail("too much markup for the size of the document")
	}
	return nil
}

// add puts a node where the reader stands.
func (p *parser) add(n Node) error {
	switch {
	case p.open != nil:
		p.open.Children = append(p.open.Children, n)
	case p.document.Root == nil:
		p.document.before = append(p.document.before, n)
	default:
		p.document.after = append(p.document.after, n)
	}
	return p.spend(costNode)
}

func (p *parser) endTag() error {
	end := strings.IndexByte(p.data[p.at:], '>')
	if end < 0 || p.open == nil {
		return p.fail("an end tag without its start")
	}
	name := strings.TrimRight(p.data[p.at+2:p.at+end], " \t\r\n")
	prefix, local, colon := strings.Cut(name, ":")
	if !colon {
		prefix, local = "", name
	}
	if prefix != p.open.Prefix || local != p.open.Local || colon != (p.open.Prefix != "") {
		return p.fail("an end tag of another name than its start")
	}
	p.open.End = p.at
	p.at += end + 1
	p.close()
	return nil
}

func (p *parser) close() {
	p.scope.leave(p.open)
	p.open = p.open.Parent
	p.depth--
}

// lineEnds turns CR LF and CR into LF.
func lineEnds(s string) string {
	if strings.IndexByte(s, '\r') < 0 {
		return s
	}
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
}

// cutSpace cuts at the first white space and removes all of it.
func cutSpace(s string) (before, after string) {
	i := strings.IndexAny(s, " \t\r\n")
	if i < 0 {
		return s, ""
	}
	return s[:i], strings.TrimLeft(s[i:], " \t\r\n")
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }
