package cli

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/app"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/backup"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/text"
	"github.com/lienthong/lienthong/hub"
)

type backupCommand struct {
	Make   backupMake   `cmd:"" default:"withargs" help:"Write an encrypted, incremental backup; the hub may go on working."`
	Keygen backupKeygen `cmd:"" help:"Make the identity that reads backups and the recipients file that writes them."`
	List   backupList   `cmd:"" help:"List the backups of a repository."`
	Prune  backupPrune  `cmd:"" help:"Remove old backups and what only they need."`
}

// repositoryFlags name a repository and what writes to it.
type repositoryFlags struct {
	To         string `required:"" type:"path" placeholder:"DIR" help:"Folder of the backups, its repository; made when it is not there."`
	Recipients string `required:"" type:"path" placeholder:"FILE" help:"File that backup keygen made: who can read the backups."`
}

func (f *repositoryFlags) open(open func(string, *backup.Credentials) (*backup.Repository, error)) (*backup.Repository, error) {
	credentials, err := backup.LoadRecipients(f.Recipients)
	if err != nil {
		return nil, err
	}
	return open(f.To, credentials)
}

type backupMake struct {
	hubSettings     `embed:""`
	repositoryFlags `embed:""`
	WithoutKeys     bool `help:"Leave out the hub's evidence key and the operator's key: whoever restores must have them from elsewhere, or receipts will be signed by another key."`
	Keep            int  `help:"Afterwards keep this many backups and remove older ones; 0 for all."`
}

// Help says what a backup is.
func (backupMake) Help() string {
	return "Takes the state of one instant and every original that it names. What the repository holds already is not copied again. " +
		"The recipients can write and not read: a thief of this machine gets no old backup. Exit code 1: the backup is made, but the store could not give some originals, which are named."
}

// Run makes a backup.
func (c *backupMake) Run(ctx context.Context, e *env) error {
	log := newLog(e.Stderr, "warn", c.LogFormat)
	stores, err := app.OpenStores(ctx, c.Config, log)
	if err != nil {
		return err
	}
	defer stores.Close() //nolint:errcheck // was only read
	// Where no note can be left a backup is made all the same: it may be the last chance.
	if err := app.NoteBackup(ctx, c.Config, !c.WithoutKeys, log); err != nil {
		e.note("the log gets no note of this backup: %v", err)
	}
	files, err := c.Files(!c.WithoutKeys)
	if err != nil {
		return err
	}
	repository, err := c.open(backup.OpenOrCreate)
	if err != nil {
		return err
	}
	index, manifest, err := repository.BackUp(ctx, backup.Options{
		Source: stores, Files: files, Hub: c.Name, Version: e.Version, Engine: c.Engine(),
		Now: time.Now, Progress: e.progress(),
	})
	if err != nil {
		return err
	}
	if err := e.print(manifestView(index, manifest), func(w io.Writer) {
		fmt.Fprintf(w, "backup %s: %d records, %d parts (%s); added %d files (%s)\n", index.ID,
			index.Records, index.Parts.Count, bytesText(index.Parts.Bytes), index.Added.Count, bytesText(index.Added.Bytes))
	}); err != nil {
		return err
	}
	if c.Keep > 0 {
		if err := prune(e, repository, c.Keep, e.note); err != nil {
			return err
		}
	}
	for _, u := range manifest.Unreadable {
		fmt.Fprintf(e.Stderr, "lienthong: original %s is not in the backup: %s\n", u.Digest, u.Reason)
	}
	if len(manifest.Unreadable) > 0 {
		return verdict(exitFailed)
	}
	return nil
}

// backupView is a backup as JSON shows it.
type backupView struct {
	ID         string                   `json:"id"`
	Made       time.Time                `json:"made"`
	Records    int64                    `json:"records"`
	ByKind     map[hub.RecordKind]int64 `json:"by_kind,omitempty"`
	Parts      backup.Amount            `json:"parts"`
	Added      backup.Amount            `json:"added"`
	Head       *hub.EvidenceRef         `json:"head,omitempty"`
	Unreadable []backup.Unreadable      `json:"unreadable,omitempty"`
}

func manifestView(index *backup.Index, manifest *backup.Manifest) backupView {
	return backupView{
		ID: index.ID, Made: index.Made, Records: index.Records, ByKind: manifest.Records, Parts: index.Parts,
		Added: index.Added, Head: manifest.Head, Unreadable: manifest.Unreadable,
	}
}

// progress tells a terminal how far long work is, and nobody else.
func (e *env) progress() backup.Progress {
	if e.json || !isTerminal(e.Stderr) {
		return nil
	}
	return newSteps(e.Stderr).tell
}

type backupKeygen struct {
	Identity   string `required:"" type:"path" placeholder:"FILE" help:"New file for the secret identity (mode 0600). Move it off this machine: backups cannot be read without it."`
	Recipients string `required:"" type:"path" placeholder:"FILE" help:"File for the recipient and the repository key (mode 0600). One that is there gets a further recipient."`
}

// Run makes an identity.
func (c *backupKeygen) Run(e *env) error {
	recipient, err := backup.Generate(c.Identity, c.Recipients, time.Now())
	if err != nil {
		return err
	}
	return e.print(map[string]string{"recipient": recipient, "identity": c.Identity, "recipients": c.Recipients}, func(w io.Writer) {
		fmt.Fprintln(w, recipient)
		e.note("next: keep %s in two places off the machines of the hub; without it no backup can be read", c.Identity)
	})
}

type backupList struct {
	repositoryFlags `embed:""`
}

// Run lists backups.
func (c *backupList) Run(e *env) error {
	repository, err := c.open(backup.Open)
	if err != nil {
		return err
	}
	list, err := repository.List()
	if err != nil {
		return err
	}
	views := make([]backupView, len(list))
	for i := range list {
		views[i] = manifestView(&list[i], &backup.Manifest{})
	}
	return e.print(views, func(w io.Writer) {
		t := text.Table{Head: []string{"BACKUP", "MADE", "RECORDS", "PARTS", "SIZE", "ADDED", "WITHOUT"}}
		for i := range list {
			b := &list[i]
			t.Add(b.ID, text.Clock(b.Made), strconv.FormatInt(b.Records, 10), strconv.FormatInt(b.Parts.Count, 10),
				bytesText(b.Parts.Bytes), bytesText(b.Added.Bytes), strconv.Itoa(b.Unreadable))
		}
		t.Write(w)
	})
}

type backupPrune struct {
	repositoryFlags `embed:""`
	Keep            int `required:"" help:"How many of the newest backups stay."`
}

// Run removes old backups.
func (c *backupPrune) Run(e *env) error {
	repository, err := c.open(backup.Open)
	if err != nil {
		return err
	}
	return prune(e, repository, c.Keep, nil)
}

// prune removes old backups and prints what it did, or tells note.
func prune(e *env, repository *backup.Repository, keep int, note func(string, ...any)) error {
	pruned, err := repository.Prune(keep)
	if err != nil {
		return err
	}
	const line = "removed %d backups and %d files (%s)"
	args := []any{len(pruned.Backups), pruned.Files.Count, bytesText(pruned.Files.Bytes)}
	if note != nil {
		note(line, args...)
		return nil
	}
	return e.print(pruned, func(w io.Writer) { fmt.Fprintf(w, line+"\n", args...) })
}
