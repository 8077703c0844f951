package signing

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/signing/token"
)

const (
	vaultKeyFile  = "secrets.pem"
	pemVaultKey   = "LIENTHONG SECRETS KEY"
	pemWrappedKey = "LIENTHONG WRAPPED SECRETS KEY"
	vaultKeySize  = 32 // AES-256
	vaultMark     = 8  // bytes that tell which key sealed
	vaultVersion  = 1
	maxVaultKeys  = 16
	maxVaultFile  = 64 << 10
)

// Headers in the file of a vault.
const (
	headerBegan = "Began-With" // mark of the first key that the hub ever had, before the newest key
	headerKey   = "Token-Key"  // PKCS #11 URI of the AES key that wraps this one
	headerPIN   = "PIN-File"   // file with the PIN of the token
)

// Vault encrypts the few secrets that a hub must be able to read back (AES-256-GCM, NIST
// SP 800-38D, with random nonces: far fewer than 2^32 of them). What it seals begins with
// a version and the mark of the key, so that the wrong key is named as such.
//
// Its file holds the newest key, which seals, and before it those that still open what
// they sealed, as they are or each wrapped by an AES key in a PKCS #11 token. A token is
// asked when the file is read, not for each secret.
type Vault struct {
	keys  []vaultKey // the newest first
	began [vaultMark]byte
}

type vaultKey struct {
	raw  []byte
	aead cipher.AEAD
	mark [vaultMark]byte
}

// WrappingKey is an AES key in a PKCS #11 token. The zero value stands for none.
type WrappingKey struct {
	URI     string // pkcs11:token=...;object=...?module-path=...
	PINFile string // holds the PIN in its first line
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
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err != nil {
		return nil, hub.Internal("read the key of secrets", err)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxVaultFile))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, hub.Internal("read the key of secrets", err)
	}
	return parseVault(data, path)
}

func parseVault(data []byte, path string) (*Vault, error) {
	v, began := &Vault{}, ""
	open := unwrapper{}
	defer open.close()
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		raw, err := block.Bytes, error(nil)
		switch block.Type {
		case pemVaultKey:
		case pemWrappedKey:
			raw, err = open.unwrap(block)
		default:
			continue
		}
		if err != nil {
			return nil, err
		}
		if len(raw) != vaultKeySize || len(v.keys) == maxVaultKeys {
			v.keys = nil
			break
		}
		if len(v.keys) == 0 {
			began = block.Headers[headerBegan]
		}
		key, err := newVaultKey(raw)
		if err != nil {
			return nil, err
		}
		v.keys = append(v.keys, key)
	}
	if len(v.keys) == 0 {
		return nil, hub.Errorf(hub.KindInvalid, "secrets_key", "format", "%s holds no key of secrets", path)
	}
	v.began = v.keys[0].mark
	if began != "" {
		mark, err := hex.DecodeString(began)
		if err != nil || len(mark) != vaultMark {
			return nil, hub.Errorf(hub.KindInvalid, "secrets_key", "format", "%s has a header %s that is no mark", path, headerBegan)
		}
		copy(v.began[:], mark)
	}
	return v, nil
}

func newVaultKey(raw []byte) (vaultKey, error) {
	c, err := aes.NewCipher(raw)
	if err != nil {
		return vaultKey{}, hub.Internal("use the key of secrets", err)
	}
	key := vaultKey{raw: raw}
	if key.aead, err = cipher.NewGCM(c); err != nil {
		return key, hub.Internal("use the key of secrets", err)
	}
	sum := sha256.Sum256(append([]byte("lienthong secrets key "), raw...))
	copy(key.mark[:], sum[:])
	return key, nil
}

// unwrapper opens each token once for the keys of a file.
type unwrapper map[WrappingKey]*token.SecretKey

func (u unwrapper) close() {
	for _, k := range u {
		_ = k.Close() // nothing was written
	}
}

func (u unwrapper) key(w WrappingKey) (*token.SecretKey, error) {
	if k := u[w]; k != nil {
		return k, nil
	}
	h, err := w.hardware()
	if err != nil {
		return nil, err
	}
	k, err := token.OpenSecretKey(h)
	if err != nil {
		return nil, wrappingAway(err)
	}
	u[w] = k
	return k, nil
}

