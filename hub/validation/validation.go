// Package validation keeps what verdicts on signatures were made from: certificates,
// revocation lists, responses of authorities. Authorities end, and what they published
// goes; with the archive the verdict can be given again. And it has verdicts that could
// not be decided given again, when roots or lists have come that were missing.
//
// It promises: a piece is durable before Keep returns, and so before the verdict that
// names it is recorded; it is kept once, by its digest, however many verdicts name it;
// it is never removed, also not when the content of a dispatch is purged; what comes out
// has the digest that it went in by. What was recorded at acceptance never changes: another
// verdict stands beside it, with its time, and is evidence of its own for all parties of
// the dispatch. It judges nothing itself.
package validation

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"sync"

	"github.com/lienthong/lienthong/hub"
)

// Notes keeps pieces by name.
type Notes interface {
	// SaveNotes inserts or replaces notes in one transaction and MUST NOT return before
	// they are durable.
	SaveNotes(ctx context.Context, notes ...hub.RetentionNote) error
	// Note answers KindNotFound when there is none.
	Note(ctx context.Context, name string) (hub.RetentionNote, error)
	Notes(ctx context.Context, query hub.NotesQuery) ([]hub.RetentionNote, error)
}

// Reports shows the verdicts on a dispatch to those who may see it.
type Reports interface {
	SignatureReports(ctx context.Context, actor hub.Actor, id hub.DispatchID) ([]hub.SignatureReport, error)
}

// Service is the archive. It is safe for concurrent use.
type Service struct {
	notes   Notes
	reports Reports
	boxes   Boxes

	mu   sync.Mutex
	kept map[hub.Digest]bool // pieces that are known to be durable
}

// New returns a Service.
func New(notes Notes, reports Reports, boxes Boxes) *Service {
	return &Service{notes: notes, reports: reports, boxes: boxes, kept: map[hub.Digest]bool{}}
}

const (
	prefix   = "material/" // the digest follows
	maxPiece = 32 << 20    // bytes; above any list of an authority
	maxKept  = 1 << 16     // digests in memory; beyond it they are forgotten and kept again
)

// Keep makes pieces durable and returns their names in the same order. The same pieces
// come with almost every document, so that this costs a transaction only for new ones.
func (s *Service) Keep(ctx context.Context, pieces []hub.Material) ([]hub.MaterialRef, error) {
	var refs []hub.MaterialRef
	var fresh []hub.RetentionNote
	for i := range pieces {
		p := &pieces[i]
		if len(p.DER) > maxPiece {
			return nil, hub.Errorf(hub.KindTooLarge, "material", "max_size", "a %s of %d bytes is above what is archived", p.Kind, len(p.DER))
		}
		refs = append(refs, p.Ref())
		if s.has(p.SHA256) {
			continue
		}
		n, err := encode(prefix+p.SHA256.String(), p)
		if err != nil {
			return nil, err
		}
		fresh = append(fresh, n)
	}
	if len(fresh) == 0 {
		return refs, nil
	}
	if err := s.notes.SaveNotes(ctx, fresh...); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.kept)+len(refs) > maxKept {
		clear(s.kept)
	}
	for _, r := range refs {
		s.kept[r.SHA256] = true
	}
	return refs, nil
}

func (s *Service) has(digest hub.Digest) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kept[digest]
}

// Archive returns the verdicts on a dispatch with all that they were made from, to those
// who may see the dispatch. A piece that is missing or damaged is KindInternal: it was
// promised. Later looks at the verdicts and their material are in it, too.
func (s *Service) Archive(ctx context.Context, actor hub.Actor, id hub.DispatchID) (hub.ValidationArchive, error) {
	a := hub.ValidationArchive{Dispatch: id, Reports: []hub.SignatureReport{}, Material: []hub.Material{}}
	reports, later, err := s.Verdicts(ctx, actor, id)
	if err != nil {
		return a, err
	}
	a.Reports, a.Rechecks = append(a.Reports, reports...), later
	for i := range a.Rechecks {
		if again := a.Rechecks[i].Report; again != nil {
			reports = append(reports, *again)
		}
	}
	seen := map[hub.Digest]bool{}
	for _, r := range reports {
		for _, ref := range r.Material {
			if seen[ref.SHA256] {
				continue
			}
			seen[ref.SHA256] = true
			piece, err := s.piece(ctx, ref)
			if err != nil {
				return a, err
			}
			a.Material = append(a.Material, piece)
		}
	}
	return a, nil
}

func (s *Service) piece(ctx context.Context, ref hub.MaterialRef) (hub.Material, error) {
	var p hub.Material
	n, err := s.notes.Note(ctx, prefix+ref.SHA256.String())
	if err != nil {
		if hub.KindOf(err) == hub.KindNotFound {
			err = hub.Internal("archived material "+ref.SHA256.String()+" is not there", err)
		}
		return p, err
	}
	if err := json.Unmarshal(n.Body, &p); err != nil {
		return p, hub.Internal("decode archived material", err)
	}
	if sha256.Sum256(p.DER) != ref.SHA256 || p.Kind != ref.Kind {
		return p, hub.Internal("archived material "+ref.SHA256.String()+" is damaged", nil)
	}
	return p, nil
}
