package tracking

import (
	"context"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// noticesBack is how far back an agency that reads notices for the first time sees. It
// is the usual life of a delivery: older reports are about what has ended.
const noticesBack = 30 * 24 * time.Hour

// Notices lists the status reports that wait for an agency, oldest first: those of
// recipients about what it sent, those of senders about what it received. They wait
// until TakeNotice; a report may come twice after a restore.
func (s *Service) Notices(ctx context.Context, actor hub.Actor, agency hub.AgencyID, page hub.Page) (hub.List[hub.Notice], error) {
	if err := actor.SpeaksFor(agency, hub.ScopeCollect); err != nil {
		return hub.List[hub.Notice]{}, err
	}
	now := s.now()
	return s.Options.Notices.Notices(ctx, hub.NoticeQuery{Agency: agency, Since: now.Add(-noticesBack), Now: now, Page: s.page(page)})
}

// Notice returns a status report to whom it is for, taken before or not; for everybody
// else it is KindNotFound.
func (s *Service) Notice(ctx context.Context, actor hub.Actor, report string) (hub.Notice, error) {
	n, err := s.Options.Notices.Notice(ctx, report)
	if err != nil {
		return hub.Notice{}, err
	}
	if actor.SpeaksFor(n.For(), hub.ScopeCollect) != nil {
		return hub.Notice{}, hub.Errorf(hub.KindNotFound, "report", "", "there is no such status report")
	}
	return n, nil
}

// TakeNotice ends the waiting of a status report: its reader has it. A second time
// changes nothing.
func (s *Service) TakeNotice(ctx context.Context, actor hub.Actor, report string) error {
	n, err := s.Notice(ctx, actor, report)
	if err != nil {
		return err
	}
	return s.Options.Notices.TakeNotice(ctx, n.For(), report)
}
