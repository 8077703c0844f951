// Package dossiers keeps what is filed at one-stop desks (hồ sơ một cửa): dossiers, what
// happened to them, and how they stand to their time.
//
// It promises that the numbers which it gives are gap-free for each unit and day and never
// given twice; that a dossier has the version of its procedure that was in force when it was
// received; that events are only added, each with a note in the log that is recorded in the
// same transaction and holds the digest of the event, which names that of the one before;
// that what comes twice, late or out of order is kept and loses nothing; that the same key
// again changes nothing; that files are originals, kept byte for byte with the verdict on
// their signatures; that what a package of a one-stop system says comes into its dossier
// once it was accepted, whatever is interrupted meanwhile; and that a dossier exists for the
// agencies that handle it or did, for its owner, who has a secret and is shown no more than
// Owners shows, and for nobody else. When the time of a dossier is over (hub/retention), what
// it held of persons goes; what happened stays with the digests of what was there.
//
// Whether something is in time is computed from the events, the calendar and the office
// hours, and says how it came about. So that lists and figures need not compute it for each
// dossier, what it comes to is kept beside the events (hub.DossierKept), recorded in their
// transaction, and computed anew in the background when the calendar or the hours change.
package dossiers

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Store keeps dossiers with their events.
type Store interface {
	// AddDossier records a dossier with its first events and their notes, and saves the notes
	// that keep its content, in one transaction: KindConflict, and nothing, when its number, its place on its day or its key is taken.
	// With next, its place MUST be the one behind the last of the day, else KindConflict, too.
	AddDossier(ctx context.Context, dossier hub.DossierFile, next bool, notes []hub.LogNote, keep ...hub.RetentionNote) error
	// AddDossierEvent records the event that stands last in the file, and the dossier as it
	// then is, with a note, and saves the notes that keep its content, in one transaction:
	// KindConflict, and nothing, when the dossier is not at the version before. It MUST be
	// durable when it returns.
	AddDossierEvent(ctx context.Context, dossier hub.DossierFile, note hub.LogNote, keep ...hub.RetentionNote) error
	// EraseDossier replaces the events of a dossier, adds the one that stands last with its
	// note, and removes notes that keep content, in one transaction: KindConflict, and nothing,
	// when the rules of retention are not of the version, or the dossier is not at the one
	// before. It MUST be durable when it returns.
	EraseDossier(ctx context.Context, dossier hub.DossierFile, note hub.LogNote, rules int64, gone []hub.RetentionNote) error
	// FindDossier returns one dossier; KindNotFound when there is none.
	FindDossier(ctx context.Context, key hub.DossierKey) (hub.DossierFile, error)
	Lists
}

// Lists find dossiers.
type Lists interface {
	// LastDossier is the last place that a unit gave on a day; 0 for none.
	LastDossier(ctx context.Context, unit hub.AgencyID, day hub.Date) (int64, error)
	// Dossiers lists those of an agency by what is kept of them, the last recorded first.
	Dossiers(ctx context.Context, query hub.DossierQuery) (hub.List[hub.DossierFile], error)
	// DossierNews are the events of dossiers of an agency behind a place of its series, in
	// order. They MUST be numbered without gaps, and in the order of their becoming visible.
	DossierNews(ctx context.Context, agency hub.AgencyID, after int64, limit int) ([]hub.DossierNews, error)
	// EndedDossiers lists those that have ended and were not erased.
	EndedDossiers(ctx context.Context, query hub.EndedDossiers) ([]hub.Dossier, error)
}

// Counts counts dossiers by what is kept of them.
type Counts interface {
	// DossierSums counts those of a look, by procedure and channel.
	DossierSums(ctx context.Context, look hub.DossierLook) ([]hub.DossierSum, error)
	// DossierCount counts those of a look all together. It MUST be quick also where these are
	// a hundred thousand.
	DossierCount(ctx context.Context, look hub.DossierLook) (hub.DossierCount, error)
	// CountedDossiers lists those of a look that count for a measure, by their end.
	CountedDossiers(ctx context.Context, look hub.DossierLook, measure hub.DossierMeasure, page hub.Page) (hub.List[hub.DossierFile], error)
	// DossierUnits lists the units that dossiers were counted of, by id.
	DossierUnits(ctx context.Context) ([]hub.AgencyID, error)
	Recounts
}

