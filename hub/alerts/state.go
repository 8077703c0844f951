package alerts

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// The bounds of what is kept.
const (
	maxOpen     = 300                // causes that are there at once
	maxNamed    = 20                 // alerts that one mail names
	maxMails    = 20                 // mails that wait for a server
	remembered  = 24 * time.Hour     // how long an end is remembered, so that what returns is known
	urgentAfter = 30 * time.Second   // that something urgent must stay
	calm        = 10 * time.Minute   // that a cause must stay away before it has ended
	maxCalm     = 6 * time.Hour      // the same where it has come back again and again
	gone        = time.Hour          // after which a node that says nothing has no causes
	fresh       = 2 * time.Minute    // how old what a node found may be
	lettersLast = 3 * 24 * time.Hour // that a letter is tried
	sendLimit   = time.Minute        // for one attempt
	claimed     = 2 * time.Minute    // that nobody else tries it meanwhile
	firstPause  = time.Minute        // before the second attempt
	lastPause   = 15 * time.Minute   // before each later one, at most
)

// state is all that is known of alerts and the mails about them: one note, so that each
// change is one.
type state struct {
	Alerts []hub.Alert          `json:"alerts,omitempty"` // those that are there, and those that ended lately
	Muted  map[string]hub.Alert `json:"muted,omitempty"`  // by cause, as it was when it was muted
	Mails  []outgoing           `json:"mails,omitempty"`  // oldest first
	// Problem is why the last attempt to send failed, Tried when.
	Problem string        `json:"problem,omitempty"`
	Said    *hub.Sentence `json:"said,omitempty"`
	Tried   time.Time     `json:"tried,omitzero"`
}

// outgoing is a mail that has not been sent to everybody.
type outgoing struct {
	hub.AlertMail
	Letters []letter `json:"letters"`
}

// letter is the copy of a mail for one address.
type letter struct {
	To     string    `json:"to"`
	Next   time.Time `json:"next"` // UTC; nobody sends it before
	Tried  int       `json:"tried,omitempty"`
	Unsure bool      `json:"unsure,omitempty"` // an attempt may have reached the address
}

// view is what all nodes say at one moment.
type view struct {
	now   time.Time
	found []hub.Finding
	// silent reports whether nothing is known of a node just now.
	silent func(node string) bool
}

// take brings the state up to what was found and returns what has ended by that.
func (s *state) take(v view, settle time.Duration, newID func() string) (ended []hub.Alert) {
	open, lately := map[string]int{}, map[string]int{}
	for i := range s.Alerts {
		if s.Alerts[i].Ended.IsZero() {
			open[s.Alerts[i].Cause()] = i
		} else {
			lately[s.Alerts[i].Cause()] = i
		}
	}
	back := map[string]bool{}
	for _, f := range v.found {
		cause := f.Cause()
		if i, known := open[cause]; known {
			s.Alerts[i].Finding, s.Alerts[i].Last = f, v.now
			continue
		}
		if len(open) == maxOpen {
			break
		}
		a := hub.Alert{ID: newID(), Finding: f, First: v.now, Last: v.now}
		if i, returns := lately[cause]; returns {
			a.Again, back[cause] = s.Alerts[i].Again+1, true
		}
		open[cause] = len(s.Alerts)
		s.Alerts = append(s.Alerts, a)
	}
	ended = s.settle(v, settle)
	s.forget(v.now, back)
	return ended
}

// settle opens what has stayed long enough, ends what has stayed away long enough, and
// forgets what never counted.
func (s *state) settle(v view, settle time.Duration) (ended []hub.Alert) {
	s.Alerts = slices.DeleteFunc(s.Alerts, func(a hub.Alert) bool {
		return a.Opened.IsZero() && a.Last.Before(v.now) && !v.silent(a.Node)
	})
	for i := range s.Alerts {
		a := &s.Alerts[i]
		switch {
		case !a.Ended.IsZero():
		case a.Opened.IsZero() && v.now.Sub(a.First) >= patience(&a.Finding, settle):
			a.Opened = v.now
		case !a.Opened.IsZero() && !v.silent(a.Node) && v.now.Sub(a.Last) >= min(calm<<min(a.Again, 10), maxCalm):
			a.Ended = v.now
			ended = append(ended, *a)
		}
	}
	return ended
}

// forget drops ends that were long ago or after which the cause came back, and mutes that
// are over.
func (s *state) forget(now time.Time, back map[string]bool) {
	s.Alerts = slices.DeleteFunc(s.Alerts, func(a hub.Alert) bool {
		return !a.Ended.IsZero() && (now.Sub(a.Ended) > remembered || back[a.Cause()] && !untold(&a))
	})
	for cause, m := range s.Muted {
		if !now.Before(m.Muted.Until) {
			delete(s.Muted, cause)
		}
	}
}

