package pdfsig

import (
	"errors"

	"github.com/lienthong/lienthong/signing/verdict"
)

// signature is a signature dictionary that passed the gate.
type signature struct {
	dict     dict
	object   located
	contents []byte
	low      int64 // the first range is [0, low)
	high     int64 // the second one is [high, end)
	end      int64
	revision int // that it covers, from 0
}

// subFilter names the encoding of the signature value.
func (s *signature) subFilter() string {
	filter, _ := s.dict["SubFilter"].(name)
	return string(filter)
}

// isTimestamp reports whether it is a document timestamp.
func (s *signature) isTimestamp() bool {
	return s.subFilter() == subFilterTimestamp || s.dict["Type"] == name("DocTimeStamp")
}

// gate decides whether the signature of a field covers exactly one whole revision,
// except its own value: the ranges are [0, value) and (value, end of the revision],
// the gap is the hexadecimal token of its own /Contents and nothing else, and the
// dictionary is plain bytes of that revision, by itself or inside its field; so are
// range and value. What passes here cannot hide bytes.
func (v view) gate(f field) (*signature, *verdict.Problem, error) {
	at := f.value
	if f.loose {
		at = f.at
	}
	e, revision, ok := v.defined(at.number)
	if !ok {
		return nil, verdict.Fail(verdict.FormatFailure, "the signature dictionary is missing"), nil
	}
	if e.kind == entryCompressed {
		return nil, verdict.Fail(verdict.FormatFailure, "the signature dictionary is in an object stream"), nil
	}
	found, err := v.lookup(at)
	var structure *structureError
	if errors.As(err, &structure) {
		return nil, verdict.Fail(verdict.FormatFailure, "the signature dictionary cannot be read: %s", structure.reason), nil
	}
	if err != nil {
		return nil, nil, err
	}
	value := found.object
	if f.loose {
		value = dictOf(value)["V"]
	}
	d, ok := value.(dict)
	if !ok {
		return nil, verdict.Fail(verdict.FormatFailure, "the signature is not a dictionary"), nil
	}
	s := &signature{dict: d, object: found, revision: revision}
	in := view{v.file, revision}
	ranges, err := in.signedObject(d["ByteRange"])
	if err != nil {
		return nil, nil, err
	}
	contents, err := in.signedObject(d["Contents"])
	if err != nil {
		return nil, nil, err
	}
	if problem := s.readRanges(ranges, contents); problem != nil {
		return nil, problem, nil
	}
	if problem := s.checkCoverage(v.revisions[revision]); problem != nil {
		return nil, problem, nil
	}
	return s, nil, nil
}

// signedObject returns a value that stands in the dictionary, or in an object of its
// own that is plain bytes of the same revision; nil for any other.
func (v view) signedObject(o object) (object, error) {
	r, ok := o.(ref)
	if !ok {
		return o, nil
	}
	e, by, ok := v.defined(r.number)
	if !ok || by != v.revision || e.kind == entryCompressed {
		return nil, nil
	}
	found, err := v.lookup(r)
	var structure *structureError
	if errors.As(err, &structure) || found.start < v.revisions[by].start || found.end > v.revisions[by].eof {
		return nil, nil
	}
	return found.object, err
}

// readRanges reads /ByteRange and /Contents and compares them.
func (s *signature) readRanges(ranges, value object) *verdict.Problem {
	list, ok := ranges.(array)
	if !ok || len(list) != 4 {
		return verdict.Fail(verdict.FormatFailure, "the signature has no byte range of two parts")
	}
	var numbers [4]int64
	for i, o := range list {
		if numbers[i], ok = o.(int64); !ok || numbers[i] < 0 || numbers[i] > 1<<50 {
			return verdict.Fail(verdict.FormatFailure, "the byte range of the signature is malformed")
		}
	}
	contents, ok := value.(*text)
	if !ok || !contents.hex {
		return verdict.Fail(verdict.FormatFailure, "the signature has no value in hexadecimal")
	}
	s.low, s.high, s.end = numbers[1], numbers[2], numbers[2]+numbers[3]
	if numbers[0] != 0 || s.low != contents.start || s.high != contents.end {
		return verdict.Fail(verdict.FormatFailure, "the byte range leaves out more than the value of the signature")
	}
	if int64(2*len(contents.value)+2) != contents.end-contents.start {
		return verdict.Fail(verdict.FormatFailure, "the value of the signature has an odd digit or white space")
	}
	if isZero(contents.value) {
		return verdict.Fail(verdict.FormatFailure, "the signature has no value")
	}
	s.contents = contents.value
	return nil
}

func isZero(value []byte) bool {
	for _, b := range value {
		if b != 0 {
			return false
		}
	}
	return true
}

// checkCoverage requires the second range to end where the revision of the
// dictionary ends.
func (s *signature) checkCoverage(r *revision) *verdict.Problem {
	switch {
	case s.object.start < r.start || s.object.end > r.eof || s.low < r.start || s.high > r.eof:
		return verdict.Fail(verdict.FormatFailure, "the signature dictionary is not in the revision that it signs")
	case s.end < r.eof || s.end > r.end:
		return verdict.Fail(verdict.FormatFailure, "the byte range does not end at the end of the revision")
	}
	return nil
}
