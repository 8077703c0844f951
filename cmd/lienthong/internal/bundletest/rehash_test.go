package bundletest

import (
	"bytes"
	"context"
	"crypto"
	"crypto/sha256"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
	"github.com/lienthong/lienthong/hub/audit/bundle"
	"github.com/lienthong/lienthong/signing"
	"github.com/lienthong/lienthong/signing/pki"
	"github.com/lienthong/lienthong/signing/trust"
)

// rehashes keeps them in memory.
type rehashes struct {
	list  []hub.LogRehash
	tiles map[rehashPlace][]byte
	fails int // after so many steps, once; 0: never
}

type rehashPlace struct {
	number, level int
	tree          hub.RehashTree
	n             int64
}

func (r *rehashes) LogRehashes(context.Context, string) ([]hub.LogRehash, error) {
	return slices.Clone(r.list), nil
}

func (r *rehashes) BeginLogRehash(_ context.Context, rehash hub.LogRehash) error {
	r.list = append(r.list[:rehash.Number-1], rehash)
	return nil
}

func (r *rehashes) PutRehashTiles(_ context.Context, _ string, number int, tiles []hub.RehashTile) error {
	if r.fails--; r.fails == 0 {
		return hub.Errorf(hub.KindUnavailable, "", "", "stopped")
	}
	if r.tiles == nil {
		r.tiles = map[rehashPlace][]byte{}
	}
	for _, t := range tiles {
		r.tiles[rehashPlace{number, t.Level, t.Tree, t.N}] = t.Data
	}
	return nil
}

func (r *rehashes) RehashTile(_ context.Context, _ string, number int, tree hub.RehashTree, level int, n int64) (hub.RehashTile, error) {
	data, there := r.tiles[rehashPlace{number, level, tree, n}]
	if !there {
		return hub.RehashTile{}, hub.Errorf(hub.KindNotFound, "tile", "", "no such tile")
	}
	return hub.RehashTile{Tree: tree, Level: level, N: n, Data: data}, nil
}

// StampLogRehash implements audit.RehashStore.
func (w *world) StampLogRehash(_ context.Context, rehash hub.LogRehash, note hub.LogNote) error {
	w.rehashes.list[rehash.Number-1] = rehash
	w.notes = append(w.notes, note)
	return nil
}

// rehashStore is the store of a world.
type rehashStore struct {
	*rehashes
	*world
}

func (s rehashStore) StampLogRehash(ctx context.Context, rehash hub.LogRehash, note hub.LogNote) error {
	return s.world.StampLogRehash(ctx, rehash, note)
}

