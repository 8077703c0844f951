package directory

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// clientActor is the beginning of the Actor.Name of a client. It holds the name and not
// the id of a secret, so that work begun with one secret can be ended with the next.
const clientActor = "client:"

// aboutToken binds an access token to its use: nothing else that the vault sealed is one.
const aboutToken = "access token"

// maxToken is far above the length of a token, in bytes.
const maxToken = 512

// accessToken gives access for a while, on all nodes. It is kept in no store: the vault
// sealed which secret it was given for and when it ends.
type accessToken struct {
	text  string
	until time.Time
}

// granted is what a token holds.
type granted struct {
	Key   string `json:"k"`
	Until int64  `json:"u"` // seconds since 1970
}

func (k *Keys) checkClient(key *hub.APIKey) hub.Violations {
	switch {
	case key.Client == "":
		return nil
	case !printable(key.Client):
		return hub.Violations{hub.Invalid("client", "client_id", "the id of a client has 1 to %d printable ASCII characters without blanks", maxSystem)}
	case key.System != "":
		return hub.Violations{hub.Invalid("client", "exclusive", "a secret is that of a system or of a client")}
	case key.Kind != hub.ActorSystem:
		return hub.Violations{hub.Invalid("kind", "kind", "a client is of the kind system")}
	case k.vault == nil:
		return hub.Violations{hub.Errorf(hub.KindUnsupported, "client", "vault", "this hub gives no access tokens")}
	}
	return nil
}

// Grant gives a client an access token for its secret, good for at most life. Until half
// of that is over it is the same one, so that nobody has the hub make more of them than
// it has clients. Whatever is wrong, the error is the same, of KindUntrusted.
func (k *Keys) Grant(ctx context.Context, client, secret string, life time.Duration) (token string, until time.Time, err error) {
	t, err := k.grant(ctx, client, secret, life)
	return t.text, t.until, err
}

func (k *Keys) grant(ctx context.Context, client, secret string, life time.Duration) (accessToken, error) {
	id, ok := idOfSecret(secret)
	if !ok {
		return accessToken{}, wrongClient()
	}
	key, err := k.key(ctx, id)
	if err != nil && hub.KindOf(err) != hub.KindNotFound {
		return accessToken{}, fmt.Errorf("looking up the client: %w", err)
	}
	hash, now := sha256.Sum256([]byte(secret)), k.now()
	same := subtle.ConstantTimeCompare(hash[:], key.Hash[:]) == 1 && subtle.ConstantTimeCompare([]byte(client), []byte(key.Client)) == 1
	if err != nil || !same || client == "" || !key.LiveAt(now) {
		return accessToken{}, wrongClient()
	}
	k.used(id, now)
	k.mu.Lock()
	last, ok := k.tokens[id]
	k.mu.Unlock()
	if left := last.until.Sub(now); ok && left >= life/2 && left <= life {
		return last, nil
	}
	return k.newToken(ctx, id, now.Add(life).Truncate(time.Second))
}

func wrongClient() error {
	return hub.Errorf(hub.KindUntrusted, "", "client", "the client is unknown or its secret is wrong")
}

func (k *Keys) newToken(ctx context.Context, id string, until time.Time) (accessToken, error) {
	t, err := k.sealToken(ctx, id, until)
	if err != nil {
		return accessToken{}, err
	}
	k.mu.Lock()
	k.tokens[id] = t
	k.mu.Unlock()
	return t, nil
}

func (k *Keys) sealToken(ctx context.Context, id string, until time.Time) (accessToken, error) {
	text, err := json.Marshal(granted{Key: id, Until: until.Unix()})
	if err != nil {
		return accessToken{}, hub.Internal("encode a token", err)
	}
	sealed, err := k.vault.Seal(ctx, text, aboutToken)
	if err != nil {
		return accessToken{}, &hub.Error{Kind: hub.KindUnavailable, Field: "client", Rule: "vault", Message: "this node gives no access tokens now", Err: err}
	}
	return accessToken{text: base64.RawURLEncoding.EncodeToString(sealed), until: until}, nil
}

