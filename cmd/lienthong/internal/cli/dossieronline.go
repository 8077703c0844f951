package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/text"
	"github.com/lienthong/lienthong/hub"
)

type dossierOnline struct {
	connection `embed:""`
	ownAgency  `embed:""`
	Procedure  []string `help:"Code of a procedure that the agency takes on the portal; repeat for several. Those given are all that there are; without any, those in force are shown."`
	Off        bool     `help:"Take nothing on the portal any more."`
}

// Run shows or sets what an agency takes on the portal.
func (c *dossierOnline) Run(ctx context.Context, e *env) error {
	if c.Off && len(c.Procedure) > 0 {
		return hub.Invalid("off", "exclusive", "--off goes without --procedure")
	}
	client, err := c.client(e)
	if err != nil {
		return err
	}
	var on hub.DossierOnline
	if c.Off || len(c.Procedure) > 0 {
		on, err = client.SetDossiersOnline(ctx, c.Agency, c.Procedure)
	} else {
		on, err = client.DossiersOnline(ctx, c.Agency)
	}
	if err != nil {
		return err
	}
	return e.print(on, func(w io.Writer) {
		for _, code := range on.Procedures {
			fmt.Fprintln(w, text.Printable(code))
		}
		if len(on.Procedures) == 0 {
			e.note("the agency takes nothing on the portal")
		}
	})
}
