package pdfsig_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/digitorus/pkcs7"

	"github.com/lienthong/lienthong/signing/pki"
)

// handSigned appends a revision whose objects hold one signature dictionary with
// the marks "/ByteRange [0 ********** ...]" and "/Contents<0000>", and signs it.
func handSigned(t testing.TB, file []byte, by pki.Identity, objects map[int]string) []byte {
	t.Helper()
	return handSignedWith(t, file, objects, func(content []byte) []byte { return messageOf(t, content, by) })
}

// handSignedWith takes the function that makes the signature value.
func handSignedWith(t testing.TB, file []byte, objects map[int]string, sign func(content []byte) []byte) []byte {
	t.Helper()
	const room = 4096
	roomy := map[int]string{}
	for number, text := range objects {
		roomy[number] = strings.Replace(text, "/Contents<0000>", "/Contents<"+strings.Repeat("0", 2*room)+">", 1)
	}
	out := update(t, file, roomy)
	mark := []byte("[0 ********** ********** **********]")
	at := bytes.LastIndex(out, []byte("/Contents<"+strings.Repeat("0", 2*room)+">")) + len("/Contents")
	end := at + 2*room + 2
	place := bytes.LastIndex(out, mark)
	copy(out[place:], fmt.Sprintf("[0 %-10d %-10d %-10d]", at, end, len(out)-end))
	value := sign(append(bytes.Clone(out[:at]), out[end:]...))
	if len(value) > room {
		t.Fatalf("the signature takes %d bytes", len(value))
	}
	hex.Encode(out[at+1:], value)
	return out
}

// messageOf makes a detached message over content.
func messageOf(t testing.TB, content []byte, by pki.Identity) []byte {
	t.Helper()
	data, err := pkcs7.NewSignedData(content)
	if err != nil {
		t.Fatal(err)
	}
	data.SetDigestAlgorithm(pkcs7.OIDDigestAlgorithmSHA256)
	if err := data.AddSignerChain(by.Certificate(), by.Key, by.Chain[1:], pkcs7.SignerInfoConfig{}); err != nil {
		t.Fatal(err)
	}
	data.Detach()
	der, err := data.Finish()
	if err != nil {
		t.Fatal(err)
	}
	if sum := sha256.Sum256(content); !bytes.Contains(der, sum[:]) {
		t.Fatal("the message does not hold the digest of the content")
	}
	return der
}
