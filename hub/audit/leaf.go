package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// What a leaf is about.
const (
	leafReceipt  = "receipt"
	leafNote     = "note"
	leafPrevious = "previous" // the last checkpoint of the shard before: leaf 0 of every shard but the first
)

// Leaf is one entry of the log. It holds digests and no personal data, so that content
// and notes can be erased and the log stays whole. Its bytes are canonical (RFC 8785):
// members in the order below, which is that of their names, and no text in it needs
// another escape than JSON gives it.
type Leaf struct {
	Checkpoint string      `json:"checkpoint,omitempty"` // of a link: the signed note
	Event      hub.Event   `json:"event,omitempty"`
	Kind       string      `json:"kind,omitempty"` // of a note
	Seq        Seq         `json:"seq,omitempty"`  // of a receipt: its tags; leaves of before have none
	SHA256     *hub.Digest `json:"sha256,omitempty"`
	SigSHA256  *hub.Digest `json:"sig_sha256,omitempty"` // of a receipt: over the text of its signature
	Type       string      `json:"t"`
	Time       time.Time   `json:"time,omitzero"` // UTC, milliseconds
}

// ReceiptLeaf returns the leaf that commits to an evidence, its signature and a tag for
// each agency that it names, in the order of parties; without tags (nil) a leaf as they
// were before.
func ReceiptLeaf(canonical []byte, jws string, tags []Tag) ([]byte, error) {
	about, err := readAbout(canonical)
	if err != nil {
		return nil, hub.Invalid("evidence", "json", "the evidence cannot be read: %v", err)
	}
	if tags != nil && len(tags) != len(about.Parties) {
		return nil, hub.Invalid("proof", "extra", "the evidence names %d agencies, and there are %d tags of sequences", len(about.Parties), len(tags))
	}
	return receiptLeaf(&about, canonical, jws, tags)
}

func receiptLeaf(about *aboutReceipt, canonical []byte, jws string, tags []Tag) ([]byte, error) {
	digest, signature := hub.Digest(sha256.Sum256(canonical)), hub.Digest(sha256.Sum256([]byte(jws)))
	seq := seqText(tags)
	if data, ok := writeReceiptLeaf(about.Event, about.Time, seq, &digest, &signature); ok {
		return data, nil
	}
	return encodeLeaf(&Leaf{Type: leafReceipt, SHA256: &digest, SigSHA256: &signature, Seq: seq, Event: about.Event, Time: about.Time})
}

// writeReceiptLeaf writes a leaf of a receipt, one for each evidence there is, by its fixed
// form; false where it is to be encoded.
func writeReceiptLeaf(event hub.Event, at time.Time, seq Seq, digest, signature *hub.Digest) ([]byte, bool) {
	if event == "" || strings.ContainsFunc(string(event), isNotOfURI) || at.IsZero() || at.Location() != time.UTC {
		return nil, false
	}
	out := make([]byte, 0, 300+len(event)+len(seq))
	out = append(append(out, `{"event":"`...), event...)
	if seq != "" {
		out = append(append(out, `","seq":"`...), seq...)
	}
	out = hex.AppendEncode(append(out, `","sha256":"`...), digest[:])
	out = hex.AppendEncode(append(out, `","sig_sha256":"`...), signature[:])
	out = at.AppendFormat(append(out, `","t":"receipt","time":"`...), time.RFC3339Nano)
	out = append(out, `"}`...)
	return out, len(out) <= maxEntry
}

// NoteLeaf returns the leaf that commits to a note.
func NoteLeaf(n *hub.LogNote) ([]byte, error) {
	digest := hub.Digest(sha256.Sum256(n.Body))
	return encodeLeaf(&Leaf{Type: leafNote, Kind: string(n.Kind), SHA256: &digest, Time: n.Time})
}

func encodeLeaf(l *Leaf) ([]byte, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(l); err != nil {
		return nil, hub.Internal("encode a leaf", err)
	}
	data := bytes.TrimSuffix(out.Bytes(), []byte("\n"))
	if len(data) > maxEntry {
		return nil, hub.Errorf(hub.KindTooLarge, "log", "entry", "a leaf of %d bytes does not fit into the log", len(data))
	}
	return data, nil
}

// ParseLeaf reads an entry. Bytes that this program would not write are refused.
func ParseLeaf(data []byte) (Leaf, error) {
	if l, ok := parseReceiptLeaf(data); ok {
		return l, nil
	}
	var l Leaf
	if err := json.Unmarshal(data, &l); err != nil {
		return l, hub.Invalid("leaf", "json", "the entry cannot be read: %v", err)
	}
	again, err := encodeLeaf(&l)
	if _, plain := l.Seq.raw(); err != nil || !plain || !bytes.Equal(again, data) {
		return l, hub.Invalid("leaf", "canonical", "the entry is not in canonical form")
	}
	if l.SHA256 == nil && l.Type != leafPrevious || l.SigSHA256 == nil && l.Type == leafReceipt {
		return l, hub.Invalid("leaf", "digest", "the entry names no digest of what it is about")
	}
	return l, nil
}

// parseReceiptLeaf reads a leaf of a receipt, of which a log has millions, by its fixed
// form. It is false for everything else, canonical or not.
func parseReceiptLeaf(data []byte) (Leaf, bool) {
	l := Leaf{Type: leafReceipt, SHA256: new(hub.Digest), SigSHA256: new(hub.Digest)}
	event, rest, ok := bytes.Cut(data, []byte(`","sha256":"`))
	event, begins := bytes.CutPrefix(event, []byte(`{"event":"`))
	event, seq, tagged := bytes.Cut(event, []byte(`","seq":"`))
	if !ok || !begins || len(event) == 0 || bytes.ContainsFunc(event, isNotOfURI) {
		return l, false
	}
	l.Seq = Seq(seq)
	if raw, plain := l.Seq.raw(); !plain || tagged && len(raw) == 0 {
		return l, false
	}
	if rest, ok = cutDigest(rest, l.SHA256, `","sig_sha256":"`); !ok {
		return l, false
	}
	if rest, ok = cutDigest(rest, l.SigSHA256, `","t":"receipt","time":"`); !ok {
		return l, false
	}
	at, ok := bytes.CutSuffix(rest, []byte(`"}`))
	t, err := time.Parse(time.RFC3339, string(at))
	if !ok || err != nil || t.Format(time.RFC3339Nano) != string(at) {
		return l, false
	}
	l.Event, l.Time = hub.Event(event), t
	return l, true
}

// isNotOfURI tells characters that the URI of an event does not have.
func isNotOfURI(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != ':' && r != '/' && r != '.' && r != '-' && r != '_'
}

// cutDigest reads a digest in hex, and what must follow it.
func cutDigest(text []byte, digest *hub.Digest, follows string) ([]byte, bool) {
	const length = 2 * sha256.Size
	if len(text) < length || bytes.ContainsAny(text[:length], "ABCDEF") {
		return nil, false
	}
	if _, err := hex.Decode(digest[:], text[:length]); err != nil {
		return nil, false
	}
	return bytes.CutPrefix(text[length:], []byte(follows))
}
