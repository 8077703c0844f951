package audit

import (
	"context"

	"github.com/lienthong/lienthong/hub"
)

// Store reads evidences. It never changes one: they are written by the stores of
// the services, in the transaction of the act that they prove.
type Store interface {
	Evidences(ctx context.Context, query hub.EvidenceQuery) (hub.List[hub.SealedEvidence], error)
	// Evidence answers KindNotFound when there is none.
	Evidence(ctx context.Context, id hub.EvidenceID) (hub.SealedEvidence, error)
	DispatchItem(ctx context.Context, dispatch hub.DispatchID) (hub.SentItem, error)
}

// Sealer makes evidences canonical (RFC 8785) and signs them (JWS, ES256), several
// with one signature. It returns them in order, and completes the links among them
// (hub.Evidence.Follow).
type Sealer interface {
	SealEvidence(ctx context.Context, evidence ...hub.Evidence) ([]hub.SealedEvidence, error)
}
