package vxp

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/lienthong/lienthong/adapters/internal/edoc"
	"github.com/lienthong/lienthong/hub"
)

// Client calls an axis as a system does, with the requests of the SDK. It is safe for
// concurrent use.
type Client struct {
	HTTP     *http.Client
	Endpoint string // with its path, with or without a slash at the end
	System   string
	Secret   string
	// SecretNow, if set, gives the secret for each call in the place of Secret.
	SecretNow func() (string, error)
	Now       func() time.Time
}

// Param is a parameter of a call. Their order is that of the signed header.
type Param struct{ Name, Value string }

// Answer is what an axis answers. Data is kept as it came: what it is depends on the
// call.
type Answer struct {
	Status string          `json:"status"`
	Code   string          `json:"ErrorCode"`
	Desc   string          `json:"ErrorDesc"`
	DocID  string          `json:"DocId"`
	Data   json.RawMessage `json:"data"`
	Count  int             `json:"count"`
}

// ReceivedRow is a row of getReceivedEdocList.
type ReceivedRow struct {
	DocID       string `json:"docId"`
	MessageType string `json:"messageType"`
	From        string `json:"from"`
	To          string `json:"to"`
	Status      string `json:"status"`
}

// SentRow is a row of getSentEdocList.
type SentRow struct {
	SenderDocID   string `json:"senderDocId"`
	FromCode      string `json:"fromCode"`
	ToCode        string `json:"toCode"`
	Title         string `json:"title"`
	Notation      string `json:"notation"`
	SendStatus    string `json:"sendStatus"`
	ReceiveStatus string `json:"receiveStatus"`
}

// maxAnswer bounds an answer, in bytes.
const maxAnswer = 4 << 30

// Call sends one request and reads the answer, which may tell of a refusal: see Refused.
func (c *Client) Call(ctx context.Context, operation string, body []byte, params ...Param) (Answer, error) {
	response, err := c.post(ctx, operation, bytes.NewReader(body), int64(len(body)), params)
	if err != nil {
		return Answer{}, err
	}
	defer response.Body.Close()
	var a Answer
	if err := json.NewDecoder(io.LimitReader(response.Body, maxAnswer)).Decode(&a); err != nil {
		return Answer{}, notWhole(err)
	}
	return a, nil
}

func notWhole(err error) error {
	e := &hub.Error{Kind: hub.KindUnavailable, Rule: "axis_broken", Message: "the answer of the axis is not whole", Err: err}
	if other := (*json.SyntaxError)(nil); errors.As(err, &other) {
		e.Rule, e.Message = "axis", "the axis answers with something else than JSON"
	}
	return e
}

// post sends one request with a body; the caller reads the answer.
func (c *Client) post(ctx context.Context, operation string, body io.Reader, size int64, params []Param) (*http.Response, error) {
	return c.request(ctx, http.MethodPost, operation, body, size, params)
}

func (c *Client) request(ctx context.Context, method, operation string, body io.Reader, size int64, params []Param) (*http.Response, error) {
	contentType := "application/json"
	if operation == "sendEdoc" {
		contentType = "application/octet-stream"
	}
	all := []Param{{"systemid", c.System}}
	all = append(all, params...)
	all = append(all, Param{"timestamp", c.Now().Format("02012006T150405+0") + fmt.Sprintf("%03d", c.Now().Nanosecond()/1e6)}, Param{"Content-Type", contentType})
	r, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(c.Endpoint, "/")+"/"+operation, body)
	if err != nil {
		return nil, hub.Invalid("endpoint", "url", "%v", err)
	}
	secret := c.Secret
	if c.SecretNow != nil {
		if secret, err = c.SecretNow(); err != nil {
			return nil, &hub.Error{Kind: hub.KindUnavailable, Rule: "axis_secret", Message: "the secret for the axis cannot be read", Err: err}
		}
	}
	r.ContentLength = size
	signHeaders(r.Header, secret, all, contentType)
	response, err := c.HTTP.Do(r)
	if err != nil {
		return nil, &hub.Error{Kind: hub.KindUnavailable, Rule: "axis_silent", Message: "the axis does not answer", Err: err}
	}
	return response, nil
}

