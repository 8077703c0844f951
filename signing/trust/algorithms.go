package trust

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lienthong/lienthong/signing/verdict"
)

//go:embed algorithms.json
var algorithmTable []byte

// Algorithms says until when algorithms and key sizes are relied upon (ETSI TS 119
// 312). What it does not list is not accepted.
type Algorithms struct {
	Version    string          `json:"version"` // date of issue; stands in every report
	Source     string          `json:"source"`
	Digests    []algorithmDate `json:"digests"`
	Signatures []algorithmDate `json:"signatures"` // ascending by bits for each name
}

// algorithmDate is one row: from so many bits upwards, until the start of a day (UTC).
type algorithmDate struct {
	Name  string `json:"name"`
	Bits  int    `json:"bits,omitempty"`
	Until string `json:"until,omitempty"` // empty: no end is set

	until time.Time
}

// DefaultAlgorithms returns the table that comes with the program.
func DefaultAlgorithms() *Algorithms {
	a, err := ParseAlgorithms(algorithmTable)
	if err != nil {
		panic("the embedded algorithm table: " + err.Error()) // a test reads it
	}
	return a
}

// ParseAlgorithms reads a table: JSON as algorithms.json beside this file.
func ParseAlgorithms(data []byte) (*Algorithms, error) {
	a := &Algorithms{}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(a); err != nil {
		return nil, fmt.Errorf("algorithm table: %w", err)
	}
	if a.Version == "" || len(a.Digests) == 0 || len(a.Signatures) == 0 {
		return nil, fmt.Errorf("algorithm table: version, digests and signatures are required")
	}
	for _, rows := range [][]algorithmDate{a.Digests, a.Signatures} {
		for i := range rows {
			if rows[i].Until == "" {
				continue
			}
			until, err := time.Parse(time.DateOnly, rows[i].Until)
			if err != nil {
				return nil, fmt.Errorf("algorithm table: %s: until: %w", rows[i].Name, err)
			}
			rows[i].until = until
		}
	}
	slices.SortStableFunc(a.Signatures, func(x, y algorithmDate) int { return x.Bits - y.Bits })
	return a, nil
}

// Suite is a signature algorithm with the key that it is used with.
type Suite struct {
	Scheme string // "RSA", "RSA-PSS", "ECDSA" or "Ed25519"
	Digest string // "SHA-256"; empty where the scheme fixes it
	Bits   int
}

func (s Suite) String() string {
	if s.Digest == "" {
		return fmt.Sprintf("%s, %d bits", s.Scheme, s.Bits)
	}
	return fmt.Sprintf("%s with %s, %d bits", s.Scheme, s.Digest, s.Bits)
}

// suiteOf reads the text of verdict.Signature.Algorithm ("RSA with SHA-256") for a
// key. The second result is false for a text that names no suite.
func suiteOf(text string, key any) (Suite, bool) {
	scheme, digest, ok := strings.Cut(text, " with ")
	return Suite{Scheme: scheme, Digest: digest, Bits: bitsOf(key)}, ok || scheme == "Ed25519"
}

func bitsOf(key any) int {
	switch key := key.(type) {
	case *rsa.PublicKey:
		return key.N.BitLen()
	case *ecdsa.PublicKey:
		return key.Curve.Params().BitSize
	case ed25519.PublicKey:
		return 256
	}
	return 0
}