// LogPage implements audit.RehashSource.
func (w *world) LogPage(_ context.Context, _ string, from int64, limit int) ([]hub.LogRow, error) {
	var rows []hub.LogRow
	for i := from; i < int64(len(w.leaves)) && len(rows) < limit; i++ {
		row := hub.LogRow{Origin: origin, Index: i, Data: w.leaves[i], Source: "first note", Note: w.firstNote}
		for _, e := range w.evidence {
			if leaf, err := audit.ParseLeaf(w.leaves[i]); err == nil && leaf.SHA256 != nil && *leaf.SHA256 == e.Digest {
				row.Source, row.Note, row.Canonical, row.JWS, row.Dispatch = string(e.Evidence.ID), nil, e.Canonical, e.JWS, e.Evidence.Dispatch
			}
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// OpenBlob implements audit.Contents.
func (w *world) OpenBlob(_ context.Context, digest hub.Digest) (hub.Blob, error) {
	if w.lost || digest != sha256.Sum256(w.document) {
		return nil, hub.Errorf(hub.KindNotFound, "content", "", "no such content")
	}
	return hub.BlobOf(w.document), nil
}

// strong is an authority that does not rely on SHA-256.
func (y *years) strong(from time.Time) pki.Identity { return y.under(from, pki.P384) }

func (y *years) rehasher(tsa pki.Identity, at time.Time) *audit.Rehasher {
	y.t.Helper()
	now := func() time.Time { return at }
	return &audit.Rehasher{
		Store: rehashStore{&y.rehashes, y.world}, Source: y, Contents: y, Authority: must(signing.OwnTimestamps(tsa.Key, tsa.Chain, now))(y.t), Tokens: signing.NewTokens(),
		Policy: must(audit.ParsePolicy(y.policyText(2)))(y.t), Now: now, NewID: func() string { return "rehash" },
	}
}

// rehash hashes the log anew at a time, as the operator does.
func (y *years) rehash(digest string, tsa pki.Identity, at time.Time) audit.RehashSummary {
	y.t.Helper()
	return y.rehashBy(digest, crypto.SHA384, tsa, at)
}

func (y *years) rehashBy(digest string, hash crypto.Hash, tsa pki.Identity, at time.Time) audit.RehashSummary {
	y.t.Helper()
	return must(y.rehasher(tsa, at).Rehash(y.t.Context(), audit.RehashOrder{Digest: must(audit.TreeDigestOf(digest))(y.t), Hash: hash}))(y.t)
}

// sunset is when SHA-256 is relied upon no longer, for who verifies in these tests.
func sunset() time.Time { return months(30).Truncate(24 * time.Hour) }

// judgedStrictly verifies the bundle for a time, by a table in which SHA-256 ends.
func (y *years) judgedStrictly(at time.Time, ends map[string]time.Time, content bool) hub.BundleReport {
	y.t.Helper()
	a := y.auditor()
	a.anchors, a.at, a.algorithms = must(trust.LoadAnchors(y.roots))(y.t), at, trust.DefaultAlgorithms()
	for name, end := range ends {
		a.algorithms = must(a.algorithms.EndDigest(name, end))(y.t)
	}
	return a.verify(y.t, y.bundle(content))
}

// TestRehashes: a log that was hashed anew in time is proven beyond the end of SHA-256 and
// of its time-stamps, and nothing else is. The second verifier, which is slow, agrees on some.
func TestRehashes(t *testing.T) {
	once := func(change func([]bundle.File) []bundle.File) func(y *years) {
		return func(y *years) {
			y.rehash("SHA-384", y.strong(months(18)), months(20))
			y.change = change
		}
	}
	inEntries := func(old, replacement string) func([]bundle.File) []bundle.File {
		return edit("log/2026-rehash-01.entries", func(b []byte) []byte { return bytes.Replace(b, []byte(old), []byte(replacement), 1) })
	}
	both := []string{"hashed twice, the first token ended", "too late for SHA-256"}
	for name, c := range map[string]struct {
		do   func(y *years)
		at   time.Time
		ends map[string]time.Time // besides that of SHA-256
		want hub.Indication
		sub  hub.SubReason
		says string
	}{
		"before anything ends": {do: func(*years) {}, at: months(20), want: hub.TotalPassed},
		"renewed by tokens alone": {
			do: func(y *years) { y.renew(y.strong(months(18)), months(20), crypto.SHA384) }, at: months(40),
			want: hub.Indeterminate, sub: hub.SubCryptoConstraintsNoPOE, says: "SHA-256 is relied upon no longer), and no rehash by another digest holds it",
		},
		"hashed anew":             {do: once(nil), at: months(40), want: hub.TotalPassed},
		"hashed anew by SHA-512":  {do: func(y *years) { y.rehash("SHA-512", y.strong(months(18)), months(20)) }, at: months(40), want: hub.TotalPassed},
		"hashed anew by SHA3-256": {do: func(y *years) { y.rehash("SHA3-256", y.strong(months(18)), months(20)) }, at: months(40), want: hub.TotalPassed},
		"before the rehash":       {do: once(nil), at: months(6), want: hub.TotalPassed},
		"renewed, then hashed": {
			do: func(y *years) {
				y.renew(y.authority(months(18)), months(20), crypto.SHA384)
				y.rehash("SHA-384", y.strong(months(26)), months(28))
			}, at: months(48), want: hub.TotalPassed,
		},
		"hashed, then the rehash renewed": {
			do: func(y *years) {
				y.rehash("SHA-384", y.strong(months(18)), months(20))
				y.renew(y.strong(months(34)), months(38), crypto.SHA512)
			}, at: months(54), want: hub.TotalPassed,
		},
		"the rehash not renewed": {
			do: once(nil), at: months(54), want: hub.Indeterminate, sub: hub.SubOutOfBoundsNoPOE, says: "log/2026-rehash-01 stopped proving anything by itself on",
		},
		"hashed twice, the first digest ended": {
			do: func(y *years) {
				y.rehash("SHA-384", y.strong(months(18)), months(20))
				y.rehash("SHA-512", y.strong(months(34)), months(36))
			}, at: months(52), ends: map[string]time.Time{"SHA-384": months(40)},
			// both authorities sign by SHA-384
			want: hub.Indeterminate, sub: hub.SubCryptoConstraintsNoPOE, says: "log/2026-rehash-01 stopped",
		},
		"hashed twice, the first digest ended, by a stronger authority": {
			do: func(y *years) {
				y.rehash("SHA-384", y.strong(months(18)), months(20))
				y.rehashBy("SHA-512", crypto.SHA512, y.under(months(34), pki.P521), months(36))
			}, at: months(52), ends: map[string]time.Time{"SHA-384": months(40)}, want: hub.TotalPassed,
		},
		"hashed twice, the first token ended": {
			do: func(y *years) {
				y.rehash("SHA-384", y.strong(months(18)), months(20))
				y.rehash("SHA3-256", y.strong(months(34)), months(36))
			}, at: months(52), want: hub.TotalPassed,
		},
		"too late for the time-stamps": {
			do: func(y *years) { y.rehash("SHA-384", y.strong(months(25)), months(27)) }, at: months(40),
			want: hub.Indeterminate, says: "log/2026-rehash-01 was made too late, on 2029-02-23",
		},
		"too late for SHA-256": {
			do: func(y *years) {
				y.renew(y.strong(months(18)), months(20), crypto.SHA384)
				y.rehash("SHA-384", y.strong(months(31)), months(32))
			}, at: months(40),
			want: hub.Indeterminate, sub: hub.SubCryptoConstraintsNoPOE, says: "log/2026-rehash-01 was made too late, on 2029-07-23",
		},
		"an authority that relies on SHA-256": {
			do: func(y *years) { y.rehash("SHA-384", y.authority(months(18)), months(20)) }, at: months(36),
			want: hub.Indeterminate, sub: hub.SubCryptoConstraintsNoPOE, says: "nothing later holds it",
		},
		"a leaf of other bytes": {
			do: once(inEntries(`"sig_digest":"`, `"sig_digest":"00`)), at: months(40), want: hub.TotalFailed, sub: hub.SubHashFailure, says: "the leaf is about other bytes, or by another digest",
		},
		"a leaf that lists no content": {do: once(edit("log/2026-rehash-01.entries", withoutContent)), at: months(40), want: hub.TotalFailed, sub: hub.SubHashFailure, says: "rehash-01.entries"},
		"a path of another leaf":       {do: once(edit("log/2026-rehash-01.entries", swappedPaths)), at: months(40), want: hub.TotalFailed, sub: hub.SubHashFailure, says: "the hashes do not lead from the leaf to the root"},
		"a head of another digest": {
			do: once(edit("log/2026-rehash-01.txt", func(b []byte) []byte { return bytes.Replace(b, []byte("SHA-384"), []byte("SHA-512"), 1) })),
			at: months(40), want: hub.TotalFailed, says: "the size or the root of a tree cannot be read",
		},
		"a head of another root": {
			do: once(edit("log/2026-rehash-01.txt", func(b []byte) []byte { return append(b[:len(b)-5], otherDigit(b[len(b)-5])+string(b[len(b)-4:])...) })), at: months(40), want: hub.TotalFailed, says: "rehash-01.t",
		},
		"proofs of time-stamps of another rehash": {
			do: func(y *years) {
				y.rehash("SHA-384", y.strong(months(18)), months(20))
				y.rehash("SHA-512", y.strong(months(20)), months(21))
				y.change = swap("log/2026-rehash-01.stamps", "log/2026-rehash-02.stamps")
			}, at: months(40), want: hub.Indeterminate, says: "does not hold it",
		},
		"the rehash taken away": {do: once(func(f []bundle.File) []bundle.File { return withoutAll(f, "rehash-01") }), at: months(40), want: hub.Indeterminate, sub: hub.SubCryptoConstraintsNoPOE, says: "no later time-stamp holds it"},
		"its token taken away":  {do: once(drop("log/2026-rehash-01.tst")), at: months(40), want: hub.TotalFailed, says: "log/2026-rehash-01.tst"},
		"an entry taken away":   {do: once(edit("log/2026-rehash-01.entries", firstProof)), at: months(40), want: hub.Indeterminate, says: "does not hold every receipt under it"},
		"an authority nobody knows": {
			do: func(y *years) {
				y.rehash("SHA-384", y.strong(months(18)), months(20))
				y.roots = y.pki.AnchorsPEM()
			}, at: months(40), want: hub.Indeterminate, says: "log/2026-rehash-01.tst does not count",
		},
		"roots that lead to none of it": {
			do: func(y *years) {
				y.renew(y.strong(months(14)), months(15), crypto.SHA384)
				y.rehash("SHA-384", y.strong(months(18)), months(20))
				y.roots = newYears(t).roots
			}, at: months(21), want: hub.Indeterminate, says: "no time-stamp counts whose renewals could be judged",
		},
		"proofs without end": {
			do: once(edit("log/2026-rehash-01.stamps", func(b []byte) []byte {
				first := append(firstProof(b), '\n')
				return append(bytes.Repeat(first, 400), b...)
			})), at: months(40), want: hub.TotalFailed, sub: hub.SubFormatFailure, says: "at most 316 such proofs each",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			y := newYears(t)
			c.do(y)
			ends := map[string]time.Time{"SHA-256": sunset()}
			for name, end := range c.ends {
				ends[name] = end
			}
			r := y.judgedStrictly(c.at, ends, true)
			if slices.Contains(both, name) {
				y.byShell(c.at, sunset().Format(time.DateOnly), r.Indication)
			}
			if r.Indication != c.want || c.sub != "" && r.Sub != c.sub || c.says != "" && !strings.Contains(stepsOf(&r), c.says) {
				t.Errorf("%s %s instead of %s %s, %q:\n%s", r.Indication, r.Sub, c.want, c.sub, c.says, stepsOf(&r))
			}
		})
	}
}

// otherDigit is a digit of base64 that is not this one.
func otherDigit(digit byte) string {
	if digit == 'A' {
		return "B"
	}
	return "A"
}

// TestNoNumberIsACommand: bash runs what stands in a number that it calculates with, so that
// a bundle with such a head, under a token of nobody that anyone knows, could run anything at
// whoever verifies it by the script.
func TestNoNumberIsACommand(t *testing.T) {
	y := newYears(t)
	y.rehash("SHA-384", y.strong(months(18)), months(20))
	ran := filepath.Join(t.TempDir(), "ran")
	tsa := must(must(pki.New(months(18), pki.P384))(t).TimestampAuthority("Người lạ", pki.P384))(t)
	stranger := must(signing.OwnTimestamps(tsa.Key, tsa.Chain, func() time.Time { return months(20) }))(t)
	y.change = func(files []bundle.File) []bundle.File {
		lines := strings.Split(string(content(find(files, "log/2026-rehash-01.txt"))), "\n")
		_, root, _ := strings.Cut(lines[4], " ")
		lines[4] = "a[$(touch${IFS}" + ran + ")] " + root
		head := []byte(strings.Join(lines, "\n"))
		token := must(stranger.Stamp(t.Context(), crypto.SHA384, head))(t)
		return replace("log/2026-rehash-01.tst", token.DER)(replace("log/2026-rehash-01.txt", head)(files))
	}
	y.byShell(months(21), sunset().Format(time.DateOnly), hub.TotalFailed)
	if _, err := os.Stat(ran); err == nil {
		t.Error("the bundle ran a command")
	}
}

// withoutAll drops every file with a text in its name.
func withoutAll(files []bundle.File, text string) []bundle.File {
	return slices.DeleteFunc(files, func(f bundle.File) bool { return strings.Contains(f.Name, text) })
}

// withoutContent takes the list of files out of a leaf.
func withoutContent(b []byte) []byte {
	from := bytes.Index(b, []byte(`"content":[`))
	to := from + bytes.Index(b[from:], []byte("],")) + 2
	return slices.Concat(b[:from], b[to:])
}

// swappedPaths exchanges the hashes of the first two proofs.
func swappedPaths(b []byte) []byte {
	proofs := bytes.Split(b, []byte("\n\n"))
	head := func(p []byte) ([]byte, []byte) {
		lines := bytes.SplitAfterN(p, []byte("\n"), 4)
		return bytes.Join(lines[:3], nil), lines[3]
	}
	one, first := head(proofs[0])
	two, second := head(proofs[1])
	proofs[0], proofs[1] = append(one, second...), append(two, first...)
	return bytes.Join(proofs, []byte("\n\n"))
}

func firstProof(b []byte) []byte {
	first, _, _ := bytes.Cut(b, []byte("\n\n"))
	return append(bytes.Clone(first), '\n')
}

// TestRehasher: what was changed is not hashed anew, what is gone is said so, a run that is
// stopped goes on where it was, and each step is in the log.
func TestRehasher(t *testing.T) {
	y := newYears(t)
	tsa := y.strong(months(18))
	if s := y.rehash("SHA-384", tsa, months(20)); s.Rehashed != 1 || s.Entries != 5 || s.Files != 1 || s.Found != 0 || len(s.Until) != 1 {
		t.Errorf("the first time: %+v", s)
	}
	var fact audit.RehashFact
	if err := json.Unmarshal(y.notes[0].Body, &fact); err != nil || y.notes[0].Kind != hub.LogNoteRehash || fact.Digest != "SHA-384" || fact.Size != 5 || fact.Token != 1 {
		t.Errorf("the note: %+v, %v", fact, err)
	}
	if s := y.rehash("SHA-384", tsa, months(21)); s.Rehashed != 0 || s.Stands != 1 || len(y.rehashes.list) != 1 {
		t.Errorf("again: %+v", s)
	}

	for name, c := range map[string]struct {
		do   func(y *years)
		rule string
		made int64
	}{
		"an evidence that was changed": {do: func(y *years) { y.evidence[1].JWS += "x" }, rule: "row"},
		"a note that was changed": {do: func(y *years) {
			y.firstNote = json.RawMessage(`{"id":"n","kind":"key","time":"2026-11-23T03:00:00Z","body":{}}`)
		}, rule: "row"},
		"an entry that was changed": {do: func(y *years) {
			y.leaves[0] = bytes.Replace(y.leaves[0], []byte("key"), []byte("kex"), 1)
		}, rule: "root"},
		"a checkpoint that was changed": {do: func(y *years) {
			y.stamps[0].Note = bytes.Replace(y.stamps[0].Note, []byte("\n3\n"), []byte("\n4\n"), 1)
		}, rule: "checkpoint"},
		"a token that was changed": {do: func(y *years) { y.stamps[0].Token = y.stamps[1].Token }, rule: "not_intact"},
		"content that is lost":     {do: func(y *years) { y.lost = true }, rule: "content_lost", made: 1},
		"content that was purged":  {do: func(y *years) { y.lost, y.dispatch.Purged = true, &hub.Purge{} }, made: 1},
	} {
		y := newYears(t)
		c.do(y)
		s := y.rehash("SHA-384", tsa, months(20))
		if s.Rehashed != c.made || (s.Found > 0) != (c.rule != "") || c.rule != "" && !slices.ContainsFunc(s.Findings, func(f audit.RehashFinding) bool { return f.Rule == c.rule }) {
			t.Errorf("%s: %+v", name, s)
		}
		if c.made == 0 && len(y.rehashes.tiles) > 0 {
			t.Errorf("%s: it was hashed anew", name)
		}
	}
}
