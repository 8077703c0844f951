package jose

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"
)

// A batch is many payloads under one signature. They are the leaves of a Merkle tree
// as RFC 9162 (section 2.1) builds it; what is signed is the head of the tree,
//
//	{"root":"<base64url>","size":<number of leaves>}
//
// under a header whose typ says so, and each payload gets a token of its own,
//
//	<header>..<signature>~<place>
//
// where place is, in base64url, the index of the leaf and the size of the tree, four
// bytes each and big-endian, and the inclusion path (section 2.1.3). Each token
// verifies alone, without the others of its batch. The size is signed, so every bit of
// the place counts.

const (
	// MaxBatch is the most payloads that one signature covers.
	MaxBatch = 4096
	// batchType is the typ of a header whose signature covers the head of a batch.
	batchType = "evidence-batch"
	// placeSeparator stands between the signature and the place in its batch.
	placeSeparator = "~"
	placeNumbers   = 8 // bytes of index and size
)

type node [sha256.Size]byte

func leaf(payload []byte) node {
	hash := sha256.New()
	hash.Write([]byte{0})
	hash.Write(payload)
	return node(hash.Sum(nil))
}

func inner(left, right node) node {
	var both [1 + 2*sha256.Size]byte
	both[0] = 1
	copy(both[1:], left[:])
	copy(both[1+sha256.Size:], right[:])
	return sha256.Sum256(both[:])
}

// tree holds the nodes of a Merkle tree by level, the leaves first. A node without a
// neighbour is its own parent.
type tree [][]node

func newTree(payloads [][]byte) tree {
	level := make([]node, len(payloads))
	for i := range payloads {
		level[i] = leaf(payloads[i])
	}
	t := tree{level}
	for len(level) > 1 {
		above := make([]node, 0, (len(level)+1)/2)
		for i := 0; i+1 < len(level); i += 2 {
			above = append(above, inner(level[i], level[i+1]))
		}
		if len(level)%2 == 1 {
			above = append(above, level[len(level)-1])
		}
		t, level = append(t, above), above
	}
	return t
}

func (t tree) root() node { return t[len(t)-1][0] }

// place returns the place of a leaf.
func (t tree) place(index int) string {
	place := binary.BigEndian.AppendUint32(make([]byte, 0, placeNumbers+len(t)*sha256.Size), uint32(index))
	place = binary.BigEndian.AppendUint32(place, uint32(len(t[0])))
	for _, level := range t {
		if beside := index ^ 1; beside < len(level) {
			place = append(place, level[beside][:]...)
		}
		index /= 2
	}
	return base64.RawURLEncoding.EncodeToString(place)
}

// head is what is signed for a tree.
func head(root node, size int) []byte {
	return fmt.Appendf(nil, `{"root":"%s","size":%d}`, base64.RawURLEncoding.EncodeToString(root[:]), size)
}

// SignBatch signs 1 to MaxBatch payloads with one signature and returns their tokens,
// in order. The claimed time goes into the signed header as SignDetached does it.
func (s *Signer) SignBatch(payloads [][]byte, claimed time.Time) ([]string, error) {
	if len(payloads) == 0 || len(payloads) > MaxBatch {
		return nil, fmt.Errorf("a batch has 1 to %d payloads, not %d", MaxBatch, len(payloads))
	}
	t := newTree(payloads)
	signed, err := s.sign(head(t.root(), len(payloads)), claimed, batchType)
	if err != nil {
		return nil, err
	}
	tokens := make([]string, len(payloads))
	for i := range tokens {
		tokens[i] = signed + placeSeparator + t.place(i)
	}
	return tokens, nil
}

// headOf returns what the signature of a batch must cover if payload has the place
// that the text says.
func headOf(text string, payload []byte) ([]byte, error) {
	place, err := decode(text)
	if err != nil {
		return nil, malformed("place", "not base64url")
	}
	if len(place) < placeNumbers || len(place)%sha256.Size != placeNumbers {
		return nil, malformed("place", "not an index, a size and a path")
	}
	index, size := binary.BigEndian.Uint32(place), binary.BigEndian.Uint32(place[4:])
	if size > MaxBatch || index >= size {
		return nil, malformed("place", "leaf %d of %d", index, size)
	}
	root, err := climb(leaf(payload), int(index), int(size), place[placeNumbers:])
	if err != nil {
		return nil, malformed("place", "%v", err)
	}
	return head(root, int(size)), nil
}

// climb goes up from a leaf along a path.
func climb(at node, index, size int, path []byte) (node, error) {
	for ; size > 1; index, size = index/2, (size+1)/2 {
		if index^1 >= size {
			continue // no neighbour
		}
		if len(path) < sha256.Size {
			return at, errors.New("the path is too short")
		}
		beside := node(path[:sha256.Size])
		path = path[sha256.Size:]
		if index%2 == 1 {
			at = inner(beside, at)
		} else {
			at = inner(at, beside)
		}
	}
	if len(path) > 0 {
		return at, errors.New("the path is too long")
	}
	return at, nil
}

// InBatch reports whether a token is one of a batch.
func InBatch(token string) bool { return strings.Contains(token, placeSeparator) }
