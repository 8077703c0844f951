package demo

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
	"github.com/lienthong/lienthong/signing"
)

// Proof is what the files of a folder prove.
type Proof struct {
	Checks   int
	Failed   []string // empty when everything was right
	Receipts int
	Lines    map[hub.DeliveryID]Line // by delivery
}

// Line is what the receipts about one delivery prove.
type Line struct {
	State    hub.DeliveryState
	Receipts int  // that of the acceptance included
	Whole    bool // every receipt of the dispatch verifies and they form one chain
}

// folder is one run of VerifyFolder.
type folder struct {
	checks
	dir      string
	verifier *signing.Verifier
	manifest manifest
	names    map[hub.Digest]string // of the files that were sent
	proof    Proof
}

// VerifyFolder verifies what a demonstration left, with nothing but its files:
// the signatures of the documents, what was collected against what was sent,
// every receipt, the chain and the number of receipts of every dispatch, and the
// digests in receipts against the documents. What is wrong is in Proof.Failed; an
// error says that the folder cannot be read.
func VerifyFolder(ctx context.Context, dir string) (Proof, error) {
	f := &folder{dir: dir, names: map[hub.Digest]string{}, proof: Proof{Lines: map[hub.DeliveryID]Line{}}}
	if err := f.open(); err != nil {
		return f.proof, err
	}
	for _, step := range []func(context.Context) error{f.checkDocuments, f.checkCollected, f.checkDispatches, f.checkTimestamps, f.checkBundles} {
		if err := step(ctx); err != nil {
			return f.proof, err
		}
	}
	f.proof.Checks, f.proof.Failed = f.passed+len(f.failed), f.failed
	return f.proof, nil
}

func (f *folder) open() error {
	var err error
	if f.verifier, err = verifierOf(filepath.Join(f.dir, "anchors.pem")); err != nil {
		return err
	}
	raw, err := os.ReadFile(filepath.Join(f.dir, "demo.json"))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, &f.manifest); err != nil {
		return fmt.Errorf("demo.json: %w", err)
	}
	return nil
}

// glob lists files in order.
func (f *folder) glob(pattern string) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(f.dir, filepath.FromSlash(pattern)))
	slices.Sort(files)
	return files, err
}

// checkDocuments takes the digests of what was sent and verifies the signatures.
func (f *folder) checkDocuments(ctx context.Context) error {
	documents, err := f.glob("documents/*.pdf")
	if err != nil {
		return err
	}
	packages, err := f.glob("edxml/*.edxml")
	if err != nil {
		return err
	}
	for _, other := range []string{"edxml/sent/*.edxml", "edxml/axis/*.edxml"} {
		more, err := f.glob(other)
		if err != nil {
			return err
		}
		packages = append(packages, more...)
	}
	f.check(len(documents) > 0 && len(packages) > 0, "there are documents and packages")
	for _, file := range slices.Concat(documents, packages) {
		digest, err := digestOf(file)
		if err != nil {
			return err
		}
		f.names[digest] = filepath.Base(file)
	}
	for _, file := range documents {
		content, err := openFile(file)
		if err != nil {
			return err
		}
		report, err := f.verifier.VerifyFile(ctx, file, content)
		content.Close()
		if err != nil {
			return err
		}
		f.check(twicePassed(&report), "%s has two valid signatures (%s %s)", filepath.Base(file), report.Indication, report.Sub)
	}
	return nil
}

// checkCollected compares what recipients collected with what was sent.
func (f *folder) checkCollected(context.Context) error {
	documents, err := f.glob("documents/collected/*/*")
	if err != nil {
		return err
	}
	packages, err := f.glob("edxml/collected/*/*")
	if err != nil {
		return err
	}
	f.check(len(documents) > 0 && len(packages) > 0, "documents and packages were collected")
	for _, file := range slices.Concat(documents, packages) {
		digest, err := digestOf(file)
		if err != nil {
			return err
		}
		agency := filepath.Base(filepath.Dir(file))
		f.check(f.names[digest] == filepath.Base(file), "%s collected %s byte for byte as it was sent", agency, filepath.Base(file))
	}
	return nil
}

// checkDispatches verifies the receipts of every dispatch of the manifest, and
// that there are no others.
func (f *folder) checkDispatches(context.Context) error {
	folders, err := os.ReadDir(filepath.Join(f.dir, "receipts"))
	if err != nil {
		return err
	}
	f.check(len(f.manifest.Dispatches) > 0 && len(folders) == len(f.manifest.Dispatches),
		"there are receipts of the %d dispatches of demo.json and of no other (%d)", len(f.manifest.Dispatches), len(folders))
	for i := range f.manifest.Dispatches {
		if err := f.checkDispatch(&f.manifest.Dispatches[i]); err != nil {
			return err
		}
	}
	return nil
}

func (f *folder) checkDispatch(d *manifestDispatch) error {
	files, err := f.glob("receipts/" + string(d.ID) + "/*.receipt.json")
	if err != nil {
		return err
	}
	before := len(f.failed)
	f.check(len(files) == d.Receipts, "dispatch %s (%s) has its %d receipts (%d)", d.ID, d.Number, d.Receipts, len(files))
	var chain []hub.SealedEvidence
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if sealed, ok := f.checkReceipt(d, filepath.Base(file), raw); ok {
			chain = append(chain, sealed)
		}
	}
	f.proof.Receipts += len(files)
	report, err := audit.InspectChain(chain)
	f.check(err == nil, "the receipts of dispatch %s (%s) form one whole chain (%v)", d.ID, d.Number, err)
	f.check(report.Dispatch == d.ID && len(report.Recipients) == d.Recipients,
		"the acceptance of dispatch %s (%s) names its %d recipients (%d)", d.ID, d.Number, d.Recipients, len(report.Recipients))
	for _, r := range report.Recipients {
		f.proof.Lines[r.Delivery] = Line{State: r.State, Receipts: len(r.Evidence), Whole: len(f.failed) == before}
	}
	return nil
}

// checkReceipt verifies one receipt and the digests that it names.
func (f *folder) checkReceipt(d *manifestDispatch, name string, raw []byte) (hub.SealedEvidence, bool) {
	sealed, report, err := f.verifier.VerifyReceipt(raw, time.Now())
	good := err == nil && report.Indication == hub.TotalPassed
	f.check(good, "receipt %s of %s verifies (%s %s %v)", name, d.Number, report.Indication, report.Sub, err)
	if err != nil {
		return sealed, false
	}
	if sealed.Evidence.Content == nil {
		return sealed, true
	}
	for _, part := range sealed.Evidence.Content.Parts {
		file, known := f.names[part.SHA256]
		f.check(known && (part.Role == hub.RoleEnvelope || file == part.Name), "receipt %s of %s names the digest of the real %s", name, d.Number, part.Name)
	}
	return sealed, true
}

func digestOf(path string) (hub.Digest, error) {
	f, err := os.Open(path)
	if err != nil {
		return hub.Digest{}, err
	}
	defer f.Close()
	h := sha256.New()
	_, err = io.Copy(h, f)
	return hub.Digest(h.Sum(nil)), err
}

// fileBlob is a file as verifier and codec want content.
type fileBlob struct {
	*os.File
	size int64
}

// Size implements hub.Blob.
func (f fileBlob) Size() int64 { return f.size }

func openFile(path string) (hub.Blob, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	return fileBlob{f, info.Size()}, nil
}
