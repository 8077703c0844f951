// Package evaluation scores agencies by the figures of their dossiers, by score tables that
// are data (TT 01/2018/TT-VPCP and what came behind it): indicators are formulas over named
// facts, and a table is added without a change of the program.
//
// It promises that every number is computed from the same facts as the figures of dossiers
// and leads to them; that a fact which is not known makes an indicator N/A with the name of
// that fact, never 0; that arithmetic is exact up to the rounding that is shown; that each
// version of a table stays in the store, and a result says by which one it was made; and that
// what agencies feed again changes nothing. An agency is evaluated with all units that were
// under it when their dossiers were accepted. Results are computed behind a request, by one
// node at a time, which tells how far it is; who asks again meanwhile gets the same run.
package evaluation

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
)

//go:embed tables/*.json
var shipped embed.FS

// Notes keeps tables, results, runs and inputs, by name.
type Notes interface {
	// RulesVersion grows with every change of rules of whatever kind.
	RulesVersion(ctx context.Context) (int64, error)
	// ChangeRules saves notes in one transaction when the rules are of the version, which
	// then grows by one; else nothing is saved (KindConflict).
	ChangeRules(ctx context.Context, version int64, notes ...hub.RetentionNote) error
	SaveNotes(ctx context.Context, notes ...hub.RetentionNote) error
	Notes(ctx context.Context, query hub.NotesQuery) ([]hub.RetentionNote, error)
}

// Dossiers counts the dossiers of units.
type Dossiers interface {
	DossierSums(ctx context.Context, look hub.DossierLook) ([]hub.DossierSum, error)
	DossierUnits(ctx context.Context) ([]hub.AgencyID, error)
}

// Desk knows how dossiers are looked at.
type Desk interface {
	// Look is that at the dossiers of a unit in a period; KindInvalid with the field "period".
	Look(unit hub.AgencyID, period hub.Period) (hub.DossierLook, error)
	// Places are those of an agency in the tree, one after the other.
	Places(agency hub.AgencyID) []hub.AgencyPlace
}

// Feedbacks keeps what those who filed dossiers say of agencies.
type Feedbacks interface {
	// AddFeedback MUST record all or nothing: KindConflict when an id is that of something
	// else. A complaint that is recorded without an answer takes one.
	AddFeedback(ctx context.Context, list []hub.Feedback) (hub.FeedbackFed, error)
	// FeedbackSums sums what came in from an instant on and before another, as it stood then.
	FeedbackSums(ctx context.Context, from, look time.Time) ([]hub.FeedbackSum, error)
}

// Procedures is the catalogue.
type Procedures interface {
	// Versions are all versions of a procedure; KindNotFound where there is none.
	Versions(ctx context.Context, code string) ([]hub.ProcedureVersion, error)
}

// Directory finds agencies.
type Directory interface {
	ByID(id hub.AgencyID) (*hub.Agency, bool)
}

// Options are what a Service needs; all of it.
type Options struct {
	Notes      Notes
	Dossiers   Dossiers
	Desk       Desk
	Feedbacks  Feedbacks
	Procedures Procedures
	Directory  Directory
	Now        func() time.Time
	Log        *slog.Logger
}

// Service evaluates. It is safe for concurrent use.
type Service struct{ Options }

// New returns a Service.
func New(o Options) *Service { return &Service{o} }

func (s *Service) now() time.Time { return s.Now().UTC().Truncate(time.Millisecond) }

const (
	maxTries   = 10 // of a change of rules against others at the same moment
	maxTables  = 200
	pageSize   = 200
	tablePlace = "evaluation-table/"
)

// Shipped returns the tables that come with the program.
func Shipped() ([]hub.ScoreTable, error) {
	files, err := shipped.ReadDir("tables")
	if err != nil {
		return nil, hub.Internal("read the shipped tables", err)
	}
	var list []hub.ScoreTable
	for _, f := range files {
		raw, err := shipped.ReadFile("tables/" + f.Name())
		if err != nil {
			return nil, hub.Internal("read the shipped tables", err)
		}
		t, err := ReadTable(raw)
		if err != nil {
			return nil, hub.Internal("read the shipped table "+f.Name(), err)
		}
		list = append(list, t)
	}
	return list, nil
}

// all reads every note under a prefix.
func all[T any](ctx context.Context, notes Notes, prefix string) ([]T, error) {
	var list []T
	for q := (hub.NotesQuery{Prefix: prefix, Limit: pageSize}); ; {
		found, err := notes.Notes(ctx, q)
		if err != nil {
			return nil, err
		}
		for i := range found {
			var v T
			if err := json.Unmarshal(found[i].Body, &v); err != nil {
				return nil, hub.Internal("decode the note "+found[i].Name, err)
			}
			list = append(list, v)
		}
		if len(found) < pageSize {
			return list, nil
		}
		q.After = found[len(found)-1].Name
	}
}

