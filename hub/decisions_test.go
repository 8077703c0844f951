package hub_test

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDecisionsAreNumbered: from 1 without a gap, each number once, in the name of the
// file and in its title.
func TestDecisionsAreNumbered(t *testing.T) {
	files, err := filepath.Glob("decisions/*.md")
	if err != nil || len(files) < 20 {
		t.Fatal(files, err)
	}
	for i, name := range files {
		file, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		title := bufio.NewScanner(file)
		title.Scan()
		if n := i + 1; !strings.HasPrefix(filepath.Base(name), fmt.Sprintf("%04d-", n)) || !strings.HasPrefix(title.Text(), fmt.Sprintf("# %d. ", n)) {
			t.Errorf("%s with the title %q is not decision %d", name, title.Text(), n)
		}
	}
}
