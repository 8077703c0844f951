package web

import (
	"context"
	"slices"

	"github.com/lienthong/lienthong/hub"
)

// DossierPackages are packages of one-stop systems that are not in their dossiers.
type DossierPackages interface {
	Takings(ctx context.Context, actor hub.Actor, agency hub.AgencyID, settled bool) ([]hub.DossierTaking, error)
	SettleTaking(ctx context.Context, actor hub.Actor, dispatch hub.DispatchID, reason string) (hub.DossierTaking, error)
}

// outside are the packages of the office that can't be put into their dossiers, and that
// nobody has settled.
func (x *exchange) outside() ([]hub.DossierTaking, error) {
	list, err := x.Dossiers.Takings(x.r.Context(), x.visit.Actor, x.office(), false)
	return slices.DeleteFunc(list, func(t hub.DossierTaking) bool { return len(t.Refused) == 0 }), err
}

// Fault says in words why something of a package can't be in its dossier.
func (v *view) Fault(f hub.DossierFault) string {
	return v.x.explain(&hub.Error{Kind: hub.KindConflict, Field: f.Field, Rule: f.Rule, Message: f.Message})
}

func (x *exchange) settleDossierPackage() error {
	_, err := x.Dossiers.SettleTaking(x.r.Context(), x.visit.Actor, hub.DispatchID(x.r.PathValue("dispatch")), x.r.PostFormValue("reason"))
	if err != nil {
		return err
	}
	return x.redirect("/dossiers")
}
