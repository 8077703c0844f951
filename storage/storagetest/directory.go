package storagetest

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
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
	saved, err := b.store.SaveAgencies(b.ctx, agencies)
	b.must(err)
	if saved <= version {
		t.Errorf("the version went from %d to %d, it must grow", version, saved)
	}
	agencies[1].Test = true
	changed, err := b.store.SaveAgencies(b.ctx, agencies[1:])
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
	for _, i := range []int{2, 0, 1} {
		b.must(b.store.SaveKey(b.ctx, want[i]))
	}
	want[1].Revoked = b.Clock.Add(time.Hour)
	b.must(b.store.SaveKey(b.ctx, want[1]))
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
	_, err = b.store.KeyByID(b.ctx, "k9")
	b.wants(hub.KindNotFound, err)
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
