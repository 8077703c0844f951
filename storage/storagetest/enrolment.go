package storagetest

import (
	"context"
	"crypto/sha256"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Enrolments keeps permissions to fetch credentials once.
type Enrolments interface {
	SaveEnrolment(ctx context.Context, e hub.Enrolment) error
	Enrolments(ctx context.Context) ([]hub.Enrolment, error)
	EnrolmentByHash(ctx context.Context, hash hub.Digest) (hub.Enrolment, error)
	CloseEnrolment(ctx context.Context, e hub.Enrolment, issued []hub.APIKey, ended []hub.KeyEnd) error
}

func anEnrolment(b *bench, n byte) hub.Enrolment {
	return hub.Enrolment{
		ID: fmt.Sprintf("e%d", n), Hash: hub.Digest{n}, Agency: "s1", Channels: []hub.EnrolmentChannel{hub.EnrolREST, hub.EnrolVXP},
		Contact: "Trần Thị Mẫu (hư cấu)", CreatedBy: "k0", Created: b.Clock, Expires: b.Clock.Add(time.Hour), Overlap: 3600,
	}
}

func testEnrolments(t *testing.T, back Backend) {
	b := newBench(t, back)
	one, two := anEnrolment(b, 1), anEnrolment(b, 2)
	b.must(b.store.SaveEnrolment(b.ctx, two))
	b.must(b.store.SaveEnrolment(b.ctx, one))
	key := func(id string) hub.APIKey {
		return hub.APIKey{ID: id, Hash: sha256.Sum256([]byte(id)), Name: id, Kind: hub.ActorSystem, Agencies: []hub.AgencyID{"s1"}, Scopes: hub.Scopes(), Created: b.Clock}
	}
	ending, sooner := key("k1"), key("k2")
	ending.System, ending.Sealed = "system", []byte{1}
	b.must(b.store.AddKey(b.ctx, ending))
	b.must(b.store.AddKey(b.ctx, sooner))
	in := b.Clock.Add(time.Minute)
	sooner.Revoked = b.Clock // somebody revoked it after it was read
	b.must(b.store.EndKey(b.ctx, sooner.ID, sooner.Revoked))
	resealed := []byte{2} // meanwhile by another key of the hub
	b.must(b.store.ResealKey(b.ctx, ending.ID, ending.Sealed, resealed))
	ending.Sealed, ending.Revoked = resealed, in

	one.Redeemed, one.Keys = b.Clock.Add(time.Second), []string{"k3"}
	issued := key("k3")
	b.must(b.store.CloseEnrolment(b.ctx, one, []hub.APIKey{issued}, []hub.KeyEnd{{Key: ending.ID, At: in}, {Key: sooner.ID, At: in}}))
	again := one
	again.Keys = []string{"k4"}
	b.wants(hub.KindConflict, b.store.CloseEnrolment(b.ctx, again, []hub.APIKey{key("k4")}, nil))
	two.Revoked = b.Clock
	b.must(b.store.CloseEnrolment(b.ctx, two, nil, nil))
	b.wants(hub.KindConflict, b.store.CloseEnrolment(b.ctx, anEnrolment(b, 3), nil, nil))

	b.store = back.Reopen(t, b.store)
	list, err := b.store.Enrolments(b.ctx)
	b.must(err)
	same(t, "enrolments by id", list, []hub.Enrolment{one, two})
	found, err := b.store.EnrolmentByHash(b.ctx, hub.Digest{1})
	b.must(err)
	same(t, "enrolment by hash", found, one)
	_, err = b.store.EnrolmentByHash(b.ctx, hub.Digest{3})
	b.wants(hub.KindNotFound, err)
	keys, err := b.store.Keys(b.ctx)
	b.must(err)
	same(t, "keys", keys, []hub.APIKey{ending, sooner, issued})
	// What has an end already gets a sooner one.
	three := anEnrolment(b, 3)
	ending.Revoked = b.Clock.Add(time.Second)
	b.must(b.store.SaveEnrolment(b.ctx, three))
	b.must(b.store.CloseEnrolment(b.ctx, three, nil, []hub.KeyEnd{{Key: ending.ID, At: ending.Revoked}}))
	k1, err := b.store.KeyByID(b.ctx, "k1")
	b.must(err)
	same(t, "key with a sooner end", k1, ending)
}

func testEnrolmentOnce(t *testing.T, back Backend) {
	b := newBench(t, back)
	e := anEnrolment(b, 1)
	b.must(b.store.SaveEnrolment(b.ctx, e))
	const callers = 20
	errs := make([]error, callers)
	var group sync.WaitGroup
	for i := range callers {
		mine := e
		mine.Redeemed, mine.Keys = b.Clock, []string{fmt.Sprintf("k%d", i)}
		key := hub.APIKey{ID: mine.Keys[0], Hash: hub.Digest{byte(i), 1}, Name: "k", Kind: hub.ActorSystem, Created: b.Clock}
		group.Go(func() { errs[i] = b.store.CloseEnrolment(b.ctx, mine, []hub.APIKey{key}, nil) })
	}
	group.Wait()
	done := 0
	for _, err := range errs {
		if err == nil {
			done++
			continue
		}
		b.wants(hub.KindConflict, err)
	}
	keys, err := b.store.Keys(b.ctx)
	b.must(err)
	found, err := b.store.EnrolmentByHash(b.ctx, e.Hash)
	b.must(err)
	if done != 1 || len(keys) != 1 || len(found.Keys) != 1 || found.Keys[0] != keys[0].ID {
		t.Errorf("%d redeemed it, %d keys came of it: %+v", done, len(keys), found)
	}
}
