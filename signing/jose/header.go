package jose

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"io"
	"strings"
	"time"
)

// Limits of a token from outside.
const (
	maxTokenBytes   = 64 << 10
	maxCertificates = 8
)

const (
	paramSigningTime = "sigT"
	sigTimeLayout    = "2006-01-02T15:04:05Z" // TS 119 182-1, 5.2.1: UTC, no fraction
)

// header is the protected header we write. Members are in the byte order of their
// names, so the text is canonical as it stands.
type header struct {
	Algorithm  string   `json:"alg"`
	Critical   []string `json:"crit"`
	SigningAt  string   `json:"sigT"`
	Type       string   `json:"typ,omitempty"`
	Chain      []string `json:"x5c"`
	Thumbprint string   `json:"x5t#S256"`
}

// parseHeader reads the protected header and applies every rule that needs no key.
func parseHeader(protected string) (Signature, error) {
	raw, err := decode(protected)
	if err != nil {
		return Signature{}, malformed("token", "the header is not base64url")
	}
	members, err := parseMembers(raw)
	if err != nil {
		return Signature{}, err
	}
	if err := checkAlgorithm(members); err != nil {
		return Signature{}, err
	}
	claimed, err := parseClaimedTime(members)
	if err != nil {
		return Signature{}, err
	}
	kind, err := parseType(members)
	if err != nil {
		return Signature{}, err
	}
	chain, err := parseChain(members)
	if err != nil {
		return Signature{}, err
	}
	return Signature{Chain: chain, Claimed: claimed, kind: kind}, nil
}

// parseType returns the typ, which only a batch has.
func parseType(members map[string]json.RawMessage) (string, error) {
	raw, given := members["typ"]
	if !given {
		return "", nil
	}
	var name string
	if json.Unmarshal(raw, &name) != nil || name != batchType {
		return "", malformed("typ", "must be %s or missing", batchType)
	}
	return name, nil
}

// parseMembers splits a JSON object into its members; encoding/json alone would
// take the last of two equal names and match names in any case.
func parseMembers(raw []byte) (map[string]json.RawMessage, error) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	if token, err := decoder.Token(); err != nil || token != json.Delim('{') {
		return nil, malformed("token", "the header is not a JSON object")
	}
	members := map[string]json.RawMessage{}
	for decoder.More() {
		token, err := decoder.Token()
		name, ok := token.(string)
		if err != nil || !ok {
			return nil, malformed("token", "the header is not a JSON object")
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return nil, malformed("token", "the header is not a JSON object")
		}
		if _, twice := members[name]; twice {
			return nil, malformed(name, "given twice")
		}
		if !allowed(name) {
			return nil, malformed(name, "not a parameter of this profile")
		}
		members[name] = value
	}
	if _, err := decoder.Token(); err != nil { // the closing brace
		return nil, malformed("token", "the header is not a JSON object")
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, malformed("token", "data after the header object")
	}
	return members, nil
}

func allowed(name string) bool {
	switch name {
	case "alg", "crit", paramSigningTime, "typ", "x5c", "x5t#S256":
		return true
	}
	return false
}

func checkAlgorithm(members map[string]json.RawMessage) error {
	var name string
	if json.Unmarshal(members["alg"], &name) != nil || name != algorithm {
		return malformed("alg", "must be %s", algorithm)
	}
	return nil
}

// parseClaimedTime requires sigT and, as JAdES does, its mark as critical.
func parseClaimedTime(members map[string]json.RawMessage) (time.Time, error) {
	var critical []string
	if json.Unmarshal(members["crit"], &critical) != nil || len(critical) != 1 || critical[0] != paramSigningTime {
		return time.Time{}, malformed("crit", "must list sigT and nothing else")
	}
	var text string
	if json.Unmarshal(members[paramSigningTime], &text) != nil {
		return time.Time{}, malformed(paramSigningTime, "missing")
	}
	claimed, err := time.Parse(sigTimeLayout, text)
	if err != nil {
		return time.Time{}, malformed(paramSigningTime, "not a UTC time in whole seconds")
	}
	return claimed, nil
}

// parseChain reads x5c and requires x5t#S256 to name its first certificate.
func parseChain(members map[string]json.RawMessage) ([]*x509.Certificate, error) {
	var encoded []string
	if json.Unmarshal(members["x5c"], &encoded) != nil || len(encoded) == 0 || len(encoded) > maxCertificates {
		return nil, malformed("x5c", "must hold 1 to %d certificates", maxCertificates)
	}
	chain := make([]*x509.Certificate, len(encoded))
	for i, text := range encoded {
		certificate, err := parseCertificate(text)
		if err != nil {
			return nil, malformed("x5c", "entry %d is not a certificate", i)
		}
		chain[i] = certificate
	}
	var named string
	if json.Unmarshal(members["x5t#S256"], &named) != nil || named != thumbprint(chain[0]) {
		return nil, malformed("x5t#S256", "does not name the first certificate of x5c")
	}
	return chain, nil
}

func parseCertificate(text string) (*x509.Certificate, error) {
	if strings.ContainsAny(text, "\r\n") {
		return nil, malformed("x5c", "line break")
	}
	der, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}
