package asic

import (
	"bytes"
	"crypto"
	_ "crypto/sha256" // registers what digestOf returns
	_ "crypto/sha512"
	"encoding/base64"
	"strings"

	"github.com/lienthong/lienthong/signing/verdict"
)

// digestOf returns the hash of a digest method that is accepted, or zero.
func digestOf(uri string) crypto.Hash {
	switch uri {
	case sha256URI:
		return crypto.SHA256
	case "http://www.w3.org/2001/04/xmldsig-more#sha384":
		return crypto.SHA384
	case "http://www.w3.org/2001/04/xmlenc#sha512":
		return crypto.SHA512
	}
	return 0
}

func decodeBase64(text string) ([]byte, bool) {
	value, err := base64.StdEncoding.Strict().DecodeString(strings.Join(strings.Fields(text), ""))
	return value, err == nil
}

// compare says what is wrong with a listed file.
func compare(l listed, digest []byte, found bool) *verdict.Problem {
	switch {
	case !found:
		return verdict.Doubt(verdict.SignedDataNotFound, "the signature is over %q, which is not in the container", l.name)
	case !bytes.Equal(digest, l.sum):
		return verdict.Fail(verdict.HashFailure, "the file %q is not the one that was signed", l.name)
	}
	return nil
}
