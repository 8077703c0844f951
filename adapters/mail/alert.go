package mail

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// TellAlerts sends operators what they must know. Errors are those of Tell.
func (t *Teller) TellAlerts(ctx context.Context, to string, mail hub.AlertMail) error {
	if err := CheckAddress("to", to); err != nil {
		return err
	}
	headers := [][2]string{
		{"To", to}, {"Subject", encoded(t.alertSubject(&mail))},
		{"Date", mail.At.In(hub.Vietnam()).Format(time.RFC1123Z)}, {"Message-ID", t.idOf("alerts", mail.ID)},
	}
	if mail.Urgent() {
		headers = append(headers, [2]string{"Importance", "high"}) // RFC 2156, 5.3.4
	}
	text, err := t.compose(t.alertBody(&mail), headers)
	if err != nil {
		return err
	}
	return t.send(ctx, to, text, nil)
}

func (t *Teller) alertSubject(m *hub.AlertMail) string {
	var what []string
	switch n := len(m.Begun); {
	case n == 1:
		what = append(what, alertWords(&m.Begun[0])[0])
	case n > 1:
		what = append(what, fmt.Sprintf("%d cảnh báo mới", n))
	}
	switch n := len(m.Ended); {
	case n == 1 && len(what) == 0:
		what = append(what, "đã hết: "+alertWords(&m.Ended[0])[0])
	case n > 0:
		what = append(what, fmt.Sprintf("%d cảnh báo đã hết", n))
	}
	if m.More > 0 {
		what = append(what, fmt.Sprintf("và %d nữa", m.More))
	}
	urgent := ""
	if m.Urgent() {
		urgent = "KHẨN: "
	}
	return fmt.Sprintf("[%s] %s%s", t.options.Hub, urgent, strings.Join(what, "; "))
}

func (t *Teller) alertBody(m *hub.AlertMail) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Trục liên thông %s / Hub %s\n", t.options.Hub, t.options.Hub)
	section := func(heading string, alerts []hub.Alert) {
		if len(alerts) == 0 {
			return
		}
		fmt.Fprintf(&b, "\n%s\n", heading)
		for i := range alerts {
			describe(&b, &alerts[i])
		}
	}
	section("CẢNH BÁO MỚI / NEW ALERTS", m.Begun)
	section("ĐÃ HẾT / OVER", m.Ended)
	if m.More > 0 {
		fmt.Fprintf(&b, "\nvà %d cảnh báo nữa / and %d more\n", m.More, m.More)
	}
	b.WriteString("\nXem trang Cảnh báo hoặc chạy / See the page Alerts, or run\n    lienthong alerts list\n")
	return b.String()
}

// describe writes an alert in both languages.
func describe(b *strings.Builder, a *hub.Alert) {
	words := alertWords(a)
	marks := [2]string{"", ""}
	if a.Urgent {
		marks = [2]string{"KHẨN: ", "URGENT: "}
	}
	fmt.Fprintf(b, "\n  - %s%s\n    %s%s\n", marks[0], words[0], marks[1], words[1])
	span := clock(a.First) + " -"
	if !a.Ended.IsZero() {
		span += " " + clock(a.Last)
	}
	fmt.Fprintf(b, "    %s\n", span)
	if a.Detail != "" {
		fmt.Fprintf(b, "    %s\n", oneLine(a.Detail))
	}
}

func clock(at time.Time) string { return at.In(hub.Vietnam()).Format("02/01/2006 15:04") }

// alertWords say in Vietnamese and in English what an alert is about.
func alertWords(a *hub.Alert) [2]string {
	name, at := oneLine(cmp.Or(a.Name, a.About)), clock(a.At)
	var vi, en string
	switch a.Kind {
	case hub.AlertPart:
		part := partWords(a.About)
		vi, en = part[0]+" có sự cố", part[1]+" has a fault"
	case hub.AlertDiskLow:
		vi, en = fmt.Sprintf("Đĩa sắp đầy, còn %d MiB", a.Count), fmt.Sprintf("The disk is filling, %d MiB are left", a.Count)
	case hub.AlertBacklog:
		vi, en = fmt.Sprintf("Tồn đọng %d lượt nhận đang chờ chuyển", a.Count), fmt.Sprintf("A backlog of %d deliveries waits", a.Count)
	case hub.AlertRecipient:
		vi, en = fmt.Sprintf("Không chuyển được đến %s từ %s", name, at), fmt.Sprintf("%s has taken nothing since %s", name, at)
	case hub.AlertCertificateEnds:
		vi, en = fmt.Sprintf("Chứng thư %s hết hạn lúc %s", name, at), fmt.Sprintf("The certificate %s ends at %s", name, at)
	case hub.AlertCertificateEnded:
		vi, en = fmt.Sprintf("Chứng thư %s đã hết hạn lúc %s", name, at), fmt.Sprintf("The certificate %s ended at %s", name, at)
	case hub.AlertListEnds:
		vi, en = fmt.Sprintf("Danh sách thu hồi của %s cần bản mới trước %s", name, at), fmt.Sprintf("The revocation list of %s must be replaced before %s", name, at)
	case hub.AlertListEnded:
		vi, en = fmt.Sprintf("Danh sách thu hồi của %s đã quá hạn từ %s", name, at), fmt.Sprintf("The revocation list of %s was to be replaced before %s", name, at)
	default:
		vi, en = string(a.Kind)+" "+name, string(a.Kind)+" "+name
	}
	if a.Node != "" {
		vi, en = vi+" (nút "+oneLine(a.Node)+")", en+" (node "+oneLine(a.Node)+")"
	}
	return [2]string{vi, en}
}

// partWords name a part of the hub, as the page of its health does.
func partWords(part string) [2]string {
	words, known := map[string][2]string{
		"database": {"Cơ sở dữ liệu", "The database"}, "objects": {"Kho tệp", "The object store"},
		"broker": {"Hàng đợi RabbitMQ", "RabbitMQ"}, "disk": {"Đĩa", "The disk"},
		"queue": {"Hàng chờ", "The queue"}, "log": {"Nhật ký chứng cứ", "The log of evidence"},
		"timestamps": {"Dấu thời gian", "Time-stamping"}, "witnesses": {"Bên làm chứng", "Witnessing"},
		"clock": {"Đồng hồ", "The clock"}, "axis": {"Trục liên thông quốc gia", "The national axis"},
		"post":   {"Bưu chính công ích", "The post"},
		"proofs": {"Khả năng chứng minh", "The proof of evidence"},
	}[part]
	if !known {
		return [2]string{oneLine(part), oneLine(part)}
	}
	return words
}
