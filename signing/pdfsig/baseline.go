package pdfsig

import (
	"bytes"
	"context"
	"crypto"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"time"

	"github.com/lienthong/lienthong/signing/appearance"
	"github.com/lienthong/lienthong/signing/cms"
)

const (
	// maxSignedSize is what the offsets of a cross-reference table can name.
	maxSignedSize = 9_999_999_999 - 64<<20
	// messageRoom is kept for the message besides its certificates, tokenRoom for a
	// timestamp. Where they do not do, the revision is made again with more.
	messageRoom = 2 << 10
	tokenRoom   = 8 << 10
	maxRoom     = 1 << 20
)

// signer is the making of one baseline signature.
type signer struct {
	request SignRequest
	maker   cms.Maker
	source  io.ReaderAt
	size    int64
	*examination
	place place
	look  *appearance.Drawing
	whole hash.Cloner // SHA-256 of the file as copied, for a document timestamp; nil below level B-LTA
}

// signBaseline appends a signature of the PAdES baseline profile. The file is read
// and copied once, in pieces; only what is added is held in memory.
func signBaseline(ctx context.Context, source io.ReaderAt, size int64, out io.Writer, request SignRequest) error {
	s := &signer{request: request, source: source, size: size, maker: cms.Maker{Key: request.Key, Chain: request.Chain, PSS: request.PSS}}
	if request.Level == LevelT || request.Level.long() {
		s.maker.Stamp = request.Stamp
	}
	if err := s.maker.Check(); err != nil {
		return reject("key", "%s", err)
	}
	if err := s.prepare(); err != nil {
		return asSignError(err)
	}
	state, err := s.copy(ctx, out)
	if err != nil {
		return err
	}
	signed, err := s.sign(ctx, state)
	if err != nil {
		return asSignError(err)
	}
	revision := signed.revision
	if request.Level.long() {
		stored, err := s.store(ctx, revision, signed.valueOf())
		if err != nil {
			return asSignError(err)
		}
		revision = append(revision, stored...)
	}
	if request.Level == LevelLTA {
		stamp, err := s.archive(ctx, revision)
		if err != nil {
			return asSignError(err)
		}
		revision = append(revision, stamp...)
	}
	if _, err := out.Write(revision); err != nil {
		return fmt.Errorf("sign PDF: write the signature: %w", err)
	}
	return nil
}

// readFile reads the file and refuses what must not or cannot be signed.
func (s *signer) readFile() error {
	if s.size > maxSignedSize {
		return reject("size", "files of more than %d bytes cannot be signed", int64(maxSignedSize))
	}
	f, err := open(s.source, s.size)
	if err != nil {
		return err
	}
	s.examination = &examination{file: f, report: &Report{}}
	for _, r := range f.revisions {
		if _, encrypted := r.trailer()["Encrypt"]; encrypted {
			return reject("encrypted", "the file is encrypted; encrypted files cannot be signed")
		}
		for _, section := range r.sections {
			if section.hidden != nil {
				return reject("hybrid", "the file has two kinds of cross-reference side by side (hybrid), which readers take differently; save it anew before it is signed")
			}
		}
	}
	if err := s.findCandidates(); err != nil {
		return err
	}
	return s.checkPermission()
}

// prepare does all that can be refused before anything is written.
func (s *signer) prepare() error {
	err := s.readFile()
	if err != nil {
		return err
	}
	if s.place, err = s.latest().choosePlace(s.request); err != nil {
		return err
	}
	if s.look, err = s.drawing(); err != nil {
		return err
	}
	// A first look with an empty value: does the revision leave every earlier
	// signature as valid as it was?
	draft, err := s.draft(messageRoom)
	if err != nil {
		return err
	}
	return s.checkRevision(joined{s.source, s.size, draft.revision}, s.place.name)
}

// checkPermission refuses what a certification forbids, by its name.
func (s *signer) checkPermission() error {
	c := s.certification
	switch {
	case s.request.Certify < 0 || s.request.Certify > permitNotes:
		return reject("permission", "the level of a certification is 1, 2 or 3, not %d", s.request.Certify)
	case s.request.Certify > 0 && len(s.candidates) > 0:
		return reject("permission", "only the first signature of a document can certify it, and there are %d already", len(s.candidates))
	case c != nil && c.permission.level == permitNothing:
		return reject("permission", "the document is certified (field %q) so that nothing may follow; it cannot be signed again", c.field.name)
	}
	return nil
}

