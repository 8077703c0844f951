package hub

import "fmt"

// Add counts dossiers.
func (f *DossierFigures) Add(sum *DossierSum) {
	f.Tally.Add(&sum.DossierTally)
	f.DossierCount.add(&sum.DossierTally)
	channel := f.Channels[sum.Channel]
	channel.add(&sum.DossierTally)
	f.Channels[sum.Channel] = channel
}

func (c *DossierCount) add(t *DossierTally) {
	c.Total += int(t.Counts[DossiersAll])
	c.InTime += int(t.Counts[DossiersInTime])
	c.Late += int(t.Counts[DossiersLate])
	c.Letters += int(t.Counts[DossiersLetters])
	c.Missing += int(t.Counts[DossiersNoLetter])
	c.Tardy += int(t.Counts[DossiersLettersLate])
	c.Rate = PerCent(c.InTime, c.Total)
}

// PerCent is a share in per cent with two decimals, rounded half up; "" of nothing.
func PerCent(part, whole int) string {
	if whole == 0 {
		return ""
	}
	hundredths := (20_000*part + whole) / (2 * whole)
	return fmt.Sprintf("%d.%02d", hundredths/100, hundredths%100)
}
