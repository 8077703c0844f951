package lgsp

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/lienthong/lienthong/hub"
)

// read goes through a body as it would arrive, one byte at a time.
func read(contentType, body string) (map[string]string, error) {
	r := httptest.NewRequest(http.MethodPost, "/", nil)
	r.Header.Set("Content-Type", contentType)
	source, err := sourceOf(r, &arriving{r: iotest.OneByteReader(strings.NewReader(body)), room: 1 << 20, limit: 1 << 20})
	if err != nil {
		return nil, err
	}
	got := map[string]string{}
	for range maxFields {
		f, err := source.next()
		if errors.Is(err, io.EOF) {
			return got, nil
		}
		if err != nil {
			return got, err
		}
		text, err := io.ReadAll(f.content)
		if err != nil {
			return got, err
		}
		if f.whole {
			f.name = "(whole)"
		}
		got[f.name] = string(text)
	}
	return got, errors.New("there is no end")
}

const formType = "application/x-www-form-urlencoded"

func TestBodies(t *testing.T) {
	for _, c := range []struct{ contentType, body, want, rule string }{
		{formType, "", `{}`, ""},
		{formType, "a=1&b=%C4%91+x&c&&d=", `{"a":"1","b":"đ x","c":"","d":""}`, ""},
		{formType, "a=b=c&=x", `{"":"x","a":"b=c"}`, ""},
		{formType, "a=%zz", "", "form"},
		{formType, "a=%c", "", "form"},
		{formType, strings.Repeat("n", 101) + "=1", "", "form"},
		{"application/json", `"a\u0111\ud834\udd1e\/\n"`, `{"(whole)":"ađ𝄞/\n"}`, ""},
		{"application/json", ` { "a" : "1" , "b":null,"c":true,"d":-1.5e3 } `, `{"a":"1","b":"","c":"true","d":"-1.5e3"}`, ""},
		{"application/json", `{}`, `{}`, ""},
		{"application/json", `{"a":"1"`, "", "json"},
		{"application/json", `{"a":"1",}`, "", "json"},
		{"application/json", `{"a" "1"}`, "", "json"},
		{"application/json", `{"a":{}}`, "", "json"},
		{"application/json", `{"a":nul}`, "", "json"},
		{"application/json", `{"a":"\ud834x"}`, "", "json"},
		{"application/json", `{"a":"\x"}`, "", "json"},
		{"application/json", "\"a\nb\"", "", "json"},
		{"application/json", `"a" "b"`, "", "json"},
		{"application/json", `[]`, "", "json"},
		{"application/json", ``, "", "json"},
		{"text/plain", "abc", `{"(whole)":"abc"}`, ""},
		{"multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--x--\r\n", `{"a":"1"}`, ""},
		{"multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1", "", "multipart"},
		{"multipart/form-data", "", "", "boundary"},
		{"application/pdf", "", "", "media_type"},
		{"a b;;", "", "", "media_type"},
	} {
		got, err := read(c.contentType, c.body)
		if c.rule != "" {
			if err == nil || hub.ViolationsOf(err)[0].Rule != c.rule {
				t.Errorf("%s %q: %v, %v; want the rule %s", c.contentType, c.body, got, err, c.rule)
			}
			continue
		}
		want := map[string]string{}
		if json.Unmarshal([]byte(c.want), &want) != nil || err != nil || !same(got, want) {
			t.Errorf("%s %q: %q, %v; want %s", c.contentType, c.body, got, err, c.want)
		}
	}
}

func same(a, b map[string]string) bool {
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	return bytes.Equal(x, y)
}

func TestArriving(t *testing.T) {
	for _, c := range []struct {
		body io.Reader
		rule string
	}{
		{strings.NewReader(strings.Repeat("x", 100)), ""},
		{strings.NewReader(strings.Repeat("x", 101)), "max_size"},
		{io.MultiReader(strings.NewReader("x"), iotest.ErrReader(io.ErrUnexpectedEOF)), "truncated"},
	} {
		_, err := io.ReadAll(&arriving{r: c.body, room: 100, limit: 100})
		if (err == nil) != (c.rule == "") || err != nil && hub.ViolationsOf(err)[0].Rule != c.rule {
			t.Errorf("%v, want the rule %q", err, c.rule)
		}
	}
}

func TestPackages(t *testing.T) {
	xml := `<?xml version="1.0"?><a>` + strings.Repeat("đ>>>", 30) + `</a>`
	encoded := base64.StdEncoding.EncodeToString([]byte(xml))
	for _, c := range []struct{ content, want, rule string }{
		{xml, xml, ""},
		{"\r\n " + xml, xml, ""},
		{"\ufeff" + xml, "\ufeff" + xml, ""},
		{encoded, xml, ""},
		{encoded[:76] + "\r\n" + encoded[76:] + "\r\n", xml, ""},
		{strings.ReplaceAll(encoded, "+", " "), xml, ""},
		{encoded[:len(encoded)-3], "", "base64"},
		{encoded + "*", "", "base64"},
		{base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("x"), 2000)), "", "max_size"},
		{"", "", ""},
	} {
		r := newPackageReader(iotest.OneByteReader(strings.NewReader(c.content)), 1000)
		got, err := io.ReadAll(r)
		switch {
		case c.rule != "":
			if err == nil || hub.ViolationsOf(err)[0].Rule != c.rule || r.whole() {
				t.Errorf("%.40q: %v; want the rule %s", c.content, err, c.rule)
			}
		case err != nil || string(got) != c.want || !r.whole():
			t.Errorf("%.40q: %q, %v, whole %v", c.content, got, err, r.whole())
		}
	}
}

