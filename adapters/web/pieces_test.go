package web

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/lienthong/lienthong/hub"
)

// TestNoFilesWhileTheDiskIsFull: no file begins to come in, by neither way, and the rest
// of the form is there still.
func TestNoFilesWhileTheDiskIsFull(t *testing.T) {
	full := func() error { return hub.Errorf(hub.KindUnavailable, "", "disk", "the storage is full") }
	body, kind := form(t, 3)
	x, kept := reading(t, body, kind)
	x.Overloaded = full
	f, err := x.readLetter()
	if err != nil || f.problems["original"] == "" || len(f.Files) > 0 || kept.committed+kept.discarded > 0 {
		t.Errorf("%+v, %v, kept %+v", f, err, kept)
	}
	x, _ = reading(t, nil, "") // announcing would reach for what is not there
	answer := httptest.NewRecorder()
	x.w, x.Overloaded = answer, full
	x.r = httptest.NewRequest(http.MethodPost, "/send/files", strings.NewReader(url.Values{"size": {"1"}, "name": {"x.pdf"}}.Encode()))
	x.r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if err := x.announceFile(); err != nil || answer.Code != http.StatusServiceUnavailable || !strings.Contains(answer.Body.String(), "problem") {
		t.Errorf("%d %s, %v", answer.Code, answer.Body, err)
	}
}
