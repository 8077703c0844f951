package demo

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/text"
	"github.com/lienthong/lienthong/hub"
)

func sampleResult() *Result {
	return &Result{Checks: 10, Receipts: 9, Failed: []string{"one"}, Board: []Sheet{{
		Number: "1/UBND", Subject: "V/v thử", Sender: "UBND tỉnh", Format: hub.FormatREST, Signatures: "1/2",
		Rows: []Row{
			{Name: "Sở Nội vụ (hư cấu)", Code: "H47.12", State: hub.StateAccepted, Registers: true, Progress: hub.StatusCompleted, Number: "7", Signatures: "2/2", Receipts: 5, Verified: true},
			// The same letters in decomposed form take the same room on a terminal.
			{Name: norm.NFD.String("Sở Nội vụ"), Code: "H47.13", State: hub.StateHandedOver, Registers: true, Receipts: 3},
			{Name: "Sở Y tế", Code: "H47.17", State: hub.StateRefused, Reason: hub.ReasonWrongAddressee, Progress: hub.StatusRefused, Receipts: 3, Verified: true},
		},
	}}}
}

func TestBoard(t *testing.T) {
	var out bytes.Buffer
	printBoard(&out, sampleResult())
	want := `
1/UBND  V/v thử
Nơi gửi: UBND tỉnh   Khuôn dạng: REST   Chữ ký: 1/2 ✗   Lượt gửi:
NƠI NHẬN   MÃ      TRẠNG THÁI             XỬ LÝ       SỐ ĐẾN  CHỮ KÝ  BIÊN NHẬN
Sở Nội vụ  H47.12  đã vào sổ              hoàn thành  7       2/2 ✓   5 ✓
Sở Nội vụ  H47.13  đã nhận, chưa vào sổ   –           –       –       3 ✗
Sở Y tế    H47.17  từ chối: sai nơi nhận  từ chối     –       –       3 ✓
3 nơi nhận: 1 đã nhận, 1 đã vào sổ, 1 từ chối; 9 biên nhận
3 recipients: 1 handed over, 1 registered, 1 refused; 9 receipts

Tổng cộng: 1 văn bản, 3 lượt nhận (2 ✗), 9 biên nhận kiểm tra ngoại tuyến; 9/10 lần kiểm tra đúng; 0.0 s
Total: 1 documents, 3 deliveries (2 ✗), 9 receipts verified offline; 9/10 checks passed
`
	got := strings.ReplaceAll(out.String(), "gửi: \n", "gửi:\n")
	if !strings.HasPrefix(got, want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestColoursOnlyOnATerminal(t *testing.T) {
	file, err := os.Create(t.TempDir() + "/board")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	printBoard(file, sampleResult())
	plain, err := os.ReadFile(file.Name())
	if err != nil || bytes.Contains(plain, []byte("\x1b")) {
		t.Errorf("a file got colours (%v)", err)
	}
	painted := paint(string(plain))
	if !strings.Contains(painted, "5 \x1b[32m✓\x1b[0m") || !strings.Contains(painted, "3 \x1b[31m✗\x1b[0m") {
		t.Errorf("marks have no colours:\n%q", painted)
	}
	bare := strings.NewReplacer("\x1b[32m", "", "\x1b[31m", "", "\x1b[1m", "", "\x1b[0m", "").Replace(painted)
	if bare != string(plain) {
		t.Error("colours change the text")
	}
	if text.Width("✓") != 1 || text.Width("✗") != 1 {
		t.Error("marks are taken for wide letters")
	}
}

func TestVerdictNamesWhatFailed(t *testing.T) {
	var c checks
	c.check(true, "fine")
	if err := c.verdict(); err != nil {
		t.Errorf("%v", err)
	}
	for i := range 12 {
		c.check(false, "check %d", i)
	}
	got := c.verdict().Error()
	if !strings.HasPrefix(got, "12 of 13 checks failed, not true: check 0; check 1;") || !strings.HasSuffix(got, "check 9; and 2 more") {
		t.Error(got)
	}
}
