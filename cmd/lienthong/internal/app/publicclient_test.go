package app_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub/hubtest/server"
)

// fsck is where .ci/setup puts Tessera's checker of tlog-tiles logs.
const fsck = "lienthong/tools/tessera-v1.0.4/fsck"

// TestAPublicClientReadsTheLog: a client of C2SP tlog-tiles that knows nothing of us reads
// the whole log by its address and key, and builds each tile from the entries anew. Under
// the key of another log it refuses it.
func TestAPublicClientReadsTheLog(t *testing.T) {
	t.Parallel()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	program := server.Program(t, ".ci/setup installs it", filepath.Join(cache, fsck))
	h := start(t, configIn(t.TempDir()))
	senderKey, _ := h.enroll(t)
	c := h.client(t, senderKey)
	for i := range 130 { // acceptance and consignment each: beyond a whole tile of 256
		if _, err := c.Submit(t.Context(), submission(fmt.Sprint("public-", i)), original("x"), nil); err != nil {
			t.Fatal(err)
		}
	}
	var shard, origin string
	for deadline := time.Now().Add(server.Patience); ; time.Sleep(50 * time.Millisecond) {
		_, shards := get(t, h.URL()+"/log", "")
		shard, origin, _ = strings.Cut(strings.TrimSpace(shards), " ")
		_, checkpoint := get(t, h.URL()+"/log/"+shard+"/checkpoint", "")
		var size int
		if lines := strings.Split(checkpoint, "\n"); len(lines) > 1 {
			_, _ = fmt.Sscan(lines[1], &size)
		}
		if size > 260 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the log has %d entries", size)
		}
	}
	url := h.URL() + "/log/" + shard
	if out, sound := check(t, program, url, origin, logKey(t, h)); !sound {
		t.Errorf("not believed:\n%s", out)
	}
	if out, sound := check(t, program, url, origin, logKey(t, start(t, configIn(t.TempDir())))); sound {
		t.Errorf("believed under the key of another log:\n%s", out)
	}
}

// logKey is the key of the log of a hub, as its policy names it.
func logKey(t *testing.T, h *testHub) string {
	t.Helper()
	policy, err := os.ReadFile(h.config.PolicyFile())
	if err != nil {
		t.Fatal(err)
	}
	_, key, _ := strings.Cut(string(policy), "log ")
	key, _, _ = strings.Cut(key, "\n")
	return key
}

// check reports whether the checker believes a log: its exit code does not tell.
func check(t *testing.T, program, url, origin, key string) (string, bool) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte(key), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), server.Patience)
	defer cancel()
	out, err := exec.CommandContext(ctx, program, "-storage_url", url+"/", "-origin", origin, "-public_key", file, "-ui=false").CombinedOutput()
	return string(out), err == nil && strings.Contains(string(out), "Successfully fsck'd log")
}
