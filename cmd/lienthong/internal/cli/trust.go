package cli

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/text"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/signing"
	"github.com/lienthong/lienthong/signing/jose"
	"github.com/lienthong/lienthong/signing/trust"
)

type trustCommand struct {
	Import trustImport `cmd:"" help:"Put certificates into a trust list, which is made when absent, and sign it."`
	End    trustEnd    `cmd:"" help:"End the trust in one anchor of a list at a time, and sign it."`
	List   trustShow   `cmd:"" help:"Show the anchors of a trust list."`
	Check  trustCheck  `cmd:"" help:"Check who signed a trust list, and what of it and of the mirror has ended or ends soon."`
	Export trustExport `cmd:"" help:"Print the certificates of a trust list as PEM."`
	Fetch  trustFetch  `cmd:"" help:"Fetch revocation lists into the mirror, from hosts that are allowed by name."`
}

// signedList is a trust list that is changed.
type signedList struct {
	File   string `name:"list" required:"" type:"path" help:"File of the trust list."`
	Signer string `required:"" type:"path" help:"Folder of the operator's signing key (hub.pem), made at the first use. Keep it away from the hub."`
}

// change signs the list anew after an edit, with the next sequence.
func (s *signedList) change(e *env, edit func(l *trust.List) error) error {
	key, chain, err := signing.LoadOrCreateHubKey(s.Signer, "lienthong trust list", time.Now())
	if err != nil {
		return err
	}
	signer, err := jose.NewSigner(key, chain)
	if err != nil {
		return hub.Invalid("key", "format", "%v", err)
	}
	l := &trust.List{}
	if _, err := os.Stat(s.File); !errors.Is(err, fs.ErrNotExist) {
		var by string
		if l, by, err = readList(s.File); err != nil {
			return err
		}
		if by != trust.Fingerprint(chain[0]) {
			return hub.Invalid("list", "signer", "%s is signed by %s, not by this key (%s)", s.File, by, trust.Fingerprint(chain[0]))
		}
	}
	if err := edit(l); err != nil {
		return err
	}
	l.Sequence++
	file, err := l.Seal(signer, time.Now())
	if err != nil {
		return hub.Invalid("list", "content", "%v", err)
	}
	if err := replaceFile(s.File, file); err != nil {
		return err
	}
	return e.print(listInfo(l, trust.Fingerprint(chain[0])), func(w io.Writer) {
		fmt.Fprintf(w, "%s: version %d, %d anchors\n", s.File, l.Sequence, len(l.Anchors))
		fmt.Fprintf(w, "signed by %s\n", trust.Fingerprint(chain[0]))
	})
}

// readList reads a list and says who signed it.
func readList(path string) (*trust.List, string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, "", hub.Invalid("list", "file", "%v", err)
	}
	l, by, err := trust.OpenList(data)
	if err != nil {
		return nil, "", hub.Invalid("list", "trust_list", "%s: %v", path, err)
	}
	return l, by, nil
}

// replaceFile puts a file in place at once: a reader sees the old or the new one.
func replaceFile(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".lienthong-*")
	if err != nil {
		return hub.Invalid("file", "write", "%v", err)
	}
	defer os.Remove(f.Name()) // gone after the rename
	_, err = f.Write(data)
	err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return hub.Internal("write "+path, err)
	}
	return nil
}

type trustImport struct {
	signedList `embed:""`
	Files      []string  `arg:"" type:"existingfile" help:"Certificates: PEM, DER or PKCS #7 (.p7b)."`
	Purpose    []string  `enum:"signing,timestamping,evidence" default:"signing,timestamping" help:"What the certificates are trusted for: signatures of documents, time-stamps, the evidence of a hub (name it for the certificate of a hub)."`
	From       time.Time `format:"2006-01-02" help:"First day of the trust, YYYY-MM-DD; that of the certificate when left out."`
	Until      time.Time `format:"2006-01-02" help:"Last day of the trust, YYYY-MM-DD; that of the certificate when left out."`
	Note       string    `required:"" help:"Where the certificates came from, and how they were compared."`
}

