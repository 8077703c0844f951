package alerts

import (
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Quiet is a span of each day in which nobody is told what can wait. The zero value is
// none.
type Quiet struct {
	From, To time.Duration // since midnight; over midnight where To comes before From
	Zone     *time.Location
}

// ParseQuiet reads a span of the form 22:00-06:00, empty for none.
func ParseQuiet(text string, zone *time.Location) (Quiet, error) {
	if text == "" {
		return Quiet{}, nil
	}
	from, to, _ := strings.Cut(text, "-")
	begin, err := time.Parse("15:04", from)
	end, err2 := time.Parse("15:04", to)
	if err != nil || err2 != nil || begin.Equal(end) {
		return Quiet{}, hub.Invalid("alert-quiet", "hours", "%.40q is not a span of the form 22:00-06:00", text)
	}
	midnight := time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)
	return Quiet{begin.Sub(midnight), end.Sub(midnight), zone}, nil
}

// At reports whether an instant lies in the span.
func (q Quiet) At(at time.Time) bool {
	if q.From == q.To {
		return false
	}
	hour, minute, second := at.In(q.Zone).Clock()
	clock := time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute + time.Duration(second)*time.Second
	if q.From < q.To {
		return q.From <= clock && clock < q.To
	}
	return clock >= q.From || clock < q.To
}
