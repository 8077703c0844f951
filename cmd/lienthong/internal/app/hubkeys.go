package app

import (
	"bytes"
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/signing"
	"github.com/lienthong/lienthong/signing/token"
)

// maxHubKeys bounds the file of evidence keys, in bytes and in keys.
const (
	maxHubKeysFile = 1 << 20
	maxHubKeys     = 64
)

// hubKeySetting is one element of the file of evidence keys. Paths are relative to its
// folder.
type hubKeySetting struct {
	Key        string    `json:"key,omitempty"`         // PEM or PKCS #12 file, or a PKCS #11 URI; empty for one that signs no more
	SecretFile string    `json:"secret_file,omitempty"` // passphrase or PIN
	Chain      []string  `json:"chain,omitempty"`       // certificates (PEM); required without a key file that has them
	From       time.Time `json:"from,omitzero"`         // when its turn begins; without it, at the beginning
}

type hubKeysFile struct {
	Keys []hubKeySetting `json:"keys"`
}

// hubKeyring are the evidence keys of a hub: those that take turns, and all certificates
// that receipts were or will be signed with.
type hubKeyring struct {
	keys         []signing.EvidenceKey // oldest turn first
	listed       bool                  // they come from a list
	certificates []*x509.Certificate
	tokens       []*signing.TokenKey
	away         error // why a token cannot be opened now
}

// Close ends the sessions with tokens.
func (r *hubKeyring) Close() error {
	var errs []error
	for _, t := range r.tokens {
		errs = append(errs, t.Close())
	}
	return errors.Join(errs...)
}

// hubKeysPath is the file of evidence keys: the one that the settings name, or that of
// the data folder if it is there; empty when there is none.
func (c *Config) hubKeysPath() string {
	if c.HubKeysFile != "" {
		return c.HubKeysFile
	}
	if own := c.ownHubKeys(); c.HubKeyFile == "" {
		if _, err := os.Stat(own); err == nil {
			return own
		}
	}
	return ""
}

func (c *Config) ownHubKeys() string { return filepath.Join(c.DataDir, "key", fileHubKeys) }

