package app_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/lienthong/lienthong/hub"
)

var carriedReport = regexp.MustCompile(`name="(report|proof)" value="([^"]+)"`)

// savedReports: the report of an examination in both forms, with every check that was
// made, and no other than what the hub made for this person.
func savedReports(t *testing.T, auditor *person, shown page) {
	t.Helper()
	found := carriedReport.FindAllStringSubmatch(shown.text, -1)
	if len(found) != 2 {
		t.Fatalf("the page carries %d of report and proof", len(found))
	}
	report, proof := found[0][2], found[1][2]
	saved := auditor.post("/examine/report", "report", report, "proof", proof, "as", "json")
	var e struct {
		Hub    string
		Report hub.FileReport
	}
	if err := json.Unmarshal([]byte(saved.text), &e); err != nil {
		t.Fatalf("%v in %.300s", err, saved.text)
	}
	if e.Hub == "" || e.Report.Name != "công văn.pdf" || len(e.Report.Signatures) == 0 || len(e.Report.Signatures[0].Checks) == 0 {
		t.Fatalf("the report is %.500s", saved.text)
	}
	contains(t, saved.header.Get("Content-Disposition"), "attachment", ".json")
	text := printed(t, auditor.post("/examine/report", "report", report, "proof", proof, "as", "pdf"))
	contains(t, text, "BÁO CÁO KIỂM TRA TỆP", e.Report.SHA256.String(), "công văn.pdf", "Nguyễn Văn Ví Dụ", "Thời điểm ký")
	contains(t, strings.Join(strings.Fields(text), " "), "Chi tiết kỹ thuật (tiếng Anh): ", "thêm một chữ ký trong trường")
	results := strings.Count(text, " Đạt") + strings.Count(text, " Không đạt") + strings.Count(text, " Không kiểm tra")
	checks := 0
	for _, s := range e.Report.Signatures {
		checks += len(s.Checks)
	}
	if results < checks {
		t.Errorf("%d of %d checks are in the PDF: %s", results, checks, text)
	}
	for name, forged := range map[string][]string{
		"other report": {"report", "A" + report, "proof", proof}, "no proof": {"report", report}, "other proof": {"report", report, "proof", strings.ToUpper(proof)},
	} {
		if got := auditor.post("/examine/report", forged...); got.status != http.StatusForbidden {
			t.Errorf("%s gets %d", name, got.status)
		}
	}
}
