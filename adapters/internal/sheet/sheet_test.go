package sheet

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"
)

func table() *Table {
	return &Table{
		Above: []string{"ỦY BAN NHÂN DÂN TỈNH QUẢNG NAM"}, Title: "SỔ ĐĂNG KÝ VĂN BẢN ĐI", Below: []string{"Từ 01/11/2026 đến 30/11/2026"},
		Columns: []Column{{Name: "Số, ký hiệu", Width: 0.2}, {Name: "Tên loại và trích yếu nội dung", Width: 0.5}, {Name: "Nơi nhận", Width: 0.3}},
		Page:    "Trang", Unsaid: "Không có văn bản nào",
	}
}

// written writes rows with one of the writers.
func written(t *testing.T, begin func(io.Writer, *Table) (Writer, error), to io.Writer, rows ...[]string) {
	t.Helper()
	w, err := begin(to, table())
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		if err := w.Row(row); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func newPDF(w io.Writer, t *Table) (Writer, error)  { return NewPDF(w, t) }
func newXLSX(w io.Writer, t *Table) (Writer, error) { return NewXLSX(w, t) }

// run calls a tool of Debian's; without it the test is skipped, in CI it fails.
func run(t *testing.T, tool string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(tool)
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	out, err := exec.CommandContext(t.Context(), path, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", tool, err, out)
	}
	return string(out)
}

// TestPDF: another program finds every word again, on as many pages as it takes, also
// where the marks of letters came apart, and of rows higher than a page.
func TestPDF(t *testing.T) {
	rows := [][]string{{"173/UBND-KSTTHC", "V/v đẩy mạnh ca\u0309i cách\nhành chính (=1+1)", "Sở Nội vụ; Xã Ngọc Phượng 🏛"}}
	for i := range 120 {
		rows = append(rows, []string{fmt.Sprintf("%d/BC-SNV", i), "Báo cáo kết quả kiểm soát thủ tục hành chính quý IV năm 2026 trên địa bàn tỉnh", "Sở Tư pháp"})
	}
	long := strings.Repeat("Nghị quyết của Hội đồng nhân dân về dự toán. ", 200)
	rows = append(rows, []string{"cuối", long, strings.Repeat("ư", 500)})
	file := filepath.Join(t.TempDir(), "so.pdf")
	var b bytes.Buffer
	written(t, newPDF, &b, rows...)
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	text := strings.Join(strings.Fields(run(t, "pdftotext", "-layout", file, "-")), " ")
	for _, want := range []string{
		"ỦY BAN NHÂN DÂN TỈNH QUẢNG NAM", "SỔ ĐĂNG KÝ VĂN BẢN ĐI", "173/UBND-KSTTHC", "đẩy mạnh cải cách", "hành chính (=1+1)",
		"Sở Nội vụ; Xã Ngọc Phượng ?", "119/BC-SNV", "Trang 5",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in the text", want)
		}
	}
	if got := strings.Count(text, "toán."); got != 200 { // a word apart: lines of other columns lie between
		t.Errorf("%d of 200 sentences of the long row are there", got)
	}
	if got := strings.Count(text, "Số, ký hiệu"); got != strings.Count(text, "Trang ") {
		t.Errorf("the columns are named %d times", got)
	}
	run(t, "qpdf", "--check", file)

	b.Reset()
	written(t, newPDF, &b)
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if text := run(t, "pdftotext", file, "-"); !strings.Contains(text, "Không có văn bản nào") {
		t.Errorf("an empty table says %q", text)
	}
}

// TestXLSX: every cell is the text that was given, whatever it looks like.
func TestXLSX(t *testing.T) {
	row := []string{"01/02", "=HYPERLINK(\"http://x\")", "Sở Nội vụ\x00 & <b>"}
	var b bytes.Buffer
	written(t, newXLSX, &b, row, []string{"007", strings.Repeat("đ", 40000), ""})
	f, err := excelize.OpenReader(&b)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got, err := f.GetRows("1")
	if err != nil || len(got) != 7 {
		t.Fatalf("%d rows, %v", len(got), err)
	}
	if got[1][0] != "SỔ ĐĂNG KÝ VĂN BẢN ĐI" || strings.Join(got[4], "|") != "Số, ký hiệu|Tên loại và trích yếu nội dung|Nơi nhận" {
		t.Errorf("above the rows stand %q", got[:5])
	}
	if strings.Join(got[5], "|") != `01/02|=HYPERLINK("http://x")|Sở Nội vụ & <b>` || got[6][0] != "007" || len([]rune(got[6][1])) != maxCell {
		t.Errorf("the rows are %.200q", got[5:])
	}
	if formula, err := f.GetCellFormula("1", "B6"); err != nil || formula != "" {
		t.Errorf("a text became the formula %q, %v", formula, err)
	}
}

// TestMemory: what is in memory does not grow with the rows.
func TestMemory(t *testing.T) {
	cells := []string{"173/UBND-KSTTHC", strings.Repeat("Về việc đẩy mạnh cải cách thủ tục hành chính ", 3), "Sở Nội vụ; Sở Tư pháp"}
	for name, begin := range map[string]func(io.Writer, *Table) (Writer, error){"pdf": newPDF, "xlsx": newXLSX} {
		w, err := begin(io.Discard, table())
		if err != nil {
			t.Fatal(err)
		}
		heap := func(rows int) uint64 {
			for range rows {
				if err := w.Row(cells); err != nil {
					t.Fatal(err)
				}
			}
			var m runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&m)
			return m.HeapAlloc
		}
		const room = 24 << 20 // what excelize keeps before it goes to a file
		before, after := heap(1000), heap(30000)
		if after > before+room {
			t.Errorf("%s: 30,000 rows take %d MiB", name, (after-before)>>20)
		}
		t.Logf("%s: %d KiB, then %d KiB", name, before>>10, after>>10)
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
