package backup

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"strconv"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/lienthong/lienthong/hub"
)

// fenceGap is by how much a restore raises fences: more leases than anybody took of
// one delivery after the backup. Whoever holds a lease from before cannot act on it.
const fenceGap = 1_000_000

// Restored counts what a restore brought back.
type Restored struct {
	Records int64 `json:"records"`
	Objects int64 `json:"objects"`
	// Without are originals that the backup is without.
	Without []Unreadable `json:"without,omitempty"`
}

// Restore brings the backup into an empty target: files by keep, then originals, then
// all state in one act. When it fails, the target is as good as empty and it can be
// called again. Every byte is checked before it counts. Leases end.
func (b *Backup) Restore(ctx context.Context, t Target, keep func(File) error, progress Progress) (Restored, error) {
	r := Restored{Without: b.Manifest.Unreadable}
	if err := checkEmpty(ctx, t); err != nil {
		return r, err
	}
	if err := b.checkChunks(); err != nil {
		return r, err
	}
	if err := b.Files(ctx, keep); err != nil {
		return r, wrap("restore the files", err)
	}
	if err := b.restoreObjects(ctx, t, &r, progress); err != nil {
		return r, wrap("restore the originals", err)
	}
	err := b.Import(ctx, t.Import, func(n int64) {
		r.Records = n
		progress.tell("records", n, b.Manifest.total())
	})
	return r, wrap("restore the records", err)
}

// total counts the records of stores.
func (m *Manifest) total() int64 {
	var n int64
	for kind, count := range m.Records {
		if kind != recordFile {
			n += count
		}
	}
	return n
}

// checkEmpty looks before the originals are copied, which may take hours; Import looks
// again.
func checkEmpty(ctx context.Context, t Target) error {
	found := hub.Errorf(hub.KindConflict, "data-dir", "empty", "the stores are not empty: a restore goes into empty ones only")
	err := t.Export(ctx, func(r hub.Record) error {
		if r.Kind == hub.RecordCounter || r.Kind == hub.RecordSetting {
			return nil // of an empty store too
		}
		return found
	})
	if errors.Is(err, found) {
		return found
	}
	return err
}

// checkChunks finds a hole before work begins.
func (b *Backup) checkChunks() error {
	for _, c := range b.Manifest.Chunks {
		if len(c.Name) < 2 || !exists(b.repository.filePath("chunks", c.Name)) {
			return damaged("chunks/"+c.Name, errors.New("it is not there"))
		}
	}
	return nil
}

// Files hands out the files of the backup.
func (b *Backup) Files(ctx context.Context, keep func(File) error) error {
	return b.each(ctx, func(kind hub.RecordKind) bool { return kind == recordFile }, func(r hub.Record) error {
		var file File
		if err := json.Unmarshal(r.Body, &file); err != nil {
			return damaged("a file in the backup", err)
		}
		return keep(file)
	})
}

// Contents lists the originals that the records name, each once.
func (b *Backup) Contents(ctx context.Context) ([]hub.ContentRef, error) {
	var refs []hub.ContentRef
	err := b.each(ctx, nil, func(r hub.Record) error {
		found, err := r.Contents()
		refs = append(refs, found...)
		return err
	})
	return distinct(refs), err
}

func (b *Backup) restoreObjects(ctx context.Context, t Target, r *Restored, progress Progress) error {
	refs, err := b.Contents(ctx)
	if err != nil {
		return err
	}
	without := map[hub.Digest]bool{}
	for _, u := range b.Manifest.Unreadable {
		without[u.Digest] = true
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	var done atomic.Int64
	for _, ref := range refs {
		if without[ref.Digest] {
			continue
		}
		group.Go(func() error {
			err := b.restoreObject(ctx, t, ref)
			progress.tell("originals", done.Add(1), int64(len(refs)))
			return err
		})
	}
	err = group.Wait()
	r.Objects = done.Load()
	return err
}

func (b *Backup) restoreObject(ctx context.Context, t Target, ref hub.ContentRef) error {
	if blob, err := t.OpenBlob(ctx, ref.Digest); err == nil {
		size := blob.Size()
		if err := blob.Close(); err == nil && size == ref.Size {
			return nil // by a restore that broke off; verify-store reads it
		}
	}
	in, err := b.OpenContent(ctx, ref.Digest)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := t.CreateBlob(ctx)
	if err != nil {
		return err
	}
	defer out.Discard()
	if _, err := copyAll(ctx, out, in); err != nil {
		return err
	}
	_, _, err = out.Commit() // of bytes that were found right
	return err
}

// Import puts the records of stores through an import, with fences raised. It checks
// every chunk before its records are used.
func (b *Backup) Import(ctx context.Context, into func(context.Context, func() (hub.Record, error)) error, progress func(int64)) error {
	next, stop := iter.Pull2(b.stored(ctx))
	defer stop()
	var n int64
	return into(ctx, func() (hub.Record, error) {
		r, err, ok := next()
		if !ok {
			progress(n)
			return r, io.EOF
		}
		if n++; n%1000 == 0 {
			progress(n)
		}
		if err == nil && r.Kind == hub.RecordDelivery {
			r.Body, err = raiseFence(r.Body)
		}
		return r, err
	})
}

// stored yields the records of stores.
func (b *Backup) stored(ctx context.Context) iter.Seq2[hub.Record, error] {
	return func(yield func(hub.Record, error) bool) {
		enough := errors.New("enough")
		err := b.each(ctx, func(kind hub.RecordKind) bool { return kind != recordFile }, func(r hub.Record) error {
			if !yield(r, nil) {
				return enough
			}
			return nil
		})
		if err != nil && !errors.Is(err, enough) {
			yield(hub.Record{}, err)
		}
	}
}

// raiseFence ends the lease of a delivery. What else the record says stays.
func raiseFence(body json.RawMessage) (json.RawMessage, error) {
	var record map[string]json.RawMessage
	var fence int64
	err := json.Unmarshal(body, &record)
	if err == nil {
		err = json.Unmarshal(record["fence"], &fence)
	}
	if err != nil {
		return nil, damaged("a delivery in the backup", err)
	}
	record["fence"] = strconv.AppendInt(nil, fence+fenceGap, 10)
	record["lease_until"], record["lease_holder"] = json.RawMessage("0"), json.RawMessage(`""`)
	raised, err := json.Marshal(record)
	return raised, wrap("encode a delivery", err)
}
