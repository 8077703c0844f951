package app

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/sealing"
	"github.com/lienthong/lienthong/signing"
	"github.com/lienthong/lienthong/signing/appearance"
	"github.com/lienthong/lienthong/signing/pdfsig"
	"github.com/lienthong/lienthong/signing/token"
	"github.com/lienthong/lienthong/signing/tsp"
)

// maxSealsFile is far above the size of any list of seals, in bytes.
const maxSealsFile = 1 << 20

// sealSetting is one element of the file of seals. Paths are relative to its folder.
type sealSetting struct {
	Agency     string   `json:"agency"`      // code or id
	Key        string   `json:"key"`         // PEM or PKCS #12 file, or pkcs11:token=...;object=...?module-path=...
	SecretFile string   `json:"secret_file"` // passphrase or PIN, in the first line
	Chain      []string `json:"chain"`       // more certificates (PEM)
	Level      string   `json:"level"`       // b, t, lt or lta
	TSA        string   `json:"tsa"`         // of all but b
	CRL        []string `json:"crl"`         // of lt and lta; read anew for every seal
	Image      string   `json:"image"`       // PNG
	Reason     string   `json:"reason"`

	at      string // place in the file, for errors
	options signing.SealOptions
}

// readSeals reads the file of seals and all that it names, but opens no token.
func (c *Config) readSeals() ([]sealSetting, error) {
	if c.Seals == "" {
		return nil, nil
	}
	raw, err := readGuarded("seals", c.Seals, 0o022, maxSealsFile)
	if err != nil {
		return nil, err
	}
	var file struct {
		Seals []sealSetting `json:"seals"`
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&file); err != nil {
		return nil, hub.Invalid("seals", "json", "%s: %v", c.Seals, err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, hub.Invalid("seals", "json", "%s goes on after its object", c.Seals)
	}
	var found hub.Violations
	seen := map[string]bool{}
	for i := range file.Seals {
		s := &file.Seals[i]
		s.at = fmt.Sprintf("seals[%d]", i)
		s.rebase(filepath.Dir(c.Seals))
		if s.Agency == "" || seen[s.Agency] {
			found = append(found, hub.Invalid(s.at+".agency", "unique", "each seal names an agency of its own"))
		}
		seen[s.Agency] = true
		for _, step := range []func() error{s.readLevel, s.readKey, s.readImage} {
			if err := step(); err != nil {
				found = append(found, hub.ViolationsOf(err)...)
			}
		}
	}
	return file.Seals, found.AsError()
}

// rebase makes paths relative to the folder of the file.
func (s *sealSetting) rebase(dir string) {
	paths := []*string{&s.SecretFile, &s.Image}
	if !strings.HasPrefix(s.Key, "pkcs11:") {
		paths = append(paths, &s.Key)
	}
	for i := range s.Chain {
		paths = append(paths, &s.Chain[i])
	}
	for i := range s.CRL {
		paths = append(paths, &s.CRL[i])
	}
	for _, path := range paths {
		if *path != "" && !filepath.IsAbs(*path) {
			*path = filepath.Join(dir, *path)
		}
	}
}

func (s *sealSetting) readLevel() error {
	level, ok := map[string]pdfsig.Level{"": pdfsig.LevelB, "b": pdfsig.LevelB, "t": pdfsig.LevelT, "lt": pdfsig.LevelLT, "lta": pdfsig.LevelLTA}[s.Level]
	s.options.Level, s.options.Reason = level, s.Reason
	long := level == pdfsig.LevelLT || level == pdfsig.LevelLTA
	stamped := long || level == pdfsig.LevelT
	switch {
	case !ok:
		return hub.Invalid(s.at+".level", "code_list", "a level is b, t, lt or lta, not %q", s.Level)
	case stamped != (s.TSA != ""):
		return hub.Invalid(s.at+".tsa", "level", "the levels t, lt and lta need the address of a time-stamp authority, level b has none")
	case long != (len(s.CRL) > 0):
		return hub.Invalid(s.at+".crl", "level", "the levels lt and lta need files of revocation lists, the others have none")
	}
	if !stamped {
		return nil
	}
	if u, err := url.Parse(s.TSA); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return hub.Invalid(s.at+".tsa", "url", "this is not an address of the form http://HOST/PATH")
	}
	client := tsp.NewClient(tsp.ClientOptions{URL: s.TSA})
	s.options.Stamp, s.options.StampDigest = signing.Stamp(client), signing.StampDigest(client)
	if long {
		s.options.Material = s.material
		_, err := s.longTerm()
		return err
	}
	return nil
}

