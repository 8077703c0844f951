package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/app"
	"github.com/lienthong/lienthong/hub/audit"
)

// rehash hashes logs anew.
func (c *renewCommand) rehash(ctx context.Context, e *env, renewal *app.Renewal) error {
	digest, err := audit.TreeDigestOf(c.Rehash)
	if err != nil {
		return err
	}
	order := audit.RehashOrder{Shard: c.Log, Digest: digest, Hash: renewalHash(c.Hash), Again: c.Anew, DryRun: c.DryRun}
	if isTerminal(e.Stderr) {
		show := newSteps(e.Stderr)
		order.Progress = func(doing, shard string, done, size int64) { show.tell(doing+" "+shard, done, size) }
	}
	summary, failure := renewal.Rehash(ctx, order)
	err = e.print(summary, func(w io.Writer) { printRehash(w, &summary, c.DryRun) })
	switch {
	case failure != nil:
		return failure
	case err == nil && summary.Found > 0:
		return verdict(exitFailed)
	}
	return err
}

func printRehash(w io.Writer, s *audit.RehashSummary, dry bool) {
	for _, f := range s.Findings {
		fmt.Fprintf(w, "[%s] %s: %s\n", f.Rule, f.Origin, f.Message)
	}
	for _, u := range s.Until {
		fmt.Fprintf(w, "%s is proven until %s: %s\n", u.Origin, u.End.At.UTC().Format(time.DateOnly), u.End.Why)
		if strings.Contains(u.End.Algorithm, "SHA-256") {
			fmt.Fprintf(w, "the authority signs by %s: before that digest ends, have this renewed by one that does not (lienthong renew --tsa)\n", u.End.Algorithm)
		}
	}
	if dry {
		fmt.Fprintf(w, "%d logs were checked, %d of them are hashed by that digest; %d faults\n", s.Shards, s.Stands, s.Found)
		return
	}
	fmt.Fprintf(w, "%d of %d logs were hashed anew, %d entries, %d files read, %d purged, %d missing; %d stood already; %d faults\n",
		s.Rehashed, s.Shards, s.Entries, s.Files, s.Purged, s.Missing, s.Stands, s.Found)
}
