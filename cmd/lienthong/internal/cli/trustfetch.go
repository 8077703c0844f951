package cli

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/lienthong/lienthong/adapters/crlfetch"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/text"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/signing/trust"
)

type trustFetch struct {
	Mirror       string   `required:"" type:"existingdir" help:"Folder to fill; the setting --mirror of the hub."`
	Allow        []string `required:"" placeholder:"HOST" help:"Host that may be asked, HOST or HOST:PORT; repeat for several. No other is contacted."`
	AllowPrivate bool     `help:"The hosts may lie in private networks."`
	Certificates []string `type:"existingfile" help:"Files of certificates, or trust lists, whose distribution points are fetched, besides those in the mirror."`
	Addresses    []string `arg:"" optional:"" help:"Addresses to fetch in addition."`
}

// Help says what it is for.
func (trustFetch) Help() string {
	return "Fetches once; let a timer of the system run it, on a machine with a way out, and carry the folder over where the hub has none. A file is replaced only by one that can be read. Exit code 1 when one of the addresses that are allowed gave nothing usable."
}

// fetched is the result for one address.
type fetched struct {
	Address string `json:"address"`
	File    string `json:"file,omitempty"`
	Error   string `json:"error,omitempty"`
	Skipped bool   `json:"skipped,omitempty"` // the host is not allowed
}

// Run fetches every address once.
func (c *trustFetch) Run(ctx context.Context, e *env) error {
	addresses, err := c.addresses()
	if err != nil {
		return err
	}
	fetcher := crlfetch.New(crlfetch.Options{Hosts: c.Allow, AllowPrivate: c.AllowPrivate, MaxBytes: trust.MaxCRL, Timeout: 5 * time.Minute})
	results, failed := []fetched{}, false
	for _, address := range addresses {
		result := c.fetch(ctx, fetcher, address)
		failed = failed || result.Error != "" && !result.Skipped
		results = append(results, result)
	}
	if err := e.print(results, func(w io.Writer) {
		for _, r := range results {
			switch {
			case r.Error != "":
				fmt.Fprintf(w, "%s: %s\n", text.Printable(r.Address), text.Printable(r.Error))
			default:
				fmt.Fprintf(w, "%s: %s\n", text.Printable(r.Address), r.File)
			}
		}
	}); err != nil {
		return err
	}
	if failed {
		return verdict(exitFailed)
	}
	return nil
}

func (c *trustFetch) fetch(ctx context.Context, fetcher *crlfetch.Fetcher, address string) fetched {
	data, err := fetcher.Fetch(ctx, address)
	if err == nil {
		err = trust.CheckMaterial(data)
	}
	if err != nil {
		return fetched{Address: address, Error: err.Error(), Skipped: errors.Is(err, crlfetch.ErrNotAllowed)}
	}
	sum := sha256.Sum256([]byte(address))
	file := hex.EncodeToString(sum[:8]) + ".fetched"
	if err := replaceFile(filepath.Join(c.Mirror, file), data); err != nil {
		return fetched{Address: address, Error: err.Error()}
	}
	return fetched{Address: address, File: file}
}

// addresses lists what is fetched: the arguments, and the distribution points of
// certificates in files and mirror.
func (c *trustFetch) addresses() ([]string, error) {
	mirror, err := trust.LoadMirror(os.DirFS(c.Mirror))
	if err != nil {
		return nil, hub.Invalid("mirror", "files", "%v", err)
	}
	certificates := mirror.Certificates()
	for _, file := range c.Certificates {
		found, err := certificatesOf(file)
		if err != nil {
			return nil, err
		}
		certificates = append(certificates, found...)
	}
	addresses := slices.Clone(c.Addresses)
	for _, certificate := range certificates {
		addresses = append(addresses, certificate.CRLDistributionPoints...)
	}
	slices.Sort(addresses)
	return slices.Compact(addresses), nil
}

// certificatesOf reads a trust list or a file of certificates.
func certificatesOf(file string) ([]*x509.Certificate, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, hub.Invalid("certificates", "file", "%v", err)
	}
	if l, _, err := trust.OpenList(data); err == nil {
		data = nil
		for _, a := range l.Anchors {
			data = append(data, a.Certificate...)
		}
	}
	found, err := trust.ParseCertificates(data)
	if err != nil {
		return nil, hub.Invalid("certificates", "certificate", "%s: %v", file, err)
	}
	return found, nil
}
