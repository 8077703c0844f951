package app_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/adapters/edxml"
	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest/server"
	"github.com/lienthong/lienthong/schemas"
	"github.com/lienthong/lienthong/signing/pki"
)

// samples runs the examples of the API description as they are written, in a
// shell, against a real hub.
type samples struct {
	*testing.T
	hub  *testHub
	ops  map[string]schemas.Operation
	keys map[string]string // by actor
	vars map[string]string
	ran  map[string]bool
}

func TestDocumentedExamplesRun(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("curl"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("the examples are written for curl")
	}
	s := newSamples(t)
	for _, id := range []string{"health", "ready", "metrics", "version", "specification", "documentation", "me", "searchAgencies", "resolveAgency",
		"listChildren", "listSent", "listRejections", "seal", "getFigures", "exportFiguresCSV", "exportFiguresXLSX", "listCounted", "rebuildFigures", "importAgencies", "exportAgencies", "listKeys",
		"exportAgencyHistory", "agencyHistory", "reorganise", "listAgencyActs", "listAgencyChanges", "showCalendar", "importCalendar", "applyScoreTable", "showLegalTerms", "importLegalTerms", "takeNumber", "nextNumber", "cancelNumber", "listNumbers", "closeYear", "listClosedYears", "saveList", "listLists", "removeList",
		"handOver", "setRoutingRules", "getRoutingRules", "tryRoutingRules", "listRoutingFailures",
		"listDeadLetters", "replayDeadLetters", "discardDeadLetters", "listStuckDeliveries", "retryDeliveries"} {
		s.run(id)
	}
	s.vars["ALERT"] = s.alert()
	for _, id := range []string{"listAlerts", "listPastAlerts", "acknowledgeAlert", "muteAlert", "unmuteAlert"} {
		s.run(id)
	}
	s.vars["KEY_ID"] = s.text(s.run("issueKey"), "key", "id")
	s.run("revokeKey")
	for _, id := range []string{"createAccount", "listAccounts", "resetAccount", "linkAccount", "lockAccount"} {
		s.run(id)
	}
	s.vars["SUBSCRIPTION"] = s.text(s.run("subscribe"), "subscription", "id")
	for _, id := range []string{
		"testConnection", "listSubscriptions", "getSubscription", "testSubscription", "rotateSubscriptionSecret", "pauseSubscription", "replaySubscription", "listPushes", "unsubscribe",
	} {
		s.run(id)
	}
	s.vars["ENROLMENT"] = s.text(s.run("createEnrolment"), "enrolment", "id")
	s.run("revokeEnrolment")
	s.vars["CODE"] = s.text(s.run("createEnrolment"), "code")
	s.run("enrol")
	s.run("listEnrolments")
	s.vars["BINDING"] = s.text(s.run("bindCertificate"), "id")
	for _, id := range []string{"listCertificates", "unbindCertificate", "setSignatureRules", "getSignatureRules"} {
		s.run(id)
	}
	s.following()
	s.deciding()
	s.inspecting()
	s.reporting()
	s.collecting()
	s.uploading()
	s.run("submitPackage")
	s.proving()
	s.retaining()
	s.joining()

	s.ran["grantQueue"], s.ran["revokeQueue"] = true, true // where there is a broker: TestAgencyWithAQueueOfItsOwn
	for id := range s.ops {
		if !s.ran[id] {
			t.Errorf("no example of %s was run", id)
		}
	}
}

// alert waits until there is one and returns its id.
func (s *samples) alert() string {
	client := s.hub.client(s.T, s.keys["operator"])
	for deadline := time.Now().Add(server.Patience); ; time.Sleep(20 * time.Millisecond) {
		board, err := client.Alerts(s.Context())
		if err != nil || time.Now().After(deadline) {
			s.Fatalf("no alert: %+v, %v", board, err)
		}
		if len(board.Open) > 0 {
			return board.Open[0].ID
		}
	}
}

