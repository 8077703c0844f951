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

// TestReceipt: the receipt is a PDF with a code that leads where it says; without an address
// it has none.
func TestReceipt(t *testing.T) {
	receipt := hub.DossierReceipt{
		Unit: "Ủy ban nhân dân xã Mẫu", Number: "H47.12-260302-0001", Owner: hub.DossierOwner{Name: "Trần Thị Mẫu", Contact: "0900000000"}, Papers: []string{"Tờ khai.pdf", "Giấy chứng sinh.pdf"},
		Procedure: hub.DossierProcedure{Code: "1.001193", Name: "Đăng ký khai sinh", Limit: hub.ProcedureLimit{Amount: 3, Unit: hub.LimitWorkingDays}}, Channel: hub.ChannelCounter,
		Received: time.Date(2026, 3, 2, 1, 0, 0, 0, time.UTC), Due: time.Date(2026, 3, 5, 10, 0, 0, 0, time.UTC), At: time.Date(2026, 3, 2, 1, 5, 0, 0, time.UTC),
	}
	written := func() string {
		t.Helper()
		var file bytes.Buffer
		if err := onestop.Receipt(&file, &receipt); err != nil {
			t.Fatal(err)
		}
		return file.String()
	}
	plain := written()
	receipt.Secret, receipt.Portal, receipt.Progress = "7K3MQ9XD2VBTH5RW", "https://dichvucong.example.vn", "https://dichvucong.example.vn/dossiers?number=H47.12-260302-0001#7K3MQ9XD2VBTH5RW"
	coded := written()
	if !strings.HasPrefix(plain, "%PDF-1.7") || plain != func() string {
		r := receipt
		receipt.Secret, receipt.Portal, receipt.Progress = "", "", ""
		again := written()
		receipt = r
		return again
	}() || len(coded) <= len(plain) {
		t.Error("the receipt is no PDF, another each time, or has no code")
	}
	receipt.Progress += "0"
	if written() == coded {
		t.Error("another address has the same code")
	}
}
