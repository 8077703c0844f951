// Package onestop writes the papers of the one-stop process (TT 01/2018/TT-VPCP) as PDF. It
// knows their words, and nothing of when they are needed.
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

func day(at time.Time) string { return at.In(hub.Vietnam()).Format("02/01/2006") }

func minute(at time.Time) string { return at.In(hub.Vietnam()).Format("15 giờ 04, ngày 02/01/2006") }
