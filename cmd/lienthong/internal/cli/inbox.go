package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/text"
	"github.com/lienthong/lienthong/hub"
)

type inboxCommand struct {
	connection `embed:""`
	ownAgency  `embed:""`
	State      []string      `help:"Show deliveries in these states; those that wait (consigned) when left out."`
	Search     string        `short:"s" help:"Whole words of number, subject, sender or signer; diacritics do not matter."`
	Asked      bool          `help:"Show deliveries whose sender asks for something (recall, update, replace) that is not answered."`
	Timeliness []string      `placeholder:"overdue,due_soon" help:"Show what presses in these ways: a duty of the law or a task is overdue, or due soon."`
	Limit      int           `default:"50" help:"Rows at most."`
	Wait       time.Duration `help:"Wait this long, at most 1m, for something to be there."`
	Watch      bool          `help:"Show arrivals as they come, until interrupted."`
}

// Run lists the mailbox.
func (c *inboxCommand) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	query := hubclient.MailboxQuery{Agency: c.Agency, Asked: c.Asked, Text: c.Search, Wait: c.Wait, Page: hub.Page{Limit: c.Limit}}
	for _, s := range c.State {
		query.States = append(query.States, hub.DeliveryState(s))
	}
	for _, t := range c.Timeliness {
		query.Timeliness = append(query.Timeliness, hub.Timeliness(t))
	}
	if c.Watch {
		return c.watch(ctx, e, client, query)
	}
	list, err := client.Mailbox(ctx, query)
	if err != nil {
		return err
	}
	e.noteMore(list.Next)
	return e.print(list.Items, func(w io.Writer) { printInbox(w, list.Items) })
}

// watch prints what waits and then every arrival, once each.
func (c *inboxCommand) watch(ctx context.Context, e *env, client *hubclient.Client, query hubclient.MailboxQuery) error {
	seen := map[hub.DeliveryID]bool{}
	show := func() error {
		for item, err := range hubclient.All(func(p hub.Page) (hub.List[hub.Item], error) {
			query.Page = p
			return client.Mailbox(ctx, query)
		}) {
			if err != nil {
				return err
			}
			if !seen[item.Delivery.ID] {
				seen[item.Delivery.ID] = true
				if err := e.print(item, func(w io.Writer) { printInbox(w, []hub.Item{item}) }); err != nil {
					return err
				}
			}
		}
		return nil
	}
	if err := show(); err != nil {
		return err
	}
	err := client.Arrivals(ctx, c.Agency, func(hubclient.Arrival) error { return show() })
	if err != nil && ctx.Err() == nil {
		return err
	}
	return nil // interrupted: that is how watching ends
}

// words are what somebody wrote, behind what was told; nothing for nothing.
func words(note string) string {
	if note == "" {
		return ""
	}
	return ": " + text.Short(note, 200)
}

func printInbox(w io.Writer, items []hub.Item) {
	if len(items) == 0 {
		fmt.Fprintln(w, "nothing waits")
		return
	}
	t := text.Table{Head: []string{"DELIVERY", "NUMBER", "SUBJECT", "FROM", "URGENT", "STATE", "UNTIL", "REQUEST"}}
	for _, it := range items {
		urgent := ""
		if it.Delivery.Urgent {
			urgent = "!"
		}
		t.Add(string(it.Delivery.ID), it.Dispatch.Document.Number(), text.Short(it.Dispatch.Document.Subject, 50),
			text.Short(it.Dispatch.SenderName, 30), urgent, string(it.Delivery.State), text.Clock(it.Delivery.ExpiresAt), requestText(&it.Delivery))
	}
	t.Write(w)
	for _, it := range items {
		if it.Delivery.ForInformation {
			fmt.Fprintf(w, "%s  is for information\n", it.Delivery.ID)
		}
		for i := range it.Clocks {
			if c := &it.Clocks[i]; c.Open() {
				fmt.Fprintf(w, "%s  %s\n", it.Delivery.ID, clockLine(c))
			}
		}
		if due := it.Delivery.FirstDue(); due != "" {
			fmt.Fprintf(w, "%s  has a task until %s\n", it.Delivery.ID, due)
		}
		if o := it.Dispatch.Origin; o != nil {
			fmt.Fprintf(w, "%s  is a document of %s, forwarded%s\n", it.Delivery.ID, o.SenderName, words(o.Note))
		}
	}
}
