package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/text"
	"github.com/lienthong/lienthong/hub"
)

// holder is somebody with a name and secrets of its own that are no API keys: a system of
// the national document axis, or a client of the provincial API.
type holder struct {
	kind    string // "system" or "client"
	command string // that lets it in and shuts it out
	name    string
}

func holderOf(kind, name string) *holder {
	command := "vxp"
	if kind == "client" {
		command = "lgsp"
	}
	return &holder{kind: kind, command: command, name: name}
}

// nameIn is the name of such a holder of a key; "" where it has none.
func (h *holder) nameIn(k *hub.APIKey) string {
	if h.kind == "client" {
		return k.Client
	}
	return k.System
}

// create lets a holder in that is not in yet.
func (h *holder) create(ctx context.Context, client *hubclient.Client, title string, agencies []string) (hubclient.IssuedKey, error) {
	there, err := h.secrets(ctx, client)
	if err != nil {
		return hubclient.IssuedKey{}, err
	}
	if len(there) > 0 {
		return hubclient.IssuedKey{}, hub.Errorf(hub.KindConflict, h.kind, "duplicate",
			"the %s %s is in already; `%s rotate` gives it a new secret, `%s revoke` shuts it out", h.kind, h.name, h.command, h.command)
	}
	return h.issue(ctx, client, title, agencies)
}

func (h *holder) issue(ctx context.Context, client *hubclient.Client, title string, agencies []string) (hubclient.IssuedKey, error) {
	key := hubclient.NewKey{
		Name: title, Agencies: agencies, Kind: hub.ActorSystem, Scopes: []hub.Scope{hub.ScopeSubmit, hub.ScopeCollect, hub.ScopeRead},
	}
	if h.kind == "client" {
		key.Client = h.name
	} else {
		key.System = h.name
	}
	return client.IssueKey(ctx, key)
}

// hand prints a secret, or writes it to its file.
func (h *holder) hand(e *env, issued hubclient.IssuedKey, out *reserved) error {
	return hand(e, issued, out, "secret %s of %s %s created; it is not shown again", issued.Key.ID, h.kind, h.name)
}

// secrets lists the secrets of the holder that are in force and have no end.
func (h *holder) secrets(ctx context.Context, client *hubclient.Client) ([]hub.APIKey, error) {
	keys, err := client.Keys(ctx)
	var found []hub.APIKey
	for i := range keys {
		k := &keys[i]
		if h.nameIn(k) == h.name && k.LiveAt(time.Now()) && k.Revoked.IsZero() {
			found = append(found, *k)
		}
	}
	return found, err
}

// rotate gives the holder a new secret. The old one ends later, so nothing stands still
// meanwhile; should the end fail to be set, both work until it is rotated again.
func (h *holder) rotate(ctx context.Context, e *env, client *hubclient.Client, overlap time.Duration, hand func(hubclient.IssuedKey) error) error {
	present, err := h.secrets(ctx, client)
	if err != nil {
		return err
	}
	if len(present) == 0 {
		return hub.Errorf(hub.KindNotFound, h.kind, "", "no %s %s is in; `%s create` lets it in", h.kind, h.name, h.command)
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
	issued, err := h.issue(ctx, client, last.Name, agencies)
	if err != nil {
		return err
	}
	if err := hand(issued); err != nil {
		return err
	}
	end := time.Now().Add(overlap)
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

// listHolders lists all of a kind with their secrets.
func listHolders(ctx context.Context, e *env, c *connection, h *holder) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	keys, err := client.Keys(ctx)
	if err != nil {
		return err
	}
	found := []hub.APIKey{}
	for i := range keys {
		if h.nameIn(&keys[i]) != "" {
			found = append(found, keys[i])
		}
	}
	return e.print(found, func(w io.Writer) {
		head := map[string]string{"system": "SYSTEM", "client": "CLIENT"}[h.kind]
		t := text.Table{Head: []string{head, "NAME", "AGENCIES", "SECRET", "CREATED", "LAST USED", "STATE"}}
		for i := range found {
			k := &found[i]
			t.Add(h.nameIn(k), k.Name, joined(k.Agencies), k.ID, text.Clock(k.Created), usedOf(k), stateOf(k, time.Now()))
		}
		t.Write(w)
	})
}

// revokeHolder ends the secrets of a holder, or one of them.
func revokeHolder(ctx context.Context, e *env, c *connection, h *holder, id string) error {
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
		if h.nameIn(k) != h.name || !k.LiveAt(time.Now()) || id != "" && k.ID != id {
			continue
		}
		if err := client.RevokeKey(ctx, k.ID); err != nil {
			return err
		}
		ended = append(ended, k.ID)
	}
	if len(ended) == 0 {
		return hub.Errorf(hub.KindNotFound, h.kind, "", "no such secret of a %s %s is in force", h.kind, h.name)
	}
	return e.print(map[string][]string{"revoked": ended}, func(w io.Writer) {
		for _, id := range ended {
			fmt.Fprintln(w, "revoked", id)
		}
	})
}