// readHubKeys reads the file of evidence keys.
func readHubKeys(path string) (hubKeysFile, error) {
	var file hubKeysFile
	raw, err := readGuarded("hub-keys-file", path, 0o022, maxHubKeysFile)
	if err != nil {
		return file, err
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&file); err != nil {
		return file, hub.Invalid("hub-keys-file", "json", "%s: %v", path, err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return file, hub.Invalid("hub-keys-file", "json", "%s goes on after its object", path)
	}
	if len(file.Keys) > maxHubKeys {
		return file, hub.Errorf(hub.KindTooLarge, "hub-keys-file", "max_items", "at most %d keys are listed", maxHubKeys)
	}
	var last *time.Time
	for i := range file.Keys {
		k, at := &file.Keys[i], fmt.Sprintf("hub-keys[%d]", i)
		switch {
		case k.Key == "" && len(k.Chain) == 0:
			return file, hub.Invalid(at+".key", "required", "name the key, or the certificates of one that signs no more")
		case k.Key == "":
			continue
		case last != nil && !k.From.After(*last):
			return file, hub.Invalid(at+".from", "order", "the turn of each key begins after that of the one before")
		}
		last = &k.From
	}
	if last == nil {
		return file, hub.Invalid("hub-keys-file", "required", "%s names no key that signs", path)
	}
	return file, nil
}

// checkHubKeys reads the file of evidence keys and all that it names, but opens no token.
func (c *Config) checkHubKeys() error {
	path := c.hubKeysPath()
	if path == "" {
		return nil
	}
	file, err := readHubKeys(path)
	if err != nil {
		return err
	}
	for i := range file.Keys {
		set := file.Keys[i].setting(path, i)
		if set.Key != "" {
			err = errors.Join(err, set.readKey())
		} else if _, failed := set.certificates(); failed != nil {
			err = errors.Join(err, failed)
		}
	}
	return err
}

// setting is the key as those of seals are set.
func (k *hubKeySetting) setting(path string, i int) *sealSetting {
	set := &sealSetting{Key: k.Key, SecretFile: k.SecretFile, Chain: slices.Clone(k.Chain), at: fmt.Sprintf("hub-keys[%d]", i)}
	set.rebase(filepath.Dir(path))
	return set
}

// openHubKeys opens all keys of the file. A token that is out of reach is told in away
// and stops nobody; one that refuses its PIN does.
func openHubKeys(path string) (*hubKeyring, error) {
	file, err := readHubKeys(path)
	if err != nil {
		return nil, err
	}
	ring := &hubKeyring{listed: true}
	for i := range file.Keys {
		set := file.Keys[i].setting(path, i)
		if set.Key == "" {
			err = ring.publish(set)
		} else {
			err = ring.add(set, file.Keys[i].From)
		}
		if err != nil {
			return nil, errors.Join(err, ring.Close())
		}
	}
	return ring, nil
}

// publish takes the certificates of a key that signs no more.
func (r *hubKeyring) publish(set *sealSetting) error {
	chain, err := set.certificates()
	r.certificates = append(r.certificates, chain...)
	return err
}

func (r *hubKeyring) add(set *sealSetting, from time.Time) error {
	if err := set.readKey(); err != nil {
		return err
	}
	key := signing.EvidenceKey{From: from}
	opened, err := set.options.Open()
	switch hardware := strings.HasPrefix(set.Key, "pkcs11:"); {
	case err != nil && (!hardware || !errors.Is(err, token.ErrAway)):
		return set.keyFailure(err)
	case hardware:
		if err == nil {
			key.Chain, err = opened.Chain, opened.Close()
		} else {
			r.away = err
			key.Chain, err = set.certificates()
		}
		if err == nil && len(key.Chain) == 0 {
			err = hub.Invalid(set.at+".chain", "required", "the token is out of reach, and no certificates are given")
		}
		if err != nil {
			return err
		}
		t := signing.NewTokenKey(set.options.Open, key.Chain[0], time.Now)
		r.tokens, key.Signer = append(r.tokens, t), t
	default:
		key.Signer, key.Chain = opened.Signer, opened.Chain
	}
	r.keys, r.certificates = append(r.keys, key), append(r.certificates, key.Chain...)
	if _, err := signing.NewSealerOf(time.Now, r.keys...); err != nil {
		return hub.Invalid(set.at+".key", "key", "%v", errors.Unwrap(err))
	}
	return nil
}

// certificates reads the certificates that a setting names, signer first.
func (s *sealSetting) certificates() ([]*x509.Certificate, error) {
	raw, err := s.chain()
	if err != nil {
		return nil, err
	}
	var chain []*x509.Certificate
	for block, rest := pem.Decode(raw); block != nil; block, rest = pem.Decode(rest) {
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, hub.Invalid(s.at+".chain", "pem", "%v", err)
		}
		chain = append(chain, certificate)
	}
	return chain, nil
}

// hubKeys opens the evidence keys: of the file of keys, or the one key that there is.
func (a *App) hubKeys() (*hubKeyring, error) {
	if path := a.config.hubKeysPath(); path != "" {
		return openHubKeys(path)
	}
	var key crypto.Signer
	var chain []*x509.Certificate
	var err error
	if a.config.HubKeyFile != "" {
		key, chain, err = signing.LoadHubKey(a.config.HubKeyFile)
	} else {
		key, chain, err = signing.LoadOrCreateHubKey(filepath.Join(a.config.DataDir, "key"), a.config.Name, a.now())
	}
	if err != nil {
		return nil, err
	}
	return &hubKeyring{keys: []signing.EvidenceKey{{Signer: key, Chain: chain}}, certificates: chain}, nil
}

// settleKeys makes sure that all nodes of a hub sign with one key at a time: a receipt
// must not depend on the node that made it.
func (a *App) settleKeys(ctx context.Context, ring *hubKeyring) error {
	if !a.config.Shared() {
		return nil
	}
	for i := range ring.keys {
		k := &ring.keys[i]
		name := "hub-key"
		if !k.From.IsZero() {
			name += " from " + k.From.UTC().Format(time.RFC3339)
		}
		mine := fmt.Sprintf("%x", sha256.Sum256(k.Chain[0].RawSubjectPublicKeyInfo))
		standing, err := a.store.Settle(ctx, name, mine)
		if err != nil {
			return err
		}
		if standing != mine {
			return hub.Errorf(hub.KindConflict, "data-dir", "hub_key",
				"the hub of this database signs with another key (%.16s..., here %.16s...): give all nodes the same keys, by --hub-keys-file, by --hub-key-file or as DATA-DIR/key/hub.pem", standing, mine)
		}
	}
	return nil
}

