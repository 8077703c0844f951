package bundle

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
)

// Files of a rehash while a bundle is made.
type rehashFiles struct {
	head    []byte
	entries map[int64][]byte // proofs by index
	stamps  map[int64][]byte // proofs by place
}

// rehashed takes the rehashes that hold a receipt.
func (g *gathering) rehashed(shard string, list []audit.Rehashed) {
	for i := range list {
		r := &list[i]
		name := rehashName(shard, r.Number)
		if g.rehashes[name] == nil {
			g.rehashes[name] = &rehashFiles{head: r.Head, entries: map[int64][]byte{}, stamps: map[int64][]byte{}}
			for n, token := range r.Tokens {
				g.tokens[renewalName(name+endToken, n)] = token
			}
		}
		files := g.rehashes[name]
		files.entries[r.Entry.Index] = r.Entry.Text()
		for _, proof := range append(slices.Clone(r.Earlier), r.Stamp) {
			files.stamps[proof.Index] = proof.Text()
		}
	}
}

func (g *gathering) addRehashes() {
	for _, name := range slices.Sorted(maps.Keys(g.rehashes)) {
		files := g.rehashes[name]
		g.add(name+endHead, "text/plain", files.head)
		g.add(name+endEntries, "text/plain", joined(files.entries))
		g.add(name+endStamps, "text/plain", joined(files.stamps))
	}
}

// joined writes proofs in order, with an empty line between two.
func joined(proofs map[int64][]byte) []byte {
	var texts [][]byte
	for _, at := range slices.Sorted(maps.Keys(proofs)) {
		texts = append(texts, proofs[at])
	}
	return bytes.Join(texts, []byte("\n"))
}

// rehash is one of a shard, as far as it can be read and its tokens count.
type rehash struct {
	name    string // the beginning of its files
	number  int
	text    []byte
	head    audit.RehashHead
	tokens  [][]byte // all of them, over the head
	lineage *lineage
	entries map[int64]audit.RehashProof
	stamps  []audit.RehashProof
	end     hub.TokenEnd // of its last token or its digest, whichever is first
	counts  bool         // it holds a time-stamp, and was made in time
	parts   []audit.RehashPart
}

func shardOf(token string) string {
	shard, _, _ := strings.Cut(strings.TrimPrefix(token, logFolder), "-")
	return shard
}

// rehashesOf reads the rehashes of a shard. One whose tokens lead to none of the roots of
// whoever verifies has no lineage.
func (v *verification) rehashesOf(shard string) []*rehash {
	var set []*rehash
	for number := 1; number <= maxRehashes; number++ {
		name := rehashName(shard, number)
		if _, there := v.files[name+endHead]; !there {
			continue
		}
		if r := v.readRehash(name, number); r != nil {
			set = append(set, r)
		}
	}
	return set
}

func (v *verification) readRehash(name string, number int) *rehash {
	r := &rehash{name: name, number: number, entries: map[int64]audit.RehashProof{}}
	text, ok := v.read(name + endHead)
	token, has := v.read(name + endToken)
	entries, readable := v.readProofs(name+endEntries, maxReceipts)
	var also bool
	if r.stamps, also = v.readProofs(name+endStamps, maxReceipts+maxRehashes); !ok || !has || !readable || !also {
		return nil
	}
	for i := range entries {
		r.entries[entries[i].Index] = entries[i]
	}
	var err error
	r.text, r.tokens = text, [][]byte{token}
	if r.head, err = audit.ParseRehashHead(text); err != nil {
		v.fail(stepRenewal, hub.SubFormatFailure, "unreadable", name, err)
		return nil
	}
	for _, file := range v.renewalsOf(name + endToken) {
		if later, ok := v.read(file); ok {
			r.tokens = append(r.tokens, later)
		}
	}
	switch verdict := v.judge.Token(token, text); verdict.Indication {
	case hub.TotalPassed:
		r.lineage = v.lineage(name+endToken, &stamped{text, token, verdict.ProvenAt})
	case hub.TotalFailed:
		v.fail(stepRenewal, verdict.Sub, "judged", name+endToken, english(verdict.Reason))
		return nil
	default:
		v.note(stepRenewal, "token_ignored", name+endToken, english(verdict.Reason))
	}
	if r.lineage != nil {
		r.end = r.lineage.last().end
		if at := v.judge.DigestEnd(r.head.Digest.Name); !at.IsZero() && at.Before(r.end.At) {
			r.end = hub.TokenEnd{At: at, Why: r.head.Digest.Name + " is relied upon no longer", Sub: hub.SubCryptoConstraintsNoPOE}
		}
	}
	return r
}

