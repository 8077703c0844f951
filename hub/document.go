package hub

import (
	"encoding/hex"
	"fmt"
	"time"
)

// Digest is a SHA-256 value; it is the key of a part in the blob store.
type Digest [32]byte

// String returns lower-case hexadecimal, 64 characters.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// IsZero reports whether the digest is unset.
func (d Digest) IsZero() bool { return d == Digest{} }

// MarshalText implements encoding.TextMarshaler.
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Digest) UnmarshalText(text []byte) error {
	parsed, err := ParseDigest(string(text))
	if err != nil {
		return err
	}
	*d = parsed
	return nil
}

// ParseDigest reads 64 hexadecimal characters of either case.
func ParseDigest(s string) (Digest, error) {
	var d Digest
	if len(s) != 64 {
		return d, Invalid("", "sha256", "a SHA-256 digest has 64 hexadecimal characters")
	}
	if _, err := hex.Decode(d[:], []byte(s)); err != nil {
		return d, Invalid("", "sha256", "a SHA-256 digest has 64 hexadecimal characters")
	}
	return d, nil
}

// Date is a printed calendar date in the form 2006-01-02, without a zone. It is
// data from a document and never trusted as the time of an event.
type Date string

// ParseDate checks that s is a date that exists.
func ParseDate(s string) (Date, error) {
	if _, err := time.Parse(time.DateOnly, s); err != nil {
		return "", Invalid("", "date", "%q is not a date of the form YYYY-MM-DD that exists", s)
	}
	return Date(s), nil
}

// PartRole says what a part is to its document.
type PartRole string

// The part roles.
const (
	RoleOriginal   PartRole = "original"   // the signed document itself
	RoleAttachment PartRole = "attachment" // an annex
	RoleEnvelope   PartRole = "envelope"   // the package as received, byte for byte
)

// Part is one byte sequence of a document. The bytes live in the blob store
// under Digest; Name is data, never a path.
type Part struct {
	ID          string   `json:"id"` // unique in the document: "p1", "p2", ...; "envelope"
	Role        PartRole `json:"role"`
	Name        string   `json:"name"`
	Description string   `json:"description,omitempty"`
	MediaType   string   `json:"media_type"`
	Size        int64    `json:"size"` // bytes
	Digest      Digest   `json:"sha256"`
}

// Priority is the urgency of a document (QCVN 102:2016; NĐ 30/2020 knows 0 to 3).
type Priority int

// The priorities.
const (
	PriorityNormal     Priority = 0 // thường
	PriorityUrgent     Priority = 1 // khẩn
	PriorityVeryUrgent Priority = 2 // thượng khẩn
	PriorityExpress    Priority = 3 // hỏa tốc
	PriorityTimed      Priority = 4 // hỏa tốc hẹn giờ, legacy
)

// Urgent reports whether the document takes the urgent lane.
func (p Priority) Urgent() bool { return p > PriorityNormal }

// Document is the official act that a dispatch carries. Lengths follow annex VI
// of NĐ 30/2020/NĐ-CP; intake checks them.
type Document struct {
	CodeNumber    string       `json:"code_number"`   // số, "173"
	CodeNotation  string       `json:"code_notation"` // ký hiệu, "UBND-KSTTHC"
	TypeCode      int          `json:"type_code,omitempty"`
	TypeDetail    int          `json:"type_detail,omitempty"`
	TypeName      string       `json:"type_name,omitempty"` // tên loại, "Công văn"
	Subject       string       `json:"subject"`             // trích yếu
	Content       string       `json:"content,omitempty"`   // summary
	Place         string       `json:"place,omitempty"`     // place of promulgation
	Promulgated   Date         `json:"promulgated,omitempty"`
	Signer        Signer       `json:"signer,omitzero"`
	DueDate       Date         `json:"due_date,omitempty"`
	Priority      Priority     `json:"priority,omitempty"`
	SteeringType  int          `json:"steering_type,omitempty"` // raw; peers read it in two ways
	PaperFollows  bool         `json:"paper_follows,omitempty"`
	PageAmount    int          `json:"page_amount,omitempty"`
	IssuedAmount  int          `json:"issued_amount,omitempty"`
	Sphere        string       `json:"sphere,omitempty"` // phạm vi lưu hành
	TypistMark    string       `json:"typist_mark,omitempty"`
	Appendixes    []string     `json:"appendixes,omitempty"`
	ToPlaces      []string     `json:"to_places,omitempty"` // nơi nhận, free text, not routable
	ResponseFor   []Reference  `json:"response_for,omitempty"`
	ResponseTasks []string     `json:"response_tasks,omitempty"`
	Confidential  string       `json:"confidential,omitempty"` // độ mật as marked; anything but "" is refused
	Application   string       `json:"application_type,omitempty"`
	Staff         *Staff       `json:"staff,omitempty"`
	Business      BusinessInfo `json:"business,omitzero"`
}

