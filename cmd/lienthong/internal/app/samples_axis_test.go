package app_test

import (
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub/hubtest/server"
)

// heldExample is the id of a package in the examples of the API description.
const heldExample = "ef7f6711-b278-492e-a77a-23537e1ddc06"

// joining runs the examples about another axis against a hub that is a member of one,
// where a package waits that nobody can read.
func (s *samples) joining() {
	axis := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data := "[]"
		switch operation := path.Base(r.URL.Path); {
		case operation == "getReceivedEdocList" && r.Header.Get("XroadVnpt-messagetype") == "edoc":
			data = `[{"docId":"` + heldExample + `"}]`
		case operation == "getEdoc":
			data = `"` + base64.StdEncoding.EncodeToString([]byte("this is no package")) + `"`
		}
		_, _ = io.WriteString(w, `{"status":"OK","ErrorCode":"0","ErrorDesc":"","data":`+data+`}`)
	}))
	s.Cleanup(axis.Close)
	config := configIn(s.TempDir())
	config.Axis, config.AxisSystem, config.AxisSecretFile = axis.URL+"/vxp", "H47", filepath.Join(s.TempDir(), "secret")
	config.AxisPoll, config.AxisPatience = time.Second, time.Minute
	if err := os.WriteFile(config.AxisSecretFile, []byte("secret of a test"), 0o600); err != nil {
		s.Fatal(err)
	}
	member := start(s.T, config)
	s.vars["AXIS"] = axis.URL + "/other" // the member of the first is this hub
	s.vars["HUB"], s.keys["operator"] = member.URL(), member.operatorKey(s.T)
	s.heldForUs()
	for _, id := range []string{"axisStatus", "axisAgencies", "heldPackage", "retryHeldPackage"} {
		s.run(id)
	}
	s.heldForUs()
	s.run("giveUpHeldPackage")
	if _, err := member.client(s.T, s.keys["operator"]).ImportAgencies(s.Context(), strings.NewReader(agencies), false); err != nil {
		s.Fatal(err)
	}
	for _, id := range []string{"switchPassageOn", "listPassages", "switchPassageOff"} {
		s.run(id)
	}
}

// heldForUs waits until the package waits for the operator.
func (s *samples) heldForUs() {
	s.Helper()
	deadline := time.Now().Add(server.Patience)
	for list := ""; !strings.Contains(list, heldExample) || !strings.Contains(list, `"waits_for_operator":true`); list = string(s.run("listHeldPackages")) {
		if time.Now().After(deadline) {
			s.Fatalf("the package that nobody can read does not wait for the operator: %s", list)
		}
	}
}
