package edxml_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lienthong/lienthong/adapters/edxml"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/schemas"
)

// samples are real packages; they stand beside the project where it is developed.
const samples = "../../../shared/samples/edxml"

func sampleFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(samples + "/*.edxml")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skip("the real samples are not beside the project")
	}
	return files
}

func TestRealSamples(t *testing.T) {
	for _, file := range sampleFiles(t) {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(file)
		pkg, store, err := decode(t, raw)
		if name == "edoc.edxml" {
			var e *hub.Error
			const want = "line 74, column 29: </MessageHeader> where </From> is expected"
			if !errors.As(err, &e) || e.Kind != hub.KindInvalid || e.Rule != "well_formed" || e.Message != want {
				t.Errorf("%s: %v, want %s", name, err, want)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if pkg.Kind == hub.PackageStatus {
			checkStatusSample(t, name, pkg.Status)
			continue
		}
		checkDocumentSample(t, name, raw, pkg.Submission, store)
	}
}

func checkStatusSample(t *testing.T, name string, m *hub.StatusMessage) {
	t.Helper()
	if !m.Code.Valid() || m.From == "" || m.For.ExternalID != "000.00.00.G22,2015/09/30,7816/VPCP-TTĐT" || m.StatedAt.IsZero() || m.Staff == nil {
		t.Errorf("%s: %+v", name, m)
	}
	if i := strings.LastIndexByte(name, '_'); i > 0 {
		if code := strings.TrimSpace(strings.TrimSuffix(name[i+1:], ".edxml")); string(m.Code) != code {
			t.Errorf("%s: code %s", name, m.Code)
		}
	}
}

func checkDocumentSample(t *testing.T, name string, raw []byte, s *hub.Submission, store *memory) {
	t.Helper()
	want := map[string]hub.Operation{
		"edoc_new.edxml": hub.OperationNew, "edoc_replacement.edxml": hub.OperationReplace, "edoc_revocation.edxml": hub.OperationRecall,
	}[name]
	if s.Operation != want || len(s.Parts) != 1 || s.Document.Subject == "" || !s.XMLSigned {
		t.Errorf("%s: %+v", name, s)
	}
	if !bytes.Equal(store.held[s.Envelope.Digest], raw) {
		t.Errorf("%s: the package was not kept as it came", name)
	}
	// The attachment is itself a package, in another and worse dialect.
	inner, innerStore, err := decode(t, store.held[s.Parts[0].Digest])
	if err != nil || len(inner.Submission.Parts) != 1 {
		t.Fatalf("%s: inner package: %v", name, err)
	}
	if pdf := innerStore.held[inner.Submission.Parts[0].Digest]; len(pdf) != 284937 || !bytes.HasPrefix(pdf, []byte("%PDF-")) {
		t.Errorf("%s: the inner attachment is not the PDF", name)
	}
}

// What we encode decodes to the same, for documents of every kind.
func TestEncodeThenDecode(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		store := newMemory()
		sub := anySubmission(r, store)
		pkg, got, err := decode(t, encode(t, store, sub))
		if err != nil {
			r.Fatal(err)
		}
		if pkg.Submission.Envelope == nil {
			r.Fatal("the package was not kept")
		}
		for _, p := range pkg.Submission.Parts {
			if !bytes.Equal(got.held[p.Digest], store.held[p.Digest]) {
				r.Fatalf("part %s changed", p.ID)
			}
		}
		pkg.Submission.Envelope = nil
		sub.Format = hub.FormatEdXML
		if diff := cmp.Diff(sub, *pkg.Submission); diff != "" {
			r.Fatal(diff)
		}
	})
}

