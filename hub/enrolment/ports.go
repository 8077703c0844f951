package enrolment

import (
	"context"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Store keeps enrolments.
type Store interface {
	// SaveEnrolment inserts a new one and MUST be durable when it returns.
	SaveEnrolment(ctx context.Context, e hub.Enrolment) error
	// Enrolments lists all, oldest first.
	Enrolments(ctx context.Context) ([]hub.Enrolment, error)
	// EnrolmentByHash answers KindNotFound when there is none.
	EnrolmentByHash(ctx context.Context, hash hub.Digest) (hub.Enrolment, error)
	// CloseEnrolment replaces an enrolment that was neither redeemed nor revoked, inserts
	// the keys issued with it and ends others, in one transaction that is durable when it
	// returns. KindConflict, with nothing done, when it is closed already. A key that ends
	// sooner by now stays as it is, and nothing but the end of a key is changed.
	CloseEnrolment(ctx context.Context, e hub.Enrolment, issued []hub.APIKey, ended []hub.KeyEnd) error
}

// KeyStore lists all keys.
type KeyStore interface {
	Keys(ctx context.Context) ([]hub.APIKey, error)
}

// Keys makes credentials.
type Keys interface {
	// Draft checks and draws a key, which is not saved, and its secret.
	Draft(ctx context.Context, key hub.APIKey) (hub.APIKey, string, error)
	// Forget has the keys read anew, because others saved some.
	Forget()
}

// Directory finds agencies.
type Directory interface {
	ByID(id hub.AgencyID) (*hub.Agency, bool)
}

// Grantor gives credentials that are kept elsewhere than among the keys of the hub.
type Grantor interface {
	// Ready fails while Grant would.
	Ready(ctx context.Context) error
	// Grant makes what the agency needs, or gives what it has a new secret.
	Grant(ctx context.Context, agency *hub.Agency, at time.Time) (hub.Credential, error)
}

// Notes keeps acts in the log of the hub; what cannot be noted is not done.
type Notes interface {
	Note(ctx context.Context, kind hub.LogNoteKind, body any) error
}
