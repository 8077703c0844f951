// Package edoc is the desk behind the doors of systems that exchange edXML packages: the
// national document axis and the provincial API. The doors differ in how a call is
// proven and written; what a package, a list and a word of acknowledgement do is here,
// once.
//
// It promises that a call which is repeated has the effect of one, that nothing is
// acknowledged before it is durable, and that packages stream: none is held in memory. A
// caller has to do with its own agencies alone; what belongs to others does not exist
// for it. Who may do what, and what a document must be, is decided by the services
// behind the ports.
//
// The ids that it gives out are those of the hub: of a dispatch for who sent it, of a
// delivery for who received it, of a report for whom it is for.
package edoc

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Desk is what the doors share; all fields but Strays and Overloaded are required.
type Desk struct {
	Directory    Directory
	Intake       Intake
	Mailbox      Mailbox
	Recipient    Recipient
	Dispatches   Dispatches
	Notices      Notices
	Applications Applications
	Strays       Strays // nil: no system passes through
	Blobs        Blobs
	Codec        Codec

	Now func() time.Time
	// Overloaded returns a KindBusy error while new documents would only make a backlog
	// worse; nil means never. What is in the hub already is served anyway.
	Overloaded func() error
}

// Caller is who calls, when, and under which id of a request.
type Caller struct {
	Actor   hub.Actor
	System  string // as it named itself
	At      time.Time
	Request string
}

// The kinds of messages.
const (
	TypeDocument = "edoc"
	TypeStatus   = "status"
)

// MessageType reads a kind in any case of letters; an absent one is what is given.
func MessageType(field, value, absent string) (string, error) {
	switch v := strings.ToLower(strings.TrimSpace(value)); v {
	case "":
		return absent, nil
	case TypeDocument, TypeStatus:
		return v, nil
	}
	return "", hub.Invalid(field, "code_list", "%s is edoc or status", field)
}

// Admit refuses new documents while the hub has too many; messages of the kind status
// are taken all the same.
func (d *Desk) Admit(kind string) error {
	if d.Overloaded == nil || kind == TypeStatus {
		return nil
	}
	return d.Overloaded()
}

var errNotRead = errors.New("the codec did not read the file to its end")

// Decode streams a package into the store. whole tells after it whether r was read to an
// end that was right.
func (d *Desk) Decode(ctx context.Context, r io.Reader, whole func() bool) (hub.Package, error) {
	pkg, err := d.Codec.Decode(ctx, r, d.Blobs)
	if err != nil {
		return hub.Package{}, err
	}
	if !whole() {
		return hub.Package{}, hub.Internal("decode a package", errNotRead)
	}
	return pkg, nil
}

// Take takes a package in. kind is what the call says of it, "" for nothing, under the
// name of a field; to are the recipients, none for those in the package. It returns the
// id of the dispatch, or of the evidence of the report.
func (d *Desk) Take(ctx context.Context, c *Caller, pkg *hub.Package, field, kind string, to []string) (string, error) {
	if kind != "" && kind != string(pkg.Kind) {
		return "", hub.Invalid(field, "mismatch", "%s says %s, the file is of the type %s", field, kind, pkg.Kind)
	}
	if pkg.Kind == hub.PackageStatus {
		return d.takeStatus(ctx, c, pkg.Status)
	}
	return d.takeDocument(ctx, c, pkg.Submission, to)
}
