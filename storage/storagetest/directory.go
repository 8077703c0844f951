package storagetest

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
)

func testAgencies(t *testing.T, back Backend) {
	b := newBench(t, back)
	none, version, err := b.store.LoadAgencies(b.ctx)
	b.must(err)
	if len(none) != 0 {
		t.Errorf("an empty store knows %d agencies", len(none))
	}
	agencies := []hub.Agency{
		{ID: "a", Names: []hub.Dated[string]{{Value: "UBND tỉnh (hư cấu)"}}, Codes: []hub.Dated[hub.Code]{{Value: "000.00.00.H47"}}, Registers: true},
		{ID: "b", Parents: []hub.Dated[hub.AgencyID]{{Value: "a", Valid: hub.Interval{To: b.Clock}}}, Successors: []hub.AgencyID{"a"}},
	}
	saved, err := b.store.SaveAgencies(b.ctx, version, agencies)
	b.must(err)
	if saved <= version {
		t.Errorf("the version went from %d to %d, it must grow", version, saved)
	}
	agencies[1].Test = true
	_, err = b.store.SaveAgencies(b.ctx, version, []hub.Agency{{ID: "c"}}) // by who has not seen the first
	b.wants(hub.KindConflict, err)
	changed, err := b.store.SaveAgencies(b.ctx, saved, agencies[1:])
	b.must(err)
	now, err := b.store.AgenciesVersion(b.ctx)
	b.must(err)
	if changed <= saved || now != changed {
		t.Errorf("versions %d, then %d, now %d", saved, changed, now)
	}
	loaded, loadedVersion, err := b.store.LoadAgencies(b.ctx)
	b.must(err)
	slices.SortFunc(loaded, func(x, y hub.Agency) int { return len(x.Codes) - len(y.Codes) })
	same(t, "agencies", loaded, []hub.Agency{agencies[1], agencies[0]})
	if loadedVersion != now {
		t.Errorf("loaded version %d, want %d", loadedVersion, now)
	}
}

func testKeys(t *testing.T, back Backend) {
	b := newBench(t, back)
	var want []hub.APIKey
	for i := range 3 {
		key := hub.APIKey{
			ID: fmt.Sprintf("k%d", i), Hash: sha256.Sum256([]byte{byte(i)}), Name: "Hệ thống văn bản", Kind: hub.ActorSystem,
			Agencies: []hub.AgencyID{"s1"}, Scopes: hub.Scopes(), Created: b.Clock,
		}
		want = append(want, key)
	}
	want[2].System, want[2].Sealed = "777.77.04.D77", []byte{1, 0, 255}
	want[0].Client = "qlvb"
	for _, i := range []int{2, 0, 1} {
		b.must(b.store.AddKey(b.ctx, want[i]))
	}
	want[1].Revoked = b.Clock.Add(time.Hour)
	b.must(b.store.EndKey(b.ctx, "k1", want[1].Revoked))
	keys, err := b.store.Keys(b.ctx)
	b.must(err)
	same(t, "keys by id", keys, want)
	one, err := b.store.KeyByID(b.ctx, "k1")
	b.must(err)
	if one.Hash != want[1].Hash || keys[2].Hash != want[2].Hash {
		t.Error("the hash of a key got lost")
	}
	if keys[2].System != want[2].System || !bytes.Equal(keys[2].Sealed, want[2].Sealed) || keys[1].Sealed != nil {
		t.Errorf("the secret of a system got lost or astray: %+v", keys)
	}
	fresh := []byte{1, 7, '<', 250, 251, 252, 253, 254}
	b.wants(hub.KindConflict, b.store.ResealKey(b.ctx, "k2", fresh, want[2].Sealed))
	b.wants(hub.KindConflict, b.store.ResealKey(b.ctx, "k1", want[2].Sealed, fresh))
	b.wants(hub.KindConflict, b.store.ResealKey(b.ctx, "k9", want[2].Sealed, fresh))
	b.must(b.store.ResealKey(b.ctx, "k2", want[2].Sealed, fresh))
	one, err = b.store.KeyByID(b.ctx, "k2")
	b.must(err)
	if !bytes.Equal(one.Sealed, fresh) || one.Hash != want[2].Hash || one.System != want[2].System {
		t.Errorf("with another seal the key is %+v", one)
	}
	_, err = b.store.KeyByID(b.ctx, "k9")
	b.wants(hub.KindNotFound, err)

	// A key is added once, and ends at the soonest of what is asked for at the same moment,
	// with nothing else of it changed.
	added := hub.APIKey{ID: "k5", Hash: sha256.Sum256([]byte("5")), Name: "một", Created: b.Clock}
	b.must(b.store.AddKey(b.ctx, added))
	other := added
	other.Name, other.Hash = "hai", sha256.Sum256([]byte("6"))
	b.wants(hub.KindConflict, b.store.AddKey(b.ctx, other))
	var together sync.WaitGroup
	failed := make([]error, 8)
	for i := range failed {
		together.Go(func() {
			if i == 0 {
				failed[i] = b.store.ResealKey(b.ctx, "k2", fresh, []byte{2})
				return
			}
			failed[i] = b.store.EndKey(b.ctx, "k2", b.Clock.Add(time.Duration(1+(i+4)%7)*time.Hour))
		})
	}
	together.Wait()
	b.must(errors.Join(failed...))
	b.must(b.store.EndKey(b.ctx, "k5", b.Clock))
	b.must(b.store.EndKey(b.ctx, "k5", b.Clock.Add(time.Minute)))
	b.wants(hub.KindNotFound, b.store.EndKey(b.ctx, "k9", b.Clock))
	one, err = b.store.KeyByID(b.ctx, "k2")
	b.must(err)
	if !bytes.Equal(one.Sealed, []byte{2}) || !one.Revoked.Equal(b.Clock.Add(time.Hour)) {
		t.Errorf("sealed anew and ended at once it is %+v", one)
	}
	one, err = b.store.KeyByID(b.ctx, "k5")
	b.must(err)
	if one.Name != "một" || one.Hash != added.Hash || !one.Revoked.Equal(b.Clock) {
		t.Errorf("added and ended it is %+v", one)
	}
	testKeyUses(t, b)
}

