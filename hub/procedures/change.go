package procedures

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Row is one row of a list as it was read. Agency holds the code of the responsible agency
// in AgencyCode alone.
type Row struct {
	hub.Procedure
	From    time.Time // zero: that of the wish
	Abolish bool      // only the code counts
}

const (
	maxRows       = 20_000
	maxViolations = 100 // that one answer names
	changeRetries = 5   // against other changes at the same moment
	codesAtOnce   = 500 // of one look-up
)

// Import publishes what is new in a list, amends what differs, and abolishes what it says
// is abolished, by one decision. What the list does not name stays as it is. It is taken
// whole or not at all. Errors are of KindInvalid and name row, field and rule, such as
// procedures[3].limit.
func (s *Service) Import(ctx context.Context, actor hub.Actor, wish hub.ProcedureWish, rows iter.Seq2[Row, error]) (hub.ProcedureImport, error) {
	report := hub.ProcedureImport{DryRun: wish.DryRun, Rows: []hub.ProcedureRow{}}
	if err := actor.Require(hub.ScopeSubmit); err != nil {
		return report, err
	}
	decision, err := s.decision(ctx, actor, wish.Decision)
	if err != nil {
		return report, err
	}
	report.Decision = decision
	now := s.Now().UTC()
	if wish.From.IsZero() {
		wish.From = now.Truncate(time.Minute)
	}
	list, err := collect(rows)
	if err != nil {
		return report, err
	}
	for try := 0; ; try++ {
		last, err := s.Store.LastProcedureChange(ctx)
		if err != nil {
			return report, err
		}
		p := plan{s: s, actor: actor, decision: decision, from: wish.From, now: now, seq: last, report: report}
		if err := p.make(ctx, list); err != nil {
			return report, err
		}
		if wish.DryRun || len(p.changes) == 0 {
			p.report.Seq = last
			return p.report, nil
		}
		fact, err := hub.NewCatalogueFact(decision, p.changes, p.versions)
		if err != nil {
			return report, err
		}
		note, err := s.Chronicle.ProceduresChanged(actor, fact)
		if err != nil {
			return report, err
		}
		err = s.Store.SaveProcedures(ctx, last, p.changes, p.versions, note)
		if err == nil {
			s.Log.WarnContext(ctx, "the catalogue of procedures has changed", "decision", decision.Dispatch, "changes", len(p.changes), "actor", actor.Name)
			p.report.Seq = p.seq
			return p.report, nil
		}
		if hub.KindOf(err) != hub.KindConflict || try == changeRetries {
			return report, err
		}
	}
}

// ImportList is Import of a list in one of the formats, which its first character tells.
func (s *Service) ImportList(ctx context.Context, actor hub.Actor, wish hub.ProcedureWish, list io.Reader) (hub.ProcedureImport, error) {
	reader, err := NewList(wish.Columns)
	if err != nil {
		return hub.ProcedureImport{}, err
	}
	format, list, err := Sniff(list)
	if err != nil {
		return hub.ProcedureImport{}, err
	}
	report, err := s.Import(ctx, actor, wish, reader.Read(list, format))
	report.Ignored = reader.Ignored()
	return report, err
}

// Abolish ends procedures by a decision.
func (s *Service) Abolish(ctx context.Context, actor hub.Actor, wish hub.ProcedureWish, codes ...string) (hub.ProcedureImport, error) {
	return s.Import(ctx, actor, wish, func(yield func(Row, error) bool) {
		for _, code := range codes {
			if !yield(Row{Procedure: hub.Procedure{Code: code}, Abolish: true}, nil) {
				return
			}
		}
	})
}

// collect reads all rows of a list, and all that is wrong with them up to a bound.
func collect(rows iter.Seq2[Row, error]) ([]Row, error) {
	var list []Row
	var found hub.Violations
	first := map[string]int{}
	for row, err := range rows {
		field := fmt.Sprintf("procedures[%d].", len(list))
		switch {
		case err != nil && hub.KindOf(err) != hub.KindInvalid:
			return nil, err
		case err != nil:
			found = append(found, hub.ViolationsOf(err)...)
		case row.Abolish && row.Code == "":
			found = append(found, hub.Invalid(field+"code", "required", "code is missing"))
		case !row.Abolish:
			found = append(found, row.Check(field)...)
		}
		if len(list) == maxRows {
			return nil, hub.Errorf(hub.KindTooLarge, "procedures", "max_items", "a list has at most %d rows", maxRows)
		}
		if n, twice := first[row.Code]; twice && row.Code != "" {
			found = append(found, hub.Invalid(field+"code", "unique", "%.50q stands in procedures[%d] already", row.Code, n))
		}
		first[row.Code] = len(list)
		list = append(list, row)
		if len(found) >= maxViolations || errors.Is(err, errUnreadable) {
			break
		}
	}
	if len(list) == 0 && len(found) == 0 {
		found = append(found, hub.Invalid("procedures", "required", "the list has no row"))
	}
	return list, found.AsError()
}

