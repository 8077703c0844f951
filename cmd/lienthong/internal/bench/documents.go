package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lienthong/lienthong/adapters/edxml"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/sample"
	"github.com/lienthong/lienthong/hub"
)

// makeDocuments writes the signed documents, or packages with one in each, to
// files, and the anchors that their signatures lead to. Nothing is made while
// the clock of a measurement runs.
func makeDocuments(ctx context.Context, dir string, o Options, signers sample.Signers) ([]string, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	series := sample.NewSeries(signers, o.Size)
	files := make([]string, o.Count)
	var next atomic.Int64
	var group sync.WaitGroup
	errs := make([]error, makers(o.Size))
	for worker := range errs {
		group.Go(func() {
			for n := int(next.Add(1)) - 1; n < o.Count && errs[worker] == nil; n = int(next.Add(1)) - 1 {
				files[n], errs[worker] = writeDocument(ctx, dir, n, o.Format, series)
			}
		})
	}
	group.Wait()
	return files, errors.Join(errs...)
}

// makers is how many documents are signed at once: a large one takes several
// times its size in memory.
func makers(size int) int {
	if size > 10<<20 {
		return 1
	}
	return runtime.NumCPU()
}

func writeDocument(ctx context.Context, dir string, n int, format string, series *sample.Series) (string, error) {
	pdf, err := series.Document(ctx, n)
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, fmt.Sprintf("%06d.%s", n, map[string]string{"rest": "pdf", "edxml": "edxml"}[format]))
	if format == "edxml" {
		if pdf, err = inPackage(ctx, n, pdf); err != nil {
			return "", err
		}
	}
	return path, os.WriteFile(path, pdf, 0o600)
}

// inPackage wraps a document into an edXML package; the recipients are named by
// the call.
func inPackage(ctx context.Context, n int, pdf []byte) ([]byte, error) {
	sub := hub.Submission{
		Sender: senderCode, Recipients: []string{recipientCode(0)}, ExternalID: externalID(n), Operation: hub.OperationNew,
		Document: hub.Document{
			CodeNumber: fmt.Sprint(n + 1), CodeNotation: "UBND-DT", TypeName: "Công văn",
			Subject: "V/v đo tải hệ thống liên thông", Promulgated: "2026-01-05",
		},
		Parts: []hub.Part{{ID: "p1", Role: hub.RoleOriginal, Name: "a.pdf", MediaType: "application/pdf", Size: int64(len(pdf))}},
		Trace: []hub.Hop{{Agency: senderCode, Time: time.Now()}},
	}
	var out bytes.Buffer
	err := edxml.New(edxml.Options{}).EncodeSubmission(ctx, &out, sub, nil,
		func(context.Context, hub.Part) (hub.Blob, error) { return memory{bytes.NewReader(pdf)}, nil })
	return out.Bytes(), err
}

// memory is content in memory.
type memory struct{ *bytes.Reader }

// Close implements io.Closer.
func (memory) Close() error { return nil }

