package hub

import (
	"slices"
	"time"
)

// Awaits says which duties of the law are open at a delivery: a sum of what follows.
type Awaits int

// What is open.
const (
	AwaitsNotice       Awaits = 1 // DutyNotice
	AwaitsRegistration Awaits = 2 // DutyRegister
)

// AwaitsNow is which duties of the recipient are open; 0 where none is, or the document has not
// come to it yet. How DeliveryClocks stand to their terms is another question.
func (d *Delivery) AwaitsNow() Awaits {
	if d.TakenBack() || d.Relayed() || d.State != StateConsigned && d.State != StateHandedOver && d.State != StateExpired {
		return 0
	}
	var open Awaits
	if d.State != StateHandedOver && d.HandedOverAt.IsZero() {
		open += AwaitsNotice
	}
	if d.Registers && !d.ForInformation && d.RegisteredAt.IsZero() {
		open += AwaitsRegistration
	}
	return open
}

// FirstDue is the first deadline among the open tasks of the recipient that it has not said to
// be done; "" where there is none.
func (d *Delivery) FirstDue() Date {
	var first Date
	for i := range d.Tasks {
		t := &d.Tasks[i]
		open := t.State.Counts() && !t.State.Closed() && t.EndedOn == "" && t.At(d.Recipient) == d.Recipient
		if open && t.Due != "" && (first == "" || t.Due < first) {
			first = t.Due
		}
	}
	return first
}

// Pressing is how a document stands that lies with its recipient: as its worst open clock or
// task does, Overdue or DueSoon; InTime where something is open and nothing presses, and ""
// where nothing with a deadline is open. Soon is the last day that is near (Calendar.Soon).
func (i *Item) Pressing(today, soon Date) Timeliness {
	var worst Timeliness
	note := func(t Timeliness) {
		order := []Timeliness{"", InTime, DueSoon, Overdue}
		if slices.Index(order, t) > slices.Index(order, worst) {
			worst = t
		}
	}
	for c := range i.Clocks {
		switch i.Clocks[c].State {
		case ClockRunning:
			note(InTime)
		case ClockSoon:
			note(DueSoon)
		case ClockOverdue:
			note(Overdue)
		}
	}
	if due := i.Delivery.FirstDue(); due != "" {
		note((&Assignment{Due: due}).Timeliness(today, soon))
	}
	return worst
}

// ArrivalSpan stands for deliveries, urgent ones or others, that arrived in an interval with
// both bounds and of which exactly so much is open.
type ArrivalSpan struct {
	Urgent bool
	Awaits Awaits
	Interval
}

// Pressed says which deliveries press, as a store can look for them: none keeps how a document
// stands to its deadlines, since that changes with every hour. A delivery is in the list where
// its first deadline (Delivery.FirstDue) lies from DueFrom to DueUntil and no duty stands
// worse, or where it arrived in one of Spans and no deadline until DueUntil is open.
type Pressed struct {
	DueFrom, DueUntil Date // days, both included; DueFrom "" for all before
	Spans             []ArrivalSpan
	Worse             []ArrivalSpan // duties that stand worse than is asked for
}

// Pressed are the deliveries that are Overdue, DueSoon, or one of both, at an instant. Law may
// be nil: then only tasks press.
func (l *LegalTerms) Pressed(calendar *Calendar, wanted []Timeliness, now time.Time) *Pressed {
	today := DateOf(now)
	overdue, soon := slices.Contains(wanted, Overdue), slices.Contains(wanted, DueSoon)
	p := &Pressed{DueUntil: calendar.Soon(today)}
	switch {
	case !soon:
		p.DueUntil = today.Plus(-1)
	case !overdue:
		p.DueFrom = today
	}
	if l == nil {
		return p
	}
	for _, urgent := range []bool{true, false} {
		for awaits := AwaitsNotice; awaits <= AwaitsNotice+AwaitsRegistration; awaits++ {
			late := l.arrivals(calendar, urgent, awaits, now, ClockOverdue)
			near := without(l.arrivals(calendar, urgent, awaits, now, ClockOverdue, ClockSoon), late)
			add := func(to *[]ArrivalSpan, intervals []Interval) {
				for _, i := range intervals {
					*to = append(*to, ArrivalSpan{urgent, awaits, i})
				}
			}
			if overdue {
				add(&p.Spans, late)
			} else {
				add(&p.Worse, late)
			}
			if soon {
				add(&p.Spans, near)
			}
		}
	}
	return p
}

// arrivals are when documents arrived of which one of the open duties stands in one of the
// states now: ClockOverdue, alone or with ClockSoon. In the time of one rule what arrived
// earlier is never due later, so the end of each interval is searched by halves.
func (l *LegalTerms) arrivals(calendar *Calendar, urgent bool, awaits Awaits, now time.Time, states ...ClockState) []Interval {
	var found []Interval
	for i := range l.Terms {
		t := &l.Terms[i]
		open := t.Duty == DutyNotice && awaits&AwaitsNotice != 0 || t.Duty == DutyRegister && awaits&AwaitsRegistration != 0
		if !open || t.Urgent != urgent {
			continue
		}
		from, err := time.ParseInLocation(time.DateOnly, string(t.From), Vietnam())
		if err != nil {
			continue
		}
		to := now.AddDate(0, 0, 2) // what arrives then is not due within the hour
		if end, err := time.ParseInLocation(time.DateOnly, string(t.To), Vietnam()); err == nil && end.Before(to) {
			to = end
		}
		low, high := from.UnixMilli(), max(from.UnixMilli(), to.UnixMilli())
		for low < high {
			middle := low + (high-low)/2
			c, ok := l.Clock(calendar, t.Duty, urgent, time.UnixMilli(middle), time.Time{}, now)
			if ok && slices.Contains(states, c.State) {
				low = middle + 1
			} else {
				high = middle
			}
		}
		if low > from.UnixMilli() {
			found = append(found, Interval{From: from.UTC(), To: time.UnixMilli(low).UTC()})
		}
	}
	return united(found)
}

// united are intervals with both bounds, in order, of which none touches another.
func united(intervals []Interval) []Interval {
	slices.SortFunc(intervals, func(a, b Interval) int { return a.From.Compare(b.From) })
	var all []Interval
	for _, i := range intervals {
		if n := len(all); n > 0 && !i.From.After(all[n-1].To) {
			if i.To.After(all[n-1].To) {
				all[n-1].To = i.To
			}
			continue
		}
		all = append(all, i)
	}
	return all
}

// without is what united intervals have beside others.
func without(intervals, others []Interval) []Interval {
	var left []Interval
	for _, i := range intervals {
		for _, o := range others {
			if !i.Overlaps(o) {
				continue
			}
			if i.From.Before(o.From) {
				left = append(left, Interval{From: i.From, To: o.From})
			}
			i.From = o.To
		}
		if i.From.Before(i.To) {
			left = append(left, i)
		}
	}
	return left
}
