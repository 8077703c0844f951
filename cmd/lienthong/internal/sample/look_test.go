package sample

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/lienthong/lienthong/signing/appearance"
	"github.com/lienthong/lienthong/signing/pdfsig"
)

// rendered draws a page with poppler, at 100 dots per inch.
func rendered(t testing.TB, document []byte, page int) image.Image {
	t.Helper()
	path, err := exec.LookPath("pdftoppm")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("pdftoppm is not installed")
		}
		t.Skip("pdftoppm is not installed")
	}
	file := filepath.Join(t.TempDir(), "document.pdf")
	if err := os.WriteFile(file, document, 0o600); err != nil {
		t.Fatal(err)
	}
	number := fmt.Sprint(page)
	out, err := exec.CommandContext(t.Context(), path, "-png", "-r", "100", "-f", number, "-l", number, file).Output()
	if err != nil {
		t.Fatal(err)
	}
	picture, err := png.Decode(bytes.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	return picture
}

// inks counts the pixels of a place on the page by what they show.
func inks(picture image.Image, place appearance.Rect) (blue, red, black int) {
	const scale = 100 / 72.0
	height := picture.Bounds().Dy()
	area := image.Rect(int(place[0]*scale), height-int(place[3]*scale), int(place[2]*scale), height-int(place[1]*scale))
	for y := area.Min.Y; y < area.Max.Y; y++ {
		for x := area.Min.X; x < area.Max.X; x++ {
			c, _ := color.NRGBAModel.Convert(picture.At(x, y)).(color.NRGBA)
			switch {
			case int(c.B)-int(c.R) > 80:
				blue++
			case int(c.R)-int(c.B) > 80:
				red++
			case c.R < 90 && c.G < 90 && c.B < 90:
				black++
			}
		}
	}
	return blue, red, black
}

// TestSignaturesAreRendered draws a signed letter and looks where its signatures should
// be: the leader's in blue, the seal in red over its left third, number and time in
// black at the top right, and nothing of them elsewhere.
func TestSignaturesAreRendered(t *testing.T) {
	signers := testSigners(t)
	date := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	letter := Letter{Issuer: "ỦY BAN NHÂN DÂN\nTỈNH QUẢNG NAM", Number: "173/UBND-KSTTHC", Place: "Quảng Nam", Date: date,
		Subject: "đẩy mạnh cải cách hành chính", To: []string{"Các Sở, ban, ngành"}, Body: []string{"Nội dung mẫu."},
		Recipients: []string{"Như trên"}, Authority: "KT. CHỦ TỊCH\nPHÓ CHỦ TỊCH", Signer: "Nguyễn Văn Ví Dụ"}
	paper, err := letter.Paper()
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signers.SignPaper(t.Context(), paper, date)
	if err != nil {
		t.Fatal(err)
	}
	lines := appearance.AttachmentLines(letter.Number, date)
	size := float64(pageWidth * appearance.Millimetre)
	corner, err := appearance.TopRight(appearance.Rect{0, 0, size, pageHeight * appearance.Millimetre}, lines)
	if err != nil {
		t.Fatal(err)
	}
	before := rendered(t, signed, 1)
	signed, err = signOnce(t.Context(), signed, pdfsig.SignRequest{Key: signers.Agency.Key, Chain: signers.Agency.Chain,
		Level: pdfsig.LevelB, Time: date, Appearance: &pdfsig.Appearance{Page: 1, Rect: corner, Lines: lines}})
	if err != nil {
		t.Fatal(err)
	}
	if dir := os.Getenv("LIENTHONG_TEST_KEEP"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, "signed.pdf"), signed, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	picture := rendered(t, signed, paper.Page)
	leader := paper.square(signatureSide)
	seal := appearance.SealPlace(leader, sealSide*appearance.Millimetre)
	third := appearance.Rect{leader[0], leader[1], seal[2], leader[3]}
	rest := appearance.Rect{seal[2] + 3, leader[1], leader[2], leader[3]}
	expect := func(place string, got, least int) {
		t.Helper()
		if got < least {
			t.Errorf("%s: %d pixels, want at least %d", place, got, least)
		}
	}
	blue, red, _ := inks(picture, rest)
	expect("blue right of the seal", blue, 100)
	expect("no red right of the seal", -red, 0)
	blue, red, _ = inks(picture, third)
	expect("red over the left third", red, 50)
	expect("blue under the seal", blue, 20)
	_, red, _ = inks(picture, seal)
	expect("red of the seal", red, 300)
	_, _, black := inks(picture, corner)
	expect("black at the top right", black, 100)
	_, _, black = inks(before, corner)
	expect("nothing there before", -black, 0)
}
