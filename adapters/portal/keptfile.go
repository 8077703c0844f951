package portal

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"path"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/lienthong/lienthong/hub"
)

// keptFile is a file that came with a form. While the form is given back with something wrong,
// the claim on its page stands for it. Content that no dossier has is swept after a day.
type keptFile struct {
	Name      string     `json:"name"`
	MediaType string     `json:"media_type"`
	Size      int64      `json:"size"`
	Digest    hub.Digest `json:"sha256"`
	Until     time.Time  `json:"until"`
	Claim     string     `json:"-"`
}

// claimLife is how long a claim holds.
const claimLife = 12 * time.Hour

func (f *keptFile) filed(reason string) hub.FiledPaper {
	return hub.FiledPaper{For: reason, Name: f.Name, MediaType: f.MediaType, Size: f.Size, Digest: f.Digest}
}

// claim proves that a file came with a form: nobody gets a file into a dossier whose bytes
// they did not send.
func (x *exchange) claim(form string, file keptFile) (string, error) {
	file.Until = x.Now().Add(claimLife)
	raw, err := json.Marshal(&file)
	if err != nil {
		return "", hub.Internal("keep a file of a form", err)
	}
	return base64.RawURLEncoding.EncodeToString(raw) + "." + base64.RawURLEncoding.EncodeToString(x.proof(form, raw)), nil
}

func (x *exchange) proof(form string, raw []byte) []byte {
	mac := hmac.New(sha256.New, x.claims[:])
	mac.Write([]byte(form + "\n"))
	mac.Write(raw)
	return mac.Sum(nil)
}

func (x *exchange) redeem(form, claim string) (file keptFile, ok bool) {
	body, proof, _ := strings.Cut(claim, ".")
	raw, err := base64.RawURLEncoding.DecodeString(body)
	if err != nil {
		return file, false
	}
	mac, err := base64.RawURLEncoding.DecodeString(proof)
	if err != nil || !hmac.Equal(mac, x.proof(form, raw)) {
		return file, false
	}
	err = json.Unmarshal(raw, &file)
	file.Claim = claim
	return file, err == nil && x.Now().Before(file.Until)
}

// claimAnew makes the claims of a form that has another number now.
func (x *exchange) claimAnew(f *filingForm) error {
	var err error
	for i := range f.Papers {
		if file := f.Papers[i].File; file != nil && err == nil {
			file.Claim, err = x.claim(f.Form, *file)
		}
	}
	for i := range f.Others {
		if err == nil {
			f.Others[i].Claim, err = x.claim(f.Form, f.Others[i])
		}
	}
	return err
}

// beginning keeps the first bytes of what passes.
type beginning struct{ head []byte }

// headLength is where a PDF begins at the latest (ISO 32000-1, Annex H, implementation note 13).
const headLength = 1024

// Write implements io.Writer.
func (b *beginning) Write(p []byte) (int, error) {
	if room := headLength - len(b.head); room > 0 {
		b.head = append(b.head, p[:min(room, len(p))]...)
	}
	return len(p), nil
}

// kind is the media type by the bytes, whatever the file is called; "" for none that is taken.
func (b *beginning) kind() string {
	switch {
	case bytes.HasPrefix(b.head, []byte("\xff\xd8\xff")):
		return "image/jpeg"
	case bytes.HasPrefix(b.head, []byte("\x89PNG\r\n\x1a\n")):
		return "image/png"
	case bytes.HasPrefix(b.head, []byte("MZ")), bytes.HasPrefix(b.head, []byte("#!")), bytes.HasPrefix(b.head, []byte("\x7fELF")): // programs that say that they are a PDF, too
		return ""
	case bytes.Contains(b.head, []byte("%PDF-")):
		return "application/pdf"
	}
	return ""
}

const maxFileName = 150 // characters

// nameOf is the name of a file as it is shown: without marks that hide something, its end kept.
func nameOf(said string) string {
	clean := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == utf8.RuneError || r == '\u2028' || r == '\u2029' {
			return '_'
		}
		return r
	}, said)
	if runes := []rune(clean); len(runes) > maxFileName {
		end := []rune(path.Ext(clean))
		if len(end) > 10 {
			end = nil
		}
		clean = string(runes[:maxFileName-len(end)]) + string(end)
	}
	return clean
}
