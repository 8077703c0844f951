package hub

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Duty is something that the law wants done with a document within a time.
type Duty string

// The duties.
const (
	// DutySend is the sender's: from the signature to the acceptance by the hub (QĐ
	// 28/2018/QĐ-TTg article 6.2, NĐ 30/2020/NĐ-CP article 18.1).
	DutySend Duty = "send"
	// DutyNotice is the recipient's: from the arrival to the hand-over, of which the sender
	// has evidence, or to the refusal (NĐ 30/2020/NĐ-CP article 21.2).
	DutyNotice Duty = "notice"
	// DutyRegister is the recipient's: from the arrival to the entry in its register, or to
	// the refusal (NĐ 30/2020/NĐ-CP articles 4.2 and 22).
	DutyRegister Duty = "register"
)

// Duties lists all duties in the order of the way.
func Duties() []Duty { return []Duty{DutySend, DutyNotice, DutyRegister} }

// LegalTerm is one rule of how much time a duty has, in force from the day From up to but
// not including the day To. It has either Days, with By, or Within.
type LegalTerm struct {
	ID     string `json:"id"`
	Duty   Duty   `json:"duty"`
	Urgent bool   `json:"urgent,omitempty"` // it is about urgent documents (khẩn, thượng khẩn, hỏa tốc), else about all others
	From   Date   `json:"from"`             // the day on which the time begins to run decides which rule it is
	To     Date   `json:"to,omitempty"`     // "": still in force
	// Days are working days behind the day on which the time began: 0 is that day, or the
	// next working day where it is off.
	Days int `json:"days,omitempty"`
	// By is the hour of that day in Viet Nam, "12:00"; "" is its end.
	By     string `json:"by,omitempty"`
	Within string `json:"within,omitempty"` // from the beginning on, by day and night, "1h"
	Source string `json:"source"`           // article of the law
	Note   string `json:"note,omitempty"`   // what of it is a reading of ours
}

// LegalTerms is a whole set of rules. Each version stays in the store. It does not change.
type LegalTerms struct {
	Version int64       `json:"version"` // 0: shipped with the program
	Source  string      `json:"source"`  // what it was taken from
	Terms   []LegalTerm `json:"terms"`
	SetBy   string      `json:"set_by,omitempty"` // Actor.Name
	SetAt   time.Time   `json:"set_at,omitzero"`  // UTC
}

// LegalTermChange is what an import changes about the rule of one id.
type LegalTermChange struct {
	ID  string     `json:"id"`
	Was *LegalTerm `json:"was,omitempty"` // nil: it is new
	Now *LegalTerm `json:"now,omitempty"` // nil: it is gone
}

// LegalTermImport tells what an import of rules came to, or would come to.
type LegalTermImport struct {
	DryRun  bool              `json:"dry_run"`
	Version int64             `json:"version"` // that is in force behind it
	Changes []LegalTermChange `json:"changes"` // by id
}

// ClockState says how a duty stands. It is computed when it is asked for, never stored.
type ClockState string

// The clock states.
const (
	ClockRunning ClockState = "running"  // not done yet, and there is time
	ClockSoon    ClockState = "due_soon" // not done yet, and due today or within the hour
	ClockOverdue ClockState = "overdue"  // not done yet, and the time is over
	ClockInTime  ClockState = "in_time"  // done in time
	ClockLate    ClockState = "late"     // done, too late
)

// LegalClock is how one duty stands at one moment.
type LegalClock struct {
	Duty   Duty       `json:"duty"`
	State  ClockState `json:"state"`
	Since  time.Time  `json:"since"`        // when the time began, UTC
	Due    time.Time  `json:"due"`          // when it ends, UTC
	Met    time.Time  `json:"met,omitzero"` // when it was done, UTC; zero while it is not
	Term   string     `json:"term"`         // id of the rule
	Source string     `json:"source"`       // of the rule
	// Printed: the beginning is the end of the day that the document has printed on it,
	// since no signature says when it was made.
	Printed bool `json:"printed,omitempty"`
	// Delivery is the one that the duty is about; "" for that of the sender.
	Delivery DeliveryID `json:"delivery,omitempty"`
}

// Open reports whether the duty is not done yet.
func (c *LegalClock) Open() bool { return c.Met.IsZero() }

// Late reports whether the time was over when it was done, or is over.
func (c *LegalClock) Late() bool { return c.State == ClockLate || c.State == ClockOverdue }

