package web

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// file is a file of a letter whose content is in the store already.
type file struct {
	hub.Part
	// Claim proves that this person sent the bytes, in this office: to name a digest must
	// never give access to another's document.
	Claim string
}

// claimLife is how long a claim holds. Content that no document names is swept a day
// after it came: a letter that lay open for so long must not name it any more.
const claimLife = 12 * time.Hour

// claimed is what a claim says.
type claimed struct {
	Part hub.Part
	At   time.Time // when the content was stored
}

// claim makes the proof. Its key is the secret of the account, which never leaves the hub,
// is the same on all nodes, and outlives a session.
func (x *exchange) claim(part hub.Part) (string, error) {
	raw, err := json.Marshal(claimed{part, x.Now()})
	if err != nil {
		return "", hub.Internal("write what is known of a file", err)
	}
	text := base64.RawURLEncoding.EncodeToString
	return text(raw) + "." + text(x.proof(claimPurpose, raw)), nil
}

const claimPurpose = "file of a letter"

// proof says that the hub gave bytes to this person, in this office, for a purpose.
func (x *exchange) proof(purpose string, raw []byte) []byte {
	mac := hmac.New(sha256.New, []byte(x.visit.Account.Secret()))
	fmt.Fprintf(mac, "%s\x00%s\x00%s\x00%s", purpose, x.visit.Account.Name, x.office(), raw)
	return mac.Sum(nil)
}

// proves reports whether a proof is one. Where the hub knows no secret of the account,
// anybody could have made it.
func (x *exchange) proves(proof []byte, purpose string, raw []byte) bool {
	return x.visit.Account.Secret() != "" && hmac.Equal(proof, x.proof(purpose, raw))
}

func (x *exchange) redeem(claim string) (file, bool) {
	body, proof, _ := strings.Cut(claim, ".")
	raw, err := base64.RawURLEncoding.DecodeString(body)
	if err != nil {
		return file{}, false
	}
	mac, err := base64.RawURLEncoding.DecodeString(proof)
	if err != nil || !x.proves(mac, claimPurpose, raw) {
		return file{}, false
	}
	var c claimed
	err = json.Unmarshal(raw, &c)
	return file{c.Part, claim}, err == nil && x.Now().Sub(c.At) < claimLife
}

// receive takes one file of a form. What is wrong with it stands beside its field, and
// the rest of the form goes on.
func (x *exchange) receive(f *letterForm, p *multipart.Part) error {
	if p.FileName() == "" {
		return nil // no file was chosen
	}
	field := p.FormName()
	role := hub.RoleAttachment
	if field == "original" {
		role = hub.RoleOriginal
	}
	received, err := hub.Part{}, error(hub.Errorf(hub.KindTooLarge, field, "max_files", "a document has at most %d files", maxFiles))
	if len(f.Files) < maxFiles {
		received, err = x.store(p, role)
	}
	var wrong *hub.Error
	switch {
	case err == nil:
		claim, err := x.claim(received)
		if err != nil {
			return err
		}
		f.add(file{received, claim})
		if role == hub.RoleOriginal {
			x.fillFrom(f, received)
		}
		return nil
	case errors.As(err, &wrong) && (again(err) || wrong.Kind == hub.KindBusy || wrong.Kind == hub.KindUnavailable):
		f.problem(field, visible(p.FileName())+": "+x.explain(wrong))
		if _, err := io.Copy(io.Discard, p); err != nil {
			return brokenForm(err)
		}
		return nil
	}
	return err
}

// visible shows names that hide something: what cannot be seen stands as a box.
func visible(name string) string {
	return strings.Map(func(r rune) rune {
		if hidden(r) {
			return '\ufffd'
		}
		return r
	}, name)
}

// hidden tells controls, and marks that reorder text.
func hidden(r rune) bool {
	return r < ' ' || r >= 0x7f && r <= 0x9f || r == '\u061c' || r == '\ufeff' ||
		r >= '\u200e' && r <= '\u200f' || r >= '\u2028' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069'
}

// store streams a file into the store and looks at it on the way.
func (x *exchange) store(p *multipart.Part, role hub.PartRole) (hub.Part, error) {
	field, name := p.FormName(), p.FileName()
	select {
	case x.receiving <- struct{}{}:
		defer func() { <-x.receiving }()
	default:
		return hub.Part{}, hub.Errorf(hub.KindBusy, field, "receiving", "too many files are coming in")
	}
	if err := checkName(field, name); err != nil {
		return hub.Part{}, err
	}
	if err := x.Overloaded(); err != nil {
		return hub.Part{}, err
	}
	w, err := x.Content.CreateBlob(x.r.Context())
	if err != nil {
		return hub.Part{}, err
	}
	defer w.Discard()
	look := &looker{role: role, field: field}
	size, err := io.Copy(w, io.LimitReader(io.TeeReader(uploaded{p}, look), x.MaxFile+1))
	switch {
	case err != nil:
		return hub.Part{}, err
	case size == 0:
		return hub.Part{}, hub.Invalid(field, "empty", "the file is empty")
	case size > x.MaxFile:
		return hub.Part{}, hub.Errorf(hub.KindTooLarge, field, "max_size", "the file is larger than %d MiB", x.MaxFile>>20)
	}
	if err := look.verdict(name); err != nil {
		return hub.Part{}, err
	}
	digest, size, err := w.Commit()
	if err != nil {
		return hub.Part{}, err
	}
	if err := x.checkEncrypted(look, digest); err != nil {
		return hub.Part{}, err
	}
	return hub.Part{Role: role, Name: name, MediaType: mediaType(p, look.pdf()), Size: size, Digest: digest}, nil
}

