package cli

import (
	"context"
	"io"
	"path/filepath"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/hub"
)

type dossierAttach struct {
	connection `embed:""`
	ownAgency  `embed:""`
	Dossier    string `arg:"" help:"Number or id."`
	File       string `arg:"" type:"path" help:"The file, as it was handed in."`
	Kind       string `help:"filed (by the owner), result, letter or other; filed when left out."`
	At         string `help:"When it was handed in: a minute in Viet Nam such as 2026-03-02T09:30, or RFC 3339; now when left out."`
	ID         string `name:"id" help:"A key of your own: the same again changes nothing."`
}

// Run adds a file to a dossier.
func (c *dossierAttach) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	file, err := hubclient.FileAt(c.File)
	if err != nil {
		return err
	}
	file.Part.MediaType = mediaType(c.File)
	id, err := dossierID(ctx, client, c.Dossier)
	if err != nil {
		return err
	}
	order := hub.DossierOrder{At: hub.DossierMoment(c.At), Key: c.ID}
	view, err := client.AttachToDossier(ctx, id, c.Agency, hub.DossierPaperKind(c.Kind), order, file, progress(e.Stderr, file.Part.Name))
	if err != nil {
		return err
	}
	return e.print(view, func(w io.Writer) { printDossier(w, &view) })
}

// dossierID is the id of a dossier that a number or an id names.
func dossierID(ctx context.Context, client *hubclient.Client, name string) (hub.DossierID, error) {
	if _, err := hub.ParseDossierNumber(name); err != nil {
		return hub.DossierID(name), nil //nolint:nilerr // what is no number is an id
	}
	view, err := client.Dossier(ctx, name)
	return view.ID, err
}

type dossierFile struct {
	connection `embed:""`
	Dossier    string `arg:"" help:"Number or id."`
	Event      int64  `arg:"" help:"Number of the event that brought the file."`
	Out        string `required:"" type:"path" placeholder:"FILE" help:"New file for its content."`
}

// Run downloads a file of a dossier and checks its digest.
func (c *dossierFile) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	if err := isNew("out", c.Out); err != nil {
		return err
	}
	view, err := client.Dossier(ctx, c.Dossier)
	if err != nil {
		return err
	}
	event := (&hub.DossierFile{Events: view.Events}).Event(c.Event)
	if event == nil {
		event = &hub.DossierEvent{Seq: c.Event}
	}
	err = writeFile(c.Out, func(w io.Writer) error {
		_, err := client.DossierFile(ctx, view.ID, event, w, progress(e.Stderr, filepath.Base(c.Out)))
		return err
	})
	if err != nil {
		return err
	}
	return e.wrote(c.Out)
}
