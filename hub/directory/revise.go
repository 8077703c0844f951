package directory

import (
	"slices"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// standing returns the instant nearest to at in the life of an agency: what holds
// then is what a list shows of it, even when it has closed or is not yet open.
func standing(life hub.Interval, at time.Time) time.Time {
	switch {
	case !life.To.IsZero() && !at.Before(life.To):
		return life.To.Add(-1)
	case at.Before(life.From):
		return life.From
	}
	return at
}

// revision says how properties take new values.
type revision struct {
	at time.Time // what holds here is compared and replaced
	// change: the new value holds from at on, up to what is known to come after, and the
	// earlier one stays as history. Otherwise the new value corrects the earlier one from
	// its beginning, for good.
	change bool
}

// since returns the instant from which a new value in the list holds.
func since[T any](list []hub.Dated[T], v revision) time.Time {
	if v.change {
		return v.at
	}
	var start time.Time
	for _, d := range list {
		switch {
		case d.Valid.Contains(v.at):
			return d.Valid.From
		case !d.Valid.To.IsZero() && !d.Valid.To.After(v.at) && d.Valid.To.After(start):
			start = d.Valid.To
		}
	}
	return start
}

// reviseOne gives a property a new value; the zero value ends it. Nothing changes
// when it has that value already.
func reviseOne[T comparable](list []hub.Dated[T], value T, v revision) []hub.Dated[T] {
	var none T
	if current, _ := hub.At(list, v.at); current == value {
		return list
	}
	from := since(list, v)
	revised, later := history(list, from), planned(list, v)
	if value != none {
		valid := hub.Interval{From: from}
		if len(later) > 0 {
			if valid.To = later[0].Valid.From; later[0].Value == value { // it only comes earlier
				valid.To, later = later[0].Valid.To, later[1:]
			}
		}
		revised = append(revised, hub.Dated[T]{Value: value, Valid: valid})
	}
	return append(revised, later...)
}

// reviseCodes lets exactly these codes hold, the primary one first; the others stay
// as history, before them so that a look back finds them first, and so do those to come.
func reviseCodes(list []hub.Dated[hub.Code], codes []hub.Code, v revision) []hub.Dated[hub.Code] {
	held := map[hub.Code]hub.Dated[hub.Code]{}
	var now []hub.Code
	var gone []hub.Dated[hub.Code]
	for _, c := range list {
		if c.Valid.Contains(v.at) {
			now = append(now, c.Value)
		}
		if c.Valid.Contains(v.at) && slices.Contains(codes, c.Value) {
			held[c.Value] = c
		} else {
			gone = append(gone, c)
		}
	}
	if slices.Equal(now, codes) {
		return list
	}
	from := since(list, v)
	revised := history(gone, from)
	later := planned(gone, v)
	var hold []hub.Dated[hub.Code]
	for _, code := range codes {
		c, ok := held[code]
		if !ok {
			c = hub.Dated[hub.Code]{Value: code, Valid: hub.Interval{From: from}}
			if i := slices.IndexFunc(later, func(l hub.Dated[hub.Code]) bool { return l.Value == code }); i >= 0 { // it only comes earlier
				c.Valid.To, later = later[i].Valid.To, slices.Delete(later, i, i+1)
			}
		}
		hold = append(hold, c)
	}
	return slices.Concat(revised, later, hold)
}

// planned returns a copy of what begins after a change, in the order in which it does.
func planned[T any](list []hub.Dated[T], v revision) []hub.Dated[T] {
	var later []hub.Dated[T]
	for _, d := range list {
		if v.change && d.Valid.From.After(v.at) {
			later = append(later, d)
		}
	}
	slices.SortStableFunc(later, func(a, b hub.Dated[T]) int { return a.Valid.From.Compare(b.Valid.From) })
	return later
}

// history returns a copy of what held before an instant, ended there at the
// latest; nothing held before the zero instant.
func history[T any](list []hub.Dated[T], before time.Time) []hub.Dated[T] {
	var past []hub.Dated[T]
	for _, d := range list {
		d.Valid = within(d.Valid, hub.Interval{To: before})
		if !before.IsZero() && !empty(d.Valid) {
			past = append(past, d)
		}
	}
	return past
}
