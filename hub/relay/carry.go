package relay

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync/atomic"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Carry hands the dispatch of a delivery over to the axis: the first of its deliveries
// carries it for all recipients behind the axis, in one call; the others find that it was
// done. Where the axis refuses the whole, each recipient gets a call of its own, so that
// one which the axis does not know costs no other its document.
//
// The package is what its sender sent, byte for byte, or else is made once and kept, so
// that a repetition has the same bytes.
func (s *Service) Carry(ctx context.Context, item hub.Item) error {
	giveBack, err := s.turns.take(ctx, string(item.Dispatch.ID))
	if err != nil {
		return err
	}
	defer giveBack()
	return lasting(s.carry(ctx, &item))
}

// carry is Carry for who has the turn.
func (s *Service) carry(ctx context.Context, item *hub.Item) error {
	code := string(item.Delivery.AddressedAs)
	whole := &handing{Service: s, name: sendingNotes + string(item.Dispatch.ID), item: item}
	err := whole.over(ctx, "")
	if err != nil && permanent(err) && len(whole.record.To) > 1 {
		if err := whole.split(ctx); err != nil {
			return err
		}
	}
	record := &whole.record
	if record.State != sendSplit && (record.State != sendDone || slices.Contains(record.To, code)) {
		return err
	}
	alone := &handing{Service: s, name: whole.name + "/" + string(item.Delivery.ID), item: item}
	return alone.over(ctx, code)
}

// split gives each recipient a call of its own.
func (h *handing) split(ctx context.Context) error {
	h.record.State = sendSplit
	if err := h.swap(ctx); err != nil || !h.record.Made {
		return err
	}
	return h.Notes.SaveNotes(ctx, gone(h.record.keep(h.name).Name)) // each call makes its own package
}

// permanent reports whether an answer of the axis stays the same however often it is
// asked for.
func permanent(err error) bool {
	switch hub.KindOf(err) {
	case hub.KindInvalid, hub.KindUnsupported, hub.KindUnknownAgency:
		return true
	}
	return false
}

// lasting makes an error temporary that the port does not call permanent and a delivery
// would: a call or a document that the axis does not find, as behind a wrong endpoint,
// costs nobody a document.
func lasting(err error) error {
	if hub.KindOf(err) != hub.KindNotFound {
		return err
	}
	v := *hub.ViolationsOf(err)[0]
	v.Kind, v.Err = hub.KindUnavailable, err
	return &v
}

// Answer tells what the axis answered to the dispatch of a delivery that it took over, for
// the evidence. It is empty where that cannot be read.
func (s *Service) Answer(ctx context.Context, item *hub.Item) string {
	name := sendingNotes + string(item.Dispatch.ID)
	for _, name := range []string{name, name + "/" + string(item.Delivery.ID)} {
		var sent sending
		_, found, err := s.load(ctx, name, &sent)
		if err == nil && found && sent.State == sendDone && slices.Contains(sent.To, string(item.Delivery.AddressedAs)) {
			return fmt.Sprintf("taken over by the axis, of which this hub is the system %s, as %s", s.System, sent.AxisID)
		}
	}
	return ""
}

// handing is one dispatch that is handed over, for all recipients or one.
type handing struct {
	*Service
	name   string
	item   *hub.Item
	was    hub.RetentionNote
	record sending
}

// over hands the dispatch over unless that was done. only names the one recipient of the
// call; empty: all behind the axis who are to have it.
func (h *handing) over(ctx context.Context, only string) error {
	var err error
	if h.was, _, err = h.load(ctx, h.name, &h.record); err != nil {
		return err
	}
	switch h.record.State {
	case sendDone, sendSplit:
		return nil
	case sendClaimed:
		if h.Now().Before(h.record.Until) {
			return &hub.Error{Kind: hub.KindBusy, Rule: "claimed", Message: "another node hands this dispatch over to the axis"}
		}
	}
	sent, err := h.recipients(ctx, only)
	if err != nil {
		return err
	}
	if err := h.claim(ctx, &sent); err != nil {
		return err
	}
	id, whole := "", false
	if err = h.unheld(ctx, only); err == nil {
		id, err = h.find(ctx, &sent)
	}
	if err == nil && id == "" {
		id, whole, err = h.send(ctx, &sent)
	}
	settling := context.WithoutCancel(ctx) // what the axis answered must not be forgotten
	if err != nil {
		h.Observed("out", string(hub.PackageDocument), string(hub.KindOf(err)))
		if whole && unanswered(err) {
			h.record.doubt()
		}
		h.record.State, h.record.Until = sendFree, time.Time{}
		if why := h.swap(settling); why != nil {
			h.Log.WarnContext(ctx, "a claim stands until it ends", "dispatch", h.item.Dispatch.ID, "error", why)
		}
		return err
	}
	h.Observed("out", string(hub.PackageDocument), "sent")
	return h.sent(settling, id, &sent)
}

// recipients are those behind the axis who are to have the dispatch.
func (h *handing) recipients(ctx context.Context, only string) (hub.SentItem, error) {
	sent, err := h.Store.DispatchItem(ctx, h.item.Dispatch.ID)
	sent.Deliveries = slices.DeleteFunc(sent.Deliveries, func(d hub.Delivery) bool {
		return d.Channel != hub.ChannelAxis || d.State != hub.StateQueued || only != "" && string(d.AddressedAs) != only
	})
	return sent, err
}

