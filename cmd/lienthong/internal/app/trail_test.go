package app_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
)

var shownCheckpoint = regexp.MustCompile(`(?s)<pre class="digest"[^>]*>(.*?)</pre>`)

// checkpoint is the one that the page of the log shows.
func (p *person) checkpoint() string {
	p.Helper()
	for {
		got := p.get("/trail")
		if got.status != http.StatusOK {
			p.Fatalf("%d: %s", got.status, got.text)
		}
		if found := shownCheckpoint.FindStringSubmatch(got.text); found != nil {
			return strings.NewReplacer("&#43;", "+", "&amp;", "&").Replace(found[1])
		}
	}
}

// TestAnAuditorsTrail: an auditor finds a document by its number and by every id, follows
// it, sees each evidence proved, has its bundle verified, and holds the log to a
// checkpoint that was kept.
func TestAnAuditorsTrail(t *testing.T) {
	t.Parallel()
	h := start(t, trustingItself(t))
	senderKey, _ := h.enroll(t)
	c := h.client(t, senderKey)
	sent, err := c.Submit(t.Context(), submission("t-1"), original("Nội dung."), nil)
	if err != nil {
		t.Fatal(err)
	}
	p := h.signIn(t, "kiem.toan", member("", hub.RoleAuditor))
	if home := p.get("/"); home.path != "/trail" {
		t.Errorf("the first page is %s", home.path)
	}
	kept := p.checkpoint()

	dispatch, delivery, receipt := string(sent.Dispatch.ID), string(sent.Deliveries[0].ID), string(sent.Receipt.Evidence.ID)
	for id, path := range map[string]string{
		dispatch: "/trail/dispatch/" + dispatch, delivery: "/trail/dispatch/" + dispatch, receipt: "/trail/evidence/" + receipt,
	} {
		if got := p.get("/trail?find=" + url.QueryEscape(" "+id)); got.path != path {
			t.Errorf("%s leads to %s (%d)", id, got.path, got.status)
		}
	}
	p.get("/trail?agency=000.00.00.H47&find=cai+cach").shows(t, `href="/trail/dispatch/`+dispatch)
	p.get("/trail?agency=000.00.00.H47&find=khong+co").shows(t, "Không tìm thấy")
	p.get("/trail?agency=999.99.99.H99&find=x").shows(t, `id="wrong-agency"`)
	p.get("/trail?find=nothing").shows(t, `id="wrong-find"`)
	p.get("/trail?find="+time.Now().UTC().Format("2006")+"/0").shows(t, `data-label="Vị trí">0<`)

	for shown := false; !shown; { // the log proves it after its next checkpoint
		got := p.get("/trail/evidence/" + receipt)
		if shown = strings.Contains(got.text, "Đạt: mục"); shown {
			got.shows(t, "Điểm kiểm tra mang chữ ký", `href="/trail/dispatch/`+dispatch)
		} else if got.status != http.StatusOK {
			t.Fatalf("%d: %s", got.status, got.text)
		}
	}
	course := p.get("/trail/dispatch/" + dispatch)
	course.shows(t, `href="/trail/evidence/`+receipt, "Chờ tiếp nhận")
	for passed := false; !passed; { // the time-stamp comes within a second
		got := p.post("/trail/dispatch/"+dispatch+"/verify", "delivery", delivery)
		if passed = strings.Contains(got.text, "<strong>đạt</strong> Dấu thời gian"); passed {
			got.shows(t, "Kết quả kiểm tra bộ chứng cứ: Sở Nội vụ", "<strong>đạt</strong> Có trong nhật ký", "<strong>chưa xác định</strong> Chuỗi bằng chứng")
		} else if got.status != http.StatusOK && got.status != http.StatusServiceUnavailable {
			t.Fatalf("%d: %s", got.status, got.text)
		}
	}
	if file := p.get("/documents/" + dispatch + "/bundle?delivery=" + delivery); file.status != http.StatusOK || !strings.HasPrefix(file.text, "PK") {
		t.Errorf("the bundle: %d", file.status)
	}
	p.post("/trail/compare", "kept", kept).shows(t, "không mục nào bị sửa")
	p.post("/trail/compare", "kept", strings.ReplaceAll(kept, "\n", "\r\n")).shows(t, "không mục nào bị sửa")
	lines := strings.SplitN(kept, "\n", 3)
	forged := lines[0] + "\n" + lines[1] + "1\n" + lines[2]
	p.post("/trail/compare", "kept", forged).shows(t, `id="wrong-kept"`, lines[1]+"1")
	p.post("/trail/compare", "kept", "not one").shows(t, `id="wrong-kept"`, "not one")
}
