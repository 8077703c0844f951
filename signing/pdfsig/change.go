package pdfsig

import (
	"slices"

	"github.com/lienthong/lienthong/signing/verdict"
)

// class is one of the kinds of change that ETSI EN 319 142-1 and ISO 32000 tell
// apart; a revision can have several.
type class uint8

const (
	classExtension  class = 1 << iota // validation data, document timestamp, metadata
	classSignature                    // another signature
	classForm                         // a value of a field, an empty signature field
	classAnnotation                   // a note
)

// change says what a revision did to the one before.
type change struct {
	problem     *verdict.Problem // no permission allows it
	classes     class
	fields      []string // existing fields that got another value, or a signature
	overwritten string   // one of them that had a value before
	visible     string   // a new field that shows something where nothing was
	notes       []string // for people
	size        int      // of the file before it, in objects; 0 where they were not counted
	unsure      bool     // the problem is no change that was seen, but what kept from seeing all
}

// note describes one thing that the revision did.
func (c *change) note(of class, what string) {
	c.classes |= of
	if what != "" && !slices.Contains(c.notes, what) {
		c.notes = append(c.notes, what)
	}
}
