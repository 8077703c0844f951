package hub

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"time"
)

// DossierFacts are how a dossier counts for whoever looks at it in a span of time. A look
// counts what happened before its instant: these are for looks behind Since, up to and with
// Until. They follow from the clock of the dossier, and differ with what is open by the
// instant alone, so that a store can count without clocks.
type DossierFacts struct {
	Since    time.Time // UTC
	Until    time.Time // UTC; zero: no end
	Start    time.Time // UTC; when its time began
	Ended    time.Time // UTC; zero while it is open
	Late     time.Time // UTC; looks behind it find the dossier late; zero: none does
	Requests int       // for supplements: 0, 1, or 2 for more
	Parties  int       // agencies that had part in it
	Marks    DossierMarks
	Worked   int64 // minutes of working time, of what has ended
	Allowed  int64 // minutes of working time by the legal limit, of what has ended
}

// DossierMarks are what is true of a dossier, as bits.
type DossierMarks int64

// The marks. Those from MarkBegun on are of the present, the others of every span.
const (
	MarkLetter     DossierMarks = 1 << iota // somebody apologised
	MarkTardy                               // when the time was over
	MarkEarly                               // ended on a day before the last one
	MarkStopped                             // ended without a result: stopped, rejected or withdrawn
	MarkFiled                               // it has files that the owner handed in
	MarkResult                              // its result is a file
	MarkBegun                               // its time has begun
	MarkSecond                              // there was more than one request for supplements
	MarkWaits                               // there is a letter that the owner does not have
	MarkOutOfOrder                          // a status could not come next
	MarkUnknown                             // a report was in words that stand for nothing
)

// Has reports whether a mark is set.
func (m DossierMarks) Has(mark DossierMarks) bool { return m&mark != 0 }

// DossierKept is what is kept of a dossier beside its events, so that lists and figures read
// it instead of computing clocks. It is made anew with each event, and when the calendar or
// the office hours have changed.
type DossierKept struct {
	Basis    string         // of the working time that it follows from (WorkingTime.Basis)
	Facts    []DossierFacts // by time, without gaps; none of what has not begun
	Late     time.Time      // UTC; of the present, as in DossierFacts
	Foreseen time.Time      // UTC; looks behind it foresee lateness while there is none; zero: none does
	Marks    DossierMarks   // of the present
}

// DossierMeasure names dossiers of a period that are counted together.
type DossierMeasure string

// The measures: of what was in hand in a period, as it stood at its end, or now.
const (
	DossiersAll          DossierMeasure = "all"
	DossiersNew          DossierMeasure = "new"     // whose time began in the period
	DossiersCarried      DossierMeasure = "carried" // whose time began before
	DossiersEnded        DossierMeasure = "ended"
	DossiersEarly        DossierMeasure = "ended_early"   // on a day before the last one (trước hạn)
	DossiersOnTime       DossierMeasure = "ended_on_time" // on the last day (đúng hạn)
	DossiersEndedLate    DossierMeasure = "ended_late"
	DossiersOpenInTime   DossierMeasure = "open_in_time"
	DossiersOpenLate     DossierMeasure = "open_late"
	DossiersInTime       DossierMeasure = "in_time"
	DossiersLate         DossierMeasure = "late"
	DossiersSupplemented DossierMeasure = "supplemented"       // with a request for supplements
	DossiersAgain        DossierMeasure = "supplemented_again" // with more than one
	DossiersLetters      DossierMeasure = "letters"            // late, with an apology
	DossiersLettersLate  DossierMeasure = "letters_late"       // of these, when the time was over
	DossiersNoLetter     DossierMeasure = "letters_missing"    // late, without
	DossiersCounter      DossierMeasure = "counter"
	DossiersOnline       DossierMeasure = "online"
	DossiersPost         DossierMeasure = "post"
	DossiersStopped      DossierMeasure = "stopped"        // ended without a result
	DossiersFiled        DossierMeasure = "digital_papers" // whose papers are files
	DossiersResult       DossierMeasure = "digital_result" // ended with a result that is a file
	DossiersShared       DossierMeasure = "shared"         // handled by more than one agency
)

// DossierMeasures lists all measures.
func DossierMeasures() []DossierMeasure {
	return []DossierMeasure{
		DossiersAll, DossiersNew, DossiersCarried, DossiersEnded, DossiersEarly, DossiersOnTime, DossiersEndedLate, DossiersOpenInTime, DossiersOpenLate, DossiersInTime, DossiersLate,
		DossiersSupplemented, DossiersAgain, DossiersLetters, DossiersLettersLate, DossiersNoLetter, DossiersCounter, DossiersOnline, DossiersPost, DossiersStopped, DossiersFiled, DossiersResult, DossiersShared,
	}
}

