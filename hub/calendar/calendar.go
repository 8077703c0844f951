// Package calendar keeps which days are worked: weekends, public holidays, and the days
// that are swapped from year to year. Terms in working days are counted by it.
//
// It promises that every version of a year stays in the store, with its source, who set it
// and when; that an import is taken whole or not at all; and that a change counts on the
// node that made it at once, and on every other node as soon as it has refreshed. The years
// in years.json come with the program and stand until an operator imports them anew.
package calendar

import (
	"context"
	_ "embed"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/lienthong/lienthong/hub"
)

// The bounds of an import.
const (
	maxDays   = 3000
	maxName   = 200 // characters
	maxSource = 500 // characters
	firstYear = 1990
	lastYear  = 2200
)

//go:embed years.json
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

// Service keeps the calendar. It is safe for concurrent use.
type Service struct {
	Options
	refreshing sync.Mutex // one at a time, so that none goes back
	version    int64      // of the rules in the store when they were read
	current    atomic.Pointer[hub.Calendar]
}

// New returns a Service with the shipped years; Refresh reads those that were imported.
func New(o Options) (*Service, error) {
	s := &Service{Options: o, version: -1}
	years, err := Shipped()
	if err != nil {
		return nil, err
	}
	s.current.Store(hub.NewCalendar(years...))
	return s, nil
}

// Shipped returns the years that come with the program, each marked by its source.
func Shipped() ([]hub.CalendarYear, error) {
	var years []hub.CalendarYear
	if err := json.Unmarshal(shipped, &years); err != nil {
		return nil, hub.Internal("read the shipped calendar", err)
	}
	return years, nil
}

// Calendar returns what is in force. It is shared and does not change.
func (s *Service) Calendar() *hub.Calendar { return s.current.Load() }

// prefix begins the names of notes; year and version follow, both in digits that sort.
const prefix = "calendar/"

func noteName(year int, version int64) string {
	return fmt.Sprintf("%s%04d/%012d", prefix, year, version)
}

const (
	pageSize      = 200
	changeRetries = 5 // of an import against other changes of rules at the same moment
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
	years, err := s.years(ctx)
	if err != nil {
		return err
	}
	s.current.Store(hub.NewCalendar(years...))
	s.version = version
	return nil
}

// years are the shipped ones and, behind them, all imported versions in their order.
func (s *Service) years(ctx context.Context) ([]hub.CalendarYear, error) {
	years, err := Shipped()
	if err != nil {
		return nil, err
	}
	for q := (hub.NotesQuery{Prefix: prefix, Limit: pageSize}); ; {
		notes, err := s.Notes.Notes(ctx, q)
		if err != nil {
			return nil, err
		}
		for i := range notes {
			var y hub.CalendarYear
			if err := json.Unmarshal(notes[i].Body, &y); err != nil {
				return nil, hub.Internal("decode the note "+notes[i].Name, err)
			}
			years = append(years, y)
		}
		if len(notes) < pageSize {
			return years, nil
		}
		q.After = notes[len(notes)-1].Name
	}
}

// Import puts a new version into force of every year that the days are of: the days given
// are all that the year then names. Source says where they were published. A dry run tells
// what would change and changes nothing. It needs ScopeOperate; errors are of KindInvalid
// and name row and rule, such as days[3].date.
func (s *Service) Import(ctx context.Context, actor hub.Actor, source string, days []hub.CalendarDay, dryRun bool) (hub.CalendarImport, error) {
	report := hub.CalendarImport{DryRun: dryRun, Years: []int{}, Changes: []hub.CalendarChange{}}
	if err := actor.Require(hub.ScopeOperate); err != nil {
		return report, err
	}
	if err := check(source, days); err != nil {
		return report, err
	}
	byYear := map[int][]hub.CalendarDay{}
	for _, d := range days {
		year := yearOf(d.Date)
		byYear[year] = append(byYear[year], d)
	}
	report.Years = slices.Sorted(maps.Keys(byYear))
	for try := 0; ; try++ {
		version, err := s.Notes.RulesVersion(ctx)
		if err != nil {
			return report, err
		}
		years, err := s.years(ctx)
		if err != nil {
			return report, err
		}
		before := hub.NewCalendar(years...)
		report.Changes = changes(before, byYear)
		if dryRun || len(report.Changes) == 0 {
			return report, nil
		}
		notes, err := s.notes(actor, source, before, byYear)
		if err != nil {
			return report, err
		}
		err = s.Notes.ChangeRules(ctx, version, notes...)
		if err == nil {
			break
		}
		if hub.KindOf(err) != hub.KindConflict || try == changeRetries {
			return report, err
		}
	}
	s.Log.WarnContext(ctx, "the calendar of working days has changed", "years", report.Years, "changes", len(report.Changes), "actor", actor.Name)
	return report, s.Refresh(ctx)
}

