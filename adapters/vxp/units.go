package vxp

import (
	"encoding/json"
	"errors"
	"net/mail"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/lienthong/lienthong/hub"
)

// unit is a row of getAgenciesList.
type unit struct {
	ID     string `json:"id"`
	Parent string `json:"pid"`
	Code   string `json:"code"`
	Name   string `json:"name"`
	Mail   string `json:"mail"`
}

// changingUnit is a row of getSynchronizeUnit.
type changingUnit struct {
	unit
	Version  int    `json:"version"`
	Center   string `json:"centerCode"`
	Deleted  bool   `json:"deleted"`
	Modified string `json:"modifyDate"`
	IsAgency bool   `json:"isAgency"`
}

// agencies lists all agencies that live now.
func (s *Server) agencies(x *call) error {
	rows := []unit{}
	s.each(x, func(a *hub.Agency) { rows = append(rows, unitOf(a, x)) })
	return x.ok(fields{fieldData: rows})
}

// units lists all agencies that live now, each with the agency at the top of its tree.
func (s *Server) units(x *call) error {
	rows := []changingUnit{}
	s.each(x, func(a *hub.Agency) {
		line := s.line(a, x)
		top := line[len(line)-1]
		rows = append(rows, changingUnit{
			unit: unitOf(a, x), Version: len(a.Names), Center: string(top.CodeAt(x.begun)),
			Modified: stamp(a.Valid.From), IsAgency: true,
		})
	})
	return x.ok(fields{fieldData: rows})
}

func (s *Server) each(x *call, do func(*hub.Agency)) {
	for page := (hub.Page{Limit: 1000}); ; {
		list := s.Directory.Search("", x.begun, page)
		for i := range list.Items {
			do(&list.Items[i])
		}
		if page.After = list.Next; list.Next == "" {
			return
		}
	}
}

func unitOf(a *hub.Agency, x *call) unit {
	parent, _ := hub.At(a.Parents, x.begun)
	contact, _ := hub.At(a.Contacts, x.begun)
	return unit{ID: string(a.ID), Parent: string(parent), Code: string(a.CodeAt(x.begun)), Name: a.NameAt(x.begun), Mail: contact.Email}
}

// maxDepth is far above the depth of the tree of government.
const maxDepth = 20

// line is an agency and those above it.
func (s *Server) line(a *hub.Agency, x *call) []*hub.Agency {
	line := []*hub.Agency{a}
	for len(line) < maxDepth {
		parent, ok := hub.At(line[len(line)-1].Parents, x.begun)
		above, known := s.Directory.ByID(parent)
		if !ok || !known {
			break
		}
		line = append(line, above)
	}
	return line
}

// governs reports whether an agency is one of the system's or stands below one.
func (s *Server) governs(x *call, a *hub.Agency) bool {
	return slices.ContainsFunc(s.line(a, x), func(above *hub.Agency) bool { return slices.Contains(x.actor.Agencies, above.ID) })
}

// Longest values of an application, in characters.
const (
	maxName    = 200
	maxContact = 200
)

// applied is what a system reads when its wish was recorded: the hub's directory is kept
// by its operator, and a request whose body nobody signed changes nothing in it.
const applied = "Da ghi nhan, cho quan tri vien xem xet"

// registerAgency records that a system wants a unit below one of its agencies.
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
	a := Application{
		Action: "register", System: x.system, Code: strings.TrimSpace(wish.Code), Parent: strings.TrimSpace(wish.PCode),
		Name: strings.TrimSpace(wish.Name), Mail: strings.TrimSpace(wish.Mail), Mobile: wish.Mobile, Fax: wish.Fax,
	}
	if a.Parent == "" {
		a.Parent = strings.TrimSpace(wish.PID)
	}
	if err := checkApplication(&a); err != nil {
		return err
	}
	parent, err := s.Directory.Resolve(a.Parent, x.begun)
	if err != nil || !s.governs(x, parent.Agency) {
		return hub.Errorf(hub.KindDenied, "pcode", "agency", "this system registers units below its own agencies only")
	}
	if there, err := s.Directory.Resolve(a.Code, x.begun); err == nil {
		if !s.governs(x, there.Agency) {
			return hub.Errorf(hub.KindConflict, "code", "unique", "another agency has the code %s", a.Code)
		}
		if above, _ := hub.At(there.Agency.Parents, x.begun); there.Agency.NameAt(x.begun) == a.Name && above == parent.Agency.ID {
			return x.ok(nil) // it is there as it is wanted
		}
	}
	return s.apply(x, a)
}

func reasonOf(err error) string {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		return wrong.Field + " is no text"
	}
	return "it is malformed"
}

func checkApplication(a *Application) error {
	var v hub.Violations
	if _, err := hub.ParseCode(a.Code); err != nil {
		v = append(v, hub.Invalid("code", "agency_code", "%s", hub.ViolationsOf(err)[0].Message))
	}
	if a.Parent == "" {
		v = append(v, hub.Invalid("pcode", "required", "the code of the agency above is required"))
	}
	if n := utf8.RuneCountInString(a.Name); n < 1 || n > maxName || hasControl(a.Name) {
		v = append(v, hub.Invalid("name", "required", "a unit has a name of 1 to %d characters", maxName))
	}
	if _, err := mail.ParseAddress(a.Mail); a.Mail != "" && err != nil {
		v = append(v, hub.Invalid("mail", "email", "mail is no address"))
	}
	for _, contact := range [][2]string{{"mail", a.Mail}, {"mobile", a.Mobile}, {"fax", a.Fax}} {
		if name, value := contact[0], contact[1]; len(value) > maxContact || hasControl(value) {
			v = append(v, hub.Invalid(name, "max_length", "%s has at most %d characters and no control characters", name, maxContact))
		}
	}
	return v.AsError()
}

func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// deleteAgency records that a system wants one of its units closed.
func (s *Server) deleteAgency(x *call) error {
	code := x.param("AgencyCode")
	there, err := s.Directory.Resolve(code, x.begun)
	if err != nil || !s.governs(x, there.Agency) {
		return hub.Errorf(hub.KindNotFound, "AgencyCode", "unknown", "this system has no unit %.40q", code)
	}
	return s.apply(x, Application{Action: "delete", System: x.system, Code: code})
}

func (s *Server) apply(x *call, a Application) error {
	if err := s.Applications.Apply(x.context(), x.actor, a); err != nil {
		return err
	}
	return x.answer(statusOK, codeOK, applied, nil)
}
