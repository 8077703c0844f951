package pdfsig

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"

	"crypto/sha1" // #nosec G505 -- names an entry of the store, as the standard wants it

	"github.com/lienthong/lienthong/signing/cms"
)

// store returns the revision that adds the validation data of the signature just
// made (levels B-LT and B-LTA): a document security store, or one that was there and grows.
func (s *signer) store(ctx context.Context, signed, message []byte) ([]byte, error) {
	material, err := s.request.Material(ctx, cms.TrimPadding(message))
	if err != nil {
		return nil, fmt.Errorf("sign PDF: collect the validation data: %w", err)
	}
	if !material.complete() {
		return nil, reject("level", "level %s needs certificates and revocation data, and they could not be obtained", s.request.Level)
	}
	file := joined{s.source, s.size, signed}
	f, err := open(file, file.length())
	if err != nil {
		return nil, err
	}
	i, err := newIncrement(f.latest())
	if err != nil {
		return nil, err
	}
	if err := i.growStore(material, message); err != nil {
		return nil, err
	}
	stored := i.finish()
	return stored, s.checkRevision(joined{s.source, s.size, slices.Concat(signed, stored)}, "")
}

// growStore adds the data to the store, and an entry for this signature (VRI).
func (i *increment) growStore(material Material, message []byte) error {
	old, err := i.base.dict(i.catalog["DSS"])
	if err != nil {
		return err
	}
	certificates := make([][]byte, len(material.Certificates))
	for n, certificate := range material.Certificates {
		certificates[n] = certificate.Raw
	}
	store, own := without(old), dict{}
	for _, group := range []struct {
		all, own name
		items    [][]byte
	}{{"Certs", "Cert", certificates}, {"CRLs", "CRL", material.CRLs}, {"OCSPs", "OCSP", material.OCSPs}} {
		if len(group.items) == 0 {
			continue
		}
		list, _, err := i.list(old[group.all])
		if err != nil {
			return err
		}
		added := array{}
		for _, der := range group.items {
			added = append(added, i.addStream(dict{}, der))
		}
		own[group.own], store[group.all] = added, slices.Concat(list, added)
	}
	entries, err := i.base.dict(old["VRI"])
	if err != nil {
		return err
	}
	// The key is the SHA-1 of the whole value, padding included (ETSI EN 319 142-1,
	// 5.4.2.3); it only names the entry.
	sum := sha1.Sum(message) // #nosec G401 -- a name, see above
	store["VRI"] = with(entries, name(fmt.Sprintf("%X", sum)), i.add(own))
	i.setCatalog("DSS", i.add(store))
	return nil
}

// valueOf returns the octets of the value in a draft, padding included.
func (d *draft) valueOf() []byte {
	value := make([]byte, (d.high-d.low-2)/2)
	_, _ = hex.Decode(value, d.revision[d.low+1:d.high-1]) // what setValue wrote
	return value
}
