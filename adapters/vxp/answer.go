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

	"github.com/lienthong/lienthong/hub"
)

// The words of an answer. Success is the code "0" and nothing else.
const (
	statusOK   = "OK"
	statusFail = "FAIL"
	codeOK     = "0"
	descOK     = "Thanh cong"
)

// maxDesc bounds the description of an error, in bytes.
const maxDesc = 2000

// codeOf is the table from error kinds to error codes. The axis publishes none; these
// are those of HTTP, which everybody can look up.
func codeOf(kind hub.ErrorKind) string {
	switch kind {
	case hub.KindInvalid, hub.KindUnknownAgency:
		return "422"
	case hub.KindUntrusted:
		return "401"
	case hub.KindDenied:
		return "403"
	case hub.KindNotFound:
		return "404"
	case hub.KindConflict:
		return "409"
	case hub.KindTooLarge:
		return "413"
	case hub.KindUnsupported:
		return "415"
	case hub.KindBusy:
		return "429"
	case hub.KindUnavailable:
		return "503"
	}
	return "500"
}

// describe tells a person what is wrong. Of an internal failure it tells only where its
// operator finds the cause.
func describe(err error, request string) (code, desc string) {
	violations := hub.ViolationsOf(err)
	code = codeOf(violations[0].Kind)
	if code == "500" {
		return code, "The hub failed. Its operator finds the cause under the request " + request
	}
	var lines []string
	for _, v := range violations {
		line := v.Message
		if line == "" {
			line = string(v.Kind)
		}
		if v.Rule != "" {
			line = fmt.Sprintf("%s [%s]: %s", v.Field, v.Rule, line)
		}
		lines = append(lines, strings.TrimSpace(line))
	}
	desc = strings.Join(lines, "; ")
	if len(desc) > maxDesc {
		desc = strings.ToValidUTF8(desc[:maxDesc], "") + "..."
	}
	return code, desc
}

// fields are the members of an answer besides the three that all have.
type fields map[string]any

// ok answers with success.
func (x *call) ok(more fields) error { return x.answer(statusOK, codeOK, descOK, more) }

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
	code, desc := describe(err, x.id)
	more := fields{}
	if x.op.field != "" {
		more[x.op.field] = ""
	}
	if err := x.answer(statusFail, code, desc, more); err != nil {
		x.log.Error("an answer cannot be written", "error", err)
	}
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