// Recounts keeps what dossiers are counted by.
type Recounts interface {
	// UncountedDossiers returns dossiers of which nothing is kept, or what follows from
	// another basis or from fewer events.
	UncountedDossiers(ctx context.Context, basis string, limit int) ([]hub.DossierFile, error)
	// CountDossiers records what is kept of dossiers, but of those that have changed since.
	CountDossiers(ctx context.Context, dossiers []hub.DossierFile) error
}

// Procedures is the catalogue.
type Procedures interface {
	// Versions are all versions of a procedure; KindNotFound where there is none.
	Versions(ctx context.Context, code string) ([]hub.ProcedureVersion, error)
}

// Directory knows agencies over time.
type Directory interface {
	ByID(id hub.AgencyID) (*hub.Agency, bool)
	Resolve(code string, at time.Time) (hub.Resolution, error)
}

// Notes keeps what the words of agencies' own systems stand for, and packages that are not
// in their dossiers yet, by name.
type Notes interface {
	// RulesVersion grows with every change of rules of whatever kind.
	RulesVersion(ctx context.Context) (int64, error)
	// ChangeRules saves notes in one transaction when the rules are of the version, which
	// then grows by one; else nothing is saved (KindConflict).
	ChangeRules(ctx context.Context, version int64, notes ...hub.RetentionNote) error
	Notes(ctx context.Context, query hub.NotesQuery) ([]hub.RetentionNote, error)
	// SaveNotes inserts or replaces notes in one transaction, and removes those without a
	// body; it MUST be durable when it returns.
	SaveNotes(ctx context.Context, notes ...hub.RetentionNote) error
}

// Chronicle makes the notes of events for the log, and notes who read about an owner.
type Chronicle interface {
	// DossierNote is the note of an event, which is recorded with it.
	DossierNote(fact hub.DossierFact, id string, at time.Time) (hub.LogNote, error)
	// DossierRead notes that somebody read a dossier; durable when it returns.
	DossierRead(ctx context.Context, actor hub.Actor, dossier hub.DossierID) error
	// PackageSettled notes that somebody settled a package; durable when it returns.
	PackageSettled(ctx context.Context, fact hub.DossierTakingFact) error
}

// Blobs reads and takes content.
type Blobs interface {
	CreateBlob(ctx context.Context) (hub.BlobWriter, error)
	// OpenBlob answers KindNotFound when the content is absent.
	OpenBlob(ctx context.Context, digest hub.Digest) (hub.Blob, error)
}

// Verifier gives the verdict on the signatures of a file. An error means that none could be
// made, never that a signature is bad.
type Verifier interface {
	VerifyPart(ctx context.Context, part hub.Part, content hub.Blob) (hub.SignatureReport, error)
}

// Seals puts the seals of agencies on documents.
type Seals interface {
	// MaySeal returns nil where the actor may have that sealed.
	MaySeal(actor hub.Actor, order hub.SealOrder) error
	// Seal writes the sealed document to out, once it is in the log.
	Seal(ctx context.Context, actor hub.Actor, order hub.SealOrder, in hub.Blob, out io.Writer) (hub.SealFact, error)
}

// Options are what a Service needs; all of it.
type Options struct {
	Store      Store
	Counts     Counts
	Reminders  Reminders
	Dispatches Dispatches
	Packages   Packages
	// Applications are the application types (ApplicationType) of packages about dossiers.
	Applications []string
	Procedures   Procedures
	Directory    Directory
	Notes        Notes
	Chronicle    Chronicle
	Blobs        Blobs
	Verifier     Verifier
	Seals        func() Seals // asked for each letter: they are opened last
	// Apology writes a letter of apology as a PDF.
	Apology func(to io.Writer, letter *hub.DossierLetter) error
	// WriteReceipt writes the receipt of a dossier as a PDF.
	WriteReceipt func(to io.Writer, receipt *hub.DossierReceipt) error
	// Portal is the address under which owners reach the portal; "" for none.
	Portal   string
	Calendar func() *hub.Calendar
	Hours    hub.OfficeHours
	Now      func() time.Time
	NewID    func() string
	Random   io.Reader // for secrets of owners
	Log      *slog.Logger
}

// Service keeps dossiers. It is safe for concurrent use.
type Service struct{ Options }

// New returns a Service.
func New(o Options) *Service { return &Service{o} }

func (s *Service) now() time.Time { return s.Now().UTC().Truncate(time.Millisecond) }

