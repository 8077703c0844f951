package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// IdentityProvider is the example server of zitadel/oidc, an OpenID Connect provider with a
// page on which people sign in with a name and a password.
type IdentityProvider struct {
	*Process
	Issuer   string
	ClientID string // that the provider knows, with the address to come back to
	Other    string // another client, of the same secret
	Secret   string
	People   []Identity
}

// Identity is a person at the provider.
type Identity struct{ Subject, Name, Password, Email string }

// zitadel is where .ci/setup puts the server.
const zitadel = "lienthong/tools/zitadel-oidc-v3.52.0/server"

// OIDC starts a provider that ends with the test. It sends browsers back to one address
// alone.
func OIDC(t testing.TB, redirect string) *IdentityProvider {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	port, folder := FreePort(t), t.TempDir()
	p := &IdentityProvider{
		Issuer: fmt.Sprintf("http://localhost:%d/", port), ClientID: "web", Other: "api", Secret: "secret",
		People: []Identity{{"s-1", "van.thu", "mật khẩu ở nơi khác", "van.thu@example.vn"}, {"s-2", "nguoi.la", "mật khẩu thứ hai", "nguoi.la@example.vn"}},
	}
	users := map[string]any{}
	for i, who := range p.People {
		users[who.Subject] = map[string]any{
			"ID": who.Subject, "Username": who.Name, "Password": who.Password, "FirstName": "Mẫu", "LastName": "Hư Cấu",
			"Email": who.Email, "EmailVerified": i == 0, "PreferredLanguage": "vi",
		}
	}
	text, err := json.Marshal(users)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(folder, "users.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	p.Process = Run(t, Options{
		Path: Program(t, ".ci/setup installs it", filepath.Join(cache, zitadel)), Dir: folder,
		Env: []string{fmt.Sprintf("PORT=%d", port), "USERS_FILE=" + file, "REDIRECT_URI=" + redirect, "HOME=" + folder},
		Ready: func() error {
			client := http.Client{Timeout: time.Second}
			answer, err := client.Get(strings.TrimSuffix(p.Issuer, "/") + "/.well-known/openid-configuration") //nolint:noctx // it has a limit
			if err != nil {
				return err
			}
			defer answer.Body.Close()
			var of struct{ Issuer string }
			if err := json.NewDecoder(answer.Body).Decode(&of); err != nil || of.Issuer != p.Issuer {
				return fmt.Errorf("another server answers: %q, %w", of.Issuer, err)
			}
			return nil
		},
	})
	return p
}
