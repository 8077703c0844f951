package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/text"
	"github.com/lienthong/lienthong/hub"
)

type subscriptionCommand struct {
	Create subscriptionCreate `cmd:"" help:"Have an agency told; the secret of a webhook is shown this once."`
	List   subscriptionList   `cmd:"" help:"List subscriptions and how they fare."`
	Pushes subscriptionPushes `cmd:"" help:"List what a subscription tells, in the order of the log."`
	Test   subscriptionTest   `cmd:"" help:"Tell a test event at once."`
	Rotate subscriptionRotate `cmd:"" help:"Give a webhook a new secret; the present one signs beside it for --overlap."`
	Pause  subscriptionPause  `cmd:"" help:"Let a subscription tell nothing; what it would tell waits."`
	Resume subscriptionResume `cmd:"" help:"Let a subscription go on."`
	Replay subscriptionReplay `cmd:"" help:"Tell again what was told or set aside, under the same ids."`
	Remove subscriptionRemove `cmd:"" help:"End a subscription."`
}

type subscriptionCreate struct {
	connection `embed:""`
	Agency     string        `env:"LIENTHONG_AGENCY" help:"Agency to be told (code or id); not needed when the key speaks for one."`
	Webhook    string        `xor:"target" required:"" placeholder:"https://HOST/PATH" help:"Tell by signed requests to this address (Standard Webhooks)."`
	Mail       string        `xor:"target" required:"" placeholder:"USER@HOST" help:"Tell by mail to this address."`
	Topic      []string      `help:"What to tell of: delivery.waiting, status.reported, task.changed, dossier.changed, evidence.recorded; without it what waits, tasks, dossiers and, by webhook, status reports."`
	Content    bool          `help:"Of a webhook: carry the files of what waits, up to 8 MiB."`
	Details    bool          `help:"Of a mail: name number, subject and sender."`
	Gather     time.Duration `help:"Of a mail: how long it waits for more; without it, the setting of the hub."`
	Digest     bool          `help:"Of a mail: what it tells of tasks waits for one mail in the morning."`
	Out        string        `type:"path" help:"Write the secret to this new file (mode 0600) instead of printing it."`
}

// Run creates a subscription.
func (c *subscriptionCreate) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	wish := hubclient.NewSubscription{
		Agency: c.Agency, Kind: hub.SubscriptionWebhook, Target: c.Webhook, Content: c.Content, Details: c.Details, Gather: int(c.Gather / time.Second), Digest: c.Digest,
	}
	if c.Mail != "" {
		wish.Kind, wish.Target = hub.SubscriptionMail, c.Mail
	}
	for _, topic := range c.Topic {
		wish.Topics = append(wish.Topics, hub.Topic(topic))
	}
	out, err := reserve(c.Out)
	if err != nil {
		return err
	}
	defer out.release()
	made, err := client.Subscribe(ctx, wish)
	if err != nil {
		return err
	}
	return printSubscribed(e, made, out)
}

func printSubscribed(e *env, made hubclient.Subscribed, out *reserved) error {
	if out.wanted() && made.Secret != "" {
		if err := out.keep(made.Subscription.ID, func(w io.Writer) error {
			_, err := fmt.Fprintln(w, made.Secret)
			return err
		}); err != nil {
			return err
		}
		made.Secret = ""
	}
	return e.print(made, func(w io.Writer) {
		fmt.Fprintln(w, made.Subscription.ID)
		if made.Secret != "" {
			fmt.Fprintln(w, made.Secret)
			e.note("the secret is not shown again")
		}
	})
}

type subscriptionList struct {
	connection `embed:""`
	Agency     string `help:"Only those of this agency (code or id)."`
}

// Run lists subscriptions.
func (c *subscriptionList) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	all, err := client.Subscriptions(ctx, c.Agency)
	if err != nil {
		return err
	}
	return e.print(all, func(w io.Writer) {
		t := text.Table{Head: []string{"SUBSCRIPTION", "AGENCY", "KIND", "TARGET", "TOPICS", "STATE"}}
		for i := range all {
			s := &all[i]
			topics := make([]string, len(s.Topics))
			for k, topic := range s.Topics {
				topics[k] = string(topic)
			}
			t.Add(s.ID, string(s.Agency), string(s.Kind), s.Target, strings.Join(topics, ","), stateOfSubscription(s))
		}
		t.Write(w)
	})
}

func stateOfSubscription(s *hub.Subscription) string {
	switch {
	case s.Paused != nil:
		return strings.TrimSpace(fmt.Sprintf("paused %s: %s %s", text.Clock(s.Paused.At), s.Paused.Reason, s.Paused.Detail))
	case s.Health.Failures > 0:
		return fmt.Sprintf("failing since %s, next %s: %s", text.Clock(s.Health.FailingSince), text.Clock(s.Health.Next), s.Health.LastError)
	}
	return "in use"
}

