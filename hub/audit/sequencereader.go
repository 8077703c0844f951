package audit

import (
	"context"
	"slices"
	"strconv"

	"github.com/lienthong/lienthong/hub"
)

// SequenceReader shows sequences to the agencies that they are of, and to auditors.
type SequenceReader struct {
	Store  SequenceStore
	Secret *SequenceSecret // nil at a node that does not have the key of the log
}

// maxSequencePage is how many receipts of a sequence are listed at once.
const maxSequencePage = 1000

// Sequence lists what the log has published of the sequence of an agency. It needs
// ScopeRead for that agency, or ScopeAudit.
func (r *SequenceReader) Sequence(ctx context.Context, actor hub.Actor, query hub.SequenceQuery) (hub.Sequence, error) {
	out := hub.Sequence{Agency: query.Agency, Items: []hub.SequenceItem{}}
	if !actor.Has(hub.ScopeAudit) {
		if err := actor.SpeaksFor(query.Agency, hub.ScopeRead); err != nil {
			return out, err
		}
	}
	if r.Secret == nil {
		return out, hub.Errorf(hub.KindUnavailable, "log", "log_key", "this node does not have the key of the log, from which the keys of sequences are derived; ask another one")
	}
	shards, err := r.Store.LogShards(ctx)
	if err != nil {
		return out, err
	}
	shards = slices.DeleteFunc(shards, func(s hub.LogShard) bool {
		return s.Head.Size == 0 || query.Year != 0 && ShardName(s.Origin) != strconv.Itoa(query.Year)
	})
	if len(shards) == 0 {
		return out, hub.Errorf(hub.KindNotFound, "year", "", "there is no log of that year")
	}
	shard := &shards[len(shards)-1]
	out.Log, out.Size, out.Key = shard.Origin, shard.Head.Size, r.Secret.Key(shard.Origin, query.Agency).String()
	limit := min(max(query.Limit, 1), maxSequencePage)
	entries, err := r.Store.LogSequence(ctx, shard.Origin, query.Agency, query.After, limit)
	if err != nil {
		return out, err
	}
	for i := range entries {
		e := &entries[i]
		if e.Index >= out.Size {
			return out, nil
		}
		leaf, err := ParseLeaf(e.Data)
		if err != nil || leaf.SHA256 == nil {
			return out, damaged("entry %d of %s is no receipt", e.Index, shard.Origin)
		}
		out.Items = append(out.Items, hub.SequenceItem{Number: e.Number, Index: e.Index, Evidence: e.Evidence, SHA256: *leaf.SHA256, Event: leaf.Event, Time: leaf.Time})
	}
	if len(entries) == limit {
		out.Next = entries[limit-1].Number
	}
	return out, nil
}

// SequenceWatch looks in the public log for the sequence of an agency, with what the hub
// said of it. It keeps a tag in memory for each number.
type SequenceWatch struct {
	said   hub.Sequence
	found  func(rule, format string, args ...any)
	line   line
	byTag  map[Tag]int64
	ahead  int64 // greatest number whose tag is known
	listed map[int64]hub.SequenceItem
}

// WatchSequence returns a watch for what a hub said. Errors are of KindInvalid.
func WatchSequence(said hub.Sequence, found func(rule, format string, args ...any)) (*SequenceWatch, error) {
	key, err := ParseSequenceKey(said.Key)
	if err != nil {
		return nil, err
	}
	w := &SequenceWatch{said: said, found: found, byTag: map[Tag]int64{}, listed: map[int64]hub.SequenceItem{}}
	w.line = line{name: "the sequence of " + string(said.Agency), tags: key.Tags()}
	for i, item := range said.Items {
		if item.Number != int64(i)+1 {
			found("sequence_list", "%s in %s: the hub lists the number %d behind %d", w.line.name, said.Log, item.Number, i)
		}
		w.listed[item.Number] = item
	}
	w.reach(tagsAhead)
	return w, nil
}

func (w *SequenceWatch) reach(number int64) {
	for ; w.ahead < number; w.ahead++ {
		w.byTag[w.line.tags.Tag(w.ahead+1)] = w.ahead + 1
	}
}

// Entry takes the next entry of the log.
func (w *SequenceWatch) Entry(origin string, index int64, data []byte) error {
	leaf, err := ParseLeaf(data)
	if origin != w.said.Log || err != nil || leaf.Type != leafReceipt {
		return nil //nolint:nilerr // the replay says so
	}
	tags, err := leaf.Seq.Tags()
	if err != nil {
		w.found("sequence_tag", "entry %d of %s: %v", index, origin, err)
	}
	for _, tag := range tags {
		number, mine := w.byTag[tag]
		if !mine {
			continue
		}
		w.line.take(number, origin, index, w.found)
		w.reach(number + tagsAhead)
		item, listed := w.listed[number]
		switch {
		case !listed && index < w.said.Size:
			w.found("sequence_hidden", "%s in %s: entry %d has the number %d, and the hub did not list it", w.line.name, origin, index, number)
		case listed && (item.Index != index || item.SHA256 != *leaf.SHA256):
			w.found("sequence_list", "%s in %s: the hub lists evidence %s as number %d, and in the log entry %d has it, about another evidence or at another place", w.line.name, origin, item.Evidence, number, index)
		}
		delete(w.listed, number)
	}
	return nil
}

// End tells what the hub listed and the log does not hold.
func (w *SequenceWatch) End() {
	for number, item := range w.listed {
		w.found("sequence_list", "%s in %s: the hub lists evidence %s as number %d, and the log has no such number", w.line.name, w.said.Log, item.Evidence, number)
	}
}
