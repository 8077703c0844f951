package partner

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/lienthong/lienthong/adapters/edxml"
	"github.com/lienthong/lienthong/adapters/lgsp"
	"github.com/lienthong/lienthong/hub"
)

// Province is how to reach a hub as an application of the provincial API.
type Province struct {
	Client *lgsp.Client
	TLS    *tls.Config // of its HTTP client; nil for the authorities of the system
	Agency hub.Code
	PDF    []byte
	// AwaitEnd has the run wait until its access token has ended, and test that it opens
	// nothing then.
	AwaitEnd bool
}

// RunProvince runs the tests of the channel lgsp.
func RunProvince(ctx context.Context, p Province, told func(Result)) []Result {
	t := &province{Province: p, id: fmt.Sprintf("partner-%d", time.Now().UnixNano())}
	results := run(ctx, append((&network{address: p.Client.URL, tls: p.TLS}).steps(), t.steps()...), told)
	if p.AwaitEnd {
		select {
		case <-ctx.Done():
		case <-time.After(time.Until(t.ends)):
		}
		results = append(results, run(ctx, t.lastSteps(), told)...)
	}
	return results
}

// province is one run, with what later tests take from earlier ones.
type province struct {
	Province
	id    string
	token string
	ends  time.Time // of the token
	sent  []byte
	docID string
	row   string // docId of the recipient's row
}

// provinceReply is what a test reads of any answer.
type provinceReply struct {
	http  int
	Error string `json:"error"` // of the token path
	Fault struct {
		Code int `json:"code"`
	} `json:"fault"`
	Code        string `json:"errorCode"`
	DocID       string `json:"docId"`
	AccessToken string `json:"access_token"`
	ExpiresIn   int64  `json:"expires_in"` // seconds
}

// brief is the answer in the words of Want: the code of a result, or the HTTP status with
// the error of the token path or the number of the gateway's fault.
func (a *provinceReply) brief() string {
	switch {
	case a.Error != "":
		return fmt.Sprint(a.http, " ", a.Error)
	case a.http == http.StatusUnauthorized:
		return fmt.Sprint(a.http, " ", a.Fault.Code)
	case a.http != http.StatusOK:
		return strconv.Itoa(a.http)
	}
	return a.Code
}

func (t *province) call(ctx context.Context, method, path, contentType, body string, change func(*http.Request)) (*provinceReply, error) {
	r, err := http.NewRequestWithContext(ctx, method, strings.TrimRight(t.Client.URL, "/")+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	change(r)
	response, err := t.Client.HTTP.Do(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	a := &provinceReply{http: response.StatusCode}
	return a, json.NewDecoder(io.LimitReader(response.Body, 64<<20)).Decode(a)
}

const (
	formType    = "application/x-www-form-urlencoded"
	provinceAPI = "/truclienthong/v1.0.0"
)

func asIs(*http.Request) {}

// api calls the API with the token and the unit secret of the run, which a test may spoil.
func (t *province) api(ctx context.Context, method, path, contentType, body string, spoil func(*http.Request)) (*provinceReply, error) {
	if t.token == "" {
		return nil, errNeeds
	}
	return t.call(ctx, method, provinceAPI+path, contentType, body, func(r *http.Request) {
		r.Header.Set("Authorization", "Bearer "+t.token)
		r.Header.Set("secretDonVi", t.Client.UnitSecret)
		spoil(r)
	})
}

// plain sends one request and tells of its answer.
func (t *province) plain(method, path, body string, spoil func(*http.Request)) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		a, err := t.api(ctx, method, path, formType, body, spoil)
		if err != nil {
			return "", err
		}
		return a.brief(), nil
	}
}

