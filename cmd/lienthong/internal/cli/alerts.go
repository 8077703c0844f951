package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/text"
	"github.com/lienthong/lienthong/hub"
)

// alertsCommand is for the operator who wants to know what is wrong.
type alertsCommand struct {
	List        alertsList        `cmd:"" default:"withargs" help:"List what is wrong now, or with --past what has ended."`
	Acknowledge alertsAcknowledge `cmd:"" help:"Say that you look after an alert."`
	Mute        alertsMute        `cmd:"" help:"Have no mail written about the cause of an alert for some days."`
	Unmute      alertsUnmute      `cmd:"" help:"Have mails written about it again."`
}

type alertsList struct {
	connection `embed:""`
	Past       bool `help:"Those that have ended, the last first."`
	Limit      int  `default:"50" help:"Rows of --past at most."`
}

// Run lists alerts.
func (c *alertsList) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	if c.Past {
		past, err := client.PastAlerts(ctx, hub.Page{Limit: c.Limit})
		if err != nil {
			return err
		}
		e.noteMore(past.Next)
		return e.print(append([]hub.Alert{}, past.Items...), func(w io.Writer) { writeAlerts(w, past.Items, "nothing has ended") })
	}
	board, err := client.Alerts(ctx)
	if err != nil {
		return err
	}
	return e.print(board, func(w io.Writer) {
		writeAlerts(w, board.Open, "nothing is wrong")
		if len(board.Muted) > 0 {
			fmt.Fprintln(w, "\nmuted, and not there now:")
			writeAlerts(w, board.Muted, "")
		}
		if board.Recipients == 0 {
			fmt.Fprintln(w, "\nnobody is told by mail (--alert-mail, --mail-server)")
		}
		if board.Waiting > 0 {
			fmt.Fprintf(w, "\n%d mails wait: %s\n", board.Waiting, cmp.Or(board.Problem, "they are being sent"))
		}
	})
}

func writeAlerts(w io.Writer, alerts []hub.Alert, none string) {
	if len(alerts) == 0 {
		fmt.Fprintln(w, none)
		return
	}
	t := text.Table{Head: []string{"ALERT", "WHAT", "SINCE", "ENDED", "TOLD", "SAID", "DETAIL"}}
	for i := range alerts {
		a := &alerts[i]
		t.Add(a.ID, alertSubject(a), text.Clock(a.First), text.Clock(a.Ended), text.Clock(a.Told), alertSaid(a), a.Detail)
	}
	t.Write(w)
}

// alertSubject says in a few words what an alert is about.
func alertSubject(a *hub.Alert) string {
	words := []string{string(a.Kind)}
	if a.Urgent {
		words = []string{"URGENT", string(a.Kind)}
	}
	if name := cmp.Or(a.Name, a.About); name != "" {
		words = append(words, name)
	}
	if a.Node != "" {
		words = append(words, "on", a.Node)
	}
	if a.Count > 0 {
		words = append(words, strconv.FormatInt(a.Count, 10))
	}
	if !a.At.IsZero() {
		words = append(words, text.Clock(a.At))
	}
	return strings.Join(words, " ")
}

// alertSaid is what operators said of an alert.
func alertSaid(a *hub.Alert) string {
	var said []string
	if a.Seen != nil {
		said = append(said, a.Seen.By+": "+a.Seen.Reason)
	}
	if a.Muted != nil {
		said = append(said, fmt.Sprintf("muted until %s by %s: %s", a.Muted.Until.In(hub.Vietnam()).Format(time.DateOnly), a.Muted.By, a.Muted.Reason))
	}
	return cmp.Or(strings.Join(said, "; "), "-")
}

type alertsAcknowledge struct {
	connection `embed:""`
	Alert      string `arg:"" help:"The alert by its id."`
	Reason     string `required:"" help:"What you do about it, for the other operators."`
}

// Run acknowledges an alert.
func (c *alertsAcknowledge) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	return client.AcknowledgeAlert(ctx, c.Alert, c.Reason)
}

type alertsMute struct {
	connection `embed:""`
	Alert      string `arg:"" help:"The alert by its id."`
	Days       int    `default:"7" help:"For how many days, 1 to 365."`
	Reason     string `required:"" help:"Why, for the other operators."`
}

// Run mutes the cause of an alert.
func (c *alertsMute) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	return client.MuteAlert(ctx, c.Alert, c.Reason, c.Days)
}

type alertsUnmute struct {
	connection `embed:""`
	Alert      string `arg:"" help:"The alert by its id."`
}

// Run lets mails be written again.
func (c *alertsUnmute) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	return client.UnmuteAlert(ctx, c.Alert)
}
