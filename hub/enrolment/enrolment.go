// Package enrolment lets an agency's system in without a secret on its way: the operator
// hands over a sheet with a code, and the integrator redeems it over TLS for credentials
// that are drawn at that moment.
//
// It promises that a code opens once, whoever asks at the same time on which node; that
// the code is spent and the keys are in force in one transaction, or neither; that of a
// code only a hash is kept; that wrong, spent, expired and revoked codes get the same
// answer after the same time, and guessing is slowed by the address it comes from; that
// every act is in the log of the hub. Where the answer is lost on its way, the keys that
// nobody saw stay behind: the operator issues another sheet with Replace, which ends them.
package enrolment

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/lienthong/lienthong/hub"
)

// Options are what a Service needs; all fields are required but Wrong.
type Options struct {
	Store     Store
	KeyStore  KeyStore
	Keys      Keys
	Directory Directory
	// Addresses are the channels that this hub serves, with what clients connect to: a URL,
	// or a path on the hub.
	Addresses map[hub.EnrolmentChannel]string
	Grantors  map[hub.EnrolmentChannel]Grantor // of channels whose credentials are no keys of the hub
	Notes     Notes
	Now       func() time.Time
	NewID     func() string
	Random    io.Reader // cryptographically secure, safe for concurrent use
	// Wrong is the time before which nobody hears that a code opens nothing; default 500 ms.
	Wrong time.Duration
}

// Service keeps enrolments. It is safe for concurrent use.
type Service struct {
	Options
	guesses guesses
}

// New returns a Service.
func New(o Options) *Service {
	if o.Wrong == 0 {
		o.Wrong = 500 * time.Millisecond
	}
	return &Service{Options: o, guesses: guesses{from: map[string]guesser{}}}
}

const (
	codeBytes  = 15 // 120 bits in 24 characters
	group      = 4  // characters between hyphens
	maxLife    = 30 * 24 * time.Hour
	maxOverlap = 30 * 24 * 60 * 60 // seconds
	maxContact = 200               // characters
)

func (s *Service) now() time.Time { return s.Now().UTC().Truncate(time.Millisecond) }

// act is the body of a note.
type act struct {
	Action string       `json:"action"`
	Actor  string       `json:"actor,omitempty"` // empty: who held the code
	About  string       `json:"about"`
	Agency hub.AgencyID `json:"agency"`
	Peer   string       `json:"peer,omitempty"`
}

// Create makes an enrolment and returns its code, which is not kept. Of the given one it
// takes agency, channels, system, client, contact, replacement and end. It needs ScopeOperate.
// Errors: KindDenied; hub.Violations of KindInvalid by field.
func (s *Service) Create(ctx context.Context, actor hub.Actor, wish hub.Enrolment) (hub.Enrolment, string, error) {
	if err := actor.Require(hub.ScopeOperate); err != nil {
		return hub.Enrolment{}, "", err
	}
	now := s.now()
	if err := s.check(ctx, &wish, now); err != nil {
		return hub.Enrolment{}, "", err
	}
	buf := make([]byte, codeBytes)
	if _, err := io.ReadFull(s.Random, buf); err != nil {
		return hub.Enrolment{}, "", hub.Internal("draw a code", err)
	}
	code := base32.StdEncoding.EncodeToString(buf)
	e := hub.Enrolment{
		ID: s.NewID(), Hash: hashOf(code), Agency: wish.Agency, Channels: slices.Clone(wish.Channels), System: wish.System, Client: wish.Client,
		Contact: wish.Contact, Replace: wish.Replace, Overlap: wish.Overlap, CreatedBy: actor.Name,
		Created: now, Expires: wish.Expires.UTC().Truncate(time.Millisecond),
	}
	if err := s.note(ctx, "enrolment.create", actor.Name, &e, ""); err != nil {
		return hub.Enrolment{}, "", err
	}
	return e, presented(code), s.Store.SaveEnrolment(ctx, e)
}

func (s *Service) note(ctx context.Context, action, actor string, e *hub.Enrolment, peer string) error {
	return s.Notes.Note(ctx, hub.LogNoteOperator, act{Action: action, Actor: actor, About: e.ID, Agency: e.Agency, Peer: peer})
}

