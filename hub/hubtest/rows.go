package hubtest

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
)

type dispatchRow struct {
	dispatch   hub.Dispatch
	deliveries []hub.DeliveryID // in the order of the recipients
	receipt    hub.EvidenceID
	reports    []hub.SignatureReport
	search     string
}

// deliveryRow keeps the lease apart, because leases change no version.
type deliveryRow struct {
	delivery hub.Delivery // without its lease
	fence    int64        // of the last lease, 0 before the first
	holder   string
	until    time.Time // zero: no lease, or given back
	ended    time.Time // zero: it has not
}

// view puts the delivery together.
func (r *deliveryRow) view() hub.Delivery {
	d := clone(r.delivery)
	if !r.until.IsZero() {
		d.Lease = &hub.Lease{Fence: r.fence, Holder: r.holder, Until: r.until}
	}
	return d
}

func (m *Memory) item(r *deliveryRow) hub.Item {
	return hub.Item{Dispatch: clone(m.dispatches[r.delivery.Dispatch].dispatch), Delivery: r.view()}
}

func (m *Memory) sentItem(r *dispatchRow) hub.SentItem {
	s := hub.SentItem{Dispatch: clone(r.dispatch)}
	for _, id := range r.deliveries {
		s.Deliveries = append(s.Deliveries, m.deliveries[id].view())
	}
	return s
}

// FindAccepted returns the first acceptance; the key decides before the external id.
func (m *Memory) FindAccepted(_ context.Context, sender hub.AgencyID, key, externalID string, op hub.Operation) (hub.Accepted, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	row := m.find(sender, key, externalID, op)
	if row == nil {
		return hub.Accepted{}, notFound("dispatch")
	}
	return m.accepted(row), nil
}

func (m *Memory) find(sender hub.AgencyID, key, externalID string, op hub.Operation) *dispatchRow {
	var byID *dispatchRow
	for _, row := range m.dispatches {
		d := &row.dispatch
		switch {
		case d.Sender != sender:
		case key != "" && d.Key == key:
			return row
		case d.ExternalID == externalID && d.Operation == op:
			byID = row
		}
	}
	return byID
}

func (m *Memory) accepted(row *dispatchRow) hub.Accepted {
	s := m.sentItem(row)
	receipt, _ := m.evidence(row.receipt)
	return hub.Accepted{Dispatch: s.Dispatch, Deliveries: s.Deliveries, Receipt: receipt}
}

