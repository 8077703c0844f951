package app_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/adapters/tlog"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/app"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
	"github.com/lienthong/lienthong/hub/hubtest/server"
	"github.com/lienthong/lienthong/schemas"
	"github.com/lienthong/lienthong/storage/postgres"
)

// TestOperatorsLeaveTraces: what an operator does is in the log, and what somebody else
// may not do leaves nothing there.
func TestOperatorsLeaveTraces(t *testing.T) {
	t.Parallel()
	h := start(t, configAtAxis(t))
	senderKey, _ := h.enroll(t)
	if _, err := h.client(t, senderKey).IssueKey(t.Context(), hubclient.NewKey{Name: "x", Kind: hub.ActorSystem}); err == nil {
		t.Fatal("a sender issued a key")
	}
	operator := h.client(t, h.operatorKey(t))
	for range 3 {
		if err := operator.RevokeKey(t.Context(), "none"); err == nil {
			t.Fatal("a key that is not there was revoked")
		}
	}
	if err := operator.AxisPackage(t.Context(), "none", io.Discard); err == nil {
		t.Fatal("a package that is not held was read")
	}
	if err := operator.AxisGiveUp(t.Context(), "none", "x"); err == nil {
		t.Fatal("a package that is not held was given up")
	}
	// Keys, rules and the operator's key at the start, the directory and two keys of the
	// enrolment.
	expectNotes(t, h, 3+3+3+2)
}

