package token

import (
	"encoding/asn1"
	"errors"
)

// maxRounds bounds what a PKCS #12 file makes us compute before its passphrase is
// known to be right, over all its parts: about a second. Usual are 2,048 to 600,000.
const maxRounds = 2_000_000

// maxNesting is far above that of any PKCS #12 file; what lies deeper is read by nobody.
const maxNesting = 32

// checkWork refuses a file that asks for a derivation of keys that takes minutes. The
// numbers of rounds stand in plain parts of it, but in several grammars; so every
// INTEGER that follows a salt (an OCTET STRING) in the same structure counts. What is
// encrypted is random and no structure.
func checkWork(data []byte) error {
	if countRounds(data, maxNesting) > maxRounds {
		return errors.New("the PKCS #12 file asks for too many rounds of key derivation")
	}
	return nil
}

// countRounds adds up the rounds in a row of elements. It reads as encoding/asn1 does,
// which the reader of the file uses: what ends this walk ends that one, too.
func countRounds(row []byte, nesting int) int64 {
	var total int64
	salt := false
	for len(row) > 0 && total <= maxRounds {
		var element asn1.RawValue
		rest, err := asn1.Unmarshal(row, &element)
		if err != nil {
			return total
		}
		row = rest
		universal := element.Class == asn1.ClassUniversal && !element.IsCompound
		if salt && universal && element.Tag == asn1.TagInteger {
			var rounds int64
			if _, err := asn1.Unmarshal(element.FullBytes, &rounds); err == nil && rounds > 0 {
				total += min(rounds, maxRounds+1)
			}
		}
		salt = universal && element.Tag == asn1.TagOctetString
		if nesting > 0 && (element.IsCompound || salt && isStructure(element.Bytes)) {
			total += countRounds(element.Bytes, nesting-1)
		}
	}
	return total
}

// isStructure reports whether an OCTET STRING holds one structure and nothing else, as
// PKCS #12 nests them.
func isStructure(content []byte) bool {
	var inner asn1.RawValue
	rest, err := asn1.Unmarshal(content, &inner)
	return err == nil && len(rest) == 0 && inner.IsCompound
}