// Run imports certificates.
func (c *trustImport) Run(e *env) error {
	var purposes []trust.Purpose
	for _, purpose := range c.Purpose {
		purposes = append(purposes, trust.Purpose(purpose))
	}
	until := c.Until
	if !until.IsZero() {
		until = until.AddDate(0, 0, 1).Add(-time.Second) // the last day is a day of trust
	}
	var found []*x509.Certificate
	for _, file := range c.Files {
		data, err := os.ReadFile(file)
		if err != nil {
			return hub.Invalid("file", "file", "%v", err)
		}
		certificates, err := trust.ParseCertificates(data)
		if err != nil {
			return hub.Invalid("file", "certificate", "%s: %v", file, err)
		}
		found = append(found, certificates...)
	}
	return c.change(e, func(l *trust.List) error {
		for _, certificate := range found {
			l.Add(certificate, c.From, until, c.Note, purposes...)
			e.note("%s  %s", trust.Fingerprint(certificate), certificate.Subject)
		}
		return nil
	})
}

type trustEnd struct {
	signedList  `embed:""`
	Fingerprint string    `arg:"" help:"Of the anchor, as trust list shows it; its beginning is enough."`
	At          time.Time `format:"2006-01-02T15:04:05Z07:00" help:"End of the trust, such as 2026-11-23T10:00:00+07:00; now when left out."`
	Remove      bool      `help:"Take the anchor out instead: nothing that it ever issued is trusted any more, as after a compromise."`
}

// Run ends the trust in an anchor. It stays in the list: signatures that are proven to be
// older go on leading to it.
func (c *trustEnd) Run(e *env) error {
	at := c.At
	if at.IsZero() {
		at = time.Now()
	}
	return c.change(e, func(l *trust.List) error {
		i, err := c.find(l)
		if err != nil {
			return err
		}
		if c.Remove {
			l.Anchors = slices.Delete(l.Anchors, i, i+1)
			return nil
		}
		l.Anchors[i].Until = at.UTC().Truncate(time.Second)
		return nil
	})
}

// find returns the one anchor whose fingerprint begins as given.
func (c *trustEnd) find(l *trust.List) (int, error) {
	const least = len("sha256:") + 8
	found := -1
	for i := range l.Anchors {
		if len(c.Fingerprint) < least || !strings.HasPrefix("sha256:"+l.Anchors[i].SHA256, c.Fingerprint) {
			continue
		}
		if found >= 0 {
			return 0, hub.Invalid("fingerprint", "unique", "several anchors begin with %s", c.Fingerprint)
		}
		found = i
	}
	if found < 0 {
		return 0, hub.Errorf(hub.KindNotFound, "fingerprint", "anchor", "no anchor begins with %s (sha256: and eight digits at least)", c.Fingerprint)
	}
	return found, nil
}

// listed is a trust list as it is shown.
type listed struct {
	Sequence int64          `json:"sequence"`
	IssuedAt time.Time      `json:"issued_at"`
	Signer   string         `json:"signer"`
	Anchors  []listedAnchor `json:"anchors"`
}

type listedAnchor struct {
	Fingerprint string          `json:"fingerprint"`
	Subject     string          `json:"subject"`
	From        time.Time       `json:"from"`
	Until       time.Time       `json:"until"`
	Purposes    []trust.Purpose `json:"purposes"`
	Note        string          `json:"note"`
}

func listInfo(l *trust.List, signer string) listed {
	out := listed{Sequence: l.Sequence, IssuedAt: l.IssuedAt, Signer: signer, Anchors: []listedAnchor{}}
	for _, a := range l.Anchors {
		out.Anchors = append(out.Anchors, listedAnchor{"sha256:" + a.SHA256, a.Subject, a.From, a.Until, a.Purposes, a.Note})
	}
	return out
}

type trustShow struct {
	File string `arg:"" type:"existingfile" help:"File of the trust list."`
}

// Run shows a list.
func (c *trustShow) Run(e *env) error {
	l, by, err := readList(c.File)
	if err != nil {
		return err
	}
	return e.print(listInfo(l, by), func(w io.Writer) {
		fmt.Fprintf(w, "version %d of %s, signed by %s\n", l.Sequence, text.Clock(l.IssuedAt), by)
		for _, a := range l.Anchors {
			fmt.Fprintf(w, "%s\n  sha256:%s\n  %v, from %s to %s\n", text.Printable(a.Subject), a.SHA256, a.Purposes, text.Clock(a.From), text.Clock(a.Until))
			if a.Note != "" {
				fmt.Fprintf(w, "  %s\n", text.Printable(a.Note))
			}
		}
	})
}