// draft is a revision with room for the value of a signature.
type draft struct {
	revision  []byte
	low, high int // the value with its delimiters, in the revision
}

// draft builds the revision.
func (s *signer) draft(room int) (draft, error) {
	i, err := newIncrement(s.latest())
	if err != nil {
		return draft{}, err
	}
	look := i.addLook(s.look)
	value := i.reserve()
	if err := i.placeField(s.place, value, look); err != nil {
		return draft{}, err
	}
	if s.request.Certify > 0 {
		permissions, err := i.base.dict(i.catalog["Perms"])
		if err != nil {
			return draft{}, err
		}
		i.setCatalog("Perms", with(permissions, "DocMDP", value))
	}
	d := i.writeValue(value, s.dictionary(), room)
	d.revision = i.finish()
	d.setRanges(s.size)
	return d, nil
}

func with(d dict, key name, value object) dict {
	changed := without(d)
	changed[key] = value
	return changed
}

// rangeMark is the room for a byte range; its numbers are known when the revision
// is complete.
const rangeMark = "/ByteRange[0 ********** ********** **********]"

// writeValue writes the signature dictionary: the byte range first, so that it is
// found where the value begins.
func (i *increment) writeValue(at ref, d dict, room int) draft {
	i.begin(at)
	i.out.WriteString("<<" + rangeMark + "/Contents")
	value := draft{low: i.out.Len()}
	i.out.WriteByte('<')
	// No value is refused as no signature; this one is only no message.
	i.out.Write(bytes.Repeat([]byte("F"), 2*room))
	i.out.WriteByte('>')
	value.high = i.out.Len()
	var rest encoder
	rest.dict(d)
	i.out.Write(bytes.TrimPrefix(rest.Bytes(), []byte("<<")))
	i.end()
	return value
}

// setRanges fills in the byte range.
func (d *draft) setRanges(base int64) {
	low, high, end := base+int64(d.low), base+int64(d.high), base+int64(len(d.revision))
	place := d.low - len("/Contents") - len(rangeMark)
	numbers := fmt.Sprintf("/ByteRange[0 %d %d %d", low, high, end-high)
	copy(d.revision[place:], fmt.Sprintf("%-*s]", len(rangeMark)-1, numbers))
}

// digest returns that of the byte range, given the state behind the file before it.
func (d *draft) digest(before hash.Cloner) ([]byte, error) {
	h, err := before.Clone()
	if err != nil {
		return nil, fmt.Errorf("sign PDF: copy the digest: %w", err)
	}
	h.Write(d.revision[:d.low])
	h.Write(d.revision[d.high:])
	return h.Sum(nil), nil
}

// setValue fills in the value; it reports whether there was room.
func (d *draft) setValue(value []byte) bool {
	room := d.revision[d.low+1 : d.high-1]
	if 2*len(value) > len(room) {
		return false
	}
	for i := hex.Encode(room, value); i < len(room); i++ {
		room[i] = '0'
	}
	return true
}

// dictionary is the signature dictionary besides range and value (ETSI EN 319
// 142-1, 6.3: /M and no /Cert).
func (s *signer) dictionary() dict {
	r := s.request
	signerName := r.Name
	if signerName == "" {
		signerName = r.Chain[0].Subject.CommonName
	}
	d := dict{
		"Type": name("Sig"), "Filter": name("Adobe.PPKLite"), "SubFilter": name(subFilterBaseline),
		"M": &text{value: []byte(pdfDate(r.Time))}, "Name": textOf(signerName),
	}
	for key, value := range map[name]string{"Reason": r.Reason, "Location": r.Location, "ContactInfo": r.ContactInfo} {
		if value != "" {
			d[key] = textOf(value)
		}
	}
	var transforms array
	if r.Certify > 0 {
		transforms = append(transforms, transform("DocMDP", dict{"P": int64(r.Certify)}))
	}
	if s.place.field != nil {
		if frozen := dictOf(s.latestObject(s.place.field.dict["Lock"])); frozen != nil {
			parameters := dict{}
			for _, key := range []name{"Action", "Fields"} {
				if frozen[key] != nil {
					parameters[key] = frozen[key]
				}
			}
			transforms = append(transforms, transform("FieldMDP", parameters))
		}
	}
	if transforms != nil {
		d["Reference"] = transforms
	}
	return d
}

