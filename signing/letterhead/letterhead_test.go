package letterhead_test

import (
	"bytes"
	"os"
	"testing"
	"time"

	"codeberg.org/go-pdf/fpdf"
	"github.com/go-fonts/liberation/liberationserifregular"
	"golang.org/x/text/unicode/norm"

	"github.com/lienthong/lienthong/signing/letterhead"
)

// printed is one line: where its middle stands, in points from the upper left corner, and
// its text.
type printed struct {
	x, y float64
	text string
}

// pages draws pages of A4 in letters of 13 points.
func pages(t *testing.T, pages ...[]printed) []byte {
	t.Helper()
	doc := fpdf.New("P", "pt", "A4", "")
	doc.AddUTF8FontFromBytes("serif", "", liberationserifregular.TTF)
	doc.SetFont("serif", "", 13)
	for _, page := range pages {
		doc.AddPage()
		for _, l := range page {
			doc.Text(l.x-doc.GetStringWidth(l.text)/2, l.y, l.text)
		}
	}
	var out bytes.Buffer
	if err := doc.Output(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func types() []string { return []string{"Công văn", "Quyết định", "Chỉ thị", "Báo cáo"} }

func read(t *testing.T, pdf []byte) letterhead.Head {
	t.Helper()
	h, err := letterhead.Read(bytes.NewReader(pdf), int64(len(pdf)), types())
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func day(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

func head(number, dated string) []printed {
	return []printed{
		{180, 60, "ỦY BAN NHÂN DÂN"}, {420, 60, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM"},
		{180, 76, "TỈNH QUẢNG NAM"}, {420, 76, "Độc lập - Tự do - Hạnh phúc"},
		{180, 100, number}, {420, 100, dated},
	}
}

func TestRead(t *testing.T) {
	foot := []printed{
		{130, 600, "Nơi nhận:"}, {420, 600, "TM. ỦY BAN NHÂN DÂN"},
		{130, 618, "- Như trên;"}, {420, 618, "KT. CHỦ TỊCH"},
		{150, 636, "- Lưu: VT, KSTTHC."}, {420, 636, "PHÓ CHỦ TỊCH"},
		{420, 740, "Nguyễn Văn Ví Dụ"},
	}
	letter := append(head("Số: 173/UBND-KSTTHC", "Quảng Nam, ngày 10 tháng 01 năm 2020"),
		printed{180, 120, "V/v báo cáo tình hình gửi, nhận"}, printed{180, 136, "văn bản điện tử"},
		printed{300, 180, "Kính gửi: Các Sở, Ban, ngành."},
		printed{300, 220, "Thực hiện Chương trình công tác năm 2020, UBND tỉnh đề nghị các đơn vị báo cáo."})
	decision := append(head("Số:      /QĐ-UBND", "Quảng Nam, ngày      tháng 02 năm 2020"),
		printed{300, 150, "QUYẾT ĐỊNH"}, printed{300, 168, "Về việc công bố Danh mục thủ tục hành chính thuộc thẩm quyền"},
		printed{300, 184, "giải quyết của Sở Nội vụ tỉnh Quảng Nam"},
		printed{300, 220, "CHỦ TỊCH ỦY BAN NHÂN DÂN TỈNH QUẢNG NAM"},
		printed{300, 250, "Căn cứ Luật Tổ chức chính quyền địa phương ngày 19 tháng 6 năm 2015;"})
	report := append(head("Số: 30a/2020/BC-SNV", "Quảng Nam, ngày 31 tháng 12 năm 2019"),
		printed{300, 150, "BÁO CÁO"}, printed{300, 166, "Kết quả cải cách hành chính năm 2019"},
		printed{300, 195, "Năm 2019, tỉnh Quảng Nam đã triển khai đồng bộ các nhiệm vụ."})
	for name, c := range map[string]struct {
		pdf  []byte
		want letterhead.Head
	}{
		"letter, foot on the same page": {pages(t, append(letter, foot...)), letterhead.Head{
			Number: "173", Notation: "UBND-KSTTHC", Type: "Công văn", Subject: "Báo cáo tình hình gửi, nhận văn bản điện tử",
			Place: "Quảng Nam", Date: day(2020, 1, 10), Position: "Phó Chủ tịch", Signer: "Nguyễn Văn Ví Dụ",
		}},
		"decision whose number and day are yet to be written": {pages(t, decision, nil, foot), letterhead.Head{
			Notation: "QĐ-UBND", Type: "Quyết định", Subject: "Công bố Danh mục thủ tục hành chính thuộc thẩm quyền giải quyết của Sở Nội vụ tỉnh Quảng Nam",
			Position: "Phó Chủ tịch", Signer: "Nguyễn Văn Ví Dụ",
		}},
		"report with a year in its notation and no foot": {pages(t, report), letterhead.Head{
			Number: "30a", Notation: "2020/BC-SNV", Type: "Báo cáo", Subject: "Kết quả cải cách hành chính năm 2019",
			Place: "Quảng Nam", Date: day(2019, 12, 31),
		}},
		"no day of any calendar": {pages(t, head("Số 5/TB-VP", "Hội An, ngày 31 tháng 02 năm 2020")), letterhead.Head{
			Number: "5", Notation: "TB-VP", Place: "Hội An",
		}},
		"nothing is written": {pages(t, nil), letterhead.Head{}},
		"a text about documents": {pages(t, []printed{
			{300, 100, "Báo cáo số 12/BC-SNV ngày 01 tháng 01 năm 2019 nêu rõ các kết quả."},
			{300, 120, "Quyết định này có hiệu lực kể từ ngày ký."},
		}), letterhead.Head{}},
	} {
		if got := read(t, c.pdf); got != c.want {
			t.Errorf("%s:\n got %+v\nwant %+v", name, got, c.want)
		}
	}
}

// A browser prints other fonts, forms and streams than our own library.
func TestReadFromABrowser(t *testing.T) {
	pdf, err := os.ReadFile("testdata/browser.pdf")
	if err != nil {
		t.Fatal(err)
	}
	want := letterhead.Head{
		Number: "2773", Notation: "BC-SNV", Type: "Báo cáo",
		Subject: "Kết quả công tác cải cách hành chính năm 2019 và phương hướng nhiệm vụ năm 2020 của tỉnh Quảng Nam",
		Place:   "Quảng Nam", Date: day(2019, 12, 31),
	}
	if got := read(t, pdf); got != want {
		t.Errorf("\n got %+v\nwant %+v", got, want)
	}
}

func TestReadJoinsAccents(t *testing.T) {
	pdf := pages(t, head(norm.NFD.String("Số: 1/UBND-VĐ"), "Quảng Nam, ngày 10 tháng 01 năm 2020"))
	if got := read(t, pdf); got.Notation != "UBND-VĐ" {
		t.Errorf("notation %q", got.Notation)
	}
}

func TestReadRefuses(t *testing.T) {
	for name, raw := range map[string]string{"empty": "", "text": "Số: 1/UBND", "broken": "%PDF-1.7\nstartxref\n5\n%%EOF\n"} {
		if h, err := letterhead.Read(bytes.NewReader([]byte(raw)), int64(len(raw)), types()); err == nil {
			t.Errorf("%s: no error and %+v", name, h)
		}
	}
}
