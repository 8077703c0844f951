package web

import (
	"io"
	"strings"

	"github.com/lienthong/lienthong/hub"
)

// maxRead is the largest document that is read for its fields, in bytes: nobody waits for
// it, and what it would fill can be typed.
const maxRead = 64 << 20

// said returns what a document says of itself, by the fields of a letter. Its content has
// been read to the end before: only then it may be read anywhere. One that cannot be read
// says nothing, which is no error of whoever sends it: what matters of it is checked later.
func (x *exchange) said(name string, content hub.Blob) map[string]string {
	if content.Size() > maxRead {
		return nil
	}
	d, err := x.ReadDocument(content, content.Size())
	if err != nil {
		x.Log.DebugContext(x.r.Context(), "a document was not read for its fields", "error", err)
		d = hub.Document{}
	}
	if d.Signer.FullName == "" {
		d.Signer.FullName = x.firstSigner(name, content)
	}
	values := map[string]string{
		"number": d.CodeNumber, "notation": d.CodeNotation, "type": d.TypeName, "subject": d.Subject,
		"place": d.Place, "date": string(d.Promulgated), "position": d.Signer.Position, "signer": d.Signer.FullName,
	}
	for field, value := range values {
		if value = visible(strings.TrimSpace(value)); value == "" {
			delete(values, field)
		} else {
			values[field] = value
		}
	}
	return values
}

// firstSigner is who signed first, by the certificate: the person, before the agency puts
// its seal on. What is typed from it is a proposal, so its verdict does not matter here.
func (x *exchange) firstSigner(name string, content hub.Blob) string {
	if _, err := content.Seek(0, io.SeekStart); err != nil {
		return ""
	}
	report, err := x.Verifier.VerifyFile(x.r.Context(), name, content)
	if err != nil || len(report.Signatures) == 0 {
		return ""
	}
	return report.Signatures[0].Signer
}

// fill puts what a document says of itself into fields where nobody typed anything, and
// remembers which. The day of today is what the page proposed and nobody's word.
func (f *letterForm) fill(values map[string]string, today string) {
	for _, field := range letterFields() {
		value, said := values[field]
		if now := f.Fields[field]; said && (now == "" || field == "date" && now == today) {
			f.Fields[field] = value
			f.Filled = append(f.Filled, field)
		}
	}
}

// fillFrom reads a document that has just been stored. While the store cannot give it back
// the fields are left to the person: nothing typed is lost for it.
func (x *exchange) fillFrom(f *letterForm, part hub.Part) {
	content, err := x.Content.OpenBlob(x.r.Context(), part.Digest)
	if err == nil {
		defer content.Close()
		_, err = io.Copy(io.Discard, content)
	}
	if err != nil {
		x.Log.WarnContext(x.r.Context(), "a document was not read for its fields", "error", err)
		return
	}
	f.fill(x.said(part.Name, content), x.today())
}

// today is the date that the page proposes.
func (x *exchange) today() string { return x.Now().In(hub.Vietnam()).Format("2006-01-02") }

// labels are the fields of a letter that a document can fill, and what they are called.
func labels() map[string]string {
	return map[string]string{
		"number": "send.number", "notation": "send.notation", "type": "doc.type", "subject": "doc.subject",
		"place": "send.place", "date": "doc.date", "position": "send.position", "signer": "doc.signer",
	}
}

// named lists fields in the language of the person, "" for none.
func (x *exchange) named(fields []string) string {
	names := make([]string, len(fields))
	for i, field := range fields {
		names[i] = x.texts.text(x.lang, labels()[field])
	}
	return strings.Join(names, ", ")
}
