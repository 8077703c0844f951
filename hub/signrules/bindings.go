package signrules

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/lienthong/lienthong/hub"
)

// Bounds of a binding.
const (
	maxText    = 500 // characters
	maxNames   = 10
	maxPerUnit = 1000 // bindings of one agency
)

// Bind says that a certificate signs for an agency, and returns the binding. What it
// binds comes from b; the agency must exist. The same certificate or names again give
// the binding that is there. It needs ScopeOperate.
func (s *Service) Bind(ctx context.Context, actor hub.Actor, b hub.CertificateBinding) (hub.CertificateBinding, error) {
	if err := actor.Require(hub.ScopeOperate); err != nil {
		return b, err
	}
	b.ID, b.BoundBy, b.BoundAt, b.RemovedBy = s.NewID(), actor.Name, s.now(), ""
	if err := checkBinding(&b); err != nil {
		return b, err
	}
	n, err := encode(boundName(b.Agency, b.ID), b)
	if err != nil {
		return b, err
	}
	already := false
	err = s.change(ctx, func() ([]hub.RetentionNote, error) {
		count := 0
		already = false
		err := s.each(ctx, boundPrefix+url.PathEscape(string(b.Agency))+"/", func(other hub.CertificateBinding) {
			if count++; same(&other, &b) {
				b, already = other, true
			}
		})
		switch {
		case err != nil || already:
			return nil, err
		case count >= maxPerUnit:
			return nil, hub.Errorf(hub.KindTooLarge, "agency", "max_items", "an agency has at most %d bindings", maxPerUnit)
		}
		return []hub.RetentionNote{n}, nil
	})
	if err != nil || already {
		return b, err
	}
	s.Log.WarnContext(ctx, "certificate bound", "binding", b.ID, "agency", b.Agency, "actor", actor.Name)
	return b, nil
}

// same tells whether two bindings say the same.
func same(a, b *hub.CertificateBinding) bool {
	return a.SHA256 == b.SHA256 && a.Issuer == b.Issuer && strings.Join(a.Subject, "\n") == strings.Join(b.Subject, "\n") && a.Role == b.Role
}

func checkBinding(b *hub.CertificateBinding) error {
	var found hub.Violations
	byDigest, byName := !b.SHA256.IsZero(), b.Issuer != "" || len(b.Subject) > 0
	switch {
	case b.Agency == "":
		found = append(found, hub.Invalid("agency", "required", "which agency? agency is required"))
	case byDigest == byName:
		found = append(found, hub.Invalid("sha256", "exclusive", "a binding is either by the SHA-256 of one certificate, or by issuer and subject"))
	case byName && (b.Issuer == "" || len(b.Subject) == 0):
		found = append(found, hub.Invalid("issuer", "required", "a binding by names needs the issuer and at least one name of the subject"))
	}
	if len(b.Subject) > maxNames {
		found = append(found, hub.Invalid("subject", "max_items", "at most %d names of a subject", maxNames))
	}
	for i, name := range b.Subject {
		field := fmt.Sprintf("subject[%d]", i)
		attribute, value, _ := strings.Cut(name, "=")
		if attribute == "" || strings.Trim(value, "* ") == "" {
			found = append(found, hub.Invalid(field, "format", `a name is of the form "O=UBND tỉnh ...", and more than *`))
		}
		found = checkText(found, field, name)
	}
	if b.Role != "" && b.Role != hub.RolePerson && b.Role != hub.RoleSeal {
		found = append(found, hub.Invalid("role", "code_list", "role is person or seal, or absent"))
	}
	found = checkText(found, "issuer", b.Issuer)
	return checkText(found, "note", b.Note).AsError()
}

func checkText(found hub.Violations, field, text string) hub.Violations {
	switch {
	case !utf8.ValidString(text):
		return append(found, hub.Invalid(field, "utf8", "%s is not valid UTF-8", field))
	case utf8.RuneCountInString(text) > maxText:
		return append(found, hub.Invalid(field, "max_length", "%s has more than %d characters", field, maxText))
	case strings.ContainsFunc(text, unicode.IsControl):
		return append(found, hub.Invalid(field, "control_character", "%s contains control characters", field))
	}
	return found
}

// Unbind ends a binding and returns it; it stays in the store among those that were. It
// needs ScopeOperate. One that is not in force is KindNotFound.
func (s *Service) Unbind(ctx context.Context, actor hub.Actor, agency hub.AgencyID, id string) (hub.CertificateBinding, error) {
	var b hub.CertificateBinding
	if err := actor.Require(hub.ScopeOperate); err != nil {
		return b, err
	}
	err := s.change(ctx, func() ([]hub.RetentionNote, error) {
		b = hub.CertificateBinding{}
		err := s.each(ctx, boundPrefix+url.PathEscape(string(agency))+"/", func(other hub.CertificateBinding) {
			if other.ID == id {
				b = other
			}
		})
		if err == nil && b.ID == "" {
			err = hub.Errorf(hub.KindNotFound, "binding", "", "the agency has no binding %.60q in force", id)
		}
		if err != nil {
			return nil, err
		}
		b.RemovedBy, b.RemovedAt = actor.Name, s.now()
		n, err := encode(removedPrefix+id, b)
		return []hub.RetentionNote{{Name: boundName(agency, id)}, n}, err
	})
	if err != nil {
		return hub.CertificateBinding{}, err
	}
	s.Log.WarnContext(ctx, "certificate unbound", "binding", id, "agency", agency, "actor", actor.Name)
	return b, nil
}

// Bindings lists the certificates that sign for an agency, to an operator or an auditor,
// oldest first.
func (s *Service) Bindings(ctx context.Context, actor hub.Actor, agency hub.AgencyID) ([]hub.CertificateBinding, error) {
	if err := actor.Oversees(); err != nil {
		return nil, err
	}
	list := []hub.CertificateBinding{}
	err := s.each(ctx, boundPrefix+url.PathEscape(string(agency))+"/", func(b hub.CertificateBinding) { list = append(list, b) })
	return list, err
}
