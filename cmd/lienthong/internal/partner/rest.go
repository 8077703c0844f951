package partner

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// REST is how to reach a hub over HTTP as an agency.
type REST struct {
	HTTP   *http.Client
	TLS    *tls.Config // of HTTP; nil for the authorities of the system
	URL    string
	Key    string
	Agency hub.Code
	PDF    []byte
	// Verify checks a receipt; what it returns stands in the result.
	Verify func(receipt []byte) (string, error)
}

// RunREST runs the tests of the REST channel.
func RunREST(ctx context.Context, r REST, told func(Result)) []Result {
	t := &rest{REST: r, id: fmt.Sprintf("partner-%d", time.Now().UnixNano())}
	return run(ctx, append((&network{address: r.URL, tls: r.TLS}).steps(), t.steps()...), told)
}

// rest is one run, with what later tests take from earlier ones.
type rest struct {
	REST
	id       string // of this run, in ids of documents
	dispatch string
	delivery string
	part     string
	fence    int64
	handover string
}

// reply is what a test reads of any answer.
type reply struct {
	Status     int `json:"-"`
	body       []byte
	Dispatch   struct{ ID string }
	Deliveries []struct{ ID, State string }
	Receipt    json.RawMessage
	Errors     []struct{ Rule string }
	Items      []json.RawMessage
	State      string
	Delivery   struct{ State string }
}

// brief is the answer in the words of Want: status, rule, and whether evidence came along.
func (a *reply) brief() string {
	words := []string{fmt.Sprint(a.Status)}
	if len(a.Errors) > 0 && a.Errors[0].Rule != "" {
		words = append(words, a.Errors[0].Rule)
	}
	if len(a.Receipt) > 0 {
		words = append(words, "receipt")
	}
	return strings.Join(words, " ")
}

func (t *rest) call(ctx context.Context, method, path, contentType string, body []byte, headers ...string) (*reply, error) {
	r, err := http.NewRequestWithContext(ctx, method, strings.TrimRight(t.URL, "/")+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+t.Key)
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := t.HTTP.Do(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	a := &reply{Status: response.StatusCode}
	if a.body, err = io.ReadAll(io.LimitReader(response.Body, 64<<20)); err != nil {
		return nil, err
	}
	if strings.Contains(response.Header.Get("Content-Type"), "json") {
		err = json.Unmarshal(a.body, a)
	}
	return a, err
}

func (t *rest) json(ctx context.Context, path, body string) (*reply, error) {
	return t.call(ctx, http.MethodPost, path, "application/json", []byte(body))
}

// letter is a submission that a test may spoil.
func (t *rest) letter(number string) map[string]any {
	return map[string]any{
		"sender": t.Agency, "recipients": []hub.Code{t.Agency}, "external_id": t.id + "-" + number, "document": document(number),
		"parts": []map[string]any{{"id": "p1", "name": "thu.pdf", "media_type": "application/pdf"}},
	}
}

// submit sends a letter with one file.
func (t *rest) submit(ctx context.Context, letter map[string]any, content []byte) (*reply, error) {
	text, err := json.Marshal(letter)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, p := range []struct {
		name, disposition, kind string
		content                 []byte
	}{{"submission", `form-data; name="submission"`, "application/json", text}, {"p1", `form-data; name="p1"; filename="thu.pdf"`, "application/pdf", content}} {
		part, err := w.CreatePart(textproto.MIMEHeader{"Content-Disposition": {p.disposition}, "Content-Type": {p.kind}})
		if err == nil {
			_, err = part.Write(p.content)
		}
		if err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return t.call(ctx, http.MethodPost, "/v1/dispatches", w.FormDataContentType(), b.Bytes(), "Idempotency-Key", fmt.Sprint(letter["external_id"]))
}

// spoiled sends a letter that a test has spoiled.
func (t *rest) spoiled(number string, spoil func(letter map[string]any)) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		l := t.letter(number)
		spoil(l)
		a, err := t.submit(ctx, l, t.PDF)
		if err != nil {
			return "", err
		}
		return a.brief(), nil
	}
}

