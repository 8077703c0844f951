package hub

import (
	"slices"
	"time"
)

// DayKind says how a day of the calendar differs from what its day of the week is.
type DayKind string

// The kinds of days that a calendar names. All other days are worked from Monday to Friday.
const (
	DayOff     DayKind = "off"     // a holiday, or a day given off for one that is worked
	DayWorking DayKind = "working" // a Saturday or Sunday that is worked in the place of a day off
)

// CalendarDay is a day that a calendar names.
type CalendarDay struct {
	Date Date    `json:"date"` // in Vietnam
	Kind DayKind `json:"kind"`
	Name string  `json:"name,omitempty"` // "Tết Nguyên đán"
}

// CalendarYear is what one year says of its days (Bộ luật Lao động 2019, article 112, and
// the yearly notice of the days that are swapped). Each version stays in the store.
type CalendarYear struct {
	Year    int           `json:"year"`
	Version int64         `json:"version"` // 0: shipped with the program
	Source  string        `json:"source"`  // the notice that it was taken from
	Days    []CalendarDay `json:"days"`    // by date
	SetBy   string        `json:"set_by,omitempty"`
	SetAt   time.Time     `json:"set_at,omitzero"` // UTC
}

// CalendarChange is what a version of a year changes about one day; an empty kind is that
// of a day which no calendar names.
type CalendarChange struct {
	Date Date    `json:"date"`
	Was  DayKind `json:"was,omitempty"`
	Now  DayKind `json:"now,omitempty"`
	Name string  `json:"name,omitempty"`
}

// CalendarImport tells what an import of calendar days came to, or would come to.
type CalendarImport struct {
	DryRun  bool             `json:"dry_run"`
	Years   []int            `json:"years"` // that it has days of
	Changes []CalendarChange `json:"changes"`
}

// Calendar knows which days are worked. The zero value knows of weekends and of the
// holidays that have the same date every year alone. It does not change.
type Calendar struct {
	years map[int]CalendarYear
	kinds map[Date]DayKind
}

// NewCalendar returns the calendar of these years; of two of the same year the later in
// the list counts.
func NewCalendar(years ...CalendarYear) *Calendar {
	c := &Calendar{years: map[int]CalendarYear{}, kinds: map[Date]DayKind{}}
	for _, y := range years {
		c.years[y.Year] = y
	}
	for _, y := range c.years {
		for _, d := range y.Days {
			c.kinds[d.Date] = d.Kind
		}
	}
	return c
}

// Year returns what the calendar has of a year; false when nothing.
func (c *Calendar) Year(year int) (CalendarYear, bool) {
	y, ok := c.years[year]
	return y, ok
}

// Years lists the years that the calendar has, by number.
func (c *Calendar) Years() []CalendarYear {
	list := make([]CalendarYear, 0, len(c.years))
	for _, y := range c.years {
		list = append(list, y)
	}
	slices.SortFunc(list, func(a, b CalendarYear) int { return a.Year - b.Year })
	return list
}

// Working reports whether a day is worked. Of a year that the calendar does not have,
// Saturdays, Sundays and the holidays of the solar calendar are off.
func (c *Calendar) Working(day Date) bool {
	if kind, ok := c.kinds[day]; ok {
		return kind == DayWorking
	}
	t, err := time.Parse(time.DateOnly, string(day))
	if err != nil || t.Weekday() == time.Saturday || t.Weekday() == time.Sunday {
		return false
	}
	_, known := c.years[t.Year()]
	return known || !slices.Contains(solarHolidays(), t.Format("01-02"))
}

// solarHolidays are New Year, 30 April, 1 May and 2 September.
func solarHolidays() []string { return []string{"01-01", "04-30", "05-01", "09-02"} }

// maxCalendarDays bounds a count of working days; they lie within three times as many days.
const maxCalendarDays = 1000

// After returns the n-th working day after a day, which itself does not count (Bộ luật Dân
// sự 2015, articles 147 and 148); n is from 0, the day itself, to 1000.
func (c *Calendar) After(day Date, n int) Date {
	n = min(n, maxCalendarDays)
	for range 3*n + 30 {
		if n <= 0 {
			return day
		}
		if day = day.Plus(1); c.Working(day) {
			n--
		}
	}
	return day
}

// DateOf is the day in Vietnam that an instant falls on.
func DateOf(t time.Time) Date { return Date(t.In(Vietnam()).Format(time.DateOnly)) }

// Plus returns the day that lies so many days later, earlier for a negative number. A text
// that is no date stays as it is.
func (d Date) Plus(days int) Date {
	t, err := time.Parse(time.DateOnly, string(d))
	if err != nil {
		return d
	}
	return Date(t.AddDate(0, 0, days).Format(time.DateOnly))
}

// SoonDays is how many working days before its end a deadline counts as near.
const SoonDays = 3

// escalateDays is how many working days behind its end a deadline is no longer a matter of
// the agency alone.
const escalateDays = 3

// Soon is the last day of those deadlines that count as near on a day.
func (c *Calendar) Soon(today Date) Date { return c.After(today, SoonDays) }

// NextReminder is the first day behind another on which there is something to say about a
// deadline: that it is near, today, over, or over for long; "" for none.
func (c *Calendar) NextReminder(due, behind Date) Date {
	if due == "" {
		return ""
	}
	near := due
	for range 3*SoonDays + 30 {
		if earlier := near.Plus(-1); c.Soon(earlier) >= due {
			near = earlier
		}
	}
	for _, day := range []Date{near, due, due.Plus(1), c.After(due, escalateDays)} {
		if day > behind {
			return day
		}
	}
	return ""
}

// Reminds is what there is to say about a deadline on a day.
func (c *Calendar) Reminds(due, today Date) TaskAct {
	switch {
	case today >= c.After(due, escalateDays) && today > due:
		return ActEscalate
	case today > due:
		return ActOverdue
	case today == due:
		return ActDueToday
	}
	return ActDueSoon
}
