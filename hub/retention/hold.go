package retention

import (
	"context"
	"strings"

	"github.com/lienthong/lienthong/hub"
)

// changeRetries bounds how often a change of the rules is tried against others.
const changeRetries = 5

// PlaceHold puts a legal hold into force and returns it. What it is about (a dispatch,
// an agency or a text of numbers), Reason and Until come from hold. When it returns, no
// purge that has not happened will touch what is held. It needs ScopeOperate. A
// dispatch that is not there is KindNotFound, one whose content was purged
// KindConflict.
func (s *Service) PlaceHold(ctx context.Context, actor hub.Actor, hold hub.LegalHold) (hub.LegalHold, error) {
	if err := actor.Require(hub.ScopeOperate); err != nil {
		return hold, err
	}
	now := s.now()
	hold = hub.LegalHold{
		ID: s.NewID(), Dispatch: hold.Dispatch, Agency: hold.Agency, Number: hold.Number, Reason: hold.Reason,
		Until: hold.Until.UTC(), PlacedBy: actor.Name, PlacedAt: now,
	}
	if err := checkHold(&hold); err != nil {
		return hold, err
	}
	if !hold.Active(now) {
		return hold, hub.Invalid("until", "range", "the hold would be over already")
	}
	if err := s.checkHeld(ctx, hold.Dispatch); err != nil {
		return hold, err
	}
	n, err := note(holdPrefix+hold.ID, hold)
	if err != nil {
		return hold, err
	}
	if err := s.change(ctx, func() ([]hub.RetentionNote, error) { return []hub.RetentionNote{n}, nil }); err != nil {
		return hold, err
	}
	if err := s.checkHeld(ctx, hold.Dispatch); err != nil {
		return hold, err // a purge was faster: it is better to say so
	}
	s.Log.WarnContext(ctx, "legal hold placed", "hold", hold.ID, "dispatch", hold.Dispatch, "agency", hold.Agency, "number", hold.Number, "actor", actor.Name)
	return hold, nil
}

// checkHeld checks that there is something to hold.
func (s *Service) checkHeld(ctx context.Context, id hub.DispatchID) error {
	if id == "" {
		return nil
	}
	item, err := s.Dispatches.DispatchItem(ctx, id)
	if err == nil && item.Dispatch.Purged != nil {
		err = hub.Errorf(hub.KindConflict, "dispatch", "purged", "the content of the dispatch was purged at %s", item.Dispatch.Purged.At)
	}
	return err
}

func checkHold(h *hub.LegalHold) error {
	var found hub.Violations
	named := 0
	for _, text := range []string{string(h.Dispatch), string(h.Agency), strings.TrimSpace(hub.Fold(h.Number))} {
		if text != "" {
			named++
		}
	}
	if named != 1 {
		found = append(found, hub.Invalid("dispatch", "exclusive", "a hold is about a dispatch, an agency or a text of numbers, exactly one of them"))
	}
	found = checkText(found, "number", h.Number, false)
	return checkText(found, "reason", h.Reason, true).AsError()
}

// ReleaseHold ends a hold, with a reason, and returns it. Releasing again gives the
// first release. It needs ScopeOperate.
func (s *Service) ReleaseHold(ctx context.Context, actor hub.Actor, id, reason string) (hub.LegalHold, error) {
	var hold hub.LegalHold
	if err := actor.Require(hub.ScopeOperate); err != nil {
		return hold, err
	}
	if err := checkText(nil, "reason", reason, true).AsError(); err != nil {
		return hold, err
	}
	if hold, err := load[hub.LegalHold](ctx, s, releasedPrefix+id); err != nil || hold.ID != "" {
		return hold, err
	}
	err := s.change(ctx, func() ([]hub.RetentionNote, error) {
		var err error
		if hold, err = load[hub.LegalHold](ctx, s, holdPrefix+id); err == nil && hold.ID == "" {
			err = hub.Errorf(hub.KindNotFound, "hold", "", "there is no legal hold %.60q in force", id)
		}
		if err != nil {
			return nil, err
		}
		hold.ReleasedBy, hold.ReleasedAt, hold.ReleaseReason = actor.Name, s.now(), reason
		n, err := note(releasedPrefix+id, hold)
		return []hub.RetentionNote{{Name: holdPrefix + id}, n}, err
	})
	if err != nil {
		return hub.LegalHold{}, err
	}
	s.Log.WarnContext(ctx, "legal hold released", "hold", id, "actor", actor.Name)
	return hold, nil
}

// change saves what draft says as part of the rules, again when others change them at
// the same moment.
func (s *Service) change(ctx context.Context, draft func() ([]hub.RetentionNote, error)) error {
	for try := 0; ; try++ {
		version, err := s.Notes.RulesVersion(ctx)
		if err != nil {
			return err
		}
		notes, err := draft()
		if err != nil {
			return err
		}
		err = s.Notes.ChangeRules(ctx, version, notes...)
		if err == nil || hub.KindOf(err) != hub.KindConflict || try == changeRetries {
			return err
		}
	}
}

// Holds lists legal holds, oldest first, to an operator or an auditor: those that were
// not released, or those that were.
func (s *Service) Holds(ctx context.Context, actor hub.Actor, released bool, page hub.Page) (hub.List[hub.LegalHold], error) {
	if err := actor.Oversees(); err != nil {
		return hub.List[hub.LegalHold]{}, err
	}
	prefix := holdPrefix
	if released {
		prefix = releasedPrefix
	}
	return list[hub.LegalHold](ctx, s, hub.NotesQuery{Prefix: prefix}, page)
}
