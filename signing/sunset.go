package signing

import (
	"crypto"
	"crypto/x509"
	"errors"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/signing/trust"
	"github.com/lienthong/lienthong/signing/tsp"
)

// Sunset tells until when a signature can be relied upon by itself: until the certificate
// of its key ends, or its algorithm by the dated table.
type Sunset struct {
	Certificate *x509.Certificate
	Algorithm   string    // as verdicts name it; empty where only the certificate counts
	Until       time.Time // UTC, of the algorithm; zero: no end is set
}

// End returns the end, and what ends.
func (s *Sunset) End() (at time.Time, why string) {
	end, why := s.Certificate.NotAfter.UTC(), "its certificate ends"
	if !s.Until.IsZero() && s.Until.Before(end) {
		return s.Until, s.Algorithm + " is relied upon no longer"
	}
	return end, why
}

// SunsetOfKey returns that of evidence signed with the key of a certificate, by a table.
func SunsetOfKey(certificate *x509.Certificate, algorithms *trust.Algorithms) Sunset {
	s := Sunset{Certificate: certificate, Algorithm: "ECDSA with SHA-256"}
	s.Until, _ = algorithms.UntilOf(s.Algorithm, certificate.PublicKey)
	return s
}

// SunsetOfToken returns that of a time-stamp token (RFC 3161), by a table. Nothing in it is
// verified. It looks at two algorithms: that of the signature, and the digest by which the
// token names what it stamps.
func SunsetOfToken(der []byte, algorithms *trust.Algorithms) (Sunset, error) {
	token, problem := tsp.Parse(der)
	if problem != nil {
		return Sunset{}, errors.New(problem.Reason)
	}
	signer, problem := token.Message.Signer()
	if problem != nil {
		return Sunset{}, errors.New(problem.Reason)
	}
	s := Sunset{Certificate: signer, Algorithm: token.Message.Algorithm()}
	var known bool
	if s.Until, known = algorithms.UntilOf(s.Algorithm, signer.PublicKey); !known {
		return s, errors.New("its algorithm, " + s.Algorithm + ", is not in the table")
	}
	digest := token.Imprint.Hash.String()
	until, known := algorithms.UntilOfDigest(digest)
	if !known {
		return s, errors.New("its digest, " + digest + ", is not in the table")
	}
	if !until.IsZero() && (s.Until.IsZero() || until.Before(s.Until)) {
		s.Algorithm, s.Until = digest, until
	}
	return s, nil
}

// tokenEnd is the sunset of a token in the words of the hub.
func tokenEnd(der []byte, algorithms *trust.Algorithms) (hub.TokenEnd, error) {
	s, err := SunsetOfToken(der, algorithms)
	if err != nil {
		return hub.TokenEnd{}, hub.Errorf(hub.KindUntrusted, "timestamp", "unreadable", "the time-stamp cannot be relied upon: %v", err)
	}
	at, why := s.End()
	end := hub.TokenEnd{At: at, Why: why, Sub: hub.SubOutOfBoundsNoPOE, Algorithm: s.Algorithm}
	if at.Equal(s.Until) {
		end.Sub = hub.SubCryptoConstraintsNoPOE
	}
	return end, nil
}

// Tokens looks at time-stamp tokens (RFC 3161) without asking whom they lead to.
type Tokens struct{ algorithms *trust.Algorithms }

// NewTokens returns one that knows the algorithms of the table in the program.
func NewTokens() Tokens { return Tokens{trust.DefaultAlgorithms()} }

// End returns when a token stops proving anything by itself; KindUntrusted for one that
// never does.
func (t Tokens) End(token []byte) (hub.TokenEnd, error) { return tokenEnd(token, t.algorithms) }

// Intact returns KindUntrusted unless a token is one over some bytes, signed as it says.
func (Tokens) Intact(token, content []byte) error {
	read, problem := tsp.Parse(token)
	if problem == nil {
		problem = read.Intact(func(hash crypto.Hash) []byte {
			h := hash.New()
			h.Write(content)
			return h.Sum(nil)
		})
	}
	if problem != nil {
		return hub.Errorf(hub.KindUntrusted, "timestamp", string(problem.Sub), "%s", problem.Reason)
	}
	return nil
}

// Time returns when a token says that it was made (genTime); KindUntrusted for one that cannot be read.
func (Tokens) Time(token []byte) (time.Time, error) {
	read, problem := tsp.Parse(token)
	if problem != nil {
		return time.Time{}, hub.Errorf(hub.KindUntrusted, "timestamp", string(problem.Sub), "%s", problem.Reason)
	}
	return read.Time, nil
}

// AlgorithmEnd returns the end of an algorithm by its name in a verdict and a table, whatever
// the size of its key; zero where none is set or the name is not known.
func AlgorithmEnd(name string, algorithms *trust.Algorithms) time.Time {
	end, _ := algorithms.UntilOf(name, nil)
	return end
}
