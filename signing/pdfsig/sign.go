package pdfsig

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/digitorus/pdf"
	"github.com/digitorus/pdfsign/sign"
)

// Level is what a signature shall prove.
type Level string

// The levels. The older form is what the tools of agencies have made for years; the
// others are those of the PAdES baseline profile (ETSI EN 319 142-1).
const (
	LevelLegacy Level = ""      // adbe.pkcs7.detached
	LevelB      Level = "B-B"   // who signed what
	LevelT      Level = "B-T"   // and no later than when, by a timestamp
	LevelLT     Level = "B-LT"  // and with all that a verifier needs years later
	LevelLTA    Level = "B-LTA" // and a document timestamp over all of that
)

// long reports whether the validation data goes into the file.
func (l Level) long() bool { return l == LevelLT || l == LevelLTA }

// SignRequest says who signs and what the signature dictionary tells readers.
type SignRequest struct {
	Key   crypto.Signer       // RSA or ECDSA
	Chain []*x509.Certificate // signer first, as far up as known
	PSS   bool                // RSASSA-PSS for an RSA key; not for LevelLegacy
	Level Level

	// Stamp returns an RFC 3161 token over the octets of the signature value. Levels
	// B-T and higher need it.
	Stamp func(ctx context.Context, value []byte) (token []byte, err error)
	// StampDigest returns an RFC 3161 token over what has that SHA-256: the file as the
	// document timestamp of level B-LTA covers it. That level needs it.
	StampDigest func(ctx context.Context, digest []byte) (token []byte, err error)
	// Material returns the certificates and the revocation data for the paths of the
	// signer and of the authority of the timestamp. It is given the signature value (a
	// CMS message that holds the token). Levels B-LT and B-LTA need it.
	Material func(ctx context.Context, message []byte) (Material, error)

	Name        string // of the signer; empty takes the certificate's common name
	Reason      string
	Location    string
	ContactInfo string
	Time        time.Time // claimed, goes to /M in its zone; an unverified statement

	// Field names an empty signature field to sign in, or the new one; empty takes
	// Signature1. A name that is taken is counted up to the next free one.
	Field string
	// Certify makes the first signature a certification that permits later changes up
	// to this level: 1 none, 2 values of forms and signatures, 3 notes too. 0 makes an
	// approval signature. Not for LevelLegacy.
	Certify int

	Appearance *Appearance // nil makes an invisible signature, or leaves the field as it shows
}

// Appearance is what a signature shows on a page: a picture, or lines of text.
type Appearance struct {
	Page  int        // from 1; a negative number counts from the last page. Not used for a field that was there
	Rect  [4]float64 // lower left x, y, upper right x, y in points. Not used for a field that was there
	Image []byte     // PNG; fitted into the middle of the rectangle. Empty draws Lines
	Lines []string   // in upright black 10 points, from the top; for LevelLegacy the name is drawn
}

// Sign appends a signature to the PDF in and writes the result to out. Earlier
// signatures stay valid: the file is only added to, and the verifier of this package
// has judged the new revision by what they permit. What cannot or must not be signed
// is a SignError, and out may then hold a part of the file that must be thrown away.
//
// At the baseline levels the verifier judges before the key is used, the file is
// copied in pieces, and memory depends on its objects, not on its size. LevelLegacy is
// made by a library that keeps the whole file in memory several times, drops form
// fields that are not signatures from the form's list (which is refused where an
// earlier signature forbids it), and stamps the message with the clock of the machine
// besides the claimed time.
func Sign(ctx context.Context, in io.ReaderAt, size int64, out io.Writer, request SignRequest) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if request.Key == nil || len(request.Chain) == 0 {
		return reject("key", "a key and its certificate are needed")
	}
	switch request.Level {
	case LevelLegacy:
		if request.PSS || request.Certify != 0 || request.Field != "" {
			return reject("level", "the older form of signatures has no PSS, no certification and no field of choice")
		}
		if a := request.Appearance; a != nil && (len(a.Lines) > 0 || a.Page < 1) {
			return reject("level", "the older form of signatures shows no lines of text and counts pages from the first")
		}
		return signGuarded(in, size, out, request)
	case LevelB:
	case LevelT, LevelLT, LevelLTA:
		if request.Stamp == nil || request.Level == LevelLTA && request.StampDigest == nil {
			return reject("level", "level %s needs a time-stamp authority", request.Level)
		}
		if request.Level.long() && request.Material == nil {
			return reject("level", "level %s needs a source of validation data", request.Level)
		}
	default:
		return reject("level", "there is no level %q", request.Level)
	}
	return signBaseline(ctx, in, size, out, request)
}

