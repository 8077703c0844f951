package app_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest"
	"github.com/lienthong/lienthong/hub/hubtest/server"
)

// awaitFigures waits until all that the log holds is counted and the figures are as wanted.
func awaitFigures(t *testing.T, c *hubclient.Client, wanted func(*hub.FigureReport) bool) hub.FigureReport {
	t.Helper()
	ctx, end := context.WithTimeout(t.Context(), server.Patience)
	defer end()
	for {
		r, err := c.Figures(ctx, hubclient.FiguresQuery{}, hub.Page{})
		if err != nil {
			t.Fatalf("%v, the last figures %+v", err, r)
		}
		if !r.Pending && wanted(&r) {
			return r
		}
		select {
		case <-ctx.Done():
			t.Fatalf("the figures are %+v", r)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// asked sends what asks for an answer by a day, and returns the delivery when it is taken.
func (h *testHub) asked(t *testing.T, from, to *hubclient.Client, id string, due hub.Date, tasks ...hub.TaskWish) hub.Item {
	t.Helper()
	sub := submission(id)
	sub.Document.DueDate, sub.Tasks = due, tasks
	if _, err := from.Submit(t.Context(), sub, original("Nội dung "+id), nil); err != nil {
		t.Fatal(err)
	}
	item := arrived(t, to)[0]
	if _, err := to.Acknowledge(t.Context(), item.Delivery.ID, 0, hubtest.Digests(&item.Dispatch)); err != nil {
		t.Fatal(err)
	}
	return item
}

// TestFigures: what was sent, registered, refused and not answered shows in the figures of
// both agencies, as JSON, CSV and XLSX, with the documents behind it; who is below sees
// nothing of who is above, and nobody but the agency itself sees documents.
func TestFigures(t *testing.T) {
	t.Parallel()
	h := start(t, configIn(t.TempDir()))
	senderKey, recipientKey := h.enroll(t)
	province, office := h.client(t, senderKey), h.client(t, recipientKey)
	today := hub.Day(time.Now())
	item := h.asked(t, province, office, "a", today)
	if _, err := office.Accept(t.Context(), item.Delivery.ID, hub.Registration{Number: "1", Date: today}); err != nil {
		t.Fatal(err)
	}
	late := h.asked(t, province, office, "b", "2020-01-31")
	if _, err := office.Refuse(t.Context(), h.asked(t, province, office, "c", "").Delivery.ID, 0, hub.Reason{Code: hub.ReasonIncomplete, Detail: "thiếu"}); err != nil {
		t.Fatal(err)
	}
	tasked := h.asked(t, province, office, "d", "", hub.TaskWish{Content: "Báo cáo", Each: []string{recipient}, TaskTerm: hub.TaskTerm{Due: today}}, hub.TaskWish{Content: "Thực hiện", Each: []string{recipient}})
	done := tasked.Delivery.Tasks[0].Task
	for _, act := range []struct {
		by  *hubclient.Client
		act hub.TaskAct
	}{{office, hub.ActFinish}, {province, hub.ActConfirm}} {
		if _, err := act.by.ActOnTask(t.Context(), done, recipient, hub.TaskOrder{Act: act.act}); err != nil {
			t.Fatal(err)
		}
	}
	whole := func(r *hub.FigureReport) bool {
		return r.Total.Sent.Of(hub.MeasureRefused) == 1 && r.Total.Sent.Of(hub.MeasureAccepted) == 1 && r.Total.Sent.Of(hub.MeasureTasksDoneInTime) == 1
	}
	r := awaitFigures(t, province, whole)
	for m, want := range map[hub.Measure]int64{
		hub.MeasureDocuments: 4, hub.MeasureHandedOver: 4, hub.MeasureOpen: 1, hub.MeasureOverdue: 1, hub.MeasureElectronic: 4, hub.MeasureTakenInDay: 1,
		hub.MeasureTasksDoneInTime: 1, hub.MeasureTasksDoneLate: 0, hub.MeasureTasksOpen: 1, hub.MeasureTasksOverdue: 0,
	} {
		if sent, received := r.Total.Sent.Of(m), r.Total.Received.Of(m); sent != want || received != want { // the office is below
			t.Errorf("%s: sent %d, received %d, want %d", m, sent, received, want)
		}
	}
	if len(r.Units) != 2 || r.Units[0].Received.Of(hub.MeasureDocuments) != 0 || r.Units[1].Sent.Of(hub.MeasureDocuments) != 0 || r.Units[1].Received.Of(hub.MeasureDocuments) != 4 {
		t.Errorf("units %+v", r.Units)
	}
	if len(r.Refusals) != 1 || r.Refusals[0] != (hub.Refusals{Reason: hub.ReasonIncomplete, Sent: 1, Received: 1, OwnSent: 1}) {
		t.Errorf("refusals %+v", r.Refusals)
	}

	of := hubclient.FiguresQuery{Agency: recipient}
	below, err := province.Figures(t.Context(), of, hub.Page{})
	if err != nil || below.Own || below.Total.Received.Of(hub.MeasureDocuments) != 4 {
		t.Errorf("below: %+v, %v", below.Total, err)
	}
	if _, err := province.Counted(t.Context(), of, hubclient.FigureOf{Side: hub.SideReceived, Measure: hub.MeasureOverdue}, hub.Page{}); hub.KindOf(err) != hub.KindDenied {
		t.Errorf("documents of who is below: %v", err)
	}
	for _, path := range []string{"", ".csv", ".xlsx", "/documents"} {
		if status, text := h.look(t, recipientKey, "/v1/figures"+path+"?agency="+sender+map[string]string{"/documents": "&side=sent&measure=deliveries"}[path]); status != http.StatusForbidden || strings.Contains(text, "173") {
			t.Errorf("%s of who is above: %d %s", path, status, text)
		}
	}
	for side, c := range map[hub.Side]*hubclient.Client{hub.SideReceived: office, hub.SideSent: province} {
		for m, want := range map[hub.Measure]hub.DeliveryID{hub.MeasureOverdue: late.Delivery.ID, hub.MeasureTasksDoneInTime: tasked.Delivery.ID, hub.MeasureTasksOpen: tasked.Delivery.ID} {
			list, err := c.Counted(t.Context(), hubclient.FiguresQuery{}, hubclient.FigureOf{Side: side, Measure: m}, hub.Page{})
			if err != nil || len(list.Items) != 1 || list.Items[0].Delivery.ID != want {
				t.Errorf("%s, %s: %+v, %v", m, side, list.Items, err)
			}
		}
	}

	for reason, want := range map[hub.ReasonCode]int{hub.ReasonIncomplete: 1, hub.ReasonOther: 0} {
		list, err := office.Counted(t.Context(), hubclient.FiguresQuery{}, hubclient.FigureOf{Side: hub.SideReceived, Measure: hub.MeasureRefused, Reason: reason}, hub.Page{})
		if err != nil || len(list.Items) != want || want == 1 && list.Items[0].Delivery.Reason.Code != reason {
			t.Errorf("refused for %s: %+v, %v", reason, list.Items, err)
		}
	}
	if _, err := office.Counted(t.Context(), hubclient.FiguresQuery{}, hubclient.FigureOf{Side: hub.SideReceived, Measure: hub.MeasureOverdue, Reason: hub.ReasonOther}, hub.Page{}); hub.KindOf(err) != hub.KindInvalid {
		t.Errorf("a reason of what is overdue: %v", err)
	}

	var file bytes.Buffer
	if err := province.ExportFigures(t.Context(), hubclient.FiguresQuery{}, "csv", &file); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&file).ReadAll()
	if err != nil || len(rows) != 1+2*(1+1+2+12+2) || strings.Join(rows[1][:6], ",") != "total,UBND tỉnh Quảng Nam,h47,,sent,4" || strings.Trim(strings.Join(rows[3], ","), ",") != "refusals,incomplete,incomplete,,sent,,,,,,,1" {
		t.Errorf("%d rows, the second %v, %v", len(rows), rows[1], err)
	}
	if err := province.ExportFigures(t.Context(), hubclient.FiguresQuery{}, "xlsx", &file); err != nil || !bytes.HasPrefix(file.Bytes(), []byte("PK")) {
		t.Errorf("%.20q, %v", file.Bytes(), err)
	}

	if err := province.RebuildFigures(t.Context()); hub.KindOf(err) != hub.KindDenied {
		t.Errorf("who is no operator counts anew: %v", err)
	}
	if err := h.client(t, h.operatorKey(t)).RebuildFigures(t.Context()); err != nil {
		t.Fatal(err)
	}
	again := awaitFigures(t, province, whole)
	if again.Total != r.Total {
		t.Errorf("counted anew: %+v, before %+v", again.Total, r.Total)
	}
}
