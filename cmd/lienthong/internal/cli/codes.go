package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/hub"
)

// The exit codes. 2 is a verdict of verify and nothing else.
const (
	exitOK            = 0
	exitFailed        = 1 // verify: TOTAL-FAILED; audit, verify-store, backup, trust fetch, witness show, renew, partner, agency test: findings
	exitIndeterminate = 2 // verify: INDETERMINATE
	exitUsage         = 3 // wrong use, or nothing signed in the file
	exitInvalid       = 4 // of verify it is exitUsage: all that is given to it are flags and files
	exitDenied        = 5
	exitNotFound      = 6
	exitConflict      = 7
	exitTryAgain      = 8
	exitLimit         = 9
	exitInternal      = 10
)

func exitCodeHelp() string {
	return "Exit codes: 0 done or TOTAL-PASSED; 1 TOTAL-FAILED (verify), or findings (audit, verify-store, backup, trust fetch, witness show, renew, partner); 2 INDETERMINATE (verify); " +
		"3 wrong use, or not a signed document; 4 invalid input (verify: 3); 5 denied or not trusted; 6 not found or unknown agency; " +
		"7 conflict; 8 busy or away, try again; 9 too large or not supported; 10 internal failure."
}

// exitOf is the one table from error kinds to exit codes.
func exitOf(kind hub.ErrorKind) int {
	switch kind {
	case hub.KindInvalid:
		return exitInvalid
	case hub.KindDenied, hub.KindUntrusted:
		return exitDenied
	case hub.KindNotFound, hub.KindUnknownAgency:
		return exitNotFound
	case hub.KindConflict:
		return exitConflict
	case hub.KindBusy, hub.KindUnavailable:
		return exitTryAgain
	case hub.KindTooLarge, hub.KindUnsupported:
		return exitLimit
	}
	return exitInternal
}

// verdict is the error of a command whose result is an exit code; what there is
// to say was printed.
type verdict int

// Error implements error.
func (v verdict) Error() string { return fmt.Sprintf("exit code %d", int(v)) }

// misuse is the error of a command that answers invalid input as wrong use.
type misuse struct{ error }

// Unwrap gives the error itself.
func (m misuse) Unwrap() error { return m.error }

// report prints an error and returns its exit code.
func report(w io.Writer, asJSON bool, err error) int {
	var v verdict
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &v):
		return int(v)
	}
	violations := hub.ViolationsOf(err)
	if asJSON {
		reportJSON(w, violations)
	} else {
		reportText(w, violations, err)
	}
	code := exitOf(violations[0].Kind)
	if code == exitInvalid && errors.As(err, new(misuse)) {
		return exitUsage
	}
	return code
}

func reportJSON(w io.Writer, violations hub.Violations) {
	type line struct {
		Kind    hub.ErrorKind `json:"kind"`
		Field   string        `json:"field,omitempty"`
		Rule    string        `json:"rule,omitempty"`
		Message string        `json:"message"`
	}
	var lines []line
	for _, v := range violations {
		lines = append(lines, line{v.Kind, v.Field, v.Rule, messageOf(v)})
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"errors": lines}) // nowhere to report it
}

func reportText(w io.Writer, violations hub.Violations, err error) {
	for _, v := range violations {
		var place []string
		if v.Field != "" {
			place = append(place, v.Field)
		}
		if v.Rule != "" {
			place = append(place, "["+v.Rule+"]")
		}
		if len(place) > 0 {
			fmt.Fprintf(w, "lienthong: %s: %s\n", strings.Join(place, " "), messageOf(v))
		} else {
			fmt.Fprintf(w, "lienthong: %s\n", messageOf(v))
		}
	}
	var rejected *hub.Rejection
	if errors.As(err, &rejected) {
		fmt.Fprintf(w, "the hub refused the document; receipt of the refusal: %s\n", rejected.Receipt.Evidence.ID)
	}
	var answer *hubclient.AnswerError
	if violations[0].Kind == hub.KindInternal && errors.As(err, &answer) {
		fmt.Fprintf(w, "next: tell the operator of the hub the number of the request: %s\n", answer.RequestID)
	}
	if step := nextStep(violations[0]); step != "" {
		fmt.Fprintln(w, step)
	}
}

// messageOf is the message with its cause; what kind of HTTP answer it came in is
// not for people.
func messageOf(v *hub.Error) string {
	var answer *hubclient.AnswerError
	switch {
	case v.Message != "" && errors.As(v.Err, &answer):
		return v.Message
	case v.Message != "" && v.Err != nil:
		return v.Message + ": " + v.Err.Error()
	case v.Message != "":
		return v.Message
	case v.Err != nil:
		return v.Err.Error()
	}
	return string(v.Kind)
}

// nextStep is what a person can do about an error.
func nextStep(v *hub.Error) string {
	switch {
	case v.Kind == hub.KindUntrusted && v.Field == "Authorization":
		return "next: check --key-file (or LIENTHONG_KEY_FILE); the operator can issue a new key with `lienthong key create`"
	case v.Kind == hub.KindDenied && v.Field == "sender" && v.Rule == "closed":
		return "next: send as the agency that took over; `lienthong agency history CODE` names it"
	case v.Kind == hub.KindDenied && v.Rule != "permissions": // of a file: the message says what to do
		return "next: ask the operator for a key with this scope and agency; `lienthong key list` shows what keys may do"
	case v.Kind == hub.KindUnknownAgency, v.Rule == string(hub.KindUnknownAgency):
		return "next: look the code up with `lienthong agency search NAME`"
	case v.Kind == hub.KindUnavailable, v.Kind == hub.KindBusy:
		return "next: try again later; nothing was lost, and sending again with the same id is safe"
	}
	return ""
}
