package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/app"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/backup"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/inspect"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/text"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/signing"
	"github.com/lienthong/lienthong/signing/trust"
	"github.com/lienthong/lienthong/storage/sqlite"
)

type verifyStoreCommand struct {
	hubSettings `embed:""`
	Quick       bool   `help:"Look whether originals are there instead of reading them."`
	Certificate string `type:"path" placeholder:"FILE" help:"Certificates of the hub (PEM); DATA-DIR/hub-certificate.pem, or those of the backup, when left out."`

	From      string `type:"path" placeholder:"DIR" help:"Check a backup in this repository instead of the stores, without restoring it."`
	Backup    string `placeholder:"ID" help:"Which backup of --from; the newest when left out."`
	Identity  string `type:"path" placeholder:"FILE" help:"File with the identity that reads --from."`
	Temporary string `type:"path" placeholder:"DIR" help:"Folder for the state of the backup while it is checked, removed afterwards; the system's when left out."`
}

// Help says what is checked.
func (verifyStoreCommand) Help() string {
	return "Checks of every dispatch that its originals are there with the digests that were accepted, that each evidence is signed by the hub, " +
		"that the evidence of each recipient is one unbroken chain that proves the state of its delivery, and that what acceptances promise and what is stored agree. " +
		"The hub may go on working. Prints one finding on a line. Exit code 0: sound; 1: findings."
}

// storeCheck is the result of a check.
type storeCheck struct {
	inspect.Summary
	Backup   string            `json:"backup,omitempty"`
	Restored *backup.Restored  `json:"restored,omitempty"`
	Found    []inspect.Finding `json:"found"` // at most maxShown
}

// maxShown is how many findings a JSON result holds; all are counted.
const maxShown = 10_000

// Run checks the stores, or a backup.
func (c *verifyStoreCommand) Run(ctx context.Context, e *env) error {
	if c.From == "" && (c.Backup != "" || c.Identity != "") {
		return hub.Invalid("from", "required", "--backup and --identity need --from")
	}
	var result *storeCheck
	var err error
	if c.From != "" {
		result, err = c.checkBackup(ctx, e)
	} else {
		result, err = checkStores(ctx, e, &c.Config, c.Certificate, c.Quick)
	}
	if err != nil {
		return err
	}
	return result.print(e)
}

// checkStores checks the stores that the settings name.
func checkStores(ctx context.Context, e *env, config *app.Config, certificate string, quick bool) (*storeCheck, error) {
	pem, err := certificates(certificate, config.Certificates)
	if err != nil {
		return nil, err
	}
	stores, err := app.OpenStores(ctx, *config, newLog(e.Stderr, "error", config.LogFormat))
	if err != nil {
		return nil, err
	}
	defer stores.Close() //nolint:errcheck // was only read
	return runCheck(ctx, e, inspect.Options{State: stores, Contents: stores, Quick: quick}, pem)
}

// checkBackup brings the state of a backup into a temporary store, as a restore would,
// and checks it against the originals in the repository.
func (c *verifyStoreCommand) checkBackup(ctx context.Context, e *env) (result *storeCheck, err error) {
	b, err := openBackup(c.From, c.Backup, c.Identity)
	if err != nil {
		return nil, err
	}
	pem, err := certificates(c.Certificate, func() ([]byte, error) { return certificatesIn(ctx, b) })
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(c.Temporary, "lienthong-verify-")
	if err != nil {
		return nil, hub.Invalid("temporary", "folder", "%v", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	store, err := sqlite.Open(ctx, sqlite.Options{Path: filepath.Join(dir, "hub.db")})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	progress := e.progress()
	err = b.Import(ctx, store.Import, func(n int64) {
		if progress != nil {
			progress("records", n, 0)
		}
	})
	if err != nil {
		return nil, err
	}
	result, err = runCheck(ctx, e, inspect.Options{State: store, Contents: b, Quick: c.Quick}, pem)
	if err == nil {
		result.Backup = b.Manifest.ID
	}
	return result, err
}

// certificates reads those of a file, if one is named.
func certificates(file string, otherwise func() ([]byte, error)) ([]byte, error) {
	if file == "" {
		return otherwise()
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, hub.Invalid("certificate", "file", "%v", err)
	}
	return pem, nil
}

func certificatesIn(ctx context.Context, b *backup.Backup) ([]byte, error) {
	var pem []byte
	err := b.Files(ctx, func(file backup.File) error {
		if file.Name == "hub-certificate.pem" {
			pem = file.Content
		}
		return nil
	})
	return pem, err
}

func runCheck(ctx context.Context, e *env, o inspect.Options, certificate []byte) (*storeCheck, error) {
	result := &storeCheck{Found: []inspect.Finding{}}
	o.Found = func(f inspect.Finding) {
		if len(result.Found) < maxShown {
			result.Found = append(result.Found, f)
		}
		if !e.json {
			fmt.Fprintf(e.Stdout, "%s: [%s] %s\n", text.Printable(f.Subject), f.Rule, text.Printable(f.Message))
		}
	}
	if progress := e.progress(); progress != nil {
		o.Done = func(n int64) { progress("dispatches", n, 0) }
	}
	var err error
	result.Summary, err = inspectStores(ctx, o, certificate)
	return result, err
}

// inspectStores runs an inspection that believes the certificates of the hub (PEM).
func inspectStores(ctx context.Context, o inspect.Options, certificate []byte) (inspect.Summary, error) {
	anchors, err := trust.LoadAnchors(certificate)
	if err != nil {
		return inspect.Summary{}, hub.Invalid("certificate", "pem", "%v", err)
	}
	o.Receipts = signing.NewVerifier(signing.VerifierOptions{Anchors: anchors, Now: time.Now})
	return inspect.Run(ctx, o)
}

// print prints the counts and returns the exit code.
func (c *storeCheck) print(e *env) error {
	err := e.print(c, func(w io.Writer) {
		t := text.Table{Head: []string{"CHECKED", "COUNT"}}
		count := func(name string, n int64) { t.Add(name, strconv.FormatInt(n, 10)) }
		count("dispatches", c.Dispatches)
		count("recipients promised", c.Promised)
		count("deliveries", c.Deliveries)
		for _, state := range hub.DeliveryStates() {
			if n := c.States[state]; n > 0 {
				count("  "+string(state), n)
			}
		}
		count("evidence", c.Evidence)
		count("submissions refused", c.Refused)
		count("status reports", c.Reports)
		t.Add("originals", fmt.Sprintf("%d (%s)", c.Contents, bytesText(c.Bytes)))
		count("findings", c.Findings)
		t.Write(w)
	})
	if err == nil && c.Findings > 0 {
		return verdict(exitFailed)
	}
	return err
}
