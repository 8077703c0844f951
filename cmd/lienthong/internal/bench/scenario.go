package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Class is a size of documents and its share of a mix.
type Class struct {
	Size  int // bytes of the signed PDF
	Share int // in thousandths
}

// Mix is what agencies send, by size of the PDF. Two RSA-2048 signatures with their
// chains alone are 17 KB: the two smallest classes are that large in fact.
func Mix() []Class {
	return []Class{{2 << 10, 300}, {10 << 10, 600}, {100 << 10, 90}, {2 << 20, 9}, {10 << 20, 1}}
}

// Forms of a submission.
const (
	formREST  = "rest"
	formEdXML = "edxml"
)

// Scenario is one kind of load.
type Scenario struct {
	Name       string
	Form       string // formREST or formEdXML
	Classes    []Class
	FanOut     int
	Collecting int // recipients of a document that collect it; the boxes of the others fill
	Clients    int
	Rate       float64 // documents a second; 0 for as many as go through
	Count      int     // documents of a round; 0 for as many as fit into For
	For        time.Duration
	Rounds     int
	HubOnly    bool // has no floor
	// KillEvery is how long the hub lives before it is killed and started again; 0 for ever.
	KillEvery time.Duration
}

// Defaults of a measurement.
const (
	defaultClients = 16
	defaultRounds  = 3
	defaultSize    = 200_000
	defaultRate    = 300
	// mostCollecting bounds the recipients that collect: with more, the clients would
	// be what is measured.
	mostCollecting = 10
)

// A round with many recipients is short: what it leaves behind is much.
const (
	manyRecipients = 100
	shortRound     = 3 * time.Second
)

// ScenarioNames lists what Options.Scenario may be, besides "all".
func ScenarioNames() []string {
	return []string{"mix", "fixed", "peak", "edxml", "fanout", "hold", "kills", "singles"}
}

// scenarios returns what the options ask for.
func (o *Options) scenarios() ([]Scenario, error) {
	names := o.Scenario
	if slices.Contains(names, "all") {
		names = ScenarioNames()
	}
	var list []Scenario
	for _, name := range names {
		if !slices.Contains(ScenarioNames(), name) {
			return nil, fmt.Errorf("there is no scenario %q", name)
		}
		list = append(list, o.named(name)...)
	}
	for i := range list {
		if list[i].KillEvery > 0 && o.URL != "" {
			return nil, errors.New("a hub that was not started here is not killed")
		}
		list[i].HubOnly = list[i].HubOnly || o.NoFloor || o.URL != ""
	}
	return list, nil
}

func (o *Options) named(name string) []Scenario {
	sc := Scenario{
		Name: name, Form: formREST, Classes: []Class{{or(o.Size, defaultSize), 1000}}, FanOut: or(o.FanOut, 1),
		Clients: or(o.Clients, defaultClients), Rate: o.Rate, Count: o.Count, For: or(o.For, 8*time.Second), Rounds: or(o.Rounds, defaultRounds),
	}
	switch name {
	case "mix":
		sc.Classes = Mix()
	case "edxml":
		sc.Form = formEdXML
	case "fanout":
		return o.fanOuts(sc)
	case "hold":
		sc.Rate, sc.For = or(o.HoldRate, or(o.Rate, defaultRate)), or(o.HoldFor, or(o.For, time.Minute))
		sc.Clients, sc.Count = or(o.Clients, 64), 0
		sc.Rounds, sc.HubOnly = 1, true
	case "kills":
		sc.For = or(o.HoldFor, or(o.For, time.Minute))
		sc.KillEvery = min(time.Minute, sc.For/2)
		sc.Rounds, sc.Count, sc.HubOnly = 1, 0, true
	case "singles":
		return o.singles(sc)
	}
	sc.Collecting = min(sc.FanOut, mostCollecting)
	if name == "peak" {
		sc.Collecting = 0
	}
	return []Scenario{sc}
}

