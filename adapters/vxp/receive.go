package vxp

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"strconv"
	"time"

	"github.com/lienthong/lienthong/hub"
)

var errNotRead = errors.New("the codec did not read the file to its end")

// The words for where a package is.
const (
	stateWaiting    = "initial"
	stateProcessing = "processing"
	stateDone       = "done"
	stateFail       = "fail"
)

// stamp writes a time as the axis does, in Vietnam.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(hub.Vietnam()).Format("2006/01/02 15:04:05")
}

// received is a row of getReceivedEdocList.
type received struct {
	DocID       string `json:"docId"`
	ServiceType string `json:"serviceType"`
	MessageType string `json:"messageType"`
	Created     string `json:"created_time"`
	Updated     string `json:"updated_time"`
	From        string `json:"from"`
	To          string `json:"to"`
	Status      string `json:"status"`
	StatusDesc  string `json:"status_desc"`

	created time.Time
}

const serviceType = "eDoc"

// receivedList lists what waits for the agencies of the system: by state and never by
// date alone, so that a row stays until it was acknowledged.
func (s *Server) receivedList(x *call) error {
	kind, err := messageType(x, typeDocument)
	if err != nil {
		return err
	}
	chosen, err := selectionOf(x)
	if err != nil {
		return err
	}
	rows, err := s.waiting(x, kind)
	if err != nil {
		return err
	}
	return x.ok(fields{fieldData: chosen.of(rows)})
}

func (s *Server) countDocuments(x *call) error { return s.count(x, typeDocument) }
func (s *Server) countStatuses(x *call) error  { return s.count(x, typeStatus) }

func (s *Server) count(x *call, kind string) error {
	rows, err := s.waiting(x, kind)
	if err != nil {
		return err
	}
	return x.ok(fields{"count": len(rows)})
}

// waiting gathers the rows of all agencies of the system, at most Limits.Rows: what is
// beyond comes when some of these were acknowledged.
func (s *Server) waiting(x *call, kind string) ([]received, error) {
	rows := []received{}
	for _, agency := range x.actor.Agencies {
		read := s.documents
		if kind == typeStatus {
			read = s.statuses
		}
		for after := ""; len(rows) < s.Limits.Rows; {
			more, next, err := read(x, agency, hub.Page{After: after, Limit: min(200, s.Limits.Rows-len(rows))})
			if err != nil {
				return nil, err
			}
			rows = append(rows, more...)
			if after = next; next == "" {
				break
			}
		}
	}
	return rows, nil
}

func (s *Server) documents(x *call, agency hub.AgencyID, page hub.Page) ([]received, string, error) {
	list, err := s.Mailbox.Mailbox(x.context(), x.actor, hub.MailboxQuery{Agency: agency, Page: page})
	var rows []received
	for i := range list.Items {
		it := &list.Items[i]
		rows = append(rows, received{
			DocID: string(it.Delivery.ID), ServiceType: serviceType, MessageType: typeDocument,
			Created: stamp(it.Dispatch.AcceptedAt), Updated: stamp(it.Delivery.UpdatedAt), created: it.Dispatch.AcceptedAt,
			From: string(it.Dispatch.SenderCode), To: string(it.Delivery.AddressedAs),
			Status: stateOf(&it.Delivery, x.begun), StatusDesc: stateOf(&it.Delivery, x.begun),
		})
	}
	return rows, list.Next, err
}

func (s *Server) statuses(x *call, agency hub.AgencyID, page hub.Page) ([]received, string, error) {
	list, err := s.Notices.Notices(x.context(), x.actor, agency, page)
	var rows []received
	for i := range list.Items {
		n := &list.Items[i]
		from, to := endsOf(n)
		rows = append(rows, received{
			DocID: n.Report.ID, ServiceType: serviceType, MessageType: typeStatus,
			Created: stamp(n.Report.RecordedAt), Updated: stamp(n.Report.RecordedAt), created: n.Report.RecordedAt,
			From: from, To: to, Status: stateWaiting, StatusDesc: stateWaiting,
		})
	}
	return rows, list.Next, err
}

