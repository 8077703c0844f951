// Package routing keeps the routing rules of agencies and lets them act: what an agency
// sends goes to further recipients, too (copy), is refused without some (require), and what
// it received is forwarded inside its house (forward) or inspected by it (inspect).
//
// It promises: every set of rules that was in force stays in the store, with who set it and
// when; a set is taken whole or not at all, and never one by which a document would go round
// in circles; a change counts on the node that made it at once, and on every other as soon as
// it has refreshed. The intake asks without a query and acts in the transaction of the
// acceptance. Forwards and inspections are made behind the log, by a Forwarder, each once
// whatever crashes.
//
// A rule stops no document but by a require whose recipient can be found: what it can't do is
// shown, and the document goes its way.
package routing

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
	Note(ctx context.Context, name string) (hub.RetentionNote, error)
	Notes(ctx context.Context, query hub.NotesQuery) ([]hub.RetentionNote, error)
	// SwapNote saves a note in the place of the one that was read, or, without a body,
	// removes it; KindConflict where another stands there. It MUST be durable when it returns.
	SwapNote(ctx context.Context, was, now hub.RetentionNote) error
}

// Directory knows the agencies.
type Directory interface {
	Resolve(code string, at time.Time) (hub.Resolution, error)
	ByID(id hub.AgencyID) (*hub.Agency, bool)
	// Holder returns who has a code or had it last, closed or not.
	Holder(code string, at time.Time) (*hub.Agency, bool)
}

// Past reads what an agency sent and received.
type Past interface {
	SentBetween(ctx context.Context, span hub.SentSpan) (hub.List[hub.SentItem], error)
	Mailbox(ctx context.Context, query hub.MailboxQuery) (hub.List[hub.Item], error)
	RegisteredBetween(ctx context.Context, query hub.RegisterQuery) (hub.List[hub.RegisterEntry], error)
}

// Options are what a Service needs; all of it.
type Options struct {
	Notes     Notes
	Directory Directory
	Past      Past
	// SameHouse reports whether an agency may forward to another: decision 33.
	SameHouse func(from, to *hub.Agency, at time.Time) bool
	Now       func() time.Time
	Log       *slog.Logger
}

// Service keeps rules. It is safe for concurrent use.
type Service struct {
	Options
	changing sync.Mutex // one refresh at a time, so that none goes back
	current  atomic.Pointer[snapshot]
}

// snapshot is what is in force.
type snapshot struct {
	version int64 // of the store
	rules   map[hub.AgencyID]hub.RoutingRules
	// received: some rule is about what was received.
	received bool
}

// New returns a Service without rules; Refresh reads them.
func New(o Options) *Service {
	s := &Service{Options: o}
	s.current.Store(&snapshot{version: -1})
	return s
}

// The names of notes: an agency follows, and of the history and of failures more.
const (
	prefix        = "routing-rules/"
	historyPrefix = "routing-history/"
)

const (
	pageSize      = 200
	changeRetries = 5 // of a change against others at the same moment
)

func noteName(agency hub.AgencyID) string { return prefix + url.PathEscape(string(agency)) }

func historyName(agency hub.AgencyID, version int64) string {
	return fmt.Sprintf("%s%s/%012d", historyPrefix, url.PathEscape(string(agency)), version)
}

func (s *Service) now() time.Time { return s.Now().UTC().Truncate(time.Millisecond) }

// day is the date in Vietnam at an instant, by which the validity of rules goes.
func day(at time.Time) hub.Date { return hub.Date(at.In(hub.Vietnam()).Format(time.DateOnly)) }

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
	next := &snapshot{version: version, rules: map[hub.AgencyID]hub.RoutingRules{}}
	for q := (hub.NotesQuery{Prefix: prefix, Limit: pageSize}); ; {
		notes, err := s.Notes.Notes(ctx, q)
		if err != nil {
			return err
		}
		for i := range notes {
			set, err := decode[hub.RoutingRules](&notes[i])
			if err != nil {
				return err
			}
			next.add(set)
		}
		if len(notes) < pageSize {
			break
		}
		q.After = notes[len(notes)-1].Name
	}
	s.current.Store(next)
	return nil
}

func (n *snapshot) add(set hub.RoutingRules) {
	n.rules[set.Agency] = set
	for i := range set.Rules {
		n.received = n.received || set.Rules[i].Action.OfReceived()
	}
}

// Sending returns the rules of a sender that mean a document that it sends, in their order.
func (s *Service) Sending(sender hub.AgencyID, document *hub.Document, at time.Time) []hub.ActingRule {
	set := s.current.Load().rules[sender]
	return acting(&set, func(r *hub.RoutingRule) bool {
		return !r.Action.OfReceived() && r.Means(document, day(at))
	})
}

// receiving returns the rules of a recipient that mean a document that it has received.
func (s *Service) receiving(recipient hub.AgencyID, d *hub.Dispatch, at time.Time) []hub.ActingRule {
	set := s.current.Load().rules[recipient]
	author, _, _ := d.Author()
	return acting(&set, func(r *hub.RoutingRule) bool {
		return r.Action.OfReceived() && r.Means(&d.Document, day(at)) && s.wrote(r, author, at)
	})
}

func acting(set *hub.RoutingRules, means func(*hub.RoutingRule) bool) []hub.ActingRule {
	var found []hub.ActingRule
	for i := range set.Rules {
		if means(&set.Rules[i]) {
			found = append(found, hub.ActingRule{RoutingRule: set.Rules[i], Version: set.Version})
		}
	}
	return found
}

// wrote reports whether an author is among the senders of a rule. A code stands for who has
// it or had it last, and for who took over from there.
func (s *Service) wrote(r *hub.RoutingRule, author hub.AgencyID, at time.Time) bool {
	if len(r.Senders) == 0 {
		return true
	}
	for _, code := range r.Senders {
		if a, ok := s.Directory.Holder(code, at); ok && a.ID == author {
			return true
		}
		if to, err := s.Directory.Resolve(code, at); err == nil && to.Agency.ID == author {
			return true
		}
	}
	return false
}

func encode(name string, v any) (hub.RetentionNote, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return hub.RetentionNote{}, hub.Internal("encode the note "+name, err)
	}
	return hub.RetentionNote{Name: name, Body: body}, nil
}

func decode[T any](n *hub.RetentionNote) (T, error) {
	var v T
	if err := json.Unmarshal(n.Body, &v); err != nil {
		return v, hub.Internal("decode the note "+n.Name, err)
	}
	return v, nil
}
