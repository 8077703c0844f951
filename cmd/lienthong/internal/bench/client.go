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
	"strconv"
	"strings"
	"time"
)

// client is a lean client of the REST API: the load must cost less than what it
// measures.
type client struct {
	base, key string
	http      *http.Client
	patient   bool // the server may be killed: an answer that was lost is asked for again
}

func newClient(base, key string) *client {
	return &client{base: base, key: key, http: &http.Client{
		Transport: &http.Transport{DisableCompression: true, WriteBufferSize: 256 << 10, ReadBufferSize: 64 << 10},
	}}
}

func (c *client) close() { c.http.CloseIdleConnections() }

// refusal is an answer that is not a success.
type refusal struct {
	status     int
	retryAfter time.Duration
	body       string
}

func (r *refusal) Error() string { return fmt.Sprintf("HTTP %d: %s", r.status, r.body) }

// open sends a request; size is that of the body, -1 when unknown.
func (c *client) open(ctx context.Context, method, path, contentType string, body io.Reader, size int64) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return nil, err
	}
	req.ContentLength = size
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

func (c *client) do(ctx context.Context, method, path, contentType string, body io.Reader, size int64) ([]byte, error) {
	resp, err := c.open(ctx, method, path, contentType, body, size)
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
	answer, err := c.do(ctx, method, path, "application/json", bytes.NewReader(raw), int64(len(raw)))
	if err != nil || out == nil {
		return err
	}
	return json.Unmarshal(answer, out)
}

// parcelOf is one document on its way.
type parcelOf struct {
	document   document
	n          int64
	id         string
	sender     string
	recipients []string
}

// submit sends one document. When the hub asks for patience (429, 503) it is sent
// again after the time that the hub names; refused counts those answers.
func (c *client) submit(ctx context.Context, form string, p *parcelOf) (refused int, err error) {
	for {
		if form == formEdXML {
			err = c.submitPackage(ctx, p)
		} else {
			err = c.submitForm(ctx, p)
		}
		var no *refusal
		if c.lost(ctx, err) {
			no = &refusal{status: http.StatusServiceUnavailable}
		} else if !errors.As(err, &no) || no.status != http.StatusTooManyRequests && no.status != http.StatusServiceUnavailable {
			return refused, err
		}
		refused++
		select {
		case <-time.After(max(no.retryAfter, 100*time.Millisecond)):
		case <-ctx.Done():
			return refused, ctx.Err()
		}
	}
}

// lost reports whether an error means that a patient client asks once more: the
// connection broke, or nobody listens.
func (c *client) lost(ctx context.Context, err error) bool {
	var no *refusal
	return c.patient && err != nil && !errors.As(err, &no) && ctx.Err() == nil
}

func (c *client) submitPackage(ctx context.Context, p *parcelOf) error {
	query := url.Values{"to": p.recipients}
	_, err := c.do(ctx, http.MethodPost, "/v1/packages?"+query.Encode(), "application/xml",
		p.document.body(uint64(p.n), p.id, p.sender), p.document.size())
	return err
}

func (c *client) submitForm(ctx context.Context, p *parcelOf) error {
	head, tail, contentType, err := formAround(p)
	if err != nil {
		return err
	}
	body := io.MultiReader(bytes.NewReader(head), p.document.body(uint64(p.n), p.id, p.sender), bytes.NewReader(tail))
	_, err = c.do(ctx, http.MethodPost, "/v1/dispatches", contentType, body, int64(len(head)+len(tail))+p.document.size())
	return err
}

// formAround returns the bytes before and after the file of a submission.
func formAround(p *parcelOf) (head, tail []byte, contentType string, err error) {
	submission, err := json.Marshal(map[string]any{
		"sender": p.sender, "recipients": p.recipients, "external_id": p.id, "operation": "new",
		"document": map[string]any{
			"code_number": strconv.FormatInt(p.n+1, 10), "code_notation": "UBND-DT", "type_name": "Công văn",
			"subject": subject, "promulgated": promulgated,
		},
		"parts": []map[string]any{{"id": partID, "role": "original", "name": partName, "media_type": "application/pdf"}},
	})
	if err != nil {
		return nil, nil, "", err
	}
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	w, err := form.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {`form-data; name="submission"`},
		"Content-Type":        {"application/json"},
	})
	if err != nil {
		return nil, nil, "", err
	}
	if _, err = w.Write(submission); err != nil {
		return nil, nil, "", err
	}
	if _, err = form.CreateFormFile(partID, partName); err != nil {
		return nil, nil, "", err
	}
	headSize := b.Len()
	if err = form.Close(); err != nil {
		return nil, nil, "", err
	}
	return b.Bytes()[:headSize], b.Bytes()[headSize:], form.FormDataContentType(), nil
}

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
		UpdatedAt time.Time `json:"updated_at"` // when it was consigned: a lease is no transition
	} `json:"delivery"`
}

func (c *client) lease(ctx context.Context, limit int) ([]item, error) {
	var answer struct {
		Items []item `json:"items"`
	}
	seconds := 60
	if c.patient {
		seconds = 5 // a lease whose answer was lost runs out by itself
	}
	err := c.json(ctx, http.MethodPost, "/v1/mailbox/leases", map[string]any{"max": limit, "seconds": seconds}, &answer)
	return answer.Items, err
}

// awaitArrival waits by long poll until something is free to collect, for a
// second at most.
func (c *client) awaitArrival(ctx context.Context) error {
	_, err := c.do(ctx, http.MethodGet, "/v1/mailbox?free=true&limit=1&wait=1", "", nil, 0)
	return err
}

// collect downloads the parts of a delivery and acknowledges their digests.
func (c *client) collect(ctx context.Context, it *item) error {
	digests := map[string]string{}
	for _, p := range it.Dispatch.Parts {
		if p.Role == "envelope" {
			continue
		}
		digest, err := c.fetch(ctx, it.Dispatch.ID, p.ID)
		if err != nil {
			return err
		}
		digests[p.ID] = digest
	}
	return c.json(ctx, http.MethodPost, "/v1/deliveries/"+it.Delivery.ID+"/acknowledgement",
		map[string]any{"fence": it.Delivery.Lease.Fence, "parts": digests}, nil)
}

// number returns the place of a document in its session; mine is false when it is of
// another session, which a hub that runs already may still hold.
func (it *item) number(nonce string) (n int64, mine bool) {
	digits, found := strings.CutPrefix(it.Dispatch.ExternalID, "bench-"+nonce+"-")
	n, err := strconv.ParseInt(digits, 10, 64)
	return n, found && err == nil
}

func (c *client) fetch(ctx context.Context, dispatch, part string) (string, error) {
	resp, err := c.open(ctx, http.MethodGet, "/v1/dispatches/"+dispatch+"/parts/"+part, "", nil, 0)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	digest := sha256.New()
	if _, err := io.CopyBuffer(digest, struct{ io.Reader }{resp.Body}, make([]byte, 128<<10)); err != nil {
		return "", err
	}
	return hex.EncodeToString(digest.Sum(nil)), nil
}
