package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/hubproc"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/partner"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest/server"
)

// TestPartner: the counterpart of integrators finds a hub in order on every channel, with
// credentials that it fetched with one code, and finds what is wrong where something is.
func TestPartner(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("a broker takes long to start")
	}
	broker := server.RabbitMQ(t)
	address, passwordFile := server.Split(t, broker.VHost(t))
	user, _ := broker.Login()
	bin := build(t)
	profile := filepath.Join(t.TempDir(), "profile.json") // the shortest life of a token, whose end a test awaits
	if err := os.WriteFile(profile, []byte(`{"token_seconds": 60}`), 0o600); err != nil {
		t.Fatal(err)
	}
	h, err := hubproc.Start(t.Context(), hubproc.Options{
		Bin: bin, DataDir: t.TempDir(), Env: []string{
			"LIENTHONG_LGSP_PROFILE=" + profile, "LIENTHONG_BROKER=" + address, "LIENTHONG_BROKER_PASSWORD_FILE=" + passwordFile, "LIENTHONG_BROKER_MANAGEMENT=" + broker.ManagementURL(),
			"LIENTHONG_BROKER_MANAGEMENT_USER=" + user, "LIENTHONG_BROKER_MANAGEMENT_PASSWORD_FILE=" + passwordFile,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Kill)
	awaitBroker(t, h.URL)
	secrets := enrolTestUnit(t, bin, h)
	common := []string{"--agency", "H47.W00", "--url", h.URL}
	folder := t.TempDir()
	if err := writeDocuments(folder); err != nil {
		t.Fatal(err)
	}
	g := openGuide(t, bin, "partner.md")
	for channel, names := range map[string][]string{
		"rest": {"https://HUB", h.URL, "secrets/", secrets + "/"},
		"vxp":  {"https://HUB", h.URL, "secrets/", secrets + "/", "--system 777.77.04.D77", ""},
		"lgsp": {"https://HUB", h.URL, "secrets/", secrets + "/"},
		"amqp": {"amqps://BROKER/VHOST", "amqp://" + address[strings.Index(address, "@")+1:], "secrets/", secrets + "/"},
	} {
		args := strings.Fields(g.any("lienthong partner "+channel+" ", names...))[1:]
		args = append([]string{"--json"}, append(args, "--file", filepath.Join(folder, "signed.pdf"))...)
		if channel == "lgsp" {
			args = append(args, "--await-end")
		}
		results, code, said := runPartner(t, bin, args)
		if code != 0 || len(results) < 15 {
			t.Errorf("%s: exit code %d\n%s", channel, code, said)
		}
		for _, r := range results {
			if !r.Passed {
				t.Errorf("%s %s: want %s, got %s", r.Number, r.Title, r.Want, r.Got)
			}
		}
	}
	for _, tested := range []string{"drop", "webhook", "mail", "axis"} { // TestPartnerElsewhere
		g.any("lienthong partner " + tested)
	}
	testConnected(t, bin, h.URL, filepath.Join(secrets, "rest.secret"))
	wrong := filepath.Join(t.TempDir(), "wrong")
	if err := os.WriteFile(wrong, []byte("lt_wrong"), 0o600); err != nil {
		t.Fatal(err)
	}
	results, code, said := runPartner(t, bin, append([]string{"--json", "partner", "rest", "--key-file", wrong}, common...))
	if code != 1 || !partner.Failed(results) {
		t.Errorf("a wrong key: exit code %d\n%s", code, said)
	}
	if _, code, said := runPartner(t, bin, []string{"--json", "partner", "rest", "--key-file", wrong, "--url", h.URL, "--agency", "H47"}); code != 4 || !strings.Contains(said, "test_unit") {
		t.Errorf("a working agency: exit code %d\n%s", code, said)
	}
}

// testConnected tests the connection of the test unit with its own key: all ways but the
// queue, which nobody reads any more, pass from end to end.
func testConnected(t *testing.T, bin, url, keyFile string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), bin, "--json", "agency", "test", "--url", url, "--key-file", keyFile)
	out, err := cmd.Output()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("the test ends with %v", err)
	}
	var test hub.ConnectionTest
	if err := json.Unmarshal(out, &test); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var ways []string
	for _, way := range test.Ways {
		last := way.Hops[len(way.Hops)-1]
		ways = append(ways, fmt.Sprint(way.Way, " ", last.Hop, " ", last.Passed))
		if way.Passed != last.Passed {
			t.Errorf("%+v", way)
		}
	}
	if got, want := strings.Join(ways, ", "), "client answer true, hub box true, lgsp answer true, rest answer true, vxp answer true, amqp consumer false"; got != want {
		t.Errorf("got %s, want %s\n%s", got, want, out)
	}
}

