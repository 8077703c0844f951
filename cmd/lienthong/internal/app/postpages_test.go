package app_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/lienthong/lienthong/hub"
)

var postPaths = regexp.MustCompile(`href="(/post/[0-9a-f-]{36})"`)

// TestPostOnThePages: a clerk orders the post from the page of a dossier, reports what the
// bill says, finds it in the course of the dossier and in the printed register; lists name
// no owner, and nobody finds the orders of others.
func TestPostOnThePages(t *testing.T) {
	h, decision := deciding(t)
	clerk := h.signIn(t, "van.thu", member(sender, hub.RoleClerk))
	clerk.importList("code,name,field,levels,agency,limit\n1.001193,Đăng ký khai sinh,Hộ tịch,xã,"+sender+",3 ngày làm việc\n", "decision", string(decision), "from", "2025-01-01", "record", "yes").shows(t, "Đã ghi vào danh mục")
	clerk.post("/dossiers", "procedure", "1.001193", "owner", "Khổng <Sa>", "contact", "0900", "channel", "post", "received", "2026-03-02T08:00", "key", "k1").shows(t, "260302-0001")
	dossier := dossierPaths.FindStringSubmatch(clerk.get("/dossiers?all=1").text)[1]
	id := strings.TrimPrefix(dossier, "/dossiers/")
	clerk.get(dossier).shows(t, `href="/post/new?dossier=`+id+`"`)
	clerk.get("/post").shows(t, "Chưa có đơn gửi nào")
	clerk.get("/post/new?dossier="+id).shows(t, "Trả kết quả cho người nộp", `name="address"`, `value="`+id+`"`)

	form := func(extra ...string) []string {
		return append([]string{"key", "p1", "kind", "return", "dossier", id}, extra...)
	}
	clerk.post("/post", form("address", "", "own", "10 Trần Phú", "envelopes", "hai")...).shows(t, `id="wrong-envelopes"`, "Hãy nhập một số")
	clerk.post("/post", form("address", "", "own", "10 Trần Phú", "district", "Núi Thành")...).shows(t, `id="wrong-address"`, `id="wrong-district"`, `value="Núi Thành"`)
	whole := form("address", "2 <Lê Lợi>", "own", "10 Trần Phú", "collect", "50000", "note", "gọi trước")
	clerk.post("/post", whole...).shows(t, "Đã ghi.", "Chờ gửi đơn", "Khổng &lt;Sa&gt;, 2 &lt;Lê Lợi&gt;, 0900", "gọi trước")
	clerk.post("/post", whole...).shows(t, "Chờ gửi đơn")
	list := clerk.get("/post")
	list.shows(t, "260302-0001", "Người nộp hồ sơ", "Chờ gửi đơn")
	if strings.Contains(list.text, "Khổng") || len(postPaths.FindAllString(list.text, -1)) != 1 {
		t.Error("the list names an owner, or has a second order")
	}
	order := postPaths.FindStringSubmatch(list.text)[1]

	clerk.post(order+"/events", "act", "handed_over", "key", "b1").shows(t, `id="wrong-bill"`)
	clerk.post(order+"/events", "act", "handed_over", "key", "b1", "bill", "EB1", "at", "2020-03-02T15:30").shows(t, `id="wrong-at"`, "ngoài khoảng cho phép")
	clerk.post(order+"/events", "act", "handed_over", "key", "b1", "bill", "EB000000001VN").shows(t, "Đã ghi.", "Cơ quan đã giao cho bưu chính", "EB000000001VN")
	clerk.post(order+"/events", "act", "failed", "key", "b2", "text", "vắng nhà").shows(t, "Lần phát gần nhất không thành công", "vắng nhà")
	clerk.get("/post?finding=failed").shows(t, "260302-0001")
	clerk.get("/post?finding=silent").shows(t, "Chưa có đơn gửi nào")
	clerk.get(dossier).shows(t, "Bưu chính", "Cơ quan đã giao cho bưu chính", "EB000000001VN", `href="`+order+`"`)

	register := printed(t, clerk.get("/registers/print?book=post&as=pdf&from=2020-01-01&to=2099-12-31"))
	contains(t, register, "SỔ GỬI VĂN BẢN ĐI BƯU ĐIỆN", "Ký nhận và dấu bưu điện", "260302-0001", "EB000000001VN", "Người nộp hồ sơ")
	contains(t, sheetText(t, clerk.get("/registers/print?book=post&as=xlsx&from=2020-01-01&to=2099-12-31")), "EB000000001VN", "Số lượng bì")

	stranger := h.signIn(t, "nguoi.la", member(recipient, hub.RoleClerk))
	if got := stranger.get(order); got.status != http.StatusNotFound || strings.Contains(got.text, "Khổng") {
		t.Errorf("a stranger gets %d", got.status)
	}
	if got := stranger.post(order+"/events", "act", "delivered"); got.status != http.StatusNotFound {
		t.Errorf("a stranger reports: %d", got.status)
	}
	if got := stranger.post("/post", whole...); got.status != http.StatusNotFound {
		t.Errorf("a stranger orders: %d", got.status)
	}
	stranger.get("/post?all=1").shows(t, "Chưa có đơn gửi nào")
	leader := h.signIn(t, "lanh.dao", member(sender, hub.RoleLeader))
	if got := leader.get(order); got.status != http.StatusOK || strings.Contains(got.text, `action="`+order) {
		t.Errorf("a leader gets %d, or a form", got.status)
	}
}
