package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/hub"
)

// manifestInspection tells scripts about the inspection of the normative document.
type manifestInspection struct {
	ID       hub.InspectionID      `json:"id"`
	Number   string                `json:"number"` // of the document
	State    hub.InspectionState   `json:"state"`
	Outcome  hub.InspectionOutcome `json:"outcome"`
	Task     hub.TaskID            `json:"task"` // of the recommendation
	InTime   bool                  `json:"answered_in_time"`
	Surprise int                   `json:"surprise"` // visits of the year
}

const (
	inspectPatience = time.Minute
	inspectPause    = 100 * time.Millisecond // between two looks at an inspection
	replyTerm       = 10                     // working days
)

// inspectingRule has the Department of Justice inspect the copies that it registers.
func inspectingRule() hub.RoutingRule {
	return hub.RoutingRule{Name: "Kiểm tra văn bản quy phạm pháp luật", Action: hub.RouteInspect, Types: []string{"Quyết định"}, Numbers: []string{"*/20??/*"}, Recipients: []string{}}
}

// inspect has the Department of Justice inspect the normative document of the province, find
// a wrong authority, recommend by a document that sets a task, and conclude when the
// province has answered; and visit a department by surprise.
func (s *show) inspect(ctx context.Context) error {
	inspector, issuer := s.parties[justice], s.parties[province]
	v, err := s.awaitInspection(ctx, func(v *hub.InspectionView) bool { return v.State == hub.InspectionOpen })
	if err != nil {
		return err
	}
	s.inspection.ID, s.inspection.Number = v.ID, v.Document.Number
	_, err = issuer.client.Inspection(ctx, v.ID)
	s.check(hub.KindOf(err) == hub.KindNotFound, "the issuer knows of no inspection without a recommendation (%v)", err)
	for i, item := range hub.InspectionItems() {
		order := hub.InspectionOrder{Act: hub.InspectCheck, Item: item, Verdict: hub.VerdictFits}
		if i == 0 {
			order.Verdict, order.Text = hub.VerdictWrong, "Điều 3 quy định thủ tục hành chính khi không được luật giao"
		}
		if err := s.actOnInspection(ctx, order); err != nil {
			return err
		}
	}
	if err := s.actOnInspection(ctx, hub.InspectionOrder{Act: hub.InspectFind, Finding: hub.FindingWrongAuthority, Text: "Điều 3"}); err != nil {
		return err
	}
	if err := s.recommend(ctx, inspector, issuer); err != nil {
		return err
	}
	v, err = s.awaitInspection(ctx, func(v *hub.InspectionView) bool { return v.Answer != nil })
	if err != nil {
		return err
	}
	s.inspection.InTime = v.Timeliness == hub.InTime
	s.check(s.inspection.InTime && v.Answer.Number == "186/UBND-NC", "the answer of the province stands in the inspection, in time (%s by %s)", v.Timeliness, v.Answer.Number)
	err = s.actOnInspection(ctx, hub.InspectionOrder{Act: hub.InspectConclude, Outcome: hub.OutcomeAmended, Number: "06/2020/QĐ-UBND", Day: hub.DateOf(s.now())})
	if err != nil {
		return err
	}
	if err := s.statuses(ctx); err != nil { // about the recommendation
		return err
	}
	return s.countInspections(ctx, inspector)
}