func (t *province) steps() []step {
	const absent = "/vanbans/00000000-0000-7000-8000-000000000000"
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	return []step{
		{Test{"L01", "the consumer key and secret give an access token", "token"}, t.granted},
		{Test{"L02", "a wrong consumer secret does not", "401 invalid_client"}, t.refused(func(c *lgsp.Client) { c.Secret += "x" }, "client_credentials")},
		{Test{"L03", "an unknown consumer key does not", "401 invalid_client"}, t.refused(func(c *lgsp.Client) { c.ID = "nobody" }, "client_credentials")},
		{Test{"L04", "another grant type is refused", "400 unsupported_grant_type"}, t.refused(func(*lgsp.Client) {}, "password")},
		{Test{"L05", "the token and the unit secret open the API", "0"}, t.plain(http.MethodGet, "/donvilienthongs", "", asIs)},
		{Test{"L06", "without a token it stays closed", "401 900902"}, t.plain(http.MethodGet, "/donvilienthongs", "", func(r *http.Request) { r.Header.Del("Authorization") })},
		{Test{"L07", "a token that was altered opens nothing", "401 900901"}, t.plain(http.MethodGet, "/donvilienthongs", "", func(r *http.Request) { r.Header.Set("Authorization", "Bearer x"+t.token) })},
		{Test{"L08", "a unit secret that is not of the application opens nothing", "401 900901"}, t.plain(http.MethodGet, "/donvilienthongs", "", header("secretDonVi", strings.Repeat("0a", 32)))},
		{Test{"L09", "a package is accepted and has a docId", "docId"}, t.good},
		{Test{"L10", "the same package again has the same docId", "same docId"}, t.again(formType, asIs, "")},
		{Test{"L11", "so it has as the member of a JSON object", "same docId"}, t.again("application/json", asIs, "")},
		{Test{"L12", "headers and members that are unknown change nothing", "same docId"}, t.again(formType, header("X-Unknown", "1"), "&unknown=1")},
		{Test{"L13", "a package that breaks off is refused", "422"}, t.spoiled("L13", func(file []byte) []byte { return file[:len(file)/2] })},
		{Test{"L14", "JSON that breaks off is refused", "422"}, t.body("application/json", func(file string) string { return `{"data":"` + file })},
		{Test{"L15", "what is no base64 is refused", "422"}, t.body(formType, func(string) string { return "data=" + url.QueryEscape("%%%") })},
		{Test{"L16", "a body without a file is refused", "422"}, t.body(formType, func(string) string { return "loaiVanBan=edoc" })},
		{Test{"L17", "a kind that there is not is refused", "422"}, t.body(formType, func(file string) string { return "loaiVanBan=edict&data=" + url.QueryEscape(file) })},
		{Test{"L18", "a sender that is not the unit is refused", "refused"}, t.foreign},
		{Test{"L19", "an unknown recipient is refused", "422"}, t.unknownRecipient},
		{Test{"L20", "the list has the document once", "1 row"}, t.arrived},
		{Test{"L21", "it comes as it was sent", "same bytes"}, t.fetched},
		{Test{"L22", "a state that there is not is refused", "422"}, t.update("PERHAPS")},
		{Test{"L23", "a body that is too large is refused", "413"}, t.update(strings.Repeat("x", 2<<20))},
		{Test{"L24", "PROCESSING leaves it in the list", "0, 1 row"}, t.updateAndList("PROCESSING")},
		{Test{"L25", "DONE hands it over, and the list does not have it", "0, 0 rows"}, t.updateAndList("DONE")},
		{Test{"L26", "DONE again changes nothing", "0, 0 rows"}, t.updateAndList("DONE")},
		{Test{"L27", "a status message is recorded", "0"}, t.status("05")},
		{Test{"L28", "a status code that there is not is refused", "422"}, t.status("99")},
		{Test{"L29", "the sender's list has the status message until it is done", "1 row, 0, 0 rows"}, t.reported},
		{Test{"L30", "a document that is not there is not found", "404"}, t.plain(http.MethodGet, absent, "", asIs)},
		{Test{"L31", "a path that there is not is not found", "404"}, t.plain(http.MethodGet, "/vanban", "", asIs)},
		{Test{"L32", "a method that there is not is refused", "405"}, t.plain(http.MethodDelete, absent, "", asIs)},
	}
}

// lastSteps are tests of what has ended.
func (t *province) lastSteps() []step {
	return []step{{Test{"L33", "a token that has ended opens nothing", "401 900901"}, t.plain(http.MethodGet, "/donvilienthongs", "", asIs)}}
}

