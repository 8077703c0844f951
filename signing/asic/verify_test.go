package asic_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/signing/asic"
	"github.com/lienthong/lienthong/signing/cms"
	"github.com/lienthong/lienthong/signing/pki"
	"github.com/lienthong/lienthong/signing/trust"
	"github.com/lienthong/lienthong/signing/verdict"
)

var now = time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)

const (
	asicXML = "http://uri.etsi.org/02918/v1.2.1#"
	ds      = "http://www.w3.org/2000/09/xmldsig#"
	sha256U = "http://www.w3.org/2001/04/xmlenc#sha256"
)

type fixture struct {
	identity  pki.Identity
	validator *trust.Validator
}

func newFixture(t testing.TB) fixture {
	t.Helper()
	a, err := pki.New(now, pki.P256)
	if err != nil {
		t.Fatal(err)
	}
	id, err := a.Agency("Sở Thử nghiệm", pki.P256)
	if err != nil {
		t.Fatal(err)
	}
	anchors, err := trust.LoadAnchors(a.AnchorsPEM())
	if err != nil {
		t.Fatal(err)
	}
	return fixture{id, trust.NewValidator(anchors)}
}

func (f fixture) options() asic.Options {
	return asic.Options{Judge: func(s *verdict.Signature, along verdict.Material, _ []verdict.Stamp) {
		f.validator.JudgeCase(s, trust.Case{Candidates: along.Certificates, At: now})
	}}
}

// seal makes a CAdES signature over a manifest or file.
func (f fixture) seal(ctx context.Context, manifest []byte) ([]byte, error) {
	m := cms.Maker{Key: f.identity.Key, Chain: f.identity.Chain}
	sum := sha256.Sum256(manifest)
	return m.Sign(ctx, sum[:], now)
}

