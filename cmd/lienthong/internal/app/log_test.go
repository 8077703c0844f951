package app_test

import (
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/app"
	"github.com/lienthong/lienthong/hub"
)

// logCheck is what a readiness says of the log.
func logCheck(r hub.Readiness) hub.HealthCheck {
	i := slices.IndexFunc(r.Checks, func(c hub.HealthCheck) bool { return c.Name == "log" })
	if i < 0 {
		return hub.HealthCheck{}
	}
	return r.Checks[i]
}

// TestACopyPublishesNothing: a copy of a hub that was told so does everything but grow
// the log, and says so.
func TestACopyPublishesNothing(t *testing.T) {
	t.Parallel()
	config := configIn(t.TempDir())
	config.NoLogGrowth = true
	h := start(t, config)
	senderKey, recipientKey := h.enroll(t)
	if _, err := h.client(t, senderKey).Submit(t.Context(), submission("copy"), original("x"), nil); err != nil {
		t.Fatal(err)
	}
	handOver(t, h.client(t, recipientKey))
	r := await(t, h, func(r hub.Readiness) bool { return logCheck(r).State == hub.HealthDegraded })
	if c := logCheck(r); !r.Ready || !strings.Contains(c.Reason, "--no-log-growth") {
		t.Errorf("the node says %+v", r)
	}
	if _, text := get(t, h.URL()+"/metrics", h.operatorKey(t)); !strings.Contains(text, `lienthong_health{check="log"} 0.5`) {
		t.Errorf("the metrics do not say so: %s", text)
	}
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	config.NoLogGrowth = false
	h = start(t, config)
	await(t, h, func(r hub.Readiness) bool { return logCheck(r).State == hub.HealthSound })
	if status, text := get(t, h.URL()+"/log", ""); status != http.StatusOK || strings.Count(text, "\n") > 1 {
		t.Errorf("the log: %d %q", status, text)
	}
}

// TestAHubKeepsItsName: the name is part of the log.
func TestAHubKeepsItsName(t *testing.T) {
	t.Parallel()
	h := start(t, configIn(t.TempDir()))
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	config := h.config
	config.Name = "another"
	a, err := app.New(t.Context(), config, "test", slog.New(slog.DiscardHandler))
	if err == nil {
		_ = a.Close()
	}
	v := hub.ViolationsOf(err)
	if len(v) != 1 || v[0].Kind != hub.KindConflict || v[0].Field != "name" || !strings.Contains(v[0].Message, "--name test") {
		t.Errorf("another name: %v", err)
	}
	start(t, h.config)
}
