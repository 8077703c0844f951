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
// that it does not name stay. In a CSV list a changed code, name, level, kind, parent or contact
// holds from options.From on and the earlier one stays as history; an agency is found by
// its id or, when that cell is empty, by one of its codes. What is known to change later
// than that still does. What the list says about an agency that has closed by then, or is not yet open, corrects it. A JSON list gives
// each agency whole, with its history. The whole list is refused when
// one row is wrong: then the error is hub.Violations with fields such as
// "rows[3].parent_code", 3 being the line in the file, or "agencies[3].names[0].valid". A dry run says what would
// change and changes nothing. It needs ScopeOperate.
func (d *Directory) Import(ctx context.Context, actor hub.Actor, list io.Reader, options hub.ImportOptions) (hub.ImportReport, error) {
	if err := actor.Require(hub.ScopeOperate); err != nil {
		return hub.ImportReport{}, err
	}
	if rule := badText(options.Basis, maxBasis); rule != "" {
		return hub.ImportReport{}, hub.Invalid("basis", rule, "the basis is a text of at most %d characters", maxBasis)
	}
	switch options.Format {
	case "", hub.ListCSV:
		return d.importTable(ctx, list, options)
	case hub.ListJSON:
		return d.importWhole(ctx, list, options)
	}
	return hub.ImportReport{}, hub.Errorf(hub.KindUnsupported, "format", "format", "a list of agencies is csv or json, not %.20q", options.Format)
}

func (d *Directory) importTable(ctx context.Context, list io.Reader, options hub.ImportOptions) (hub.ImportReport, error) {
	m := &merge{}
	rows, err := readTable(list, &m.has, &m.found)
	if err != nil {
		return hub.ImportReport{}, err
	}
	if err := m.found.err(); err != nil {
		return hub.ImportReport{}, err
	}
	has := m.has
	var report hub.ImportReport
	err = d.changing(ctx, func() ([]hub.Agency, error) {
		if err := d.current.Load().still(options.Since); err != nil {
			return nil, err
		}
		now := d.now().UTC()
		m := &merge{world: world{base: d.current.Load()}, now: now, rows: rows, has: has}
		if !options.From.IsZero() {
			m.now = options.From.UTC()
		}
		if err := m.run(d.newID); err != nil {
			return nil, err
		}
		var changed []hub.Agency
		report, changed = m.report()
		record(changed, options.Basis, now, d.newID)
		if options.DryRun {
			return nil, nil
		}
		return changed, nil
	})
	if err != nil {
		return hub.ImportReport{}, err
	}
	return report, nil
}

// saveTries bounds how often a change is worked out anew because another node changed
// agencies at the same moment.
const saveTries = 5

// changing saves what the change makes of the directory as it is, and takes it into
// force. Where another node was faster it is worked out anew, so that nothing is ever
// checked against a directory other than the one that it changes.
func (d *Directory) changing(ctx context.Context, change func() ([]hub.Agency, error)) error {
	d.writing.Lock()
	defer d.writing.Unlock()
	for tries := 1; ; tries++ {
		if err := d.refresh(ctx); err != nil {
			return err
		}
		changed, err := change()
		if err != nil || len(changed) == 0 {
			return err
		}
		version := d.current.Load().version
		for i := range changed {
			changed[i].Version = version + 1
		}
		_, err = d.store.SaveAgencies(ctx, version, changed)
		switch {
		case err == nil:
			return d.load(ctx)
		case hub.KindOf(err) != hub.KindConflict || tries == saveTries:
			return fmt.Errorf("saving the agencies: %w", err)
		}
	}
}

