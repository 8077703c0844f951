package dossiers

import (
	"cmp"
	"slices"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// course is what happened to a dossier before an instant, in the order of time.
type course struct {
	events    []hub.DossierEvent
	status    hub.DossierStatus
	local     string
	unordered []int64 // events whose status could not come next
	unknown   []int64 // reports in words that stand for nothing
}

// follow orders events by when they happened. What came late, twice or out of order stays,
// and the furthest status is shown.
func follow(events []hub.DossierEvent, before time.Time) *course {
	c := &course{}
	for i := range events {
		if events[i].At.Before(before) {
			c.events = append(c.events, events[i])
		}
	}
	slices.SortStableFunc(c.events, func(a, b hub.DossierEvent) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Seq, b.Seq)) })
	last := hub.DossierStatus(0)
	for i := range c.events {
		e := &c.events[i]
		if e.Local != "" {
			c.local = e.Local
			if e.Act == hub.DossierReport && e.Status == 0 && e.Said == 0 {
				c.unknown = append(c.unknown, e.Seq)
			}
		}
		if e.Status == 0 {
			continue
		}
		if !last.Leads(e.Status) {
			c.unordered = append(c.unordered, e.Seq)
		}
		last = e.Status
		c.status = c.status.Furthest(e.Status)
	}
	return c
}

// first is the first event with one of the statuses, or nil.
func (c *course) first(statuses ...hub.DossierStatus) *hub.DossierEvent {
	for i := range c.events {
		if slices.Contains(statuses, c.events[i].Status) {
			return &c.events[i]
		}
	}
	return nil
}

// end is the event that ended the dossier, or nil: the result before its return, and that
// before a stop, a rejection or a withdrawal.
func (c *course) end() (*hub.DossierEvent, hub.DossierRule) {
	if e := c.first(hub.DossierDone); e != nil {
		return e, hub.RuleEndDone
	}
	if e := c.first(hub.DossierReturned); e != nil {
		return e, hub.RuleEndReturned
	}
	return c.first(hub.DossierStopped, hub.DossierRejected, hub.DossierWithdrawn), hub.RuleEndStopped
}

// undelivered reports whether there is a letter of apology that the owner does not have.
func (c *course) undelivered() bool {
	waits := false
	for i := range c.events {
		switch c.events[i].Act {
		case hub.DossierApologise:
			waits = true
		case hub.DossierDeliver:
			waits = false
		}
	}
	return waits
}

// start is the event from which on the time runs: the acceptance, or where that was never
// reported the first event that could only follow it.
func (c *course) start() *hub.DossierEvent {
	if e := c.first(hub.DossierAccepted); e != nil {
		return e
	}
	return c.first(hub.DossierProcessing, hub.DossierSupplement, hub.DossierDuty, hub.DossierDone, hub.DossierReturned)
}

// still is a time in which the clock stands: from a request for a supplement to what came
// next. until is 0 while nothing has.
type still struct {
	from, to    time.Time
	event, next int64
}

// stills are the requests for supplements. One that follows another with nothing between
// them is the same once more.
func (c *course) stills() []still {
	var list []still
	open := false
	for i := range c.events {
		switch e := &c.events[i]; {
		case e.Status == 0:
		case e.Status == hub.DossierSupplement && !open:
			list = append(list, still{from: e.At, event: e.Seq})
			open = true
		case e.Status != hub.DossierSupplement && open:
			list[len(list)-1].to, list[len(list)-1].next = e.At, e.Seq
			open = false
		}
	}
	return list
}

// run is a time that is measured: of a dossier, or of the share of an agency.
type run struct {
	start      time.Time
	startEvent int64
	due        time.Time
	basis      hub.DossierDueBasis
	end        time.Time // zero while it runs
	endEvent   int64
	endRule    hub.DossierRule
	now        time.Time // up to which it has run
	stills     []still
}

// clock measures a run by the national formula.
func (r *run) clock(w hub.WorkingTime) hub.DossierClock {
	k := hub.DossierClock{Start: r.start, Basis: r.basis, Set: r.due, Due: r.due, End: r.end, Ended: !r.end.IsZero()}
	dueRule := hub.RuleLimit
	if r.basis == hub.DueByAppointment {
		dueRule = hub.RuleAppointment
	}
	k.Explain = []hub.DossierReason{{Rule: hub.RuleStart, Event: r.startEvent, At: r.start}, {Rule: dueRule, At: r.due}}
	stills := r.counted()
	k.Requests = len(stills)
	waits := false
	if n := len(stills); !k.Ended && n == 1 && stills[0].next == 0 {
		waits = true
		k.End, r.endEvent, r.endRule = stills[0].from, stills[0].event, hub.RuleEndAsked
		stills = nil
	} else if !k.Ended {
		k.End, r.endEvent, r.endRule = r.now, 0, hub.RuleEndNone
	}
	worked := w.Between(r.start, k.End)
	for _, s := range stills {
		to := s.to
		if s.next == 0 || to.After(k.End) {
			to = k.End
		}
		stood := w.Between(s.from, to)
		k.Due = moved(w, k.Due, s.from, to)
		worked -= stood
		k.Suspended += int64(stood / time.Minute)
		k.Explain = append(k.Explain, hub.DossierReason{Rule: hub.RuleSuspended, Event: s.event, Until: s.next, At: s.from, Minutes: int64(stood / time.Minute)})
	}
	k.Worked = int64(worked / time.Minute)
	if !k.Due.Equal(k.Set) {
		k.Explain = append(k.Explain, hub.DossierReason{Rule: hub.RuleMoved, At: k.Due})
	}
	k.Explain = append(k.Explain, hub.DossierReason{Rule: r.endRule, Event: r.endEvent, At: k.End, Minutes: k.Worked})
	r.judge(&k, w, waits)
	return k
}

