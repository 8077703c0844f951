package amqp

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/lienthong/lienthong/hub"
)

// scopes are what the user of an agency may do through the broker.
func scopes() []hub.Scope {
	return []hub.Scope{hub.ScopeSubmit, hub.ScopeCollect, hub.ScopeRead}
}

// actorOf is who speaks through the exchange of an agency.
func actorOf(code hub.Code, id hub.AgencyID) hub.Actor {
	return hub.Actor{
		Name: "amqp:" + AgencyUser(code), Kind: hub.ActorSystem, Auth: hub.AuthBrokerUser,
		Agencies: []hub.AgencyID{id}, Scopes: scopes(),
	}
}

// serve does what a message asks for; a panic is a failure like others.
func (d *Desk) serve(ctx context.Context, actor hub.Actor, m *amqp091.Delivery) (a answer, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = hub.Internal("serve a message", fmt.Errorf("panic: %v", p))
		}
	}()
	if err := examine(m, actor); err != nil {
		return a, err
	}
	switch m.Type {
	case typeSubmit:
		return d.submit(ctx, actor, m)
	case typeCollect:
		return d.collect(ctx, actor, m.Body)
	case typeAcknowledge:
		return act(m.Body, func(v acknowledgement) (hub.SealedEvidence, error) {
			return d.Recipient.Acknowledge(ctx, actor, v.Delivery, v.Fence, v.Parts)
		})
	case typeRegister:
		return act(m.Body, func(v entry) (hub.SealedEvidence, error) {
			return d.Recipient.Accept(ctx, actor, v.Delivery, hub.Registration{Number: v.Number, Date: v.Date, Unit: v.Unit})
		})
	case typeRefuse:
		return act(m.Body, func(v refusal) (hub.SealedEvidence, error) {
			return d.Recipient.Refuse(ctx, actor, v.Delivery, v.Fence, hub.Reason{Code: v.Code, Detail: v.Detail})
		})
	case typeReport:
		return act(m.Body, func(v progress) (hub.SealedEvidence, error) {
			return d.Recipient.Report(ctx, actor, v.Delivery, hub.StatusReport{
				Code: v.Code, Description: v.Description, Staff: v.Staff, StatedAt: v.StatedAt,
			})
		})
	case typeForward:
		return d.forward(ctx, actor, m)
	case typeTrack:
		return d.track(ctx, actor, m.Body)
	}
	return a, hub.Errorf(hub.KindUnsupported, "type", "message_type",
		"%.40q is no type of message; they are submit, collect, acknowledge, register, refuse, report, forward and track", m.Type)
}

// examine checks what surrounds a body.
func examine(m *amqp091.Delivery, actor hub.Actor) error {
	user := actor.Name[len("amqp:"):]
	var found hub.Violations
	if m.UserId != user {
		// The broker has checked it where it is there at all.
		found = append(found, hub.Errorf(hub.KindUntrusted, "user_id", "user_id", "the property user_id names the user of the connection, %s", user))
	}
	if !printable(m.MessageId) {
		found = append(found, hub.Invalid("message_id", "required", "the property message_id has 1 to %d printable ASCII characters; the same message sent again has the same one", maxID))
	}
	if m.ContentType != amqp091.MimeApplicationJSON || m.ContentEncoding != "" && m.ContentEncoding != "utf-8" {
		found = append(found, hub.Errorf(hub.KindUnsupported, "content_type", "content_type", "the property content_type is application/json, without a content_encoding"))
	}
	if m.ReplyTo != "" && m.ReplyTo != user+answersSuffix {
		found = append(found, hub.Invalid("reply_to", "reply_to", "answers go to the queue %s; leave reply_to away or name that", user+answersSuffix))
	}
	if len(m.Body) > maxMessage {
		found = append(found, hub.Errorf(hub.KindTooLarge, "", "max_size", "a message has at most %d bytes; larger documents go through the REST interface", maxMessage))
	}
	return found.AsError()
}

// printable reports whether an id can stand in logs and answers.
func printable(id string) bool {
	for i := range len(id) {
		if id[i] <= ' ' || id[i] > '~' {
			return false
		}
	}
	return id != "" && len(id) <= maxID
}

// act answers an act of a recipient with its evidence.
func act[T any](body []byte, do func(T) (hub.SealedEvidence, error)) (answer, error) {
	v, err := read[T](body)
	if err != nil {
		return answer{}, err
	}
	sealed, err := do(v)
	return answer{typeReceipt, receiptAnswer{sealed}}, err
}

// submit takes a document in. The id of the message is the idempotency key.
func (d *Desk) submit(ctx context.Context, actor hub.Actor, m *amqp091.Delivery) (answer, error) {
	l, err := read[letter](m.Body)
	if err != nil {
		return answer{}, err
	}
	if len(l.Parts) > maxParts {
		return answer{}, hub.Errorf(hub.KindTooLarge, "parts", "max_items", "a submission has at most %d files", maxParts)
	}
	if err := d.Overloaded(); err != nil {
		return answer{}, err
	}
	s := l.submission()
	s.Key, s.TraceID, s.ReceivedAt = m.MessageId, m.MessageId, d.queue.Now().UTC()
	for i := range s.Parts {
		if err := d.keep(ctx, &s.Parts[i], l.Parts[i].Content, i); err != nil {
			return answer{}, err
		}
	}
	accepted, err := d.Intake.Submit(ctx, actor, s)
	return acceptedOf(&accepted), err
}

