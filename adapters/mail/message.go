package mail

import (
	"bytes"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// message writes a mail (RFC 5322): plain text in Vietnamese, then in English.
func (t *Teller) message(call *hub.PushCall) ([]byte, error) {
	subject, body := t.words(call)
	return t.compose(body, [][2]string{
		{"To", call.Subscription.Target}, {"Subject", encoded(subject)},
		{"Date", call.At.In(hub.Vietnam()).Format(time.RFC1123Z)}, {"Message-ID", t.messageID(call)},
		{"List-Unsubscribe", "<mailto:" + t.options.From + "?subject=unsubscribe%20" + call.Subscription.ID + ">"},
	})
}

// encoded is a subject as a header has it.
func encoded(subject string) string { return mime.BEncoding.Encode("utf-8", oneLine(subject)) }

// compose writes a mail with these headers and those that all have.
func (t *Teller) compose(body string, headers [][2]string) ([]byte, error) {
	var b bytes.Buffer
	for _, h := range append([][2]string{
		{"From", t.options.From}, {"Auto-Submitted", "auto-generated"}, // RFC 3834: no robot answers it
		{"MIME-Version", "1.0"}, {"Content-Type", "text/plain; charset=utf-8"}, {"Content-Transfer-Encoding", "quoted-printable"},
	}, headers...) {
		b.WriteString(h[0] + ": " + h[1] + "\r\n")
	}
	b.WriteString("\r\n")
	w := quotedprintable.NewWriter(&b)
	if _, err := w.Write([]byte(strings.ReplaceAll(body, "\n", "\r\n"))); err != nil {
		return nil, hub.Internal("write a mail", err)
	}
	if err := w.Close(); err != nil {
		return nil, hub.Internal("write a mail", err)
	}
	return b.Bytes(), nil
}

// words are what a mail says.
func (t *Teller) words(call *hub.PushCall) (subject, body string) {
	agency := oneLine(call.Agency.NameAt(call.At))
	n := len(call.Events)
	var b strings.Builder
	if call.Events[0].Topic == hub.TopicTest {
		subject = fmt.Sprintf("[%s] Thư thử", t.options.Hub)
		fmt.Fprintf(&b, "Đây là thư thử của trục liên thông %s gửi %s.\nThis is a test of the hub %s for %s.\n", t.options.Hub, agency, t.options.Hub, agency)
	} else {
		subject = fmt.Sprintf("[%s] %d tin mới chờ %s", t.options.Hub, n, agency)
		fmt.Fprintf(&b, "%s có %d tin mới trên trục liên thông %s. Xin mở hộp văn bản để xem.\n", agency, n, t.options.Hub)
		fmt.Fprintf(&b, "%d new notices wait for %s on the hub %s. Open the inbox to see them.\n", n, agency, t.options.Hub)
	}
	b.WriteString(taskSummary(call.Events) + dossierSummary(call.Events))
	if call.Subscription.Details {
		b.WriteString("\n" + details(call.Events))
	}
	fmt.Fprintf(&b, "\nKhông muốn nhận thư này nữa: trả lời thư, hoặc quản trị viên chạy\nTo end these mails: answer this one, or have an administrator run\n    lienthong subscription pause %s\n", call.Subscription.ID)
	return subject, b.String()
}

// details names what is told, a line each.
func details(events []hub.PushEvent) string {
	var b strings.Builder
	for i := range events {
		if i == maxListed {
			fmt.Fprintf(&b, "  ... (%d)\n", len(events)-maxListed)
			break
		}
		item := events[i].Item
		if item == nil {
			continue
		}
		d := &item.Dispatch
		what := oneLine(d.Document.Number() + " " + d.Document.Subject + " - " + d.SenderName)
		if s := events[i].Evidence.Evidence.Status; s != nil {
			what = "(" + string(s.Code) + ") " + what
		}
		if tasks := events[i].Evidence.Evidence.Tasks; events[i].Topic == hub.TopicTask && len(tasks) == 1 {
			what = "(" + oneLine(taskWords(&tasks[0])) + ") " + what
		}
		fmt.Fprintf(&b, "  - %s\n", what)
	}
	return b.String()
}

// taskSummary counts what is told of tasks, a line for each act: it names none of them.
func taskSummary(events []hub.PushEvent) string {
	counts := map[hub.TaskAct]int{}
	for i := range events {
		if tasks := events[i].Evidence.Evidence.Tasks; events[i].Topic == hub.TopicTask && len(tasks) == 1 {
			counts[tasks[0].Act]++
		}
	}
	var b strings.Builder
	for _, act := range hub.TaskActs() {
		if n := counts[act]; n > 0 {
			fmt.Fprintf(&b, "  - %d nhiệm vụ %s / tasks: %s\n", n, actWords()[act], strings.ReplaceAll(string(act), "_", " "))
		}
	}
	if b.Len() == 0 {
		return ""
	}
	return "\nNhiệm vụ / Tasks:\n" + b.String()
}

// dossierSummary counts what is told of dossiers, a line for each kind: it names none of them.
func dossierSummary(events []hub.PushEvent) string {
	reminders, others := map[hub.DossierRule]int{}, 0
	for i := range events {
		switch f := events[i].Dossier; {
		case f == nil:
		case f.Act == hub.DossierRemind:
			reminders[f.Finding]++
		default:
			others++
		}
	}
	var b strings.Builder
	for _, r := range reminderWords() {
		if n := reminders[r.rule]; n > 0 {
			fmt.Fprintf(&b, "  - %d hồ sơ %s / dossiers: %s\n", n, r.vietnamese, r.english)
		}
	}
	if others > 0 {
		fmt.Fprintf(&b, "  - %d diễn biến mới / new events\n", others)
	}
	if b.Len() == 0 {
		return ""
	}
	return "\nHồ sơ một cửa / One-stop dossiers:\n" + b.String()
}

type reminderWord struct {
	rule                hub.DossierRule
	vietnamese, english string
}

// reminderWords name what the hub reminds of, the most pressing first.
func reminderWords() []reminderWord {
	return []reminderWord{
		{hub.FindingLetterDue, "cần xin lỗi và hẹn lại ngay trong ngày", "an apology is due today"},
		{hub.FindingForeseen, "dự kiến trễ hạn", "foreseen to be late"},
		{hub.FindingDueSoon, "sắp đến hạn trả kết quả", "due soon"},
	}
}

// taskWords say what was done about a task.
func taskWords(t *hub.TaskFact) string {
	said := "nhiệm vụ: " + actWords()[t.Act]
	if t.Due != "" {
		said += ", hạn " + string(t.Due)
	}
	return said
}

// actWords name the acts on tasks that mails tell of.
func actWords() map[hub.TaskAct]string {
	return map[hub.TaskAct]string{
		hub.ActStart: "bắt đầu thực hiện", hub.ActProgress: "báo cáo tiến độ", hub.ActFinish: "báo cáo hoàn thành", hub.ActGiveBack: "trả lại",
		hub.ActAsk: "xin gia hạn", hub.ActAnswer: "có văn bản trả lời", hub.ActAdvance: "có văn bản trả lời", hub.ActConfirm: "xác nhận hoàn thành",
		hub.ActRedo: "yêu cầu thực hiện lại", hub.ActSuspend: "tạm dừng", hub.ActResume: "tiếp tục thực hiện", hub.ActCancel: "hủy",
		hub.ActExtend: "gia hạn", hub.ActDeny: "không gia hạn", hub.ActDueSoon: "sắp đến hạn", hub.ActDueToday: "đến hạn hôm nay",
		hub.ActOverdue: "quá hạn", hub.ActEscalate: "quá hạn lâu", hub.ActHandOver: "bàn giao cho cơ quan kế thừa",
	}
}

// oneLine makes text of others harmless in a line of its own.
func oneLine(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f || r == ' ' }), " ")
}
