package hubtest_test

import (
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// TestClockSetBack: whatever the clock does between two acts, no evidence is of an earlier
// time than the one that it follows. Leases go by the clock all the same, and an answer
// without a time is none to a question that came later.
func TestClockSetBack(t *testing.T) {
	a := newActs(t)
	sent := a.send(province(), a.Submission("1", officeCode, wardCode))
	d := sent.Deliveries[0]
	a.Clock.Advance(-time.Hour)
	items, err := a.tracking.Lease(a.ctx, office, hub.LeaseRequest{Agency: d.Recipient, IDs: []hub.DeliveryID{d.ID}, Until: a.Clock.Now().Add(time.Minute)})
	if err != nil {
		t.Fatal(err)
	}
	a.Clock.Advance(30 * time.Second)
	if _, err := a.tracking.Refuse(a.ctx, office, d.ID, items[0].Delivery.Lease.Fence+1, hub.Reason{Code: hub.ReasonIncomplete, Detail: "thiếu"}); err == nil || hub.KindOf(err) != hub.KindConflict {
		t.Errorf("refused beside a lease that is in force: %v", err)
	}
	a.Clock.Advance(time.Hour)
	a.handedOver(sent, 0)
	handedOver := a.last(d).Time

	var first hub.SealedEvidence
	for i, reason := range []string{"nhầm", "nhầm, lần nữa"} {
		a.Clock.Advance(-time.Hour)
		if _, err := a.tracking.Recall(a.ctx, province(), sent.Dispatch.ID, nil, reason); err != nil {
			t.Fatal(err)
		}
		if asked := a.now(d).Request.AskedAt; !asked.Equal(handedOver) || !a.last(d).Time.Equal(handedOver) {
			t.Errorf("asked at %s, with evidence of %s, after the hand-over at %s", asked, a.last(d).Time, handedOver)
		}
		a.Clock.Advance(-time.Hour)
		answer, err := a.tracking.Report(a.ctx, office, d.ID, hub.StatusReport{Code: hub.StatusChangeRefused, Description: "đã xử lý"})
		switch {
		case err != nil:
			t.Fatal(err)
		case i == 0:
			first = answer
		case answer.Digest == first.Digest:
			t.Error("the old answer stands for the new question")
		}
	}
	if e := a.last(sent.Deliveries[1]); e.Event != hub.EventWithdrawal || e.Time.Before(sent.Dispatch.AcceptedAt) {
		t.Errorf("the other one was withdrawn by %s at %s, accepted at %s", e.Event.Name(), e.Time, sent.Dispatch.AcceptedAt)
	}
}
