package cms_test

import (
	"bytes"
	"crypto"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/lienthong/lienthong/signing/cms"
	"github.com/lienthong/lienthong/signing/verdict"
)

// judge runs all the checks in the order of a verifier and returns the first problem.
func judge(der, signed []byte, baseline bool) (*cms.Message, *verdict.Problem) {
	m, problem := cms.Parse(der)
	if problem != nil {
		return nil, problem
	}
	hash, problem := m.Hash()
	if problem != nil {
		return m, problem
	}
	digest := hash.New()
	digest.Write(signed)
	if problem := m.CheckDigest(digest.Sum(nil)); problem != nil {
		return m, problem
	}
	signer, problem := m.Signer()
	if problem != nil {
		return m, problem
	}
	if problem := m.CheckSigningCertificate(signer, baseline); problem != nil {
		return m, problem
	}
	if problem := m.CheckSignature(signer); problem != nil {
		return m, problem
	}
	return m, m.CheckStrength()
}

func sumOf(hash crypto.Hash) []byte {
	digest := hash.New()
	digest.Write(content)
	return digest.Sum(nil)
}

// withHash changes the digest algorithm of a message, and its digest with it.
func withHash(m *message, hash crypto.Hash, signature string) *message {
	m.hash = hash
	m.attributes[1] = digestAttribute(sumOf(hash))
	m.signature = algorithm(signature)
	return m
}

func TestAlgorithmsThatPass(t *testing.T) {
	p256, p384, p521 := newIdentity(t, ecKey(t, elliptic.P256())), newIdentity(t, ecKey(t, elliptic.P384())), newIdentity(t, ecKey(t, elliptic.P521()))
	r := newIdentity(t, rsaKey(t))
	withPSS := func(hash crypto.Hash, salt int) *message {
		m := withHash(newMessage(r), hash, "1.2.840.113549.1.1.10")
		m.signature = pss(digestAlgorithms[hash], digestAlgorithms[hash], int64(salt), 1)
		m.sign = func(sum []byte) ([]byte, error) {
			return r.key.Sign(rand.Reader, sum, &rsa.PSSOptions{SaltLength: salt, Hash: hash})
		}
		return m
	}
	cases := map[string]struct {
		message *message
		name    string
	}{
		"P-256":             {newMessage(p256), "ECDSA with SHA-256"},
		"P-384":             {withHash(newMessage(p384), crypto.SHA384, "1.2.840.10045.4.3.3"), "ECDSA with SHA-384"},
		"P-521":             {withHash(newMessage(p521), crypto.SHA512, "1.2.840.10045.4.3.4"), "ECDSA with SHA-512"},
		"P-256 ecPublicKey": {withHash(newMessage(p256), crypto.SHA256, "1.2.840.10045.2.1"), "ECDSA with SHA-256"},
		"RSA":               {newMessage(r), "RSA with SHA-256"},
		"sha384WithRSA":     {withHash(newMessage(r), crypto.SHA384, "1.2.840.113549.1.1.12"), "RSA with SHA-384"},
		"sha512WithRSA":     {withHash(newMessage(r), crypto.SHA512, "1.2.840.113549.1.1.13"), "RSA with SHA-512"},
		"sha224WithRSA":     {withHash(newMessage(r), crypto.SHA224, "1.2.840.113549.1.1.14"), "RSA with SHA-224"},
		"RSA SHA3-256":      {withHash(newMessage(r), crypto.SHA3_256, "2.16.840.1.101.3.4.3.14"), "RSA with SHA3-256"},
		"P-384 SHA3-384":    {withHash(newMessage(p384), crypto.SHA3_384, "2.16.840.1.101.3.4.3.11"), "ECDSA with SHA3-384"},
		"P-521 SHA3-512":    {withHash(newMessage(p521), crypto.SHA3_512, "2.16.840.1.101.3.4.3.12"), "ECDSA with SHA3-512"},
		"PSS SHA-256":       {withPSS(crypto.SHA256, 32), "RSA-PSS with SHA-256"},
		"PSS SHA-512":       {withPSS(crypto.SHA512, 64), "RSA-PSS with SHA-512"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			m, problem := judge(c.message.build(t), content, true)
			if problem != nil {
				t.Fatal(problem)
			}
			if m.Algorithm() != c.name {
				t.Errorf("called %q, want %q", m.Algorithm(), c.name)
			}
		})
	}
}

