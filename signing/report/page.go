package report

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
)

//go:embed page.html.tmpl
var pageTemplate string

//go:embed page.css
var pageStyle string

// Pages writes reports for people. It is safe for concurrent use.
type Pages struct {
	texts *catalogue
	page  *template.Template
}

// NewPages reads texts and template.
func NewPages() (*Pages, error) {
	texts, err := readCatalogue()
	if err != nil {
		return nil, err
	}
	page, err := template.New("page").Parse(pageTemplate)
	if err != nil {
		return nil, hub.Internal("read the template of reports", err)
	}
	return &Pages{texts, page}, nil
}

// ContentPolicy is the Content-Security-Policy under which a page works: its own style
// and nothing else.
func ContentPolicy() string {
	sum := sha256.Sum256([]byte(pageStyle))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}

// Write writes the page on files.
func (p *Pages) Write(w io.Writer, language Language, files ...hub.FileReport) error {
	v := view{texts: p.texts, Language: language, Style: template.CSS(pageStyle)} //nolint:gosec // our own file
	for i := range files {
		v.Files = append(v.Files, v.file(&files[i]))
	}
	var b bytes.Buffer
	if err := p.page.Execute(&b, &v); err != nil {
		return hub.Internal("write a report", err)
	}
	_, err := w.Write(b.Bytes())
	return err
}

// view is what the template shows.
type view struct {
	texts    *catalogue
	Language Language
	Style    template.CSS
	Files    []fileView
}

// Label returns a label in the language of the page.
func (v *view) Label(name string) string { return v.texts.Label[name][v.Language] }

type fileView struct {
	Name    string
	Receipt string // event and dispatch
	Verdict verdictView
	Reports []reportView
}

type verdictView struct {
	Class   string // of the style
	Word    string
	Meaning string
}

type reportView struct {
	Part, SHA256, Checked, Policy, Anchors, Algorithms string
	Verdict                                            *verdictView // of a part; nil for the file itself
	Findings                                           []findingView
	Signatures                                         []signatureView
}

// findingView is one finding; Foreign where it has no text in the language of the page.
type findingView struct {
	Text    string
	Foreign bool
}

type signatureView struct {
	Number  int
	Verdict verdictView
	Reason  string // of the catalogue
	Detail  string // of the engine
	Facts   []fact
	Changes []string
	Checks  []checkView
}

type fact struct{ Label, Value string }

type checkView struct{ Class, Name, Result, Detail string }

func (v *view) file(f *hub.FileReport) fileView {
	fv := fileView{Name: f.Name, Verdict: v.verdict(f.Indication)}
	if f.Evidence != nil {
		fv.Receipt = f.Evidence.Event.Name() + ", " + clock(f.Evidence.Time) + ", " + string(f.Evidence.Dispatch)
	}
	for _, r := range f.All() {
		rv := reportView{
			Part: r.Part, SHA256: r.SHA256.String(), Checked: clock(r.ValidatedAt), Policy: r.Policy, Anchors: r.AnchorSource,
			Algorithms: r.AlgorithmTable,
		}
		for _, finding := range r.Findings {
			text, said := v.texts.finding(finding, v.Language)
			rv.Findings = append(rv.Findings, findingView{Text: text, Foreign: !said})
		}
		if r.Part != "" {
			verdict := v.verdict(r.Indication)
			rv.Verdict = &verdict
		}
		for i := range r.Signatures {
			rv.Signatures = append(rv.Signatures, v.signature(i+1, &r.Signatures[i]))
		}
		fv.Reports = append(fv.Reports, rv)
	}
	return fv
}

func (v *view) verdict(i hub.Indication) verdictView {
	class := map[hub.Indication]string{hub.TotalPassed: "good", hub.TotalFailed: "bad"}[i]
	if class == "" {
		class = "open"
	}
	return verdictView{Class: class, Word: v.texts.Indication[i][v.Language], Meaning: v.texts.Meaning[i][v.Language]}
}

func (v *view) signature(number int, s *hub.SignatureVerdict) signatureView {
	sv := signatureView{Number: number, Verdict: v.verdict(s.Indication), Reason: v.texts.Sub[s.Sub][v.Language], Detail: s.Reason}
	for _, f := range []fact{
		{"who", v.or(s.Signer, "unknown")}, {"agency", v.or(s.Organization, "unknown")},
		{"claimed", v.time(s.ClaimedAt, "unclaimed")}, {"proven", v.time(s.ProvenAt, "unproven")},
		{"covers", v.coverage(s)}, {"level", join(s.Format, s.Level, s.Algorithm)},
		{"issuer", s.Issuer}, {"serial", s.Serial}, {"anchor", s.Anchor}, {"revoked", v.revoked(s.Revocation)}, {"weak", v.weak(s.Crypto)},
	} {
		if f.Value != "" {
			sv.Facts = append(sv.Facts, fact{v.Label(f.Label), f.Value})
		}
	}
	for _, change := range s.Changes {
		sv.Changes = append(sv.Changes, v.texts.change(change, v.Language))
	}
	for _, c := range s.Checks {
		sv.Checks = append(sv.Checks, v.check(c))
	}
	return sv
}

// revoked says which certificate was revoked, when and why; empty without.
func (v *view) revoked(r *hub.RevocationStatus) string {
	if r == nil {
		return ""
	}
	return join(r.Subject, clock(r.At), v.texts.Revoked[r.Reason][v.Language])
}

// weak names the algorithm that is not relied upon and until when it was; empty without.
func (v *view) weak(c *hub.CryptoStatus) string {
	switch {
	case c == nil:
		return ""
	case c.SecureUntil.IsZero():
		return c.Algorithm + ", " + v.Label("never")
	}
	return v.texts.fill("until", v.Language, c.Algorithm, c.SecureUntil.UTC().Format("02/01/2006"))
}

func (v *view) check(c hub.Check) checkView {
	class := "failed"
	switch {
	case c.Skipped:
		class = "skipped"
	case c.Passed:
		class = "passed"
		if v.Language != English {
			c.Detail = "" // English, and the name of the check says it
		}
	}
	return checkView{Class: class, Name: v.texts.check(c.Name, v.Language), Result: v.Label(class), Detail: c.Detail}
}

func (v *view) coverage(s *hub.SignatureVerdict) string {
	var revision, bytes string
	if s.Revisions > 0 && s.Revision > 0 {
		revision = v.texts.fill("revision", v.Language, strconv.Itoa(s.Revision), strconv.Itoa(s.Revisions))
	}
	if s.CoversWhole {
		return join(v.Label("whole"), revision)
	}
	if s.CoveredBytes > 0 {
		bytes = v.texts.fill("bytes", v.Language, strconv.FormatInt(s.CoveredBytes, 10))
	}
	return v.or(join(revision, bytes), "unknown")
}

func (v *view) or(value, label string) string {
	if value == "" {
		return v.Label(label)
	}
	return value
}

func (v *view) time(t time.Time, label string) string {
	if t.IsZero() {
		return v.Label(label)
	}
	return clock(t)
}

// clock shows a time as people in Viet Nam read it, with its zone.
func clock(t time.Time) string { return t.In(hub.Vietnam()).Format("02/01/2006 15:04:05 -07:00") }

// join puts commas between what is not empty.
func join(parts ...string) string {
	var list []string
	for _, p := range parts {
		if p != "" {
			list = append(list, p)
		}
	}
	return strings.Join(list, ", ")
}
