// Package law keeps how much time the law gives to send a document, to give notice of its
// receipt and to register it: as rules that are data, each with its article and the days on
// which it is in force. hub.LegalTerms computes clocks by them; nothing of a clock is stored.
//
// It promises that every version of the set stays in the store, with its source, who set it
// and when; that an import is taken whole or not at all; and that a change counts on the
// node that made it at once, and on every other node as soon as it has refreshed. The rules
// of terms.json come with the program and stand until an operator imports others.
package law

import (
	"context"
	_ "embed"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/lienthong/lienthong/hub"
)

//go:embed terms.json
var shipped []byte

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
	Log   *slog.Logger
}

// Service keeps the rules. It is safe for concurrent use.
type Service struct {
	Options
	refreshing sync.Mutex // one at a time, so that none goes back
	version    int64      // of the rules in the store when they were read
	current    atomic.Pointer[hub.LegalTerms]
}

// New returns a Service with the shipped rules; Refresh reads those that were imported.
func New(o Options) (*Service, error) {
	s := &Service{Options: o, version: -1}
	terms, err := Shipped()
	if err != nil {
		return nil, err
	}
	s.current.Store(&terms)
	return s, nil
}

// Shipped returns the rules that come with the program.
func Shipped() (hub.LegalTerms, error) {
	set := hub.LegalTerms{Source: "shipped with the program"}
	if err := json.Unmarshal(shipped, &set.Terms); err != nil {
		return set, hub.Internal("read the shipped terms of the law", err)
	}
	return set, nil
}

// Terms returns what is in force. It is shared and does not change.
func (s *Service) Terms() *hub.LegalTerms { return s.current.Load() }

// prefix begins the names of notes; the version follows, in digits that sort.
const prefix = "law/"

const (
	changeRetries = 5 // of an import against other changes of rules at the same moment
	maxSource     = 500
	maxTerms      = 200 // rows of a file; hub.CheckLegalTerms has the same
)

// Refresh reads what other nodes imported. It costs one small query when nothing changed.
func (s *Service) Refresh(ctx context.Context) error {
	s.refreshing.Lock()
	defer s.refreshing.Unlock()
	// The version is read first: a change in between makes it too old, and the next
	// refresh reads again.
	version, err := s.Notes.RulesVersion(ctx)
	if err != nil || version == s.version {
		return err
	}
	terms, err := s.newest(ctx)
	if err != nil {
		return err
	}
	s.current.Store(&terms)
	s.version = version
	return nil
}

// newest is the set of the highest version.
func (s *Service) newest(ctx context.Context) (hub.LegalTerms, error) {
	set, err := Shipped()
	if err != nil {
		return set, err
	}
	notes, err := s.Notes.Notes(ctx, hub.NotesQuery{Prefix: prefix, Backwards: true, Limit: 1})
	if err != nil || len(notes) == 0 {
		return set, err
	}
	var last hub.LegalTerms
	if err := json.Unmarshal(notes[0].Body, &last); err != nil {
		return set, hub.Internal("decode the note "+notes[0].Name, err)
	}
	return last, nil
}

// Import puts a new version of the whole set into force. Source says what it was taken
// from. A dry run tells what would change and changes nothing; the same again is no new
// version. It needs ScopeOperate; errors are of KindInvalid and name row and rule, such as
// terms[3].from.
func (s *Service) Import(ctx context.Context, actor hub.Actor, source string, terms []hub.LegalTerm, dryRun bool) (hub.LegalTermImport, error) {
	report := hub.LegalTermImport{DryRun: dryRun, Changes: []hub.LegalTermChange{}}
	if err := actor.Require(hub.ScopeOperate); err != nil {
		return report, err
	}
	if err := checkSource(source); err != nil {
		return report, err
	}
	if err := hub.CheckLegalTerms(terms); err != nil {
		return report, err
	}
	for try := 0; ; try++ {
		version, err := s.Notes.RulesVersion(ctx)
		if err != nil {
			return report, err
		}
		was, err := s.newest(ctx)
		if err != nil {
			return report, err
		}
		report.Changes, report.Version = changes(was.Terms, terms), was.Version
		if dryRun || len(report.Changes) == 0 {
			return report, nil
		}
		next := hub.LegalTerms{
			Version: was.Version + 1, Source: source, Terms: slices.Clone(terms), SetBy: actor.Name, SetAt: s.Now().UTC().Truncate(time.Millisecond),
		}
		body, err := json.Marshal(next)
		if err != nil {
			return report, hub.Internal("encode the terms of the law", err)
		}
		report.Version = next.Version
		err = s.Notes.ChangeRules(ctx, version, hub.RetentionNote{Name: fmt.Sprintf("%s%012d", prefix, next.Version), Body: body})
		if err == nil {
			break
		}
		if hub.KindOf(err) != hub.KindConflict || try == changeRetries {
			return report, err
		}
	}
	s.Log.WarnContext(ctx, "the terms of the law have changed", "version", report.Version, "changes", len(report.Changes), "actor", actor.Name)
	return report, s.Refresh(ctx)
}

