package asic

import (
	"context"
	"crypto"
	"errors"
	"io"
	"net/url"
	"slices"
	"strings"

	"github.com/lienthong/lienthong/signing/verdict"
	"github.com/lienthong/lienthong/signing/xmldsig"
)

// maxSignatures of one container are judged.
const maxSignatures = 32

// Options say what signatures are judged by.
type Options struct {
	Judge  xmldsig.Judge      // required
	Tokens verdict.TokenJudge // nil leaves timestamps unjudged
}

// Report is what was found in a container.
type Report struct {
	Signatures []verdict.Signature
	Files      []string // that the signatures that passed cover together
	Findings   []string // about the container as a whole
}

// IsContainer reports whether a file is, or pretends to be, a signature container: an
// archive that begins with a media type, or that has signatures where containers have
// them. The error is a failure to read.
func IsContainer(source io.ReaderAt, size int64) (bool, error) {
	const tail = 64 << 10
	if size < lengthLocal {
		return false, nil
	}
	head, err := readAt(source, 0, min(size, 64))
	if err != nil {
		return false, err
	}
	archived := strings.HasPrefix(string(head), "PK\x03\x04")
	if archived && strings.HasPrefix(string(head[lengthLocal:]), mediaTypeFile) {
		return true, nil
	}
	end, err := readAt(source, max(0, size-tail), min(size, tail))
	if err != nil {
		return false, err
	}
	last := strings.LastIndex(string(end), "PK\x05\x06")
	return last >= 0 && (strings.Contains(string(end), metaFolder+"signature") || strings.Contains(string(end), metaFolder+"ASiC")), nil
}

// Verify judges every signature of a container. A container that breaks a rule has one
// signature that did not pass, so that nobody takes it for unsigned. The error is for
// I/O failures only.
func Verify(ctx context.Context, source io.ReaderAt, size int64, options Options) (Report, error) {
	c, err := Read(source, size)
	if err != nil {
		return refusedReport(err)
	}
	v := &verification{container: c, options: options, digests: map[digestKey][]byte{}}
	if err := v.run(ctx); err != nil {
		return refusedReport(err)
	}
	return v.report, nil
}

// refusedReport turns a refusal into a verdict. Two headers that say different things,
// hidden bytes and the like prove a manipulation; what is merely not supported leaves
// the signatures undecided.
func refusedReport(err error) (Report, error) {
	var refusal *Refusal
	if !errors.As(err, &refusal) {
		return Report{}, err
	}
	s := verdict.Signature{Field: "container", Format: "ASiC", Level: "legacy"}
	problem := verdict.Doubt(verdict.FormatFailure, "%s", refusal.Reason)
	switch refusal.Rule {
	case "layout", "local header", "duplicate name", "directory", "end record", "checksum", "content", "coverage":
		problem = verdict.Fail(verdict.FormatFailure, "%s", refusal.Reason)
	}
	s.Check("container", "", problem)
	return Report{Signatures: []verdict.Signature{s}}, nil
}

type digestKey struct {
	name string
	hash crypto.Hash
}

// verification judges one container.
type verification struct {
	container *Container
	options   Options
	digests   map[digestKey][]byte // each file is hashed once for each function
	report    Report
	covered   [][]string // by signature
}

// run returns a *Refusal for what concerns the container, else a failure to read.
func (v *verification) run(ctx context.Context) error {
	manifests, err := v.readManifests()
	if err != nil {
		return err
	}
	for _, name := range v.container.names(true) {
		switch kindOf(name) {
		case kindXAdES:
			err = v.judgeXML(ctx, name)
		case kindCAdES:
			err = v.judgeCMS(ctx, name, manifests)
		case kindTime:
			v.report.Findings = append(v.report.Findings, "the container has a time assertion, which is not evaluated: "+name)
		case kindUnknown:
			err = refuse("coverage", "has a file among its signatures that is none: %q", name)
		}
		if err != nil {
			return err
		}
		if len(v.report.Signatures) > maxSignatures {
			return refuse("files", "has more than %d signatures", maxSignatures)
		}
	}
	return v.checkCoverage()
}

// The kinds of files in META-INF (EN 319 162-1, 4.3 and 4.4).
type metaKind int

const (
	kindUnknown metaKind = iota
	kindXAdES
	kindCAdES
	kindManifest // of a CAdES signature or of a timestamp
	kindTime
	kindPlain // the manifest of OpenDocument, which nobody signs
)

