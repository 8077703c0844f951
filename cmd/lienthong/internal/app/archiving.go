package app

import (
	"context"
	"time"

	"github.com/lienthong/lienthong/adapters/httpapi"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/engine"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/examine"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
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
	_ intake.Undecided   = (*validation.Service)(nil)

	_ validation.Dispatches = engine.State(nil)
	_ validation.Blobs      = engine.Content(nil)
	_ validation.Rounds     = engine.State(nil)
	_ validation.Boxes      = engine.State(nil)
	_ validation.Notary     = (*audit.Service)(nil)
	_ validation.Judge      = judge{}

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
	return v.examine(ctx, part, content, signing.Inquiry{})
}

func (v *archiving) examine(ctx context.Context, part hub.Part, content hub.Blob, inquiry signing.Inquiry) (hub.SignatureReport, error) {
	found, err := v.signatures.ExaminePart(ctx, part, content, inquiry)
	if err != nil {
		return found.Report, err
	}
	found.Report.Material, err = v.archive.Keep(ctx, examine.Pieces(found.Material))
	return found.Report, err
}

// judge judges what could not be decided at acceptance again.
type judge struct {
	*archiving
	trust func() string
}

// Trust implements validation.Judge.
func (j judge) Trust() string { return j.trust() }

// JudgeAgain implements validation.Judge.
func (j judge) JudgeAgain(ctx context.Context, part hub.Part, content hub.Blob, known time.Time, kept []hub.Material) (hub.SignatureReport, error) {
	archived, err := examine.Material(kept)
	if err != nil {
		return hub.SignatureReport{}, err
	}
	return j.examine(ctx, part, content, signing.Inquiry{Known: known, Archived: archived})
}

// settleAfter is how long after a change verdicts are given again: every node has read
// the files again by then, and recorded what it judged before.
const settleAfter = 3 * refreshEvery

// newRechecker wires what the node that holds the schedule runs. It keeps nothing in
// memory.
func (a *App) newRechecker(settle time.Duration) *validation.Rechecker {
	s := &a.services
	return validation.NewRechecker(validation.RecheckOptions{
		Archive: s.archive, Notes: a.store, Dispatches: a.store, Blobs: a.blobs, Rounds: a.store, Notary: s.audit, Digest: signing.ReportDigest,
		Judge: judge{&archiving{s.verifier, s.archive}, func() string { return *a.atHand.Load() }},
		Now:   a.now, Log: a.log, Settle: settle,
	})
}
