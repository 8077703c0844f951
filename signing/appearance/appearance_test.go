package appearance_test

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/png"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/signing/appearance"
)

func encoded(t testing.TB, picture image.Image) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := png.Encode(&out, picture); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestDecodePNG(t *testing.T) {
	picture := image.NewNRGBA(image.Rect(0, 0, 2, 1))
	picture.SetNRGBA(0, 0, color.NRGBA{B: 200, A: 128})
	p, err := appearance.DecodePNG(encoded(t, picture))
	if err != nil {
		t.Fatal(err)
	}
	if p.Width != 2 || p.Height != 1 || !bytes.Equal(p.Alpha, []byte{128, 0}) || !bytes.Equal(p.RGB[:3], []byte{0, 0, 200}) {
		t.Errorf("%+v", p)
	}
	grey := image.NewGray(image.Rect(0, 0, 3, 3))
	if p, err := appearance.DecodePNG(encoded(t, grey)); err != nil || p.Alpha != nil {
		t.Errorf("an opaque picture: %v, alpha %v", err, p.Alpha)
	}
}

// claiming returns the head of a PNG that says it is that large.
func claiming(width, height uint32) []byte {
	chunk := append([]byte("IHDR"), make([]byte, 13)...)
	binary.BigEndian.PutUint32(chunk[4:], width)
	binary.BigEndian.PutUint32(chunk[8:], height)
	chunk[12], chunk[13] = 8, 6
	out := append([]byte("\x89PNG\r\n\x1a\n"), 0, 0, 0, 13)
	out = append(out, chunk...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(chunk))
}

func TestDecodePNGRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"nothing":    {nil, "not a PNG"},
		"other":      {[]byte("\xff\xd8\xff\xe0 JFIF"), "not a PNG"},
		"cut short":  {encoded(t, image.NewNRGBA(image.Rect(0, 0, 9, 9)))[:60], "not a PNG"},
		"wide":       {claiming(5000, 1), "too many"},
		"large":      {claiming(4000, 4000), "too many"},
		"many bytes": {make([]byte, appearance.MaxPictureBytes+1), "bytes"},
	} {
		if _, err := appearance.DecodePNG(c.data); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}

func FuzzDecodePNG(f *testing.F) {
	f.Add(encoded(f, image.NewNRGBA(image.Rect(0, 0, 4, 3))))
	f.Add(claiming(4096, 4096))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := appearance.DecodePNG(data)
		if err == nil && (len(p.RGB) != 3*p.Width*p.Height || p.Alpha != nil && len(p.Alpha) != p.Width*p.Height) {
			t.Errorf("%d x %d pixels, %d and %d bytes", p.Width, p.Height, len(p.RGB), len(p.Alpha))
		}
	})
}

func TestSealCoversTheLeftThird(t *testing.T) {
	leader := appearance.Rect{300, 200, 390, 260}
	seal := appearance.SealPlace(leader, 36*appearance.Millimetre)
	if common := seal[2] - leader[0]; math.Abs(common-30) > 1e-9 {
		t.Errorf("the seal covers %.1f of 90 points", common)
	}
	if math.Abs((seal[1]+seal[3])/2-230) > 1e-9 || math.Abs(seal[3]-seal[1]-36*appearance.Millimetre) > 1e-9 {
		t.Errorf("the seal is at %v", seal)
	}
}

func TestTopRight(t *testing.T) {
	page := appearance.Rect{0, 0, 595.28, 841.89}
	at := time.Date(2026, 11, 27, 18, 5, 9, 0, time.UTC)
	lines := appearance.AttachmentLines("173/UBND-KSTTHC", at)
	if lines[1] != "2026-11-28T01:05:09+07:00" {
		t.Errorf("signing time %q", lines[1])
	}
	place, err := appearance.TopRight(page, lines)
	if err != nil {
		t.Fatal(err)
	}
	if place[2] > page[2]-14*appearance.Millimetre || place[3] > page[3]-5*appearance.Millimetre || place[1] < page[3]-25*appearance.Millimetre || place[0] < page[2]/2 {
		t.Errorf("the text is at %v", place)
	}
	if got := appearance.CopyLines("SAO Y", "SỞ NỘI VỤ", at); len(got) != 3 || got[2] != lines[1] {
		t.Errorf("%q", got)
	}
}

// TestLettersOfVietnam: both forms of an accented letter are drawn the same way, and
// every letter of the language is in the face.
func TestLettersOfVietnam(t *testing.T) {
	const all = "AĂÂBCDĐEÊGHIKLMNOÔƠPQRSTUƯVXY aăâbcdđeêghiklmnoôơpqrstuưvxy ÀÁẢÃẠẰẮẲẴẶẦẤẨẪẬÈÉẺẼẸỀẾỂỄỆÌÍỈĨỊÒÓỎÕỌỒỐỔỖỘỜỚỞỠỢÙÚỦŨỤỪỨỬỮỰỲÝỶỸỴ 0123456789/-:+"
	if _, err := appearance.FromLines([]string{all}, 2000, 20); err != nil {
		t.Error(err)
	}
	composed, err := appearance.FromLines([]string{"S\u1edf N\u1ed9i v\u1ee5"}, 200, 20)
	if err != nil {
		t.Fatal(err)
	}
	apart, err := appearance.FromLines([]string{"So\u031b\u0309 No\u0323\u0302i vu\u0323"}, 200, 20)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(composed.Content, apart.Content) {
		t.Errorf("%s\n%s", composed.Content, apart.Content)
	}
	if n := len(composed.Font.Program); n > 80<<10 {
		t.Errorf("the part of the face has %d bytes", n)
	}
}

func TestFromLinesRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		lines []string
		want  string
	}{
		"nothing": {nil, "1 to"},
		"many":    {make([]string, 9), "1 to"},
		"long":    {[]string{strings.Repeat("a", 801)}, "longer"},
		"letter":  {[]string{"漢"}, "U+6F22"},
		"emoji":   {[]string{"😀"}, "U+1F600"},
		"control": {[]string{"a\tb"}, "U+0009"},
		"wide":    {[]string{strings.Repeat("m", 100)}, "its place"},
	} {
		if _, err := appearance.FromLines(c.lines, 200, 200); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}
