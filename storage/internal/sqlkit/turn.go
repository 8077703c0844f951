package sqlkit

import (
	"time"

	"github.com/lienthong/lienthong/hub"
)

// TestTurnAmong looks at the turns that stand: that of the agency itself, or whether so
// many tests run.
func TestTurnAmong(turns []hub.TestTurn, agency hub.AgencyID, now time.Time, atOnce int) (standing *hub.TestTurn, full bool) {
	running := 0
	for i := range turns {
		if turns[i].Agency == agency {
			return &turns[i], false
		}
		if turns[i].Ends.After(now) {
			running++
		}
	}
	return nil, running >= atOnce
}
