package hub

import (
	"strings"
	"unicode/utf8"
)

// PlainCell is a text as a cell of a CSV file in which no spreadsheet takes it for a formula
// (CWE-1236): one that looks like one gets an apostrophe before it. A number with a sign, as
// of a telephone, stays as it is.
func PlainCell(text string) string {
	if likeFormula(text) {
		return "'" + text
	}
	return text
}

// likeFormula reports whether a text begins as a formula does, in signs of either width.
func likeFormula(text string) bool {
	first, size := utf8.DecodeRuneInString(text)
	switch first {
	case '=', '@', '\t', '\r', '＝', '＋', '－', '＠':
		return true
	case '+', '-':
		return strings.Trim(text[size:], "0123456789 .") != ""
	}
	return false
}
