package tracking_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest"
)

// stated returns a report with a time of its own.
func stated(code hub.StatusCode, minute int) hub.StatusReport {
	return hub.StatusReport{Code: code, Description: "báo cáo " + string(code), StatedAt: time.Date(2026, 3, 2, 1, minute, 0, 0, time.UTC)}
}

func (f *fixture) report(t *testing.T, actor hub.Actor, id hub.DeliveryID, r hub.StatusReport) hub.SealedEvidence {
	t.Helper()
	sealed, err := f.Report(t.Context(), actor, id, r)
	if err != nil {
		t.Fatalf("report %s: %v", r.Code, err)
	}
	return sealed
}

func TestReportsOnTheWay(t *testing.T) {
	f := newFixture()
	item := f.handedOver(t, office)
	id := item.Delivery.ID
	for i, code := range []hub.StatusCode{"01", "03", "04", "05", "06"} {
		sealed := f.report(t, office, id, stated(code, i))
		want := hub.StatusFact{Code: code, Description: "báo cáo " + string(code), StatedAt: stated(code, i).StatedAt}
		if *sealed.Evidence.Status != want {
			t.Errorf("evidence of %s says %+v", code, sealed.Evidence.Status)
		}
		if d := f.now(t, id); d.Progress != code {
			t.Errorf("after %s the progress is %s", code, d.Progress)
		}
	}
	f.wantEvents(t, id, hub.StateAccepted, "ContentHandover", "StatusReport", "ConsignmentAcceptance", "StatusReport", "StatusReport", "StatusReport")
	reports, err := f.Reports(t.Context(), province, item.Dispatch.ID)
	if err != nil || len(reports) != 5 {
		t.Fatalf("%d reports, %v", len(reports), err)
	}
	r := reports[1]
	if r.ID == "" || r.Code != "03" || r.Reporter != hubtest.Office || r.Delivery != id || r.Dispatch != item.Dispatch.ID || !r.RecordedAt.Equal(f.Clock.Now()) {
		t.Errorf("report %+v", r)
	}
	if d := f.now(t, id); d.Registration == nil || *d.Registration != (hub.Registration{Date: "2026-03-02"}) {
		t.Errorf("registered as %+v", d.Registration)
	}
}

// TestReportsInAnyOrder: all orders end in the same state and progress, all
// reports are kept.
func TestReportsInAnyOrder(t *testing.T) {
	codes := []hub.StatusCode{"01", "03", "05", "06"}
	permute(codes, func(order []hub.StatusCode) {
		f := newFixture()
		item := f.handedOver(t, office)
		for i, code := range order {
			f.report(t, office, item.Delivery.ID, stated(code, i))
		}
		d := f.now(t, item.Delivery.ID)
		reports, err := f.Reports(t.Context(), province, item.Dispatch.ID)
		if d.State != hub.StateAccepted || d.Progress != "06" || len(reports) != len(codes) || err != nil {
			t.Errorf("%v ends as %s with progress %s and %d reports, %v", order, d.State, d.Progress, len(reports), err)
		}
	})
}

func permute(codes []hub.StatusCode, visit func([]hub.StatusCode)) {
	var walk func(done, left []hub.StatusCode)
	walk = func(done, left []hub.StatusCode) {
		if len(left) == 0 {
			visit(done)
		}
		for i, c := range left {
			walk(append(slices.Clone(done), c), slices.Delete(slices.Clone(left), i, i+1))
		}
	}
	walk(nil, codes)
}

// TestAcceptanceReportedTooEarly: 03 comes before the acknowledgement; both
// orders end the same.
func TestAcceptanceReportedTooEarly(t *testing.T) {
	f := newFixture()
	item := f.leased(t, office)
	id := item.Delivery.ID
	early := f.report(t, office, id, stated("03", 5))
	f.wantEvents(t, id, hub.StateConsigned, "StatusReport")
	item.Delivery = f.now(t, id)
	if _, err := f.ack(t, office, item); err != nil {
		t.Fatal(err)
	}
	f.wantEvents(t, id, hub.StateAccepted, "StatusReport", "ContentHandover", "ConsignmentAcceptance")
	again, err := f.Report(t.Context(), office, id, stated("03", 5))
	if err != nil || again.Evidence.Event != hub.EventConsignmentAcceptance {
		t.Errorf("03 again gives %s (first %s), %v", again.Evidence.Event.Name(), early.Evidence.Event.Name(), err)
	}
	if reports, _ := f.Reports(t.Context(), office, item.Dispatch.ID); len(reports) != 1 {
		t.Errorf("%d reports", len(reports))
	}
}

