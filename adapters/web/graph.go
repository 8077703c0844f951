package web

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// graph is a picture of figures over time, drawn without a script. All lengths are in units
// of its own.
type graph struct {
	Name    string // in the catalogues
	Says    string // what it shows, for who does not see it
	Bars    []graphBar
	Lines   []curve
	Rungs   []rung      // of the scale, lowest first
	Marks   []graphMark // of time
	Wide    float64
	High    float64
	Left    float64 // where the time begins
	Bottom  float64 // where the scale begins
	Foot    float64 // where the marks of time stand
	Legends []graphKey
}

type graphBar struct {
	Class, Title     string // Title is shown where it is pointed at; may be empty
	X, Y, Wide, High float64
}

// curve joins the hours that have a figure; Dots are those hours.
type curve struct {
	Class, Path string
	Dots        []graphDot
}

type graphDot struct{ X, Y float64 }

type rung struct {
	Y    float64
	Text string
}

type graphMark struct {
	X    float64
	Text string
}

type graphKey struct{ Class, Name string }

// The measures of a graph.
const (
	graphWide   = 360.0
	graphHigh   = 190.0
	graphLeft   = 44.0
	graphTop    = 10.0
	graphBottom = 164.0
)

// graphs draws what went through the hub.
func (x *exchange) graphs(hours []hub.TrafficHour) []graph {
	both := []graph{x.countGraph(hours), x.timeGraph(hours)}
	for i := range both {
		both[i].Says = x.say("graph."+both[i].Name) + ". " + x.say("traffic.table")
	}
	return both
}

func newGraph(name string, hours []hub.TrafficHour) graph {
	c := graph{Name: name, Wide: graphWide, High: graphHigh, Left: graphLeft, Bottom: graphBottom, Foot: graphBottom + 16}
	step, form := 6, "15:04"
	if len(hours) > dayHours {
		step, form = 24, "02/01"
	}
	for i := range hours {
		if at := hours[i].Hour.In(hub.Vietnam()); at.Hour()%step == 0 && c.at(i, len(hours)) < graphWide-34 {
			c.Marks = append(c.Marks, graphMark{c.at(i, len(hours)), at.Format(form)})
		}
	}
	return c
}

// at is where an hour begins.
func (c *graph) at(i, of int) float64 {
	return tenth(graphLeft + (graphWide-graphLeft)*float64(i)/float64(of))
}

func tenth(v float64) float64 { return math.Round(v*10) / 10 }

// countGraph has a bar for the dispatches of each hour, and a line for the hand-overs.
func (x *exchange) countGraph(hours []hub.TrafficHour) graph {
	c := newGraph("traffic", hours)
	top := int64(1)
	for i := range hours {
		top = max(top, hours[i].Accepted, hours[i].Handed)
	}
	top = roundUp(top)
	high := func(n int64) float64 { return tenth((graphBottom - graphTop) * float64(n) / float64(top)) }
	for n := int64(0); n <= 2; n++ {
		if v := top * n / 2; n != 1 || top > 1 {
			c.Rungs = append(c.Rungs, rung{graphBottom - high(v), fmt.Sprint(v)})
		}
	}
	wide := (graphWide - graphLeft) / float64(len(hours))
	for i := range hours {
		if h := high(hours[i].Accepted); h > 0 {
			c.Bars = append(c.Bars, graphBar{Class: "accepted", X: c.at(i, len(hours)), Y: tenth(graphBottom - h), Wide: tenth(wide * 0.8), High: h})
		}
	}
	c.Lines = []curve{c.lineOf("handed", len(hours), func(i int) (float64, bool) { return graphBottom - high(hours[i].Handed), true })}
	c.Legends = []graphKey{{"accepted", "traffic.accepted"}, {"handed", "traffic.handed"}}
	return c
}

// roundUp is the next number of the form 1, 2 or 5 and zeros.
func roundUp(n int64) int64 {
	for step := int64(1); ; step *= 10 {
		for _, v := range []int64{step, 2 * step, 5 * step} {
			if v >= n {
				return v
			}
		}
	}
}

// timeGraph has lines for how long hand-overs took, on a scale of powers.
func (x *exchange) timeGraph(hours []hub.TrafficHour) graph {
	c := newGraph("handover", hours)
	rungs := []time.Duration{10 * time.Millisecond, 100 * time.Millisecond, time.Second, 10 * time.Second, time.Minute, 10 * time.Minute, time.Hour, 10 * time.Hour, 4 * 24 * time.Hour, 30 * 24 * time.Hour}
	low, high := len(rungs)-2, 0
	for i := range hours {
		if hours[i].Handed > 0 {
			low, high = min(low, above(rungs, hours[i].P50+1)-1), max(high, above(rungs, hours[i].P95))
		}
	}
	low = max(low, 0)
	high = min(max(high, low+1), len(rungs)-1)
	y := func(d time.Duration) float64 {
		bottom, top := math.Log(float64(rungs[low])), math.Log(float64(rungs[high]))
		share := (math.Log(float64(max(d, time.Millisecond))) - bottom) / (top - bottom)
		return tenth(graphBottom - (graphBottom-graphTop)*min(max(share, 0), 1))
	}
	for _, r := range rungs[low : high+1] {
		c.Rungs = append(c.Rungs, rung{y(r), x.took(r)})
	}
	of := func(class string, figure func(*hub.TrafficHour) time.Duration) curve {
		return c.lineOf(class, len(hours), func(i int) (float64, bool) { return y(figure(&hours[i])), hours[i].Handed > 0 })
	}
	c.Lines = []curve{of("p50", func(h *hub.TrafficHour) time.Duration { return h.P50 }), of("p95", func(h *hub.TrafficHour) time.Duration { return h.P95 })}
	c.Legends = []graphKey{{"p50", "traffic.p50"}, {"p95", "traffic.p95"}}
	return c
}

// above is the first rung that is not below a time.
func above(rungs []time.Duration, d time.Duration) int {
	i, _ := slices.BinarySearch(rungs, d)
	return i
}

// lineOf joins the middles of hours; where an hour has no figure the line is broken.
func (c *graph) lineOf(class string, hours int, at func(i int) (y float64, has bool)) curve {
	l := curve{Class: class}
	var path strings.Builder
	joined := false
	for i := range hours {
		y, has := at(i)
		if has {
			xAt, verb := tenth((c.at(i, hours)+c.at(i+1, hours))/2), "M"
			if joined {
				verb = "L"
			}
			fmt.Fprintf(&path, "%s%g %g", verb, xAt, tenth(y))
			if hours <= dayHours {
				l.Dots = append(l.Dots, graphDot{xAt, tenth(y)})
			}
		}
		joined = has
	}
	l.Path = path.String()
	return l
}

// Took is a time that something took, for people.
func (v *view) Took(d time.Duration) string { return v.x.took(d) }

func (x *exchange) took(d time.Duration) string {
	value, unit := float64(d)/float64(time.Millisecond), "took.ms"
	for _, u := range []struct {
		of   time.Duration
		name string
	}{{24 * time.Hour, "took.d"}, {time.Hour, "took.h"}, {time.Minute, "took.min"}, {time.Second, "took.s"}} {
		if d >= u.of {
			value, unit = float64(d)/float64(u.of), u.name
			break
		}
	}
	text := fmt.Sprintf("%.1f", value)
	if value >= 10 {
		text = fmt.Sprintf("%.0f", value)
	}
	text = strings.TrimSuffix(text, ".0")
	if x.lang == vietnamese {
		text = strings.Replace(text, ".", ",", 1)
	}
	return x.texts.text(x.lang, unit, text)
}
