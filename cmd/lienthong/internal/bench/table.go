package bench

import (
	"fmt"
	"os"
	"regexp"
	"strings"
)

// Marks of the table in a text.
const (
	tableBegin = "<!-- bench -->\n"
	tableEnd   = "<!-- /bench -->"
)

// WriteTable puts the table of a result between the marks of a file. A file whose
// name ends in .vi.md gets it in Vietnamese.
func WriteTable(r *Result, path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	changed, err := withTable(string(text), r.Markdown(strings.HasSuffix(path, ".vi.md")))
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return os.WriteFile(path, []byte(changed), 0o644) //nolint:gosec // a public text
}

func withTable(text, table string) (string, error) {
	before, rest, found := strings.Cut(text, tableBegin)
	_, after, ended := strings.Cut(rest, tableEnd)
	if !found || !ended {
		return "", fmt.Errorf("the marks %q and %q are not there", strings.TrimSpace(tableBegin), tableEnd)
	}
	return before + tableBegin + table + tableEnd + after, nil
}

// words of the table in one language.
type words struct {
	head, where, embedded, production string
	scenarios                         map[string]string
	comma                             bool // between the whole and its parts
}

func english() words {
	return words{
		head:     "| Load | submissions/s | of the floor | deliveries/s | accept p50 / p99 | handed over p50 / p99 | CPU per dispatch | peak memory |",
		where:    "Measured on %[6]s: %[1]s, %[2]d cores, %[3]s of memory, %[4]s that makes 4 KiB durable in %[5]s ms, %[7]s, %[8]s; hub, servers and clients share the cores.",
		embedded: "embedded", production: "PostgreSQL, RabbitMQ, S3",
		scenarios: map[string]string{
			"mix": "mix, 2 KB to 10 MB", "fixed": "200 KB", "peak": "200 KB, nobody collects", "edxml": "edXML with 200 KB in base64",
			"fanout": "200 KB to %s recipients", "hold": "200 KB at %.0f/s for %.0f min", "kills": "200 KB, the hub killed every minute", "single": "%s at once",
		},
	}
}

func vietnamese() words {
	return words{
		head:     "| Tải | lượt gửi/s | so với mức sàn | lượt nhận/s | tiếp nhận p50 / p99 | bàn giao p50 / p99 | CPU mỗi lượt gửi | bộ nhớ cao nhất |",
		where:    "Đo ngày %[6]s: %[1]s, %[2]d nhân, bộ nhớ %[3]s, %[4]s ghi bền 4 KiB trong %[5]s ms, %[7]s, %[8]s; hệ thống, các máy chủ và phần tạo tải dùng chung các nhân.",
		embedded: "nhúng", production: "PostgreSQL, RabbitMQ, S3",
		scenarios: map[string]string{
			"mix": "hỗn hợp, 2 KB đến 10 MB", "fixed": "200 KB", "peak": "200 KB, không ai lấy về", "edxml": "edXML chứa 200 KB mã base64",
			"fanout": "200 KB tới %s nơi nhận", "hold": "200 KB, %.0f/s trong %.0f phút", "kills": "200 KB, tiến trình bị kill mỗi phút", "single": "%s cùng lúc",
		},
		comma: true,
	}
}

// points are those in the middle of a number.
var points = regexp.MustCompile(`(\d)\.(\d)`)

func (w *words) numbers(text string) string {
	if w.comma {
		return points.ReplaceAllString(text, "$1,$2")
	}
	return text
}

// Markdown is the table of a result for a README.
func (r *Result) Markdown(inVietnamese bool) string {
	w := english()
	if inVietnamese {
		w = vietnamese()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n%s\n|%s\n", r.where(&w), w.head, strings.Repeat("---|", strings.Count(w.head, "|")-1))
	for i := range r.Runs {
		b.WriteString(w.numbers(r.Runs[i].row(&w)))
	}
	return b.String()
}

// where says in a line what was measured on, and when.
func (r *Result) where(w *words) string {
	m := &r.Machine
	sync := w.numbers(fmt.Sprintf("%.2f", m.FsyncMS))
	return fmt.Sprintf(w.where, m.CPU, m.Cores, m.Memory, m.Disk, sync, r.Date.Format("2006-01-02"), m.OS, m.Go)
}

func (m *Measure) row(w *words) string {
	mode := w.embedded
	if m.Mode == ModeProduction {
		mode = w.production
	}
	handover := none
	if m.HandoverP50 > 0 {
		handover = fmt.Sprintf("%.0f / %.0f ms", m.HandoverP50, m.HandoverP99)
	}
	return fmt.Sprintf("| %s: %s | %s | %s | %s | %.0f / %.0f ms | %s | %s | %s |\n",
		mode, m.title(w), rate(m.SubmissionsPerSecond), known("%.0f %%", 100*m.RatioToFloor), rate(m.DeliveriesPerSecond),
		m.AcceptP50, m.AcceptP99, handover, known("%.1f ms", m.CPUPerDispatch), known("%.0f MB", m.PeakRSSMB))
}

// title says in words what was sent.
func (m *Measure) title(w *words) string {
	kind, detail, _ := strings.Cut(m.Scenario, "-")
	text := w.scenarios[kind]
	switch kind {
	case "fanout":
		return fmt.Sprintf(text, detail)
	case "hold":
		return fmt.Sprintf(text, m.Rate, m.Seconds/60)
	case "single":
		return fmt.Sprintf(text, strings.NewReplacer("x", " × ", "MB", " MB").Replace(detail))
	}
	return text
}
