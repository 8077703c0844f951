package httpapi

import (
	"context"

	"github.com/lienthong/lienthong/hub"
)

type fakeInspections struct{ *fakeHub }

func (f fakeInspections) view() hub.InspectionView {
	file := hub.InspectionFile{
		Inspection: hub.Inspection{
			ID: "i1", Kind: hub.InspectDocument, Agency: "a1", AgencyName: "Sở Tư pháp", Subject: "a2", SubjectName: "UBND huyện", Day: "2026-03-02", Parties: []hub.AgencyID{"a1", "a2"}, Version: 6,
			Document: &hub.InspectedDocument{Dispatch: "d1", Delivery: "v1", Number: "04/2026/QĐ-UBND", TypeName: "Quyết định", Date: "2026-03-01", Subject: "Quy định"},
		},
		Events: []hub.InspectionEvent{
			{Seq: 1, Act: hub.InspectBegin, At: testTime, By: "hub", Rule: &hub.RuleRef{Name: "Kiểm tra", Version: 1}, Note: "n1"},
			{Seq: 2, Act: hub.InspectCheck, At: testTime, Agency: "a1", Name: "Sở Tư pháp", By: "an", Key: "k", Item: hub.ItemAuthority, Verdict: hub.VerdictWrong, Text: "Trái thẩm quyền", Note: "n2"},
			{Seq: 3, Act: hub.InspectFind, At: testTime, Agency: "a1", Name: "Sở Tư pháp", By: "an", Finding: hub.FindingWrongAuthority, Text: "Điều 3", Note: "n3"},
			{Seq: 4, Act: hub.InspectRecommend, At: testTime, Agency: "a1", Name: "Sở Tư pháp", By: "an", Dispatch: "d2", Delivery: "v2", Task: "t1", Number: "9/STP", Due: "2026-03-20", Note: "n4"},
			{Seq: 5, Act: hub.InspectAnswer, At: testTime, By: "hub", Dispatch: "d3", Number: "7/UBND", Day: "2026-03-10", Note: "n5"},
			{Seq: 6, Act: hub.InspectConclude, At: testTime, Agency: "a1", Name: "Sở Tư pháp", By: "an", Outcome: hub.OutcomeRepealed, Dispatch: "d4", Number: "9/QĐ-UBND", Day: "2026-03-12", Note: "n6"},
		},
	}
	return file.View("2026-03-12", "2026-03-15")
}

func (f fakeInspections) List(_ context.Context, actor hub.Actor, query hub.InspectionQuery) (hub.List[hub.InspectionView], error) {
	if err := actor.SpeaksFor(query.Agency, hub.ScopeRead); err != nil && actor.SpeaksFor(query.Agency, hub.ScopeSubmit) != nil {
		return hub.List[hub.InspectionView]{}, err
	}
	return hub.List[hub.InspectionView]{Items: []hub.InspectionView{f.view()}}, f.err
}

func (f fakeInspections) Show(context.Context, hub.Actor, hub.InspectionID) (hub.InspectionView, error) {
	return f.view(), f.err
}

func (f fakeInspections) Visit(_ context.Context, actor hub.Actor, wish hub.InspectionWish) (hub.InspectionView, bool, error) {
	if err := actor.SpeaksFor(wish.Agency, hub.ScopeSubmit); err != nil {
		return hub.InspectionView{}, false, err
	}
	v := f.view()
	v.Kind, v.Document, v.Title, v.Key, v.Checks = wish.Kind, nil, wish.Title, wish.Key, nil
	return v, wish.Key != "again", f.err
}

func (f fakeInspections) Act(_ context.Context, _ hub.Actor, id hub.InspectionID, order hub.InspectionOrder) (hub.InspectionView, error) {
	v := f.view()
	v.ID, v.Events[1].Act, v.Events[1].Item, v.Events[1].Verdict = id, order.Act, order.Item, order.Verdict
	return v, f.err
}

func (f fakeInspections) Figures(_ context.Context, _ hub.Actor, agency hub.AgencyID, period hub.Period) (hub.InspectionFigures, error) {
	return hub.InspectionFigures{Agency: agency, Period: period, AsOf: testTime, Counts: map[hub.InspectionMeasure]int{hub.MeasureInspected: 3, hub.MeasureReplyLate: 1}}, f.err
}

func (f fakeInspections) Counted(context.Context, hub.Actor, hub.AgencyID, hub.Period, hub.InspectionMeasure, hub.Page) (hub.List[hub.InspectionView], error) {
	v := f.view()
	v.Events = nil
	return hub.List[hub.InspectionView]{Items: []hub.InspectionView{v}}, f.err
}
