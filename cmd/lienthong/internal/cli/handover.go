package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/text"
	"github.com/lienthong/lienthong/hub"
)

type agencyHandOver struct {
	connection `embed:""`
	Agency     string `arg:"" help:"Code or id of the agency that has closed."`
	To         string `placeholder:"CODE" help:"Who acts for it from now on; not needed where one agency took over."`
	Basis      string `help:"The decision behind it."`
	DryRun     bool   `name:"dry-run" help:"Show what would be handed over and change nothing."`
}

// Run hands an agency over.
func (c *agencyHandOver) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	act, err := client.HandOver(ctx, hub.HandOverOrder{Agency: c.Agency, To: c.To, Basis: c.Basis}, c.DryRun)
	if err != nil {
		return err
	}
	return e.print(act, func(w io.Writer) {
		switch {
		case act.Before:
			fmt.Fprintf(w, "%s was handed over to %s before, on %s\n", act.Agency, act.To, text.Clock(act.At))
		case c.DryRun:
			fmt.Fprintf(w, "%s would be handed over to %s:\n", act.Agency, act.To)
		default:
			fmt.Fprintf(w, "%s is handed over to %s:\n", act.Agency, act.To)
		}
		least := ""
		if act.More {
			least = "at least "
		}
		fmt.Fprintf(w, "open deliveries: %s%d\nopen tasks: %d\ndrafts: %d\npeople: %s\n", least, act.Deliveries, act.Tasks, act.Drafts, orNone(strings.Join(act.Accounts, ", ")))
		if len(act.Further) > 0 {
			fmt.Fprintf(w, "agencies that had been handed over to it: %v\n", act.Further)
		}
	})
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}