func TestFormsThatPass(t *testing.T) {
	signer := newIdentity(t, ecKey(t, elliptic.P256()))
	other := newIdentity(t, ecKey(t, elliptic.P256()))
	other.certificate.SerialNumber = big.NewInt(1)
	build := func(change func(m *message)) []byte {
		m := newMessage(signer)
		change(m)
		return m.build(t)
	}
	cases := map[string][]byte{
		"signer by key id":    build(func(m *message) { m.byKeyID = true }),
		"without ESS, legacy": build(func(m *message) { m.attributes = m.attributes[:2] }),
		"signing time":        build(func(m *message) { m.attributes = append(m.attributes, timeAttribute(now)) }),
		"ESS version 1":       build(func(m *message) { m.attributes[2] = essAttribute(signer.certificate, 1) }),
		"odd version":         build(func(m *message) { m.version = 3 }),
		"issuer in another string type": build(func(m *message) {
			m.issuer = nameInBMP("Người ký")
		}),
		"certificate twice": build(func(m *message) { m.bag = append(m.bag, signer.certificate.Raw) }),
		"unreadable certificate beside": build(func(m *message) {
			m.bag = append(m.bag, []byte{0x30, 0x03, 0x02, 0x01, 0x01})
		}),
		"timestamp": build(func(m *message) { m.unsigned = [][]byte{attribute("1.2.840.113549.1.9.16.2.14", octets([]byte{1}))} }),
	}
	for name, der := range cases {
		t.Run(name, func(t *testing.T) {
			m, problem := judge(der, content, false)
			if problem != nil {
				t.Fatal(problem)
			}
			if m.SigningTime.IsZero() == (name == "signing time") || m.Timestamped != (name == "timestamp") || len(m.Tokens) > 0 != m.Timestamped {
				t.Errorf("signing time %v, timestamp %v", m.SigningTime, m.Timestamped)
			}
		})
	}
}

// A signing time is a claim: however it is written, the signature is as good as without.
func TestSigningTimes(t *testing.T) {
	signer := newIdentity(t, ecKey(t, elliptic.P256()))
	for name, c := range map[string]struct {
		tag  asn1.Tag
		text string
		want time.Time
	}{
		"short":                   {asn1.UTCTime, "261123030000Z", now},
		"long":                    {asn1.GeneralizedTime, "20261123030000Z", now},
		"with a zone":             {asn1.GeneralizedTime, "20261123100000+0700", now},
		"a fraction of a second":  {asn1.GeneralizedTime, "20261123030000.25Z", now.Add(250 * time.Millisecond)},
		"a fraction, with a zone": {asn1.GeneralizedTime, "20261123100000.123+0700", now.Add(123 * time.Millisecond)},
		"no such day":             {asn1.GeneralizedTime, "20261323030000Z", time.Time{}},
		"short, no such day":      {asn1.UTCTime, "261323030000Z", time.Time{}},
		"short with a fraction":   {asn1.UTCTime, "261123030000.5Z", time.Time{}},
	} {
		m := newMessage(signer)
		m.attributes = append(m.attributes, attribute("1.2.840.113549.1.9.5", func(b *cryptobyte.Builder) {
			b.AddASN1(c.tag, func(b *cryptobyte.Builder) { b.AddBytes([]byte(c.text)) })
		}))
		got, problem := judge(m.build(t), content, true)
		switch {
		case problem != nil:
			t.Errorf("%s: %v", name, problem)
		case !got.SigningTime.Equal(c.want) || !got.HasSigningTime():
			t.Errorf("%s: %v", name, got.SigningTime)
		}
	}
}

