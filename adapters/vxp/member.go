package vxp

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"strings"
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/lienthong/lienthong/adapters/internal/edoc"
	"github.com/lienthong/lienthong/adapters/internal/hoptrace"
	"github.com/lienthong/lienthong/hub"
)

// Member is a hub that is a system of another axis. It classes what the axis answers:
// what no repetition mends is KindInvalid, KindUnsupported, KindUnknownAgency,
// KindTooLarge or KindNotFound; whatever else, an unknown code above all, is temporary.
// It is safe for concurrent use.
type Member struct {
	Client   *Client
	Patience time.Duration // for the axis to take or give the next byte
}

// operation runs one call, which is cut off when nothing moves for as long as the
// patience lasts. Files are as large as they are, so there is no limit on the whole; but
// what moves by drops would keep a round from its end, so that a call may last ten times
// the patience and then only as long as its bytes need at the slowest.
func (m *Member) operation(ctx context.Context, call func(ctx context.Context, moved func(n int)) error) error {
	limited, cancel := context.WithCancel(ctx)
	defer cancel()
	var stalled atomic.Bool
	var total atomic.Int64
	end := func() { stalled.Store(true); cancel() }
	begun, timer := m.Client.Now(), time.AfterFunc(m.Patience, end)
	defer timer.Stop()
	err := call(limited, func(n int) {
		if m.Client.Now().Sub(begun) > 10*m.Patience+time.Duration(total.Add(int64(n))/slowest)*time.Second {
			end()
			return
		}
		timer.Reset(m.Patience)
	})
	if err != nil && stalled.Load() {
		return hub.Errorf(hub.KindUnavailable, "", "stalled", "nothing or next to nothing came from the axis or went there for %s", m.Patience)
	}
	return err
}

// slowest is how many bytes a second are worth waiting for.
const slowest = 4 << 10

// moving tells of every byte that is read.
type moving struct {
	r     io.Reader
	moved func(n int)
}

// Read implements io.Reader.
func (m *moving) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	if n > 0 {
		m.moved(n)
	}
	return n, err
}

// ask makes a call with a small body and reads its answer.
func (m *Member) ask(ctx context.Context, operation string, body []byte, params ...Param) (a Answer, err error) {
	err = m.operation(ctx, func(ctx context.Context, moved func(n int)) error {
		response, err := m.Client.post(ctx, operation, strings.NewReader(string(body)), int64(len(body)), params)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if a, err = readAnswer(&moving{response.Body, moved}, maxList); err != nil {
			return err
		}
		return a.refusal()
	})
	return a, err
}