// notes are the next versions of the years.
func (s *Service) notes(actor hub.Actor, source string, before *hub.Calendar, byYear map[int][]hub.CalendarDay) ([]hub.RetentionNote, error) {
	var notes []hub.RetentionNote
	for _, year := range slices.Sorted(maps.Keys(byYear)) {
		was, _ := before.Year(year)
		days := slices.SortedFunc(slices.Values(byYear[year]), func(a, b hub.CalendarDay) int { return strings.Compare(string(a.Date), string(b.Date)) })
		next := hub.CalendarYear{
			Year: year, Version: was.Version + 1, Source: source, Days: days, SetBy: actor.Name, SetAt: s.Now().UTC().Truncate(time.Millisecond),
		}
		body, err := json.Marshal(next)
		if err != nil {
			return nil, hub.Internal("encode a calendar", err)
		}
		notes = append(notes, hub.RetentionNote{Name: noteName(year, next.Version), Body: body})
	}
	return notes, nil
}

// changes are the days of the years that differ, by date.
func changes(before *hub.Calendar, byYear map[int][]hub.CalendarDay) []hub.CalendarChange {
	list := []hub.CalendarChange{}
	for year, days := range byYear {
		was := map[hub.Date]hub.CalendarDay{}
		if y, ok := before.Year(year); ok {
			for _, d := range y.Days {
				was[d.Date] = d
			}
		}
		for _, d := range days {
			if old := was[d.Date]; old != d {
				list = append(list, hub.CalendarChange{Date: d.Date, Was: old.Kind, Now: d.Kind, Name: d.Name})
			}
			delete(was, d.Date)
		}
		for _, d := range was {
			list = append(list, hub.CalendarChange{Date: d.Date, Was: d.Kind, Name: d.Name})
		}
	}
	slices.SortFunc(list, func(a, b hub.CalendarChange) int { return strings.Compare(string(a.Date), string(b.Date)) })
	return list
}

func yearOf(d hub.Date) int {
	t, _ := time.Parse(time.DateOnly, string(d)) // it was checked
	return t.Year()
}

func check(source string, days []hub.CalendarDay) error {
	var found hub.Violations
	found = append(found, text("source", source, maxSource)...)
	if strings.TrimSpace(source) == "" {
		found = append(found, hub.Invalid("source", "required", "say where these days were published"))
	}
	switch {
	case len(days) == 0:
		found = append(found, hub.Invalid("days", "required", "an import has at least one day"))
	case len(days) > maxDays:
		return append(found, hub.Errorf(hub.KindTooLarge, "days", "max_items", "an import has at most %d days", maxDays)).AsError()
	}
	seen := map[hub.Date]int{}
	for i, d := range days {
		field := fmt.Sprintf("days[%d].", i)
		found = append(found, text(field+"name", d.Name, maxName)...)
		t, err := time.Parse(time.DateOnly, string(d.Date))
		if err != nil || t.Year() < firstYear || t.Year() > lastYear {
			found = append(found, hub.Invalid(field+"date", "date", "%.20q is not a date of the form YYYY-MM-DD that exists, from %d to %d", string(d.Date), firstYear, lastYear))
			continue
		}
		if first, ok := seen[d.Date]; ok {
			found = append(found, hub.Invalid(field+"date", "unique", "%s is the same day as days[%d]", d.Date, first))
			continue
		}
		seen[d.Date] = i
		switch weekend := t.Weekday() == time.Saturday || t.Weekday() == time.Sunday; {
		case d.Kind != hub.DayOff && d.Kind != hub.DayWorking:
			found = append(found, hub.Invalid(field+"kind", "code_list", "kind is off or working"))
		case d.Kind == hub.DayWorking && !weekend:
			found = append(found, hub.Invalid(field+"kind", "weekend", "%s is worked anyway: only a Saturday or Sunday is named as a working day", d.Date))
		}
	}
	return found.AsError()
}

func text(field, value string, longest int) hub.Violations {
	switch {
	case !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl):
		return hub.Violations{hub.Invalid(field, "control_character", "%s is plain text", field)}
	case utf8.RuneCountInString(value) > longest:
		return hub.Violations{hub.Invalid(field, "max_length", "%s has at most %d characters", field, longest)}
	}
	return nil
}

// ReadDays reads the days of an import: a JSON array of days, or CSV whose first row names
// the columns date, kind and name. Errors are of KindInvalid or
// KindTooLarge and name the row.
func ReadDays(r io.Reader, isCSV bool) ([]hub.CalendarDay, error) {
	if isCSV {
		return readCSV(csv.NewReader(r))
	}
	return hub.ReadElements[hub.CalendarDay](r, "days", maxDays)
}

func readCSV(r *csv.Reader) ([]hub.CalendarDay, error) {
	head, err := r.Read()
	if err == nil {
		head[0] = strings.TrimPrefix(head[0], "\ufeff") // of spreadsheets
	}
	if err != nil || !slices.Equal(head, []string{"date", "kind", "name"}) {
		return nil, hub.Invalid("days", "columns", "the first row names the columns: date,kind,name")
	}
	var days []hub.CalendarDay
	for {
		row, err := r.Read()
		switch {
		case errors.Is(err, io.EOF):
			return days, nil
		case err != nil:
			return nil, hub.Invalid(fmt.Sprintf("days[%d]", len(days)), "csv", "%v", err)
		case len(days) == maxDays:
			return nil, hub.Errorf(hub.KindTooLarge, "days", "max_items", "an import has at most %d days", maxDays)
		}
		days = append(days, hub.CalendarDay{Date: hub.Date(row[0]), Kind: hub.DayKind(row[1]), Name: row[2]})
	}
}