func TestMessagesThatDoNotPass(t *testing.T) {
	signer, other := newIdentity(t, ecKey(t, elliptic.P256())), newIdentity(t, ecKey(t, elliptic.P384()))
	withRSA, foreign := newIdentity(t, rsaKey(t)), newIdentity(t, ecKey(t, elliptic.P256()))
	swapped := newIdentity(t, signer.key) // the same key, another certificate with equal names
	failed, doubt := verdict.Failed, verdict.Indeterminate
	cases := map[string]struct {
		by         identity
		change     func(m *message)
		indication verdict.Indication
		sub        verdict.Sub
	}{
		"no signed attributes":    {signer, func(m *message) { m.noAttributes = true }, failed, verdict.FormatFailure},
		"content inside":          {signer, func(m *message) { m.econtent = content }, failed, verdict.FormatFailure},
		"content of another type": {signer, func(m *message) { m.contentType = oidOf("1.2.840.113549.1.9.16.1.4") }, failed, verdict.FormatFailure},
		"two signers":             {signer, func(m *message) { m.signers = 2 }, failed, verdict.FormatFailure},
		"no signer":               {signer, func(m *message) { m.signers = 0 }, failed, verdict.FormatFailure},
		"content type missing":    {signer, func(m *message) { m.attributes = m.attributes[1:] }, failed, verdict.FormatFailure},
		"content type wrong":      {signer, func(m *message) { m.attributes[0] = contentTypeAttribute("1.2.3") }, failed, verdict.FormatFailure},
		"digest missing":          {signer, func(m *message) { m.attributes = [][]byte{m.attributes[0], m.attributes[2]} }, failed, verdict.FormatFailure},
		"digest twice":            {signer, func(m *message) { m.attributes = append(m.attributes, m.attributes[1]) }, failed, verdict.FormatFailure},
		"digest of two values":    {signer, func(m *message) { m.attributes[1] = digestAttribute(sumOf(crypto.SHA256), sumOf(crypto.SHA256)) }, failed, verdict.FormatFailure},
		"digest of other bytes":   {signer, func(m *message) { m.attributes[1] = digestAttribute(make([]byte, 32)) }, failed, verdict.HashFailure},
		"digest too short":        {signer, func(m *message) { m.attributes[1] = digestAttribute(sumOf(crypto.SHA256)[:31]) }, failed, verdict.HashFailure},
		"signed by another key":   {signer, func(m *message) { m.sign = newMessage(newIdentity(t, ecKey(t, elliptic.P256()))).sign }, failed, verdict.SigCryptoFailure},
		"empty value":             {signer, func(m *message) { m.sign = func([]byte) ([]byte, error) { return nil, nil } }, failed, verdict.SigCryptoFailure},
		"zero r and s": {signer, func(m *message) {
			m.sign = func([]byte) ([]byte, error) { return hex.DecodeString("3006020100020100") }
		}, failed, verdict.SigCryptoFailure},
		"no certificates": {signer, func(m *message) { m.bag = nil }, doubt, verdict.NoSigningCertificate},
		"certificate of another": {signer, func(m *message) {
			m.bag, m.attributes[2] = [][]byte{foreign.certificate.Raw}, essAttribute(foreign.certificate, 2)
		}, failed, verdict.SigCryptoFailure},
		"two candidates":               {signer, func(m *message) { m.bag = append(m.bag, other.certificate.Raw) }, doubt, verdict.NoSigningCertificate},
		"ESS names another":            {signer, func(m *message) { m.attributes[2] = essAttribute(other.certificate, 2) }, doubt, verdict.NoSigningCertificate},
		"certificate swapped":          {signer, func(m *message) { m.bag = [][]byte{swapped.certificate.Raw} }, doubt, verdict.NoSigningCertificate},
		"ESS malformed":                {signer, func(m *message) { m.attributes[2] = attribute("1.2.840.113549.1.9.16.2.47", octets([]byte{1})) }, doubt, verdict.NoSigningCertificate},
		"ESS missing in the baseline":  {signer, func(m *message) { m.attributes = m.attributes[:2] }, doubt, verdict.SigConstraintsFailure},
		"MD5":                          {withRSA, func(m *message) { withHash(m, crypto.MD5, "1.2.840.113549.1.1.4") }, doubt, verdict.CryptoConstraintsFailure},
		"Ed25519":                      {newIdentity(t, edKey(t)), func(*message) {}, doubt, verdict.CryptoConstraintsFailure},
		"Ed25519 of other bytes":       {newIdentity(t, edKey(t)), func(m *message) { m.attributes = append(m.attributes, timeAttribute(now)); m.overRaw = content }, failed, verdict.SigCryptoFailure},
		"SHA-1":                        {signer, func(m *message) { withHash(m, crypto.SHA1, "1.2.840.10045.4.1") }, doubt, verdict.CryptoConstraintsFailure},
		"hash functions that disagree": {signer, func(m *message) { m.signature = algorithm("1.2.840.10045.4.3.4") }, failed, verdict.FormatFailure},
		"RSA method for an EC key":     {signer, func(m *message) { m.signature = algorithm("1.2.840.113549.1.1.11") }, doubt, verdict.CryptoConstraintsFailure},
		"EC method for an RSA key":     {withRSA, func(m *message) { m.signature = algorithm("1.2.840.10045.4.3.2") }, doubt, verdict.CryptoConstraintsFailure},
		"unknown method":               {signer, func(m *message) { m.signature = algorithm("1.2.3.4") }, doubt, verdict.CryptoConstraintsFailure},
		"PSS without parameters":       {withRSA, func(m *message) { m.signature = algorithm("1.2.840.113549.1.1.10") }, doubt, verdict.CryptoConstraintsFailure},
		"PSS of another hash":          {withRSA, func(m *message) { m.signature = pss("2.16.840.1.101.3.4.2.3", "2.16.840.1.101.3.4.2.3", 32, 1) }, doubt, verdict.CryptoConstraintsFailure},
		"PSS of another mask":          {withRSA, func(m *message) { m.signature = pss("2.16.840.1.101.3.4.2.1", "1.3.14.3.2.26", 32, 1) }, doubt, verdict.CryptoConstraintsFailure},
		"PSS of another salt":          {withRSA, func(m *message) { m.signature = pss("2.16.840.1.101.3.4.2.1", "2.16.840.1.101.3.4.2.1", 20, 1) }, doubt, verdict.CryptoConstraintsFailure},
		"PSS of another trailer":       {withRSA, func(m *message) { m.signature = pss("2.16.840.1.101.3.4.2.1", "2.16.840.1.101.3.4.2.1", 32, 2) }, doubt, verdict.CryptoConstraintsFailure},
		"signing time malformed": {signer, func(m *message) {
			m.attributes = append(m.attributes, attribute("1.2.840.113549.1.9.5", octets([]byte("yesterday"))))
		}, failed, verdict.FormatFailure},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			m := newMessage(c.by)
			c.change(m)
			_, problem := judge(m.build(t), content, true)
			if problem == nil || problem.Indication != c.indication || problem.Sub != c.sub {
				t.Errorf("got %v, want %s/%s", problem, c.indication, c.sub)
			}
		})
	}
}

