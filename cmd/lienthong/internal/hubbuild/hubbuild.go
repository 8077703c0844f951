// Package hubbuild builds the program for tests that run it as a process of its own.
package hubbuild

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
)

// Once builds the program the first time that it is asked for, with build tags or
// without, and returns its path. Done removes it.
type Once struct {
	Tags string

	once sync.Once
	bin  string
	err  error
}

// Program returns the path of the program.
func (b *Once) Program() (string, error) {
	b.once.Do(func() {
		dir, err := os.MkdirTemp("", "lienthong-bin")
		if err != nil {
			b.err = err
			return
		}
		b.bin = filepath.Join(dir, "lienthong")
		out, err := exec.CommandContext(context.Background(), "go", "build", "-tags", b.Tags, "-o", b.bin, "github.com/lienthong/lienthong/cmd/lienthong").CombinedOutput() //nolint:gosec // tags of our own tests
		if err != nil {
			b.err = fmt.Errorf("build: %w\n%s", err, out)
		}
	})
	return b.bin, b.err
}

// Done removes what was built, if anything was.
func (b *Once) Done() {
	if b.bin != "" {
		_ = os.RemoveAll(filepath.Dir(b.bin)) // in the folder for temporary files
	}
}
