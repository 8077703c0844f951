// Package postal speaks the interface by which the operator of the public postal service
// (bưu chính công ích) takes orders: postDieuTin gives one, getAcceptance and getDelivery ask
// what became of it. Fields are named as the operator names them; amounts are in đồng, times
// in Vietnam.
//
// The answers are described nowhere in public. What is read here is a JSON object with Status
// and, where that is false, Code and Message; of questions Data, a list of rows with MaBuuGui,
// TrangThai, ThoiGian, GhiChu and fees. What codes stand for is data (codes.json), which the
// operator of a hub replaces without a new program.
//
// The token is a parameter of each address, as the operator wants it. No error of this
// package holds an address.
//
// Office plays the operator, for tests, for the demonstration and for integrators; it
// misbehaves where it is told to.
package postal

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"io"
	"strings"

	"github.com/lienthong/lienthong/hub"
)

//go:embed codes.json
var defaultCodes []byte

// Codes say what the words of the operator stand for.
type Codes struct {
	Acts    map[string]hub.PostalAct `json:"acts"`
	Unknown []string                 `json:"unknown_order"` // of an answer: it has no such order
	Known   []string                 `json:"known_order"`   // of an answer to an order: it has it already
}

// DefaultCodes are those that come with the program.
func DefaultCodes() Codes {
	c, err := ReadCodes(bytes.NewReader(defaultCodes))
	if err != nil {
		panic(err) // a file of the program
	}
	return c
}

const maxCodes = 1 << 20 // bytes of a file of codes

// ReadCodes reads codes from a file. Errors are of KindInvalid with the field post-codes.
func ReadCodes(r io.Reader) (Codes, error) {
	var c Codes
	decoder := json.NewDecoder(io.LimitReader(r, maxCodes))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&c); err != nil {
		return c, hub.Invalid("post-codes", "json", "%v", err)
	}
	var found hub.Violations
	for code, act := range c.Acts {
		switch act {
		case hub.PostalCollected, hub.PostalAccepted, hub.PostalDelivered, hub.PostalFailed, hub.PostalReturned:
		default:
			found = append(found, hub.Invalid("post-codes", "code_list", "%.40q stands for one of collected, accepted, delivered, failed and returned, not for %.40q", code, string(act)))
		}
	}
	if len(c.Acts) == 0 {
		found = append(found, hub.Invalid("post-codes", "required", "acts names what the codes of the operator stand for"))
	}
	return c, found.AsError()
}

// act is what a code stands for.
func (c *Codes) act(code string) hub.PostalAct {
	if act, ok := c.Acts[strings.TrimSpace(code)]; ok {
		return act
	}
	return hub.PostalUnknown
}