// grant asks for a token.
func (t *province) grant(ctx context.Context, key, secret, kind string) (*provinceReply, error) {
	return t.call(ctx, http.MethodPost, "/token", formType, url.Values{"grant_type": {kind}}.Encode(), func(r *http.Request) { r.SetBasicAuth(key, secret) })
}

func (t *province) granted(ctx context.Context) (string, error) {
	a, err := t.grant(ctx, t.Client.ID, t.Client.Secret, "client_credentials")
	if err != nil || a.AccessToken == "" {
		return "", orAnswer(err, a)
	}
	t.token, t.ends = a.AccessToken, time.Now().Add(time.Duration(a.ExpiresIn+1)*time.Second)
	return "token", nil
}

// orAnswer is the error of a call, or what its answer says where that is the wrong one.
func orAnswer(err error, a *provinceReply) error {
	if err != nil {
		return err
	}
	return fmt.Errorf("the answer was %s", a.brief())
}

func (t *province) refused(spoil func(*lgsp.Client), kind string) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		spoilt := lgsp.Client{ID: t.Client.ID, Secret: t.Client.Secret}
		spoil(&spoilt)
		a, err := t.grant(ctx, spoilt.ID, spoilt.Secret, kind)
		if err != nil {
			return "", err
		}
		return a.brief(), nil
	}
}

// send sends a body to where documents go.
func (t *province) send(ctx context.Context, contentType, body string, spoil func(*http.Request)) (*provinceReply, error) {
	return t.api(ctx, http.MethodPost, "/vanbans", contentType, body, spoil)
}

func inForm(file []byte, kind string) string {
	return url.Values{"data": {base64.StdEncoding.EncodeToString(file)}, "loaiVanBan": {kind}}.Encode()
}

func (t *province) good(ctx context.Context) (string, error) {
	var err error
	if t.sent, err = pack(ctx, t.Agency, t.Agency, t.id, "L09", t.PDF); err != nil {
		return "", err
	}
	a, err := t.send(ctx, formType, inForm(t.sent, "edoc"), asIs)
	if err != nil || a.DocID == "" {
		return "", orAnswer(err, a)
	}
	t.docID = a.DocID
	return "docId", nil
}

// again sends the package once more, in another form and with more behind it.
func (t *province) again(contentType string, spoil func(*http.Request), more string) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		if t.docID == "" {
			return "", errNeeds
		}
		body := inForm(t.sent, "edoc") + more
		if contentType != formType {
			text, err := json.Marshal(map[string]string{"data": base64.StdEncoding.EncodeToString(t.sent), "loaiVanBan": "edoc"})
			if err != nil {
				return "", err
			}
			body = string(text)
		}
		a, err := t.send(ctx, contentType, body, spoil)
		switch {
		case err != nil:
			return "", err
		case a.DocID == "":
			return a.brief(), nil
		case a.DocID != t.docID:
			return "another docId", nil
		}
		return "same docId", nil
	}
}

// spoiled sends a package of its own that a test has spoiled.
func (t *province) spoiled(number string, spoil func(file []byte) []byte) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		file, err := pack(ctx, t.Agency, t.Agency, t.id, number, t.PDF)
		if err != nil {
			return "", err
		}
		return t.sendFile(ctx, spoil(file), "edoc")
	}
}

func (t *province) sendFile(ctx context.Context, file []byte, kind string) (string, error) {
	a, err := t.send(ctx, formType, inForm(file, kind), asIs)
	if err != nil {
		return "", err
	}
	return a.brief(), nil
}

// body sends what a test makes of a package in base64.
func (t *province) body(contentType string, of func(file string) string) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		a, err := t.send(ctx, contentType, of(base64.StdEncoding.EncodeToString(t.sent)), asIs)
		if err != nil {
			return "", err
		}
		return a.brief(), nil
	}
}

func (t *province) foreign(ctx context.Context) (string, error) {
	file, err := pack(ctx, nobodysCode, t.Agency, t.id, "L18", t.PDF)
	if err != nil {
		return "", err
	}
	return refusedSender(t.sendFile(ctx, file, "edoc"))
}

