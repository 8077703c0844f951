package storagetest

import (
	"bytes"
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Keeping lists and removes content.
type Keeping interface {
	// BlobInfos lists content in the order of digests, after the given one (zero: from
	// the start), limit at most.
	BlobInfos(ctx context.Context, after hub.Digest, limit int) ([]hub.BlobInfo, error)
	// RemoveBlob removes content that was last written before the instant; KindConflict
	// when it was written since, KindNotFound when it is absent.
	RemoveBlob(ctx context.Context, digest hub.Digest, before time.Time) error
	// SweepStaging removes unfinished content and staged bytes that have not changed
	// since the instant, and returns how many.
	SweepStaging(ctx context.Context, before time.Time) (int, error)
}

// soon is an instant behind everything that was written so far: some stores tell times
// in whole seconds.
func soon() time.Time { return time.Now().Add(time.Minute) }

// testBlobInfos: content is listed by digest, in pages, with size and time.
func testBlobInfos(t *testing.T, back BlobBackend) {
	s := back.Open(t)
	began := time.Now().Add(-2 * time.Second)
	want := map[hub.Digest]int64{}
	for i := range 40 {
		body := append(content(100+i), byte(i))
		want[put(t, s, body)] = int64(len(body))
	}
	var listed []hub.Digest
	for after := (hub.Digest{}); ; {
		page, err := s.BlobInfos(t.Context(), after, 7)
		if err != nil {
			t.Fatal(err)
		}
		for _, info := range page {
			if info.Size != want[info.Digest] || info.Written.Before(began) || info.Written.After(soon()) || info.Written.Location() != time.UTC {
				t.Errorf("%+v, want the size %d and a time of now in UTC", info, want[info.Digest])
			}
			listed = append(listed, info.Digest)
			after = info.Digest
		}
		if len(page) < 7 {
			break
		}
	}
	if len(listed) != len(want) || !slices.IsSortedFunc(listed, func(a, b hub.Digest) int { return bytes.Compare(a[:], b[:]) }) {
		t.Errorf("%d of %d contents were listed, in order: %v", len(listed), len(want), listed)
	}
}

// testRemoveBlob: content that was written before the instant goes, younger stays, and
// what was removed can be stored again.
func testRemoveBlob(t *testing.T, back BlobBackend) {
	s := back.Open(t)
	body := content(5000)
	digest, other := put(t, s, body), put(t, s, content(6000))
	wantKind(t, hub.KindConflict, s.RemoveBlob(t.Context(), digest, time.Now().Add(-time.Minute)))
	if !bytes.Equal(get(t, s, digest), body) {
		t.Error("young content changed")
	}
	if err := s.RemoveBlob(t.Context(), digest, soon()); err != nil {
		t.Fatal(err)
	}
	_, err := s.OpenBlob(t.Context(), digest)
	wantKind(t, hub.KindNotFound, err)
	wantKind(t, hub.KindNotFound, s.RemoveBlob(t.Context(), digest, soon()))
	if infos, err := s.BlobInfos(t.Context(), hub.Digest{}, 10); err != nil || len(infos) != 1 || infos[0].Digest != other {
		t.Errorf("listed are %v, %v", infos, err)
	}
	if back.Count != nil && back.Count(t, s) != 1 {
		t.Errorf("%d things are stored, want 1", back.Count(t, s))
	}
	if put(t, s, body) != digest || !bytes.Equal(get(t, s, digest), body) {
		t.Error("the content did not come back")
	}
}

// testRenewBlob: to store content that is there already makes it young again.
func testRenewBlob(t *testing.T, back BlobBackend) {
	if back.Age == nil {
		t.Skip("this store cannot be made old")
	}
	s := back.Open(t)
	for name, store := range map[string]func(body []byte) hub.Digest{
		"written": func(body []byte) hub.Digest { return put(t, s, body) },
		"staged": func(body []byte) hub.Digest {
			digest, err := stageAll(t.Context(), s, "u", body)
			if err != nil {
				t.Fatal(err)
			}
			return digest
		},
	} {
		body := append(content(3000), name...)
		digest := put(t, s, body)
		back.Age(t, s, digest, time.Now().Add(-48*time.Hour))
		dayAgo := time.Now().Add(-24 * time.Hour)
		if infos, err := s.BlobInfos(t.Context(), hub.Digest{}, 10); err != nil || !slices.ContainsFunc(infos, func(i hub.BlobInfo) bool { return i.Digest == digest && i.Written.Before(dayAgo) }) {
			t.Fatalf("%s: the content is not old: %v, %v", name, infos, err)
		}
		if store(body) != digest {
			t.Fatalf("%s: another digest", name)
		}
		wantKind(t, hub.KindConflict, s.RemoveBlob(t.Context(), digest, dayAgo))
		if !bytes.Equal(get(t, s, digest), body) {
			t.Errorf("%s: the content changed", name)
		}
	}
}

// testRemoveAgainstWriters: whoever has stored content finds it, however often it is
// removed at the same time for being old.
func testRemoveAgainstWriters(t *testing.T, back BlobBackend) {
	if back.Age == nil {
		t.Skip("this store cannot be made old")
	}
	s := back.Open(t)
	body := content(2000)
	for range 60 {
		digest := put(t, s, body)
		back.Age(t, s, digest, time.Now().Add(-48*time.Hour))
		var both sync.WaitGroup
		both.Go(func() {
			err := s.RemoveBlob(t.Context(), digest, time.Now().Add(-24*time.Hour))
			if err != nil && hub.KindOf(err) != hub.KindConflict {
				t.Errorf("removing: %v", err)
			}
		})
		both.Go(func() {
			w, err := s.CreateBlob(t.Context())
			if err == nil {
				defer w.Discard()
				if _, err = w.Write(body); err == nil {
					_, _, err = w.Commit()
				}
			}
			if err != nil {
				t.Errorf("writing: %v", err)
			}
		})
		both.Wait()
		if !bytes.Equal(get(t, s, digest), body) {
			t.Fatal("content that was just stored is gone")
		}
	}
}

// testSweepStaging: what nobody has touched since the instant goes, younger stays, and
// content is not touched.
func testSweepStaging(t *testing.T, back BlobBackend) {
	s := back.Open(t)
	digest := put(t, s, content(100))
	if _, err := s.AppendStaged(t.Context(), "u-1", 0, bytes.NewReader(content(1000))); err != nil {
		t.Fatal(err)
	}
	if n, err := s.SweepStaging(t.Context(), time.Now().Add(-time.Minute)); n != 0 || err != nil {
		t.Errorf("%d young things were swept, %v", n, err)
	}
	if size, err := s.StagedSize(t.Context(), "u-1"); size != 1000 || err != nil {
		t.Errorf("%d bytes are staged, %v", size, err)
	}
	if n, err := s.SweepStaging(t.Context(), soon()); n < 1 || err != nil {
		t.Errorf("%d old things were swept, %v", n, err)
	}
	if size, err := s.StagedSize(t.Context(), "u-1"); size != 0 || err != nil {
		t.Errorf("%d bytes are still staged, %v", size, err)
	}
	if len(get(t, s, digest)) != 100 {
		t.Error("content was swept with it")
	}
}
