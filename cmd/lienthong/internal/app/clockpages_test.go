package app_test

import (
	"testing"

	"github.com/lienthong/lienthong/hub"
)

// TestPagesShowClocksOfTheLaw: sender and recipient see on their pages by when the law wants
// what, and what was done in time, in both languages.
func TestPagesShowClocksOfTheLaw(t *testing.T) {
	h, author := author(t)
	reader := h.signIn(t, "van.thu", member(recipient, hub.RoleClerk))
	board := author.sentLetter(author.get("/send"), append(typedLetter(), "to", recipient)...)
	delivery := reader.newest()

	reader.get(delivery).shows(t, `id="clocks"`, "Thông báo đã nhận", "Đăng ký văn bản đến", "NĐ 30/2020/NĐ-CP, điều 4 khoản 2 điểm c")
	author.get(board.path).shows(t, `id="clocks"`, "Gửi văn bản", "điều 18 khoản 1", "thực hiện lúc")
	reader.registers(delivery, "1")
	reader.get(delivery).shows(t, "Đúng hạn", "thực hiện lúc")
	reader.post("/language", "language", "en", "next", delivery)
	reader.get(delivery).shows(t, "Time that the law gives", "Notice of receipt", "Done in time")
}
