package token

import (
	"encoding/asn1"
	"errors"
)

// maxRounds bounds what a PKCS #12 file makes us compute before its passphrase is
// known to be right, over all its parts: about a second. Usual are 2,048 to 600,000.
const maxRounds = 2_000_000

// checkWork refuses a file that asks for a derivation of keys that takes minutes. The
// numbers of rounds stand in plain parts of it, but in several grammars; so every
// INTEGER that follows a salt (an OCTET STRING) counts, wherever it is.
func checkWork(data []byte) error {
	const octetString, integer = 0x04, 0x02
	var total int64
	for at := range data {
		if data[at] != octetString {
			continue
		}
		end := valueEnd(data[at:])
		if end <= 0 || at+end+2 > len(data) || data[at+end] != integer {
			continue
		}
		var rounds int64
		if _, err := asn1.Unmarshal(data[at+end:], &rounds); err != nil || rounds < 0 {
			continue // the reader refuses it, too
		}
		if total += min(rounds, maxRounds+1); total > maxRounds {
			return errors.New("the PKCS #12 file asks for too many rounds of key derivation")
		}
	}
	return nil
}

// valueEnd returns the length of a value with its head; 0 when it has none.
func valueEnd(value []byte) int {
	if len(value) < 2 {
		return 0
	}
	if value[1] < 0x80 {
		return 2 + int(value[1])
	}
	octets := int(value[1] & 0x7F)
	if octets == 0 || octets > 3 || len(value) < 2+octets {
		return 0
	}
	length := 0
	for _, b := range value[2 : 2+octets] {
		length = length<<8 | int(b)
	}
	return 2 + octets + length
}
