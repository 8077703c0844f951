package cli

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/text"
	"github.com/lienthong/lienthong/hub"
)

type getCommand struct {
	connection `embed:""`
	ownAgency  `embed:""`
	Delivery   string        `arg:"" optional:"" help:"Delivery to collect; the next one that waits when left out."`
	Dir        string        `default:"." type:"path" help:"Folder for the files."`
	Package    bool          `help:"Download the edXML package instead of the single files."`
	Lease      time.Duration `default:"5m" help:"How long nobody else may work on the delivery."`
	Ack        bool          `help:"Acknowledge at once when all digests are right."`
}

// collected is what get leaves behind and prints.
type collected struct {
	Delivery hub.DeliveryID        `json:"delivery"`
	Dispatch hub.DispatchID        `json:"dispatch"`
	Number   string                `json:"number"`
	Subject  string                `json:"subject"`
	Fence    int64                 `json:"fence"`
	Until    time.Time             `json:"leased_until"`
	Files    map[string]string     `json:"files"`
	Digests  map[string]hub.Digest `json:"digests"`
	Receipt  *hub.SealedEvidence   `json:"receipt,omitempty"`
}

// packageName is the file that get --package writes.
const packageName = "package.edxml"

// Run leases, downloads and checks.
func (c *getCommand) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	item, err := c.lease(ctx, client)
	if err != nil {
		return err
	}
	got := collected{
		Delivery: item.Delivery.ID, Dispatch: item.Dispatch.ID, Number: item.Dispatch.Document.Number(),
		Subject: item.Dispatch.Document.Subject, Fence: item.Delivery.Lease.Fence, Until: item.Delivery.Lease.Until,
		Files: map[string]string{}, Digests: map[string]hub.Digest{},
	}
	held := hold(ctx, client, &item, c.Lease)
	err = c.download(ctx, e, client, &item, &got)
	until, lost := held.end()
	if err = cmp.Or(err, lost); err != nil {
		release(ctx, client, &item)
		return err
	}
	got.Until = until
	if c.Ack {
		receipt, err := client.Acknowledge(ctx, got.Delivery, got.Fence, got.Digests)
		if err != nil {
			return err
		}
		got.Receipt = &receipt
	}
	return e.print(got, func(w io.Writer) { got.text(w) })
}

func (c *getCommand) lease(ctx context.Context, client *hubclient.Client) (hub.Item, error) {
	request := hubclient.LeaseRequest{Agency: c.Agency, Max: 1, For: c.Lease}
	if c.Delivery != "" {
		request.Deliveries = []hub.DeliveryID{hub.DeliveryID(c.Delivery)}
	}
	items, err := client.Lease(ctx, request)
	if err != nil {
		return hub.Item{}, err
	}
	if len(items) == 0 {
		return hub.Item{}, hub.Errorf(hub.KindNotFound, "", "", "nothing waits to be collected")
	}
	return items[0], nil
}

func (c *getCommand) download(ctx context.Context, e *env, client *hubclient.Client, item *hub.Item, got *collected) error {
	dir := filepath.Join(c.Dir, string(item.Delivery.ID))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return hub.Invalid("dir", "folder", "%v", err)
	}
	if c.Package {
		return c.downloadPackage(ctx, e, client, item, got, dir)
	}
	for _, part := range item.Dispatch.Parts {
		if part.Role == hub.RoleEnvelope {
			continue
		}
		path := filepath.Join(dir, text.FileName(part.ID, part.Name))
		err := writeFile(path, func(w io.Writer) error {
			digest, err := client.Part(ctx, item.Dispatch.ID, part, w, progress(e.Stderr, part.Name))
			got.Digests[part.ID] = digest
			return err
		})
		if err != nil {
			return err
		}
		got.Files[part.ID] = path
	}
	return nil
}

func (c *getCommand) downloadPackage(ctx context.Context, e *env, client *hubclient.Client, item *hub.Item, got *collected, dir string) error {
	path := filepath.Join(dir, packageName)
	envelope := item.Dispatch.PartByID(string(hub.RoleEnvelope))
	err := writeFile(path, func(w io.Writer) error {
		digest := sha256.New()
		if err := client.Package(ctx, item.Dispatch.ID, io.MultiWriter(w, digest), progress(e.Stderr, packageName)); err != nil {
			return err
		}
		if envelope != nil {
			got.Digests[envelope.ID] = hub.Digest(digest.Sum(nil))
		}
		return nil
	})
	if err != nil {
		return err
	}
	got.Files["package"] = path
	if envelope == nil {
		// The hub made this package itself; what is acknowledged are the parts in it.
		for _, part := range item.Dispatch.Parts {
			if got.Digests[part.ID], err = client.Part(ctx, item.Dispatch.ID, part, io.Discard, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

func (g *collected) text(w io.Writer) {
	fmt.Fprintf(w, "%s  %s\n", g.Number, g.Subject)
	t := text.Table{Head: []string{"FILE", "SHA-256"}}
	for _, id := range slices.Sorted(maps.Keys(g.Files)) {
		t.Add(g.Files[id], g.Digests[id].String())
	}
	t.Write(w)
	if g.Receipt != nil {
		fmt.Fprintf(w, "handed over, receipt %s\n", g.Receipt.Evidence.ID)
		return
	}
	fmt.Fprintf(w, "leased until %s; next: lienthong ack %s --fence %d\n", text.Clock(g.Until), g.Delivery, g.Fence)
}

// writeFile writes a file whole or not at all.
func writeFile(path string, write func(w io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".part-*")
	if err != nil {
		return hub.Invalid("dir", "folder", "%v", err)
	}
	defer os.Remove(f.Name())
	if err := errors.Join(write(f), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return hub.Invalid("dir", "folder", "%v", err)
	}
	return nil
}
