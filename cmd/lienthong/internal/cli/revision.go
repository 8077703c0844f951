package cli

import (
	"context"
	"errors"
	"io"
	"os"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/signing/pdfsig"
)

// extract writes the revision that was asked for: what one signature covers, whatever
// came behind it.
func (c *verifyCommand) extract(ctx context.Context) error {
	switch {
	case c.Revision == 0 && c.Out == "":
		return nil
	case c.Revision < 1 || c.Out == "" || len(c.Files) != 1:
		return hub.Invalid("revision", "usage", "--revision needs a number from 1 on, one file and --out")
	}
	f, err := os.Open(c.Files[0])
	if err != nil {
		return hub.Invalid("file", "file", "%v", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return hub.Internal("look at "+c.Files[0], err)
	}
	revision, err := pdfsig.Revision(ctx, f, info.Size(), c.Revision)
	switch {
	case errors.Is(err, pdfsig.ErrNoRevision):
		return hub.Errorf(hub.KindNotFound, "revision", "signed", "no signature of %s covers revision %d", c.Files[0], c.Revision)
	case err != nil:
		return hub.Invalid("file", "pdf", "%s cannot be read strictly: %v", c.Files[0], err)
	}
	_, err = writeNew(c.Out, func(w io.Writer) error {
		_, err := io.Copy(w, revision)
		return err
	})
	return err
}