// readProofs reads what joined writes, which is no more than so many proofs. All that a
// bundle has of them stays in memory.
func (v *verification) readProofs(name string, most int) ([]audit.RehashProof, bool) {
	text, ok := v.readUpTo(name, maxProofs)
	if !ok {
		return nil, false
	}
	if v.proofs += len(text); v.proofs > maxAllProofs || bytes.Count(text, []byte("\n\n")) >= most {
		v.fail(stepRenewal, hub.SubFormatFailure, "proofs_many", name, most, maxAllProofs)
		return nil, false
	}
	var proofs []audit.RehashProof
	for rest, more := text, true; more; {
		var one []byte
		if one, rest, more = bytes.Cut(rest, []byte("\n\n")); more {
			one = append(bytes.Clone(one), '\n')
		}
		proof, err := audit.ParseRehashProof(one)
		if err != nil {
			v.fail(stepRenewal, hub.SubFormatFailure, "unreadable", name, err)
			return nil, false
		}
		proofs = append(proofs, proof)
	}
	return proofs, true
}

// holders asks which rehashes hold a time-stamp with the receipts under it, and returns the
// one that lasts longest of those that were made in time; nil without. It says why one was
// of no use, and returns false for what no honest hub puts into a bundle.
func (v *verification) holders(name string, l *lineage, set []*rehash) (best *rehash, problem string, ok bool) {
	before := []*rehash{} // that hold it in time
	for i, r := range set {
		count, holds, fine := v.holdsStamp(r, 0, v.tokens[name].note, v.lineageTokens(name))
		if !fine {
			return nil, "", false
		}
		if !holds {
			problem = r.name + " does not hold it"
			continue
		}
		if fine, holds = v.holdsReceipts(r, name); !fine {
			return nil, "", false
		}
		switch {
		case !holds:
			problem = r.name + " does not hold every receipt under it"
			continue
		case r.lineage == nil:
			problem = r.name + endToken + " does not count"
			continue
		}
		from := &l.links[min(count, len(l.links))-1]
		made := r.lineage.links[0].time
		if made.Before(from.time) {
			v.fail(stepRenewal, hub.SubTimestampOrderFailure, "rehash_order", r.name, iso(made), iso(from.time))
			return nil, "", false
		}
		tree := v.judge.DigestEnd(logDigest)
		intime := !made.After(from.end.At) && (tree.IsZero() || !made.After(tree))
		for _, earlier := range set[:i] {
			count, holds, fine := v.holdsStamp(r, earlier.number, earlier.text, earlier.tokens)
			if !fine {
				return nil, "", false
			}
			if !holds || !slices.Contains(before, earlier) {
				continue
			}
			last := earlier.lineage.links[min(count, len(earlier.lineage.links))-1].end.At
			digest := v.judge.DigestEnd(earlier.head.Digest.Name)
			intime = intime || !made.After(last) && (digest.IsZero() || !made.After(digest))
		}
		if !intime {
			problem = r.name + " was made too late, on " + iso(made)
			continue
		}
		before, r.counts = append(before, r), true
		if best == nil || r.end.At.After(best.end.At) {
			best = r
		}
	}
	return best, problem, true
}

// lineageTokens are all tokens of a checkpoint, those that do not count, too.
func (v *verification) lineageTokens(name string) [][]byte {
	tokens := [][]byte{v.tokens[name].token}
	for _, file := range v.renewalsOf(name) {
		if token, ok := v.read(file); ok {
			tokens = append(tokens, token)
		}
	}
	return tokens
}

// holdsStamp looks in a rehash for the tokens over a note, or over the head of an earlier
// rehash of that number, and returns how many of them it holds.
func (v *verification) holdsStamp(r *rehash, number int, over []byte, tokens [][]byte) (count int, holds, ok bool) {
	want := r.head.Digest.Sum(over)
	for i := range r.stamps {
		p := &r.stamps[i]
		if !bytes.Contains(p.Leaf, fmt.Appendf(nil, `"%x"`, want)) {
			continue // about another one
		}
		count, err := p.HoldsStamp(&r.head, number, over, tokens)
		if err != nil {
			v.fail(stepRenewal, hub.SubHashFailure, "unreadable", r.name+endStamps, err)
			return 0, false, false
		}
		return count, true, true
	}
	return 0, false, true
}

