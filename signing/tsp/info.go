package tsp

import (
	"crypto"
	_ "crypto/sha1" // #nosec G505 -- to name an imprint of old tokens, which never pass
	_ "crypto/sha256"
	_ "crypto/sha512"
	"encoding/asn1"
	"errors"
	"math/big"
	"time"

	"golang.org/x/crypto/cryptobyte"
	tags "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/lienthong/lienthong/signing/cms"
)

// Imprint is the digest that a token is made for.
type Imprint struct {
	Hash   crypto.Hash
	Digest []byte
}

// Info is the content of a token (TSTInfo, RFC 3161, 2.4.2).
type Info struct {
	Policy   asn1.ObjectIdentifier
	Imprint  Imprint
	Serial   *big.Int
	Time     time.Time     // UTC, genTime
	Accuracy time.Duration // the true time lies this far around Time at most; zero when not said
	Ordering bool          // tokens of this authority can be put in order by Time alone
	Nonce    *big.Int      // nil when there is none
}

// hashOf returns the digest algorithm of an identifier; zero when tokens do not use it.
func hashOf(id asn1.ObjectIdentifier) crypto.Hash {
	switch hash := cms.HashOf(id); hash {
	case crypto.SHA256, crypto.SHA384, crypto.SHA512, crypto.SHA1:
		return hash
	}
	return 0
}

func identifierOf(hash crypto.Hash) asn1.ObjectIdentifier {
	switch hash {
	case crypto.SHA256:
		return asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}
	case crypto.SHA384:
		return asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 2}
	case crypto.SHA512:
		return asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 3}
	}
	return nil
}

var errInfo = errors.New("the content of the timestamp cannot be read")

// parseInfo reads a TSTInfo. An extension that is critical is not known here.
func parseInfo(der []byte) (*Info, error) {
	input := cryptobyte.String(der)
	var sequence cryptobyte.String
	i := &Info{Serial: new(big.Int)}
	var version int
	if !input.ReadASN1(&sequence, tags.SEQUENCE) || !input.Empty() ||
		!sequence.ReadASN1Integer(&version) || version != 1 ||
		!sequence.ReadASN1ObjectIdentifier(&i.Policy) || !readImprint(&sequence, &i.Imprint) ||
		!sequence.ReadASN1Integer(i.Serial) || !readTime(&sequence, &i.Time) {
		return nil, errInfo
	}
	return i, i.readOptional(sequence)
}

// readTime reads a GeneralizedTime in UTC. Unlike in certificates, a fraction of a
// second may stand in it.
func readTime(from *cryptobyte.String, at *time.Time) bool {
	var text cryptobyte.String
	if !from.ReadASN1(&text, tags.GeneralizedTime) || len(text) > 32 {
		return false
	}
	parsed, err := time.Parse("20060102150405Z", string(text)) // takes a fraction, too
	*at = parsed
	return err == nil
}

// readOptional reads what may follow the time.
func (i *Info) readOptional(rest cryptobyte.String) error {
	if rest.PeekASN1Tag(tags.SEQUENCE) && !i.readAccuracy(&rest) {
		return errInfo
	}
	if rest.PeekASN1Tag(tags.BOOLEAN) && !rest.ReadASN1Boolean(&i.Ordering) {
		return errInfo
	}
	if rest.PeekASN1Tag(tags.INTEGER) {
		i.Nonce = new(big.Int)
		if !rest.ReadASN1Integer(i.Nonce) {
			return errInfo
		}
	}
	var has bool
	var extensions cryptobyte.String
	if !rest.SkipOptionalASN1(tags.Tag(0).ContextSpecific().Constructed()) ||
		!rest.ReadOptionalASN1(&extensions, &has, tags.Tag(1).ContextSpecific().Constructed()) || !rest.Empty() {
		return errInfo
	}
	return checkExtensions(extensions)
}

func checkExtensions(list cryptobyte.String) error {
	for !list.Empty() {
		var extension cryptobyte.String
		var critical bool
		if !list.ReadASN1(&extension, tags.SEQUENCE) || !extension.SkipASN1(tags.OBJECT_IDENTIFIER) ||
			extension.PeekASN1Tag(tags.BOOLEAN) && !extension.ReadASN1Boolean(&critical) {
			return errInfo
		}
		if critical {
			return errors.New("the timestamp has a critical extension that is not known")
		}
	}
	return nil
}

func readImprint(from *cryptobyte.String, imprint *Imprint) bool {
	var sequence, algorithm cryptobyte.String
	var id asn1.ObjectIdentifier
	if !from.ReadASN1(&sequence, tags.SEQUENCE) || !sequence.ReadASN1(&algorithm, tags.SEQUENCE) ||
		!algorithm.ReadASN1ObjectIdentifier(&id) || !sequence.ReadASN1Bytes(&imprint.Digest, tags.OCTET_STRING) ||
		!sequence.Empty() {
		return false
	}
	imprint.Hash = hashOf(id)
	return imprint.Hash == 0 || len(imprint.Digest) == imprint.Hash.Size()
}

// readAccuracy reads seconds, milliseconds and microseconds, each of them optional.
func (i *Info) readAccuracy(from *cryptobyte.String) bool {
	var accuracy cryptobyte.String
	var seconds, millis, micros int64
	if !from.ReadASN1(&accuracy, tags.SEQUENCE) {
		return false
	}
	if accuracy.PeekASN1Tag(tags.INTEGER) && !accuracy.ReadASN1Integer(&seconds) {
		return false
	}
	for tag, value := range []*int64{&millis, &micros} {
		t := tags.Tag(tag).ContextSpecific()
		if accuracy.PeekASN1Tag(t) && !accuracy.ReadASN1Int64WithTag(value, t) {
			return false
		}
	}
	const day = 86400
	if !accuracy.Empty() || seconds < 0 || seconds > day || millis < 0 || millis > 999 || micros < 0 || micros > 999 {
		return false
	}
	i.Accuracy = time.Duration(seconds)*time.Second + time.Duration(millis)*time.Millisecond + time.Duration(micros)*time.Microsecond
	return true
}

// encode returns the DER form.
func (i *Info) encode() ([]byte, error) {
	var b cryptobyte.Builder
	b.AddASN1(tags.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(1)
		b.AddASN1ObjectIdentifier(i.Policy)
		addImprint(b, i.Imprint)
		b.AddASN1BigInt(i.Serial)
		b.AddASN1GeneralizedTime(i.Time.UTC())
		if i.Accuracy > 0 {
			b.AddASN1(tags.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1Int64(int64(i.Accuracy / time.Second))
				if millis := int64(i.Accuracy % time.Second / time.Millisecond); millis > 0 {
					b.AddASN1Int64WithTag(millis, tags.Tag(0).ContextSpecific())
				}
			})
		}
		if i.Ordering {
			b.AddASN1Boolean(true)
		}
		if i.Nonce != nil {
			b.AddASN1BigInt(i.Nonce)
		}
	})
	return b.Bytes()
}

func addImprint(b *cryptobyte.Builder, imprint Imprint) {
	b.AddASN1(tags.SEQUENCE, func(b *cryptobyte.Builder) {
		addDigestAlgorithm(b, imprint.Hash)
		b.AddASN1OctetString(imprint.Digest)
	})
}

func addDigestAlgorithm(b *cryptobyte.Builder, hash crypto.Hash) {
	b.AddASN1(tags.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(identifierOf(hash))
		b.AddASN1NULL()
	})
}