func checkSource(source string) error {
	switch {
	case strings.TrimSpace(source) == "":
		return hub.Invalid("source", "required", "say where these rules are from")
	case !utf8.ValidString(source) || strings.ContainsFunc(source, unicode.IsControl):
		return hub.Invalid("source", "control_character", "source is plain text")
	case utf8.RuneCountInString(source) > maxSource:
		return hub.Invalid("source", "max_length", "source has at most %d characters", maxSource)
	}
	return nil
}

// changes are the rules that differ, by id.
func changes(was, now []hub.LegalTerm) []hub.LegalTermChange {
	before := map[string]*hub.LegalTerm{}
	for i := range was {
		before[was[i].ID] = &was[i]
	}
	list := []hub.LegalTermChange{}
	for i := range now {
		t := &now[i]
		if old := before[t.ID]; old == nil || *old != *t {
			list = append(list, hub.LegalTermChange{ID: t.ID, Was: old, Now: t})
		}
		delete(before, t.ID)
	}
	for id, old := range before {
		list = append(list, hub.LegalTermChange{ID: id, Was: old})
	}
	slices.SortFunc(list, func(a, b hub.LegalTermChange) int { return strings.Compare(a.ID, b.ID) })
	return list
}

// Columns are those of a set as CSV.
func Columns() []string {
	return []string{"id", "duty", "urgent", "from", "to", "days", "by", "within", "source", "note"}
}

// WriteCSV writes rules as ReadTerms reads them.
func WriteCSV(w io.Writer, terms []hub.LegalTerm) error {
	c := csv.NewWriter(w)
	rows := [][]string{Columns()}
	for i := range terms {
		t := &terms[i]
		days := ""
		if t.Within == "" {
			days = strconv.Itoa(t.Days)
		}
		urgent := "no"
		if t.Urgent {
			urgent = "yes"
		}
		rows = append(rows, []string{t.ID, string(t.Duty), urgent, string(t.From), string(t.To), days, t.By, t.Within, t.Source, t.Note})
	}
	return c.WriteAll(rows)
}

// ReadTerms reads the rules of an import: a JSON array of them, or CSV whose first row
// names the Columns. Errors are of KindInvalid or
// KindTooLarge and name the row.
func ReadTerms(r io.Reader, isCSV bool) ([]hub.LegalTerm, error) {
	if isCSV {
		return readCSV(csv.NewReader(r))
	}
	return hub.ReadElements[hub.LegalTerm](r, "terms", maxTerms)
}

func readCSV(r *csv.Reader) ([]hub.LegalTerm, error) {
	head, err := r.Read()
	if err == nil {
		head[0] = strings.TrimPrefix(head[0], "\ufeff") // of spreadsheets
	}
	if err != nil || !slices.Equal(head, Columns()) {
		return nil, hub.Invalid("terms", "columns", "the first row names the columns: %s", strings.Join(Columns(), ","))
	}
	var terms []hub.LegalTerm
	for {
		row, err := r.Read()
		field := fmt.Sprintf("terms[%d]", len(terms))
		switch {
		case errors.Is(err, io.EOF):
			return terms, nil
		case err != nil:
			return nil, hub.Invalid(field, "csv", "%v", err)
		case len(terms) == maxTerms:
			return nil, hub.Errorf(hub.KindTooLarge, "terms", "max_items", "a set has at most %d rules", maxTerms)
		}
		t := hub.LegalTerm{
			ID: row[0], Duty: hub.Duty(row[1]), From: hub.Date(row[3]), To: hub.Date(row[4]), By: row[6], Within: row[7], Source: row[8], Note: row[9],
		}
		switch row[2] {
		case "yes":
			t.Urgent = true
		case "no", "":
		default:
			return nil, hub.Invalid(field+".urgent", "code_list", "urgent is yes or no")
		}
		if row[5] != "" {
			if t.Days, err = strconv.Atoi(row[5]); err != nil {
				return nil, hub.Invalid(field+".days", "range", "%.20q is no number of working days", row[5])
			}
		}
		terms = append(terms, t)
	}
}
