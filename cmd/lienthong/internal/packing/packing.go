// Package packing closes the evidence bundles of a hub: it adds the certificates,
// revocation lists and keys that whoever verifies a bundle looks up paths with, and puts
// all files into a container that the hub seals.
//
// What it adds makes nobody trusted; a verifier brings roots and keys of its own.
package packing

import (
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit/bundle"
	"github.com/lienthong/lienthong/signing"
	"github.com/lienthong/lienthong/signing/asic"
	"github.com/lienthong/lienthong/signing/trust"
	"github.com/lienthong/lienthong/signing/tsp"
	"github.com/lienthong/lienthong/signing/verdict"
)

// Packing closes bundles. It is safe for concurrent use when its key is.
type Packing struct {
	// Keys returns the hub key that seals now, and the certificates of all hub keys,
	// beginning with its own.
	Keys func() (crypto.Signer, []*x509.Certificate)
	Now  func() time.Time // that the seal claims
	// Forms writes the signed XML form of a receipt.
	Forms func(ctx context.Context, sealed hub.SealedEvidence) ([]byte, error)

	Policy func() ([]byte, error) // of the log, as the hub publishes it; nil for none
	// Mirror returns the revocation lists and responses at hand; it may return nil.
	Mirror func() *trust.Mirror
	// Anchors returns the file of roots or the trust list in force; nil for none.
	Anchors func() ([]byte, error)
}

// Trust implements bundle.Packaging.
func (p *Packing) Trust(_ context.Context, tokens [][]byte) ([]bundle.File, error) {
	policy, err := p.Policy()
	if err != nil {
		return nil, err
	}
	_, chain := p.Keys()
	files := []bundle.File{bundle.Bytes(bundle.ChainFile, mediaPEM, encode(chain))}
	if policy != nil {
		files = append(files, bundle.Bytes(bundle.PolicyFile, "text/plain", policy))
	}
	authorities, err := authoritiesOf(tokens)
	if err != nil {
		return nil, err
	}
	if len(authorities) > 0 {
		files = append(files, bundle.Bytes(bundle.AuthorityFile, mediaPEM, encode(authorities)))
	}
	files = append(files, revocation(p.Mirror().About(slices.Concat(chain, authorities)...))...)
	anchors, err := p.Anchors()
	switch {
	case err != nil:
		return nil, err
	case anchors == nil:
	case len(anchors) > 0 && anchors[0] == '{':
		files = append(files, bundle.Bytes(bundle.TrustListFile, "application/json", anchors))
	default:
		files = append(files, bundle.Bytes(bundle.AnchorsFile, mediaPEM, anchors))
	}
	return files, nil
}

const mediaPEM = "application/x-pem-file"

// revocation are the responses and lists that there is room for; no verifier reads more.
// Who lacks one brings it.
func revocation(known verdict.Material) []bundle.File {
	var files []bundle.File
	total := 0
	add := func(der []byte, end, mediaType string) {
		if len(der) <= bundle.MaxRevocation && total+len(der) < bundle.MaxMaterial {
			total += len(der)
			files = append(files, bundle.Bytes(revocationName(der, end), mediaType, der))
		}
	}
	for _, der := range known.OCSPs {
		add(der, ".ocsp", "application/ocsp-response")
	}
	for _, der := range known.CRLs {
		add(der, ".crl", "application/pkix-crl")
	}
	return files
}

// revocationName names a list or response by the beginning of its digest.
func revocationName(der []byte, end string) string {
	sum := sha256.Sum256(der)
	return fmt.Sprintf("%s%x%s", bundle.RevocationFolder, sum[:8], end)
}

// authoritiesOf returns the certificates that came with tokens, each once.
func authoritiesOf(tokens [][]byte) ([]*x509.Certificate, error) {
	var all []*x509.Certificate
	for _, der := range tokens {
		token, problem := tsp.Parse(der)
		if problem != nil {
			return nil, hub.Errorf(hub.KindInternal, "", "token", "a time-stamp of the log cannot be read: %s", problem.Reason)
		}
		for _, certificate := range token.Message.Certificates {
			if !slices.ContainsFunc(all, certificate.Equal) {
				all = append(all, certificate)
			}
		}
	}
	return all, nil
}

func encode(certificates []*x509.Certificate) []byte {
	var out []byte
	for _, certificate := range certificates {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw})...)
	}
	return out
}

// ReceiptXML implements bundle.Packaging.
func (p *Packing) ReceiptXML(ctx context.Context, sealed hub.SealedEvidence) ([]byte, error) {
	return p.Forms(ctx, sealed)
}

// Pack implements bundle.Packaging.
func (p *Packing) Pack(ctx context.Context, w io.Writer, files []bundle.File) error {
	list := make([]asic.File, len(files))
	for i, f := range files {
		list[i] = asic.File(f)
	}
	key, chain := p.Keys()
	err := asic.Write(ctx, w, list, signing.BundleSeal(key, chain[0], p.Now))
	var refusal *asic.Refusal
	if errors.As(err, &refusal) {
		return hub.Errorf(hub.KindTooLarge, "bundle", refusal.Rule, "the bundle cannot be made: %s", refusal.Reason)
	}
	return err
}
