package bench

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/lienthong/lienthong/adapters/edxml"
	"github.com/lienthong/lienthong/hub"
)

// document is what a client sends, in as many versions as needed.
type document interface {
	size() int64
	// body returns the n-th version, to be sent under an id by a sender.
	body(n uint64, id, sender string) io.Reader
}

// parcel is an edXML package around a letter. What changes from one version to
// the next is written anew, the rest is shared.
type parcel struct {
	letter *letter
	before []byte // up to the first base64 digit
	after  []byte // from the last one
	base64 []byte // of the letter
}

// Stand-ins of the same length as what takes their place.
const (
	someID     = "bench-00000000-00000000"
	someSender = "000.00.00.H47"
)

// newPackage wraps a letter; the recipients are named by the call.
func newPackage(ctx context.Context, l *letter) (*parcel, error) {
	mark := []byte("content of the document")
	var out bytes.Buffer
	err := edxml.New(edxml.Options{}).EncodeSubmission(ctx, &out, hub.Submission{
		Sender: someSender, Recipients: []string{recipientCode(true, 0)}, ExternalID: someID, Operation: hub.OperationNew,
		Document: hub.Document{
			CodeNumber: "1", CodeNotation: "UBND-DT", TypeName: "Công văn",
			Subject: subject, Promulgated: promulgated,
		},
		Parts: []hub.Part{{ID: partID, Role: hub.RoleOriginal, Name: partName, MediaType: "application/pdf", Size: l.size()}},
		Trace: []hub.Hop{{Agency: someSender, Time: time.Now()}},
	}, nil, func(context.Context, hub.Part) (hub.Blob, error) { return hub.BlobOf(mark), nil })
	if err != nil {
		return nil, err
	}
	before, after, found := bytes.Cut(out.Bytes(), base64.StdEncoding.AppendEncode(nil, mark))
	if !found {
		return nil, errors.New("the package does not hold its document in base64")
	}
	return &parcel{letter: l, before: before, after: after, base64: base64.StdEncoding.AppendEncode(nil, l.content)}, nil
}

func (p *parcel) size() int64 { return int64(len(p.before) + len(p.base64) + len(p.after)) }

// body spells the letter anew: the digits around its spelling, in groups of three
// bytes, are encoded again.
func (p *parcel) body(n uint64, id, sender string) io.Reader {
	from, to := p.letter.from/3*3, min((p.letter.to+2)/3*3, len(p.letter.content))
	group := append(bytes.Clone(p.letter.content[from:p.letter.from]), p.letter.spelling(n)...)
	group = append(group, p.letter.content[p.letter.to:to]...)
	before := bytes.ReplaceAll(p.before, []byte(someID), []byte(id))
	before = bytes.ReplaceAll(before, []byte(someSender), []byte(sender))
	return io.MultiReader(bytes.NewReader(before),
		bytes.NewReader(p.base64[:from/3*4]), bytes.NewReader(base64.StdEncoding.AppendEncode(nil, group)),
		bytes.NewReader(p.base64[(to+2)/3*4:]), bytes.NewReader(p.after))
}

// What all documents say of themselves.
const (
	partID      = "p1"
	partName    = "cong-van.pdf"
	subject     = "V/v đo tải hệ thống liên thông"
	promulgated = "2026-01-05"
)

// externalID is the id of a document, of the same length for all of a session.
func externalID(nonce string, n int64) string { return fmt.Sprintf("bench-%s-%08d", nonce, n) }

// senderCode is one of the agencies that send.
func senderCode(i int) string { return fmt.Sprintf("000.%02d.00.H47", i) }

// recipientCode is one of those that documents go to. Where nobody collects they go to
// others: what they are left with must not reach a later scenario.
func recipientCode(collecting bool, i int) string {
	if collecting {
		return fmt.Sprintf("%03d.01.11.H47", i+1)
	}
	return fmt.Sprintf("%03d.01.12.H47", i+1)
}
