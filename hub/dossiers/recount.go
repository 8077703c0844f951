package dossiers

import (
	"context"
)

// recountAtOnce is how many dossiers are counted anew in one transaction.
const recountAtOnce = 200

// Recount makes anew what is kept of dossiers and does not follow from all their events and
// the working time of now: after an update, a restore, or a change of the calendar or the
// office hours. One node at a time does it; what changes meanwhile comes again.
func (s *Service) Recount(ctx context.Context) error {
	counted := 0
	for ctx.Err() == nil {
		w := s.working()
		files, err := s.Counts.UncountedDossiers(ctx, w.Basis(), recountAtOnce)
		if err != nil {
			return err
		}
		if len(files) == 0 {
			break
		}
		for i := range files {
			files[i].Kept = keep(&files[i], w)
		}
		if err := s.Counts.CountDossiers(ctx, files); err != nil {
			return err
		}
		counted += len(files)
	}
	if counted > 0 {
		s.Log.InfoContext(ctx, "dossiers were counted anew", "dossiers", counted)
	}
	return ctx.Err()
}

// pending reports whether some dossiers wait for Recount.
func (s *Service) pending(ctx context.Context) (bool, error) {
	files, err := s.Counts.UncountedDossiers(ctx, s.working().Basis(), 1)
	return len(files) > 0, err
}
