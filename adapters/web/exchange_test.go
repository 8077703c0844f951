package web

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// watched remembers the deadlines of a connection.
type watched struct {
	*httptest.ResponseRecorder
	deadlines []time.Time
}

// SetReadDeadline is what http.ResponseController looks for.
func (w *watched) SetReadDeadline(t time.Time) error {
	w.deadlines = append(w.deadlines, t)
	return nil
}

// TestFormsComeInTime: who sends the form for signing in byte by byte holds no connection
// for ever, and the connection has no deadline afterwards.
func TestFormsComeInTime(t *testing.T) {
	x, _ := reading(t, []byte("name=a"), "application/x-www-form-urlencoded")
	w := &watched{ResponseRecorder: httptest.NewRecorder()}
	x.w, x.visit = w, nil
	before := time.Now()
	if err := x.admit(route{method: http.MethodPost, public: true}); err != nil || x.r.PostFormValue("name") != "a" {
		t.Fatal(err)
	}
	if len(w.deadlines) != 2 || w.deadlines[0].Before(before) || !w.deadlines[1].IsZero() {
		t.Errorf("the deadlines were %v", w.deadlines)
	}
}

// TestTokensOfForms: a token belongs to its session however it looks, and looks different
// each time, so that the lengths of compressed answers tell nothing of it.
func TestTokensOfForms(t *testing.T) {
	x, other := &exchange{token: "token"}, &exchange{token: "another"}
	first, second := x.formToken(), x.formToken()
	if first == second {
		t.Error("two tokens of a session look alike")
	}
	for token, own := range map[string]bool{
		first: true, second: true, other.formToken(): false, "": false, "a": false, first[1:]: false,
		first[:len(first)/2]: false, first + first: false, (&exchange{}).formToken(): false,
	} {
		if x.ownForm(token) != own {
			t.Errorf("%q: %v, want %v", token, !own, own)
		}
	}
	if nobody := (&exchange{}); nobody.ownForm(nobody.formToken()) {
		t.Error("without a session a token is taken")
	}
}