// requireList refuses to go back to the first key where the log says that a list of keys
// was used: a hub whose list was lost would sign with a key that was replaced, or a new
// one, and show no more certificates of the others. Nodes of one hub are compared by
// settleKeys, and may be without it for a while; a copy may have other keys.
func (a *App) requireList(ctx context.Context) error {
	if a.config.Shared() || a.config.NoLogGrowth || a.config.hubKeysPath()+a.config.HubKeyFile != "" {
		return nil
	}
	last, err := a.store.LogNotes(ctx, hub.LogNoteKey, 1)
	if err != nil || len(last) == 0 {
		return err
	}
	var state keyState
	if err := json.Unmarshal(last[0].Body, &state); err != nil {
		return hub.Internal("read the note of the keys", err)
	}
	if state.Listed {
		return hub.Errorf(hub.KindConflict, "hub-keys-file", "gone",
			"this hub signs with a list of evidence keys, which is gone: put %s back, by --hub-keys-file or there; %s has the certificates that it named", a.config.ownHubKeys(), a.config.CertificateFile())
	}
	return nil
}

// useKeys opens the evidence keys, agrees on them with the other nodes, and publishes
// their certificates before any of them signs.
func (a *App) useKeys(ctx context.Context) error {
	state := a.config.hubKeysState()
	if err := a.requireList(ctx); err != nil {
		return err
	}
	ring, err := a.hubKeys()
	if err != nil {
		return err
	}
	err = a.settleKeys(ctx, ring)
	if err == nil {
		err = writeCertificates(a.config.CertificateFile(), ring.certificates)
	}
	if err == nil && a.sealer == nil {
		a.sealer, err = signing.NewSealerOf(a.now, ring.keys...)
	} else if err == nil {
		err = a.sealer.Use(ring.keys...)
	}
	if err != nil {
		return errors.Join(err, ring.Close())
	}
	if ring.away != nil {
		a.log.WarnContext(ctx, "the token of an evidence key is out of reach; it is tried again with every signature", "error", ring.away)
	}
	a.turns.Store(&ring.keys)
	a.rings = append(a.rings, ring) // one that is replaced may be signing still
	a.keysSeen = state
	return nil
}

// hubKeysState tells when the file of evidence keys was changed.
func (c *Config) hubKeysState() string {
	path := c.hubKeysPath()
	info, err := os.Stat(path)
	if err != nil {
		return ""
	}
	return fmt.Sprint(path, info.ModTime().UnixNano(), info.Size())
}

// refreshKeys takes a list of evidence keys that was changed, so that all nodes have the
// next key long before its turn and none needs a restart. A list that cannot be used
// changes nothing. One whose token refused its PIN is not tried again before it changes:
// tokens lock themselves.
func (a *App) refreshKeys(ctx context.Context) error {
	state := a.config.hubKeysState()
	switch {
	case state == a.keysSeen:
		return nil
	case state == "":
		return hub.Invalid("hub-keys-file", "file", "the list of evidence keys is gone; the keys in it are used on")
	case a.keysRefused != nil && state == a.refusedState:
		return a.keysRefused
	}
	if err := a.useKeys(ctx); err != nil {
		err = fmt.Errorf("the list of evidence keys: %w", err)
		if slices.ContainsFunc(hub.ViolationsOf(err), func(v *hub.Error) bool { return v.Rule == "secret" }) {
			a.keysRefused, a.refusedState = err, state
		}
		return err
	}
	a.log.InfoContext(ctx, "evidence keys were read again", "keys", len(a.ring().keys))
	err := a.noteKeys(ctx)
	if err != nil {
		a.keysSeen = unnoted // so that it is done again
	}
	return err
}

// unnoted is the state of no list.
const unnoted = "not in the log"

// ring are the keys in use.
func (a *App) ring() *hubKeyring { return a.rings[len(a.rings)-1] }

// NextHubKey is a key that will sign evidence.
type NextHubKey struct {
	From        time.Time `json:"from"`        // UTC, seconds
	Certificate string    `json:"certificate"` // SHA-256
	List        string    `json:"list"`        // file of evidence keys
}

// HubKeySource is where a key comes from: a file or a PKCS #11 URI; without either it is
// made. Relative paths begin at the working folder.
type HubKeySource struct {
	Key, SecretFile string
	Chain           []string
}

// minOverlap is the least time between the command and the turn of the next key: nodes
// read the list every few seconds.
const minOverlap = 15 * time.Second

