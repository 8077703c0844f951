// Package signrules keeps what is asked of the signatures of senders: the rules for
// each sender and channel, and which certificates sign for which agency.
//
// It promises: every set of rules that was in force and every binding that ever was
// stays in the store, with who set it and when; a change counts on the node that made it
// at once, and on every other node as soon as it has refreshed; intake asks without a
// query. It judges no signature itself: intake does, by what it is told here.
package signrules

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Notes keeps what is remembered, by name.
type Notes interface {
	// RulesVersion grows with every change of rules of whatever kind.
	RulesVersion(ctx context.Context) (int64, error)
	// ChangeRules saves notes in one transaction when the rules are of the version,
	// which then grows by one; else nothing is saved (KindConflict).
	ChangeRules(ctx context.Context, version int64, notes ...hub.RetentionNote) error
	Notes(ctx context.Context, query hub.NotesQuery) ([]hub.RetentionNote, error)
}

// Options are what a Service needs; all of it.
type Options struct {
	Notes Notes
	Now   func() time.Time
	NewID func() string
	Log   *slog.Logger
}

// Service keeps the rules. It is safe for concurrent use.
type Service struct {
	Options
	changing sync.Mutex // one refresh at a time, so that none goes back
	current  atomic.Pointer[snapshot]
}

// snapshot is what is in force.
type snapshot struct {
	version  int64 // of the store
	rules    hub.SignatureRules
	bindings map[hub.AgencyID][]hub.CertificateBinding
}

// New returns a Service without rules; Refresh reads them.
func New(o Options) *Service {
	s := &Service{Options: o}
	s.current.Store(&snapshot{version: -1, bindings: map[hub.AgencyID][]hub.CertificateBinding{}})
	return s
}

// The names of notes. The versions and ids that follow sort by time.
const (
	rulesPrefix   = "signature-rules/"
	boundPrefix   = "signature-binding/" // agency and id follow
	removedPrefix = "signature-unbound/"
)

const (
	pageSize      = 200
	changeRetries = 5 // of a change against others at the same moment
)

func boundName(agency hub.AgencyID, id string) string {
	return boundPrefix + url.PathEscape(string(agency)) + "/" + id
}

// Refresh reads what other nodes changed. It costs one small query when nothing did.
func (s *Service) Refresh(ctx context.Context) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	// The version is read first: a change in between makes it too old, and the next
	// refresh reads again.
	version, err := s.Notes.RulesVersion(ctx)
	if err != nil || version == s.current.Load().version {
		return err
	}
	next := &snapshot{version: version, bindings: map[hub.AgencyID][]hub.CertificateBinding{}}
	if next.rules, err = s.newest(ctx); err != nil {
		return err
	}
	err = s.each(ctx, boundPrefix, func(b hub.CertificateBinding) {
		next.bindings[b.Agency] = append(next.bindings[b.Agency], b)
	})
	if err == nil {
		s.current.Store(next)
	}
	return err
}

// Demands returns what is asked of a submission. The result is shared: it is not to be
// changed.
func (s *Service) Demands(sender hub.AgencyID, channel hub.Format) hub.SignatureDemands {
	now := s.current.Load()
	return hub.SignatureDemands{Rule: now.rules.Decide(sender, channel), Bindings: now.bindings[sender]}
}

func (s *Service) newest(ctx context.Context) (hub.SignatureRules, error) {
	rules := hub.SignatureRules{Rules: []hub.SignatureRule{}}
	notes, err := s.Notes.Notes(ctx, hub.NotesQuery{Prefix: rulesPrefix, Backwards: true, Limit: 1})
	if err != nil || len(notes) == 0 {
		return rules, err
	}
	return rules, decode(&notes[0], &rules)
}

// each calls act with every binding under a prefix.
func (s *Service) each(ctx context.Context, prefix string, act func(hub.CertificateBinding)) error {
	for q := (hub.NotesQuery{Prefix: prefix, Limit: pageSize}); ; {
		notes, err := s.Notes.Notes(ctx, q)
		if err != nil {
			return err
		}
		for i := range notes {
			var b hub.CertificateBinding
			if err := decode(&notes[i], &b); err != nil {
				return err
			}
			act(b)
		}
		if len(notes) < pageSize {
			return nil
		}
		q.After = notes[len(notes)-1].Name
	}
}

// change saves what draft says, again when others change rules at the same moment.
func (s *Service) change(ctx context.Context, draft func() ([]hub.RetentionNote, error)) error {
	for try := 0; ; try++ {
		version, err := s.Notes.RulesVersion(ctx)
		if err != nil {
			return err
		}
		notes, err := draft()
		if err != nil || len(notes) == 0 {
			return err
		}
		err = s.Notes.ChangeRules(ctx, version, notes...)
		if err == nil {
			return s.Refresh(ctx)
		}
		if hub.KindOf(err) != hub.KindConflict || try == changeRetries {
			return err
		}
	}
}

func encode(name string, v any) (hub.RetentionNote, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return hub.RetentionNote{}, hub.Internal("encode the note "+name, err)
	}
	return hub.RetentionNote{Name: name, Body: body}, nil
}

func decode(n *hub.RetentionNote, v any) error {
	if err := json.Unmarshal(n.Body, v); err != nil {
		return hub.Internal("decode the note "+n.Name, err)
	}
	return nil
}

func (s *Service) now() time.Time { return s.Now().UTC().Truncate(time.Millisecond) }

func versionName(version int64) string { return fmt.Sprintf("%s%012d", rulesPrefix, version) }
