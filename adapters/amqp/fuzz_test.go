package amqp

import (
	"bytes"
	"testing"

	"github.com/lienthong/lienthong/hub"
)

// FuzzLetter: whatever an agency writes, it is taken or refused with a rule, and what is
// taken says the same when it is read again.
func FuzzLetter(f *testing.F) {
	for _, seed := range []string{
		`{"sender":"H47","recipients":["H47.12"],"parts":[{"name":"a","content":"YQ==","sha256":""}]}`, `{"parts":[{"content":"YQ"}]}`,
		`{"parts":[{"content":null},{}]}`, `{}`, `null`, `[]`, `{"parts":{}}`, `{"document":{"staff":{}}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		l, err := read[letter](text)
		if err != nil {
			if v := hub.ViolationsOf(err)[0]; v.Kind != hub.KindInvalid || v.Rule == "" {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		s := l.submission()
		if len(s.Parts) != len(l.Parts) {
			t.Fatalf("%d parts of %d", len(s.Parts), len(l.Parts))
		}
		once, err := encode(l)
		if err != nil {
			t.Fatal(err)
		}
		again, err := read[letter](once)
		if err != nil {
			t.Fatalf("%s: %v", once, err)
		}
		if twice, err := encode(again); err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("%s became %s: %v", once, twice, err)
		}
	})
}
