package edoc

import (
	"bytes"
	"context"
	"io"

	"github.com/lienthong/lienthong/hub"
)

// Outgoing is a package on its way out. Close ends it, written or not.
type Outgoing struct {
	Size  int64 // bytes, about
	Write func(w io.Writer) error
	Close func()
}

// Open finds the package of a document or status message that the caller may read, and
// leases a delivery that it begins to collect: from then on no other collector of that
// agency takes it, and the hub knows that it was fetched before it is acknowledged.
func (d *Desk) Open(ctx context.Context, c *Caller, id string) (*Outgoing, error) {
	f, err := d.Find(ctx, c, id)
	if err != nil {
		return nil, err
	}
	if f.Stray != nil && !f.Stray.Taken.IsZero() {
		return nil, hub.Errorf(hub.KindNotFound, "docId", "taken", "this system has taken and acknowledged the status message, and the hub no longer keeps it")
	}
	if f.Stray != nil {
		blob, err := d.Blobs.OpenBlob(ctx, f.Stray.Package.Digest)
		if err != nil {
			return nil, hub.Internal("open a status message", err)
		}
		return outgoingBlob(blob), nil
	}
	if f.Notice != nil {
		return d.statusFile(ctx, f.Notice)
	}
	if len(f.Dispatch.Parts) == 0 { // what is left of a document for whom it was taken from
		return nil, hub.Errorf(hub.KindNotFound, "docId", "recalled", "the document was taken back by its sender")
	}
	for i := range f.Own {
		v := &f.Own[i]
		if err := d.unmoved(ctx, c, v, func() error { return d.collect(ctx, c, v) }); err != nil {
			return nil, err
		}
	}
	if envelope := f.Dispatch.PartByID(string(hub.RoleEnvelope)); envelope != nil {
		_, blob, err := d.Dispatches.Open(ctx, c.Actor, f.Dispatch.ID, envelope.ID)
		if err != nil {
			return nil, err
		}
		return outgoingBlob(blob), nil
	}
	return d.encoded(ctx, c, f.Dispatch)
}

// collect leases a delivery that nobody has acknowledged.
func (d *Desk) collect(ctx context.Context, c *Caller, v *hub.Delivery) error {
	if v.State != hub.StateConsigned {
		return nil
	}
	return d.lease(ctx, c, v)
}

func outgoingBlob(blob hub.Blob) *Outgoing {
	return &Outgoing{
		Size: blob.Size(), Close: func() { _ = blob.Close() }, // only read from
		Write: func(w io.Writer) error {
			_, err := io.Copy(w, blob)
			return err
		},
	}
}

// encoded makes the package of a document that came in another form.
func (d *Desk) encoded(ctx context.Context, c *Caller, dispatch *hub.Dispatch) (*Outgoing, error) {
	item, err := d.Dispatches.Dispatch(ctx, c.Actor, dispatch.ID)
	if err != nil {
		return nil, err
	}
	open := func(p hub.Part) (hub.Blob, error) {
		_, blob, err := d.Dispatches.Open(ctx, c.Actor, dispatch.ID, p.ID)
		return blob, err
	}
	o := &Outgoing{Close: func() {}, Write: func(w io.Writer) error { return d.Codec.Encode(ctx, w, item, open) }}
	for i, p := range dispatch.Parts {
		o.Size += p.Size * 4 / 3
		if i == 0 { // shows that the system may read content, before anything is sent
			blob, err := open(p)
			if err != nil {
				return nil, err
			}
			_ = blob.Close() // only opened to ask
		}
	}
	return o, nil
}

// statusFile is a status message, as it came or made now.
func (d *Desk) statusFile(ctx context.Context, n *hub.Notice) (*Outgoing, error) {
	if n.Report.Envelope != nil {
		blob, err := d.Blobs.OpenBlob(ctx, n.Report.Envelope.Digest)
		if err != nil {
			return nil, hub.Internal("open a status message", err)
		}
		return outgoingBlob(blob), nil
	}
	about := &n.Item.Dispatch
	from, to := endsOf(n)
	var out bytes.Buffer
	err := d.Codec.EncodeStatus(&out, hub.StatusMessage{
		From: from, Code: n.Report.Code, Description: n.Report.Description, Staff: n.Report.Staff, StatedAt: n.Report.StatedAt,
		For: hub.Reference{Agency: to, Number: about.Document.Number(), ExternalID: about.ExternalID, Promulgated: about.Document.Promulgated},
	})
	if err != nil {
		return nil, hub.Internal("encode a status message", err)
	}
	return &Outgoing{Size: int64(out.Len()), Close: func() {}, Write: func(w io.Writer) error {
		_, err := w.Write(out.Bytes())
		return err
	}}, nil
}
