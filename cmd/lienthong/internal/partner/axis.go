package partner

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"strings"
	"time"

	"github.com/lienthong/lienthong/adapters/edxml"
	"github.com/lienthong/lienthong/adapters/vxp"
	"github.com/lienthong/lienthong/hub"
)

// Axis is how to reach a hub as a system of the national document axis.
type Axis struct {
	Client vxp.Client
	TLS    *tls.Config // of its HTTP client; nil for the authorities of the system
	Agency hub.Code
	PDF    []byte
}

// RunAxis runs the tests of the channel vxp.
func RunAxis(ctx context.Context, a Axis, told func(Result)) []Result {
	t := &axis{Axis: a, id: fmt.Sprintf("partner-%d", time.Now().UnixNano())}
	return run(ctx, append((&network{address: a.Client.Endpoint, tls: a.TLS}).steps(), t.steps()...), told)
}

type axis struct {
	Axis
	id      string
	sent    []byte
	docID   string
	deliver string // DocId of the recipient's row
}

func (t *axis) steps() []step {
	return []step{
		{Test{"V01", "the secret opens the endpoint", "200"}, t.called(func(*vxp.Client) {}, "getAgenciesList")},
		{Test{"V02", "a wrong secret does not", "401"}, t.called(func(c *vxp.Client) { c.Secret += "x" }, "getAgenciesList")},
		{Test{"V03", "an unknown system does not", "401"}, t.called(func(c *vxp.Client) { c.System = "nobody" }, "getAgenciesList")},
		{Test{"V04", "a package is accepted and has a DocId", "DocId"}, t.good},
		{Test{"V05", "the same package again has the same DocId", "same DocId"}, t.again},
		{Test{"V06", "a package that is not the one hashed is refused", "422"}, t.wrongHash},
		{Test{"V07", "a package that breaks off is refused", "422"}, t.truncated},
		{Test{"V08", "a sender that is not the system's is refused", "refused"}, t.foreign},
		{Test{"V09", "the recipient's list has the document once", "1 row"}, t.arrived},
		{Test{"V10", "it comes as it was sent", "same bytes"}, t.fetched},
		{Test{"V11", "done hands it over", "200"}, t.update("done")},
		{Test{"V12", "then the list does not have it", "0 rows"}, t.listed},
		{Test{"V13", "the sender sees that it was received", "done"}, t.seen},
		{Test{"V14", "a document that is not there is not found", "404"}, t.called(func(*vxp.Client) {}, "getEdoc", vxp.Param{Name: "docId", Value: "00000000-0000-7000-8000-000000000000"})},
		{Test{"V15", "an operation that there is not is refused", "404"}, t.called(func(*vxp.Client) {}, "destroyEdoc")},
		{Test{"V16", "downloadEdoc by GET gives the file itself, as SDK 2.0.1 asks for it", "same bytes"}, t.downloaded},
	}
}

// called calls an operation and tells the ErrorCode.
func (t *axis) called(change func(*vxp.Client), operation string, params ...vxp.Param) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		client := t.Client
		change(&client)
		a, err := client.Call(ctx, operation, []byte("{}"), append([]vxp.Param{{Name: "servicetype", Value: "eDoc"}, {Name: "messagetype", Value: "edoc"}}, params...)...)
		return code(&a), err
	}
}

// code is the ErrorCode; that of success is 200 in some versions and 0 in others.
func code(a *vxp.Answer) string {
	if a.Refused() == nil {
		return "200"
	}
	return a.Code
}

// pack writes the package of a test, whose document has the id of the run and its number.
func pack(ctx context.Context, sender, recipient hub.Code, run, number string, pdf []byte) ([]byte, error) {
	sub := hub.Submission{
		Sender: string(sender), Recipients: []string{string(recipient)}, ExternalID: run + "-" + number, Operation: hub.OperationNew, Document: document(number),
		Parts: []hub.Part{{ID: "p1", Role: hub.RoleOriginal, Name: "thu.pdf", MediaType: "application/pdf"}},
		Trace: []hub.Hop{{Agency: string(sender), Time: time.Now()}},
	}
	var out bytes.Buffer
	names := func(code string) edxml.Organization { return edxml.Organization{Code: code, Name: "Đơn vị thử"} }
	err := edxml.New(edxml.Options{}).EncodeSubmission(ctx, &out, sub, names, func(context.Context, hub.Part) (hub.Blob, error) {
		return hub.BlobOf(pdf), nil
	})
	return out.Bytes(), err
}

func (t *axis) good(ctx context.Context) (string, error) {
	var err error
	if t.sent, err = pack(ctx, t.Agency, t.Agency, t.id, "V04", t.PDF); err != nil {
		return "", err
	}
	t.docID, err = t.Client.Send(ctx, "edoc", string(t.Agency), t.sent)
	if err != nil || t.docID == "" {
		return "", orNeeds(err)
	}
	return "DocId", nil
}