func (u unwrapper) unwrap(block *pem.Block) ([]byte, error) {
	k, err := u.key(WrappingKey{block.Headers[headerKey], block.Headers[headerPIN]})
	if err != nil {
		return nil, err
	}
	n := k.NonceSize()
	if len(block.Bytes) < n {
		return nil, hub.Errorf(hub.KindInvalid, "secrets_key", "format", "a wrapped key of secrets is too short")
	}
	raw, err := k.Open(nil, block.Bytes[:n], block.Bytes[n:], []byte(pemWrappedKey))
	if err != nil {
		return nil, wrappingAway(fmt.Errorf("the key in the token does not open the key of secrets: %w", err))
	}
	return raw, nil
}

// wrappingAway says that the token cannot be used; errors.Is finds what the token said.
func wrappingAway(cause error) error {
	return &hub.Error{
		Kind: hub.KindUnavailable, Field: "secrets_key", Rule: "token", RetryAfter: tokenPause,
		Message: "the key in the token that guards the secrets of systems cannot be used now; try again later", Err: cause,
	}
}

// hardware is the key with its PIN.
func (w WrappingKey) hardware() (token.Hardware, error) {
	h, err := token.ParseURI(w.URI)
	if err != nil {
		return h, hub.Invalid("secrets_key", "pkcs11_uri", "%v", err)
	}
	info, err := os.Stat(w.PINFile)
	if err != nil {
		return h, hub.Invalid("secrets_key", "pin_file", "%v", err)
	}
	if info.Mode().Perm()&0o037 != 0 {
		return h, hub.Errorf(hub.KindDenied, "secrets_key", "permissions", "%s is open to others (%v); run: chmod 0600 %s", w.PINFile, info.Mode().Perm(), w.PINFile)
	}
	text, err := os.ReadFile(w.PINFile)
	if err != nil {
		return h, hub.Invalid("secrets_key", "pin_file", "%v", err)
	}
	line, _, _ := bytes.Cut(text, []byte("\n"))
	if h.PIN = strings.TrimSuffix(string(line), "\r"); h.PIN == "" {
		return h, hub.Invalid("secrets_key", "pin_file", "%s holds no PIN in its first line", w.PINFile)
	}
	return h, nil
}

// Make makes the key in its token, which must not have it yet.
func (w WrappingKey) Make() error {
	h, err := w.hardware()
	if err != nil {
		return err
	}
	if err := token.MakeSecretKey(h); err != nil {
		return &hub.Error{Kind: hub.KindConflict, Field: "secrets_key", Rule: "token", Message: "the key was not made", Err: err}
	}
	return nil
}

// Rotated returns the file of a vault with one more key, which seals from then on; those
// that were there still open what they sealed. All of them are wrapped by the key in the
// token, or as they are where there is none. It was read back before it is returned.
func (v *Vault) Rotated(wrap WrappingKey) ([]byte, error) {
	if len(v.keys) == maxVaultKeys {
		return nil, hub.Errorf(hub.KindConflict, "secrets_key", "maximum", "the file holds %d keys; take out the last ones, which seal nothing any more", maxVaultKeys)
	}
	fresh := make([]byte, vaultKeySize)
	_, _ = rand.Read(fresh) // never fails: it ends the process instead
	wrapping := unwrapper{}
	defer wrapping.close()
	var out bytes.Buffer
	all := append([]vaultKey{{raw: fresh}}, v.keys...)
	for i := range all {
		block := &pem.Block{Type: pemVaultKey, Bytes: all[i].raw, Headers: map[string]string{}}
		if wrap != (WrappingKey{}) {
			k, err := wrapping.key(wrap)
			if err != nil {
				return nil, err
			}
			nonce := make([]byte, k.NonceSize())
			_, _ = rand.Read(nonce)
			block.Type, block.Headers[headerKey], block.Headers[headerPIN] = pemWrappedKey, wrap.URI, wrap.PINFile
			block.Bytes = k.Seal(nonce, nonce, all[i].raw, []byte(pemWrappedKey))
		}
		if i == 0 {
			block.Headers[headerBegan] = hex.EncodeToString(v.began[:])
		}
		if err := pem.Encode(&out, block); err != nil {
			return nil, hub.Invalid("secrets_key", "format", "%v", err)
		}
	}
	again, err := parseVault(out.Bytes(), "the new file")
	if err != nil {
		return nil, err
	}
	if len(again.keys) != len(all) || !bytes.Equal(again.keys[0].raw, fresh) || again.began != v.began {
		return nil, hub.Internal("read the new keys of secrets back", errors.New("they are others"))
	}
	return out.Bytes(), nil
}

