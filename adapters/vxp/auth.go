package vxp

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"

	"github.com/lienthong/lienthong/hub"
)

// Names of headers, in the form that the server gives them.
const (
	headerSigned = "Xroadvnpt-Sign-Header"
	headerHash   = "Xroadvnpt-Hash-Header"
	prefix       = "XroadVnpt-" // of parameters in the signed header; exact in case
)

// authenticate checks the signature over the bytes of the signed header as they came and
// takes the parameters from it. The single headers beside it are copies that HTTP folds
// together; they are not looked at. Timestamps may be days old: clients set them once.
func (s *Server) authenticate(x *call) (hub.Actor, error) {
	signed, given := x.r.Header[headerSigned], x.r.Header[headerHash]
	if len(signed) != 1 || len(given) != 1 {
		return hub.Actor{}, untrusted("the headers XroadVnpt-sign-header and XroadVnpt-hash-header are required, each once")
	}
	params, err := parseSigned(signed[0])
	if err != nil {
		return hub.Actor{}, err
	}
	want, err := hex.DecodeString(strings.TrimSpace(given[0]))
	if err != nil || len(want) != sha256.Size {
		return hub.Actor{}, untrusted("XroadVnpt-hash-header is not an HMAC-SHA256 in hexadecimal")
	}
	actor, err := s.Systems.AuthenticateSystem(x.context(), params["systemid"], func(secret []byte) bool {
		return hmac.Equal(sign(secret, signed[0]), want)
	})
	if err != nil {
		return hub.Actor{}, err
	}
	x.actor, x.params, x.system = actor, params, params["systemid"]
	return actor, nil
}

func untrusted(message string) error {
	return hub.Errorf(hub.KindUntrusted, "", "signature", "%s", message)
}

func sign(secret []byte, text string) []byte {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

// parseSigned reads the signed header into parameters without their prefix, keeping the
// case of names: docId and docid are two.
func parseSigned(text string) (map[string]string, error) {
	var members map[string]string
	if err := json.Unmarshal([]byte(text), &members); err != nil || members == nil {
		return nil, hub.Invalid("XroadVnpt-sign-header", "json", "the signed header is no flat JSON object of texts")
	}
	params := make(map[string]string, len(members))
	for name, value := range members {
		if name, ok := strings.CutPrefix(name, prefix); ok {
			params[name] = value
		}
	}
	return params, nil
}