// counted are the stills within the run, from its start.
func (r *run) counted() []still {
	var list []still
	for _, s := range r.stills {
		if s.next != 0 && s.to.Before(r.start) || !r.end.IsZero() && !s.from.Before(r.end) {
			continue
		}
		if s.from.Before(r.start) {
			s.from = r.start
		}
		list = append(list, s)
	}
	return list
}

// judge says whether the end came in time.
func (r *run) judge(k *hub.DossierClock, w hub.WorkingTime, waits bool) {
	verdict := hub.RuleInTime
	if k.Late = k.End.After(k.Due); k.Late {
		verdict = hub.RuleLate
	}
	if k.Requests > 1 {
		k.Late, verdict = true, hub.RuleLate
		k.Explain = append(k.Explain, hub.DossierReason{Rule: hub.RuleSecond, Event: r.counted()[1].event, At: r.counted()[1].from})
	}
	k.Explain = append(k.Explain, hub.DossierReason{Rule: verdict, At: k.Due})
	switch {
	case k.Late:
		k.Timeliness = hub.Overdue
	case !k.Ended && !waits && hub.DateOf(k.Due) <= w.Calendar.Soon(hub.DateOf(r.now)):
		k.Timeliness = hub.DueSoon
	default:
		k.Timeliness = hub.InTime
	}
}

// moved is the end of a time that stood still meanwhile: so much later as would have been
// worked. What began when the time was over changes nothing.
func moved(w hub.WorkingTime, due, from, to time.Time) time.Time {
	switch {
	case !from.Before(due) || !from.Before(to):
		return due
	case to.After(due):
		return w.After(to, w.Between(from, due))
	}
	return w.After(due, w.Between(from, to))
}

// Clock measures a dossier by the national formula (Cổng DVCQG): from its acceptance to its
// end, the time of a supplement left out, against the appointment or else the legal limit;
// more than one request for supplements counts as late; what has not ended is measured up to
// an instant. Events from that instant on do not count.
func Clock(d *hub.Dossier, events []hub.DossierEvent, w hub.WorkingTime, now time.Time) hub.DossierClock {
	return clockOf(d, follow(events, now), w, now)
}

func clockOf(d *hub.Dossier, c *course, w hub.WorkingTime, now time.Time) hub.DossierClock {
	r, ok := runOf(d, c, w, now)
	if !ok {
		return noClock(d)
	}
	return r.clock(w)
}

// noClock is that of a time which has not begun.
func noClock(d *hub.Dossier) hub.DossierClock {
	return hub.DossierClock{Timeliness: hub.NoDeadline, Ended: !d.Open(), Explain: []hub.DossierReason{{Rule: hub.RuleNoStart}}}
}

func runOf(d *hub.Dossier, c *course, w hub.WorkingTime, now time.Time) (*run, bool) {
	start := c.start()
	if start == nil {
		return nil, false
	}
	r := &run{start: start.At, startEvent: start.Seq, due: d.Appointed, basis: hub.DueByAppointment, now: now, stills: c.stills()}
	if r.due.IsZero() {
		r.due, r.basis = w.Due(r.start, d.Procedure.Limit), hub.DueByLimit
	}
	if end, rule := c.end(); end != nil {
		r.end, r.endEvent, r.endRule = end.At, end.Seq, rule
		if r.end.Before(r.start) {
			r.end = r.start
		}
	}
	return r, true
}

// handed is a hand-over that is followed to its end.
type handed struct {
	share hub.DossierShare
	run   run
}

// shares are the parts that were handed over, each with its clock, and who leads now; "" for
// the unit that received the dossier.
func shares(d *hub.Dossier, c *course, w hub.WorkingTime, now time.Time) (list []hub.DossierShare, lead hub.AgencyID) {
	whole, begun := runOf(d, c, w, now)
	if !begun {
		whole = &run{now: now, stills: c.stills()}
	}
	var open []*handed
	end := func(e *hub.DossierEvent, fits func(*hub.DossierShare) bool) {
		for _, h := range open {
			if h.run.end.IsZero() && fits(&h.share) {
				h.run.end, h.run.endEvent, h.run.endRule = e.At, e.Seq, hub.RuleEndDone
			}
		}
	}
	for i := range c.events {
		e := &c.events[i]
		switch e.Act {
		case hub.DossierHandOver:
			if e.Role == hub.DossierLead {
				end(e, func(s *hub.DossierShare) bool { return s.Role == hub.DossierLead })
				lead = e.To
			}
			r := *whole
			r.start, r.startEvent, r.end = e.At, e.Seq, time.Time{}
			if !e.Due.IsZero() {
				r.due, r.basis = e.Due, hub.DueByAppointment
			}
			open = append(open, &handed{hub.DossierShare{Agency: e.To, Name: e.ToName, Role: e.Role}, r})
		case hub.DossierHandBack:
			end(e, func(s *hub.DossierShare) bool { return s.Agency == e.Agency })
			if lead == e.Agency {
				lead = ""
			}
		}
	}
	if last, _ := c.end(); last != nil {
		end(last, func(*hub.DossierShare) bool { return true })
	}
	for _, h := range open {
		if !h.run.end.IsZero() && h.run.end.Before(h.run.start) {
			h.run.end = h.run.start
		}
		if h.share.Clock = noClock(d); !h.run.due.IsZero() {
			h.share.Clock = h.run.clock(w)
		}
		list = append(list, h.share)
	}
	return list, lead
}