func (s *Service) check(ctx context.Context, e *hub.Enrolment, now time.Time) error {
	var found hub.Violations
	if a, ok := s.Directory.ByID(e.Agency); !ok || !a.LivesAt(now) {
		found = append(found, hub.Errorf(hub.KindUnknownAgency, "agency", "unknown_agency", "no agency that lives has the id %.60q", string(e.Agency)))
	}
	found = append(found, s.checkChannels(e, now)...)
	if n := utf8.RuneCountInString(e.Contact); strings.TrimSpace(e.Contact) == "" || n > maxContact || strings.ContainsFunc(e.Contact, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		found = append(found, hub.Invalid("contact", "required", "the sheet names in 1 to %d characters whom the integrator asks", maxContact))
	}
	if life := e.Expires.Sub(now); life < time.Minute || life > maxLife {
		found = append(found, hub.Invalid("expires", "range", "a code is good for 1 minute to 30 days"))
	}
	if e.Overlap < 0 || e.Overlap > maxOverlap || e.Overlap > 0 && !e.Replace {
		found = append(found, hub.Invalid("overlap", "range", "keys that are replaced go on for 0 to 30 days"))
	}
	if len(found) > 0 {
		return found
	}
	// A key that is drawn and thrown away tells the operator now what the integrator would
	// hear later, with a code that can never be spent.
	agency, _ := s.Directory.ByID(e.Agency)
	for _, c := range e.Channels {
		if s.Grantors[c] == nil {
			if _, _, err := s.Keys.Draft(ctx, s.keyFor(e, c, agency, now)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Service) checkChannels(e *hub.Enrolment, now time.Time) hub.Violations {
	var found hub.Violations
	agency, known := s.Directory.ByID(e.Agency)
	if len(e.Channels) == 0 {
		found = append(found, hub.Invalid("channels", "required", "an enrolment is for at least one channel of %v", hub.EnrolmentChannels()))
	}
	for i, c := range e.Channels {
		_, served := s.Addresses[c]
		switch {
		case !c.Valid():
			found = append(found, hub.Invalid("channels", "code_list", "%.20q is no channel; they are %v", string(c), hub.EnrolmentChannels()))
		case !served:
			found = append(found, hub.Errorf(hub.KindUnsupported, "channels", "served", "this hub does not serve the channel %s", c))
		case c == hub.EnrolAMQP && known && agency.ChannelAt(now) != hub.ChannelAMQP:
			found = append(found, hub.Invalid("channels", "directory", "the directory says that this agency is reached otherwise: import it with the channel amqp first"))
		case slices.Contains(e.Channels[:i], c):
			found = append(found, hub.Invalid("channels", "unique", "%s is named twice", c))
		}
	}
	if e.System != "" && !slices.Contains(e.Channels, hub.EnrolVXP) {
		found = append(found, hub.Invalid("system", "channel", "only a system of the channel vxp has an id"))
	}
	if e.Client != "" && !slices.Contains(e.Channels, hub.EnrolLGSP) {
		found = append(found, hub.Invalid("client", "channel", "only an application of the channel lgsp has a consumer key"))
	}
	return found
}

// List returns all enrolments, oldest first. It needs ScopeOperate.
func (s *Service) List(ctx context.Context, actor hub.Actor) ([]hub.Enrolment, error) {
	if err := actor.Require(hub.ScopeOperate); err != nil {
		return nil, err
	}
	return s.Store.Enrolments(ctx)
}

// Revoke ends an enrolment that was not redeemed. A second time changes nothing. Errors:
// KindDenied, KindNotFound; KindConflict when it was redeemed.
func (s *Service) Revoke(ctx context.Context, actor hub.Actor, id string) error {
	list, err := s.List(ctx, actor)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(list, func(e hub.Enrolment) bool { return e.ID == id })
	switch {
	case at < 0:
		return hub.Errorf(hub.KindNotFound, "enrolment", "", "there is no such enrolment")
	case !list[at].Revoked.IsZero():
		return nil
	case !list[at].Redeemed.IsZero():
		return hub.Errorf(hub.KindConflict, "enrolment", "redeemed", "it was redeemed; revoke what it gave: %s", strings.Join(list[at].Keys, ", "))
	}
	e := list[at]
	if err := s.note(ctx, "enrolment.revoke", actor.Name, &e, ""); err != nil {
		return err
	}
	e.Revoked = s.now()
	return s.Store.CloseEnrolment(ctx, e, nil, nil)
}

// presented is a code in groups that are easy to type.
func presented(code string) string {
	var groups []string
	for part := range slices.Chunk([]byte(code), group) {
		groups = append(groups, string(part))
	}
	return strings.Join(groups, "-")
}

// hashOf reads a code as people type it: hyphens, blanks and lower case mean nothing, and
// neither do the digits that base32 does not have.
func hashOf(code string) hub.Digest {
	bare := strings.Map(func(r rune) rune {
		switch r {
		case '-', ' ':
			return -1
		case '0':
			return 'O'
		case '1':
			return 'I'
		}
		return r
	}, strings.ToUpper(strings.TrimSpace(code)))
	return sha256.Sum256([]byte(bare))
}