// Signers that do not sort the attributes sign them sorted or as they are; no other
// order counts.
func TestAttributesOutOfOrder(t *testing.T) {
	signer := newIdentity(t, ecKey(t, elliptic.P256()))
	reversed := func() *message {
		m := newMessage(signer)
		slices.SortFunc(m.attributes, slices.Compare[[]byte])
		slices.Reverse(m.attributes)
		return m
	}
	over := func(order ...int) func(sum []byte) ([]byte, error) {
		return func([]byte) ([]byte, error) {
			m := reversed()
			set := slices.Concat(m.attributes[order[0]], m.attributes[order[1]], m.attributes[order[2]])
			hash := sha256.Sum256(slices.Concat([]byte{0x31, 0x81, byte(len(set))}, set))
			return signer.key.Sign(rand.Reader, hash[:], crypto.SHA256)
		}
	}
	for name, c := range map[string]struct {
		order  []int
		passes bool
	}{"sorted": {[]int{2, 1, 0}, true}, "as received": {[]int{0, 1, 2}, true}, "another": {[]int{1, 0, 2}, false}} {
		m := reversed()
		m.sign = over(c.order...)
		_, problem := judge(m.encode(t), content, true)
		if c.passes && problem != nil || !c.passes && (problem == nil || problem.Sub != verdict.SigCryptoFailure) {
			t.Errorf("%s: %v", name, problem)
		}
	}
}

// A file whose bytes are the signed attributes of another signature must not take
// over that signature.
func TestAttributesReplayedAsContent(t *testing.T) {
	signer := newIdentity(t, ecKey(t, elliptic.P256()))
	m := newMessage(signer)
	der := m.build(t)
	parsed, problem := cms.Parse(der)
	if problem != nil || parsed == nil {
		t.Fatal(problem)
	}
	m.noAttributes = true
	if _, problem := judge(m.build(t), content, false); problem == nil || problem.Indication != verdict.Failed {
		t.Errorf("got %v", problem)
	}
}

