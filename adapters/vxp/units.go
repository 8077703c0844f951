package vxp

import (
	"encoding/json"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/lienthong/lienthong/adapters/internal/edoc"
	"github.com/lienthong/lienthong/hub"
)

// changingUnit is a row of getSynchronizeUnit.
type changingUnit struct {
	edoc.Unit
	Version  int    `json:"version"`
	Center   string `json:"centerCode"`
	Deleted  bool   `json:"deleted"`
	Modified string `json:"modifyDate"`
	IsAgency bool   `json:"isAgency"`
}

// agencies lists all agencies that live now.
func (s *Server) agencies(x *call) error {
	rows, c := []edoc.Unit{}, x.caller()
	s.Each(c, func(a *hub.Agency) { rows = append(rows, edoc.UnitOf(a, c)) })
	return x.ok(fields{fieldData: rows})
}

// units lists all agencies, those that closed as deleted, each with the agency at the top of
// its tree, the version of the directory in which it last changed, and the day of that.
func (s *Server) units(x *call) error {
	rows, c := []changingUnit{}, x.caller()
	err := s.EachChanged(x.context(), c, func(a *hub.Agency, closed bool) {
		line := s.Line(a, c)
		top := line[len(line)-1]
		rows = append(rows, changingUnit{
			Unit: edoc.UnitOf(a, c), Version: int(a.Version), Center: string(top.CodeAt(x.begun)),
			Deleted: closed, Modified: stamp(modified(a, x.begun)), IsAgency: true,
		})
	})
	if err != nil {
		return err
	}
	return x.ok(fields{fieldData: rows})
}

// modified is since when an agency is as the axis tells of it.
func modified(a *hub.Agency, at time.Time) time.Time {
	last := a.Valid.From
	if to := a.Valid.To; !to.IsZero() && !to.After(at) {
		last = to
	}
	last = later(last, a.Codes, at)
	last = later(last, a.Names, at)
	last = later(last, a.Parents, at)
	return later(last, a.Contacts, at)
}

func later[T any](last time.Time, values []hub.Dated[T], at time.Time) time.Time {
	for i := range values {
		if from := values[i].Valid.From; from.After(last) && !from.After(at) {
			last = from
		}
	}
	return last
}

// registerAgency records that a system wants a unit below one of its agencies. A request
// whose body nobody signed changes nothing in the directory.
func (s *Server) registerAgency(x *call) error {
	var wish struct {
		ID     string `json:"id"`
		PCode  string `json:"pcode"`
		PID    string `json:"pid"`
		Code   string `json:"code"`
		Name   string `json:"name"`
		Mail   string `json:"mail"`
		Mobile string `json:"mobile"`
		Fax    string `json:"fax"`
	}
	if !utf8.Valid(x.body) {
		return hub.Invalid("body", "utf8_body", "the body is not UTF-8")
	}
	if err := json.Unmarshal(x.body, &wish); err != nil {
		return hub.Invalid("body", "json", "the body is no JSON object of texts: %s", reasonOf(err))
	}
	a := Application{Code: wish.Code, Parent: wish.PCode, Name: wish.Name, Mail: wish.Mail, Mobile: wish.Mobile, Fax: wish.Fax}
	if strings.TrimSpace(a.Parent) == "" {
		a.Parent = wish.PID
	}
	recorded, err := s.Register(x.context(), x.caller(), a, "mail")
	switch {
	case err != nil:
		return err
	case !recorded:
		return x.ok(nil)
	}
	return x.answer(edoc.StatusOK, edoc.CodeOK, edoc.Recorded, nil)
}

func reasonOf(err error) string {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		return wrong.Field + " is no text"
	}
	return "it is malformed"
}

// deleteAgency records that a system wants one of its units closed.
func (s *Server) deleteAgency(x *call) error {
	if err := s.Unregister(x.context(), x.caller(), "AgencyCode", x.param("AgencyCode")); err != nil {
		return err
	}
	return x.answer(edoc.StatusOK, edoc.CodeOK, edoc.Recorded, nil)
}
