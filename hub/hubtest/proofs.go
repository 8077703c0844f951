package hubtest

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/lienthong/lienthong/hub"
)

type evidenceRow struct {
	rejected hub.AgencyID // sender of a refused submission, else empty
	sealed   hub.SealedEvidence
}

// view copies, so that nobody can change what was recorded.
func (r *evidenceRow) view() hub.SealedEvidence {
	s := r.sealed
	s.Evidence, s.Canonical = clone(s.Evidence), bytes.Clone(s.Canonical)
	return s
}

// addEvidence records evidences, or none of them.
func (m *Memory) addEvidence(rejected hub.AgencyID, sealed []hub.SealedEvidence) error {
	for i := range sealed {
		id := sealed[i].Evidence.ID
		same := func(s hub.SealedEvidence) bool { return s.Evidence.ID == id }
		if _, known := m.evidence(id); known || slices.ContainsFunc(sealed[:i], same) {
			return hub.Internal(fmt.Sprintf("evidence %s is recorded already", id), nil)
		}
	}
	for i := range sealed {
		row := evidenceRow{rejected, sealed[i]}
		m.evidences = append(m.evidences, evidenceRow{rejected, row.view()})
	}
	return nil
}

func (m *Memory) evidence(id hub.EvidenceID) (hub.SealedEvidence, bool) {
	for i := range m.evidences {
		if m.evidences[i].sealed.Evidence.ID == id {
			return m.evidences[i].view(), true
		}
	}
	return hub.SealedEvidence{}, false
}

// Reject records the evidence of a refused submission.
func (m *Memory) Reject(ctx context.Context, sender hub.AgencyID, evidence hub.SealedEvidence) error {
	if err := m.change(ctx, "Reject"); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.addEvidence(sender, []hub.SealedEvidence{evidence})
}

// Evidence returns one evidence.
func (m *Memory) Evidence(_ context.Context, id hub.EvidenceID) (hub.SealedEvidence, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	sealed, ok := m.evidence(id)
	if !ok {
		return hub.SealedEvidence{}, notFound("evidence")
	}
	return sealed, nil
}

// Evidences lists evidences in the order of recording.
func (m *Memory) Evidences(_ context.Context, query hub.EvidenceQuery) (hub.List[hub.SealedEvidence], error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var places []int
	for i := range m.evidences {
		r := &m.evidences[i]
		if (query.Dispatch == "" || r.sealed.Evidence.Dispatch == query.Dispatch) &&
			(query.Delivery == "" || r.sealed.Evidence.Delivery == query.Delivery) &&
			(query.Sender == "" || r.rejected == query.Sender) &&
			(!query.Whole || r.sealed.Evidence.Delivery == "") {
			places = append(places, i)
		}
	}
	place := func(i int) string { return fmt.Sprintf("%012d", i) }
	page, next, err := listing[int]{name: "evidence", rows: places, key: place}.cut(query.Page)
	list := hub.List[hub.SealedEvidence]{Next: next}
	for _, i := range page {
		list.Items = append(list.Items, m.evidences[i].view())
	}
	return list, err
}

// StatusReports lists the reports about a dispatch in the order of recording.
func (m *Memory) StatusReports(_ context.Context, id hub.DispatchID) ([]hub.StatusReport, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []hub.StatusReport
	for _, r := range m.reports {
		if r.Dispatch == id {
			list = append(list, clone(r))
		}
	}
	return list, nil
}

// SignatureReports returns the verdicts recorded at acceptance.
func (m *Memory) SignatureReports(_ context.Context, id hub.DispatchID) ([]hub.SignatureReport, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	row, ok := m.dispatches[id]
	if !ok {
		return nil, notFound("dispatch")
	}
	return clone(row.reports), nil
}

// DeliveryVerdicts returns the verdicts on the documents of deliveries to a recipient.
func (m *Memory) DeliveryVerdicts(_ context.Context, recipient hub.AgencyID, deliveries []hub.DeliveryID, later string) ([]hub.DeliveryVerdicts, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []hub.DeliveryVerdicts
	for _, id := range deliveries {
		if row, ok := m.deliveries[id]; ok && row.delivery.Recipient == recipient {
			dispatch := row.delivery.Dispatch
			found = append(found, hub.DeliveryVerdicts{
				Delivery: clone(row.delivery), Reports: clone(m.dispatches[dispatch].reports),
				Later: bytes.Clone(m.notes[later+string(dispatch)].Body),
			})
		}
	}
	return found, nil
}

// MatchDelivery finds a delivery by the external id of its document, else by
// number and, when it is named, date; of several the newest.
func (m *Memory) MatchDelivery(_ context.Context, sender, recipient hub.AgencyID, ref hub.Reference) (hub.Item, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	byID := func(d *hub.Dispatch) bool { return ref.ExternalID != "" && d.ExternalID == ref.ExternalID }
	byNumber := func(d *hub.Dispatch) bool {
		return ref.Number != "" && d.Document.Number() == ref.Number &&
			(ref.Promulgated == "" || d.Document.Promulgated == ref.Promulgated)
	}
	for _, fits := range []func(*hub.Dispatch) bool{byID, byNumber} {
		rows := m.choose(func(r *deliveryRow) bool {
			d := &m.dispatches[r.delivery.Dispatch].dispatch
			return r.delivery.Recipient == recipient && d.Sender == sender && fits(d)
		})
		if len(rows) > 0 {
			newest := slices.MaxFunc(rows, func(a, b *deliveryRow) int {
				return strings.Compare(string(a.delivery.Dispatch), string(b.delivery.Dispatch))
			})
			return m.item(newest), nil
		}
	}
	return hub.Item{}, notFound("response_for")
}
