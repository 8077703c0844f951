package app

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/signing"
	"github.com/lienthong/lienthong/signing/trust"
)

// TrustSettings say whom signatures of documents must lead to, and what is at hand to
// judge them. Without anchors nobody is trusted.
type TrustSettings struct {
	Anchors     string `env:"LIENTHONG_ANCHORS" help:"Certificates (PEM) or trust list (made by lienthong trust import) that signatures of documents must lead to; read again when the file changes. Without it sound signatures are INDETERMINATE."`
	TrustSigner string `name:"trust-signer" env:"LIENTHONG_TRUST_SIGNER" placeholder:"sha256:…" help:"Fingerprint of the certificate that must have signed the trust list."`
	Mirror      string `env:"LIENTHONG_MIRROR" type:"path" help:"Folder of revocation lists, OCSP responses and certificates of authorities, filled by lienthong trust fetch or by hand; read again when it changes."`
	Revocation  string `env:"LIENTHONG_REVOCATION" enum:"if-available,required" default:"if-available" help:"required: a signature is INDETERMINATE until it is known that no certificate of its path was revoked. What is known counts in any case."`
}

var fingerprints = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

// Load reads anchors and mirror. The sequence is that of the trust list, 0 without one.
func (s *TrustSettings) Load() (anchors *trust.Anchors, mirror *trust.Mirror, sequence int64, err error) {
	anchors = trust.NewAnchors()
	if s.TrustSigner != "" && !fingerprints.MatchString(s.TrustSigner) {
		return nil, nil, 0, hub.Invalid("trust-signer", "fingerprint", "%q is not of the form sha256: and 64 hexadecimal digits", s.TrustSigner)
	}
	if s.Anchors != "" {
		if anchors, sequence, err = LoadAnchors(s.Anchors, s.TrustSigner); err != nil {
			return nil, nil, 0, err
		}
	}
	if s.Mirror != "" {
		if mirror, err = trust.LoadMirror(os.DirFS(s.Mirror)); err != nil {
			return nil, nil, 0, hub.Invalid("mirror", "files", "%s: %v", s.Mirror, err)
		}
	}
	return anchors, mirror, sequence, nil
}

// LoadAnchors reads a file of anchors: PEM, or a trust list that the certificate of that
// fingerprint signed, whose sequence is returned.
func LoadAnchors(path, signer string) (*trust.Anchors, int64, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, 0, hub.Invalid("anchors", "file", "%v", err)
	}
	if !bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")) {
		anchors, err := trust.LoadAnchors(data)
		if err != nil {
			return nil, 0, hub.Invalid("anchors", "pem", "%s: %v", path, err)
		}
		return anchors, 0, nil
	}
	list, by, err := trust.OpenList(data)
	switch {
	case err != nil:
		return nil, 0, hub.Invalid("anchors", "trust_list", "%s: %v", path, err)
	case signer == "":
		return nil, 0, hub.Invalid("trust-signer", "required", "%s is a trust list, signed by %s; say with --trust-signer whose signature counts", path, by)
	case by != signer:
		return nil, 0, hub.Invalid("trust-signer", "signer", "%s is signed by %s, not by %s", path, by, signer)
	}
	return list.Set(), list.Sequence, nil
}

// trusted is what the verifier trusts now, and from which state of the files.
type trusted struct {
	state    string
	sequence int64
}

// newVerifier reads whom to trust for the first time.
func (a *App) newVerifier(options signing.VerifierOptions) (*signing.Verifier, error) {
	settings := &a.config.TrustSettings
	a.trusted.state = settings.state()
	var err error
	if options.Anchors, options.Mirror, a.trusted.sequence, err = settings.Load(); err != nil {
		return nil, err
	}
	options.Revocation = trust.Requirement(settings.Revocation)
	a.mirror.Store(options.Mirror)
	a.noteAtHand()
	return signing.NewVerifier(options), nil
}

// refreshTrust reads anchors and mirror again if their files changed. What cannot be
// read, is older than what is trusted now, or cannot be noted in the log, changes nothing.
func (a *App) refreshTrust(ctx context.Context) error {
	settings := &a.config.TrustSettings
	state := settings.state()
	if state == a.trusted.state {
		return nil
	}
	anchors, mirror, sequence, err := settings.Load()
	if err != nil {
		return err
	}
	if sequence < a.trusted.sequence {
		return hub.Invalid("anchors", "sequence", "the trust list went back from %d to %d", a.trusted.sequence, sequence)
	}
	if err := a.notePolicy(ctx, sequence); err != nil {
		return err
	}
	a.services.verifier.Trust(anchors, mirror)
	a.mirror.Store(mirror)
	a.trusted = trusted{state, sequence}
	a.noteAtHand()
	certificates, lists, answers := mirror.Counts()
	a.log.Info("trust was read again", "anchors", anchors.Len(), "source", anchors.Source(),
		"certificates", certificates, "lists", lists, "responses", answers)
	return nil
}

func (a *App) noteAtHand() {
	digest := a.config.digest()
	a.atHand.Store(&digest)
}

// digest is of all that verdicts are made from besides the files of documents: the same
// on all nodes that have the same. A file that goes while it is read is as good as absent;
// the next look at the files notices.
func (s *TrustSettings) digest() string {
	sum := sha256.New()
	add := func(name, path string) {
		text, err := os.ReadFile(path)
		if err == nil {
			fmt.Fprintf(sum, "%q %x\n", name, sha256.Sum256(text))
		}
	}
	fmt.Fprintf(sum, "%s %s %s\n", signing.Policy, s.Revocation, s.TrustSigner)
	if s.Anchors != "" {
		add("anchors", s.Anchors)
	}
	if s.Mirror != "" {
		_ = filepath.WalkDir(s.Mirror, func(path string, entry fs.DirEntry, err error) error {
			if err == nil && !entry.IsDir() && !strings.HasPrefix(entry.Name(), ".") { // as trust.LoadMirror passes over them
				add(strings.TrimPrefix(path, s.Mirror), path)
			}
			return nil
		})
	}
	return fmt.Sprintf("sha256:%x", sum.Sum(nil))
}

// state changes whenever one of the files does.
func (s *TrustSettings) state() string {
	var state bytes.Buffer
	note := func(path string, info fs.FileInfo, err error) {
		if err != nil {
			fmt.Fprintf(&state, "%s gone;", path)
			return
		}
		fmt.Fprintf(&state, "%s %d %d;", path, info.Size(), info.ModTime().UnixNano())
	}
	if s.Anchors != "" {
		info, err := os.Stat(s.Anchors)
		note(s.Anchors, info, err)
	}
	if s.Mirror != "" {
		_ = filepath.WalkDir(s.Mirror, func(path string, entry fs.DirEntry, err error) error { // a missing file is a state, too
			if err != nil {
				note(path, nil, err)
				return nil
			}
			info, err := entry.Info()
			note(path, info, err)
			return nil
		})
	}
	return state.String()
}
