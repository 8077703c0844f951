package directory_test

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/directory"
)

// plainVault binds a secret to its words and encrypts nothing.
type plainVault struct{ fail error }

func (v *plainVault) Seal(_ context.Context, secret []byte, about string) ([]byte, error) {
	return []byte(about + "\x00" + string(secret)), v.fail
}

func (v *plainVault) Open(sealed []byte, about string) ([]byte, error) {
	secret, ok := strings.CutPrefix(string(sealed), about+"\x00")
	if !ok {
		return nil, errors.New("sealed about something else")
	}
	return []byte(secret), v.fail
}

func systemsOver(f *fixture) (*directory.Keys, *plainVault) {
	v := &plainVault{}
	return directory.NewKeys(directory.KeyOptions{Store: f.store, Directory: f.Directory, Now: f.clock.Now, Random: rand.Reader, Vault: v}), v
}

func signing(system string) hub.APIKey {
	key := systemKey()
	key.System = system
	return key
}

func with(secret string) func([]byte) bool {
	return func(s []byte) bool { return string(s) == secret }
}

func TestSystems(t *testing.T) {
	f := sampleDirectory(t)
	k, _ := systemsOver(f)
	ctx := context.Background()
	_, first := issue(t, k, signing("777.77.04.D77"))
	actor, err := k.AuthenticateSystem(ctx, "777.77.04.D77", with(first))
	want := hub.Actor{
		Name: "system:777.77.04.D77", Kind: hub.ActorSystem, Auth: hub.AuthSignedHeaders,
		Agencies: []hub.AgencyID{"noivu"}, Scopes: []hub.Scope{hub.ScopeSubmit, hub.ScopeCollect},
	}
	if err != nil || !reflect.DeepEqual(actor, want) {
		t.Errorf("got %+v, %v; want %+v", actor, err, want)
	}
	for system, secret := range map[string]string{"777.77.04.D77": "wrong", "777.77.04.D78": first, "": first} {
		if _, err := k.AuthenticateSystem(ctx, system, with(secret)); hub.KindOf(orInternal(err)) != hub.KindUntrusted {
			t.Errorf("system %q: %v", system, err)
		}
	}
	if _, err := k.Authenticate(ctx, first); hub.KindOf(orInternal(err)) != hub.KindUntrusted {
		t.Errorf("the secret of a system served as an API key: %v", err)
	}
}

// TestSystemsChangeSecrets: the next secret works beside the first one until that ends.
func TestSystemsChangeSecrets(t *testing.T) {
	f := sampleDirectory(t)
	k, _ := systemsOver(f)
	ctx := context.Background()
	works := func(secret string) bool {
		_, err := k.AuthenticateSystem(ctx, "S", with(secret))
		return err == nil
	}
	old, first := issue(t, k, signing("S"))
	if !works(first) {
		t.Fatal("the first secret does not work")
	}
	_, second := issue(t, k, signing("S"))
	if first == second || !works(first) || !works(second) {
		t.Error("two secrets do not work side by side")
	}
	end := f.clock.Now().Add(time.Hour)
	if err := k.Revoke(ctx, operator(), old.ID, end); err != nil {
		t.Fatal(err)
	}
	if !works(first) {
		t.Error("the first secret ended before its time")
	}
	if err := k.Revoke(ctx, operator(), old.ID, end.Add(time.Hour)); err != nil || !f.store.keys[old.ID].Revoked.Equal(end) {
		t.Errorf("an end was put off: %v", err)
	}
	f.clock.Set(end)
	if works(first) || !works(second) {
		t.Error("at the end of the first secret")
	}
	if err := k.Revoke(ctx, operator(), old.ID, end.Add(-time.Second)); hub.KindOf(orInternal(err)) != hub.KindInvalid {
		t.Errorf("an end in the past: %v", err)
	}
}

