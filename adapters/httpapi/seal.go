package httpapi

import (
	"cmp"
	"encoding/base64"
	"io"
	"net/http"

	"github.com/lienthong/lienthong/hub"
)

// seal answers with the file of the body, sealed for an agency. The hub keeps neither.
func (a *api) seal(x *exchange) error {
	q := x.query()
	code, role := q.text("agency"), q.text("role")
	if err := q.done(); err != nil {
		return err
	}
	if err := x.plain(); err != nil {
		return err
	}
	agency, err := a.agencyOf(x.actor, code)
	if err != nil {
		return err
	}
	order := hub.SealOrder{Agency: agency, Role: hub.SealRole(cmp.Or(role, string(hub.SealIssued)))}
	if err := a.Seals.MaySeal(x.actor, order); err != nil {
		return err
	}
	file, err := a.nameless(x.r.Body)
	if err != nil {
		return err
	}
	defer file.Close()
	sealed, err := a.unnamed()
	if err != nil {
		return err
	}
	defer sealed.Close()
	fact, err := a.Seals.Seal(x.r.Context(), x.actor, order, file, sealed)
	if err != nil {
		return err
	}
	size, err := sealed.Seek(0, io.SeekCurrent)
	if err == nil {
		_, err = sealed.Seek(0, io.SeekStart)
	}
	if err != nil {
		return hub.Internal("measure a sealed file", err)
	}
	x.w.Header().Set("Content-Type", "application/pdf")
	x.w.Header().Set("Repr-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(fact.Output[:])+":")
	return x.send(sealed, http.StatusOK, size)
}