// operatorActs are requests of every operation that the API gives to operators and that
// changes something, with the action of its note. Most are about what is not there: the
// note comes first.
func operatorActs() map[string]struct{ path, body, action string } {
	return map[string]struct{ path, body, action string }{
		"replayDeadLetters":   {"/v1/dead-letters/replay", `{"all":true}`, "queue.replay"},
		"discardDeadLetters":  {"/v1/dead-letters/discard", `{"ids":["x"]}`, "queue.discard"},
		"grantQueue":          {"/v1/agencies/000.00.12.H47/queue", "", "queue.grant"},
		"revokeQueue":         {"/v1/agencies/000.00.12.H47/queue", "", "queue.revoke"},
		"retryDeliveries":     {"/v1/stuck-deliveries/retry", `{"all":true}`, "delivery.retry"},
		"acknowledgeAlert":    {"/v1/alerts/x/acknowledgement", `{"reason":"x"}`, "alert.acknowledge"},
		"muteAlert":           {"/v1/alerts/x/mute", `{"reason":"x","days":7}`, "alert.mute"},
		"unmuteAlert":         {"/v1/alerts/x/mute", "", "alert.unmute"},
		"giveUpDeliveries":    {"/v1/stuck-deliveries/give-up", `{"ids":["x"],"reason":"x"}`, "delivery.give_up"},
		"switchPassageOn":     {"/v1/axis/pass-through/x", `{"endpoint":"https://axis.example.vn/vxp","agencies":["000.00.00.H47"],"secret":"secret of a test"}`, "axis.pass_through.on"},
		"switchPassageOff":    {"/v1/axis/pass-through/x", "", "axis.pass_through.off"},
		"retryHeldPackage":    {"/v1/axis/held/x/retry", "", "axis.retry"},
		"giveUpHeldPackage":   {"/v1/axis/held/x/give-up", `{"reason":"x"}`, "axis.give_up"},
		"importAgencies":      {"/v1/agencies/import", agencies, "directory.import"},
		"handOver":            {"/v1/agencies/snv-cu/hand-over", `{"basis":"NQ 2"}`, "directory.hand_over"},
		"reorganise":          {"/v1/agencies/acts", `{"kind":"rename","day":"2030-01-01","from":["H47"],"name":"Tên mới (hư cấu)","basis":"NQ 1"}`, "directory.reorganise"},
		"setSignatureRules":   {"/v1/signatures/rules", `{"rules":[]}`, "signatures.rules"},
		"applyScoreTable":     {"/v1/evaluations/tables", `{"table":{"id":"tinh","name":{"vi":"Bộ chỉ số"},"basis":"QĐ 1","from":"2026-01-01","indicators":[{"id":"1","name":{"vi":"Đúng hạn"},"formula":"in_time","max":"1","points":"value"}],"grades":[]}}`, "evaluation.table"},
		"importCalendar":      {"/v1/calendar", `{"source":"TB 1","days":[{"date":"2027-02-05","kind":"off","name":"Tết"}]}`, "calendar.import"},
		"importLegalTerms":    {"/v1/legal-terms", `{"source":"NĐ 1","terms":[{"id":"send","duty":"send","from":"2020-03-05","source":"x"}]}`, "law.import"},
		"bindCertificate":     {"/v1/agencies/000.00.00.H47/certificates", `{"issuer":"CA","subject":["O=UBND"],"role":"seal"}`, "signatures.bind"},
		"unbindCertificate":   {"/v1/agencies/000.00.00.H47/certificates/x", "", "signatures.unbind"},
		"issueKey":            {"/v1/keys", `{"name":"x","kind":"system","agencies":["000.00.00.H47"],"scopes":["read"]}`, "key.issue"},
		"revokeKey":           {"/v1/keys/x", "", "key.revoke"},
		"createAccount":       {"/v1/accounts", `{"name":"van.thu","full_name":"Mẫu","memberships":[{"agency":"000.00.00.H47","role":"clerk"}]}`, "account.create"},
		"resetAccount":        {"/v1/accounts/van.thu/password", "", "account.reset"},
		"linkAccount":         {"/v1/accounts/van.thu/login", `{"login":"x"}`, "account.link"},
		"lockAccount":         {"/v1/accounts/van.thu/lock", `{"locked":true}`, "account.lock"},
		"createEnrolment":     {"/v1/enrolments", `{"agency":"000.00.00.H47","channels":["rest"],"contact":"Mẫu"}`, "enrolment.create"},
		"revokeEnrolment":     {"/v1/enrolments/{enrolment}", "", "enrolment.revoke"},
		"setRetentionClasses": {"/v1/retention/classes", `{"classes":[{"id":"a","name":"A","types":[7],"keep":"P10Y","legal_basis":"x"}]}`, "retention.classes"},
		"placeHold":           {"/v1/retention/holds", `{"agency":"000.00.00.H47","reason":"thanh tra"}`, "retention.hold"},
		"releaseHold":         {"/v1/retention/holds/x?reason=xong", "", "retention.release"},
		"rebuildFigures":      {"/v1/figures/rebuild", "", "figures.rebuild"},
		"askPurge":            {"/v1/retention/runs", "", "retention.purge"},
	}
}

// operations finds the operations in the description of the API, by method and name.
var operations = regexp.MustCompile(`(?m)^    (get|put|post|patch|delete):\n      operationId: (\w+)$`)

