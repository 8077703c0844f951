package cli

import (
	"cmp"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/text"
	"github.com/lienthong/lienthong/hub"
)

// axisCommand looks after the membership of a hub in the national axis.
type axisCommand struct {
	Status   axisStatus   `cmd:"" help:"Tell when the axis answered last, and what waits."`
	Held     axisHeld     `cmd:"" help:"List packages of the axis that are not in the exchange, with the reason."`
	Get      axisGet      `cmd:"" help:"Download a held package, byte for byte as it came."`
	Retry    axisRetry    `cmd:"" help:"Have a held package tried again, after what was wrong was mended."`
	GiveUp   axisGiveUp   `cmd:"" name:"give-up" help:"Give a held package up for good: the axis and the sender are told why."`
	Agencies axisAgencies `cmd:"" help:"List the register of the axis, and who of it is not in the directory."`
	Pass     axisPass     `cmd:"" name:"pass-through" help:"Have systems pass through this hub to the axis at which they are, so that they move in one evening and can move back."`
}

type axisStatus struct {
	connection `embed:""`
}

// Run tells how the membership goes.
func (c *axisStatus) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	st, err := client.AxisStatus(ctx)
	if err != nil {
		return err
	}
	return e.print(st, func(w io.Writer) {
		fmt.Fprintf(w, "axis             %s\nsystem           %s\n", st.Endpoint, st.System)
		last := "never"
		if !st.LastPoll.IsZero() {
			last = text.Clock(st.LastPoll)
		}
		if !st.Leads {
			last += " (another node polls)"
		}
		fmt.Fprintf(w, "answered last    %s\n", last)
		if st.LastError != "" {
			fmt.Fprintf(w, "last error       %s\n", st.LastError)
		}
		fmt.Fprintf(w, "wait for you     %d packages\ntried again      %d packages\n", st.Held, st.Retrying)
		fmt.Fprintf(w, "on the axis      %d dispatches whose end it has not told\nstatus messages  %d wait for the axis\n", st.Relayed, st.Waiting)
	})
}

type axisHeld struct {
	connection `embed:""`
	Limit      int `default:"100" help:"Rows at most."`
}

// Run lists what is held.
func (c *axisHeld) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	l, err := client.AxisHeld(ctx, hub.Page{Limit: c.Limit})
	if err != nil {
		return err
	}
	e.noteMore(l.Next)
	return e.print(append([]hub.HeldPackage{}, l.Items...), func(w io.Writer) {
		if len(l.Items) == 0 {
			fmt.Fprintln(w, "nothing is held")
			return
		}
		t := text.Table{Head: []string{"PACKAGE", "KIND", "FROM", "TO", "SINCE", "TRIES", "NEXT", "REASON"}}
		for i := range l.Items {
			h := &l.Items[i]
			kind, next := string(h.Kind), "waits for you"
			if h.Out {
				kind += " (out)"
			}
			if !h.Waits {
				next = text.Clock(h.Next)
			}
			t.Add(h.ID, kind, h.From, h.To, text.Clock(h.Since), strconv.Itoa(h.Attempts), next, text.Short(reasonsOf(h), 120))
		}
		t.Write(w)
	})
}

// reasonsOf names fields and rules, as the errors of submissions are shown.
func reasonsOf(h *hub.HeldPackage) string {
	var all []string
	for _, v := range h.Errors {
		line := cmp.Or(v.Message, string(v.Kind))
		if v.Field != "" {
			line = v.Field + ": " + line
		}
		all = append(all, line)
	}
	return strings.Join(all, "; ")
}

type axisGet struct {
	connection `embed:""`
	Package    string `arg:"" help:"Held package by the id under which it is listed."`
	Out        string `short:"o" type:"path" help:"File to write; without it, standard output."`
}

// Run downloads a held package.
func (c *axisGet) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	if c.Out == "" {
		return client.AxisPackage(ctx, c.Package, e.Stdout)
	}
	return writeFile(c.Out, func(w io.Writer) error { return client.AxisPackage(ctx, c.Package, w) })
}

type axisRetry struct {
	connection `embed:""`
	Package    string `arg:"" help:"Held package by the id under which it is listed."`
}

// Run has a held package tried again.
func (c *axisRetry) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	held, err := client.AxisRetry(ctx, c.Package)
	if err != nil {
		return err
	}
	return e.print(held, func(w io.Writer) {
		fmt.Fprintf(w, "%s is tried again in the next round\n", held.ID)
	})
}

type axisGiveUp struct {
	connection `embed:""`
	Package    string `arg:"" help:"Held package by the id under which it is listed."`
	Reason     string `required:"" help:"Why; the sender is told."`
}

// Run gives a held package up.
func (c *axisGiveUp) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	if err := client.AxisGiveUp(ctx, c.Package, c.Reason); err != nil {
		return err
	}
	return e.print(map[string]string{"given_up": c.Package}, func(w io.Writer) { fmt.Fprintln(w, "given up", c.Package) })
}

type axisAgencies struct {
	connection `embed:""`
	Unknown    bool `help:"Only those that are not in the directory."`
	CSV        bool `name:"csv" help:"As a list for lienthong agency import, with the channel axis; look through it before."`
}

// Run lists the register of the axis.
func (c *axisAgencies) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	units, err := client.AxisUnits(ctx)
	if err != nil {
		return err
	}
	chosen := []hub.AxisUnit{}
	for _, u := range units {
		if !c.Unknown || !u.Known {
			chosen = append(chosen, u)
		}
	}
	if c.CSV {
		return writeUnits(e.Stdout, chosen)
	}
	return e.print(chosen, func(w io.Writer) {
		t := text.Table{Head: []string{"CODE", "NAME", "ABOVE", "HERE"}}
		for _, u := range chosen {
			here := "not in the directory"
			switch {
			case u.Local:
				here = "reached here"
			case u.Known:
				here = "over the axis"
			}
			t.Add(u.Code, u.Name, u.Parent, here)
		}
		t.Write(w)
	})
}

// writeUnits writes agencies as a list for agency import. What the register of an axis
// does not tell is what most have: a level that nothing depends on, and registration.
func writeUnits(w io.Writer, units []hub.AxisUnit) error {
	out := csv.NewWriter(w)
	rows := [][]string{{"id", "code", "name", "level", "kind", "parent_code", "valid_from", "valid_to", "registers", "email", "telephone", "aliases", "successors", "channel"}}
	for _, u := range units {
		rows = append(rows, []string{"", hub.PlainCell(u.Code), hub.PlainCell(u.Name), string(hub.LevelUnit), "", "", "", "", "true", hub.PlainCell(u.Email), "", "", "", string(hub.ChannelAxis)})
	}
	return out.WriteAll(rows)
}
