package app_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/lienthong/lienthong/adapters/edxml"
	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/adapters/lgsp"
	"github.com/lienthong/lienthong/hub"
)

const (
	provinceUnit     = "001.00.10.H47"
	provinceOffice   = "000.00.00.G22"
	provinceAgencies = `id,code,name,level,kind,parent_code,valid_from,valid_to,registers,email,telephone,aliases,successors
h47,000.00.00.H47,UBND tỉnh Quảng Nam,province,,,,,true,,,,
snv,001.00.10.H47,Sở Nội vụ (hư cấu),department,,000.00.00.H47,,,true,,,,
g22,000.00.00.G22,Văn phòng Chính phủ,central,,,,,true,vp@example.vn,,,
h41,000.00.00.H41,UBND tỉnh Nghệ An,province,,,,,true,,,,
`
)

// provinceWorld is a hub with two applications of the provincial API: "app" speaks for a
// unit of the province and for G22, "stranger" for H41.
type provinceWorld struct {
	*testHub
	issued map[string]hubclient.IssuedKey
}

func startProvince(t *testing.T, profile string) *provinceWorld {
	t.Helper()
	config := configIn(t.TempDir())
	config.VXPPath, config.LGSPPath = "/vxp", "/"
	if profile != "" {
		config.LGSPProfile = filepath.Join(t.TempDir(), "profile.json")
		if err := os.WriteFile(config.LGSPProfile, []byte(profile), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w := &provinceWorld{testHub: start(t, config), issued: map[string]hubclient.IssuedKey{}}
	operator := w.client(t, w.operatorKey(t))
	if _, err := operator.ImportAgencies(t.Context(), strings.NewReader(provinceAgencies), false); err != nil {
		t.Fatal(err)
	}
	for client, agencies := range map[string][]string{"app": {"snv", "g22"}, "stranger": {"h41"}} {
		w.admit(t, client, agencies...)
	}
	return w
}

func (w *provinceWorld) admit(t *testing.T, client string, agencies ...string) {
	t.Helper()
	issued, err := w.client(t, w.operatorKey(t)).IssueKey(t.Context(), hubclient.NewKey{
		Name: client, Client: client, Kind: hub.ActorSystem, Agencies: agencies, Scopes: []hub.Scope{hub.ScopeSubmit, hub.ScopeCollect, hub.ScopeRead},
	})
	if err != nil {
		t.Fatal(err)
	}
	w.issued[client] = issued
}

func (w *provinceWorld) unitSecret(client string, agency hub.AgencyID) string {
	key := hub.APIKey{Hash: sha256.Sum256([]byte(w.issued[client].Secret))}
	return key.UnitSecret(agency)
}

func (w *provinceWorld) application(client string, agency hub.AgencyID) *lgsp.Client {
	return &lgsp.Client{
		HTTP: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, URL: w.URL(), Now: time.Now,
		ID: client, Secret: w.issued[client].Secret, UnitSecret: w.unitSecret(client, agency),
	}
}

// provincePackage is a document of a unit.
func provincePackage(t *testing.T, from, id, number string, to ...string) []byte {
	t.Helper()
	return encoded(t, hub.Submission{
		Sender: from, Recipients: to, ExternalID: id, Operation: hub.OperationNew,
		Document: hub.Document{CodeNumber: number, CodeNotation: "SNV", TypeName: "Công văn", Subject: "Văn bản thử", Promulgated: "2019-04-28"},
		Parts:    []hub.Part{{ID: "p1", Role: hub.RoleOriginal, Name: "van-ban.pdf", MediaType: "application/pdf"}},
	})
}

// exchanges are the variables of the recorded exchanges; answers add more.
func (w *provinceWorld) exchanges(t *testing.T) map[string]string {
	t.Helper()
	file := provincePackage(t, provinceUnit, "001.00.10.H47,2019/04/28,1/SNV", "1", provinceOffice)
	var status bytes.Buffer
	if err := edxml.New(edxml.Options{}).EncodeStatus(&status, hub.StatusMessage{
		From: provinceOffice, Code: hub.StatusAccepted, Description: "Đã tiếp nhận", StatedAt: time.Date(2019, 4, 29, 1, 0, 0, 0, time.UTC),
		For: hub.Reference{Agency: provinceUnit, Number: "1/SNV", ExternalID: "001.00.10.H47,2019/04/28,1/SNV", Promulgated: "2019-04-28"},
	}); err != nil {
		t.Fatal(err)
	}
	hidden, err := w.application("stranger", "h41").Send(t.Context(), "edoc", provincePackage(t, "000.00.00.H41", "H41-1", "9", "000.00.00.H47"))
	if err != nil {
		t.Fatal(err)
	}
	base64Of := base64.StdEncoding.EncodeToString
	return map[string]string{
		"BASIC": base64Of([]byte("app:" + w.issued["app"].Secret)), "UNIT": w.unitSecret("app", "snv"), "OTHER": w.unitSecret("app", "g22"),
		"STRANGER": w.unitSecret("stranger", "h41"), "XML": string(file), "FILE": base64Of(file), "HALF": base64Of(file[:len(file)/2]),
		"STATUS": base64Of(status.Bytes()), "HIDDEN": hidden, "LARGE": strings.Repeat("x", 70<<10),
	}
}

var variable = regexp.MustCompile(`\{\{([A-Z]+)(?:\|([a-z]+))?\}\}`)

func filled(t *testing.T, text string, vars map[string]string) string {
	t.Helper()
	return variable.ReplaceAllStringFunc(text, func(v string) string {
		m := variable.FindStringSubmatch(v)
		value, ok := vars[m[1]]
		if !ok {
			t.Fatalf("there is no %s", v)
		}
		switch m[2] {
		case "query":
			return url.QueryEscape(value)
		case "quoted":
			return regexp.QuoteMeta(value)
		case "gson": // which escapes for HTML
			return strconv.Quote(value)[:1] + strings.ReplaceAll(value, "=", `\u003d`) + `"`
		}
		return value
	})
}

// TestProvinceExchanges replays requests byte for byte, and wants every line of the answer
// that is recorded behind each: the HTTP status, then patterns of the body, those with a
// "!" to be absent. Groups with a name give variables to what follows.
func TestProvinceExchanges(t *testing.T) {
	t.Parallel()
	w := startProvince(t, "")
	vars := w.exchanges(t)
	vars["EXPIRED"] = w.expiredToken(t)
	names, err := filepath.Glob("testdata/lgsp/*.txtar")
	if err != nil || len(names) < 50 {
		t.Fatal(len(names), err)
	}
	for _, name := range names {
		w.exchange(t, name, vars)
	}
}

func (w *provinceWorld) exchange(t *testing.T, name string, vars map[string]string) {
	t.Helper()
	archive, err := txtar.ParseFile(name)
	if err != nil || len(archive.Files) != 2 {
		t.Fatal(name, err)
	}
	head, body, _ := strings.Cut(strings.TrimSuffix(string(archive.Files[0].Data), "\n"), "\n\n")
	body = filled(t, body, vars)
	request := strings.ReplaceAll(filled(t, head, vars), "\n", "\r\n") + "\r\nHost: hub.example\r\nConnection: close\r\n"
	if body != "" {
		request += fmt.Sprintf("Content-Length: %d\r\n", len(body))
	}
	status, answer := w.rawCall(t, request+"\r\n"+body)
	lines := strings.Split(strings.TrimSuffix(string(archive.Files[1].Data), "\n"), "\n")
	if fmt.Sprint(status) != lines[0] {
		t.Errorf("%s: HTTP %d: %s", name, status, answer)
	}
	for _, line := range lines[1:] {
		pattern, absent := strings.CutPrefix(line, "!")
		re := regexp.MustCompile(filled(t, pattern, vars))
		found := re.FindStringSubmatch(answer)
		if (found == nil) != absent {
			t.Errorf("%s: %s is not as recorded in %.2000s", name, line, answer)
			continue
		}
		for i, group := range re.SubexpNames() {
			if group != "" && found != nil {
				vars[group] = found[i]
			}
		}
	}
}

func (w *provinceWorld) rawCall(t *testing.T, request string) (status int, body string) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.URL(), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// expiredToken is one that the hub gave for no time at all.
func (w *provinceWorld) expiredToken(t *testing.T) string {
	t.Helper()
	token, err := w.GrantFor(context.Background(), "app", w.issued["app"].Secret, -time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// TestProvinceBrokenOff: a body that breaks off leaves nothing behind, and the same file
// sent whole is the first one of its id.
func TestProvinceBrokenOff(t *testing.T) {
	t.Parallel()
	w := startProvince(t, "")
	app := w.application("app", "snv")
	token, err := app.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	file := provincePackage(t, provinceUnit, "SNV-1", "1", provinceOffice)
	body := url.Values{"data": {base64.StdEncoding.EncodeToString(file)}}.Encode()
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.URL(), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST /truclienthong/v1.0.0/vanbans HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer %s\r\nsecretDonVi: %s\r\n"+
		"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s", token, app.UnitSecret, len(body), body[:len(body)-100])
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if answer, err := io.ReadAll(conn); err != nil || bytes.Contains(answer, []byte(`"status":"OK"`)) {
		t.Errorf("half a body is answered %s, %v", answer, err)
	}
	office := w.application("app", "g22")
	if rows, err := office.Received(t.Context()); err != nil || len(rows) != 0 {
		t.Errorf("half a body leaves %v, %v", rows, err)
	}
	first, err := app.Send(t.Context(), "edoc", file)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := app.Send(t.Context(), "edoc", file); err != nil || again != first {
		t.Errorf("sent again: %q, %v; want %q", again, err, first)
	}
	other, err := app.Send(t.Context(), "edoc", provincePackage(t, provinceUnit, "SNV-1", "2", provinceOffice))
	if err != nil || other == first {
		t.Errorf("another file under the same id: %q, %v", other, err)
	}
}

// TestProvinceProfile: another province puts everything elsewhere.
func TestProvinceProfile(t *testing.T) {
	t.Parallel()
	w := startProvince(t, `{"token_path":"/oauth2/token","api_path":"/lienthong/v2","unit_secret":["Don-Vi"],"file":["goi"],"status":["trangThai"],
		"own_units":"tinh","errors":"http","content":"xml","times":"iso","token_seconds":60}`)
	unit, other := w.unitSecret("app", "snv"), w.unitSecret("app", "g22")
	file := provincePackage(t, provinceUnit, "SNV-1", "1", provinceOffice)
	var token string
	call := func(method, path, secret string, form url.Values) (int, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, w.URL()+path, strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Don-Vi", secret)
		if token == "" {
			r.SetBasicAuth("app", w.issued["app"].Secret)
		}
		response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, string(text)
	}
	_, answer := call(http.MethodPost, "/oauth2/token", "", url.Values{"grant_type": {"client_credentials"}})
	found := regexp.MustCompile(`"access_token":"([^"]+)".*"expires_in":(60|5[0-9])\}`).FindStringSubmatch(answer)
	if found == nil {
		t.Fatal(answer)
	}
	token = found[1]
	const api = "/lienthong/v2/"
	for _, c := range []struct {
		method, path, secret string
		form                 url.Values
		status               int
		want                 string
	}{
		{http.MethodPost, api + "vanbans", unit, url.Values{"goi": {string(file)}}, 200, `"docId":"`},
		{http.MethodGet, api + "vanbans", other, nil, 200, `"createdTime":"[^"]+\+07:00"`},
		{http.MethodGet, api + "donvilienthongs/tinh", unit, nil, 200, `001.00.10.H47`},
		{http.MethodPost, api + "vanbans", unit, url.Values{"data": {"x"}}, 422, `"errorCode":"422"`},
		{http.MethodGet, api + "vanbans/019b0000-0000-7000-8000-00000000ffff", unit, nil, 404, `"errorCode":"404"`},
		{http.MethodGet, "/truclienthong/v1.0.0/vanbans", unit, nil, 404, ``},
	} {
		if status, answer := call(c.method, c.path, c.secret, c.form); status != c.status || !regexp.MustCompile(c.want).MatchString(answer) {
			t.Errorf("%s %s: HTTP %d: %s", c.method, c.path, status, answer)
		}
	}
	_, answer = call(http.MethodGet, api+"vanbans", other, nil)
	id := regexp.MustCompile(`"docId":"([^"]+)"`).FindStringSubmatch(answer)
	if id == nil {
		t.Fatal(answer)
	}
	_, answer = call(http.MethodGet, api+"vanbans/"+id[1], other, nil)
	var fetched struct{ Data string }
	if err := json.Unmarshal([]byte(answer), &fetched); err != nil || fetched.Data != string(file) {
		t.Errorf("the file as text: %v: %s", err, answer)
	}
	if status, answer := call(http.MethodPut, api+"vanbans/"+id[1], other, url.Values{"trangThai": {"DONE"}}); status != 200 {
		t.Errorf("done: %s", answer)
	}
}

// TestProvinceChangesSecrets: tokens of both secrets work side by side, and none when the
// application was shut out.
func TestProvinceChangesSecrets(t *testing.T) {
	t.Parallel()
	w := startProvince(t, "")
	first := w.application("app", "snv")
	if _, err := first.Received(t.Context()); err != nil {
		t.Fatal(err)
	}
	old := w.issued["app"].Key.ID
	w.admit(t, "app", "snv", "g22")
	second := w.application("app", "snv")
	for name, c := range map[string]*lgsp.Client{"the first": first, "the second": second} {
		if _, err := c.Received(t.Context()); err != nil {
			t.Errorf("with %s secret: %v", name, err)
		}
	}
	operator := w.client(t, w.operatorKey(t))
	if err := operator.RevokeKey(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	r, err := first.Call(t.Context(), http.MethodGet, "/vanbans", nil)
	if err != nil || r.HTTP != http.StatusUnauthorized {
		t.Errorf("a token of the revoked secret: %+v, %v", r, err)
	}
	if _, err := second.Received(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := w.client(t, w.issued["app"].Secret).Me(t.Context()); err == nil {
		t.Error("the secret of an application opens the REST API")
	}
}
