package pdfsig

import (
	"bytes"
	"testing"

	"codeberg.org/go-pdf/fpdf"
)

// TestEncrypted: the trailer decides, not words in the text, and of what is no PDF
// nothing is known.
func TestEncrypted(t *testing.T) {
	made := func(protected bool) []byte {
		doc := fpdf.New("P", "mm", "A4", "")
		doc.SetCompression(false)
		if protected {
			doc.SetProtection(fpdf.CnProtectPrint, "", "chủ")
		}
		doc.AddPage()
		doc.SetFont("Helvetica", "", 12)
		doc.Cell(40, 10, "trailer << /Encrypt 5 0 R >>")
		var out bytes.Buffer
		if err := doc.Output(&out); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
	for _, want := range []bool{true, false} {
		file := made(want)
		if got, err := Encrypted(bytes.NewReader(file), int64(len(file))); err != nil || got != want {
			t.Errorf("%v, %v, want %v", got, err, want)
		}
	}
	broken := []byte("%PDF-1.7\ntrailer << /Encrypt 5 0 R >>")
	if _, err := Encrypted(bytes.NewReader(broken), int64(len(broken))); err == nil {
		t.Error("a file that cannot be read is known")
	}
}
