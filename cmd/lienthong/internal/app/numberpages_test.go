package app_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// TestNumbersOnThePages: a clerk takes a number in the form for sending, once for a letter,
// sends under it, gives another one up with its reason, and finds both in list and register;
// nobody else sees or changes them.
func TestNumbersOnThePages(t *testing.T) {
	t.Parallel()
	h, author := author(t)
	today := time.Now().In(hub.Vietnam()).Format(time.DateOnly)
	filled := func(form page, kind, number string) *letter {
		return form.carries(append(typedLetter(), "to", recipient, "number", number, "notation", "QĐ-UBND", "type", kind, "date", today)...)
	}
	author.press("number", filled(author.get("/send"), "", "")).shows(t, `id="wrong-type"`)
	spaced := author.get("/send").carries(append(typedLetter(), "to", recipient, "number", "", "notation", "QĐ SNV/2", "type", "Quyết định", "date", today)...)
	author.press("number", spaced).shows(t, `id="wrong-notation"`, "không có khoảng trắng")
	form := author.press("number", filled(author.get("/send"), "Quyết định", ""))
	form.shows(t, `id="number" name="number" value="1"`)
	form = author.press("number", filled(form, "Quyết định", "7"))
	form.shows(t, `id="number" name="number" value="1"`)
	other := author.press("number", filled(author.get("/send"), "Quyết định", ""))
	other.shows(t, `id="number" name="number" value="2"`)

	checked := author.press("check", filled(form, "Quyết định", "1").with("original", "quyết định.pdf", signedPDF(t)))
	checked.shows(t, "Kiểm tra trước khi gửi")
	if sent := author.press("send", checked.carries()); !strings.HasPrefix(sent.path, "/sent/") {
		t.Fatalf("%d at %s: %s", sent.status, sent.path, sent.text)
	}
	again := filled(author.get("/send"), "Quyết định", "1")
	author.press("check", again.with("original", "khác.pdf", signedPDF(t))).shows(t, `id="wrong-number"`, "Đã có văn bản gửi với số và ký hiệu này")

	author.get("/registers").shows(t, `href="/numbers"`)
	author.get("/numbers").shows(t, "01/QĐ-UBND", "Đã gửi", "02/QĐ-UBND", "Chưa dùng", "Hủy số")
	year := today[:4]
	author.post("/numbers/cancel", "year", year, "number", "2", "notation", "QĐ-UBND", "reason", " ").shows(t, `id="wrong-reason"`)
	author.post("/numbers/cancel", "year", year, "number", "2", "notation", "QĐ-UBND", "reason", "Soạn <sai>").shows(t, "Đã hủy: Soạn &lt;sai&gt;")
	author.press("number", filled(other, "Quyết định", "2")).shows(t, `id="number" name="number" value="3"`) // what was given up is not taken again
	if got := author.post("/numbers/cancel", "year", year, "number", "1", "notation", "QĐ-UBND", "reason", "Muộn"); got.status != http.StatusConflict {
		t.Errorf("a used number is cancelled: %d", got.status)
	}
	register := printed(t, author.get("/registers/print?book=out&as=pdf&from="+today+"&to="+today))
	contains(t, register, "1/QĐ-UBND", "02/QĐ-UBND", "Đã hủy: Soạn <sai>")

	stranger := h.signIn(t, "nguoi.la", member("000.00.13.H47", hub.RoleClerk))
	stranger.get("/numbers").shows(t, "Chưa lấy số nào")
	if got := stranger.post("/numbers/cancel", "year", year, "number", "2", "notation", "QĐ-UBND", "reason", "x"); got.status != http.StatusNotFound {
		t.Errorf("another agency cancels a number: %d", got.status)
	}
	if got := h.signIn(t, "quan.tri", member(sender, hub.RoleAdministrator)).get("/numbers"); got.status != http.StatusForbidden {
		t.Errorf("who keeps accounts alone sees numbers: %d", got.status)
	}
	author.post("/language", "language", "en", "next", "/numbers")
	author.get("/numbers").shows(t, "Numbers of outgoing documents", "Cancelled: Soạn")
}
