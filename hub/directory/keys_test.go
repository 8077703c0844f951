package directory_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/directory"
)

func newKeys(t *testing.T) (*directory.Keys, *fixture) {
	t.Helper()
	f := sampleDirectory(t)
	return keysOver(f, rand.Reader), f
}

func keysOver(f *fixture, random io.Reader) *directory.Keys {
	return directory.NewKeys(directory.KeyOptions{Store: f.store, Directory: f.Directory, Now: f.clock.Now, Random: random, Uses: f.store})
}

func systemKey() hub.APIKey {
	return hub.APIKey{Name: "hệ thống QLVB", Kind: hub.ActorSystem, Agencies: []hub.AgencyID{"noivu"}, Scopes: []hub.Scope{hub.ScopeSubmit, hub.ScopeCollect}}
}

func issue(t *testing.T, k *directory.Keys, key hub.APIKey) (hub.APIKey, string) {
	t.Helper()
	issued, secret, err := k.Issue(context.Background(), operator(), key)
	if err != nil {
		t.Fatal(err)
	}
	return issued, secret
}

func TestIssuedKeyAuthenticates(t *testing.T) {
	k, f := newKeys(t)
	issued, secret := issue(t, k, systemKey())
	actor, err := k.Authenticate(context.Background(), secret)
	want := hub.Actor{Name: issued.ID, Kind: hub.ActorSystem, Auth: hub.AuthAPIKey, Agencies: []hub.AgencyID{"noivu"}, Scopes: []hub.Scope{hub.ScopeSubmit, hub.ScopeCollect}}
	if err != nil || !reflect.DeepEqual(actor, want) {
		t.Errorf("got %+v, %v; want %+v", actor, err, want)
	}
	if !strings.HasPrefix(secret, "lt_"+issued.ID+"_") || len(secret) != len("lt_")+len(issued.ID)+1+43 {
		t.Errorf("the secret has the form %d %q", len(secret), secret[:10])
	}
	stored := f.store.keys[issued.ID]
	if stored.Hash != sha256.Sum256([]byte(secret)) || !stored.Created.Equal(f.clock.Now()) {
		t.Errorf("stored %+v", stored)
	}
	actor.Scopes[0] = hub.ScopeOperate // what a caller does to its actor changes no key
	if again, _ := k.Authenticate(context.Background(), secret); again.Has(hub.ScopeOperate) {
		t.Error("a caller changed the key in memory")
	}
}

func TestAuthenticateRefuses(t *testing.T) {
	k, f := newKeys(t)
	live, secret := issue(t, k, systemKey())
	expiring := systemKey()
	expiring.Expires = f.clock.Now().Add(time.Hour)
	_, shortLived := issue(t, k, expiring)
	f.clock.Set(f.clock.Now().Add(time.Hour))
	flipped := []byte(secret)
	flipped[len(flipped)-5] ^= 1
	id := live.ID
	random := strings.Repeat("A", 43)
	tests := map[string]string{
		"nothing": "", "prefix only": "lt_", "no random part": "lt_" + id, "no id": "lt__" + random,
		"unknown id": "lt_unknown_" + random, "wrong random part": "lt_" + id + "_" + random,
		"one bit off": string(flipped), "cut": secret[:len(secret)-1], "longer": secret + "A",
		"white space": secret + " ", "other prefix": "xx" + secret[2:], "capitals": strings.ToUpper(secret),
		"long": "lt_" + strings.Repeat("a", 1<<16) + "_" + random, "not text": "lt_\xff\xfe_" + random,
		"expired": shortLived,
	}
	var message string
	for name, s := range tests {
		actor, err := k.Authenticate(context.Background(), s)
		if hub.KindOf(orInternal(err)) != hub.KindUntrusted || !reflect.DeepEqual(actor, hub.Actor{}) {
			t.Errorf("%s: %+v, %v", name, actor, err)
			continue
		}
		if message != "" && err.Error() != message {
			t.Errorf("%s: %q tells it apart from %q", name, err, message)
		}
		message = err.Error()
	}
	if _, err := k.Authenticate(context.Background(), secret); err != nil {
		t.Errorf("the right secret: %v", err)
	}
}