func TestTextWriter(t *testing.T) {
	text := "<a>Văn bản \"số\" 𝄞\r\n</a>"
	for size := range len(text) {
		var out strings.Builder
		w := &textWriter{w: &out}
		for rest := []byte(text); len(rest) > 0; {
			n := min(size+1, len(rest))
			if _, err := w.Write(rest[:n]); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		var got string
		if err := w.Close(); err != nil || json.Unmarshal([]byte(`"`+out.String()+`"`), &got) != nil || got != text {
			t.Fatalf("in pieces of %d: %q", size+1, out.String())
		}
	}
}

func TestProfile(t *testing.T) {
	p, err := ReadProfile(strings.NewReader(`{"unit_secret":["Don-Vi"],"errors":"http"}`))
	if err != nil || p.UnitSecret[0] != "Don-Vi" || p.Errors != errorsHTTP || p.File[0] != "data" {
		t.Errorf("%+v, %v", p, err)
	}
	for _, bad := range []string{
		``, `[]`, `{"unknown":1}`, `{} {}`, `{"file":[]}`, `{"file":[""]}`, `{"errors":"none"}`, `{"content":"pdf"}`, `{"times":"unix"}`,
		`{"token_seconds":1}`, `{"token_path":"token"}`, `{"api_path":"/a/"}`, `{"own_units":"a/b"}`, `{"kind":null}`, strings.Repeat(" ", 70<<10),
	} {
		if _, err := ReadProfile(strings.NewReader(bad)); err == nil {
			t.Errorf("%.40s is taken", bad)
		}
	}
}

// FuzzForm: what a form says is what net/url reads in it.
func FuzzForm(f *testing.F) {
	f.Add("a=1&b=%C4%91+x&c&&d=")
	f.Add("a=%")
	f.Fuzz(func(t *testing.T, body string) {
		got, err := read(formType, body)
		if err != nil {
			var e *hub.Error
			if !errors.As(err, &e) && len(got) < maxFields-1 && strings.Count(body, "&") < maxFields-1 {
				t.Errorf("%q: %v", body, err)
			}
			return
		}
		want, err := url.ParseQuery(strings.ReplaceAll(body, ";", "%3B"))
		if err != nil {
			t.Fatalf("%q is read, and net/url says %v", body, err)
		}
		for name, values := range want {
			if got[name] != values[len(values)-1] {
				t.Errorf("%q: %s is %q, not %q", body, name, got[name], values)
			}
		}
	})
}

// FuzzJSON: what is read is what encoding/json reads, and no text is read that it refuses.
func FuzzJSON(f *testing.F) {
	f.Add(`{"a":"\u0111\ud834\udd1e","b":null,"c":1}`)
	f.Add(`"QUJD\u003d"`)
	f.Add(`{"a":"1",}`)
	f.Fuzz(func(t *testing.T, body string) {
		got, err := read("application/json", body)
		if err != nil || len(got) == 0 || !utf8.ValidString(body) {
			return
		}
		whole, ok := got["(whole)"]
		var text string
		if ok && len(got) == 1 && json.Unmarshal([]byte(body), &text) == nil {
			if whole != text {
				t.Errorf("%q: %q, not %q", body, whole, text)
			}
			return
		}
		object := map[string]any{}
		if err := json.Unmarshal([]byte(body), &object); err != nil && !strings.ContainsAny(body, "0123456789+-.eE") {
			t.Errorf("%q is read, and encoding/json says %v", body, err)
		}
	})
}

// FuzzMultipart: any body is read or refused.
func FuzzMultipart(f *testing.F) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	_ = w.SetBoundary("x")
	_ = w.WriteField("data", "QUJD")
	_ = w.Close()
	f.Add(b.String())
	f.Fuzz(func(t *testing.T, body string) {
		_, err := read("multipart/form-data; boundary=x", body)
		var e *hub.Error
		if err != nil && !errors.As(err, &e) && !strings.Contains(err.Error(), "no end") {
			t.Errorf("%q: %v", body, err)
		}
	})
}

// FuzzPackage: what is taken for base64 is what encoding/base64 decodes.
func FuzzPackage(f *testing.F) {
	f.Add("PGE+PC9hPg==")
	f.Add("<a></a>")
	f.Fuzz(func(t *testing.T, content string) {
		r := newPackageReader(iotest.HalfReader(strings.NewReader(content)), 1<<20)
		got, err := io.ReadAll(r)
		if (err == nil) != r.whole() {
			t.Errorf("%q: %v, whole %v", content, err, r.whole())
		}
		trimmed := strings.TrimLeft(content, " \t\r\n")
		if err != nil || trimmed == "" || trimmed[0] == '<' || trimmed[0] > 127 {
			return
		}
		want, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(trimmed, " ", "+"))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%q: %q, not %q (%v)", content, got, want, err)
		}
	})
}
