package tsp

import (
	"bytes"
	"crypto"

	"github.com/lienthong/lienthong/signing/cms"
	"github.com/lienthong/lienthong/signing/verdict"
)

// MaxToken is above the size of any token, in bytes.
const MaxToken = 128 << 10

// Token is a parsed token. What it says is a claim until Judge agrees.
type Token struct {
	Raw []byte // DER
	Info
	Message *cms.Message
}

// Parse reads a token: a CMS signature of one signer over a TSTInfo, nothing after it.
func Parse(der []byte) (*Token, *verdict.Problem) {
	if len(der) > MaxToken {
		return nil, verdict.Doubt(verdict.FormatFailure, "the timestamp is larger than %d KiB", MaxToken>>10)
	}
	message, problem := cms.ParseToken(der)
	if problem != nil {
		return nil, verdict.Doubt(verdict.FormatFailure, "the timestamp cannot be read: %s", problem.Reason)
	}
	info, err := parseInfo(message.Content)
	if err != nil {
		return nil, verdict.Doubt(verdict.FormatFailure, "%v", err)
	}
	return &Token{Raw: der, Info: *info, Message: message}, nil
}

// Over reports whether the token was made for these bytes, given by a function that
// hashes them.
func (t *Token) Over(digest func(hash crypto.Hash) []byte) *verdict.Problem {
	if t.Imprint.Hash == 0 {
		return verdict.Doubt(verdict.CryptoConstraintsFailure, "the digest algorithm of the timestamp is not accepted")
	}
	if !bytes.Equal(t.Imprint.Digest, digest(t.Imprint.Hash)) {
		return verdict.Fail(verdict.HashFailure, "the timestamp was made for other bytes")
	}
	return nil
}

// Intact reports whether the token was made for these bytes and by the key of the
// certificate in it. Whose that is, and whether it counts, is for Judge.
func (t *Token) Intact(digest func(hash crypto.Hash) []byte) *verdict.Problem {
	if problem := t.Over(digest); problem != nil {
		return problem
	}
	return t.checkSignature()
}

// checkSignature verifies the token with the certificate in it that its signer names,
// without asking who that is.
func (t *Token) checkSignature() *verdict.Problem {
	hash, problem := t.Message.Hash()
	if problem != nil {
		return problem
	}
	sum := hash.New()
	sum.Write(t.Message.Content)
	if problem := t.Message.CheckDigest(sum.Sum(nil)); problem != nil {
		return problem
	}
	signer, problem := t.Message.Signer()
	if problem != nil {
		return problem
	}
	if problem := t.Message.CheckSigningCertificate(signer, true); problem != nil {
		return problem
	}
	return t.Message.CheckSignature(signer)
}
