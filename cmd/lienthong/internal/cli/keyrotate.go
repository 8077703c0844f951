package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/app"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/text"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/signing"
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

type keyRotateSecrets struct {
	hubSettings `embed:""`

	Token   string `placeholder:"URI" help:"Wrap by this AES key in a token: pkcs11:token=...;object=...?module-path=.... Without it the keys lie in the file as they are."`
	PINFile string `name:"pin-file" type:"path" placeholder:"FILE" help:"File with the PIN of the token in its first line; the hub reads it, too."`
	Make    bool   `help:"Make the AES key in the token first."`
}

// Help says what happens.
func (keyRotateSecrets) Help() string {
	return "Adds a key to the file of --secrets-key-file, or DATA-DIR/key/secrets.pem, and wraps all that are in it by the key in the token, or unwraps them. " +
		"The hub seals with the new key from its next start on; what was sealed before stays readable. " +
		"Of several nodes, give the file to all of them before the first one starts again. See deploy/keys.md."
}

// Run adds a key.
func (c *keyRotateSecrets) Run(_ context.Context, e *env) error {
	if err := c.Config.Check(); err != nil {
		return err
	}
	if (c.Token == "") != (c.PINFile == "") || c.Make && c.Token == "" {
		return hub.Invalid("token", "pair", "--token and --pin-file go together, and --make with them")
	}
	wrap := signing.WrappingKey{URI: c.Token, PINFile: c.PINFile}
	if c.Make {
		if err := wrap.Make(); err != nil {
			return err
		}
	}
	path, err := app.RotateSecretsKey(&c.Config, wrap)
	if err != nil {
		return err
	}
	return e.print(map[string]string{"file": path}, func(w io.Writer) {
		fmt.Fprintln(w, path)
		e.note("the new key seals from the next start of the hub on")
	})
}

type keyResealSecrets struct {
	hubSettings `embed:""`

	ForgetOld bool `help:"Then take the older keys out of the file, when nothing is left that they sealed. The file as it was stays beside it, to be destroyed."`
}

// Help says what happens.
func (keyResealSecrets) Help() string {
	return "Encrypts with the newest key in the file of --secrets-key-file, or DATA-DIR/key/secrets.pem, what an older one encrypted, one secret after the other. " +
		"It can be stopped and run again at any moment. Without --database stop the hub first; with it, restart all nodes with the new file first, and they go on working. " +
		"The log gets a note. Exit code 1: some secrets could not be read; they are named, and no key is taken out. See deploy/keys.md."
}

// Run seals anew.
func (c *keyResealSecrets) Run(ctx context.Context, e *env) error {
	told := func(int) {}
	if isTerminal(e.Stderr) && !e.json {
		steps := newSteps(e.Stderr)
		told = func(done int) { steps.tell("secrets", int64(done), 0) }
	}
	out, err := app.ResealSecrets(ctx, c.Config, c.ForgetOld, told, newLog(e.Stderr, "warn", c.LogFormat))
	if err != nil {
		return err
	}
	if err := e.print(out, func(w io.Writer) {
		fmt.Fprintf(w, "%d secrets, %d sealed anew, %d not readable; %d older keys taken out, %d left in %s\n",
			out.Secrets, out.Changed, len(out.Failed), out.Forgotten, out.Keys, out.File)
		for _, f := range out.Failed {
			fmt.Fprintf(w, "%s: %s\n", f.What, f.Reason)
		}
		if out.Before != "" {
			e.note("next: destroy %s when all nodes work with the new file", out.Before)
		}
	}); err != nil {
		return err
	}
	if len(out.Failed) > 0 {
		return verdict(exitFailed)
	}
	return nil
}
