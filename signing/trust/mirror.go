package trust

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/lienthong/lienthong/signing/verdict"
)

// maxMirror bounds the files of a mirror.
const maxMirror = 4096

// Mirror is validation data at hand: intermediate certificates, revocation lists and
// OCSP responses that the operator fetched or that were archived. None of it is
// trusted for lying there: each proves itself by its signature. The nil value is
// empty. It does not change.
type Mirror struct {
	certificates map[string][]*x509.Certificate // by the key of the subject
	lists        map[string][]heldList          // by the key of the issuer
	answers      []heldAnswer
	counts       [3]int
}

// heldList is a list with its bytes; along says that it came with the signature.
type heldList struct {
	*crl
	raw   []byte
	along bool
	dated bool // Case.Archived says since when it is there
}

type heldAnswer struct {
	*ocspResponse
	raw   []byte
	along bool
	dated bool
}

// NewMirror returns a mirror of validation data that was archived; what cannot be read
// is left out. What a Case says of the time of its archive holds for it.
func NewMirror(data verdict.Material) *Mirror {
	m := &Mirror{certificates: map[string][]*x509.Certificate{}, lists: map[string][]heldList{}}
	for _, certificate := range data.Certificates {
		m.addCertificate(certificate)
	}
	for _, der := range data.CRLs {
		m.addList(parseCRL(der), der, true)
	}
	for _, der := range data.OCSPs {
		m.addAnswer(parseOCSP(der), der, true)
	}
	return m
}

