// Package letterhead reads what an official document says of itself: its number and
// notation, place and date, type and subject at the head of its first page, and who signed
// as what at the foot of its last one, where the parts of NĐ 30/2020/NĐ-CP, annex I, stand.
//
// What it finds fills the fields of a form, which a person looks at. It is no evidence:
// a document can print anything. What it does not find stays empty; of a scanned page
// that is everything.
package letterhead

import (
	"io"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/lienthong/lienthong/signing/pdfsig"
)

// Head is what a document says of itself. What was not found is empty.
type Head struct {
	Number   string // "173"
	Notation string // "UBND-KSTTHC"
	Type     string // as it stands in the list of types
	Subject  string // without "V/v" and "Về việc"
	Place    string
	Date     time.Time // of promulgation, a calendar day in UTC; zero when it was not found
	Position string    // of who signed, "Phó Chủ tịch"
	Signer   string
}

// letter is the type of a document that has no title.
const letter = "Công văn"

// Read reads the first and the last page of a PDF. Types are the names of types of
// documents, of which one is its title. An error says that the file cannot be read.
func Read(source io.ReaderAt, size int64, types []string) (Head, error) {
	first, err := lines(source, size, 1)
	if err != nil {
		return Head{}, err
	}
	last, err := lines(source, size, -1)
	if err != nil {
		return Head{}, err
	}
	var h Head
	h.number(first)
	h.dated(first)
	if !h.titled(first, types) {
		h.concerning(first)
	}
	h.signed(last)
	return h, nil
}

// A page with more lines, or a line with more bytes, is none of a letter: it says nothing.
const (
	maxLines     = 2000
	maxLineBytes = 2000
)

// lines returns the text of a page with its accents joined to their letters.
func lines(source io.ReaderAt, size int64, page int) ([]pdfsig.Line, error) {
	found, err := pdfsig.Lines(source, size, page)
	if len(found) > maxLines {
		return nil, err
	}
	found = slices.DeleteFunc(found, func(l pdfsig.Line) bool { return len(l.Text) > maxLineBytes })
	for i := range found {
		found[i].Text = norm.NFC.String(found[i].Text)
	}
	return found, err
}

func pattern(expression string) *regexp.Regexp { return regexp.MustCompile(expression) }

// number finds "Số: 173/UBND-KSTTHC", also where the number has yet to be written.
func (h *Head) number(page []pdfsig.Line) {
	numbered := pattern(`^(?i:Số)\s*:?\s*(\d{1,6}\p{L}?)?\s*/\s*([\p{L}\d][\p{L}\d /.&-]{0,60})$`)
	for _, l := range page {
		if found := numbered.FindStringSubmatch(l.Text); found != nil {
			h.Number, h.Notation = found[1], strings.ReplaceAll(found[2], " ", "")
			return
		}
	}
}

// dated finds "Quảng Nam, ngày 20 tháng 01 năm 2020".
func (h *Head) dated(page []pdfsig.Line) {
	dated := pattern(`^(.{1,60}?)\s*,\s*ngày\s+(\d{1,2})\s+tháng\s+(\d{1,2})\s+năm\s+(\d{4})$`)
	for _, l := range page {
		found := dated.FindStringSubmatch(l.Text)
		if found == nil {
			continue
		}
		h.Place = found[1]
		// A day that no calendar has is none.
		if day, err := time.Parse("2/1/2006", strings.Join(found[2:], "/")); err == nil {
			h.Date = day
		}
		return
	}
}

// titled finds the title of a document of a type that has one, and the subject below it.
func (h *Head) titled(page []pdfsig.Line, types []string) bool {
	for i, l := range page {
		at := slices.IndexFunc(types, func(name string) bool { return strings.EqualFold(norm.NFC.String(name), l.Text) })
		if at < 0 || !isCapital(l.Text) {
			continue
		}
		h.Type = types[at]
		h.Subject = subject(below(page[i:], 40))
		return true
	}
	return false
}

