package jose

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"io"
	"strconv"
	"strings"
	"time"
)

// Limits of a token from outside.
const (
	maxTokenBytes   = 64 << 10
	maxCertificates = 8
)

// The claimed signing time, in whole seconds. Since 15 July 2025 a baseline signature
// has it in iat (TS 119 182-1 V1.2.1, 5.1.11); what was signed before has sigT, marked as
// critical (V1.1.1, 5.2.1), and verifies for ever.
const (
	paramIssuedAt    = "iat"
	paramSigningTime = "sigT"
	paramCritical    = "crit"
	sigTimeLayout    = "2006-01-02T15:04:05Z"
)

// maxIssuedAt is the last second of the year 9999.
const maxIssuedAt = 253402300799

// header is the protected header we write. Members are in the byte order of their
// names, so the text is canonical as it stands.
type header struct {
	Algorithm  string   `json:"alg"`
	IssuedAt   int64    `json:"iat"` // Unix time
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
	case "alg", paramCritical, paramIssuedAt, paramSigningTime, "typ", "x5c", "x5t#S256":
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

// parseClaimedTime requires iat alone, or sigT and, as JAdES did, its mark as critical.
func parseClaimedTime(members map[string]json.RawMessage) (time.Time, error) {
	issued, given := members[paramIssuedAt]
	if !given {
		return parseSigningTime(members)
	}
	for _, name := range []string{paramCritical, paramSigningTime} {
		if _, both := members[name]; both {
			return time.Time{}, malformed(name, "must be missing where there is iat")
		}
	}
	seconds, err := strconv.ParseInt(string(issued), 10, 64)
	if err != nil || seconds < 0 || seconds > maxIssuedAt || strconv.FormatInt(seconds, 10) != string(issued) {
		return time.Time{}, malformed(paramIssuedAt, "not a time in whole seconds since 1970")
	}
	return time.Unix(seconds, 0).UTC(), nil
}

func parseSigningTime(members map[string]json.RawMessage) (time.Time, error) {
	var critical []string
	if json.Unmarshal(members[paramCritical], &critical) != nil || len(critical) != 1 || critical[0] != paramSigningTime {
		return time.Time{}, malformed(paramCritical, "must list sigT and nothing else")
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
