package audit

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Hex is a digest of whichever length; in JSON it is lower-case hex.
type Hex []byte

// MarshalText implements encoding.TextMarshaler.
func (h Hex) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(h)), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (h *Hex) UnmarshalText(text []byte) error {
	raw, err := hex.DecodeString(string(text))
	*h = raw
	return err
}

// RehashPartState says what a rehash knows of a file that an acceptance names.
type RehashPartState string

// The states of a file.
const (
	RehashKept    RehashPartState = "kept"
	RehashPurged  RehashPartState = "purged"  // destroyed at the end of its time: the receipts alone tell of it
	RehashMissing RehashPartState = "missing" // lost or damaged, which is told to the operator
)

// RehashPart is a file that an acceptance names.
type RehashPart struct {
	Digest Hex             `json:"digest,omitempty"` // of its bytes; only while it is kept
	SHA256 hub.Digest      `json:"sha256"`
	State  RehashPartState `json:"state"`
}

// RehashLeaf is what the new tree holds of one entry of the log, under the same index. All
// digests are by that of the tree. Its bytes are canonical (RFC 8785): members in the
// order of their names.
type RehashLeaf struct {
	Content   []RehashPart `json:"content,omitempty"`    // of an acceptance, in its order
	Digest    Hex          `json:"digest,omitempty"`     // of the bytes of an evidence, or of the body of a note
	Leaf      Hex          `json:"leaf"`                 // of the entry itself
	Signature Hex          `json:"sig_digest,omitempty"` // of an evidence: over the text of its signature
}

// RehashStamp is what the tree beside it holds: a time-stamped checkpoint with all tokens
// that it had, or an earlier rehash with all of its.
type RehashStamp struct {
	Head    Hex       `json:"head,omitempty"`   // of an earlier rehash
	Note    Hex       `json:"note,omitempty"`   // of a signed checkpoint
	Number  int       `json:"number,omitempty"` // of the rehash
	Size    int64     `json:"size,omitempty"`   // of the checkpoint
	Stamped time.Time `json:"stamped,omitzero"` // of its first token, UTC
	Tokens  []Hex     `json:"tokens"`           // in order
}

// encodeRehash writes what a leaf is made from.
func encodeRehash(v any) ([]byte, error) {
	line, err := json.Marshal(v)
	if err != nil {
		return nil, hub.Internal("encode a leaf of a rehash", err)
	}
	return line, nil
}

// decodeRehash reads what encodeRehash writes, and nothing else.
func decodeRehash(line []byte, v any) error {
	if err := json.Unmarshal(line, v); err != nil {
		return hub.Invalid("rehash", "leaf", "the leaf cannot be read: %v", err)
	}
	again, err := encodeRehash(v)
	if err != nil || !bytes.Equal(again, line) {
		return hub.Invalid("rehash", "leaf", "the leaf is not in canonical form")
	}
	return nil
}

// RehashLeafOf digests an entry of the log and what it is about: the bytes of an evidence
// with its signature, or the body of a note.
func RehashLeafOf(d *TreeDigest, entry, about, signature []byte) RehashLeaf {
	l := RehashLeaf{Leaf: d.Sum(entry)}
	if about != nil {
		l.Digest = d.Sum(about)
	}
	if signature != nil {
		l.Signature = d.Sum(signature)
	}
	return l
}

// sameBut reports whether two leaves differ in nothing but their content.
func (l *RehashLeaf) sameBut(other *RehashLeaf) bool {
	return bytes.Equal(l.Leaf, other.Leaf) && bytes.Equal(l.Digest, other.Digest) && bytes.Equal(l.Signature, other.Signature)
}

// RehashHead is what the tokens of a rehash are over.
type RehashHead struct {
	Origin  string
	Digest  TreeDigest
	Entries int64
	Root    []byte // of the tree over the entries
	Stamps  int64
	Stamped []byte // root of the tree over time-stamps and earlier rehashes
}

const (
	rehashHeader      = "lienthong-rehash-v1"
	rehashProofHeader = "lienthong-rehash-proof-v1"

	maxRehashProof = 1 << 20 // bytes; an acceptance of a thousand files has room
)

// Text returns the head as a file.
func (h *RehashHead) Text() []byte {
	return fmt.Appendf(nil, "%s\n%s\n%s\n%d %s\n%d %s\n", rehashHeader, h.Origin, h.Digest.Name,
		h.Entries, base64.StdEncoding.EncodeToString(h.Root), h.Stamps, base64.StdEncoding.EncodeToString(h.Stamped))
}

