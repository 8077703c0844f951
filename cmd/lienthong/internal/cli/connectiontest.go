package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/text"
	"github.com/lienthong/lienthong/hub"
)

type agencyTest struct {
	connection `embed:""`
	Agency     string `arg:"" optional:"" help:"Agency (code or id); not needed when the key speaks for one."`
}

// Run tests how an agency is connected: from this machine to the hub, then, by the hub,
// from there to the agency and its systems.
func (c *agencyTest) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	defer client.CloseIdle()
	if isTerminal(e.Stderr) {
		e.note("testing takes up to half a minute")
	}
	hops := hub.NewHops(time.Now, func(hub.TestHop, error) {})
	client.Walk(ctx, hops)
	there := hops.Way(hub.WayClient, c.URL)
	if !there.Passed {
		return reportConnection(e, &hub.ConnectionTest{Begun: time.Now().UTC().Truncate(time.Millisecond), Ways: []hub.TestedWay{there}})
	}
	test, err := client.TestConnection(ctx, c.Agency)
	if err != nil {
		return err
	}
	test.Ways = slices.Insert(test.Ways, 0, there)
	return reportConnection(e, &test)
}

// reportConnection prints a test; one that failed is the exit code of findings.
func reportConnection(e *env, test *hub.ConnectionTest) error {
	if err := e.print(test, func(w io.Writer) { writeConnection(w, test) }); err != nil {
		return err
	}
	if !test.Passed {
		return verdict(exitFailed)
	}
	return nil
}

func writeConnection(w io.Writer, test *hub.ConnectionTest) {
	t := text.Table{Head: []string{"WAY", "TARGET", "HOP", "RESULT", "MS", "FOUND"}}
	failed := 0
	for i := range test.Ways {
		way := &test.Ways[i]
		for k := range way.Hops {
			hop := &way.Hops[k]
			word, found := "passed", foundAt(hop)
			if !hop.Passed {
				word, found = "FAILED", hop.Error
				failed++
			}
			t.Add(string(way.Way), way.Target, string(hop.Hop), word, fmt.Sprintf("%.1f", hop.TookMS), found)
		}
	}
	t.Write(w)
	if failed == 0 {
		fmt.Fprintln(w, "all passed; nothing was recorded")
		return
	}
	fmt.Fprintf(w, "%d failed; nothing was recorded\n", failed)
}

// foundAt says what a hop that passed has found.
func foundAt(hop *hub.TestedHop) string {
	unit := map[hub.TestHop]string{
		hub.HopStore: "bytes", hub.HopPackage: "bytes of edXML", hub.HopKey: "in force", hub.HopAnswer: "waiting", hub.HopQueue: "waiting", hub.HopConsumer: "reading",
	}
	var found []string
	if hop.Count != nil {
		found = append(found, strings.TrimSpace(fmt.Sprint(*hop.Count, " ", unit[hop.Hop])))
	}
	if !hop.Until.IsZero() {
		found = append(found, "until "+text.Clock(hop.Until))
	}
	if hop.Detail != "" {
		found = append(found, hop.Detail)
	}
	return strings.Join(found, ", ")
}
