// Package drop lends a client of the hub to the folder adapter (adapters/filedrop), for
// every program that works on the folders of an agency. It keeps nothing and repeats
// nothing by itself: the adapter decides what is tried again, by the kind of the error.
// An API key that the hub does not know is KindUnavailable: no document is to blame.
package drop

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/lienthong/lienthong/adapters/filedrop"
	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/hub"
)

// Port is the hub as one agency sees it. It is safe for concurrent use.
type Port struct {
	Client *hubclient.Client
	Agency string // code or id; may be empty when the key speaks for one
}

var (
	_ filedrop.Sending = (*Port)(nil)
	_ filedrop.Box     = (*Port)(nil)
)

// SendPackage implements filedrop.Sending.
func (p *Port) SendPackage(ctx context.Context, open func() (io.ReadCloser, error), size int64, key string) (hub.Accepted, error) {
	answer, err := p.Client.SubmitPackage(ctx, hubclient.Package{Open: open, Size: size, Key: key}, nil)
	if err != nil || answer.Accepted == nil {
		return hub.Accepted{Receipt: answer.Receipt}, aboutKey(err)
	}
	return *answer.Accepted, nil
}

// SendFiles implements filedrop.Sending.
func (p *Port) SendFiles(ctx context.Context, sub hub.Submission, files []filedrop.File) (hub.Accepted, error) {
	list := make([]hubclient.File, len(files))
	for i, f := range files {
		list[i] = hubclient.File(f)
	}
	accepted, err := p.Client.Submit(ctx, sub, list, nil)
	return accepted, aboutKey(err)
}

// Forward implements filedrop.Sending.
func (p *Port) Forward(ctx context.Context, order hub.ForwardOrder) (hub.Accepted, error) {
	accepted, err := p.Client.Forward(ctx, order)
	return accepted, aboutKey(err)
}

// Followed implements filedrop.Sending.
func (p *Port) Followed(ctx context.Context, id hub.DispatchID) ([]hub.SealedEvidence, bool, error) {
	item, err := p.Client.Dispatch(ctx, id)
	if err != nil {
		return nil, false, aboutKey(err)
	}
	ended := true
	for i := range item.Deliveries {
		ended = ended && item.Deliveries[i].Final()
	}
	var all []hub.SealedEvidence
	for sealed, err := range hubclient.All(func(page hub.Page) (hub.List[hub.SealedEvidence], error) {
		return p.Client.DispatchEvidence(ctx, id, page)
	}) {
		if err != nil {
			return nil, false, aboutKey(err)
		}
		all = append(all, sealed)
	}
	return all, ended, nil
}

// ReceiptXML implements filedrop.Sending.
func (p *Port) ReceiptXML(ctx context.Context, id hub.EvidenceID) ([]byte, error) {
	text, err := p.Client.ReceiptXML(ctx, id)
	return text, aboutKey(err)
}

// leaseTime is how long a delivery may take to be fetched.
const leaseTime = 10 * time.Minute

// Lease implements filedrop.Box.
func (p *Port) Lease(ctx context.Context, most int, one hub.DeliveryID) ([]hub.Item, error) {
	request := hubclient.LeaseRequest{Agency: p.Agency, Max: most, For: leaseTime}
	if one != "" {
		request.Max, request.Deliveries = 0, []hub.DeliveryID{one}
	}
	items, err := p.Client.Lease(ctx, request)
	return items, aboutKey(err)
}

// Held implements filedrop.Box.
func (p *Port) Held(ctx context.Context) ([]hub.DeliveryID, error) {
	var held []hub.DeliveryID
	for item, err := range hubclient.All(func(page hub.Page) (hub.List[hub.Item], error) {
		return p.Client.Mailbox(ctx, hubclient.MailboxQuery{Agency: p.Agency, Page: page})
	}) {
		if err != nil {
			return nil, aboutKey(err)
		}
		if item.Delivery.Lease != nil {
			held = append(held, item.Delivery.ID)
		}
	}
	return held, nil
}

// Part implements filedrop.Box.
func (p *Port) Part(ctx context.Context, dispatch hub.DispatchID, part hub.Part, w io.Writer) error {
	_, err := p.Client.Part(ctx, dispatch, part, w, nil)
	return aboutKey(err)
}

// Acknowledge implements filedrop.Box.
func (p *Port) Acknowledge(ctx context.Context, id hub.DeliveryID, fence int64, digests map[string]hub.Digest) (hub.SealedEvidence, error) {
	sealed, err := p.Client.Acknowledge(ctx, id, fence, digests)
	return sealed, aboutKey(err)
}

// aboutKey keeps apart what is wrong with the key of this program: no document is to
// blame for that, all wait for another key.
func aboutKey(err error) error {
	var answer *hubclient.AnswerError
	if errors.As(err, &answer) && answer.Status == http.StatusUnauthorized {
		return &hub.Error{Kind: hub.KindUnavailable, Field: "key", Rule: "credential", Message: "the hub does not know the API key, or no more", Err: err}
	}
	return err
}
