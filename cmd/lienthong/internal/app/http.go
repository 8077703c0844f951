package app

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/lienthong/lienthong/adapters/edxml"
	"github.com/lienthong/lienthong/adapters/httpapi"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
	"github.com/lienthong/lienthong/hub/delivery"
	"github.com/lienthong/lienthong/hub/directory"
	"github.com/lienthong/lienthong/hub/intake"
	"github.com/lienthong/lienthong/hub/tracking"
	"github.com/lienthong/lienthong/signing"
	"github.com/lienthong/lienthong/storage/blobdir"
	"github.com/lienthong/lienthong/storage/sqlite"
)

// Who implements which port, checked when this package compiles.
var (
	_ directory.Store        = (*sqlite.Store)(nil)
	_ directory.KeyStore     = (*sqlite.Store)(nil)
	_ intake.Store           = (*sqlite.Store)(nil)
	_ intake.UploadStore     = (*sqlite.Store)(nil)
	_ intake.Blobs           = (*blobdir.Dir)(nil)
	_ intake.Staging         = (*blobdir.Dir)(nil)
	_ intake.Directory       = (*directory.Directory)(nil)
	_ intake.Verifier        = (*signing.Verifier)(nil)
	_ intake.Notary          = (*audit.Service)(nil)
	_ intake.Queue           = (*delivery.LocalQueue)(nil)
	_ delivery.Store         = (*sqlite.Store)(nil)
	_ delivery.Notary        = (*audit.Service)(nil)
	_ delivery.Queue         = (*delivery.LocalQueue)(nil)
	_ delivery.Bell          = (*tracking.Service)(nil)
	_ tracking.Store         = (*sqlite.Store)(nil)
	_ tracking.LeaseStore    = (*sqlite.Store)(nil)
	_ tracking.ReportStore   = (*sqlite.Store)(nil)
	_ tracking.EvidenceStore = (*sqlite.Store)(nil)
	_ tracking.Blobs         = (*blobdir.Dir)(nil)
	_ tracking.Directory     = (*directory.Directory)(nil)
	_ tracking.Notary        = (*audit.Service)(nil)
	_ audit.Store            = (*sqlite.Store)(nil)
	_ audit.Sealer           = (*signing.Sealer)(nil)
	_ edxml.PartStore        = (*blobdir.Dir)(nil)
	_ httpapi.Authenticator  = (*directory.Keys)(nil)
	_ httpapi.KeyKeeper      = (*directory.Keys)(nil)
	_ httpapi.Directory      = (*directory.Directory)(nil)
	_ httpapi.Registry       = (*directory.Directory)(nil)
	_ httpapi.Intake         = (*intake.Service)(nil)
	_ httpapi.Uploads        = (*intake.Service)(nil)
	_ httpapi.Mailbox        = (*tracking.Service)(nil)
	_ httpapi.Leases         = (*tracking.Service)(nil)
	_ httpapi.Recipient      = (*tracking.Service)(nil)
	_ httpapi.Dispatches     = (*tracking.Service)(nil)
	_ httpapi.Evidences      = (*audit.Service)(nil)
	_ httpapi.Verifier       = (*signing.Verifier)(nil)
	_ httpapi.Blobs          = (*blobdir.Dir)(nil)
)

func (a *App) handler() http.Handler {
	s := &a.services
	return httpapi.New(httpapi.Options{
		Authenticator: s.keys, KeyKeeper: s.keys,
		Directory: s.directory, Registry: s.directory,
		Intake: s.intake, Uploads: s.intake,
		Mailbox: s.tracking, Leases: s.tracking, Recipient: s.tracking, Dispatches: s.tracking,
		Evidences: s.audit, Verifier: s.verifier, Blobs: a.blobs, Codec: codec(),
		Now: time.Now, NewID: newID, Log: a.log, Version: a.version, Stopping: a.stopping,
	})
}

// codec lends the edXML adapter to the REST adapter, which must not know it.
func codec() httpapi.Codec {
	c := edxml.New(edxml.Options{})
	return httpapi.Codec{
		Decode: func(ctx context.Context, r io.Reader, store httpapi.Blobs) (hub.Package, error) {
			return c.Decode(ctx, r, store)
		},
		Encode: func(ctx context.Context, w io.Writer, item hub.SentItem, open func(hub.Part) (hub.Blob, error)) error {
			return c.EncodeDispatch(ctx, w, item.Dispatch, item.Deliveries,
				func(_ context.Context, part hub.Part) (hub.Blob, error) { return open(part) })
		},
	}
}