// RotateHubKey prepares the next evidence key of a hub: it makes a key in the data
// folder, or takes the one that is named, and enters it into the
// list of keys. A hub that runs takes it from there, notes it in its log, publishes its
// certificate at once, and signs with it from the time on; the old certificates stay
// published. What a crash leaves is the old list or the new one.
func RotateHubKey(config *Config, source HubKeySource, from time.Time) (NextHubKey, error) {
	none := NextHubKey{}
	from = from.UTC().Truncate(time.Second)
	if time.Until(from) < minOverlap {
		return none, hub.Invalid("from", "minimum", "the turn of the next key begins at least %s from now, so that all nodes know it", minOverlap)
	}
	path := config.HubKeysFile
	switch {
	case path == "" && config.HubKeyFile != "":
		return none, hub.Invalid("hub-keys-file", "required", "nodes that share --hub-key-file take a list of keys instead: name it by --hub-keys-file on all of them")
	case path == "":
		path = config.ownHubKeys()
	}
	unlock, err := lockKeys(filepath.Dir(path))
	if err != nil {
		return none, err
	}
	defer unlock()
	file, err := readHubKeys(path)
	if _, missing := os.Stat(path); errors.Is(missing, fs.ErrNotExist) && config.HubKeysFile == "" {
		if _, _, err = signing.LoadHubKey(filepath.Join(config.DataDir, "key", fileHubKey)); err != nil {
			return none, hub.Invalid("data-dir", "file", "there is no hub: %v", err)
		}
		file.Keys = []hubKeySetting{{Key: fileHubKey}}
	}
	if err != nil {
		return none, err
	}
	last := slices.MaxFunc(file.Keys, func(a, b hubKeySetting) int { return a.From.Compare(b.From) }).From
	if last.After(time.Now()) {
		return none, hub.Errorf(hub.KindConflict, "from", "pending", "another key begins its turn at %s; one follows after the other", last.Format(time.RFC3339))
	}
	if source.Key == "" {
		source.Key, err = signing.MakeHubKey(filepath.Dir(path), config.Name, time.Now())
	} else if !strings.HasPrefix(source.Key, "pkcs11:") {
		source.Key, err = filepath.Abs(source.Key)
	}
	if err != nil {
		return none, err
	}
	file.Keys = append(file.Keys, hubKeySetting{Key: source.Key, SecretFile: source.SecretFile, Chain: source.Chain, From: from})
	return enterHubKeys(path, &file)
}

// lockKeys lets one rotation after the other read and replace the list in a folder, so that
// the second sees the turn that the first has entered.
func lockKeys(dir string) (unlock func(), err error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, hub.Invalid("data-dir", "file", "there is no hub: %v", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		_ = f.Close() // was only locked
		return nil, hub.Invalid("data-dir", "file", "the folder of the keys cannot be locked: %v", err)
	}
	return func() { _ = f.Close() }, nil // which unlocks it
}

// enterHubKeys replaces the list by one whose keys can all be opened.
func enterHubKeys(path string, file *hubKeysFile) (NextHubKey, error) {
	text, err := json.MarshalIndent(file, "", "  ")
	if err != nil {
		return NextHubKey{}, hub.Internal("encode the list of keys", err)
	}
	trial := filepath.Join(filepath.Dir(path), ".next-"+filepath.Base(path)) // paths in it are relative
	defer os.Remove(trial)
	if err := writeSecret(trial, string(text)+"\n"); err != nil {
		return NextHubKey{}, hub.Invalid("hub-keys-file", "file", "%v", err)
	}
	ring, err := openHubKeys(trial)
	if err != nil {
		return NextHubKey{}, err
	}
	next := ring.keys[len(ring.keys)-1]
	err = errors.Join(ring.away, ring.Close())
	if of := next.Chain[0]; err == nil && (next.From.Before(of.NotBefore) || !next.From.Before(of.NotAfter)) {
		return NextHubKey{}, hub.Invalid("from", "validity", "the certificate of the key is valid from %s to %s, and not when its turn begins",
			of.NotBefore.UTC().Format(time.RFC3339), of.NotAfter.UTC().Format(time.RFC3339))
	}
	if err == nil {
		err = writeSecret(path, string(text)+"\n")
	}
	if err != nil {
		return NextHubKey{}, hub.Invalid("hub-keys-file", "file", "%v", err)
	}
	return NextHubKey{From: next.From, Certificate: fmt.Sprintf("%x", sha256.Sum256(next.Chain[0].Raw)), List: path}, nil
}
