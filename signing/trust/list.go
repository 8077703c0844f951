package trust

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"
	tags "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/lienthong/lienthong/signing/jose"
)

// MaxList is the largest trust list that is read, in bytes.
const MaxList = 8 << 20

// listVersion is the version of the format.
const listVersion = "1"

// List is a trust list: the anchors of an operator, each with the time and the purposes
// that it is trusted for. It is kept as a file {"list": …, "jws": …} whose list is
// canonical JSON (RFC 8785) signed by the operator's key, so that who may write the file
// cannot decide whom a hub trusts.
type List struct {
	Version  string         `json:"version"`   // of the format
	Sequence int64          `json:"sequence"`  // of the content, from 1; grows with each change
	IssuedAt time.Time      `json:"issued_at"` // UTC
	Anchors  []ListedAnchor `json:"anchors"`
}

// ListedAnchor is one anchor of a list.
type ListedAnchor struct {
	Certificate []byte    `json:"certificate"` // DER
	SHA256      string    `json:"sha256"`      // of the certificate, hexadecimal: what a person compares
	Subject     string    `json:"subject"`
	From        time.Time `json:"from"` // trusted from and until, inclusive, UTC
	Until       time.Time `json:"until"`
	Purposes    []Purpose `json:"purposes"`
	Note        string    `json:"note"` // where the certificate came from, and who compared it
}

// listFile is the file.
type listFile struct {
	List json.RawMessage `json:"list"`
	JWS  string          `json:"jws"`
}

// Seal returns the file of a list, signed at a time.
func (l *List) Seal(signer *jose.Signer, at time.Time) ([]byte, error) {
	sealed := *l
	sealed.Version, sealed.IssuedAt = listVersion, at.UTC().Truncate(time.Second)
	if err := sealed.check(); err != nil {
		return nil, err
	}
	canonical, err := jose.Canonical(&sealed)
	if err != nil {
		return nil, fmt.Errorf("trust list: %w", err)
	}
	token, err := signer.SignDetached(canonical, at)
	if err != nil {
		return nil, fmt.Errorf("trust list: %w", err)
	}
	return json.Marshal(listFile{canonical, token})
}

// OpenList reads the file of a list and returns the fingerprint of the certificate whose
// key signed it (see Fingerprint). Whether that is the operator's is for the caller.
func OpenList(data []byte) (l *List, signer string, err error) {
	if len(data) > MaxList {
		return nil, "", fmt.Errorf("trust list: larger than %d MiB", MaxList>>20)
	}
	var file listFile
	if err := strictJSON(data, &file); err != nil {
		return nil, "", fmt.Errorf("trust list: %w", err)
	}
	if jose.InBatch(file.JWS) { // a signature over many things was not made for this one
		return nil, "", errors.New("trust list: signature: it is one of a batch")
	}
	signature, err := jose.VerifyDetached(file.JWS, file.List)
	if err != nil {
		return nil, "", fmt.Errorf("trust list: signature: %w", err)
	}
	l = &List{}
	if err := strictJSON(file.List, l); err != nil {
		return nil, "", fmt.Errorf("trust list: %w", err)
	}
	if canonical, err := jose.Canonical(l); err != nil || !bytes.Equal(canonical, file.List) {
		return nil, "", errors.New("trust list: not in canonical form")
	}
	return l, Fingerprint(signature.Chain[0]), l.check()
}

func strictJSON(data []byte, out any) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(out); err != nil {
		return err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more than one value")
	}
	return nil
}

