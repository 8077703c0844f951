package cli

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/hub"
)

// leaseServer answers renewals of a lease by answer and tells of each.
func leaseServer(t *testing.T, answer func(n int, w http.ResponseWriter)) (*hubclient.Client, <-chan int) {
	t.Helper()
	renewed, n := make(chan int, 100), 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPut || r.URL.Path != "/v1/deliveries/d1/lease" {
			t.Errorf("%s %s", r.Method, r.URL.Path)
		}
		n++
		answer(n, w)
		renewed <- n
	}))
	t.Cleanup(server.Close)
	client, err := hubclient.New(hubclient.Options{URL: server.URL, Key: "lt_x_y"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.CloseIdle)
	return client, renewed
}

func leased(until time.Time) *hub.Item {
	return &hub.Item{Delivery: hub.Delivery{ID: "d1", Lease: &hub.Lease{Fence: 7, Until: until}}}
}

func TestHoldRenewsUntilTheEnd(t *testing.T) {
	begin := time.Date(2020, 1, 10, 8, 0, 0, 0, time.UTC)
	client, renewed := leaseServer(t, func(n int, w http.ResponseWriter) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(hub.Lease{Fence: 7, Until: begin.Add(time.Duration(n) * time.Minute)})
	})
	h := hold(t.Context(), client, leased(begin), time.Second)
	for <-renewed < 2 {
	}
	until, err := h.end()
	if err != nil || until.Before(begin.Add(time.Minute)) {
		t.Errorf("held until %s, %v", until, err)
	}
}

func TestHoldTellsOfALostLease(t *testing.T) {
	client, renewed := leaseServer(t, func(_ int, w http.ResponseWriter) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusConflict)
		_, _ = w.Write([]byte(`{"status": 409, "kind": "conflict", "detail": "the lease ran out"}`))
	})
	h := hold(t.Context(), client, leased(time.Now()), time.Second)
	<-renewed
	<-h.ended // it gives up by itself
	if _, err := h.end(); hub.KindOf(err) != hub.KindConflict {
		t.Errorf("got %v", err)
	}
}

func TestHoldEndsAtOnce(t *testing.T) {
	client, _ := leaseServer(t, func(int, http.ResponseWriter) {})
	until := time.Now().Add(time.Hour)
	if got, err := hold(t.Context(), client, leased(until), time.Hour).end(); err != nil || !got.Equal(until) {
		t.Errorf("%v, %v", got, err)
	}
}
