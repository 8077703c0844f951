package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/text"
	"github.com/lienthong/lienthong/hub"
)

type recallCommand struct {
	connection `embed:""`
	Dispatch   string   `arg:"" help:"Dispatch to take back."`
	Reason     string   `required:"" help:"Why; the recipients read it."`
	To         []string `help:"Only from these recipients, by code; from all when left out."`
}

// Run takes a document back, or asks for it where it was handed over.
func (c *recallCommand) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	outcomes, err := client.Recall(ctx, hub.DispatchID(c.Dispatch), c.To, c.Reason)
	if err != nil {
		return err
	}
	return e.print(outcomes, func(w io.Writer) {
		t := text.Table{Head: []string{"RECIPIENT", "RESULT", "DELIVERY", "RECEIPT"}}
		for _, o := range outcomes {
			receipt := ""
			if o.Receipt != nil {
				receipt = string(o.Receipt.Evidence.ID)
			}
			t.Add(text.Short(o.Name, 40), outcomeText(o.Outcome), string(o.Delivery), receipt)
		}
		t.Write(w)
	})
}

func outcomeText(r hub.RecallResult) string {
	switch r {
	case hub.RecallWithdrawn:
		return "withdrawn before the hand-over"
	case hub.RecallAsked:
		return "asked; the recipient decides"
	case hub.RecallAgreed:
		return "given back"
	case hub.RecallRefused:
		return "the recipient keeps it"
	}
	return "nothing to take back"
}

type forwardCommand struct {
	connection `embed:""`
	Delivery   string   `arg:"" help:"Delivery whose document to hand on; it must have been acknowledged."`
	To         []string `required:"" help:"Agency or unit of the same house (code); repeat or separate by commas."`
	Note       string   `help:"Words for the recipients."`
	Key        string   `help:"Your own key of this act. Without one the same order again is the same act; with another key it is carried out again."`
}

// Run forwards what was received.
func (c *forwardCommand) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	accepted, err := client.Forward(ctx, hub.ForwardOrder{Delivery: hub.DeliveryID(c.Delivery), Recipients: c.To, Note: c.Note, Key: c.Key})
	if err != nil {
		return err
	}
	return e.print(accepted, func(w io.Writer) {
		verb := map[bool]string{true: "forwarded before", false: "forwarded"}[accepted.Duplicate]
		fmt.Fprintf(w, "%s: %s of %s (dispatch %s, receipt %s)\n", verb, accepted.Dispatch.Document.Number(), accepted.Dispatch.AuthorName(),
			accepted.Dispatch.ID, accepted.Receipt.Evidence.ID)
		t := text.Table{Head: []string{"RECIPIENT", "NAME", "STATE", "DELIVERY"}}
		for _, v := range accepted.Deliveries {
			t.Add(string(v.AddressedAs), text.Short(v.Name, 40), string(v.State), string(v.ID))
		}
		t.Write(w)
	})
}

type linksCommand struct {
	connection `embed:""`
	Dispatch   string `arg:"" help:"Dispatch whose links to show."`
}

// Run lists what a dispatch recalls, updates, replaces or answers, and what does so to it.
func (c *linksCommand) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	links, err := client.Links(ctx, hub.DispatchID(c.Dispatch))
	if err != nil {
		return err
	}
	return e.print(links, func(w io.Writer) {
		if len(links) == 0 {
			fmt.Fprintln(w, "no links")
			return
		}
		t := text.Table{Head: []string{"LINK", "NUMBER", "FROM", "SENT", "DISPATCH"}}
		for _, l := range links {
			t.Add(linkText(l.Kind), l.Number, text.Short(l.SenderName, 40), text.Clock(l.AcceptedAt), string(l.Dispatch))
		}
		t.Write(w)
	})
}

func linkText(k hub.LinkKind) string {
	switch k {
	case hub.LinkRecalledBy:
		return "recalled by"
	case hub.LinkUpdatedBy:
		return "updated by"
	case hub.LinkReplacedBy:
		return "replaced by"
	case hub.LinkAnsweredBy:
		return "answered by"
	case hub.LinkForwardedBy:
		return "forwarded by"
	}
	return string(k)
}

// requestText says what a sender asks of a recipient, and the answer.
func requestText(d *hub.Delivery) string {
	r := d.Request
	if r == nil {
		return ""
	}
	switch r.Answer {
	case hub.StatusChangeAccepted:
		return string(r.Operation) + " agreed"
	case hub.StatusChangeRefused:
		return string(r.Operation) + " refused: " + text.Short(r.AnswerReason, 40)
	}
	return string(r.Operation) + " asked: " + text.Short(r.Reason, 40)
}

// concerns says which earlier documents a submission is about.
func (c *sendCommand) concerns(sub *hub.Submission) error {
	d := &sub.Document
	d.Business.Reason = cmp.Or(c.Reason, d.Business.Reason)
	switch {
	case c.Updates != "" && len(c.Replaces) > 0:
		return hub.Invalid("replaces", "superfluous", "a document updates another or replaces others, not both")
	case c.Updates != "":
		sub.Operation, d.Business.EarlierID = hub.OperationUpdate, c.Updates
	case len(c.Replaces) > 0:
		sub.Operation = hub.OperationReplace
	}
	for _, id := range c.Replaces {
		d.Business.Replacements = append(d.Business.Replacements, hub.ReplacementInfo{ExternalID: id})
	}
	for _, answered := range c.Answers {
		code, id, ok := strings.Cut(answered, ":")
		if !ok || code == "" || id == "" {
			return hub.Invalid("answers", "form", "%q is not of the form CODE:ID", answered)
		}
		ref := hub.Reference{Agency: code, ExternalID: id}
		if strings.Contains(id, "/") && !strings.Contains(id, ",") {
			ref = hub.Reference{Agency: code, Number: id} // ids with a number in them also name code and date
		}
		d.ResponseFor = append(d.ResponseFor, ref)
	}
	return nil
}