// recommend sends the recommendation, has the province answer it, and both collect.
func (s *show) recommend(ctx context.Context, inspector, issuer *party) error {
	original, err := s.file("p1", hub.RoleOriginal, recommendationFile)
	if err != nil {
		return err
	}
	sent, err := inspector.client.Submit(ctx, hub.Submission{
		Sender: justice, Recipients: []string{province}, ExternalID: recommendID, Key: recommendID, Operation: hub.OperationNew, Document: recommendationData(),
		Tasks: []hub.TaskWish{{Content: "Sửa đổi, bổ sung Quyết định số 05/2020/QĐ-UBND và trả lời bằng văn bản", Each: []string{province}, TaskTerm: hub.TaskTerm{WorkingDays: replyTerm}}},
	}, []hubclient.File{original}, nil)
	if err != nil {
		return err
	}
	s.keep(sent.Receipt)
	s.inspection.Task = sent.Dispatch.Tasks[0].ID
	if err := s.actOnInspection(ctx, hub.InspectionOrder{Act: hub.InspectRecommend, Dispatch: sent.Dispatch.ID}); err != nil {
		return err
	}
	if err := s.empty(ctx, issuer, 1); err != nil {
		return err
	}
	seen, err := issuer.client.Inspection(ctx, s.inspection.ID)
	if err != nil {
		return err
	}
	s.check(len(seen.Findings) == 1 && len(seen.Checks) == 0, "the issuer sees the finding and not the check list (%d, %d)", len(seen.Findings), len(seen.Checks))
	if _, err := s.submit(ctx, issuer, explanationFile, explainID, explanationData(s.inspection.Task), justice); err != nil {
		return err
	}
	return s.empty(ctx, inspector, 1)
}

func (s *show) actOnInspection(ctx context.Context, order hub.InspectionOrder) error {
	order.Key = fmt.Sprint(order.Act, " ", order.Item)
	_, err := s.parties[justice].client.ActOnInspection(ctx, s.inspection.ID, "", order)
	return err
}

// awaitInspection waits until the only inspection of a document is as it is wanted.
func (s *show) awaitInspection(ctx context.Context, wanted func(*hub.InspectionView) bool) (hub.InspectionView, error) {
	ctx, cancel := context.WithTimeout(ctx, inspectPatience)
	defer cancel()
	for {
		list, err := s.parties[justice].client.Inspections(ctx, hubclient.InspectionQuery{Kind: hub.InspectDocument})
		if err != nil {
			return hub.InspectionView{}, err
		}
		if len(list.Items) == 1 && wanted(&list.Items[0]) {
			return list.Items[0], nil
		}
		select {
		case <-ctx.Done():
			return hub.InspectionView{}, fmt.Errorf("%d inspections: %w", len(list.Items), ctx.Err())
		case <-time.After(inspectPause):
		}
	}
}

// countInspections visits a department by surprise and opens figures to what is behind them.
func (s *show) countInspections(ctx context.Context, inspector *party) error {
	if _, err := inspector.client.Visit(ctx, "", finance, hub.InspectionWish{Kind: hub.InspectSurprise, Title: "Kỷ luật, kỷ cương hành chính", Key: "demo-1"}); err != nil {
		return err
	}
	figures, err := inspector.client.InspectionFigures(ctx, "", "")
	if err != nil {
		return err
	}
	behind, err := inspector.client.CountedInspections(ctx, "", figures.Period, hub.MeasureAmended, hub.Page{})
	if err != nil {
		return err
	}
	right := figures.Counts[hub.MeasureInspected] == 1 && figures.Counts[hub.MeasureWrongAuthority] == 1 && figures.Counts[hub.MeasureReplyInTime] == 1 && figures.Counts[hub.MeasureSurprise] == 1
	s.check(right, "one document was inspected, and one department by surprise (%v)", figures.Counts)
	s.check(len(behind.Items) == 1 && behind.Items[0].ID == s.inspection.ID, "the number of amended documents opens to the inspection (%d)", len(behind.Items))
	v, err := inspector.client.Inspection(ctx, s.inspection.ID)
	if err != nil {
		return err
	}
	s.inspection.State, s.inspection.Surprise = v.State, figures.Counts[hub.MeasureSurprise]
	if v.Conclusion != nil {
		s.inspection.Outcome = v.Conclusion.Outcome
	}
	s.say("%s: trái thẩm quyền → kiến nghị → trả lời đúng hạn → đã sửa đổi / wrong authority, recommended, answered in time, amended", s.inspection.Number)
	return nil
}
