package pdfsig_test

import (
	"bytes"
	"testing"
	"time"

	"codeberg.org/go-pdf/fpdf"
	"github.com/go-fonts/liberation/liberationserifregular"

	"github.com/lienthong/lienthong/signing/pdfsig"
	"github.com/lienthong/lienthong/signing/pki"
)

var now = time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)

// document makes a small official document with Vietnamese text.
func document(t testing.TB) []byte {
	t.Helper()
	return documentOfSize(t, 0)
}

// documentOfSize makes a document with about padding bytes of attached content.
func documentOfSize(t testing.TB, padding int) []byte {
	t.Helper()
	page := fpdf.New("P", "mm", "A4", "")
	page.SetCreationDate(now)
	page.SetModificationDate(now)
	page.SetCatalogSort(true)
	page.AddUTF8FontFromBytes("serif", "", liberationserifregular.TTF)
	page.SetFont("serif", "", 14)
	page.AddPage()
	page.MultiCell(0, 8, "Số: 173/UBND-KSTTHC\nV/v đẩy mạnh công tác cải cách hành chính (ví dụ)", "", "", false)
	page.AddPage()
	page.MultiCell(0, 8, "Kính gửi: Các Sở, ban, ngành; UBND các huyện, thị xã, thành phố.", "", "", false)
	if padding > 0 {
		noise := make([]byte, padding)
		state := uint32(1)
		for i := range noise {
			state = state*1664525 + 1013904223
			noise[i] = byte(state >> 24)
		}
		page.SetAttachments([]fpdf.Attachment{{Content: noise, Filename: "phu-luc.bin"}})
	}
	var out bytes.Buffer
	if err := page.Output(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func authority(t testing.TB, algorithm pki.Algorithm) *pki.Authority {
	t.Helper()
	a, err := pki.New(now, algorithm)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func person(t testing.TB, a *pki.Authority, algorithm pki.Algorithm) pki.Identity {
	t.Helper()
	identity, err := a.Person("Nguyễn Văn Nghĩa (hư cấu)", "UBND tỉnh Quảng Nam", algorithm)
	if err != nil {
		t.Fatal(err)
	}
	return identity
}

func agency(t testing.TB, a *pki.Authority, algorithm pki.Algorithm) pki.Identity {
	t.Helper()
	identity, err := a.Agency("UBND tỉnh Quảng Nam", algorithm)
	if err != nil {
		t.Fatal(err)
	}
	return identity
}

func signed(t testing.TB, file []byte, by pki.Identity) []byte {
	t.Helper()
	return signedWith(t, file, pdfsig.SignRequest{Key: by.Key, Chain: by.Chain, Time: now,
		Reason: `Ký "nghĩa vụ" (một phần) \ hết`, Location: "Quảng Nam"})
}

func signedWith(t testing.TB, file []byte, request pdfsig.SignRequest) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := pdfsig.Sign(t.Context(), bytes.NewReader(file), int64(len(file)), &out, request); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