// endsOf are the codes of who reports and whom it is for, as they stood in the document.
func endsOf(n *hub.Notice) (from, to string) {
	sender, recipient := string(n.Item.Dispatch.SenderCode), string(n.Item.Delivery.AddressedAs)
	if n.Report.Reporter == n.Item.Dispatch.Sender {
		return sender, recipient
	}
	return recipient, sender
}

// stateOf is the word of the axis for a delivery.
func stateOf(d *hub.Delivery, now time.Time) string {
	switch d.State {
	case hub.StateHandedOver, hub.StateAccepted:
		return stateDone
	case hub.StateQueued:
		return stateWaiting
	case hub.StateConsigned:
		if d.Lease != nil && now.Before(d.Lease.Until) {
			return stateProcessing
		}
		return stateWaiting
	}
	return stateFail
}

// selection is what some clients ask of a list beside its type. The axis itself is not
// known to look at pageSize and pageIndex; whoever sends them expects it.
type selection struct {
	from, to   time.Time
	skip, size int
}

func selectionOf(x *call) (c selection, err error) {
	if c.from, err = dateOf(x, "fromDate"); err != nil {
		return c, err
	}
	if c.to, err = dateOf(x, "toDate"); err != nil {
		return c, err
	}
	size, index := x.param("pageSize"), x.param("pageIndex")
	if size == "" {
		return c, nil
	}
	if c.size, err = strconv.Atoi(size); err != nil || c.size < 1 {
		return c, hub.Invalid("pageSize", "number", "pageSize is a number from 1 on")
	}
	if index != "" {
		page, err := strconv.Atoi(index)
		if err != nil || page < 0 || page > 1e6 {
			return c, hub.Invalid("pageIndex", "number", "pageIndex is the number of a page, the first is 1 (or 0)")
		}
		c.skip = max(0, page-1) * min(c.size, 1e6)
	}
	return c, nil
}

func dateOf(x *call, name string) (time.Time, error) {
	v := x.param(name)
	if v == "" {
		return time.Time{}, nil
	}
	t, err := time.ParseInLocation("02/01/2006 15:04:05", v, hub.Vietnam())
	if err != nil {
		return t, hub.Invalid(name, "date", "%s has the form dd/MM/yyyy HH:mm:ss", name)
	}
	return t, nil
}

func (c *selection) of(rows []received) []received {
	chosen := []received{}
	for _, r := range rows {
		second := r.created.Truncate(time.Second)
		if c.from.IsZero() || !second.Before(c.from) {
			if c.to.IsZero() || !second.After(c.to) {
				chosen = append(chosen, r)
			}
		}
	}
	chosen = chosen[min(c.skip, len(chosen)):]
	if c.size > 0 {
		chosen = chosen[:min(c.size, len(chosen))]
	}
	return chosen
}

// getEdoc answers with the file in base64, as it was received where the sender spoke
// edXML. An answer that breaks off is no JSON, so nobody takes a part for the whole.
func (s *Server) getEdoc(x *call) error {
	p, err := s.packageOf(x)
	if err != nil {
		return err
	}
	defer p.close()
	x.writing(p.size*4/3, s.Limits)
	x.head("application/json; charset=utf-8", -1)
	if _, err := io.WriteString(x.w, `{"status":"OK","ErrorCode":"0","ErrorDesc":"Thanh cong","data":"`); err != nil {
		return err
	}
	encoded := base64.NewEncoder(base64.StdEncoding, x.w)
	if err := p.write(encoded); err != nil {
		return err
	}
	if err := encoded.Close(); err != nil {
		return err
	}
	_, err = io.WriteString(x.w, `"}`)
	return err
}

