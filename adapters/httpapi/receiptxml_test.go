package httpapi

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/lienthong/lienthong/hub"
)

// TestReceiptForms: the JSON is what a client gets unless it asks for XML, and whoever may
// not see a receipt sees no form of it.
func TestReceiptForms(t *testing.T) {
	var failure error
	s := newTestServer(t, func(o *Options) {
		o.ReceiptXML = func(context.Context, hub.SealedEvidence) ([]byte, error) { return []byte("<e:Evidence/>"), failure }
	})
	for _, tt := range []struct{ query, accept, want string }{
		{"", "", "application/json"},
		{"", "*/*", "application/json"},
		{"", "application/xml", "application/xml"},
		{"", "application/json;q=0.5, application/xml", "application/xml"},
		{"", "application/json, application/xml;q=0.5", "application/json"},
		{"?form=xml", "application/json", "application/xml"},
		{"?form=json", "application/xml", "application/json"},
	} {
		a := s.call(t, http.MethodGet, "/v1/evidence/e1"+tt.query, "", "Accept", tt.accept)
		if a.StatusCode != http.StatusOK || a.Header.Get("Content-Type") != tt.want || strings.HasPrefix(string(a.body), "<") != (tt.want == "application/xml") {
			t.Errorf("%s, %s: %d %s %.20s", tt.query, tt.accept, a.StatusCode, a.Header.Get("Content-Type"), a.body)
		}
	}
	if a := s.call(t, http.MethodGet, "/v1/evidence/e1?form=pdf", ""); a.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("an unknown form: %d", a.StatusCode)
	}
	failure = errors.New("the key is away")
	if a := s.call(t, http.MethodGet, "/v1/evidence/e1?form=xml", ""); a.StatusCode != http.StatusInternalServerError {
		t.Errorf("without its key: %d", a.StatusCode)
	}
	s.hub.err = hub.Errorf(hub.KindNotFound, "", "", "no such evidence")
	if a := s.call(t, http.MethodGet, "/v1/evidence/e1?form=xml", ""); a.StatusCode != http.StatusNotFound {
		t.Errorf("a receipt of others: %d", a.StatusCode)
	}
}
