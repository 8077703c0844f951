package hub

import (
	"strings"
	"time"
)

// StatusCode is a two-digit edXML status (QCVN 102:2016; QĐ 28/2018 art. 10).
// It is the recipient's business progress, never a transport state.
type StatusCode string

// The status codes. 07 to 12 and 14 were never met in practice.
const (
	StatusArrived        StatusCode = "01" // đã đến
	StatusRefused        StatusCode = "02" // từ chối tiếp nhận
	StatusAccepted       StatusCode = "03" // đã tiếp nhận
	StatusAssigned       StatusCode = "04" // phân công
	StatusInProgress     StatusCode = "05" // đang xử lý
	StatusCompleted      StatusCode = "06" // hoàn thành
	StatusRecallAsked    StatusCode = "13" // sender asks to take the document back
	StatusChangeAccepted StatusCode = "15" // update or recall agreed
	StatusChangeRefused  StatusCode = "16" // update or recall refused
)

// Valid reports whether the code is one of the list above.
func (c StatusCode) Valid() bool { return c.Progress() || c.ChangeRequest() }

// Progress reports whether the code is a recipient's progress, 01 to 06.
func (c StatusCode) Progress() bool { return c >= StatusArrived && c <= StatusCompleted && len(c) == 2 }

// ChangeAnswer reports whether the code answers a recall or update, 15 or 16.
func (c StatusCode) ChangeAnswer() bool { return c == StatusChangeAccepted || c == StatusChangeRefused }

// ChangeRequest reports whether the code belongs to recall and update, 13, 15, 16.
func (c StatusCode) ChangeRequest() bool {
	return c == StatusRecallAsked || c == StatusChangeAccepted || c == StatusChangeRefused
}

// Further returns the code that is further on the way of progress. Reports may
// arrive out of order and twice; the furthest is shown.
func (c StatusCode) Further(other StatusCode) StatusCode {
	if !other.Progress() || c >= other {
		return c
	}
	return other
}

// StatusReport is one message about a document's progress at one recipient.
type StatusReport struct {
	ID          string     `json:"id"` // UUIDv7
	Dispatch    DispatchID `json:"dispatch"`
	Delivery    DeliveryID `json:"delivery"`
	Reporter    AgencyID   `json:"reporter"`
	Code        StatusCode `json:"code"`
	Description string     `json:"description,omitempty"`
	Staff       *Staff     `json:"staff,omitempty"`
	StatedAt    time.Time  `json:"stated_at"`   // when the reporter says it happened, UTC
	RecordedAt  time.Time  `json:"recorded_at"` // when the hub recorded it, UTC
	Envelope    *Part      `json:"envelope,omitempty"`
	// Automatic: the hub made it for the recipient when the document came into its box;
	// nobody there did anything.
	Automatic bool `json:"automatic,omitempty"`
}

// arrived is what an automatic report says. It goes to systems and people that know the
// report alone.
const arrived = "Hệ thống liên thông báo thay cơ quan nhận: văn bản đã vào hộp văn bản đến"

// Arrival is the report 01 that the hub makes for the recipient of a delivery that has
// just come into its box; nil where it makes none.
func Arrival(d *Delivery, newID func() string) *StatusReport {
	if !d.ReportsArrival || d.State != StateConsigned || d.Channel == ChannelAxis {
		return nil
	}
	return &StatusReport{
		ID: newID(), Dispatch: d.Dispatch, Delivery: d.ID, Reporter: d.Recipient, Code: StatusArrived, Description: arrived,
		StatedAt: d.UpdatedAt.UTC().Truncate(time.Second), RecordedAt: d.UpdatedAt, Automatic: true,
	}
}

// Fact is the report in an evidence; nil for none.
func (r *StatusReport) Fact() *StatusFact {
	if r == nil {
		return nil
	}
	return &StatusFact{Automatic: r.Automatic, Code: r.Code, Description: r.Description, StatedAt: r.StatedAt}
}

// StatusMessage is a status package as it came from the wire, before the hub has
// matched it to a delivery (edXML messagetype "status").
type StatusMessage struct {
	From        string     // code of the agency that reports
	For         Reference  // the document; For.Agency is whom the message is for
	Code        StatusCode // raw two digits
	Description string
	Staff       *Staff
	StatedAt    time.Time // UTC; zero when absent or unreadable
	Envelope    *Part     // the package as received
}

// FindAddressee sets whom the message is for where its sender wrote itself there, or
// nobody who is known: the owner of the document's id, if that begins with a code.
func (m *StatusMessage) FindAddressee(resolve func(code string) (Resolution, error)) {
	to, err := resolve(m.For.Agency)
	from, unknown := resolve(m.From)
	if err == nil && (unknown != nil || to.Agency.ID != from.Agency.ID) {
		return
	}
	if owner, _, ok := strings.Cut(m.For.ExternalID, ","); ok {
		m.For.Agency = strings.TrimSpace(owner)
	}
}