// concerning finds the subject of a letter, "V/v ..." below its number.
func (h *Head) concerning(page []pdfsig.Line) {
	begins := pattern(`^(?i:V/v|Về việc)[\s:]+\S`)
	for i, l := range page {
		if begins.MatchString(l.Text) {
			h.Type = letter
			h.Subject = subject(append([]string{l.Text}, below(page[i:], 60)...))
			return
		}
	}
}

// below returns the lines that follow the first one in the middle of which it stands, up
// to a wider gap or to where the next part of a document begins.
func below(page []pdfsig.Line, aside float64) []string {
	const most = 8
	above := page[0]
	gap := 0.0
	var found []string
	for _, l := range page[1:] {
		if math.Abs(middle(l)-middle(above)) > aside {
			continue // another column
		}
		next := above.Base - l.Base
		widest := 1.7 * max(above.Size, l.Size)
		if len(found) > 0 && gap > 0 {
			widest = min(widest, 1.35*gap)
		}
		if len(found) == most || next > widest || startsPart(l.Text) || len(found) > 0 && isCapital(l.Text) && !isCapital(found[0]) {
			break
		}
		found, above, gap = append(found, l.Text), l, next
	}
	return found
}

func middle(l pdfsig.Line) float64 { return (l.Left + l.Right) / 2 }

func startsPart(text string) bool {
	return pattern(`^(?i:Kính gửi|Căn cứ|Thực hiện|Theo đề nghị|Xét đề nghị|Nơi nhận|Phần|Chương|Điều)([\s:]|$)`).MatchString(text)
}

func subject(lines []string) string {
	text := strings.Join(lines, " ")
	text = pattern(`^(?i:V/v|Về việc)[\s:]+`).ReplaceAllString(text, "")
	return upperFirst(strings.TrimSpace(text))
}

func upperFirst(text string) string {
	first, n := utf8.DecodeRuneInString(text)
	if n == 0 {
		return ""
	}
	return string(unicode.ToUpper(first)) + text[n:]
}

// isCapital reports whether a text is in capitals.
func isCapital(text string) bool {
	return strings.IndexFunc(text, unicode.IsUpper) >= 0 && strings.IndexFunc(text, unicode.IsLower) < 0
}

// signed finds the name on the right at the foot of the text, and the position in capitals
// above it.
func (h *Head) signed(page []pdfsig.Line) {
	const room = 220 // points between position and name: seal and signature stand there
	named := pattern(`^\p{Lu}\p{Ll}*( \p{Lu}\p{Ll}*){1,5}$`)
	centre := middleOf(page)
	for i := len(page) - 1; i > 0; i-- {
		name := page[i]
		if middle(name) < centre || !named.MatchString(name.Text) {
			continue
		}
		for _, l := range slices.Backward(page[:i]) {
			if math.Abs(middle(l)-middle(name)) > 60 {
				continue // another column
			}
			if isCapital(l.Text) && l.Base-name.Base < room {
				h.Signer, h.Position = name.Text, position(l.Text)
				return
			}
			break
		}
	}
}

// middleOf is the middle of what is written on a page.
func middleOf(page []pdfsig.Line) float64 {
	left, right := math.Inf(1), math.Inf(-1)
	for _, l := range page {
		left, right = min(left, l.Left), max(right, l.Right)
	}
	return (left + right) / 2
}

// position writes "PHÓ CHỦ TỊCH" as "Phó Chủ tịch" (NĐ 30/2020/NĐ-CP, annex II, V.1), with
// no word on whose behalf it is.
func position(text string) string {
	text = pattern(`^(TM|KT|TL|TUQ|Q)\.\s*`).ReplaceAllString(text, "")
	text = strings.ToLower(text)
	if rest, deputy := strings.CutPrefix(text, "phó "); deputy {
		return "Phó " + upperFirst(rest)
	}
	return upperFirst(text)
}
