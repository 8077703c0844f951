package app

import (
	"cmp"
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"syscall"
	"time"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/backup"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/engine"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
	"github.com/lienthong/lienthong/signing"
)

// Stores are the stores of a hub, open for a backup or a check beside it.
type Stores struct {
	engine.Archive
	content engine.Content
}

// OpenStores opens the stores of a stopped or running hub for reading.
func OpenStores(ctx context.Context, config Config, log *slog.Logger) (*Stores, error) {
	if err := config.Check(); err != nil {
		return nil, err
	}
	o := config.engineOptions(log)
	state, err := engine.OpenArchive(ctx, o)
	if err != nil {
		return nil, err
	}
	content, err := engine.OpenContent(ctx, o)
	if err != nil {
		return nil, errors.Join(err, state.Close())
	}
	return &Stores{Archive: state, content: content}, nil
}

// backupAct is what the note of a backup says.
type backupAct struct {
	Keys bool `json:"keys"` // it takes the keys of the hub along
}

// NoteBackup notes in the log of a stopped or running hub that a backup of it is about to
// be made. Its stores were opened before: they are of this version.
func NoteBackup(ctx context.Context, config Config, keys bool, log *slog.Logger) error {
	store, err := engine.OpenState(ctx, config.engineOptions(log))
	if err != nil {
		return err
	}
	acts := chronicle{&audit.Notes{Store: store, Now: time.Now, NewID: newID}}
	return errors.Join(acts.note(ctx, localOperator(), "backup", "", backupAct{Keys: keys}), store.Close())
}

func (c *Config) engineOptions(log *slog.Logger) engine.Options {
	return engine.Options{Settings: c.Settings, DataDir: c.DataDir, Name: c.Name, Log: log}
}

// OpenBlob opens content; KindNotFound when it is absent.
func (s *Stores) OpenBlob(ctx context.Context, digest hub.Digest) (hub.Blob, error) {
	return s.content.OpenBlob(ctx, digest)
}

// OpenContent is OpenBlob for those who only read on.
func (s *Stores) OpenContent(ctx context.Context, digest hub.Digest) (io.ReadCloser, error) {
	return s.content.OpenBlob(ctx, digest)
}

// Close closes the stores.
func (s *Stores) Close() error { return errors.Join(s.content.Close(), s.Archive.Close()) }

// EmptyStores are stores that a backup can be restored into.
type EmptyStores struct {
	engine.Restorable
	// Backup names what is restored, in the note that the log gets of it.
	Backup  string
	content engine.Content
	lock    *os.File
}

// Import takes records into the stores, all of them or none, and with them a note that
// this was done: what came after the backup is gone, which nobody shall deny.
func (s *EmptyStores) Import(ctx context.Context, next func() (hub.Record, error)) error {
	note, err := audit.NewNote(hub.LogNoteOperator, operatorAct{Action: "restore", About: s.Backup}, newID(), time.Now())
	if err != nil {
		return err
	}
	body, err := json.Marshal(note)
	if err != nil {
		return hub.Internal("encode a note", err)
	}
	return s.Restorable.Import(ctx, withLast(next, hub.Record{Kind: hub.RecordLogNote, Body: body}))
}

// withLast puts a record behind the last one of its kind.
func withLast(next func() (hub.Record, error), last hub.Record) func() (hub.Record, error) {
	order := hub.RecordKinds()
	place := slices.Index(order, last.Kind)
	var held func() (hub.Record, error) // what next gave when the place had come
	given := false
	return func() (hub.Record, error) {
		if held != nil {
			give := held
			held = nil
			return give()
		}
		r, err := next()
		if given || err != nil && !errors.Is(err, io.EOF) || err == nil && slices.Index(order, r.Kind) <= place {
			return r, err
		}
		given, held = true, func() (hub.Record, error) { return r, err }
		return last, nil
	}
}

// OpenEmptyStores opens stores for a restore and makes them where they are not there
// yet. The data folder belongs to the caller until Close.
func OpenEmptyStores(ctx context.Context, config Config, log *slog.Logger) (*EmptyStores, error) {
	if err := config.Check(); err != nil {
		return nil, err
	}
	lock, err := lockFolder(config.DataDir)
	if err != nil {
		return nil, err
	}
	o := config.engineOptions(log)
	state, err := engine.OpenRestorable(ctx, o)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	content, err := engine.OpenContent(ctx, o)
	if err != nil {
		return nil, errors.Join(err, state.Close(), lock.Close())
	}
	return &EmptyStores{Restorable: state, content: content, lock: lock}, nil
}

// OpenBlob opens content; KindNotFound when it is absent.
func (s *EmptyStores) OpenBlob(ctx context.Context, digest hub.Digest) (hub.Blob, error) {
	return s.content.OpenBlob(ctx, digest)
}

// CreateBlob opens a writer for content.
func (s *EmptyStores) CreateBlob(ctx context.Context) (hub.BlobWriter, error) {
	return s.content.CreateBlob(ctx)
}

// Close closes the stores and gives the data folder back.
func (s *EmptyStores) Close() error {
	return errors.Join(s.content.Close(), s.Restorable.Close(), s.lock.Close())
}

