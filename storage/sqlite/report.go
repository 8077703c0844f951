package sqlite

import (
	"context"
	"database/sql"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
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

// DeliveryVerdicts returns the verdicts on the documents of deliveries to a recipient.
func (s *Store) DeliveryVerdicts(ctx context.Context, recipient hub.AgencyID, deliveries []hub.DeliveryID, later string) ([]hub.DeliveryVerdicts, error) {
	return collect(ctx, s.reader, scanVerdicts, `SELECT v.body, d.reports, n.body FROM json_each(?1) CROSS JOIN deliveries v ON v.id = json_each.value
		CROSS JOIN dispatches d ON d.id = v.dispatch LEFT JOIN retention_notes n ON n.name = ?2 || d.id WHERE v.recipient = ?3`,
		list(deliveries), later, string(recipient))
}

func scanVerdicts(rows *sql.Rows) (hub.DeliveryVerdicts, error) {
	var delivery, reports, later sql.RawBytes
	if err := rows.Scan(&delivery, &reports, &later); err != nil {
		return hub.DeliveryVerdicts{}, err
	}
	return sqlkit.DecodeVerdicts(delivery, reports, later)
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
