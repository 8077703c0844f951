package hub

import (
	"strings"
	"time"
)

// Period is a span of the calendar of Viet Nam: a day "2026-11-29", a month "2026-11", a
// quarter "2026-Q4" or a year "2026".
type Period string

// ParsePeriod reads a period of the years 1900 to 9999. Errors are of KindInvalid.
func ParsePeriod(s string) (Period, error) {
	p := Period(s)
	if begin, _ := p.Span(); begin.Year() >= 1900 {
		return p, nil
	}
	return "", Invalid("period", "period", "%.20q is not a period: a day 2026-11-29, a month 2026-11, a quarter 2026-Q4 or a year 2026", s)
}

// Span is the time from the beginning of the period up to but not including its end; zero
// for what is no period.
func (p Period) Span() (begin, end time.Time) {
	s := string(p)
	for _, form := range []struct {
		layout              string
		years, months, days int
	}{{time.DateOnly, 0, 0, 1}, {"2006-01", 0, 1, 0}, {"2006", 1, 0, 0}} {
		if t, err := time.ParseInLocation(form.layout, s, Vietnam()); err == nil {
			return t, t.AddDate(form.years, form.months, form.days)
		}
	}
	year, quarter, ok := strings.Cut(s, "-Q")
	if t, err := time.ParseInLocation("2006", year, Vietnam()); ok && err == nil && len(quarter) == 1 && quarter >= "1" && quarter <= "4" {
		begin = t.AddDate(0, 3*int(quarter[0]-'1'), 0)
		return begin, begin.AddDate(0, 3, 0)
	}
	return time.Time{}, time.Time{}
}

// Kinds are the kinds under which a document counts in a kept period: days are kept for
// all kinds together.
func (p Period) Kinds(kind string) []string {
	if p.isDay() {
		return []string{""}
	}
	return []string{"", kind}
}

func (p Period) isDay() bool { return len(p) == len(time.DateOnly) }

// Steps are the periods that the period is drawn in: months of a year or quarter, days of
// a month; of a day the day itself.
func (p Period) Steps() []Period {
	begin, end := p.Span()
	layout, months, days := "2006-01", 1, 0
	if end.Before(begin.AddDate(0, 2, 0)) {
		layout, months, days = time.DateOnly, 0, 1
	}
	var steps []Period
	for t := begin; t.Before(end); t = t.AddDate(0, months, days) {
		steps = append(steps, Period(t.Format(layout)))
	}
	return steps
}

// Kept are the periods for which figures are kept that make up the period: days and
// months.
func (p Period) Kept() []Period {
	if len(p) == len("2006-01") && !strings.Contains(string(p), "Q") {
		return []Period{p}
	}
	return p.Steps()
}
