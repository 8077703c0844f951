package demo

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/text"
	"github.com/lienthong/lienthong/hub"
)

// Sheet is what became of one dispatch.
type Sheet struct {
	Dispatch   hub.DispatchID `json:"dispatch"`
	Number     string         `json:"number"`
	Sender     string         `json:"sender"`
	Subject    string         `json:"subject"`
	Format     hub.Format     `json:"format"`
	Hub        string         `json:"hub,omitempty"` // nation, where it is a dispatch of the second hub
	Signatures string         `json:"signatures"`    // valid/all, as the hub found them
	Rows       []Row          `json:"recipients"`

	agency hub.AgencyID // of the sender
}

// Row is what became of one delivery.
type Row struct {
	Delivery   hub.DeliveryID    `json:"delivery"`
	Name       string            `json:"name"`
	Code       hub.Code          `json:"code"` // as the sender wrote it
	State      hub.DeliveryState `json:"state"`
	Registers  bool              `json:"registers"`
	Reason     hub.ReasonCode    `json:"reason,omitempty"`
	Progress   hub.StatusCode    `json:"progress,omitempty"`
	Number     string            `json:"registration,omitempty"` // số đến
	Signatures string            `json:"signatures,omitempty"`   // valid/all, as the recipient found them
	Receipts   int               `json:"receipts"`
	Verified   bool              `json:"verified"` // the receipts verify offline and prove the state
}

// addSheet takes down what the hub says of a dispatch and checks it against what
// the recipients were to do.
func (s *show) addSheet(item *hub.SentItem, reports []hub.SignatureReport) {
	d := &item.Dispatch
	sheet := Sheet{
		Dispatch: d.ID, Number: d.Document.Number(), Sender: d.SenderName, Subject: d.Document.Subject, Format: d.Format, Hub: s.hubName,
		agency: d.Sender,
	}
	valid, all := 0, 0
	for i := range reports {
		valid, all = valid+passed(&reports[i]), all+len(reports[i].Signatures)
	}
	sheet.Signatures = fmt.Sprintf("%d/%d", valid, all)
	s.check(valid == all && all > 0, "the hub found all signatures of %s valid (%s)", sheet.Number, sheet.Signatures)
	for _, v := range item.Deliveries {
		row := Row{
			Delivery: v.ID, Name: v.Name, Code: v.AddressedAs, State: v.State, Registers: v.Registers,
			Progress: v.Progress, Signatures: s.verdicts[v.ID],
		}
		if v.Registration != nil {
			row.Number = v.Registration.Number
		}
		if v.Reason != nil {
			row.Reason = v.Reason.Code
		}
		state, progress := s.ending(d.ExternalID, v.Recipient)
		s.check(row.State == state && row.Progress == progress && (row.Number != "") == (state == hub.StateAccepted && s.partyOf(v.Recipient).Code != s.away),
			"%s ends as %s %s at %s (%s %s, number %q)", sheet.Number, state, progress, row.Name, row.State, row.Progress, row.Number)
		sheet.Rows = append(sheet.Rows, row)
	}
	s.sheets = append(s.sheets, sheet)
}

// ending is how a document must end at a recipient.
func (s *show) ending(document string, recipient hub.AgencyID) (hub.DeliveryState, hub.StatusCode) {
	p := s.partyOf(recipient)
	switch {
	case p.Code == stranger:
		return hub.StateRefused, hub.StatusRefused
	case p.Code == slow, p.Code == unlisted:
		return hub.StateHandedOver, hub.StatusArrived
	case p.Code == interior && document == directiveID:
		return hub.StateAccepted, hub.StatusCompleted
	}
	return hub.StateAccepted, hub.StatusInProgress
}

// printBoard prints a table for each dispatch and the sums.
func printBoard(w io.Writer, r *Result) {
	var out bytes.Buffer
	deliveries, verified := 0, 0
	for i := range r.Board {
		writeSheet(&out, &r.Board[i])
		for _, row := range r.Board[i].Rows {
			deliveries++
			if row.Verified {
				verified++
			}
		}
	}
	writeTasks(&out, &r.Tasks)
	good := r.Checks - len(r.Failed)
	fmt.Fprintf(&out, "\nTổng cộng: %d văn bản, %d lượt nhận (%d %s), %d biên nhận kiểm tra ngoại tuyến; %d/%d lần kiểm tra đúng; %.1f s\n",
		len(r.Board), deliveries, verified, mark(verified == deliveries), r.Receipts, good, r.Checks, r.Seconds)
	fmt.Fprintf(&out, "Total: %d documents, %d deliveries (%d %s), %d receipts verified offline; %d/%d checks passed\n",
		len(r.Board), deliveries, verified, mark(verified == deliveries), r.Receipts, good, r.Checks)
	fmt.Fprint(&out, "Mã và tên đơn vị dưới cấp tỉnh, và mọi người ký, là hư cấu / codes and names below the province, and all signers, are fictional\n")
	fmt.Fprint(w, coloured(w, out.String()))
}