type trustExport struct {
	File    string `arg:"" type:"existingfile" help:"File of the trust list."`
	Purpose string `enum:"signing,timestamping,evidence,any" default:"any" help:"Only the certificates that are trusted for this."`
}

// Run prints the certificates that are trusted today.
func (c *trustExport) Run(e *env) error {
	l, _, err := readList(c.File)
	if err != nil {
		return err
	}
	now := time.Now()
	for _, a := range l.Anchors {
		if c.Purpose != "any" && !slices.Contains(a.Purposes, trust.Purpose(c.Purpose)) || now.Before(a.From) || now.After(a.Until) {
			continue
		}
		if err := pem.Encode(e.Stdout, &pem.Block{Type: "CERTIFICATE", Bytes: a.Certificate}); err != nil {
			return err
		}
	}
	return nil
}

// endsSoon is how far ahead trust check looks for ends.
const endsSoon = 90 * 24 * time.Hour

type trustCheck struct {
	File        string `arg:"" type:"existingfile" help:"File of the trust list."`
	TrustSigner string `name:"trust-signer" placeholder:"sha256:…" help:"Fingerprint of the certificate that must have signed it."`
	Mirror      string `type:"existingdir" help:"Folder of revocation lists to look at, too."`
}

// trustFinding is one thing that an operator should know.
type trustFinding struct {
	Level string `json:"level"` // ok, warning, error
	About string `json:"about"`
	Text  string `json:"text"`
}

// Run checks a list and a mirror. An error ends with the exit code of a refusal.
func (c *trustCheck) Run(_ context.Context, e *env) error {
	l, by, err := readList(c.File)
	if err != nil {
		return err
	}
	now := time.Now()
	findings := []trustFinding{checkSignedBy(by, c.TrustSigner)}
	for _, a := range l.Anchors {
		findings = append(findings, checkEnd(a.Subject, "trust", a.From, a.Until, now))
	}
	if c.Mirror != "" {
		mirror, err := trust.LoadMirror(os.DirFS(c.Mirror))
		if err != nil {
			return hub.Invalid("mirror", "files", "%v", err)
		}
		for _, list := range mirror.Lists() {
			findings = append(findings, checkEnd(list.Issuer, "revocation list", list.ThisUpdate, list.NextUpdate, now))
		}
	}
	bad := false
	if err := e.print(findings, func(w io.Writer) {
		for _, f := range findings {
			fmt.Fprintf(w, "%-7s %s: %s\n", f.Level, text.Printable(f.About), f.Text)
		}
	}); err != nil {
		return err
	}
	for _, f := range findings {
		bad = bad || f.Level == "error"
	}
	if bad {
		return hub.Invalid("list", "check", "see the findings above")
	}
	return nil
}

func checkSignedBy(by, want string) trustFinding {
	switch {
	case want == "":
		return trustFinding{"warning", "signature", "made by " + by + "; compare it, and say so with --trust-signer"}
	case by != want:
		return trustFinding{"error", "signature", "made by " + by + ", not by " + want}
	}
	return trustFinding{"ok", "signature", "made by " + by}
}

func checkEnd(about, what string, from, until, now time.Time) trustFinding {
	switch {
	case until.IsZero():
		return trustFinding{"warning", about, what + " of " + text.Clock(from) + " names no end"}
	case now.After(until):
		level := "warning" // an anchor that has ended goes on serving old signatures
		if what != "trust" {
			level = "error"
		}
		return trustFinding{level, about, what + " ended at " + text.Clock(until)}
	case now.Before(from):
		return trustFinding{"warning", about, what + " begins at " + text.Clock(from)}
	case what == "trust" && until.Sub(now) < endsSoon:
		return trustFinding{"warning", about, what + " ends soon, at " + text.Clock(until)}
	}
	return trustFinding{"ok", about, what + " until " + text.Clock(until)}
}
