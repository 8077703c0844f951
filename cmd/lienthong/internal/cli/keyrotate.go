package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/app"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/text"
	"github.com/lienthong/lienthong/hub"
)

type keyRotateHub struct {
	hubSettings `embed:""`

	From       time.Time     `placeholder:"TIME" help:"When its turn begins (RFC 3339); instead of --in."`
	In         time.Duration `default:"24h" help:"After which time its turn begins: long enough for all nodes and verifiers to get its certificate."`
	KeyFile    string        `placeholder:"FILE|URI" help:"Key file (PEM, PKCS #12), or pkcs11:token=...;object=...?module-path=... for a key in a token. A new key in a file beside the list when left out."`
	SecretFile string        `type:"path" placeholder:"FILE" help:"File with the passphrase or the PIN of --key-file in its first line."`
	Chain      []string      `type:"path" placeholder:"FILE" help:"Certificates of --key-file (PEM)."`
}

// Help says what happens.
func (keyRotateHub) Help() string {
	return "Enters the next key into the list of evidence keys: the file of --hub-keys-file, or DATA-DIR/key/hub-keys.json. A running hub reads the list within seconds, " +
		"notes it in its log, publishes the certificate in DATA-DIR/hub-certificate.pem, and signs with the key from the time on; no restart is needed. " +
		"Certificates of keys before it stay published, so that old evidence verifies. Of several nodes, give the list to all of them before its time."
}

// Run prepares the next key.
func (c *keyRotateHub) Run(_ context.Context, e *env) error {
	if err := c.Config.Check(); err != nil {
		return err
	}
	if c.KeyFile == "" && c.SecretFile+joined(c.Chain) != "" {
		return hub.Invalid("key-file", "required", "--secret-file and --chain belong to a --key-file")
	}
	from := c.From
	if from.IsZero() {
		from = time.Now().Add(c.In)
	}
	next, err := app.RotateHubKey(&c.Config, app.HubKeySource{Key: c.KeyFile, SecretFile: c.SecretFile, Chain: c.Chain}, from)
	if err != nil {
		return err
	}
	return e.print(next, func(w io.Writer) {
		fmt.Fprintf(w, "the key with the certificate %s signs evidence from %s on\n", next.Certificate, text.Clock(next.From))
		e.note("it is in %s", next.List)
	})
}
