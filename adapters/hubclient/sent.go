package hubclient

import (
	"context"
	"crypto/sha256"
	"io"
	"net/http"
	"net/url"

	"github.com/lienthong/lienthong/hub"
)

// SentQuery selects dispatches of one sender; Agency as in MailboxQuery.
type SentQuery struct {
	Agency     string
	ExternalID string // exact
	Number     string // exact number and notation
	Text       string // folded search
	States     []hub.DeliveryState
	Page       hub.Page
}

// Sent lists what an agency has sent, with the state at every recipient.
func (c *Client) Sent(ctx context.Context, q SentQuery) (hub.List[hub.SentItem], error) {
	query := ofAgency(q.Agency)
	setNonEmpty(query, "external_id", q.ExternalID)
	setNonEmpty(query, "number", q.Number)
	setNonEmpty(query, "q", q.Text)
	for _, s := range q.States {
		query.Add("state", string(s))
	}
	return list[hub.SentItem](ctx, c, pathOf("sent"), query, q.Page)
}

// Dispatch returns one dispatch with those of its deliveries that the credential
// may see.
func (c *Client) Dispatch(ctx context.Context, id hub.DispatchID) (hub.SentItem, error) {
	var item hub.SentItem
	err := c.json(ctx, get(pathOf("dispatches", string(id)), nil), &item)
	return item, err
}

// DispatchEvidence lists the evidences of a dispatch, oldest first.
func (c *Client) DispatchEvidence(ctx context.Context, id hub.DispatchID, p hub.Page) (hub.List[hub.SealedEvidence], error) {
	return list[hub.SealedEvidence](ctx, c, pathOf("dispatches", string(id), "evidence"), nil, p)
}

// SignatureReports returns the verdicts that were recorded at acceptance.
func (c *Client) SignatureReports(ctx context.Context, id hub.DispatchID) ([]hub.SignatureReport, error) {
	l, err := list[hub.SignatureReport](ctx, c, pathOf("dispatches", string(id), "signatures"), nil, hub.Page{})
	return l.Items, err
}

// Rechecks returns the verdicts that were given later, where they differ, oldest first.
func (c *Client) Rechecks(ctx context.Context, id hub.DispatchID) ([]hub.Recheck, error) {
	var answer struct {
		Rechecks []hub.Recheck `json:"rechecks"`
	}
	err := c.json(ctx, get(pathOf("dispatches", string(id), "signatures"), nil), &answer)
	return answer.Rechecks, err
}

// StatusReports returns the status reports of a dispatch.
func (c *Client) StatusReports(ctx context.Context, id hub.DispatchID) ([]hub.StatusReport, error) {
	l, err := list[hub.StatusReport](ctx, c, pathOf("dispatches", string(id), "reports"), nil, hub.Page{})
	return l.Items, err
}

// Evidence returns one sealed evidence; hub.MarshalReceipt makes its file.
func (c *Client) Evidence(ctx context.Context, id hub.EvidenceID) (hub.SealedEvidence, error) {
	var s hub.SealedEvidence
	err := c.json(ctx, get(pathOf("evidence", string(id)), nil), &s)
	return s, err
}

// ReceiptXML returns the XML form of one receipt. Nothing of it is verified here.
func (c *Client) ReceiptXML(ctx context.Context, id hub.EvidenceID) ([]byte, error) {
	return c.file(ctx, get(pathOf("evidence", string(id)), url.Values{"form": {"xml"}}))
}

// Rejections lists the sealed SubmissionRejections of an agency, oldest first;
// agency as in MailboxQuery.
func (c *Client) Rejections(ctx context.Context, agency string, p hub.Page) (hub.List[hub.SealedEvidence], error) {
	return list[hub.SealedEvidence](ctx, c, pathOf("rejections"), ofAgency(agency), p)
}

// Validation returns what the verdicts on a dispatch were made from.
func (c *Client) Validation(ctx context.Context, id hub.DispatchID) (hub.ValidationArchive, error) {
	var a hub.ValidationArchive
	err := c.json(ctx, get(pathOf("dispatches", string(id), "validation"), nil), &a)
	return a, err
}

// VerifyFile lets the hub verify the signatures in a file, which it does not keep.
func (c *Client) VerifyFile(ctx context.Context, f File, progress Progress) (hub.FileReport, error) {
	k := call{
		method: http.MethodPost, path: pathOf("verify"), query: url.Values{"name": {f.Part.Name}},
		body: func() (io.ReadCloser, error) { return f.Open() }, size: f.size(),
		idempotent: true, progress: progress,
	}
	var report hub.FileReport
	err := c.json(ctx, k.with("Content-Type", "application/octet-stream"), &report)
	return report, err
}

// Seal lets the hub put the seal of an agency on a PDF and writes the sealed file to w;
// agency as in MailboxQuery, an empty role takes the usual seal. It returns the SHA-256
// of what was written. On error, what w has got must be thrown away.
func (c *Client) Seal(ctx context.Context, f File, agency string, role hub.SealRole, w io.Writer, progress Progress) (hub.Digest, error) {
	query := ofAgency(agency)
	setNonEmpty(query, "role", string(role))
	k := call{
		method: http.MethodPost, path: pathOf("seal"), query: query,
		body: func() (io.ReadCloser, error) { return f.Open() }, size: f.size(), progress: progress,
	}
	var got hub.Digest
	err := c.do(ctx, k.with("Content-Type", "application/pdf").with("Accept-Encoding", "identity"), func(resp *http.Response) error {
		digest := sha256.New()
		if _, err := io.Copy(io.MultiWriter(w, digest), resp.Body); err != nil {
			return err
		}
		digest.Sum(got[:0])
		if want := announced(resp.Header); got != want {
			return mismatch(want, got)
		}
		return nil
	})
	return got, err
}
