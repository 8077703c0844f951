package examine

import (
	"crypto/x509"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/signing"
	"github.com/lienthong/lienthong/signing/verdict"
)

// Pieces are validation material as it is archived.
func Pieces(m verdict.Material) []hub.Material {
	var list []hub.Material
	for _, certificate := range m.Certificates {
		list = append(list, hub.NewMaterial(hub.MaterialCertificate, certificate.Raw))
	}
	for _, der := range m.CRLs {
		list = append(list, hub.NewMaterial(hub.MaterialCRL, der))
	}
	for _, der := range m.OCSPs {
		list = append(list, hub.NewMaterial(hub.MaterialOCSP, der))
	}
	return list
}

// Archive is validation material from an earlier verification, with its verdicts.
type Archive struct {
	reports  []hub.SignatureReport
	material verdict.Material
}

// ReadArchive reads a hub.ValidationArchive as a hub hands it out. Errors are of
// KindInvalid. What is in it helps to find a path and says whether something was revoked
// by its own signatures; it makes nobody trusted.
func ReadArchive(text []byte) (*Archive, error) {
	var from hub.ValidationArchive
	if err := json.Unmarshal(text, &from); err != nil {
		return nil, hub.Invalid("archive", "json", "this is no archive of validation material: %v", err)
	}
	if len(from.Reports) == 0 {
		return nil, hub.Invalid("archive", "required", "the archive holds no report")
	}
	material, err := Material(from.Material)
	return &Archive{reports: from.Reports, material: material}, err
}

// Material is what Pieces made of validation material. Errors are of KindInvalid.
func Material(pieces []hub.Material) (verdict.Material, error) {
	var m verdict.Material
	for i, piece := range pieces {
		if hub.NewMaterial(piece.Kind, piece.DER).SHA256 != piece.SHA256 {
			return m, hub.Invalid(fmt.Sprintf("archive.material[%d]", i), "digest", "the piece has another SHA-256 than the archive says")
		}
		switch piece.Kind {
		case hub.MaterialCertificate:
			certificate, err := x509.ParseCertificate(piece.DER)
			if err != nil {
				return m, hub.Invalid(fmt.Sprintf("archive.material[%d]", i), "x509", "the piece is no certificate: %v", err)
			}
			m.Certificates = append(m.Certificates, certificate)
		case hub.MaterialCRL:
			m.CRLs = append(m.CRLs, piece.DER)
		case hub.MaterialOCSP:
			m.OCSPs = append(m.OCSPs, piece.DER)
		}
	}
	return m, nil
}

// recorded finds the report on the content of a digest; nil when there is none.
func (a *Archive) recorded(digest hub.Digest) *hub.SignatureReport {
	if a == nil {
		return nil
	}
	i := slices.IndexFunc(a.reports, func(r hub.SignatureReport) bool { return r.SHA256 == digest })
	if i < 0 {
		return nil
	}
	return &a.reports[i]
}

// inquiry asks for the verdict at the time of the recorded one, with what that had.
func (a *Archive) inquiry(recorded *hub.SignatureReport) signing.Inquiry {
	if recorded == nil {
		return signing.Inquiry{}
	}
	return signing.Inquiry{At: recorded.ValidatedAt, Archived: a.material}
}

// compare says in a finding how a verdict stands to the recorded one.
func (a *Archive) compare(recorded, now *hub.SignatureReport) error {
	switch {
	case a == nil:
		return nil
	case recorded == nil:
		now.Findings = append(now.Findings, "the archive says nothing of this file")
		return nil
	}
	before, err := json.Marshal(recorded.Signatures)
	if err != nil {
		return hub.Internal("encode verdicts", err)
	}
	after, err := json.Marshal(now.Signatures)
	if err != nil {
		return hub.Internal("encode verdicts", err)
	}
	if string(before) == string(after) {
		now.Findings = append(now.Findings, "the verdict is the one that was recorded, in every detail")
		return nil
	}
	now.Findings = append(now.Findings, fmt.Sprintf("the verdict that was recorded reads otherwise: %s %s, with the trusted roots %s",
		recorded.Indication, recorded.Sub, recorded.AnchorSource))
	return nil
}
