package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/lienthong/lienthong/adapters/postal"
	"github.com/lienthong/lienthong/hub"
)

type postOperator struct {
	Listen    string        `default:"127.0.0.1:8471" help:"Address to listen on. Port 0 takes a free one, which is printed."`
	TokenFile string        `required:"" type:"path" placeholder:"FILE" help:"File with the token that the hub must know."`
	Step      time.Duration `default:"2s" help:"Time between two things that happen to an order: collected, accepted, and how it ends."`
	Ends      string        `enum:"delivered,returned,failed" default:"delivered" help:"How orders end: delivered, returned or failed."`
	Misbehave []string      `help:"How it misbehaves: lost (answers to orders), hold (them back), duplicate, out_of_order, date (that cannot be), code (that stands for nothing), slow, error, naive (the same order twice is two), refuse, garbage; several with commas."`
}

// Run plays the operator until it is stopped. GET /orders lists what it has.
func (c *postOperator) Run(ctx context.Context, e *env) error {
	token, err := os.ReadFile(c.TokenFile)
	if err != nil {
		return hub.Invalid("token-file", "file", "%v", err)
	}
	office := &postal.Office{Token: strings.TrimSpace(string(token)), Now: time.Now, Step: c.Step, Ends: hub.PostalAct(c.Ends)}
	faults := named[postal.Fault](c.Misbehave)
	for _, fault := range faults {
		if !slices.Contains(postal.Faults(), fault) {
			return hub.Unlisted("misbehave", fault, postal.Faults())
		}
	}
	office.Misbehave(faults...)
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return hub.Invalid("listen", "address", "%v", err)
	}
	server := &http.Server{Handler: office, ReadHeaderTimeout: 10 * time.Second}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	fmt.Fprintf(e.Stdout, "http://%s/serviceApi/v1\n", listener.Addr())
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return hub.Internal("serve", err)
	}
	return nil
}
