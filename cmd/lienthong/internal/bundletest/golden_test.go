package bundletest

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/examine"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
	"github.com/lienthong/lienthong/hub/audit/bundle"
	"github.com/lienthong/lienthong/signing/trust"
)

// update makes the golden set anew:
//
//	go test ./cmd/lienthong/internal/bundletest -run TestGolden -update
//
// The keys are thrown away, so every bundle changes.
var update = flag.Bool("update", false, "make the golden set of evidence bundles anew")

const (
	golden     = "testdata/golden"
	goldenTime = "2026-11-24T12:00:00Z" // that the set is verified for
)

// goldenSet is how each bundle of the set is made, by name.
func goldenSet() map[string]func(w *world) []byte {
	end := func(change func([]bundle.File) []bundle.File) func(w *world) []byte {
		return func(w *world) []byte {
			w.event(hub.EventContentConsignment)
			w.stamp()
			w.event(hub.EventConsignmentRejection)
			w.stamp()
			w.change = change
			return w.bundle(false)
		}
	}
	return map[string]func(w *world) []byte{
		"good-accepted":     whole,
		"good-refused":      end(nil),
		"good-batch":        batch,
		"good-three-heads":  func(w *world) []byte { w.stamp(); return end(nil)(w) },
		"bad-proofs":        end(swap("002-ContentConsignment.tlog-proof", "003-ConsignmentRejection.tlog-proof")),
		"bad-signatures":    end(swap("002-ContentConsignment.jws", "003-ConsignmentRejection.jws")),
		"bad-batch-place":   func(w *world) []byte { w.change = misplaced; return batch(w) },
		"bad-old-head":      replayed,
		"bad-growth":        end(replace("log/2026-3-4.consistency", []byte(strings.Repeat("A", 43)+"=\n"))),
		"bad-tokens":        end(swap("log/2026-3.tst", "log/2026-4.tst")),
		"bad-postdated":     func(w *world) []byte { return dated(w, time.Hour) },
		"bad-content":       func(w *world) []byte { w.walk(); w.document = []byte("another"); return w.bundle(true) },
		"bad-unknown-file":  end(insert(bundle.Bytes("read-me.txt", "text/plain", []byte("hello")))),
		"bad-unsealed-file": func(w *world) []byte { return w.repacked(end(nil)(w), "content/02-x.pdf") },
		"bad-chain":         changed(closed),
		"bad-two-ends":      twoEnds,
		"bad-byte":          func(w *world) []byte { return changedByte(end(nil)(w)) },
		"open-backdated":    late,
		"open-no-end":       func(w *world) []byte { w.event(hub.EventContentConsignment); w.stamp(); return w.bundle(false) },
		"open-no-stamp":     end(drop("log/2026-4.tst")),
		"open-no-growth":    end(drop("log/2026-3-4.consistency")),
		"open-witnesses":    func(w *world) []byte { w.seenBy = 1; return end(nil)(w) },
	}
}

// TestGolden: the verifier in Go and the one in shell say of every bundle of the set what
// is written down.
func TestGolden(t *testing.T) {
	if *update {
		makeGolden(t)
	}
	listed := strings.Fields(string(must(os.ReadFile(filepath.Join(golden, "expected.txt")))(t)))
	files := must(filepath.Glob(filepath.Join(golden, "*.asice")))(t)
	if len(listed) != 2*len(files) || len(files) != len(goldenSet()) {
		t.Fatalf("%d expectations for %d files", len(listed)/2, len(files))
	}
	for pair := range slices.Chunk(listed, 2) {
		name, want := pair[0], pair[1]
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := fmt.Sprint(byGo(t, name)); got != want {
				t.Errorf("lienthong verify gives %s instead of %s", got, want)
			}
			if code, out := byShell(t, name); fmt.Sprint(code) != want {
				t.Errorf("verify-bundle.sh gives %d instead of %s:\n%s", code, want, out)
			}
		})
	}
}

