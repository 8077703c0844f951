// Package filedrop connects a system that knows files alone: it sends what lies in one
// folder and puts what arrives into another, with receipts beside the files.
//
// The folders, all below one root on one file system:
//
//	out      what the agency's system wants to send: NAME.edxml, or a folder NAME with
//	         submission.json and its files, or with forward.json, complete when it holds
//	         a file named done
//	sent     what was sent: a folder each, with the original and its receipts
//	refused  what cannot be sent, with reason.json and reason.txt
//	in       what arrived: a folder each, with the files, delivery.json and receipts
//	work     what is under way; nobody else's business
//
// Nothing is believed of a network drive but that a rename inside it is atomic: folders
// are looked at again and again, events are not used; a single file is taken when its
// size and time stood still for a while, or when NAME.edxml.done lies beside it. What is
// the same content is the same submission, whatever its name and however often it comes
// (the idempotency key is the digest), so the hub answers it with the first receipt.
//
// A kill at any moment loses and doubles nothing. What is claimed lies in work until it is
// whole in sent, refused or in, where one rename puts it; what is found in work at the
// start is finished. An arrival is written and synchronised before it is acknowledged, and
// acknowledged before it is shown.
//
// Names come from outside on both sides: links and special files are refused and never
// followed, names of arrivals are made harmless, sizes and numbers are bounded.
package filedrop

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// The folders.
const (
	outFolder     = "out"
	sentFolder    = "sent"
	refusedFolder = "refused"
	inFolder      = "in"
	workFolder    = "work"
)

// The bounds of one round.
const (
	maxEntries    = 100_000 // of a folder that are looked at
	maxFiles      = 100     // of one submission
	maxSubmission = 1 << 20 // bytes of submission.json and of forward.json
	leaseAtOnce   = 10
	followAtOnce  = 100 // dispatches that the hub is asked about
)

// Sending is the sending side of the hub.
type Sending interface {
	// SendPackage sends an edXML package; a status package has no dispatch.
	SendPackage(ctx context.Context, open func() (io.ReadCloser, error), size int64, key string) (hub.Accepted, error)
	SendFiles(ctx context.Context, sub hub.Submission, files []File) (hub.Accepted, error)
	// Forward hands on what was received.
	Forward(ctx context.Context, order hub.ForwardOrder) (hub.Accepted, error)
	// Followed returns all evidence of a dispatch so far, and whether it has ended.
	Followed(ctx context.Context, id hub.DispatchID) (evidence []hub.SealedEvidence, ended bool, err error)
	// ReceiptXML returns the XML form of a receipt.
	ReceiptXML(ctx context.Context, id hub.EvidenceID) ([]byte, error)
}

// Box is the receiving side of the hub.
type Box interface {
	// Lease takes leases on deliveries that are free: on the next ones, or on one.
	Lease(ctx context.Context, most int, one hub.DeliveryID) ([]hub.Item, error)
	// Held names deliveries that somebody has a lease on.
	Held(ctx context.Context) ([]hub.DeliveryID, error)
	// Part writes the content of a part; its digest is checked.
	Part(ctx context.Context, dispatch hub.DispatchID, part hub.Part, w io.Writer) error
	// Acknowledge gives the first answer again when it is repeated with the same fence.
	Acknowledge(ctx context.Context, id hub.DeliveryID, fence int64, digests map[string]hub.Digest) (hub.SealedEvidence, error)
}

// File is a part with a way to its bytes.
type File struct {
	Part hub.Part
	Open func() (io.ReadCloser, error)
}

// Options are what a Drop needs.
type Options struct {
	Root    string // folder of the folders; made when absent
	Sending Sending
	Box     Box
	Log     *slog.Logger
	Now     func() time.Time
	// Settle is how long size and time of a single file must stand still; default 10 s.
	Settle time.Duration
	// step is called before every act that a kill may come before; tests stop there.
	step func(string)
	// flush makes a file durable; default (*os.File).Sync. Tests that kill no machine do
	// without.
	flush func(*os.File) error
}

// Drop is the work on one root. One process at a time has it; it is not safe for
// concurrent use.
type Drop struct {
	Options
	root *os.Root
	lock *os.File
	seen map[string]sight // of single files in out
	tidy bool             // what an earlier life had leased was looked for
	// open has the folders of sent about which not everything has ended; nil before the
	// first look at them.
	open map[string]pending
}

// sight is what a file looked like when it last changed.
type sight struct {
	size  int64
	time  time.Time
	since time.Time
}

