package cli

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/hub"
)

type lgspCommand struct {
	Create lgspCreate `cmd:"" help:"Let an application in: its secrets are shown this once."`
	List   lgspList   `cmd:"" help:"List applications and their secrets, revoked ones included."`
	Rotate lgspRotate `cmd:"" help:"Give an application new secrets; the present ones end after --overlap."`
	Revoke lgspRevoke `cmd:"" help:"Shut an application out at once, with the tokens that it has."`
}

type lgspCreate struct {
	connection `embed:""`
	Agency     []string `required:"" help:"Agency that the application speaks for (code or id); repeat for several: each gets a unit secret of its own."`
	Client     string   `help:"Consumer key of the application; without it, the first --agency."`
	Name       string   `help:"What the application is; without it, its consumer key."`
	Out        string   `type:"path" help:"Write the secrets to this new file (JSON, mode 0600) instead of printing them."`
}

// Run lets an application in.
func (c *lgspCreate) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	h := holderOf("client", cmp.Or(c.Client, c.Agency[0]))
	out, err := reserve(c.Out)
	if err != nil {
		return err
	}
	defer out.release()
	issued, err := h.create(ctx, client, cmp.Or(c.Name, h.name), c.Agency)
	if err != nil {
		return err
	}
	return handClient(e, &issued, out)
}

// credentials are what an application is configured with.
type credentials struct {
	ID             string       `json:"id"` // of the secret, for list and revoke
	ConsumerKey    string       `json:"consumer_key"`
	ConsumerSecret string       `json:"consumer_secret"`
	Units          []unitSecret `json:"units"`
}

type unitSecret struct {
	Agency     hub.AgencyID `json:"agency"`
	UnitSecret string       `json:"unit_secret"`
}

// handClient prints what an application is configured with, or writes it to its file.
func handClient(e *env, issued *hubclient.IssuedKey, out *reserved) error {
	given := credentials{ID: issued.Key.ID, ConsumerKey: issued.Key.Client, ConsumerSecret: issued.Secret}
	secret := hub.APIKey{Hash: sha256.Sum256([]byte(issued.Secret))}
	for _, id := range issued.Key.Agencies {
		given.Units = append(given.Units, unitSecret{id, secret.UnitSecret(id)})
	}
	e.note("secret %s of client %s created; it is not shown again", given.ID, given.ConsumerKey)
	if out.wanted() {
		return out.keep(given.ID, func(w io.Writer) error { return writeCredentials(w, given) })
	}
	return e.print(given, func(w io.Writer) {
		fmt.Fprintf(w, "consumer key     %s\nconsumer secret  %s\n", given.ConsumerKey, given.ConsumerSecret)
		for _, u := range given.Units {
			fmt.Fprintf(w, "unit secret      %s  %s\n", u.UnitSecret, u.Agency)
		}
	})
}

func writeCredentials(w io.Writer, given credentials) error {
	j := json.NewEncoder(w)
	j.SetIndent("", "  ")
	return j.Encode(given)
}

type lgspList struct {
	connection `embed:""`
}

// Run lists applications.
func (c *lgspList) Run(ctx context.Context, e *env) error {
	return listHolders(ctx, e, &c.connection, holderOf("client", ""))
}

type lgspRotate struct {
	connection `embed:""`
	Client     string        `arg:"" help:"Consumer key of the application."`
	Overlap    time.Duration `default:"168h" help:"How long the present secrets still work."`
	Out        string        `type:"path" help:"Write the secrets to this new file (JSON, mode 0600) instead of printing them."`
}

// Run gives an application new secrets.
func (c *lgspRotate) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	out, err := reserve(c.Out)
	if err != nil {
		return err
	}
	defer out.release()
	return holderOf("client", c.Client).rotate(ctx, e, client, c.Overlap, func(issued hubclient.IssuedKey) error {
		return handClient(e, &issued, out)
	})
}

type lgspRevoke struct {
	connection `embed:""`
	Client     string `arg:"" help:"Consumer key of the application."`
	ID         string `arg:"" optional:"" help:"Revoke only the secret with this id, as lgsp list shows it."`
}

// Run ends the secrets of an application.
func (c *lgspRevoke) Run(ctx context.Context, e *env) error {
	return revokeHolder(ctx, e, &c.connection, holderOf("client", c.Client), c.ID)
}
