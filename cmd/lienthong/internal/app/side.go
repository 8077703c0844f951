package app

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/telemetry"
	"github.com/lienthong/lienthong/hub"
)

// sideServer is the listener for an operator's own monitoring: metrics and health
// without a key, on an address that is kept inside.
type sideServer struct {
	*http.Server
	listener net.Listener
}

func (a *App) listenAside(ctx context.Context) error {
	a.watch.Watch(a.look())
	if a.config.MetricsListen == "" {
		return nil
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", a.config.MetricsListen)
	if err != nil {
		return hub.Invalid("metrics-listen", "address", "%v", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", a.watch.Metrics())
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		readiness, status := a.health.readiness(r.Context()), http.StatusOK
		if !readiness.Ready {
			status = http.StatusServiceUnavailable
		}
		writeJSON(w, status, readiness)
	})
	a.side = &sideServer{&http.Server{Handler: mux, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second}, listener}
	a.log.Info("metrics", "url", "http://"+listener.Addr().String()+"/metrics")
	return nil
}

// look is what a scrape asks.
func (a *App) look() telemetry.Look {
	return telemetry.Look{
		Backlog: a.health.lastBacklog, Depths: a.queue.Depths, Circuits: a.services.delivery.OpenCircuits,
		Health: a.health.readiness, Axis: a.lastRelay, Post: a.lastPost, Now: a.now,
	}
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client may be gone
}

func (s *sideServer) serve() error {
	if err := s.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
		return hub.Internal("serve metrics", err)
	}
	return nil
}
