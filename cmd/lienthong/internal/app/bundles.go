package app

import (
	"errors"
	"io/fs"
	"os"

	"github.com/lienthong/lienthong/adapters/httpapi"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/packing"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
	"github.com/lienthong/lienthong/hub/audit/bundle"
	"github.com/lienthong/lienthong/hub/tracking"
	"github.com/lienthong/lienthong/hub/validation"
	"github.com/lienthong/lienthong/signing"
	"github.com/lienthong/lienthong/signing/asic"
)

var (
	_ bundle.Evidences  = (*audit.Service)(nil)
	_ bundle.Proofs     = (*audit.Reader)(nil)
	_ bundle.Dispatches = (*tracking.Service)(nil)
	_ bundle.Verdicts   = (*validation.Service)(nil)
	_ bundle.Packaging  = (*packing.Packing)(nil)
	_ bundle.Container  = (*asic.Container)(nil)
	_ bundle.Judge      = (*signing.BundleJudge)(nil)
	_ httpapi.Bundles   = (*bundle.Builder)(nil)
)

// bundling wires what makes evidence bundles, with the key of the hub as their seal.
func (a *App) bundling() {
	s := &a.services
	pack := &packing.Packing{
		Keys: a.sealer.Current, Now: a.now, Forms: a.sealer.ReceiptXML, Mirror: s.verifier.Mirror,
		Policy:  func() ([]byte, error) { return readIfThere(a.config.PolicyFile()) },
		Anchors: func() ([]byte, error) { return readIfThere(a.config.Anchors) },
	}
	s.bundles = &bundle.Builder{Evidences: s.audit, Proofs: s.proofs, Dispatches: s.tracking, Verdicts: s.archive, Packaging: pack}
}

// readIfThere reads a file; nil where none is named or there is none, as on a node that
// signs no checkpoints.
func readIfThere(path string) ([]byte, error) {
	if path == "" {
		return nil, nil
	}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, hub.Internal("read "+path, err)
	}
	return data, nil
}
