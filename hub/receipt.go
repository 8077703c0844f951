package hub

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"strings"
	"unicode/utf8"
)

// MaxReceiptSize is the largest receipt file that ParseReceipt reads, in bytes. A
// SubmissionAcceptance to a thousand recipients takes about a third of it.
const MaxReceiptSize = 1 << 20

// maxReceiptDepth bounds nesting; an evidence needs six levels.
const maxReceiptDepth = 16

// MarshalReceipt returns the receipt file of a sealed evidence,
//
//	{"evidence": <evidence>, "jws": "<protected header>..<signature>"}
//
// with the canonical bytes verbatim, and with the member "batch" behind them where the
// signature covers a batch: the place of the evidence in it. The same evidence gives
// the same bytes.
func MarshalReceipt(s SealedEvidence) []byte {
	signature, place, inBatch := strings.Cut(s.JWS, batchSeparator)
	var b bytes.Buffer
	b.WriteString(`{"evidence":`)
	b.Write(s.Canonical)
	b.WriteString(`,"jws":`)
	writeText(&b, signature)
	if inBatch {
		b.WriteString(`,"batch":`)
		writeText(&b, place)
	}
	b.WriteByte('}')
	return b.Bytes()
}

// batchSeparator stands between the signature of a batch and the place in it.
const batchSeparator = "~"

func writeText(b *bytes.Buffer, text string) {
	quoted, _ := json.Marshal(text) //nolint:errchkjson // a string cannot fail
	b.Write(quoted)
}

// ParseReceipt reads a receipt file of at most MaxReceiptSize bytes. It refuses
// everything that two readers could understand differently: unknown members,
// members that occur twice or in another case, at any depth, text after the end
// and text that is not UTF-8. Canonical holds the evidence as written, without
// white space between tokens, and Digest its SHA-256. The signature is not
// checked here: whoever checks it must make the evidence canonical again
// (RFC 8785). Errors are of KindInvalid or KindTooLarge.
func ParseReceipt(data []byte) (SealedEvidence, error) {
	if len(data) > MaxReceiptSize {
		return SealedEvidence{}, Errorf(KindTooLarge, "", "max_size", "a receipt has at most %d bytes", MaxReceiptSize)
	}
	if !utf8.Valid(data) {
		return SealedEvidence{}, Invalid("", "utf8", "the receipt is not UTF-8 text")
	}
	if err := checkMembers(data); err != nil {
		return SealedEvidence{}, err
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil {
		return SealedEvidence{}, notJSON(err)
	}
	for name := range members {
		if name != "evidence" && name != "jws" && name != "batch" {
			return SealedEvidence{}, Invalid(name, "unknown_member", "a receipt has the members evidence, jws and batch, not %q", name)
		}
	}
	return parseSealed(members["evidence"], members["jws"], members["batch"])
}

// MarshalJSON writes the receipt form, and null before sealing. An encoder that
// escapes HTML rewrites < > & in it: turn that off to keep the bytes.
func (s SealedEvidence) MarshalJSON() ([]byte, error) {
	if len(s.Canonical) == 0 {
		return []byte("null"), nil
	}
	return MarshalReceipt(s), nil
}

// UnmarshalJSON reads the receipt form as ParseReceipt does; null changes nothing.
func (s *SealedEvidence) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		return nil
	}
	parsed, err := ParseReceipt(data)
	if err != nil {
		return err
	}
	*s = parsed
	return nil
}

func parseSealed(evidence, jws, batch json.RawMessage) (SealedEvidence, error) {
	var s SealedEvidence
	if !bytes.HasPrefix(evidence, []byte("{")) {
		return s, Invalid("evidence", "required", "a receipt has an object as its evidence")
	}
	if err := json.Unmarshal(jws, &s.JWS); err != nil || !isDetachedJWS(s.JWS) {
		return s, Invalid("jws", "detached_jws", "a receipt has a signature of the form header..signature as its jws")
	}
	if batch != nil {
		var place string
		if err := json.Unmarshal(batch, &place); err != nil || !isBase64URL(place) {
			return s, Invalid("batch", "base64url", "the batch of a receipt is the place of its evidence, in base64url")
		}
		s.JWS += batchSeparator + place
	}
	if err := json.Unmarshal(evidence, &s.Evidence); err != nil {
		return s, Invalid("evidence", "evidence", "the evidence cannot be read: %v", err)
	}
	if !saysTheSame(evidence, s.Evidence) {
		return s, Invalid("evidence", "evidence", "the evidence has members that version %s of the field set does not know", EvidenceVersion)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, evidence); err != nil {
		return s, notJSON(err)
	}
	s.Canonical = compact.Bytes()
	s.Digest = sha256.Sum256(s.Canonical)
	return s, nil
}

// saysTheSame reports whether the evidence says all of raw and nothing else, so
// that what a person is shown is what was signed.
func saysTheSame(raw json.RawMessage, evidence Evidence) bool {
	again, err := json.Marshal(evidence)
	if err != nil {
		return false
	}
	var was, is any
	return json.Unmarshal(raw, &was) == nil && json.Unmarshal(again, &is) == nil && reflect.DeepEqual(was, is)
}

func isDetachedJWS(s string) bool {
	header, signature, found := strings.Cut(s, "..")
	return found && isBase64URL(header) && isBase64URL(signature)
}

func isBase64URL(s string) bool {
	return s != "" && allBytes(s, func(b byte) bool {
		return upperOrDigit(b) || b >= 'a' && b <= 'z' || b == '-' || b == '_'
	})
}

func notJSON(err error) error {
	return &Error{Kind: KindInvalid, Rule: "json", Message: "the receipt is not JSON", Err: err}
}

// checkMembers refuses a JSON text with a member name that occurs twice in one
// object, with more than one value, or nested too deeply.
func checkMembers(data []byte) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	if err := checkValue(dec, 0); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return Invalid("", "trailing_data", "there is text after the end of the receipt")
	}
	return nil
}

func checkValue(dec *json.Decoder, depth int) error {
	if depth > maxReceiptDepth {
		return Invalid("", "max_depth", "a receipt has at most %d levels", maxReceiptDepth)
	}
	token, err := dec.Token()
	if err != nil {
		return notJSON(err)
	}
	delim, ok := token.(json.Delim)
	if !ok {
		return nil
	}
	seen := map[string]bool{}
	for dec.More() {
		if delim == '{' {
			if err := checkName(dec, seen); err != nil {
				return err
			}
		}
		if err := checkValue(dec, depth+1); err != nil {
			return err
		}
	}
	if _, err := dec.Token(); err != nil {
		return notJSON(err)
	}
	return nil
}

func checkName(dec *json.Decoder, seen map[string]bool) error {
	token, err := dec.Token()
	if err != nil {
		return notJSON(err)
	}
	name, _ := token.(string)
	if seen[name] {
		return Invalid(name, "duplicate_member", "%q occurs twice in one object", name)
	}
	seen[name] = true
	return nil
}
