package hubtest

import (
	"bytes"
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// completed puts a dispatch together when its content is there and every delivery has
// ended.
func (m *Memory) completed(row *dispatchRow) (hub.Completed, bool) {
	c := hub.Completed{Dispatch: clone(row.dispatch), At: row.dispatch.AcceptedAt.UTC()}
	receipt, _ := m.evidence(row.receipt)
	c.Receipt = receipt.Ref()
	for _, p := range receipt.Evidence.Recipients {
		c.Recipients = append(c.Recipients, p.ID)
	}
	for _, id := range row.deliveries {
		v := m.deliveries[id]
		if !v.delivery.Final() {
			return c, false
		}
		if v.ended.After(c.At) {
			c.At = v.ended
		}
	}
	return c, row.dispatch.Purged == nil
}

// Completed lists dispatches of which every delivery has ended, oldest end first.
func (m *Memory) Completed(_ context.Context, q hub.CompletedQuery) ([]hub.Completed, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []hub.Completed
	for _, row := range m.dispatches {
		c, ok := m.completed(row)
		behind := cmp.Or(c.At.Compare(q.After), cmp.Compare(c.Dispatch.ID, q.AfterDispatch)) > 0
		if ok && behind && !c.At.After(q.Until) {
			list = append(list, c)
		}
	}
	slices.SortFunc(list, func(a, b hub.Completed) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Dispatch.ID, b.Dispatch.ID))
	})
	return list[:min(q.Limit, len(list))], nil
}

// Purge removes the content references of dispatches with the evidence of it.
func (m *Memory) Purge(ctx context.Context, batch hub.PurgeBatch) ([]error, error) {
	if err := m.change(ctx, "Purge"); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if batch.Rules != m.rules {
		return nil, rulesChanged()
	}
	results := make([]error, len(batch.Items))
	purged := map[hub.DispatchID]*hub.Purge{}
	var evidence []hub.SealedEvidence
	for i := range batch.Items {
		item := &batch.Items[i]
		row, ok := m.dispatches[item.Dispatch]
		if ok {
			_, ok = m.completed(row)
		}
		if !ok || purged[item.Dispatch] != nil {
			results[i] = hub.Errorf(hub.KindConflict, "dispatch", "state", "dispatch %s is not completed, or its content was purged before", item.Dispatch)
			continue
		}
		purged[item.Dispatch] = new(clone(item.Purge))
		evidence = append(evidence, item.Evidence)
	}
	if err := m.addEvidence("", evidence); err != nil {
		return nil, err
	}
	for id, p := range purged {
		m.dispatches[id].dispatch.Purged = p
	}
	return results, nil
}

func rulesChanged() error {
	return hub.Errorf(hub.KindConflict, "rules", "version", "the classes of retention or the legal holds have changed in the meantime")
}

// names gathers what living dispatches and reports name, by digest.
func (m *Memory) names() map[hub.Digest][]hub.DispatchID {
	named := map[hub.Digest][]hub.DispatchID{}
	for id, row := range m.dispatches {
		if row.dispatch.Purged != nil {
			continue
		}
		for _, p := range row.dispatch.Parts {
			if !slices.Contains(named[p.Digest], id) {
				named[p.Digest] = append(named[p.Digest], id)
			}
		}
	}
	for i := range m.reports {
		if e := m.reports[i].Envelope; e != nil {
			named[e.Digest] = append([]hub.DispatchID{}, named[e.Digest]...)
		}
	}
	return named
}

// Unreferenced returns those of the digests that nothing names.
func (m *Memory) Unreferenced(_ context.Context, digests []hub.Digest) ([]hub.Digest, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	named := m.names()
	for _, u := range m.uploads {
		for _, p := range u.Submission.Parts {
			named[p.Digest] = []hub.DispatchID{}
		}
	}
	for name := range m.notes {
		if kept, ok := strings.CutPrefix(name, hub.KeepNotes); ok {
			var d hub.Digest
			hex, _, _ := strings.Cut(kept, "/")
			if err := d.UnmarshalText([]byte(hex)); err != nil {
				return nil, err
			}
			named[d] = []hub.DispatchID{}
		}
	}
	return slices.DeleteFunc(slices.Clone(digests), func(d hub.Digest) bool { _, ok := named[d]; return ok }), nil
}

// NamedContent lists what dispatches and reports name, by digest.
func (m *Memory) NamedContent(_ context.Context, after hub.Digest, limit int) ([]hub.Digest, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := slices.SortedFunc(maps.Keys(m.names()), compareDigests)
	all = slices.DeleteFunc(all, func(d hub.Digest) bool { return !after.IsZero() && compareDigests(d, after) <= 0 })
	return all[:min(limit, len(all))], nil
}

func compareDigests(a, b hub.Digest) int { return bytes.Compare(a[:], b[:]) }

