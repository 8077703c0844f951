package relay

import (
	"context"
	"slices"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// holdFor is how long a hold lasts whose node died.
const holdFor = 5 * time.Minute

// hold keeps a dispatch from going out.
type hold struct {
	Until time.Time `json:"until"`
}

func held() error {
	return &hub.Error{Kind: hub.KindBusy, Rule: "held", Message: "an operator decides about this dispatch at this moment", RetryAfter: time.Second}
}

// Hold keeps a dispatch from being handed over to the axis until release, for five minutes
// at most: who ends a delivery of it meanwhile knows that no call names its recipient. It
// is KindBusy while the dispatch is handed over, or held by somebody else.
//
// A hold is written before the claim of a call is looked for, and a claim before a hold is
// (handing.over): of two at the same moment one finds the other.
func (s *Service) Hold(ctx context.Context, dispatch hub.DispatchID) (release func(), err error) {
	name := holdNotes + string(dispatch)
	var before hold
	was, _, err := s.load(ctx, name, &before)
	if err != nil {
		return nil, err
	}
	if s.Now().Before(before.Until) {
		return nil, held()
	}
	mine, err := note(name, &hold{Until: s.now().Add(holdFor)})
	if err == nil {
		err = s.Notes.SwapNote(ctx, was, mine)
	}
	if err != nil {
		if hub.KindOf(err) == hub.KindConflict {
			return nil, held()
		}
		return nil, err
	}
	release = func() {
		if err := s.Notes.SwapNote(context.WithoutCancel(ctx), mine, gone(name)); err != nil {
			s.Log.WarnContext(ctx, "a hold stands until it ends", "dispatch", dispatch, "error", err)
		}
	}
	var sent sending
	if _, _, err = s.load(ctx, sendingNotes+string(dispatch), &sent); err == nil && sent.State == sendClaimed && s.Now().Before(sent.Until) {
		err = held()
	}
	if err != nil {
		release()
		return nil, err
	}
	return release, nil
}

// unheld refuses a call that was claimed while an operator decides about the dispatch, or
// whose recipients changed before it was claimed.
func (h *handing) unheld(ctx context.Context, only string) error {
	var by hold
	if _, _, err := h.load(ctx, holdNotes+string(h.item.Dispatch.ID), &by); err != nil {
		return err
	}
	if h.Now().Before(by.Until) {
		return held()
	}
	now, err := h.recipients(ctx, only)
	if err != nil {
		return err
	}
	codes := make([]string, len(now.Deliveries))
	for i := range now.Deliveries {
		codes[i] = string(now.Deliveries[i].AddressedAs)
	}
	if !slices.Equal(codes, h.record.To) {
		return held()
	}
	return nil
}
