package pdfsig

import (
	"strings"

	"github.com/lienthong/lienthong/signing/verdict"
)

// Levels of the permissions of a certification (ISO 32000-2, table 257).
const (
	permitNothing = 1 // but validation data and document timestamps
	permitForms   = 2 // and signatures
	permitNotes   = 3
)

// permission is what a signature says about changes behind it.
type permission struct {
	level     int64 // 0 without a word on it
	certifies bool
	locks     []lock
}

// lock names the fields that a signature freezes (ISO 32000-2, table 258 and 233).
type lock struct {
	action name
	fields []string
}

// holds reports whether the field is frozen. A name stands for the fields below it
// too, but not for one that merely begins alike.
func (l lock) holds(field string) bool {
	listed := false
	for _, name := range l.fields {
		listed = listed || field == name || strings.HasPrefix(field, name+".")
	}
	switch l.action {
	case "All":
		return true
	case "Include":
		return listed
	case "Exclude":
		return !listed
	}
	return false
}

// permissionOf reads the transforms of a signature and the lock of its field.
func (v view) permissionOf(s *signature, f field) (permission, error) {
	var p permission
	references, err := v.resolve(s.dict["Reference"])
	if err != nil {
		return p, err
	}
	list, _ := references.(array)
	for _, o := range list {
		if err := v.readTransform(o, &p); err != nil {
			return p, err
		}
	}
	frozen, err := v.dict(f.dict["Lock"])
	if err != nil || frozen == nil {
		return p, err
	}
	l, err := v.lock(frozen)
	p.locks = append(p.locks, l)
	if level, ok := frozen["P"].(int64); ok {
		p.restrict(level)
	}
	return p, err
}

// restrict keeps the stricter level; what is none says nothing.
func (p *permission) restrict(level int64) {
	if level >= permitNothing && level <= permitNotes && (p.level == 0 || level < p.level) {
		p.level = level
	}
}

func (v view) readTransform(o object, p *permission) error {
	reference, err := v.dict(o)
	if err != nil {
		return err
	}
	parameters, err := v.dict(reference["TransformParams"])
	if err != nil {
		return err
	}
	switch reference["TransformMethod"] {
	case name("DocMDP"):
		level, ok := parameters["P"].(int64)
		if !ok || level < permitNothing || level > permitNotes {
			level = permitForms // the default
		}
		p.certifies = true
		p.restrict(level)
	case name("FieldMDP"):
		if level, ok := parameters["P"].(int64); ok { // where Acrobat repeats the level of the lock
			p.restrict(level)
		}
		l, err := v.lock(parameters)
		p.locks = append(p.locks, l)
		return err
	}
	return nil
}

func (v view) lock(d dict) (lock, error) {
	action, _ := d["Action"].(name)
	l := lock{action: action}
	names, err := v.resolve(d["Fields"])
	if err != nil {
		return l, err
	}
	list, _ := names.(array)
	for _, o := range list {
		resolved, err := v.resolve(o)
		if err != nil {
			return l, err
		}
		if t, ok := resolved.(*text); ok {
			l.fields = append(l.fields, t.string())
		}
	}
	return l, nil
}

// permits decides whether a change behind the signature is allowed. certified is
// the permission of the document's certification when that came before the change,
// nil without one.
//
// Without a certification the rule is that of its level 2, filling in and signing,
// but a value that was there may not be replaced by another: under a certification,
// or where the signature names the fields that it locks, somebody said that the
// others may. Where there is a certification, a new visible signature could cover
// what was certified and is refused.
func (p permission) permits(c change, certified *permission) *verdict.Problem {
	level, who := p.level, "it"
	if certified != nil && certified.level != 0 && (level == 0 || certified.level < level) {
		level, who = certified.level, "the certification of the document"
	}
	switch {
	case c.problem != nil && !c.unsure:
		return c.problem
	case level == permitNothing && c.classes&^classExtension != 0:
		return forbidden("%s certifies that nothing may follow, and %s", who, c.describe())
	case c.classes&classAnnotation != 0 && level != permitNotes:
		return forbidden("notes are not permitted, and %s", c.describe())
	case c.visible != "" && (certified != nil || p.certifies):
		return forbidden("the visible signature field %q was added after a certification", c.visible)
	case c.overwritten != "" && certified == nil && !p.certifies && len(p.locks) == 0:
		return forbidden("the value of the field %q was replaced by another", c.overwritten)
	}
	for _, l := range p.locks {
		for _, field := range c.fields {
			if l.holds(field) {
				return forbidden("it locks the field %q, which was changed", field)
			}
		}
	}
	return c.problem // of a comparison that is not sure
}

func forbidden(format string, args ...any) *verdict.Problem {
	return verdict.Fail(verdict.FormatFailure, "the file was changed after this signature: "+format, args...)
}

func (c change) describe() string {
	if len(c.notes) == 0 {
		return "something else does"
	}
	return c.notes[0]
}
