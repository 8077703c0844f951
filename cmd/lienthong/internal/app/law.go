package app

import (
	"context"

	"github.com/lienthong/lienthong/hub/law"
)

// openLaw reads how much time the law gives, for the clocks of documents.
func (a *App) openLaw(ctx context.Context) (err error) {
	s := &a.services
	if s.law, err = law.New(law.Options{Notes: a.store, Now: a.now, Log: a.log}); err != nil {
		return err
	}
	s.tracking.Law, s.tracking.Calendar = s.law.Terms, s.calendar.Calendar
	return s.law.Refresh(ctx)
}
