package signing

import (
	"crypto/x509"
	"errors"
	"time"

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

// SunsetOfKey returns that of evidence signed with the key of a certificate.
func SunsetOfKey(certificate *x509.Certificate) Sunset {
	s := Sunset{Certificate: certificate, Algorithm: "ECDSA with SHA-256"}
	s.Until, _ = trust.DefaultAlgorithms().UntilOf(s.Algorithm, certificate.PublicKey)
	return s
}

// SunsetOfToken returns that of a time-stamp token (RFC 3161). Nothing in it is verified.
func SunsetOfToken(der []byte) (Sunset, error) {
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
	if s.Until, known = trust.DefaultAlgorithms().UntilOf(s.Algorithm, signer.PublicKey); !known {
		return s, errors.New("its algorithm, " + s.Algorithm + ", is not in the table")
	}
	return s, nil
}

// AlgorithmEnd returns the end of an algorithm by its name in a verdict, whatever the size
// of its key; zero where none is set or the name is not known.
func AlgorithmEnd(name string) time.Time {
	end, _ := trust.DefaultAlgorithms().UntilOf(name, nil)
	return end
}
