package onestop_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/adapters/onestop"
	"github.com/lienthong/lienthong/hub"
)

// TestApology: the letter is a PDF, the same for the same words, another for other ones.
func TestApology(t *testing.T) {
	letter := hub.DossierLetter{
		Unit: "Ủy ban nhân dân xã Mẫu", Owner: "Trần Thị Mẫu", Number: "H47.12-260302-0001", Procedure: "Đăng ký khai sinh", Reason: "Chờ xác minh",
		Received: time.Date(2026, 3, 2, 1, 0, 0, 0, time.UTC), Due: time.Date(2026, 3, 5, 10, 0, 0, 0, time.UTC), Anew: time.Date(2026, 3, 10, 10, 0, 0, 0, time.UTC), At: time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC),
	}
	written := func() string {
		t.Helper()
		var file bytes.Buffer
		if err := onestop.Apology(&file, &letter); err != nil {
			t.Fatal(err)
		}
		return file.String()
	}
	first := written()
	if !strings.HasPrefix(first, "%PDF-1.7") || first != written() {
		t.Error("the letter is no PDF, or another each time")
	}
	letter.Reason = "Thiếu người"
	if first == written() {
		t.Error("the letter does not say why")
	}
}
