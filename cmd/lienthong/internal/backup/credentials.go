package backup

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"filippo.io/age"

	"github.com/lienthong/lienthong/hub"
)

// Credentials open a repository: for writing with recipients, for reading with
// identities.
type Credentials struct {
	recipients []age.Recipient
	identities []age.Identity
	key        []byte // of the repository
}

// keyMark begins the line of the repository key. For age it is a comment, so that its
// own tools read our files too.
const keyMark = "# repository-key: "

// maxCredentials is far above the size of a file of recipients, in bytes.
const maxCredentials = 1 << 20

// Generate makes an identity, which reads backups and belongs on another machine, and
// the recipients file, which writes them. A recipients file that is there already gets
// one recipient more: backups can then be read with each of the identities. It returns
// the new recipient.
func Generate(identityFile, recipientsFile string, now time.Time) (string, error) {
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		return "", hub.Internal("make an identity", err)
	}
	before, err := os.ReadFile(recipientsFile)
	var key []byte
	switch {
	case err == nil:
		key, err = parseKey("recipients", recipientsFile, before)
	case errors.Is(err, fs.ErrNotExist):
		key = make([]byte, sha256.Size)
		_, err = rand.Read(key)
		before = []byte("# Backups of lienthong are encrypted for these recipients.\n" + keyMark + hex.EncodeToString(key) + "\n")
	}
	if err != nil {
		return "", hub.Invalid("recipients", "file", "%v", err)
	}
	recipient := identity.Recipient().String()
	secret := fmt.Sprintf("# Reads backups of lienthong. Keep it off the machines of the hub.\n# made: %s\n# recipient: %s\n%s%s\n%s\n",
		now.UTC().Format(time.RFC3339), recipient, keyMark, hex.EncodeToString(key), identity)
	if err := writeNew(identityFile, []byte(secret)); err != nil {
		return "", hub.Invalid("identity", "file", "%v", err)
	}
	if err := replaceFile(recipientsFile, append(before, recipient+"\n"...)); err != nil {
		return "", hub.Invalid("recipients", "file", "%v", err)
	}
	return recipient, nil
}

// LoadRecipients reads what writes backups.
func LoadRecipients(path string) (*Credentials, error) {
	text, key, err := loadCredentials("recipients", path)
	if err != nil {
		return nil, err
	}
	recipients, err := age.ParseRecipients(bytes.NewReader(text))
	if err != nil {
		return nil, hub.Invalid("recipients", "age", "%s: %v", path, err)
	}
	return &Credentials{recipients: recipients, key: key}, nil
}

// LoadIdentity reads what reads backups.
func LoadIdentity(path string) (*Credentials, error) {
	text, key, err := loadCredentials("identity", path)
	if err != nil {
		return nil, err
	}
	identities, err := age.ParseIdentities(bytes.NewReader(text))
	if err != nil {
		return nil, hub.Invalid("identity", "age", "%s: %v", path, err)
	}
	return &Credentials{identities: identities, key: key}, nil
}

func loadCredentials(field, path string) (text, key []byte, err error) {
	info, err := os.Stat(path)
	if err == nil && info.Size() > maxCredentials {
		err = errors.New(path + " is too large")
	}
	if err == nil {
		text, err = os.ReadFile(path)
	}
	if err != nil {
		return nil, nil, hub.Invalid(field, "file", "%v", err)
	}
	key, err = parseKey(field, path, text)
	return text, key, err
}

func parseKey(field, path string, text []byte) ([]byte, error) {
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		if value, ok := strings.CutPrefix(lines.Text(), keyMark); ok {
			key, err := hex.DecodeString(strings.TrimSpace(value))
			if err != nil || len(key) != sha256.Size {
				return nil, hub.Invalid(field, "repository_key", "the repository key in %s has %d hexadecimal digits", path, 2*sha256.Size)
			}
			return key, nil
		}
	}
	return nil, hub.Invalid(field, "repository_key", "%s has no line %q: make it with `lienthong backup keygen`", path, keyMark+"...")
}

// name is the keyed name of content: purpose keeps names of different things apart.
func (c *Credentials) name(purpose string, content []byte) string {
	mac := hmac.New(sha256.New, c.key)
	mac.Write([]byte("lienthong backup " + purpose + "\x00"))
	mac.Write(content)
	return hex.EncodeToString(mac.Sum(nil))
}

func (c *Credentials) chunkName(payload []byte) string { return c.name("chunk", payload) }

func (c *Credentials) objectName(digest hub.Digest) string { return c.name("object", digest[:]) }

// writeNew makes a file that only its owner can read; one that is there stays.
func writeNew(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Sync(), f.Close(), syncFolder(filepath.Dir(path)))
}

// replaceFile writes a file that only its owner can read, durably and never half.
func replaceFile(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return errors.Join(os.Rename(f.Name(), path), syncFolder(filepath.Dir(path)))
}

func syncFolder(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
