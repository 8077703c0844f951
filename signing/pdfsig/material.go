package pdfsig

import (
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"io"
	"time"

	"github.com/lienthong/lienthong/signing/verdict"
)

// Bounds of the validation data.
const (
	maxMaterialBytes = 12 << 20
	maxMaterialItems = 512
)

// Material is the validation data of a document security store, with that for single
// signatures (VRI; ETSI EN 319 142-1, 5.4.2). Each item is there once, in the order of
// the file. What came inside of a signature is in Detail.Message. Nothing of it is
// proven.
type Material struct {
	Certificates []*x509.Certificate // unreadable ones are left out
	CRLs         [][]byte            // DER
	OCSPs        [][]byte            // DER
	end          int64               // of the newest revision that added to it
}

// complete reports whether there is what B-LT asks for.
func (m Material) complete() bool {
	return len(m.Certificates) > 0 && len(m.CRLs)+len(m.OCSPs) > 0
}

// along is the material without what only a PDF says about it.
func (m Material) along() verdict.Material {
	return verdict.Material{Certificates: m.Certificates, CRLs: m.CRLs, OCSPs: m.OCSPs}
}

// archivedAt returns the earliest time at which a document timestamp proves that the
// store and the value of a signature or timestamp, with what came inside of it, were
// there; zero without one. Of the timestamps those count that are judged by then.
func (e *examination) archivedAt(c *candidate) time.Time {
	var at time.Time
	for _, t := range e.report.Timestamps {
		if t.proves(max(e.report.Material.end, c.gated.end)) && (at.IsZero() || t.Time.Before(at)) {
			at = t.Time
		}
	}
	return at
}

// materialReader collects within bounds.
type materialReader struct {
	view
	left  int64
	items int
	seen  map[any]bool // references and content that were read
}

// collect reads the validation data of the newest view.
func (e *examination) collect() error {
	latest := e.latest()
	catalog, err := latest.catalog()
	if err != nil || catalog["DSS"] == nil {
		return err
	}
	store, err := latest.dict(catalog["DSS"])
	if err != nil {
		return err
	}
	r := &materialReader{view: latest, left: maxMaterialBytes, items: maxMaterialItems, seen: map[any]bool{}}
	if err := r.readStore(store, &e.report.Material); err != nil {
		return err
	}
	if r.left < 0 || r.items < 0 {
		e.report.Findings = append(e.report.Findings, "the validation data of the PDF is too large and was read in part")
	}
	e.report.Material.end = e.storeEnd(catalog["DSS"])
	return nil
}

// readStore reads the lists of the store and those of its VRI entries, which name
// the same streams as a rule. The entries are read in the order of their names.
func (r *materialReader) readStore(store dict, m *Material) error {
	if err := r.readLists(store, m, "Certs", "CRLs", "OCSPs"); err != nil {
		return err
	}
	single, err := r.dict(store["VRI"])
	if err != nil {
		return err
	}
	for _, key := range keysOf(single) {
		entry, err := r.dict(single[key])
		if err != nil {
			return err
		}
		if err := r.readLists(entry, m, "Cert", "CRL", "OCSP"); err != nil {
			return err
		}
	}
	return nil
}

func (r *materialReader) readLists(from dict, m *Material, certs, crls, ocsps name) error {
	certificates, err := r.read(from[certs])
	if err != nil {
		return err
	}
	for _, der := range certificates {
		if certificate, err := x509.ParseCertificate(der); err == nil {
			m.Certificates = append(m.Certificates, certificate)
		}
	}
	lists, err := r.read(from[crls])
	if err != nil {
		return err
	}
	m.CRLs = append(m.CRLs, lists...)
	responses, err := r.read(from[ocsps])
	m.OCSPs = append(m.OCSPs, responses...)
	return err
}

// storeEnd returns where the revision ends that defined the store last.
func (e *examination) storeEnd(store object) int64 {
	number := len(e.revisions) - 1
	if r, ok := store.(ref); ok {
		if _, by, ok := e.latest().defined(r.number); ok {
			number = by
		}
	} else if root, ok := e.revisions[number].trailer()["Root"].(ref); ok {
		if _, by, ok := e.latest().defined(root.number); ok {
			number = by
		}
	}
	return e.revisions[number].eof
}

// read returns the decoded streams of a list. What is no stream, or cannot be
// decoded, is left out.
func (r *materialReader) read(list object) ([][]byte, error) {
	resolved, err := r.resolve(list)
	if err != nil {
		return nil, err
	}
	elements, _ := resolved.(array)
	var out [][]byte
	for _, o := range elements {
		at, isReference := o.(ref)
		if isReference && r.seen[at] {
			continue
		}
		if r.items--; r.items < 0 || r.left < 0 {
			return out, nil
		}
		if isReference {
			r.seen[at] = true
		}
		data, err := r.stream(o)
		var structure *structureError
		if errors.As(err, &structure) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if sum := sha256.Sum256(data); len(data) > 0 && !r.seen[sum] {
			r.seen[sum] = true
			out = append(out, data)
		}
	}
	return out, nil
}

func (r *materialReader) stream(o object) ([]byte, error) {
	resolved, err := r.resolve(o)
	if err != nil {
		return nil, err
	}
	content, ok := resolved.(*stream)
	if !ok {
		return nil, nil
	}
	reader, err := r.decode(content, &r.view)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(reader, r.left+1))
	if r.left -= int64(len(data)); r.left < 0 {
		return nil, nil
	}
	if err != nil {
		err = streamError(content.offset, "a stream of the validation data is damaged", err)
	}
	return data, err
}