func TestPadding(t *testing.T) {
	der := newMessage(newIdentity(t, ecKey(t, elliptic.P256()))).build(t)
	if _, problem := cms.Parse(cms.TrimPadding(append(bytes.Clone(der), make([]byte, 100)...))); problem != nil {
		t.Errorf("zeros behind the value: %v", problem)
	}
	for _, tail := range [][]byte{{1}, append(make([]byte, 50), 1), der} {
		if _, problem := cms.Parse(cms.TrimPadding(append(bytes.Clone(der), tail...))); problem == nil || problem.Indication != verdict.Failed {
			t.Errorf("%x behind the value: %v", tail[:1], problem)
		}
	}
}

// No flipped bit of what is signed may pass; what is not signed (the bag's other
// certificates, unsigned attributes) may.
func TestEveryBitOfTheSignerCounts(t *testing.T) {
	der := newMessage(newIdentity(t, ecKey(t, elliptic.P256()))).build(t)
	start := bytes.LastIndex(der, contentTypeAttribute("1.2.840.113549.1.7.1"))
	for i := start; i < len(der); i++ {
		for bit := range 8 {
			changed := bytes.Clone(der)
			changed[i] ^= 1 << bit
			if _, problem := judge(changed, content, true); problem == nil {
				t.Fatalf("byte %d of %d, bit %d: passed", i, len(der), bit)
			}
		}
	}
}

// openssl makes messages in its own way; they must pass here.
func TestAgreesWithOpenSSL(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("openssl is not installed")
		}
		t.Skip("openssl is not installed")
	}
	dir := t.TempDir()
	file := func(name, kind string, data []byte) string {
		path := filepath.Join(dir, name)
		if kind != "" {
			data = pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: data})
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	in := file("content", "", content)
	for name, c := range map[string]struct {
		key     crypto.Signer
		options []string
	}{
		"RSA":        {rsaKey(t), nil},
		"PSS":        {rsaKey(t), []string{"-keyopt", "rsa_padding_mode:pss", "-keyopt", "rsa_pss_saltlen:32"}},
		"P-256":      {ecKey(t, elliptic.P256()), nil},
		"key id":     {ecKey(t, elliptic.P256()), []string{"-keyid"}},
		"CAdES, ESS": {rsaKey(t), []string{"-cades"}},
	} {
		t.Run(name, func(t *testing.T) {
			id := newIdentity(t, c.key)
			raw, err := x509.MarshalPKCS8PrivateKey(c.key)
			if err != nil {
				t.Fatal(err)
			}
			out := filepath.Join(dir, "signature.der")
			arguments := append([]string{"cms", "-sign", "-binary", "-md", "sha256", "-in", in, "-outform", "DER", "-out", out,
				"-signer", file("cert.pem", "CERTIFICATE", id.certificate.Raw), "-inkey", file("key.pem", "PRIVATE KEY", raw)}, c.options...)
			if text, err := exec.CommandContext(t.Context(), openssl, arguments...).CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			der, err := os.ReadFile(out)
			if err != nil {
				t.Fatal(err)
			}
			if _, problem := judge(der, content, name == "CAdES, ESS"); problem != nil {
				t.Error(problem)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	signer := newIdentity(f, ecKey(f, elliptic.P256()))
	f.Add(newMessage(signer).build(f))
	m := newMessage(signer)
	m.byKeyID, m.unsigned = true, [][]byte{attribute("1.2.840.113549.1.9.16.2.14", octets([]byte{1}))}
	f.Add(m.build(f))
	f.Add([]byte{0x30, 0x80})
	other := sha256.Sum256([]byte("other bytes"))
	f.Fuzz(func(t *testing.T, der []byte) {
		parsed, problem := cms.Parse(cms.TrimPadding(der))
		if problem != nil {
			return
		}
		_ = parsed.Algorithm()
		found, problem := parsed.Signer()
		if problem != nil || !found.Equal(signer.certificate) {
			return
		}
		if parsed.CheckSignature(found) == nil && parsed.CheckDigest(other[:]) == nil {
			t.Fatal("a signature over bytes that nobody signed")
		}
	})
}

func BenchmarkJudgeRSA(b *testing.B) {
	der := newMessage(newIdentity(b, rsaKey(b))).build(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, problem := judge(der, content, true); problem != nil {
			b.Fatal(problem)
		}
	}
}