func TestSystemsRefused(t *testing.T) {
	f := sampleDirectory(t)
	k, vault := systemsOver(f)
	ctx := context.Background()
	clerk := signing("S")
	clerk.Kind = hub.ActorClerk
	for name, key := range map[string]hub.APIKey{
		"blank": signing("a b"), "control": signing("a\n"), "not ASCII": signing("đ"), "long": signing(strings.Repeat("x", 101)), "clerk": clerk,
	} {
		if _, _, err := k.Issue(ctx, operator(), key); hub.KindOf(orInternal(err)) != hub.KindInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := keysOver(f, rand.Reader).Issue(ctx, operator(), signing("S")); hub.KindOf(orInternal(err)) != hub.KindUnsupported {
		t.Errorf("without a vault: %v", err)
	}
	_, secret := issue(t, k, signing("S"))
	f.clock.Set(f.clock.Now().Add(time.Minute))
	vault.fail = hub.Errorf(hub.KindUnavailable, "", "", "no key")
	if _, err := k.AuthenticateSystem(ctx, "S", with(secret)); hub.KindOf(orInternal(err)) != hub.KindUnavailable {
		t.Errorf("with a vault that is away: %v", err)
	}
	if _, err := k.AuthenticateSystem(ctx, "U", with(secret)); hub.KindOf(orInternal(err)) != hub.KindUntrusted {
		t.Errorf("an unknown system, with a vault that is away: %v", err)
	}
	if _, _, err := k.Issue(ctx, operator(), signing("T")); err == nil || len(f.store.keys) != 1 {
		t.Errorf("a secret that could not be sealed was kept: %v", err)
	}
}

// TestOneSecretThatDoesNotOpen shuts out no other system, and none that has another secret.
func TestOneSecretThatDoesNotOpen(t *testing.T) {
	f := sampleDirectory(t)
	k, _ := systemsOver(f)
	broken, first := issue(t, k, signing("S"))
	_, second := issue(t, k, signing("S"))
	_, other := issue(t, k, signing("T"))
	key := f.store.keys[broken.ID]
	key.Sealed = []byte("damaged")
	f.store.keys[broken.ID] = key
	for secret, system := range map[string]string{second: "S", other: "T"} {
		if _, err := k.AuthenticateSystem(t.Context(), system, with(secret)); err != nil {
			t.Errorf("system %s: %v", system, err)
		}
	}
	if _, err := k.AuthenticateSystem(t.Context(), "S", with(first)); err == nil || hub.KindOf(err) == hub.KindUntrusted {
		t.Errorf("what cannot be opened is called a wrong signature: %v", err)
	}
}

// TestAdoptOnAnotherNode: a key that another node ended an instant ago is not adopted.
func TestAdoptOnAnotherNode(t *testing.T) {
	f := sampleDirectory(t)
	here, _ := systemsOver(f)
	there, _ := systemsOver(f)
	ctx := context.Background()
	const secret = "present secret"
	first, err := here.Adopt(ctx, operator(), signing("qlvb"), secret)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := there.AuthenticateSystem(ctx, "qlvb", with(secret)); err != nil { // read lately
		t.Fatal(err)
	}
	if err := here.Revoke(ctx, operator(), first.ID, time.Time{}); err != nil {
		t.Fatal(err)
	}
	next, err := there.Adopt(ctx, operator(), signing("qlvb"), secret)
	if err != nil || next.ID == first.ID {
		t.Errorf("adopted %+v, %v", next, err)
	}
}

// TestAdoptForGood: a key that is to end, or may do less, does not stand for one that is
// adopted.
func TestAdoptForGood(t *testing.T) {
	f := sampleDirectory(t)
	k, _ := systemsOver(f)
	ctx := context.Background()
	const secret = "present secret"
	var ids []string
	for _, change := range []func(*hub.APIKey){
		func(key *hub.APIKey) { key.Expires = f.clock.Now().Add(time.Hour) },
		func(key *hub.APIKey) { key.Scopes = []hub.Scope{hub.ScopeSubmit} },
		func(*hub.APIKey) {},
	} {
		key := signing("qlvb")
		change(&key)
		adopted, err := k.Adopt(ctx, operator(), key, secret)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, adopted.ID)
	}
	if err := k.Revoke(ctx, operator(), ids[2], f.clock.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	last, err := k.Adopt(ctx, operator(), signing("qlvb"), secret)
	if err != nil || slices.Contains(ids, last.ID) {
		t.Errorf("of %v %s is adopted, %v", ids, last.ID, err)
	}
	if ids[0] == ids[1] || ids[1] == ids[2] || ids[0] == ids[2] {
		t.Errorf("one stands for another: %v", ids)
	}
}

// TestAdopt: a system comes with the secret that it has; the same again is the same key,
// and what was begun with it can be ended when it no longer lets the system in.
func TestAdopt(t *testing.T) {
	f := sampleDirectory(t)
	k, vault := systemsOver(f)
	ctx := context.Background()
	const secret = "present secret"
	adopted, err := k.Adopt(ctx, operator(), signing("qlvb"), secret)
	if err != nil {
		t.Fatal(err)
	}
	if actor, err := k.AuthenticateSystem(ctx, "qlvb", with(secret)); err != nil || actor.Name != "system:qlvb" {
		t.Errorf("let in as %+v, %v", actor, err)
	}
	if f.store.keys[adopted.ID].Hash == sha256.Sum256([]byte(secret)) {
		t.Error("there is a hash of a secret that people chose")
	}
	if again, err := k.Adopt(ctx, operator(), signing("qlvb"), secret); err != nil || again.ID != adopted.ID {
		t.Errorf("again it is %s, %v", again.ID, err)
	}
	other := signing("qlvb")
	other.Agencies = append(other.Agencies, "qnam")
	if wider, err := k.Adopt(ctx, operator(), other, secret); err != nil || wider.ID == adopted.ID {
		t.Errorf("for other agencies it is %s, %v", wider.ID, err)
	}
	if err := k.Revoke(ctx, operator(), adopted.ID, time.Time{}); err != nil {
		t.Fatal(err)
	}
	if got, err := k.SystemSecret(ctx, adopted.ID); err != nil || got != secret {
		t.Errorf("of an ended key: %q, %v", got, err)
	}
	if _, err := k.SystemSecret(ctx, "unknown"); hub.KindOf(orInternal(err)) != hub.KindNotFound {
		t.Errorf("of no key: %v", err)
	}
	for name, bad := range map[string]string{"short": "1234567", "blank": " present secret", "long": strings.Repeat("a", 501), "no text": "present \xff secret"} {
		if _, err := k.Adopt(ctx, operator(), signing("qlvb"), bad); hub.KindOf(orInternal(err)) != hub.KindInvalid || hub.ViolationsOf(err)[0].Field != "secret" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := k.Adopt(ctx, hub.Actor{Kind: hub.ActorSystem}, signing("qlvb"), secret); hub.KindOf(orInternal(err)) != hub.KindDenied {
		t.Errorf("by a system: %v", err)
	}
	vault.fail = errors.New("the vault is shut")
	if _, err := k.SystemSecret(ctx, adopted.ID); err == nil {
		t.Error("a secret out of a vault that is shut")
	}
}
