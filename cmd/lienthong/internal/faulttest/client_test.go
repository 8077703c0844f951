package faulttest

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
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub/hubtest/server"
)

// client speaks the REST API with nothing but net/http, so that no code of the
// hub can hide a fault of the hub.
type client struct {
	base string
	key  string
	http *http.Client
}

// patience is how long tests wait for what must come. It is only ever used up by a
// failure, so it allows for a machine that has much else to do.
const patience = server.Patience

// callLimit ends a call to a hub that is stopped and not gone, which the client then tries
// again.
const callLimit = 2 * time.Minute

func newClient(base, key string) *client {
	return &client{base: base, key: key, http: &http.Client{
		Timeout:   callLimit,
		Transport: &http.Transport{MaxIdleConnsPerHost: 32, DisableCompression: true},
	}}
}

// refused is an answer of the hub that is not a success: the outcome is known.
type refused struct {
	status int
	body   string
}

func (r *refused) Error() string { return fmt.Sprintf("HTTP %d: %s", r.status, r.body) }

func (c *client) do(ctx context.Context, method, path, contentType string, body io.Reader, header map[string]string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+c.key)
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	for k, v := range header {
		req.Header.Set(k, v)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err // cut off in the middle: the outcome is unknown
	}
	if resp.StatusCode >= 300 {
		return nil, &refused{status: resp.StatusCode, body: string(answer)}
	}
	return answer, nil
}

func (c *client) json(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(raw)
	}
	answer, err := c.do(ctx, method, path, "application/json", body, nil)
	if err != nil || out == nil {
		return err
	}
	return json.Unmarshal(answer, out)
}

// document is one submission that the load made up.
type document struct {
	externalID string
	content    []byte
	sha256     string
	recipients []string
	chunked    bool // sent as an upload
}

type accepted struct {
	Dispatch struct {
		ID string `json:"id"`
	} `json:"dispatch"`
	Deliveries []delivery      `json:"deliveries"`
	Receipt    json.RawMessage `json:"receipt"`
	Duplicate  bool            `json:"duplicate"`
}

type delivery struct {
	ID          string `json:"id"`
	Dispatch    string `json:"dispatch"`
	AddressedAs string `json:"addressed_as"`
	State       string `json:"state"`
	Lease       *struct {
		Fence int64 `json:"fence"`
	} `json:"lease"`
}

type item struct {
	Dispatch struct {
		ID         string `json:"id"`
		ExternalID string `json:"external_id"`
		Parts      []part `json:"parts"`
	} `json:"dispatch"`
	Delivery delivery `json:"delivery"`
}

