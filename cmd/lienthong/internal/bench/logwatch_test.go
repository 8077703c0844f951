package bench

import (
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/hubproc"
)

// TestLogWatch: what a hub records is seen in its log with its age, once.
func TestLogWatch(t *testing.T) {
	bin, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	hub, err := hubproc.Start(t.Context(), hubproc.Options{Bin: bin, DataDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(hub.Kill)
	key, err := hub.OperatorKey()
	if err != nil {
		t.Fatal(err)
	}
	w := logWatch{client: newClient(hub.URL, key)}
	t.Cleanup(w.close)
	for until := time.Now().Add(10 * time.Minute); w.size == 0 && time.Now().Before(until); time.Sleep(logLook) {
		if _, grew := w.look(t.Context()); grew {
			t.Fatal("what was there before the first look has an age")
		}
	}
	for n := range 3 {
		if _, err := w.do(t.Context(), http.MethodDelete, "/v1/keys/none", "", strings.NewReader(""), 0); err == nil {
			t.Fatal("a key that is not there was revoked")
		}
		begun := time.Now()
		for until := begun.Add(10 * time.Minute); ; time.Sleep(logLook) {
			age, grew := w.look(t.Context())
			if grew && (age <= 0 || age > time.Since(begun)+time.Second) {
				t.Errorf("note %d is %s old", n, age)
			}
			if grew {
				break
			}
			if time.Now().After(until) {
				t.Fatal("the log does not grow")
			}
		}
	}
	for index, want := range map[int64]string{0: "tile/entries/000.p/200", 199: "tile/entries/000.p/200"} {
		if got := entriesPath(index, 200); got != want {
			t.Errorf("entry %d: %s", index, got)
		}
	}
	for index, want := range map[int64]string{255: "tile/entries/000", 256 * 1234: "tile/entries/x001/234", 256 * 1234567: "tile/entries/x001/x234/567"} {
		if got := entriesPath(index, 1e12); got != want {
			t.Errorf("entry %d: %s, want %s", index, got, want)
		}
	}
}
