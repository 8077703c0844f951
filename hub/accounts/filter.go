package accounts

import (
	"context"

	"github.com/lienthong/lienthong/hub"
)

// ChangeFilter does something with the saved filters of the person, in the office where it
// works. Errors are those of hub.Account.ChangeFilter.
func (s *Service) ChangeFilter(ctx context.Context, visit hub.Visit, act hub.FilterAct) error {
	act.Filter.Office, act.At = visit.Session.Office, s.now()
	_, err := s.change(ctx, visit.Account.Name, func(a *hub.Account) error { return a.ChangeFilter(act) })
	return err
}
