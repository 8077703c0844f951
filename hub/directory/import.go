package directory

import (
	"cmp"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Import reads a list of agencies and adds or changes what it names; agencies
// that it does not name stay. A changed code, name, level, kind, parent or contact
// holds from now on and the earlier one stays as history; an agency is found by
// its id or, when that cell is empty, by one of its codes. What the list says about
// an agency that has closed, or is not yet open, corrects it. The whole list is refused when
// one row is wrong: then the error is hub.Violations with fields such as
// "rows[3].parent_code", 3 being the line in the file. A dry run says what would
// change and changes nothing. It needs ScopeOperate.
func (d *Directory) Import(ctx context.Context, actor hub.Actor, list io.Reader, dryRun bool) (hub.ImportReport, error) {
	if err := actor.Require(hub.ScopeOperate); err != nil {
		return hub.ImportReport{}, err
	}
	var found problems
	rows, err := readTable(list, &found)
	if err != nil {
		return hub.ImportReport{}, err
	}
	if err := found.err(); err != nil {
		return hub.ImportReport{}, err
	}
	d.writing.Lock()
	defer d.writing.Unlock()
	if err := d.refresh(ctx); err != nil {
		return hub.ImportReport{}, err
	}
	m := &merge{base: d.current.Load(), now: d.now().UTC(), rows: rows}
	if err := m.run(d.newID); err != nil {
		return hub.ImportReport{}, err
	}
	report, changed := m.report()
	if dryRun || len(changed) == 0 {
		return report, nil
	}
	if _, err := d.store.SaveAgencies(ctx, changed); err != nil {
		return hub.ImportReport{}, fmt.Errorf("saving the agencies: %w", err)
	}
	// Another node may have saved between our load and our save.
	return report, d.load(ctx)
}

// Export writes every agency as it is at an instant, ordered by code, in the
// columns of Import, that of channels only if an agency has another than the common
// one; one that has closed as it was in the end, one that is not yet
// open as it will be. It needs ScopeOperate.
func (d *Directory) Export(_ context.Context, actor hub.Actor, w io.Writer, at time.Time) error {
	if err := actor.Require(hub.ScopeOperate); err != nil {
		return err
	}
	s := d.current.Load()
	out := csv.NewWriter(w)
	width := int(colChannel)
	if slices.ContainsFunc(s.agencies, func(a hub.Agency) bool { return len(a.Channels) > 0 }) {
		width++
	}
	_ = out.Write(columnNames()[:width]) // Flush below reports the first failure
	for i := range s.agencies {
		line := cellsOf(&s.agencies[i], at, func(id hub.AgencyID) hub.Code { return s.codeOf(id, at) })
		_ = out.Write(line[:width])
	}
	out.Flush()
	return out.Error()
}

func (s *snapshot) codeOf(id hub.AgencyID, at time.Time) hub.Code {
	if a, ok := s.agency(id); ok {
		return a.CodeAt(standing(a.Valid, at))
	}
	return ""
}

// merge works out what a list makes of the directory.
type merge struct {
	base   *snapshot
	now    time.Time
	rows   []row
	merged []hub.Agency // by row
	place  map[hub.AgencyID]int
	claims map[hub.Code][]claim
	found  problems
}

// claim says that an agency has a code for a time, after the import.
type claim struct {
	agency *hub.Agency
	valid  hub.Interval
}

func (m *merge) run(newID func() string) error {
	m.identify(newID)
	if err := m.found.err(); err != nil {
		return err
	}
	m.claim()
	m.refuseSharedCodes()
	for i := range m.rows {
		m.link(&m.rows[i], &m.merged[i])
	}
	m.refuseCycles(colParent, func(a *hub.Agency) []hub.AgencyID {
		if parent, ok := hub.At(a.Parents, standing(a.Valid, m.now)); ok {
			return []hub.AgencyID{parent}
		}
		return nil
	})
	m.refuseCycles(colSuccessors, func(a *hub.Agency) []hub.AgencyID { return a.Successors })
	return m.found.err()
}

// identify finds the agency of each row and revises everything that does not
// refer to other agencies.
func (m *merge) identify(newID func() string) {
	m.merged = make([]hub.Agency, len(m.rows))
	m.place = make(map[hub.AgencyID]int, len(m.rows))
	for i := range m.rows {
		r := &m.rows[i]
		id := m.idOf(r)
		if id == "" {
			id = hub.AgencyID(newID())
		}
		if first, ok := m.place[id]; ok {
			m.found.add(r.line, colID, "duplicate", "the agency is already in line %d", m.rows[first].line)
			continue
		}
		m.place[id] = i
		m.merged[i] = m.revise(id, r)
	}
}

// idOf returns the id that a row names: its own, or that of the agency that has one
// of its codes at the same time; "" for a new one.
func (m *merge) idOf(r *row) hub.AgencyID {
	if r.cells[colID] != "" {
		return hub.AgencyID(r.cells[colID])
	}
	for _, code := range r.codes {
		for _, h := range m.base.holders[code] {
			if h.valid.Overlaps(r.life) {
				return h.agency.ID
			}
		}
	}
	return ""
}

func (m *merge) revise(id hub.AgencyID, r *row) hub.Agency {
	was, known := m.base.agency(id)
	a := hub.Agency{ID: id}
	if known {
		a = *was
	}
	v := revision{at: standing(r.life, m.now), change: known && r.life.Contains(m.now)}
	contact, _ := hub.At(a.Contacts, v.at)
	contact.Email, contact.Telephone = r.cells[colEmail], r.cells[colTelephone]
	a.Codes = reviseCodes(a.Codes, r.codes, v)
	a.Names = reviseOne(a.Names, r.cells[colName], v)
	a.Levels = reviseOne(a.Levels, hub.Level(r.cells[colLevel]), v)
	a.Kinds = reviseOne(a.Kinds, r.cells[colKind], v)
	a.Contacts = reviseOne(a.Contacts, contact, v)
	if channel := r.cells[colChannel]; channel != "" {
		a.Channels = reviseOne(a.Channels, hub.Channel(channel), v)
	}
	a.Valid = r.life
	a.Registers = r.cells[colRegisters] != "false"
	a.Test = slices.ContainsFunc(r.codes, hub.Code.IsTestUnit)
	return a
}

// claim gathers who has which code after the import.
func (m *merge) claim() {
	m.claims = make(map[hub.Code][]claim, len(m.base.holders)+len(m.rows))
	add := func(a *hub.Agency) {
		for _, c := range a.Codes {
			if valid := within(c.Valid, a.Valid); !empty(valid) {
				m.claims[c.Value] = append(m.claims[c.Value], claim{agency: a, valid: valid})
			}
		}
	}
	for i := range m.merged {
		add(&m.merged[i])
	}
	for i := range m.base.agencies {
		if a := &m.base.agencies[i]; !m.names(a.ID) {
			add(a)
		}
	}
}

// names reports whether the list has a row for the agency.
func (m *merge) names(id hub.AgencyID) bool {
	_, ok := m.place[id]
	return ok
}

// refuseSharedCodes checks every code of the named agencies, former ones too: a
// longer life gives them back their past.
func (m *merge) refuseSharedCodes() {
	for i := range m.rows {
		r := &m.rows[i]
		for _, code := range m.merged[i].Codes {
			switch slices.Index(r.codes, code.Value) {
			case 0:
				m.refuseShared(r, &m.merged[i], colCode, code.Value)
			case -1:
				m.refuseShared(r, &m.merged[i], colFrom, code.Value)
			default:
				m.refuseShared(r, &m.merged[i], colAliases, code.Value)
			}
		}
	}
}

func (m *merge) refuseShared(r *row, own *hub.Agency, c column, code hub.Code) {
	claims := m.claims[code]
	for _, mine := range claims {
		if mine.agency != own {
			continue
		}
		for _, other := range claims {
			if other.agency != own && other.valid.Overlaps(mine.valid) {
				m.found.add(r.line, c, "code_taken", "the code %s belongs to %s at the same time", code, other.agency.NameAt(m.now))
				return
			}
		}
	}
}

// link finds the agencies that a row refers to.
func (m *merge) link(r *row, a *hub.Agency) {
	_, known := m.base.agency(a.ID)
	v := revision{at: standing(r.life, m.now), change: known && r.life.Contains(m.now)}
	parent := hub.AgencyID("")
	if code := hub.Code(r.cells[colParent]); code != "" {
		before, _ := hub.At(a.Parents, v.at)
		parent = m.find(code, []hub.AgencyID{before}, v.at, r.life)
		if parent == "" {
			m.found.add(r.line, colParent, "unknown_agency", "no agency has the code %s during this time", code)
		}
	}
	a.Parents = reviseOne(a.Parents, parent, v)
	successors := make([]hub.AgencyID, 0, len(r.successors))
	for _, code := range r.successors {
		id := m.find(code, a.Successors, r.life.To, hub.Interval{From: r.life.To})
		switch {
		case id == "":
			m.found.add(r.line, colSuccessors, "unknown_agency", "no agency has the code %s on %s or later", code, vietnamDate(r.life.To))
		case slices.Contains(successors, id):
			m.found.add(r.line, colSuccessors, "duplicate", "%s names a successor that another code names already", code)
		default:
			successors = append(successors, id)
		}
	}
	if !slices.Equal(a.Successors, successors) {
		a.Successors = successors
	}
}

// find returns the agency that a code means: the known one if the code is one of
// its own, else who has it at the instant, else the last to have it during the time.
func (m *merge) find(code hub.Code, known []hub.AgencyID, at time.Time, during hub.Interval) hub.AgencyID {
	var best *claim
	claims := m.claims[code]
	for i := range claims {
		c := &claims[i]
		switch {
		case slices.Contains(known, c.agency.ID):
			return c.agency.ID
		case !c.valid.Overlaps(during):
		case best == nil || c.valid.Contains(at) || !best.valid.Contains(at) && c.valid.From.After(best.valid.From):
			best = c
		}
	}
	if best == nil {
		return ""
	}
	return best.agency.ID
}

// after returns the agency as it is after the import.
func (m *merge) after(id hub.AgencyID) (*hub.Agency, bool) {
	if i, ok := m.place[id]; ok {
		return &m.merged[i], true
	}
	return m.base.agency(id)
}

// refuseCycles follows the references of every row and reports where they come
// back to an agency on the way.
func (m *merge) refuseCycles(c column, next func(*hub.Agency) []hub.AgencyID) {
	const onTheWay, done = 1, 2
	state := make(map[hub.AgencyID]int, len(m.rows))
	var leadsBack func(id hub.AgencyID) bool
	leadsBack = func(id hub.AgencyID) bool {
		if state[id] != 0 {
			return state[id] == onTheWay
		}
		state[id] = onTheWay
		defer func() { state[id] = done }()
		a, ok := m.after(id)
		return ok && slices.ContainsFunc(next(a), leadsBack)
	}
	for i := range m.rows {
		if leadsBack(m.merged[i].ID) {
			m.found.add(m.rows[i].line, c, "cycle", "following %s from here runs in a circle", c)
		}
	}
}

// report compares every row with what was there before.
func (m *merge) report() (report hub.ImportReport, changed []hub.Agency) {
	codeOf := func(id hub.AgencyID) hub.Code {
		if a, ok := m.after(id); ok {
			return a.CodeAt(standing(a.Valid, m.now))
		}
		return ""
	}
	for i := range m.merged {
		a := &m.merged[i]
		was, known := m.base.agency(a.ID)
		change := "added"
		if known {
			change = difference(cellsOf(was, m.now, codeOf), cellsOf(a, m.now, codeOf))
		}
		switch {
		case change == "":
			report.Unchanged++
			continue
		case known:
			report.Changed++
		default:
			report.Added++
		}
		report.Rows = append(report.Rows, hub.ImportRow{Line: m.rows[i].line, Code: codeOf(a.ID), Change: change})
		changed = append(changed, *a)
	}
	slices.SortFunc(report.Rows, func(a, b hub.ImportRow) int { return cmp.Compare(a.Line, b.Line) })
	return report, changed
}

// difference names the columns in which two rows differ.
func difference(was, is cells) string {
	var names []string
	for c := range columns {
		if was[c] != is[c] {
			names = append(names, c.String())
		}
	}
	return strings.Join(names, ", ")
}
