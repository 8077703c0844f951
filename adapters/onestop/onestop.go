// Package onestop speaks with one-stop systems: it reads what their packages say of dossiers,
// and writes the papers of the one-stop process (TT 01/2018/TT-VPCP) as PDF. It knows names
// and words, and nothing of what is allowed or when a paper is needed.
package onestop

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/lienthong/lienthong/adapters/internal/sheet"
	"github.com/lienthong/lienthong/hub"
)

// Apology writes a letter of apology with a new appointment (phiếu xin lỗi và hẹn lại ngày
// trả kết quả, form 04).
func Apology(w io.Writer, l *hub.DossierLetter) error {
	return sheet.WriteLetter(w, &sheet.Letter{
		Left:  []string{strings.ToUpper(l.Unit), "BỘ PHẬN TIẾP NHẬN VÀ TRẢ KẾT QUẢ", "Mã hồ sơ: " + l.Number},
		Right: []string{"CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", "Độc lập - Tự do - Hạnh phúc", "Ngày " + day(l.At)},
		Title: "PHIẾU XIN LỖI VÀ HẸN LẠI NGÀY TRẢ KẾT QUẢ",
		Body: []string{
			"Kính gửi: " + l.Owner,
			fmt.Sprintf("Ngày %s, %s tiếp nhận hồ sơ đề nghị giải quyết thủ tục %s của ông (bà), tổ chức; mã hồ sơ: %s.", day(l.Received), l.Unit, l.Procedure, l.Number),
			fmt.Sprintf("Thời hạn trả kết quả: %s. Đến nay %s chưa trả được kết quả đúng thời hạn ghi trên giấy tiếp nhận hồ sơ và hẹn trả kết quả.", minute(l.Due), l.Unit),
			"Lý do: " + l.Reason,
			fmt.Sprintf("Sự chậm trễ này đã gây phiền hà, tốn kém chi phí và công sức của ông (bà), tổ chức. %s xin lỗi ông (bà), tổ chức và hẹn trả kết quả vào: %s.", l.Unit, minute(l.Anew)),
			"Mong nhận được sự thông cảm của ông (bà), tổ chức.",
		},
		Signed: []string{"ĐẠI DIỆN CƠ QUAN", l.Unit},
		Page:   "Trang",
	})
}

// Receipt writes the receipt of a dossier with its appointment (giấy tiếp nhận hồ sơ và hẹn
// trả kết quả, form 01), with what its owner needs to see how it stands.
func Receipt(w io.Writer, r *hub.DossierReceipt) error {
	body := []string{"Bộ phận Tiếp nhận và Trả kết quả: " + r.Unit, "Tiếp nhận hồ sơ của: " + r.Owner.Name}
	if r.Owner.Contact != "" {
		body = append(body, "Số điện thoại, thư điện tử: "+r.Owner.Contact)
	}
	body = append(body, fmt.Sprintf("Nội dung yêu cầu giải quyết: %s (mã thủ tục %s)", r.Procedure.Name, r.Procedure.Code), "Thành phần hồ sơ nộp gồm:")
	for i, name := range r.Papers {
		body = append(body, fmt.Sprintf("%d. %s", i+1, name))
	}
	due := "theo thời hạn giải quyết nêu trên"
	if !r.Due.IsZero() {
		due = minute(r.Due)
	}
	body = append(body, "Thời gian giải quyết hồ sơ theo quy định: "+limit(r.Procedure.Limit), "Thời gian nhận hồ sơ: "+minute(r.Received), "Thời gian trả kết quả giải quyết hồ sơ: "+due, "Cách thức nộp hồ sơ: "+channel(r.Channel))
	if r.Secret != "" {
		body = append(body, "Mã tra cứu: "+r.Secret.String()+" (chỉ dành cho người nộp hồ sơ, đề nghị không cung cấp cho người khác)")
	}
	if r.Portal != "" {
		body = append(body, "Xem tình trạng hồ sơ tại "+r.Portal+", hoặc quét mã dưới đây.")
	}
	return sheet.WriteLetter(w, &sheet.Letter{
		Left:        []string{strings.ToUpper(r.Unit), "BỘ PHẬN TIẾP NHẬN VÀ TRẢ KẾT QUẢ", "Mã hồ sơ: " + r.Number},
		Right:       []string{"CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", "Độc lập - Tự do - Hạnh phúc", "Ngày " + day(r.At)},
		Title:       "GIẤY TIẾP NHẬN HỒ SƠ VÀ HẸN TRẢ KẾT QUẢ",
		Body:        body,
		Countersign: []string{"NGƯỜI NỘP HỒ SƠ", "(Ký và ghi rõ họ tên)"},
		Signed:      []string{"NGƯỜI TIẾP NHẬN HỒ SƠ", "(Ký và ghi rõ họ tên)"},
		Code:        r.Progress,
		Page:        "Trang",
	})
}

func limit(l hub.ProcedureLimit) string {
	unit := map[hub.LimitUnit]string{hub.LimitWorkingDays: "ngày làm việc", hub.LimitDays: "ngày", hub.LimitHours: "giờ"}[l.Unit]
	return fmt.Sprintf("%d %s", l.Amount, unit)
}

func channel(c hub.DossierChannel) string {
	return map[hub.DossierChannel]string{hub.ChannelCounter: "trực tiếp", hub.ChannelOnline: "trực tuyến", hub.ChannelPost: "qua dịch vụ bưu chính công ích"}[c]
}

func day(at time.Time) string { return at.In(hub.Vietnam()).Format("02/01/2006") }

func minute(at time.Time) string { return at.In(hub.Vietnam()).Format("15 giờ 04, ngày 02/01/2006") }
