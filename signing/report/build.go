package report

import (
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// The words of ETSI TS 119 102-2.
const (
	urnMain       = "urn:etsi:019102:mainindication:"
	urnSub        = "urn:etsi:019102:subindication:"
	urnCheck      = "urn:lienthong:check:"
	urnNotSigned  = "urn:lienthong:mainindication:no-signature-found"
	statusApplied = "urn:etsi:019102:constraintStatus:applied"
	statusOff     = "urn:etsi:019102:constraintStatus:disabled"
	proofFound    = "urn:etsi:019102:poetype:validation" // by the validation itself
	processBasic  = "urn:etsi:019102:validationprocess:Basic"
	processTime   = "urn:etsi:019102:validationprocess:LTVM"
	urnRevoked    = "urn:etsi:019102:revocationReason:"
	objectSigned  = "urn:etsi:019102:validationObject:signedData"
	objectCert    = "urn:etsi:019102:validationObject:certificate"
	digestSHA256  = "http://www.w3.org/2001/04/xmlenc#sha256"
)

// builder collects the objects that reports refer to, each once.
type builder struct {
	tree validationReport
	seen map[string]bool
}

// build makes the tree of reports on files. A file without a signature has one report
// that says so.
func build(files []hub.FileReport) *validationReport {
	b := &builder{seen: map[string]bool{}, tree: validationReport{
		ETSI: namespaceETSI, DS: namespaceDS, XAdES: namespaceXAdES, Own: namespaceOwn,
	}}
	for i := range files {
		for _, r := range files[i].All() {
			document := b.object("doc", r.SHA256, objectSigned)
			if len(r.Signatures) == 0 {
				b.add(files[i].Name, &r, &hub.SignatureVerdict{Indication: r.Indication, Sub: r.Sub}, document)
			}
			for j := range r.Signatures {
				b.add(files[i].Name, &r, &r.Signatures[j], document)
			}
		}
	}
	return &b.tree
}

func (b *builder) add(file string, r *hub.SignatureReport, s *hub.SignatureVerdict, document ref) {
	report := signatureReport{
		Constraints: constraints{Policy: policy{Name: r.Policy}},
		Time:        timesOf(r, s),
		Document:    signedObject{Digest: digestOf(r.SHA256), Object: document},
		Attributes:  attributesOf(s),
		Process:     process{processBasic},
		Status:      status{Main: mainOf(s.Indication)},
		Other: other{
			File: file, Part: r.Part, Field: s.Field, Format: s.Format, Level: s.Level, Reason: s.Reason, Organization: s.Organization,
			Issuer: s.Issuer, Serial: s.Serial, AnchorName: s.Anchor, AnchorSource: r.AnchorSource, AlgorithmTable: r.AlgorithmTable, CoversWhole: s.CoversWhole,
			Revision: s.Revision, Revisions: s.Revisions, CoveredBytes: s.CoveredBytes, Changes: s.Changes, Findings: r.Findings,
		},
	}
	if s.Indication != hub.NoSignatureFound {
		report.Identifier = &identifier{ID: fmt.Sprintf("sig-%d", len(b.tree.Signatures)+1)}
	}
	if !s.ProvenAt.IsZero() {
		report.Process.ID = processTime
	}
	if s.Sub != "" {
		report.Status.Sub = []string{urnSub + string(s.Sub)}
	}
	for _, c := range s.Checks {
		report.Constraints.Constraints = append(report.Constraints.Constraints, constraintOf(s, c))
	}
	b.certificates(&report, s, document)
	b.tree.Signatures = append(b.tree.Signatures, report)
}

func timesOf(r *hub.SignatureReport, s *hub.SignatureVerdict) timeInfo {
	info := timeInfo{ValidationTime: instant(r.ValidatedAt), Best: poe{instant(r.ValidatedAt), proofFound}}
	if !s.ProvenAt.IsZero() {
		info.Best = poe{instant(s.ProvenAt), proofFound}
	}
	return info
}

func attributesOf(s *hub.SignatureVerdict) *attributes {
	var a attributes
	if !s.ClaimedAt.IsZero() {
		a.SigningTime = &signingTime{instant(s.ClaimedAt)}
	}
	if strings.Contains(s.Format, ".") { // a SubFilter; other forms have no attribute of this name
		a.SubFilter = &subFilter{s.Format}
	}
	if a.SigningTime == nil && a.SubFilter == nil {
		return nil
	}
	return &a
}

func constraintOf(s *hub.SignatureVerdict, c hub.Check) constraint {
	v := constraint{
		Identifier: urnCheck + strings.ReplaceAll(c.Name, " ", "-"), Applied: statusApplied,
		Result: &indication{Passed: c.Passed, Detail: c.Detail},
	}
	switch {
	case c.Skipped:
		v.Applied = statusOff
	case c.Passed:
		v.Status = &status{Main: urnMain + "passed"}
	case c.Detail == s.Reason: // the check that decided
		v.Status = &status{Main: urnMain + strings.TrimPrefix(strings.ToLower(string(s.Indication)), "total-"), Sub: []string{urnSub + string(s.Sub)}}
	}
	return v
}

// certificates adds the chain (signer first, anchor last), and what is wrong with a
// certificate or an algorithm.
func (b *builder) certificates(report *signatureReport, s *hub.SignatureVerdict, document ref) {
	var data statusData
	signed := document
	if len(s.Chain) > 0 {
		refs := make([]ref, len(s.Chain))
		for i, digest := range s.Chain {
			refs[i] = b.object("cert", digest, objectCert)
		}
		last := len(refs) - 1
		signed = refs[0]
		report.Signer = &signer{Certificate: refs[0], Signer: s.Signer}
		data.Anchor = &refs[last]
		data.Chain = &chain{Signing: refs[0], Anchor: &refs[last]}
		if last > 1 {
			data.Chain.Intermediate = refs[1:last]
		}
	}
	if r := s.Revocation; r != nil {
		data.Revoked = &revoked{Object: b.object("cert", r.Certificate, objectCert), Time: instant(r.At), Reason: urnRevoked + string(r.Reason)}
	}
	switch {
	case s.Crypto != nil:
		data.Crypto = &crypto{Object: signed, Algorithm: algorithmName(s.Crypto.Algorithm)}
		if !s.Crypto.SecureUntil.IsZero() {
			data.Crypto.NotAfter = instant(s.Crypto.SecureUntil)
		}
	case s.Algorithm != "":
		data.Crypto = &crypto{Object: signed, Algorithm: algorithmName(s.Algorithm), Secure: true}
	}
	if data != (statusData{}) {
		report.Status.Data = &data
	}
}

// algorithmName is an algorithm as a URI; methods of XML are URIs already.
func algorithmName(text string) string {
	if strings.Contains(text, "://") {
		return text
	}
	return "urn:lienthong:algorithm:" + strings.ReplaceAll(strings.ReplaceAll(text, ",", ""), " ", "-")
}

// object names something by its digest and returns the reference to it.
func (b *builder) object(prefix string, d hub.Digest, kind string) ref {
	id := prefix + "-" + d.String()
	if !b.seen[id] {
		b.seen[id] = true
		b.tree.Objects = append(b.tree.Objects, object{ID: id, Type: kind, Digest: digestOf(d)})
	}
	return ref{id}
}

func digestOf(d hub.Digest) digest {
	return digest{method{digestSHA256}, base64.StdEncoding.EncodeToString(d[:])}
}

func mainOf(i hub.Indication) string {
	if i == hub.NoSignatureFound {
		return urnNotSigned
	}
	return urnMain + strings.ToLower(string(i))
}

func instant(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.999Z") }
