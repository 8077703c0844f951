package floor_test

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/bench"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/floor"
	"github.com/lienthong/lienthong/signing/pki"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The floor must not cheat: what it answered for is on disk, each original under its
// digest, and each delivery has ended with its evidence.
func TestFloorKeepsWhatItAnsweredFor(t *testing.T) {
	dir := t.TempDir()
	url, stop := start(t, dir)
	key, err := os.ReadFile(filepath.Join(dir, "operator.key"))
	if err != nil {
		t.Fatal(err)
	}
	const documents = 9
	for _, scenario := range []string{"mix", "edxml"} {
		_, err := bench.Run(t.Context(), bench.Options{
			URL: url, OperatorKey: string(key), Scenario: []string{scenario}, Count: documents, Rounds: 1, Clients: 3, Size: 1_500_000,
			Out: io.Discard, Dir: t.TempDir(),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	stop()
	db, err := sql.Open("sqlite", filepath.Join(dir, "floor.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for query, want := range map[string]int{
		"SELECT count(*) FROM floor_dispatches":                             2 * documents,
		"SELECT count(*) FROM floor_deliveries":                             2 * documents,
		"SELECT count(*) FROM floor_deliveries WHERE open = 1":              0,
		"SELECT count(*) FROM floor_evidences":                              4 * documents,
		"SELECT count(*) FROM floor_evidences WHERE length(signature) < 68": 0,
	} {
		var got int
		if err := db.QueryRow(query).Scan(&got); err != nil || got != want {
			t.Errorf("%s: %d, %v; want %d", query, got, err, want)
		}
	}
	if got := sound(t, filepath.Join(dir, "objects")); got != 2*documents {
		t.Errorf("%d originals, want %d", got, 2*documents)
	}
}

// sound counts the files of a folder and compares each with its name.
func sound(t *testing.T, folder string) int {
	t.Helper()
	found := 0
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if digest := sha256.Sum256(text); hex.EncodeToString(digest[:]) != entry.Name() {
			t.Errorf("%s holds something else", path)
		}
		found++
		return err
	})
	if err != nil {
		t.Error(err)
	}
	return found
}

func TestFloorRefusesStrangers(t *testing.T) {
	url, _ := start(t, t.TempDir())
	resp, err := http.Post(url+"/v1/mailbox/leases", "application/json", strings.NewReader(`{"max":1}`))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("HTTP %d", resp.StatusCode)
	}
	http.DefaultClient.CloseIdleConnections()
}

// start runs a floor until stop, or the end of the test.
func start(t *testing.T, dir string) (url string, stop func()) {
	t.Helper()
	authority, err := pki.New(time.Now(), pki.P256)
	if err != nil {
		t.Fatal(err)
	}
	anchors := filepath.Join(t.TempDir(), "anchors.pem")
	if err := os.WriteFile(anchors, authority.AnchorsPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := floor.Open(t.Context(), floor.Options{DataDir: dir, Listen: "127.0.0.1:0", Anchors: anchors})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(stop)
	return f.URL(), stop
}