// Holds reports whether the facts are those of a look, and count in a period that begins at
// an instant: what had ended before does not.
func (f *DossierFacts) Holds(from, look time.Time) bool {
	return f.Since.Before(look) && (f.Until.IsZero() || !look.After(f.Until)) && (f.Ended.IsZero() || !f.Ended.Before(from))
}

// LateAt reports whether a look finds the dossier late.
func (f *DossierFacts) LateAt(look time.Time) bool { return !f.Late.IsZero() && f.Late.Before(look) }

// Counts reports whether facts that hold count for a measure.
func (f *DossierFacts) Counts(m DossierMeasure, channel DossierChannel, from, look time.Time) bool {
	late, ended := f.LateAt(look), !f.Ended.IsZero()
	switch m {
	case DossiersAll:
		return true
	case DossiersNew:
		return !f.Start.Before(from)
	case DossiersCarried:
		return f.Start.Before(from)
	case DossiersEnded:
		return ended
	case DossiersEarly:
		return ended && !late && f.Marks.Has(MarkEarly)
	case DossiersOnTime:
		return ended && !late && !f.Marks.Has(MarkEarly)
	case DossiersEndedLate:
		return ended && late
	case DossiersOpenInTime:
		return !ended && !late
	case DossiersOpenLate:
		return !ended && late
	case DossiersInTime:
		return !late
	case DossiersLate:
		return late
	}
	return f.countsMore(m, channel, late)
}

func (f *DossierFacts) countsMore(m DossierMeasure, channel DossierChannel, late bool) bool {
	switch m {
	case DossiersSupplemented:
		return f.Requests > 0
	case DossiersAgain:
		return f.Requests > 1
	case DossiersLetters:
		return late && f.Marks.Has(MarkLetter)
	case DossiersLettersLate:
		return late && f.Marks.Has(MarkTardy)
	case DossiersNoLetter:
		return late && !f.Marks.Has(MarkLetter)
	case DossiersCounter, DossiersOnline, DossiersPost:
		return string(channel) == string(m)
	case DossiersStopped:
		return !f.Ended.IsZero() && f.Marks.Has(MarkStopped)
	case DossiersFiled:
		return f.Marks.Has(MarkFiled)
	case DossiersResult:
		return !f.Ended.IsZero() && f.Marks.Has(MarkResult)
	case DossiersShared:
		return f.Parties > 1
	}
	return false
}

// DossierTally is what was counted of dossiers.
type DossierTally struct {
	Counts  map[DossierMeasure]int64 `json:"counts"`
	Worked  int64                    `json:"worked_minutes"`  // of working time, of those that have ended
	Allowed int64                    `json:"allowed_minutes"` // by the legal limit, of the same
	Parties int64                    `json:"agencies"`        // that had part in them, each as often as it had
}

// Add adds another tally.
func (t *DossierTally) Add(o *DossierTally) {
	if t.Counts == nil {
		t.Counts = make(map[DossierMeasure]int64, len(o.Counts))
	}
	for m, n := range o.Counts {
		t.Counts[m] += n
	}
	t.Worked += o.Worked
	t.Allowed += o.Allowed
	t.Parties += o.Parties
}

// DossierSum is what was counted of the dossiers of a procedure that came in on a channel.
type DossierSum struct {
	Procedure string
	Channel   DossierChannel
	DossierTally
}

// DossierLook selects the dossiers that a unit had in hand in a period, as they stood at an
// instant.
type DossierLook struct {
	Unit  AgencyID
	Begun Interval // only those whose time began in it
	From  time.Time
	At    time.Time // the end of the period, or now
}

// AgencyPlace is where an agency stood in the tree for some time.
type AgencyPlace struct {
	During Interval
	Above  []AgencyID // from the agency up
}

// DossierMoments are the instants by which lists tell how dossiers stand: of the look, and
// the ends of the days up to which a deadline is near, and a letter is due.
type DossierMoments struct {
	Look, Soon, Letter time.Time
}

// Basis names all that working time follows from: with the same name it is the same.
func (w WorkingTime) Basis() string {
	sum := sha256.New()
	for _, y := range w.Calendar.Years() {
		fmt.Fprintln(sum, y.Year)
	}
	for _, day := range slices.Sorted(maps.Keys(w.Calendar.kinds)) {
		fmt.Fprintln(sum, day, w.Calendar.kinds[day])
	}
	fmt.Fprintln(sum, w.Hours.String())
	return hex.EncodeToString(sum.Sum(nil)[:8])
}
