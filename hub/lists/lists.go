// Package lists keeps the distribution lists of agencies: recipients under a name, which
// a sender writes as "list:NAME" instead of many codes.
//
// It promises that a list is taken whole or not at all, that of two who change one at
// once neither undoes the other's work unseen, and that no agency sees or uses another's.
// What a member means is decided anew at every sending: a code that closed leads to its
// successor then, or is refused with the successors named.
package lists

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/lienthong/lienthong/hub"
)

// The bounds of lists.
const (
	maxName    = 100 // characters
	maxLists   = 200 // of one agency
	maxMembers = 1000
)

// Notes keeps what is remembered, by name.
type Notes interface {
	Note(ctx context.Context, name string) (hub.RetentionNote, error)
	Notes(ctx context.Context, query hub.NotesQuery) ([]hub.RetentionNote, error)
	// SwapNote saves a note in the place of the one that was read; KindConflict where
	// another stands there. It MUST be durable when it returns.
	SwapNote(ctx context.Context, was, now hub.RetentionNote) error
}

// Directory knows the agencies.
type Directory interface {
	Resolve(code string, at time.Time) (hub.Resolution, error)
	ByID(id hub.AgencyID) (*hub.Agency, bool)
}

// Options are what a Service needs; all of it.
type Options struct {
	Notes     Notes
	Directory Directory
	Now       func() time.Time
}

// Service keeps lists. It is safe for concurrent use.
type Service struct{ Options }

// New returns a Service.
func New(o Options) *Service { return &Service{o} }

// prefix begins the names of notes; the agency and the list follow.
const prefix = "distribution-list/"

func ofAgency(agency hub.AgencyID) string { return prefix + url.PathEscape(string(agency)) + "/" }

func noteName(agency hub.AgencyID, name string) string {
	return ofAgency(agency) + url.PathEscape(name)
}

// tidy brings a name into the one form in which it is kept and looked for.
func tidy(name string) string { return norm.NFC.String(strings.Join(strings.Fields(name), " ")) }

