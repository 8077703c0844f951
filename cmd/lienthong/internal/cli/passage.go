package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/text"
	"github.com/lienthong/lienthong/hub"
)

// axisPass switches systems that pass through to the axis at which they are.
type axisPass struct {
	List passageList `cmd:"" help:"List the systems, with what must come to its end before one that leaves is at its axis again."`
	On   passageOn   `cmd:"" help:"Have a system pass through: the hub takes what waits for it on its axis and hands over there."`
	Off  passageOff  `cmd:"" help:"Have a system move back: the hub takes nothing more for it, and ends with what it has."`
}

type passageList struct {
	connection `embed:""`
}

// Run lists the systems.
func (c *passageList) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	all, err := client.Passages(ctx)
	if err != nil {
		return err
	}
	return e.print(append([]hub.PassageStatus{}, all...), func(w io.Writer) { writePassages(w, all...) })
}

func writePassages(w io.Writer, all ...hub.PassageStatus) {
	t := text.Table{Head: []string{"SYSTEM", "STATE", "SINCE", "AXIS", "ANSWERED LAST", "HELD", "LEFT", "LAST ERROR"}}
	for i := range all {
		p := &all[i]
		last := "never here"
		if !p.Axis.LastPoll.IsZero() {
			last = text.Clock(p.Axis.LastPoll)
		}
		t.Add(p.System, string(p.State), text.Clock(p.Since), p.Endpoint, last, fmt.Sprint(p.Axis.Held+p.Axis.Retrying), leftOf(&p.Left), text.Short(p.Axis.LastError, 120))
	}
	t.Write(w)
}

// leftOf tells what must come to its end.
func leftOf(l *hub.PassageLeft) string {
	var parts []string
	for _, p := range []struct {
		n    int
		what string
	}{{l.Boxes, "to collect here"}, {l.Outgoing, "to hand over"}, {l.Statuses, "statuses to tell"}, {l.Unconfirmed, "to acknowledge"}} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.what))
		}
	}
	if len(parts) == 0 {
		return "nothing"
	}
	return strings.Join(parts, ", ")
}

type passageOn struct {
	connection `embed:""`
	System     string   `arg:"" help:"Id of the system, as the axis and its software know it."`
	Agency     []string `required:"" help:"Agency that the system speaks for (code or id); repeat for several."`
	Endpoint   string   `required:"" placeholder:"https://HOST/PATH" help:"Endpoint (VXP) of the axis at which the system is."`
	SecretFile string   `required:"" type:"existingfile" help:"File with the secret of the system on that axis, as text."`
}

// Run has a system pass through.
func (c *passageOn) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	secret, err := os.ReadFile(c.SecretFile)
	if err != nil {
		return err
	}
	st, err := client.PassThrough(ctx, c.System, hubclient.PassageWish{Endpoint: c.Endpoint, Agencies: c.Agency, Secret: strings.TrimSpace(string(secret))})
	if err != nil {
		return err
	}
	return e.print(st, func(w io.Writer) { writePassages(w, st) })
}

type passageOff struct {
	connection `embed:""`
	System     string `arg:"" help:"Id of the system."`
}

// Run has a system move back.
func (c *passageOff) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	st, err := client.MoveBack(ctx, c.System)
	if err != nil {
		return err
	}
	return e.print(st, func(w io.Writer) { writePassages(w, st) })
}
