package app

import (
	"context"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/examine"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
	"github.com/lienthong/lienthong/signing"
)

// examining verifies files that the hub does not keep, by the roots of the hub. Evidence
// bundles are verified by its own policy too, as it stands at that moment: a year of the
// log adds a line. On a node that has none the log stays undecided.
type examining struct {
	signatures *signing.Verifier
	policy     func() (*audit.Policy, error) // nil: none
}

func (a *App) examining() examining { return examining{a.services.verifier, a.ownPolicy} }

// browsing shows the log to auditors.
func (a *App) browsing() *audit.Browser {
	return &audit.Browser{Reader: a.services.proofs, Store: a.store, Policy: a.ownPolicy}
}

// ownPolicy is the policy of this hub as it stands; nil on a node that has none.
func (a *App) ownPolicy() (*audit.Policy, error) {
	text, err := readIfThere(a.config.PolicyFile())
	if err != nil || text == nil {
		return nil, err
	}
	return audit.ParsePolicy(text)
}

// VerifyFile implements httpapi.Verifier and web.Verifier.
func (e examining) VerifyFile(ctx context.Context, name string, content hub.Blob) (hub.FileReport, error) {
	policy, err := e.policy()
	if err != nil {
		return hub.FileReport{}, hub.Internal("read the policy of the log", err)
	}
	examiner := examine.Examiner{Signatures: e.signatures, Bundles: &examine.Auditor{Policy: policy}}
	return examiner.VerifyFile(ctx, name, content)
}
