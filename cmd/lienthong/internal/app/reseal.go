package app

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/engine"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/accounts"
	"github.com/lienthong/lienthong/hub/audit"
	"github.com/lienthong/lienthong/hub/directory"
	"github.com/lienthong/lienthong/hub/push"
	"github.com/lienthong/lienthong/signing"
)

// Resealed tells what became of the secrets that the hub keeps.
type Resealed struct {
	File    string         `json:"file"`
	Secrets int            `json:"secrets"` // that there are
	Changed int            `json:"changed"` // that were sealed anew
	Failed  []FailedReseal `json:"failed"`
	// Keys is how many keys the file holds afterwards, Forgotten how many were taken out.
	Keys      int `json:"keys"`
	Forgotten int `json:"forgotten"`
	// Before is the file as it was, to be destroyed; empty where it did not change.
	Before string `json:"before,omitempty"`
}

// FailedReseal is a secret that could not be sealed anew.
type FailedReseal struct {
	What   string `json:"what"`
	Reason string `json:"reason"`
}

// ResealSecrets seals all secrets of the stores with the newest key in the file of the
// secrets, one after the other; told hears of each, how many are done. What is sealed by
// that key is left alone, so a run that broke off is simply repeated, and at no moment is
// there a secret that the file does not open. With forget, and when nothing is left that an
// older key sealed, the older keys are taken out of the file; as it was before it stays
// beside it, for the operator to destroy: a hub whose secrets lie elsewhere than the
// settings say would lose them else.
//
// A hub without --database must be stopped. KindConflict while it runs; KindUnavailable
// where the file is not there; KindInvalid where there is no hub.
func ResealSecrets(ctx context.Context, config Config, forget bool, told func(done int), log *slog.Logger) (out Resealed, err error) {
	if err := config.Check(); err != nil {
		return out, err
	}
	if !config.Shared() {
		lock, err := lockFolder(config.DataDir)
		if err != nil {
			return out, err
		}
		defer lock.Close()
		if _, err := os.Stat(filepath.Join(config.DataDir, "hub.db")); err != nil {
			return out, hub.Invalid("data-dir", "hub", "%s holds no database: name that of the hub by --database", config.DataDir)
		}
	}
	store, err := engine.OpenState(ctx, config.engineOptions(log))
	if err != nil {
		return out, err
	}
	defer store.Close()
	v := config.vault(store)
	unlock, err := lockKeys(filepath.Dir(v.path()))
	if err != nil {
		return out, err
	}
	defer unlock() // no rotation at the same time
	key, err := v.key()
	if err == nil {
		err = v.agree(ctx, key)
	}
	if err != nil {
		return out, missingKey(err)
	}
	acts := chronicle{&audit.Notes{Store: store, Now: time.Now, NewID: newID}}
	if err := acts.note(ctx, localOperator(), "secrets.reseal", "", resealAct{Forget: forget}); err != nil {
		return out, err
	}
	out = Resealed{File: v.path(), Failed: []FailedReseal{}, Keys: key.Keys()}
	r := reseal{store: store, key: key}
	if err := r.all(ctx, func(what string, changed bool, err error) { out.add(what, changed, err); told(out.Secrets) }); err != nil {
		return out, err
	}
	if !forget || len(out.Failed) > 0 || key.Keys() == 1 {
		return out, nil
	}
	if out.Secrets == 0 {
		return out, hub.Errorf(hub.KindConflict, "database", "empty", "no secret is kept there, so no key is taken out: is this the database of the hub?")
	}
	return out, out.forget(ctx, &r)
}

// resealAct is what the note of a run says.
type resealAct struct {
	Forget bool `json:"forget"`
}

func (o *Resealed) add(what string, changed bool, err error) {
	o.Secrets++
	switch {
	case err != nil:
		o.Failed = append(o.Failed, FailedReseal{what, hub.ViolationsOf(err)[0].Message})
	case changed:
		o.Changed++
	}
}

// forget takes the older keys out of the file, after another look that finds nothing which
// they sealed: nodes work beside this one.
func (o *Resealed) forget(ctx context.Context, r *reseal) error {
	again := Resealed{}
	if err := r.all(ctx, again.add); err != nil {
		return err
	}
	if again.Changed+len(again.Failed) > 0 {
		return hub.Errorf(hub.KindConflict, "secrets-key-file", "in_use", "a node has sealed with an older key meanwhile: restart all nodes, and try again")
	}
	info, err := os.Stat(o.File)
	if err != nil {
		return hub.Internal("read the key of secrets", err)
	}
	file, err := os.ReadFile(o.File)
	if err != nil {
		return hub.Internal("read the key of secrets", err)
	}
	newest, err := r.key.Newest(file)
	if err != nil {
		return err
	}
	before := o.File + ".before-" + time.Now().UTC().Format("20060102T150405.000Z")
	if err := writeSecret(before, string(file)); err != nil {
		return hub.Internal("keep the key of secrets as it was", err)
	}
	if err := replaceFile(o.File, string(newest), info.Mode().Perm()); err != nil {
		return hub.Internal("write the key of secrets", err)
	}
	o.Keys, o.Forgotten, o.Before = 1, r.key.Keys()-1, before
	return nil
}

// reseal is one way through all that the hub keeps sealed.
type reseal struct {
	store engine.State
	key   *signing.Vault
}

func (r *reseal) all(ctx context.Context, told func(what string, changed bool, err error)) error {
	err := directory.ResealKeys(ctx, r.store, r.key.Renew, told)
	if err == nil {
		err = push.Reseal(ctx, r.store, r.key.Renew, told)
	}
	if err == nil {
		err = accounts.Reseal(ctx, r.store, r.key.Renew, told)
	}
	return err
}