// fanOuts is the same document to few and to many.
func (o *Options) fanOuts(sc Scenario) []Scenario {
	sizes := []int{10, 100, 500} // to one: that is "fixed"
	if o.FanOut > 0 {
		sizes = []int{o.FanOut}
	}
	var list []Scenario
	for _, n := range sizes {
		if n >= manyRecipients {
			sc.For = min(sc.For, shortRound)
		}
		sc.Name, sc.FanOut, sc.Collecting = fmt.Sprintf("fanout-%d", n), n, min(n, mostCollecting)
		list = append(list, sc)
	}
	return list
}

// singles are large documents: one of 100 MB, one of 1 GB and eight of 1 GB at once.
func (o *Options) singles(sc Scenario) []Scenario {
	sc.Rounds, sc.HubOnly, sc.FanOut, sc.Collecting = 1, true, 1, 1
	large := or(o.SingleSize, 1_000_000_000)
	var list []Scenario
	for _, c := range []struct{ count, size int }{{1, large / 10}, {1, large}, {or(o.Singles, 8), large}} {
		sc.Name = fmt.Sprintf("single-%dx%dMB", c.count, c.size/1_000_000)
		sc.Classes, sc.Count, sc.Clients = []Class{{c.size, 1000}}, c.count, c.count
		list = append(list, sc)
	}
	return list
}

func or[T comparable](chosen, standard T) T {
	var zero T
	if chosen == zero {
		return standard
	}
	return chosen
}

// recipients is how many agencies take part besides the senders: documents to one
// recipient go to one after the other.
func (sc *Scenario) recipients() int { return max(sc.FanOut, mostCollecting) }

// steady says that the scenario asks as much as goes through, so that a rate tells cost.
func (sc *Scenario) steady() bool {
	return sc.Rate == 0 && sc.KillEvery == 0 && !strings.HasPrefix(sc.Name, "single")
}

// collectors is how many of them collect.
func (sc *Scenario) collectors() int {
	if sc.Collecting == 0 {
		return 0
	}
	return mostCollecting
}

// warmUp is the number of rounds that do not count: caches fill and databases grow
// out of their first pages. What is large or long needs none.
func (sc *Scenario) warmUp() int {
	if sc.Count > 0 || sc.Rate > 0 || sc.KillEvery > 0 {
		return 0
	}
	return 1
}

// pick returns the class of the n-th document. The classes come in the order of a
// fixed shuffle, so that a part of the mix has the same shares as the whole.
func (sc *Scenario) pick(n int64) Class {
	// 617 has no divisor in common with 1000: every thousand documents hit every
	// thousandth once.
	place := int(n * 617 % 1000)
	for _, c := range sc.Classes {
		if place -= c.Share; place < 0 {
			return c
		}
	}
	return sc.Classes[len(sc.Classes)-1]
}

// mean is the mean size of a document in bytes.
func (sc *Scenario) mean() int {
	sum := 0
	for _, c := range sc.Classes {
		sum += c.Size * c.Share
	}
	return sum / 1000
}

func (sc *Scenario) about() string {
	what := fmt.Sprintf("%d KB", sc.Classes[0].Size/1000)
	if len(sc.Classes) > 1 {
		what = "mixed sizes"
	}
	length := fmt.Sprintf("%d rounds of %v", sc.Rounds, sc.For)
	if sc.Count > 0 {
		length = fmt.Sprintf("%d rounds of %d", sc.Rounds, sc.Count)
	}
	return fmt.Sprintf("%s, %s, %d recipients (%d collect), %d clients, %s", what, sc.Form, sc.FanOut, sc.Collecting, sc.Clients, length)
}

// documents makes what the scenario sends, by class.
func (s *session) documents(ctx context.Context, sc *Scenario) (map[int]document, error) {
	made := map[int]document{}
	for _, c := range sc.Classes {
		l, ok := s.letters[c.Size]
		if !ok {
			var err error
			if l, err = newLetter(ctx, s.signers, c.Size); err != nil {
				return nil, err
			}
			if c.Size <= keepLetters {
				s.letters[c.Size] = l
			}
		}
		made[c.Size] = l
		if sc.Form == formEdXML {
			p, err := newPackage(ctx, l)
			if err != nil {
				return nil, err
			}
			made[c.Size] = p
		}
	}
	return made, nil
}

// keepLetters is the size up to which a letter is kept for later scenarios, in bytes.
const keepLetters = 16 << 20