// Tables lists the last version of each table, the one that began last first. They are no
// secret.
func (s *Service) Tables(ctx context.Context) ([]hub.ScoreTable, error) {
	return s.tablesOn(ctx, "9999-12-31")
}

// tablesOn lists of each table the last version that had begun on a day; of one that had not,
// its first.
func (s *Service) tablesOn(ctx context.Context, day hub.Date) ([]hub.ScoreTable, error) {
	list, err := Shipped()
	if err != nil {
		return nil, err
	}
	applied, err := all[hub.ScoreTable](ctx, s.Notes, tablePlace)
	if err != nil {
		return nil, err
	}
	last := map[string]hub.ScoreTable{}
	for _, t := range append(list, applied...) {
		if _, ok := last[t.ID]; !ok || t.From <= day {
			last[t.ID] = t
		}
	}
	list = list[:0]
	for _, t := range last {
		list = append(list, t)
	}
	slices.SortFunc(list, func(a, b hub.ScoreTable) int {
		return -strings.Compare(string(a.From)+" "+a.ID, string(b.From)+" "+b.ID)
	})
	return list, nil
}

// table returns a table in the version for a period; without a name that which is in force at
// its end.
func (s *Service) table(ctx context.Context, id string, period hub.Period) (*table, error) {
	begin, end := period.Span()
	first, last := hub.DateOf(begin), hub.DateOf(end).Plus(-1)
	list, err := s.tablesOn(ctx, last)
	if err != nil {
		return nil, err
	}
	for i := range list {
		t := &list[i]
		inForce := t.From <= last && (t.Until == "" || t.Until >= first)
		switch {
		case id == "" && inForce && (t.Until == "" || t.Until >= last), id != "" && t.ID == id && inForce:
			return compile(t)
		case id != "" && t.ID == id:
			return nil, hub.Invalid("table", "in_force", "the table %s evaluates periods from %s on", t.ID, strings.TrimSuffix(fmt.Sprint(t.From, " to ", t.Until), " to "))
		}
	}
	return nil, hub.Invalid("table", "unknown", "there is no table for that period")
}

// Apply puts a table into force: the next version of the one with its id, or a new one. A dry
// run checks it and changes nothing. It needs ScopeOperate; errors are of KindInvalid and name
// field and rule, such as indicators[2].formula.
func (s *Service) Apply(ctx context.Context, actor hub.Actor, t hub.ScoreTable, dryRun bool) (hub.ScoreTableChange, error) {
	change := hub.ScoreTableChange{DryRun: dryRun}
	if err := actor.Require(hub.ScopeOperate); err != nil {
		return change, err
	}
	if _, err := compile(&t); err != nil {
		return change, err
	}
	for try := 1; ; try++ {
		version, err := s.Notes.RulesVersion(ctx)
		if err != nil {
			return change, err
		}
		tables, err := s.Tables(ctx)
		if err != nil {
			return change, err
		}
		was := slices.IndexFunc(tables, func(o hub.ScoreTable) bool { return o.ID == t.ID })
		if was < 0 && len(tables) >= maxTables {
			return change, hub.Errorf(hub.KindTooLarge, "table", "max_items", "there are at most %d tables", maxTables)
		}
		t.Version = 1
		if was >= 0 {
			t.Version = tables[was].Version + 1
			change.Changed, err = differs(t, tables[was])
		} else {
			change.Changed = true
		}
		t.SetBy, t.SetAt = actor.Name, s.now()
		if change.Table = t; err != nil || dryRun || !change.Changed {
			return change, err
		}
		body, err := json.Marshal(t)
		if err != nil {
			return change, hub.Internal("encode a table", err)
		}
		err = s.Notes.ChangeRules(ctx, version, hub.RetentionNote{Name: fmt.Sprintf("%s%s/%012d", tablePlace, t.ID, t.Version), Body: body})
		if err == nil {
			s.Log.WarnContext(ctx, "a score table was put into force", "table", t.ID, "version", t.Version, "actor", actor.Name)
		}
		if err == nil || hub.KindOf(err) != hub.KindConflict || try == maxTries {
			return change, err
		}
	}
}

// differs reports whether two versions say something else.
func differs(a, b hub.ScoreTable) (bool, error) {
	a.Version, a.SetBy, a.SetAt = 0, "", time.Time{}
	b.Version, b.SetBy, b.SetAt = 0, "", time.Time{}
	one, err := json.Marshal(a)
	if err != nil {
		return false, hub.Internal("encode a table", err)
	}
	other, err := json.Marshal(b)
	if err != nil {
		return false, hub.Internal("encode a table", err)
	}
	return string(one) != string(other), nil
}
