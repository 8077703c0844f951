package hubclient

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// MailboxQuery selects deliveries to one agency, by default those that wait to be
// collected. Agency is a code or an id and may be empty when the credential
// speaks for exactly one.
type MailboxQuery struct {
	Agency string
	States []hub.DeliveryState
	Free   bool   // only deliveries without a running lease
	Asked  bool   // only those whose sender asks something, in any state
	Text   string // folded search
	// Timeliness: only what is hub.Overdue or hub.DueSoon; not together with Asked.
	Timeliness []hub.Timeliness
	Wait       time.Duration // long poll until not empty, at most 60 s
	Page       hub.Page
}

// Mailbox lists deliveries.
func (c *Client) Mailbox(ctx context.Context, q MailboxQuery) (hub.List[hub.Item], error) {
	query := ofAgency(q.Agency)
	setNonEmpty(query, "q", q.Text)
	for _, s := range q.States {
		query.Add("state", string(s))
	}
	if q.Free {
		query.Set("free", "true")
	}
	if q.Asked {
		query.Set("asked", "true")
	}
	for _, t := range q.Timeliness {
		query.Add("timeliness", string(t))
	}
	if q.Wait > 0 {
		query.Set("wait", strconv.Itoa(int(q.Wait.Round(time.Second)/time.Second)))
	}
	return list[hub.Item](ctx, c, pathOf("mailbox"), query, q.Page)
}

// LeaseRequest asks for the right to work on deliveries for a while.
type LeaseRequest struct {
	Agency     string // code or id; may be empty when the credential speaks for one
	Deliveries []hub.DeliveryID
	Max        int           // how many free ones, when Deliveries is empty
	For        time.Duration // whole seconds; zero: the hub's default
}

// Lease takes leases and returns the leased items. It is not repeated after a
// failure: what a lost answer leased becomes free again when the lease ends.
func (c *Client) Lease(ctx context.Context, r LeaseRequest) ([]hub.Item, error) {
	k, err := call{method: http.MethodPost, path: pathOf("mailbox", "leases")}.withJSON(struct {
		Agency     string           `json:"agency,omitempty"`
		Max        int              `json:"max,omitempty"`
		Seconds    int64            `json:"seconds,omitempty"`
		Deliveries []hub.DeliveryID `json:"deliveries,omitempty"`
	}{r.Agency, r.Max, seconds(r.For), r.Deliveries})
	if err != nil {
		return nil, err
	}
	var answer page[hub.Item]
	err = c.json(ctx, k, &answer)
	return answer.Items, err
}

// Renew extends a lease; its fence stays.
func (c *Client) Renew(ctx context.Context, id hub.DeliveryID, fence int64, d time.Duration) (hub.Lease, error) {
	k, err := call{method: http.MethodPut, path: pathOf("deliveries", string(id), "lease"), idempotent: true}.withJSON(struct {
		Fence   int64 `json:"fence"`
		Seconds int64 `json:"seconds,omitempty"`
	}{fence, seconds(d)})
	if err != nil {
		return hub.Lease{}, err
	}
	var lease hub.Lease
	err = c.json(ctx, k, &lease)
	return lease, err
}

// Release gives a lease back, so that another collector can take the delivery at
// once. A release whose answer was lost is a conflict when repeated, so it is
// not repeated.
func (c *Client) Release(ctx context.Context, id hub.DeliveryID, fence int64) error {
	return c.json(ctx, call{
		method: http.MethodDelete, path: pathOf("deliveries", string(id), "lease"),
		query: url.Values{"fence": {strconv.FormatInt(fence, 10)}},
	}, nil)
}

func seconds(d time.Duration) int64 { return int64(d.Round(time.Second) / time.Second) }

// Delivery returns one delivery with its dispatch.
func (c *Client) Delivery(ctx context.Context, id hub.DeliveryID) (hub.Item, error) {
	var item hub.Item
	err := c.json(ctx, get(pathOf("deliveries", string(id)), nil), &item)
	return item, err
}

// Acknowledge tells the hub the digests of what was collected and returns the
// ContentHandover.
func (c *Client) Acknowledge(ctx context.Context, id hub.DeliveryID, fence int64, parts map[string]hub.Digest) (hub.SealedEvidence, error) {
	return c.act(ctx, pathOf("deliveries", string(id), "acknowledgement"), struct {
		Fence int64                 `json:"fence"`
		Parts map[string]hub.Digest `json:"parts"`
	}{fence, parts})
}

// Accept tells the hub the entry in the register of incoming documents and
// returns the ConsignmentAcceptance.
func (c *Client) Accept(ctx context.Context, id hub.DeliveryID, r hub.Registration) (hub.SealedEvidence, error) {
	return c.act(ctx, pathOf("deliveries", string(id), "acceptance"), r)
}

// Refuse refuses a delivery with a reason (hub.RefusalReasons) and returns the
// ConsignmentRejection. The fence is that of the running lease, else 0.
func (c *Client) Refuse(ctx context.Context, id hub.DeliveryID, fence int64, reason hub.Reason) (hub.SealedEvidence, error) {
	return c.act(ctx, pathOf("deliveries", string(id), "refusal"), struct {
		Fence  int64          `json:"fence,omitempty"`
		Code   hub.ReasonCode `json:"code"`
		Detail string         `json:"detail,omitempty"`
	}{fence, reason.Code, reason.Detail})
}

// Status is the recipient's progress with a document, codes 01 to 06, or its answer to
// what the sender asks, 15 or 16.
type Status struct {
	Code        hub.StatusCode `json:"code"`
	Description string         `json:"description,omitempty"`
	Staff       *hub.Staff     `json:"staff,omitempty"`
	StatedAt    time.Time      `json:"stated_at,omitzero"`
}

// ReportStatus reports progress and returns the evidence of the report.
func (c *Client) ReportStatus(ctx context.Context, id hub.DeliveryID, s Status) (hub.SealedEvidence, error) {
	return c.act(ctx, pathOf("deliveries", string(id), "status"), s)
}
