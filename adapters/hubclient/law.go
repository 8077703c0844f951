package hubclient

import (
	"context"
	"net/http"

	"github.com/lienthong/lienthong/hub"
)

// LegalTerms returns the rules of how much time the law gives that are in force.
func (c *Client) LegalTerms(ctx context.Context) (hub.LegalTerms, error) {
	var set hub.LegalTerms
	err := c.json(ctx, call{method: http.MethodGet, path: pathOf("legal-terms")}, &set)
	return set, err
}

// ImportLegalTerms puts a new version of the whole set into force; a dry run only tells
// what would change (operator).
func (c *Client) ImportLegalTerms(ctx context.Context, source string, terms []hub.LegalTerm, dryRun bool) (hub.LegalTermImport, error) {
	var report hub.LegalTermImport
	k, err := call{method: http.MethodPost, path: pathOf("legal-terms"), idempotent: true}.withJSON(struct {
		Source string          `json:"source"`
		Terms  []hub.LegalTerm `json:"terms"`
		DryRun bool            `json:"dry_run,omitempty"`
	}{source, terms, dryRun})
	if err == nil {
		err = c.json(ctx, k, &report)
	}
	return report, err
}
