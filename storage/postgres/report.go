package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

// StatusReports lists the reports about a dispatch in the order of recording.
func (s *Store) StatusReports(ctx context.Context, id hub.DispatchID) ([]hub.StatusReport, error) {
	return collect(ctx, s, scanBody[hub.StatusReport],
		"SELECT body FROM status_reports WHERE dispatch = $1 ORDER BY position", string(id))
}

// SignatureReports returns the verdicts recorded at acceptance, in part order;
// KindNotFound when there is no such dispatch.
func (s *Store) SignatureReports(ctx context.Context, id hub.DispatchID) ([]hub.SignatureReport, error) {
	found, err := collect(ctx, s, scanBody[[]hub.SignatureReport], "SELECT reports FROM dispatches WHERE id = $1", string(id))
	return first(found, "dispatch", err)
}

// DeliveryVerdicts returns the verdicts on the documents of deliveries to a recipient.
func (s *Store) DeliveryVerdicts(ctx context.Context, recipient hub.AgencyID, deliveries []hub.DeliveryID, later string) ([]hub.DeliveryVerdicts, error) {
	return collect(ctx, s, scanVerdicts, `SELECT v.body, d.reports, n.body FROM unnest($1::text[]) AS j (id)
		CROSS JOIN LATERAL (SELECT * FROM deliveries WHERE id = j.id LIMIT 1) v
		CROSS JOIN LATERAL (SELECT * FROM dispatches WHERE id = v.dispatch LIMIT 1) d
		LEFT JOIN retention_notes n ON n.name = $2 || d.id WHERE v.recipient = $3`,
		deliveries, later, string(recipient))
}

func scanVerdicts(row pgx.CollectableRow) (hub.DeliveryVerdicts, error) {
	var delivery, reports, later []byte
	if err := row.Scan(&delivery, &reports, &later); err != nil {
		return hub.DeliveryVerdicts{}, err
	}
	return sqlkit.DecodeVerdicts(delivery, reports, later)
}

// MatchDelivery finds a delivery by what a status message says of its document:
// the external id, else the number and, when the message names it, the date.
func (s *Store) MatchDelivery(ctx context.Context, sender, recipient hub.AgencyID, ref hub.Reference) (hub.Item, error) {
	const delivery = ` CROSS JOIN LATERAL (SELECT * FROM deliveries v WHERE v.dispatch = d.id
		AND v.id BETWEEN d.first_delivery AND d.last_delivery AND v.recipient = $2 ORDER BY v.position LIMIT 1) v `
	found, err := s.items(ctx, itemsOf(`(SELECT * FROM (
			(SELECT 0 AS rank, v.* FROM acceptances a CROSS JOIN LATERAL (SELECT * FROM dispatches WHERE id = a.dispatch LIMIT 1) d`+delivery+`
				WHERE a.sender = $1 AND a.external_id = $3 AND $3 <> '' ORDER BY d.id DESC LIMIT 1)
			UNION ALL
			(SELECT 1, v.* FROM dispatches d`+delivery+`
				WHERE d.sender = $1 AND d.number = $4 AND $4 <> '' AND ($5 = '' OR d.promulgated = $5) ORDER BY d.id DESC LIMIT 1)
			) m ORDER BY rank LIMIT 1) v`, "id"),
		string(sender), string(recipient), ref.ExternalID, ref.Number, string(ref.Promulgated))
	if err == nil && len(found) == 0 {
		err = hub.Errorf(hub.KindNotFound, "response_for", "", "no delivery to this agency is known of that document")
	}
	return first(found, "delivery", err)
}
