package app_test

import (
	"bytes"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/lienthong/lienthong/hub"
)

// heard keeps what a hub tells in its log of events.
type heard struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (h *heard) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.text.Write(p)
}

func (h *heard) lines(with string) (found []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for line := range strings.Lines(h.text.String()) {
		if strings.Contains(line, with) {
			found = append(found, line)
		}
	}
	return found
}

// TestSessionsAreInTheLog: who signs in and out is noted, who is refused is told in the log
// of events, and nothing that was typed and is no name of an account stands anywhere.
func TestSessionsAreInTheLog(t *testing.T) {
	t.Parallel()
	var told heard
	h := startTelling(t, configIn(t.TempDir()), slog.New(slog.NewTextHandler(&told, nil)))
	h.enroll(t)
	clerk := h.signIn(t, "van.thu", member(recipient, hub.RoleClerk))
	clerk.post("/sign-out")
	clerk.post("/sign-out") // nobody is there any more
	clerk.post("/sign-in", "name", " Van.Thu ", "password", "sai mật khẩu rồi")
	clerk.post("/sign-in", "name", "mật khẩu gõ nhầm ô", "password", "x")
	clerk.post("/sign-in", "name", " Van.Thu ", "password", chosenPassword)
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	in, out := `{"action":"in","actor":"van.thu","method":"password"}`, `{"action":"out","actor":"van.thu","method":"password"}`
	if notes, want := notesOf(t, h.config.DataDir, hub.LogNoteSession), []string{in, out, in}; !slices.Equal(notes, want) {
		t.Errorf("the log has %q, want %q", notes, want)
	}
	refused := told.lines("sign-in refused")
	if len(refused) != 2 || !strings.Contains(refused[0], "name=van.thu") || !strings.Contains(refused[1], `name="of no account"`) {
		t.Errorf("the log of events has %q", refused)
	}
	for _, secret := range []string{"gõ nhầm", "sai mật", chosenPassword} {
		if lines := told.lines(secret); len(lines) > 0 {
			t.Errorf("the log of events has %q", lines)
		}
	}
}
