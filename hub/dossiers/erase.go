package dossiers

import (
	"context"

	"github.com/lienthong/lienthong/hub"
)

// erasedBy is who erases.
const erasedBy = "retention"

// Ended lists dossiers that have ended and still hold something of persons, by their end.
func (s *Service) Ended(ctx context.Context, query hub.EndedDossiers) ([]hub.Dossier, error) {
	return s.Store.EndedDossiers(ctx, query)
}

// Erase ends the time of what a dossier holds of persons: its owner and by what that finds
// it, the words of its events and its files go, in one transaction with an event that says
// so. What happened, when, and by which agency stays, and so do the digests of what was
// there. It is KindConflict, and changes nothing, when the rules of retention are no longer
// of the version, when something happened to the dossier meanwhile, or when it has not ended.
func (s *Service) Erase(ctx context.Context, id hub.DossierID, why hub.DossierErasure, rules int64) error {
	f, err := s.Store.FindDossier(ctx, hub.DossierKey{ID: id})
	switch {
	case err != nil:
		return err
	case f.Erased != nil:
		return nil
	case f.Open():
		return hub.Errorf(hub.KindConflict, "dossier", "open", "the dossier has not ended")
	}
	var gone []hub.RetentionNote
	for i := range f.Events {
		for _, n := range kept(f.ID, &f.Events[i]) {
			gone = append(gone, hub.RetentionNote{Name: n.Name})
		}
		if err := f.Events[i].Erase(); err != nil {
			return err
		}
	}
	f.Owner, f.Lookup, f.Erased = nil, hub.Digest{}, &why
	e := hub.DossierEvent{Act: hub.DossierErase, At: s.now(), Agency: f.Unit, Name: f.UnitName, Text: why.Class}
	note, err := s.append(&f, e, &hub.Actor{Name: erasedBy})
	if err != nil {
		return err
	}
	if err := s.Store.EraseDossier(ctx, f, note, rules, gone); err != nil {
		return err
	}
	s.Log.InfoContext(ctx, "a dossier was erased", "dossier", f.ID, "class", why.Class)
	return nil
}

func erasedAlready() error {
	return hub.Errorf(hub.KindConflict, "dossier", "erased", "the time of the dossier is over: what it held of persons is gone, and nothing is added to it")
}