// Fingerprint names a certificate: "sha256:" and the hexadecimal digest.
func Fingerprint(certificate *x509.Certificate) string {
	sum := sha256.Sum256(certificate.Raw)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// check requires a list that can be read in one way only.
func (l *List) check() error {
	if l.Version != listVersion || l.Sequence < 1 || len(l.Anchors) > maxAnchors {
		return fmt.Errorf("trust list: want version %s, a sequence from 1, and at most %d anchors", listVersion, maxAnchors)
	}
	seen := map[string]bool{}
	for i := range l.Anchors {
		a := &l.Anchors[i]
		certificate, err := x509.ParseCertificate(a.Certificate)
		switch {
		case err != nil:
			return fmt.Errorf("trust list: anchor %d: %w", i+1, err)
		case seen[a.SHA256] || "sha256:"+a.SHA256 != Fingerprint(certificate) || a.Subject != subjectOf(certificate):
			return fmt.Errorf("trust list: anchor %d: digest or subject is wrong, or it is there twice", i+1)
		case !a.From.Before(a.Until) || len(a.Purposes) == 0:
			return fmt.Errorf("trust list: anchor %d: trusted for no time or no purpose", i+1)
		}
		for _, purpose := range a.Purposes {
			if !purpose.known() {
				return fmt.Errorf("trust list: anchor %d: there is no purpose %q", i+1, purpose)
			}
		}
		seen[a.SHA256] = true
	}
	return nil
}

// Add puts an anchor into the list; one that is there is replaced. Zero times take those
// of the certificate.
func (l *List) Add(certificate *x509.Certificate, from, until time.Time, note string, purposes ...Purpose) {
	if from.IsZero() {
		from = certificate.NotBefore
	}
	if until.IsZero() {
		until = certificate.NotAfter
	}
	added := ListedAnchor{
		Certificate: certificate.Raw, SHA256: Fingerprint(certificate)[len("sha256:"):], Subject: subjectOf(certificate),
		From: from.UTC(), Until: until.UTC(), Purposes: purposes, Note: note,
	}
	same := func(a ListedAnchor) bool { return a.SHA256 == added.SHA256 }
	if i := slices.IndexFunc(l.Anchors, same); i >= 0 {
		l.Anchors[i] = added
		return
	}
	l.Anchors = append(l.Anchors, added)
}

// Set returns the anchors for a validator. The list was opened, so its certificates
// parse.
func (l *List) Set() *Anchors {
	anchors := make([]Anchor, 0, len(l.Anchors))
	for i := range l.Anchors {
		a := &l.Anchors[i]
		if certificate, err := x509.ParseCertificate(a.Certificate); err == nil {
			anchors = append(anchors, Anchor{Certificate: certificate, From: a.From, Until: a.Until, Purposes: a.Purposes})
		}
	}
	set := NewAnchorSet(anchors...)
	set.source = fmt.Sprintf("list %d, %s", l.Sequence, set.source)
	return set
}

// ParseCertificates reads certificates as authorities publish them: PEM, DER, or a bag
// of them (PKCS #7, .p7b) in either.
func ParseCertificates(data []byte) ([]*x509.Certificate, error) {
	if !bytes.Contains(data, []byte("-----BEGIN ")) {
		return parseDER(data)
	}
	var all []*x509.Certificate
	for {
		block, rest := pem.Decode(data)
		if block == nil {
			break
		}
		if block.Type != "CERTIFICATE" && block.Type != "PKCS7" {
			return nil, fmt.Errorf("a block of type %q holds no certificate", block.Type)
		}
		found, err := parseDER(block.Bytes)
		if err != nil {
			return nil, err
		}
		all, data = append(all, found...), rest
	}
	if len(all) == 0 || bytes.Contains(data, []byte("-----BEGIN ")) {
		return nil, errors.New("no certificate, or a damaged block")
	}
	return all, nil
}

func parseDER(der []byte) ([]*x509.Certificate, error) {
	if bag, ok := bagOf(der); ok {
		der = bag
	}
	found, err := x509.ParseCertificates(der)
	if err == nil && len(found) == 0 {
		err = errors.New("no certificate")
	}
	return found, err
}

// bagOf returns the certificates of a SignedData (RFC 2315), one after the other.
func bagOf(der []byte) ([]byte, bool) {
	input := cryptobyte.String(der)
	explicit := tags.Tag(0).ContextSpecific().Constructed()
	var info, outer, data, bag cryptobyte.String
	ok := input.ReadASN1(&info, tags.SEQUENCE) && input.Empty() && info.SkipASN1(tags.OBJECT_IDENTIFIER) &&
		info.ReadASN1(&outer, explicit) && outer.ReadASN1(&data, tags.SEQUENCE) && data.SkipASN1(tags.INTEGER) &&
		data.SkipASN1(tags.SET) && data.SkipASN1(tags.SEQUENCE) && data.ReadASN1(&bag, explicit)
	return bag, ok
}
