package cli

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/text"
	"github.com/lienthong/lienthong/hub"
)

// stuckCommand is for the operator whose deliveries do not come on.
type stuckCommand struct {
	List   stuckList   `cmd:"" help:"List deliveries that fail or end soon, with the reason."`
	Retry  stuckRetry  `cmd:"" help:"Have deliveries tried at once, whatever pause they are in."`
	GiveUp stuckGiveUp `cmd:"" help:"End deliveries as failed, with evidence that tells the sender why."`
}

type stuckList struct {
	connection `embed:""`
}

// Run lists what is stuck.
func (c *stuckList) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	stuck, err := client.Stuck(ctx)
	if err != nil {
		return err
	}
	return e.print(stuck, func(w io.Writer) {
		if len(stuck.Failing)+len(stuck.Ending) == 0 {
			fmt.Fprintln(w, "nothing is stuck")
			return
		}
		t := text.Table{Head: []string{"DELIVERY", "TO", "CHANNEL", "STATE", "TRIED", "NEXT", "ENDS", "WHY"}}
		for _, d := range stuck.Failing {
			t.Add(string(d.ID), string(d.Recipient), string(d.Channel), string(d.State), strconv.Itoa(d.Attempts), text.Clock(d.NextAttempt), text.Clock(d.ExpiresAt), d.LastError)
		}
		for _, d := range stuck.Ending {
			t.Add(string(d.ID), string(d.Recipient), string(d.Channel), string(d.State), strconv.Itoa(d.Attempts), "", text.Clock(d.ExpiresAt), "the recipient has not acted")
		}
		t.Write(w)
		if stuck.More {
			fmt.Fprintln(w, "and more")
		}
	})
}

type stuckRetry struct {
	connection `embed:""`
	Delivery   []string `arg:"" optional:"" help:"Deliveries by id."`
	All        bool     `help:"All that wait for another attempt."`
}

// Run has deliveries tried again.
func (c *stuckRetry) Run(ctx context.Context, e *env) error {
	if c.All == (len(c.Delivery) > 0) {
		return hub.Invalid("delivery", "required", "name deliveries, or say --all")
	}
	client, err := c.client(e)
	if err != nil {
		return err
	}
	outcome, err := client.TryAgain(ctx, deliveryIDs(c.Delivery)...)
	return e.outcome(outcome, err, "tried again")
}

type stuckGiveUp struct {
	connection `embed:""`
	Delivery   []string `arg:"" help:"Deliveries by id."`
	Reason     string   `required:"" help:"Why, in a sentence for the sender."`
}

// Run gives deliveries up.
func (c *stuckGiveUp) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	outcome, err := client.GiveUp(ctx, c.Reason, deliveryIDs(c.Delivery)...)
	return e.outcome(outcome, err, "given up")
}

func deliveryIDs(names []string) []hub.DeliveryID {
	ids := make([]hub.DeliveryID, len(names))
	for i, name := range names {
		ids[i] = hub.DeliveryID(name)
	}
	return ids
}

// outcome prints what came of an act on stuck deliveries.
func (e *env) outcome(o hub.StuckOutcome, err error, done string) error {
	if err != nil {
		return err
	}
	return e.print(o, func(w io.Writer) {
		fmt.Fprintf(w, "%d deliveries %s\n", o.Count, done)
		for _, l := range o.Left {
			fmt.Fprintf(w, "%s is left: %s\n", l.ID, l.Reason)
		}
	})
}