// list makes a call whose answer is a list, of which it takes the first maxRows: an axis
// that lists more lists the others when these are gone.
func list[T any](ctx context.Context, m *Member, operation string, body []byte, params ...Param) ([]T, error) {
	a, err := m.ask(ctx, operation, body, params...)
	if err != nil || string(a.Data) == "null" {
		return nil, err
	}
	wrong := hub.Errorf(hub.KindUnavailable, "data", "axis", "the axis answers %s with data of another form", operation)
	d := json.NewDecoder(bytes.NewReader(a.Data))
	if t, err := d.Token(); err != nil || t != json.Delim('[') {
		return nil, wrong
	}
	var rows []T
	for d.More() && len(rows) < maxRows {
		var row T
		if err := d.Decode(&row); err != nil {
			return nil, wrong
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// maxRows bounds a list, in rows: small ones take many times their bytes in memory.
const maxRows = 200_000

// maxList bounds a list, in bytes.
const maxList = 64 << 20

// maxDesc bounds what of a description is shown, in bytes.
const maxDesc = 2000

// refusal is the error of an answer that is no success.
func (a *Answer) refusal() error {
	if a.Code == edoc.CodeOK && a.Status != edoc.StatusFail {
		return nil
	}
	kind := hub.KindUnavailable
	switch a.Code {
	case "401":
		kind = hub.KindUntrusted
	case "403":
		kind = hub.KindDenied
	case "404":
		kind = hub.KindNotFound
	case "409":
		kind = hub.KindConflict
	case "413", "415":
		kind = hub.KindUnsupported
	case "422":
		kind = hub.KindInvalid
	case "429":
		kind = hub.KindBusy
	}
	return hub.Errorf(kind, "", "axis", "the axis answers %s: %s", plain(a.Code, 20), plain(a.Desc, maxDesc))
}

// Send hands a package over and returns its id on the axis. The same package again has
// the same hash, by which an axis knows it.
func (m *Member) Send(ctx context.Context, p hub.AxisPackage) (id string, err error) {
	params := []Param{
		{"servicetype", edoc.ServiceType}, {"messagetype", string(p.Kind)}, {"hash-file", unpadded(p.Digest[:])}, {"from", p.From},
	}
	if len(p.To) > 0 {
		to, err := json.Marshal(p.To)
		if err != nil {
			return "", hub.Internal("encode recipients", err)
		}
		params = append(params, Param{"to", string(to)})
	}
	err = m.operation(ctx, func(ctx context.Context, moved func(n int)) error {
		body := &moving{io.MultiReader(p.Content, strings.NewReader(crlf)), moved}
		response, err := m.Client.post(ctx, "sendEdoc", body, p.Size+int64(len(crlf)), params)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		a, err := readAnswer(response.Body, maxRest)
		if err != nil {
			return err
		}
		if err := a.refusal(); err != nil {
			return err
		}
		if id = a.DocID; !isID(id) {
			return hub.Errorf(hub.KindUnavailable, "", "axis", "the axis answers sendEdoc without a DocId")
		}
		return nil
	})
	return id, err
}

// Waiting lists what waits of a kind and was not acknowledged. Rows without an id, of
// which nothing can be fetched, are left out.
func (m *Member) Waiting(ctx context.Context, kind hub.PackageKind) ([]hub.AxisRow, error) {
	rows, err := list[ReceivedRow](ctx, m, "getReceivedEdocList", []byte("{}"), Param{"servicetype", edoc.ServiceType}, Param{"messagetype", string(kind)})
	var waiting []hub.AxisRow
	for _, r := range rows {
		if isID(r.DocID) {
			waiting = append(waiting, hub.AxisRow{ID: r.DocID, Kind: kind, From: plain(r.From, maxAxisID), To: plain(r.To, maxAxisID)})
		}
	}
	return waiting, err
}

// Test calls the axis for a connection test, hop by hop: it lists what waits and takes
// nothing.
func (m *Member) Test(ctx context.Context, hops *hub.Hops) {
	_, err := m.Waiting(hoptrace.With(ctx, hops), hub.PackageDocument)
	switch {
	case err != nil && hub.KindOf(err) == hub.KindUntrusted:
		hops.Fail(hub.HopSignIn, err)
	case err != nil:
		hops.FailNext(err, hoptrace.Order(strings.HasPrefix(m.Client.Endpoint, "https:"))...)
	default:
		hops.Pass(hub.HopAnswer, "") // how many is the business of all for whom the member lists
	}
}

// maxAxisID is far above the length of an id of the axis or a code, in bytes.
const maxAxisID = 200

// isID reports whether a text can be an id of the axis, which goes into evidence.
func isID(text string) bool {
	return text != "" && text != "0" && len(text) <= maxAxisID && text == plain(text, maxAxisID)
}

// plain is a text of the axis without what has no place in evidence, and not too long.
func plain(text string, most int) string {
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "")
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == utf8.RuneError || r&0xfffe == 0xfffe {
			return -1
		}
		return r
	}, text)
}

// Fetch writes a package to w as it was sent. What was written counts only without error.
func (m *Member) Fetch(ctx context.Context, id string, w io.Writer) error {
	return m.operation(ctx, func(ctx context.Context, moved func(n int)) error {
		response, err := m.Client.post(ctx, "getEdoc", strings.NewReader("{}"), 2, []Param{{"docId", id}, {"filePath", "xml"}})
		if err != nil {
			return err
		}
		defer response.Body.Close()
		a, err := readFile(&moving{response.Body, moved}, w)
		if err != nil {
			return err
		}
		return a.refusal()
	})
}

// Acknowledge tells the axis that a package is stored here.
func (m *Member) Acknowledge(ctx context.Context, id string) error {
	_, err := m.ask(ctx, "updateStatus", []byte("{}"), Param{"docid", id}, Param{"status", edoc.StateDone})
	return err
}

// SendBack tells the axis that a package is not taken, and why.
func (m *Member) SendBack(ctx context.Context, id, reason string) error {
	_, err := m.ask(ctx, "updateStatus", []byte("{}"), Param{"docid", id}, Param{"status", edoc.StateFail}, Param{"description", reason})
	return err
}

// Outcomes tells what the axis knows of the recipients of a package. An axis that does
// not know the id may list what was sent last instead: a row that is not about the package
// says nothing of it.
func (m *Member) Outcomes(ctx context.Context, id string) ([]hub.AxisOutcome, error) {
	rows, err := list[struct {
		ID     string `json:"senderDocId"`
		ToCode string `json:"toCode"`
		Status string `json:"receiveStatus"`
		Desc   string `json:"receiveStatusDesc"`
	}](ctx, m, "getSentEdocList", []byte("{}"), Param{"servicetype", edoc.ServiceType}, Param{"messagetype", edoc.TypeDocument}, Param{"docId", id})
	var outcomes []hub.AxisOutcome
	for _, r := range rows {
		if r.ID == id {
			outcomes = append(outcomes, hub.AxisOutcome{To: r.ToCode, State: outcomeOf(r.Status, r.Desc), Detail: r.Desc})
		}
	}
	return outcomes, err
}

