package cli

import (
	"context"
	"errors"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/app"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/backup"
)

type restoreCommand struct {
	hubSettings `embed:""`
	fromFlags   `embed:""`
	Quick       bool `help:"Afterwards look whether originals are there instead of reading them once more."`
}

// fromFlags name a backup and what reads it.
type fromFlags struct {
	From     string `required:"" type:"path" placeholder:"DIR" help:"Repository: the folder that backup wrote to."`
	Backup   string `placeholder:"ID" help:"Which backup, as backup list shows it; the newest when left out."`
	Identity string `required:"" type:"path" placeholder:"FILE" help:"File with the identity that backup keygen made."`
}

func (f *fromFlags) open() (*backup.Backup, error) { return openBackup(f.From, f.Backup, f.Identity) }

func openBackup(dir, id, identity string) (*backup.Backup, error) {
	credentials, err := backup.LoadIdentity(identity)
	if err != nil {
		return nil, err
	}
	repository, err := backup.Open(dir, credentials)
	if err != nil {
		return nil, err
	}
	return repository.Backup(id)
}

// Help says what a restore does and what it cannot do.
func (restoreCommand) Help() string {
	return "Takes the settings of serve, and goes into whatever engines they name: a backup of an embedded hub can be restored into PostgreSQL. " +
		"The stores must be empty and no hub may run on them. All is checked while it is read; the state comes in one act, so a restore that broke off can be called again. " +
		"Leases end, and the log gets a note of the restore. Then verify-store runs. " +
		"What the hub accepted after the backup is not there: the receipts that its senders hold are true and refer to nothing. " +
		"Ask the senders to send again with the same id; the new receipt tells the new time. " +
		"What recipients collected or registered after the backup waits for them once more."
}

// Run restores a backup and checks what came of it.
func (c *restoreCommand) Run(ctx context.Context, e *env) error {
	b, err := c.open()
	if err != nil {
		return err
	}
	restored, err := c.restore(ctx, e, b)
	if err != nil {
		return err
	}
	e.note("restored backup %s of %s: %d records, %d originals", b.Manifest.ID, b.Manifest.Hub, restored.Records, restored.Objects)
	for _, u := range restored.Without {
		e.note("original %s was not in the backup: %s", u.Digest, u.Reason)
	}
	result, err := checkStores(ctx, e, &c.Config, "", c.Quick)
	if err != nil {
		return err
	}
	result.Restored = &restored
	return result.print(e)
}

func (c *restoreCommand) restore(ctx context.Context, e *env, b *backup.Backup) (restored backup.Restored, err error) {
	stores, err := app.OpenEmptyStores(ctx, c.Config, newLog(e.Stderr, "warn", c.LogFormat))
	if err != nil {
		return restored, err
	}
	defer func() { err = errors.Join(err, stores.Close()) }()
	stores.Backup = b.Manifest.ID
	keys := false
	restored, err = b.Restore(ctx, stores, func(file backup.File) error {
		keys = keys || file.Name != "hub-certificate.pem"
		return c.KeepFile(file)
	}, e.progress())
	if err == nil && !keys {
		e.note("the backup holds no keys: put the hub's evidence key to %s/key/hub.pem before the hub starts, or it makes a new one", c.DataDir)
	}
	return restored, err
}