func TestTheSameReportAgain(t *testing.T) {
	f := newFixture()
	id := f.handedOver(t, office).Delivery.ID
	for name, r := range map[string]hub.StatusReport{
		"progress":       stated("05", 1),
		"acceptance":     stated("03", 2),
		"without a time": {Code: "04", Description: "phân công"},
	} {
		first := f.report(t, office, id, r)
		f.Clock.Advance(time.Hour)
		again, err := f.Report(t.Context(), office, id, r)
		if err != nil || again.Digest != first.Digest {
			t.Errorf("%s again gives %s after %s, %v", name, again.Evidence.ID, first.Evidence.ID, err)
		}
	}
	f.report(t, office, id, stated("05", 9)) // another time: another report
	if n := len(f.events(t, id)); n != 5 {
		t.Errorf("%d events", n)
	}
}

// TestAssignedToAnother: who is in charge is a part of what a report says, with the same
// text too. Given again it is the report that it was, but after another assignment it
// assigns the document back.
func TestAssignedToAnother(t *testing.T) {
	f := newFixture()
	id := f.handedOver(t, office).Delivery.ID
	assigned := func(name string) hub.StatusReport {
		r := hub.StatusReport{Code: hub.StatusAssigned, Description: "phân công"}
		if name != "" {
			r.Staff = &hub.Staff{Name: name, Department: "Phòng Tổng hợp"}
		}
		return r
	}
	given := map[hub.Digest]bool{}
	for _, name := range []string{"", "Trần Thị Mẫu", "Lê Văn Thử", "Trần Thị Mẫu", ""} {
		sealed := f.report(t, office, id, assigned(name))
		if given[sealed.Digest] {
			t.Errorf("to %q gives an earlier evidence", name)
		}
		given[sealed.Digest] = true
		f.Clock.Advance(time.Hour)
		f.report(t, office, id, hub.StatusReport{Code: hub.StatusInProgress, Description: "đang xử lý"})
		if again := f.report(t, office, id, assigned(name)); again.Digest != sealed.Digest {
			t.Errorf("to %q again gives another evidence", name)
		}
	}
	reports, err := f.Reports(t.Context(), province, f.now(t, id).Dispatch)
	if err != nil || len(reports) != 5+1 || reports[len(reports)-1].Staff != nil {
		t.Errorf("kept are %+v, %v", reports, err)
	}
	last := stated(hub.StatusAssigned, 1)
	first := f.report(t, office, id, last)
	last.Staff = &hub.Staff{Name: "Lê Văn Thử"}
	if f.report(t, office, id, last).Digest == first.Digest {
		t.Error("at the same stated time another is taken for the first")
	}
}

func TestRefusalByReport(t *testing.T) {
	f := newFixture()
	r := stated("02", 1)
	for name, item := range map[string]hub.Item{
		"in the box":        f.consigned(t, hubtest.Office),
		"under its lease":   f.leased(t, office),
		"after hand-over":   f.handedOver(t, office),
		"after 01 and more": f.handedOver(t, office),
	} {
		id := item.Delivery.ID
		if strings.Contains(name, "01") {
			f.report(t, office, id, stated("01", 0))
		}
		first := f.report(t, office, id, r)
		if d := f.now(t, id); d.State != hub.StateRefused || *d.Reason != (hub.Reason{Code: hub.ReasonOther, Detail: r.Description}) {
			t.Errorf("%s: %+v", name, d)
		}
		if e := first.Evidence; e.Event != hub.EventConsignmentRejection || e.Status.Code != "02" || len(e.Reasons) != 1 {
			t.Errorf("%s: evidence %+v", name, e)
		}
		again, err := f.Report(t.Context(), office, id, r)
		wantSame(t, first, again, err)
	}
}

// TestReportsAfterTheEnd are kept as notes and move nothing.
func TestReportsAfterTheEnd(t *testing.T) {
	f := newFixture()
	for _, end := range []hub.DeliveryState{hub.StateAccepted, hub.StateRefused, hub.StateExpired} {
		item := f.handedOver(t, office)
		f.to(t, item.Delivery, end)
		for i, code := range []hub.StatusCode{"02", "03", "06"} {
			f.report(t, office, item.Delivery.ID, stated(code, i))
		}
		f.wantEvents(t, item.Delivery.ID, end, "ContentHandover", "StatusReport", "StatusReport", "StatusReport")
	}
	item := f.handedOver(t, bureau) // ended, since it does not register
	f.report(t, bureau, item.Delivery.ID, stated("03", 1))
	f.report(t, bureau, item.Delivery.ID, stated("02", 2))
	f.wantEvents(t, item.Delivery.ID, hub.StateHandedOver, "ContentHandover", "StatusReport", "StatusReport")
}

