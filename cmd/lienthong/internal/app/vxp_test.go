package app_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/adapters/edxml"
	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/adapters/vxp"
	"github.com/lienthong/lienthong/hub"
)

// The world of the recorded requests: the system that sent them speaks for D77 and H41,
// another one for G22, which sent both a document, and a third one has no part in it.
const (
	axisSystem   = "777.77.04.D77"
	axisSecret   = "topsecret" // that of the recording
	axisOffice   = "000.00.00.G22"
	axisStranger = "stranger"
	axisDelivery = "ef7f6711-b278-492e-a77a-23537e1ddc06"
	axisAgencies = `id,code,name,level,kind,parent_code,valid_from,valid_to,registers,email,telephone,aliases,successors
d77,777.77.04.D77,Đơn vị thử,province,,,,,true,dv@example.vn,,,
h41,000.00.00.H41,UBND tỉnh Nghệ An,province,,,,,true,,,,
g22,000.00.00.G22,Văn phòng Chính phủ,central,,,,,true,vp@example.vn,,,
h47,000.00.00.H47,UBND tỉnh Quảng Nam,province,,,,,true,,,,
`
	axisDocument = "000.00.00.G22,2015/09/30,7816/VPCP-TTĐT"
)

// axisWorld is a hub with systems of the axis and one document on its way.
type axisWorld struct {
	*testHub
	file []byte // of the document
}

