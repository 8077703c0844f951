package app_test

import (
	"archive/zip"
	"bytes"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lienthong/lienthong/hub"
)

// printed is the text of a register as another program reads it from the PDF.
func printed(t *testing.T, p page) string {
	t.Helper()
	if p.status != http.StatusOK || p.header.Get("Content-Type") != "application/pdf" {
		t.Fatalf("%d, %s: %.300s", p.status, p.header.Get("Content-Type"), p.text)
	}
	_, err := exec.LookPath("pdftotext")
	needed(t, "pdftotext", err)
	file := filepath.Join(t.TempDir(), "so.pdf")
	if err := os.WriteFile(file, []byte(p.text), 0o600); err != nil {
		t.Fatal(err)
	}
	text, err := exec.CommandContext(t.Context(), "pdftotext", "-raw", file, "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(strings.Fields(string(text)), " ")
}

// sheetText is the first worksheet of an XLSX.
func sheetText(t *testing.T, p page) string {
	t.Helper()
	z, err := zip.NewReader(strings.NewReader(p.text), int64(len(p.text)))
	if err != nil {
		t.Fatal(err)
	}
	f, err := z.Open("xl/worksheets/sheet1.xml")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var b bytes.Buffer
	if _, err := io.Copy(&b, f); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func contains(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not in %.1500s", part, text)
		}
	}
}

// TestPrintedRegisters: from sending to all three registers in both forms and languages,
// to the people of the agency alone.
func TestPrintedRegisters(t *testing.T) {
	t.Parallel()
	h, author := author(t)
	reader := h.signIn(t, "van.thu", member(recipient, hub.RoleClerk))
	author.sentLetter(author.get("/send"), append(typedLetter(), "to", recipient)...)
	delivery := reader.newest()
	reader.registers(delivery, "1") // on 2026-11-28
	form := reader.get("/send?answer=" + strings.TrimPrefix(delivery, "/inbox/"))
	reader.sentLetter(form, append(typedLetter(), "number", "9", "notation", "SNV-VP")...)

	const period = "from=2020-01-01&to=2099-12-31"
	author.get("/registers").shows(t, "Sổ đăng ký văn bản đi", "Sổ theo dõi giải quyết văn bản đến", `name="from"`)
	out := printed(t, author.get("/registers/print?book=out&as=pdf&"+period))
	contains(t, out, "SỔ ĐĂNG KÝ VĂN BẢN ĐI", "Từ ngày 01/01/2020 đến ngày 31/12/2099", "174/UBND-KSTTHC", "V/v <gửi> từ trang", "Sở Nội vụ", "Đơn vị, người nhận bản lưu")
	in := printed(t, reader.get("/registers/print?book=in&as=pdf&from=2026-11-28&to=2026-11-28"))
	contains(t, in, "SỔ ĐĂNG KÝ VĂN BẢN ĐẾN", "28/11/2026", "174/UBND-KSTTHC", "Ký nhận")
	if missed := printed(t, reader.get("/registers/print?book=in&as=pdf&from=2026-11-29&to=2026-12-31")); strings.Contains(missed, "174/UBND") || !strings.Contains(missed, "Không có văn bản nào") {
		t.Errorf("another day: %s", missed)
	}
	sheet := reader.get("/registers/print?book=handling&as=xlsx&" + period)
	contains(t, sheetText(t, sheet), "SỔ THEO DÕI GIẢI QUYẾT VĂN BẢN ĐẾN", "174/UBND-KSTTHC", "9/SNV-VP", "Tiến độ giải quyết", "28/11/2026")
	contains(t, sheet.header.Get("Content-Disposition"), "attachment", ".xlsx")

	author.get("/registers/print?book=out&from=2026-02-30&to=2026-03-01").shows(t, `id="wrong-from"`, "Ngày không hợp lệ", `value="2026-02-30"`)
	author.get("/registers/print?book=out&from=2026-03-02&to=2026-03-01").shows(t, `id="wrong-to"`)
	author.get("/registers/print?book=x&"+period).shows(t, `id="wrong-book"`)
	stranger := h.signIn(t, "nguoi.la", member("000.00.13.H47", hub.RoleClerk))
	for _, book := range []string{"out", "in", "handling"} {
		if got := printed(t, stranger.get("/registers/print?book="+book+"&as=pdf&"+period)); strings.Contains(got, "UBND-KSTTHC") {
			t.Errorf("another agency prints %s: %s", book, got)
		}
	}
	auditor := h.signIn(t, "kiem.toan", member("", hub.RoleAuditor))
	if got := auditor.get("/registers/print?book=out&as=pdf&" + period); got.status != http.StatusForbidden {
		t.Errorf("an auditor prints a register: %d", got.status)
	}
	author.post("/language", "language", "en", "next", "/registers")
	contains(t, printed(t, author.get("/registers/print?book=out&as=pdf&"+period)), "REGISTER OF OUTGOING DOCUMENTS", "Recipients")

	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	var noted []string
	for _, note := range notesOf(t, h.config.DataDir, hub.LogNoteReading) {
		if strings.Contains(note, `"register"`) && !strings.Contains(note, "nguoi.la") {
			noted = append(noted, note)
		}
	}
	all := `","from":"2020-01-01","to":"2099-12-31"}`
	for i, want := range []string{ // the newest first
		`{"actor":"tac.gia","register":"outgoing","agency":"h47` + all, `{"actor":"van.thu","register":"incoming","agency":"snv` + all,
		`{"actor":"van.thu","register":"incoming","agency":"snv","from":"2026-11-29","to":"2026-12-31"}`,
		`{"actor":"van.thu","register":"incoming","agency":"snv","from":"2026-11-28","to":"2026-11-28"}`,
		`{"actor":"tac.gia","register":"outgoing","agency":"h47` + all,
	} {
		if i >= len(noted) || noted[i] != want {
			t.Errorf("the log has notes %q, want as %d %s", noted, i, want)
		}
	}
}