// LoadMirror reads the files of a folder and those below it, told apart by content:
// certificates and lists in DER or PEM, OCSP responses in DER. A file whose name
// begins with a dot is passed over; one that is none of these is an error that names
// it, so that a damaged list is noticed and not silently missing.
func LoadMirror(folder fs.FS) (*Mirror, error) {
	m := NewMirror(verdict.Material{})
	files := 0
	err := fs.WalkDir(folder, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasPrefix(entry.Name(), ".") {
			return err
		}
		if files++; files > maxMirror {
			return fmt.Errorf("mirror: more than %d files", maxMirror)
		}
		info, err := entry.Info()
		if err != nil {
			return fmt.Errorf("mirror: %w", err)
		}
		if info.Size() > 2*MaxCRL {
			return fmt.Errorf("mirror: %s is larger than %d MiB", path, 2*MaxCRL>>20)
		}
		data, err := fs.ReadFile(folder, path)
		if err != nil {
			return fmt.Errorf("mirror: %w", err)
		}
		if err := m.add(data); err != nil {
			return fmt.Errorf("mirror: %s: %w", path, err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return m, nil
}

// Counts returns how many certificates, lists and OCSP responses the mirror holds.
func (m *Mirror) Counts() (certificates, lists, answers int) {
	if m == nil {
		return 0, 0, 0
	}
	return m.counts[0], m.counts[1], m.counts[2]
}

// Certificates returns the certificates of the mirror, by subject.
func (m *Mirror) Certificates() []*x509.Certificate {
	var all []*x509.Certificate
	for _, name := range sortedKeys(m.certificates) {
		all = append(all, m.certificates[name]...)
	}
	return all
}

// About returns the revocation lists of those who issued the certificates, and the OCSP
// responses about them, as they lie in the mirror.
func (m *Mirror) About(certificates ...*x509.Certificate) verdict.Material {
	var found verdict.Material
	if m == nil {
		return found
	}
	serials := map[string]bool{}
	for _, certificate := range certificates {
		serials[certificate.SerialNumber.String()] = true
		for _, held := range m.lists[nameKey(certificate.RawIssuer)] {
			found.CRLs = append(found.CRLs, held.raw)
		}
	}
	for _, held := range m.answers {
		if slices.ContainsFunc(held.answers, func(a ocspAnswer) bool { return serials[a.serial.String()] }) {
			found.OCSPs = append(found.OCSPs, held.raw)
		}
	}
	found.Compact()
	return found
}

// ListInfo says whose a revocation list is, and for when.
type ListInfo struct {
	Issuer                 string
	ThisUpdate, NextUpdate time.Time // UTC; NextUpdate is zero when it names none
}

// Lists describes the revocation lists of the mirror, by issuer.
func (m *Mirror) Lists() []ListInfo {
	var all []ListInfo
	for _, name := range sortedKeys(m.lists) {
		for _, held := range m.lists[name] {
			issuer := held.list.Issuer.CommonName
			if issuer == "" {
				issuer = held.list.Issuer.String()
			}
			all = append(all, ListInfo{issuer, held.list.ThisUpdate.UTC(), held.list.NextUpdate.UTC()})
		}
	}
	return all
}

// CheckMaterial reports whether a file can lie in a mirror.
func CheckMaterial(data []byte) error {
	before := NewMirror(verdict.Material{})
	if err := before.add(data); err != nil {
		return err
	}
	if before.counts == [3]int{} {
		return errNoMaterial
	}
	return nil
}

var errNoMaterial = errors.New("this is no certificate, revocation list or OCSP response")

// add takes the content of one file.
func (m *Mirror) add(data []byte) error {
	if !bytes.Contains(data, []byte("-----BEGIN ")) {
		return m.addDER(data)
	}
	for {
		block, rest := pem.Decode(data)
		if block == nil {
			return nil
		}
		if err := m.addDER(block.Bytes); err != nil {
			return err
		}
		data = rest
	}
}

func (m *Mirror) addDER(der []byte) error {
	if list := parseCRL(der); list != nil {
		m.addList(list, der, false)
		return nil
	}
	if certificate, err := x509.ParseCertificate(der); err == nil {
		m.addCertificate(certificate)
		return nil
	}
	if answer := parseOCSP(der); answer != nil {
		m.addAnswer(answer, der, false)
		return nil
	}
	return errNoMaterial
}

func (m *Mirror) addCertificate(certificate *x509.Certificate) {
	name := nameKey(certificate.RawSubject)
	if !slices.ContainsFunc(m.certificates[name], certificate.Equal) {
		m.certificates[name] = append(m.certificates[name], certificate)
		m.counts[0]++
	}
}

func (m *Mirror) addList(list *crl, raw []byte, dated bool) {
	if list != nil {
		m.lists[list.issuer] = append(m.lists[list.issuer], heldList{crl: list, raw: raw, dated: dated})
		m.counts[1]++
	}
}

func (m *Mirror) addAnswer(answer *ocspResponse, raw []byte, dated bool) {
	if answer != nil {
		m.answers = append(m.answers, heldAnswer{ocspResponse: answer, raw: raw, dated: dated})
		m.counts[2]++
	}
}

// maxAlong bounds the lists, and the responses, that come with one signature.
const maxAlong = 128

// material is what one judgement can draw on: what came along, then the mirror.
type material struct {
	validator    *Validator
	kept         *Mirror
	certificates map[string][]*x509.Certificate
	lists        map[string][]heldList
	answers      []heldAnswer
	along        map[*x509.Certificate]bool
}

// collect reads what came along; parsed lists are remembered, for they can be long.
func (v *Validator) collect(c *Case) *material {
	m := &material{
		validator: v, kept: c.Kept, certificates: map[string][]*x509.Certificate{}, lists: map[string][]heldList{},
		along: map[*x509.Certificate]bool{},
	}
	for _, candidate := range c.Candidates {
		m.add(candidate)
	}
	for _, der := range c.CRLs[:min(len(c.CRLs), maxAlong)] {
		if list := remembered(v.lists, der, parseCRL); list != nil {
			m.lists[list.issuer] = append(m.lists[list.issuer], heldList{list, der, true, true})
		}
	}
	for _, der := range c.OCSPs[:min(len(c.OCSPs), maxAlong)] {
		if answer := remembered(v.answers, der, parseOCSP); answer != nil {
			m.answers = append(m.answers, heldAnswer{answer, der, true, true})
			for _, certificate := range answer.certificates {
				m.add(certificate)
			}
		}
	}
	return m
}

func (m *material) add(certificate *x509.Certificate) {
	name := nameKey(certificate.RawSubject)
	m.certificates[name] = append(m.certificates[name], certificate)
	m.along[certificate] = true
}

func remembered[V any](cache *generations[[32]byte, *V], der []byte, parse func([]byte) *V) *V {
	if len(der) > maxRemembered {
		return parse(der)
	}
	digest := sha256.Sum256(der)
	if parsed, known := cache.get(digest); known {
		return parsed
	}
	parsed := parse(der)
	cache.put(digest, parsed)
	return parsed
}

// stores are the mirrors to look into behind what came along.
func (m *material) stores() []*Mirror {
	var list []*Mirror
	for _, mirror := range []*Mirror{m.kept, m.validator.options.Mirror} {
		if mirror != nil {
			list = append(list, mirror)
		}
	}
	return list
}

// named returns the certificates of a subject.
func (m *material) named(name string) []*x509.Certificate {
	list := m.certificates[name]
	for _, mirror := range m.stores() {
		list = slices.Concat(list, mirror.certificates[name])
	}
	return list
}

// listsOf returns the lists of an issuer.
func (m *material) listsOf(issuer string) []heldList {
	list := m.lists[issuer]
	for _, mirror := range m.stores() {
		list = slices.Concat(list, mirror.lists[issuer])
	}
	return list
}

func (m *material) allAnswers() []heldAnswer {
	list := m.answers
	for _, mirror := range m.stores() {
		list = slices.Concat(list, mirror.answers)
	}
	return list
}
