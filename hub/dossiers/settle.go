package dossiers

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// settledFor is how long a package that was settled is shown: the sending system asks for it
// within this time, and the log keeps it for good.
const settledFor = 90 * 24 * time.Hour

// SettleTaking ends a package that can't be put into its dossier any more: its sender says
// what was done instead. That is noted in the log first. One that is settled stays as it is.
// A package of others does not exist (KindNotFound); one that still waits is put into its
// dossier by the hub (KindConflict).
func (s *Service) SettleTaking(ctx context.Context, actor hub.Actor, dispatch hub.DispatchID, reason string) (hub.DossierTaking, error) {
	t, err := s.taking(ctx, dispatch)
	switch {
	case err != nil:
		return t, err
	case !sees(&actor, t.Sender) && !actsFor(&actor, t.Sender):
		return hub.DossierTaking{}, noTaking()
	case !actsFor(&actor, t.Sender):
		return hub.DossierTaking{}, actor.SpeaksFor(t.Sender, scopeOfActs)
	case t.Settled != nil:
		return t, nil
	case len(t.Refused) == 0:
		return t, hub.Errorf(hub.KindConflict, "dispatch", "waits", "the package waits to be put into its dossier, which the hub does by itself")
	}
	if found := text("reason", reason, maxText, true); len(found) > 0 {
		return hub.DossierTaking{}, found.AsError()
	}
	t.Settled = &hub.DossierSettlement{At: s.now(), By: actor.Name, Reason: reason}
	fact := hub.DossierTakingFact{Dispatch: t.Dispatch, Sender: t.Sender, Actor: actor.Name, SHA256: sha256.Sum256([]byte(reason))}
	if err := s.Chronicle.PackageSettled(ctx, fact); err != nil {
		return hub.DossierTaking{}, err
	}
	return t, s.keepTaking(ctx, &t)
}

func noTaking() error {
	return hub.Errorf(hub.KindNotFound, "dispatch", "", "no package with this dispatch is outside its dossier")
}

// taking is the package of a dispatch that is not in its dossier, whoever asks.
func (s *Service) taking(ctx context.Context, dispatch hub.DispatchID) (t hub.DossierTaking, err error) {
	name := takingPrefix + string(dispatch)
	found, err := s.Notes.Notes(ctx, hub.NotesQuery{Prefix: name, Limit: 1})
	switch {
	case err != nil:
		return t, err
	case len(found) == 0 || found[0].Name != name:
		return t, noTaking()
	}
	if err := json.Unmarshal(found[0].Body, &t); err != nil {
		return t, hub.Internal("decode the note "+name, err)
	}
	return t, nil
}