func (f fixture) verify(t testing.TB, data []byte) asic.Report {
	t.Helper()
	report, err := asic.Verify(t.Context(), bytes.NewReader(data), int64(len(data)), f.options())
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// worst returns indication and sub-indication of the worst signature.
func worst(report asic.Report) string {
	result := "none"
	for i := range report.Signatures {
		s := &report.Signatures[i]
		switch {
		case s.Problem == nil && result == "none":
			result = string(verdict.Passed)
		case s.Problem != nil && !strings.HasPrefix(result, string(verdict.Failed)):
			result = string(s.Problem.Indication) + "/" + string(s.Problem.Sub)
		}
	}
	return result
}

func files() []asic.File {
	return []asic.File{
		asic.Bytes("văn bản số 1.txt", "text/plain", []byte("Quyết định")),
		asic.Bytes("log/proof", "application/octet-stream", bytes.Repeat([]byte{7}, 100_000)),
	}
}

func (f fixture) written(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := asic.Write(t.Context(), &b, files(), f.seal); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestWrittenContainersPass(t *testing.T) {
	f := newFixture(t)
	data := f.written(t)
	report := f.verify(t, data)
	if worst(report) != "TOTAL-PASSED" || len(report.Signatures) != 1 || len(report.Files) != 2 {
		t.Fatalf("%+v", report)
	}
	s := report.Signatures[0]
	if s.Format != "CAdES" || s.Level != "B-B" || !s.CoversWhole || !s.Claimed.Equal(now) || s.Field != "META-INF/signature.p7s" || len(s.Chain) != 3 {
		t.Errorf("%+v", s)
	}
	if is, err := asic.IsContainer(bytes.NewReader(data), int64(len(data))); !is || err != nil {
		t.Error("not known for a container", err)
	}
}

// One bit anywhere: nothing passes but where nothing is said (the time of an entry, or
// who made the archive).
func TestEveryByteCounts(t *testing.T) {
	f := newFixture(t)
	var b bytes.Buffer
	if err := asic.Write(t.Context(), &b, []asic.File{asic.Bytes("a", "text/plain", []byte("1"))}, f.seal); err != nil {
		t.Fatal(err)
	}
	data := b.Bytes()
	free := freeBytes(data)
	for i := range data {
		changed := bytes.Clone(data)
		changed[i] ^= 1
		report, err := asic.Verify(t.Context(), bytes.NewReader(changed), int64(len(changed)), f.options())
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Fatalf("byte %d: %v", i, err)
		}
		if worst(report) == "TOTAL-PASSED" && !free[i] {
			t.Errorf("byte %d (%q) can be changed", i, data[max(0, i-20):min(len(data), i+20)])
		}
	}
}

// freeBytes are those of the headers that name no content: version, time and attributes;
// and the certificates of authorities that come with a signature, which only help.
func freeBytes(data []byte) map[int]bool {
	free := map[int]bool{}
	for i := range data {
		switch {
		case bytes.HasPrefix(data[i:], []byte("PK\x03\x04")):
			for _, at := range []int{4, 5, 10, 11, 12, 13} {
				free[i+at] = true
			}
		case bytes.HasPrefix(data[i:], []byte("PK\x01\x02")):
			for _, at := range []int{4, 5, 6, 7, 12, 13, 14, 15, 36, 37, 38, 39, 40, 41} {
				free[i+at] = true
			}
		}
	}
	return free
}

// entriesOf reads a container back as raw entries to change.
func entriesOf(t testing.TB, data []byte) []raw {
	t.Helper()
	c, err := asic.Read(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	list := []raw{mime()}
	for _, name := range append(c.Names(), "META-INF/ASiCManifest.xml", "META-INF/signature.p7s") {
		content, err := c.ReadFile(name, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		r := stored(name, string(content))
		r.flags = 1 << 11
		list = append(list, r)
	}
	return list
}

func TestManipulatedContainers(t *testing.T) {
	f, foreign := newFixture(t), newFixture(t)
	base := entriesOf(t, f.written(t))
	index := func(name string) int {
		return slices.IndexFunc(base, func(r raw) bool { return r.name == name })
	}
	manifestAt, sealAt := index("META-INF/ASiCManifest.xml"), index("META-INF/signature.p7s")
	with := func(change func([]raw) []raw) []byte { return archive(change(slices.Clone(base)), nil) }
	replaced := func(at int, content string) []byte {
		return with(func(list []raw) []raw { list[at].content = []byte(content); return list })
	}
	resealed := func(manifest string) []byte { // a manifest that the signer did sign
		return with(func(list []raw) []raw {
			list[manifestAt].content = []byte(manifest)
			der, err := f.seal(t.Context(), []byte(manifest))
			if err != nil {
				t.Fatal(err)
			}
			list[sealAt].content = der
			return list
		})
	}
	manifest := string(base[manifestAt].content)
	listing := manifest[strings.Index(manifest, "<asic:DataObjectReference"):strings.LastIndex(manifest, "</asic:ASiCManifest>")]
	first, rest, _ := strings.Cut(listing, "\n")
	byAnother, err := foreign.seal(t.Context(), base[manifestAt].content)
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		data []byte
		want string
	}{
		"untouched":                      {with(func(list []raw) []raw { return list }), "TOTAL-PASSED"},
		"file changed":                   {replaced(1, "Quyết toán"), "TOTAL-FAILED/HASH_FAILURE"},
		"file added":                     {with(func(list []raw) []raw { return append(list, stored("evil.txt", "x")) }), "TOTAL-FAILED/FORMAT_FAILURE"},
		"file added among signatures":    {with(func(list []raw) []raw { return append(list, stored("META-INF/evil.txt", "x")) }), "TOTAL-FAILED/FORMAT_FAILURE"},
		"file added below signatures":    {with(func(list []raw) []raw { return append(list, stored("META-INF/x/signatures.xml", "x")) }), "TOTAL-FAILED/FORMAT_FAILURE"},
		"file removed":                   {with(func(list []raw) []raw { return slices.Delete(list, 2, 3) }), "INDETERMINATE/SIGNED_DATA_NOT_FOUND"},
		"file renamed":                   {with(func(list []raw) []raw { list[1].name = "b"; return list }), "TOTAL-FAILED/FORMAT_FAILURE"},
		"manifest changed":               {replaced(manifestAt, strings.Replace(manifest, "text/plain", "text/html_", 1)), "TOTAL-FAILED/HASH_FAILURE"},
		"manifest removed":               {with(func(list []raw) []raw { return slices.Delete(list, manifestAt, manifestAt+1) }), "TOTAL-FAILED/FORMAT_FAILURE"},
		"manifest of other bytes":        {replaced(manifestAt, "<a/>"), "TOTAL-FAILED/FORMAT_FAILURE"},
		"two manifests":                  {with(func(list []raw) []raw { return append(list, stored("META-INF/ASiCManifest2.xml", manifest)) }), "TOTAL-FAILED/FORMAT_FAILURE"},
		"signature removed":              {with(func(list []raw) []raw { return slices.Delete(list, sealAt, sealAt+1) }), "none"},
		"signature is garbage":           {replaced(sealAt, "x"), "TOTAL-FAILED/FORMAT_FAILURE"},
		"signature by another":           {replaced(sealAt, string(byAnother)), "INDETERMINATE/NO_CERTIFICATE_CHAIN_FOUND"},
		"signed listing with a document": {resealed(`<!DOCTYPE a>` + manifest), "TOTAL-FAILED/FORMAT_FAILURE"},
		"signed listing twice the same":  {resealed(strings.Replace(manifest, first, first+first, 1)), "TOTAL-FAILED/FORMAT_FAILURE"},
		"signed listing of less":         {resealed(strings.Replace(manifest, rest, "", 1)), "TOTAL-FAILED/FORMAT_FAILURE"},
		"signed listing with MD5":        {resealed(strings.Replace(manifest, sha256U, "http://www.w3.org/2001/04/xmldsig-more#md5", 1)), "TOTAL-FAILED/FORMAT_FAILURE"},
		"signed listing that leaves":     {resealed(strings.Replace(manifest, "log/proof", "../log/proof", 1)), "TOTAL-FAILED/FORMAT_FAILURE"},
		"signed listing of a URL":        {resealed(strings.Replace(manifest, "log/proof", "http://127.0.0.1/", 1)), "TOTAL-FAILED/FORMAT_FAILURE"},
		"local name differs":             {with(func(list []raw) []raw { list[1].localName = strings.Repeat("x", len(list[1].name)); return list }), "TOTAL-FAILED/FORMAT_FAILURE"},
		"packed by another method":       {with(func(list []raw) []raw { list[1].method = 99; return list }), "INDETERMINATE/FORMAT_FAILURE"},
		"media type for one file":        {with(func(list []raw) []raw { list[0].content = []byte(asic.MediaTypeS); return list }), "TOTAL-FAILED/FORMAT_FAILURE"},
		"time assertion beside":          {with(func(list []raw) []raw { return append(list, stored("META-INF/timestamp.tst", "x")) }), "TOTAL-PASSED"},
	}
	for name, c := range cases {
		if got := worst(f.verify(t, c.data)); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestContainerForOneFile(t *testing.T) {
	f := newFixture(t)
	der, err := f.seal(t.Context(), []byte("một"))
	if err != nil {
		t.Fatal(err)
	}
	mediaType, p7s := stored("mimetype", asic.MediaTypeS), stored("META-INF/signature.p7s", string(der))
	for name, c := range map[string]struct {
		entries []raw
		want    string
	}{
		"good":      {[]raw{mediaType, stored("a.txt", "một"), p7s}, "TOTAL-PASSED"},
		"changed":   {[]raw{mediaType, stored("a.txt", "hai"), p7s}, "TOTAL-FAILED/HASH_FAILURE"},
		"two files": {[]raw{mediaType, stored("a.txt", "một"), stored("b.txt", "hai"), p7s}, "TOTAL-FAILED/FORMAT_FAILURE"},
		"no file":   {[]raw{mediaType, p7s}, "TOTAL-FAILED/FORMAT_FAILURE"},
	} {
		if got := worst(f.verify(t, archive(c.entries, nil))); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// xadesOver writes a file of signatures over files, each part in canonical form.
func (f fixture) xadesOver(t testing.TB, uris map[string]string, order ...string) string {
	t.Helper()
	info := `<ds:SignedInfo xmlns:ds="` + ds + `"><ds:CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"></ds:CanonicalizationMethod>` +
		`<ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"></ds:SignatureMethod>`
	for _, uri := range order {
		sum := sha256.Sum256([]byte(uris[uri]))
		info += `<ds:Reference URI="` + uri + `"><ds:DigestMethod Algorithm="` + sha256U + `"></ds:DigestMethod><ds:DigestValue>` +
			base64.StdEncoding.EncodeToString(sum[:]) + `</ds:DigestValue></ds:Reference>`
	}
	info += `</ds:SignedInfo>`
	sum := sha256.Sum256([]byte(info))
	r, s, err := ecdsa.Sign(rand.Reader, f.identity.Key.(*ecdsa.PrivateKey), sum[:])
	if err != nil {
		t.Fatal(err)
	}
	value := append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	return fmt.Sprintf(`<asic:XAdESSignatures xmlns:asic="%s"><ds:Signature xmlns:ds="%s" Id="S0">%s<ds:SignatureValue>%s</ds:SignatureValue><ds:KeyInfo><ds:X509Data><ds:X509Certificate>%s</ds:X509Certificate><ds:X509Certificate>%s</ds:X509Certificate></ds:X509Data></ds:KeyInfo></ds:Signature></asic:XAdESSignatures>`,
		asicXML, ds, info, base64.StdEncoding.EncodeToString(value),
		base64.StdEncoding.EncodeToString(f.identity.Chain[0].Raw), base64.StdEncoding.EncodeToString(f.identity.Chain[1].Raw))
}

func TestXMLSignaturesOverFiles(t *testing.T) {
	f := newFixture(t)
	uris := map[string]string{"a.txt": "một", "v%C4%83n%20b%E1%BA%A3n.txt": "hai", "c.txt": "ba"}
	a, b, c := stored("a.txt", "một"), stored("văn bản.txt", "hai"), stored("c.txt", "ba")
	b.flags = 1 << 11
	signed := func(order ...string) raw { return stored("META-INF/signatures0.xml", f.xadesOver(t, uris, order...)) }
	both := signed("a.txt", "v%C4%83n%20b%E1%BA%A3n.txt")
	second := signed("c.txt")
	second.name = "META-INF/signatures1.xml"
	changed := b
	changed.content = []byte("HAI")
	for name, tt := range map[string]struct {
		entries []raw
		want    string
	}{
		"good":                      {[]raw{mime(), a, b, both}, "TOTAL-PASSED"},
		"with a plain manifest":     {[]raw{mime(), a, b, stored("META-INF/manifest.xml", "<x/>"), both}, "TOTAL-PASSED"},
		"two signatures, all files": {[]raw{mime(), a, b, c, both, second}, "TOTAL-PASSED"},
		"changed":                   {[]raw{mime(), a, changed, both}, "TOTAL-FAILED/HASH_FAILURE"},
		"missing":                   {[]raw{mime(), a, both}, "INDETERMINATE/SIGNED_DATA_NOT_FOUND"},
		"added":                     {[]raw{mime(), a, b, c, both}, "TOTAL-FAILED/FORMAT_FAILURE"},
		"referred to twice":         {[]raw{mime(), a, signed("a.txt", "a.txt")}, "TOTAL-FAILED/FORMAT_FAILURE"},
		"file of no signature":      {[]raw{mime(), a, stored("META-INF/signatures.xml", "<x/>")}, "TOTAL-FAILED/FORMAT_FAILURE"},
		"outside":                   {[]raw{mime(), a, signed("http://127.0.0.1/x")}, "TOTAL-FAILED/FORMAT_FAILURE"},
		"up":                        {[]raw{mime(), a, signed("../a.txt")}, "TOTAL-FAILED/FORMAT_FAILURE"},
		"itself":                    {[]raw{mime(), signed("META-INF/signatures0.xml")}, "INDETERMINATE/SIGNED_DATA_NOT_FOUND"},
	} {
		report := f.verify(t, archive(tt.entries, nil))
		if got := worst(report); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
	report := f.verify(t, archive([]raw{mime(), a, b, c, both, second}, nil))
	if report.Signatures[0].CoversWhole || len(report.Files) != 3 {
		t.Errorf("%+v", report)
	}
}

// A file that only a stranger signed does not ride along with those of a signer who is
// known; a stranger's signature over the same files changes nothing for the others.
func TestFilesSignedByStrangersOnly(t *testing.T) {
	f, stranger := newFixture(t), newFixture(t)
	uris := map[string]string{"a.txt": "một", "b.txt": "hai"}
	a, b := stored("a.txt", "một"), stored("b.txt", "hai")
	known := stored("META-INF/signatures0.xml", f.xadesOver(t, uris, "a.txt"))
	foreign := func(order ...string) raw {
		return stored("META-INF/signatures1.xml", stranger.xadesOver(t, uris, order...))
	}
	broken := foreign("b.txt")
	broken.content = []byte(stranger.xadesOver(t, map[string]string{"b.txt": "HAI"}, "b.txt"))
	for name, tt := range map[string]struct {
		entries []raw
		want    []string // of the known signer and of the stranger
		files   int
	}{
		"another file":               {[]raw{mime(), a, b, known, foreign("b.txt")}, []string{"INDETERMINATE/FORMAT_FAILURE", "INDETERMINATE/NO_CERTIFICATE_CHAIN_FOUND"}, 1},
		"all files":                  {[]raw{mime(), a, b, known, foreign("a.txt", "b.txt")}, []string{"INDETERMINATE/FORMAT_FAILURE", "INDETERMINATE/NO_CERTIFICATE_CHAIN_FOUND"}, 1},
		"the same file":              {[]raw{mime(), a, known, foreign("a.txt")}, []string{"TOTAL-PASSED", "INDETERMINATE/NO_CERTIFICATE_CHAIN_FOUND"}, 1},
		"another file, not as it is": {[]raw{mime(), a, b, known, broken}, []string{"TOTAL-FAILED/FORMAT_FAILURE", "TOTAL-FAILED/HASH_FAILURE"}, 1},
	} {
		report := f.verify(t, archive(tt.entries, nil))
		var got []string
		for i := range report.Signatures {
			got = append(got, worst(asic.Report{Signatures: report.Signatures[i : i+1]}))
		}
		if !slices.Equal(got, tt.want) || len(report.Files) != tt.files {
			t.Errorf("%s: %v over %q, want %v", name, got, report.Files, tt.want)
		}
	}
}

func TestWhatIsAContainer(t *testing.T) {
	f := newFixture(t)
	good := f.written(t)
	last := entriesOf(t, good)
	last = append(last[1:], last[0])
	for name, c := range map[string]struct {
		data []byte
		want bool
	}{
		"a container": {good, true}, "with a head": {append([]byte("MZ...."), good...), true}, "media type last": {archive(last, nil), true},
		"an archive": {archive([]raw{stored("a", "1")}, nil), false}, "text": {[]byte(strings.Repeat("hello ", 100)), false}, "empty": {nil, false},
	} {
		is, err := asic.IsContainer(bytes.NewReader(c.data), int64(len(c.data)))
		if is != c.want || err != nil {
			t.Errorf("%s: %v, %v", name, is, err)
		}
		if report := f.verify(t, c.data); c.want && name != "a container" && !strings.Contains(worst(report), "FORMAT_FAILURE") {
			t.Errorf("%s: %s", name, worst(report))
		}
	}
}

func FuzzVerify(f *testing.F) {
	fixture := newFixture(f)
	f.Add(fixture.written(f))
	f.Add(archive([]raw{mime(), stored("a", "1"), stored("META-INF/signatures.xml", fixture.xadesOver(f, map[string]string{"a": "1"}, "a"))}, nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		report, err := asic.Verify(t.Context(), bytes.NewReader(data), int64(len(data)), fixture.options())
		if err != nil {
			t.Fatal(err)
		}
		if worst(report) == "TOTAL-PASSED" && len(report.Files) == 0 {
			t.Fatal("passed over nothing")
		}
	})
}
