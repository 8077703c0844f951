package edoc

import (
	"context"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// ServiceType is the one service of these doors.
const ServiceType = "eDoc"

// The words for where a package is.
const (
	StateWaiting    = "initial"
	StateProcessing = "processing"
	StateDone       = "done"
	StateFail       = "fail"
)

// Row is a package that waits.
type Row struct {
	ID               string
	Type             string // TypeDocument or TypeStatus
	From, To         string // codes, as they stood in the document
	State            string
	Created, Updated time.Time
}

// Waiting gathers what waits of a kind for all agencies of the caller, at most limit
// rows: what is beyond comes when some of these were acknowledged. It goes by state and
// never by date, so that a row stays until it was acknowledged.
func (d *Desk) Waiting(ctx context.Context, c *Caller, kind string, limit int) ([]Row, error) {
	read := d.documents
	if kind == TypeStatus {
		read = d.statuses
	}
	var rows []Row
	for _, agency := range c.Actor.Agencies {
		if kind == TypeStatus && d.Strays != nil {
			strays, err := d.Strays.Strays(ctx, c.Actor, agency)
			if err != nil {
				return nil, err
			}
			for i := range strays[:min(len(strays), limit-len(rows))] {
				st := &strays[i]
				rows = append(rows, Row{ID: st.ID, Type: TypeStatus, From: st.From, To: st.To, State: StateWaiting, Created: st.At, Updated: st.At})
			}
		}
		for after := ""; len(rows) < limit; {
			more, next, err := read(ctx, c, agency, hub.Page{After: after, Limit: min(200, limit-len(rows))})
			if err != nil {
				return nil, err
			}
			rows = append(rows, more...)
			if after = next; next == "" {
				break
			}
		}
	}
	return rows, nil
}

func (d *Desk) documents(ctx context.Context, c *Caller, agency hub.AgencyID, page hub.Page) ([]Row, string, error) {
	list, err := d.Mailbox.Mailbox(ctx, c.Actor, hub.MailboxQuery{Agency: agency, Page: page})
	var rows []Row
	for i := range list.Items {
		it := &list.Items[i]
		rows = append(rows, Row{
			ID: string(it.Delivery.ID), Type: TypeDocument, State: StateOf(&it.Delivery, c.At),
			From: string(it.Dispatch.SenderCode), To: string(it.Delivery.AddressedAs),
			Created: it.Dispatch.AcceptedAt, Updated: it.Delivery.UpdatedAt,
		})
	}
	return rows, list.Next, err
}

func (d *Desk) statuses(ctx context.Context, c *Caller, agency hub.AgencyID, page hub.Page) ([]Row, string, error) {
	list, err := d.Notices.Notices(ctx, c.Actor, agency, page)
	var rows []Row
	for i := range list.Items {
		n := &list.Items[i]
		from, to := endsOf(n)
		rows = append(rows, Row{
			ID: n.Report.ID, Type: TypeStatus, From: from, To: to, State: StateWaiting,
			Created: n.Report.RecordedAt, Updated: n.Report.RecordedAt,
		})
	}
	return rows, list.Next, err
}

// endsOf are the codes of who reports and whom it is for, as they stood in the document.
func endsOf(n *hub.Notice) (from, to string) {
	sender, recipient := string(n.Item.Dispatch.SenderCode), string(n.Item.Delivery.AddressedAs)
	if n.Report.Reporter == n.Item.Dispatch.Sender {
		return sender, recipient
	}
	return recipient, sender
}

// StateOf is the word for a delivery.
func StateOf(d *hub.Delivery, now time.Time) string {
	switch d.State {
	case hub.StateHandedOver, hub.StateAccepted:
		return StateDone
	case hub.StateQueued:
		return StateWaiting
	case hub.StateConsigned:
		if d.Lease != nil && now.Before(d.Lease.Until) {
			return StateProcessing
		}
		return StateWaiting
	}
	return StateFail
}
