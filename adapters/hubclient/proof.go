package hubclient

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/lienthong/lienthong/hub"
)

// Proof returns the proof that the log of the hub holds an evidence: a file of the form
// c2sp.org/tlog-proof. In the moment before the log has published it, the call is
// repeated, as always when the hub says that it will work later.
func (c *Client) Proof(ctx context.Context, id hub.EvidenceID) ([]byte, error) {
	return c.file(ctx, get(pathOf("evidence", string(id), "proof"), nil))
}

// file returns the body of an answer as it is.
func (c *Client) file(ctx context.Context, request call) ([]byte, error) {
	var body bytes.Buffer
	err := c.do(ctx, request, func(resp *http.Response) error {
		body.Reset()
		_, err := body.ReadFrom(http.MaxBytesReader(nil, resp.Body, maxAnswer))
		return err
	})
	return body.Bytes(), err
}

// LogStamp returns the smallest time-stamped checkpoint of a shard of the log, which is a
// year, that has at least so many entries; KindNotFound while there is none. Nothing of
// it is verified here.
func (c *Client) LogStamp(ctx context.Context, shard string, size int64) (hub.LogStamp, error) {
	var stamp hub.LogStamp
	path := "/log/" + url.PathEscape(shard) + "/timestamp"
	err := c.json(ctx, get(path, url.Values{"size": {strconv.FormatInt(size, 10)}}), &stamp)
	return stamp, err
}

// Sequence lists the receipts of a year that name an agency, as the log numbers them, with
// the key to find them there. Nothing of it is verified here.
func (c *Client) Sequence(ctx context.Context, agency string, year int, after int64) (hub.Sequence, error) {
	query := ofAgency(agency)
	if year != 0 {
		query.Set("year", strconv.Itoa(year))
	}
	if after != 0 {
		query.Set("after", strconv.FormatInt(after, 10))
	}
	var s hub.Sequence
	err := c.json(ctx, get(pathOf("sequence"), query), &s)
	return s, err
}
