package hubclient

import (
	"context"
	"net/http"

	"github.com/lienthong/lienthong/hub"
)

// SignatureRules shows what is asked of the signatures of senders (operator, auditor).
func (c *Client) SignatureRules(ctx context.Context) (hub.SignatureRules, error) {
	var set hub.SignatureRules
	err := c.json(ctx, get(pathOf("signatures", "rules"), nil), &set)
	return set, err
}

// SetSignatureRules puts a whole set of rules into force; senders are codes or ids. A
// version in the set must be that of the set which it replaces; then a repetition after
// a lost answer is a conflict (operator).
func (c *Client) SetSignatureRules(ctx context.Context, set hub.SignatureRules) (hub.SignatureRules, error) {
	var answer hub.SignatureRules
	k, err := call{method: http.MethodPut, path: pathOf("signatures", "rules")}.withJSON(struct {
		Version int64               `json:"version"`
		Rules   []hub.SignatureRule `json:"rules"`
	}{set.Version, append([]hub.SignatureRule{}, set.Rules...)})
	if err == nil {
		err = c.json(ctx, k, &answer)
	}
	return answer, err
}

// BindingRequest binds a certificate to an agency: one by its SHA-256, or those of an
// issuer and names of the subject.
type BindingRequest struct {
	SHA256  hub.Digest          `json:"sha256,omitzero"`
	Issuer  string              `json:"issuer,omitempty"`
	Subject []string            `json:"subject,omitempty"`
	Role    hub.CertificateRole `json:"role,omitempty"`
	Note    string              `json:"note,omitempty"`
}

// BindCertificate binds a certificate to an agency (code or id); the same again gives the
// binding that is there (operator).
func (c *Client) BindCertificate(ctx context.Context, agency string, r BindingRequest) (hub.CertificateBinding, error) {
	var bound hub.CertificateBinding
	k, err := call{method: http.MethodPost, path: pathOf("agencies", agency, "certificates"), idempotent: true}.withJSON(r)
	if err == nil {
		err = c.json(ctx, k, &bound)
	}
	return bound, err
}

// UnbindCertificate ends a binding (operator).
func (c *Client) UnbindCertificate(ctx context.Context, agency, id string) (hub.CertificateBinding, error) {
	var gone hub.CertificateBinding
	err := c.json(ctx, call{method: http.MethodDelete, path: pathOf("agencies", agency, "certificates", id)}, &gone)
	return gone, err
}

// CertificateBindings lists the certificates that sign for an agency (operator, auditor).
func (c *Client) CertificateBindings(ctx context.Context, agency string) ([]hub.CertificateBinding, error) {
	l, err := list[hub.CertificateBinding](ctx, c, pathOf("agencies", agency, "certificates"), nil, hub.Page{})
	return l.Items, err
}