// ParseRehashHead reads what Text writes, and nothing else. Errors are of KindInvalid.
func ParseRehashHead(text []byte) (RehashHead, error) {
	var h RehashHead
	bad := func(rule, why string) (RehashHead, error) {
		return RehashHead{}, hub.Invalid("rehash", rule, "%s", why)
	}
	lines := strings.Split(string(text), "\n")
	if len(text) > maxNote || len(lines) != 6 || lines[0] != rehashHeader {
		return bad("head", "a rehash has a head of five lines, which begins with "+rehashHeader)
	}
	h.Origin = lines[1]
	var err error
	if h.Digest, err = TreeDigestOf(lines[2]); err != nil {
		return h, err
	}
	for i, into := range []struct {
		size *int64
		root *[]byte
	}{{&h.Entries, &h.Root}, {&h.Stamps, &h.Stamped}} {
		number, encoded, _ := strings.Cut(lines[3+i], " ")
		size, err := strconv.ParseInt(number, 10, 64)
		root, rootErr := base64.StdEncoding.Strict().DecodeString(encoded)
		if err != nil || rootErr != nil || size < 1 || size > maxTree || len(root) != h.Digest.size {
			return bad("head", "the size or the root of a tree cannot be read")
		}
		*into.size, *into.root = size, root
	}
	if !bytes.Equal(h.Text(), text) {
		return bad("head", "the head is not written as it must be")
	}
	return h, nil
}

// RehashProof shows that a tree of a rehash holds a leaf.
type RehashProof struct {
	Index  int64
	Leaf   []byte // JSON
	Hashes [][]byte
}

// Text returns the proof as a file.
func (p *RehashProof) Text() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\nindex %d\nleaf %s\n", rehashProofHeader, p.Index, p.Leaf)
	for _, h := range p.Hashes {
		b.WriteString(base64.StdEncoding.EncodeToString(h) + "\n")
	}
	return b.Bytes()
}

// ParseRehashProof reads what Text writes, and nothing else. Errors are of KindInvalid.
func ParseRehashProof(text []byte) (RehashProof, error) {
	var p RehashProof
	lines := strings.SplitN(string(text), "\n", 5+maxProof)
	if len(text) > maxRehashProof || len(lines) < 4 || len(lines) > 4+maxProof {
		return p, hub.Invalid("rehash", "proof", "a proof of a rehash has its index, its leaf and at most %d hashes", maxProof)
	}
	var err error
	if p.Index, err = strconv.ParseInt(strings.TrimPrefix(lines[1], "index "), 10, 64); err != nil {
		return p, hub.Invalid("rehash", "proof", "the index is no number")
	}
	p.Leaf = []byte(strings.TrimPrefix(lines[2], "leaf "))
	for _, line := range lines[3 : len(lines)-1] {
		h, err := base64.StdEncoding.Strict().DecodeString(line)
		if err != nil {
			return p, hub.Invalid("rehash", "proof", "a hash is not in base64")
		}
		p.Hashes = append(p.Hashes, h)
	}
	if !bytes.Equal(p.Text(), text) {
		return p, hub.Invalid("rehash", "proof", "the proof is not written as it must be")
	}
	return p, nil
}

// HoldsEntry checks that a rehash holds what an entry of the log is about, under the same
// index, and returns what it says of content. Errors are of KindInvalid or KindUntrusted.
func (p *RehashProof) HoldsEntry(h *RehashHead, index int64, want *RehashLeaf) ([]RehashPart, error) {
	var leaf RehashLeaf
	if err := decodeRehash(p.Leaf, &leaf); err != nil {
		return nil, err
	}
	switch {
	case p.Index != index:
		return nil, hub.Errorf(hub.KindUntrusted, "rehash", "index", "the entry %d of the log is shown as entry %d of the rehash", index, p.Index)
	case !leaf.sameBut(want):
		return nil, hub.Errorf(hub.KindUntrusted, "rehash", "leaf", "the leaf is about other bytes, or by another digest than %s", h.Digest.Name)
	case !h.Digest.leads(p.Leaf, index, h.Entries, p.Hashes, h.Root):
		return nil, hub.Errorf(hub.KindUntrusted, "rehash", "inclusion", "the hashes do not lead from the leaf to the root of the rehash")
	}
	return leaf.Content, nil
}

// HoldsStamp checks that a rehash holds a time-stamped checkpoint, or an earlier rehash of
// that number, with the first of some tokens. It returns with how many. Errors are of
// KindInvalid or KindUntrusted.
func (p *RehashProof) HoldsStamp(h *RehashHead, number int, over []byte, tokens [][]byte) (int, error) {
	var leaf RehashStamp
	if err := decodeRehash(p.Leaf, &leaf); err != nil {
		return 0, err
	}
	held := leaf.Note
	if number > 0 {
		held = leaf.Head
	}
	other := leaf.Number != number || (number > 0) != (leaf.Note == nil) || !bytes.Equal(held, h.Digest.Sum(over)) ||
		len(leaf.Tokens) == 0 || len(leaf.Tokens) > len(tokens)
	for i := 0; i < len(leaf.Tokens) && !other; i++ {
		other = !bytes.Equal(leaf.Tokens[i], h.Digest.Sum(tokens[i]))
	}
	switch {
	case other:
		return 0, hub.Errorf(hub.KindUntrusted, "rehash", "leaf", "the leaf is about another checkpoint or other tokens, or by another digest than %s", h.Digest.Name)
	case !h.Digest.leads(p.Leaf, p.Index, h.Stamps, p.Hashes, h.Stamped):
		return 0, hub.Errorf(hub.KindUntrusted, "rehash", "inclusion", "the hashes do not lead from the time-stamp to the root of the rehash")
	}
	return len(leaf.Tokens), nil
}
