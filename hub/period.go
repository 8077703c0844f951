package hub

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
	"time"
)

// RetentionPeriod is a length of time by the calendar. Its text is an ISO 8601 duration
// without weeks, "P10Y" or "P1Y6M"; the zero value stands for "for ever" and is empty.
type RetentionPeriod struct {
	Years, Months, Days int
	Clock               time.Duration // hours, minutes and seconds; at least 0
}

// IsZero reports whether the period never ends.
func (p RetentionPeriod) IsZero() bool { return p == RetentionPeriod{} }

// Before returns the instant that lies the period before t, by the calendar of t's zone.
func (p RetentionPeriod) Before(t time.Time) time.Time {
	return t.AddDate(-p.Years, -p.Months, -p.Days).Add(-p.Clock)
}

// compare orders periods by length; for ever is the longest.
func (p RetentionPeriod) compare(other RetentionPeriod) int {
	switch {
	case p.IsZero() || other.IsZero():
		return cmp.Compare(forever(p), forever(other))
	default:
		return cmp.Compare(p.rough(), other.rough())
	}
}

func forever(p RetentionPeriod) int {
	if p.IsZero() {
		return 1
	}
	return 0
}

// rough is the length in seconds with months of 30.4375 days, the mean of the calendar.
func (p RetentionPeriod) rough() int64 {
	const day = 24 * 3600
	return int64(12*p.Years+p.Months)*(day*487/16) + int64(p.Days)*day + int64(p.Clock/time.Second)
}

// String returns the text form.
func (p RetentionPeriod) String() string {
	if p.IsZero() {
		return ""
	}
	text := "P"
	for _, part := range []struct {
		n    int
		unit string
	}{{p.Years, "Y"}, {p.Months, "M"}, {p.Days, "D"}} {
		if part.n != 0 {
			text += strconv.Itoa(part.n) + part.unit
		}
	}
	if p.Clock != 0 {
		text += fmt.Sprintf("T%dS", int64(p.Clock/time.Second))
	}
	return text
}

// MarshalText implements encoding.TextMarshaler.
func (p RetentionPeriod) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *RetentionPeriod) UnmarshalText(text []byte) error {
	parsed, err := ParseRetentionPeriod(string(text))
	if err != nil {
		return err
	}
	*p = parsed
	return nil
}

// maxYears bounds a period; whoever wants more wants for ever. maxClock bounds its hours,
// minutes and seconds, which are written as seconds of up to nine digits.
const (
	maxYears = 1000
	maxClock = 999_999_999 * time.Second
)

// ParseRetentionPeriod reads an ISO 8601 duration (without weeks and fractions) above
// zero; the empty text is "for ever". Errors are of KindInvalid.
func ParseRetentionPeriod(s string) (RetentionPeriod, error) {
	if s == "" {
		return RetentionPeriod{}, nil
	}
	form := regexp.MustCompile(`^P(?:(\d{1,4})Y)?(?:(\d{1,4})M)?(?:(\d{1,4})D)?(?:T(?:(\d{1,4})H)?(?:(\d{1,4})M)?(?:(\d{1,9})S)?)?$`)
	parts := form.FindStringSubmatch(s)
	bad := Invalid("", "period", "%.40q is not a length of time like P10Y, P1Y6M or P90D", s)
	if parts == nil {
		return RetentionPeriod{}, bad
	}
	n := make([]int, len(parts))
	for i := range parts[1:] {
		n[i+1], _ = strconv.Atoi(parts[i+1]) // digits or nothing
	}
	p := RetentionPeriod{
		Years: n[1], Months: n[2], Days: n[3],
		Clock: time.Duration(n[4])*time.Hour + time.Duration(n[5])*time.Minute + time.Duration(n[6])*time.Second,
	}
	if p.IsZero() || p.Years > maxYears || p.Clock > maxClock {
		return RetentionPeriod{}, bad
	}
	return p, nil
}
