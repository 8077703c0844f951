package bench

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/hubproc"
)

const senderCode = "000.00.00.H47"

func recipientCode(i int) string { return fmt.Sprintf("%03d.01.11.H47", i+1) }

// parties are the agencies of one prepared hub with their keys.
type parties struct {
	senderKey     string
	recipients    []string
	recipientKeys []string
}

// startPrepared starts a hub on fresh data, imports the agencies and issues a
// key to each.
func startPrepared(ctx context.Context, bin, dir, anchors string, recipients int) (*hubproc.Process, parties, error) {
	hub, err := hubproc.Start(ctx, hubproc.Options{Bin: bin, DataDir: dir, Args: []string{"--anchors", anchors}})
	if err != nil {
		return nil, parties{}, err
	}
	p, err := prepare(ctx, hub, recipients)
	if err != nil {
		hub.Kill()
		return nil, parties{}, fmt.Errorf("prepare the hub: %w\n%s", err, hub.Log())
	}
	return hub, p, nil
}

func prepare(ctx context.Context, hub *hubproc.Process, recipients int) (parties, error) {
	secret, err := hub.OperatorKey()
	if err != nil {
		return parties{}, err
	}
	operator := newClient(hub.URL, secret)
	var csv strings.Builder
	csv.WriteString("id,code,name,level,kind,parent_code,valid_from,valid_to,registers,email,telephone,aliases,successors\n")
	fmt.Fprintf(&csv, "sender,%s,Nơi gửi (đo tải),province,,,,,true,,,,\n", senderCode)
	p := parties{}
	for i := range recipients {
		p.recipients = append(p.recipients, recipientCode(i))
		fmt.Fprintf(&csv, "r%d,%s,Nơi nhận %d (đo tải),commune,,%s,,,true,,,,\n", i, recipientCode(i), i, senderCode)
	}
	if _, err := operator.do(ctx, http.MethodPost, "/v1/agencies/import", "text/csv", strings.NewReader(csv.String())); err != nil {
		return p, err
	}
	if p.senderKey, err = operator.issueKey(ctx, senderCode); err != nil {
		return p, err
	}
	for _, code := range p.recipients {
		key, err := operator.issueKey(ctx, code)
		if err != nil {
			return p, err
		}
		p.recipientKeys = append(p.recipientKeys, key)
	}
	return p, nil
}

// client is a lean client of the REST API: the load must cost less than what it
// measures.
type client struct {
	base, key string
	http      *http.Client
}

func newClient(base, key string) *client {
	return &client{base: base, key: key, http: &http.Client{
		Transport: &http.Transport{DisableCompression: true, WriteBufferSize: 256 << 10, ReadBufferSize: 64 << 10},
	}}
}

// refusal is an answer that is not a success.
type refusal struct {
	status     int
	retryAfter time.Duration
	body       string
}

func (r *refusal) Error() string { return fmt.Sprintf("HTTP %d: %s", r.status, r.body) }

func (c *client) open(ctx context.Context, method, path, contentType string, body io.Reader) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+c.key)
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode < 300 {
		return resp, nil
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 4<<10)) // only for the message
	seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
	return nil, &refusal{status: resp.StatusCode, retryAfter: time.Duration(seconds) * time.Second, body: string(text)}
}

func (c *client) do(ctx context.Context, method, path, contentType string, body io.Reader) ([]byte, error) {
	resp, err := c.open(ctx, method, path, contentType, body)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(io.LimitReader(resp.Body, 64<<20))
}

func (c *client) json(ctx context.Context, method, path string, in, out any) error {
	raw, err := json.Marshal(in)
	if err != nil {
		return err
	}
	answer, err := c.do(ctx, method, path, "application/json", bytes.NewReader(raw))
	if err != nil || out == nil {
		return err
	}
	return json.Unmarshal(answer, out)
}

func (c *client) issueKey(ctx context.Context, agency string) (string, error) {
	var answer struct {
		Secret string `json:"secret"`
	}
	err := c.json(ctx, http.MethodPost, "/v1/keys", map[string]any{
		"name": "bench", "kind": "system", "agencies": []string{agency},
		"scopes": []string{"submit", "collect", "read"},
	}, &answer)
	return answer.Secret, err
}

// submitFile sends one document and, when the hub asks for patience (429, 503),
// tries again after the time it names; failed counts those answers.
func (c *client) submitFile(ctx context.Context, format string, n int, file string, p parties) (failed int, err error) {
	for {
		err := c.submitOnce(ctx, format, n, file, p)
		var no *refusal
		if !errors.As(err, &no) || no.status != http.StatusTooManyRequests && no.status != http.StatusServiceUnavailable {
			return failed, err
		}
		failed++
		select {
		case <-time.After(max(no.retryAfter, 100*time.Millisecond)):
		case <-ctx.Done():
			return failed, ctx.Err()
		}
	}
}