// Term returns the rule of a duty for a time that begins at an instant; false for none.
func (l *LegalTerms) Term(duty Duty, urgent bool, since time.Time) (*LegalTerm, bool) {
	day := DateOf(since)
	for i := range l.Terms {
		if t := &l.Terms[i]; t.Duty == duty && t.Urgent == urgent && t.From <= day && (t.To == "" || day < t.To) {
			return t, true
		}
	}
	return nil, false
}

// Clock tells how a duty stands now that began at one instant and was done at another,
// which is zero while it is not; false where no rule is about it.
func (l *LegalTerms) Clock(calendar *Calendar, duty Duty, urgent bool, since, met, now time.Time) (LegalClock, bool) {
	t, ok := l.Term(duty, urgent, since)
	if !ok || since.IsZero() {
		return LegalClock{}, false
	}
	c := LegalClock{Duty: duty, Since: since.UTC(), Due: t.Ends(calendar, since).UTC(), Met: met, Term: t.ID, Source: t.Source}
	switch {
	case !met.IsZero() && met.After(c.Due):
		c.State = ClockLate
	case !met.IsZero():
		c.State = ClockInTime
	case now.After(c.Due):
		c.State = ClockOverdue
	case DateOf(now) == DateOf(c.Due.Add(-time.Second)) || c.Due.Sub(now) <= time.Hour:
		c.State = ClockSoon
	default:
		c.State = ClockRunning
	}
	return c, true
}

// Ends is when a time that began at an instant is over.
func (t *LegalTerm) Ends(calendar *Calendar, since time.Time) time.Time {
	if within, err := time.ParseDuration(t.Within); err == nil && within > 0 {
		return since.Add(within)
	}
	day := calendar.After(DateOf(since), t.Days)
	if t.Days == 0 && !calendar.Working(day) {
		day = calendar.After(day, 1)
	}
	begin, err := time.ParseInLocation(time.DateOnly, string(day), Vietnam())
	if err != nil {
		return since
	}
	if hour, err := time.Parse("15:04", t.By); err == nil {
		return begin.Add(time.Duration(hour.Hour())*time.Hour + time.Duration(hour.Minute())*time.Minute)
	}
	return begin.AddDate(0, 0, 1)
}

// SendClock is the clock of the sender of a dispatch; false where it sends no document of
// its own, or nothing says when that was signed.
func (l *LegalTerms) SendClock(calendar *Calendar, d *Dispatch, now time.Time) (LegalClock, bool) {
	if d.Operation != OperationNew || d.Origin != nil {
		return LegalClock{}, false
	}
	since, printed := d.SignedAt, false
	if since.IsZero() {
		day, err := time.ParseInLocation(time.DateOnly, string(d.Document.Promulgated), Vietnam())
		if err != nil {
			return LegalClock{}, false
		}
		since, printed = day.AddDate(0, 0, 1).Add(-time.Second), true
	}
	c, ok := l.Clock(calendar, DutySend, d.Document.Priority.Urgent(), since, d.AcceptedAt, now)
	c.Printed = printed
	return c, ok
}

// DeliveryClocks are the clocks of the recipient of a delivery. What was withdrawn or
// failed has none.
func (l *LegalTerms) DeliveryClocks(calendar *Calendar, d *Dispatch, v *Delivery, now time.Time) []LegalClock {
	since := v.Arrived(d)
	if since.IsZero() || v.State == StateWithdrawn || v.State == StateFailed {
		return nil
	}
	var refused time.Time
	if v.State == StateRefused {
		refused = cmp.Or(v.RefusedAt, v.UpdatedAt) // of what was refused before the hub kept it
	}
	urgent := d.Document.Priority.Urgent()
	var clocks []LegalClock
	add := func(duty Duty, met time.Time) {
		if c, ok := l.Clock(calendar, duty, urgent, since, met, now); ok {
			c.Delivery = v.ID
			clocks = append(clocks, c)
		}
	}
	handed := v.HandedOverAt
	if handed.IsZero() && (v.State == StateHandedOver || v.State == StateAccepted) {
		handed = v.UpdatedAt // of what was handed over before the hub kept it
	}
	add(DutyNotice, cmp.Or(handed, refused))
	if v.Registers && !v.ForInformation && v.Destroyed == nil {
		registered := v.RegisteredAt
		if registered.IsZero() && v.State == StateAccepted {
			registered = v.UpdatedAt
		}
		add(DutyRegister, cmp.Or(registered, refused))
	}
	return clocks
}