func newSamples(t *testing.T) *samples {
	room := newSealRoom(t)
	config := configIn(t.TempDir())
	config.OIDCIssuer, config.OIDCClientID, config.PagesURL = "https://id.example.vn", "hub", "https://hub.example.vn" // so that accounts can be linked
	authority, err := pki.New(time.Now(), pki.P256)
	if err != nil {
		t.Fatal(err)
	}
	config.Anchors = filepath.Join(t.TempDir(), "anchors.pem") // so that a decision is signed
	if err := os.WriteFile(config.Anchors, authority.AnchorsPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	config.AlertExpiry = 100 * 365 * 24 * time.Hour // so that there is an alert
	h, sealerKey, _ := room.hub(config, room.settings(map[string]any{"agency": sender, "key": "seal.pem"}))
	senderKey, recipientKey := h.enroll(t)
	api, err := schemas.ReadAPI()
	if err != nil {
		t.Fatal(err)
	}
	s := &samples{
		T: t, hub: h, ops: map[string]schemas.Operation{}, ran: map[string]bool{},
		keys: map[string]string{"sender": senderKey, "verifier": senderKey, "sealer": sealerKey, "recipient": recipientKey, "operator": h.operatorKey(t), "": "", "administrator": h.administratorKey(t)},
		vars: map[string]string{"HUB": h.URL(), "AGENCY": sender, "HOOK": "https://qlvb.invalid/hook", "RECIPIENT": recipient, "COLLEAGUE": sender, "CLOSED": h.closedAgency(t), "PATH": os.Getenv("PATH"), "HOME": t.TempDir()},
	}
	for _, op := range api.Operations {
		s.ops[op.ID] = op
	}
	pdf := signedUnder(t, authority)
	digest := sha256.Sum256(pdf)
	s.vars["SIZE"], s.vars["SHA256"] = strconv.Itoa(len(pdf)), hex.EncodeToString(digest[:])
	for name, content := range map[string][]byte{"FILE": pdf, "PACKAGE": packageOf(t, pdf), "CSV": []byte(agencies)} {
		s.vars[name] = filepath.Join(t.TempDir(), strings.ToLower(name))
		if err := os.WriteFile(s.vars[name], content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// run runs every example of an operation and returns the answer to the first.
func (s *samples) run(id string) []byte {
	s.Helper()
	op, ok := s.ops[id]
	if !ok {
		s.Fatalf("the description has no operation %s", id)
	}
	s.ran[id] = true
	var first []byte
	for i, example := range op.Samples {
		key, ok := s.keys[op.Actor]
		if !ok {
			s.Fatalf("%s: no key for the actor %q", id, op.Actor)
		}
		cmd := exec.CommandContext(s.Context(), "sh", "-euc", example.Source)
		cmd.Env, cmd.Dir = append(s.environment(), "KEY="+key), s.vars["HOME"] // some write a file
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			s.Fatalf("%s, example %d: %v\n%s\n%s%s", id, i, err, example.Source, out, &stderr)
		}
		if i == 0 {
			first = out
		}
	}
	if len(op.Samples) == 0 {
		s.Errorf("%s has no example", id)
	}
	return first
}

func (s *samples) environment() []string {
	var env []string
	for _, name := range slices.Sorted(maps.Keys(s.vars)) {
		env = append(env, name+"="+s.vars[name])
	}
	return env
}

// text takes a value out of a JSON answer.
func (s *samples) text(answer []byte, path ...string) string {
	s.Helper()
	var value any
	if err := json.Unmarshal(answer, &value); err != nil {
		s.Fatalf("%v: %s", err, answer)
	}
	for _, step := range path {
		if list, ok := value.([]any); ok && step == "0" && len(list) > 0 {
			value = list[0]
			continue
		}
		value = value.(map[string]any)[step] //nolint:forcetypeassert // a failure is a failed test
	}
	text, ok := value.(string)
	if !ok {
		s.Fatalf("nothing at %v: %s", path, answer)
	}
	return text
}

// submit sends a document by its example and waits until it has arrived.
func (s *samples) submit() {
	s.Helper()
	answer := s.run("submit")
	s.vars["DISPATCH"] = s.text(answer, "dispatch", "id")
	s.vars["DELIVERY"] = s.text(answer, "deliveries", "0", "id")
	s.vars["TASK"] = s.text(answer, "dispatch", "tasks", "0", "id")
	s.run("giveUpDeliveries") // it is collected from a box: nothing to give up
	s.vars["EVIDENCE"] = s.text(answer, "receipt", "evidence", "evidence_id")
	arrived(s.T, s.hub.client(s.T, s.keys["recipient"]))
}

func (s *samples) lease() {
	s.Helper()
	items, err := s.hub.client(s.T, s.keys["recipient"]).Lease(s.Context(), hubclient.LeaseRequest{
		Deliveries: []hub.DeliveryID{hub.DeliveryID(s.vars["DELIVERY"])}, For: time.Minute,
	})
	if err != nil {
		s.Fatal(err)
	}
	s.vars["FENCE"] = strconv.FormatInt(items[0].Delivery.Lease.Fence, 10)
}

func (s *samples) following() {
	s.submit()
	for _, id := range []string{"listMailbox", "getDispatch", "listEvidence", "listSignatures", "getValidation", "listStatusReports", "getPart",
		"getPackage", "getEvidence", "getDelivery", "streamArrivals", "listTasks", "countTasks", "getTask", "actOnTask", "getTaskHistory"} {
		s.run(id)
	}
	if got := s.text(s.run("getEvidence"), "evidence", "evidence_id"); got != s.vars["EVIDENCE"] {
		s.Errorf("the example got the receipt %s, want %s", got, s.vars["EVIDENCE"])
	}
	if got := s.run("getPart"); !bytes.Contains(got, []byte(s.vars["SHA256"])) {
		s.Errorf("the example got a file with another digest: %s", got)
	}
}

// deciding publishes a procedure by the document that was sent, handles a dossier of it,
// abolishes it, and has the post bring the result.
func (s *samples) deciding() {
	for _, id := range []string{"importProcedures", "listProcedures", "getProcedure", "listProcedureChanges"} {
		s.run(id)
	}
	s.vars["DOSSIER"] = s.text(s.run("registerDossier"), "id")
	for _, id := range []string{"setDossiersOnline", "getDossiersOnline", "setDossierWords", "getDossierWords", "attachToDossier", "getDossierFile", "renewDossierSecret", "getDossierReceipt", "actOnDossier", "getDossier", "getDossierProgress", "listDossiers", "listDossierEvents", "listDossierPackages", "getDossierFigures", "listCountedDossiers", "setEvaluationInput", "feedEvaluation", "startEvaluation", "getEvaluation", "exportEvaluationXLSX", "exportEvaluationPDF", "listScoreTables", "abolishProcedures"} {
		s.run(id)
	}
	s.hub.refusePackage(s.T, hub.DispatchID(s.vars["DISPATCH"]), hub.AgencyID(s.text(s.run("getDispatch"), "dispatch", "sender")))
	s.run("settleDossierPackage")
	s.vars["ORDER"] = s.text(s.run("orderPost"), "id")
	for _, id := range []string{"listPostalOrders", "getPostalOrder", "reportPost"} {
		s.run(id)
	}
}

// inspecting visits an agency.
func (s *samples) inspecting() {
	s.vars["INSPECTION"] = s.text(s.run("visitAgency"), "id")
	for _, id := range []string{"actOnInspection", "getInspection", "listInspections", "getInspectionFigures", "listCountedInspections"} {
		s.run(id)
	}
}

// reporting makes a report by a template of one's own.
func (s *samples) reporting() {
	s.run("setReportTemplate")
	s.vars["REPORT"] = s.text(s.run("makeReformReport"), "id")
	s.run("getReformReportFile")
	s.vars["DOCX"] = filepath.Join(s.vars["HOME"], "report.docx") // which has placeholders again
	s.docx()
	for _, id := range []string{"setReportFile", "getReportTemplate", "dropReportFile", "setReportSchedule", "getReportSchedule", "listDueReports", "previewReformReport", "listReformReports", "getReformReport"} {
		s.run(id)
	}
}

// docx puts a placeholder into the document of a report.
func (s *samples) docx() {
	file, err := os.ReadFile(s.vars["DOCX"])
	if err == nil {
		file, err = withPlaceholder(file, "{documents.sent}")
	}
	if err == nil {
		err = os.WriteFile(s.vars["DOCX"], file, 0o600)
	}
	if err != nil {
		s.Fatal(err)
	}
}

// withPlaceholder is a document with a paragraph more.
func withPlaceholder(file []byte, name string) ([]byte, error) {
	z, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			return nil, err
		}
		body, err := io.ReadAll(r)
		if err != nil {
			return nil, err
		}
		if f.Name == "word/document.xml" {
			body = bytes.Replace(body, []byte("<w:sectPr>"), []byte("<w:p><w:r><w:t>"+name+"</w:t></w:r></w:p><w:sectPr>"), 1)
		}
		part, err := w.Create(f.Name)
		if err == nil {
			_, err = part.Write(body)
		}
		if err != nil {
			return nil, err
		}
	}
	err = w.Close()
	return out.Bytes(), err
}

func (s *samples) collecting() {
	s.lease()
	s.run("renewLease")
	s.run("releaseLease")
	s.lease()
	for _, id := range []string{"acknowledge", "accept", "reportStatus", "reportStatus", "forwardDelivery", "forwardDelivery"} {
		s.run(id)
	}
	s.submit()
	s.run("refuse")
	s.submit()
	s.run("lease")
	s.run("recallDispatch")
	s.run("listLinks")
}

func (s *samples) uploading() {
	s.vars["UPLOAD"] = s.text(s.run("registerUpload"), "id")
	for _, id := range []string{"uploadStatus", "appendUpload", "completeUpload", "completeUpload"} {
		s.run(id)
	}
}

// proving runs the examples of the log, once it has published a receipt.
func (s *samples) proving() {
	proof := published(s.T, s.hub.client(s.T, s.keys["sender"]), hub.EvidenceID(s.vars["EVIDENCE"]))
	if got := s.run("getProof"); !bytes.HasPrefix(got, proof[:len("c2sp.org/tlog-proof@v1\nindex ")]) {
		s.Errorf("the example got %q", got)
	}
	order := hub.BundleOrder{Dispatch: hub.DispatchID(s.vars["DISPATCH"]), Delivery: hub.DeliveryID(s.vars["DELIVERY"])}
	if err := s.hub.client(s.T, s.keys["sender"]).Bundle(s.Context(), order, io.Discard, nil); err != nil { // waits for the log
		s.Fatal(err)
	}
	s.run("getBundle")
	s.vars["BUNDLE"] = filepath.Join(s.vars["HOME"], s.vars["DELIVERY"]+".asice")
	s.run("verify")
	s.vars["YEAR"], _, _ = strings.Cut(string(s.run("logShards")), " ")
	lines := strings.Split(string(s.run("logCheckpoint")), "\n")
	s.vars["TILE"] = "0/000.p/" + lines[1]
	s.run("logTile")
	awaitStamp(s.T, s.hub.client(s.T, ""), s.vars["YEAR"])
	s.run("logTimestamp")
	s.run("getSequence")
}

// published waits until the log proves an evidence.
func published(t *testing.T, client *hubclient.Client, id hub.EvidenceID) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), server.Patience)
	defer cancel()
	proof, err := client.Proof(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	return proof
}

