package app_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/sample"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/signing/pki"
)

// letterPDF is a letter as offices write it, signed by a leader and an agency.
func letterPDF(t *testing.T) []byte {
	t.Helper()
	authority, err := pki.New(time.Now(), pki.P256)
	if err != nil {
		t.Fatal(err)
	}
	leader, err := authority.Person("Trần Thị Chứng Thư", "UBND tỉnh Quảng Nam", pki.P256)
	if err != nil {
		t.Fatal(err)
	}
	seal, err := authority.Agency("UBND tỉnh Quảng Nam", pki.P256)
	if err != nil {
		t.Fatal(err)
	}
	letter := sample.Letter{
		Issuer: "ỦY BAN NHÂN DÂN\nTỈNH QUẢNG NAM", Number: "9173/UBND-KSTTHC", Place: "Quảng Nam", Date: time.Date(2026, 2, 20, 0, 0, 0, 0, hub.Vietnam()),
		Subject: "đẩy mạnh công tác cải cách thủ tục hành chính", To: []string{"Các Sở, Ban, ngành."},
		Body:       []string{"UBND tỉnh đề nghị các đơn vị báo cáo."},
		Recipients: []string{"Như trên"}, Authority: "KT. CHỦ TỊCH\nPHÓ CHỦ TỊCH", Signer: "Nguyễn Văn Ví Dụ",
	}
	paper, err := letter.Paper()
	if err != nil {
		t.Fatal(err)
	}
	signed, err := sample.Signers{Leader: leader, Agency: seal}.SignPaper(t.Context(), paper, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// TestFieldsOutOfTheDocument: what a document says of itself stands in the form where
// nobody typed anything, with and without the script of the page.
func TestFieldsOutOfTheDocument(t *testing.T) {
	t.Parallel()
	_, clerk := author(t)
	pdf := letterPDF(t)
	shown := clerk.get("/send")
	today := time.Now().In(hub.Vietnam()).Format("2006-01-02")
	filled := clerk.press("find", shown.carries("number", "5", "notation", "", "subject", "", "signer", "", "position", "", "place", "", "type", "", "date", today).with("original", "a.pdf", pdf))
	filled.shows(t, `value="5"`, `value="UBND-KSTTHC"`, ">Đẩy mạnh công tác cải cách thủ tục hành chính</textarea>",
		`value="Phó Chủ tịch"`, `value="Nguyễn Văn Ví Dụ"`, `value="Quảng Nam"`, `value="Công văn"`, `value="2026-02-20"`,
		"Đã điền theo văn bản: Ký hiệu, Loại văn bản, Trích yếu, Chức vụ người ký, Người ký, Nơi ban hành, Ngày văn bản.")
	typed := clerk.press("find", shown.carries("subject", "Tự viết", "date", "2026-03-01").with("original", "a.pdf", pdf))
	typed.shows(t, ">Tự viết</textarea>", `value="2026-03-01"`, `value="9173"`)
	annex := clerk.press("find", shown.carries("number", "").with("annex", "a.pdf", pdf))
	if strings.Contains(annex.text, "9173") {
		t.Error("an annex filled the form")
	}

	finish := func(name, content string) map[string]string {
		t.Helper()
		_, begun := clerk.values("/send/files", "name", name, "size", fmt.Sprint(len(content)))
		clerk.piece("/send/files/"+begun.Upload+"?offset=0", content, "application/octet-stream")
		status, done := clerk.values("/send/files/"+begun.Upload+"/finish", "name", name, "role", "original")
		if status != http.StatusOK {
			t.Fatal(status, done)
		}
		return done.Said
	}
	if said := finish("a.pdf", string(pdf)); said["number"] != "9173" || said["date"] != "2026-02-20" || len(said) != 8 {
		t.Errorf("the script is told %v", said)
	}
	// Of a scanned letter, all that can be read is who signed.
	if said := finish("scan.pdf", string(signedPDF(t))); said["signer"] == "" || said["number"] != "" {
		t.Errorf("of a page without text the script is told %v", said)
	}
	if said := finish("unsigned.pdf", "%PDF-1.4\nkhông đọc được\n%%EOF"); len(said) != 0 {
		t.Errorf("of a file that nobody can read the script is told %v", said)
	}
}
