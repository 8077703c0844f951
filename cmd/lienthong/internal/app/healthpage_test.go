package app_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest/server"
	"github.com/lienthong/lienthong/hub/traffic"
	"github.com/lienthong/lienthong/storage/sqlite"
)

// newBusyWeek is a log of a hub that was busy by day and slow on one of them.
func newBusyWeek(now time.Time) (log []hub.PlacedEvidence) {
	random := rand.New(rand.NewPCG(1, 2))
	add := func(event hub.Event, id hub.DispatchID, at time.Time) {
		log = append(log, hub.PlacedEvidence{Place: int64(len(log)), Evidence: hub.SealedEvidence{Evidence: hub.Evidence{Event: event, Dispatch: id, Time: at}}})
	}
	for hour := range 7 * 24 {
		begin := now.Add(-time.Duration(hour) * time.Hour)
		busy := 3
		if clock := begin.In(hub.Vietnam()).Hour(); clock >= 7 && clock < 18 {
			busy = 60 + random.IntN(60)
		}
		if hour%31 == 7 {
			busy = 0 // an hour without anything
		}
		for n := range busy {
			at := begin.Add(-time.Duration(random.IntN(3600)) * time.Second)
			id := hub.DispatchID(fmt.Sprintf("%08x-%04x-7000-8000-%012x", at.UnixMilli()>>16, at.UnixMilli()&0xffff, hour<<12|n))
			took := time.Duration(random.ExpFloat64() * float64(time.Duration(1+hour%5)*time.Minute))
			add(hub.EventSubmissionAcceptance, id, at)
			add(hub.EventContentHandover, id, at.Add(took))
		}
	}
	return log
}

// TestHealthPage: an operator sees how every part is in numbers, and in charts what went
// through, with the same figures in a table.
func TestHealthPage(t *testing.T) {
	t.Parallel()
	h := start(t, configIn(t.TempDir()))
	senderKey, recipientKey := h.enroll(t)
	operator := h.signIn(t, "van.hanh", member("", hub.RoleOperator))
	operator.get("/health").shows(t, "Chưa có văn bản nào đi qua trong thời gian này.", "Khóa ký bằng chứng", "Nguồn thời gian", "Không dùng RabbitMQ")
	if _, err := h.client(t, senderKey).Submit(t.Context(), submission("health"), original(string(signedPDF(t))), nil); err != nil {
		t.Fatal(err)
	}
	handOver(t, h.client(t, recipientKey))
	var shown page
	for deadline := time.Now().Add(server.Patience); !strings.Contains(shown.text, `<td data-label="Lượt nhận đã giao">1</td>`) || !strings.Contains(shown.text, "không có chứng cứ nào chờ ghi"); time.Sleep(20 * time.Millisecond) {
		if shown = operator.get("/health"); time.Now().After(deadline) {
			t.Fatalf("no charts: %s", shown.text)
		}
	}
	shown.shows(t, "<svg", "Tính đến ", `<td data-label="Lượt gửi đã nhận">1</td>`)
	clerk := h.signIn(t, "van.thu", member(sender, hub.RoleClerk))
	if got := clerk.get("/health"); strings.Contains(got.text, "<svg") || strings.Contains(got.text, "Khóa ký bằng chứng") {
		t.Error("a clerk sees how the hub is")
	}
}

// TestAPartThatIsNotSound: why stands on the page in the language of the person, with the
// English folded away, and programs get its code.
func TestAPartThatIsNotSound(t *testing.T) {
	t.Parallel()
	config := configIn(t.TempDir())
	config.NoLogGrowth = true
	h := start(t, config)
	h.enroll(t)
	operator := h.signIn(t, "van.hanh", member("", hub.RoleOperator))
	const reason = `Nút này không công bố điểm kiểm tra, theo cấu hình no-log-growth.<details class="technical"><summary>Chi tiết kỹ thuật (tiếng Anh)</summary><p class="note" lang="en">this node publishes no checkpoints`
	var shown page
	for deadline := time.Now().Add(server.Patience); !strings.Contains(shown.text, reason); time.Sleep(20 * time.Millisecond) {
		if shown = operator.get("/health"); time.Now().After(deadline) {
			t.Fatalf("no reason: %s", shown.text)
		}
	}
	if ready := operator.get("/readyz"); !strings.Contains(ready.text, `"said":{"code":"no_log_growth"}`) {
		t.Errorf("programs get %s", ready.text)
	}
}

// TestChartsInABrowser draws a busy week in both languages, on a desk and on a phone.
func TestChartsInABrowser(t *testing.T) {
	t.Parallel()
	config := configIn(t.TempDir())
	store, err := sqlite.Open(t.Context(), sqlite.Options{Path: filepath.Join(config.DataDir, "hub.db"), Fatal: func(err error) { t.Error(err) }})
	if err != nil {
		t.Fatal(err)
	}
	counted := traffic.Service{Now: time.Now}
	hours, last, _ := counted.Count(newBusyWeek(time.Now()))
	if err := store.SaveFigures(t.Context(), hub.FigureStep{Next: hub.FigureProgress{TrafficAt: last}, Hours: hours}); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	config.Mirror = mirrorOf(t, "Tổ chức cung cấp dịch vụ chứng thực chữ ký số công cộng (hư cấu)", time.Now().Add(time.Hour))
	h := start(t, config)
	h.enroll(t)
	h.signIn(t, "van.hanh", member("", hub.RoleOperator))
	b := newBrowser(t, h.URL())
	b.open("/sign-in", "signin")
	b.fill("button.main", "#name", "van.hanh", "#password", chosenPassword)
	b.at("health")
	for i, screen := range []struct {
		label         string
		width, height int64
	}{{"vi-1366", 1366, 768}, {"vi-390", 390, 844}, {"en-390", 390, 844}, {"en-1366", 1366, 768}} {
		b.label = screen.label
		b.screen(screen.width, screen.height)
		b.open("/health", "health")
		if i == 2 {
			b.fill(".top form button[name=language]")
			b.sees("html[lang=en] body.page-health footer")
		}
		b.look("charts-day")
		b.open("/health?show=week", "health")
		b.click("#traffic ~ details summary")
		b.look("charts-week")
	}
	if n := value[int](b, `document.querySelectorAll(".graph svg").length`); n != 2 {
		t.Errorf("%d charts", n)
	}
}
