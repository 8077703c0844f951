package hubclient

import (
	"bytes"
	"context"
	"net/http"

	"github.com/lienthong/lienthong/hub"
)

// Proof returns the proof that the log of the hub holds an evidence: a file of the form
// c2sp.org/tlog-proof. In the moment before the log has published it, the call is
// repeated, as always when the hub says that it will work later.
func (c *Client) Proof(ctx context.Context, id hub.EvidenceID) ([]byte, error) {
	var proof bytes.Buffer
	err := c.do(ctx, get(pathOf("evidence", string(id), "proof"), nil), func(resp *http.Response) error {
		proof.Reset()
		_, err := proof.ReadFrom(http.MaxBytesReader(nil, resp.Body, maxAnswer))
		return err
	})
	return proof.Bytes(), err
}
