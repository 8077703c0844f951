// Package enrolsheet writes the sheet that an operator hands to the integrator of an
// agency: where the hub is, the code that opens it once, until when, and whom to ask. It
// is in Vietnamese, as text for a terminal or as a page to print (or to save as PDF).
// Whoever has the sheet has the code: it is handed over in person and not by mail.
package enrolsheet

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
)

//go:embed sheet.html.tmpl
var page string

// Sheet is what stands on one sheet.
type Sheet struct {
	Agency   string // name
	Code     string // of the agency
	Channels []string
	Hub      string // address
	Secret   string // the code of the enrolment
	Until    string
	Contact  string
	ID       string
	Replace  string // what becomes of earlier keys; empty for nothing
}

// New gathers what stands on the sheet of an enrolment.
func New(e hub.Enrolment, code string, agency hub.Agency, address string) Sheet {
	s := Sheet{
		Agency: agency.NameAt(e.Created), Code: string(agency.CodeAt(e.Created)), Hub: strings.TrimRight(address, "/"), Secret: code,
		Until: e.Expires.In(hub.Vietnam()).Format("15:04 ngày 02/01/2006"), Contact: e.Contact, ID: e.ID,
	}
	for _, c := range e.Channels {
		s.Channels = append(s.Channels, channelName(c))
	}
	if e.Replace {
		s.Replace = fmt.Sprintf("Khóa đang dùng trên các kênh này hết hiệu lực %s sau khi nhận thông tin mới.", time.Duration(e.Overlap)*time.Second)
		if e.Overlap == 0 {
			s.Replace = "Khóa đang dùng trên các kênh này hết hiệu lực ngay khi nhận thông tin mới."
		}
	}
	return s
}

func channelName(c hub.EnrolmentChannel) string {
	switch c {
	case hub.EnrolREST:
		return "REST (khóa API)"
	case hub.EnrolVXP:
		return "Trục liên thông văn bản (VXP SDK)"
	case hub.EnrolAMQP:
		return "RabbitMQ (AMQP)"
	case hub.EnrolLGSP:
		return "Trục liên thông của tỉnh (LGSP)"
	}
	return string(c)
}

// Page is where the code can be redeemed by hand.
func (s Sheet) Page() string { return s.Hub + "/enrol" }

// Host is the name of the hub's machine.
func (s Sheet) Host() string {
	if u, err := url.Parse(s.Hub); err == nil && u.Host != "" {
		return u.Host
	}
	return s.Hub
}

// WriteText writes the sheet for a terminal.
func (s Sheet) WriteText(w io.Writer) {
	fmt.Fprintf(w, "PHIẾU ĐĂNG KÝ KẾT NỐI LIÊN THÔNG VĂN BẢN\n\n")
	fmt.Fprintf(w, "  Cơ quan        %s %s\n", s.Code, s.Agency)
	fmt.Fprintf(w, "  Kênh           %s\n", strings.Join(s.Channels, "; "))
	fmt.Fprintf(w, "  Địa chỉ        %s\n", s.Hub)
	fmt.Fprintf(w, "  Mã (một lần)   %s\n", s.Secret)
	fmt.Fprintf(w, "  Dùng trước     %s\n", s.Until)
	fmt.Fprintf(w, "  Liên hệ        %s\n", s.Contact)
	fmt.Fprintf(w, "  Số phiếu       %s\n", s.ID)
	if s.Replace != "" {
		fmt.Fprintf(w, "\n%s\n", s.Replace)
	}
	fmt.Fprintf(w, "\nNhận thông tin kết nối bằng lệnh (mã được hỏi sau đó)\n\n  lienthong enrol %s --dir secrets\n\nhoặc trên trang %s\n", s.Hub, s.Page())
	fmt.Fprintf(w, "Trao phiếu tận tay; không gửi phiếu hay bí mật qua thư điện tử.\n")
}

// WriteHTML writes the sheet as a page of one A4 sheet.
func (s Sheet) WriteHTML(w io.Writer) error {
	t, err := template.New("sheet").Parse(page)
	if err != nil {
		return err
	}
	return t.Execute(w, s)
}