func (t *axis) again(ctx context.Context) (string, error) {
	if t.docID == "" {
		return "", errNeeds
	}
	id, err := t.Client.Send(ctx, "edoc", string(t.Agency), t.sent)
	if id != t.docID {
		return "another DocId", err
	}
	return "same DocId", err
}

// sendRaw sends a file with the hash of another.
func (t *axis) sendRaw(ctx context.Context, file, hashed []byte, from hub.Code) (vxp.Answer, error) {
	return t.Client.Call(ctx, "sendEdoc", append(bytes.Clone(file), "\r\n"...), vxp.Param{Name: "servicetype", Value: "eDoc"},
		vxp.Param{Name: "messagetype", Value: "edoc"}, vxp.Param{Name: "hash-file", Value: vxp.HashOf(hashed)}, vxp.Param{Name: "from", Value: string(from)})
}

func (t *axis) wrongHash(ctx context.Context) (string, error) {
	file, err := pack(ctx, t.Agency, t.Agency, t.id, "V06", t.PDF)
	if err != nil {
		return "", err
	}
	a, err := t.sendRaw(ctx, file, t.sent, t.Agency)
	return code(&a), err
}

func (t *axis) truncated(ctx context.Context) (string, error) {
	file, err := pack(ctx, t.Agency, t.Agency, t.id, "V07", t.PDF)
	if err != nil {
		return "", err
	}
	file = file[:len(file)/2]
	a, err := t.sendRaw(ctx, file, file, t.Agency)
	return code(&a), err
}

func (t *axis) foreign(ctx context.Context) (string, error) {
	file, err := pack(ctx, nobodysCode, t.Agency, t.id, "V08", t.PDF)
	if err != nil {
		return "", err
	}
	a, err := t.sendRaw(ctx, file, file, nobodysCode)
	return refusedSender(code(&a), err)
}

// nobodysCode is the code of no agency.
const nobodysCode = "000.00.00.Z99"

// refusedSender tells that a sender was refused: not there and not ours look alike.
func refusedSender(code string, err error) (string, error) {
	if err != nil || code != "403" && code != "422" && code != "404" {
		return code, err
	}
	return "refused", nil
}

// arrived waits until the list has the document: an agency that is reached otherwise has
// it when its notice was carried.
func (t *axis) arrived(ctx context.Context) (string, error) {
	got, err := await(ctx, func() (string, error) {
		got, err := t.listed(ctx)
		if got == counted(0) {
			return "", err
		}
		return got, err
	})
	if got == "" && err == nil {
		return counted(0), nil
	}
	return got, err
}

// await asks again and again until there is an answer, or the time of the test is over.
func await(ctx context.Context, ask func() (string, error)) (string, error) {
	for {
		got, err := ask()
		if err != nil || got != "" {
			return got, err
		}
		select {
		case <-ctx.Done():
			return "", nil
		case <-time.After(arrivedEvery):
		}
	}
}

func (t *axis) listed(ctx context.Context) (string, error) {
	if t.docID == "" {
		return "", errNeeds
	}
	rows, err := t.Client.Received(ctx, "edoc")
	n := 0
	for _, row := range rows {
		if t.deliver == "" && row.From == string(t.Agency) {
			sent, err := t.Client.Fetch(ctx, row.DocID)
			if err != nil || !bytes.Equal(sent, t.sent) {
				continue
			}
			t.deliver = row.DocID
		}
		if row.DocID == t.deliver {
			n++
		}
	}
	return counted(n), err
}

func (t *axis) fetched(ctx context.Context) (string, error) {
	if t.deliver == "" {
		return "", errNeeds
	}
	file, err := t.Client.Fetch(ctx, t.deliver)
	if !bytes.Equal(file, t.sent) {
		return "other bytes", err
	}
	return "same bytes", err
}

func (t *axis) downloaded(ctx context.Context) (string, error) {
	if t.deliver == "" {
		return "", errNeeds
	}
	file, err := t.Client.Download(ctx, t.deliver)
	if err != nil || !bytes.Equal(file, t.sent) {
		return "other bytes", err
	}
	return "same bytes", nil
}

func (t *axis) update(status string) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		if t.deliver == "" {
			return "", errNeeds
		}
		a, err := t.Client.Call(ctx, "updateStatus", []byte("{}"), vxp.Param{Name: "docid", Value: t.deliver}, vxp.Param{Name: "status", Value: status})
		return code(&a), err
	}
}

func (t *axis) seen(ctx context.Context) (string, error) {
	rows, err := t.Client.Sent(ctx, t.docID)
	if err != nil || len(rows) != 1 {
		return counted(len(rows)), err
	}
	return strings.ToLower(rows[0].ReceiveStatus), nil
}
