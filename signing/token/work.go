package token

import (
	"bytes"
	"encoding/asn1"
	"errors"
)

// maxIterations bounds what a PKCS #12 file makes us compute before its passphrase is
// known to be right. Usual are 2,048 to 600,000.
const maxIterations = 10_000_000

// checkWork refuses a file that asks for a derivation of keys that takes minutes. The
// numbers of rounds stand in plain parts of it, but in several grammars; so every
// INTEGER that follows a salt (an OCTET STRING) counts, wherever it is.
func checkWork(data []byte) error {
	const octetString, integer = 0x04, 0x02
	for at := bytes.IndexByte(data, octetString); at >= 0 && at+2 < len(data); {
		length := int(data[at+1])
		if end := at + 2 + length; length >= 1 && length < 0x80 && end+2 < len(data) && data[end] == integer && data[end+1] <= 9 {
			var rounds int64
			rest := data[end:min(len(data), end+2+int(data[end+1]))]
			if _, err := asn1.Unmarshal(rest, &rounds); err == nil && rounds > maxIterations {
				return errors.New("the PKCS #12 file asks for too many rounds of key derivation")
			}
		}
		next := bytes.IndexByte(data[at+1:], octetString)
		if next < 0 {
			break
		}
		at += 1 + next
	}
	return nil
}
