package cli

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/text"
	"github.com/lienthong/lienthong/hub"
)

type ackCommand struct {
	connection `embed:""`
	Delivery   string   `arg:"" help:"Delivery to acknowledge."`
	Fence      int64    `help:"Fence of the lease, as get printed it."`
	Files      []string `name:"file" help:"Collected file as PART=PATH, such as p1=173.pdf; parts that are not named are looked for in --dir."`
	Dir        string   `default:"." type:"path" help:"Folder that get wrote to."`
	Number     string   `help:"Also register under this incoming number (số đến)."`
	Date       string   `help:"Date of registration, YYYY-MM-DD; today when left out."`
	Unit       string   `help:"Unit or person in charge."`
}

// Run acknowledges by the digests of the files as they lie on the disk.
func (c *ackCommand) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	id := hub.DeliveryID(c.Delivery)
	item, err := client.Delivery(ctx, id)
	if err != nil {
		return err
	}
	var receipts []hub.SealedEvidence
	if item.Delivery.State == hub.StateConsigned || c.Number == "" {
		digests, err := c.digests(&item)
		if err != nil {
			return err
		}
		receipt, err := client.Acknowledge(ctx, id, c.Fence, digests)
		if err != nil {
			return err
		}
		receipts = append(receipts, receipt)
	}
	if c.Number != "" {
		receipt, err := client.Accept(ctx, id, hub.Registration{Number: c.Number, Date: c.date(), Unit: c.Unit})
		if err != nil {
			return err
		}
		receipts = append(receipts, receipt)
	}
	return printReceipts(e, receipts)
}

func (c *ackCommand) date() hub.Date {
	if c.Date != "" {
		return hub.Date(c.Date)
	}
	return hub.Date(time.Now().In(hub.Vietnam()).Format(time.DateOnly))
}

// digests reads the collected files again: what is acknowledged is what is here.
func (c *ackCommand) digests(item *hub.Item) (map[string]hub.Digest, error) {
	paths, err := c.paths(item)
	if err != nil {
		return nil, err
	}
	digests := map[string]hub.Digest{}
	for id, path := range paths {
		if digests[id], err = digestOf(path); err != nil {
			return nil, err
		}
	}
	return digests, nil
}

// paths maps parts to files: those that are named, the package where get left
// one, or every file where get puts it.
func (c *ackCommand) paths(item *hub.Item) (map[string]string, error) {
	dir, paths := filepath.Join(c.Dir, c.Delivery), map[string]string{}
	envelope := item.Dispatch.PartByID(string(hub.RoleEnvelope))
	if pkg := filepath.Join(dir, packageName); envelope != nil && len(c.Files) == 0 && exists(pkg) {
		return map[string]string{envelope.ID: pkg}, nil
	}
	for _, part := range item.Dispatch.Parts {
		if part.Role != hub.RoleEnvelope {
			paths[part.ID] = filepath.Join(dir, text.FileName(part.ID, part.Name))
		}
	}
	for _, f := range c.Files {
		id, path, ok := strings.Cut(f, "=")
		if !ok || item.Dispatch.PartByID(id) == nil {
			return nil, hub.Invalid("file", "part", "%q is not of the form PART=PATH with a part of this document", f)
		}
		paths[id] = path
	}
	return paths, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func digestOf(path string) (hub.Digest, error) {
	f, err := os.Open(path)
	if err != nil {
		return hub.Digest{}, hub.Invalid("file", "file", "%v (collect it first: lienthong get)", err)
	}
	defer f.Close()
	digest := sha256.New()
	if _, err := io.Copy(digest, f); err != nil {
		return hub.Digest{}, hub.Invalid("file", "file", "%v", err)
	}
	return hub.Digest(digest.Sum(nil)), nil
}

func printReceipts(e *env, receipts []hub.SealedEvidence) error {
	return e.print(receipts, func(w io.Writer) {
		for _, r := range receipts {
			fmt.Fprintf(w, "%s recorded, receipt %s\n", r.Evidence.Event.Name(), r.Evidence.ID)
		}
	})
}

type refuseCommand struct {
	connection `embed:""`
	Delivery   string `arg:"" help:"Delivery to refuse."`
	Reason     string `required:"" enum:"wrong_addressee,invalid_signature,incomplete,duplicate_document,invalid_format,other" help:"wrong_addressee, invalid_signature, incomplete, duplicate_document, invalid_format or other."`
	Detail     string `required:"" help:"The reason in words; the sender reads it."`
	Fence      int64  `help:"Fence of your lease, if you hold one."`
}

// Run refuses.
func (c *refuseCommand) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	receipt, err := client.Refuse(ctx, hub.DeliveryID(c.Delivery), c.Fence, hub.Reason{Code: hub.ReasonCode(c.Reason), Detail: c.Detail})
	if err != nil {
		return err
	}
	return printReceipts(e, []hub.SealedEvidence{receipt})
}

type statusCommand struct {
	connection  `embed:""`
	Delivery    string `arg:"" help:"Delivery to report on."`
	Code        string `arg:"" enum:"01,02,03,04,05,06,15,16" help:"01 arrived, 02 refused, 03 accepted, 04 assigned, 05 in progress, 06 completed; 15 agrees to a recall or update, 16 refuses it."`
	Description string `short:"d" help:"What the sender should know; required for 02 and 16."`
	Staff       string `help:"Name of the person in charge."`
	Department  string `help:"Unit in charge, as 04 assigns it. Say in the description, too, who is in charge: the receipt holds that and no names."`
}

// Run reports.
func (c *statusCommand) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	status := hubclient.Status{Code: hub.StatusCode(c.Code), Description: c.Description}
	if c.Staff != "" || c.Department != "" {
		status.Staff = &hub.Staff{Name: c.Staff, Department: c.Department}
	}
	receipt, err := client.ReportStatus(ctx, hub.DeliveryID(c.Delivery), status)
	if err != nil {
		return err
	}
	return printReceipts(e, []hub.SealedEvidence{receipt})
}
