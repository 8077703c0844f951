package tsp

import (
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	tags "golang.org/x/crypto/cryptobyte/asn1"
)

// The media types of RFC 3161, 3.4.
const (
	mediaQuery = "application/timestamp-query"
	mediaReply = "application/timestamp-reply"
)

// request is a TimeStampReq (RFC 3161, 2.4.1).
type request struct {
	imprint      Imprint
	policy       asn1.ObjectIdentifier // nil: the authority's own
	nonce        *big.Int              // nil: none
	certificates bool                  // the token shall carry the authority's certificates
}

func (r *request) encode() ([]byte, error) {
	var b cryptobyte.Builder
	b.AddASN1(tags.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(1)
		addImprint(b, r.imprint)
		if r.policy != nil {
			b.AddASN1ObjectIdentifier(r.policy)
		}
		if r.nonce != nil {
			b.AddASN1BigInt(r.nonce)
		}
		if r.certificates {
			b.AddASN1Boolean(true)
		}
	})
	return b.Bytes()
}

// parseRequest reads a request. The failure says what the authority must answer.
func parseRequest(der []byte) (*request, failure) {
	input := cryptobyte.String(der)
	r := &request{}
	var sequence, extensions cryptobyte.String
	var version int
	var has bool
	if !input.ReadASN1(&sequence, tags.SEQUENCE) || !input.Empty() || !sequence.ReadASN1Integer(&version) || version != 1 {
		return nil, failBadFormat
	}
	if !readImprint(&sequence, &r.imprint) {
		return nil, failBadFormat
	}
	if identifierOf(r.imprint.Hash) == nil {
		return nil, failBadAlgorithm
	}
	if sequence.PeekASN1Tag(tags.OBJECT_IDENTIFIER) && !sequence.ReadASN1ObjectIdentifier(&r.policy) {
		return nil, failBadFormat
	}
	if sequence.PeekASN1Tag(tags.INTEGER) {
		r.nonce = new(big.Int)
		if !sequence.ReadASN1Integer(r.nonce) || r.nonce.BitLen() > 256 {
			return nil, failBadFormat
		}
	}
	if sequence.PeekASN1Tag(tags.BOOLEAN) && !sequence.ReadASN1Boolean(&r.certificates) ||
		!sequence.ReadOptionalASN1(&extensions, &has, tags.Tag(0).ContextSpecific().Constructed()) || !sequence.Empty() {
		return nil, failBadFormat
	}
	if has {
		return nil, failExtension
	}
	return r, failNone
}

// failure is a PKIFailureInfo: the number of its bit.
type failure int

const (
	failNone         failure = -1
	failBadAlgorithm failure = 0
	failBadFormat    failure = 5
	failPolicy       failure = 15
	failExtension    failure = 16
	failSystem       failure = 25
)

// The values of PKIStatus that end well.
const (
	statusGranted  = 0
	statusModified = 1
	statusRejected = 2
)

// reply returns the TimeStampResp that carries a token.
func reply(token []byte) ([]byte, error) {
	var b cryptobyte.Builder
	b.AddASN1(tags.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(tags.SEQUENCE, func(b *cryptobyte.Builder) { b.AddASN1Int64(statusGranted) })
		b.AddBytes(token)
	})
	return b.Bytes()
}

// refusal returns the TimeStampResp that says no.
func refusal(reason failure) ([]byte, error) {
	bits := make([]byte, int(reason)/8+1)
	bits[reason/8] = 0x80 >> (reason % 8)
	var b cryptobyte.Builder
	b.AddASN1(tags.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(tags.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1Int64(statusRejected)
			b.AddASN1(tags.BIT_STRING, func(b *cryptobyte.Builder) {
				b.AddUint8(uint8(7 - reason%8)) // #nosec G115 -- 0 to 7
				b.AddBytes(bits)
			})
		})
	})
	return b.Bytes()
}

var errReply = errors.New("the answer of the time-stamp authority cannot be read")

// parseReply returns the token of a TimeStampResp.
func parseReply(der []byte) ([]byte, error) {
	input := cryptobyte.String(der)
	var sequence, status, token cryptobyte.String
	var code int
	if !input.ReadASN1(&sequence, tags.SEQUENCE) || !input.Empty() || !sequence.ReadASN1(&status, tags.SEQUENCE) ||
		!status.ReadASN1Integer(&code) {
		return nil, errReply
	}
	if code != statusGranted && code != statusModified {
		return nil, fmt.Errorf("the time-stamp authority refuses (status %d%s)", code, reasonOf(status))
	}
	if !sequence.ReadASN1Element(&token, tags.SEQUENCE) || !sequence.Empty() {
		return nil, errReply
	}
	return token, nil
}

// reasonOf returns the number of the failure bit, for the message.
func reasonOf(status cryptobyte.String) string {
	var text cryptobyte.String
	var bits asn1.BitString
	if !status.ReadOptionalASN1(&text, nil, tags.SEQUENCE) || !status.ReadASN1BitString(&bits) {
		return ""
	}
	for i := range bits.BitLength {
		if bits.At(i) == 1 {
			return fmt.Sprintf(", failure %d", i)
		}
	}
	return ""
}