// Accept records an acceptance once.
func (m *Memory) Accept(ctx context.Context, a hub.Acceptance) (hub.Accepted, error) {
	if err := m.change(ctx, "Accept"); err != nil {
		return hub.Accepted{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(a.Evidence) == 0 {
		return hub.Accepted{}, hub.Internal("an acceptance without its evidence", nil)
	}
	d := &a.Dispatch
	if first := m.find(d.Sender, d.Key, d.ExternalID, d.Operation); first != nil {
		found := m.accepted(first)
		if first.dispatch.Fingerprint != d.Fingerprint {
			return hub.Accepted{}, hub.Errorf(hub.KindConflict, "external_id", "duplicate",
				"this id or key already stands for dispatch %s with other content", first.dispatch.ID)
		}
		found.Duplicate = true
		return found, nil
	}
	if o := d.Origin; o != nil && (m.dispatches[o.Dispatch] == nil || m.dispatches[o.Dispatch].dispatch.Purged != nil) {
		return hub.Accepted{}, hub.Errorf(hub.KindNotFound, "delivery", "purged", "the content of dispatch %s was removed", o.Dispatch)
	}
	if err := m.consistent(&a); err != nil {
		return hub.Accepted{}, err
	}
	commit, results := m.prepare(a.Changes, a.Evidence...)
	if slices.ContainsFunc(results, func(err error) bool { return err != nil }) {
		return hub.Accepted{}, hub.Errorf(hub.KindConflict, "document.business", hub.RuleChanged, "an earlier delivery changed at the same moment")
	}
	if err := commit(); err != nil {
		return hub.Accepted{}, err
	}
	row := &dispatchRow{dispatch: clone(*d), receipt: a.Evidence[0].Evidence.ID, reports: clone(a.Reports), search: searchText(d)}
	m.dispatches[d.ID] = row
	m.reports = append(m.reports, clone(a.Arrivals)...)
	for _, v := range a.Deliveries {
		row.deliveries = append(row.deliveries, v.ID)
		m.deliveries[v.ID] = &deliveryRow{delivery: clone(v)}
	}
	return m.accepted(row), nil
}

// consistent refuses ids that are taken and deliveries of another dispatch, as
// the keys of a database do.
func (m *Memory) consistent(a *hub.Acceptance) error {
	if _, taken := m.dispatches[a.Dispatch.ID]; taken {
		return hub.Internal("the dispatch id is taken", nil)
	}
	seen := map[hub.DeliveryID]bool{}
	for i := range a.Deliveries {
		id := a.Deliveries[i].ID
		if _, taken := m.deliveries[id]; taken || seen[id] || a.Deliveries[i].Dispatch != a.Dispatch.ID {
			return hub.Internal("the delivery id is taken, or it belongs to another dispatch", nil)
		}
		seen[id] = true
	}
	return nil
}

func searchText(d *hub.Dispatch) string {
	return hub.Fold(strings.Join([]string{
		d.Document.Number(), d.Document.Subject, d.SenderName, string(d.SenderCode), author(d),
		d.Document.Signer.FullName, d.Document.TypeName,
	}, " "))
}

// author is whose document a dispatch forwards.
func author(d *hub.Dispatch) string {
	if d.Origin == nil {
		return ""
	}
	return d.Origin.SenderName + " " + string(d.Origin.SenderCode)
}

// found reports whether all words of a search are contained.
func (r *dispatchRow) found(text string) bool {
	for word := range strings.FieldsSeq(hub.Fold(text)) {
		if !strings.Contains(r.search, word) {
			return false
		}
	}
	return true
}

// Item returns one delivery with its dispatch.
func (m *Memory) Item(_ context.Context, id hub.DeliveryID) (hub.Item, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	row, ok := m.deliveries[id]
	if !ok {
		return hub.Item{}, notFound("delivery")
	}
	return m.item(row), nil
}

// DispatchItem returns a dispatch with all its deliveries.
func (m *Memory) DispatchItem(_ context.Context, id hub.DispatchID) (hub.SentItem, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	row, ok := m.dispatches[id]
	if !ok {
		return hub.SentItem{}, notFound("dispatch")
	}
	return m.sentItem(row), nil
}

// DispatchShare returns a dispatch with its deliveries to these recipients.
func (m *Memory) DispatchShare(ctx context.Context, id hub.DispatchID, recipients []hub.AgencyID) (hub.SentItem, error) {
	item, err := m.DispatchItem(ctx, id)
	item.Deliveries = slices.DeleteFunc(item.Deliveries, func(d hub.Delivery) bool { return !slices.Contains(recipients, d.Recipient) })
	return item, err
}

// Items returns deliveries with their dispatches, by id.
func (m *Memory) Items(ctx context.Context, ids []hub.DeliveryID) ([]hub.Item, error) {
	var list []hub.Item
	for _, id := range slices.Compact(slices.Sorted(slices.Values(ids))) {
		if item, err := m.Item(ctx, id); err == nil {
			list = append(list, item)
		}
	}
	return list, nil
}

// DispatchShares returns dispatches with their deliveries to these recipients, by id.
func (m *Memory) DispatchShares(ctx context.Context, ids []hub.DispatchID, recipients []hub.AgencyID) ([]hub.SentItem, error) {
	var list []hub.SentItem
	for _, id := range slices.Compact(slices.Sorted(slices.Values(ids))) {
		if item, err := m.DispatchShare(ctx, id, recipients); err == nil {
			list = append(list, item)
		}
	}
	return list, nil
}

// Mailbox lists deliveries to an agency, urgent ones first, then oldest first.
func (m *Memory) Mailbox(_ context.Context, query hub.MailboxQuery) (hub.List[hub.Item], error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	states := query.States
	if len(states) == 0 {
		states = []hub.DeliveryState{hub.StateConsigned}
	}
	rows := m.choose(func(r *deliveryRow) bool {
		return r.delivery.Recipient == query.Agency && (query.Asked && r.delivery.Request.Open() || !query.Asked && slices.Contains(states, r.delivery.State)) &&
			(!query.Free || !r.until.After(query.Now)) && m.dispatches[r.delivery.Dispatch].found(query.Text) &&
			(query.Pressed == nil || presses(query.Pressed, &r.delivery, &m.dispatches[r.delivery.Dispatch].dispatch))
	})
	page, next, err := listing[*deliveryRow]{name: "mailbox", rows: rows, key: (*deliveryRow).urgency}.cut(query.Page)
	list := hub.List[hub.Item]{Next: next}
	for _, r := range page {
		list.Items = append(list.Items, m.item(r))
	}
	return list, err
}

// presses reports whether a delivery is among those that press.
func presses(p *hub.Pressed, d *hub.Delivery, of *hub.Dispatch) bool {
	in := func(spans []hub.ArrivalSpan) bool {
		return slices.ContainsFunc(spans, func(s hub.ArrivalSpan) bool {
			return s.Urgent == d.Urgent && s.Awaits == d.AwaitsNow() && s.Contains(d.Arrived(of))
		})
	}
	due := d.FirstDue()
	if due != "" && due <= p.DueUntil {
		return due >= p.DueFrom && !in(p.Worse)
	}
	return in(p.Spans)
}

// Sent lists dispatches of a sender, newest first.
func (m *Memory) Sent(_ context.Context, query hub.SentQuery) (hub.List[hub.SentItem], error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var rows []*dispatchRow
	for _, r := range m.dispatches {
		if m.matches(r, &query) {
			rows = append(rows, r)
		}
	}
	newestFirst := func(a, b string) int { return strings.Compare(b, a) }
	page, next, err := listing[*dispatchRow]{name: "sent", rows: rows, key: (*dispatchRow).id, order: newestFirst}.cut(query.Page)
	list := hub.List[hub.SentItem]{Next: next}
	for _, r := range page {
		list.Items = append(list.Items, m.sentItem(r))
	}
	return list, err
}

func (m *Memory) matches(r *dispatchRow, query *hub.SentQuery) bool {
	d := &r.dispatch
	return d.Sender == query.Agency &&
		(query.ExternalID == "" || d.ExternalID == query.ExternalID) &&
		(query.Number == "" || d.Document.Number() == query.Number) &&
		r.found(query.Text) &&
		(len(query.States) == 0 || slices.ContainsFunc(r.deliveries, func(id hub.DeliveryID) bool {
			return slices.Contains(query.States, m.deliveries[id].delivery.State)
		}))
}

// choose returns the deliveries that fit, by id.
func (m *Memory) choose(fits func(*deliveryRow) bool) []*deliveryRow {
	var rows []*deliveryRow
	for _, id := range slices.Sorted(maps.Keys(m.deliveries)) {
		if r := m.deliveries[id]; fits(r) {
			rows = append(rows, r)
		}
	}
	return rows
}

func (r *dispatchRow) id() string { return string(r.dispatch.ID) }

// urgency sorts urgent deliveries first, then older ones.
func (r *deliveryRow) urgency() string {
	if r.delivery.Urgent {
		return "0" + string(r.delivery.ID)
	}
	return "1" + string(r.delivery.ID)
}

// LinksTo lists the later dispatches that point to one, oldest first.
func (m *Memory) LinksTo(_ context.Context, id hub.DispatchID, limit int) ([]hub.Link, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var links []hub.Link
	for _, later := range slices.Sorted(maps.Keys(m.dispatches)) {
		for _, l := range m.dispatches[later].dispatch.Links {
			if l.Dispatch == id {
				links = append(links, hub.Link{Kind: l.Kind, Dispatch: later})
			}
		}
	}
	return links[:min(limit, len(links))], nil
}
