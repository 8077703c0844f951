//go:build mutants

// Package blank, built with the tag "mutants": see blank.go.
package blank

import (
	"context"
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

// Digest wraps what digests the reports that an acceptance names.
func Digest(d func(*hub.SignatureReport) (hub.Digest, error)) func(*hub.SignatureReport) (hub.Digest, error) {
	if on {
		return func(*hub.SignatureReport) (hub.Digest, error) { return hub.Digest{}, nil }
	}
	return d
}
