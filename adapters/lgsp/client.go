package lgsp

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/lienthong/lienthong/adapters/internal/edoc"
	"github.com/lienthong/lienthong/hub"
)

// Client calls the API as an application does for one unit. It is safe for concurrent
// use, and asks for a new token when the one that it has ends.
type Client struct {
	HTTP       *http.Client
	URL        string // with what stands before the paths of the profile
	ID         string // consumer key
	Secret     string // consumer secret
	UnitSecret string
	Now        func() time.Time

	mu    sync.Mutex
	token string
	until time.Time
}

// Result is what the API answers. Data is kept as it came.
type Result struct {
	HTTP   int             `json:"-"`
	Status string          `json:"status"`
	Code   string          `json:"errorCode"`
	Desc   string          `json:"errorDesc"`
	DocID  string          `json:"docId"`
	Data   json.RawMessage `json:"data"`
}

// ReceivedRow is a row of the list.
type ReceivedRow struct {
	DocID       string `json:"docId"`
	MessageType string `json:"messageType"`
	From        string `json:"from"`
	To          string `json:"to"`
	Status      string `json:"status"`
	CreatedTime string `json:"createdTime"`
}

// maxAnswer bounds an answer, in bytes.
const maxAnswer = 4 << 30

// Token returns an access token that is good for a minute at least.
func (c *Client) Token(ctx context.Context) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.token != "" && c.Now().Add(time.Minute).Before(c.until) {
		return c.token, nil
	}
	form := url.Values{"grant_type": {"client_credentials"}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(c.URL, "/")+"/token", strings.NewReader(form.Encode()))
	if err != nil {
		return "", hub.Invalid("url", "url", "%v", err)
	}
	r.SetBasicAuth(c.ID, c.Secret)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	var granted granted
	if err := c.do(r, &granted); err != nil {
		return "", err
	}
	if granted.AccessToken == "" {
		return "", hub.Errorf(hub.KindUntrusted, "", "client", "the API gives no access token")
	}
	c.token, c.until = granted.AccessToken, c.Now().Add(time.Duration(granted.ExpiresIn)*time.Second)
	return c.token, nil
}

func (c *Client) do(r *http.Request, into any) error {
	response, err := c.HTTP.Do(r)
	if err != nil {
		return &hub.Error{Kind: hub.KindUnavailable, Message: "the API does not answer", Err: err}
	}
	defer response.Body.Close()
	if err := json.NewDecoder(io.LimitReader(response.Body, maxAnswer)).Decode(into); err != nil {
		return &hub.Error{Kind: hub.KindUnavailable, Message: "the answer of the API is not whole", Err: err}
	}
	if result, ok := into.(*Result); ok {
		result.HTTP = response.StatusCode
	}
	return nil
}

// Call sends one request, with a form as its body if there is one, and reads the result,
// which may tell of a refusal: see Refused.
func (c *Client) Call(ctx context.Context, method, path string, form url.Values) (Result, error) {
	token, err := c.Token(ctx)
	if err != nil {
		return Result{}, err
	}
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(c.URL, "/")+DefaultProfile().APIPath+path, body)
	if err != nil {
		return Result{}, hub.Invalid("url", "url", "%v", err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("secretDonVi", c.UnitSecret)
	var result Result
	err = c.do(r, &result)
	return result, err
}

// Refused is the error of a result that tells of a refusal; nil for success.
func (r *Result) Refused() error {
	if r.Code == edoc.CodeOK && r.Status == edoc.StatusOK {
		return nil
	}
	return hub.Errorf(hub.KindConflict, "", "lgsp", "the API answers %s: %s", r.Code, r.Desc)
}

// Send sends a file of a kind (edoc, status) and returns its id.
func (c *Client) Send(ctx context.Context, kind string, file []byte) (string, error) {
	r, err := c.Call(ctx, http.MethodPost, "/vanbans", url.Values{"data": {base64.StdEncoding.EncodeToString(file)}, "loaiVanBan": {kind}})
	if err == nil {
		err = r.Refused()
	}
	return r.DocID, err
}

// Received lists what waits, of both kinds.
func (c *Client) Received(ctx context.Context) ([]ReceivedRow, error) {
	var rows []ReceivedRow
	return rows, c.read(ctx, "/vanbans", &rows)
}

// Fetch returns a file.
func (c *Client) Fetch(ctx context.Context, id string) ([]byte, error) {
	var encoded string
	if err := c.read(ctx, "/vanbans/"+url.PathEscape(id), &encoded); err != nil {
		return nil, err
	}
	return base64.StdEncoding.DecodeString(encoded)
}

// Update acknowledges a file: PROCESSING, DONE or FAIL.
func (c *Client) Update(ctx context.Context, id, status string) error {
	r, err := c.Call(ctx, http.MethodPut, "/vanbans/"+url.PathEscape(id), url.Values{"status": {status}})
	if err != nil {
		return err
	}
	return r.Refused()
}

func (c *Client) read(ctx context.Context, path string, into any) error {
	r, err := c.Call(ctx, http.MethodGet, path, nil)
	if err == nil {
		err = r.Refused()
	}
	if err != nil {
		return err
	}
	if err := json.NewDecoder(bytes.NewReader(r.Data)).Decode(into); err != nil {
		return hub.Invalid("data", "json", "the API answers with data of another form")
	}
	return nil
}