// TestEveryOperatorActIsNoted: no operation with which operators change something leaves
// nothing in the log, and the note says what was put into force.
func TestEveryOperatorActIsNoted(t *testing.T) {
	t.Parallel()
	config := configAtAxis(t)
	h := start(t, config)
	h.enroll(t)
	methods := map[string]string{} // by the operation
	text := schemas.OpenAPI()
	places := operations.FindAllStringSubmatchIndex(text, -1)
	for i, at := range places {
		end := len(text)
		if i+1 < len(places) {
			end = places[i+1][0]
		}
		if method := text[at[2]:at[3]]; method != "get" && strings.Contains(text[at[1]:end], "\n      x-actor: operator\n") {
			methods[text[at[4]:at[5]]] = strings.ToUpper(method)
		}
	}
	acts := operatorActs()
	h.closedAgency(t)
	want := []string{"key.issue", "directory.import", "key.issue", "key.issue", "directory.import"} // of the start, of enroll and of what has closed
	enrolment := ""
	for _, id := range slices.Sorted(maps.Keys(methods)) { // a creation comes before what ends it
		act, known := acts[id]
		if !known {
			t.Errorf("%s: an act of operators that this test does not know", id)
			continue
		}
		answer := h.call(t, methods[id], strings.ReplaceAll(act.path, "{enrolment}", enrolment), act.body)
		want = append(want, act.action)
		if id == "createEnrolment" {
			enrolment = answer.Enrolment.ID
		}
	}
	if len(methods) != len(acts) {
		t.Errorf("%d acts of operators, %d are known", len(methods), len(acts))
	}
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	var got []string
	said := map[string]string{}
	for _, note := range slices.Backward(notesOf(t, config.DataDir, hub.LogNoteOperator)) {
		var body struct {
			Action string          `json:"action"`
			Actor  string          `json:"actor"`
			What   json.RawMessage `json:"what"`
		}
		if err := json.Unmarshal([]byte(note), &body); err != nil || body.Actor == "" {
			t.Errorf("%s: %v", note, err)
		}
		got = append(got, body.Action)
		said[body.Action] = string(body.What)
	}
	if !slices.Equal(got, want) {
		t.Errorf("notes of\n%q, want\n%q", got, want)
	}
	for action, words := range map[string]string{
		"queue.replay": `{"all":true}`, "queue.discard": `{"ids":["x"]}`, "axis.pass_through.on": "h47", "signatures.bind": "O=UBND", "calendar.import": `"days":1`, "law.import": `"terms":1`, "key.issue": `"scopes":["read"]`,
		"account.create": `"role":"clerk"`, "retention.classes": "P10Y", "retention.hold": "thanh tra", "retention.release": "xong", "directory.reorganise": "NQ 1",
		"directory.import": fmt.Sprintf("%x", sha256.Sum256([]byte(agencies))),
	} {
		if !strings.Contains(said[action], words) {
			t.Errorf("the note of %s says %s, want %s", action, said[action], words)
		}
		if strings.Contains(said[action], "secret") {
			t.Errorf("the note of %s tells a secret: %s", action, said[action])
		}
	}
}

// called is what a test reads of an answer.
type called struct {
	Enrolment struct {
		ID string `json:"id"`
	} `json:"enrolment"`
}

// call does one request as the operator. What is wrong with it is not looked at, but it
// must have come as far as the act.
func (h *testHub) call(t *testing.T, method, path, body string) (answer called) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, h.URL()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+h.operatorKey(t))
	r.Header.Set("Content-Type", "application/json")
	if strings.HasPrefix(body, "id,") {
		r.Header.Set("Content-Type", "text/csv; charset=utf-8")
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode == http.StatusForbidden || response.StatusCode >= 500 && response.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("%s %s: %d %s, %v", method, path, response.StatusCode, text, err)
	}
	_ = json.Unmarshal(text, &answer) // most are none of these
	return answer
}

