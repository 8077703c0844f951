package cli

import (
	"context"
	"fmt"
	"io"
	"path/filepath"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/hub"
)

type sealCommand struct {
	connection `embed:""`
	ownAgency  `embed:""`
	File       string `arg:"" type:"existingfile" help:"PDF to seal. It is not changed."`
	Out        string `type:"path" placeholder:"FILE" help:"Write the sealed file here; FILE-sealed with the same ending when left out. A file that is there is never replaced."`
	Role       string `enum:"seal,copy" default:"seal" help:"seal: the picture of the seal over the left third of the last signature that shows; copy: SAO Y, agency and time at the top right of page 1."`
}

// Help explains what is not in the flags.
func (sealCommand) Help() string {
	return "The hub signs with the key that its operator has set up for the agency (serve --seals); the API key needs the scope seal. " +
		"Earlier signatures stay valid. Exit code 7: an earlier signature or certification forbids it; 8: the key of the seal is out of reach now, try again."
}

// sealedFile is the result.
type sealedFile struct {
	File   string     `json:"file"`
	Out    string     `json:"out"`
	SHA256 hub.Digest `json:"sha256"`
	Size   int64      `json:"size"`
}

// Run has one file sealed.
func (c *sealCommand) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	file, err := hubclient.FileAt(c.File)
	if err != nil {
		return err
	}
	done := sealedFile{File: c.File, Out: c.Out}
	if done.Out == "" {
		done.Out = besides(c.File, "-sealed")
	}
	done.Size, err = writeNew(done.Out, func(w io.Writer) error {
		done.SHA256, err = client.Seal(ctx, file, c.Agency, hub.SealRole(c.Role), w, progress(e.Stderr, filepath.Base(c.File)))
		return err
	})
	if err != nil {
		return err
	}
	return e.print(done, func(w io.Writer) { fmt.Fprintf(w, "%s: sealed\n", done.Out) })
}
