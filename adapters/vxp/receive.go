package vxp

import (
	"encoding/base64"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/lienthong/lienthong/adapters/internal/edoc"
	"github.com/lienthong/lienthong/hub"
)

func stamp(t time.Time) string { return edoc.Stamp(t, edoc.StampLayout) }

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

// receivedList lists what waits for the agencies of the system: by state and never by
// date alone, so that a row stays until it was acknowledged.
func (s *Server) receivedList(x *call) error {
	kind, err := messageType(x, edoc.TypeDocument)
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

func (s *Server) countDocuments(x *call) error { return s.count(x, edoc.TypeDocument) }
func (s *Server) countStatuses(x *call) error  { return s.count(x, edoc.TypeStatus) }

func (s *Server) count(x *call, kind string) error {
	rows, err := s.waiting(x, kind)
	if err != nil {
		return err
	}
	return x.ok(fields{"count": len(rows)})
}

func (s *Server) waiting(x *call, kind string) ([]received, error) {
	waiting, err := s.Waiting(x.context(), x.caller(), kind, s.Limits.Rows)
	rows := []received{}
	for i := range waiting {
		w := &waiting[i]
		rows = append(rows, received{
			DocID: w.ID, ServiceType: edoc.ServiceType, MessageType: w.Type, Created: stamp(w.Created), Updated: stamp(w.Updated),
			From: w.From, To: w.To, Status: w.State, StatusDesc: w.State, created: w.Created,
		})
	}
	return rows, err
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
	defer p.Close()
	s.Limits.Writing(x.w, p.Size*4/3)
	x.head("application/json; charset=utf-8", -1)
	if _, err := io.WriteString(x.w, `{"status":"OK","ErrorCode":"0","ErrorDesc":"Thanh cong","data":"`); err != nil {
		return err
	}
	encoded := base64.NewEncoder(base64.StdEncoding, x.w)
	if err := p.Write(encoded); err != nil {
		return err
	}
	if err := encoded.Close(); err != nil {
		return err
	}
	_, err = io.WriteString(x.w, `"}`)
	return err
}

// downloadEdoc answers with the file itself. SDK 2.0.1 calls it with GET, without a body;
// with POST it is answered as every other call.
func (s *Server) downloadEdoc(x *call) error {
	p, err := s.packageOf(x)
	if err != nil {
		return err
	}
	defer p.Close()
	s.Limits.Writing(x.w, p.Size)
	x.head("application/xml", -1) // chunked: one that breaks off shows
	return p.Write(x.w)
}

func (s *Server) packageOf(x *call) (*edoc.Outgoing, error) {
	return s.Open(x.context(), x.caller(), x.first("docId", "docid"))
}

// updateStatus acknowledges what was received, in any case of letters: gateways pass on
// the words of the provincial API as they come. Every act may be repeated.
func (s *Server) updateStatus(x *call) error {
	word := edoc.Word{Status: strings.ToLower(x.param("status")), Description: x.param("description")}
	if err := s.Settle(x.context(), x.caller(), x.first("docid", "docId"), word); err != nil {
		return err
	}
	return x.ok(nil)
}
