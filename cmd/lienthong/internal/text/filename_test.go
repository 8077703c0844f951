package text_test

import (
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/text"
)

func TestFileName(t *testing.T) {
	for name, want := range map[string]string{
		"173-UBND.pdf":                    "p1-173-UBND.pdf",
		"Công văn số 173/UBND.pdf":        "p1-Công văn số 173_UBND.pdf",
		"../../etc/passwd":                "p1-_.._etc_passwd",
		`C:\Windows\a.exe`:                "p1-C__Windows_a.exe",
		"":                                "p1-file",
		"...":                             "p1-file",
		"-rf":                             "p1--rf",
		"a\x00b\nc":                       "p1-a b c",
		"gpj.\u202efdp":                   "p1-gpj. fdp",
		strings.Repeat("ở", 300) + ".pdf": "p1-" + strings.Repeat("ở", 65) + ".pdf",
	} {
		if got := text.FileName("p1", name); got != want {
			t.Errorf("%q is saved as %q, want %q", name, got, want)
		}
	}
}

func FuzzFileName(f *testing.F) {
	f.Add("../x")
	f.Add(strings.Repeat("x.", 200))
	f.Fuzz(func(t *testing.T, name string) {
		got := text.FileName("p1", name)
		if len(got) > 255 || !utf8.ValidString(got) || filepath.Base(got) != got || !filepath.IsLocal(got) || strings.ContainsAny(got, "\\\x00\n") {
			t.Errorf("%q is saved as %q", name, got)
		}
	})
}
