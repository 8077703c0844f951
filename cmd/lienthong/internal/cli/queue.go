package cli

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/text"
	"github.com/lienthong/lienthong/hub"
)

// queueCommand looks after the broker between the nodes of a hub. Nothing in it can lose
// a document: the database knows them all.
type queueCommand struct {
	Dead    queueDead    `cmd:"" help:"List messages that the broker gave up, with the reason."`
	Replay  queueReplay  `cmd:"" help:"Put such messages back to work."`
	Discard queueDiscard `cmd:"" help:"Remove such messages; their documents stay and are delivered anyway."`
	Grant   queueGrant   `cmd:"" help:"Give an agency a queue and an exchange of its own, with a user that reaches these and nothing else."`
	Revoke  queueRevoke  `cmd:"" help:"Take an agency's queue away."`
}

type queueDead struct {
	connection `embed:""`
	Limit      int `default:"100" help:"Show at most so many, up to 1000."`
}

// Run lists dead letters.
func (c *queueDead) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	letters, err := client.DeadLetters(ctx, c.Limit)
	if err != nil {
		return err
	}
	if letters == nil {
		letters = []hub.DeadLetter{}
	}
	return e.print(letters, func(w io.Writer) {
		t := text.Table{Head: []string{"MESSAGE", "REASON", "QUEUE", "TIMES", "GIVEN UP"}}
		for _, l := range letters {
			t.Add(l.ID, l.Reason, l.Queue, strconv.Itoa(l.Count), text.Clock(l.Last))
		}
		t.Write(w)
	})
}

// letterChoice names dead letters.
type letterChoice struct {
	connection `embed:""`
	Message    []string `arg:"" optional:"" help:"Messages by id."`
	All        bool     `help:"All of them."`
}

func (c *letterChoice) run(ctx context.Context, e *env, act func(*hubclient.Client, context.Context, ...string) (int, error)) error {
	if c.All == (len(c.Message) > 0) {
		return hub.Invalid("message", "required", "name messages, or say --all")
	}
	client, err := c.client(e)
	if err != nil {
		return err
	}
	n, err := act(client, ctx, c.Message...)
	if err != nil {
		return err
	}
	return e.print(map[string]int{"count": n}, func(w io.Writer) { fmt.Fprintf(w, "%d messages\n", n) })
}

type queueReplay struct {
	letterChoice `embed:""`
}

// Run replays dead letters.
func (c *queueReplay) Run(ctx context.Context, e *env) error {
	return c.run(ctx, e, (*hubclient.Client).ReplayDeadLetters)
}

type queueDiscard struct {
	letterChoice `embed:""`
}

// Run discards dead letters.
func (c *queueDiscard) Run(ctx context.Context, e *env) error {
	return c.run(ctx, e, (*hubclient.Client).DiscardDeadLetters)
}
