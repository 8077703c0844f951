package app_test

import (
	"net/http"
	"strings"
	"testing"
)

// TestListsOnThePage: a clerk keeps the chosen recipients under a name, takes them back
// with one button and ends the list; what is wrong stands beside the field.
func TestListsOnThePage(t *testing.T) {
	t.Parallel()
	_, clerk := author(t)
	fresh := clerk.get("/send")
	if strings.Contains(fresh.text, `name="list"`) || strings.Contains(fresh.text, `name="list_name"`) {
		t.Error("lists are offered where there is nothing to choose or to keep")
	}
	added := clerk.press("add", fresh.carries(append(typedLetter(), "to", recipient, "to", "000.00.13.H47")...))
	added.shows(t, "Đã chọn 2 nơi nhận", `name="list_name"`)
	if got := clerk.press("list-save", added.carries(append(typedLetter(), "list_name", " ")...)); got.status != http.StatusUnprocessableEntity {
		t.Errorf("a list without a name gets %d", got.status)
	} else {
		got.shows(t, `id="wrong-list"`)
	}
	saved := clerk.press("list-save", added.carries(append(typedLetter(), "list_name", "Các sở")...))
	saved.shows(t, "Các sở (2)", "Đã chọn 2 nơi nhận")
	again := clerk.press("list", clerk.get("/send").carries(append(typedLetter(), "list", "Các sở")...))
	again.shows(t, "Đã chọn 2 nơi nhận", "Sở Nội vụ", "Sở Giáo dục")
	ended := clerk.press("list-end", again.carries(append(typedLetter(), "list", "Các sở")...))
	if ended.status != http.StatusOK || strings.Contains(ended.text, "Các sở (2)") {
		t.Errorf("%d: the list is still there", ended.status)
	}
	ended.shows(t, "Đã chọn 2 nơi nhận")
	if got := clerk.press("list-end", ended.carries(append(typedLetter(), "list", "Các sở")...)); got.status != http.StatusUnprocessableEntity {
		t.Errorf("ending a list twice gets %d", got.status)
	}
}