// enrolTestUnit imports a test unit and fetches its credentials with one code.
func enrolTestUnit(t *testing.T, bin string, h *hubproc.Process) (secrets string) {
	t.Helper()
	key, err := h.OperatorKey()
	if err != nil {
		t.Fatal(err)
	}
	operator, err := hubclient.New(hubclient.Options{URL: h.URL, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(operator.CloseIdle)
	list := "id,code,name,level,kind,parent_code,valid_from,valid_to,registers,email,telephone,aliases,successors,channel\n" +
		"h47,H47,UBND tỉnh Quảng Nam,province,,,,,true,,,,,\ntest,H47.W00,Đơn vị thử (hư cấu),department,,H47,,,true,,,,,amqp\n"
	if _, err := operator.ImportAgencies(t.Context(), strings.NewReader(list), false); err != nil {
		t.Fatal(err)
	}
	given, err := operator.CreateEnrolment(t.Context(), hubclient.NewEnrolment{Agency: "H47.W00", Channels: hub.EnrolmentChannels(), Contact: "Mẫu"})
	if err != nil {
		t.Fatal(err)
	}
	secrets = t.TempDir()
	if out, err := exec.CommandContext(t.Context(), bin, "enrol", h.URL, given.Code, "--dir", secrets).CombinedOutput(); err != nil {
		t.Fatalf("enrol: %v\n%s", err, out)
	}
	return secrets
}

func runPartner(t *testing.T, bin string, args []string) (results []partner.Result, code int, said string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), bin, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	if out.Len() > 0 {
		if err := json.Unmarshal(out.Bytes(), &results); err != nil {
			t.Fatalf("%v: %s", err, out.String())
		}
	}
	return results, code, out.String() + errs.String()
}

// TestPartnerTestsAreDocumented: the page names every test with the answer that it wants.
func TestPartnerTestsAreDocumented(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("deploy/partner.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range partner.Tests() {
		if row := "| " + test.Number + " | " + test.Title + " | " + test.Want + " |"; !strings.Contains(string(page), row) {
			t.Errorf("the page lacks the row %s", row)
		}
	}
}

// TestPartnerElsewhere: so do the counterparts that know folders, are called, are told by
// mail, and play an axis of which the hub is a member.
func TestPartnerElsewhere(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("the counterparts wait until nothing comes")
	}
	cert, certKey := certificate(t)
	room, axis, hook := openMailroom(t, nil), freeAddress(t), freeAddress(t)
	g := openGuide(t, build(t), "partner.md")
	for _, tested := range []string{"rest", "vxp", "lgsp", "amqp"} { // TestPartner
		g.next("lienthong partner " + tested)
	}
	secret := g.file("axis.secret", "secret of a test")
	w := newTown(t, append(room.flags, "--webhook-network", "127.0.0.0/8", "--webhook-ca", cert, "--retry-first", "1s",
		"--axis", "http://"+axis+"/vxp", "--axis-system", "000.00.00.H47", "--axis-secret-file", secret, "--axis-poll", "1s", "--axis-patience", "5s", "--mail-gather", "1s")...)
	w.populate("id,code,name,level,kind,parent_code,valid_from,valid_to,registers,email,telephone,aliases,successors,channel\n" +
		"h47,H47,UBND tỉnh Quảng Nam,province,,,,,true,,,,,\ntest,H47.W00,Đơn vị thử (hư cấu),department,,H47,,,true,,,,,\naway,H60.W00,Đơn vị thử khác (hư cấu),department,,,,,true,,,,,axis\n")
	key := g.file("rest.secret", w.key("H47.W00"))
	names := []string{"https://HUB", w.hub.URL, "secrets/rest.secret", key}
	folder := filepath.Join(g.folder, "folder")
	stop := g.background("lienthong drop serve --url " + w.hub.URL + " --key-file " + key + " --folder " + folder + " --every 100ms")
	w.await("the folder", func() bool { _, err := os.Stat(folder); return err == nil })
	for _, c := range []struct {
		begins string
		tests  int
		names  []string
	}{
		{"lienthong partner drop", 19, []string{"FOLDER", folder}},
		{"lienthong partner webhook", 13, append(names, "https://THIS-MACHINE:8443", "https://"+hook, "0.0.0.0:8443", hook, "cert.pem", cert, "key.pem", certKey)},
		{"lienthong partner mail", 9, names},
		{"lienthong partner axis", 15, append(names, "--secret-file axis.secret", "--secret-file "+secret, "0.0.0.0:8500", axis)},
	} {
		command := strings.ReplaceAll(g.next(c.begins, c.names...), "\\\n", " ")
		results, code, said := runPartner(t, w.bin, append(strings.Fields(command)[1:], "--json", "--file", filepath.Join(w.folder, "signed.pdf")))
		if code != 0 || len(results) != c.tests {
			t.Errorf("%s: exit code %d, %d tests\n%s", c.begins, code, len(results), said)
		}
		for _, r := range results {
			if !r.Passed {
				t.Errorf("%s %s: want %s, got %s", r.Number, r.Title, r.Want, r.Got)
			}
		}
		stop() // else it collects what the next ones send
	}
}
