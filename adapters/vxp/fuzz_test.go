package vxp

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/lienthong/lienthong/hub"
)

// TestWorkedExample is the one of the protocol: the secret is used as the text it is.
func TestWorkedExample(t *testing.T) {
	const signed = `{"XroadVnpt-systemid":"777.77.04.D77","XroadVnpt-timestamp":"23112026T104701+0536","XroadVnpt-Content-Type":"application/json"}`
	if got := hex.EncodeToString(sign([]byte("topsecret"), signed)); len(signed) != 127 || got != "cb0fdc714a19ebe02fb5b3a3aee34546ef54cb6a3e06667b07435daf6a0d2ca7" {
		t.Errorf("%d bytes have the HMAC %s", len(signed), got)
	}
}

func TestFile(t *testing.T) {
	read := func(body, want string) (string, error) {
		f := newFile(iotest.OneByteReader(strings.NewReader(body)), 100, want)
		got, err := io.ReadAll(f)
		if (err == nil) != f.whole() {
			t.Errorf("%q: whole %v, %v", body, f.whole(), err)
		}
		return string(got), err
	}
	for _, content := range []string{"", "x", "\n", "\r\n", "abc", "abc\r\n", "abc\r\n\r\n", strings.Repeat("y", 100)} {
		for _, hash := range []string{HashOf([]byte(content)), strings.ToUpper(HashOf([]byte(content)))} {
			for _, behind := range []string{crlf, ""} {
				if got, err := read(content+behind, hash); err != nil || got != content {
					t.Errorf("%q + %q: %q, %v", content, behind, got, err)
				}
			}
		}
		if _, err := read(content+"z"+crlf, HashOf([]byte(content))); err == nil {
			t.Errorf("%q with another byte is taken", content)
		}
	}
	if _, err := read(strings.Repeat("y", 103), HashOf(bytes.Repeat([]byte("y"), 103))); err == nil || hub.KindOf(err) != hub.KindTooLarge {
		t.Errorf("above the limit: %v", err)
	}
	broken := newFile(io.MultiReader(strings.NewReader("abc"), iotest.ErrReader(io.ErrUnexpectedEOF)), 100, HashOf([]byte("abc")))
	if _, err := io.ReadAll(broken); err == nil || hub.ViolationsOf(err)[0].Rule != "truncated" || broken.whole() {
		t.Errorf("a file that breaks off: %v", err)
	}
}

// FuzzFile: what is read has the hash that was said, whatever came.
func FuzzFile(f *testing.F) {
	f.Add([]byte("abc\r\n"), "abc")
	f.Add([]byte("\r\n\r\n"), "\r\n")
	f.Fuzz(func(t *testing.T, body []byte, content string) {
		want := HashOf([]byte(content))
		got, err := io.ReadAll(newFile(iotest.HalfReader(bytes.NewReader(body)), 1<<20, want))
		if err == nil && HashOf(got) != want {
			t.Errorf("%q was taken for %q", got, content)
		}
		if fits := string(body) == content || string(body) == content+crlf; fits && (err != nil || string(got) != content) {
			t.Errorf("%q: %q, %v", body, got, err)
		}
	})
}

// FuzzSigned: the header of a stranger is read or refused, and keeps the case of names.
func FuzzSigned(f *testing.F) {
	f.Add(`{"XroadVnpt-docId":"a","XroadVnpt-docid":"b"}`)
	f.Add(`{"XroadVnpt-docId":null}`)
	f.Add(`[]`)
	f.Fuzz(func(t *testing.T, text string) {
		params, err := parseSigned(text)
		var e *hub.Error
		if err != nil && !errors.As(err, &e) {
			t.Errorf("%q: %v", text, err)
		}
		for name := range params {
			if !strings.Contains(text, prefix) && !json.Valid([]byte(text)) {
				t.Errorf("%q has the parameter %q", text, name)
			}
		}
	})
}

// FuzzAnswer: an answer of sendEdoc is ASCII and says the same.
func FuzzAnswer(f *testing.F) {
	f.Add("Văn bản 𝄞 \u2028")
	f.Fuzz(func(t *testing.T, s string) {
		text, err := json.Marshal(s)
		if err != nil {
			t.Skip()
		}
		var want, got string
		out := ascii(text)
		if json.Unmarshal(text, &want) != nil || json.Unmarshal(out, &got) != nil || got != want {
			t.Errorf("%q became %q", want, got)
		}
		if bytes.ContainsFunc(out, func(r rune) bool { return r > 127 }) {
			t.Errorf("%q is not ASCII", out)
		}
	})
}
