package demo

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
	"github.com/lienthong/lienthong/signing"
	"github.com/lienthong/lienthong/signing/trust"
)

// checks counts what was right and names what was not.
type checks struct {
	mu       sync.Mutex
	passed   int
	failed   []string
	receipts int
}

func (c *checks) check(ok bool, format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if ok {
		c.passed++
		return
	}
	c.failed = append(c.failed, fmt.Sprintf(format, args...))
}

func verifierOf(anchors string) (*signing.Verifier, error) {
	pem, err := os.ReadFile(anchors)
	if err != nil {
		return nil, err
	}
	trusted, err := trust.LoadAnchors(pem)
	if err != nil {
		return nil, err
	}
	return signing.NewVerifier(signing.VerifierOptions{Anchors: trusted, Now: time.Now}), nil
}

func (s *show) verifyPDF(ctx context.Context, path string) (hub.SignatureReport, error) {
	verifier, err := verifierOf(s.path("anchors.pem"))
	if err != nil {
		return hub.SignatureReport{}, err
	}
	content, err := openFile(path)
	if err != nil {
		return hub.SignatureReport{}, err
	}
	defer content.Close()
	return verifier.VerifyFile(ctx, filepath.Base(path), content)
}

// prove downloads every receipt of every sender and then forgets the hub: what
// follows reads files only.
func (s *show) prove(ctx context.Context) error {
	for _, code := range []string{province, justice, interior} {
		if err := s.downloadReceipts(ctx, s.parties[code].client); err != nil {
			return err
		}
	}
	counted, err := VerifyReceipts(s.path("receipts"), s.path("anchors.pem"), s.path("documents"), s.check)
	s.receipts = counted
	s.check(counted > 0, "there are receipts to verify")
	return err
}

func (s *show) downloadReceipts(ctx context.Context, client *hubclient.Client) error {
	for item, err := range hubclient.All(func(p hub.Page) (hub.List[hub.SentItem], error) {
		return client.Sent(ctx, hubclient.SentQuery{Page: p})
	}) {
		if err != nil {
			return err
		}
		if err := s.downloadDispatch(ctx, client, &item); err != nil {
			return err
		}
	}
	return nil
}

func (s *show) downloadDispatch(ctx context.Context, client *hubclient.Client, item *hub.SentItem) error {
	folder := s.path("receipts", string(item.Dispatch.ID))
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	n := 0
	for sealed, err := range hubclient.All(func(p hub.Page) (hub.List[hub.SealedEvidence], error) {
		return client.DispatchEvidence(ctx, item.Dispatch.ID, p)
	}) {
		if err != nil {
			return err
		}
		n++
		name := fmt.Sprintf("%03d-%s.receipt.json", n, sealed.Evidence.Event.Name())
		if err := os.WriteFile(filepath.Join(folder, name), hub.MarshalReceipt(sealed), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// VerifyReceipts verifies a folder of receipts, one folder a dispatch, with
// nothing but files: signatures, chains, and the digests against the documents.
// It reports each check and returns how many receipts there were.
func VerifyReceipts(dir, anchors, documents string, check func(ok bool, format string, args ...any)) (int, error) {
	verifier, err := verifierOf(anchors)
	if err != nil {
		return 0, err
	}
	known, err := digestsOf(documents)
	if err != nil {
		return 0, err
	}
	folders, err := os.ReadDir(dir)
	if err != nil {
		return 0, err
	}
	total := 0
	for _, folder := range folders {
		chain, err := verifyFolder(verifier, filepath.Join(dir, folder.Name()), known, check)
		if err != nil {
			return total, err
		}
		total += len(chain)
		err = audit.CheckChain(chain)
		check(err == nil, "the evidence of dispatch %s is one whole chain (%v)", folder.Name(), err)
	}
	return total, nil
}

func verifyFolder(verifier *signing.Verifier, folder string, known map[hub.Digest]bool, check func(bool, string, ...any)) ([]hub.SealedEvidence, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.receipt.json"))
	if err != nil {
		return nil, err
	}
	slices.Sort(files)
	var chain []hub.SealedEvidence
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		sealed, report, err := verifier.VerifyReceipt(raw, time.Now())
		check(err == nil && report.Indication == hub.TotalPassed, "receipt %s verifies (%s %s %v)", filepath.Base(file), report.Indication, report.Sub, err)
		if err != nil {
			continue
		}
		chain = append(chain, sealed)
		if sealed.Evidence.Content == nil {
			continue
		}
		for _, part := range sealed.Evidence.Content.Parts {
			check(known[part.SHA256], "receipt %s names the digest of the real %s", filepath.Base(file), part.Name)
		}
	}
	return chain, nil
}

// digestsOf hashes the documents, and the packages beside them.
func digestsOf(documents string) (map[hub.Digest]bool, error) {
	known := map[hub.Digest]bool{}
	for _, folder := range []string{documents, filepath.Join(filepath.Dir(documents), "edxml")} {
		files, err := filepath.Glob(filepath.Join(folder, "*.*"))
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			f := hubclient.File{Open: func() (io.ReadCloser, error) { return os.Open(file) }}
			if err := f.Measure(); err != nil {
				return nil, err
			}
			known[f.Part.Digest] = true
		}
	}
	return known, nil
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
		return nil, err
	}
	return fileBlob{f, info.Size()}, nil
}
