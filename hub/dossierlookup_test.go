package hub_test

import (
	"strings"
	"testing"

	"github.com/lienthong/lienthong/hub"
)

// TestDossierSecrets: a secret is read back from paper however people type it, and finds one
// number alone.
func TestDossierSecrets(t *testing.T) {
	secret := hub.DossierSecretBits{0xff, 0x00, 0x21, 0x84, 0x10, 0x42, 0x08, 0x55, 0xaa, 0x01}.Secret()
	printed := secret.String()
	if len(secret) != 16 || len(printed) != 19 || strings.ReplaceAll(printed, "-", "") != string(secret) {
		t.Fatalf("%q is printed as %q", string(secret), printed)
	}
	mistaken := strings.NewReplacer("0", "o", "1", "l").Replace(strings.ToLower(printed))
	for _, typed := range []string{string(secret), printed, strings.ToLower(printed), " " + strings.ReplaceAll(printed, "-", " ") + " ", mistaken} {
		if got, ok := hub.ParseDossierSecret(typed); !ok || got != secret {
			t.Errorf("%q is read as %q %v", typed, string(got), ok)
		}
	}
	for _, typed := range []string{"", string(secret[1:]), printed + "0", strings.Repeat("U", 16), "ñ" + string(secret[2:]), strings.Repeat(" ", 1000)} {
		if got, ok := hub.ParseDossierSecret(typed); ok {
			t.Errorf("%q is read as %q", typed, string(got))
		}
	}
	lookup := secret.Lookup("H47-260302-0001")
	other := hub.DossierSecretBits{1}.Secret()
	if lookup != secret.Lookup("H47-260302-0001") || lookup == secret.Lookup("H47-260302-0002") || lookup == other.Lookup("H47-260302-0001") {
		t.Error("a secret finds another number, or not its own")
	}
}