func startAxis(t *testing.T, path string) *axisWorld {
	t.Helper()
	config := configIn(t.TempDir())
	config.VXPPath = path
	w := &axisWorld{testHub: start(t, config)}
	if _, err := w.client(t, w.operatorKey(t)).ImportAgencies(t.Context(), strings.NewReader(axisAgencies), false); err != nil {
		t.Fatal(err)
	}
	for system, agencies := range map[string][]hub.AgencyID{axisSystem: {"d77", "h41"}, axisOffice: {"g22"}, axisStranger: {"h47"}} {
		if err := w.Admit(t.Context(), system, axisSecret, agencies...); err != nil {
			t.Fatal(err)
		}
	}
	w.file = axisPackage(t, axisDocument, "7816", axisSystem, "000.00.00.H41")
	_, err := w.SubmitAs(t.Context(), bytes.NewReader(w.file), "g22",
		"019b0000-0000-7000-8000-000000000001", axisDelivery, "019b0000-0000-7000-8000-000000000002")
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// axisPackage is a document of G22.
func axisPackage(t *testing.T, id, number string, to ...string) []byte {
	t.Helper()
	sub := axisRecall(id, number, to...)
	sub.Operation = hub.OperationNew
	sub.Parts = []hub.Part{{ID: "p1", Role: hub.RoleOriginal, Name: "van-ban.pdf", MediaType: "application/pdf"}}
	return encoded(t, sub)
}

// axisRecall takes a document of G22 back, in the form that its samples have: without a
// file, and with id and number of the document itself in the header.
func axisRecall(id, number string, to ...string) hub.Submission {
	return hub.Submission{
		Sender: axisOffice, Recipients: to, ExternalID: id, Operation: hub.OperationRecall,
		Document: hub.Document{
			CodeNumber: number, CodeNotation: "VPCP-TTĐT", TypeName: "Công văn", Subject: "Văn bản thử", Promulgated: "2018-09-28",
		},
	}
}

func encoded(t *testing.T, sub hub.Submission) []byte {
	t.Helper()
	var out bytes.Buffer
	err := edxml.New(edxml.Options{}).EncodeSubmission(t.Context(), &out, sub, nil,
		func(context.Context, hub.Part) (hub.Blob, error) {
			return hub.BlobOf([]byte("%PDF-1.7\n")), nil
		})
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// edited is a file with every old text replaced by the new one; it must be there.
func edited(t *testing.T, file []byte, was, is string) []byte {
	t.Helper()
	if !bytes.Contains(file, []byte(was)) {
		t.Fatalf("there is no %q in %s", was, file)
	}
	return bytes.ReplaceAll(file, []byte(was), []byte(is))
}

// axisStatus is a status message of D77 about what it received.
func axisStatus(t *testing.T, code hub.StatusCode) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := edxml.New(edxml.Options{}).EncodeStatus(&out, hub.StatusMessage{
		From: axisSystem, Code: code, StatedAt: time.Now(),
		For: hub.Reference{Agency: axisOffice, Number: "7816/VPCP-TTĐT", ExternalID: axisDocument, Promulgated: "2018-09-28"},
	}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func (w *axisWorld) system(id string) *vxp.Client {
	return &vxp.Client{HTTP: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, Endpoint: w.URL() + w.config.VXPPath, System: id, Secret: axisSecret, Now: time.Now}
}

func with(name, value string) vxp.Param { return vxp.Param{Name: name, Value: value} }

// reply is an answer as it came.
type reply struct {
	raw string
	vxp.Answer
}

// replay sends a request byte by byte as it was recorded, and waits for leave to send the
// body where it asks for it.
func (w *axisWorld) replay(t *testing.T, request []byte) reply {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.URL(), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	head, body, ok := bytes.Cut(request, []byte("\r\n\r\n"))
	if !ok {
		t.Fatal("no request")
	}
	head = append(bytes.Clone(head), "\r\n\r\n"...)
	answers := bufio.NewReader(conn)
	if !bytes.Contains(head, []byte("Expect: 100-continue")) {
		head = append(head, body...)
	}
	if _, err := conn.Write(head); err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(head, []byte("Expect: 100-continue")) {
		line, err := answers.Peek(25)
		if err != nil || string(line[:12]) != "HTTP/1.1 100" && string(line[:12]) != "HTTP/1.1 200" {
			t.Fatalf("instead of leave to go on: %q, %v", line, err)
		}
		if string(line) == "HTTP/1.1 100 Continue\r\n\r\n" {
			_, _ = answers.Discard(25)
			if _, err := conn.Write(body); err != nil {
				t.Fatal(err)
			}
		}
	}
	response, err := http.ReadResponse(answers, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	return readReply(t, response)
}

func readReply(t *testing.T, response *http.Response) reply {
	t.Helper()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	r := reply{raw: string(text)}
	if response.StatusCode != http.StatusOK || response.Header.Get("Location") != "" {
		t.Errorf("HTTP %s to %s", response.Status, r.raw)
	}
	members := map[string]any{}
	if err := json.Unmarshal(text, &members); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	for _, name := range []string{"status", "ErrorCode", "ErrorDesc"} {
		if _, ok := members[name].(string); !ok {
			t.Errorf("%s is no text in %s", name, text)
		}
	}
	if strings.Contains(r.raw, "null") {
		t.Errorf("there is a null in %s", text)
	}
	if err := json.Unmarshal(text, &r.Answer); err != nil {
		t.Fatal(err)
	}
	return r
}

func recorded(t *testing.T, name string) []byte {
	t.Helper()
	request, err := os.ReadFile(filepath.Join("testdata", "vxp", name+".http"))
	if err != nil {
		t.Fatal(err)
	}
	return request
}

// wantsOK and wantsCode say what an answer must be.
func (r reply) wantsOK(t *testing.T, what string) {
	t.Helper()
	if r.Status != "OK" || r.Code != "0" {
		t.Errorf("%s: %s", what, r.raw)
	}
}

func (r reply) wantsCode(t *testing.T, what, code string, members ...string) {
	t.Helper()
	if r.Status != "FAIL" || r.Code != code || r.Desc == "" {
		t.Errorf("%s: %s, want %s", what, r.raw, code)
	}
	for _, member := range members {
		if !strings.Contains(r.raw, member) {
			t.Errorf("%s: there is no %s in %s", what, member, r.raw)
		}
	}
}

// TestRecordedExchanges replays every request that the SDK was seen to send, byte for
// byte, at an endpoint without a path as it was recorded.
func TestRecordedExchanges(t *testing.T) {
	t.Parallel()
	w := startAxis(t, "/")
	play := func(name string) reply { return w.replay(t, recorded(t, name)) }

	list := play("getAgenciesList")
	list.wantsOK(t, "getAgenciesList")
	var units []map[string]any
	if err := json.Unmarshal(list.Data, &units); err != nil || len(units) != 4 || units[3]["code"] != axisSystem ||
		units[3]["name"] != "Đơn vị thử" || units[3]["mail"] != "dv@example.vn" || units[3]["pid"] != "" {
		t.Errorf("the agencies are %s", list.raw)
	}
	list = play("getSynchronizeUnit")
	list.wantsOK(t, "getSynchronizeUnit")
	if err := json.Unmarshal(list.Data, &units); err != nil || len(units) != 4 || units[0]["code"] != axisSystem || units[0]["deleted"] != false || units[0]["centerCode"] != axisSystem {
		t.Errorf("the units are %s", list.raw)
	}
	for range 2 {
		play("registerAgency").wantsOK(t, "registerAgency")
	}
	play("deleteAgency").wantsCode(t, "deleteAgency of a unit that is not there", "404")

	var rows []vxp.ReceivedRow
	list = play("getReceivedEdocList")
	list.wantsOK(t, "getReceivedEdocList")
	if err := json.Unmarshal(list.Data, &rows); err != nil || len(rows) != 2 || rows[0].DocID != axisDelivery || rows[0].From != axisOffice || rows[0].To != axisSystem || rows[0].Status != "initial" {
		t.Errorf("received: %s", list.raw)
	}
	play("updateStatus").wantsCode(t, "done before the document was fetched", "409")
	for range 2 {
		file := play("getEdoc")
		file.wantsOK(t, "getEdoc")
		var encoded string
		if err := json.Unmarshal(file.Data, &encoded); err != nil {
			t.Fatal(err)
		}
		if got, err := base64.StdEncoding.DecodeString(encoded); err != nil || !bytes.Equal(got, w.file) {
			t.Errorf("the file is not that which was sent: %v", err)
		}
	}
	for range 2 {
		play("updateStatus").wantsOK(t, "updateStatus")
	}
	play("getEdoc").wantsOK(t, "getEdoc after done")
	list = play("getReceivedEdocList")
	if err := json.Unmarshal(list.Data, &rows); err != nil || len(rows) != 1 || rows[0].To != "000.00.00.H41" {
		t.Errorf("after done: %s", list.raw)
	}
	list = play("getSentEdocList") // with the id of a document that it received: one of an earlier call
	list.wantsOK(t, "getSentEdocList")
	if string(list.Data) != "[]" {
		t.Errorf("sent: %s", list.raw)
	}
	w.playStatus(t)
}

// playStatus sends the recorded status message, and the sender of the document gets it.
func (w *axisWorld) playStatus(t *testing.T) {
	t.Helper()
	office := w.system(axisOffice)
	if rows, err := office.Received(t.Context(), "status"); err != nil || len(rows) != 0 {
		t.Errorf("before anything was reported: %v, %v", rows, err)
	}
	first := w.replay(t, recorded(t, "sendEdoc"))
	first.wantsOK(t, "sendEdoc")
	again := w.replay(t, recorded(t, "sendEdoc"))
	if first.DocID == "" || first.DocID != again.DocID {
		t.Errorf("a repetition has another id: %s, %s", first.raw, again.raw)
	}
	rows, err := office.Received(t.Context(), "status")
	if err != nil || len(rows) != 1 || rows[0].From != "000.00.00.H41" || rows[0].To != axisOffice || rows[0].MessageType != "status" {
		t.Fatalf("the status messages are %+v, %v", rows, err)
	}
	request := recorded(t, "sendEdoc")
	_, body, _ := bytes.Cut(request, []byte("\r\n\r\n"))
	file, err := office.Fetch(t.Context(), rows[0].DocID)
	if err != nil || !bytes.Equal(file, bytes.TrimSuffix(body, []byte("\r\n"))) {
		t.Errorf("the status message is not that which was sent: %v\n%s", err, file)
	}
	if _, err := w.system(axisStranger).Fetch(t.Context(), rows[0].DocID); err == nil {
		t.Error("a stranger read the status message")
	}
	for range 2 {
		if err := office.Update(t.Context(), rows[0].DocID, "done"); err != nil {
			t.Error(err)
		}
	}
	if rows, err := office.Received(t.Context(), "status"); err != nil || len(rows) != 0 {
		t.Errorf("after it was acknowledged: %v, %v", rows, err)
	}
}

// TestAxisRefuses sends bad input of every kind: each is answered in the form of the
// protocol, and a good request afterwards still works.
func TestAxisRefuses(t *testing.T) {
	t.Parallel()
	w := startAxis(t, "/")
	edit := func(name, was, is string) []byte {
		request := recorded(t, name)
		if !bytes.Contains(request, []byte(was)) {
			t.Fatalf("there is no %q in %s", was, name)
		}
		return bytes.ReplaceAll(request, []byte(was), []byte(is))
	}
	status := "c343d37d6f62b326d60d6169fc6491d22d7d5d86aa9c2d8e7863d061b4a119"
	for name, bad := range map[string]struct {
		request []byte
		code    string
	}{
		"another system":      {edit("getEdoc", `{"XroadVnpt-systemid":"777.77.04.D77"`, `{"XroadVnpt-systemid":"777.77.04.D78"`), "401"},
		"a changed parameter": {edit("updateStatus", `"XroadVnpt-status":"done"`, `"XroadVnpt-status":"fail"`), "401"},
		"a wrong signature":   {edit("getReceivedEdocList", "d45fec53", "d45fec54"), "401"},
		"half a signature":    {edit("getReceivedEdocList", "d45fec53", ""), "401"},
		"no signature":        {edit("getReceivedEdocList", "XroadVnpt-sign-header:", "X-Nothing:"), "401"},
		"two signed headers":  {edit("getReceivedEdocList", "User-Agent:", "XroadVnpt-sign-header: {}\r\nUser-Agent:"), "401"},
		"no JSON":             {edit("getReceivedEdocList", `"XroadVnpt-Content-Type":"application/json"}`, `"XroadVnpt-Content-Type":`), "422"},
		"no operation":        {edit("getReceivedEdocList", "/getReceivedEdocList", "/getReceivedEdocList/"), "0"},
		"another file":        {edit("sendEdoc", "Nguyễn Thị Ngọc Trâm", "Nguyễn Thị Ngọc Trâu"), "422"},
		"no CR LF behind":     {bytes.TrimSuffix(edit("sendEdoc", "Content-Length: 1831", "Content-Length: 1829"), []byte("\r\n")), "0"},
		"malformed JSON":      {edit("registerAgency", `"fax":""}`, `"fax":"",`), "422"},
	} {
		r := w.replay(t, bad.request)
		if bad.code == "0" {
			r.wantsOK(t, name)
			continue
		}
		r.wantsCode(t, name, bad.code)
		if bytes.HasPrefix(bad.request, []byte("POST /sendEdoc")) && !strings.Contains(r.raw, `"DocId":""`) ||
			bytes.HasPrefix(bad.request, []byte("POST /getEdoc")) && !strings.Contains(r.raw, `"data":""`) {
			t.Errorf("%s: the client would lose the reason: %s", name, r.raw)
		}
	}
	if !bytes.Contains(recorded(t, "sendEdoc"), []byte(status)) {
		t.Error("the recorded hash is another one")
	}
	w.refusesCalls(t)
}

// refusesCalls sends well-signed requests that ask for what cannot be.
func (w *axisWorld) refusesCalls(t *testing.T) {
	t.Helper()
	d77, office := w.system(axisSystem), w.system(axisOffice)
	file := axisPackage(t, "G22-2", "2", axisSystem)
	hash := func(f []byte) vxp.Param { return with("hash-file", vxp.HashOf(f)) }
	long := bytes.Repeat([]byte("x"), 100)
	foreign := edited(t, file, "000.00.00.G22<", "000.00.00.G99<")
	action := edited(t, file, "<edXML:BussinessDocType>0<", "<edXML:BussinessDocType>9<")
	code := axisStatus(t, "99")
	for _, bad := range []struct {
		what, code string
		client     *vxp.Client
		operation  string
		body       []byte
		params     []vxp.Param
	}{
		{"from of another", "403", d77, "sendEdoc", file, []vxp.Param{with("messagetype", "edoc"), with("from", axisOffice), hash(file)}},
		{"a file of another", "403", d77, "sendEdoc", file, []vxp.Param{with("messagetype", "edoc"), with("from", axisSystem), hash(file)}},
		{"no hash", "422", office, "sendEdoc", file, []vxp.Param{with("messagetype", "edoc")}},
		{"wrong type", "422", office, "sendEdoc", file, []vxp.Param{with("messagetype", "status"), hash(file)}},
		{"unknown type", "422", office, "sendEdoc", file, []vxp.Param{with("messagetype", "letter"), hash(file)}},
		{"bad to", "422", office, "sendEdoc", file, []vxp.Param{with("to", `["a"`), hash(file)}},
		{"unknown to", "422", office, "sendEdoc", file, []vxp.Param{with("to", `["000.00.00.H99"]`), hash(file)}},
		{"no edXML", "422", office, "sendEdoc", long, []vxp.Param{hash(long)}},
		{"half a file", "422", office, "sendEdoc", file[:len(file)/2], []vxp.Param{hash(file[:len(file)/2])}},
		{"half of what was signed", "422", office, "sendEdoc", file[:len(file)/2], []vxp.Param{hash(file)}},
		{"an unknown code of an operation", "422", office, "sendEdoc", action, []vxp.Param{hash(action)}},
		{"an unknown code of a status", "422", d77, "sendEdoc", code, []vxp.Param{with("messagetype", "status"), hash(code)}},
		{"an unknown sender", "422", office, "sendEdoc", foreign, []vxp.Param{hash(foreign)}},
		{"nothing", "422", office, "sendEdoc", nil, []vxp.Param{hash(nil)}},
		{"no id", "422", d77, "getEdoc", nil, nil},
		{"unknown id", "404", d77, "getEdoc", nil, []vxp.Param{with("docId", "019b0000-0000-7000-8000-00000000ffff")}},
		{"unknown word", "422", d77, "updateStatus", nil, []vxp.Param{with("docid", axisDelivery), with("status", "perhaps")}},
		{"done by the sender", "403", office, "updateStatus", nil, []vxp.Param{with("docid", axisDelivery), with("status", "done")}},
		{"bad date", "422", d77, "getReceivedEdocList", nil, []vxp.Param{with("fromDate", "2026-01-01")}},
		{"large body", "413", d77, "registerAgency", bytes.Repeat([]byte(" "), 70<<10), nil},
		{"no name", "422", d77, "registerAgency", []byte(`{"pcode":"777.77.04.D77","code":"00.99.X01"}`), nil},
		{"below another", "403", d77, "registerAgency", []byte(`{"pcode":"000.00.00.G22","code":"00.99.X01","name":"x"}`), nil},
		{"code of another", "409", d77, "registerAgency", []byte(`{"pcode":"777.77.04.D77","code":"000.00.00.G22","name":"x"}`), nil},
		{"delete another", "404", d77, "deleteAgency", nil, []vxp.Param{with("AgencyCode", axisOffice)}},
	} {
		a, err := bad.client.Call(t.Context(), bad.operation, bad.body, bad.params...)
		if err != nil || a.Status != "FAIL" || a.Code != bad.code || a.Desc == "" {
			t.Errorf("%s: %+v, %v; want %s", bad.what, a, err, bad.code)
		}
	}
	if id, err := office.Send(t.Context(), "edoc", axisOffice, file); err != nil || id == "" {
		t.Errorf("a good file after all that: %q, %v", id, err)
	}
}

// TestAxisRecalls takes documents back that have one id, by packages without files: the
// number says which is meant, each recall is one of its own, and who had seen the row
// before gets nothing made up in its place.
func TestAxisRecalls(t *testing.T) {
	t.Parallel()
	w := startAxis(t, "/axis")
	ctx := t.Context()
	office, d77 := w.system(axisOffice), w.system(axisSystem)
	send := func(file []byte) string {
		t.Helper()
		id, err := office.Send(ctx, "edoc", axisOffice, file)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	state := func(id string) string {
		t.Helper()
		rows, err := office.Sent(ctx, id)
		if err != nil || len(rows) != 1 {
			t.Fatal(rows, err)
		}
		return rows[0].ReceiveStatus
	}
	first, second := send(axisPackage(t, "G22-7", "7", axisSystem)), send(axisPackage(t, "G22-7", "8", axisSystem))
	rows, err := d77.Received(ctx, "edoc")
	if err != nil || len(rows) != 4 {
		t.Fatal(rows, err)
	}
	if _, err := d77.Fetch(ctx, rows[1].DocID); err != nil {
		t.Fatal(err)
	}
	recall := encoded(t, axisRecall("G22-7", "8", axisSystem))
	if id := send(recall); id != send(recall) || state(first) != "initial" && state(first) != "processing" || state(second) != "fail" {
		t.Errorf("the first is %s, the second %s", state(first), state(second))
	}
	if file, err := d77.Fetch(ctx, rows[1].DocID); err == nil || !strings.Contains(err.Error(), "404") || !strings.Contains(err.Error(), "recalled") {
		t.Errorf("in place of what was taken back: %v\n%s", err, file)
	}
	if err := d77.Update(ctx, rows[1].DocID, "done"); err == nil || !strings.Contains(err.Error(), "409") {
		t.Error(err)
	}
	if send(encoded(t, axisRecall("G22-7", "7", axisSystem))); state(first) != "fail" {
		t.Errorf("after the second recall: %s", state(first))
	}
	rows, err = d77.Received(ctx, "edoc") // the recalls are documents too
	if err != nil || len(rows) != 4 {
		t.Fatal(rows, err)
	}
	if file, err := d77.Fetch(ctx, rows[0].DocID); err != nil || !bytes.Equal(file, recall) {
		t.Errorf("the package of the recall: %v", err)
	}
	if err := d77.Update(ctx, rows[0].DocID, "done"); err != nil {
		t.Error(err)
	}
}

// TestAxisTellsSenders: whatever way a recipient takes to register a document or send it
// back, a sender of the axis reads it as a status message.
func TestAxisTellsSenders(t *testing.T) {
	t.Parallel()
	w := startAxis(t, "/axis")
	ctx := t.Context()
	office, d77 := w.system(axisOffice), w.system(axisSystem)
	if _, err := office.Received(ctx, "status"); err != nil {
		t.Fatal(err)
	}
	if _, err := d77.Fetch(ctx, axisDelivery); err != nil {
		t.Fatal(err)
	}
	if err := d77.Update(ctx, axisDelivery, "done"); err != nil {
		t.Fatal(err)
	}
	key, err := w.client(t, w.operatorKey(t)).IssueKey(ctx, hubclient.NewKey{
		Name: "clerk", Kind: hub.ActorSystem, Agencies: []string{"d77"}, Scopes: []hub.Scope{hub.ScopeCollect},
	})
	if err != nil {
		t.Fatal(err)
	}
	clerk := w.client(t, key.Secret)
	for range 2 {
		if _, err := clerk.Accept(ctx, axisDelivery, hub.Registration{Number: "12", Date: "2026-01-02"}); err != nil {
			t.Fatal(err)
		}
	}
	rows, err := d77.Received(ctx, "edoc")
	if err != nil || len(rows) != 1 {
		t.Fatal(rows, err)
	}
	for range 2 {
		if err := d77.Update(ctx, rows[0].DocID, "fail"); err != nil {
			t.Fatal(err)
		}
	}
	rows, err = office.Received(ctx, "status")
	if err != nil || len(rows) != 2 {
		t.Fatalf("%+v, %v", rows, err)
	}
	for i, want := range []string{"StatusCode>03<", "StatusCode>02<"} {
		file, err := office.Fetch(ctx, rows[i].DocID)
		if err != nil || !bytes.Contains(file, []byte(want)) || !bytes.Contains(file, []byte(axisDocument)) {
			t.Errorf("%s: %s, %v", want, file, err)
		}
	}
}

// TestAxisSendsToItself: a system that is at both ends acknowledges by the id of what it
// sent as well.
func TestAxisSendsToItself(t *testing.T) {
	t.Parallel()
	w := startAxis(t, "/axis")
	if err := w.Admit(t.Context(), "both", axisSecret, "g22", "d77"); err != nil {
		t.Fatal(err)
	}
	both := w.system("both")
	id, err := both.Send(t.Context(), "edoc", "both", axisPackage(t, "G22-9", "9", axisSystem))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := both.Fetch(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if err := both.Update(t.Context(), id, "done"); err != nil {
		t.Error(err)
	}
}

// TestAxisExchange sends a document between two systems under a path of its own, with
// the quirks of clients.
func TestAxisExchange(t *testing.T) {
	t.Parallel()
	w := startAxis(t, "/axis")
	ctx := t.Context()
	office, d77, stranger := w.system(axisOffice), w.system(axisSystem), w.system(axisStranger)
	d77.Endpoint += "//" // what a slash at the end of the endpoint comes to
	file := axisPackage(t, "G22-3", "3", axisSystem)
	id, err := office.Send(ctx, "edoc", "", file)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := office.Send(ctx, "edoc", axisOffice, file); err != nil || again != id {
		t.Errorf("the same file again: %q, %v; want %q", again, err, id)
	}
	other := axisPackage(t, "G22-3", "33", axisSystem)
	marked, err := office.Send(ctx, "edoc", axisOffice, other)
	if err != nil || marked == id {
		t.Errorf("another file under the same DocumentId: %q, %v", marked, err)
	}
	if again, err := office.Send(ctx, "edoc", axisOffice, other); err != nil || again != marked {
		t.Errorf("and its repetition: %q, %v; want %q", again, err, marked)
	}
	rows, err := d77.Received(ctx, "edoc")
	if err != nil || len(rows) != 4 {
		t.Fatalf("received: %+v, %v", rows, err)
	}
	row := rows[0] // ids go with time; that of the recording is the last one
	for name, c := range map[string]*vxp.Client{"a stranger": stranger} {
		if _, err := c.Fetch(ctx, row.DocID); err == nil {
			t.Errorf("%s read a document", name)
		}
		if err := c.Update(ctx, row.DocID, "done"); err == nil {
			t.Errorf("%s acknowledged a document", name)
		}
		if got, err := c.Received(ctx, "edoc"); err != nil || len(got) != 0 {
			t.Errorf("%s received %v, %v", name, got, err)
		}
		if got, err := c.Sent(ctx, id); err != nil || len(got) != 0 {
			t.Errorf("%s sent %v, %v", name, got, err)
		}
	}
	if got, err := d77.Fetch(ctx, row.DocID); err != nil || !bytes.Equal(got, file) {
		t.Errorf("the file: %v", err)
	}
	if got, err := office.Fetch(ctx, id); err != nil || !bytes.Equal(got, file) {
		t.Errorf("the file, for its sender: %v", err)
	}
	w.downloads(t, d77, row.DocID, file)
	// One object of the SDK keeps docId of the fetch and docid of an earlier acknowledgement.
	a, err := d77.Call(ctx, "updateStatus", []byte("{}"), with("docId", rows[2].DocID), with("docid", row.DocID), with("status", "done"))
	if err != nil || a.Refused() != nil {
		t.Errorf("done: %+v, %v", a, err)
	}
	sent, err := office.Sent(ctx, id)
	if err != nil || len(sent) != 1 || sent[0].ReceiveStatus != "done" || sent[0].ToCode != axisSystem || sent[0].Notation != "3/VPCP-TTĐT" {
		t.Errorf("sent: %+v, %v", sent, err)
	}
	w.exchangeRest(t, d77, office, rows)
}

// downloads takes a file as SDK 2.0.1 does, by GET. That client keeps every body as the file
// and says that it succeeded, so a refusal has none.
func (w *axisWorld) downloads(t *testing.T, d77 *vxp.Client, id string, file []byte) {
	t.Helper()
	ctx := t.Context()
	if got, err := d77.Download(ctx, id); err != nil || !bytes.Equal(got, file) {
		t.Errorf("downloaded: %v", err)
	}
	wrong := *d77
	wrong.Secret += "x"
	for code, refused := range map[string]func() ([]byte, error){
		"401": func() ([]byte, error) { return wrong.Download(ctx, id) },
		"404": func() ([]byte, error) { return d77.Download(ctx, "019b0000-0000-7000-8000-00000000ffff") },
		"422": func() ([]byte, error) { return d77.Download(ctx, "") },
	} {
		if got, err := refused(); err == nil || !strings.Contains(err.Error(), "answers "+code+": ") {
			t.Errorf("instead of a refusal with %s: %q, %v", code, got, err)
		}
	}
	if a, err := d77.Call(ctx, "downloadEdoc", []byte("{}"), with("docId", "019b0000-0000-7000-8000-00000000ffff")); err != nil || a.Code != "404" {
		t.Errorf("refused by POST: %+v, %v", a, err)
	}
}

// exchangeRest is what else becomes of documents: taken into work, sent back, counted.
func (w *axisWorld) exchangeRest(t *testing.T, d77, office *vxp.Client, rows []vxp.ReceivedRow) {
	t.Helper()
	ctx := t.Context()
	for _, word := range []string{"processing", "PROCESSING"} { // as the provincial API writes it
		if err := d77.Update(ctx, rows[1].DocID, word); err != nil {
			t.Error(err)
		}
	}
	count, err := d77.Call(ctx, "countReceiveEdoc", []byte("{}"))
	if err != nil || count.Count != 3 {
		t.Errorf("count: %+v, %v", count, err)
	}
	for range 2 {
		if err := d77.Update(ctx, rows[1].DocID, "fail"); err != nil {
			t.Error(err)
		}
	}
	now, err := d77.Received(ctx, "edoc")
	if err != nil || len(now) != 2 {
		t.Errorf("after done and fail: %+v, %v", now, err)
	}
	a, err := d77.Call(ctx, "getReceivedEdocList", nil, with("messagetype", "edoc"), with("pageSize", "1"),
		with("pageIndex", "2"), with("status", "done"), with("from", "nobody"))
	var page []vxp.ReceivedRow
	if err != nil || json.Unmarshal(a.Data, &page) != nil || len(page) != 1 || page[0].DocID != now[1].DocID {
		t.Errorf("the second page with parameters of other calls: %s, %v", a.Data, err)
	}
	for name, method := range map[string]string{"/axis/getAgenciesList": http.MethodGet, "/axis/": http.MethodPost, "/axis/getListUnit": http.MethodPost, "/axis//nothing/": http.MethodPost} {
		r, err := http.NewRequestWithContext(ctx, method, w.URL()+name, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := office.HTTP.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		readReply(t, response).wantsCode(t, fmt.Sprint(method, " ", name), map[string]string{http.MethodGet: "415", http.MethodPost: "404"}[method])
		response.Body.Close()
	}
}
