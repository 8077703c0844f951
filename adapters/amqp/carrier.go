package amqp

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/lienthong/lienthong/hub"
)

// Directory finds the recipient of a delivery.
type Directory interface {
	ByID(id hub.AgencyID) (*hub.Agency, bool)
}

// Carrier tells agencies with a queue of their own (hub.ChannelAMQP) of deliveries.
// What lies in such a queue is a Notice; the agency fetches the content from the hub,
// and acknowledges it there, as others do.
type Carrier struct {
	queue     *Queue
	directory Directory

	mu       sync.Mutex
	declared map[hub.Code]bool
}

// NewCarrier returns a Carrier that publishes on the connection of the queue.
func NewCarrier(q *Queue, d Directory) *Carrier {
	return &Carrier{queue: q, directory: d, declared: map[hub.Code]bool{}}
}

// Notice is the message in an agency's queue: what is there to fetch, and where. It
// has no content and no names. MessageId of the message is the delivery's id: who sees
// it twice has got one delivery.
type Notice struct {
	Delivery  hub.DeliveryID `json:"delivery"`
	Dispatch  hub.DispatchID `json:"dispatch"`
	Operation hub.Operation  `json:"operation"`
	Number    string         `json:"number"` // số/ký hiệu
	Priority  hub.Priority   `json:"priority"`
	Parts     []NoticePart   `json:"parts"`
	Path      string         `json:"path"`       // in the REST interface of the hub
	ExpiresAt time.Time      `json:"expires_at"` // UTC
}

// NoticePart is one part of the document, by its digest.
type NoticePart struct {
	ID     string       `json:"id"`
	Role   hub.PartRole `json:"role"`
	Size   int64        `json:"size"` // bytes
	Digest hub.Digest   `json:"sha256"`
}

// Carry implements delivery.Carrier. It returns nil when the notice lies durably in
// the agency's queue. A queue that is full is KindUnavailable, as a broker that is
// away; a recipient without a code is KindUnknownAgency.
func (c *Carrier) Carry(ctx context.Context, item hub.Item) error {
	recipient, ok := c.directory.ByID(item.Delivery.Recipient)
	if !ok {
		return hub.Errorf(hub.KindUnknownAgency, "recipient", "unknown_agency", "the recipient is not in the directory")
	}
	now := c.queue.Now()
	code, err := hub.ParseCode(string(recipient.CodeAt(now)))
	if err != nil {
		return hub.Errorf(hub.KindUnknownAgency, "recipient", "no_code", "the recipient has no valid code")
	}
	if err := c.prepare(ctx, code); err != nil {
		return err
	}
	body, err := json.Marshal(noticeOf(&item))
	if err != nil {
		return hub.Internal("write a notice", err)
	}
	key := agencyKey(recipient, code, now, item.Dispatch.Document.Priority.Urgent())
	m := c.queue.message(ctx, string(item.Delivery.ID), body)
	m.Type = typeNotice
	err = c.queue.publish(ctx, c.queue.agencyLane(code), eventsExchange, key, m)
	if err == errNoRoute { //nolint:errorlint // ours, never wrapped
		c.forget(code) // the next attempt declares it again
	}
	return err
}

// agencyKey is the routing key of what is for an agency.
func agencyKey(agency *hub.Agency, code hub.Code, at time.Time, urgent bool) string {
	level, ok := hub.At(agency.Levels, at)
	if !ok {
		level = "none"
	}
	return fmt.Sprintf("%s.%s.%s", code, level, laneName(urgent))
}

func noticeOf(item *hub.Item) Notice {
	n := Notice{
		Delivery: item.Delivery.ID, Dispatch: item.Dispatch.ID, Operation: item.Dispatch.Operation,
		Number: item.Dispatch.Document.Number(), Priority: item.Dispatch.Document.Priority,
		Parts: make([]NoticePart, 0, len(item.Dispatch.Parts)),
		Path:  "/v1/deliveries/" + string(item.Delivery.ID), ExpiresAt: item.Delivery.ExpiresAt.UTC(),
	}
	for _, p := range item.Dispatch.Parts {
		n.Parts = append(n.Parts, NoticePart{p.ID, p.Role, p.Size, p.Digest})
	}
	return n
}

// prepare declares the agency's queue, once.
func (c *Carrier) prepare(ctx context.Context, code hub.Code) error {
	c.mu.Lock()
	known := c.declared[code]
	c.mu.Unlock()
	if known {
		return nil
	}
	b := agencyQueue(code)
	err := c.queue.control(ctx, func(ch *amqp091.Channel) error {
		if err := ch.ExchangeDeclare(eventsExchange, amqp091.ExchangeTopic, true, false, false, false, nil); err != nil {
			return err
		}
		return b.declare(ch)
	})
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.declared[code] = true
	return nil
}

func (c *Carrier) forget(code hub.Code) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.declared, code)
}

// agencyQueue is the queue of an agency. The key has two words behind the code, so
// that no code is the beginning of another.
func agencyQueue(code hub.Code) bound {
	return bound{agencyPrefix + string(code), eventsExchange, string(code) + ".*.*", agency()}
}
