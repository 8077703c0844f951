package bench_test

import (
	"os"
	"testing"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/hubproc"
)

func startHub(t *testing.T, dir string) *hubproc.Process {
	t.Helper()
	bin, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	hub, err := hubproc.Start(t.Context(), hubproc.Options{Bin: bin, DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(hub.Kill)
	return hub
}