// uploaded tells a broken form from a store that fails.
type uploaded struct{ io.Reader }

// Read implements io.Reader.
func (u uploaded) Read(b []byte) (int, error) {
	n, err := u.Reader.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		return n, brokenForm(err)
	}
	return n, err
}

func mediaType(p *multipart.Part, pdf bool) string {
	if pdf {
		return "application/pdf"
	}
	if parsed, _, err := mime.ParseMediaType(p.Header.Get("Content-Type")); err == nil {
		return parsed
	}
	return "application/octet-stream"
}

// looker looks at content that passes: how it begins, and whether it holds the key of
// encrypted PDFs.
type looker struct {
	role      hub.PartRole
	field     string
	head      []byte // the first bytes
	tail      []byte // the end of the piece before
	encrypted bool
}

// headLength is where a PDF begins at the latest (ISO 32000-1, Annex H, implementation note 13).
const headLength = 1024

// encryptKey stands in the trailer of an encrypted PDF (ISO 32000-1, 7.6.1), which is
// never compressed itself. It may stand elsewhere, too.
const encryptKey = "/Encrypt"

// Write implements io.Writer.
func (l *looker) Write(p []byte) (int, error) {
	if room := headLength - len(l.head); room > 0 {
		l.head = append(l.head, p[:min(room, len(p))]...)
	}
	border := append(l.tail, p[:min(len(p), len(encryptKey)+1)]...)
	l.encrypted = l.encrypted || encryptedIn(border) || encryptedIn(p)
	l.tail = slices.Clone(border[max(0, len(border)-len(encryptKey)):])
	if len(p) > len(encryptKey) {
		l.tail = slices.Clone(p[len(p)-len(encryptKey):])
	}
	return len(p), nil
}

// encryptedIn finds the key, followed by its value: /EncryptMetadata is another.
func encryptedIn(b []byte) bool {
	for {
		i := bytes.Index(b, []byte(encryptKey))
		if i < 0 || i+len(encryptKey) >= len(b) {
			return false
		}
		b = b[i+len(encryptKey):]
		if bytes.IndexByte([]byte(" \t\r\n\f\x00<%"), b[0]) >= 0 {
			return true
		}
	}
}

func (l *looker) pdf() bool { return bytes.Contains(l.head, []byte("%PDF-")) }

// checkEncrypted refuses an encrypted PDF. That the bytes hold the key of one may mean that
// it speaks of encryption, so a reader of PDFs is asked; one that it cannot read is judged
// by the bytes.
func (x *exchange) checkEncrypted(l *looker, digest hub.Digest) error {
	if !l.pdf() || !l.encrypted {
		return nil
	}
	content, err := x.Content.OpenBlob(x.r.Context(), digest)
	if err != nil {
		return err
	}
	defer content.Close()
	if _, err := io.Copy(io.Discard, content); err != nil { // only then it may be read anywhere
		return hub.Internal("look at a file", err)
	}
	if encrypted, err := x.Encrypted(content, content.Size()); err == nil && !encrypted {
		return nil
	}
	return hub.Invalid(l.field, "encrypted", "the PDF is encrypted")
}

// verdict says why a file cannot be sent.
func (l *looker) verdict(name string) error {
	switch {
	case l.program() || programName(name):
		return hub.Invalid(l.field, "program", "the file is a program")
	case l.role == hub.RoleOriginal && !l.pdf():
		return hub.Invalid(l.field, "pdf", "the file is not a PDF")
	}
	return nil
}

// program tells what a machine would run, by how it begins and whatever it is called:
// Windows, Linux, macOS, scripts.
func (l *looker) program() bool {
	for _, start := range []string{"MZ", "\x7fELF", "\xcf\xfa\xed\xfe", "\xce\xfa\xed\xfe", "\xca\xfe\xba\xbe", "#!"} {
		if bytes.HasPrefix(l.head, []byte(start)) {
			return true
		}
	}
	return false
}

func programName(name string) bool {
	return slices.Contains([]string{".exe", ".com", ".scr", ".bat", ".cmd", ".msi", ".ps1", ".vbs", ".js", ".jar", ".lnk", ".hta"},
		strings.ToLower(path.Ext(name)))
}