// Number returns the full number and notation as printed, "173/UBND-KSTTHC".
func (d *Document) Number() string {
	switch {
	case d.CodeNumber == "":
		return d.CodeNotation
	case d.CodeNotation == "":
		return d.CodeNumber
	}
	return d.CodeNumber + "/" + d.CodeNotation
}

// Signer is the person who signed, as printed.
type Signer struct {
	Competence string `json:"competence,omitempty"` // TM., KT., TL., TUQ., Q.
	Position   string `json:"position,omitempty"`
	FullName   string `json:"full_name,omitempty"`
}

// Reference names another document by what its own header says.
type Reference struct {
	Agency      string `json:"agency,omitempty"` // code as written
	Number      string `json:"number,omitempty"` // số/ký hiệu
	ExternalID  string `json:"external_id,omitempty"`
	Promulgated Date   `json:"promulgated,omitempty"`
}

// Staff is the clerk who sent or reported.
type Staff struct {
	Department   string `json:"department,omitempty"`
	DepartmentID string `json:"department_id,omitempty"`
	Name         string `json:"name,omitempty"`
	ID           string `json:"id,omitempty"`
	Email        string `json:"email,omitempty"`
	Mobile       string `json:"mobile,omitempty"`
}

// Operation is what a dispatch does to documents sent before.
type Operation string

// The operations, with their edXML codes 0 to 3 (BussinessDocType).
const (
	OperationNew     Operation = "new"
	OperationRecall  Operation = "recall"
	OperationUpdate  Operation = "update"
	OperationReplace Operation = "replace"
)

// Code returns the edXML code, or -1 for an unknown operation.
func (o Operation) Code() int {
	switch o {
	case OperationNew:
		return 0
	case OperationRecall:
		return 1
	case OperationUpdate:
		return 2
	case OperationReplace:
		return 3
	}
	return -1
}

// OperationOfCode returns the operation of an edXML code.
func OperationOfCode(code int) (Operation, error) {
	for _, o := range []Operation{OperationNew, OperationRecall, OperationUpdate, OperationReplace} {
		if o.Code() == code {
			return o, nil
		}
	}
	return "", Invalid("operation", "code_list", "operation %d is none of 0 new, 1 recall, 2 update, 3 replace", code)
}

// BusinessInfo carries what a recall, update or replacement says about earlier
// documents (edXML element Bussiness).
type BusinessInfo struct {
	EarlierID    string            `json:"earlier_id,omitempty"` // external id of the document acted on
	Reason       string            `json:"reason,omitempty"`
	InfoChanged  bool              `json:"info_changed,omitempty"`
	ToChanged    bool              `json:"to_changed,omitempty"`
	Receivers    []ReceiverChange  `json:"receivers,omitempty"`
	Replacements []ReplacementInfo `json:"replacements,omitempty"`
}

// ReceiverChange adds a recipient to, or removes one from, an earlier document.
type ReceiverChange struct {
	Agency string `json:"agency"`
	Added  bool   `json:"added"` // false: removed
}

// ReplacementInfo names a replaced document and the agencies that must replace it.
type ReplacementInfo struct {
	ExternalID string   `json:"external_id"`
	Agencies   []string `json:"agencies,omitempty"`
}

// PartName returns the conventional id of the n-th part, counted from 1.
func PartName(n int) string { return fmt.Sprintf("p%d", n) }
