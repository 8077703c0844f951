package bundletest

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// TestTasksInBundles: both verifiers take acts on a task for links of the chain that may
// follow its end, and the XML forms say what the receipts say.
func TestTasksInBundles(t *testing.T) {
	w := newWorld(t)
	const task hub.TaskID = "0199f000-0000-7000-8000-0000000000aa"
	w.setting(hub.TaskFact{
		Act: hub.ActAssign, Answer: hub.AnswerDocument, Assigner: "Giám đốc Sở", Content: "Trả lời kiến nghị\ntại mục V", ID: task, Number: 1, Section: "mục 5", State: hub.TaskNotStarted,
		Assignees: []hub.AssigneeFact{{Due: "2026-12-24", Recipient: 0, Role: hub.RoleLead}, {Recipient: 1, Role: hub.RoleCo}},
	})
	w.xml = true
	act := func(f hub.TaskFact) func(*hub.Evidence) {
		f.ID = task
		return func(e *hub.Evidence) { e.Tasks = []hub.TaskFact{f} }
	}
	w.event(hub.EventContentConsignment)
	w.event(hub.EventContentHandover)
	w.event(hub.EventTask, act(hub.TaskFact{Act: hub.ActProgress, Percent: 40, State: hub.TaskInProgress, Text: "Đã tổng hợp"}))
	w.event(hub.EventConsignmentAcceptance, func(e *hub.Evidence) { e.Registration = &hub.Registration{Number: "17", Date: "2026-11-23"} })
	w.event(hub.EventForward)
	w.event(hub.EventTask, act(hub.TaskFact{Act: hub.ActOverdue, Due: "2026-12-24", State: hub.TaskInProgress}))
	w.event(hub.EventTask, act(hub.TaskFact{Act: hub.ActAnswer, AnsweredBy: "0199f000-0000-7000-8000-0000000000ab", State: hub.TaskAwaiting, Text: "55/SNV"}))
	w.stamp()
	dir := t.TempDir()
	save := func(name string, content []byte) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	content := w.bundle(false)
	if report := w.auditor().verify(t, content); report.Indication != hub.TotalPassed || len(report.Receipts) != 8 {
		t.Errorf("lienthong verify gives %s over %d receipts: %+v", report.Indication, len(report.Receipts), report.Steps)
	}
	code, out := runShell(t, save("x.asice", content), save("anchors.pem", w.pki.AnchorsPEM()), save("policy.tlog", w.policyText(2)),
		w.now.Add(24*time.Hour).Format(time.RFC3339), never)
	if code != 0 {
		t.Errorf("verify-bundle.sh gives %d:\n%s", code, out)
	}
}
