package signing

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/lienthong/lienthong/hub"
)

const (
	logKeyFile     = "log.pem"
	witnessKeyFile = "witness.pem"
)

// LoadOrCreateLogKey returns the key that signs checkpoints of the log: "log.pem" in
// dir (PKCS #8, Ed25519), beside the hub key and under its rules. At first start it
// makes one.
func LoadOrCreateLogKey(dir string) (ed25519.PrivateKey, error) {
	return ed25519KeyIn(dir, logKeyFile)
}

// LoadOrCreateWitnessKey returns the key of a witness of logs: "witness.pem" in dir,
// under the same rules.
func LoadOrCreateWitnessKey(dir string) (ed25519.PrivateKey, error) {
	return ed25519KeyIn(dir, witnessKeyFile)
}

func ed25519KeyIn(dir, name string) (ed25519.PrivateKey, error) {
	if err := keyFolder(dir); err != nil {
		return nil, err
	}
	return loadOrCreateLogKey(filepath.Join(dir, name))
}

func loadOrCreateLogKey(path string) (ed25519.PrivateKey, error) {
	err := requirePrivate(path, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		err = createLogKey(path)
	}
	if err != nil {
		return nil, err
	}
	return readLogKey(path)
}

// LoadLogKey returns the key of a log or of a witness from a file that an operator
// provides: its group may read it, nobody else.
func LoadLogKey(path string) (ed25519.PrivateKey, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o037 != 0 {
		return nil, hub.Errorf(hub.KindDenied, "log_key", "permissions",
			"%s is open to others (%v); run: chmod 0440 %s", path, info.Mode().Perm(), path)
	}
	return readLogKey(path)
}

func readLogKey(path string) (ed25519.PrivateKey, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, hub.Internal("read the key of the log", err)
	}
	block, _ := pem.Decode(data)
	if block == nil || block.Type != pemKey {
		return nil, hub.Errorf(hub.KindInvalid, "log_key", "format", "%s holds no private key", path)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	key, ok := parsed.(ed25519.PrivateKey)
	if err != nil || !ok {
		return nil, hub.Errorf(hub.KindInvalid, "log_key", "format", "%s holds no Ed25519 key", path)
	}
	return key, nil
}

func createLogKey(path string) error {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return hub.Internal("make the key of the log", err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return hub.Internal("make the key of the log", err)
	}
	var out bytes.Buffer
	_ = pem.Encode(&out, &pem.Block{Type: pemKey, Bytes: encoded}) // a buffer never fails to write
	return placeKey(path, out.Bytes())
}
