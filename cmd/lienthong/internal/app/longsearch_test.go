package app_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/lienthong/lienthong/hub"
)

// TestLongSearches: a search without end is refused in words wherever lists are searched,
// and costs the hub nothing.
func TestLongSearches(t *testing.T) {
	t.Parallel()
	h, _ := author(t)
	clerk := h.signIn(t, "tim.kiem", member(recipient, hub.RoleClerk))
	for _, path := range []string{"/inbox", "/sent", "/tasks"} {
		if got := clerk.get(path + "?q=" + url.QueryEscape(strings.Repeat("a ", hub.MaxSearch/2))); got.status != http.StatusOK {
			t.Errorf("%s with the longest search gets %d", path, got.status)
		}
		got := clerk.get(path + "?q=" + url.QueryEscape(strings.Repeat("a ", 20_000)))
		if got.status != http.StatusUnprocessableEntity || !strings.Contains(got.text, "Từ cần tìm quá dài") {
			t.Errorf("%s with a search without end gets %d: %.200s", path, got.status, got.text)
		}
	}
}

// TestListsOfOneValue: a choice that is repeated without end is one choice.
func TestListsOfOneValue(t *testing.T) {
	t.Parallel()
	h := start(t, configIn(t.TempDir()))
	_, key := h.enroll(t)
	for _, choice := range []string{"/v1/tasks?timeliness=overdue", "/v1/tasks?state=done", "/v1/mailbox?state=consigned"} {
		_, value, _ := strings.Cut(choice, "=")
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.URL()+choice+strings.Repeat(","+value, 5000)+"&agency="+recipient, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+key)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			t.Errorf("%s 5000 times gets %d", choice, answer.StatusCode)
		}
	}
}
