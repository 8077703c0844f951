package app_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/hub"
)

// TestAgenciesBehindAPassage: who is in the register of an axis is added to the directory
// as reached over it, but rows that the directory does not take; the act is in the log
// before it is done, and the secret nowhere that it is shown.
func TestAgenciesBehindAPassage(t *testing.T) {
	t.Parallel()
	const secret = "present secret of the system"
	axis := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data := "[]"
		if path.Base(r.URL.Path) == "getAgenciesList" {
			data = `[{"id":"1","code":"000.00.00.H60","name":"Tỉnh xa (hư cấu)"},{"id":"2","code":"no code at all!","name":"Sai mã"},
				{"id":"3","code":"000.00.00.H61","name":""},{"id":"4","code":"000.00.12.H47","name":"Đã có"},{"id":"5","code":"000.00.00.H62","name":"Hai\ndòng"}]`
		}
		_, _ = io.WriteString(w, `{"status":"OK","ErrorCode":"0","ErrorDesc":"","data":`+data+`}`)
	}))
	t.Cleanup(axis.Close)
	config := configIn(t.TempDir())
	config.AxisPoll = time.Minute
	h := start(t, config)
	operator := h.client(t, h.operatorKey(t))
	if _, err := operator.ImportAgencies(t.Context(), strings.NewReader(agencies), false); err != nil {
		t.Fatal(err)
	}
	wish := hubclient.PassageWish{Endpoint: axis.URL + "/vxp", Agencies: []string{recipient}, Secret: secret}
	st, err := operator.PassThrough(t.Context(), "qlvb", wish)
	if err != nil || st.State != hub.PassageOn || st.Secret == secret {
		t.Fatal(st, err)
	}
	var list strings.Builder
	if err := operator.ExportAgencies(t.Context(), &list, time.Time{}); err != nil {
		t.Fatal(err)
	}
	for code, want := range map[string]bool{"000.00.00.H60": true, "000.00.00.H61": false, "000.00.00.H62": true, "no code": false} {
		if got := strings.Contains(list.String(), code); got != want {
			t.Errorf("the directory has %s: %v\n%s", code, got, &list)
		}
	}
	if n := strings.Count(list.String(), ",axis\n"); n != 2 {
		t.Errorf("%d agencies are reached over the axis\n%s", n, &list)
	}
	for field, bad := range map[string]hubclient.PassageWish{
		"endpoint":    {Endpoint: "axis", Agencies: wish.Agencies, Secret: secret},
		"agencies":    {Endpoint: wish.Endpoint, Secret: secret},
		"agencies[0]": {Endpoint: wish.Endpoint, Agencies: []string{"000.99.99.H99"}, Secret: secret},
		"secret":      {Endpoint: wish.Endpoint, Agencies: wish.Agencies, Secret: "short"},
	} {
		if _, err := operator.PassThrough(t.Context(), "qlvb", bad); err == nil || hub.ViolationsOf(err)[0].Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	if all, err := operator.Passages(t.Context()); err != nil || len(all) != 1 {
		t.Errorf("%+v pass through, %v", all, err)
	}
}
