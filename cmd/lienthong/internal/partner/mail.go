package partner

import (
	"context"
	"fmt"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Mail is an agency that has a clerk told by mail.
type Mail struct {
	REST
	Address string
}

// RunMail runs the tests of the channel mail. The mails go to the address.
func RunMail(ctx context.Context, m Mail, told func(Result)) []Result {
	t := newMail(m)
	return run(ctx, append((&network{address: m.URL, tls: m.TLS}).steps(), t.steps()...), told)
}

type mail struct{ subscriber }

func newMail(m Mail) *mail {
	return &mail{subscriber{rest: rest{REST: m.REST, id: fmt.Sprintf("partner-%d", time.Now().UnixNano())}, kind: hub.SubscriptionMail, target: m.Address, gather: 1}}
}

func (t *mail) steps() []step {
	return []step{
		{Test{"M01", "an address that is none is refused", "422 mail_address"}, t.refusedTarget("Văn thư")},
		{Test{"M02", "the agency has a clerk told", "201"}, t.subscribe},
		{Test{"M03", "the mail server takes a test mail", "told"}, t.ask},
		{Test{"M04", "a document that waits is told", "told"}, t.waiting},
		{Test{"M05", "and told once", "told once"}, t.once},
		{Test{"M06", "paused, it tells nothing", "waiting"}, t.paused},
		{Test{"M07", "removed, it is not there", "404"}, t.remove},
	}
}

func (t *mail) waiting(ctx context.Context) (string, error) {
	if err := t.sendOne(ctx, "M04"); err != nil {
		return "", err
	}
	return t.awaitTold(ctx)
}

func (t *mail) once(ctx context.Context) (string, error) {
	if t.delivery == "" {
		return "", errNeeds
	}
	hush(ctx)
	list, err := t.pushes(ctx)
	if err == nil && len(list) == 1 && list[0].State == hub.PushTold && list[0].Attempts == 1 {
		return "told once", nil
	}
	return fmt.Sprintf("%+v", list), err
}

func (t *mail) paused(ctx context.Context) (string, error) {
	if t.sub == "" {
		return "", errNeeds
	}
	if err := t.halt(ctx, true); err != nil {
		return "", err
	}
	if err := t.sendOne(ctx, "M06"); err != nil {
		return "", err
	}
	hush(ctx)
	list, err := t.pushes(ctx)
	if err != nil || len(list) == 0 {
		return string(hub.PushWaiting), err // not even put down to be told
	}
	return string(list[0].State), nil
}
