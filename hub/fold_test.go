package hub_test

import (
	"strings"
	"testing"

	"github.com/lienthong/lienthong/hub"
)

// decomposition spells each composed letter as its base and combining marks. It
// is written independently of the table under test.
func decomposition() map[rune]string {
	const grave, acute, hook, tilde, dot = "\u0300", "\u0301", "\u0309", "\u0303", "\u0323"
	const breve, circumflex, horn = "\u0306", "\u0302", "\u031b"
	rows := []struct{ letters, base string }{
		{"àáảãạ", "a"}, {"ằắẳẵặ", "a" + breve}, {"ầấẩẫậ", "a" + circumflex},
		{"èéẻẽẹ", "e"}, {"ềếểễệ", "e" + circumflex}, {"ìíỉĩị", "i"},
		{"òóỏõọ", "o"}, {"ồốổỗộ", "o" + circumflex}, {"ờớởỡợ", "o" + horn},
		{"ùúủũụ", "u"}, {"ừứửữự", "u" + horn}, {"ỳýỷỹỵ", "y"},
	}
	table := map[rune]string{
		'ă': "a" + breve, 'â': "a" + circumflex, 'ê': "e" + circumflex,
		'ô': "o" + circumflex, 'ơ': "o" + horn, 'ư': "u" + horn,
	}
	for _, row := range rows {
		for i, letter := range []rune(row.letters) {
			table[letter] = row.base + []string{grave, acute, hook, tilde, dot}[i]
		}
	}
	return table
}

func decompose(s string) string {
	table := decomposition()
	var b strings.Builder
	for _, r := range s {
		if d, ok := table[r]; ok {
			b.WriteString(d)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func TestFold(t *testing.T) {
	tests := []struct{ in, want string }{
		{"", ""},
		{" \t\n", ""},
		{"Cải cách hành chính", "cai cach hanh chinh"},
		{"ĐÀ NẴNG", "da nang"},
		{"Ðà Nẵng", "da nang"},
		{"UBND  phường\u00a0Bàn Thạch ", "ubnd phuong ban thach"},
		{"Huyện Duy Xuyên", "huyen duy xuyen"},
		{"Quỳnh, Thủy, Mỹ, kỵ", "quynh, thuy, my, ky"},
		{"173/UBND-KSTTHC", "173/ubnd-kstthc"},
		{"\u0301 a", "a"},
		{"bad \xff byte", "bad \ufffd byte"},
	}
	for _, tt := range tests {
		if got := hub.Fold(tt.in); got != tt.want {
			t.Errorf("Fold(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestFoldKnowsEveryVietnameseLetter(t *testing.T) {
	table := decomposition()
	if len(table) != 66 {
		t.Fatalf("the test knows %d letters, want 66", len(table))
	}
	for letter, spelled := range table {
		want := spelled[:1]
		for _, form := range []string{string(letter), strings.ToUpper(string(letter)), spelled, strings.ToUpper(spelled)} {
			if got := hub.Fold(form); got != want {
				t.Errorf("Fold(%q) = %q, want %q", form, got, want)
			}
		}
	}
}

func FuzzFold(f *testing.F) {
	f.Add("Ủy ban nhân dân tỉnh Quảng Nam")
	f.Add("  a\u0301\u00a0B ")
	f.Add("Kết quả \xff\xfe İẞ")
	f.Fuzz(func(t *testing.T, s string) {
		folded := hub.Fold(s)
		if again := hub.Fold(folded); again != folded {
			t.Errorf("folding twice: %q, then %q", folded, again)
		}
		if other := hub.Fold(decompose(strings.ToLower(s))); other != hub.Fold(strings.ToLower(s)) {
			t.Errorf("decomposed text folds to %q, composed to %q", other, hub.Fold(strings.ToLower(s)))
		}
	})
}
