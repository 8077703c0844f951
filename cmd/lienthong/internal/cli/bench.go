package cli

import (
	"context"
	"io"
	"os"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/bench"
	"github.com/lienthong/lienthong/hub"
)

type benchCommand struct {
	Count   int    `default:"3000" help:"Documents to send."`
	Size    int    `default:"204800" help:"Bytes of one signed PDF, about."`
	FanOut  int    `name:"fan-out" default:"1" help:"Recipients of each document."`
	Clients int    `default:"16" help:"Senders at once."`
	Format  string `enum:"rest,edxml" default:"rest" help:"rest or edxml."`
	Large   int    `default:"8" help:"Large documents sent at once afterwards; 0 for none."`
	LargeMB int    `name:"large-mb" default:"100" help:"Megabytes of a large document."`
	Dir     string `type:"path" help:"Folder to work in; the system's temporary one when left out."`
}

// Help says what is measured.
func (benchCommand) Help() string {
	return "Starts a hub as a child process on fresh data, sends signed PDFs over HTTP, collects and acknowledges them, and reports rates, latencies, and the hub's own processor time and memory."
}

// Run measures.
func (c *benchCommand) Run(ctx context.Context, e *env) error {
	bin, err := os.Executable()
	if err != nil {
		return hub.Internal("find the program", err)
	}
	result, err := bench.Run(ctx, bench.Options{
		Bin: bin, Count: c.Count, Size: c.Size, FanOut: c.FanOut, Clients: c.Clients, Format: c.Format,
		Large: c.Large, LargeMB: c.LargeMB, Out: e.Stderr, Dir: c.Dir,
	})
	if err != nil {
		return err
	}
	return e.print(result, func(w io.Writer) { result.Table(w) })
}