// TestToken is an access token for the client of a key, made without its secret: for the
// hub itself, which tests whether the client would be let in. It ends after life, and the
// client does not get it.
func (k *Keys) TestToken(ctx context.Context, id string, life time.Duration) (string, error) {
	if k.vault == nil {
		return "", hub.Errorf(hub.KindUnavailable, "client", "vault", "this hub gives no access tokens")
	}
	t, err := k.sealToken(ctx, id, k.now().Add(life).Truncate(time.Second))
	return t.text, err
}

// AuthenticateToken returns the actor that an access token and the secret of a unit
// prove: the client, speaking for that one agency. The secret of a unit counts that goes
// with any secret of the client in force, since the two are changed one after the other.
// Errors: KindUntrusted with the rule token, token_expired or unit_secret, or missing
// where there is no token.
func (k *Keys) AuthenticateToken(ctx context.Context, token, unitSecret string) (hub.Actor, error) {
	key, err := k.keyOfToken(ctx, token)
	if err != nil {
		return hub.Actor{}, err
	}
	known, err := k.systems(ctx)
	if err != nil {
		return hub.Actor{}, err
	}
	for i := range known.clients[key.Client] {
		of := &known.clients[key.Client][i]
		if agency, ok := unitOf(of, unitSecret); ok && of.LiveAt(k.now()) && slices.Contains(key.Agencies, agency) {
			k.used(key.ID, k.now())
			return hub.Actor{
				Name: clientActor + key.Client, Kind: key.Kind, Auth: hub.AuthAccessToken,
				Agencies: []hub.AgencyID{agency}, Scopes: slices.Clone(key.Scopes),
			}, nil
		}
	}
	return hub.Actor{}, badToken("unit_secret", "no unit of this client has this secret")
}

// TokenClient returns the client that an access token was given to; its errors are those
// of AuthenticateToken. It says nothing of what the client may do.
func (k *Keys) TokenClient(ctx context.Context, token string) (string, error) {
	key, err := k.keyOfToken(ctx, token)
	return key.Client, err
}

func (k *Keys) keyOfToken(ctx context.Context, token string) (hub.APIKey, error) {
	if token == "" {
		return hub.APIKey{}, badToken("missing", "an access token is required")
	}
	g, ok := k.openToken(token)
	if !ok {
		return hub.APIKey{}, badToken("token", "the access token is not valid")
	}
	now := k.now()
	if now.Unix() >= g.Until {
		return hub.APIKey{}, badToken("token_expired", "the access token has expired")
	}
	key, err := k.key(ctx, g.Key)
	switch {
	case err != nil && hub.KindOf(err) != hub.KindNotFound:
		return hub.APIKey{}, fmt.Errorf("looking up the client: %w", err)
	case err != nil || key.Client == "" || !key.LiveAt(now):
		return hub.APIKey{}, badToken("token", "the access token is not valid")
	}
	return key, nil
}

func badToken(rule, message string) error {
	return hub.Errorf(hub.KindUntrusted, "", rule, "%s", message)
}

// openToken reads a token. A node without the key that sealed it says the same as of one
// that was made up: it gives no tokens itself, and says why there.
func (k *Keys) openToken(token string) (g granted, ok bool) {
	if len(token) > maxToken || k.vault == nil {
		return g, false
	}
	sealed, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return g, false
	}
	text, err := k.vault.Open(sealed, aboutToken)
	if err != nil {
		return g, false
	}
	return g, json.Unmarshal(text, &g) == nil
}

// unitOf finds the agency of a unit secret; it looks at all of them.
func unitOf(key *hub.APIKey, secret string) (found hub.AgencyID, ok bool) {
	for _, agency := range key.Agencies {
		if subtle.ConstantTimeCompare([]byte(key.UnitSecret(agency)), []byte(secret)) == 1 {
			found, ok = agency, true
		}
	}
	return found, ok
}
