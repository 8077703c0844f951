package app

import (
	"context"
	"encoding/hex"
	"errors"
	"io/fs"
	"path/filepath"
	"sync"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/engine"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/signing"
)

// vault is the key that the secrets of systems are encrypted with. It is read at the
// first use and made at the first seal: a hub without such systems needs none.
type vault struct {
	dir   string // of the hub's keys
	file  string // given by the operator; may be empty
	nodes engine.Settler

	mu   sync.Mutex
	open *signing.Vault
}

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
	mine := hex.EncodeToString(key.Mark())
	standing, err := v.nodes.Settle(ctx, settingSecretsKey, mine)
	if err != nil {
		return nil, err
	}
	if standing != mine {
		return nil, hub.Errorf(hub.KindConflict, "secrets-key-file", "secrets_key",
			"the secrets of this hub are sealed with another key (%s..., here %s...): give this node the key/secrets.pem that it began with", standing, mine)
	}
	return key.Seal(secret, about), nil
}

// Open implements directory.Vault.
func (v *vault) Open(sealed []byte, about string) ([]byte, error) {
	key, err := v.key()
	if err != nil {
		return nil, missingKey(err)
	}
	return key.Open(sealed, about)
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
	var err error
	if v.file != "" {
		v.open, err = signing.LoadVault(v.file)
	} else {
		v.open, err = signing.OpenVault(v.dir)
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