// TestRestoreIsNoted: a restore leaves its note in the same act, behind the notes that it
// brings, wherever in the stream these end.
func TestRestoreIsNoted(t *testing.T) {
	t.Parallel()
	note := hub.Record{Kind: hub.RecordLogNote, Body: json.RawMessage(`{"id":"n1","kind":"operator","time":"2026-01-05T02:00:00Z","body":{"action":"before"}}`)}
	shard := hub.Record{Kind: hub.RecordLogShard, Body: json.RawMessage(`{"origin":"test/evidence/2026","size":0}`)}
	setting := hub.Record{Kind: hub.RecordSetting, Body: json.RawMessage(`{"name":"log-origin","value":"test/evidence"}`)}
	for name, records := range map[string][]hub.Record{"nothing": nil, "a setting": {setting}, "a note": {setting, note}, "a log": {note, shard}} {
		t.Run(name, func(t *testing.T) {
			config := configIn(t.TempDir())
			stores, err := app.OpenEmptyStores(t.Context(), config, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			stores.Backup = "20260105T020000.000Z"
			left := records
			if err := stores.Import(t.Context(), func() (hub.Record, error) {
				if len(left) == 0 {
					return hub.Record{}, io.EOF
				}
				r := left[0]
				left = left[1:]
				return r, nil
			}); err != nil {
				t.Fatal(err)
			}
			if err := stores.Close(); err != nil {
				t.Fatal(err)
			}
			want := []string{`{"action":"restore","about":"20260105T020000.000Z"}`}
			if slices.ContainsFunc(records, func(r hub.Record) bool { return r.Kind == hub.RecordLogNote }) {
				want = append(want, `{"action":"before"}`)
			}
			if got := notesOf(t, config.DataDir, hub.LogNoteOperator); !slices.Equal(got, want) {
				t.Errorf("notes %q, want %q", got, want)
			}
		})
	}
}

// TestBackupIsNoted: a backup beside a hub that works leaves its note, and disturbs nothing.
func TestBackupIsNoted(t *testing.T) {
	t.Parallel()
	config := configIn(t.TempDir())
	h := start(t, config)
	if err := app.NoteBackup(t.Context(), config, true, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	h.enroll(t)
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	if notes := notesOf(t, config.DataDir, hub.LogNoteOperator); !slices.Contains(notes, `{"action":"backup","actor":"local","what":{"keys":true}}`) {
		t.Errorf("the log says %q", notes)
	}
}

// expectNotes waits until that many notes are in the log, and not more.
func expectNotes(t *testing.T, h *testHub, want int64) {
	t.Helper()
	for deadline := time.Now().Add(server.Patience); ; {
		notes := notesInLog(t, h.URL(), h.config.PolicyFile())
		if notes == want {
			return
		}
		if notes > want || time.Now().After(deadline) {
			t.Fatalf("%d notes are in the log, want %d", notes, want)
		}
	}
}

// notesInLog reads the whole log as an auditor does.
func notesInLog(t *testing.T, url, policyFile string) int64 {
	t.Helper()
	raw, err := os.ReadFile(policyFile)
	if err != nil {
		t.Fatal(err)
	}
	policy, err := audit.ParsePolicy(raw)
	if err != nil {
		t.Fatal(err)
	}
	source, err := tlog.Open(url, nil)
	if err != nil {
		t.Fatal(err)
	}
	var notes int64
	logs, err := source.Logs(t.Context())
	if err != nil && hub.KindOf(err) == hub.KindNotFound {
		return 0 // nothing is published yet
	}
	for _, log := range logs {
		signed, err := source.Checkpoint(t.Context(), log)
		if err != nil {
			t.Fatal(err)
		}
		r := audit.Replay{Policy: policy, Tiles: source, Shard: log, Found: func(rule, format string, args ...any) { t.Errorf(rule+": "+format, args...) }}
		done, err := r.Run(t.Context(), signed)
		if err != nil {
			t.Fatal(err)
		}
		notes += done.Notes
	}
	return notes
}

// TestRecoveredKeyIsNoted: whoever has the database may give the operator a new key, and
// not without a trace.
func TestRecoveredKeyIsNoted(t *testing.T) {
	t.Parallel()
	config := configIn(t.TempDir())
	config.Database, config.DatabaseConnections = server.PostgreSQL(t).Database(t), 4
	path, err := app.RecoverOperator(t.Context(), config, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
	store, err := postgres.Open(t.Context(), postgres.Options{URL: config.Database, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	notes, err := store.LogNotes(t.Context(), hub.LogNoteOperator, 10)
	if err != nil || len(notes) != 1 || !strings.Contains(string(notes[0].Body), `{"action":"key.issue","actor":"local"`) || !strings.Contains(string(notes[0].Body), `"kind":"operator"`) {
		t.Errorf("%s, %v", notes, err)
	}
}
