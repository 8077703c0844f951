package audit

import (
	"crypto/sha256"
	"slices"
	"testing"

	"github.com/lienthong/lienthong/hub"
)

// TestReceiptWatch: the log is asked for receipts in hand, and tells those apart that it
// holds, that it holds with another signature, and that it does not hold.
func TestReceiptWatch(t *testing.T) {
	m := twoYears(t, 30)
	var known []hub.SealedEvidence
	for _, source := range m.sources {
		if source.Note == nil {
			known = append(known, hub.SealedEvidence{Canonical: source.Canonical, JWS: source.JWS, Digest: sha256.Sum256(source.Canonical)})
		}
	}
	forged := known[3]
	forged.Digest[0] ^= 1
	resigned := known[4]
	resigned.JWS += "x"
	for name, c := range map[string]struct {
		receipts []hub.SealedEvidence
		held     int
		rules    []string
	}{
		"none":                       {nil, 0, nil},
		"one of each year":           {[]hub.SealedEvidence{known[0], known[len(known)-1]}, 2, nil},
		"the same file twice":        {[]hub.SealedEvidence{known[0], known[0]}, 1, nil},
		"one that was never logged":  {[]hub.SealedEvidence{known[0], forged}, 1, []string{"receipt_missing"}},
		"one signed by another":      {[]hub.SealedEvidence{resigned}, 0, []string{"receipt_signature"}},
		"the same, beside the right": {[]hub.SealedEvidence{resigned, known[4]}, 1, []string{"receipt_signature"}},
	} {
		var rules []string
		w := WatchReceipts(func(rule, _ string, _ ...any) { rules = append(rules, rule) })
		for i := range c.receipts {
			w.Add(name, &c.receipts[i])
		}
		for _, shard := range m.shards {
			for _, e := range m.entries[shard.Origin] {
				if err := w.Entry(shard.Origin, e.Index, e.Data); err != nil {
					t.Fatal(err)
				}
			}
		}
		if held := w.End(); held != c.held || !slices.Equal(rules, c.rules) {
			t.Errorf("%s: %d held, found %v", name, held, rules)
		}
	}
}
