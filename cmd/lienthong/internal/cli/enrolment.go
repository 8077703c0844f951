package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/enrolsheet"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/text"
	"github.com/lienthong/lienthong/hub"
)

type enrolmentCommand struct {
	Create enrolmentCreate `cmd:"" help:"Make an enrolment and print its sheet; the code is shown this once."`
	List   enrolmentList   `cmd:"" help:"List enrolments, redeemed and revoked ones included."`
	Revoke enrolmentRevoke `cmd:"" help:"Revoke an enrolment that was not redeemed, at once."`
}

type enrolmentCreate struct {
	connection `embed:""`
	Agency     string        `arg:"" help:"Agency whose system is let in (code or id)."`
	Channel    []string      `default:"rest" enum:"rest,vxp,amqp,lgsp" help:"What credentials are for: rest, vxp, amqp, lgsp; repeat or separate by commas for several."`
	System     string        `help:"Id of the system, for vxp; without it, the code of the agency."`
	Client     string        `help:"Consumer key of the application, for lgsp; without it, the code of the agency."`
	Contact    string        `required:"" help:"Whom the integrator asks: name, telephone."`
	ValidFor   time.Duration `default:"72h" help:"How long the code is good, up to 720h."`
	Replace    bool          `help:"When it is redeemed, end the keys that the agency holds on these channels, --overlap later."`
	Overlap    time.Duration `default:"0s" help:"How long replaced keys still work, up to 720h."`
	PublicURL  string        `help:"Address of the hub for the agency, where it is another than --url."`
	HTML       string        `name:"html" type:"path" help:"Write the sheet to this file (mode 0600) as a page to print, instead of printing text."`
}

// Run makes an enrolment.
func (c *enrolmentCreate) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	wish := hubclient.NewEnrolment{
		Agency: c.Agency, System: c.System, Client: c.Client, Contact: c.Contact, Expires: time.Now().Add(c.ValidFor),
		Replace: c.Replace, Overlap: int64(c.Overlap / time.Second),
	}
	for _, channel := range c.Channel {
		wish.Channels = append(wish.Channels, hub.EnrolmentChannel(channel))
	}
	given, err := client.CreateEnrolment(ctx, wish)
	if err != nil {
		return err
	}
	agency, err := client.Agency(ctx, string(given.Enrolment.Agency), time.Time{})
	if err != nil {
		return err
	}
	address := c.PublicURL
	if address == "" {
		address = c.URL
	}
	sheet := enrolsheet.New(given.Enrolment, given.Code, agency.Agency, address)
	if c.HTML == "" {
		return e.print(given, func(w io.Writer) { sheet.WriteText(w) })
	}
	if err := writeFile(c.HTML, sheet.WriteHTML); err != nil {
		return err
	}
	given.Code = ""
	return e.print(given, func(w io.Writer) { fmt.Fprintln(w, c.HTML) })
}

type enrolmentList struct {
	connection `embed:""`
}

// Run lists enrolments.
func (c *enrolmentList) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	enrolments, err := client.Enrolments(ctx)
	if err != nil {
		return err
	}
	return e.print(enrolments, func(w io.Writer) {
		t := text.Table{Head: []string{"ENROLMENT", "AGENCY", "CHANNELS", "CREATED", "STATE"}}
		for i := range enrolments {
			n := &enrolments[i]
			t.Add(n.ID, string(n.Agency), joined(n.Channels), text.Clock(n.Created), enrolmentState(n, time.Now()))
		}
		t.Write(w)
	})
}

func enrolmentState(e *hub.Enrolment, now time.Time) string {
	switch {
	case !e.Redeemed.IsZero():
		return "redeemed " + text.Clock(e.Redeemed) + " for " + joined(e.Keys)
	case !e.Revoked.IsZero():
		return "revoked " + text.Clock(e.Revoked)
	case !e.OpenAt(now):
		return "expired " + text.Clock(e.Expires)
	}
	return "open until " + text.Clock(e.Expires)
}

type enrolmentRevoke struct {
	connection `embed:""`
	ID         string `arg:"" help:"Id of the enrolment, as enrolment list shows it."`
}

// Run revokes an enrolment.
func (c *enrolmentRevoke) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	if err := client.RevokeEnrolment(ctx, c.ID); err != nil {
		return err
	}
	return e.print(map[string]string{"revoked": c.ID}, func(w io.Writer) { fmt.Fprintln(w, "revoked", c.ID) })
}
