package vxp

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/lienthong/lienthong/adapters/internal/edoc"
	"github.com/lienthong/lienthong/hub"
)

// fields are the members of an answer besides the three that all have.
type fields map[string]any

// ok answers with success.
func (x *call) ok(more fields) error { return x.answer(edoc.StatusOK, edoc.CodeOK, edoc.DescOK, more) }

// fail answers an error in the form of the protocol: as HTTP 200 too, with the field of
// the operation, without which clients drop the reason.
func (x *call) fail(err error) {
	x.err = err
	switch kind := hub.KindOf(err); {
	case x.r.Context().Err() != nil:
		x.log.Info("client went away", "system", x.actor.Name)
	case kind == hub.KindInternal || kind == hub.KindUnavailable:
		x.log.Error("call failed", "system", x.actor.Name, "error", err)
	default:
		x.log.Info("refused", "system", x.actor.Name, "kind", kind, "rule", hub.ViolationsOf(err)[0].Rule)
	}
	if x.answered {
		panic(http.ErrAbortHandler) // what has begun must not look whole
	}
	code, desc := edoc.Describe(err, x.id)
	if x.bare() {
		x.failBare(code, desc)
		return
	}
	more := fields{}
	if x.op.field != "" {
		more[x.op.field] = ""
	}
	if err := x.answer(edoc.StatusFail, code, desc, more); err != nil {
		x.log.Error("an answer cannot be written", "error", err)
	}
}

// failBare answers an error where the client would keep any body as the file that it asked
// for, and report success: with none, which it reports as a failure. The reason stands in
// headers, for people who look there.
func (x *call) failBare(code, desc string) {
	h := x.w.Header()
	h.Set(prefix+"ErrorCode", code)
	h.Set(prefix+"ErrorDesc", string(ascii([]byte(strings.Map(oneLine, desc)))))
	x.head("application/xml", 0)
}

// answer writes the whole answer.
func (x *call) answer(status, code, desc string, more fields) error {
	members := fields{"status": status, "ErrorCode": code, "ErrorDesc": desc}
	maps.Copy(members, more)
	var body bytes.Buffer
	e := json.NewEncoder(&body)
	e.SetEscapeHTML(false)
	if err := e.Encode(members); err != nil {
		return hub.Internal("encode an answer", err)
	}
	text := bytes.TrimSuffix(body.Bytes(), []byte("\n"))
	if x.op.accept {
		text = ascii(text)
	}
	x.limits.Writing(x.w, int64(len(text)))
	x.head("application/json; charset=utf-8", int64(len(text)))
	_, _ = x.w.Write(text) // the client may be gone
	return nil
}

// head begins an answer; a size below 0 is not known.
func (x *call) head(mediaType string, size int64) {
	h := x.w.Header()
	h.Set("Content-Type", mediaType)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Request-Id", x.id)
	if size >= 0 {
		h.Set("Content-Length", fmt.Sprint(size))
	}
	x.answered = true
	x.w.WriteHeader(http.StatusOK)
}

// ascii writes JSON without a byte above 127: the client reads the answer of sendEdoc in
// whatever charset its machine has.
func ascii(text []byte) []byte {
	var out []byte
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		switch text = text[n:]; {
		case r < utf8.RuneSelf:
			out = append(out, byte(r))
		case r > 0xFFFF:
			high, low := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
	}
	return out
}
