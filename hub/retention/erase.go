package retention

import (
	"context"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// eraseBy walks through the ages that classes of dossiers have. Unlike purgeBy it looks at
// all that have ended: how long ago one did may be told late.
func (s *Service) eraseBy(ctx context.Context, run *hub.RetentionRun, r *rules, now time.Time) error {
	for _, age := range r.classes.Ages(true) {
		if err := s.eraseAge(ctx, run, r, hub.EndedDossiers{Until: age.Before(now), Limit: s.Batch}, now); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) eraseAge(ctx context.Context, run *hub.RetentionRun, r *rules, query hub.EndedDossiers, now time.Time) error {
	for {
		found, err := s.Desks.Ended(ctx, query)
		if err != nil {
			return err
		}
		for i := range found {
			d := &found[i]
			class := r.classes.DecideDossier(d)
			switch {
			case class == nil || class.Keep.IsZero() || d.Ended.After(class.Keep.Before(now)):
			case r.heldDossier(d):
				run.Held++
			default:
				why := hub.DossierErasure{At: s.now(), Class: class.ID, Rules: r.classes.Version, LegalBasis: class.LegalBasis}
				if err := s.Desks.Erase(ctx, d.ID, why, r.version); err != nil {
					return err
				}
				run.Erased++
				run.ByClass[class.ID]++
			}
		}
		if len(found) < query.Limit {
			return nil
		}
		last := &found[len(found)-1]
		query.After, query.AfterDossier = last.Ended, last.ID
	}
}
