package alerts

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"net/url"
	"slices"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Options are what a Service needs; all of it, but where it says otherwise.
type Options struct {
	Notes Notes
	// Mailer may be nil: then nobody is told, and what is there is only shown.
	Mailer     Mailer
	Recipients []string // addresses of operators
	// Node names this node among those of one hub; empty where there is one alone.
	Node string
	// Own finds what is wrong with this node, All what is wrong with the hub as a whole.
	Own, All Look
	Gather   time.Duration // that what is not urgent waits for others, for one mail
	Settle   time.Duration // that a cause must stay before it counts
	Quiet    Quiet
	Now      func() time.Time
	NewID    func() string
	Log      *slog.Logger
	Pace     time.Duration // between two looks; default 5 s
}

// Service watches. It is safe for concurrent use, but Watch and
// Lead run once each at a time.
type Service struct {
	Options
	alone alone            // of Watch
	heard map[string]heard // of Lead: by the name of the note
}

// heard is when this node saw a note of a node change last: clocks of nodes differ.
type heard struct {
	body string
	at   time.Time
}

// New returns a Service.
func New(o Options) *Service {
	if o.Pace == 0 {
		o.Pace = 5 * time.Second
	}
	if o.Mailer == nil {
		o.Recipients = nil
	}
	return &Service{Options: o, heard: map[string]heard{}}
}

// The names of the notes.
const (
	stateNote = "alert/state"
	seenNotes = "alert/seen/" // the node follows
	pastNotes = "alert/past/" // the time when it was found last and the id follow
)

// sighting is what one node found.
type sighting struct {
	Node  string        `json:"node"`
	At    time.Time     `json:"at"` // UTC
	Found []hub.Finding `json:"found,omitempty"`
}

// Lead puts together what the nodes found, and tells, until ctx ends: on the node that
// holds the schedule.
func (s *Service) Lead(ctx context.Context) {
	s.every(ctx, func(ctx context.Context) {
		if err := s.look(ctx); err != nil && ctx.Err() == nil {
			s.Log.WarnContext(ctx, "looking for what operators must know will be tried again", "error", err)
		}
		if err := s.send(ctx); err != nil && ctx.Err() == nil {
			s.Log.WarnContext(ctx, "telling operators will be tried again", "error", err)
		}
	})
}

