package cli

import (
	"cmp"
	"context"
	"time"

	"github.com/lienthong/lienthong/adapters/hubclient"
)

type vxpCommand struct {
	Create vxpCreate `cmd:"" help:"Let a system in: its secret is shown this once."`
	List   vxpList   `cmd:"" help:"List systems and their secrets, revoked ones included."`
	Rotate vxpRotate `cmd:"" help:"Give a system a new secret; the present one ends after --overlap."`
	Revoke vxpRevoke `cmd:"" help:"Shut a system out at once."`
}

type vxpCreate struct {
	connection `embed:""`
	Agency     []string `required:"" help:"Agency that the system speaks for (code or id); repeat for several."`
	System     string   `help:"Id of the system, as its software is configured; without it, the first --agency."`
	Name       string   `help:"What the system is; without it, its id."`
	Out        string   `type:"path" help:"Write the secret to this new file (mode 0600) instead of printing it."`
}

// Run lets a system in.
func (c *vxpCreate) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	h := holderOf("system", cmp.Or(c.System, c.Agency[0]))
	out, err := reserve(c.Out)
	if err != nil {
		return err
	}
	defer out.release()
	issued, err := h.create(ctx, client, cmp.Or(c.Name, h.name), c.Agency)
	if err != nil {
		return err
	}
	return h.hand(e, issued, out)
}

type vxpList struct {
	connection `embed:""`
}

// Run lists systems.
func (c *vxpList) Run(ctx context.Context, e *env) error {
	return listHolders(ctx, e, &c.connection, holderOf("system", ""))
}

type vxpRotate struct {
	connection `embed:""`
	System     string        `arg:"" help:"Id of the system."`
	Overlap    time.Duration `default:"168h" help:"How long the present secret still works."`
	Out        string        `type:"path" help:"Write the secret to this new file (mode 0600) instead of printing it."`
}

// Run gives a system a new secret.
func (c *vxpRotate) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	h := holderOf("system", c.System)
	out, err := reserve(c.Out)
	if err != nil {
		return err
	}
	defer out.release()
	return h.rotate(ctx, e, client, c.Overlap, func(issued hubclient.IssuedKey) error { return h.hand(e, issued, out) })
}

type vxpRevoke struct {
	connection `embed:""`
	System     string `arg:"" help:"Id of the system."`
	ID         string `arg:"" optional:"" help:"Revoke only the secret with this id, as vxp list shows it."`
}

// Run ends the secrets of a system.
func (c *vxpRevoke) Run(ctx context.Context, e *env) error {
	return revokeHolder(ctx, e, &c.connection, holderOf("system", c.System), c.ID)
}