// TestPackageOfAForward: it comes from who forwards, and its trace begins with the author.
func TestPackageOfAForward(t *testing.T) {
	at := time.Date(2026, 11, 28, 1, 0, 0, 0, time.UTC)
	d := hub.Dispatch{
		SenderCode: "000.00.12.H47", SenderName: "Sở Nội vụ (hư cấu)", ExternalID: "5~0123456789abcdef", Operation: hub.OperationNew, AcceptedAt: at.Add(time.Hour),
		Document: hub.Document{CodeNumber: "5", CodeNotation: "UBND", Subject: "V/v tập huấn", Promulgated: "2026-11-27"},
		Origin:   &hub.Origin{SenderCode: "000.00.00.H47", AcceptedAt: at},
	}
	var out bytes.Buffer
	err := edxml.New(edxml.Options{}).EncodeDispatch(t.Context(), &out, d, []hub.Delivery{{AddressedAs: "000.00.14.H47", Name: "Sở Tư pháp (hư cấu)"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	pkg, _, err := decode(t, out.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	want := []hub.Hop{{Agency: "000.00.00.H47", Time: at}, {Agency: "000.00.12.H47", Time: at.Add(time.Hour)}}
	if sub := pkg.Submission; sub.Sender != "000.00.12.H47" || sub.ExternalID != d.ExternalID || cmp.Diff(want, sub.Trace) != "" {
		t.Errorf("from %s, id %s, trace %+v", sub.Sender, sub.ExternalID, sub.Trace)
	}
}

// text is any text that XML can hold and that trimming leaves alone.
func text(r *rapid.T, label string) string {
	s := rapid.StringMatching(`[a-zA-ZđĐăâêôơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ0-9<>&"' /.,;-]{1,40}`).Draw(r, label)
	return "x" + s + "x"
}

func maybe(r *rapid.T, label string) string {
	if rapid.Bool().Draw(r, label+"?") {
		return ""
	}
	return text(r, label)
}

func anyDate(r *rapid.T, label string) hub.Date {
	day := rapid.IntRange(0, 40000).Draw(r, label)
	return hub.Date(time.Date(1970, 1, 1+day, 0, 0, 0, 0, time.UTC).Format(time.DateOnly))
}

func anySubmission(r *rapid.T, store *memory) hub.Submission {
	operation := rapid.SampledFrom([]hub.Operation{hub.OperationNew, hub.OperationRecall, hub.OperationUpdate, hub.OperationReplace}).Draw(r, "operation")
	s := hub.Submission{
		Sender: "000.00.00.H47", Recipients: []string{"H47.12", "000.00.31.H47"}, ExternalID: text(r, "id"), Operation: operation,
		Document: hub.Document{
			CodeNumber: text(r, "number"), CodeNotation: text(r, "notation"), TypeCode: rapid.IntRange(0, 40).Draw(r, "type"),
			TypeName: maybe(r, "type name"), Subject: text(r, "subject"), Content: maybe(r, "content"), Place: maybe(r, "place"),
			Promulgated: anyDate(r, "promulgated"), Priority: hub.Priority(rapid.IntRange(0, 4).Draw(r, "priority")),
			Signer:   hub.Signer{Competence: maybe(r, "competence"), Position: maybe(r, "position"), FullName: maybe(r, "name")},
			Business: hub.BusinessInfo{EarlierID: maybe(r, "earlier"), Reason: maybe(r, "reason")},
		},
		Trace: []hub.Hop{{Agency: "000.00.00.H47", Time: time.Unix(int64(rapid.IntRange(0, 4e9).Draw(r, "time")), 0).UTC()}},
	}
	d := &s.Document
	d.PaperFollows = rapid.Bool().Draw(r, "paper")
	d.SteeringType = rapid.IntRange(0, 3).Draw(r, "steering")
	d.PageAmount = rapid.IntRange(0, 50).Draw(r, "pages")
	if rapid.Bool().Draw(r, "lists") {
		d.Appendixes, d.ToPlaces = []string{text(r, "appendix")}, []string{text(r, "to"), text(r, "to2")}
		d.ResponseFor = []hub.Reference{{Agency: "H47", Number: text(r, "ref"), ExternalID: maybe(r, "ref id"), Promulgated: anyDate(r, "ref date")}}
		d.ResponseTasks = []string{text(r, "task")}
		d.Staff = &hub.Staff{Department: maybe(r, "department"), Name: text(r, "staff")}
		d.Business.InfoChanged = true
		d.Business.Receivers = []hub.ReceiverChange{{Agency: "H47.13", Added: true}, {Agency: "H47.14"}}
		d.Business.Replacements = []hub.ReplacementInfo{{ExternalID: text(r, "replaced"), Agencies: []string{"H47.12"}}}
	}
	for i, name := range rapid.SliceOfN(rapid.SampledFrom([]string{"a.pdf", "b.docx", "c.xlsx", "d.zip", "e", "f.PDF", "g h.Zip", "tệp.png"}), 0, 3).Draw(r, "files") {
		p := store.put(hub.PartName(i+1), name, rapid.SliceOfN(rapid.Byte(), 1, 2000).Draw(r, "content"))
		if p.Role = hub.RoleAttachment; i == 0 {
			p.Role = hub.RoleOriginal
		}
		p.MediaType = mediaTypeOf(name)
		s.Parts = append(s.Parts, p)
	}
	return s
}

func mediaTypeOf(name string) string {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".pdf":
		return "application/pdf"
	case ".docx":
		return "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
	case ".xlsx":
		return "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	case ".png":
		return "image/png"
	case ".zip":
		return "application/zip"
	}
	return "application/octet-stream"
}

func TestStatusEncodeThenDecode(t *testing.T) {
	m := hub.StatusMessage{
		From: "000.00.12.H47", For: hub.Reference{Agency: "H47", Number: "173/UBND-KSTTHC", ExternalID: "x", Promulgated: "2020-01-10"},
		Code: hub.StatusRefused, Description: "Gửi sai nơi nhận <&>", Staff: &hub.Staff{Name: "Lê Văn Mẫu"},
		StatedAt: time.Date(2020, 1, 10, 9, 20, 0, 0, time.UTC),
	}
	var out bytes.Buffer
	if err := edxml.New(edxml.Options{}).EncodeStatus(&out, m); err != nil {
		t.Fatal(err)
	}
	pkg, _, err := decode(t, out.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	pkg.Status.Envelope = nil
	if !reflect.DeepEqual(*pkg.Status, m) {
		t.Errorf("got %+v\nwant %+v", *pkg.Status, m)
	}
	if !bytes.Contains(out.Bytes(), []byte("<edXML:Timestamp>2020/01/10 16:20:00<")) {
		t.Error("times in packages are Vietnam time")
	}
}

// The schema that we publish accepts what we write, and the real samples.
func TestSchemaAcceptsWhatWeWrite(t *testing.T) {
	xmllint, err := exec.LookPath("xmllint")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("xmllint is missing")
		}
		t.Skip("xmllint is not installed")
	}
	dir := t.TempDir()
	for name, content := range map[string][]byte{"document.xsd": schemas.EdXMLDocument(), "status.xsd": schemas.EdXMLStatus()} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	validate := func(schema string, content []byte) error {
		cmd := exec.CommandContext(t.Context(), xmllint, "--noout", "--huge", "--schema", filepath.Join(dir, schema), "-")
		cmd.Stdin = bytes.NewReader(content)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	}
	example := rapid.Custom(func(r *rapid.T) []byte {
		store := newMemory()
		return encode(t, store, anySubmission(r, store))
	})
	for seed := range 25 {
		if err := validate("document.xsd", example.Example(seed)); err != nil {
			t.Fatal(err)
		}
	}
	if err := validate("document.xsd", []byte(`<edXML xmlns="`+edxml.Namespace+`"><Other/></edXML>`)); err == nil {
		t.Error("the schema accepts anything")
	}
	files, _ := filepath.Glob(samples + "/*.edxml")
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		schema := "status.xsd"
		if strings.HasPrefix(filepath.Base(file), "edoc") {
			schema = "document.xsd"
		}
		if err := validate(schema, raw); (err == nil) == (filepath.Base(file) == "edoc.edxml") {
			t.Errorf("%s: %v", filepath.Base(file), err)
		}
	}
}

// good is a small package; CONTENT stands for its attachment.
func good(t testing.TB) string {
	store := newMemory()
	return string(encode(t, store, hub.Submission{
		Sender: "000.00.00.H47", Recipients: []string{"000.00.12.H47"}, ExternalID: "id", Operation: hub.OperationNew,
		Document: hub.Document{CodeNumber: "1", CodeNotation: "UBND", Subject: "S", Promulgated: "2020-01-10"},
		Parts:    []hub.Part{store.put("p1", "a.pdf", []byte("%PDF-1.4 content"))},
	}))
}

func TestTolerance(t *testing.T) {
	base := good(t)
	content := base64.StdEncoding.EncodeToString([]byte("%PDF-1.4 content"))
	edit := strings.NewReplacer
	for name, raw := range map[string]string{
		"byte order mark":           "\ufeff" + base,
		"no declaration":            strings.SplitN(base, "\r\n", 2)[1],
		"other prefix":              edit("edXML:", "a:", "xmlns:edXML", "xmlns:a").Replace(base),
		"no prefix":                 edit("edXML:", "").Replace(strings.ReplaceAll(base, ` xmlns:edXML="`+edxml.Namespace+`"`, "")),
		"undeclared prefix outside": edit("<AttachmentEncoded>", "<edXML:AttachmentEncoded>", "</AttachmentEncoded>", "</edXML:AttachmentEncoded>").Replace(base),
		"comments":                  edit("<edXML:Subject>S", "<!-- a > b --><edXML:Subject><!-- x -->S").Replace(base),
		"CDATA":                     edit("<edXML:Subject>S<", "<edXML:Subject><![CDATA[S]]><").Replace(base),
		"wrapped base64":            edit(content, content[:7]+"\r\n  "+content[7:11]+"\n"+content[11:]).Replace(base),
		"no padding":                edit(content, strings.TrimRight(content, "=")).Replace(base),
		"comment in content":        edit(content, content[:8]+"<!-- c -->"+content[8:]).Replace(base),
		"content before its name":   edit("<AttachmentName>a.pdf</AttachmentName>", "", "</Attachment>", "<AttachmentName>a.pdf</AttachmentName></Attachment>").Replace(base),
		"root of another name":      edit("<edXML xmlns", "<package xmlns", "</edXML>\r\n", "</package>").Replace(base),
		"no business":               regexpCut(base, "<edXML:Bussiness>", "</edXML:Bussiness>"),
		"spaces around":             edit(">000.00.12.H47<", "> 000.00.12.H47\n<").Replace(base),
		"unknown element":           edit("<edXML:Subject>", "<edXML:Future a='>'>x</edXML:Future><edXML:Subject>").Replace(base),
		"date with time":            edit("2020/01/10<", "2020/1/10 00:00:00<").Replace(base),
	} {
		t.Run(name, func(t *testing.T) {
			pkg, store, err := decode(t, []byte(raw))
			if err != nil {
				t.Fatal(err)
			}
			s := pkg.Submission
			if s.Recipients[0] != "000.00.12.H47" || s.Document.Subject != "S" || s.Document.Promulgated != "2020-01-10" || len(s.Parts) != 1 {
				t.Errorf("%+v", s)
			}
			if string(store.held[s.Parts[0].Digest]) != "%PDF-1.4 content" {
				t.Errorf("content %q", store.held[s.Parts[0].Digest])
			}
		})
	}
}

// TestBuilderForDotNet: packages of the builder for .NET say more of themselves and write
// the first day of year 1 for a date that nobody set.
func TestBuilderForDotNet(t *testing.T) {
	base := good(t)
	for was, is := range map[string]string{
		`<edXML xmlns=`:          `<edXML xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns=`,
		`<edXML:TraceHeaderList`: `<edXML:TraceHeaderList id="x" version="1.0" mustUnderstand="1" actor="http://schemas.xmlsoap.org/soap/actor/next"`,
		`</edXML:edXMLHeader>`:   `<edXML:DigitalSignature /></edXML:edXMLHeader>`,
		`<edXML:Reference>`:      `<edXML:Reference xmlns:xlink="http://www.w3.org/1999/xlink" xlink:href="cid:1" xlink:role="XLinkRole" xlink:type="simple">`,
		`</edXML:MessageHeader>`: `<edXML:DueDate>0001/01/01</edXML:DueDate><edXML:ResponseFor><edXML:OrganId /><edXML:Code /><edXML:PromulgationDate>0001/01/01</edXML:PromulgationDate><edXML:DocumentId /></edXML:ResponseFor></edXML:MessageHeader>`,
		`<ContentId>cid:`:        `<ContentId>`, // without its prefix behind the envelope
	} {
		if !strings.Contains(base, was) {
			t.Fatalf("the package has no %s", was)
		}
		base = strings.ReplaceAll(base, was, is)
	}
	pkg, _, err := decode(t, []byte(base))
	if err != nil {
		t.Fatal(err)
	}
	if s := pkg.Submission; s.Document.DueDate != "" || len(s.Document.ResponseFor) != 0 || s.Document.Promulgated != "2020-01-10" || len(s.Parts) != 1 {
		t.Errorf("%+v", s)
	}
}

func regexpCut(s, open, end string) string {
	i, j := strings.Index(s, open), strings.Index(s, end)
	return s[:i] + s[j+len(end):]
}

// Chunk boundaries must not matter.
func TestOneByteAtATime(t *testing.T) {
	raw := []byte(good(t))
	whole, _, err := decode(t, raw)
	if err != nil {
		t.Fatal(err)
	}
	slow, err := edxml.New(edxml.Options{}).Decode(t.Context(), iotest.OneByteReader(bytes.NewReader(raw)), newMemory())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(whole, slow); diff != "" {
		t.Error(diff)
	}
}

func TestReadFailureIsNotTheSendersFault(t *testing.T) {
	raw := []byte(good(t))
	broken := errors.New("connection reset")
	for _, at := range []int{0, 10, len(raw) / 2, len(raw) - 300} {
		r := io.MultiReader(bytes.NewReader(raw[:at]), iotest.ErrReader(broken))
		_, err := edxml.New(edxml.Options{}).Decode(t.Context(), r, newMemory())
		if !errors.Is(err, broken) {
			t.Errorf("after %d bytes: %v", at, err)
		}
	}
}

// zipped packs files into a ZIP.
func zipped(t testing.TB, names ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, n := range names {
		f, err := w.Create(n)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte("content of " + n)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestZIPAttachments(t *testing.T) {
	content := base64.StdEncoding.EncodeToString([]byte("%PDF-1.4 content"))
	with := func(zip []byte, edits ...string) string {
		edits = append(edits, content, base64.StdEncoding.EncodeToString(zip), "<ContentType>application/pdf", "<ContentType>application/zip")
		return strings.NewReplacer(edits...).Replace(good(t))
	}
	one := zipped(t, "uuid.pdf")
	damaged := bytes.Clone(one)
	damaged[len("PKxx")+40] ^= 1
	for name, c := range map[string]struct{ raw, rule string }{
		"one file":            {with(one), ""},
		"no content type":     {with(one, "<ContentType>application/pdf</ContentType>", ""), ""},
		"content type last":   {with(one, "<ContentType>application/pdf</ContentType>", "", "</Attachment>", "<ContentType>application/zip</ContentType></Attachment>"), ""},
		"two files":           {with(zipped(t, "a.pdf", "b.pdf")), "zip_entries"},
		"no file":             {with(zipped(t)), "zip"},
		"parent folder":       {with(zipped(t, "../a.pdf")), "zip_entry_name"},
		"backslash":           {with(zipped(t, `..\a.pdf`)), "zip_entry_name"},
		"folder":              {with(zipped(t, "dir/a.pdf")), "zip_entry_name"},
		"drive":               {with(zipped(t, "C:a.pdf")), "zip_entry_name"},
		"damaged":             {with(damaged), "zip"},
		"cut off":             {with(one[:len(one)-30]), "zip"},
		"not a ZIP":           {with([]byte("no zip at all, only text")), "zip"},
		"two files, late":     {with(zipped(t, "a", "b"), "<ContentType>application/pdf</ContentType>", "", "</Attachment>", "<ContentType>application/zip</ContentType></Attachment>"), "zip_entries"},
		"a ZIP stays a ZIP":   {with(one, "a.pdf</AttachmentName>", "a.zip</AttachmentName>"), ""},
		"octets stay as sent": {strings.ReplaceAll(good(t), "<ContentType>application/pdf", "<ContentType>application/octet-stream"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			pkg, store, err := decode(t, []byte(c.raw))
			var e *hub.Error
			switch {
			case c.rule != "" && (!errors.As(err, &e) || e.Rule != c.rule):
				t.Errorf("%v, want rule %s", err, c.rule)
			case c.rule == "" && err != nil:
				t.Error(err)
			case c.rule == "" && strings.HasPrefix(name, "a ZIP") && !bytes.Equal(store.held[pkg.Submission.Parts[0].Digest], one):
				t.Error("a ZIP that was attached as such was unpacked")
			case name == "one file" && string(store.held[pkg.Submission.Parts[0].Digest]) != "content of uuid.pdf":
				t.Error("the file in the ZIP is not the content")
			}
		})
	}
}

func TestLimits(t *testing.T) {
	raw := good(t)
	deep := strings.Replace(raw, "<edXML:Subject>", strings.Repeat("<edXML:a>", 40)+strings.Repeat("</edXML:a>", 40)+"<edXML:Subject>", 1)
	many := strings.Replace(raw, "<edXML:Subject>", strings.Repeat("<edXML:a/>", 500)+"<edXML:Subject>", 1)
	for name, c := range map[string]struct {
		raw    string
		limits edxml.Limits
		rule   string
	}{
		"package":     {raw, edxml.Limits{Package: 500}, "max_size"},
		"header":      {raw, edxml.Limits{Header: 500}, "max_header"},
		"attachment":  {raw, edxml.Limits{Attachment: 5}, "max_size"},
		"depth":       {deep, edxml.Limits{}, "max_elements"},
		"elements":    {many, edxml.Limits{Elements: 300}, "max_elements"},
		"long tag":    {strings.Replace(raw, "<edXML:Subject>", "<edXML:Subject a='"+strings.Repeat("x", 2<<20)+"'>", 1), edxml.Limits{}, "max_header"},
		"endless tag": {raw[:200] + "<" + strings.Repeat("x", 2<<20), edxml.Limits{}, "max_header"},
	} {
		t.Run(name, func(t *testing.T) {
			store := newMemory()
			_, err := edxml.New(edxml.Options{Limits: c.limits}).Decode(t.Context(), strings.NewReader(c.raw), store)
			var e *hub.Error
			if !errors.As(err, &e) || e.Kind != hub.KindTooLarge || e.Rule != c.rule {
				t.Errorf("%v, want too_large %s", err, c.rule)
			}
			if store.open != 0 || len(store.held) != 0 {
				t.Error("something was left behind")
			}
		})
	}
}

// discard is a store that keeps nothing.
type discard struct{}

func (discard) CreateBlob(context.Context) (hub.BlobWriter, error) { return &counter{}, nil }

type counter struct{ n int64 }

func (c *counter) Write(p []byte) (int, error) { c.n += int64(len(p)); return len(p), nil }
func (c *counter) Commit() (hub.Digest, int64, error) {
	return hub.Digest{}, c.n, nil
}
func (*counter) Discard() {}

// packageOf is a reader over a package whose attachment has size bytes, without
// the package ever being in memory.
func packageOf(t testing.TB, size int64) io.Reader {
	t.Helper()
	before, after, _ := strings.Cut(good(t), base64.StdEncoding.EncodeToString([]byte("%PDF-1.4 content")))
	return io.MultiReader(strings.NewReader(before), io.LimitReader(letters{}, size/3*4), strings.NewReader(after))
}

// letters is endless Base64.
type letters struct{}

func (letters) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'A' + byte(i%16)
	}
	return len(p), nil
}

// Memory must not grow with the size of what is attached.
func TestMemoryStaysFlat(t *testing.T) {
	const size = 256 << 20
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	pkg, err := edxml.New(edxml.Options{}).Decode(t.Context(), packageOf(t, size), discard{})
	if err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if got := pkg.Submission.Parts[0].Size; got != size/3*3 {
		t.Errorf("%d bytes arrived, want %d", got, size/3*3)
	}
	if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 4<<20 {
		t.Errorf("%d bytes were allocated for an attachment of %d", allocated, size)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(good(f)))
	f.Add([]byte(`<edXML xmlns="` + edxml.Namespace + `"><edXMLEnvelope><edXMLHeader><MessageHeader><StatusCode>01</StatusCode></MessageHeader></edXMLHeader></edXMLEnvelope></edXML>`))
	f.Add([]byte("<a><!-- --><![CDATA[]]><?x?></a>"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		pkg, store, err := decode(t, raw)
		if err != nil || pkg.Submission == nil {
			return
		}
		if !bytes.Equal(store.held[pkg.Submission.Envelope.Digest], raw) {
			t.Fatal("the package was not kept as it came")
		}
		// What was understood can be written, and is understood again.
		again := encode(t, store, *pkg.Submission)
		if _, _, err := decode(t, again); err != nil {
			t.Fatalf("%v\n%q", err, again)
		}
	})
}

func BenchmarkDecode200KB(b *testing.B) {
	store := newMemory()
	raw := encode(b, store, hub.Submission{
		Sender: "000.00.00.H47", Recipients: []string{"000.00.12.H47"}, ExternalID: "id", Operation: hub.OperationNew,
		Document: hub.Document{CodeNumber: "1", CodeNotation: "UBND", Subject: "S", Promulgated: "2020-01-10"},
		Parts:    []hub.Part{store.put("p1", "a.pdf", bytes.Repeat([]byte("0123456789abcdef"), 200<<10/16))},
	})
	codec := edxml.New(edxml.Options{})
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := codec.Decode(b.Context(), bytes.NewReader(raw), discard{}); err != nil {
			b.Fatal(err)
		}
	}
}