// Mark tells with which key the hub began and nothing about it: a rotation changes
// nothing of it, so nodes that hold files of one hub know each other.
func (v *Vault) Mark() []byte { return bytes.Clone(v.began[:]) }

// Seal encrypts a secret; it opens under the same words about it only.
func (v *Vault) Seal(secret []byte, about string) []byte {
	key := &v.keys[0]
	out := append([]byte{vaultVersion}, key.mark[:]...)
	nonce := make([]byte, key.aead.NonceSize())
	_, _ = rand.Read(nonce) // never fails: it ends the process instead
	out = append(out, nonce...)
	return key.aead.Seal(out, nonce, secret, []byte(about))
}

// Open decrypts what Seal made. Errors: KindUnavailable when another key sealed it,
// KindInternal when it is damaged or about something else.
func (v *Vault) Open(sealed []byte, about string) ([]byte, error) {
	if len(sealed) < 1+vaultMark || sealed[0] != vaultVersion {
		return nil, hub.Internal("open a secret", errors.New("it has no known form"))
	}
	i := slices.IndexFunc(v.keys, func(k vaultKey) bool { return bytes.Equal(sealed[1:1+vaultMark], k.mark[:]) })
	if i < 0 {
		return nil, ErrOtherVault
	}
	key := &v.keys[i]
	head := 1 + vaultMark + key.aead.NonceSize()
	if len(sealed) < head {
		return nil, hub.Internal("open a secret", errors.New("it has no known form"))
	}
	secret, err := key.aead.Open(nil, sealed[1+vaultMark:head], sealed[head:], []byte(about))
	if err != nil {
		return nil, hub.Internal("open a secret", err)
	}
	return secret, nil
}

// Renew seals anew with the newest key what an older one sealed, and returns what that one
// sealed as it is. Errors are those of Open.
func (v *Vault) Renew(sealed []byte, about string) ([]byte, error) {
	secret, err := v.Open(sealed, about)
	if err != nil || bytes.Equal(sealed[1:1+vaultMark], v.keys[0].mark[:]) {
		return sealed, err
	}
	return v.Seal(secret, about), nil
}

// Keys is how many keys the file of the vault holds.
func (v *Vault) Keys() int { return len(v.keys) }

// Newest returns the file of this vault without the keys before the newest, given the file
// as it is. It was read back before it is returned. What the others sealed does not open
// any more.
func (v *Vault) Newest(file []byte) ([]byte, error) {
	for block, rest := pem.Decode(file); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != pemVaultKey && block.Type != pemWrappedKey {
			continue
		}
		if block.Headers[headerBegan] == "" {
			if block.Headers == nil {
				block.Headers = map[string]string{}
			}
			block.Headers[headerBegan] = hex.EncodeToString(v.began[:])
		}
		newest := pem.EncodeToMemory(block)
		again, err := parseVault(newest, "the new file")
		if err != nil {
			return nil, err
		}
		if len(again.keys) != 1 || again.keys[0].mark != v.keys[0].mark || again.began != v.began {
			return nil, hub.Errorf(hub.KindConflict, "secrets_key", "changed", "the file has another newest key than a moment ago; try again")
		}
		return newest, nil
	}
	return nil, hub.Errorf(hub.KindInvalid, "secrets_key", "format", "the file holds no key of secrets")
}

// ErrOtherVault is of KindUnavailable: a key sealed that this file does not hold.
var ErrOtherVault error = hub.Errorf(hub.KindUnavailable, "secrets_key", "key", "the secrets were sealed with another key than this node has")
