package examine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/examine"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/signing"
	"github.com/lienthong/lienthong/signing/trust"
)

func content(text string) hub.Blob { return hub.BlobOf([]byte(text)) }

// A file that nobody can verify has a report that says why, with the digest of the file
// that was looked at; nothing of it stays in the temporary folder.
func TestFilesThatAreNotSigned(t *testing.T) {
	e := &examine.Examiner{
		Signatures: signing.NewVerifier(signing.VerifierOptions{Anchors: trust.NewAnchors(), Now: time.Now}), TempDir: t.TempDir(),
	}
	const pack = `<edXML xmlns="http://www.mic.gov.vn/TBT/QCVN_102_2016">`
	for name, tt := range map[string]struct {
		text       string
		kind       hub.FileKind
		indication hub.Indication
		finding    string
	}{
		"empty":                  {"", hub.FileOther, hub.NoSignatureFound, ""},
		"text":                   {"hello", hub.FileOther, hub.NoSignatureFound, ""},
		"called a PDF":           {"hello", hub.FileOther, hub.NoSignatureFound, "called a PDF"},
		"unreadable PDF":         {"%PDF-1.7\nnothing", hub.FilePDF, hub.NoSignatureFound, "strictly"},
		"other JSON":             {`{"a":1}`, hub.FileOther, hub.NoSignatureFound, "no receipt"},
		"large JSON":             {`{"a":"` + strings.Repeat("x", 1<<20) + `"}`, hub.FileOther, hub.NoSignatureFound, "larger"},
		"cut receipt":            {`{"evidence":{"version"`, hub.FileReceipt, hub.TotalFailed, ""},
		"receipt without":        {`{"evidence":{},"jws":"x"}`, hub.FileReceipt, hub.TotalFailed, ""},
		"other XML":              {"<html></html>", hub.FileOther, hub.NoSignatureFound, "no edXML package"},
		"cut package":            {pack, hub.FileOther, hub.NoSignatureFound, "no edXML package"},
		"bomb of entities":       {`<!DOCTYPE a [<!ENTITY b "cc">]><edXML>&b;</edXML>`, hub.FileOther, hub.NoSignatureFound, "no edXML package"},
		"signature of other XML": {`<a><Signature xmlns="http://www.w3.org/2000/09/xmldsig#"/></a>`, hub.FileXML, hub.Indeterminate, "no edXML package"},
		"cut container":          {"PK\x03\x04\x14" + strings.Repeat("\x00", 25) + "mimetypeapplication/vnd.etsi.asic-e+zip", hub.FileContainer, hub.TotalFailed, ""},
		"PDF behind a brace":     {"{\n%PDF-1.7\n1 0 obj << /ByteRange [0 1 2 3] >>", hub.FilePDF, hub.TotalFailed, "strictly"},
		"PDF behind a bracket":   {"<\n%PDF-1.7\n1 0 obj << /ByteRange [0 1 2 3] >>", hub.FilePDF, hub.TotalFailed, "strictly"},
		"PDF behind much":        {"{" + strings.Repeat(" ", 1000) + "%PDF-1.7\n/ByteRange [0 1 2 3]", hub.FilePDF, hub.TotalFailed, "strictly"},
		"mark before bytes":      {"\xef\xbb\xbf <html/>", hub.FileOther, hub.NoSignatureFound, "no edXML package"},
	} {
		file := content(tt.text)
		fileName := "a.bin"
		if name == "called a PDF" {
			fileName = "a.pdf"
		}
		r, err := e.VerifyFile(t.Context(), fileName, file)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if r.Kind != tt.kind || r.Indication != tt.indication || !strings.Contains(strings.Join(r.Findings, "; "), tt.finding) || r.Name != fileName {
			t.Errorf("%s: %+v", name, r)
		}
		if r.SHA256.IsZero() || r.Signatures == nil || r.ValidatedAt.IsZero() {
			t.Errorf("%s: the report lacks what every report has: %+v", name, r)
		}
	}
}
