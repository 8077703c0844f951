package httpapi

import (
	"context"
	"io"
	"net/http"

	"github.com/lienthong/lienthong/hub"
)

// Bundles makes evidence bundles for those who may see the evidence.
type Bundles interface {
	// Write wrote nothing when it fails for who asks or for what was asked.
	Write(ctx context.Context, actor hub.Actor, order hub.BundleOrder, w io.Writer) error
}

const mediaBundle = "application/vnd.etsi.asic-e+zip"

func bundleRoutes() []route {
	return []route{{
		method: http.MethodGet, pattern: "/v1/dispatches/{dispatch}/bundle", scopes: []hub.Scope{hub.ScopeRead, hub.ScopeAudit},
		handle: (*api).bundle,
	}}
}

// bundle answers with an evidence bundle, as a stream: a bundle with its document may be
// as large as that.
func (a *api) bundle(x *exchange) error {
	if a.Bundles == nil {
		return a.noRoute(x)
	}
	q := x.query()
	order := hub.BundleOrder{Dispatch: x.dispatch(), Delivery: hub.DeliveryID(q.text("delivery")), Content: q.flag("content"), XML: q.flag("xml")}
	if err := q.done(); err != nil {
		return err
	}
	out := &lateHeaders{w: x.w, set: func(h http.Header) {
		h.Set("Content-Type", mediaBundle)
		h.Set("Content-Disposition", attachment(string(order.Dispatch)+".asice"))
	}}
	return a.Bundles.Write(x.r.Context(), x.actor, order, out)
}

// lateHeaders sets headers when the first bytes are there: an error before has others.
type lateHeaders struct {
	w     http.ResponseWriter
	set   func(http.Header)
	begun bool
}

// Write implements io.Writer.
func (l *lateHeaders) Write(p []byte) (int, error) {
	if !l.begun {
		l.begun = true
		l.set(l.w.Header())
	}
	return l.w.Write(p)
}