// signHeaders sets the headers of the SDK.
func signHeaders(h http.Header, secret string, params []Param, contentType string) {
	var names []string
	var members []string
	for _, p := range params {
		h.Set(prefix+p.Name, strings.Map(oneLine, p.Value))
		names = append(names, p.Name)
		members = append(members, jsonText(prefix+p.Name)+":"+jsonText(p.Value))
	}
	signed := "{" + strings.Join(members, ",") + "}"
	h.Set("Content-Type", contentType)
	h.Set(prefix+"sign-header-key", strings.Join(names, ";"))
	h.Set(headerSigned, signed)
	h.Set(headerHash, hex.EncodeToString(sign([]byte(secret), signed)))
	h.Set("User-Agent", "JAVASDKAgent/1.0.0 XRoad/VPCP")
	h.Set(prefix+"version", "3.0.201608")
}

func oneLine(r rune) rune {
	if r == '\r' || r == '\n' {
		return ' '
	}
	return r
}

// jsonText writes a text as the SDK does: nothing but quotes, backslashes and control
// characters is escaped.
func jsonText(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a text never fails
	return strings.TrimSuffix(b.String(), "\n")
}

// Refused is the error of an answer that tells of a refusal; nil for success.
func (a *Answer) Refused() error {
	if a.Code == edoc.CodeOK && a.Status == edoc.StatusOK {
		return nil
	}
	return hub.Errorf(hub.KindConflict, "", "axis", "the axis answers %s: %s", a.Code, a.Desc)
}

// Send sends a file of a kind (edoc, status) and returns its id on the axis.
func (c *Client) Send(ctx context.Context, kind, from string, file []byte) (string, error) {
	a, err := c.Call(ctx, "sendEdoc", append(bytes.Clone(file), crlf...),
		Param{"servicetype", edoc.ServiceType}, Param{"messagetype", kind}, Param{"hash-file", HashOf(file)}, Param{"from", from})
	if err == nil {
		err = a.Refused()
	}
	return a.DocID, err
}

// HashOf is the hash of a file as the SDK writes it.
func HashOf(file []byte) string {
	sum := sha256.Sum256(file)
	return unpadded(sum[:])
}

// Received lists what waits of a kind.
func (c *Client) Received(ctx context.Context, kind string) ([]ReceivedRow, error) {
	var rows []ReceivedRow
	return rows, c.read(ctx, &rows, "getReceivedEdocList", Param{"servicetype", edoc.ServiceType}, Param{"messagetype", kind})
}

// Sent tells what became of a document.
func (c *Client) Sent(ctx context.Context, id string) ([]SentRow, error) {
	var rows []SentRow
	return rows, c.read(ctx, &rows, "getSentEdocList", Param{"servicetype", edoc.ServiceType}, Param{"messagetype", edoc.TypeDocument}, Param{"docId", id})
}

// Fetch returns a file.
func (c *Client) Fetch(ctx context.Context, id string) ([]byte, error) {
	var encoded string
	if err := c.read(ctx, &encoded, "getEdoc", Param{"docId", id}, Param{"filePath", "xml"}); err != nil {
		return nil, err
	}
	return base64.StdEncoding.DecodeString(encoded)
}

// Download returns a file by downloadEdoc, as SDK 2.0.1 calls it: whatever comes is the
// file, and nothing is a failure.
func (c *Client) Download(ctx context.Context, id string) ([]byte, error) {
	response, err := c.request(ctx, http.MethodGet, "downloadEdoc", nil, 0, []Param{{"docId", id}, {"filePath", "xml"}})
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	file, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	switch {
	case err != nil:
		return nil, notWhole(err)
	case len(file) == 0:
		return nil, hub.Errorf(hub.KindConflict, "", "axis", "the axis answers %s: %s", response.Header.Get(prefix+"ErrorCode"), response.Header.Get(prefix+"ErrorDesc"))
	}
	return file, nil
}

// Update acknowledges a file: processing, done or fail.
func (c *Client) Update(ctx context.Context, id, status string) error {
	a, err := c.Call(ctx, "updateStatus", []byte("{}"), Param{"docid", id}, Param{"status", status})
	if err != nil {
		return err
	}
	return a.Refused()
}

func (c *Client) read(ctx context.Context, into any, operation string, params ...Param) error {
	a, err := c.Call(ctx, operation, []byte("{}"), params...)
	if err == nil {
		err = a.Refused()
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(a.Data, into); err != nil {
		return hub.Invalid("data", "json", "the axis answers %s with data of another form", operation)
	}
	return nil
}
