package cli

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/text"
	"github.com/lienthong/lienthong/hub"
)

type dossierEvents struct {
	connection `embed:""`
	ownAgency  `embed:""`
	After      int64 `help:"The number of the last event that is known."`
	Limit      int   `default:"100" help:"Rows at most."`
}

// Run lists events.
func (c *dossierEvents) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	news, last, err := client.DossierNews(ctx, c.Agency, c.After, c.Limit)
	if err != nil {
		return err
	}
	return e.print(news, func(w io.Writer) {
		if len(news) == 0 {
			fmt.Fprintf(w, "nothing happened behind %d\n", last)
			return
		}
		t := text.Table{Head: []string{"SEQ", "NUMBER", "EVENT", "WHEN", "ACT", "BY", "TEXT"}}
		for i := range news {
			n := &news[i]
			a := &n.Event
			said := strings.TrimSpace(string(a.Finding) + " " + a.Local + " " + a.Text + " " + paperText(a.Paper))
			t.Add(strconv.FormatInt(n.Seq, 10), n.Number, strconv.FormatInt(a.Seq, 10), text.Clock(a.At), string(a.Act), text.Short(text.Printable(a.Name), 40), text.Short(text.Printable(said), 60))
		}
		t.Write(w)
	})
}

type dossierPackages struct {
	connection `embed:""`
	ownAgency  `embed:""`
	Settled    bool `help:"Those that somebody settled in the last 90 days."`
}

// Run lists packages.
func (c *dossierPackages) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	packages, err := client.DossierPackages(ctx, c.Agency, c.Settled)
	if err != nil {
		return err
	}
	return e.print(packages, func(w io.Writer) {
		switch {
		case len(packages) == 0 && c.Settled:
			fmt.Fprintln(w, "no package was settled")
			return
		case len(packages) == 0:
			fmt.Fprintln(w, "every package is in its dossier")
			return
		}
		t := text.Table{Head: []string{"NUMBER", "DISPATCH", "ACCEPTED", "WHY"}}
		for i := range packages {
			p := &packages[i]
			t.Add(p.Number, string(p.Dispatch), text.Clock(p.At), text.Printable(whyOutside(p)))
		}
		t.Write(w)
	})
}

type dossierSettle struct {
	connection `embed:""`
	Dispatch   string `arg:"" help:"Id of the package, as \"dossier packages\" lists it."`
	Reason     string `required:"" help:"What was done instead, or why nothing is to be done."`
}

// Run settles a package.
func (c *dossierSettle) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	taking, err := client.SettleDossierPackage(ctx, hub.DispatchID(c.Dispatch), c.Reason)
	if err != nil {
		return err
	}
	return e.print(taking, func(w io.Writer) {
		fmt.Fprintf(w, "%s of %s: %s\n", taking.Dispatch, taking.Number, text.Printable(whyOutside(&taking)))
	})
}

// whyOutside says why a package is not in its dossier, and how that ended.
func whyOutside(p *hub.DossierTaking) string {
	why := faultsOf(p.Refused)
	if p.Settled != nil {
		why += "; settled " + text.Clock(p.Settled.At) + " by " + p.Settled.By + ": " + p.Settled.Reason
	}
	return why
}

// faultsOf says why a package can't be put into its dossier, or that it will be.
func faultsOf(faults []hub.DossierFault) string {
	if len(faults) == 0 {
		return "waits"
	}
	list := make([]string, len(faults))
	for i, f := range faults {
		list[i] = strings.TrimSpace(f.Field + " [" + f.Rule + "] " + f.Message)
	}
	return strings.Join(list, "; ")
}
