package dossiers

import (
	"context"
	"slices"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// postedBy is who reports what the post did.
const postedBy = "post"

// Posted records what the post did for a dossier, for the agency that had it carried, at the
// time that the bill says. That the result was delivered gives it back to the owner. The same
// key again changes nothing, and to a dossier whose time is over nothing is added.
func (s *Service) Posted(ctx context.Context, id hub.DossierID, agency hub.AgencyID, key string, at time.Time, post hub.DossierPost) error {
	for try := 1; ; try++ {
		f, err := s.Store.FindDossier(ctx, hub.DossierKey{ID: id})
		if err != nil {
			return err
		}
		known := func(e hub.DossierEvent) bool { return e.Act == hub.DossierPosted && e.Key == key }
		if f.Erased != nil || len(f.Events) >= maxEvents || slices.ContainsFunc(f.Events, known) {
			return nil
		}
		e := hub.DossierEvent{Act: hub.DossierPosted, At: at.UTC().Truncate(time.Millisecond), Agency: agency, Key: key, Post: &post}
		if a, ok := s.Directory.ByID(agency); ok {
			e.Name = a.NameAt(s.now())
		}
		if post.Kind == hub.PostalReturn && post.Act == hub.PostalDelivered {
			e.Status = hub.DossierReturned
		}
		note, err := s.append(&f, e, &hub.Actor{Name: postedBy})
		if err == nil {
			err = s.Store.AddDossierEvent(ctx, f, note)
		}
		if err == nil || hub.KindOf(err) != hub.KindConflict || try == maxTries {
			return err
		}
	}
}
