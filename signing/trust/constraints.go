package trust

import (
	"crypto/x509"
	"encoding/asn1"
	"net"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	tags "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/lienthong/lienthong/signing/verdict"
)

// The kinds of a GeneralName that constraints are processed for (RFC 5280, 4.2.1.10).
const (
	nameMail      = 1
	nameDNS       = 2
	nameDirectory = 4
	nameURI       = 6
	nameIP        = 7
)

// maxNames bounds names and constraints of one certificate.
const maxNames = 256

// generalName is a name of some kind: content octets, for a directory name the DER
// of the Name.
type generalName struct {
	kind  int
	value []byte
}

// constraints are the permitted subtrees of every authority of a path, each of which
// must agree, and all excluded ones.
type constraints struct {
	permitted [][]generalName
	excluded  []generalName
}

// add reads the name constraints of an authority.
func (c *constraints) add(authority *x509.Certificate) *verdict.Problem {
	value, critical := extensionOf(authority, oidNameConstraints)
	if value == nil {
		return nil
	}
	input := cryptobyte.String(value)
	var sequence, permitted, excluded cryptobyte.String
	var hasPermitted, hasExcluded bool
	if !input.ReadASN1(&sequence, tags.SEQUENCE) || !input.Empty() ||
		!sequence.ReadOptionalASN1(&permitted, &hasPermitted, tags.Tag(0).ContextSpecific().Constructed()) ||
		!sequence.ReadOptionalASN1(&excluded, &hasExcluded, tags.Tag(1).ContextSpecific().Constructed()) || !sequence.Empty() {
		return badExtension(authority, "name constraints")
	}
	allowed, ok := readSubtrees(permitted, critical)
	forbidden, fine := readSubtrees(excluded, critical)
	if !ok || !fine {
		return badExtension(authority, "name constraints")
	}
	if hasPermitted {
		c.permitted = append(c.permitted, allowed)
	}
	c.excluded = append(c.excluded, forbidden...)
	return nil
}

// readSubtrees reads subtrees; kinds that are not processed make a critical
// extension unusable (RFC 5280, 4.2.1.10).
func readSubtrees(list cryptobyte.String, critical bool) ([]generalName, bool) {
	var out []generalName
	for !list.Empty() {
		var subtree cryptobyte.String
		if len(out) == maxNames || !list.ReadASN1(&subtree, tags.SEQUENCE) {
			return nil, false
		}
		name, ok := readGeneralName(&subtree)
		if !ok || !subtree.Empty() { // minimum and maximum are never used
			return nil, false
		}
		switch name.kind {
		case nameMail, nameDNS, nameDirectory, nameURI, nameIP:
			out = append(out, name)
		default:
			if critical {
				return nil, false
			}
		}
	}
	return out, true
}

func readGeneralName(from *cryptobyte.String) (generalName, bool) {
	var content cryptobyte.String
	var tag tags.Tag
	if !from.ReadAnyASN1(&content, &tag) || tag&0xc0 != 0x80 {
		return generalName{}, false
	}
	name := generalName{kind: int(tag & 0x1f), value: content}
	if name.kind == nameDirectory {
		var inner cryptobyte.String
		if !content.ReadASN1Element(&inner, tags.SEQUENCE) || !content.Empty() {
			return generalName{}, false
		}
		name.value = inner
	}
	return name, true
}

// check requires every name of a certificate to lie where all authorities above it
// allow.
func (c *constraints) check(certificate *x509.Certificate) *verdict.Problem {
	if len(c.permitted) == 0 && len(c.excluded) == 0 {
		return nil
	}
	names, ok := namesOf(certificate)
	if !ok {
		return badExtension(certificate, "names")
	}
	for _, name := range names {
		for _, forbidden := range c.excluded {
			if forbidden.kind == name.kind && forbidden.covers(name) {
				return outside(certificate)
			}
		}
		for _, set := range c.permitted {
			sameKind := func(g generalName) bool { return g.kind == name.kind }
			covers := func(g generalName) bool { return g.kind == name.kind && g.covers(name) }
			if slices.ContainsFunc(set, sameKind) && !slices.ContainsFunc(set, covers) {
				return outside(certificate)
			}
		}
	}
	return nil
}

func outside(certificate *x509.Certificate) *verdict.Problem {
	return verdict.Doubt(verdict.ChainConstraintsFailure,
		"a name of %s lies outside of what an authority above it may name", subjectOf(certificate))
}

// namesOf returns subject and alternative names; an e-mail address in the subject
// counts when there is no alternative one.
func namesOf(certificate *x509.Certificate) ([]generalName, bool) {
	var names []generalName
	if len(certificate.RawSubject) > 2 { // not the empty name
		names = append(names, generalName{nameDirectory, certificate.RawSubject})
	}
	value, _ := extensionOf(certificate, oidSubjectAltName)
	mail := false
	if value != nil {
		input := cryptobyte.String(value)
		var list cryptobyte.String
		if !input.ReadASN1(&list, tags.SEQUENCE) || !input.Empty() {
			return nil, false
		}
		for !list.Empty() {
			name, ok := readGeneralName(&list)
			if !ok || len(names) > maxNames {
				return nil, false
			}
			mail = mail || name.kind == nameMail
			names = append(names, name)
		}
	}
	for _, attribute := range certificate.Subject.Names {
		if text, ok := attribute.Value.(string); ok && !mail && attribute.Type.Equal(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1}) {
			names = append(names, generalName{nameMail, []byte(text)})
		}
	}
	return names, true
}

// covers reports whether a name of the same kind lies in the subtree.
func (g generalName) covers(name generalName) bool {
	base, value := strings.ToLower(string(g.value)), strings.ToLower(string(name.value))
	switch g.kind {
	case nameDirectory:
		return directoryCovers(g.value, name.value)
	case nameDNS:
		return base == "" || value == base || strings.HasSuffix(value, "."+strings.TrimPrefix(base, "."))
	case nameMail:
		return mailCovers(base, value)
	case nameURI:
		u, err := url.Parse(string(name.value))
		return err == nil && u.Hostname() != "" && hostCovers(base, strings.ToLower(u.Hostname()))
	case nameIP:
		return addressCovers(g.value, name.value)
	}
	return false
}

func directoryCovers(base, value []byte) bool {
	above, ok := nameParts(base)
	below, fine := nameParts(value)
	return ok && fine && len(above) <= len(below) && slices.Equal(above, below[:len(above)])
}

func mailCovers(base, value string) bool {
	at := strings.LastIndexByte(value, '@')
	switch {
	case at < 0:
		return false
	case strings.Contains(base, "@"):
		return base == value
	}
	return hostCovers(base, value[at+1:])
}

// hostCovers applies the rule of mail and URI: a leading dot names everything below,
// anything else one host.
func hostCovers(base, host string) bool {
	if strings.HasPrefix(base, ".") {
		return strings.HasSuffix(host, base)
	}
	return host == base
}

func addressCovers(base, value []byte) bool {
	if len(base) != 2*len(value) || len(value) != net.IPv4len && len(value) != net.IPv6len {
		return false
	}
	mask := net.IPMask(base[len(value):])
	return net.IP(base[:len(value)]).Mask(mask).Equal(net.IP(value).Mask(mask))
}
