package webhook

import (
	"context"
	"encoding/base64"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Message is the body of a request (Standard Webhooks 1.0, "Payload structure"). It has
// no more than a receiver needs to fetch what it is about.
type Message struct {
	Type      hub.Topic `json:"type"`
	Timestamp time.Time `json:"timestamp"` // of the event, UTC
	Data      Data      `json:"data"`
}

// Data says what happened. A test has none of it.
type Data struct {
	Event    string              `json:"event,omitempty"` // name of the evidence event
	Evidence hub.EvidenceID      `json:"evidence,omitempty"`
	Dispatch hub.DispatchID      `json:"dispatch,omitempty"`
	Sender   hub.Code            `json:"sender,omitempty"` // its code, as written
	Delivery *Delivery           `json:"delivery,omitempty"`
	Status   *hub.StatusFact     `json:"status,omitempty"`  // of a status report
	Receipt  *hub.SealedEvidence `json:"receipt,omitempty"` // the receipt file, where evidence is subscribed to
	Tasks    []hub.TaskFact      `json:"tasks,omitempty"`   // what was done about a task
	Dossier  *Dossier            `json:"dossier,omitempty"` // what happened to one
	Parts    []Part              `json:"parts,omitempty"`   // of what waits
	// Omitted says why files that the subscription carries are not here.
	Omitted string `json:"content_omitted,omitempty"`
}

// Dossier is an event of a dossier, without words of people: the path has more.
type Dossier struct {
	ID      hub.DossierID   `json:"id"`
	Event   int64           `json:"event"` // its number
	Act     hub.DossierAct  `json:"act"`
	Finding hub.DossierRule `json:"finding,omitempty"` // of a reminder
	Path    string          `json:"path"`              // in the REST interface of the hub
}

// Delivery is where the document stands when the message is made, which can be later than
// the event.
type Delivery struct {
	ID        hub.DeliveryID    `json:"id"`
	Recipient hub.Code          `json:"recipient"` // as the sender wrote it
	State     hub.DeliveryState `json:"state"`
	Operation hub.Operation     `json:"operation"`
	Number    string            `json:"number"` // số/ký hiệu
	Priority  hub.Priority      `json:"priority"`
	ExpiresAt time.Time         `json:"expires_at"` // UTC
	Path      string            `json:"path"`       // in the REST interface of the hub
}

// Part is one file of a document, by its digest.
type Part struct {
	ID        string       `json:"id"`
	Role      hub.PartRole `json:"role"`
	MediaType string       `json:"media_type"`
	Size      int64        `json:"size"` // bytes
	SHA256    hub.Digest   `json:"sha256"`
	Path      string       `json:"path"`
	Content   string       `json:"content,omitempty"` // base64
}

// message makes the body of an event.
func (t *Teller) message(ctx context.Context, event *hub.PushEvent) (Message, error) {
	m := Message{Type: event.Topic, Timestamp: event.At.UTC()}
	if event.Topic == hub.TopicTest {
		return m, nil
	}
	if f := event.Dossier; f != nil {
		m.Data.Dossier = &Dossier{ID: f.Dossier, Event: f.Seq, Act: f.Act, Finding: f.Finding, Path: "/v1/dossiers/" + string(f.Dossier)}
		return m, nil
	}
	e := &event.Evidence.Evidence
	m.Data = Data{Event: e.Event.Name(), Evidence: e.ID, Dispatch: e.Dispatch, Status: e.Status}
	if event.Topic == hub.TopicTask {
		for _, t := range e.Tasks {
			t.Text = "" // a call carries no words of people
			m.Data.Tasks = append(m.Data.Tasks, t)
		}
	}
	if e.Sender != nil {
		m.Data.Sender = e.Sender.Code
	}
	if event.Topic == hub.TopicEvidence {
		m.Data.Receipt = &event.Evidence
	}
	item := event.Item
	if item == nil {
		return m, nil
	}
	d := &item.Delivery
	m.Data.Delivery = &Delivery{
		ID: d.ID, Recipient: d.AddressedAs, State: d.State, Operation: item.Dispatch.Operation, Number: item.Dispatch.Document.Number(),
		Priority: item.Dispatch.Document.Priority, ExpiresAt: d.ExpiresAt.UTC(), Path: "/v1/deliveries/" + string(d.ID),
	}
	if event.Topic != hub.TopicWaiting || item.Dispatch.Purged != nil {
		return m, nil
	}
	for _, p := range item.Dispatch.Parts {
		m.Data.Parts = append(m.Data.Parts, Part{
			ID: p.ID, Role: p.Role, MediaType: p.MediaType, Size: p.Size, SHA256: p.Digest,
			Path: "/v1/dispatches/" + string(item.Dispatch.ID) + "/parts/" + url.PathEscape(p.ID),
		})
	}
	return m, t.fill(ctx, event, &m.Data)
}

// fill puts the files into a message, all of them or none. Files that cannot be read keep
// no message back, and none behind it: it rings without them.
func (t *Teller) fill(ctx context.Context, event *hub.PushEvent, data *Data) error {
	if event.Open == nil {
		return nil
	}
	var size int64
	for i := range data.Parts {
		size += data.Parts[i].Size
	}
	if size > t.options.MaxContent {
		data.Omitted = "too_large"
		return nil
	}
	contents := make([]string, len(data.Parts))
	for i := range data.Parts {
		var err error
		if contents[i], err = read(ctx, event, &data.Parts[i]); err != nil {
			data.Omitted = "not_available" // taken back meanwhile, or damaged
			return ctx.Err()
		}
	}
	for i := range data.Parts {
		data.Parts[i].Content = contents[i]
	}
	return nil
}

func read(ctx context.Context, event *hub.PushEvent, part *Part) (string, error) {
	blob, err := event.Open(ctx, part.ID)
	if err != nil {
		return "", err
	}
	defer blob.Close()
	var text strings.Builder
	text.Grow(base64.StdEncoding.EncodedLen(int(part.Size)))
	encoder := base64.NewEncoder(base64.StdEncoding, &text)
	if _, err := io.Copy(encoder, io.NewSectionReader(blob, 0, part.Size)); err != nil {
		return "", hub.Internal("read part "+part.ID, err)
	}
	if err := encoder.Close(); err != nil {
		return "", hub.Internal("encode part "+part.ID, err)
	}
	return text.String(), nil
}
