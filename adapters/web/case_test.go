package web

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/lienthong/lienthong/hub"
)

// oneDispatch is the only document there is, with one delivery.
type oneDispatch struct{ Documents }

func (oneDispatch) Dispatch(context.Context, hub.Actor, hub.DispatchID) (hub.SentItem, error) {
	return hub.SentItem{Dispatch: hub.Dispatch{ID: "d1"}, Deliveries: []hub.Delivery{{ID: "v1"}}}, nil
}

type anyBundle struct{}

func (anyBundle) Write(_ context.Context, _ hub.Actor, _ hub.BundleOrder, w io.Writer) error {
	_, err := io.WriteString(w, "bundle")
	return err
}

// onWrite does something when the answer is written.
type onWrite struct {
	http.ResponseWriter
	do func()
}

func (w onWrite) Write(b []byte) (int, error) {
	w.do()
	return w.ResponseWriter.Write(b)
}

// TestSlowReaderOfACase: a browser that reads slowly what was made for it keeps nobody from
// having something verified.
func TestSlowReaderOfACase(t *testing.T) {
	x, _ := reading(t, nil, "")
	x.Documents, x.Bundles, x.verifying = oneDispatch{}, anyBundle{}, make(chan struct{}, verifiedAtOnce)
	x.r.PostForm = url.Values{"case": {"d1"}}
	written := 0
	x.w = onWrite{httptest.NewRecorder(), func() {
		if written++; len(x.verifying) > 0 {
			t.Error("a place is taken while the browser reads")
		}
	}}
	if err := x.caseFile(); err != nil || written == 0 {
		t.Errorf("%d pieces, %v", written, err)
	}
}
