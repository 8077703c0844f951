package relay

import (
	"context"
	"slices"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// find looks on the axis for a package whose calls came to no known end, before it is
// handed over again: an axis that does not know it by its bytes would take it twice. It
// finds none where that cannot be told: the same bytes then go again.
//
// A number does not tell apart what an agency sends several times; a document that this
// hub sent under the same number before is therefore not looked for. Numbers begin anew
// every year, and what is written every year has one subject: what the axis has without a
// time may be of last year, when the system was at the axis itself.
func (h *handing) find(ctx context.Context, sent *hub.SentItem) (id string, err error) {
	d := &sent.Dispatch
	number := d.Document.Number()
	if len(h.record.Doubt) == 0 || d.Operation != hub.OperationNew || number == "" {
		return "", nil
	}
	same, err := h.Store.Sent(ctx, hub.SentQuery{Agency: d.Sender, Number: number, Page: hub.Page{Limit: 2}})
	if err != nil || len(same.Items) != 1 {
		return "", err
	}
	rows, err := h.Axis.Sent(ctx)
	if err != nil {
		if hub.ViolationsOf(err)[0].Rule == RuleAnswer {
			h.record.Looks++
		}
		if permanent(err) || hub.KindOf(err) == hub.KindNotFound || h.record.Looks > patience {
			return "", nil // this axis does not tell
		}
		return "", err
	}
	to := map[string][]string{} // recipients by id
	for _, r := range rows {
		early := r.At.Before(d.AcceptedAt.Add(-clockSlack)) // without a time, too
		if r.From == string(d.SenderCode) && r.Number == number && r.Subject == d.Document.Subject && !early {
			to[r.ID] = append(to[r.ID], r.To)
		}
	}
	if len(to) != 1 {
		return "", nil
	}
	for id, codes := range to {
		if !slices.ContainsFunc(h.record.To, func(code string) bool { return !slices.Contains(codes, code) }) {
			h.Log.InfoContext(ctx, "the axis has a dispatch whose handing over had no answer", "dispatch", d.ID, "axis_id", id)
			return id, nil
		}
	}
	return "", nil
}

// clockSlack is how far behind the clock of an axis may be.
const clockSlack = 5 * time.Minute