func orInternal(err error) error {
	if err == nil {
		return errors.New("no error")
	}
	return err
}

func TestAStoreThatIsAwayIsNotABadCredential(t *testing.T) {
	k, f := newKeys(t)
	_, secret := issue(t, k, systemKey())
	f.store.fail = hub.Errorf(hub.KindUnavailable, "", "", "away")
	if _, err := k.Authenticate(context.Background(), secret); hub.KindOf(orInternal(err)) != hub.KindUnavailable {
		t.Errorf("error %v", err)
	}
}

func TestRevocation(t *testing.T) {
	ctx := context.Background()
	k, f := newKeys(t)
	other := keysOver(f, rand.Reader) // another node on the same store
	issued, secret := issue(t, k, systemKey())
	for _, node := range []*directory.Keys{k, other} {
		if _, err := node.Authenticate(ctx, secret); err != nil {
			t.Fatal(err)
		}
	}
	if err := k.Revoke(ctx, operator(), issued.ID, time.Time{}); err != nil {
		t.Fatal(err)
	}
	if _, err := k.Authenticate(ctx, secret); hub.KindOf(orInternal(err)) != hub.KindUntrusted {
		t.Errorf("on this node the revoked key gives %v", err)
	}
	f.clock.Set(f.clock.Now().Add(5 * time.Second))
	if _, err := other.Authenticate(ctx, secret); hub.KindOf(orInternal(err)) != hub.KindUntrusted {
		t.Errorf("on another node, five seconds later, the revoked key gives %v", err)
	}
	first := f.store.keys[issued.ID].Revoked
	if err := k.Revoke(ctx, operator(), issued.ID, time.Time{}); err != nil || !f.store.keys[issued.ID].Revoked.Equal(first) {
		t.Errorf("the second revocation: %v, at %s instead of %s", err, f.store.keys[issued.ID].Revoked, first)
	}
	if err := k.Revoke(ctx, operator(), "unknown", time.Time{}); hub.KindOf(orInternal(err)) != hub.KindNotFound {
		t.Errorf("revoking an unknown key: %v", err)
	}
}

// A key read just before its revocation must not be remembered after it.
func TestRevocationDuringAuthentication(t *testing.T) {
	ctx := context.Background()
	k, f := newKeys(t)
	issued, secret := issue(t, k, systemKey())
	f.store.onKey = func() {
		if err := k.Revoke(ctx, operator(), issued.ID, time.Time{}); err != nil {
			t.Error(err)
		}
	}
	_, _ = k.Authenticate(ctx, secret) // began before the revocation: either answer is right
	if _, err := k.Authenticate(ctx, secret); hub.KindOf(orInternal(err)) != hub.KindUntrusted {
		t.Errorf("the revoked key gives %v", err)
	}
}

func TestKeysAreRememberedForAWhile(t *testing.T) {
	ctx := context.Background()
	k, f := newKeys(t)
	_, secret := issue(t, k, systemKey())
	for range 100 {
		if _, err := k.Authenticate(ctx, secret); err != nil {
			t.Fatal(err)
		}
	}
	if f.store.keyReads != 1 {
		t.Errorf("%d reads of the store", f.store.keyReads)
	}
	f.clock.Set(f.clock.Now().Add(-time.Hour)) // a clock that was set back trusts nothing
	if _, err := k.Authenticate(ctx, secret); err != nil || f.store.keyReads != 2 {
		t.Errorf("%d reads of the store, %v", f.store.keyReads, err)
	}
}

