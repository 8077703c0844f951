package httpapi

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
)

type fakeEnrolments struct{ f *fakeHub }

func (fakeEnrolments) Create(_ context.Context, _ hub.Actor, wish hub.Enrolment) (hub.Enrolment, string, error) {
	wish.ID, wish.Created, wish.Hash = "e1", wish.Expires.Add(-time.Hour), hub.Digest{1}
	return wish, "ABCD", nil
}

func (fakeEnrolments) List(context.Context, hub.Actor) ([]hub.Enrolment, error) {
	return []hub.Enrolment{{ID: "e1", Agency: "a1", Channels: []hub.EnrolmentChannel{hub.EnrolREST}}}, nil
}

func (fakeEnrolments) Revoke(context.Context, hub.Actor, string) error { return nil }

func (fakeEnrolments) Redeem(_ context.Context, code, peer string) (hub.Enrolled, error) {
	if code != "ABCD" || peer == "" {
		return hub.Enrolled{}, hub.Errorf(hub.KindUntrusted, "code", "code", "this code opens nothing")
	}
	return hub.Enrolled{Enrolment: "e1", Credentials: []hub.Credential{{Channel: hub.EnrolREST, Secret: "lt_secret"}}}, nil
}

// TestEnrol: whoever has the code needs no key, and nothing of the answer stays anywhere.
func TestEnrol(t *testing.T) {
	s := newTestServer(t)
	for code, status := range map[string]int{"ABCD": http.StatusOK, "EFGH": http.StatusUnprocessableEntity} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/v1/enrol", strings.NewReader(`{"code":"`+code+`"}`))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/json")
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != status || answer.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %s, %v", code, answer.Status, answer.Header)
		}
	}
	if a := s.call(t, http.MethodPost, "/v1/enrolments", `{"agency":"000.00.00.H47","channels":["rest"],"contact":"Mẫu"}`, "Content-Type", "application/json"); !strings.Contains(string(a.body), `"code":"ABCD"`) || strings.Contains(string(a.body), "hash") {
		t.Errorf("%s", a.body)
	}
}