// plain sends one request and tells of its answer.
func (t *rest) plain(method, path, body string, headers ...string) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		a, err := t.call(ctx, method, path, "application/json", []byte(body), headers...)
		if err != nil {
			return "", err
		}
		return a.brief(), nil
	}
}

func (t *rest) steps() []step {
	foreign := "000.00.00.Z99"
	return []step{
		{Test{"R01", "the key opens the hub", "200"}, t.plain(http.MethodGet, "/v1/me", "")},
		{Test{"R02", "a wrong key does not", "401 credential"}, t.plain(http.MethodGet, "/v1/me", "", "Authorization", "Bearer lt_wrong")},
		{Test{"R03", "a document with one PDF is accepted, with evidence", "201 receipt"}, t.good},
		{Test{"R04", "the evidence verifies", "verified"}, t.verify},
		{Test{"R05", "the same submission again gives the same dispatch", "200 receipt, same dispatch"}, t.again},
		{Test{"R06", "other content under the same id is a conflict", "409 duplicate"}, t.spoiled("R03", func(l map[string]any) { l["document"] = document("R06") })},
		{Test{"R07", "an unknown recipient is refused, with evidence", "422 unknown_agency receipt"}, t.spoiled("R07", func(l map[string]any) { l["recipients"] = []string{foreign} })},
		{Test{"R08", "a sender that is not the key's is refused", "422 unknown_agency"}, t.spoiled("R08", func(l map[string]any) { l["sender"] = foreign })},
		{Test{"R09", "a state secret is refused, with evidence", "422 state_secret receipt"}, t.spoiled("R09", func(l map[string]any) {
			d := document("R09")
			d.Confidential = "Mật"
			l["document"] = d
		})},
		{Test{"R10", "bytes that are not the announced ones are refused", "422 digest"}, t.spoiled("R10", func(l map[string]any) {
			l["parts"] = []map[string]any{{"id": "p1", "name": "thu.pdf", "media_type": "application/pdf", "sha256": strings.Repeat("0a", 32)}}
		})},
		{Test{"R11", "a document without a subject is refused, with evidence", "422 required receipt"}, t.spoiled("R11", func(l map[string]any) {
			d := document("R11")
			d.Subject = ""
			l["document"] = d
		})},
		{Test{"R12", "a member that is unknown is refused", "422 unknown_member"}, t.spoiled("R12", func(l map[string]any) { l["recipient"] = "x" })},
		{Test{"R13", "JSON that breaks off is refused", "400 json"}, t.plain(http.MethodPost, "/v1/mailbox/leases", `{"max":`)},
		{Test{"R14", "a body that is too large is refused", "413 max_size"}, t.plain(http.MethodPost, "/v1/mailbox/leases", strings.Repeat(" ", 1<<20+1))},
		{Test{"R15", "the document lies in the box of its recipient", "consigned"}, t.arrived},
		{Test{"R16", "a lease gives the right to collect it", "200"}, t.lease},
		{Test{"R17", "its content comes as it was sent", "same bytes"}, t.content},
		{Test{"R18", "digests that are not those of the content hand nothing over", "422 digest"}, t.acknowledge(func() string { return strings.Repeat("0a", 32) })},
		{Test{"R19", "the right digests hand it over, with evidence", "200 receipt"}, t.acknowledge(t.digest)},
		{Test{"R20", "the same again gives the same evidence", "200 receipt, same evidence"}, t.acknowledgeAgain},
		{Test{"R21", "a status report is recorded, with evidence", "200 receipt"}, t.about("status", `{"code":"05","description":"`+mark+`"}`)},
		{Test{"R22", "a status that there is not is refused", "422 code_list"}, t.about("status", `{"code":"99"}`)},
		{Test{"R23", "a delivery that is not the key's is not there", "404"}, t.plain(http.MethodGet, "/v1/deliveries/00000000-0000-7000-8000-000000000000", "")},
	}
}

