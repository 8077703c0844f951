package app

import (
	"context"

	"github.com/lienthong/lienthong/adapters/httpapi"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/engine"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/examine"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/intake"
	"github.com/lienthong/lienthong/hub/tracking"
	"github.com/lienthong/lienthong/hub/validation"
	"github.com/lienthong/lienthong/signing"
)

// Who implements the ports of the archive of validation material.
var (
	_ validation.Notes   = engine.State(nil)
	_ validation.Reports = (*tracking.Service)(nil)
	_ intake.Verifier    = (*archiving)(nil)

	_ httpapi.ValidationArchive = (*validation.Service)(nil)
)

// archiving verifies for the intake and archives what a verdict was made from before the
// verdict is recorded.
type archiving struct {
	signatures *signing.Verifier
	archive    *validation.Service
}

// VerifyPart implements intake.Verifier.
func (v *archiving) VerifyPart(ctx context.Context, part hub.Part, content hub.Blob) (hub.SignatureReport, error) {
	found, err := v.signatures.ExaminePart(ctx, part, content, signing.Inquiry{})
	if err != nil {
		return found.Report, err
	}
	found.Report.Material, err = v.archive.Keep(ctx, examine.Pieces(found.Material))
	return found.Report, err
}
