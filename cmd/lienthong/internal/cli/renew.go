package cli

import (
	"context"
	"crypto"
	"fmt"
	"io"
	"time"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/app"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
)

type renewCommand struct {
	hubSettings `embed:""`
	Months      int    `default:"12" help:"Renew what stops proving anything within so many months."`
	All         bool   `help:"Renew all that the authority can make last longer, however long it lasts."`
	Log         string `placeholder:"YEAR" help:"Renew the time-stamps of one log only."`
	Hash        string `enum:"SHA-256,SHA-384,SHA-512" default:"SHA-384" help:"Digest of the new time-stamps: SHA-256, SHA-384 or SHA-512."`
	DryRun      bool   `help:"Say what would be renewed, and ask no authority."`
	Rehash      string `enum:",SHA-384,SHA-512,SHA3-256" default:"" placeholder:"DIGEST" help:"Hash whole logs anew by SHA-384, SHA-512 or SHA3-256, with all evidence and the content that is kept, and have that time-stamped: for the time when SHA-256 ends."`
	Anew        bool   `help:"With --rehash: give up what was begun by another digest and is not finished."`
}

// Help says what happens.
func (renewCommand) Help() string {
	return "Has the checkpoints of the log time-stamped again before their time-stamps stop proving anything: each new one is over the checkpoint and all its time-stamps so far. " +
		"The authorities are those of the settings; name another one, which lasts longer, with --tsa and --tsa-anchors. Each renewal is noted in the log, and bundles carry it. " +
		"With --rehash it hashes the logs anew instead (RFC 4998, 5.3), after it has checked all entries and tokens; --months and --all do not count then. " +
		"It can be stopped and run again at any time. A hub on the embedded database must be stopped meanwhile; one on PostgreSQL goes on working. " +
		"Exit code 0: nothing is left to do; 1: something cannot be renewed, or not by this authority; 8: the authority is away, run it again."
}

// Run renews what is due.
func (c *renewCommand) Run(ctx context.Context, e *env) error {
	if c.Months < 1 || c.Months > maxMonths {
		return hub.Invalid("months", "range", "1 to %d months can be looked ahead", maxMonths)
	}
	renewal, err := app.OpenRenewal(ctx, c.Config, newLog(e.Stderr, "error", c.Config.LogFormat))
	if err != nil {
		return err
	}
	defer renewal.Close() //nolint:errcheck // each renewal was durable before it was counted
	if c.Rehash != "" {
		return c.rehash(ctx, e, renewal)
	}
	order := audit.RenewalOrder{
		Before: time.Now().AddDate(0, c.Months, 0), All: c.All, Shard: c.Log, Hash: renewalHash(c.Hash), DryRun: c.DryRun, Done: renewalProgress(e.Stderr),
	}
	summary, failure := renewal.Renew(ctx, order)
	err = e.print(summary, func(w io.Writer) { printRenewal(w, &summary, c.DryRun) })
	switch {
	case failure != nil:
		return failure
	case err == nil && (summary.Found > 0 || summary.Useless > 0):
		return verdict(exitFailed)
	}
	return err
}

func renewalHash(name string) crypto.Hash {
	switch name {
	case crypto.SHA256.String():
		return crypto.SHA256
	case crypto.SHA512.String():
		return crypto.SHA512
	}
	return crypto.SHA384
}

func printRenewal(w io.Writer, s *audit.RenewalSummary, dry bool) {
	for _, f := range s.Findings {
		fmt.Fprintf(w, "[%s] %s, %d entries, of %s: %s\n", f.Rule, f.Origin, f.Size, f.Stamped.UTC().Format(time.RFC3339), f.Message)
	}
	if s.Useless > 0 {
		fmt.Fprintf(w, "%d are due, and this authority ends no later than they do: name another one (--tsa, --tsa-anchors)\n", s.Useless)
	}
	if dry {
		fmt.Fprintf(w, "%d of %d time-stamps are due; %d cannot be renewed\n", s.Due, s.Stamps, s.Found)
		return
	}
	fmt.Fprintf(w, "%d of %d time-stamps were due, %d were renewed; %d cannot be renewed\n", s.Due, s.Stamps, s.Renewed, s.Found)
}

// renewalProgress counts on a terminal and nowhere else.
func renewalProgress(w io.Writer) func(*audit.RenewalSummary) {
	if !isTerminal(w) {
		return nil
	}
	var last time.Time
	return func(s *audit.RenewalSummary) {
		if time.Since(last) >= 100*time.Millisecond {
			last = time.Now()
			fmt.Fprintf(w, "\r%d time-stamps, %d renewed ", s.Stamps, s.Renewed)
		}
	}
}
