package web

import (
	"context"
	"net"
	"net/http"

	"github.com/lienthong/lienthong/hub"
)

// Enrolments spends codes for credentials.
type Enrolments interface {
	// Redeem spends a code; peer is the address that it comes from.
	Redeem(ctx context.Context, code, peer string) (hub.Enrolled, error)
}

type enrolPage struct{ Enrolled *hub.Enrolled }

func (x *exchange) enrolForm() error {
	return x.show(http.StatusOK, "enrol", enrolPage{}, nil)
}

// enrol shows the credentials of a code, this once: the page is kept nowhere.
func (x *exchange) enrol() error {
	x.w.Header().Set("Cache-Control", "no-store")
	peer, _, _ := net.SplitHostPort(x.r.RemoteAddr) // "" for a peer without an address
	enrolled, err := x.Enrolments.Redeem(x.r.Context(), x.r.PostFormValue("code"), peer)
	if err != nil && again(err) {
		return x.show(http.StatusUnprocessableEntity, "enrol", enrolPage{}, x.problems(err, "code"))
	}
	if err != nil {
		return err
	}
	return x.show(http.StatusOK, "enrol", enrolPage{&enrolled}, nil)
}