func (t *rest) good(ctx context.Context) (string, error) {
	a, err := t.submit(ctx, t.letter("R03"), t.PDF)
	if err != nil || len(a.Deliveries) != 1 {
		return "", failedWith(err, a)
	}
	t.dispatch, t.delivery, t.part, t.handover = a.Dispatch.ID, a.Deliveries[0].ID, "p1", string(a.Receipt)
	return a.brief(), nil
}

// failedWith is the error of a call, or what its answer says where that is the wrong one.
func failedWith(err error, a *reply) error {
	if err != nil {
		return err
	}
	return fmt.Errorf("the answer was %.300s", a.body)
}

func (t *rest) verify(context.Context) (string, error) {
	if t.dispatch == "" {
		return "", errNeeds
	}
	return t.Verify([]byte(t.handover))
}

func (t *rest) again(ctx context.Context) (string, error) {
	a, err := t.submit(ctx, t.letter("R03"), t.PDF)
	if err != nil || t.dispatch == "" {
		return "", orNeeds(err)
	}
	if a.Dispatch.ID == t.dispatch {
		return a.brief() + ", same dispatch", nil
	}
	return a.brief() + ", another dispatch", nil
}

func orNeeds(err error) error {
	if err == nil {
		return errNeeds
	}
	return err
}

// arrivedEvery is how often a test looks whether something has come to pass.
const arrivedEvery = 100 * time.Millisecond

// arrived waits until the delivery is consigned: at once where the agency collects here,
// after its notice was carried where it is reached otherwise.
func (t *rest) arrived(ctx context.Context) (string, error) {
	if t.delivery == "" {
		return "", errNeeds
	}
	for {
		a, err := t.call(ctx, http.MethodGet, "/v1/deliveries/"+t.delivery, "", nil)
		if err != nil || a.Delivery.State != string(hub.StateQueued) {
			return a.state(), err
		}
		select {
		case <-ctx.Done():
			return a.state(), nil
		case <-time.After(arrivedEvery):
		}
	}
}

func (a *reply) state() string {
	if a == nil {
		return ""
	}
	return a.Delivery.State
}

func (t *rest) lease(ctx context.Context) (string, error) {
	if t.delivery == "" {
		return "", errNeeds
	}
	a, err := t.json(ctx, "/v1/mailbox/leases", fmt.Sprintf(`{"agency":%q,"deliveries":[%q],"seconds":60}`, t.Agency, t.delivery))
	if err != nil || len(a.Items) != 1 {
		return "", failedWith(err, a)
	}
	var item struct {
		Delivery struct{ Lease struct{ Fence int64 } }
	}
	err = json.Unmarshal(a.Items[0], &item)
	t.fence = item.Delivery.Lease.Fence
	return a.brief(), err
}

func (t *rest) content(ctx context.Context) (string, error) {
	a, err := t.call(ctx, http.MethodGet, "/v1/dispatches/"+t.dispatch+"/parts/"+t.part, "", nil)
	if err != nil || !bytes.Equal(a.body, t.PDF) {
		return "other bytes", err
	}
	return "same bytes", nil
}

func (t *rest) digest() string { return fmt.Sprintf("%x", sha256.Sum256(t.PDF)) }

func (t *rest) acknowledge(digest func() string) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		if t.fence == 0 {
			return "", errNeeds
		}
		a, err := t.json(ctx, "/v1/deliveries/"+t.delivery+"/acknowledgement", fmt.Sprintf(`{"fence":%d,"parts":{"p1":%q}}`, t.fence, digest()))
		if err != nil {
			return "", err
		}
		t.handover = string(a.Receipt)
		return a.brief(), nil
	}
}

func (t *rest) acknowledgeAgain(ctx context.Context) (string, error) {
	first := t.handover
	got, err := t.acknowledge(t.digest)(ctx)
	if err == nil && first == t.handover {
		got += ", same evidence"
	}
	return got, err
}

// about posts to the delivery.
func (t *rest) about(what, text string) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		if t.delivery == "" {
			return "", errNeeds
		}
		a, err := t.json(ctx, "/v1/deliveries/"+t.delivery+"/"+what, text)
		if err != nil {
			return "", err
		}
		return a.brief(), nil
	}
}