// plan is what a list does to the catalogue as it was read.
type plan struct {
	s        *Service
	actor    hub.Actor
	decision hub.ProcedureDecision
	from     time.Time
	now      time.Time
	seq      int64
	report   hub.ProcedureImport
	changes  []hub.ProcedureChange
	versions []hub.ProcedureVersion
	found    hub.Violations
}

func (p *plan) make(ctx context.Context, list []Row) error {
	at := 0
	for rows := range slices.Chunk(list, codesAtOnce) {
		codes := make([]string, len(rows))
		for i := range rows {
			codes[i] = rows[i].Code
		}
		versions, err := p.s.Store.ProcedureVersions(ctx, codes)
		if err != nil {
			return err
		}
		known := map[string][]hub.ProcedureVersion{}
		for i := range versions {
			known[versions[i].Code] = append(known[versions[i].Code], versions[i])
		}
		for i := range rows {
			p.row(at, &rows[i], known[rows[i].Code])
			at++
		}
		if len(p.found) >= maxViolations {
			break
		}
	}
	return p.found.AsError()
}

// row plans one row; known are the versions of the procedure.
func (p *plan) row(at int, row *Row, known []hub.ProcedureVersion) {
	field := fmt.Sprintf("procedures[%d].", at)
	fail := func(name, rule, format string, values ...any) {
		p.found = append(p.found, hub.Invalid(field+name, rule, format, values...))
	}
	from := row.From
	if from.IsZero() {
		from = p.from
	}
	if row.Abolish {
		p.abolish(at, from, known, fail)
		return
	}
	var was *hub.ProcedureVersion // the newest
	if len(known) > 0 {
		was = &known[len(known)-1]
	}
	now := row.Procedure
	until, ok := hub.ParseProcedureMinute(string(now.Until))
	if gone := !until.IsZero() && !from.Before(until); !ok || gone {
		now.Until = hub.MinuteOf(until)
		if gone && row.From.IsZero() && was != nil && was.Ended == nil && len(Differences(&was.Procedure, &now)) == 0 {
			p.report.Unchanged++ // the same list again
			return
		}
		fail("until", "period", "a procedure lapses at a minute behind the one at which it begins")
		return
	}
	now.Until = hub.MinuteOf(until)
	r, err := p.s.Directory.Resolve(string(now.AgencyCode), from)
	if err != nil {
		fail("agency", "unknown_agency", "no agency has the code %.40q on %s", string(now.AgencyCode), hub.DateOf(from))
		return
	}
	now.Agency = r.Agency.ID
	act := hub.ProcedurePublish
	var differences []hub.ProcedureDifference
	if was != nil {
		ended := !was.Valid.To.IsZero() && !from.Before(was.Valid.To)
		differences = Differences(&was.Procedure, &now)
		switch {
		case !ended && len(differences) == 0 && was.Ended == nil:
			p.report.Unchanged++
			return
		case !ended && was.Ended != nil:
			fail("from", "order", "the procedure is abolished from %s on: a change comes behind it", hub.MinuteOf(was.Valid.To))
			return
		case !ended && !was.Valid.From.Before(from):
			fail("from", "order", "another decision is in effect from %s on: a change comes behind it", hub.MinuteOf(was.Valid.From))
			return
		case !ended:
			act = hub.ProcedureAmend
		}
	}
	if !p.over(now.Agency, from) {
		fail("agency", "publisher", "the agency of the decision is not %.40q and does not stand over it on %s", string(now.AgencyCode), hub.DateOf(from))
		return
	}
	if act == hub.ProcedureAmend && !p.over(was.Agency, from) {
		fail("agency", "publisher", "the agency of the decision does not stand over %.40q, which is responsible until then", string(was.AgencyCode))
		return
	}
	next := hub.ProcedureVersion{Procedure: now, Version: 1, Valid: hub.Interval{From: from, To: until}, Decision: p.by(act)}
	if was != nil {
		next.Version = was.Version + 1
	}
	if act == hub.ProcedureAmend {
		p.end(was, from, act)
		p.report.Amended++
	} else {
		p.report.Published++
		differences = nil
	}
	p.versions = append(p.versions, next)
	p.change(at, from, &next, act, differences)
}

