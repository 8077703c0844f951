package app

import (
	"context"

	"github.com/lienthong/lienthong/adapters/httpapi"
	"github.com/lienthong/lienthong/adapters/web"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/engine"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/directory"
	"github.com/lienthong/lienthong/hub/handover"
	"github.com/lienthong/lienthong/hub/tasks"
)

var (
	_ handover.Store     = engine.State(nil)
	_ handover.Directory = (*directory.Directory)(nil)
	_ handover.Tasks     = (*tasks.Service)(nil)
	_ httpapi.HandOvers  = notedHandOvers{}
	_ web.HandOvers      = notedHandOvers{}
)

// notedHandOvers notes which agencies are handed over, and how much that is.
type notedHandOvers struct {
	*handover.Service
	chronicle
}

// handOverFact says what is handed over; people are not named in the log.
type handOverFact struct {
	To         hub.AgencyID `json:"to"`
	Basis      string       `json:"basis,omitempty"`
	Deliveries int          `json:"deliveries"`
	Accounts   int          `json:"accounts"`
	Drafts     int          `json:"drafts"`
	Tasks      int          `json:"tasks"`
}

// HandOver implements httpapi.HandOvers and web.HandOvers.
func (n notedHandOvers) HandOver(ctx context.Context, actor hub.Actor, order hub.HandOverOrder, dryRun bool) (hub.HandOver, error) {
	act, err := n.Service.HandOver(ctx, actor, order, true)
	if err != nil || dryRun || act.Before {
		return act, err
	}
	fact := handOverFact{To: act.To, Basis: order.Basis, Deliveries: act.Deliveries, Accounts: len(act.Accounts), Drafts: act.Drafts, Tasks: act.Tasks}
	if err := n.note(ctx, actor, "directory.hand_over", string(act.Agency), fact); err != nil {
		return hub.HandOver{}, err
	}
	return n.Service.HandOver(ctx, actor, order, false)
}

func (a *App) handOvers() notedHandOvers {
	s := &a.services
	return notedHandOvers{handover.New(handover.Options{Store: a.store, Directory: s.directory, Tasks: s.tasks, Now: a.now}), chronicle{s.notes}}
}
