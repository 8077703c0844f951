package sqlite

import (
	"context"

	"github.com/lienthong/lienthong/hub"
)

// StatusReports lists the reports about a dispatch in the order of recording.
func (s *Store) StatusReports(ctx context.Context, id hub.DispatchID) ([]hub.StatusReport, error) {
	return collect(ctx, s.reader, scanBody[hub.StatusReport],
		"SELECT body FROM status_reports WHERE dispatch = ? ORDER BY position", string(id))
}

// SignatureReports returns the verdicts recorded at acceptance, in part order;
// KindNotFound when there is no such dispatch.
func (s *Store) SignatureReports(ctx context.Context, id hub.DispatchID) ([]hub.SignatureReport, error) {
	return one(ctx, s.reader, "dispatch", scanBody[[]hub.SignatureReport], "SELECT reports FROM dispatches WHERE id = ?", string(id))
}

// MatchDelivery finds a delivery by what a status message says of its document:
// the external id, else the number and, when the message names it, the date.
func (s *Store) MatchDelivery(ctx context.Context, sender, recipient hub.AgencyID, ref hub.Reference) (hub.Item, error) {
	const from = "SELECT " + deliveryColumns + " FROM dispatches d CROSS JOIN deliveries v ON v.dispatch = d.id WHERE d.sender = ?1 AND v.recipient = ?2"
	// CROSS JOIN and the plus keep the database from walking a whole mailbox or all
	// dispatches of the sender instead of looking the few up.
	const newest = " ORDER BY +d.id DESC, v.position LIMIT 1"
	if ref.ExternalID != "" {
		found, err := items(ctx, s.reader, s.reader, from+" AND d.external_id = ?3"+newest,
			string(sender), string(recipient), ref.ExternalID)
		if err != nil || len(found) > 0 {
			return firstItem(found), err
		}
	}
	if ref.Number != "" {
		found, err := items(ctx, s.reader, s.reader, from+" AND d.number = ?3 AND (?4 = '' OR d.promulgated = ?4)"+newest,
			string(sender), string(recipient), ref.Number, string(ref.Promulgated))
		if err != nil || len(found) > 0 {
			return firstItem(found), err
		}
	}
	return hub.Item{}, hub.Errorf(hub.KindNotFound, "response_for", "", "no delivery to this agency is known of that document")
}

func firstItem(found []hub.Item) hub.Item {
	if len(found) == 0 {
		return hub.Item{}
	}
	return found[0]
}