// awaitStamp waits until the log is time-stamped.
func awaitStamp(t *testing.T, client *hubclient.Client, shard string) hub.LogStamp {
	t.Helper()
	for {
		stamp, err := client.LogStamp(t.Context(), shard, 1)
		if err == nil {
			return stamp
		}
		if hub.KindOf(err) != hub.KindNotFound {
			t.Fatal(err)
		}
	}
}

// retaining runs the examples of retention; a run is over soon after the start.
func (s *samples) retaining() {
	for _, id := range []string{"getRetentionClasses", "setRetentionClasses", "askPurge", "listFindings", "listRetentionRuns"} {
		s.run(id)
	}
	s.vars["HOLD"] = s.text(s.run("placeHold"), "id")
	s.run("listHolds")
	s.run("releaseHold")
	deadline, client := time.Now().Add(server.Patience), s.hub.client(s.T, s.keys["operator"])
	for s.vars["RUN"] == "" {
		runs, err := client.RetentionRuns(s.Context(), hub.Page{Limit: 1})
		switch {
		case err != nil:
			s.Fatal(err)
		case len(runs.Items) > 0:
			s.vars["RUN"] = runs.Items[0].ID
		case time.Now().After(deadline):
			s.Fatal("no run of retention is over")
		}
	}
	s.run("getRetentionRun")
}

func signedPDF(t *testing.T) []byte {
	t.Helper()
	authority, err := pki.New(time.Now(), pki.P256)
	if err != nil {
		t.Fatal(err)
	}
	return signedUnder(t, authority)
}

func packageOf(t *testing.T, pdf []byte) []byte {
	t.Helper()
	sub := submission("package")
	sub.Document.TypeCode, sub.Document.SteeringType = 18, 1
	sub.Document.Signer = hub.Signer{FullName: "Nguyễn Văn Ví Dụ"}
	sub.Parts = []hub.Part{{ID: "p1", Role: hub.RoleOriginal, Name: "173.pdf", MediaType: "application/pdf"}}
	sub.Trace = []hub.Hop{{Agency: sender, Time: time.Date(2020, 1, 10, 8, 0, 0, 0, hub.Vietnam())}}
	var out bytes.Buffer
	err := edxml.New(edxml.Options{}).EncodeSubmission(t.Context(), &out, sub, nil, func(context.Context, hub.Part) (hub.Blob, error) {
		return hub.BlobOf(pdf), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
