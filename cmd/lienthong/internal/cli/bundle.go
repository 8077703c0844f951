package cli

import (
	"context"
	"io"
	"path/filepath"

	"github.com/lienthong/lienthong/hub"
)

type bundleCommand struct {
	connection `embed:""`
	Dispatch   string `arg:"" help:"Dispatch whose evidence to download."`
	Delivery   string `help:"The delivery to one recipient (see sent --json); may be left out where the dispatch has one that you see."`
	Content    bool   `help:"With the files of the document itself."`
	XML        bool   `name:"xml" help:"With the XML form of each receipt, for systems that read XML only."`
	Out        string `required:"" type:"path" placeholder:"FILE" help:"New file for the bundle, such as evidence.asice."`
}

// Help says what to do with a bundle.
func (bundleCommand) Help() string {
	return "An evidence bundle proves years later, and without the hub, what happened to a document on its way to one recipient: " +
		"every receipt, its place in the log, time-stamps, certificates and, with --content, the document itself, in one sealed file. " +
		"Verify it with lienthong verify FILE --anchors ROOTS --policy LOG-KEYS."
}

// Run downloads the bundle.
func (c *bundleCommand) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	if err := isNew("out", c.Out); err != nil {
		return err
	}
	order := hub.BundleOrder{Dispatch: hub.DispatchID(c.Dispatch), Delivery: hub.DeliveryID(c.Delivery), Content: c.Content, XML: c.XML}
	err = writeFile(c.Out, func(w io.Writer) error {
		return client.Bundle(ctx, order, w, progress(e.Stderr, filepath.Base(c.Out)))
	})
	if err != nil {
		return err
	}
	return e.wrote(c.Out)
}
