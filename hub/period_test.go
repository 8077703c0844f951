package hub_test

import (
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
)

func TestRetentionPeriod(t *testing.T) {
	at := time.Date(2028, 3, 31, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"P10Y":       time.Date(2018, 3, 31, 12, 0, 0, 0, time.UTC),
		"P1Y1M1D":    time.Date(2027, 3, 2, 12, 0, 0, 0, time.UTC), // there is no 31 February
		"P90D":       time.Date(2028, 1, 1, 12, 0, 0, 0, time.UTC),
		"PT36H":      time.Date(2028, 3, 30, 0, 0, 0, 0, time.UTC),
		"P1DT1M30S":  time.Date(2028, 3, 30, 11, 58, 30, 0, time.UTC),
		"PT9999999S": at.Add(-9999999 * time.Second),
	} {
		p, err := hub.ParseRetentionPeriod(text)
		if err != nil || !p.Before(at).Equal(want) {
			t.Errorf("%s before %s is %s, %v, want %s", text, at, p.Before(at), err, want)
		}
		if again, err := hub.ParseRetentionPeriod(p.String()); err != nil || again != p {
			t.Errorf("%s is written %s and read %v, %v", text, p, again, err)
		}
	}
	if p, err := hub.ParseRetentionPeriod(""); err != nil || !p.IsZero() || p.String() != "" {
		t.Errorf("for ever is %+v, %v", p, err)
	}
	for _, text := range []string{"P", "PT", "10Y", "P0D", "P1W", "P1.5Y", "P-1Y", "P1001Y", "P1D ", "p1d", "P1Y\n", "P12345Y", "PT1H999999999S"} {
		if p, err := hub.ParseRetentionPeriod(text); err == nil || hub.KindOf(err) != hub.KindInvalid {
			t.Errorf("%q was read as %+v, %v", text, p, err)
		}
	}
}

// FuzzRetentionPeriod: what is read is written so that it reads the same, and ends.
func FuzzRetentionPeriod(f *testing.F) {
	for _, text := range []string{"", "P10Y", "P1Y6M", "P1DT1M30S", "PT999999999S", "PT9999H9999M999999999S", "P0D"} {
		f.Add(text)
	}
	at := time.Date(2028, 3, 31, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text string) {
		p, err := hub.ParseRetentionPeriod(text)
		if err != nil {
			return
		}
		if again, err := hub.ParseRetentionPeriod(p.String()); err != nil || again != p {
			t.Errorf("%q is written %s and read %v, %v", text, p, again, err)
		}
		if !p.IsZero() && !p.Before(at).Before(at) {
			t.Errorf("%q does not lie in the past", text)
		}
	})
}