// soon is the instant before which everything has happened that has.
func (s *Service) soon() time.Time { return s.now().Add(time.Millisecond) }

func (s *Service) working() hub.WorkingTime {
	return hub.WorkingTime{Calendar: s.Calendar(), Hours: s.Hours}
}

const (
	maxPage      = 200
	maxNews      = 500
	maxTries     = 100  // against others at the same moment, of whom one always gets through
	maxText      = 2000 // characters
	maxWord      = 200  // of a name, a contact, a key, a status in other words
	firstYear    = 1990
	maxDueYears  = 20
	clockLeeway  = 5 * time.Minute // by which the clock of another system may be ahead
	maxParties   = 50
	maxEvents    = 1000 // of one dossier
	scopeOfActs  = hub.ScopeSubmit
	scopeOfLooks = hub.ScopeRead
)

func noDossier() error {
	return hub.Errorf(hub.KindNotFound, "dossier", "", "there is no such dossier")
}

// sees reports whether the actor reads dossiers of an agency.
func sees(actor *hub.Actor, agency hub.AgencyID) bool {
	return actor.SpeaksFor(agency, scopeOfLooks) == nil || actor.SpeaksFor(agency, scopeOfActs) == nil
}

// file is a dossier that the actor may see; to everybody else it does not exist.
func (s *Service) file(ctx context.Context, actor *hub.Actor, id hub.DossierID) (hub.DossierFile, error) {
	f, err := s.lookFor(ctx, hub.DossierKey{ID: id})
	if err == nil && !party(actor, &f) {
		return hub.DossierFile{}, noDossier()
	}
	return f, err
}

// party reports whether the actor acts for one of the agencies of a dossier.
func party(actor *hub.Actor, f *hub.DossierFile) bool {
	return slices.ContainsFunc(f.Parties, func(agency hub.AgencyID) bool { return sees(actor, agency) })
}

// lookFor is a dossier, whoever asks.
func (s *Service) lookFor(ctx context.Context, key hub.DossierKey) (hub.DossierFile, error) {
	f, err := s.Store.FindDossier(ctx, key)
	if hub.KindOf(err) == hub.KindNotFound {
		err = noDossier()
	}
	return f, err
}

// named is a dossier that an id or a number names, whoever asks.
func (s *Service) named(ctx context.Context, name string) (hub.DossierFile, error) {
	if _, err := hub.ParseDossierNumber(name); err == nil {
		return s.lookFor(ctx, hub.DossierKey{Number: name})
	}
	return s.lookFor(ctx, hub.DossierKey{ID: hub.DossierID(name)})
}

// Show returns a dossier with its events and its owner to one of its agencies, which is
// noted of persons; KindNotFound to all others. An id or a number names it.
func (s *Service) Show(ctx context.Context, actor hub.Actor, name string) (hub.DossierView, error) {
	f, err := s.named(ctx, name)
	if err == nil && !party(&actor, &f) {
		err = noDossier()
	}
	if err != nil {
		return hub.DossierView{}, err
	}
	if err := s.noteReading(ctx, &actor, f.ID); err != nil {
		return hub.DossierView{}, err
	}
	return s.shown(&f), nil
}

// noteReading notes that a person reads a dossier.
func (s *Service) noteReading(ctx context.Context, actor *hub.Actor, id hub.DossierID) error {
	if actor.Kind == hub.ActorSystem {
		return nil
	}
	return s.Chronicle.DossierRead(ctx, *actor, id)
}

// view is how a dossier stands now.
func (s *Service) view(f *hub.DossierFile) hub.DossierView {
	w, now := s.working(), s.soon()
	c := follow(f.Events, now)
	v := hub.DossierView{Dossier: f.Dossier, Lead: f.Unit, LeadName: f.UnitName, Clock: clockOf(&f.Dossier, c, w, now), Shares: []hub.DossierShare{}, Findings: []hub.DossierFinding{}}
	v.Lookup = hub.Digest{}
	parts, lead := shares(&f.Dossier, c, w, now)
	v.Shares = append(v.Shares, parts...)
	for i := range parts {
		if parts[i].Agency == lead {
			v.Lead, v.LeadName = lead, parts[i].Name
		}
	}
	for i := range c.events {
		if e := &c.events[i]; e.Act == hub.DossierApologise {
			if v.Letter.IsZero() {
				v.Letter = e.At
			}
			v.Anew = e.Due
		}
	}
	v.Findings = append(v.Findings, findings(&v, c, w, now)...)
	return v
}

