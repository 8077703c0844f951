package hub

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// DefaultTerm is how long a recipient may take where nothing else is set.
const DefaultTerm = 30 * 24 * time.Hour

// DefaultWarning is how long before the end of a term both sides are warned.
const DefaultWarning = 72 * time.Hour

// Deadlines say how long a recipient may keep silent, by the urgency of the document.
// Silence ends a delivery with evidence: before the hand-over with
// ContentHandoverFailure, after it with AcceptanceRejectionExpiry.
type Deadlines struct {
	Handover   Terms         // from the acceptance to the hand-over
	Acceptance Terms         // from the hand-over to registration or refusal
	Warning    time.Duration // before the end; of a short term its last third; default DefaultWarning
}

// Accepted sets the time to collect: it begins with the acceptance.
func (d *Deadlines) Accepted(v *Delivery, p Priority, at time.Time) {
	d.begin(v, d.Handover.For(p), at)
}

// HandedOver sets the time to register or refuse: it begins with the hand-over. A
// recipient that does not register has none.
func (d *Deadlines) HandedOver(v *Delivery, p Priority, at time.Time) {
	v.HandedOverAt = v.Moment(at)
	if v.Registers {
		d.begin(v, d.Acceptance.For(p), at)
	}
}

func (d *Deadlines) begin(v *Delivery, term time.Duration, at time.Time) {
	v.ExpiresAt, v.WarnedAt = at.Add(term), time.Time{}
	v.WarnAt = v.ExpiresAt.Add(-min(cmp.Or(d.Warning, DefaultWarning), term/3)).Truncate(time.Millisecond)
	if v.ForInformation {
		v.WarnAt = time.Time{}
	}
}

// Terms are lengths of time by urgency. Their text is the one for all, or that and those
// of other classes: "720h" or "720h,urgent=72h,express=8h".
type Terms struct {
	of [PriorityTimed + 1]time.Duration // 0: that of PriorityNormal
}

// NewTerms returns terms that are the same for all.
func NewTerms(all time.Duration) Terms { return Terms{[PriorityTimed + 1]time.Duration{all}} }

// For returns the term of an urgency, at least that of a normal document, at last
// DefaultTerm.
func (t *Terms) For(p Priority) time.Duration {
	if p < PriorityNormal || p > PriorityTimed {
		p = PriorityNormal
	}
	return cmp.Or(t.of[p], t.of[PriorityNormal], DefaultTerm)
}

// Shortest returns the shortest of the terms.
func (t *Terms) Shortest() time.Duration {
	shortest := t.For(PriorityNormal)
	for p := range t.of {
		shortest = min(shortest, t.For(Priority(p)))
	}
	return shortest
}

// priorityNames are the names of urgencies in settings, in their order.
func priorityNames() []string { return []string{"normal", "urgent", "very_urgent", "express", "timed"} }

// UnmarshalText implements encoding.TextUnmarshaler. Errors are of KindInvalid.
func (t *Terms) UnmarshalText(text []byte) error {
	var read Terms
	for i, item := range strings.Split(string(text), ",") {
		name, length, named := strings.Cut(strings.TrimSpace(item), "=")
		if !named {
			name, length = "normal", name
		}
		class := slices.Index(priorityNames(), name)
		if class < 0 || (i == 0) != (class == 0) || read.of[class] != 0 {
			return Invalid("", "terms", "%q is no length of time for one of %s, the first for all", item, strings.Join(priorityNames(), ", "))
		}
		term, err := time.ParseDuration(length)
		if err != nil || term <= 0 {
			return Invalid("", "terms", "%q is no length of time such as 72h", length)
		}
		read.of[class] = term
	}
	*t = read
	return nil
}

// MarshalText implements encoding.TextMarshaler.
func (t Terms) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// String returns the text form.
func (t Terms) String() string {
	text := t.For(PriorityNormal).String()
	for class, term := range t.of {
		if class > 0 && term != 0 {
			text += fmt.Sprintf(",%s=%s", priorityNames()[class], term)
		}
	}
	return text
}
