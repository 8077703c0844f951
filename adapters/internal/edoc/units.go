package edoc

import (
	"context"
	"net/mail"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/lienthong/lienthong/hub"
)

// Each goes through all agencies that live now.
func (d *Desk) Each(c *Caller, do func(*hub.Agency)) {
	for page := (hub.Page{Limit: 1000}); ; {
		list := d.Directory.Search("", c.At, page)
		for i := range list.Items {
			do(&list.Items[i])
		}
		if page.After = list.Next; list.Next == "" {
			return
		}
	}
}

// EachChanged goes through all agencies that live now or have lived, in the order in which
// they last changed.
func (d *Desk) EachChanged(ctx context.Context, c *Caller, do func(a *hub.Agency, closed bool)) error {
	const page = 1000
	for since := ""; ; {
		changes, err := d.Directory.Changes(ctx, since, page)
		if err != nil {
			return err
		}
		for i := range changes.Items {
			a := &changes.Items[i]
			if closed := !a.Valid.To.IsZero() && !a.Valid.To.After(c.At); closed || a.LivesAt(c.At) {
				do(a, closed)
			}
		}
		if since = changes.Position; !changes.More {
			return nil
		}
	}
}

// Unit is an agency as systems know one.
type Unit struct {
	ID     string `json:"id"`
	Parent string `json:"pid"`
	Code   string `json:"code"`
	Name   string `json:"name"`
	Mail   string `json:"mail"`
}

// UnitOf is an agency as it is now.
func UnitOf(a *hub.Agency, c *Caller) Unit {
	parent, _ := hub.At(a.Parents, c.At)
	contact, _ := hub.At(a.Contacts, c.At)
	return Unit{ID: string(a.ID), Parent: string(parent), Code: string(a.CodeAt(c.At)), Name: a.NameAt(c.At), Mail: contact.Email}
}

// maxDepth is far above the depth of the tree of government.
const maxDepth = 20

// Line is an agency and those above it.
func (d *Desk) Line(a *hub.Agency, c *Caller) []*hub.Agency {
	line := []*hub.Agency{a}
	for len(line) < maxDepth {
		parent, ok := hub.At(line[len(line)-1].Parents, c.At)
		above, known := d.Directory.ByID(parent)
		if !ok || !known {
			break
		}
		line = append(line, above)
	}
	return line
}

// governs reports whether an agency is one of the caller's or stands below one.
func (d *Desk) governs(c *Caller, a *hub.Agency) bool {
	return slices.ContainsFunc(d.Line(a, c), func(above *hub.Agency) bool { return slices.Contains(c.Actor.Agencies, above.ID) })
}

// Longest values of an application, in characters.
const (
	maxName    = 200
	maxContact = 200
)

// Register records that a system wants a unit below one of its agencies: the hub's
// directory is kept by its operator. It does nothing where the unit is as it is wanted,
// and says so. The mail is called by the name of a field.
func (d *Desk) Register(ctx context.Context, c *Caller, a Application, mailField string) (recorded bool, err error) {
	a.Action, a.System = "register", c.System
	a.Code, a.Parent, a.Name, a.Mail = strings.TrimSpace(a.Code), strings.TrimSpace(a.Parent), strings.TrimSpace(a.Name), strings.TrimSpace(a.Mail)
	if err := checkApplication(&a, mailField); err != nil {
		return false, err
	}
	parent, err := d.Directory.Resolve(a.Parent, c.At)
	if err != nil || !d.governs(c, parent.Agency) {
		return false, hub.Errorf(hub.KindDenied, "pcode", "agency", "this system registers units below its own agencies only")
	}
	if there, err := d.Directory.Resolve(a.Code, c.At); err == nil {
		if !d.governs(c, there.Agency) {
			return false, hub.Errorf(hub.KindConflict, "code", "unique", "another agency has the code %s", a.Code)
		}
		if above, _ := hub.At(there.Agency.Parents, c.At); there.Agency.NameAt(c.At) == a.Name && above == parent.Agency.ID {
			return false, nil // it is there as it is wanted
		}
	}
	return true, d.Applications.Apply(ctx, c.Actor, a)
}

// Unregister records that a system wants one of its units closed; the code is called by
// the name of a field.
func (d *Desk) Unregister(ctx context.Context, c *Caller, field, code string) error {
	there, err := d.Directory.Resolve(code, c.At)
	if err != nil || !d.governs(c, there.Agency) {
		return hub.Errorf(hub.KindNotFound, field, "unknown", "this system has no unit %.40q", code)
	}
	return d.Applications.Apply(ctx, c.Actor, Application{Action: "delete", System: c.System, Code: code})
}

func checkApplication(a *Application, mailField string) error {
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
		v = append(v, hub.Invalid(mailField, "email", "%s is no address", mailField))
	}
	for _, contact := range [][2]string{{mailField, a.Mail}, {"mobile", a.Mobile}, {"fax", a.Fax}} {
		if name, value := contact[0], contact[1]; len(value) > maxContact || hasControl(value) {
			v = append(v, hub.Invalid(name, "max_length", "%s has at most %d characters and no control characters", name, maxContact))
		}
	}
	return v.AsError()
}

func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}
