package hub

import "fmt"

// Add counts one dossier.
func (f *DossierFigures) Add(d *DossierCounted) {
	f.add(d)
	channel := f.Channels[d.Channel]
	channel.add(d)
	f.Channels[d.Channel] = channel
}

func (c *DossierCount) add(d *DossierCounted) {
	c.Total++
	switch {
	case !d.Late:
		c.InTime++
	case d.Letter:
		c.Late++
		c.Letters++
		if d.Tardy {
			c.Tardy++
		}
	default:
		c.Late++
		c.Missing++
	}
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
