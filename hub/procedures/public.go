package procedures

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Public is what a portal may do, which knows nobody: it shows what is in force now, and
// nothing else.
type Public struct{ s *Service }

// Public is the side of the service that is open to the public.
func (s *Service) Public() Public { return Public{s} }

// Mark is another one whenever what is in force may be: with each change of the catalogue and
// with each minute, on which alone versions begin and end. What was made under a mark may be
// shown as long as it is the same.
func (p Public) Mark(ctx context.Context) (string, error) {
	minute := p.s.Now().UTC().Truncate(time.Minute)
	last, err := p.s.Store.LastProcedureChange(ctx)
	return fmt.Sprintf("%d-%d", last, minute.Unix()), err
}

// List is a page of the procedures that are in force now, in which all words of a text occur.
func (p Public) List(ctx context.Context, text string, page hub.Page) (hub.List[hub.PublicProcedure], error) {
	found, err := p.s.List(ctx, hub.ProcedureQuery{Text: text, Page: page})
	list := hub.List[hub.PublicProcedure]{Items: []hub.PublicProcedure{}, Next: found.Next}
	for i := range found.Items {
		list.Items = append(list.Items, p.show(&found.Items[i]))
	}
	return list, err
}

// Show is a procedure as it is in force now; KindNotFound where none with the code is.
func (p Public) Show(ctx context.Context, code string) (hub.PublicProcedure, error) {
	versions, err := p.s.Versions(ctx, code)
	if err != nil {
		return hub.PublicProcedure{}, err
	}
	i := slices.IndexFunc(versions, func(v hub.ProcedureVersion) bool { return v.State == hub.ProcedureInForce })
	if i < 0 {
		return hub.PublicProcedure{}, hub.Errorf(hub.KindNotFound, "code", "", "no procedure with this code is in force")
	}
	return p.show(&versions[i]), nil
}

func (p Public) show(v *hub.ProcedureVersion) hub.PublicProcedure {
	shown := hub.PublicProcedure{
		Code: v.Code, Version: v.Version, Name: v.Name, Field: v.Field, Levels: v.Levels, Agency: string(v.AgencyCode), AgencyCode: v.AgencyCode, Limit: v.Limit, Online: v.Online,
		Fees: append([]hub.ProcedureFee{}, v.Fees...), Papers: append([]string{}, v.Papers...), Basis: append([]string{}, v.Basis...),
		Valid: v.Valid, Decision: v.Decision.Number, Decided: v.Decision.Date,
	}
	if v.Decision.Notation != "" {
		shown.Decision += "/" + v.Decision.Notation
	}
	if a, ok := p.s.Directory.ByID(v.Agency); ok {
		shown.Agency = a.NameAt(p.s.Now())
	}
	return shown
}