type subscriptionPushes struct {
	connection   `embed:""`
	Subscription string `arg:"" help:"Id of the subscription."`
	State        string `enum:",waiting,told,moot,unknown,set_aside" default:"" help:"Only these: waiting, told, moot, unknown or set_aside."`
	Limit        int    `default:"100" help:"How many at most."`
}

// Run lists pushes.
func (c *subscriptionPushes) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	list := []hub.Push{}
	more := ""
	for p, err := range hubclient.All(func(p hub.Page) (hub.List[hub.Push], error) {
		return client.Pushes(ctx, c.Subscription, hub.PushState(c.State), p)
	}) {
		if err != nil {
			return err
		}
		if len(list) == c.Limit {
			more = "yes"
			break
		}
		list = append(list, p)
	}
	return e.print(list, func(w io.Writer) {
		t := text.Table{Head: []string{"EVIDENCE", "TOPIC", "TIME", "STATE", "ATTEMPTS", "DELIVERY", "ERROR"}}
		for i := range list {
			p := &list[i]
			t.Add(string(p.Evidence), string(p.Topic), text.Clock(p.At), string(p.State), fmt.Sprint(p.Attempts), string(p.Delivery), p.LastError)
		}
		t.Write(w)
		e.noteMore(more)
	})
}

type subscriptionTest struct {
	connection   `embed:""`
	Subscription string `arg:"" help:"Id of the subscription."`
}

// Run tells a test event.
func (c *subscriptionTest) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	answer, err := client.TestSubscription(ctx, c.Subscription)
	if err != nil {
		return err
	}
	if !answer.Told {
		return hub.Errorf(hub.KindUnavailable, "subscription", "test", "the test was not taken: %s", answer.Error)
	}
	return e.print(answer, func(w io.Writer) { fmt.Fprintln(w, "told") })
}

type subscriptionRotate struct {
	connection   `embed:""`
	Subscription string        `arg:"" help:"Id of the subscription."`
	Overlap      time.Duration `default:"24h" help:"How long the present secret signs beside the new one."`
	Out          string        `type:"path" help:"Write the secret to this new file (mode 0600) instead of printing it."`
}

// Run gives a webhook a new secret.
func (c *subscriptionRotate) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	out, err := reserve(c.Out)
	if err != nil {
		return err
	}
	defer out.release()
	made, err := client.RotateSubscription(ctx, c.Subscription, c.Overlap)
	if err != nil {
		return err
	}
	return printSubscribed(e, made, out)
}

type subscriptionPause struct {
	connection   `embed:""`
	Subscription string `arg:"" help:"Id of the subscription."`
}

// Run pauses a subscription.
func (c *subscriptionPause) Run(ctx context.Context, e *env) error {
	return c.set(ctx, e, c.Subscription, true)
}

type subscriptionResume struct {
	connection   `embed:""`
	Subscription string `arg:"" help:"Id of the subscription."`
}

// Run lets a subscription go on.
func (c *subscriptionResume) Run(ctx context.Context, e *env) error {
	return c.set(ctx, e, c.Subscription, false)
}

func (c *connection) set(ctx context.Context, e *env, subscription string, paused bool) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	sub, err := client.PauseSubscription(ctx, subscription, paused)
	if err != nil {
		return err
	}
	return e.print(sub, func(w io.Writer) { fmt.Fprintln(w, stateOfSubscription(&sub)) })
}

type subscriptionReplay struct {
	connection   `embed:""`
	Subscription string    `arg:"" help:"Id of the subscription."`
	Since        time.Time `xor:"which" required:"" placeholder:"2026-11-01T00:00:00+07:00" help:"All of evidence from this time on."`
	Evidence     string    `xor:"which" required:"" help:"This evidence."`
	SetAside     bool      `xor:"which" required:"" help:"What was set aside."`
}

// Run has messages told again.
func (c *subscriptionReplay) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	n, err := client.ReplaySubscription(ctx, c.Subscription, hub.Replay{Since: c.Since, Evidence: hub.EvidenceID(c.Evidence), SetAside: c.SetAside})
	if err != nil {
		return err
	}
	return e.print(map[string]int{"count": n}, func(w io.Writer) { fmt.Fprintf(w, "%d messages wait again\n", n) })
}

type subscriptionRemove struct {
	connection   `embed:""`
	Subscription string `arg:"" help:"Id of the subscription."`
}

// Run ends a subscription.
func (c *subscriptionRemove) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	if err := client.Unsubscribe(ctx, c.Subscription); err != nil {
		return err
	}
	return e.print(map[string]string{"removed": c.Subscription}, func(w io.Writer) { fmt.Fprintln(w, "removed", c.Subscription) })
}