// Open makes the folders and takes the root. KindConflict when another process has it.
func Open(o Options) (*Drop, error) {
	if o.Settle == 0 {
		o.Settle = 10 * time.Second
	}
	if o.step == nil {
		o.step = func(string) {}
	}
	if o.flush == nil {
		o.flush = (*os.File).Sync
	}
	for _, folder := range []string{outFolder, sentFolder, refusedFolder, inFolder, workFolder} {
		if err := os.MkdirAll(path.Join(o.Root, folder), 0o770); err != nil { //nolint:gosec // the agency's own system works here under a user of its own, by the group
			return nil, hub.Invalid("folder", "folder", "%v", err)
		}
	}
	lock, err := takeLock(path.Join(o.Root, workFolder, ".lock"))
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(o.Root)
	if err != nil {
		return nil, errors.Join(hub.Invalid("folder", "folder", "%v", err), lock.Close())
	}
	return &Drop{Options: o, root: root, lock: lock, seen: map[string]sight{}}, nil
}

// Close gives the root back.
func (d *Drop) Close() error { return errors.Join(d.root.Close(), d.lock.Close()) }

// Round does once all that there is to do: it finishes what is under way, sends, follows
// what was sent, and collects. A hub that is away ends it; what is wrong with one
// submission or delivery keeps no other waiting.
func (d *Drop) Round(ctx context.Context) error {
	var failed error
	for _, part := range []func(context.Context) error{d.resume, d.take, d.collect, d.follow} {
		err := part(ctx)
		if failed = errors.Join(failed, err); endsRound(err) {
			break
		}
	}
	return failed
}

// Waiting counts what lies in the folders, for who looks from outside.
func Waiting(root string) (map[string]int, error) {
	counts := map[string]int{}
	for _, folder := range []string{outFolder, workFolder, refusedFolder, sentFolder, inFolder} {
		entries, err := os.ReadDir(path.Join(root, folder))
		if err != nil {
			return nil, hub.Invalid("folder", "folder", "%v", err)
		}
		for _, e := range entries {
			if !strings.HasPrefix(e.Name(), ".") {
				counts[folder]++
			}
		}
	}
	return counts, nil
}

// resume finishes what lies in work.
func (d *Drop) resume(ctx context.Context) error {
	entries, err := d.list(workFolder)
	if err != nil {
		return err
	}
	var failed error
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		var err error
		if id, arrived := arrivalOf(e.Name()); arrived {
			err = d.finishArrival(ctx, id)
		} else {
			err = d.send(ctx, e.Name())
		}
		if failed = errors.Join(failed, err); endsRound(err) {
			break
		}
	}
	return failed
}

// list reads a folder, bounded.
func (d *Drop) list(folder string) ([]fs.DirEntry, error) {
	f, err := d.root.Open(folder)
	if err != nil {
		return nil, hub.Internal("look into "+folder, err)
	}
	defer f.Close()
	entries, err := f.ReadDir(maxEntries)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, hub.Internal("look into "+folder, err)
	}
	return entries, nil
}

// write puts a file into a folder, durably, whole or not at all.
func (d *Drop) write(name string, fill func(io.Writer) error) error {
	d.step("write " + path.Base(name))
	temporary := path.Join(path.Dir(name), ".new-"+path.Base(name))
	if err := d.root.Remove(temporary); err != nil && !errors.Is(err, fs.ErrNotExist) { // of a killed try, or a link to elsewhere
		return hub.Internal("write "+name, err)
	}
	f, err := d.root.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o660)
	if err != nil {
		return hub.Internal("write "+name, err)
	}
	err = fill(f)
	if err == nil {
		err = d.flush(f)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return d.rename(temporary, name)
}

// rename moves inside the root, durably.
func (d *Drop) rename(from, to string) error {
	d.step("rename to " + to)
	if err := d.root.Rename(from, to); err != nil {
		return hub.Internal("move "+from+" to "+to, err)
	}
	for _, folder := range []string{path.Dir(to), path.Dir(from)} {
		if err := d.sync(folder); err != nil {
			return err
		}
	}
	return nil
}

func (d *Drop) sync(folder string) error {
	f, err := d.root.Open(folder)
	if err != nil {
		return hub.Internal("open "+folder, err)
	}
	defer f.Close()
	if err := d.flush(f); err != nil && !errors.Is(err, errors.ErrUnsupported) && !notForFolders(err) {
		return hub.Internal("synchronise "+folder, err)
	}
	return nil
}

// publish moves a finished folder from work to where others see it, under a name that is
// free there, and returns that name.
func (d *Drop) publish(slot, folder string) (string, error) {
	name := slot
	for n := 2; ; n++ {
		target := path.Join(folder, name)
		if _, err := d.root.Lstat(target); errors.Is(err, fs.ErrNotExist) {
			return name, d.rename(path.Join(workFolder, slot), target)
		} else if err != nil {
			return "", hub.Internal("look at "+target, err)
		}
		name = fmt.Sprintf("%s~%d", slot, n)
	}
}