// forward hands on what the agency received. The id of the message is the idempotency key.
func (d *Desk) forward(ctx context.Context, actor hub.Actor, m *amqp091.Delivery) (answer, error) {
	o, err := read[order](m.Body)
	if err != nil {
		return answer{}, err
	}
	if o.Delivery == "" {
		return answer{}, hub.Invalid("delivery", "required", "which delivery? Its id is in the notice")
	}
	if err := d.Overloaded(); err != nil {
		return answer{}, err
	}
	accepted, err := d.Forwards.Forward(ctx, actor, hub.ForwardOrder{
		Delivery: o.Delivery, Recipients: o.Recipients, Note: o.Note, Key: m.MessageId, TraceID: m.MessageId,
	})
	return acceptedOf(&accepted), err
}

// keep makes the bytes of a part durable and checks what was announced of them.
func (d *Desk) keep(ctx context.Context, p *hub.Part, bytes content, i int) error {
	field := fmt.Sprintf("parts[%d]", i)
	size := int64(len(bytes))
	if p.Size != 0 && p.Size != size {
		return hub.Invalid(field+".size", "digest", "part %s has %d bytes, announced were %d", p.ID, size, p.Size)
	}
	digest, size, err := hub.KeepBlob(ctx, d.Blobs.CreateBlob, bytes)
	if err != nil {
		return err
	}
	if !p.Digest.IsZero() && p.Digest != digest {
		return hub.Invalid(field+".sha256", "digest", "part %s has the SHA-256 %s, announced was %s", p.ID, digest, p.Digest)
	}
	p.Size, p.Digest = size, digest
	return nil
}

// maxSeconds bounds the wish for a lease, in seconds; the hub may allow less.
const maxSeconds = 24 * 60 * 60

// collect leases a delivery and gives out its content.
func (d *Desk) collect(ctx context.Context, actor hub.Actor, body []byte) (answer, error) {
	v, err := read[collection](body)
	switch {
	case err != nil:
		return answer{}, err
	case v.Delivery == "":
		return answer{}, hub.Invalid("delivery", "required", "which delivery? Its id is in the notice")
	case v.Seconds < 0 || v.Seconds > maxSeconds:
		return answer{}, hub.Invalid("seconds", "range", "a lease lasts from 1 second to what the hub allows")
	}
	request := hub.LeaseRequest{Agency: actor.Agencies[0], IDs: []hub.DeliveryID{v.Delivery}}
	if v.Seconds > 0 {
		request.Until = d.queue.Now().Add(time.Duration(v.Seconds) * time.Second)
	}
	items, err := d.Box.Lease(ctx, actor, request)
	if err != nil {
		return answer{}, err
	}
	item := &items[0]
	c := collectedAnswer{
		Delivery: item.Delivery.ID, Fence: item.Delivery.Lease.Fence, Until: item.Delivery.Lease.Until,
		Dispatch: item.Dispatch.ID, Sender: item.Dispatch.SenderCode, SenderName: item.Dispatch.SenderName,
		ExternalID: item.Dispatch.ExternalID, Operation: item.Dispatch.Operation, Document: item.Dispatch.Document,
		Origin: item.Dispatch.Origin, ForInformation: item.Delivery.ForInformation,
	}
	c.Parts, err = d.parts(ctx, actor, &item.Dispatch)
	return answer{typeCollected, c}, err
}

// parts reads as many parts as fit into a message. The package as received says nothing
// more, and is left to those who ask for it.
func (d *Desk) parts(ctx context.Context, actor hub.Actor, dispatch *hub.Dispatch) ([]collectedPart, error) {
	list := make([]collectedPart, 0, len(dispatch.Parts))
	left := int64(maxContent)
	for _, p := range dispatch.Parts {
		part := collectedPart{Part: p}
		if p.Size > left || p.Role == hub.RoleEnvelope {
			part.Path = fmt.Sprintf("/v1/dispatches/%s/parts/%s", dispatch.ID, p.ID)
		} else {
			bytes, err := d.bytes(ctx, actor, dispatch.ID, &p)
			if err != nil {
				return nil, err
			}
			part.Content, left = bytes, left-p.Size
		}
		list = append(list, part)
	}
	return list, nil
}

func (d *Desk) bytes(ctx context.Context, actor hub.Actor, id hub.DispatchID, p *hub.Part) (content, error) {
	_, blob, err := d.Box.Open(ctx, actor, id, p.ID)
	if err != nil {
		return nil, err
	}
	defer blob.Close()
	bytes := make([]byte, p.Size)
	if _, err := io.ReadFull(blob, bytes); err != nil {
		return nil, hub.Internal("read a part", err)
	}
	return bytes, nil
}

// track tells where a dispatch is.
func (d *Desk) track(ctx context.Context, actor hub.Actor, body []byte) (answer, error) {
	v, err := read[inquiry](body)
	if err != nil {
		return answer{}, err
	}
	if v.Dispatch == "" {
		return answer{}, hub.Invalid("dispatch", "required", "which dispatch? Its id is in the answer to submit")
	}
	item, err := d.Box.Dispatch(ctx, actor, v.Dispatch)
	return answer{typeTracked, trackedAnswer{item.Dispatch.ID, statesOf(item.Deliveries)}}, err
}

// encode writes an answer. Receipts in it stay as they were sealed, byte for byte.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, hub.Internal("write an answer", err)
	}
	return b.Bytes(), nil
}