// findings are what is wrong with a dossier, or about to go wrong.
func findings(v *hub.DossierView, c *course, w hub.WorkingTime, now time.Time) []hub.DossierFinding {
	var list []hub.DossierFinding
	add := func(rule hub.DossierRule, event int64, agency hub.AgencyID) {
		list = append(list, hub.DossierFinding{Rule: rule, Event: event, Agency: agency})
	}
	k := &v.Clock
	if k.Late {
		add(hub.RuleLate, 0, "")
		if v.Letter.IsZero() {
			add(hub.FindingNoLetter, 0, "")
		}
	}
	if k.Late && !v.Letter.IsZero() && v.Letter.After(k.Due) {
		add(hub.FindingLateLetter, 0, "")
	}
	for _, rule := range letterFindings(v, c, w, now) {
		add(rule, 0, "")
	}
	for _, r := range k.Explain {
		if r.Rule == hub.RuleSecond {
			add(r.Rule, r.Event, "")
		}
	}
	for i := range v.Shares {
		if s := &v.Shares[i]; !k.Start.IsZero() && !k.Late && !k.Ended && !s.Clock.Ended && (s.Clock.Late || s.Clock.Due.After(k.Due)) {
			add(hub.FindingForeseen, 0, s.Agency)
		}
	}
	for _, seq := range c.unordered {
		add(hub.FindingOutOfOrder, seq, "")
	}
	for _, seq := range c.unknown {
		add(hub.FindingUnknownWord, seq, "")
	}
	return list
}

// letterFindings are about letters of apology: an apology is in time up to the day before
// the end (NĐ 61/2018/NĐ-CP, article 19), and the owner gets the letter.
func letterFindings(v *hub.DossierView, c *course, w hub.WorkingTime, now time.Time) []hub.DossierRule {
	var list []hub.DossierRule
	k, today := &v.Clock, hub.DateOf(now)
	running := !k.Start.IsZero() && !k.Ended && !k.Late && !has(k, hub.RuleEndAsked)
	if running && v.Letter.IsZero() && hub.DateOf(k.Due) <= w.Calendar.After(today, 1) {
		list = append(list, hub.FindingLetterDue)
	}
	if c.undelivered() {
		list = append(list, hub.FindingUndelivered)
	}
	return list
}

// List is a page of the dossiers of an agency, those recorded last first, without their
// owners and events.
func (s *Service) List(ctx context.Context, actor hub.Actor, query hub.DossierQuery) (hub.List[hub.DossierView], error) {
	var list hub.List[hub.DossierView]
	if !sees(&actor, query.Agency) {
		return list, actor.SpeaksFor(query.Agency, scopeOfLooks)
	}
	if query.Page.Limit <= 0 || query.Page.Limit > maxPage {
		query.Page.Limit = min(max(query.Page.Limit, 50), maxPage)
	}
	query.Moments = s.moments()
	found, err := s.Store.Dossiers(ctx, query)
	if err != nil {
		return list, err
	}
	list.Next = found.Next
	for i := range found.Items {
		v := s.view(&found.Items[i])
		v.Owner = nil
		list.Items = append(list.Items, v)
	}
	return list, nil
}

// moments are those of a look now.
func (s *Service) moments() hub.DossierMoments {
	now, days := s.soon(), s.Calendar()
	today := hub.DateOf(now)
	behind := func(day hub.Date) time.Time { return hub.Midnight(day.Plus(1)) }
	return hub.DossierMoments{Look: now, Soon: behind(days.Soon(today)), Letter: behind(days.After(today, 1))}
}

// News are what happened to the dossiers of an agency behind a number, in order; limit is at
// most 500. They are for systems: a person looks at one dossier at a time (KindDenied).
func (s *Service) News(ctx context.Context, actor hub.Actor, agency hub.AgencyID, after int64, limit int) ([]hub.DossierNews, error) {
	if !sees(&actor, agency) {
		return nil, actor.SpeaksFor(agency, scopeOfLooks)
	}
	if actor.Kind != hub.ActorSystem {
		return nil, hub.Errorf(hub.KindDenied, "", "system", "events are followed by systems; a person looks at one dossier at a time")
	}
	if limit <= 0 || limit > maxNews {
		limit = min(max(limit, 100), maxNews)
	}
	return s.Store.DossierNews(ctx, agency, after, limit)
}
