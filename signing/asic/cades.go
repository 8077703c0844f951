package asic

import (
	"context"

	"github.com/lienthong/lienthong/signing/c14n"
	"github.com/lienthong/lienthong/signing/cms"
	"github.com/lienthong/lienthong/signing/verdict"
)

// manifest is an ASiCManifest: what one signature is over.
type manifest struct {
	name      string
	content   []byte
	signature string // name of the signature or timestamp over it
	files     []listed
	problem   *verdict.Problem // why it cannot be used
}

// listed is one file of a manifest.
type listed struct {
	name   string
	method string
	sum    []byte
}

// readManifests reads every manifest. Two for one signature are refused.
func (v *verification) readManifests() ([]*manifest, error) {
	var list []*manifest
	for _, name := range v.container.names(true) {
		if kindOf(name) != kindManifest {
			continue
		}
		content, err := v.container.ReadFile(name, MaxMetaBytes)
		if err != nil {
			return nil, err
		}
		m := readManifest(name, content)
		for _, other := range list {
			if other.signature == m.signature && m.signature != "" {
				return nil, refuse("coverage", "has two manifests for %q", m.signature)
			}
		}
		list = append(list, m)
	}
	return list, nil
}

func readManifest(name string, content []byte) *manifest {
	m := &manifest{name: name, content: content}
	doubt := func(format string, args ...any) *manifest {
		m.problem = verdict.Doubt(verdict.FormatFailure, "the manifest "+name+" "+format, args...)
		return m
	}
	document, err := c14n.Parse(content)
	if err != nil {
		return doubt("is not XML as it should be: %v", err)
	}
	if !document.Root.Is(asicNamespace, "ASiCManifest") {
		return doubt("is of a kind that is not known")
	}
	for _, e := range document.Root.Elements() {
		switch {
		case e.Is(asicNamespace, "SigReference") && m.signature == "" && len(m.files) == 0:
			uri, _ := e.Attribute("URI")
			m.signature, _ = fileOf(uri)
		case e.Is(asicNamespace, "DataObjectReference"):
			file, ok := readListed(e)
			if !ok {
				return doubt("has an entry that cannot be read")
			}
			m.files = append(m.files, file)
		default:
			return doubt("has an unexpected element %q", e.Local)
		}
	}
	if len(m.files) > MaxFiles {
		return doubt("lists more than %d files", MaxFiles)
	}
	return m
}

func readListed(e *c14n.Element) (listed, bool) {
	method, value := e.Child(dsigNamespace, "DigestMethod"), e.Child(dsigNamespace, "DigestValue")
	uri, _ := e.Attribute("URI")
	name, ok := fileOf(uri)
	if !ok || method == nil || value == nil {
		return listed{}, false
	}
	l := listed{name: name}
	l.method, _ = method.Attribute("Algorithm")
	text, plain := value.PlainText()
	l.sum, ok = decodeBase64(text)
	return l, ok && plain
}

// judgeCMS judges a CAdES signature: over its manifest, or in a container for one file
// over that file.
func (v *verification) judgeCMS(ctx context.Context, name string, manifests []*manifest) error {
	der, err := v.container.ReadFile(name, MaxMetaBytes)
	if err != nil {
		return err
	}
	s := verdict.Signature{Field: name, Format: "CAdES", Level: "legacy"}
	message, problem := cms.Parse(der)
	if !s.Check("format", "", problem) {
		v.add(s, nil)
		return nil
	}
	s.Algorithm = message.Algorithm()
	hash, problem := message.Hash()
	if !s.Check("algorithms", s.Algorithm, problem) {
		v.add(s, nil)
		return nil
	}
	var files []string
	sum := hash.New()
	if m := manifestFor(name, manifests); m != nil {
		sum.Write(m.content)
		s.Check("content digest", "the manifest is unchanged", message.CheckDigest(sum.Sum(nil)))
		if files, err = v.checkManifest(ctx, &s, m); err != nil {
			return err
		}
	} else if names := v.container.Names(); v.container.MediaType == MediaTypeS && len(names) == 1 {
		digest, _, err := v.digest(ctx, names[0], hash)
		if err != nil {
			return err
		}
		s.Check("content digest", "the file is unchanged", message.CheckDigest(digest))
		files = names
	} else {
		s.Check("content digest", "", verdict.Doubt(verdict.SignedDataNotFound, "no manifest says what the signature is over"))
	}
	v.judgeSigner(&s, message)
	v.add(s, files)
	return nil
}

func manifestFor(signature string, manifests []*manifest) *manifest {
	for _, m := range manifests {
		if m.signature == signature {
			return m
		}
	}
	return nil
}

// checkManifest compares the listed files and returns those that are unchanged.
func (v *verification) checkManifest(ctx context.Context, s *verdict.Signature, m *manifest) ([]string, error) {
	if !s.Check("manifest", m.name, m.problem) {
		return nil, nil
	}
	var files []string
	seen := map[string]bool{}
	for _, l := range m.files {
		problem := v.checkTwice(seen, l.name)
		hash := digestOf(l.method)
		if problem == nil && hash == 0 {
			problem = verdict.Weak(l.method, "the digest method %q of the manifest is not accepted", l.method)
		}
		if problem == nil {
			digest, found, err := v.digest(ctx, l.name, hash)
			if err != nil {
				return nil, err
			}
			problem = compare(l, digest, found)
		}
		if problem != nil {
			s.Check("file", "", problem)
			continue
		}
		files = append(files, l.name)
	}
	return files, nil
}

func (v *verification) checkTwice(seen map[string]bool, name string) *verdict.Problem {
	if seen[name] {
		return verdict.Fail(verdict.FormatFailure, "the manifest lists %q twice", name)
	}
	seen[name] = true
	return nil
}

// judgeSigner checks the cryptographic message, its signer and the signer's path.
func (v *verification) judgeSigner(s *verdict.Signature, message *cms.Message) {
	s.Check("strength", "", message.CheckStrength())
	s.Claimed = message.SigningTime
	signer, problem := message.Signer()
	if !s.Check("signer", "", problem) {
		return
	}
	s.Signer = signer
	s.Check("signing certificate reference", "", message.CheckSigningCertificate(signer, true))
	if message.HasSigningCertificate() {
		s.Level = "B-B"
	}
	sound := s.Check("signature value", "verifies with the key of the signing certificate", message.CheckSignature(signer))
	along := verdict.Material{Certificates: message.Certificates, CRLs: message.CRLs, OCSPs: message.OCSPs}
	var tokens []verdict.Token
	for _, token := range message.Tokens {
		tokens = append(tokens, verdict.Token{DER: token, Stamped: message.Value()})
	}
	stamps := s.JudgeTokens(tokens, v.options.Tokens, along)
	if !sound {
		stamps = nil
	}
	v.options.Judge(s, along, stamps)
	s.Raise(stamps)
}
