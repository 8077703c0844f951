package dossiers

import (
	"slices"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// keep is what is kept of a dossier beside its events.
func keep(f *hub.DossierFile, w hub.WorkingTime) *hub.DossierKept {
	whole := follow(f.Events, farAway())
	k := &hub.DossierKept{Basis: w.Basis(), Facts: factsOf(&f.Dossier, whole, w), Marks: marksOf(whole)}
	n := len(k.Facts)
	if n == 0 {
		return k
	}
	if f.Open() {
		k.Foreseen = foreseen(&f.Dossier, whole, w)
	}
	last := &k.Facts[n-1]
	k.Late, k.Marks = last.Late, k.Marks|hub.MarkBegun|last.Marks
	if last.Requests > 1 {
		k.Marks |= hub.MarkSecond
	}
	return k
}

// farAway is an instant before which everything happens.
func farAway() time.Time { return time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC) }

// marksOf are the marks of the present that are no marks of facts.
func marksOf(c *course) hub.DossierMarks {
	var marks hub.DossierMarks
	if len(c.unordered) > 0 {
		marks |= hub.MarkOutOfOrder
	}
	if len(c.unknown) > 0 {
		marks |= hub.MarkUnknown
	}
	if c.undelivered() {
		marks |= hub.MarkWaits
	}
	return marks
}

// factsOf measures a dossier behind each event that changes how it counts.
func factsOf(d *hub.Dossier, whole *course, w hub.WorkingTime) []hub.DossierFacts {
	var list []hub.DossierFacts
	made := maker{d: d, w: w, parties: []hub.AgencyID{d.Unit}}
	changed := false
	for i := range whole.events {
		e := &whole.events[i]
		changed = made.learn(e) || changed
		if !changed || i+1 < len(whole.events) && whole.events[i+1].At.Equal(e.At) {
			continue // a look counts all that happened at an instant, or nothing of it
		}
		changed = false
		f, ok := made.facts(&course{events: whole.events[:i+1]}, e.At)
		if !ok {
			continue
		}
		if n := len(list); n > 0 {
			before := list[n-1]
			if before.Since = f.Since; f == before {
				continue
			}
			list[n-1].Until = e.At
		}
		made.requests = f.Requests
		list = append(list, f)
	}
	return list
}

// maker makes facts of one dossier, event by event.
type maker struct {
	d        *hub.Dossier
	w        hub.WorkingTime
	parties  []hub.AgencyID
	marks    hub.DossierMarks
	statuses [hub.DossierReturned + 1]bool
	requests int
	letter   time.Time
}

// learn takes in an event, and reports whether it may change how the dossier counts. Of one
// with more than one request for supplements a further one changes nothing, nor what answers
// it: there may be hundreds.
func (m *maker) learn(e *hub.DossierEvent) bool {
	was := m.marks
	switch {
	case e.Act == hub.DossierApologise && m.letter.IsZero():
		m.letter, m.marks = e.At, m.marks|hub.MarkLetter
	case e.Paper != nil && e.Paper.Kind == hub.DossierFiled:
		m.marks |= hub.MarkFiled
	case e.Paper != nil && e.Paper.Kind == hub.DossierResult:
		m.marks |= hub.MarkResult
	case e.To != "" && !slices.Contains(m.parties, e.To):
		m.parties = append(m.parties, e.To)
		return true
	case e.Status.Valid():
		first := !m.statuses[e.Status]
		m.statuses[e.Status] = true
		return first || m.requests < 2
	}
	return m.marks != was
}

// facts are those for looks behind an instant; false where the time has not begun.
func (m *maker) facts(c *course, since time.Time) (hub.DossierFacts, bool) {
	k := clockOf(m.d, c, m.w, since.Add(time.Millisecond))
	if k.Start.IsZero() {
		return hub.DossierFacts{}, false
	}
	f := hub.DossierFacts{Since: since, Start: k.Start.UTC(), Late: lateFrom(&k), Requests: min(k.Requests, 2), Parties: len(m.parties), Marks: m.marks}
	if m.marks.Has(hub.MarkLetter) && m.letter.After(k.Due) {
		f.Marks |= hub.MarkTardy
	}
	if !k.Ended {
		return f, true
	}
	f.Ended, f.Worked = k.End.UTC(), k.Worked
	f.Allowed = int64(m.w.Between(k.Start, m.w.Due(k.Start, m.d.Procedure.Limit)) / time.Minute)
	if has(&k, hub.RuleEndStopped) {
		f.Marks |= hub.MarkStopped
	}
	if !k.Late && hub.DateOf(k.End) < hub.DateOf(k.Due) {
		f.Marks |= hub.MarkEarly
	}
	return f, true
}

// lateFrom is the instant behind which looks find a clock late; its begin where all do. What
// runs is late by the instant alone.
func lateFrom(k *hub.DossierClock) time.Time {
	switch {
	case has(k, hub.RuleEndNone) && k.Requests < 2:
		return k.Due.UTC()
	case k.Late:
		return k.Start.UTC()
	}
	return time.Time{}
}

// foreseen is the instant behind which looks foresee that a dossier will be late.
func foreseen(d *hub.Dossier, whole *course, w hub.WorkingTime) time.Time {
	if len(whole.events) == 0 {
		return time.Time{}
	}
	look := whole.events[len(whole.events)-1].At.Add(time.Millisecond)
	k := clockOf(d, whole, w, look)
	var first time.Time
	parts, _ := shares(d, whole, w, look)
	for i := range parts {
		s := &parts[i].Clock
		from := lateFrom(s)
		if s.Due.After(k.Due) {
			from = s.Start.UTC()
		}
		if !s.Ended && !from.IsZero() && (first.IsZero() || from.Before(first)) {
			first = from
		}
	}
	return first
}

// has reports whether a rule made a clock what it is.
func has(k *hub.DossierClock, rule hub.DossierRule) bool {
	return slices.ContainsFunc(k.Explain, func(r hub.DossierReason) bool { return r.Rule == rule })
}