// Export writes every agency as it is at an instant, ordered by code, in the
// columns of Import, those that may be absent only if an agency has something in
// them that not all have; one that has closed as it was in the end, one that is not yet
// open as it will be. As JSON it writes agencies with all that they ever were, whatever the instant. It needs ScopeOperate.
func (d *Directory) Export(_ context.Context, actor hub.Actor, w io.Writer, format string, at time.Time) error {
	if err := actor.Require(hub.ScopeOperate); err != nil {
		return err
	}
	s := d.current.Load()
	if format == hub.ListJSON {
		return writeWhole(w, s.agencies)
	}
	lines := make([]cells, len(s.agencies))
	var used [columns]bool
	for c := range columns {
		used[c] = c < colChannel
	}
	for i := range s.agencies {
		lines[i] = cellsOf(&s.agencies[i], at, func(id hub.AgencyID) hub.Code { return s.codeOf(id, at) })
		for c := colChannel; c < columns; c++ {
			used[c] = used[c] || lines[i][c] != "" && lines[i][c] != "false"
		}
	}
	out := csv.NewWriter(w)
	_ = out.Write(only(columnNames(), used)) // Flush below reports the first failure
	for i := range lines {
		_ = out.Write(only(lines[i][:], used))
	}
	out.Flush()
	return out.Error()
}

// only returns the cells of the columns in use.
func only(line []string, used [columns]bool) []string {
	var kept []string
	for c, cell := range line {
		if used[c] {
			kept = append(kept, cell)
		}
	}
	return kept
}

func (s *snapshot) codeOf(id hub.AgencyID, at time.Time) hub.Code {
	if a, ok := s.agency(id); ok {
		return a.CodeAt(standing(a.Valid, at))
	}
	return ""
}

// merge works out what a list makes of the directory.
type merge struct {
	world           // merged by row
	now   time.Time // from when changes hold
	rows  []row
	has   [columns]bool // which columns the list has
	found problems
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
	m.refuseCircles()
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
	for c, field := range map[column]*string{colAddress: &contact.Address, colFax: &contact.Fax, colWebsite: &contact.Website} {
		if m.has[c] {
			*field = r.cells[c]
		}
	}
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
	if arrival := r.cells[colArrival]; arrival != "" {
		a.ReportsArrival = arrival == "true"
	}
	a.Test = slices.ContainsFunc(r.codes, hub.Code.IsTestUnit)
	return a
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
	if other, ok := m.rival(own, code); ok {
		m.found.add(r.line, c, "code_taken", "the code %s belongs to %s at the same time", code, other.NameAt(m.now))
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
	m.receivedBy(r, a, v)
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

// receivedBy finds who receives for the agency of a row.
func (m *merge) receivedBy(r *row, a *hub.Agency, v revision) {
	code := r.cells[colReceivedBy]
	by := hub.AgencyID("")
	switch code {
	case "":
		return // as before
	case nobody:
	default:
		if by = m.find(hub.Code(code), []hub.AgencyID{a.ReceivedByAt(v.at)}, v.at, r.life); by == "" {
			m.found.add(r.line, colReceivedBy, "unknown_agency", "no agency has the code %s during this time", code)
		}
		if by == a.ID {
			m.found.add(r.line, colReceivedBy, "self", "%s receives for itself anyway", code)
		}
	}
	a.ReceivedBy = reviseOne(a.ReceivedBy, by, v)
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

// refuseCircles reports the rows whose agencies would be above themselves or take over
// from themselves, at whatever time.
func (m *merge) refuseCircles() {
	for i := range m.rows {
		if m.underItself(&m.merged[i]) {
			m.found.add(m.rows[i].line, colParent, "cycle", "following %s from here runs in a circle", colParent)
		}
		if m.inheritsFromItself(&m.merged[i]) {
			m.found.add(m.rows[i].line, colSuccessors, "cycle", "following %s from here runs in a circle", colSuccessors)
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
		change, differences := "added", []hub.ImportDifference(nil)
		if known {
			change, differences = difference(cellsOf(was, m.now, codeOf), cellsOf(a, m.now, codeOf))
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
		report.Rows = append(report.Rows, hub.ImportRow{Line: m.rows[i].line, Code: codeOf(a.ID), Change: change, Differences: differences})
		changed = append(changed, *a)
	}
	slices.SortFunc(report.Rows, func(a, b hub.ImportRow) int { return cmp.Compare(a.Line, b.Line) })
	return report, changed
}

// difference names the columns in which two rows differ, and what stands in them.
func difference(was, is cells) (names string, list []hub.ImportDifference) {
	var changed []string
	for c := range columns {
		if was[c] != is[c] {
			changed = append(changed, c.String())
			list = append(list, hub.ImportDifference{Column: c.String(), Was: was[c], Is: is[c]})
		}
	}
	return strings.Join(changed, ", "), list
}
