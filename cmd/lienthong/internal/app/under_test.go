package app_test

import (
	"strings"
	"testing"
)

// TestAllUnderAnAgency: one mark takes all departments of the province, each once and not
// the sender; a group of an agency that nobody knows adds nobody.
func TestAllUnderAnAgency(t *testing.T) {
	t.Parallel()
	_, clerk := author(t)
	found := clerk.press("find", clerk.get("/send").carries(append(typedLetter(), "find", "quang nam")...))
	found.shows(t, `name="under" value="`+sender+` department"`, "Tất cả 2 sở, ban, ngành trực thuộc")
	added := clerk.press("add", found.carries(append(typedLetter(), "under", sender+" department", "to", recipient)...))
	added.shows(t, "Đã chọn 2 nơi nhận", "Sở Nội vụ", "Sở Giáo dục")
	if strings.Contains(added.text, `name="under" value="x`) {
		t.Error("what is no group is shown")
	}
	for _, unknown := range []string{"x department", sender + " commune", sender, ""} {
		clerk.press("add", clerk.get("/send").carries(append(typedLetter(), "under", unknown)...)).shows(t, "Chưa chọn nơi nhận")
	}
}
