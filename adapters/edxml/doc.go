// Package edxml reads and writes edXML packages (QCVN 102:2016/BTTTT and what
// programs made of it): documents of all four operations and status messages.
//
// Reading streams: the package as received goes byte for byte into the blob
// store, each attachment is cut out of the stream, decoded and stored on the way,
// and only the small rest is ever held in memory. Names are matched by namespace
// and local name, in any order and with any prefix, because real senders differ
// in all of them. Every input is bounded; a DOCTYPE is refused; nothing that was
// stored survives an error uncommitted. Writing follows the reference builder, so
// that the programs that read its files read ours.
//
// A caller gives the store and gets a hub.Package; who may send it, and whether
// its fields are right, is not decided here.
package edxml

import (
	"context"

	"github.com/lienthong/lienthong/hub"
)

// Namespace is that of every element (with underscores; the dialect with a
// colon is another one).
const Namespace = "http://www.mic.gov.vn/TBT/QCVN_102_2016"

// PartStore takes content in.
type PartStore interface {
	CreateBlob(ctx context.Context) (hub.BlobWriter, error)
}

// Limits bound what a package may hold. Zero values take the defaults beside them.
type Limits struct {
	Package     int64 // bytes of the package; default 6 GiB
	Header      int   // bytes of everything but attachments; default 1 MiB
	Attachments int   // default 100
	Attachment  int64 // bytes of one attachment, decoded and unpacked; default 4 GiB
	Depth       int   // nested elements; default 32
	Elements    int   // default 10,000
	Ratio       int64 // unpacked to packed bytes of a ZIP; default 200
}

func (l Limits) withDefaults() Limits {
	set := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	set64 := func(v *int64, d int64) {
		if *v == 0 {
			*v = d
		}
	}
	set64(&l.Package, 6<<30)
	set(&l.Header, 1<<20)
	set(&l.Attachments, 100)
	set64(&l.Attachment, 4<<30)
	set(&l.Depth, 32)
	set(&l.Elements, 10_000)
	set64(&l.Ratio, 200)
	return l
}

// Codec reads and writes packages. It is safe for concurrent use.
type Codec struct{ limits Limits }

// Options configure a Codec.
type Options struct{ Limits Limits }

// New returns a Codec.
func New(o Options) *Codec { return &Codec{limits: o.Limits.withDefaults()} }
