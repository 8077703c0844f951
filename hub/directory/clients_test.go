package directory_test

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/directory"
)

func clientKey(name string) hub.APIKey {
	key := systemKey()
	key.Client = name
	return key
}

func unitSecret(secret string, agency hub.AgencyID) string {
	key := hub.APIKey{Hash: sha256.Sum256([]byte(secret))}
	return key.UnitSecret(agency)
}

func ruleOf(err error) string {
	if err == nil {
		return ""
	}
	return hub.ViolationsOf(err)[0].Rule
}

// TestClients: a secret gives tokens, a token with the secret of a unit gives that unit,
// and nothing else does.
func TestClients(t *testing.T) {
	f := sampleDirectory(t)
	k, _ := systemsOver(f)
	ctx := context.Background()
	issued, secret := issue(t, k, clientKey("app"))
	token, until, err := k.Grant(ctx, "app", secret, time.Hour)
	if err != nil || until.Sub(f.clock.Now()) > time.Hour {
		t.Fatal(until, err)
	}
	if again, _, err := k.Grant(ctx, "app", secret, time.Hour); err != nil || again != token {
		t.Errorf("asked again at once: %q, %v", again, err)
	}
	if client, err := k.TokenClient(ctx, token); err != nil || client != "app" {
		t.Errorf("the client of the token: %q, %v", client, err)
	}
	unit := issued.UnitSecret("noivu")
	if unit != unitSecret(secret, "noivu") || len(unit) != 64 {
		t.Errorf("the client cannot make the secret of its unit: %q", unit)
	}
	want := hub.Actor{
		Name: "client:app", Kind: hub.ActorSystem, Auth: hub.AuthAccessToken,
		Agencies: []hub.AgencyID{"noivu"}, Scopes: []hub.Scope{hub.ScopeSubmit, hub.ScopeCollect},
	}
	if actor, err := k.AuthenticateToken(ctx, token, unit); err != nil || !reflect.DeepEqual(actor, want) {
		t.Errorf("got %+v, %v; want %+v", actor, err, want)
	}
	for name, bad := range map[string][2]string{
		"another client": {"app2", secret}, "no client": {"", secret}, "a wrong secret": {"app", secret[:len(secret)-1] + "!"},
		"no secret": {"app", ""}, "a token as secret": {"app", token},
	} {
		if _, _, err := k.Grant(ctx, bad[0], bad[1], time.Hour); ruleOf(err) != "client" {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, bad := range map[string][3]string{
		"no token":          {"", unit, "missing"},
		"a changed token":   {token[:20] + "A" + token[21:], unit, "token"},
		"a very long token": {strings.Repeat("A", 1<<20), unit, "token"},
		"the secret":        {secret, unit, "token"},
		"no unit":           {token, "", "unit_secret"},
		"another unit":      {token, issued.UnitSecret("h47"), "unit_secret"},
	} {
		if _, err := k.AuthenticateToken(ctx, bad[0], bad[1]); ruleOf(err) != bad[2] {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := k.Authenticate(ctx, secret); hub.KindOf(orInternal(err)) != hub.KindUntrusted {
		t.Errorf("the secret of a client served as an API key: %v", err)
	}
}

// TestTokensEnd: with their time, with their secret, and not when the secret changes.
func TestTokensEnd(t *testing.T) {
	f := sampleDirectory(t)
	k, _ := systemsOver(f)
	ctx := context.Background()
	first, secret := issue(t, k, clientKey("app"))
	grant := func(secret string) string {
		t.Helper()
		token, _, err := k.Grant(ctx, "app", secret, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	use := func(token, unit string) string {
		_, err := k.AuthenticateToken(ctx, token, unit)
		return ruleOf(err)
	}
	old := grant(secret)
	f.clock.Set(f.clock.Now().Add(31 * time.Minute))
	if grant(secret) == old {
		t.Error("a token that has less than half its time is given again")
	}
	f.clock.Set(f.clock.Now().Add(29 * time.Minute))
	if rule := use(old, first.UnitSecret("noivu")); rule != "token_expired" {
		t.Errorf("after its time: %q", rule)
	}
	second, next := issue(t, k, clientKey("app"))
	for name, rule := range map[string]string{
		"new with new": use(grant(next), second.UnitSecret("noivu")), "new with old": use(grant(next), first.UnitSecret("noivu")),
		"old with new": use(grant(secret), second.UnitSecret("noivu")),
	} {
		if rule != "" {
			t.Errorf("%s: %q", name, rule)
		}
	}
	token := grant(secret)
	if err := k.Revoke(ctx, operator(), first.ID, time.Time{}); err != nil {
		t.Fatal(err)
	}
	if rule := use(token, second.UnitSecret("noivu")); rule != "token" {
		t.Errorf("of a secret that was revoked: %q", rule)
	}
	if rule := use(grant(next), first.UnitSecret("noivu")); rule != "unit_secret" {
		t.Errorf("the unit secret of a secret that was revoked: %q", rule)
	}
	if _, _, err := k.Grant(ctx, "app", secret, time.Hour); ruleOf(err) != "client" {
		t.Errorf("a revoked secret: %v", err)
	}
}

func TestClientsThatCannotBe(t *testing.T) {
	f := sampleDirectory(t)
	k, _ := systemsOver(f)
	both, clerk := clientKey("a"), clientKey("a")
	both.System, clerk.Kind = "s", hub.ActorClerk
	for name, key := range map[string]hub.APIKey{"blanks": clientKey("a b"), "both": both, "a clerk": clerk, "long": clientKey(strings.Repeat("x", 101))} {
		if _, _, err := k.Issue(context.Background(), operator(), key); err == nil {
			t.Errorf("%s: issued", name)
		}
	}
	bare := directory.NewKeys(directory.KeyOptions{Store: f.store, Directory: f.Directory, Now: f.clock.Now, Random: rand.Reader})
	if _, _, err := bare.Issue(context.Background(), operator(), clientKey("a")); ruleOf(err) != "vault" {
		t.Errorf("without a vault: %v", err)
	}
}

// TestNodesThatGiveNoTokens: what is wrong with the node is not taken for an answer about
// the client, and is tried again.
func TestNodesThatGiveNoTokens(t *testing.T) {
	f := sampleDirectory(t)
	k, v := systemsOver(f)
	_, secret := issue(t, k, clientKey("app"))
	v.fail = hub.Errorf(hub.KindConflict, "secrets-key-file", "secrets_key", "another key")
	if _, _, err := k.Grant(context.Background(), "app", secret, time.Hour); hub.KindOf(orInternal(err)) != hub.KindUnavailable {
		t.Errorf("got %v", err)
	}
}

// textStore answers as databases do that take no NUL in a text.
type textStore struct{ directory.KeyStore }

func (s textStore) KeyByID(ctx context.Context, id string) (hub.APIKey, error) {
	if strings.ContainsRune(id, 0) {
		return hub.APIKey{}, errors.New("invalid byte sequence")
	}
	return s.KeyStore.KeyByID(ctx, id)
}

func TestSecretsThatNoStoreCanFind(t *testing.T) {
	f := sampleDirectory(t)
	k := directory.NewKeys(directory.KeyOptions{Store: textStore{f.store}, Directory: f.Directory, Now: f.clock.Now, Random: rand.Reader, Vault: &plainVault{}})
	if _, _, err := k.Grant(context.Background(), "app", "lt_\x00_"+strings.Repeat("a", 43), time.Hour); ruleOf(err) != "client" {
		t.Errorf("got %v", err)
	}
}

// TestTestToken: the hub looks whether a client would be let in, for a while and no longer
// than its secret is in force, and the client's own token stays what it is.
func TestTestToken(t *testing.T) {
	f := sampleDirectory(t)
	k, _ := systemsOver(f)
	ctx := context.Background()
	issued, secret := issue(t, k, clientKey("app"))
	given, _, err := k.Grant(ctx, "app", secret, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	token, err := k.TestToken(ctx, issued.ID, time.Minute)
	if err != nil || token == given {
		t.Fatal(token, err)
	}
	if again, _, err := k.Grant(ctx, "app", secret, time.Hour); err != nil || again != given {
		t.Errorf("the token of the client is another one: %v", err)
	}
	if _, err := k.AuthenticateToken(ctx, token, issued.UnitSecret("noivu")); err != nil {
		t.Error(err)
	}
	f.clock.Set(f.clock.Now().Add(time.Minute))
	if _, err := k.AuthenticateToken(ctx, token, issued.UnitSecret("noivu")); ruleOf(err) != "token_expired" {
		t.Errorf("after its end: %v", err)
	}
}
