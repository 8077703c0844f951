package edoc

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// The words of an answer. Success is the code "0" and nothing else.
const (
	StatusOK   = "OK"
	StatusFail = "FAIL"
	CodeOK     = "0"
	DescOK     = "Thanh cong"
)

// Recorded is what a system reads when its wish was recorded for the operator.
const Recorded = "Da ghi nhan, cho quan tri vien xem xet"

// maxDesc bounds the description of an error, in bytes.
const maxDesc = 2000

// CodeOf is the table from error kinds to error codes. The protocols publish none; these
// are those of HTTP, which everybody can look up.
func CodeOf(kind hub.ErrorKind) int {
	switch kind {
	case hub.KindInvalid, hub.KindUnknownAgency:
		return http.StatusUnprocessableEntity
	case hub.KindUntrusted:
		return http.StatusUnauthorized
	case hub.KindDenied:
		return http.StatusForbidden
	case hub.KindNotFound:
		return http.StatusNotFound
	case hub.KindConflict:
		return http.StatusConflict
	case hub.KindTooLarge:
		return http.StatusRequestEntityTooLarge
	case hub.KindUnsupported:
		return http.StatusUnsupportedMediaType
	case hub.KindBusy:
		return http.StatusTooManyRequests
	case hub.KindUnavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// Describe tells a person what is wrong. Of an internal failure it tells only where its
// operator finds the cause.
func Describe(err error, request string) (code, desc string) {
	violations := hub.ViolationsOf(err)
	number := CodeOf(violations[0].Kind)
	code = strconv.Itoa(number)
	if number == http.StatusInternalServerError {
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

// Stamp writes a time in Vietnam; "" for none.
func Stamp(t time.Time, layout string) string {
	if t.IsZero() {
		return ""
	}
	return t.In(hub.Vietnam()).Format(layout)
}

// StampLayout is how the national axis writes times.
const StampLayout = "2006/01/02 15:04:05"
