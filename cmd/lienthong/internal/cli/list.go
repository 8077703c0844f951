package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/text"
	"github.com/lienthong/lienthong/hub"
)

type listCommand struct {
	Show   listShow   `cmd:"" help:"List the distribution lists of an agency, or the members of one."`
	Set    listSet    `cmd:"" help:"Keep a list under a name; one of that name is replaced. Send to it with --to 'list:NAME'."`
	Remove listRemove `cmd:"" help:"End a list."`
}

// keeper says whose lists are meant.
type keeper struct {
	connection `embed:""`
	Agency     string `env:"LIENTHONG_AGENCY" help:"Agency that keeps the list (code or id); not needed when the key speaks for one."`
}

type listShow struct {
	keeper `embed:""`
	Name   string `arg:"" optional:"" help:"Name of the list whose members are wanted; without it, all lists."`
}

// Run shows lists.
func (c *listShow) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	all, err := client.Lists(ctx, c.Agency)
	if err != nil {
		return err
	}
	if c.Name == "" {
		return e.print(all, func(w io.Writer) {
			t := text.Table{Head: []string{"NAME", "MEMBERS", "CHANGED", "BY"}}
			for _, l := range all {
				t.Add(l.Name, strconv.Itoa(len(l.Recipients)), localDay(l.ChangedAt), l.ChangedBy)
			}
			t.Write(w)
		})
	}
	i := slices.IndexFunc(all, func(l hub.DistributionList) bool { return l.Name == c.Name })
	if i < 0 {
		return hub.Errorf(hub.KindNotFound, "name", "", "the agency has no list %q", c.Name)
	}
	return e.print(all[i], func(w io.Writer) {
		for _, code := range all[i].Recipients {
			fmt.Fprintln(w, code)
		}
	})
}

type listSet struct {
	keeper     `embed:""`
	Name       string   `arg:"" help:"Name of the list."`
	Recipients []string `arg:"" help:"Codes of the members, all of them."`
}

// Run keeps a list.
func (c *listSet) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	saved, err := client.SaveList(ctx, hubclient.ListWish{Agency: c.Agency, Name: c.Name, Recipients: c.Recipients})
	if err != nil {
		return err
	}
	return e.print(saved, func(w io.Writer) { fmt.Fprintf(w, "%s: %d members\n", saved.Name, len(saved.Recipients)) })
}

type listRemove struct {
	keeper `embed:""`
	Name   string `arg:"" help:"Name of the list."`
}

// Run ends a list.
func (c *listRemove) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	return client.RemoveList(ctx, c.Agency, c.Name)
}
