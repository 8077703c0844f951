package audit

import (
	"strconv"

	"github.com/lienthong/lienthong/hub"
)

// Proven is what a proof shows about an evidence.
type Proven struct {
	Origin    string        `json:"origin"`
	Index     int64         `json:"index"`
	Size      int64         `json:"size"` // of the tree
	Root      hub.Digest    `json:"root"`
	Witnesses []Cosignature `json:"witnesses"`
	Quorum    bool          `json:"quorum"` // enough witnesses have seen the tree
}

// Prove checks a proof that a log of the policy holds an evidence, with the very
// signature that it has here, in a shard of the log that the evidence names. It needs
// nothing but what it is given. Whether enough witnesses have seen the tree is told and
// is no error; every other doubt is one of KindInvalid or KindUntrusted.
func (p *Policy) Prove(sealed *hub.SealedEvidence, text []byte) (Proven, error) {
	proof, err := ParseProof(text)
	if err != nil {
		return Proven{}, err
	}
	w, err := p.Open(proof.Note)
	if err != nil {
		return Proven{}, err
	}
	c := w.Checkpoint
	out := Proven{Origin: c.Origin, Index: proof.Index, Size: c.Size, Root: c.Root, Witnesses: append([]Cosignature{}, w.Cosignatures...), Quorum: w.Quorum}
	return out, proof.Holds(&c, sealed)
}

// Holds checks that the tree of a checkpoint, which is that of the proof, holds an
// evidence with the very signature that it has here, in a shard of the log that the
// evidence names. Whether the checkpoint is signed is for a Policy to say. Errors are of
// KindInvalid or KindUntrusted.
func (p *Proof) Holds(c *Checkpoint, sealed *hub.SealedEvidence) error {
	year, err := strconv.Atoi(ShardName(c.Origin))
	if err != nil || c.Origin != sealed.Evidence.Log.Origin+"/"+strconv.Itoa(year) {
		return hub.Errorf(hub.KindUntrusted, "proof", "origin", "the evidence goes to the log %.80q, the proof is one of %.80q", sealed.Evidence.Log.Origin, c.Origin)
	}
	if year < sealed.Evidence.Time.UTC().Year() {
		return hub.Errorf(hub.KindUntrusted, "proof", "backdated", "the evidence is of %s, and the log of %d cannot hold it", sealed.Evidence.Time, year)
	}
	leaf, err := p.Leaf(sealed)
	if err != nil {
		return err
	}
	return p.Check(c, leaf)
}

// Leaf is the entry that the proof is about, if it is one of an evidence.
func (p *Proof) Leaf(sealed *hub.SealedEvidence) ([]byte, error) {
	tags, err := readTags(p.Extra)
	if err != nil {
		return nil, err
	}
	return ReceiptLeaf(sealed.Canonical, sealed.JWS, tags)
}
