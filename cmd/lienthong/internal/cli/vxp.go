package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"time"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/text"
	"github.com/lienthong/lienthong/hub"
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
	Out        string   `type:"path" help:"Write the secret to this file (mode 0600) instead of printing it."`
}

// Run lets a system in.
func (c *vxpCreate) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	system := cmp.Or(c.System, c.Agency[0])
	there, err := secretsOf(ctx, client, system)
	if err != nil {
		return err
	}
	if len(there) > 0 {
		return hub.Errorf(hub.KindConflict, "system", "duplicate", "the system %s is in already; `vxp rotate` gives it a new secret, `vxp revoke` shuts it out", system)
	}
	return issueSystem(ctx, e, client, hubclient.NewKey{Name: cmp.Or(c.Name, system), System: system, Agencies: c.Agency}, c.Out)
}

func issueSystem(ctx context.Context, e *env, client *hubclient.Client, key hubclient.NewKey, out string) error {
	key.Kind, key.Scopes = hub.ActorSystem, []hub.Scope{hub.ScopeSubmit, hub.ScopeCollect, hub.ScopeRead}
	issued, err := client.IssueKey(ctx, key)
	if err != nil {
		return err
	}
	if out != "" {
		if err := writeFile(out, func(w io.Writer) error {
			_, err := fmt.Fprintln(w, issued.Secret)
			return err
		}); err != nil {
			return err
		}
		issued.Secret = ""
	}
	return e.print(issued, func(w io.Writer) {
		if issued.Secret != "" {
			fmt.Fprintln(w, issued.Secret)
		}
		e.note("secret %s of system %s created; it is not shown again", issued.Key.ID, issued.Key.System)
	})
}

// secretsOf lists the secrets of a system that are in force and have no end.
func secretsOf(ctx context.Context, client *hubclient.Client, system string) ([]hub.APIKey, error) {
	keys, err := client.Keys(ctx)
	var found []hub.APIKey
	for _, k := range keys {
		if k.System == system && k.LiveAt(time.Now()) && k.Revoked.IsZero() {
			found = append(found, k)
		}
	}
	return found, err
}

type vxpList struct {
	connection `embed:""`
}

// Run lists systems.
func (c *vxpList) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	keys, err := client.Keys(ctx)
	if err != nil {
		return err
	}
	systems := []hub.APIKey{}
	for _, k := range keys {
		if k.System != "" {
			systems = append(systems, k)
		}
	}
	return e.print(systems, func(w io.Writer) {
		t := text.Table{Head: []string{"SYSTEM", "NAME", "AGENCIES", "SECRET", "CREATED", "STATE"}}
		for i := range systems {
			k := &systems[i]
			t.Add(k.System, k.Name, joined(k.Agencies), k.ID, text.Clock(k.Created), stateOf(k, time.Now()))
		}
		t.Write(w)
	})
}

type vxpRotate struct {
	connection `embed:""`
	System     string        `arg:"" help:"Id of the system."`
	Overlap    time.Duration `default:"168h" help:"How long the present secret still works."`
	Out        string        `type:"path" help:"Write the secret to this file (mode 0600) instead of printing it."`
}

// Run gives a system a new secret. The old one ends later, so nothing stands still
// meanwhile; should the end fail to be set, both work until it is rotated again.
func (c *vxpRotate) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	present, err := secretsOf(ctx, client, c.System)
	if err != nil {
		return err
	}
	if len(present) == 0 {
		return hub.Errorf(hub.KindNotFound, "system", "", "no system %s is in; `vxp create` lets it in", c.System)
	}
	last := present[0]
	for _, k := range present {
		if k.Created.After(last.Created) {
			last = k
		}
	}
	agencies := make([]string, len(last.Agencies))
	for i, id := range last.Agencies {
		agencies[i] = string(id)
	}
	if err := issueSystem(ctx, e, client, hubclient.NewKey{Name: last.Name, System: c.System, Agencies: agencies}, c.Out); err != nil {
		return err
	}
	end := time.Now().Add(c.Overlap)
	for _, k := range present {
		if err := endSecret(ctx, client, k.ID, end); err != nil {
			return err
		}
	}
	e.note("the present secret works until %s", text.Clock(end))
	return nil
}

// endSecret has a secret end at an instant, now where that has passed.
func endSecret(ctx context.Context, client *hubclient.Client, id string, end time.Time) error {
	if time.Until(end) < time.Second {
		return client.RevokeKey(ctx, id)
	}
	return client.EndKey(ctx, id, end)
}

type vxpRevoke struct {
	connection `embed:""`
	System     string `arg:"" help:"Id of the system."`
	ID         string `arg:"" optional:"" help:"Revoke only the secret with this id, as vxp list shows it."`
}

// Run ends the secrets of a system.
func (c *vxpRevoke) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	keys, err := client.Keys(ctx)
	if err != nil {
		return err
	}
	ended := []string{}
	for i := range keys {
		k := &keys[i]
		if k.System != c.System || !k.LiveAt(time.Now()) || c.ID != "" && k.ID != c.ID {
			continue
		}
		if err := client.RevokeKey(ctx, k.ID); err != nil {
			return err
		}
		ended = append(ended, k.ID)
	}
	if len(ended) == 0 {
		return hub.Errorf(hub.KindNotFound, "system", "", "no such secret of a system %s is in force", c.System)
	}
	return e.print(map[string][]string{"revoked": ended}, func(w io.Writer) {
		for _, id := range ended {
			fmt.Fprintln(w, "revoked", id)
		}
	})
}