// DispatchesWith lists dispatches that name a content, by id.
func (m *Memory) DispatchesWith(_ context.Context, digest hub.Digest, limit int) ([]hub.DispatchID, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	ids := slices.Sorted(slices.Values(m.names()[digest]))
	return ids[:min(limit, len(ids))], nil
}

// RulesVersion returns how often the rules of retention were changed.
func (m *Memory) RulesVersion(context.Context) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.rules, nil
}

// ChangeRules saves notes when the rules are of the version.
func (m *Memory) ChangeRules(ctx context.Context, version int64, notes ...hub.RetentionNote) error {
	if err := m.change(ctx, "ChangeRules"); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if version != m.rules {
		return rulesChanged()
	}
	m.rules++
	m.saveNotes(notes)
	return nil
}

// SaveNotes inserts, replaces or, without a body, removes notes.
func (m *Memory) SaveNotes(ctx context.Context, notes ...hub.RetentionNote) error {
	if err := m.change(ctx, "SaveNotes"); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.saveNotes(notes)
	return nil
}

// SwapNote saves a note in the place of the one that was read.
func (m *Memory) SwapNote(ctx context.Context, was, now hub.RetentionNote) error {
	if err := m.change(ctx, "SwapNote"); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if stands := m.notes[now.Name]; !bytes.Equal(stands.Body, was.Body) {
		return hub.Errorf(hub.KindConflict, "note", "version", "the note %s has changed in the meantime", now.Name)
	}
	m.saveNotes([]hub.RetentionNote{now})
	return nil
}

func (m *Memory) saveNotes(notes []hub.RetentionNote) {
	for _, n := range notes {
		if len(n.Body) == 0 {
			delete(m.notes, n.Name)
			continue
		}
		m.notes[n.Name] = clone(n)
	}
}

// RecordVerdicts records a step of judging again.
func (m *Memory) RecordVerdicts(ctx context.Context, round hub.VerdictRound) error {
	if err := m.change(ctx, "RecordVerdicts"); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if stands, ok := m.notes[round.Was.Name]; !ok || !bytes.Equal(stands.Body, round.Was.Body) {
		return hub.Errorf(hub.KindConflict, "position", "version", "the round of another has come further")
	}
	if err := m.addEvidence("", round.Evidence); err != nil {
		return err
	}
	m.saveNotes(append(round.Notes, round.Position))
	return nil
}

// Note returns one note.
func (m *Memory) Note(_ context.Context, name string) (hub.RetentionNote, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, ok := m.notes[name]
	if !ok {
		return n, notFound("note")
	}
	return clone(n), nil
}

// Notes lists notes by name.
func (m *Memory) Notes(_ context.Context, q hub.NotesQuery) ([]hub.RetentionNote, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	names := slices.Sorted(maps.Keys(m.notes))
	if q.Backwards {
		slices.Reverse(names)
	}
	var list []hub.RetentionNote
	for _, name := range names {
		behind := q.After == "" || (name > q.After) != q.Backwards && name != q.After
		if behind && strings.HasPrefix(name, q.Prefix) && len(list) < q.Limit {
			list = append(list, clone(m.notes[name]))
		}
	}
	return list, nil
}

// now is the time that content is written at: that of the world's clock, if there is
// one.
func (b *Blobs) now() time.Time {
	if b.Now == nil {
		return time.Now().UTC()
	}
	return b.Now()
}

// BlobInfos lists content in the order of digests.
func (b *Blobs) BlobInfos(_ context.Context, after hub.Digest, limit int) ([]hub.BlobInfo, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var list []hub.BlobInfo
	for _, digest := range slices.SortedFunc(maps.Keys(b.content), compareDigests) {
		if (after.IsZero() || compareDigests(digest, after) > 0) && len(list) < limit {
			list = append(list, hub.BlobInfo{Digest: digest, Size: int64(len(b.content[digest])), Written: b.written[digest]})
		}
	}
	return list, nil
}

// RemoveBlob removes content that was last stored before the instant.
func (b *Blobs) RemoveBlob(_ context.Context, digest hub.Digest, before time.Time) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch _, ok := b.content[digest]; {
	case !ok:
		return hub.Errorf(hub.KindNotFound, "sha256", "", "there is no content with the SHA-256 %s", digest)
	case !b.written[digest].Before(before):
		return hub.Errorf(hub.KindConflict, "sha256", "written", "the content was stored at %s", b.written[digest])
	}
	delete(b.content, digest)
	return nil
}

// SweepStaging removes staged bytes that have not changed since the instant.
func (b *Blobs) SweepStaging(_ context.Context, before time.Time) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	removed := 0
	for id := range b.staged {
		if b.appended[id].Before(before) {
			delete(b.staged, id)
			removed++
		}
	}
	return removed, nil
}