func (t *province) unknownRecipient(ctx context.Context) (string, error) {
	file, err := pack(ctx, t.Agency, nobodysCode, t.id, "L19", t.PDF)
	if err != nil {
		return "", err
	}
	return t.sendFile(ctx, file, "edoc")
}

// rows are the ids of a kind in the list, of what the agency has of itself.
func (t *province) rows(ctx context.Context, kind string) ([]string, error) {
	list, err := t.Client.Received(ctx)
	var ids []string
	for _, row := range list {
		if row.MessageType == kind && row.From == string(t.Agency) {
			ids = append(ids, row.DocID)
		}
	}
	return ids, err
}

// find returns the row whose file is the one looked for; "" when there is none.
func (t *province) find(ctx context.Context, kind string, is func(file []byte) bool) (string, error) {
	ids, err := t.rows(ctx, kind)
	for _, id := range ids {
		if file, err := t.Client.Fetch(ctx, id); err == nil && is(file) { // what cannot be fetched is not ours
			return id, nil
		}
	}
	return "", err
}

// listed counts the rows of an id.
func (t *province) listed(ctx context.Context, kind, id string) (string, error) {
	ids, err := t.rows(ctx, kind)
	n := 0
	for _, listed := range ids {
		if listed == id {
			n++
		}
	}
	return counted(n), err
}

// counted says how many rows there are.
func counted(n int) string {
	if n == 1 {
		return "1 row"
	}
	return fmt.Sprintf("%d rows", n)
}

func (t *province) arrived(ctx context.Context) (string, error) {
	if t.docID == "" {
		return "", errNeeds
	}
	var err error
	t.row, err = await(ctx, func() (string, error) {
		return t.find(ctx, "edoc", func(file []byte) bool { return bytes.Equal(file, t.sent) })
	})
	if err != nil || t.row == "" {
		return counted(0), err
	}
	return t.listed(ctx, "edoc", t.row)
}

func (t *province) fetched(ctx context.Context) (string, error) {
	if t.row == "" {
		return "", errNeeds
	}
	file, err := t.Client.Fetch(ctx, t.row)
	if !bytes.Equal(file, t.sent) {
		return "other bytes", err
	}
	return "same bytes", err
}

// update sets the state of the document that was collected.
func (t *province) update(status string) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		if t.row == "" {
			return "", errNeeds
		}
		return t.plain(http.MethodPut, "/vanbans/"+t.row, url.Values{"status": {status}}.Encode(), asIs)(ctx)
	}
}

func (t *province) updateAndList(status string) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		got, err := t.update(status)(ctx)
		if err != nil {
			return got, err
		}
		rows, err := t.listed(ctx, "edoc", t.row)
		return got + ", " + rows, err
	}
}

// status reports on the document that was sent.
func (t *province) status(code string) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		if t.row == "" {
			return "", errNeeds
		}
		d := document("L09")
		m := hub.StatusMessage{
			From: string(t.Agency), Code: hub.StatusCode(code), Description: mark + t.id, StatedAt: time.Now(),
			For: hub.Reference{Agency: string(t.Agency), Number: d.Number(), ExternalID: t.id + "-L09", Promulgated: d.Promulgated},
		}
		var file bytes.Buffer
		if err := edxml.New(edxml.Options{}).EncodeStatus(&file, m); err != nil {
			return "", err
		}
		return t.sendFile(ctx, file.Bytes(), "status")
	}
}

// reported waits for the status message, and acknowledges it.
func (t *province) reported(ctx context.Context) (string, error) {
	if t.row == "" {
		return "", errNeeds
	}
	id, err := await(ctx, func() (string, error) {
		return t.find(ctx, "status", func(file []byte) bool { return bytes.Contains(file, []byte(mark+t.id)) })
	})
	if err != nil || id == "" {
		return counted(0), err
	}
	before, err := t.listed(ctx, "status", id)
	if err != nil {
		return "", err
	}
	done, err := t.plain(http.MethodPut, "/vanbans/"+id, url.Values{"status": {"DONE"}}.Encode(), asIs)(ctx)
	if err != nil {
		return "", err
	}
	after, err := t.listed(ctx, "status", id)
	return before + ", " + done + ", " + after, err
}
