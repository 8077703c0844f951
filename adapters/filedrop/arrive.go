package filedrop

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/lienthong/lienthong/hub"
)

const (
	arrivalPrefix = "arrival-"
	deliveryFile  = "delivery.json"
	fetchedFile   = ".fetched.json"
)

// arrivalOf returns the delivery that a folder of work is for.
func arrivalOf(slot string) (hub.DeliveryID, bool) {
	id, ok := strings.CutPrefix(slot, arrivalPrefix)
	return hub.DeliveryID(id), ok
}

// fetched says that all files of a delivery are in its folder.
type fetched struct {
	Fence int64                 `json:"fence"`
	Parts map[string]hub.Digest `json:"parts"`
}

// regain takes over what an earlier life of this program had leased and did not finish:
// a kill must not keep it waiting for the end of the lease. What others hold stays theirs.
func (d *Drop) regain(ctx context.Context) error {
	held, err := d.Box.Held(ctx)
	if err != nil {
		return err
	}
	var failed error
	for _, id := range held {
		items, err := d.Box.Lease(ctx, 1, id)
		if conflict(err) {
			continue
		}
		if err == nil {
			err = d.arriveAll(ctx, items)
		}
		if failed = errors.Join(failed, err); endsRound(err) {
			return failed
		}
	}
	d.tidy = true
	return failed
}

// collect brings what waits in the box.
func (d *Drop) collect(ctx context.Context) error {
	var failed error
	if !d.tidy {
		if failed = d.regain(ctx); !d.tidy {
			return failed
		}
	}
	for failed == nil && ctx.Err() == nil {
		items, err := d.Box.Lease(ctx, leaseAtOnce, "")
		if err != nil || len(items) == 0 {
			return err
		}
		failed = d.arriveAll(ctx, items)
	}
	return errors.Join(failed, ctx.Err())
}

// arriveAll brings deliveries. What is wrong with one keeps no other waiting; the lease on
// it ends by itself, and it is tried again. When the hub is away, what is leased is asked
// for again as after a kill.
func (d *Drop) arriveAll(ctx context.Context, items []hub.Item) error {
	var failed error
	for i := range items {
		err := d.arrive(ctx, &items[i])
		if failed = errors.Join(failed, err); endsRound(err) {
			d.tidy = false
			break
		}
	}
	return failed
}

// arrive writes a delivery into work, and says so there before anybody else is told.
func (d *Drop) arrive(ctx context.Context, item *hub.Item) error {
	id := item.Delivery.ID
	if harmless(string(id)) != string(id) || item.Delivery.Lease == nil {
		return hub.Errorf(hub.KindUnavailable, "delivery", "id", "the hub names a delivery in a way that this program does not know")
	}
	folder := path.Join(workFolder, arrivalPrefix+string(id))
	if err := d.remove(folder); err != nil { // what an earlier try left
		return err
	}
	if err := d.root.Mkdir(folder, 0o770); err != nil {
		return hub.Internal("make "+folder, err)
	}
	state := fetched{Fence: item.Delivery.Lease.Fence, Parts: map[string]hub.Digest{}}
	names := map[string]bool{}
	for _, part := range item.Dispatch.Parts {
		name := unused(names, harmless(part.ID)+"-"+harmless(part.Name))
		err := d.write(path.Join(folder, name), func(w io.Writer) error { return d.Box.Part(ctx, item.Dispatch.ID, part, w) })
		if err != nil {
			return err
		}
		state.Parts[part.ID] = part.Digest
	}
	shown := *item
	shown.Delivery.Lease = nil
	if err := d.writeJSON(path.Join(folder, deliveryFile), shown); err != nil {
		return err
	}
	if err := d.writeJSON(path.Join(folder, fetchedFile), state); err != nil {
		return err
	}
	return d.finishArrival(ctx, id)
}

// finishArrival acknowledges what was fetched and shows it. What was not fetched to its
// end is dropped: the box has it.
func (d *Drop) finishArrival(ctx context.Context, id hub.DeliveryID) error {
	folder := path.Join(workFolder, arrivalPrefix+string(id))
	state, err := d.fetched(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return d.remove(folder)
	}
	if err != nil { // it may have been acknowledged
		return err
	}
	d.step("acknowledge")
	receipt, err := d.Box.Acknowledge(ctx, id, state.Fence, state.Parts)
	if conflict(err) { // the lease is over: whoever has it now decides
		items, leaseErr := d.Box.Lease(ctx, 1, id)
		taken := leaseErr != nil && hub.KindOf(leaseErr) == hub.KindConflict
		if leaseErr != nil && !taken {
			return leaseErr
		}
		if taken || len(items) == 0 || items[0].Delivery.Lease == nil {
			d.Log.Warn("a delivery was taken back, or collected by somebody else, before it was acknowledged", "delivery", id)
			return d.remove(folder)
		}
		receipt, err = d.Box.Acknowledge(ctx, id, items[0].Delivery.Lease.Fence, state.Parts)
	}
	if err != nil {
		return err
	}
	if err := d.keepReceipt(ctx, folder, &receipt); err != nil {
		return err
	}
	if err := d.write(path.Join(folder, doneFile), func(io.Writer) error { return nil }); err != nil {
		return err
	}
	d.Log.Info("arrived", "delivery", id)
	return d.show(folder, string(id))
}

// show moves a finished arrival into in. Until then the note of what was fetched stays:
// without it the folder would count as half fetched, and its document is not in the box
// any more. A kill right behind the rename leaves the note there, hidden and harmless.
func (d *Drop) show(folder, id string) error {
	shown := path.Join(inFolder, id)
	if _, err := d.root.Lstat(shown); err == nil { // a hub that was restored from a backup hands it out again
		return d.remove(folder)
	}
	if err := d.rename(folder, shown); err != nil {
		return err
	}
	d.step("tidy")
	if err := d.root.Remove(path.Join(shown, fetchedFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return hub.Internal("tidy "+shown, err)
	}
	return nil
}

func conflict(err error) bool {
	if err == nil {
		return false
	}
	kind := hub.KindOf(err)
	return kind == hub.KindConflict || kind == hub.KindNotFound || kind == hub.KindDenied
}

func (d *Drop) fetched(folder string) (fetched, error) {
	var state fetched
	f, err := d.read(path.Join(folder, fetchedFile))
	if err != nil {
		return state, err
	}
	defer f.Close()
	err = json.NewDecoder(io.LimitReader(f, maxSubmission)).Decode(&state)
	return state, err
}
