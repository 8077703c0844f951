package cli

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/text"
	"github.com/lienthong/lienthong/hub"
)

// registerCommand keeps the registers of an agency.
type registerCommand struct {
	Years registerYears `cmd:"" help:"List the years whose registers are closed, with the digests of what stood in them."`
	Close registerClose `cmd:"" help:"Close the registers of a year for good (administrator of the agency)."`
}

type registerYears struct {
	connection `embed:""`
	ownAgency  `embed:""`
}

// Run lists closed years.
func (c *registerYears) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	years, err := client.ClosedYears(ctx, c.Agency)
	if err != nil {
		return err
	}
	return e.print(years, func(w io.Writer) {
		if len(years) == 0 {
			fmt.Fprintln(w, "no year is closed")
			return
		}
		printYears(w, years...)
	})
}

type registerClose struct {
	connection `embed:""`
	ownAgency  `embed:""`
	Year       int `arg:"" help:"A year that is over."`
}

// Help says what closing does.
func (registerClose) Help() string {
	return "From then on nothing is entered into the registers of that year by whatever door, and no entry changes; they stay readable. There is no way back. " +
		"What stands in them goes into the log as a digest, by which lienthong audit --stores finds every later change."
}

// Run closes a year.
func (c *registerClose) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	closed, err := client.CloseYear(ctx, c.Agency, c.Year)
	if err != nil {
		return err
	}
	return e.print(closed, func(w io.Writer) { printYears(w, closed) })
}

func printYears(w io.Writer, years ...hub.RegisterYear) {
	t := text.Table{Head: []string{"YEAR", "CLOSED", "BY", "OUTGOING", "INCOMING"}}
	for i := range years {
		y := &years[i]
		t.Add(strconv.Itoa(y.Year), text.Clock(y.ClosedAt), text.Printable(y.ClosedBy), digestText(y.Outgoing), digestText(y.Incoming))
	}
	t.Write(w)
}

func digestText(d *hub.BookDigest) string {
	if d == nil {
		return "not counted: close it again"
	}
	return fmt.Sprintf("%d, %s", d.Entries, d.SHA256)
}
