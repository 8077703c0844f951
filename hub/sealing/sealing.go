// Package sealing puts the seal of an agency on documents that the agency's own systems
// hand in, with a key that the operator has set up for it.
//
// It promises: only a key (API) that speaks for the agency and has the scope seal gets
// its seal; every sealed document is in the log, by digests, before anybody gets it; and
// nobody learns which other agencies have a seal here. It keeps no document. The caller
// gives nothing out before Seal has returned.
package sealing

import (
	"context"
	"crypto/sha256"
	"io"
	"slices"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Signer signs with the seals that are set up.
type Signer interface {
	// HasSeal reports whether one is set up for the agency, in reach now or not.
	HasSeal(agency hub.AgencyID) bool
	// Seal writes the sealed file to out and returns the SHA-256 of the certificate. On
	// error, what out has got must be thrown away. KindUnavailable: try again later.
	Seal(ctx context.Context, order hub.SealOrder, in io.ReaderAt, size int64, out io.Writer) (hub.Digest, error)
}

// Directory finds agencies.
type Directory interface {
	ByID(id hub.AgencyID) (*hub.Agency, bool)
}

// Notes puts facts where the log takes them from, durably.
type Notes interface {
	Note(ctx context.Context, kind hub.LogNoteKind, fact any) error
}

// Options are what the service needs; all fields are required.
type Options struct {
	Signer    Signer
	Directory Directory
	Notes     Notes
	Now       func() time.Time
}

// Service seals. It is safe for concurrent use.
type Service struct{ Options }

// New returns the service.
func New(o Options) *Service { return &Service{o} }

// MaySeal returns nil when the actor may have this sealed: before a byte of the document
// is read. Errors: KindDenied without the scope, for another agency and for one that has
// closed; KindNotFound when no seal is set up; KindInvalid for an unknown role.
func (s *Service) MaySeal(actor hub.Actor, order hub.SealOrder) error {
	_, err := s.check(actor, order)
	return err
}

func (s *Service) check(actor hub.Actor, order hub.SealOrder) (*hub.Agency, error) {
	if err := actor.SpeaksFor(order.Agency, hub.ScopeSeal); err != nil {
		return nil, err
	}
	if !slices.Contains(hub.SealRoles(), order.Role) {
		return nil, hub.Invalid("role", "code_list", "%q is not a role of a seal; they are %v", order.Role, hub.SealRoles())
	}
	agency, ok := s.Directory.ByID(order.Agency)
	if !ok || !agency.LivesAt(s.Now()) {
		return nil, hub.Errorf(hub.KindDenied, "agency", "closed", "the agency is not in force; its seal is no longer used")
	}
	if !s.Signer.HasSeal(order.Agency) {
		return nil, hub.Errorf(hub.KindNotFound, "agency", "seal", "no seal is set up for this agency; the operator does that (serve --seals)")
	}
	return agency, nil
}

// Seal seals the document and writes it to out, once it is in the log. Name and time of
// the order are set here. Errors: those of MaySeal and of the signer.
func (s *Service) Seal(ctx context.Context, actor hub.Actor, order hub.SealOrder, in hub.Blob, out io.Writer) (hub.SealFact, error) {
	agency, err := s.check(actor, order)
	if err != nil {
		return hub.SealFact{}, err
	}
	order.At = s.Now().In(hub.Vietnam()).Truncate(time.Second)
	order.Name = agency.NameAt(order.At)
	fact := hub.SealFact{Agency: order.Agency, Role: order.Role, Actor: actor.Name}
	digest := sha256.New()
	if _, err := io.Copy(digest, in); err != nil {
		return fact, hub.Internal("read the document to seal", err)
	}
	digest.Sum(fact.Input[:0])
	digest.Reset()
	if fact.Certificate, err = s.Signer.Seal(ctx, order, in, in.Size(), io.MultiWriter(out, digest)); err != nil {
		return fact, err
	}
	digest.Sum(fact.Output[:0])
	return fact, s.Notes.Note(ctx, hub.LogNoteSeal, fact)
}