// holdsReceipts asks whether a rehash holds every receipt under a time-stamp.
func (v *verification) holdsReceipts(r *rehash, name string) (ok, holds bool) {
	for i := range v.receipts {
		receipt := &v.receipts[i]
		if tokenName(&receipt.head) != name {
			continue
		}
		p, there := r.entries[receipt.proof.Index]
		if !there {
			return true, false
		}
		if r.head.Origin != receipt.head.Origin {
			v.fail(stepRenewal, hub.SubHashFailure, "rehash_other_log", r.name, r.head.Origin)
			return false, false
		}
		entry, err := receipt.proof.Leaf(&receipt.SealedEvidence)
		if err != nil {
			return true, false // told already
		}
		want := audit.RehashLeafOf(&r.head.Digest, entry, receipt.Canonical, []byte(receipt.JWS))
		parts, err := p.HoldsEntry(&r.head, receipt.proof.Index, &want)
		if err == nil {
			err = r.takeParts(&receipt.Evidence, parts)
		}
		if err != nil {
			v.fail(stepRenewal, hub.SubHashFailure, "rehash_receipt", r.name+endEntries, receipt.name, err)
			return false, false
		}
	}
	return true, true
}

// takeParts takes what a rehash says of the files that an acceptance names: of each that it
// is kept, with its digest, or why there is none.
func (r *rehash) takeParts(e *hub.Evidence, parts []audit.RehashPart) error {
	var named []hub.PartFact
	if e.Event == hub.EventSubmissionAcceptance && e.Content != nil {
		named = e.Content.Parts
	}
	wrong := len(parts) != len(named)
	for i := 0; i < len(named) && !wrong; i++ {
		kept := parts[i].State == audit.RehashKept
		wrong = parts[i].SHA256 != named[i].SHA256 || kept != (len(parts[i].Digest) > 0) ||
			!kept && parts[i].State != audit.RehashPurged && parts[i].State != audit.RehashMissing
	}
	if wrong {
		return hub.Errorf(hub.KindUntrusted, "rehash", "content", "the leaf does not say of each file that the acceptance names which digest it has, or why there is none")
	}
	if named != nil {
		r.parts = parts
	}
	return nil
}

// checkStrongly compares the files of the document, in the bundle and beside it, with the
// digests of the rehashes. Once SHA-256 is relied upon no longer nothing else tells them
// from others.
func (v *verification) checkStrongly(ctx context.Context, sets map[string][]*rehash) error {
	root := v.accepted()
	if root == nil || root.Content == nil {
		return nil
	}
	tree := v.judge.DigestEnd(logDigest)
	ended := !tree.IsZero() && v.ValidatedAt.After(tree)
	for _, set := range sets {
		for _, r := range set {
			if r.counts && r.parts != nil {
				v.newest = r
			}
		}
	}
	for i := range root.Content.Parts {
		if err := v.checkStrong(ctx, i, &root.Content.Parts[i], ended); err != nil {
			return err
		}
	}
	return nil
}

// checkStrong compares one part, wherever it is.
func (v *verification) checkStrong(ctx context.Context, n int, part *hub.PartFact, ended bool) error {
	sources := map[string]io.Reader{}
	if name := contentName(n+1, part); v.files[name] {
		sources[name] = v.container.Open(name)
	}
	for i := range v.Originals {
		o := &v.Originals[i]
		if o.SHA256 != part.SHA256 || o.Open == nil || !ended {
			continue
		}
		file, err := o.Open()
		if err != nil {
			return hub.Invalid("content", "file", "%s: %v", o.Name, err)
		}
		defer file.Close()
		sources[o.Name] = file
	}
	for _, name := range slices.Sorted(maps.Keys(sources)) {
		if v.newest == nil || len(v.newest.parts[n].Digest) == 0 {
			if ended {
				v.doubt(stepContent, hub.SubCryptoConstraintsNoPOE, "digest_old", name)
			}
			continue
		}
		h := v.newest.head.Digest.New()
		if err := digestInto(ctx, h, sources[name]); err != nil {
			return err
		}
		if !bytes.Equal(h.Sum(nil), v.newest.parts[n].Digest) {
			v.fail(stepContent, hub.SubHashFailure, "digest_new", name, v.newest.head.Digest.Name, part.Name)
		}
	}
	return nil
}

func (v *verification) digest(ctx context.Context, name string) (hub.Digest, error) {
	sum := sha256.New()
	err := digestInto(ctx, sum, v.container.Open(name))
	return hub.Digest(sum.Sum(nil)), err
}

// digestInto digests a file of any size.
func digestInto(ctx context.Context, sum hash.Hash, content io.Reader) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, err := io.CopyN(sum, content, 1<<20); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return hub.Internal("read a file of a bundle", err)
		}
	}
}
