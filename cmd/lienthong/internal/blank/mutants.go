//go:build mutants

// Package blank, built with the tag "mutants": see blank.go.
package blank

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
)

// Mark is what a hub without evidence says of itself in its log, at start.
const Mark = "evidence is blank: this hub proves nothing"

// on says that evidence is blank. The store asks the same variable (storage/internal/fault).
var on = os.Getenv("LIENTHONG_MUTANT") == "no-evidence"

// Sealer wraps what seals evidence.
func Sealer(s audit.Sealer) audit.Sealer {
	if on {
		slog.Warn(Mark)
		return sealer{}
	}
	return s
}

type sealer struct{}

// SealEvidence returns the evidences with neither text nor signature.
func (sealer) SealEvidence(_ context.Context, evidence ...hub.Evidence) ([]hub.SealedEvidence, error) {
	blank := make([]hub.SealedEvidence, len(evidence))
	for i := range evidence {
		blank[i] = hub.SealedEvidence{Evidence: evidence[i], Canonical: []byte("{}")}
	}
	return blank, nil
}

// Canonical wraps what makes the reports canonical that an acceptance names: here they are
// encoded for the store alone.
func Canonical(c func(*hub.SignatureReport) ([]byte, error)) func(*hub.SignatureReport) ([]byte, error) {
	if on {
		return func(report *hub.SignatureReport) ([]byte, error) { return json.Marshal(report) }
	}
	return c
}