func (c *client) submitOnce(ctx context.Context, format string, n int, file string, p parties) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	if format == "edxml" {
		query := url.Values{"to": p.recipients}
		_, err = c.do(ctx, http.MethodPost, "/v1/packages?"+query.Encode(), "application/xml", f)
		return err
	}
	head, tail, contentType, err := multipartAround(n, file, p)
	if err != nil {
		return err
	}
	_, err = c.do(ctx, http.MethodPost, "/v1/dispatches", contentType, io.MultiReader(bytes.NewReader(head), f, bytes.NewReader(tail)))
	return err
}

// multipartAround returns the bytes before and after the file of a submission,
// so that the file itself streams from disk.
func multipartAround(n int, file string, p parties) (head, tail []byte, contentType string, err error) {
	submission, err := json.Marshal(map[string]any{
		"sender": senderCode, "recipients": p.recipients, "external_id": externalID(n), "operation": "new",
		"document": map[string]any{
			"code_number": strconv.Itoa(n + 1), "code_notation": "UBND-DT", "type_name": "Công văn",
			"subject": "V/v đo tải hệ thống liên thông", "promulgated": "2026-01-05",
		},
		"parts": []map[string]any{{"id": "p1", "role": "original", "name": filepath.Base(file), "media_type": "application/pdf"}},
	})
	if err != nil {
		return nil, nil, "", err
	}
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	header := textproto.MIMEHeader{
		"Content-Disposition": {`form-data; name="submission"`},
		"Content-Type":        {"application/json"},
	}
	w, err := form.CreatePart(header)
	if err != nil {
		return nil, nil, "", err
	}
	if _, err = w.Write(submission); err != nil {
		return nil, nil, "", err
	}
	if _, err = form.CreateFormFile("p1", filepath.Base(file)); err != nil {
		return nil, nil, "", err
	}
	head = bytes.Clone(b.Bytes())
	b.Reset()
	if err = form.Close(); err != nil {
		return nil, nil, "", err
	}
	return head, bytes.Clone(b.Bytes()), form.FormDataContentType(), nil
}

func externalID(n int) string { return fmt.Sprintf("bench-%06d", n) }

// item is what the collector needs of a leased delivery.
type item struct {
	Dispatch struct {
		ID         string `json:"id"`
		ExternalID string `json:"external_id"`
		Parts      []struct {
			ID   string `json:"id"`
			Role string `json:"role"`
		} `json:"parts"`
	} `json:"dispatch"`
	Delivery struct {
		ID    string `json:"id"`
		Lease struct {
			Fence int64 `json:"fence"`
		} `json:"lease"`
	} `json:"delivery"`
}

func (c *client) lease(ctx context.Context, limit int) ([]item, error) {
	var answer struct {
		Items []item `json:"items"`
	}
	err := c.json(ctx, http.MethodPost, "/v1/mailbox/leases", map[string]any{"max": limit, "seconds": 60}, &answer)
	return answer.Items, err
}

// awaitArrival waits by long poll until something is free to collect, for a
// second at most.
func (c *client) awaitArrival(ctx context.Context) error {
	_, err := c.do(ctx, http.MethodGet, "/v1/mailbox?free=true&limit=1&wait=1", "", nil)
	return err
}

// collect downloads the parts of a delivery, acknowledges their digests and
// returns the number of the document.
func (c *client) collect(ctx context.Context, it item) (int, error) {
	digests := map[string]string{}
	for _, p := range it.Dispatch.Parts {
		if p.Role == "envelope" {
			continue
		}
		digest, err := c.fetch(ctx, it.Dispatch.ID, p.ID)
		if err != nil {
			return 0, err
		}
		digests[p.ID] = digest
	}
	err := c.json(ctx, http.MethodPost, "/v1/deliveries/"+it.Delivery.ID+"/acknowledgement",
		map[string]any{"fence": it.Delivery.Lease.Fence, "parts": digests}, nil)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimPrefix(it.Dispatch.ExternalID, "bench-"))
}

func (c *client) fetch(ctx context.Context, dispatch, part string) (string, error) {
	resp, err := c.open(ctx, http.MethodGet, "/v1/dispatches/"+dispatch+"/parts/"+part, "", nil)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	digest := sha256.New()
	if _, err := io.Copy(digest, resp.Body); err != nil {
		return "", err
	}
	return hex.EncodeToString(digest.Sum(nil)), nil
}
