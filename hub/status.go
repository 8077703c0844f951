package hub

import "time"

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
