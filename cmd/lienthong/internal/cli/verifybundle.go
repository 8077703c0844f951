package cli

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/examine"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/text"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
	"github.com/lienthong/lienthong/hub/audit/bundle"
)

// bundleFlags are what evidence bundles are verified by, besides anchors and policy.
type bundleFlags struct {
	Content      string        `type:"existingdir" placeholder:"DIR" help:"Folder with the files of the document: an evidence bundle must be about these."`
	Checkpoints  string        `type:"existingdir" placeholder:"DIR" help:"Folder with checkpoints and proofs of the log that you kept: an evidence bundle must not contradict them."`
	HandoverEnds bool          `name:"handover-ends" help:"The recipient registers nothing, by agreement: of an evidence bundle, the hand-over is the end."`
	Gap          time.Duration `default:"24h" help:"How much later than its event the time-stamp over a receipt in an evidence bundle may be."`
}

// maxOriginals bounds the files that a bundle is compared with.
const maxOriginals = 10_000

// auditor is what the flags say.
func (f *bundleFlags) auditor(ctx context.Context, policy *audit.Policy) (*examine.Auditor, error) {
	if f.Gap <= 0 {
		return nil, hub.Invalid("gap", "minimum", "it is longer than zero")
	}
	a := &examine.Auditor{Policy: policy, Gap: f.Gap, HandoverEnds: f.HandoverEnds}
	var err error
	if f.Checkpoints != "" {
		if a.Kept, err = keptCheckpoints(f.Checkpoints); err != nil {
			return nil, err
		}
	}
	if f.Content != "" {
		a.Originals, err = originals(ctx, f.Content)
	}
	return a, err
}

// originals lists the files in a folder and below it, with their digests.
func originals(ctx context.Context, dir string) ([]bundle.Original, error) {
	list := []bundle.Original{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if len(list) == maxOriginals {
			return fmt.Errorf("more than %d files", maxOriginals)
		}
		digest, err := fileDigest(path)
		list = append(list, bundle.Original{Name: entry.Name(), SHA256: digest, Open: func() (io.ReadCloser, error) { return os.Open(path) }})
		return err
	})
	if err != nil {
		return nil, hub.Invalid("content", "folder", "%s: %v", dir, err)
	}
	return list, nil
}

func fileDigest(path string) (hub.Digest, error) {
	f, err := os.Open(path)
	if err != nil {
		return hub.Digest{}, err
	}
	defer f.Close()
	sum := sha256.New()
	_, err = io.Copy(sum, f)
	return hub.Digest(sum.Sum(nil)), err
}

// printBundle names each step and how it ended.
func printBundle(w io.Writer, r *hub.BundleReport) {
	if r.Dispatch != "" {
		fmt.Fprintf(w, "  dispatch %s, %d receipts\n", r.Dispatch, len(r.Receipts))
	}
	if r.Recipient != nil && r.Sender != nil {
		fmt.Fprintf(w, "  from %s to %s: %s\n", text.Printable(r.Sender.Name), text.Printable(r.Recipient.Name), r.State)
	}
	for _, s := range r.Steps {
		line := string(s.Outcome)
		if s.Sub != "" {
			line += " (" + string(s.Sub) + ")"
		}
		if s.Detail != "" {
			line += ": " + s.Detail
		}
		fmt.Fprintf(w, "  %2d %-24s %s\n", s.Number, s.Name, text.Printable(line))
		for _, finding := range s.Findings {
			fmt.Fprintf(w, "     ! %s\n", text.Printable(finding))
		}
	}
}
