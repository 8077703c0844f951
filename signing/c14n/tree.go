// Package c14n reads XML into a tree and writes it in canonical form: Canonical XML
// 1.0 and 1.1 and Exclusive XML Canonicalization 1.0 (W3C), of a whole document or
// of one element with everything in it.
//
// The reader is for documents whose signature is checked, so it accepts XML 1.0 in
// UTF-8 exactly as the standard has it and nothing else: line ends and white space
// in attributes are normalized, entities are the five that XML defines, names are
// read as Namespaces in XML 1.0 wants them. It never repairs. A document type
// declaration is refused, because it could change what the document says. Depth,
// numbers and sizes are bounded, and time and memory grow with the size of the
// document only.
//
// The tree is for reading only; one tree may be used by several goroutines.
package c14n

import (
	"fmt"
	"slices"
	"strings"
)

// Bounds of a document.
const (
	MaxBytes      = 64 << 20
	MaxDepth      = 128
	maxAttributes = 64 // of one element, declarations of namespaces among them
	maxNameBytes  = 256
)

const (
	xmlSpace   = "http://www.w3.org/XML/1998/namespace"
	xmlnsSpace = "http://www.w3.org/2000/xmlns/"
)

// SyntaxError says why a document is not read.
type SyntaxError struct {
	Offset  int // in bytes
	Reason  string
	Hostile bool // something no honest signer writes: a document type, an attribute given twice
}

// Error implements error.
func (e *SyntaxError) Error() string { return fmt.Sprintf("at byte %d: %s", e.Offset, e.Reason) }

// Document is a well-formed document.
type Document struct {
	Root *Element

	// Instructions tells that there are processing instructions besides the XML
	// declaration.
	Instructions bool
	// Irregular names the first thing for which canonical XML is not defined, a
	// prefix without a declaration or a relative namespace; else empty.
	Irregular string

	before, after []Node // comments and instructions around the root
}

// Element is an element with its attributes and content.
type Element struct {
	Prefix, Local string
	Space         string // the namespace of the element; empty for none
	Attributes    []Attribute
	Declarations  []Declaration // of namespaces
	Children      []Node
	Parent        *Element // nil for the root
	End           int      // where the end tag begins, in bytes; 0 when there is none (<a/>)
}

// Attribute is an attribute that declares no namespace.
type Attribute struct {
	Prefix, Local string
	Space         string
	Value         string // normalized
}

// Declaration binds a prefix, empty for the default, to a namespace.
type Declaration struct{ Prefix, Space string }

// Kind is what a node is.
type Kind uint8

// The kinds of nodes.
const (
	ElementNode Kind = iota
	TextNode
	CommentNode
	InstructionNode
)

// Node is one piece of content. Text may come in several pieces.
type Node struct {
	Element *Element // nil but for an element
	Text    string   // text, comment, or target and data of an instruction
	Kind    Kind
}

// Is reports whether the element has that name in that namespace.
func (e *Element) Is(space, local string) bool { return e.Local == local && e.Space == space }

// Elements returns the child elements.
func (e *Element) Elements() []*Element {
	var list []*Element
	for i := range e.Children {
		if e.Children[i].Kind == ElementNode {
			list = append(list, e.Children[i].Element)
		}
	}
	return list
}

// Child returns the first child element of that name, or nil.
func (e *Element) Child(space, local string) *Element {
	for i := range e.Children {
		if child := e.Children[i].Element; child != nil && child.Is(space, local) {
			return child
		}
	}
	return nil
}

// Attribute returns the value of an attribute without namespace.
func (e *Element) Attribute(local string) (string, bool) {
	i := slices.IndexFunc(e.Attributes, func(a Attribute) bool { return a.Local == local && a.Space == "" })
	if i < 0 {
		return "", false
	}
	return e.Attributes[i].Value, true
}

// PlainText returns the text of an element that holds nothing else; a comment would
// split what another reader joins.
func (e *Element) PlainText() (string, bool) {
	if len(e.Children) == 1 && e.Children[0].Kind == TextNode {
		return e.Children[0].Text, true
	}
	var text strings.Builder
	for i := range e.Children {
		if e.Children[i].Kind != TextNode {
			return "", false
		}
		text.WriteString(e.Children[i].Text)
	}
	return text.String(), true
}

// Walk calls visit for the element and those below it, in document order, until it
// returns false.
func (e *Element) Walk(visit func(*Element) bool) bool {
	if !visit(e) {
		return false
	}
	for i := range e.Children {
		if child := e.Children[i].Element; child != nil && !child.Walk(visit) {
			return false
		}
	}
	return true
}

// Within reports whether the element is outer or lies in it.
func (e *Element) Within(outer *Element) bool {
	for ; e != nil; e = e.Parent {
		if e == outer {
			return true
		}
	}
	return false
}