// signGuarded signs with the library and lets the result out only if every earlier
// signature permits what the library did.
func signGuarded(in io.ReaderAt, size int64, out io.Writer, request SignRequest) error {
	s := &signer{request: request, source: in, size: size}
	if err := s.readFile(); err != nil {
		return asSignError(err)
	}
	var signed bytes.Buffer
	if err := signLegacy(in, size, &signed, request); err != nil {
		return err
	}
	if err := s.checkRevision(joined{in, size, signed.Bytes()[min(size, int64(signed.Len())):]}, s.place.name); err != nil {
		return asSignError(err)
	}
	_, err := out.Write(signed.Bytes())
	return err
}

func signLegacy(in io.ReaderAt, size int64, out io.Writer, request SignRequest) (err error) {
	defer func() { // the reader beneath panics on some malformed files
		if cause := recover(); cause != nil {
			err = fmt.Errorf("sign PDF: the file cannot be read: %v", cause)
		}
	}()
	reader, err := pdf.NewReader(in, size)
	if err != nil {
		return fmt.Errorf("sign PDF: %w", err)
	}
	if reader.Trailer().Key("Root").Key("Version").Name() != "" {
		// For an older header the library adds /Version and then copies the one the
		// catalog has: the same key twice. A version in the catalog is enough.
		reader.PDFVersion = "1.5"
	}
	err = sign.Sign(io.NewSectionReader(in, 0, size), out, reader, size, request.signData())
	if err != nil {
		return fmt.Errorf("sign PDF: %w", err)
	}
	return nil
}

func (r SignRequest) signData() sign.SignData {
	name := r.Name
	if name == "" {
		name = r.Chain[0].Subject.CommonName
	}
	data := sign.SignData{
		Signature: sign.SignDataSignature{
			CertType:   sign.ApprovalSignature,
			DocMDPPerm: sign.AllowFillingExistingFormFieldsAndSignaturesPerms,
			Info: sign.SignDataSignatureInfo{
				Name:        literalText(name),
				Reason:      literalText(r.Reason),
				Location:    literalText(r.Location),
				ContactInfo: literalText(r.ContactInfo),
				Date:        r.Time,
			},
		},
		Signer:            r.Key,
		DigestAlgorithm:   crypto.SHA256,
		Certificate:       r.Chain[0],
		CertificateChains: [][]*x509.Certificate{r.Chain},
	}
	if r.Appearance != nil {
		data.Appearance = sign.Appearance{
			Visible:     true,
			Page:        uint32(r.Appearance.Page),
			LowerLeftX:  r.Appearance.Rect[0],
			LowerLeftY:  r.Appearance.Rect[1],
			UpperRightX: r.Appearance.Rect[2],
			UpperRightY: r.Appearance.Rect[3],
			Image:       r.Appearance.Image,
		}
	}
	return data
}

// literalText prepares text for the library, which writes non-ASCII text as raw
// UTF-16 between parentheses and does not escape it: a byte 28, 29 or 5C, as in
// "ĩ" (01 29), would end the string early. So the text is given as the octal
// escapes of its own UTF-16 bytes ("\001\051"), and those ASCII characters in
// pairs as code units, which the library writes back as exactly these characters.
func literalText(text string) string {
	if isASCII(text) {
		return text
	}
	var escaped strings.Builder
	for _, unit := range utf16.Encode([]rune(text)) {
		fmt.Fprintf(&escaped, `\%03o\%03o`, unit>>8, unit&0xff)
	}
	ascii := escaped.String() // eight characters for each unit: an even number
	pairs := make([]rune, 0, len(ascii)/2)
	for i := 0; i < len(ascii); i += 2 {
		pairs = append(pairs, rune(ascii[i])<<8|rune(ascii[i+1]))
	}
	return string(pairs)
}

func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] >= 0x80 {
			return false
		}
	}
	return true
}