// Sent lists what the member sent last. Rows without an id are left out.
func (m *Member) Sent(ctx context.Context) ([]hub.AxisSent, error) {
	rows, err := list[struct {
		SentRow
		At string `json:"sentTime"`
	}](ctx, m, "getSentEdocList", []byte("{}"), Param{"servicetype", edoc.ServiceType}, Param{"messagetype", edoc.TypeDocument})
	var sent []hub.AxisSent
	for _, r := range rows {
		if isID(r.SenderDocID) {
			sent = append(sent, hub.AxisSent{ID: r.SenderDocID, From: r.FromCode, To: r.ToCode, Number: r.Notation, Subject: r.Title, At: stampOf(r.At)})
		}
	}
	return sent, err
}

// stampOf reads a time, in Vietnam where it says no zone; zero for none that is known. How
// the axis writes times is written nowhere.
func stampOf(text string) time.Time {
	for _, layout := range []string{edoc.StampLayout, time.DateTime, "2006-01-02T15:04:05", time.RFC3339, "02/01/2006 15:04:05"} {
		if at, err := time.ParseInLocation(layout, text, hub.Vietnam()); err == nil {
			return at
		}
	}
	return time.Time{}
}

// outcomeOf reads the word for a recipient. An axis that is such a hub as this says in
// the description which way a delivery failed; of another one fail is the word of a
// recipient's system that could not store the package.
func outcomeOf(status, desc string) hub.AxisState {
	word, _, _ := strings.Cut(desc, ":")
	switch {
	case status == edoc.StateDone:
		return hub.AxisCollected
	case status != edoc.StateFail:
		return hub.AxisWaiting
	case word == string(hub.StateWithdrawn):
		return hub.AxisWithdrawn
	case word == string(hub.StateFailed) || word == string(hub.StateExpired):
		return hub.AxisWaiting // no word of the recipient's
	}
	return hub.AxisRefused
}

// Units lists the register of the axis.
func (m *Member) Units(ctx context.Context) ([]hub.AxisUnit, error) {
	rows, err := list[struct {
		ID     string `json:"id"`
		Parent string `json:"pid"`
		Code   string `json:"code"`
		Name   string `json:"name"`
		Mail   string `json:"mail"`
	}](ctx, m, "getAgenciesList", nil)
	codes := make(map[string]string, len(rows))
	for _, u := range rows {
		codes[u.ID] = u.Code
	}
	units := make([]hub.AxisUnit, len(rows))
	for i, u := range rows {
		units[i] = hub.AxisUnit{ID: u.ID, Code: u.Code, Parent: codes[u.Parent], Name: u.Name, Email: u.Mail}
	}
	return units, err
}

// Changing lists the register of the axis with what tells of changes. An axis that lists
// more than the client takes is refused (KindTooLarge): a part would look like the whole.
func (m *Member) Changing(ctx context.Context) ([]hub.AxisUnitChange, error) {
	rows, err := list[changingUnit](ctx, m, "getSynchronizeUnit", nil)
	if err != nil {
		return nil, err
	}
	if len(rows) == maxRows {
		return nil, hub.Errorf(hub.KindTooLarge, "data", "max_items", "the axis lists %d units or more", maxRows)
	}
	codes := make(map[string]string, len(rows))
	for i := range rows {
		codes[rows[i].ID] = rows[i].Code
	}
	units := make([]hub.AxisUnitChange, len(rows))
	for i := range rows {
		u := &rows[i]
		units[i] = hub.AxisUnitChange{
			AxisUnit: hub.AxisUnit{ID: u.ID, Code: u.Code, Parent: codes[u.Parent], Name: u.Name, Email: u.Mail},
			Version:  u.Version, Deleted: u.Deleted, Modified: u.Modified,
		}
	}
	return units, nil
}

// Register asks the axis to take an agency into its register.
func (m *Member) Register(ctx context.Context, u hub.AxisUnit) error {
	body, err := json.Marshal(map[string]string{
		"id": u.ID, "pcode": u.Parent, "code": u.Code, "name": u.Name, "mail": u.Email, "mobile": u.Phone, "fax": u.Fax,
	})
	if err != nil {
		return hub.Internal("encode an agency", err)
	}
	_, err = m.ask(ctx, "registerAgency", body)
	return err
}