// claim prepares the package and claims the right to hand it over. From before the call
// on, what the sender asks of these recipients waits for them.
func (h *handing) claim(ctx context.Context, sent *hub.SentItem) error {
	if len(sent.Deliveries) == 0 {
		return hub.Errorf(hub.KindConflict, "delivery", "state", "nobody behind the axis is to have this dispatch any more")
	}
	if h.record.State == "" {
		if err := h.prepare(ctx, sent); err != nil {
			return err
		}
	}
	if h.record.State == sendClaimed { // whose call did not come to its end
		h.record.doubt()
	}
	h.record.To = nil
	for i := range sent.Deliveries {
		if err := h.listen(ctx, sent.Deliveries[i].Recipient); err != nil {
			return err
		}
		h.record.To = append(h.record.To, string(sent.Deliveries[i].AddressedAs))
	}
	h.record.State, h.record.Until = sendClaimed, h.now().Add(h.ClaimFor)
	if end, ok := ctx.Deadline(); ok {
		h.record.Until = end.UTC() // when the call is cut off
	}
	return h.swap(ctx)
}

// swap saves the record in the place of the one that was read.
func (h *handing) swap(ctx context.Context) error {
	next, err := note(h.name, &h.record)
	if err != nil {
		return err
	}
	if err := h.Notes.SwapNote(ctx, h.was, next); err != nil {
		if hub.KindOf(err) == hub.KindConflict {
			return &hub.Error{Kind: hub.KindBusy, Rule: "claimed", Message: "another node hands this dispatch over to the axis", Err: err}
		}
		return err
	}
	h.was = next
	return nil
}

// prepare names the package that goes out: the one that its sender sent, or one that is
// made now and kept until the axis has it.
func (h *handing) prepare(ctx context.Context, sent *hub.SentItem) error {
	if p := sent.Dispatch.PartByID(string(hub.RoleEnvelope)); p != nil {
		h.record.Digest, h.record.Size = p.Digest, p.Size
		return nil
	}
	w, err := h.Blobs.CreateBlob(ctx)
	if err != nil {
		return err
	}
	defer w.Discard()
	open := func(p hub.Part) (hub.Blob, error) { return h.Blobs.OpenBlob(ctx, p.Digest) }
	if err := h.Codec.Encode(ctx, w, *sent, open); err != nil {
		return hub.Internal("encode a package", err)
	}
	if h.record.Digest, h.record.Size, err = w.Commit(); err != nil {
		return err
	}
	h.record.Made = true
	if err := h.watch(ctx); err != nil {
		return err
	}
	return h.Notes.SaveNotes(ctx, h.record.keep(h.name))
}

// watch has followUp look after a package that is made here: where the axis never takes
// it, it goes when nobody is to have it any more, as the content of a dispatch does that
// is purged.
func (h *handing) watch(ctx context.Context) error {
	name, now := openNotes+h.name[len(sendingNotes):], h.now()
	open, err := note(name, &following{At: now, Next: now})
	if err != nil {
		return err
	}
	err = h.Notes.SwapNote(ctx, gone(name), open)
	if hub.KindOf(err) == hub.KindConflict {
		return nil // another node was first
	}
	return err
}

// send makes the call. whole reports whether the axis was given all of the package, so
// that it may have taken it whatever became of the answer.
func (h *handing) send(ctx context.Context, sent *hub.SentItem) (id string, whole bool, err error) {
	content, err := h.Blobs.OpenBlob(ctx, h.record.Digest)
	if err != nil {
		return "", false, hub.Internal("open a package", err)
	}
	defer content.Close()
	given := &counted{r: content}
	id, err = h.Axis.Send(ctx, hub.AxisPackage{
		Kind: hub.PackageDocument, From: string(sent.Dispatch.SenderCode), To: h.record.To,
		Digest: h.record.Digest, Size: h.record.Size, Content: given,
	})
	return id, given.n.Load() >= h.record.Size, err
}

// counted counts what is read; a client may read beside who asked it to.
type counted struct {
	r io.Reader
	n atomic.Int64
}

// Read implements io.Reader.
func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// unanswered reports whether a call ended without a word of the axis that it did not take
// the package.
func unanswered(err error) bool {
	kind := hub.KindOf(err)
	return kind == hub.KindUnavailable || kind == hub.KindInternal
}

// sent records the answer of the axis.
func (h *handing) sent(ctx context.Context, id string, sent *hub.SentItem) error {
	now := h.now()
	h.record.State, h.record.AxisID, h.record.At, h.record.Until = sendDone, id, now, time.Time{}
	done, err := note(h.name, &h.record)
	if err != nil {
		return err
	}
	open, err := note(openNotes+h.name[len(sendingNotes):], &following{AxisID: id, At: now, Next: now})
	if err != nil {
		return err
	}
	notes := []hub.RetentionNote{done, open}
	if h.record.Made {
		notes = append(notes, gone(h.record.keep(h.name).Name))
	}
	if err := h.Notes.SaveNotes(ctx, notes...); err != nil {
		return err
	}
	h.Log.InfoContext(ctx, "the axis took a dispatch over", "dispatch", sent.Dispatch.ID, "axis_id", id, "recipients", len(h.record.To))
	return nil
}

// listen has status reports for an agency behind the axis wait for this service from now
// on.
func (s *Service) listen(ctx context.Context, agency hub.AgencyID) error {
	_, err := s.Notices.Notices(ctx, as(agency), agency, hub.Page{Limit: 1})
	return err
}
