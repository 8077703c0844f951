package directory_test

import (
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub/directory"
)

// TestLastUseOfKeys: a key that lets somebody in says when, at once on its node and on
// others after it was written down, in one write for all keys however often they came; one
// that was refused says nothing.
func TestLastUseOfKeys(t *testing.T) {
	k, f := newKeys(t)
	other := keysOver(f, rand.Reader)
	_, secret := issue(t, k, systemKey())
	idle, _ := issue(t, k, systemKey())
	used := func(want time.Time) {
		t.Helper()
		for node, keys := range map[string]*directory.Keys{"this": k, "another": other} {
			list, err := keys.List(t.Context(), operator())
			if err != nil {
				t.Fatal(err)
			}
			for _, key := range list {
				at := want
				if key.ID == idle.ID || node == "another" && f.store.keyUses == 0 {
					at = time.Time{}
				}
				if !key.Used.Equal(at) {
					t.Errorf("%s node: key %s was last used %v, want %v", node, key.ID, key.Used, at)
				}
			}
		}
	}
	if _, err := k.Authenticate(t.Context(), secret[:len(secret)-4]+"AAAA"); err == nil {
		t.Fatal("a wrong secret opens")
	}
	used(time.Time{})
	for range 3 {
		f.clock.Set(f.clock.Now().Add(time.Second))
		if _, err := k.Authenticate(t.Context(), secret); err != nil {
			t.Fatal(err)
		}
	}
	at := f.clock.Now().Truncate(time.Millisecond)
	used(at)
	f.store.fail = errors.New("away")
	if err := k.RecordUses(t.Context()); err == nil {
		t.Error("a use that could not be written down is no error")
	}
	f.store.fail = nil
	used(at)
	for range 2 { // the second time there is nothing to write
		if err := k.RecordUses(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if f.store.keyUses != 1 {
		t.Errorf("%d writes", f.store.keyUses)
	}
	used(at)
}
