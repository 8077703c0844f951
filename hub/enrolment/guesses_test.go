package enrolment

import (
	"fmt"
	"testing"
	"time"
)

// TestManyAddresses: those who come from ever new addresses take bounded room.
func TestManyAddresses(t *testing.T) {
	g := guesses{from: map[string]guesser{}}
	now := time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)
	for i := range maxGuessers + 100 {
		if err := g.admit(fmt.Sprint(i), now.Add(time.Duration(i)*time.Millisecond)); err != nil {
			t.Fatal(err)
		}
	}
	if len(g.from) > maxGuessers {
		t.Errorf("%d addresses are kept", len(g.from))
	}
	if _, kept := g.from["0"]; kept {
		t.Error("the oldest was not forgotten")
	}
}
