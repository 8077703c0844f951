package app_test

import (
	"os"
	"testing"
	"time"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/adapters/tlog"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
)

// TestOperatorsLeaveTraces: what an operator does is in the log, and what somebody else
// may not do leaves nothing there.
func TestOperatorsLeaveTraces(t *testing.T) {
	config := configIn(t.TempDir())
	h := start(t, config)
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
	// Keys and rules at the start, the directory and two keys of the enrolment.
	expectNotes(t, h, 2+3+3)
}

// expectNotes waits until that many notes are in the log, and not more.
func expectNotes(t *testing.T, h *testHub, want int64) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; {
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