// patience is how long a cause must stay before it counts. What has a threshold in time
// of its own counts at once.
func patience(f *hub.Finding, settle time.Duration) time.Duration {
	switch {
	case f.Kind != hub.AlertPart && f.Kind != hub.AlertBacklog && f.Kind != hub.AlertDiskLow:
		return 0
	case f.Urgent:
		return min(urgentAfter, settle)
	}
	return settle
}

// untold reports whether a mail has yet to tell of an alert: that it began, or ended.
func untold(a *hub.Alert) bool {
	if a.Ended.IsZero() {
		return !a.Opened.IsZero() && a.Told.IsZero()
	}
	return a.Over.IsZero()
}

// news is since when there is something to tell of an alert that is untold.
func news(a *hub.Alert) time.Time {
	if a.Told.IsZero() {
		return a.Opened
	}
	return a.Ended
}

// compare puts urgent alerts first, then the oldest.
func compare(a, b *hub.Alert) int {
	if a.Urgent != b.Urgent {
		if a.Urgent {
			return -1
		}
		return 1
	}
	return cmp.Or(a.First.Compare(b.First), cmp.Compare(a.Cause(), b.Cause()))
}

// write writes a mail about what is to be told now, if there is something. What is not
// urgent waits for others, and over quiet hours; then it goes along with what is.
func (s *state) write(now time.Time, o *Options) {
	if len(o.Recipients) == 0 || len(s.Mails) >= maxMails {
		return
	}
	quiet, due := o.Quiet.At(now), false
	var waiting []*hub.Alert
	for i := range s.Alerts {
		a := &s.Alerts[i]
		if _, muted := s.Muted[a.Cause()]; muted || !untold(a) || quiet && !a.Urgent {
			continue
		}
		waiting = append(waiting, a)
		due = due || a.Urgent || now.Sub(news(a)) >= o.Gather
	}
	if due {
		slices.SortStableFunc(waiting, compare)
		s.Mails = append(s.Mails, compose(now, waiting, o))
	}
}

// compose makes the mail and notes in the alerts that it tells of them.
func compose(now time.Time, alerts []*hub.Alert, o *Options) outgoing {
	m := outgoing{AlertMail: hub.AlertMail{ID: o.NewID(), At: now}}
	for _, a := range alerts {
		begun := a.Told.IsZero()
		if begun {
			a.Told = now
		}
		if !a.Ended.IsZero() {
			a.Over = now
		}
		switch {
		case len(m.Begun)+len(m.Ended) == maxNamed:
			m.More++
		case begun:
			m.Begun = append(m.Begun, *a)
		default:
			m.Ended = append(m.Ended, *a)
		}
	}
	for _, to := range o.Recipients {
		m.Letters = append(m.Letters, letter{To: to, Next: now})
	}
	return m
}

// claim takes the first letter whose time has come, for so long that nobody else sends it
// meanwhile. An address gets its letters in their order.
func (s *state) claim(now time.Time) (hub.AlertMail, string, bool) {
	waits := map[string]bool{}
	for i := range s.Mails {
		for j := range s.Mails[i].Letters {
			l := &s.Mails[i].Letters[j]
			if !waits[l.To] && !now.Before(l.Next) {
				l.Next = now.Add(claimed)
				return s.Mails[i].AlertMail, l.To, true
			}
			waits[l.To] = true
		}
	}
	return hub.AlertMail{}, "", false
}

// answered notes what came of a letter.
func (s *state) answered(now time.Time, mail, to string, err error) {
	for i := range s.Mails {
		if s.Mails[i].ID != mail {
			continue
		}
		letters := s.Mails[i].Letters
		for j := range letters {
			if letters[j].To == to && letters[j].answered(now, s.Mails[i].At, err) {
				s.Mails[i].Letters = slices.Delete(letters, j, j+1)
				break
			}
		}
	}
	s.Mails = slices.DeleteFunc(s.Mails, func(m outgoing) bool { return len(m.Letters) == 0 })
	s.Problem, s.Said, s.Tried = "", nil, time.Time{}
	if err != nil {
		s.Problem, s.Said = reasonOf(err)
		s.Tried = now
	}
}

// answered notes what came of an attempt and reports whether it was the last: the address
// took the letter or refused it for good, twice nobody knows whether it did, or it was
// tried for days.
func (l *letter) answered(now, written time.Time, err error) (done bool) {
	unsure := errors.Is(err, hub.ErrUncertain)
	switch {
	case err == nil, hub.KindOf(err) == hub.KindInvalid, hub.KindOf(err) == hub.KindNotFound, unsure && l.Unsure, now.Sub(written) > lettersLast:
		return true
	}
	l.Unsure = l.Unsure || unsure
	l.Next = now.Add(min(firstPause<<min(l.Tried, 10), lastPause))
	l.Tried++
	return false
}

func reasonOf(err error) (string, *hub.Sentence) {
	if v := hub.Tellable(err); v != nil {
		return v.Message, hub.SaidOf(v)
	}
	return "see the log of the node", hub.SaidOf(err)
}
