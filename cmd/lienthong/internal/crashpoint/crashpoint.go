//go:build !mutants

// Package crashpoint lets a hub die at a chosen step, so that tests can look at what
// every single step leaves behind. In a normal build it does nothing and costs
// nothing; built with the tag "mutants", LIENTHONG_CRASH_AT=step:n kills the process
// with SIGKILL when the step is reached for the nth time.
//
// The steps are the calls between the hub and what it runs on, each with a "before"
// and an "after": the table is in Steps.
package crashpoint

import (
	"net/http"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/engine"
	"github.com/lienthong/lienthong/hub/audit"
)

// State returns s.
func State(s engine.State) engine.State { return s }

// Content returns c.
func Content(c engine.Content) engine.Content { return c }

// Queue returns q.
func Queue(q engine.Queue) engine.Queue { return q }

// Tiles returns t.
func Tiles(t audit.TileStore) audit.TileStore { return t }

// Answers returns h.
func Answers(h http.Handler) http.Handler { return h }
