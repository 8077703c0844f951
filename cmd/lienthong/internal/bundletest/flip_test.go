package bundletest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"io"
	"os"
	"runtime"
	"sync"
	"testing"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/examine"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit/bundle"
	"github.com/lienthong/lienthong/signing"
)

// small is a world whose bundle is short and still has everything in it: two stamps, a
// refusal, the document.
func small(t testing.TB) *world {
	w := newWorld(t)
	w.event(hub.EventContentConsignment)
	w.stamp()
	w.event(hub.EventConsignmentRejection)
	w.stamp()
	return w
}

// TestEveryByteCounts changes every byte of a bundle in turn (see each), each in one of its bits: none
// of the changed ones passes, whatever the byte is for.
func TestEveryByteCounts(t *testing.T) {
	w := small(t)
	file := w.bundle(true)
	by := w.auditor()
	if r := by.verify(t, file); r.Indication != hub.TotalPassed {
		t.Fatal(stepsOf(&r))
	}
	verifier := by.verifier()
	each(len(file), func(at int) {
		mask := byte(1) << (at % 8)
		if r := by.changed(t, verifier, file, at, mask); r.Indication == hub.TotalPassed {
			t.Errorf("byte %d of %d (%q) does not count: it was changed by %#x", at, len(file), around(file, at), mask)
		}
	})
}

// TestEvidenceProvesItself changes every byte of a receipt and its proof behind a seal
// that holds all the same: not even the hub itself changes what it signed and logged.
func TestEvidenceProvesItself(t *testing.T) {
	w := small(t)
	file := w.bundle(false)
	by := w.auditor()
	verifier := by.verifier()
	for _, name := range []string{"receipts/003-ConsignmentRejection.json", "receipts/003-ConsignmentRejection.jws", "receipts/003-ConsignmentRejection.tlog-proof", "log/2026-3-4.consistency"} {
		content := fileOf(w, file, name)
		question := examine.Question(verifier, &by.Auditor, by.at, bytes.NewReader(file), int64(len(file)))
		open, judge := question.Open, question.Judge
		question.Judge = func(along []hub.Material) bundle.Judge { return resealing{judge(along)} }
		each(len(content)+1, func(at int) {
			q, changed := question, bytes.Clone(content)
			if at < len(changed) {
				changed[at] ^= 1 << (at % 8)
			}
			q.Open = func(source io.ReaderAt, size int64) (bundle.Container, error) {
				c, err := open(source, size)
				return exchanging{c, name, changed}, err
			}
			r, err := bundle.Verify(t.Context(), q)
			if passed := r.Indication == hub.TotalPassed; err != nil || passed != (at == len(content)) {
				t.Errorf("byte %d of %s, sealed by the hub: %s, %v", at, name, r.Indication, err)
			}
		})
	}
}

// resealing finds every seal in order.
type resealing struct{ bundle.Judge }

func (resealing) Seal(context.Context, io.ReaderAt, int64) (hub.SignatureVerdict, error) {
	return hub.SignatureVerdict{Indication: hub.TotalPassed}, nil
}

// exchanging has another content in one of its files.
type exchanging struct {
	bundle.Container
	name    string
	content []byte
}

func (e exchanging) ReadFile(name string, limit int64) ([]byte, error) {
	if name == e.name {
		return e.content, nil
	}
	return e.Container.ReadFile(name, limit)
}

// TestSameReport: the same bundle and the same question give the same report, byte for
// byte; and a bundle made twice differs in its seal alone.
func TestSameReport(t *testing.T) {
	w := newWorld(t).walk()
	one, two := w.bundle(true), w.bundle(true)
	var reports [2][]byte
	for i := range reports {
		r := w.auditor().verify(t, one)
		reports[i] = must(json.Marshal(r))(t)
	}
	if !bytes.Equal(reports[0], reports[1]) {
		t.Errorf("two reports:\n%s\n%s", reports[0], reports[1])
	}
	end := bytes.Index(one, []byte("META-INF/signature.p7s"))
	if end < 0 || !bytes.Equal(one[:end-30], two[:end-30]) {
		t.Error("two bundles of the same evidence differ before their seals")
	}
}

// changed verifies a file with one byte changed.
func (a *auditor) changed(t testing.TB, verifier *signing.Verifier, file []byte, at int, mask byte) hub.BundleReport {
	t.Helper()
	file = bytes.Clone(file)
	file[at] ^= mask
	r, err := bundle.Verify(t.Context(), examine.Question(verifier, &a.Auditor, a.at, bytes.NewReader(file), int64(len(file))))
	if err != nil {
		t.Errorf("byte %d: %v", at, err)
	}
	return r
}

// each runs f for the last number below n and those before it, side by side: for all of
// them where .ci/test asks for that in a step of its own, else for one in 23. All take
// half a minute of two processors, and many times that under the race detector.
func each(n int, f func(i int)) {
	stride := 23
	if os.Getenv("LIENTHONG_EVERY_BYTE") == "true" {
		stride = 1
	}
	var group sync.WaitGroup
	workers := runtime.GOMAXPROCS(0)
	for first := range workers {
		group.Go(func() {
			for i := n - 1 - first*stride; i >= 0; i -= workers * stride {
				f(i)
			}
		})
	}
	group.Wait()
}

func around(file []byte, at int) []byte { return file[max(0, at-16):min(len(file), at+16)] }

// BenchmarkVerify verifies a bundle of an accepted delivery with its document, each time
// with a verifier that remembers nothing. The target is 20 ms.
func BenchmarkVerify(b *testing.B) {
	w := newWorld(b).walk()
	file := w.bundle(true)
	by := w.auditor()
	b.SetBytes(int64(len(file)))
	for b.Loop() {
		r := must(bundle.Verify(b.Context(), examine.Question(by.verifier(), &by.Auditor, by.at, bytes.NewReader(file), int64(len(file)))))(b)
		if r.Indication != hub.TotalPassed {
			b.Fatal(r.Indication)
		}
	}
}

// FuzzBundle reads anything as a bundle: it never fails to give a report, and none passes
// that is not the one that was sealed.
func FuzzBundle(f *testing.F) {
	w := small(f)
	file := w.bundle(false)
	by := w.auditor()
	verifier := by.verifier()
	sealed := sha256.Sum256(file)
	f.Add(file)
	f.Add(file[:len(file)/2])
	f.Add([]byte("PK"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := by.changed(t, verifier, append(data, 0), len(data), 0)
		if r.Indication == hub.TotalPassed {
			t.Error("one byte more passes")
		}
		if len(data) == 0 {
			return
		}
		r = by.changed(t, verifier, data, 0, 0)
		if len(r.Steps) != 12 || r.Indication == hub.TotalPassed && sha256.Sum256(data) != sealed {
			t.Errorf("%s after %d steps", r.Indication, len(r.Steps))
		}
	})
}
