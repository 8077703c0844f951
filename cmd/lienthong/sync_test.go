package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/lienthong/lienthong/hub/hubtest/server"
)

// TestSyncBesideAnOperator: what somebody changes in the moment in which the register of an axis
// is taken over stays, and whoever takes it over is told; once more, it is taken over.
func TestSyncBesideAnOperator(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	axis := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(rw, `{"status":"OK","ErrorCode":"0","ErrorDesc":"","data":[{"id":"1","pid":"","code":"H47.12","name":"Sở Nội vụ của trục","mail":""}]}`)
	}))
	t.Cleanup(axis.Close)
	target, err := url.Parse(w.hub.URL)
	if err != nil {
		t.Fatal(err)
	}
	operator := w.client(w.operatorKey())
	var once sync.Once
	hub := httputil.NewSingleHostReverseProxy(target)
	between := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/agencies/import") {
			once.Do(func() {
				if _, err := operator.ImportAgencies(r.Context(), strings.NewReader(people), false); err != nil {
					t.Error(err)
				}
			})
		}
		hub.ServeHTTP(rw, r)
	}))
	t.Cleanup(between.Close)
	g := &guide{T: t, folder: t.TempDir(), env: []string{"LIENTHONG_URL=" + between.URL, "LIENTHONG_KEY=" + w.operatorKey()}}
	g.file("secret", "secret")
	sync := fmt.Sprintf("timeout %d %s agency sync --axis %s/vxp --axis-system H49 --axis-secret-file secret --state state", int(server.Patience.Seconds()), w.bin, axis.URL)
	out, err := g.shell(sync, nil).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "since [changed]") {
		t.Errorf("beside an operator: %v %s", err, out)
	}
	name := func() string { return g.run(w.bin + " agency show H47.12") }
	if !strings.Contains(name(), "Sở Nội vụ (hư cấu)") {
		t.Errorf("after it: %s", name())
	}
	g.run(sync)
	if !strings.Contains(name(), "Sở Nội vụ của trục") {
		t.Errorf("the second time: %s", name())
	}
}
