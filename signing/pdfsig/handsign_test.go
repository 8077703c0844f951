package pdfsig_test

import (
	"bytes"
	"compress/zlib"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/lienthong/lienthong/signing/pki"
)

// handSigned appends a revision whose objects hold one signature dictionary with
// the marks "/ByteRange [0 ********** ...]" and "/Contents<0000>", and signs it.
func handSigned(t testing.TB, file []byte, by pki.Identity, objects map[int]string) []byte {
	t.Helper()
	return handSignedWith(t, file, objects, func(content []byte) []byte { return detachedOver(t, bytes.NewReader(content), by) })
}

// handSignedTrailer takes the entries of the trailer.
func handSignedTrailer(t testing.TB, file []byte, by pki.Identity, objects map[int]string, trailer string) []byte {
	t.Helper()
	return signRevision(t, file, objects, func(content []byte) []byte { return detachedOver(t, bytes.NewReader(content), by) }, trailer)
}

// handSignedWith takes the function that makes the signature value.
func handSignedWith(t testing.TB, file []byte, objects map[int]string, sign func(content []byte) []byte) []byte {
	t.Helper()
	return signRevision(t, file, objects, sign)
}

func signRevision(t testing.TB, file []byte, objects map[int]string, sign func(content []byte) []byte, trailer ...string) []byte {
	t.Helper()
	const room = 4096
	roomy := map[int]string{}
	for number, text := range objects {
		roomy[number] = strings.Replace(text, "<0000>", "<"+strings.Repeat("0", 2*room)+">", 1)
	}
	out := update(t, file, roomy, trailer...)
	mark := []byte("[0 ********** ********** **********]")
	at := bytes.LastIndex(out, []byte("<"+strings.Repeat("0", 2*room)+">"))
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

// detachedOver makes a detached message over what a reader yields, in constant
// memory.
func detachedOver(t testing.TB, content io.Reader, by pki.Identity) []byte {
	t.Helper()
	hash := sha256.New()
	if _, err := io.Copy(hash, content); err != nil {
		t.Fatal(err)
	}
	return digestMessage(t, hash.Sum(nil), by, false)
}

// digestMessage builds the smallest message, content type and digest, and with the
// reference to the signing certificate the smallest one of the baseline.
func digestMessage(t testing.TB, sum []byte, by pki.Identity, reference bool) []byte {
	t.Helper()
	oid := func(b *cryptobyte.Builder, numbers ...int) { b.AddASN1ObjectIdentifier(numbers) }
	sha := func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) { oid(b, 2, 16, 840, 1, 101, 3, 4, 2, 1) })
	}
	attributes := func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			oid(b, 1, 2, 840, 113549, 1, 9, 3)
			b.AddASN1(asn1.SET, func(b *cryptobyte.Builder) { oid(b, 1, 2, 840, 113549, 1, 7, 1) })
		})
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			oid(b, 1, 2, 840, 113549, 1, 9, 4)
			b.AddASN1(asn1.SET, func(b *cryptobyte.Builder) { b.AddASN1OctetString(sum) })
		})
		if reference {
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				oid(b, 1, 2, 840, 113549, 1, 9, 16, 2, 47)
				b.AddASN1(asn1.SET, signerReference(by))
			})
		}
	}
	var set cryptobyte.Builder
	set.AddASN1(asn1.SET, attributes)
	signed := sha256.Sum256(set.BytesOrPanic())
	value, err := by.Key.Sign(rand.Reader, signed[:], crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	explicit := asn1.Tag(0).ContextSpecific().Constructed()
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		oid(b, 1, 2, 840, 113549, 1, 7, 2)
		b.AddASN1(explicit, func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1Int64(1)
				b.AddASN1(asn1.SET, sha)
				b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) { oid(b, 1, 2, 840, 113549, 1, 7, 1) })
				b.AddASN1(explicit, func(b *cryptobyte.Builder) {
					for _, certificate := range by.Chain {
						b.AddBytes(certificate.Raw)
					}
				})
				b.AddASN1(asn1.SET, func(b *cryptobyte.Builder) {
					b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
						b.AddASN1Int64(1)
						b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
							b.AddBytes(by.Certificate().RawIssuer)
							b.AddASN1BigInt(by.Certificate().SerialNumber)
						})
						sha(b)
						b.AddASN1(explicit, attributes)
						b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) { oid(b, methodOf(by)...) })
						b.AddASN1OctetString(value)
					})
				})
			})
		})
	})
	return b.BytesOrPanic()
}

// signerReference is a SigningCertificateV2 with the digest alone.
func signerReference(by pki.Identity) func(b *cryptobyte.Builder) {
	sum := sha256.Sum256(by.Certificate().Raw)
	return func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddASN1OctetString(sum[:]) })
			})
		})
	}
}

// methodOf returns the signature algorithm of an identity's key with SHA-256.
func methodOf(by pki.Identity) []int {
	if _, ok := by.Key.(*rsa.PrivateKey); ok {
		return []int{1, 2, 840, 113549, 1, 1, 11}
	}
	return []int{1, 2, 840, 10045, 4, 3, 2}
}

// xrefBomb is a file whose cross-reference stream unpacks to a thousand times its
// size and claims as many objects.
func xrefBomb(t testing.TB) []byte {
	t.Helper()
	var packed bytes.Buffer
	w := zlib.NewWriter(&packed)
	zeros := make([]byte, 1<<20)
	for range 20 {
		if _, err := w.Write(zeros); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	head := "%PDF-1.7\n"
	body := fmt.Sprintf("1 0 obj\n<< /Type /XRef /W [1 2 1] /Size 9000000 /Root 2 0 R /Filter /FlateDecode /Length %d >>\nstream\n%s\nendstream\nendobj\n",
		packed.Len(), packed.String())
	return []byte(head + body + fmt.Sprintf("startxref\n%d\n%%%%EOF\n", len(head)))
}

// replaceNumbers rewrites the last number-like word of every match: the first run
// of digits in it.
func replaceNumbers(data []byte, pattern string, rewrite func(int64) string) []byte {
	digits := regexp.MustCompile(`\d+`)
	return regexp.MustCompile(pattern).ReplaceAllFunc(data, func(match []byte) []byte {
		number, err := strconv.ParseInt(string(digits.Find(match)), 10, 64)
		if err != nil {
			panic(err)
		}
		return []byte(rewrite(number))
	})
}
