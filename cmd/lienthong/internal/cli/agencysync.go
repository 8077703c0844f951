package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/lienthong/lienthong/hub"
)

type agencySync struct {
	connection    `embed:""`
	Parent        string `env:"LIENTHONG_PARENT" placeholder:"URL" help:"Address of the hub above."`
	ParentKeyFile string `env:"LIENTHONG_PARENT_KEY_FILE" type:"path" help:"File with a key of the hub above; any key may read its directory."`
	ParentCA      string `type:"existingfile" env:"LIENTHONG_PARENT_CA" help:"PEM file with the certificate authority of the hub above, or of the axis."`
	axisSource    `embed:""`
	State         string `required:"" type:"path" placeholder:"FILE" help:"File that remembers how far the last run came; it is made by the first."`
	Basis         string `help:"The decision that the changes follow; kept with the recorded acts."`
	DryRun        bool   `name:"dry-run" help:"Show what would change, and change nothing."`
}

// check says what is missing of a hub above.
func (c *agencySync) check() error {
	switch {
	case c.Parent == "":
		return hub.Invalid("parent", "required", "whom to follow? a hub above (--parent), or the axis (--axis)")
	case c.ParentKeyFile == "":
		return hub.Invalid("parent-key-file", "required", "name a file with a key of the hub above")
	}
	return nil
}

// syncState is what a run leaves for the next: of a hub above the place in its changes, of
// an axis, which has no such place, each unit as it was.
type syncState struct {
	Parent   string               `json:"parent"` // address
	Position string               `json:"position,omitempty"`
	Units    map[string]unitState `json:"units,omitempty"` // by id
}

// Run takes over what changed. The state is written when the changes are in: a run that
// broke off is made again from where the last whole one ended, which changes nothing twice.
func (c *agencySync) Run(ctx context.Context, e *env) error {
	if c.Axis != "" {
		return c.fromAxis(ctx, e)
	}
	if err := c.check(); err != nil {
		return err
	}
	state, err := c.last(c.Parent)
	if err != nil {
		return err
	}
	changes, err := c.changes(ctx, e, state.Position)
	if err != nil {
		return err
	}
	var list bytes.Buffer
	for i := range changes.Items {
		changes.Items[i].Version = 0
	}
	if err := json.NewEncoder(&list).Encode(map[string][]hub.Agency{"agencies": changes.Items}); err != nil {
		return err
	}
	here, err := c.client(e)
	if err != nil {
		return err
	}
	result, err := here.ImportList(ctx, &list, hub.ImportOptions{Format: hub.ListJSON, Follow: true, Basis: c.Basis, DryRun: c.DryRun})
	if err != nil {
		return err
	}
	if !c.DryRun {
		if err := c.remember(syncState{Parent: c.Parent, Position: changes.Position}); err != nil {
			return err
		}
	}
	return e.print(result, func(w io.Writer) { writeImported(w, result, c.DryRun) })
}

func (c *agencySync) changes(ctx context.Context, e *env, since string) (hub.AgencyChanges, error) {
	parent := connection{URL: c.Parent, KeyFile: c.ParentKeyFile, CA: c.ParentCA}
	above, err := parent.client(e)
	if err != nil {
		return hub.AgencyChanges{}, err
	}
	defer above.CloseIdle()
	changes, err := above.AgencyChanges(ctx, since)
	if changes.Items == nil {
		changes.Items = []hub.Agency{}
	}
	return changes, err
}

// last reads where the last run ended; of whom else everything is asked for.
func (c *agencySync) last(from string) (syncState, error) {
	var state syncState
	raw, err := os.ReadFile(c.State)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return state, nil
	case err != nil:
		return state, hub.Invalid("state", "file", "%v", err)
	}
	if err := json.Unmarshal(raw, &state); err != nil {
		return state, hub.Invalid("state", "json", "%s is not what a run of this command left: %v", c.State, err)
	}
	if state.Parent != from {
		return syncState{}, nil
	}
	return state, nil
}

// remember replaces the state whole, so that a crash leaves the one or the other.
func (c *agencySync) remember(state syncState) error {
	raw, err := json.Marshal(state)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(c.State), ".sync-*")
	if err != nil {
		return hub.Invalid("state", "file", "%v", err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(append(raw, '\n'))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("writing %s: %w", c.State, err)
	}
	return os.Rename(f.Name(), c.State)
}