// testKeyUses: the last use of a key goes forward only, and outlives a change of the key.
func testKeyUses(t *testing.T, b *bench) {
	t.Helper()
	used := func(id string, want time.Time) {
		t.Helper()
		key, err := b.store.KeyByID(b.ctx, id)
		b.must(err)
		if !key.Used.Equal(want) {
			t.Errorf("key %s was last used %v, want %v", id, key.Used, want)
		}
	}
	used("k0", time.Time{})
	first, second := b.Clock.Add(time.Millisecond), b.Clock.Add(time.Hour)
	b.must(b.store.UseKeys(b.ctx, nil))
	b.must(b.store.UseKeys(b.ctx, []hub.KeyUse{{Key: "k0", At: first}, {Key: "k2", At: second}, {Key: "k9", At: first}}))
	b.must(b.store.UseKeys(b.ctx, []hub.KeyUse{{Key: "k0", At: second}, {Key: "k2", At: first}}))
	used("k0", second)
	used("k1", time.Time{})
	used("k2", second)
	_, err := b.store.KeyByID(b.ctx, "k9")
	b.wants(hub.KindNotFound, err)
	b.must(b.store.EndKey(b.ctx, "k0", first))
	used("k0", second)
	b.must(b.store.AddKey(b.ctx, hub.APIKey{ID: "k6", Hash: sha256.Sum256([]byte("7")), Used: first}))
	used("k6", time.Time{})
	keys, err := b.store.Keys(b.ctx)
	b.must(err)
	if !keys[0].Used.Equal(second) || !keys[1].Used.IsZero() || !keys[0].Revoked.Equal(first) {
		t.Errorf("the keys are %+v", keys)
	}
}

func testUploads(t *testing.T, back Backend) {
	b := newBench(t, back)
	upload := func(id string, expires time.Duration) hub.Upload {
		return hub.Upload{
			ID: id, Actor: "k1", Sender: "s1", Key: "key", Expires: b.Clock.Add(expires),
			Submission: hub.Submission{Sender: "000.00.00.H47", ExternalID: id, Format: hub.FormatREST},
			Parts:      []hub.UploadPart{{ID: "p1", Size: 10, Offset: 3}},
		}
	}
	for i, expires := range []time.Duration{3 * time.Minute, time.Minute, 2 * time.Minute} {
		b.must(b.store.SaveUpload(b.ctx, upload(fmt.Sprintf("u%d", i), expires)))
	}
	changed := upload("u0", 3*time.Minute)
	changed.Parts[0].Done = true
	b.must(b.store.SaveUpload(b.ctx, changed))
	found, err := b.store.Upload(b.ctx, "u0")
	b.must(err)
	same(t, "the upload", found, changed)

	ids := func(at time.Duration, limit int) (ids []string) {
		list, err := b.store.ExpiredUploads(b.ctx, b.Clock.Add(at), limit)
		b.must(err)
		for _, u := range list {
			ids = append(ids, u.ID)
		}
		return ids
	}
	same(t, "expired, oldest first", ids(2*time.Minute, 10), []string{"u1", "u2"})
	same(t, "expired, one", ids(time.Hour, 1), []string{"u1"})
	same(t, "none expired", len(ids(time.Second, 10)), 0)

	b.must(b.store.DeleteUpload(b.ctx, "u0"))
	b.must(b.store.DeleteUpload(b.ctx, "u0"))
	_, err = b.store.Upload(b.ctx, "u0")
	b.wants(hub.KindNotFound, err)
}