// Arrived is when the document came into the box of the recipient, or to its system where
// it is brought there; zero while it has not.
func (d *Delivery) Arrived(of *Dispatch) time.Time {
	switch {
	case d.State == StateQueued, d.Relayed():
		return time.Time{}
	case d.Channel == ChannelAxis || d.Channel == ChannelPaper: // in no box here, whatever was kept of it before
		return d.HandedOverAt
	case !d.ConsignedAt.IsZero():
		return d.ConsignedAt
	case d.Channel == ChannelPull: // consigned together with the acceptance
		return of.AcceptedAt
	}
	return d.HandedOverAt
}

// SignedLast is the time of the last signature that reports tell of, proven or else
// claimed; zero where none says it.
func SignedLast(reports []SignatureReport) time.Time {
	var last time.Time
	for i := range reports {
		for j := range reports[i].Signatures {
			s := &reports[i].Signatures[j]
			at := cmp.Or(s.ProvenAt, s.ClaimedAt)
			if at.After(last) {
				last = at
			}
		}
	}
	return last
}

// The bounds of a set of rules.
const (
	maxLegalTerms  = 200
	maxLegalDays   = 60
	maxLegalWithin = 30 * 24 * time.Hour
	maxLegalText   = 500 // characters
	maxLegalID     = 50
)

// CheckLegalTerms returns what is wrong with a set of rules, by row, field and rule; two
// that are about the same at the same time are wrong.
func CheckLegalTerms(terms []LegalTerm) error {
	var found Violations
	switch {
	case len(terms) == 0:
		return Invalid("terms", "required", "a set has at least one rule")
	case len(terms) > maxLegalTerms:
		return Errorf(KindTooLarge, "terms", "max_items", "a set has at most %d rules", maxLegalTerms)
	}
	for i := range terms {
		field := fmt.Sprintf("terms[%d].", i)
		found = append(found, terms[i].check(field)...)
		for j := range terms[:i] {
			switch {
			case terms[j].ID == terms[i].ID:
				found = append(found, Invalid(field+"id", "unique", "terms[%d] has the same id", j))
			case terms[i].overlaps(&terms[j]):
				found = append(found, Invalid(field+"from", "overlap", "terms[%d] is about the same duty at the same time", j))
			}
		}
	}
	return found.AsError()
}

func (t *LegalTerm) overlaps(o *LegalTerm) bool {
	return t.Duty == o.Duty && t.Urgent == o.Urgent && (o.To == "" || t.From < o.To) && (t.To == "" || o.From < t.To)
}

func (t *LegalTerm) check(field string) Violations {
	var found Violations
	fail := func(name, rule, format string, values ...any) {
		found = append(found, Invalid(field+name, rule, format, values...))
	}
	for _, text := range []struct {
		name, value string
		required    bool
		longest     int
	}{{"id", t.ID, true, maxLegalID}, {"source", t.Source, true, maxLegalText}, {"note", t.Note, false, maxLegalText}} {
		switch {
		case text.required && strings.TrimSpace(text.value) == "":
			fail(text.name, "required", "%s is missing", text.name)
		case !utf8.ValidString(text.value) || strings.ContainsFunc(text.value, unicode.IsControl):
			fail(text.name, "control_character", "%s is plain text", text.name)
		case utf8.RuneCountInString(text.value) > text.longest:
			fail(text.name, "max_length", "%s has at most %d characters", text.name, text.longest)
		}
	}
	if !slices.Contains(Duties(), t.Duty) {
		fail("duty", "code_list", "%.20q is none of send, notice, register", string(t.Duty))
	}
	if _, err := ParseDate(string(t.From)); err != nil {
		fail("from", "date", "%.20q is not a date of the form YYYY-MM-DD that exists", string(t.From))
	}
	if t.To != "" {
		if _, err := ParseDate(string(t.To)); err != nil {
			fail("to", "date", "%.20q is not a date of the form YYYY-MM-DD that exists", string(t.To))
		} else if t.To <= t.From {
			fail("to", "period", "a rule ends after the day on which it begins")
		}
	}
	if t.Days < 0 || t.Days > maxLegalDays {
		fail("days", "range", "days are from 0 to %d working days", maxLegalDays)
	}
	if _, err := time.Parse("15:04", t.By); t.By != "" && (err != nil || len(t.By) != 5) {
		fail("by", "time", "%.20q is no hour of the form HH:MM", t.By)
	}
	if t.Within != "" {
		switch within, err := time.ParseDuration(t.Within); {
		case err != nil || within < time.Minute || within > maxLegalWithin:
			fail("within", "duration", "%.20q is no length of time such as 1h, from a minute to 30 days", t.Within)
		case t.Days != 0 || t.By != "":
			fail("within", "either", "a rule has days and an hour, or a length of time")
		}
	}
	return found
}
