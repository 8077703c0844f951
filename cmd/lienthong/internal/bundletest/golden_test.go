package bundletest

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/examine"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
	"github.com/lienthong/lienthong/hub/audit/bundle"
	"github.com/lienthong/lienthong/signing/pki"
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
	before     = "testdata/before"
	goldenTime = "2026-11-24T12:00:00Z" // that the set is verified for
	// Those with a rehash are verified for a time at which SHA-256 has ended.
	goldenLater  = "2027-11-24T12:00:00Z"
	goldenSunset = "2027-06-01"
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
	rehashed := func(change func([]bundle.File) []bundle.File) func(w *world) []byte {
		return func(w *world) []byte { return hashedAnew(w, months(2), change) }
	}
	entries := func(change func([]byte) []byte) func(w *world) []byte {
		return rehashed(edit("log/2026-rehash-01.entries", change))
	}
	return map[string]func(w *world) []byte{
		"good-xml": func(w *world) []byte { w.xml = true; return batch(w) },
		"bad-xml": func(w *world) []byte {
			w.xml = true
			return end(swap("002-ContentConsignment.xml", "003-ConsignmentRejection.xml"))(w)
		},
		"good-rehash":        rehashed(nil),
		"bad-rehash-leaf":    entries(func(b []byte) []byte { return bytes.Replace(b, []byte(`"leaf":"`), []byte(`"leaf":"00`), 1) }),
		"bad-rehash-path":    entries(swappedPaths),
		"bad-rehash-content": entries(withoutContent),
		"open-rehash-late":   func(w *world) []byte { return hashedAnew(w, months(8), nil) },
		"open-rehash-entry":  entries(firstProof),
		"good-accepted":      whole,
		"good-refused":       end(nil),
		"good-batch":         batch,
		"good-untagged":      func(w *world) []byte { return end(nil)(w.before()) },
		"bad-tags":           end(edit("002-ContentConsignment.tlog-proof", otherTag)),
		"bad-tags-dropped":   end(edit("002-ContentConsignment.tlog-proof", noTags)),
		"bad-tags-more":      end(edit("002-ContentConsignment.tlog-proof", moreTags)),
		"good-three-heads":   func(w *world) []byte { w.stamp(); return end(nil)(w) },
		"bad-proofs":         end(swap("002-ContentConsignment.tlog-proof", "003-ConsignmentRejection.tlog-proof")),
		"bad-signatures":     end(swap("002-ContentConsignment.jws", "003-ConsignmentRejection.jws")),
		"bad-batch-place":    func(w *world) []byte { w.change = misplaced; return batch(w) },
		"bad-old-head":       replayed,
		"bad-growth":         end(replace("log/2026-3-4.consistency", []byte(strings.Repeat("A", 43)+"=\n"))),
		"bad-tokens":         end(swap("log/2026-3.tst", "log/2026-4.tst")),
		"bad-postdated":      func(w *world) []byte { return dated(w, time.Hour) },
		"bad-content":        func(w *world) []byte { w.walk(); w.document = []byte("another"); return w.bundle(true) },
		"bad-unknown-file":   end(insert(bundle.Bytes("read-me.txt", "text/plain", []byte("hello")))),
		"bad-unsealed-file":  func(w *world) []byte { return w.repacked(end(nil)(w), "content/02-x.pdf") },
		"bad-chain":          changed(closed),
		"bad-two-ends":       twoEnds,
		"bad-byte":           func(w *world) []byte { return changedByte(end(nil)(w)) },
		"open-backdated":     late,
		"open-no-end":        func(w *world) []byte { w.event(hub.EventContentConsignment); w.stamp(); return w.bundle(false) },
		"open-no-stamp":      end(drop("log/2026-4.tst")),
		"open-no-growth":     end(drop("log/2026-3-4.consistency")),
		"open-witnesses":     func(w *world) []byte { w.seenBy = 1; return end(nil)(w) },
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
	if len(listed) != 4*len(files) || len(files) != len(goldenSet()) {
		t.Fatalf("%d expectations for %d files", len(listed)/4, len(files))
	}
	for line := range slices.Chunk(listed, 4) {
		name, want, at, ends := line[0], line[1], line[2], line[3]
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := fmt.Sprint(byGo(t, golden, name, at, ends)); got != want {
				t.Errorf("lienthong verify gives %s instead of %s", got, want)
			}
			if code, out := byShell(t, golden, name, at, ends); fmt.Sprint(code) != want {
				t.Errorf("verify-bundle.sh gives %d instead of %s:\n%s", code, want, out)
			}
		})
	}
}