func TestIssueRefuses(t *testing.T) {
	k, f := newKeys(t)
	change := func(f func(*hub.APIKey)) hub.APIKey {
		key := systemKey()
		f(&key)
		return key
	}
	tests := []struct {
		name  string
		key   hub.APIKey
		field string
		kind  hub.ErrorKind
	}{
		{"no name", change(func(k *hub.APIKey) { k.Name = " " }), "name", hub.KindInvalid},
		{"control characters", change(func(k *hub.APIKey) { k.Name = "a\x1b[2J" }), "name", hub.KindInvalid},
		{"no scope", change(func(k *hub.APIKey) { k.Scopes = nil }), "scopes", hub.KindInvalid},
		{"a portal beside another scope", change(func(k *hub.APIKey) { k.Scopes = []hub.Scope{hub.ScopePortal, hub.ScopeVerify} }), "scopes", hub.KindInvalid},
		{"a clerk as a portal", change(func(k *hub.APIKey) { k.Scopes, k.Kind = []hub.Scope{hub.ScopePortal}, hub.ActorClerk }), "scopes", hub.KindInvalid},
		{"unknown scope", change(func(k *hub.APIKey) { k.Scopes = append(k.Scopes, "root") }), "scopes[2]", hub.KindInvalid},
		{"unknown agency", change(func(k *hub.APIKey) { k.Agencies = append(k.Agencies, "H47") }), "agencies[1]", hub.KindUnknownAgency},
		{"no agency", change(func(k *hub.APIKey) { k.Agencies = nil }), "agencies", hub.KindInvalid},
		{"no kind", change(func(k *hub.APIKey) { k.Kind = "" }), "kind", hub.KindInvalid},
		{"operator with an agency", change(func(k *hub.APIKey) { k.Kind = hub.ActorOperator }), "agencies", hub.KindInvalid},
		{"auditor with an agency", change(func(k *hub.APIKey) { k.Kind = hub.ActorAuditor }), "agencies", hub.KindInvalid},
		{"expired", change(func(k *hub.APIKey) { k.Expires = f.clock.Now() }), "expires", hub.KindInvalid},
	}
	for _, tt := range tests {
		_, secret, err := k.Issue(context.Background(), operator(), tt.key)
		list := hub.ViolationsOf(err)
		if len(list) != 1 || list[0].Field != tt.field || list[0].Kind != tt.kind || secret != "" {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	if len(f.store.keys) != 0 {
		t.Errorf("%d keys were stored", len(f.store.keys))
	}
	short := keysOver(f, bytes.NewReader(make([]byte, 41)))
	if _, _, err := short.Issue(context.Background(), operator(), systemKey()); hub.KindOf(orInternal(err)) != hub.KindInternal {
		t.Errorf("without enough randomness: %v", err)
	}
}

func TestKeysAreTheOperatorsBusiness(t *testing.T) {
	ctx := context.Background()
	k, _ := newKeys(t)
	issued, _ := issue(t, k, hub.APIKey{Name: "thanh tra", Kind: hub.ActorAuditor, Scopes: []hub.Scope{hub.ScopeAudit}})
	list, err := k.List(ctx, operator())
	if err != nil || len(list) != 1 || list[0].ID != issued.ID {
		t.Errorf("list %+v, %v", list, err)
	}
	clerk := hub.Actor{Kind: hub.ActorClerk, Agencies: []hub.AgencyID{"noivu"}, Scopes: []hub.Scope{hub.ScopeSubmit, hub.ScopeCollect, hub.ScopeRead, hub.ScopeVerify, hub.ScopeAudit}}
	if _, _, err := k.Issue(ctx, clerk, systemKey()); hub.KindOf(orInternal(err)) != hub.KindDenied {
		t.Errorf("issue: %v", err)
	}
	if err := k.Revoke(ctx, clerk, issued.ID, time.Time{}); hub.KindOf(orInternal(err)) != hub.KindDenied {
		t.Errorf("revoke: %v", err)
	}
	if _, err := k.List(ctx, clerk); hub.KindOf(orInternal(err)) != hub.KindDenied {
		t.Errorf("list: %v", err)
	}
}
