//go:build !mutants

// Package blank takes the substance out of evidence, so that a benchmark can tell what
// evidence costs: the same hub under the same load, with it and without it. In a normal
// build it does nothing and costs nothing, and no setting of a hub can change that;
// built with the tag "mutants", LIENTHONG_MUTANT=no-evidence makes evidence blank:
// nothing is made canonical, hashed, signed, recorded or logged.
package blank

import (
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
)

// Mark is what a hub without evidence says of itself in its log, at start.
const Mark = "evidence is blank: this hub proves nothing"

// Sealer returns s.
func Sealer(s audit.Sealer) audit.Sealer { return s }

// Canonical returns c.
func Canonical(c func(*hub.SignatureReport) ([]byte, error)) func(*hub.SignatureReport) ([]byte, error) {
	return c
}
