package app_test

import (
	"fmt"
	"html"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// TestFiguresPages: a leader sees the figures of the agency and of those under it, opens
// what is behind a number down to the document, and takes files along, in both languages,
// on a desk and on a phone; who is below, and who is no leader, sees nothing of it.
func TestFiguresPages(t *testing.T) {
	t.Parallel()
	h := start(t, configIn(t.TempDir()))
	senderKey, recipientKey := h.enroll(t)
	province, office := h.client(t, senderKey), h.client(t, recipientKey)
	late := h.asked(t, province, office, "a", "2020-01-31")
	if _, err := office.Refuse(t.Context(), h.asked(t, province, office, "b", "").Delivery.ID, 0, hub.Reason{Code: hub.ReasonIncomplete, Detail: "thiếu"}); err != nil {
		t.Fatal(err)
	}
	awaitFigures(t, province, func(r *hub.FigureReport) bool { return r.Total.Sent.Of(hub.MeasureRefused) == 1 })

	back := submission("c") // of the office, so that the province has some of what was sent
	back.Sender, back.Recipients = recipient, []string{sender}
	if _, err := office.Submit(t.Context(), back, original("Trả lời."), nil); err != nil {
		t.Fatal(err)
	}
	awaitFigures(t, province, func(r *hub.FigureReport) bool { return r.Total.Sent.Of(hub.MeasureDocuments) == 3 })
	h.asked(t, province, office, "d", "", hub.TaskWish{Content: "Báo cáo", Each: []string{recipient}})
	awaitFigures(t, province, func(r *hub.FigureReport) bool { return r.Total.Received.Of(hub.MeasureTasksOpen) == 1 })
	leader := h.signIn(t, "chu.tich", member(sender, hub.RoleLeader))
	year := time.Now().In(hub.Vietnam()).Format("2006")
	page := leader.get("/figures")
	page.shows(t, "Số liệu", "UBND tỉnh Quảng Nam", "Sở Nội vụ", "Năm "+year, `<rect class="sent"`, "Chưa trả lời, quá hạn", "agency=snv&amp;period="+year, "riêng cơ quan: 3", "Nhiệm vụ được giao", `<td data-label="Chưa xong, trong hạn">1</td>`, "measure=tasks_open")
	leader.get("/figures/documents?side=sent&measure=tasks_open&period="+year).shows(t, "/sent/", `<a href="/tasks/`, "Báo cáo</a>")
	leader.get("/figures?agency=snv").shows(t, "Sở Nội vụ", "(riêng cơ quan)")
	// The total of a level leads to the agencies of it, and from there to the agency itself.
	page.shows(t, `level=department&amp;period=`+year+`#units">`)
	level := leader.get("/figures?agency=h47&level=department&period=" + year)
	level.shows(t, "Xem mọi cấp", `agency=snv&amp;level=department&amp;period=`+year, "riêng cơ quan: 3")
	if strings.Contains(level.text, "(riêng cơ quan)") {
		t.Error("the province is among the departments")
	}
	leader.get("/figures?agency=snv&level=department&period="+year).shows(t, "(riêng cơ quan)")
	level.shows(t, `href="/figures?agency=h47&amp;level=department&amp;period=`+year+`-Q`, `<input type="hidden" name="level" value="department">`) // another period is of the level, too
	if got := leader.get("/figures?level=x"); got.status != http.StatusUnprocessableEntity || !strings.Contains(got.text, "Chọn một giá trị trong danh sách.") || !strings.Contains(got.text, "/figures?agency=h47&amp;period="+year) {
		t.Errorf("a level that is none: %d %s", got.status, got.text)
	}
	if strings.Contains(leader.get("/figures?agency=snv").text, "/figures/documents") {
		t.Error("documents of who is below are offered")
	}
	behind := leader.get("/figures/documents?side=sent&measure=overdue&period=" + year)
	behind.shows(t, "Chưa trả lời, quá hạn", "/sent/"+string(late.Dispatch.ID), "173/UBND-KSTTHC")
	leader.get("/sent/"+string(late.Dispatch.ID)).shows(t, "173/UBND-KSTTHC")
	const refused = "/figures/documents?agency=h47&amp;measure=refused&amp;period=%s&amp;reason=incomplete&amp;side=sent"
	page.shows(t, `href="`+fmt.Sprintf(refused, year)+`"`)
	why := leader.get(html.UnescapeString(fmt.Sprintf(refused, year)))
	why.shows(t, "Từ chối", "/sent/")
	if n := strings.Count(why.text, `href="/sent/`); n != 1 {
		t.Errorf("%d documents were refused as incomplete, want 1", n)
	}
	leader.get("/figures/documents?measure=refused&reason=malware&side=sent&period="+year).shows(t, `class="empty"`)
	if got := leader.get("/figures/documents?measure=open&reason=malware&side=sent&period=" + year); got.status != http.StatusUnprocessableEntity {
		t.Errorf("a reason with another measure: %d", got.status)
	}
	for as, begins := range map[string]string{"csv": "Phần,Tên,", "xlsx": "PK"} {
		file := leader.get("/figures/file?period=" + year + "&as=" + as)
		if file.status != http.StatusOK || !strings.HasPrefix(file.text, begins) || !strings.Contains(file.header.Get("Content-Disposition"), "attachment") {
			t.Errorf("%s: %d, %.60q", as, file.status, file.text)
		}
	}
	leader.get("/figures?period=x").shows(t, `id="wrong-period"`)

	below := h.signIn(t, "giam.doc", member(recipient, hub.RoleLeader))
	clerk := h.signIn(t, "van.thu", member(sender, hub.RoleClerk))
	for _, path := range []string{"/figures?agency=h47", "/figures/documents?agency=h47&side=sent&measure=deliveries", "/figures/file?agency=h47"} {
		for name, who := range map[string]*person{"who is below": below, "a clerk": clerk} {
			if got := who.get(path); got.status < 400 || strings.Contains(got.text, "173/") {
				t.Errorf("%s gets %s: %d", name, path, got.status)
			}
		}
	}
	if got := leader.get("/figures/documents?agency=snv&side=received&measure=overdue&period=" + year); got.status != http.StatusForbidden || strings.Contains(got.text, "173/") {
		t.Errorf("documents of who is below: %d", got.status)
	}

	b := newBrowser(t, h.URL())
	for i, screen := range []struct {
		language      string
		width, height int64
	}{{"vi", 1366, 768}, {"en", 1366, 768}, {"vi", 390, 844}, {"en", 390, 844}} {
		b.label = fmt.Sprintf("%s-%d", screen.language, screen.width)
		b.screen(screen.width, screen.height)
		if i == 0 {
			b.open("/sign-in", "signin")
			b.fill("button.main", "#name", "chu.tich", "#password", chosenPassword)
			b.at("inbox")
		}
		b.open("/figures", "figures")
		if i > 0 {
			b.fill(".top form button[name=language]") // one language, then the other
			b.sees("html[lang=" + screen.language + "] body.page-figures footer")
		}
		b.look("figures")
		b.open("/figures/documents?side=sent&measure=overdue&period="+year, "counted")
		b.look("counted")
	}
}
