package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/bench"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/engine"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/floor"
	"github.com/lienthong/lienthong/hub"
)

type benchCommand struct {
	Scenario []string      `default:"mix" enum:"mix,fixed,peak,edxml,fanout,hold,kills,singles,all" help:"What to send: mix (sizes of 2 KB to 10 MB), fixed (one size), peak (one size, nobody collects), edxml, fanout (1 to 500 recipients), hold (a fixed rate), kills (one size, the hub killed again and again), singles (100 MB and 1 GB), all, or several with commas."`
	Count    int           `help:"Documents of a round; without it a round takes a time."`
	For      time.Duration `help:"Length of a round; 8s when left out, 1m for hold and kills."`
	Rounds   int           `help:"Rounds of the hub and, in turns, of the floor; 3 when left out."`
	Rate     float64       `help:"Documents in a second; without it as many as go through, for hold 300."`
	HoldRate float64       `help:"The same for hold alone."`
	HoldFor  time.Duration `help:"Length of hold and kills, where other scenarios run too."`
	Clients  int           `help:"Senders at once; 16 when left out, 64 for hold."`
	Size     int           `help:"Bytes of a signed PDF, where the scenario has one size; 200000 when left out."`
	FanOut   int           `name:"fan-out" help:"Recipients of each document."`

	Singles    int  `help:"Large documents at once; 8 when left out."`
	SingleSize int  `help:"Bytes of a large document; 1000000000 when left out."`
	NoFloor    bool `help:"Measure the hub alone, without the floor beside it."`

	Blank string `type:"existingfile" help:"A lienthong built with -tags mutants: it runs in turns without evidence, and what evidence costs is reported. Embedded mode only."`

	Mode            string `default:"embedded" enum:"embedded,production" help:"embedded, or production with --database, --broker and --objects."`
	engine.Settings `embed:""`

	URL     string `name:"url" help:"Measure a hub that runs already, with a key of its operator in --key-file."`
	KeyFile string `type:"path" help:"Key of the operator of --url."`

	Save  string   `type:"path" help:"Add the result to this file (JSON), too."`
	Dir   string   `type:"path" help:"Folder to work in; the system's temporary one when left out."`
	Table string   `type:"existingfile" help:"Measure nothing: write the table of this result into the files of --into."`
	Into  []string `type:"existingfile" help:"Files with the marks of the table."`
}

// Help says what is measured.
func (benchCommand) Help() string {
	return "Starts a hub as a child process on fresh data, sends signed PDFs over HTTP, collects and acknowledges them meanwhile, " +
		"and reports rates, latencies, and the hub's own processor time and memory. In turns with the hub it measures the floor: " +
		"a program that does only what no hub can leave out. cmd/lienthong/bench/README.md explains every figure."
}

// Run measures.
func (c *benchCommand) Run(ctx context.Context, e *env) error {
	if c.Table != "" {
		return writeTables(c.Table, c.Into)
	}
	o, err := c.options(e)
	if err != nil {
		return err
	}
	result, err := bench.Run(ctx, o)
	if err != nil {
		return err
	}
	return e.print(result, func(w io.Writer) { result.Table(w) })
}

func (c *benchCommand) options(e *env) (bench.Options, error) {
	o := bench.Options{
		Mode: c.Mode, Scenario: c.Scenario, Count: c.Count, For: c.For, Rounds: c.Rounds, Rate: c.Rate, Clients: c.Clients,
		HoldRate: c.HoldRate, HoldFor: c.HoldFor,
		Size: c.Size, FanOut: c.FanOut, Singles: c.Singles, SingleSize: c.SingleSize, NoFloor: c.NoFloor, Blank: c.Blank,
		URL: c.URL, Version: e.Version, Save: c.Save, Out: e.Stderr, Dir: c.Dir,
	}
	if violations := c.check(); len(violations) > 0 {
		return o, violations
	}
	var err error
	if o.Bin, err = os.Executable(); err != nil {
		return o, hub.Internal("find the program", err)
	}
	if c.KeyFile != "" {
		key, err := readLimited(c.KeyFile, 4096)
		if err != nil {
			return o, hub.Invalid("key-file", "file", "%v", err)
		}
		o.OperatorKey = strings.TrimSpace(string(key))
	}
	chosen := map[string]string{}
	addEffective(chosen, reflect.ValueOf(c.Settings))
	for name, value := range chosen {
		if value != "" {
			o.Settings = append(o.Settings, "--"+name+"="+value)
		}
	}
	slices.Sort(o.Settings)
	return o, nil
}

func (c *benchCommand) check() hub.Violations {
	var found hub.Violations
	shared := c.Database != "" && c.Broker != "" && c.Objects != ""
	if (c.Mode == bench.ModeProduction) != shared && c.URL == "" {
		found = append(found, hub.Invalid("mode", "engines", "production goes with --database, --broker and --objects, embedded with none of them"))
	}
	if (c.URL == "") != (c.KeyFile == "") {
		found = append(found, hub.Invalid("url", "pair", "--url and --key-file go together"))
	}
	if c.Count < 0 || c.For < 0 || c.Rounds < 0 || c.Rate < 0 || c.Clients < 0 || c.Size < 0 || c.Singles < 0 || c.SingleSize < 0 {
		found = append(found, hub.Invalid("count", "minimum", "what is counted or timed is not negative"))
	}
	if c.Blank != "" && (c.Mode != bench.ModeEmbedded || c.URL != "") {
		found = append(found, hub.Invalid("blank", "mode", "the cost of evidence is measured in embedded mode, on a hub that is started here"))
	}
	if c.FanOut < 0 || c.FanOut > 999 {
		found = append(found, hub.Invalid("fan-out", "range", "a document goes to 1 to 999 recipients"))
	}
	return append(found, c.Settings.Check()...)
}

func writeTables(result string, files []string) error {
	r, err := bench.Load(result)
	if err != nil {
		return hub.Invalid("table", "file", "%v", err)
	}
	for _, file := range files {
		if err := bench.WriteTable(r, file); err != nil {
			return hub.Invalid("into", "file", "%v", err)
		}
	}
	return nil
}

// benchFloorCommand is the other side of a measurement. It is no hub.
type benchFloorCommand struct {
	DataDir         string `name:"data-dir" required:"" help:"Folder of database and originals."`
	Listen          string `default:"127.0.0.1:0" help:"Address to listen on."`
	Anchors         string `help:"Certificates (PEM) that signatures must lead to."`
	engine.Settings `embed:""`
}

// Run serves until the context ends.
func (c *benchFloorCommand) Run(ctx context.Context, e *env) error {
	f, err := floor.Open(ctx, floor.Options{DataDir: c.DataDir, Listen: c.Listen, Anchors: c.Anchors, Settings: c.Settings})
	if err != nil {
		return hub.Internal("start the floor", err)
	}
	fmt.Fprintf(e.Stdout, "lienthong: ready url=%s\n", f.URL())
	return errors.Join(f.Run(ctx), f.Close())
}