// Lists returns the lists of an agency by name, to those who may send for it.
func (s *Service) Lists(ctx context.Context, actor hub.Actor, agency hub.AgencyID) ([]hub.DistributionList, error) {
	if err := actor.SpeaksFor(agency, hub.ScopeSubmit); err != nil {
		return nil, err
	}
	notes, err := s.Notes.Notes(ctx, hub.NotesQuery{Prefix: ofAgency(agency), Limit: maxLists})
	if err != nil {
		return nil, fmt.Errorf("reading the lists: %w", err)
	}
	all := make([]hub.DistributionList, len(notes))
	for i := range notes {
		if all[i], err = decode(notes[i]); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(all, func(a, b hub.DistributionList) int { return strings.Compare(hub.Fold(a.Name), hub.Fold(b.Name)) })
	return all, nil
}

func decode(n hub.RetentionNote) (hub.DistributionList, error) {
	var l hub.DistributionList
	if err := json.Unmarshal(n.Body, &l); err != nil {
		return l, hub.Internal("decode the list "+n.Name, err)
	}
	return l, nil
}

// Save keeps a list under its name, a new one or in the place of the earlier one, and
// returns it. Every member must mean an agency now. Errors name field and rule, such as
// "recipients[3]", and then nothing has changed; KindConflict when somebody else changed
// the list at the same moment.
func (s *Service) Save(ctx context.Context, actor hub.Actor, list hub.DistributionList) (hub.DistributionList, error) {
	if err := s.mayChange(actor, list.Agency); err != nil {
		return list, err
	}
	list.Name, list.ChangedBy, list.ChangedAt = tidy(list.Name), actor.Name, s.Now().UTC()
	list.Recipients = slices.Clone(list.Recipients)
	if err := s.check(&list); err != nil {
		return list, err
	}
	was, err := s.find(ctx, list.Agency, list.Name)
	if err != nil {
		return list, err
	}
	if len(was.Body) == 0 {
		notes, err := s.Notes.Notes(ctx, hub.NotesQuery{Prefix: ofAgency(list.Agency), Limit: maxLists})
		if err != nil {
			return list, fmt.Errorf("counting the lists: %w", err)
		}
		if len(notes) == maxLists {
			return list, hub.Errorf(hub.KindTooLarge, "name", "max_items", "an agency has at most %d lists", maxLists)
		}
	}
	body, err := json.Marshal(list)
	if err != nil {
		return list, hub.Internal("encode a list", err)
	}
	return list, s.swap(ctx, was, body)
}

// Remove ends a list; KindNotFound when there is none of that name.
func (s *Service) Remove(ctx context.Context, actor hub.Actor, agency hub.AgencyID, name string) error {
	if err := s.mayChange(actor, agency); err != nil {
		return err
	}
	was, err := s.find(ctx, agency, tidy(name))
	switch {
	case err != nil:
		return err
	case len(was.Body) == 0:
		return hub.Errorf(hub.KindNotFound, "name", "", "the agency has no list %.100q", name)
	}
	return s.swap(ctx, was, nil)
}

// Members returns the recipients of a list of an agency as they are written, for sending
// in its name: who may do that the caller has decided. KindNotFound when there is none.
func (s *Service) Members(ctx context.Context, agency hub.AgencyID, name string) ([]string, error) {
	found, err := s.find(ctx, agency, tidy(name))
	if err != nil {
		return nil, err
	}
	if len(found.Body) == 0 {
		return nil, hub.Errorf(hub.KindNotFound, "", "list", "the sender has no list %.100q", name)
	}
	l, err := decode(found)
	return l.Recipients, err
}

// mayChange lets those in who may send for an agency that lives.
func (s *Service) mayChange(actor hub.Actor, agency hub.AgencyID) error {
	if err := actor.SpeaksFor(agency, hub.ScopeSubmit); err != nil {
		return err
	}
	if a, ok := s.Directory.ByID(agency); !ok || !a.LivesAt(s.Now()) {
		return hub.Errorf(hub.KindDenied, "agency", "closed", "the agency is closed: its lists stay as they are")
	}
	return nil
}

// find returns the note of a list, without a body where there is none.
func (s *Service) find(ctx context.Context, agency hub.AgencyID, name string) (hub.RetentionNote, error) {
	if utf8.RuneCountInString(name) > maxName {
		return hub.RetentionNote{}, hub.Invalid("name", "max_length", "the name of a list has at most %d characters", maxName)
	}
	found, err := s.Notes.Note(ctx, noteName(agency, name))
	switch {
	case err != nil && hub.KindOf(err) == hub.KindNotFound:
		return hub.RetentionNote{Name: noteName(agency, name)}, nil
	case err != nil:
		return found, fmt.Errorf("reading a list: %w", err)
	}
	return found, nil
}

func (s *Service) swap(ctx context.Context, was hub.RetentionNote, body json.RawMessage) error {
	err := s.Notes.SwapNote(ctx, was, hub.RetentionNote{Name: was.Name, Body: body})
	if err != nil && hub.KindOf(err) == hub.KindConflict {
		return hub.Errorf(hub.KindConflict, "name", "changed", "somebody else changed this list just now: look at it again")
	}
	return err
}

func (s *Service) check(l *hub.DistributionList) error {
	var found hub.Violations
	switch {
	case l.Name == "":
		found = append(found, hub.Invalid("name", "required", "a list has a name"))
	case !utf8.ValidString(l.Name) || strings.ContainsFunc(l.Name, unicode.IsControl):
		found = append(found, hub.Invalid("name", "control_character", "the name of a list is plain text"))
	case utf8.RuneCountInString(l.Name) > maxName:
		found = append(found, hub.Invalid("name", "max_length", "the name of a list has at most %d characters", maxName))
	}
	switch {
	case len(l.Recipients) == 0:
		found = append(found, hub.Invalid("recipients", "required", "a list has at least one member; remove it to end it"))
	case len(l.Recipients) > maxMembers:
		found = append(found, hub.Errorf(hub.KindTooLarge, "recipients", "max_items", "a list has at most %d members", maxMembers))
	default:
		found = append(found, s.checkMembers(l)...)
	}
	return found.AsError()
}

func (s *Service) checkMembers(l *hub.DistributionList) hub.Violations {
	var found hub.Violations
	now := s.Now()
	place := make(map[hub.AgencyID]int, len(l.Recipients))
	for i, code := range l.Recipients {
		field := fmt.Sprintf("recipients[%d]", i)
		l.Recipients[i] = strings.TrimSpace(code)
		r, err := s.Directory.Resolve(code, now)
		if err != nil {
			var e *hub.Error
			if !errors.As(err, &e) {
				return append(found, hub.Internal("resolving a code", err))
			}
			named := *e
			named.Field = field
			found = append(found, &named)
			continue
		}
		if first, ok := place[r.Agency.ID]; ok {
			found = append(found, hub.Invalid(field, "unique", "%s is the same agency as recipients[%d]", l.Recipients[i], first))
			continue
		}
		place[r.Agency.ID] = i
	}
	return found
}
