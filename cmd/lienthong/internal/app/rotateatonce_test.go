package app_test

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/app"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/signing"
)

// TestRotationsAtOnce: of several rotations at once one enters its key, and the others
// hear that its turn is still to come.
func TestRotationsAtOnce(t *testing.T) {
	t.Parallel()
	config := app.Config{DataDir: t.TempDir(), Name: "so.example"}
	folder := filepath.Join(config.DataDir, "key")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	made, err := signing.MakeHubKey(folder, config.Name, time.Now())
	if err == nil {
		if !filepath.IsAbs(made) {
			made = filepath.Join(folder, made)
		}
		err = os.Rename(made, filepath.Join(folder, "hub.pem"))
	}
	if err != nil {
		t.Fatal(err)
	}
	var entered atomic.Int64
	var racing sync.WaitGroup
	for range 6 {
		racing.Go(func() {
			_, err := app.RotateHubKey(&config, app.HubKeySource{}, time.Now().Add(time.Hour))
			var refused *hub.Error
			switch {
			case err == nil:
				entered.Add(1)
			case !errors.As(err, &refused) || refused.Rule != "pending":
				t.Error(err)
			}
		})
	}
	racing.Wait()
	if n := entered.Load(); n != 1 {
		t.Errorf("%d keys were entered", n)
	}
}
