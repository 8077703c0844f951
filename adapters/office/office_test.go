package office

import (
	"archive/zip"
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/lienthong/lienthong/hub"
)

// docx makes a document of parts; those that are not given are those of a plain one.
func docx(t *testing.T, parts map[string]string) []byte {
	t.Helper()
	all := map[string]string{typesPart: typesBody, "_rels/.rels": relationsBody, mainPart: documentOpen + documentClose}
	for name, body := range parts {
		all[name] = body
	}
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for name, body := range all {
		if body == "-" {
			continue
		}
		f, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(f, body)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func partOf(t *testing.T, content []byte, name string) string {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	f, err := z.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func word(body string) string { return documentOpen + body + documentClose }

// TestFill: placeholders are filled wherever the word processor broke them, in the text, in
// heads and in boxes; everything else stays byte for byte, and a value is text.
func TestFill(t *testing.T) {
	const look = `<w:r><w:rPr><w:b/></w:rPr><w:t>`
	content := docx(t, map[string]string{
		mainPart: word(`<w:p><w:r><w:t>Gửi {docu</w:t></w:r>` + look + `ments.se</w:t></w:r><w:r><w:t xml:space="preserve">nt} văn bản &amp; </w:t></w:r><w:r><w:t>{period}</w:t></w:r></w:p>` +
			`<w:p><w:r><w:t>{khong phai} { } {agency</w:t></w:r></w:p><w:p><w:r><w:t>}</w:t></w:r></w:p>` +
			`<w:p><w:r><w:t>ngoài {day}</w:t></w:r><w:txbxContent><w:p><w:r><w:t>hộp {units}{day}</w:t></w:r></w:p></w:txbxContent></w:p>`),
		"word/header1.xml": word(`<w:p><w:r><w:t>{agency}</w:t></w:r></w:p>`),
		"word/other.xml":   word(`<w:p><w:r><w:t>{agency}</w:t></w:r></w:p>`),
		"word/media/a.png": "ảnh {agency}",
	})
	names, err := Office{}.Placeholders(content)
	if err != nil || len(names) != 5 {
		t.Fatalf("placeholders %v, %v", names, err)
	}
	for _, want := range []string{"documents.sent", "period", "day", "units", "agency"} {
		if !strings.Contains(strings.Join(names, " "), want) {
			t.Errorf("%s is not among %v", want, names)
		}
	}
	var out bytes.Buffer
	values := map[string]string{"documents.sent": "12", "period": "<quý I>", "day": "02/03/2026", "units": "", "agency": "Sở Nội vụ"}
	if err := (Office{}).Fill(&out, content, values); err != nil {
		t.Fatal(err)
	}
	main := partOf(t, out.Bytes(), mainPart)
	for _, want := range []string{
		`<w:t xml:space="preserve">Gửi 12</w:t></w:r>` + `<w:r><w:rPr><w:b/></w:rPr><w:t xml:space="preserve"></w:t></w:r><w:r><w:t xml:space="preserve"> văn bản &amp; </w:t></w:r><w:r><w:t xml:space="preserve">&lt;quý I&gt;</w:t>`,
		`<w:t>{khong phai} { } {agency</w:t></w:r></w:p><w:p><w:r><w:t>}</w:t>`,
		`<w:t xml:space="preserve">ngoài 02/03/2026</w:t>`, `<w:t xml:space="preserve">hộp 02/03/2026</w:t>`,
	} {
		if !strings.Contains(main, want) {
			t.Errorf("%s\nis not in\n%s", want, main)
		}
	}
	for name, want := range map[string]string{"word/header1.xml": "Sở Nội vụ", "word/other.xml": "{agency}", "word/media/a.png": "ảnh {agency}", typesPart: typesBody} {
		if got := partOf(t, out.Bytes(), name); !strings.Contains(got, want) {
			t.Errorf("%s: %s", name, got)
		}
	}
	if again, err := (Office{}).Placeholders(out.Bytes()); err != nil || len(again) != 0 {
		t.Errorf("what was filled has placeholders %v, %v", again, err)
	}
}

// TestRefusedDocuments: what is more than a plain document is refused by its rule, before
// anything of it is kept.
func TestRefusedDocuments(t *testing.T) {
	field := func(order string) string {
		return word(`<w:p><w:r><w:instrText>` + order + `</w:instrText></w:r></w:p>`)
	}
	relation := func(kind, mode string) string {
		return `<Relationships xmlns="x"><Relationship Type="http://x/` + kind + `" Target="http://x" TargetMode="` + mode + `"/></Relationships>`
	}
	many := map[string]string{}
	for i := range maxEntries {
		many["word/media/"+strings.Repeat("x", i+1)] = "x"
	}
	for name, c := range map[string]struct {
		parts map[string]string
		rule  string
	}{
		"no text":           {map[string]string{mainPart: "-"}, "docx"},
		"no types":          {map[string]string{typesPart: "-"}, "docx"},
		"macros":            {map[string]string{"word/vbaProject.bin": "x"}, "active"},
		"types of macros":   {map[string]string{typesPart: strings.Replace(typesBody, "document.main+xml", "document.macroEnabled.main+xml", 1)}, "active"},
		"an object":         {map[string]string{"word/embeddings/oleObject1.bin": "x"}, "active"},
		"a template":        {map[string]string{"word/_rels/settings.xml.rels": relation("attachedTemplate", "External")}, "external"},
		"a picture":         {map[string]string{"word/_rels/document.xml.rels": relation("image", "external")}, "external"},
		"a field":           {map[string]string{mainPart: field(`DDEAUTO c:\\x`)}, "active"},
		"a simple field":    {map[string]string{mainPart: word(`<w:p><w:fldSimple w:instr=" INCLUDETEXT x "/></w:p>`)}, "active"},
		"a way out":         {map[string]string{"word/../../x": "x"}, "docx"},
		"an entity":         {map[string]string{mainPart: `<!DOCTYPE x [<!ENTITY a "b">]>` + word("")}, "docx"},
		"a broken text":     {map[string]string{mainPart: documentOpen + `<w:p><w:t>`}, "docx"},
		"a broken relation": {map[string]string{"_rels/.rels": "<"}, "docx"},
		"too many parts":    {many, "max_items"},
		"too large a text":  {map[string]string{mainPart: word("<!--" + strings.Repeat("x", maxPart) + "-->")}, "max_size"},
	} {
		_, err := Office{}.Placeholders(docx(t, c.parts))
		if err == nil {
			t.Errorf("%s is taken", name)
			continue
		}
		if e := hub.ViolationsOf(err)[0]; e.Rule != c.rule || e.Field != "file" {
			t.Errorf("%s: %v, want %s", name, err, c.rule)
		}
	}
	for _, content := range []string{"", "PK", "không phải zip"} {
		if _, err := (Office{}).Placeholders([]byte(content)); err == nil || hub.KindOf(err) != hub.KindInvalid {
			t.Errorf("%q: %v", content, err)
		}
	}
	link := map[string]string{"word/_rels/document.xml.rels": relation("hyperlink", "External"), mainPart: field(` HYPERLINK "https://example.vn" `)}
	if _, err := (Office{}).Placeholders(docx(t, link)); err != nil {
		t.Errorf("a link: %v", err)
	}
}

// TestUnpackedBound: a small file that would fill the memory is refused.
func TestUnpackedBound(t *testing.T) {
	big := strings.Repeat("0", 9<<20)
	parts := map[string]string{}
	for i := range 8 {
		parts["word/media/"+strings.Repeat("x", i+1)] = big
	}
	content := docx(t, parts)
	if len(content) > 1<<20 {
		t.Fatalf("the file has %d bytes", len(content))
	}
	if _, err := (Office{}).Placeholders(content); err == nil || hub.KindOf(err) != hub.KindTooLarge {
		t.Errorf("it is taken: %v", err)
	}
}

// TestWrite: each format is written, with the values in it; the document that is written can
// be taken as a template again.
func TestWrite(t *testing.T) {
	r := &hub.ReportText{
		Left: []string{"Sở <Nội vụ>"}, Right: []string{"CỘNG HÒA"}, Title: "BÁO CÁO quý I", Signed: []string{"GIÁM ĐỐC"},
		Blocks: []hub.ReportTextBlock{{Heading: "I. VĂN BẢN", Text: "Tổng hợp\nhai dòng", Rows: []hub.ReportTextRow{{Label: "Văn bản gửi đi {khong}", Value: "12", Source: "/v1/figures?agency=a"}, {Label: "Tỷ lệ", Value: "98,25"}}}},
	}
	for format, begin := range map[hub.ReportFormat]string{hub.ReportDOCX: "PK", hub.ReportXLSX: "PK", hub.ReportPDF: "%PDF-1.7"} {
		var out bytes.Buffer
		if err := (Office{}).Write(&out, format, r); err != nil || !strings.HasPrefix(out.String(), begin) {
			t.Errorf("%s: %v, %.8q", format, err, out.String())
			continue
		}
		switch format {
		case hub.ReportDOCX:
			text := partOf(t, out.Bytes(), mainPart)
			for _, want := range []string{"Sở &lt;Nội vụ&gt;", ">12<", ">98,25<", "hai dòng", "GIÁM ĐỐC"} {
				if !strings.Contains(text, want) {
					t.Errorf("%s is not in the document", want)
				}
			}
			if names, err := (Office{}).Placeholders(out.Bytes()); err != nil || len(names) != 1 {
				t.Errorf("as a template it has %v, %v", names, err)
			}
		case hub.ReportXLSX:
			text := partOf(t, out.Bytes(), "xl/worksheets/sheet1.xml")
			for _, want := range []string{"<v>12</v>", "98,25", "/v1/figures?agency=a"} {
				if !strings.Contains(text, want) {
					t.Errorf("%s is not in the spreadsheet: %s", want, text)
				}
			}
		}
	}
	if err := (Office{}).Write(io.Discard, "odt", r); err == nil || hub.KindOf(err) != hub.KindInvalid {
		t.Errorf("another format: %v", err)
	}
}
