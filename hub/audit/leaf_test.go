package audit

import (
	"bytes"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lienthong/lienthong/hub"
)

// The leaf of a receipt that is written by its form is what the encoder writes, and what
// has another form is left to the encoder.
func TestLeavesAreWrittenAsTheyAreEncoded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		event := hub.Event(rapid.OneOf(rapid.Just(string(hub.EventContentHandover)), rapid.String()).Draw(t, "event"))
		at := time.UnixMilli(rapid.Int64Range(-1e12, 1e13).Draw(t, "at")).UTC()
		if rapid.Bool().Draw(t, "elsewhere") {
			at = at.In(hub.Vietnam())
		}
		var tags []Tag
		for range rapid.IntRange(0, 3).Draw(t, "tags") {
			tags = append(tags, Tag(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "tag")))
		}
		digest, signature := hub.Digest(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "digest")), hub.Digest{7}
		seq := seqText(tags)
		want, err := encodeLeaf(&Leaf{Type: leafReceipt, SHA256: &digest, SigSHA256: &signature, Seq: seq, Event: event, Time: at})
		if err != nil {
			t.Fatal(err)
		}
		got, ok := writeReceiptLeaf(event, at, seq, &digest, &signature)
		if usual := event == hub.EventContentHandover && at.Location() == time.UTC; usual && !ok {
			t.Fatalf("the usual leaf is encoded: %s", want)
		}
		if ok && !bytes.Equal(got, want) {
			t.Fatalf("written %s\nencoded %s", got, want)
		}
	})
}