func writeSheet(w io.Writer, sheet *Sheet) {
	fmt.Fprintf(w, "\n%s  %s\n", sheet.Number, text.Short(sheet.Subject, 90))
	fmt.Fprintf(w, "Nơi gửi: %s   Khuôn dạng: %s   Chữ ký: %s %s   Lượt gửi: %s\n", plainName(sheet.Sender), formatText(sheet.Format),
		sheet.Signatures, mark(allValid(sheet.Signatures)), sheet.Dispatch)
	if sheet.Hub != "" {
		fmt.Fprintln(w, "Tại hệ thống thứ hai, đóng vai trục quốc gia / at the second hub, which plays the national axis")
	}
	table := text.Table{Head: []string{"NƠI NHẬN", "MÃ", "TRẠNG THÁI", "XỬ LÝ", "SỐ ĐẾN", "CHỮ KÝ", "BIÊN NHẬN"}}
	sums, receipts := map[hub.DeliveryState]int{}, 1 // the acceptance is about all
	for i := range sheet.Rows {
		row := &sheet.Rows[i]
		signatures := "–"
		if row.Signatures != "" {
			signatures = row.Signatures + " " + mark(allValid(row.Signatures))
		}
		table.Add(plainName(row.Name), string(row.Code), stateText(row), progressText(row.Progress), cmp.Or(row.Number, "–"),
			signatures, fmt.Sprintf("%d %s", row.Receipts, mark(row.Verified)))
		sums[row.State]++
		receipts += row.Receipts - 1
	}
	table.Write(w)
	fmt.Fprintf(w, "%d nơi nhận: %s; %d biên nhận\n", len(sheet.Rows), sumText(sums, vietnameseState), receipts)
	fmt.Fprintf(w, "%d recipients: %s; %d receipts\n", len(sheet.Rows), sumText(sums, englishState), receipts)
}

func sumText(sums map[hub.DeliveryState]int, name func(hub.DeliveryState) string) string {
	var parts []string
	for _, state := range hub.DeliveryStates() {
		if n := sums[state]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, name(state)))
		}
	}
	return strings.Join(parts, ", ")
}

// plainName leaves out what one line below the board says of all of them.
func plainName(name string) string { return strings.TrimSuffix(name, " (hư cấu)") }

func mark(ok bool) string {
	if ok {
		return "✓"
	}
	return "✗"
}

func allValid(tally string) bool {
	valid, all, _ := strings.Cut(tally, "/")
	return valid == all && all != "0" && all != ""
}

func formatText(f hub.Format) string {
	if f == hub.FormatEdXML {
		return "edXML"
	}
	return "REST"
}

// coloured colours marks and refusals when people look at a terminal that can.
func coloured(w io.Writer, board string) string {
	f, ok := w.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return board
	}
	if info, err := f.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return board
	}
	return paint(board)
}

func paint(board string) string {
	const green, red, bold, off = "\x1b[32m", "\x1b[31m", "\x1b[1m", "\x1b[0m"
	return strings.NewReplacer(
		"✓", green+"✓"+off, "✗", red+"✗"+off, "từ chối: sai nơi nhận", red+"từ chối: sai nơi nhận"+off,
		"NƠI NHẬN", bold+"NƠI NHẬN", "BIÊN NHẬN\n", "BIÊN NHẬN"+off+"\n",
	).Replace(board)
}

func stateText(r *Row) string {
	switch {
	case r.State == hub.StateRefused && r.Reason == hub.ReasonWrongAddressee:
		return "từ chối: sai nơi nhận"
	case r.State == hub.StateRefused:
		return "từ chối: " + string(r.Reason)
	case r.State == hub.StateHandedOver && r.Registers:
		return "đã nhận, chưa vào sổ"
	}
	return vietnameseState(r.State)
}

func vietnameseState(s hub.DeliveryState) string {
	switch s {
	case hub.StateQueued:
		return "chờ chuyển"
	case hub.StateConsigned:
		return "đã đến hộp"
	case hub.StateHandedOver:
		return "đã nhận"
	case hub.StateAccepted:
		return "đã vào sổ"
	case hub.StateRefused:
		return "từ chối"
	case hub.StateFailed:
		return "không chuyển được"
	case hub.StateExpired:
		return "hết hạn"
	case hub.StateWithdrawn:
		return "đã thu hồi"
	}
	return string(s)
}

func englishState(s hub.DeliveryState) string {
	if s == hub.StateAccepted {
		return "registered"
	}
	return strings.ReplaceAll(string(s), "_", " ")
}

func progressText(c hub.StatusCode) string {
	switch c {
	case hub.StatusArrived:
		return "đã đến"
	case hub.StatusRefused:
		return "từ chối"
	case hub.StatusAccepted:
		return "đã tiếp nhận"
	case hub.StatusAssigned:
		return "phân công"
	case hub.StatusInProgress:
		return "đang xử lý"
	case hub.StatusCompleted:
		return "hoàn thành"
	}
	return "–"
}
