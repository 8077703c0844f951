package web

import (
	"context"
	"net/http"
	"strings"

	"github.com/lienthong/lienthong/hub"
)

// HandOvers hands closed agencies over to those that took over.
type HandOvers interface {
	HandOver(ctx context.Context, actor hub.Actor, order hub.HandOverOrder, dryRun bool) (hub.HandOver, error)
}

// handOver hands an agency over, after it has shown what that would be.
func (x *exchange) handOver() error {
	value := func(name string) string { return strings.TrimSpace(x.r.PostFormValue(name)) }
	p := agencyPage{HandTo: value("hand_to"), HandBasis: value("hand_basis"), Handed: value("do") == "record"}
	act, err := x.HandOvers.HandOver(x.r.Context(), x.visit.Actor, hub.HandOverOrder{Agency: x.r.PathValue("agency"), To: p.HandTo, Basis: p.HandBasis}, !p.Handed)
	switch {
	case err != nil && again(err):
		found := map[string]string{}
		for field, text := range x.problems(err, "to", "basis") {
			if field == "" {
				field = "to"
			}
			found["hand_"+field] = strings.TrimSpace(found["hand_"+field] + " " + text)
		}
		p.HandOpen = true
		return x.showAgency(statusOf(hub.KindOf(hub.ViolationsOf(err)[0])), p, found)
	case err != nil:
		return err
	}
	p.HandOver, p.HandOpen = &act, true
	return x.showAgency(http.StatusOK, p, nil)
}
