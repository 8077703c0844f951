package hub

import (
	"strings"
	"unicode"
)

// Fold returns the form of s in which text is searched: lower case, without
// Vietnamese diacritics (Cải cách = cai cach, Đ = d), every run of white space
// one blank, no blank at the ends. Composed (NFC) and decomposed (NFD) input fold
// alike. Folding twice changes nothing.
func Fold(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	blank := false // a blank waits until a visible rune follows
	for _, r := range s {
		switch {
		case r >= '\u0300' && r <= '\u036f': // combining mark of decomposed text
		case unicode.IsSpace(r):
			blank = b.Len() > 0
		default:
			if blank {
				b.WriteByte(' ')
				blank = false
			}
			b.WriteRune(baseLetter(unicode.ToLower(r)))
		}
	}
	return b.String()
}

// baseLetter strips the diacritics of a lower-case Vietnamese letter; every other
// rune stays. The eth is in the list because old keyboards wrote Ð for Đ.
func baseLetter(r rune) rune {
	switch r {
	case 'à', 'á', 'ả', 'ã', 'ạ', 'ă', 'ằ', 'ắ', 'ẳ', 'ẵ', 'ặ', 'â', 'ầ', 'ấ', 'ẩ', 'ẫ', 'ậ':
		return 'a'
	case 'đ', 'ð':
		return 'd'
	case 'è', 'é', 'ẻ', 'ẽ', 'ẹ', 'ê', 'ề', 'ế', 'ể', 'ễ', 'ệ':
		return 'e'
	case 'ì', 'í', 'ỉ', 'ĩ', 'ị':
		return 'i'
	case 'ò', 'ó', 'ỏ', 'õ', 'ọ', 'ô', 'ồ', 'ố', 'ổ', 'ỗ', 'ộ', 'ơ', 'ờ', 'ớ', 'ở', 'ỡ', 'ợ':
		return 'o'
	case 'ù', 'ú', 'ủ', 'ũ', 'ụ', 'ư', 'ừ', 'ứ', 'ử', 'ữ', 'ự':
		return 'u'
	case 'ỳ', 'ý', 'ỷ', 'ỹ', 'ỵ':
		return 'y'
	}
	return r
}