// TestBefore: bundles of a hub before there were sequences of agencies verify as ever.
// These are files of such a hub, and are never made anew.
func TestBefore(t *testing.T) {
	for _, name := range []string{"good-accepted.asice", "good-batch.asice"} {
		if got := byGo(t, before, name, goldenTime, never); got != 0 {
			t.Errorf("lienthong verify gives %d for %s", got, name)
		}
		if code, out := byShell(t, before, name, goldenTime, never); code != 0 {
			t.Errorf("verify-bundle.sh gives %d for %s:\n%s", code, name, out)
		}
	}
}

// never is the end of SHA-256 where none is set.
const never = "never"

// byGo is the exit code of lienthong verify.
func byGo(t *testing.T, set, name, at, ends string) int {
	file := must(os.ReadFile(filepath.Join(set, name)))(t)
	policy := must(audit.ParsePolicy(must(os.ReadFile(filepath.Join(set, "policy.tlog")))(t)))(t)
	anchors := must(trust.LoadAnchors(must(os.ReadFile(filepath.Join(set, "anchors.pem")))(t)))(t)
	by := &auditor{Auditor: examine.Auditor{Policy: policy}, anchors: anchors, at: must(time.Parse(time.RFC3339, at))(t)}
	if ends != never {
		by.algorithms = must(trust.DefaultAlgorithms().EndDigest("SHA-256", must(time.Parse(time.DateOnly, ends))(t)))(t)
	}
	switch r := by.verify(t, file); r.Indication {
	case hub.TotalPassed:
		return 0
	case hub.TotalFailed:
		return 1
	}
	return 2
}

func byShell(t *testing.T, set, name, at, ends string) (int, []byte) {
	return runShell(t, filepath.Join(set, name), filepath.Join(set, "anchors.pem"), filepath.Join(set, "policy.tlog"), at, ends)
}

// runShell is the exit code of the second verifier, and what it says.
func runShell(t *testing.T, file, anchors, policy, at, ends string) (int, []byte) {
	for _, tool := range []string{"bash", "unzip", "openssl", "jq", "xmllint", "basenc"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatal(err)
			}
			t.Skip(err)
		}
	}
	args := []string{"../../deploy/verify-bundle.sh", file, "--anchors", anchors, "--policy", policy, "--at", at}
	if ends != never {
		args = append(args, "--digest-ends", "SHA-256="+ends)
	}
	cmd := exec.CommandContext(t.Context(), "bash", args...)
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
		at, ends := goldenTime, never
		if strings.Contains(name, "-rehash") {
			at, ends = goldenLater, goldenSunset
		}
		fmt.Fprintf(&expected, "%s.asice %d %s %s\n", name, codes[kind], at, ends)
	}
	save("expected.txt", []byte(expected.String()))
}

// hashedAnew is a way whose log was hashed anew at a time, with the document in the bundle.
func hashedAnew(w *world, at time.Time, change func([]bundle.File) []bundle.File) []byte {
	w.walk()
	y := &years{world: w}
	y.rehash("SHA-384", must(w.pki.TimestampAuthority("Dấu thời gian mạnh", pki.P384))(w.t), at)
	w.change = change
	return w.bundle(true)
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
		w.leaves = append(w.leaves, must(audit.ReceiptLeaf(sealed.Canonical, sealed.JWS, w.tags(&sealed)))(w.t))
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

// before is a hub before there were sequences of agencies. Its log begins anew.
func (w *world) before() *world {
	w.untagged, w.leaves, w.evidence, w.ids = true, w.leaves[:1], nil, 0
	w.accept()
	return w
}

// otherTag lets a proof claim another number in a sequence, noTags none, and moreTags one
// for an agency that the evidence does not name.
func otherTag(proof []byte) []byte {
	return retag(proof, func(raw []byte) []byte { raw[5] ^= 1; return raw })
}
func noTags(proof []byte) []byte { return extraLine.ReplaceAll(proof, nil) }
func moreTags(proof []byte) []byte {
	return retag(proof, func(raw []byte) []byte { return append(raw, raw[1:17]...) })
}

var extraLine = regexp.MustCompile(`(?m)^extra (.*)\n`)

func retag(proof []byte, change func(raw []byte) []byte) []byte {
	return extraLine.ReplaceAllFunc(proof, func(line []byte) []byte {
		raw, _ := base64.StdEncoding.DecodeString(string(extraLine.FindSubmatch(line)[1]))
		return fmt.Appendf(nil, "extra %s\n", base64.StdEncoding.EncodeToString(change(raw)))
	})
}

// changedByte changes one in the middle of a receipt.
func changedByte(file []byte) []byte {
	at := bytes.Index(file, []byte("wrong_addressee"))
	file[at] ^= 1
	return file
}