func kindOf(name string) metaKind {
	base := strings.ToLower(strings.TrimPrefix(name, metaFolder))
	switch {
	case strings.ContainsRune(base, '/') || !strings.HasPrefix(name, metaFolder):
		return kindUnknown
	case strings.Contains(base, "signatures") && strings.HasSuffix(base, ".xml"):
		return kindXAdES
	case strings.Contains(base, "signature") && strings.HasSuffix(base, ".p7s"):
		return kindCAdES
	case strings.HasPrefix(base, "asic") && strings.Contains(base, "manifest") && strings.HasSuffix(base, ".xml"):
		return kindManifest
	case strings.Contains(base, "timestamp") && strings.HasSuffix(base, ".tst"), strings.Contains(base, "evidencerecord"):
		return kindTime
	case base == "manifest.xml", base == "container.xml":
		return kindPlain
	}
	return kindUnknown
}

// judgeXML judges the XAdES signatures of one file over the files of the container.
func (v *verification) judgeXML(ctx context.Context, name string) error {
	data, err := v.container.ReadFile(name, MaxMetaBytes)
	if err != nil {
		return err
	}
	found, err := xmldsig.Verify(ctx, strings.NewReader(string(data)), int64(len(data)), xmldsig.Options{
		Judge: v.options.Judge, Tokens: v.options.Tokens,
		Files: func(ctx context.Context, uri string, hash crypto.Hash) ([]byte, bool, error) {
			file, ok := fileOf(uri)
			if !ok || file == name {
				return nil, false, nil
			}
			return v.digest(ctx, file, hash)
		},
	})
	if err != nil {
		return err
	}
	if len(found.Signatures) == 0 {
		return refuse("coverage", "has a file of signatures without a signature: %q", name)
	}
	for i := range found.Signatures {
		s := found.Signatures[i]
		s.Field = name + ", " + s.Field
		var files []string
		for _, uri := range found.Details[i].Files {
			file, _ := fileOf(uri)
			files = append(files, file)
		}
		v.add(s, files)
	}
	return nil
}

// fileOf returns the name that a reference leads to, relative to the container.
func fileOf(uri string) (string, bool) {
	if strings.ContainsAny(uri, "?#") {
		return "", false
	}
	name, err := url.PathUnescape(strings.TrimPrefix(uri, "./"))
	return name, err == nil && checkName(name) == nil
}

// digest hashes a file of the container.
func (v *verification) digest(ctx context.Context, name string, hash crypto.Hash) ([]byte, bool, error) {
	key := digestKey{name, hash}
	if sum, known := v.digests[key]; known {
		return sum, true, nil
	}
	content := v.container.Open(name)
	if content == nil {
		return nil, false, nil
	}
	sum := hash.New()
	for {
		if err := ctx.Err(); err != nil {
			return nil, false, err
		}
		if _, err := io.CopyN(sum, content, 1<<20); errors.Is(err, io.EOF) {
			v.digests[key] = sum.Sum(nil)
			return v.digests[key], true, nil
		} else if err != nil {
			return nil, false, err
		}
	}
}

// add takes a signature over files into the report.
func (v *verification) add(s verdict.Signature, files []string) {
	if len(files) == 0 && s.Problem == nil {
		s.Note(verdict.Doubt(verdict.SignedDataNotFound, "the signature is over none of the files in the container"))
	}
	s.CoversWhole = true
	for _, name := range v.container.Names() {
		s.CoversWhole = s.CoversWhole && slices.Contains(files, name)
	}
	s.Revision, s.Revisions = 1, 1
	v.report.Signatures = append(v.report.Signatures, s)
	v.covered = append(v.covered, files)
}

// checkCoverage requires that each file is covered. A file that no signature covers was
// put in by somebody else, and makes all of them fail: a reader sees one container. One
// that only signatures cover that did not pass leaves the others undecided: it must not
// ride along under the name of who signed the rest.
func (v *verification) checkCoverage() error {
	names := v.container.Names()
	if v.container.MediaType == MediaTypeS && len(names) != 1 {
		return refuse("coverage", "is for one file and has %d", len(names))
	}
	all := slices.Concat(v.covered...)
	passed, sound := v.passed()
	for _, name := range names {
		switch {
		case slices.Contains(sound, name):
			v.report.Files = append(v.report.Files, name)
		case slices.Contains(all, name):
			for _, s := range passed {
				s.Check("coverage", "",
					verdict.Doubt(verdict.FormatFailure, "the container has the file %q, which no signature covers that passed", name))
			}
		default:
			for i := range v.report.Signatures {
				v.report.Signatures[i].Check("coverage", "",
					verdict.Fail(verdict.FormatFailure, "the container has the file %q, which is not covered by what was signed", name))
			}
		}
	}
	return nil
}

// passed returns the signatures that passed, and the files that they cover together.
func (v *verification) passed() (signatures []*verdict.Signature, files []string) {
	for i := range v.report.Signatures {
		if s := &v.report.Signatures[i]; s.Problem == nil {
			signatures, files = append(signatures, s), append(files, v.covered[i]...)
		}
	}
	return signatures, files
}