type part struct {
	ID     string `json:"id"`
	Role   string `json:"role"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

func (c *client) submit(ctx context.Context, sender string, d document) (accepted, error) {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	submission, err := json.Marshal(map[string]any{
		"sender": sender, "recipients": d.recipients, "external_id": d.externalID, "operation": "new",
		"document": described(d),
		"parts":    []map[string]any{{"id": "p1", "role": "original", "name": "a.pdf", "media_type": "application/pdf"}},
	})
	if err != nil {
		return accepted{}, err
	}
	header := textproto.MIMEHeader{}
	header.Set("Content-Disposition", `form-data; name="submission"`)
	header.Set("Content-Type", "application/json")
	first, err := form.CreatePart(header)
	if err != nil {
		return accepted{}, err
	}
	first.Write(submission)
	file, err := form.CreateFormFile("p1", "a.pdf")
	if err != nil {
		return accepted{}, err
	}
	file.Write(d.content)
	form.Close()
	answer, err := c.do(ctx, http.MethodPost, "/v1/dispatches", form.FormDataContentType(), &body,
		map[string]string{"Idempotency-Key": d.externalID})
	if err != nil {
		return accepted{}, err
	}
	var a accepted
	return a, json.Unmarshal(answer, &a)
}

// upload sends a document in chunks. A request of an earlier life may still arrive
// while it asks how far the hub has got: then it asks again, as clients do.
func (c *client) upload(ctx context.Context, sender string, d document) (accepted, error) {
	for range 5 {
		a, err := c.tryUpload(ctx, sender, d)
		var no *refused
		if !errors.As(err, &no) || no.status != http.StatusConflict {
			return a, err
		}
	}
	return c.tryUpload(ctx, sender, d)
}

func (c *client) tryUpload(ctx context.Context, sender string, d document) (accepted, error) {
	var registered struct {
		ID    string `json:"id"`
		Parts []struct {
			Offset int64 `json:"offset"`
		} `json:"parts"`
	}
	raw, err := json.Marshal(map[string]any{
		"sender": sender, "recipients": d.recipients, "external_id": d.externalID, "document": described(d),
		"parts": []map[string]any{{"id": "p1", "name": "a.pdf", "media_type": "application/pdf", "size": len(d.content), "sha256": d.sha256}},
	})
	if err != nil {
		return accepted{}, err
	}
	answer, err := c.do(ctx, http.MethodPost, "/v1/uploads", "application/json", bytes.NewReader(raw), map[string]string{"Idempotency-Key": d.externalID})
	if err == nil {
		err = json.Unmarshal(answer, &registered)
	}
	if err != nil {
		return accepted{}, err
	}
	for offset := int(registered.Parts[0].Offset); offset < len(d.content); {
		end := min(offset+len(d.content)/2+1, len(d.content))
		_, err := c.do(ctx, http.MethodPatch, "/v1/uploads/"+registered.ID+"/parts/p1", "application/octet-stream",
			bytes.NewReader(d.content[offset:end]), map[string]string{"Upload-Offset": fmt.Sprint(offset)})
		if err != nil {
			return accepted{}, err
		}
		offset = end
	}
	var a accepted
	return a, c.json(ctx, http.MethodPost, "/v1/uploads/"+registered.ID+"/complete", nil, &a)
}

// described is what a document says of itself.
func described(d document) map[string]any {
	return map[string]any{
		"code_number": "1", "code_notation": "UBND-TN", "type_name": "Công văn",
		"subject": "Thử tắt máy đột ngột " + d.externalID, "promulgated": "2026-01-05",
	}
}

func (c *client) lease(ctx context.Context, limit int) ([]item, error) {
	var answer struct {
		Items []item `json:"items"`
	}
	err := c.json(ctx, http.MethodPost, "/v1/mailbox/leases", map[string]any{"max": limit, "seconds": 3}, &answer)
	return answer.Items, err
}

// fetch downloads a part and returns its digest.
func (c *client) fetch(ctx context.Context, dispatch, partID string) (string, error) {
	content, err := c.do(ctx, http.MethodGet, "/v1/dispatches/"+dispatch+"/parts/"+partID, "", nil, nil)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:]), nil
}

func (c *client) acknowledge(ctx context.Context, d delivery, digests map[string]string) (json.RawMessage, error) {
	var answer struct {
		Receipt json.RawMessage `json:"receipt"`
	}
	err := c.json(ctx, http.MethodPost, "/v1/deliveries/"+d.ID+"/acknowledgement",
		map[string]any{"fence": d.Lease.Fence, "parts": digests}, &answer)
	return answer.Receipt, err
}

func (c *client) register(ctx context.Context, d delivery, number string) (json.RawMessage, error) {
	var answer struct {
		Receipt json.RawMessage `json:"receipt"`
	}
	err := c.json(ctx, http.MethodPost, "/v1/deliveries/"+d.ID+"/acceptance",
		map[string]any{"number": number, "date": "2026-01-06"}, &answer)
	return answer.Receipt, err
}

func (c *client) evidence(ctx context.Context, dispatch string) ([]json.RawMessage, error) {
	var all []json.RawMessage
	after := ""
	for {
		var page struct {
			Items []json.RawMessage `json:"items"`
			Next  string            `json:"next"`
		}
		path := "/v1/dispatches/" + dispatch + "/evidence?limit=100"
		if after != "" {
			path += "&after=" + after
		}
		if err := c.json(ctx, http.MethodGet, path, nil, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Items...)
		if after = page.Next; after == "" {
			return all, nil
		}
	}
}

// sent lists everything that the hub says the sender has sent.
func (c *client) sent(ctx context.Context) (map[string][]string, error) {
	byExternalID := map[string][]string{}
	after := ""
	for {
		var page struct {
			Items []struct {
				Dispatch struct {
					ID         string `json:"id"`
					ExternalID string `json:"external_id"`
				} `json:"dispatch"`
			} `json:"items"`
			Next string `json:"next"`
		}
		path := "/v1/sent?limit=200"
		if after != "" {
			path += "&after=" + after
		}
		if err := c.json(ctx, http.MethodGet, path, nil, &page); err != nil {
			return nil, err
		}
		for _, it := range page.Items {
			byExternalID[it.Dispatch.ExternalID] = append(byExternalID[it.Dispatch.ExternalID], it.Dispatch.ID)
		}
		if after = page.Next; after == "" {
			return byExternalID, nil
		}
	}
}

func (c *client) dispatch(ctx context.Context, id string) ([]delivery, error) {
	var answer struct {
		Deliveries []delivery `json:"deliveries"`
	}
	err := c.json(ctx, http.MethodGet, "/v1/dispatches/"+id, nil, &answer)
	return answer.Deliveries, err
}

// importAgencies and issueKey prepare a fresh hub as its operator would.
func (c *client) importAgencies(ctx context.Context, csv string) error {
	_, err := c.do(ctx, http.MethodPost, "/v1/agencies/import", "text/csv", strings.NewReader(csv), nil)
	return err
}

func (c *client) issueKey(ctx context.Context, agency string) (string, error) {
	var answer struct {
		Secret string `json:"secret"`
	}
	err := c.json(ctx, http.MethodPost, "/v1/keys", map[string]any{
		"name": "crash test", "kind": "system", "agencies": []string{agency},
		"scopes": []string{"submit", "collect", "read", "verify"},
	}, &answer)
	return answer.Secret, err
}
