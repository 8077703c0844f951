package app_test

import (
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest/server"
)

var scoredPaths = regexp.MustCompile(`href="(/evaluations/dossiers\?[^"]*measure=late[^"_a-z]*[^"]*)"`)

// TestEvaluationOnThePages: a leader has the agency evaluated, sees what is not known, opens a
// number to its dossiers, and saves the result; who leads another agency sees nothing of it.
func TestEvaluationOnThePages(t *testing.T) {
	h, decision := deciding(t)
	clerk := h.signIn(t, "van.thu", member(sender, hub.RoleClerk))
	clerk.importList("code,name,field,levels,agency,limit\n1.001193,Đăng ký khai sinh,Hộ tịch,xã,"+sender+",3 ngày làm việc\n", "decision", string(decision), "from", "2025-01-01", "record", "yes").shows(t, "Đã ghi vào danh mục")
	clerk.post("/dossiers", "procedure", "1.001193", "owner", "Khổng Sa", "channel", "online", "received", "2026-03-02T08:00", "key", "k1").shows(t, "260302-0001")

	leader := h.signIn(t, "lanh.dao", member(sender, hub.RoleLeader))
	leader.get("/evaluations?period=2026-03").shows(t, "Chưa có kết quả đánh giá", "Quyết định 766/QĐ-TTg")
	leader.get("/evaluations?period=2026-13").shows(t, `id="wrong-period"`)
	leader.post("/evaluations", "period", "2026-13").shows(t, `id="wrong-period"`)
	shown := leader.post("/evaluations", "period", "2026-03")
	for end := time.Now().Add(server.Patience); !strings.Contains(shown.text, "Điểm đánh giá"); shown = leader.get("/evaluations?period=2026-03") {
		if time.Now().After(end) {
			t.Fatalf("it is not computed: %s", shown.text)
		}
		time.Sleep(50 * time.Millisecond)
	}
	shown.shows(t, "13,95 / 100,00", "Yếu", "<code>publicity_in_time</code>", "Đánh giá lại", "chưa đối chiếu")
	path := scoredPaths.FindStringSubmatch(shown.text)
	if path == nil {
		t.Fatal("the number leads nowhere")
	}
	leader.get(strings.ReplaceAll(path[1], "&amp;", "&")).shows(t, "Hồ sơ quá hạn", "260302-0001", "Hạn theo thời hạn của thủ tục", "Trực tuyến")
	for as, begins := range map[string]string{"xlsx": "PK", "pdf": "%PDF"} {
		if file := leader.get("/evaluations/file?period=2026-03&table=qd766&as=" + as); !strings.HasPrefix(file.text, begins) {
			t.Errorf("the file as %s begins with %.8q", as, file.text)
		}
	}
	leader.send("/language", url.Values{"form": {leader.token()}, "language": {"en"}, "next": {"/evaluations"}})
	leader.get("/evaluations?period=2026-03").shows(t, "Share of dossiers in time", "Not known:")

	other := h.signIn(t, "noi.khac", member(recipient, hub.RoleLeader))
	if got := other.get(strings.ReplaceAll(path[1], "&amp;", "&")); strings.Contains(got.text, "260302-0001") || got.status < 400 {
		t.Errorf("another agency's dossiers: %d", got.status)
	}
}
