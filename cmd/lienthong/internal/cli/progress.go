package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/text"
)

// progress draws a bar on a terminal and nothing elsewhere.
func progress(w io.Writer, name string) hubclient.Progress {
	if !isTerminal(w) {
		return nil
	}
	const cells = 30
	var last time.Time
	return func(done, total int64) {
		if time.Since(last) < 100*time.Millisecond && done != total {
			return
		}
		last = time.Now()
		if total <= 0 {
			fmt.Fprintf(w, "\r%s  %s", text.Short(name, 30), bytesText(done))
			return
		}
		filled := int(done * cells / total)
		fmt.Fprintf(w, "\r%s  [%s%s] %s of %s ", text.Short(name, 30), strings.Repeat("#", filled), strings.Repeat(".", cells-filled), bytesText(done), bytesText(total))
		if done == total {
			fmt.Fprintln(w)
		}
	}
}

func bytesText(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.0f KB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%d B", n)
}
