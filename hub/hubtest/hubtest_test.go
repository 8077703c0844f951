package hubtest_test

import (
	"github.com/lienthong/lienthong/hub/audit"
	"github.com/lienthong/lienthong/hub/delivery"
	"github.com/lienthong/lienthong/hub/directory"
	"github.com/lienthong/lienthong/hub/hubtest"
	"github.com/lienthong/lienthong/hub/intake"
	"github.com/lienthong/lienthong/hub/tracking"
)

// The ports that the surroundings fit.
var (
	_ directory.Store        = (*hubtest.Memory)(nil)
	_ directory.KeyStore     = (*hubtest.Memory)(nil)
	_ intake.Store           = (*hubtest.Memory)(nil)
	_ intake.UploadStore     = (*hubtest.Memory)(nil)
	_ intake.Blobs           = (*hubtest.Blobs)(nil)
	_ intake.Staging         = (*hubtest.Blobs)(nil)
	_ intake.Directory       = (*hubtest.Directory)(nil)
	_ intake.Verifier        = (*hubtest.Verifier)(nil)
	_ intake.Notary          = (*hubtest.Notary)(nil)
	_ intake.Queue           = (*hubtest.Queue)(nil)
	_ delivery.Store         = (*hubtest.Memory)(nil)
	_ delivery.Notary        = (*hubtest.Notary)(nil)
	_ tracking.Store         = (*hubtest.Memory)(nil)
	_ tracking.LeaseStore    = (*hubtest.Memory)(nil)
	_ tracking.ReportStore   = (*hubtest.Memory)(nil)
	_ tracking.EvidenceStore = (*hubtest.Memory)(nil)
	_ tracking.Blobs         = (*hubtest.Blobs)(nil)
	_ tracking.Directory     = (*hubtest.Directory)(nil)
	_ tracking.Notary        = (*hubtest.Notary)(nil)
	_ audit.Store            = (*hubtest.Memory)(nil)
	_ audit.Sealer           = (*hubtest.Notary)(nil)
)
