package edoc

import (
	"context"

	"github.com/lienthong/lienthong/hub"
)

// takeDocument submits a document. A DocumentId is not unique in practice, so one that
// stands for another package already is no reason to refuse: the package goes on under
// the id with a mark made from its content, the same for every repetition.
func (d *Desk) takeDocument(ctx context.Context, c *Caller, sub *hub.Submission, to []string) (string, error) {
	sub.Format, sub.ReceivedAt, sub.TraceID = hub.FormatEdXML, c.At.UTC(), c.Request
	if len(to) > 0 {
		sub.Recipients = to
	}
	accepted, err := d.Intake.Submit(ctx, c.Actor, *sub)
	if err != nil && isDuplicate(err) {
		if marked := sub.MarkedID(maxExternalID); marked != "" {
			if b := &sub.Document.Business; sub.Operation == hub.OperationRecall && b.EarlierID == "" {
				b.EarlierID = sub.ExternalID // the header repeats that of the recalled document
			}
			sub.ExternalID = marked
			accepted, err = d.Intake.Submit(ctx, c.Actor, *sub)
		}
	}
	return string(accepted.Dispatch.ID), err
}

func isDuplicate(err error) bool {
	v := hub.ViolationsOf(err)[0]
	return v.Kind == hub.KindConflict && v.Rule == "duplicate"
}

// maxExternalID is the longest id that the hub takes, in characters.
const maxExternalID = 200

// takeStatus records a status message. Some senders name themselves where the message
// should say whom it is for; then the owner of the document's id is meant.
func (d *Desk) takeStatus(ctx context.Context, c *Caller, m *hub.StatusMessage) (string, error) {
	m.FindAddressee(func(code string) (hub.Resolution, error) { return d.Directory.Resolve(code, c.At) })
	if m.Description == "" && reasoned(m.Code) {
		m.Description = noReason
	}
	sealed, err := d.Recipient.ReportMessage(ctx, c.Actor, *m)
	if err != nil && hub.KindOf(err) == hub.KindNotFound && d.Strays != nil {
		id, stray := d.Strays.PassOn(ctx, c.Actor, *m)
		if hub.KindOf(stray) != hub.KindNotFound || stray == nil {
			return id, stray
		}
	}
	return string(sealed.Evidence.ID), err
}

// noReason stands where the hub needs a reason and the format leaves one out.
const noReason = "(không nêu lý do)"

func reasoned(code hub.StatusCode) bool {
	return code == hub.StatusRefused || code == hub.StatusRecallAsked || code == hub.StatusChangeRefused
}
