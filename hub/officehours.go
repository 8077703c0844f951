package hub

import (
	"fmt"
	"strings"
	"time"
)

// OfficeHours are the hours that are worked on each working day, in Vietnam. Their text
// lists spans in their order: "07:30-11:30,13:30-17:30". The zero value is that of
// DefaultOfficeHours.
type OfficeHours struct{ spans []officeSpan }

// officeSpan is a span of a day in minutes from midnight.
type officeSpan struct{ from, to int }

// DefaultOfficeHours are 07:30-11:30 and 13:30-17:30: the eight hours of a working day (Bộ
// luật Lao động 2019, article 105; when they lie is set by each province).
func DefaultOfficeHours() OfficeHours {
	return OfficeHours{[]officeSpan{{7*60 + 30, 11*60 + 30}, {13*60 + 30, 17*60 + 30}}}
}

func (h *OfficeHours) list() []officeSpan {
	if len(h.spans) == 0 {
		return DefaultOfficeHours().spans
	}
	return h.spans
}

// UnmarshalText implements encoding.TextUnmarshaler. Errors are of KindInvalid.
func (h *OfficeHours) UnmarshalText(text []byte) error {
	var read OfficeHours
	last := -1
	for item := range strings.SplitSeq(string(text), ",") {
		begin, end, _ := strings.Cut(strings.TrimSpace(item), "-")
		from, wrong := time.Parse("15:04", begin)
		to, alsoWrong := time.Parse("15:04", end)
		span := officeSpan{from.Hour()*60 + from.Minute(), to.Hour()*60 + to.Minute()}
		if wrong != nil || alsoWrong != nil || span.from <= last || span.to <= span.from {
			return Invalid("", "office_hours", "%.40q is no span of a day behind the one before, such as 07:30-11:30,13:30-17:30", item)
		}
		last = span.to
		read.spans = append(read.spans, span)
	}
	*h = read
	return nil
}

// MarshalText implements encoding.TextMarshaler.
func (h OfficeHours) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// String returns the text form.
func (h OfficeHours) String() string {
	spans := h.list()
	items := make([]string, len(spans))
	for i, s := range spans {
		items[i] = fmt.Sprintf("%02d:%02d-%02d:%02d", s.from/60, s.from%60, s.to/60, s.to%60)
	}
	return strings.Join(items, ",")
}

// WorkingTime counts the time that is worked: the office hours of working days.
type WorkingTime struct {
	Calendar *Calendar
	Hours    OfficeHours
}

// maxWorkedDays bounds a walk over days: ten years, as long as the longest limit.
const maxWorkedDays = 3700

func midnight(day Date) time.Time {
	t, _ := time.ParseInLocation(time.DateOnly, string(day), Vietnam()) // of DateOf
	return t
}

// Midnight is the instant at which a day begins in Vietnam, in UTC; zero for no date.
func Midnight(day Date) time.Time { return midnight(day).UTC() }

// Between is how much is worked from one instant up to another; 0 where that is not later.
// It looks at ten years at most.
func (w WorkingTime) Between(from, to time.Time) time.Duration {
	var worked time.Duration
	day := DateOf(from)
	for range maxWorkedDays {
		start := midnight(day)
		if !start.Before(to) {
			break
		}
		if w.Calendar.Working(day) {
			for _, s := range w.Hours.list() {
				begin, end := later(from, start.Add(minutes(s.from))), earlier(to, start.Add(minutes(s.to)))
				worked += max(0, end.Sub(begin))
			}
		}
		day = day.Plus(1)
	}
	return worked
}

// After is the first instant at which so much has been worked since another, which itself
// it is for none.
func (w WorkingTime) After(from time.Time, worked time.Duration) time.Time {
	day := DateOf(from)
	for range maxWorkedDays {
		if worked <= 0 {
			return from
		}
		if w.Calendar.Working(day) {
			start := midnight(day)
			for _, s := range w.Hours.list() {
				begin, end := later(from, start.Add(minutes(s.from))), start.Add(minutes(s.to))
				switch has := end.Sub(begin); {
				case has <= 0:
				case has >= worked:
					return begin.Add(worked)
				default:
					worked -= has
				}
			}
		}
		day = day.Plus(1)
	}
	return midnight(day)
}

// Due is when a limit ends that begins at an instant. Days are counted from the day after,
// and end with the office hours of the last one; a last day that is not worked gives way to
// the next that is (Bộ luật Dân sự 2015, articles 147 and 148). Hours are working hours.
func (w WorkingTime) Due(from time.Time, limit ProcedureLimit) time.Time {
	switch limit.Unit {
	case LimitHours:
		return w.After(from, time.Duration(limit.Amount)*time.Hour)
	case LimitDays:
		day := DateOf(from).Plus(limit.Amount)
		if !w.Calendar.Working(day) {
			day = w.Calendar.After(day, 1)
		}
		return w.Closing(day)
	}
	day := DateOf(from)
	for left := limit.Amount; left > 0; left -= maxCalendarDays {
		day = w.Calendar.After(day, min(left, maxCalendarDays))
	}
	return w.Closing(day)
}

// Closing is the end of the office hours of a day.
func (w WorkingTime) Closing(day Date) time.Time {
	spans := w.Hours.list()
	return midnight(day).Add(minutes(spans[len(spans)-1].to))
}

func minutes(n int) time.Duration { return time.Duration(n) * time.Minute }

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