// material reads revocation lists anew: they change every day.
func (s *sealSetting) material(ctx context.Context, message []byte) (pdfsig.Material, error) {
	long, err := s.longTerm()
	if err != nil {
		return pdfsig.Material{}, err
	}
	return long.Material(ctx, message)
}

func (s *sealSetting) longTerm() (signing.LongTerm, error) {
	long := signing.LongTerm{Now: time.Now}
	for _, path := range s.CRL {
		raw, err := readGuarded(s.at+".crl", path, 0, maxCRLFile)
		if err != nil {
			return long, err
		}
		lists, err := signing.ReadCRLs(raw)
		if err != nil {
			return long, hub.Invalid(s.at+".crl", "format", "%s: %v", path, err)
		}
		long.CRLs = append(long.CRLs, lists...)
	}
	chain, err := s.chain()
	for block, rest := pem.Decode(chain); err == nil && block != nil; block, rest = pem.Decode(rest) {
		var certificate *x509.Certificate
		if certificate, err = x509.ParseCertificate(block.Bytes); err != nil {
			return long, hub.Invalid(s.at+".chain", "pem", "%v", err)
		}
		long.Certificates = append(long.Certificates, certificate)
	}
	return long, err
}

// maxCRLFile bounds a file of revocation lists, in bytes.
const maxCRLFile = 64 << 20

func (s *sealSetting) chain() ([]byte, error) {
	var all []byte
	for _, path := range s.Chain {
		raw, err := readGuarded(s.at+".chain", path, 0, token.MaxFile)
		if err != nil {
			return nil, err
		}
		all = append(append(all, raw...), '\n')
	}
	return all, nil
}

func (s *sealSetting) readImage() error {
	if s.Image == "" {
		return nil
	}
	raw, err := readGuarded(s.at+".image", s.Image, 0, appearance.MaxPictureBytes)
	if err != nil {
		return err
	}
	if _, err := appearance.DecodePNG(raw); err != nil {
		return hub.Invalid(s.at+".image", "png", "%s: %v", s.Image, err)
	}
	s.options.Image = raw
	return nil
}

// readGuarded reads a bounded file that must not have these permissions.
func readGuarded(field, path string, mode os.FileMode, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, hub.Invalid(field, "file", "%v", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, hub.Invalid(field, "file", "%v", err)
	}
	if info.Mode().Perm()&mode != 0 {
		return nil, hub.Errorf(hub.KindDenied, field, "permissions", "%s is open to others (%v); run: chmod 0600 %s", path, info.Mode().Perm(), path)
	}
	raw, err := io.ReadAll(io.LimitReader(f, limit+1))
	switch {
	case err != nil:
		return nil, hub.Invalid(field, "file", "%v", err)
	case int64(len(raw)) > limit:
		return nil, hub.Invalid(field, "max_size", "%s is above %d bytes", path, limit)
	}
	return raw, nil
}

// openSeals opens the keys of the seals. A token that is away now stops nobody: its seal
// is unavailable until it is back.
func (a *App) openSeals() error {
	s := &a.services
	s.seals = signing.NewAgencySeals(a.now)
	s.sealing = sealing.New(sealing.Options{Signer: s.seals, Directory: s.directory, Notes: s.notes, Now: a.now})
	list, err := a.config.readSeals()
	if err != nil {
		return err
	}
	for i := range list {
		if err := a.openSeal(&list[i]); err != nil {
			return err
		}
	}
	return nil
}

func (a *App) openSeal(set *sealSetting) error {
	agency, ok := a.services.directory.ByID(hub.AgencyID(set.Agency))
	if !ok {
		var err error
		if agency, err = a.services.directory.ResolveSender(set.Agency, a.now()); err != nil {
			found := *hub.ViolationsOf(err)[0]
			found.Field = set.at + ".agency"
			return &found
		}
	}
	if a.services.seals.HasSeal(agency.ID) {
		return hub.Invalid(set.at+".agency", "unique", "each seal names an agency of its own")
	}
	away, err := a.services.seals.Add(agency.ID, set.options)
	switch {
	case err != nil:
		return set.keyFailure(err)
	case away != nil:
		a.log.Warn("the token of a seal is out of reach; it is tried again when a document comes", "agency", agency.ID, "error", away)
	default:
		a.log.Info("seal ready", "agency", agency.ID, "level", set.options.Level)
	}
	return nil
}
