package app

import (
	"context"
	"encoding/hex"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/engine"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/signing"
	"github.com/lienthong/lienthong/signing/token"
)

// vault is the key that the secrets of systems are encrypted with. It is read at the
// first use and made at the first seal: a hub without such systems needs none.
type vault struct {
	dir   string // of the hub's keys
	file  string // given by the operator; may be empty
	nodes engine.Settler

	mu    sync.Mutex
	open  *signing.Vault
	state fs.FileInfo // of the file that was read last
	lost  error       // the token refused the PIN: it locks itself after a few
	away  error       // the token did not answer
	next  time.Time   // not asked before
}

// vaultPause is how long a token that is away is left alone before it is asked again.
const vaultPause = 5 * time.Second

// settingSecretsKey is the name under which the nodes agree on the key.
const settingSecretsKey = "secrets-key"

func (c *Config) vault(nodes engine.Settler) *vault {
	return &vault{dir: filepath.Join(c.DataDir, "key"), file: c.SecretsKeyFile, nodes: nodes}
}

// Seal implements directory.Vault.
func (v *vault) Seal(ctx context.Context, secret []byte, about string) ([]byte, error) {
	key, err := v.key()
	if errors.Is(err, fs.ErrNotExist) && v.file == "" {
		key, err = v.make()
	}
	if err != nil {
		return nil, missingKey(err)
	}
	if err := v.agree(ctx, key); err != nil {
		return nil, err
	}
	return key.Seal(secret, about), nil
}

// agree makes sure that the key is that of all nodes.
func (v *vault) agree(ctx context.Context, key *signing.Vault) error {
	mine := hex.EncodeToString(key.Mark())
	standing, err := v.nodes.Settle(ctx, settingSecretsKey, mine)
	if err == nil && standing != mine {
		err = hub.Errorf(hub.KindConflict, "secrets-key-file", "secrets_key",
			"the secrets of this hub are sealed with another key (%s..., here %s...): give this node the key/secrets.pem that it began with", standing, mine)
	}
	return err
}

// Open implements directory.Vault.
func (v *vault) Open(sealed []byte, about string) ([]byte, error) {
	key, err := v.key()
	if err != nil {
		return nil, missingKey(err)
	}
	secret, err := key.Open(sealed, about)
	if errors.Is(err, signing.ErrOtherVault) {
		if key, err = v.reread(); err != nil {
			return nil, err
		}
		return key.Open(sealed, about)
	}
	return secret, err
}

// reread takes a file that changed: another node seals with a key that was added to it.
func (v *vault) reread() (*signing.Vault, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	state, err := os.Stat(v.path())
	if err != nil || v.state != nil && state.ModTime().Equal(v.state.ModTime()) && state.Size() == v.state.Size() {
		return v.open, nil // what was read still opens what it sealed
	}
	held, of := v.open, v.state
	if _, err := v.read(); err != nil {
		v.open, v.state = held, of // what could not be read now is read when it is asked for again
		return nil, err
	}
	return v.open, nil
}

// ready opens the key at the start where there is one in a token: a PIN that is refused,
// and a key that is not there, are found before anybody waits for it.
func (v *vault) ready(log *slog.Logger) error {
	_, err := v.key()
	switch {
	case errors.Is(err, token.ErrAway):
		log.Warn("the token that guards the secrets of systems is out of reach; it is asked again", "error", err)
	case err != nil && hub.KindOf(err) == hub.KindUnavailable:
		return err
	}
	return nil
}

func (v *vault) path() string {
	if v.file != "" {
		return v.file
	}
	return filepath.Join(v.dir, fileSecretsKey)
}

func missingKey(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return hub.Errorf(hub.KindUnavailable, "secrets-key-file", "secrets_key", "this node has no key for the secrets of systems: "+
			"give all nodes the file key/secrets.pem of the node that let the first system in, by --secrets-key-file or as DATA-DIR/key/secrets.pem")
	}
	return err
}

func (v *vault) key() (*signing.Vault, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.open != nil {
		return v.open, nil
	}
	return v.read()
}

// read reads the file; a token that refused the PIN is not asked again, one that was away
// only after a while.
func (v *vault) read() (*signing.Vault, error) {
	switch {
	case v.lost != nil:
		return nil, v.lost
	case time.Now().Before(v.next):
		return nil, v.away
	}
	var err error
	state, _ := os.Stat(v.path()) // before it is read: a change in between is read once more
	if v.file != "" {
		v.open, err = signing.LoadVault(v.file)
	} else {
		v.open, err = signing.OpenVault(v.dir)
	}
	v.state = state
	switch {
	case errors.Is(err, token.ErrPIN):
		v.lost = err
	case errors.Is(err, token.ErrAway):
		v.away, v.next = err, time.Now().Add(vaultPause)
	}
	if err != nil {
		v.open = nil
	}
	return v.open, err
}

func (v *vault) make() (*signing.Vault, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	var err error
	if v.open, err = signing.CreateVault(v.dir); err != nil {
		v.open = nil
	}
	return v.open, err
}

// RotateSecretsKey adds a key to the file of the hub's secrets, which seals from the next
// start on, and returns the file. With a wrapping key all that the file holds is wrapped by
// it, else it lies there as it is.
func RotateSecretsKey(c *Config, wrap signing.WrappingKey) (string, error) {
	v := c.vault(nil)
	path := v.path()
	unlock, err := lockKeys(filepath.Dir(path))
	if err != nil {
		return "", err
	}
	defer unlock()
	key, err := v.key()
	if errors.Is(err, fs.ErrNotExist) && v.file == "" {
		key, err = v.make()
	}
	if err != nil {
		return "", missingKey(err)
	}
	text, err := key.Rotated(wrap)
	if err != nil {
		return "", err
	}
	info, err := os.Stat(path)
	if err == nil {
		err = replaceFile(path, string(text), info.Mode().Perm())
	}
	if err != nil {
		return "", hub.Internal("write the key of secrets", err)
	}
	return path, nil
}
