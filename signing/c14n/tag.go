package c14n

import (
	"strings"
)

// startTag reads a start tag or an empty element.
func (p *parser) startTag() error {
	if p.open == nil && p.document.Root != nil {
		return p.fail("a second root element")
	}
	if p.depth++; p.depth > MaxDepth {
		return p.fail("elements are nested too deeply")
	}
	if err := p.spend(costElement); err != nil {
		return err
	}
	p.at++
	e := &Element{Parent: p.open}
	var err error
	if e.Prefix, e.Local, err = p.name(); err != nil {
		return err
	}
	empty, err := p.attributes(e)
	if err != nil {
		return err
	}
	p.scope.enter(e)
	if err := p.resolve(e); err != nil {
		return err
	}
	if p.open == nil {
		p.document.Root = e
	} else {
		p.open.Children = append(p.open.Children, Node{Kind: ElementNode, Element: e})
	}
	p.open = e
	if empty {
		p.close()
	}
	return nil
}

// name reads a qualified name: at most one colon, with a name on both sides.
func (p *parser) name() (prefix, local string, err error) {
	rest := p.data[p.at:]
	end := strings.IndexAny(rest[:min(len(rest), 2*maxNameBytes+2)], " \t\r\n=/><\"'")
	if end < 0 {
		return "", "", p.fail("a name that does not end, or is too long")
	}
	before, after, colon := strings.Cut(rest[:end], ":")
	if !isNCName(before) || colon && !isNCName(after) {
		return "", "", p.fail("a name that is not allowed")
	}
	p.at += end
	if !colon {
		return "", before, nil
	}
	return before, after, nil
}

func (p *parser) skipSpace() bool {
	start := p.at
	for p.at < len(p.data) && isSpace(p.data[p.at]) {
		p.at++
	}
	return p.at > start
}

// attributes reads what follows the name of an element, through its closing bracket.
func (p *parser) attributes(e *Element) (empty bool, err error) {
	for {
		space := p.skipSpace()
		rest := p.data[p.at:]
		switch {
		case len(rest) == 0:
			return false, p.fail("a start tag that does not end")
		case rest[0] == '>':
			p.at++
			return false, nil
		case strings.HasPrefix(rest, "/>"):
			p.at += 2
			return true, nil
		case !space:
			return false, p.fail("an attribute without space before it")
		case len(e.Attributes)+len(e.Declarations) >= maxAttributes:
			return false, p.fail("an element with too many attributes")
		}
		if err := p.attribute(e); err != nil {
			return false, err
		}
	}
}

func (p *parser) attribute(e *Element) error {
	if err := p.spend(costAttribute); err != nil {
		return err
	}
	prefix, local, err := p.name()
	if err != nil {
		return err
	}
	p.skipSpace()
	if p.at >= len(p.data) || p.data[p.at] != '=' {
		return p.fail("an attribute without a value")
	}
	p.at++
	p.skipSpace()
	rest := p.data[p.at:]
	if len(rest) == 0 || rest[0] != '"' && rest[0] != '\'' {
		return p.fail("an attribute value without quotes")
	}
	end := strings.IndexByte(rest[1:], rest[0])
	if end < 0 || strings.IndexByte(rest[1:1+end], '<') >= 0 {
		return p.fail("an attribute value that does not end, or with < in it")
	}
	value, err := p.decode(rest[1:1+end], true)
	if err != nil {
		return err
	}
	p.at += end + 2
	if prefix == "xmlns" || prefix == "" && local == "xmlns" {
		return p.declare(e, prefix, local, value)
	}
	for _, other := range e.Attributes {
		if other.Prefix == prefix && other.Local == local {
			return p.hostile("an attribute given twice")
		}
	}
	e.Attributes = append(e.Attributes, Attribute{Prefix: prefix, Local: local, Value: value})
	return nil
}

// declare reads xmlns="…" and xmlns:p="…". The prefix xml is bound always, and its
// declaration says nothing.
func (p *parser) declare(e *Element, prefix, local, space string) error {
	if prefix == "" {
		local = ""
	}
	switch {
	case local == "xml" && space == xmlSpace:
		return nil
	case local == "xml" || local == "xmlns" || space == xmlSpace || space == xmlnsSpace:
		return p.hostile("a reserved prefix or namespace is bound")
	case local != "" && space == "":
		return p.fail("a prefix bound to nothing")
	case space != "" && !absolute(space):
		p.irregular("a relative namespace")
	}
	for _, other := range e.Declarations {
		if other.Prefix == local {
			return p.hostile("an attribute given twice")
		}
	}
	e.Declarations = append(e.Declarations, Declaration{local, space})
	return nil
}

// absolute reports whether a URI begins with a scheme.
func absolute(uri string) bool {
	scheme, _, found := strings.Cut(uri, ":")
	return found && scheme != "" && !strings.ContainsAny(scheme, "/?# ")
}

func (p *parser) irregular(what string) {
	if p.document.Irregular == "" {
		p.document.Irregular = what
	}
}

// resolve finds the namespaces of an element and its attributes, and attributes that
// are the same one under two prefixes.
func (p *parser) resolve(e *Element) error {
	e.Space = p.bound(e.Prefix)
	for i := range e.Attributes {
		a := &e.Attributes[i]
		if a.Prefix == "" {
			continue
		}
		a.Space = p.bound(a.Prefix)
		for _, other := range e.Attributes[:i] {
			if a.Space != "" && other.Space == a.Space && other.Local == a.Local {
				return p.hostile("an attribute given twice")
			}
		}
	}
	return nil
}

func (p *parser) bound(prefix string) string {
	if prefix == "xml" {
		return xmlSpace
	}
	space, ok := p.scope.lookup(prefix)
	if !ok && prefix != "" {
		p.irregular("a prefix without a declaration")
	}
	return space
}

// scope holds the bindings in force, the innermost last.
type scope struct{ bindings map[string][]string }

func (s *scope) enter(e *Element) {
	if s.bindings == nil {
		s.bindings = map[string][]string{}
	}
	for _, d := range e.Declarations {
		s.bindings[d.Prefix] = append(s.bindings[d.Prefix], d.Space)
	}
}

func (s *scope) leave(e *Element) {
	for _, d := range e.Declarations {
		if rest := s.bindings[d.Prefix]; len(rest) > 1 {
			s.bindings[d.Prefix] = rest[:len(rest)-1]
		} else {
			delete(s.bindings, d.Prefix)
		}
	}
}

func (s *scope) lookup(prefix string) (string, bool) {
	stack := s.bindings[prefix]
	if len(stack) == 0 {
		return "", false
	}
	return stack[len(stack)-1], true
}