func TestNothingToReportOn(t *testing.T) {
	f := newFixture()
	queued := f.accept(t, hubtest.Office).Deliveries[0]
	failed := f.to(t, f.accept(t, hubtest.Office).Deliveries[0], hub.StateFailed)
	withdrawn := f.to(t, f.accept(t, hubtest.Office).Deliveries[0], hub.StateConsigned, hub.StateWithdrawn)
	for _, d := range []hub.Delivery{queued, failed, withdrawn} {
		for _, code := range []hub.StatusCode{"01", "02", "03"} {
			_, err := f.Report(t.Context(), office, d.ID, stated(code, 1))
			wantError(t, err, hub.KindConflict, "delivery state")
		}
	}
}

func TestWhatIsNoReport(t *testing.T) {
	f := newFixture()
	id := f.handedOver(t, office).Delivery.ID
	for _, tt := range []struct {
		report hub.StatusReport
		rule   string
	}{
		{hub.StatusReport{Code: ""}, "code code_list"},
		{hub.StatusReport{Code: "07"}, "code code_list"},
		{hub.StatusReport{Code: "13"}, "code code_list"},
		{hub.StatusReport{Code: "033"}, "code code_list"},
		{hub.StatusReport{Code: "02"}, "description required"},
		{hub.StatusReport{Code: "05", Description: strings.Repeat("ậ", 1001)}, "description max_length"},
		{hub.StatusReport{Code: "05", Description: "\x00"}, "description control_character"},
		{hub.StatusReport{Code: "05", Staff: &hub.Staff{Name: "\u202e", Email: "\xff"}}, "staff.name control_character, staff.email utf8"},
	} {
		_, err := f.Report(t.Context(), office, id, tt.report)
		wantError(t, err, hub.KindInvalid, tt.rule)
	}
}

func TestReportMessage(t *testing.T) {
	f := newFixture()
	item := f.handedOver(t, office)
	byID := hub.Reference{Agency: "000.00.00.H47", ExternalID: item.Dispatch.ExternalID}
	byNumber := hub.Reference{Agency: "H47", Number: "173/UBND-KSTTHC", Promulgated: "2020-01-10"}
	message := func(code hub.StatusCode, ref hub.Reference) hub.StatusMessage {
		return hub.StatusMessage{From: "000.00.12.H47", For: ref, Code: code, Description: fmt.Sprint("vì ", code), StatedAt: f.Clock.Now()}
	}
	for code, ref := range map[hub.StatusCode]hub.Reference{"01": byID, "05": byNumber} {
		if _, err := f.ReportMessage(t.Context(), office, message(code, ref)); err != nil {
			t.Errorf("%s: %v", code, err)
		}
	}
	if d := f.now(t, item.Delivery.ID); d.Progress != "05" {
		t.Errorf("progress %s", d.Progress)
	}
	for _, tt := range []struct {
		name   string
		actor  hub.Actor
		change func(*hub.StatusMessage)
		kind   hub.ErrorKind
		rule   string
	}{
		{"for another", ward, func(*hub.StatusMessage) {}, hub.KindDenied, "from agency"},
		{"unknown reporter", office, func(m *hub.StatusMessage) { m.From = hubtest.UnknownCode }, hub.KindUnknownAgency, "from unknown_agency"},
		{"unknown sender", office, func(m *hub.StatusMessage) { m.For.Agency = hubtest.UnknownCode }, hub.KindUnknownAgency, "response_for.agency unknown_agency"},
		{"unknown code", office, func(m *hub.StatusMessage) { m.Code = "14" }, hub.KindUnsupported, "status_code code_list"},
		{"nothing asked", office, func(m *hub.StatusMessage) { m.Code = "15" }, hub.KindConflict, "code request"},
		{"unknown document", office, func(m *hub.StatusMessage) { m.For.ExternalID = "x" }, hub.KindNotFound, "response_for "},
		{"no document", office, func(m *hub.StatusMessage) { m.For.ExternalID = "" }, hub.KindNotFound, "response_for "},
		{"another's document", office, func(m *hub.StatusMessage) { m.For.Agency = "000.00.00.H48" }, hub.KindNotFound, "response_for "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := message("05", byID)
			tt.change(&m)
			_, err := f.ReportMessage(t.Context(), tt.actor, m)
			wantError(t, err, tt.kind, tt.rule)
		})
	}
}