// abolish ends what is in force at a minute, and what was to come behind it.
func (p *plan) abolish(at int, from time.Time, versions []hub.ProcedureVersion, fail func(name, rule, format string, values ...any)) {
	if len(versions) == 0 {
		fail("code", "unknown", "there is no procedure with this code")
		return
	}
	last := &versions[len(versions)-1]
	open := slices.DeleteFunc(slices.Clone(versions), func(v hub.ProcedureVersion) bool {
		return !v.Valid.To.IsZero() && (!from.Before(v.Valid.To) || !v.Valid.From.Before(v.Valid.To))
	})
	switch {
	case len(open) == 0 && last.Ended != nil && last.Ended.Act == hub.ProcedureAbolish && last.Ended.Dispatch == p.decision.Dispatch && last.Valid.To.Equal(latest(from, last.Valid.From)):
		p.report.Unchanged++ // the same again
		return
	case len(open) == 0:
		fail("code", "lapsed", "the procedure lapses at %s already", hub.MinuteOf(last.Valid.To))
		return
	case from.Before(open[0].Valid.From):
		fail("from", "order", "the version of the procedure is in effect from %s on: it cannot end before", hub.MinuteOf(open[0].Valid.From))
		return
	}
	for i := range open {
		if !p.over(open[i].Agency, from) {
			fail("agency", "publisher", "the agency of the decision is not %.40q and does not stand over it", string(open[i].AgencyCode))
			return
		}
	}
	for i := range open {
		end := latest(from, open[i].Valid.From)
		p.end(&open[i], end, hub.ProcedureAbolish)
		p.change(at, end, &open[i], hub.ProcedureAbolish, nil)
	}
	p.report.Abolished++
}

func latest(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// over reports whether the agency of the decision may act for another from a minute on.
// What is dated back needs the right of today.
func (p *plan) over(responsible hub.AgencyID, from time.Time) bool {
	return p.s.over(p.decision.Agency, responsible, latest(from, p.now))
}

func (p *plan) by(act hub.ProcedureAct) hub.ProcedureDecision {
	d := p.decision
	d.Act = act
	return d
}

func (p *plan) end(was *hub.ProcedureVersion, from time.Time, act hub.ProcedureAct) {
	by := p.by(act)
	was.Valid.To, was.Ended = from, &by
	p.versions = append(p.versions, *was)
}

func (p *plan) change(at int, from time.Time, v *hub.ProcedureVersion, act hub.ProcedureAct, differences []hub.ProcedureDifference) {
	p.seq++
	p.changes = append(p.changes, hub.ProcedureChange{
		Seq: p.seq, Act: act, Code: v.Code, Number: v.Version, From: from, Decision: p.by(act), By: p.actor.Name, At: p.now.Truncate(time.Millisecond),
	})
	p.report.Rows = append(p.report.Rows, hub.ProcedureRow{Row: at + 1, Code: v.Code, Name: v.Name, Act: act, From: from, Differences: differences})
}

// Differences are the properties that differ, in the words of a list.
func Differences(was, is *hub.Procedure) []hub.ProcedureDifference {
	var list []hub.ProcedureDifference
	now := words(is)
	for i, before := range words(was) {
		if before != now[i] {
			list = append(list, hub.ProcedureDifference{Field: before.name, Was: before.text, Is: now[i].text})
		}
	}
	return list
}

type word struct{ name, text string }

func words(p *hub.Procedure) []word {
	levels := make([]string, len(p.Levels))
	for i, l := range p.Levels {
		levels[i] = string(l)
	}
	slices.Sort(levels)
	fees := make([]string, len(p.Fees))
	for i, f := range p.Fees {
		fees[i] = strings.TrimSpace(strconv.FormatInt(f.Amount, 10) + " " + f.Note)
	}
	return []word{
		{"name", p.Name}, {"field", p.Field}, {"levels", strings.Join(levels, ", ")}, {"agency", cmp.Or(string(p.AgencyCode), string(p.Agency))},
		{"limit", strconv.Itoa(p.Limit.Amount) + " " + string(p.Limit.Unit)}, {"online", string(p.Online)}, {"fees", strings.Join(fees, "\n")},
		{"papers", strings.Join(p.Papers, "\n")}, {"basis", strings.Join(p.Basis, "\n")}, {"until", string(p.Until)},
	}
}
