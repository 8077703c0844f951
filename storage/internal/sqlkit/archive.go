package sqlkit

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/lienthong/lienthong/hub"
)

// The bodies of rows go into an archive as they stand: a field that this version of
// the program does not know must not get lost on the way.

// NameValue is a counter or a setting in an archive.
type NameValue[T int64 | string] struct {
	Name  string `json:"name"`
	Value T      `json:"value"`
}

// DispatchRow is a dispatch as stores keep it.
type DispatchRow struct {
	Body    json.RawMessage `json:"dispatch"`
	Reports json.RawMessage `json:"reports"`
	Receipt string          `json:"receipt"`
	First   string          `json:"first_delivery"`
	Last    string          `json:"last_delivery"`
	// Completed is 0 while a delivery is open, after a purge, and in older archives.
	Completed int64 `json:"completed_at"`
}

// DeliveryRow is a delivery as stores keep it.
type DeliveryRow struct {
	Body   json.RawMessage `json:"delivery"`
	Fence  int64           `json:"fence"`
	Until  int64           `json:"lease_until"`
	Holder string          `json:"lease_holder"`
}

// Record returns the record of a dispatch.
func (r *DispatchRow) Record() json.RawMessage {
	b := make([]byte, 0, len(r.Body)+len(r.Reports)+250)
	b = append(append(b, `{"dispatch":`...), r.Body...)
	b = append(append(b, `,"reports":`...), r.Reports...)
	for _, field := range []struct{ name, value string }{{"receipt", r.Receipt}, {"first_delivery", r.First}, {"last_delivery", r.Last}} {
		b = append(append(b, `,"`+field.name+`":`...), quoted(field.value)...)
	}
	return append(strconv.AppendInt(append(b, `,"completed_at":`...), r.Completed, 10), '}')
}

// Record returns the record of a delivery.
func (r *DeliveryRow) Record() json.RawMessage {
	b := make([]byte, 0, len(r.Body)+120)
	b = append(append(b, `{"delivery":`...), r.Body...)
	b = strconv.AppendInt(append(b, `,"fence":`...), r.Fence, 10)
	b = strconv.AppendInt(append(b, `,"lease_until":`...), r.Until, 10)
	b = append(append(b, `,"lease_holder":`...), quoted(r.Holder)...)
	return append(b, '}')
}

func quoted(s string) []byte {
	b, _ := json.Marshal(s) //nolint:errchkjson // a string cannot fail
	return b
}

// EvidenceBody returns the record of an evidence.
func EvidenceBody(canonical []byte, jws, rejected string) (json.RawMessage, error) {
	r := hub.EvidenceRecord{JWS: jws, Rejected: hub.AgencyID(rejected)}
	if utf8.Valid(canonical) {
		r.Canonical = string(canonical)
	} else {
		r.Raw = canonical
	}
	return marshal(r)
}

// NoteBody returns the record of a note.
func NoteBody(n *hub.RetentionNote) (json.RawMessage, error) { return marshal(n) }

// NamedBody returns the record of a counter or a setting.
func NamedBody[T int64 | string](name string, value T) (json.RawMessage, error) {
	return marshal(NameValue[T]{name, value})
}

func marshal(v any) (json.RawMessage, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return nil, hub.Internal("encode a record", err)
	}
	return body, nil
}

// DecodeRecord reads the body of a record, which comes from outside. Errors are of
// KindInvalid.
func DecodeRecord[T any](r *hub.Record) (T, error) {
	var v T
	if err := json.Unmarshal(r.Body, &v); err != nil {
		return v, badRecord(r.Kind, err)
	}
	return v, nil
}

// DecodeDispatch reads the record of a dispatch, and the dispatch in it.
func DecodeDispatch(r *hub.Record) (DispatchRow, hub.Dispatch, error) {
	row, err := DecodeRecord[DispatchRow](r)
	if err != nil {
		return row, hub.Dispatch{}, err
	}
	d, err := DecodeRecord[hub.Dispatch](&hub.Record{Kind: r.Kind, Body: row.Body})
	return row, d, err
}

// DecodeDeliveryRecord reads the record of a delivery, and the delivery in it.
func DecodeDeliveryRecord(r *hub.Record) (DeliveryRow, hub.Delivery, error) {
	row, err := DecodeRecord[DeliveryRow](r)
	if err != nil {
		return row, hub.Delivery{}, err
	}
	d, err := DecodeRecord[hub.Delivery](&hub.Record{Kind: r.Kind, Body: row.Body})
	return row, d, err
}

// DecodeEvidence reads the record of an evidence; rejected is the sender of a refused
// submission, else empty.
func DecodeEvidence(r *hub.Record) (sealed hub.SealedEvidence, rejected hub.AgencyID, err error) {
	record, err := DecodeRecord[hub.EvidenceRecord](r)
	if err != nil {
		return sealed, "", err
	}
	sealed, err = Sealed(record.Bytes(), record.JWS)
	if err != nil {
		return sealed, "", badRecord(r.Kind, err)
	}
	return sealed, record.Rejected, nil
}

// Sealed puts an evidence together from what is stored of it.
func Sealed(canonical []byte, jws string) (hub.SealedEvidence, error) {
	s := hub.SealedEvidence{Canonical: canonical, JWS: jws, Digest: sha256.Sum256(canonical)}
	if err := json.Unmarshal(canonical, &s.Evidence); err != nil {
		return s, hub.Internal("decode an evidence", err)
	}
	return s, nil
}

func badRecord(kind hub.RecordKind, err error) error {
	return &hub.Error{Kind: hub.KindInvalid, Field: "archive", Rule: "record", Message: fmt.Sprintf("a record of kind %s cannot be read", kind), Err: err}
}

// UnknownKind refuses a record that this version of the program cannot keep.
func UnknownKind(kind hub.RecordKind) error {
	return hub.Errorf(hub.KindUnsupported, "archive", "kind", "the archive has records of the kind %q, which this version does not know: use a newer program", kind)
}

// NotEmpty refuses to import beside what is there.
func NotEmpty() error {
	return hub.Errorf(hub.KindConflict, "database", "empty", "the database is not empty: an archive goes into an empty one only")
}
