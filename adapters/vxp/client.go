package vxp

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Client calls an axis as a system does, with the requests of the SDK. It is safe for
// concurrent use.
type Client struct {
	HTTP     *http.Client
	Endpoint string // with its path, with or without a slash at the end
	System   string
	Secret   string
	Now      func() time.Time
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
	contentType := "application/json"
	if operation == "sendEdoc" {
		contentType = "application/octet-stream"
	}
	all := []Param{{"systemid", c.System}}
	all = append(all, params...)
	all = append(all, Param{"timestamp", c.Now().Format("02012006T150405+0") + fmt.Sprintf("%03d", c.Now().Nanosecond()/1e6)}, Param{"Content-Type", contentType})
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(c.Endpoint, "/")+"/"+operation, bytes.NewReader(body))
	if err != nil {
		return Answer{}, hub.Invalid("endpoint", "url", "%v", err)
	}
	c.sign(r.Header, all, contentType)
	response, err := c.HTTP.Do(r)
	if err != nil {
		return Answer{}, &hub.Error{Kind: hub.KindUnavailable, Message: "the axis does not answer", Err: err}
	}
	defer response.Body.Close()
	var a Answer
	if err := json.NewDecoder(io.LimitReader(response.Body, maxAnswer)).Decode(&a); err != nil {
		return Answer{}, &hub.Error{Kind: hub.KindUnavailable, Message: "the answer of the axis is not whole", Err: err}
	}
	return a, nil
}

// sign sets the headers of the SDK.
func (c *Client) sign(h http.Header, params []Param, contentType string) {
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
	h.Set(headerHash, hex.EncodeToString(sign([]byte(c.Secret), signed)))
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
	if a.Code == codeOK && a.Status == statusOK {
		return nil
	}
	return hub.Errorf(hub.KindConflict, "", "axis", "the axis answers %s: %s", a.Code, a.Desc)
}

// Send sends a file of a kind (edoc, status) and returns its id on the axis.
func (c *Client) Send(ctx context.Context, kind, from string, file []byte) (string, error) {
	a, err := c.Call(ctx, "sendEdoc", append(bytes.Clone(file), crlf...),
		Param{"servicetype", serviceType}, Param{"messagetype", kind}, Param{"hash-file", HashOf(file)}, Param{"from", from})
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
	return rows, c.read(ctx, &rows, "getReceivedEdocList", Param{"servicetype", serviceType}, Param{"messagetype", kind})
}

// Sent tells what became of a document.
func (c *Client) Sent(ctx context.Context, id string) ([]SentRow, error) {
	var rows []SentRow
	return rows, c.read(ctx, &rows, "getSentEdocList", Param{"servicetype", serviceType}, Param{"messagetype", typeDocument}, Param{"docId", id})
}

// Fetch returns a file.
func (c *Client) Fetch(ctx context.Context, id string) ([]byte, error) {
	var encoded string
	if err := c.read(ctx, &encoded, "getEdoc", Param{"docId", id}, Param{"filePath", "xml"}); err != nil {
		return nil, err
	}
	return base64.StdEncoding.DecodeString(encoded)
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