// lockFolder takes a data folder for this process alone, making it when it is not
// there.
func lockFolder(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, hub.Invalid("data-dir", "folder", "%v", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, hub.Invalid("data-dir", "folder", "%v", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, hub.Errorf(hub.KindConflict, "data-dir", "in_use", "another hub is running on %s", dir)
	}
	return f, nil
}

// Engine names what the hub runs on, for people.
func (c *Config) Engine() string {
	state, content := "sqlite", "folder"
	if c.Database != "" {
		state = "postgresql"
	}
	if c.Objects != "" {
		content = "s3"
	}
	return state + ", " + content
}

// The files of a hub that a backup takes along, by their names in it.
const (
	fileCertificate = "hub-certificate.pem"
	fileHubKey      = "hub.pem"
	fileHubKeys     = "hub-keys.json" // only after a rotation, with the keys that it names
	fileLogKey      = "log.pem"
	fileTSAKey      = "tsa.pem"
	fileSecretsKey  = "secrets.pem"
	fileOperator    = "operator.key"
)

// filePlaces tells where the files lie.
func (c *Config) filePlaces() map[string]string {
	return map[string]string{
		fileCertificate: c.CertificateFile(),
		fileHubKey:      filepath.Join(c.DataDir, "key", "hub.pem"),
		fileLogKey:      filepath.Join(c.DataDir, "key", fileLogKey),
		fileTSAKey:      filepath.Join(c.DataDir, "key", fileTSAKey),
		fileSecretsKey:  filepath.Join(c.DataDir, "key", fileSecretsKey),
		fileOperator:    c.OperatorKeyFile(),
	}
}

// rotatedKeys are files of evidence keys that the hub made after its first one, and of
// certificates that an operator put beside them.
var rotatedKeys = regexp.MustCompile(`^hub-[A-Za-z0-9-]{1,64}\.(pem|json)$`)

// rotatedFiles names the list of evidence keys in the data folder and the files beside it
// that it names.
func (c *Config) rotatedFiles() ([]string, error) {
	path := c.hubKeysPath()
	if path != c.ownHubKeys() || path == "" {
		return nil, nil
	}
	list, err := readHubKeys(path)
	if err != nil {
		return nil, err
	}
	names := []string{fileHubKeys}
	for i := range list.Keys {
		for _, name := range append([]string{list.Keys[i].Key}, list.Keys[i].Chain...) {
			if rotatedKeys.MatchString(name) {
				names = append(names, name)
			}
		}
	}
	return names, nil
}

// Certificates returns the certificates of the hub's evidence key (PEM): of the key
// file that all nodes share, or those that the hub wrote beside its data.
func (c *Config) Certificates() ([]byte, error) {
	if c.HubKeyFile == "" {
		text, err := os.ReadFile(c.CertificateFile())
		if err != nil {
			return nil, hub.Invalid("data-dir", "file", "%v", err)
		}
		return text, nil
	}
	_, chain, err := signing.LoadHubKey(c.HubKeyFile)
	if err != nil {
		return nil, hub.Invalid("hub-key-file", "file", "%v", err)
	}
	var text []byte
	for _, certificate := range chain {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw})...)
	}
	return text, nil
}

// Files reads what belongs to a hub beside its stores: its certificates and, with
// secrets, its keys and the key of its operator.
func (c *Config) Files(secrets bool) ([]backup.File, error) {
	certificates, err := c.Certificates()
	if err != nil {
		return nil, err
	}
	files := []backup.File{{Name: fileCertificate, Content: certificates}}
	if !secrets {
		return files, nil
	}
	places := c.filePlaces()
	places[fileHubKey] = cmp.Or(c.HubKeyFile, places[fileHubKey])
	places[fileLogKey] = cmp.Or(c.LogKeyFile, places[fileLogKey])
	places[fileSecretsKey] = cmp.Or(c.SecretsKeyFile, places[fileSecretsKey])
	names := []string{fileHubKey, fileLogKey, fileTSAKey, fileSecretsKey, fileOperator}
	more, err := c.rotatedFiles()
	if err != nil {
		return nil, err
	}
	for _, name := range more {
		places[name], names = filepath.Join(c.DataDir, "key", name), append(names, name)
	}
	for _, name := range names {
		content, err := os.ReadFile(places[name])
		switch {
		case errors.Is(err, fs.ErrNotExist) && (name != fileHubKey || c.hubKeysPath() != ""): // the operator may keep them elsewhere
		case err != nil:
			return nil, hub.Invalid("data-dir", "file", "%v", err)
		default:
			files = append(files, backup.File{Name: name, Content: content})
		}
	}
	return files, nil
}

// KeepFile writes a file of a backup to its place in the data folder. One that is
// there with other content is KindConflict.
func (c *Config) KeepFile(file backup.File) error {
	path, known := c.filePlaces()[file.Name]
	if !known && rotatedKeys.MatchString(file.Name) {
		path, known = filepath.Join(c.DataDir, "key", file.Name), true
	}
	if !known {
		return hub.Errorf(hub.KindUnsupported, "backup", "file", "the backup has a file %q, which this version does not know: use a newer program", file.Name)
	}
	there, err := os.ReadFile(path)
	switch {
	case err == nil && string(there) == string(file.Content):
		return nil
	case err == nil:
		return hub.Errorf(hub.KindConflict, "data-dir", "empty", "%s is there and has other content", path)
	case !errors.Is(err, fs.ErrNotExist):
		return hub.Invalid("data-dir", "file", "%v", err)
	}
	err = os.MkdirAll(filepath.Dir(path), 0o700)
	if err == nil && file.Name == fileCertificate {
		err = os.WriteFile(path, file.Content, 0o644) //nolint:gosec // certificates are public
	} else if err == nil {
		err = writeSecret(path, string(file.Content))
	}
	if err != nil {
		return hub.Invalid("data-dir", "file", "%v", err)
	}
	return nil
}