// certificateSuite returns the suite of a signature that an authority's key made.
func certificateSuite(algorithm x509.SignatureAlgorithm, key any) (Suite, bool) {
	s := Suite{Bits: bitsOf(key)}
	switch algorithm {
	case x509.SHA256WithRSA, x509.SHA384WithRSA, x509.SHA512WithRSA, x509.SHA1WithRSA, x509.MD5WithRSA:
		s.Scheme = "RSA"
	case x509.SHA256WithRSAPSS, x509.SHA384WithRSAPSS, x509.SHA512WithRSAPSS:
		s.Scheme = "RSA-PSS"
	case x509.ECDSAWithSHA256, x509.ECDSAWithSHA384, x509.ECDSAWithSHA512, x509.ECDSAWithSHA1:
		s.Scheme = "ECDSA"
	case x509.PureEd25519:
		s.Scheme = "Ed25519"
		return s, true
	}
	switch algorithm {
	case x509.SHA256WithRSA, x509.SHA256WithRSAPSS, x509.ECDSAWithSHA256:
		s.Digest = "SHA-256"
	case x509.SHA384WithRSA, x509.SHA384WithRSAPSS, x509.ECDSAWithSHA384:
		s.Digest = "SHA-384"
	case x509.SHA512WithRSA, x509.SHA512WithRSAPSS, x509.ECDSAWithSHA512:
		s.Digest = "SHA-512"
	case x509.SHA1WithRSA, x509.ECDSAWithSHA1:
		s.Digest = "SHA-1"
	case x509.MD5WithRSA:
		s.Digest = "MD5"
	}
	return s, s.Scheme != ""
}

// Until returns the end of a suite, zero when none is set. The second result is
// false for a suite that the table does not list.
func (a *Algorithms) Until(s Suite) (time.Time, bool) {
	var end time.Time
	known := false
	for _, row := range a.Signatures {
		if row.Name == s.Scheme && s.Bits >= row.Bits {
			end, known = row.until, true
		}
	}
	if s.Digest == "" || !known {
		return end, known
	}
	until, known := a.UntilOfDigest(s.Digest)
	if known {
		end = earlier(end, until)
	}
	return end, known
}

// UntilOfDigest returns the end of a digest by its name ("SHA-256"), zero when none is
// set. The second result is false for one that the table does not list.
func (a *Algorithms) UntilOfDigest(name string) (time.Time, bool) {
	for _, row := range a.Digests {
		if row.Name == name {
			return row.until, true
		}
	}
	return time.Time{}, false
}

// EndDigest returns a table in which a digest is relied upon until the start of a day
// (UTC), as whoever verifies decides. Reports name the table with it.
func (a *Algorithms) EndDigest(name string, until time.Time) (*Algorithms, error) {
	own := *a
	own.Digests = slices.Clone(a.Digests)
	i := slices.IndexFunc(own.Digests, func(row algorithmDate) bool { return row.Name == name })
	if i < 0 {
		return nil, fmt.Errorf("the table of algorithms has no digest %q", name)
	}
	row := &own.Digests[i]
	row.until = until.UTC().Truncate(24 * time.Hour)
	row.Until = row.until.Format(time.DateOnly)
	own.Version += ", " + name + " until " + row.Until
	return &own, nil
}

// earlier returns the first of two ends, of which zero is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// check requires that a suite was relied upon at a time; proven says that the time is
// one at which what it protects is known to have existed.
func (a *Algorithms) check(s Suite, at time.Time, proven bool, what string) *verdict.Problem {
	end, known := a.Until(s)
	if known && (end.IsZero() || at.Before(end)) {
		return nil
	}
	sub, when := verdict.CryptoConstraintsNoPOE, "is not accepted"
	if known {
		when = "was relied upon until " + end.Format(time.DateOnly)
	}
	if proven || !known {
		sub = verdict.CryptoConstraintsFailure
	}
	problem := verdict.Doubt(sub, "%s uses %s, which %s (algorithm table %s)", what, s, when, a.Version)
	problem.Crypto = &verdict.Crypto{Algorithm: s.String(), Until: end}
	return problem
}

// UntilOf returns the end of an algorithm by its text, as verdicts name it ("RSA with
// SHA-256"), for a key; without a key, the first end that any accepted size of key has.
// The second result is false for what the table does not list.
func (a *Algorithms) UntilOf(text string, key any) (end time.Time, known bool) {
	suite, ok := suiteOf(text, key)
	if !ok {
		return end, false
	}
	if key != nil {
		return a.Until(suite)
	}
	for _, row := range a.Signatures {
		if row.Name == suite.Scheme && (row.until.IsZero() || row.Until >= a.Version) {
			suite.Bits = row.Bits
			until, _ := a.Until(suite)
			end, known = earlier(end, until), true
		}
	}
	return end, known
}
