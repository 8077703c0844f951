package signing

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"time"

	"github.com/lienthong/lienthong/hub"
)

const (
	hubKeyFile = "hub.pem"
	// hubKeyYears is how long the self-signed certificate of a new key is valid:
	// receipts must verify for at least ten years after the last one is issued, and
	// an operator is expected to put in a certificate of an agency CA before that.
	hubKeyYears = 20
	// clockSlack moves notBefore back, so that a peer whose clock is a little behind
	// does not call a fresh certificate not yet valid.
	clockSlack = time.Hour
	pemKey     = "PRIVATE KEY"
	pemCert    = "CERTIFICATE"
)

// LoadOrCreateHubKey returns the evidence key of the hub and its certificates,
// signer first. Both live in one file, "hub.pem" in dir (PKCS #8 key, then the
// certificates), so that one rename puts them in place together. At first start it
// makes a P-256 key with a self-signed certificate whose common name is name.
// A folder or file that others than the owner may read is KindDenied; an operator
// who replaces the file by a key with a CA-issued chain keeps the same form.
func LoadOrCreateHubKey(dir, name string, now time.Time) (crypto.Signer, []*x509.Certificate, error) {
	return loadOrCreateChain(dir, hubKeyFile, func() ([]byte, error) { return newHubKey(name, now) })
}

// loadOrCreateChain returns the key and certificates of a file in the key folder; where
// there is none it puts a new one there.
func loadOrCreateChain(dir, file string, create func() ([]byte, error)) (crypto.Signer, []*x509.Certificate, error) {
	if err := keyFolder(dir); err != nil {
		return nil, nil, err
	}
	path := filepath.Join(dir, file)
	key, chain, err := loadHubKey(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, chain, err
	}
	data, err := create()
	if err != nil {
		return nil, nil, hub.Internal("make the key of "+file, err)
	}
	if err := placeKey(path, data); err != nil {
		return nil, nil, err
	}
	return loadHubKey(path)
}

// keyFolder makes the folder of keys where it is missing, and refuses one that is open to
// others.
func keyFolder(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return hub.Internal("make the key folder", err)
	}
	return requirePrivate(dir, 0o700)
}

// LoadHubKey returns the evidence key and its certificates from a file that an operator
// provides, such as a mounted secret: its group may read it, nobody else.
func LoadHubKey(path string) (crypto.Signer, []*x509.Certificate, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, err
	}
	if info.Mode().Perm()&0o037 != 0 {
		return nil, nil, hub.Errorf(hub.KindDenied, "hub_key", "permissions",
			"%s is open to others (%v); run: chmod 0440 %s", path, info.Mode().Perm(), path)
	}
	return readHubKey(path)
}

// requirePrivate refuses a path that anybody but its owner may use.
func requirePrivate(path string, mode fs.FileMode) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return hub.Errorf(hub.KindDenied, "key_dir", "permissions",
			"%s is open to others (%v); run: chmod %o %s", path, info.Mode().Perm(), mode, path)
	}
	return nil
}

func loadHubKey(path string) (crypto.Signer, []*x509.Certificate, error) {
	if err := requirePrivate(path, 0o600); err != nil {
		return nil, nil, err
	}
	return readHubKey(path)
}

func readHubKey(path string) (crypto.Signer, []*x509.Certificate, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, hub.Internal("read the hub key", err)
	}
	key, chain, err := parseHubKey(data)
	if err != nil {
		return nil, nil, hub.Errorf(hub.KindInvalid, "hub_key", "format", "%s: %v", path, err)
	}
	return key, chain, nil
}

func parseHubKey(data []byte) (key *ecdsa.PrivateKey, chain []*x509.Certificate, err error) {
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		switch block.Type {
		case pemKey:
			parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
			if err != nil {
				return nil, nil, err
			}
			key, _ = parsed.(*ecdsa.PrivateKey)
		case pemCert:
			certificate, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return nil, nil, err
			}
			chain = append(chain, certificate)
		}
	}
	if key == nil || key.Curve != elliptic.P256() {
		return nil, nil, errors.New("no ECDSA key on P-256")
	}
	if len(chain) == 0 || !key.PublicKey.Equal(chain[0].PublicKey) {
		return nil, nil, errors.New("the first certificate does not belong to the key")
	}
	return key, chain, nil
}

func createHubKey(path, name string, now time.Time) error {
	data, err := newHubKey(name, now)
	if err != nil {
		return hub.Internal("make the hub key", err)
	}
	return placeKey(path, data)
}

// placeKey writes a new key durably and without ever replacing one: when two
// processes start together, the link of the second fails and both use the first.
func placeKey(path string, data []byte) error {
	temporary, err := os.CreateTemp(filepath.Dir(path), ".key-*.pem") // mode 0600
	if err != nil {
		return hub.Internal("write a key", err)
	}
	defer func() { _ = os.Remove(temporary.Name()) }() // the linked name stays
	_, err = temporary.Write(data)
	err = errors.Join(err, temporary.Sync(), temporary.Close())
	if err != nil {
		return hub.Internal("write a key", err)
	}
	if err := os.Link(temporary.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return hub.Internal("put a key in place", err)
	}
	return syncFolder(filepath.Dir(path))
}

func newHubKey(name string, now time.Time) ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          serial.Add(serial, big.NewInt(1)),
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             now.UTC().Add(-clockSlack),
		NotAfter:              now.UTC().AddDate(hubKeyYears, 0, 0),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment,
		BasicConstraintsValid: true,
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	_ = pem.Encode(&out, &pem.Block{Type: pemKey, Bytes: encoded}) // a buffer never fails to write
	_ = pem.Encode(&out, &pem.Block{Type: pemCert, Bytes: certificate})
	return out.Bytes(), nil
}

// syncFolder makes a new directory entry survive a power cut.
func syncFolder(dir string) error {
	folder, err := os.Open(dir)
	if err != nil {
		return hub.Internal("open the key folder", err)
	}
	defer folder.Close()
	if err := folder.Sync(); err != nil {
		return hub.Internal("make the key folder durable", err)
	}
	return nil
}

// MakeHubKey makes another evidence key, with a self-signed certificate, in a file of
// its own beside the first one, and returns the name of the file. It replaces nothing.
func MakeHubKey(dir, name string, now time.Time) (file string, err error) {
	file = "hub-" + now.UTC().Format("20060102T150405Z") + ".pem"
	path := filepath.Join(dir, file)
	if _, err := os.Stat(path); err == nil {
		return "", hub.Errorf(hub.KindConflict, "hub_key", "exists", "%s is there already", path)
	}
	return file, createHubKey(path, name, now)
}
