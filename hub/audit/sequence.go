package audit

import (
	"context"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"slices"

	"github.com/lienthong/lienthong/hub"
)

// Every receipt has a number in the sequence of each agency that it names, from 1 in each
// year without gaps. The leaf holds no numbers and no names: it holds a tag for each, that
// only who has the key of an agency can tell from chance. With the key the whole sequence
// is found in the log, and whatever of it was kept back from the agency (decision 26).

// Tag stands in a leaf for a number in the sequence of an agency.
type Tag [16]byte

// tagsForm is the first byte of what a leaf and the extra data of its proof say of tags.
const tagsForm = 1

// SequenceSecret is what the keys of all agencies are derived from.
type SequenceSecret [sha256.Size]byte

// NewSequenceSecret derives the secret from the key of the log, so that all nodes that may
// let the log grow have the same. It does not lead back to the key.
func NewSequenceSecret(key ed25519.PrivateKey) SequenceSecret {
	return SequenceSecret(mac(key.Seed(), "lienthong sequences of agencies 1"))
}

// Key returns the key of an agency in a shard: for the agency itself and for auditors.
// Who has it finds the leaves of receipts that name the agency, not whom else they name.
func (s SequenceSecret) Key(origin string, agency hub.AgencyID) SequenceKey {
	return SequenceKey(mac(s[:], origin+"\n"+string(agency)))
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// SequenceKey makes the tags of one agency in one shard.
type SequenceKey [sha256.Size]byte

// Tags returns a maker of tags. It is not safe for concurrent use.
func (k SequenceKey) Tags() *TagMaker { return &TagMaker{hmac.New(sha256.New, k[:])} }

// String returns the key in hex.
func (k SequenceKey) String() string { return hex.EncodeToString(k[:]) }

// ParseSequenceKey reads what String writes.
func ParseSequenceKey(text string) (SequenceKey, error) {
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != sha256.Size {
		return SequenceKey{}, hub.Invalid("key", "hex", "the key of a sequence is 32 bytes in hex")
	}
	return SequenceKey(raw), nil
}

// TagMaker makes the tags of one key.
type TagMaker struct{ mac hash.Hash }

// Tag returns the tag of a number: the first 16 bytes of HMAC-SHA256 over the number as 8
// bytes, the greatest first.
func (m *TagMaker) Tag(number int64) Tag {
	var buffer [sha256.Size]byte
	m.mac.Reset()
	m.mac.Write(binary.BigEndian.AppendUint64(buffer[:0], uint64(number)))
	return Tag(m.mac.Sum(buffer[:0]))
}

// writeTags returns tags as the extra data of a proof holds them; the leaf has the same in
// base64.
func writeTags(tags []Tag) []byte {
	out := make([]byte, 1, 1+len(tags)*len(Tag{}))
	out[0] = tagsForm
	for i := range tags {
		out = append(out, tags[i][:]...)
	}
	return out
}

// readTags reads what writeTags writes. No bytes are the form of leaves before there were
// tags, which have none: nil.
func readTags(data []byte) ([]Tag, error) {
	const size = len(Tag{})
	if len(data) == 0 {
		return nil, nil
	}
	if data[0] != tagsForm || (len(data)-1)%size != 0 {
		return nil, hub.Invalid("proof", "extra", "the extra data of the proof are no tags of sequences")
	}
	tags := make([]Tag, 0, (len(data)-1)/size)
	for rest := data[1:]; len(rest) > 0; rest = rest[size:] {
		tags = append(tags, Tag(rest[:size]))
	}
	return tags, nil
}

// Seq is what a leaf says of sequences: tags in the form of writeTags, in base64. Empty in
// leaves that were made before there were any.
type Seq string

func seqText(tags []Tag) Seq {
	if tags == nil {
		return ""
	}
	return Seq(base64.StdEncoding.EncodeToString(writeTags(tags)))
}

// raw returns the bytes of writeTags; false when the text is another one than seqText writes.
func (s Seq) raw() ([]byte, bool) {
	raw, err := base64.StdEncoding.Strict().DecodeString(string(s))
	return raw, err == nil && base64.StdEncoding.EncodedLen(len(raw)) == len(s) && (len(raw) > 0 || s == "")
}

// Tags returns the tags; nil for a leaf of before.
func (s Seq) Tags() ([]Tag, error) {
	raw, ok := s.raw()
	if !ok {
		return nil, hub.Invalid("leaf", "seq", "the tags of a leaf are not in base64")
	}
	return readTags(raw)
}

// parties returns the agencies that an evidence names, each once: its sender, then its
// recipients in their order. These are whose sequences it has a number in.
func parties(sender hub.AgencyID, recipients []hub.AgencyID) []hub.AgencyID {
	all := make([]hub.AgencyID, 0, 1+len(recipients))
	if len(recipients) == 1 && sender != "" && recipients[0] != "" && sender != recipients[0] { // nearly always
		return append(all, sender, recipients[0])
	}
	seen := map[hub.AgencyID]bool{"": true} // nobody
	for _, id := range append([]hub.AgencyID{sender}, recipients...) {
		if !seen[id] {
			seen[id] = true
			all = append(all, id)
		}
	}
	return slices.Clip(all)
}

// NumberStore knows the sequences of agencies.
type NumberStore interface {
	// LogNumbers returns the last number of each of the agencies in a shard; those that
	// have none are left out.
	LogNumbers(ctx context.Context, origin string, agencies []hub.AgencyID) (map[hub.AgencyID]int64, error)
}

// SequenceStore lists the sequences of agencies.
type SequenceStore interface {
	NumberStore
	// LogSequence lists the receipts of a shard that name an agency, in order, behind a
	// number.
	LogSequence(ctx context.Context, origin string, agency hub.AgencyID, after int64, limit int) ([]hub.SequenceEntry, error)
	LogShards(ctx context.Context) ([]hub.LogShard, error)
}

// numbering gives numbers in one shard.
type numbering struct {
	store  NumberStore
	secret SequenceSecret
	origin string
	known  map[hub.AgencyID]*counter
}

type counter struct {
	last int64
	tags *TagMaker
}

func newNumbering(store NumberStore, secret SequenceSecret, origin string) *numbering {
	return &numbering{store, secret, origin, map[hub.AgencyID]*counter{}}
}

// learn reads the last numbers of agencies that are not known yet. What it read stays
// true: nobody else numbers, or the batch is refused.
func (n *numbering) learn(ctx context.Context, all [][]hub.AgencyID) error {
	unknown := map[hub.AgencyID]bool{}
	for _, agencies := range all {
		for _, id := range agencies {
			if n.known[id] == nil {
				unknown[id] = true
			}
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	wanted := make([]hub.AgencyID, 0, len(unknown))
	for id := range unknown {
		wanted = append(wanted, id)
	}
	last, err := n.store.LogNumbers(ctx, n.origin, wanted)
	if err != nil {
		return err
	}
	for _, id := range wanted {
		n.known[id] = &counter{last[id], n.secret.Key(n.origin, id).Tags()}
	}
	return nil
}

// next gives the next number of each of the agencies, which are known.
func (n *numbering) next(agencies []hub.AgencyID) ([]hub.AgencyNumber, []Tag) {
	numbers, tags := make([]hub.AgencyNumber, len(agencies)), make([]Tag, len(agencies))
	for i, id := range agencies {
		c := n.known[id]
		c.last++
		numbers[i], tags[i] = hub.AgencyNumber{Agency: id, Number: c.last}, c.tags.Tag(c.last)
	}
	return numbers, tags
}