// every acts at once and then at the pace, until ctx ends.
func (s *Service) every(ctx context.Context, act func(context.Context)) {
	tick := time.NewTicker(s.Pace)
	defer tick.Stop()
	for ctx.Err() == nil {
		act(ctx)
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

// look brings the state up to what is found now, and writes the mails about it.
func (s *Service) look(ctx context.Context) error {
	all, err := s.All(ctx)
	if err != nil {
		return fmt.Errorf("looking at the hub: %w", err)
	}
	v, err := s.seen(ctx)
	if err != nil {
		return err
	}
	v.found = append(v.found, all...)
	return s.change(ctx, func(st *state) error {
		ended := st.take(v, s.Settle, s.NewID)
		st.write(v.now, &s.Options)
		return s.keep(ctx, ended)
	})
}

// seen reads what the nodes found. A node that has said nothing for long is gone with all
// that was wrong with it.
func (s *Service) seen(ctx context.Context) (view, error) {
	v := view{now: s.Now().UTC()}
	notes, err := s.Notes.Notes(ctx, hub.NotesQuery{Prefix: seenNotes, Limit: maxOpen})
	if err != nil {
		return v, fmt.Errorf("reading what nodes found: %w", err)
	}
	silent := map[string]bool{}
	for _, n := range notes {
		var one sighting
		if err := json.Unmarshal(n.Body, &one); err != nil {
			return v, hub.Internal("decode "+n.Name, err)
		}
		h := s.heard[n.Name]
		if h.body != string(n.Body) {
			h = heard{string(n.Body), v.now}
			s.heard[n.Name] = h
		}
		switch age := v.now.Sub(h.at); {
		case age <= fresh:
			v.found = append(v.found, one.Found...)
		case age <= gone:
			silent[one.Node] = true
		default:
			if err := s.Notes.SwapNote(ctx, n, hub.RetentionNote{Name: n.Name}); err != nil && hub.KindOf(err) != hub.KindConflict {
				return v, fmt.Errorf("forgetting a node: %w", err)
			}
		}
	}
	v.silent = func(node string) bool { return silent[node] }
	return v, nil
}

// read returns the state and the note that it stands in.
func (s *Service) read(ctx context.Context) (state, hub.RetentionNote, error) {
	var st state
	n, err := s.Notes.Note(ctx, stateNote)
	if err != nil && hub.KindOf(err) == hub.KindNotFound {
		return st, hub.RetentionNote{Name: stateNote}, nil
	}
	if err != nil {
		return st, n, fmt.Errorf("reading the alerts: %w", err)
	}
	if err := json.Unmarshal(n.Body, &st); err != nil {
		return st, n, hub.Internal("decode the alerts", err)
	}
	return st, n, nil
}

// changeTries bounds how often a change begins anew because another came first.
const changeTries = 10

// change changes the state, again and again until nobody came in between.
func (s *Service) change(ctx context.Context, act func(*state) error) error {
	var err error
	for range changeTries {
		st, was, readErr := s.read(ctx)
		if readErr != nil {
			return readErr
		}
		if err := act(&st); err != nil {
			return err
		}
		body, encodeErr := json.Marshal(st)
		if encodeErr != nil {
			return hub.Internal("encode the alerts", encodeErr)
		}
		if string(body) == string(was.Body) {
			return nil
		}
		err = s.Notes.SwapNote(ctx, was, hub.RetentionNote{Name: stateNote, Body: body})
		if err == nil || hub.KindOf(err) != hub.KindConflict {
			return err
		}
	}
	return err
}

// pastKept is how long an alert that has ended is shown.
const pastKept = 366 * 24 * time.Hour

// keep remembers alerts that have ended. They are saved before the state is: where that
// fails, or the node dies, they end anew, later, under the names that they have already.
func (s *Service) keep(ctx context.Context, ended []hub.Alert) error {
	if len(ended) == 0 {
		return nil
	}
	old, err := s.Notes.Notes(ctx, hub.NotesQuery{Prefix: pastNotes, Limit: 2 * len(ended)})
	if err != nil {
		return fmt.Errorf("reading past alerts: %w", err)
	}
	limit := pastName(s.Now().Add(-pastKept), "")
	var notes []hub.RetentionNote
	for _, n := range old {
		if n.Name < limit {
			notes = append(notes, hub.RetentionNote{Name: n.Name})
		}
	}
	for i := range ended {
		body, err := json.Marshal(ended[i]) // as it was told
		if err != nil {
			return hub.Internal("encode an alert", err)
		}
		notes = append(notes, hub.RetentionNote{Name: pastName(ended[i].Last, ended[i].ID), Body: body})
	}
	if err := s.Notes.SaveNotes(ctx, notes...); err != nil {
		return fmt.Errorf("keeping past alerts: %w", err)
	}
	return nil
}

func pastName(at time.Time, id string) string {
	return fmt.Sprintf("%s%016d-%s", pastNotes, min(max(at.UnixMicro(), 0), math.MaxInt64), id)
}

// send sends the letters whose time has come. The first that cannot be sent for now ends
// the round: the others would wait for the same server.
func (s *Service) send(ctx context.Context) error {
	for s.Mailer != nil && ctx.Err() == nil {
		var mail hub.AlertMail
		var to string
		var due bool
		err := s.change(ctx, func(st *state) error {
			mail, to, due = st.claim(s.Now().UTC())
			return nil
		})
		if err != nil || !due {
			return err
		}
		sent := s.tell(ctx, mail, to)
		if err := s.change(ctx, func(st *state) error {
			st.answered(s.Now().UTC(), mail.ID, to, sent)
			return nil
		}); err != nil {
			return err
		}
		if sent != nil {
			return fmt.Errorf("mailing %s: %w", to, sent)
		}
	}
	return nil
}

// tell sends one letter. Its end comes before anybody else may try it.
func (s *Service) tell(ctx context.Context, mail hub.AlertMail, to string) error {
	limited, cancel := context.WithTimeout(ctx, sendLimit)
	defer cancel()
	return s.Mailer.TellAlerts(limited, to, mail)
}

// seenName is the name of what this node found.
func (s *Service) seenName() string { return seenNotes + url.PathEscape(s.Node) }

// sameFound reports whether two looks found the same.
func sameFound(a, b []hub.Finding) bool {
	return slices.EqualFunc(a, b, func(x, y hub.Finding) bool { return x.Cause() == y.Cause() && x.Urgent == y.Urgent })
}