// downloadEdoc answers with the file itself.
func (s *Server) downloadEdoc(x *call) error {
	p, err := s.packageOf(x)
	if err != nil {
		return err
	}
	defer p.close()
	x.writing(p.size, s.Limits)
	x.head("application/xml", -1) // chunked: one that breaks off shows
	return p.write(x.w)
}

// file that goes out.
type outgoing struct {
	size  int64 // bytes, about
	write func(w io.Writer) error
	close func()
}

// packageOf finds the file of a document or status message that the system may read,
// and leases a delivery that it begins to collect: from then on no other collector of
// that agency takes it, and the hub knows that it was fetched before it is acknowledged.
func (s *Server) packageOf(x *call) (*outgoing, error) {
	f, err := s.find(x, x.first("docId", "docid"))
	if err != nil {
		return nil, err
	}
	if f.notice != nil {
		return s.statusFile(x, f.notice)
	}
	if len(f.dispatch.Parts) == 0 { // what is left of a document for whom it was taken from
		return nil, hub.Errorf(hub.KindNotFound, "docId", "recalled", "the document was taken back by its sender")
	}
	for i := range f.own {
		d := &f.own[i]
		if err := s.unmoved(x, d, func() error { return s.collect(x, d) }); err != nil {
			return nil, err
		}
	}
	if envelope := f.dispatch.PartByID(string(hub.RoleEnvelope)); envelope != nil {
		_, blob, err := s.Dispatches.Open(x.context(), x.actor, f.dispatch.ID, envelope.ID)
		if err != nil {
			return nil, err
		}
		return outgoingBlob(blob), nil
	}
	return s.encoded(x, f.dispatch)
}

// collect leases a delivery that nobody has acknowledged.
func (s *Server) collect(x *call, d *hub.Delivery) error {
	if d.State != hub.StateConsigned {
		return nil
	}
	return s.lease(x, d)
}

func outgoingBlob(blob hub.Blob) *outgoing {
	return &outgoing{
		size: blob.Size(), close: func() { _ = blob.Close() }, // only read from
		write: func(w io.Writer) error {
			_, err := io.Copy(w, blob)
			return err
		},
	}
}

// encoded makes the package of a document that came in another form.
func (s *Server) encoded(x *call, d *hub.Dispatch) (*outgoing, error) {
	item, err := s.Dispatches.Dispatch(x.context(), x.actor, d.ID)
	if err != nil {
		return nil, err
	}
	open := func(p hub.Part) (hub.Blob, error) {
		_, blob, err := s.Dispatches.Open(x.context(), x.actor, d.ID, p.ID)
		return blob, err
	}
	o := &outgoing{close: func() {}, write: func(w io.Writer) error { return s.Codec.Encode(x.context(), w, item, open) }}
	for i, p := range d.Parts {
		o.size += p.Size * 4 / 3
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
func (s *Server) statusFile(x *call, n *hub.Notice) (*outgoing, error) {
	if n.Report.Envelope != nil {
		blob, err := s.Blobs.OpenBlob(x.context(), n.Report.Envelope.Digest)
		if err != nil {
			return nil, hub.Internal("open a status message", err)
		}
		return outgoingBlob(blob), nil
	}
	d := &n.Item.Dispatch
	from, to := endsOf(n)
	var out bytes.Buffer
	err := s.Codec.EncodeStatus(&out, hub.StatusMessage{
		From: from, Code: n.Report.Code, Description: n.Report.Description, Staff: n.Report.Staff, StatedAt: n.Report.StatedAt,
		For: hub.Reference{Agency: to, Number: d.Document.Number(), ExternalID: d.ExternalID, Promulgated: d.Document.Promulgated},
	})
	if err != nil {
		return nil, hub.Internal("encode a status message", err)
	}
	return &outgoing{size: int64(out.Len()), close: func() {}, write: func(w io.Writer) error {
		_, err := w.Write(out.Bytes())
		return err
	}}, nil
}