// byGo is the exit code of lienthong verify.
func byGo(t *testing.T, name string) int {
	file := must(os.ReadFile(filepath.Join(golden, name)))(t)
	policy := must(audit.ParsePolicy(must(os.ReadFile(filepath.Join(golden, "policy.tlog")))(t)))(t)
	anchors := must(trust.LoadAnchors(must(os.ReadFile(filepath.Join(golden, "anchors.pem")))(t)))(t)
	by := &auditor{Auditor: examine.Auditor{Policy: policy}, anchors: anchors, at: must(time.Parse(time.RFC3339, goldenTime))(t)}
	switch r := by.verify(t, file); r.Indication {
	case hub.TotalPassed:
		return 0
	case hub.TotalFailed:
		return 1
	}
	return 2
}

func byShell(t *testing.T, name string) (int, []byte) {
	return runShell(t, filepath.Join(golden, name), filepath.Join(golden, "anchors.pem"), filepath.Join(golden, "policy.tlog"), goldenTime)
}

// runShell is the exit code of the second verifier, and what it says.
func runShell(t *testing.T, file, anchors, policy, at string) (int, []byte) {
	for _, tool := range []string{"bash", "unzip", "openssl", "jq", "xmllint", "basenc"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatal(err)
			}
			t.Skip(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "bash", "../../deploy/verify-bundle.sh", file, "--anchors", anchors, "--policy", policy, "--at", at)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out
}

func makeGolden(t *testing.T) {
	if err := errors.Join(os.RemoveAll(golden), os.MkdirAll(golden, 0o755)); err != nil {
		t.Fatal(err)
	}
	save := func(name string, content []byte) {
		if err := os.WriteFile(filepath.Join(golden, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	first := newWorld(t)
	save("anchors.pem", first.pki.AnchorsPEM())
	save("policy.tlog", append([]byte("log "+keyWithPlus()+"\n"), first.policyText(2)...))
	var expected strings.Builder
	codes := map[string]int{"good": 0, "bad": 1, "open": 2}
	set := goldenSet()
	names := make([]string, 0, len(set))
	for name := range set {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		kind, _, _ := strings.Cut(name, "-")
		save(name+".asice", set[name](first.again()))
		fmt.Fprintf(&expected, "%s.asice %d\n", name, codes[kind])
	}
	save("expected.txt", []byte(expected.String()))
}

// keyWithPlus is the key of another log with a plus in its encoding, which also stands
// between its parts.
func keyWithPlus() string {
	for i := byte(0); ; i++ {
		key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{i}, ed25519.SeedSize)).Public().(ed25519.PublicKey)
		if text := audit.VerifierKey("other.example/evidence/2026", key); strings.Count(text, "+") > 2 {
			return text
		}
	}
}

// batch is a way on which one signature covers evidence of two recipients.
func batch(w *world) []byte {
	w.now = w.now.Add(time.Minute)
	one := hub.DeliveryEvidence(hub.EventContentConsignment, &w.dispatch, &w.delivery, w.now)
	two := hub.DeliveryEvidence(hub.EventContentConsignment, &w.dispatch, &w.other, w.now)
	for _, sealed := range must(w.audit.Seal(w.t.Context(), two, one))(w.t) {
		w.evidence = append(w.evidence, sealed)
		w.leaves = append(w.leaves, must(audit.ReceiptLeaf(sealed.Canonical, sealed.JWS))(w.t))
	}
	w.delivery.LastEvidence = w.evidence[len(w.evidence)-1].Ref()
	w.event(hub.EventConsignmentRejection)
	w.stamp()
	return w.bundle(false)
}

// misplaced gives an evidence another place in its batch; nothing else of its signature
// changes, and the log is asked for the leaf that comes of it.
func misplaced(files []bundle.File) []bundle.File {
	return edit("002-ContentConsignment.jws", func(b []byte) []byte { return bytes.Replace(b, []byte("~AAAAAQ"), []byte("~AAAAAA"), 1) })(files)
}

// changedByte changes one in the middle of a receipt.
func changedByte(file []byte) []byte {
	at := bytes.Index(file, []byte("wrong_addressee"))
	file[at] ^= 1
	return file
}