// latestObject resolves what was read before without an error.
func (s *signer) latestObject(o object) object {
	resolved, err := s.latest().resolve(o)
	if err != nil {
		return nil
	}
	return resolved
}

func transform(method name, parameters dict) dict {
	parameters["Type"], parameters["V"] = name("TransformParams"), name("1.2")
	return dict{"Type": name("SigRef"), "TransformMethod": method, "TransformParams": parameters}
}

// pdfDate writes a time in its own zone (ISO 32000-1, 7.9.4).
func pdfDate(at time.Time) string {
	zone := at.Format("-07'00'")
	return "D:" + at.Format("20060102150405") + zone
}

// checkRevision has the verifier of this package judge the last revision as it will
// judge the signed file: a new signature must pass the gate, and every earlier one
// must permit what the revision does. The check comes before the key is used. The
// field is that of the new signature or document timestamp, where there is one.
func (s *signer) checkRevision(after joined, field string) error {
	f, err := open(after, after.length())
	if err != nil {
		return err
	}
	e := &examination{file: f, report: &Report{}}
	if err := e.findCandidates(); err != nil {
		return err
	}
	last := len(f.revisions) - 1
	for _, c := range e.candidates {
		if c.field.name == field && c.gated == nil {
			return reject("structure", "the signature would not hold in this file: %s", c.problem.Reason)
		}
	}
	earlier := slices.DeleteFunc(e.candidates, func(c *candidate) bool { return c.gated == nil || c.gated.revision == last })
	if len(earlier) == 0 {
		return nil
	}
	made, err := f.compareRevision(last)
	if err != nil {
		return err
	}
	certified := e.certifiedBefore(last)
	for _, c := range earlier {
		if problem := c.permission.permits(made, certified); problem != nil {
			return reject("permission", "the signature in field %q does not permit it: %s", c.field.name, problem.Reason)
		}
	}
	return nil
}

// copy writes the file to out while it is hashed, and returns the state.
func (s *signer) copy(ctx context.Context, out io.Writer) (hash.Cloner, error) {
	function, err := s.maker.Hash()
	if err != nil {
		return nil, reject("key", "%s", err)
	}
	state, err := cloner(function)
	if err != nil {
		return nil, err
	}
	to := io.MultiWriter(out, state)
	if s.request.Level == LevelLTA {
		if s.whole, err = cloner(crypto.SHA256); err != nil {
			return nil, err
		}
		to = io.MultiWriter(out, state, s.whole)
	}
	buffer := make([]byte, chunkBytes)
	for offset := int64(0); offset < s.size; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		n, err := s.source.ReadAt(buffer[:min(int64(len(buffer)), s.size-offset)], offset)
		if n == 0 {
			return nil, fmt.Errorf("sign PDF: read the file: %w", shortRead(err))
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return nil, fmt.Errorf("sign PDF: write the copy: %w", err)
		}
		offset += int64(n)
	}
	return state, nil
}

func cloner(function crypto.Hash) (hash.Cloner, error) {
	state, ok := function.New().(hash.Cloner)
	if !ok {
		return nil, errors.New("sign PDF: the hash function cannot be copied")
	}
	return state, nil
}

// sign makes the value and returns the signed revision. A message that is larger
// than expected, as with a long-winded timestamp, gets a revision with more room.
func (s *signer) sign(ctx context.Context, state hash.Cloner) (draft, error) {
	room := messageRoom
	for _, certificate := range s.request.Chain {
		room += len(certificate.Raw)
	}
	if s.maker.Stamp != nil {
		room += tokenRoom
	}
	for room <= maxRoom {
		d, err := s.draft(room)
		if err != nil {
			return draft{}, err
		}
		digest, err := d.digest(state)
		if err != nil {
			return draft{}, err
		}
		value, err := s.maker.Sign(ctx, digest, time.Time{})
		if err != nil {
			return draft{}, fmt.Errorf("sign PDF: %w", err)
		}
		if d.setValue(value) {
			return d, nil
		}
		room = len(value) + messageRoom
	}
	return draft{}, reject("size", "the signature value takes more than %d bytes", maxRoom)
}
