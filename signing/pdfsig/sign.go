package pdfsig

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/digitorus/pdf"
	"github.com/digitorus/pdfsign/sign"
)

// SignRequest says who signs and what the signature dictionary tells readers.
type SignRequest struct {
	Key   crypto.Signer       // RSA or ECDSA
	Chain []*x509.Certificate // signer first, as far up as known

	Name        string // of the signer; empty takes the certificate's common name
	Reason      string
	Location    string
	ContactInfo string
	Time        time.Time // claimed, goes to /M; an unverified statement

	Appearance *Appearance // nil makes an invisible signature
}

// Appearance places a picture of the signature on a page.
type Appearance struct {
	Page   int        // from 1
	Rect   [4]float64 // lower left x, y, upper right x, y in points
	Image  []byte     // PNG or JPEG; empty draws Name as text
	Behind bool       // draw the name over the picture
}

// Sign appends an approval signature (adbe.pkcs7.detached, SHA-256, with ESS
// signing-certificate-v2) to the PDF in and writes the result to out. Earlier
// signatures stay valid: the file is only added to. The library beneath keeps the
// whole file in memory about three times, drops form fields that are not
// signatures from the form's list, and stamps the message with the clock of the
// machine besides the claimed time.
func Sign(ctx context.Context, in io.ReaderAt, size int64, out io.Writer, request SignRequest) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	if request.Key == nil || len(request.Chain) == 0 {
		return errors.New("sign PDF: a key and its certificate are needed")
	}
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
			Visible:          true,
			Page:             uint32(r.Appearance.Page),
			LowerLeftX:       r.Appearance.Rect[0],
			LowerLeftY:       r.Appearance.Rect[1],
			UpperRightX:      r.Appearance.Rect[2],
			UpperRightY:      r.Appearance.Rect[3],
			Image:            r.Appearance.Image,
			ImageAsWatermark: r.Appearance.Behind,
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
