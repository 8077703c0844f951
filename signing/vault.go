package signing

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/lienthong/lienthong/hub"
)

const (
	vaultKeyFile = "secrets.pem"
	pemVaultKey  = "LIENTHONG SECRETS KEY"
	vaultKeySize = 32 // AES-256
	vaultMark    = 8  // bytes that tell which key sealed
	vaultVersion = 1
)

// Vault encrypts the few secrets that a hub must be able to read back (AES-256-GCM, NIST
// SP 800-38D, with random nonces: far fewer than 2^32 of them). What it seals begins with
// a version and the mark of the key, so that the wrong key is named as such.
type Vault struct {
	aead cipher.AEAD
	mark [vaultMark]byte
}

// OpenVault returns the vault whose key lies in "secrets.pem" in dir, beside the hub key
// and under its rules. fs.ErrNotExist when there is none.
func OpenVault(dir string) (*Vault, error) {
	path := filepath.Join(dir, vaultKeyFile)
	if err := requirePrivate(path, 0o600); err != nil {
		return nil, err
	}
	return readVault(path)
}

// LoadVault returns the vault of a key file that an operator provides: its group may read
// it, nobody else.
func LoadVault(path string) (*Vault, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o037 != 0 {
		return nil, hub.Errorf(hub.KindDenied, "secrets_key", "permissions",
			"%s is open to others (%v); run: chmod 0440 %s", path, info.Mode().Perm(), path)
	}
	return readVault(path)
}

// CreateVault makes a key in dir, durably, unless one is there, and returns its vault.
func CreateVault(dir string) (*Vault, error) {
	key := make([]byte, vaultKeySize)
	_, _ = rand.Read(key) // never fails: it ends the process instead
	var out bytes.Buffer
	_ = pem.Encode(&out, &pem.Block{Type: pemVaultKey, Bytes: key}) // a buffer never fails to write
	err := keyFolder(dir)
	if err == nil {
		err = placeKey(filepath.Join(dir, vaultKeyFile), out.Bytes())
	}
	if err != nil {
		return nil, err
	}
	return OpenVault(dir)
}

func readVault(path string) (*Vault, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err != nil {
		return nil, hub.Internal("read the key of secrets", err)
	}
	block, _ := pem.Decode(data)
	if block == nil || block.Type != pemVaultKey || len(block.Bytes) != vaultKeySize {
		return nil, hub.Errorf(hub.KindInvalid, "secrets_key", "format", "%s holds no key of secrets", path)
	}
	c, err := aes.NewCipher(block.Bytes)
	if err != nil {
		return nil, hub.Internal("use the key of secrets", err)
	}
	v := &Vault{}
	if v.aead, err = cipher.NewGCM(c); err != nil {
		return nil, hub.Internal("use the key of secrets", err)
	}
	sum := sha256.Sum256(append([]byte("lienthong secrets key "), block.Bytes...))
	copy(v.mark[:], sum[:])
	return v, nil
}

// Mark tells which key this is and nothing about it.
func (v *Vault) Mark() []byte { return bytes.Clone(v.mark[:]) }

// Seal encrypts a secret; it opens under the same words about it only.
func (v *Vault) Seal(secret []byte, about string) []byte {
	out := append([]byte{vaultVersion}, v.mark[:]...)
	nonce := make([]byte, v.aead.NonceSize())
	_, _ = rand.Read(nonce) // never fails: it ends the process instead
	out = append(out, nonce...)
	return v.aead.Seal(out, nonce, secret, []byte(about))
}

// Open decrypts what Seal made. Errors: KindUnavailable when another key sealed it,
// KindInternal when it is damaged or about something else.
func (v *Vault) Open(sealed []byte, about string) ([]byte, error) {
	head := 1 + vaultMark + v.aead.NonceSize()
	switch {
	case len(sealed) < head || sealed[0] != vaultVersion:
		return nil, hub.Internal("open a secret", errors.New("it has no known form"))
	case !bytes.Equal(sealed[1:1+vaultMark], v.mark[:]):
		return nil, hub.Errorf(hub.KindUnavailable, "secrets_key", "key", "the secrets were sealed with another key than this node has")
	}
	secret, err := v.aead.Open(nil, sealed[1+vaultMark:head], sealed[head:], []byte(about))
	if err != nil {
		return nil, hub.Internal("open a secret", err)
	}
	return secret, nil
}
