package amqp

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/lienthong/lienthong/adapters/internal/strictjson"
	"github.com/lienthong/lienthong/hub"
)

// Types of what an agency writes to its exchange, in the property type of the message.
const (
	typeSubmit      = "submit"      // a document for others
	typeCollect     = "collect"     // lease a delivery and send its content
	typeAcknowledge = "acknowledge" // the content came whole: these are its digests
	typeRegister    = "register"    // số đến, ngày đến
	typeRefuse      = "refuse"      // send a delivery back
	typeReport      = "report"      // progress 01 to 06, or 15 and 16
	typeForward     = "forward"     // hand what was received on inside the house
	typeTrack       = "track"       // where a dispatch is
)

// Types of what the hub writes to an agency.
const (
	typeNotice    = "notice"    // in the agency's queue: a delivery waits
	typeTest      = "test"      // there, too: somebody tests the connection, nothing waits
	typeAccepted  = "accepted"  // answers submit and forward
	typeCollected = "collected" // answers collect
	typeReceipt   = "receipt"   // answers acknowledge, register, refuse and report
	typeTracked   = "tracked"   // answers track
	typeProblem   = "problem"   // answers whatever could not be done
	typeStatus    = "status"    // a status report about a document that the agency sent
)

// Bounds of messages.
const (
	// maxMessage is the largest message that is read, in bytes: what brokers from 4.0 on
	// take by default.
	maxMessage = 16 << 20
	// maxContent is how much content one message carries, in bytes before base64.
	maxContent = 11 << 20
	maxParts   = 100
	maxID      = 128 // characters of a message id
)

// content is the bytes of a part, as base64 (RFC 4648, 4) in JSON.
type content []byte

// MarshalText implements encoding.TextMarshaler.
func (c content) MarshalText() ([]byte, error) {
	return base64.StdEncoding.AppendEncode(nil, c), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (c *content) UnmarshalText(text []byte) error {
	decoded, err := base64.StdEncoding.Strict().AppendDecode(nil, text)
	if err != nil {
		return hub.Invalid("", "base64", "the content is not base64 (RFC 4648, section 4, with padding)")
	}
	*c = decoded
	return nil
}

// letter is the body of a submit message: the members of a submission in the REST
// interface, with the bytes of every part in it.
type letter struct {
	Sender         string         `json:"sender"`
	Recipients     []string       `json:"recipients"`
	ForInformation []string       `json:"for_information"`
	Tasks          []hub.TaskWish `json:"tasks"`
	ExternalID     string         `json:"external_id"`
	Operation      hub.Operation  `json:"operation"` // absent: new
	Document       hub.Document   `json:"document"`
	Parts          []letterPart   `json:"parts"`
}

type letterPart struct {
	ID          string       `json:"id"`   // absent: p1, p2, ...
	Role        hub.PartRole `json:"role"` // absent: the first is the original, the others attachments
	Name        string       `json:"name"`
	Description string       `json:"description"`
	MediaType   string       `json:"media_type"`
	Size        int64        `json:"size"`   // optional
	Digest      hub.Digest   `json:"sha256"` // optional; then the content must fit
	Content     content      `json:"content"`
}

// submission is the letter without the bytes. What a part says of itself is held against
// its content later.
func (l *letter) submission() hub.Submission {
	s := hub.Submission{
		Sender: l.Sender, Recipients: l.Recipients, ForInformation: l.ForInformation, Tasks: l.Tasks, ExternalID: l.ExternalID,
		Operation: cmp.Or(l.Operation, hub.OperationNew), Document: l.Document, Format: hub.FormatREST,
	}
	for i := range l.Parts {
		p := &l.Parts[i]
		role := hub.RoleAttachment
		if i == 0 {
			role = hub.RoleOriginal
		}
		s.Parts = append(s.Parts, hub.Part{
			ID: cmp.Or(p.ID, fmt.Sprintf("p%d", i+1)), Role: cmp.Or(p.Role, role), Name: p.Name, Description: p.Description,
			MediaType: cmp.Or(p.MediaType, "application/octet-stream"), Size: p.Size, Digest: p.Digest,
		})
	}
	return s
}

// collection is the body of a collect message.
type collection struct {
	Delivery hub.DeliveryID `json:"delivery"`
	Seconds  int64          `json:"seconds"` // of the lease; absent: as long as the hub gives
}

// acknowledgement is the body of an acknowledge message.
type acknowledgement struct {
	Delivery hub.DeliveryID        `json:"delivery"`
	Fence    int64                 `json:"fence"`
	Parts    map[string]hub.Digest `json:"parts"` // by part id, of what was received
}

// entry is the body of a register message.
type entry struct {
	Delivery hub.DeliveryID `json:"delivery"`
	Number   string         `json:"number"` // số đến
	Date     hub.Date       `json:"date"`   // ngày đến
	Unit     string         `json:"unit"`   // unit or person in charge
}

// refusal is the body of a refuse message.
type refusal struct {
	Delivery hub.DeliveryID `json:"delivery"`
	Fence    int64          `json:"fence"`
	Code     hub.ReasonCode `json:"code"`
	Detail   string         `json:"detail"`
}

// progress is the body of a report message.
type progress struct {
	Delivery    hub.DeliveryID `json:"delivery"`
	Code        hub.StatusCode `json:"code"`
	Description string         `json:"description"`
	Staff       *hub.Staff     `json:"staff"`
	StatedAt    time.Time      `json:"stated_at"` // absent: now
}

// order is the body of a forward message.
type order struct {
	Delivery   hub.DeliveryID `json:"delivery"` // that was received and acknowledged
	Recipients []string       `json:"recipients"`
	Note       string         `json:"note"` // for them; optional
}

// inquiry is the body of a track message.
type inquiry struct {
	Dispatch hub.DispatchID `json:"dispatch"`
}

// read reads the body of a message.
func read[T any](body []byte) (T, error) {
	var v T
	return v, strictjson.Decode(body, &v)
}
