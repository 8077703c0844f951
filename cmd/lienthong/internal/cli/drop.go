package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/lienthong/lienthong/adapters/filedrop"
	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/drop"
	"github.com/lienthong/lienthong/hub"
)

type dropCommand struct {
	Serve dropServe `cmd:"" help:"Send what lies in DIR/out and put what arrives into DIR/in, until it is stopped."`
	Check dropCheck `cmd:"" help:"Check folder, key and hub, and count what lies where."`
}

type dropFolder struct {
	connection `embed:""`
	Folder     string `required:"" type:"path" help:"Folder with out, sent, refused, in and work; they are made when absent. See deploy/connect-drop.md."`
	Agency     string `env:"LIENTHONG_AGENCY" help:"Agency whose box is emptied (code or id); not needed when the key speaks for one."`
}

type dropServe struct {
	dropFolder `embed:""`
	Every      time.Duration `default:"5s" help:"Pause between two looks."`
	Settle     time.Duration `default:"10s" help:"How long size and time of a file stand still before it is taken for complete."`
	Once       bool          `help:"Look once, and end."`
}

// Run works on the folder until the context ends.
func (c *dropServe) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	log := newLog(e.Stderr, "info", "text")
	port := &drop.Port{Client: client, Agency: c.Agency}
	folders, err := filedrop.Open(filedrop.Options{Root: c.Folder, Sending: port, Box: port, Log: log, Now: time.Now, Settle: c.Settle})
	if err != nil {
		return err
	}
	defer func() { _ = folders.Close() }() // the lock ends with the process anyhow
	if c.Once {
		return folders.Round(ctx)
	}
	fmt.Fprintf(e.Stdout, "lienthong: working on %s\n", c.Folder)
	tick := time.NewTicker(max(c.Every, 10*time.Millisecond))
	defer tick.Stop()
	for {
		if err := folders.Round(ctx); err != nil && ctx.Err() == nil {
			log.Warn("it will be tried again", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

type dropCheck struct {
	dropFolder `embed:""`
}

// Run checks without touching anything.
func (c *dropCheck) Run(ctx context.Context, e *env) error {
	counts, err := filedrop.Waiting(c.Folder)
	if err != nil {
		return err
	}
	client, err := c.client(e)
	if err != nil {
		return err
	}
	me, err := client.Me(ctx)
	if err != nil {
		return err
	}
	for _, scope := range []hub.Scope{hub.ScopeSubmit, hub.ScopeCollect, hub.ScopeRead} {
		if !slices.Contains(me.Scopes, scope) {
			return hub.Errorf(hub.KindDenied, "key", "scope", "the key does not have the scope %q", scope)
		}
	}
	box, err := client.Mailbox(ctx, hubclient.MailboxQuery{Agency: c.Agency, Page: hub.Page{Limit: 200}})
	if err != nil {
		return err
	}
	counts["waiting in the box"] = len(box.Items)
	return e.print(counts, func(w io.Writer) {
		for _, name := range []string{"out", "work", "refused", "sent", "in", "waiting in the box"} {
			fmt.Fprintf(w, "%-20s %d\n", name, counts[name])
		}
	})
}
