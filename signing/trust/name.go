package trust

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"slices"
	"strconv"
	"strings"
)

// nameKey returns a text that is equal for two distinguished names that match
// without regard to string type, case and runs of spaces (RFC 5280, 7.1): issuers
// and subjects are written by different tools. A name that does not parse, or has
// a value that is no text, only matches its own bytes.
func nameKey(raw []byte) string {
	parts, ok := nameParts(raw)
	if !ok {
		return "raw:" + string(raw)
	}
	return strings.Join(parts, "/")
}

// nameParts returns one such text for each relative distinguished name, so that a
// name lies below another when the parts of the other are its first ones.
func nameParts(raw []byte) ([]string, bool) {
	var name pkix.RDNSequence
	rest, err := asn1.Unmarshal(raw, &name)
	if err != nil || len(rest) != 0 {
		return nil, false
	}
	parts := make([]string, 0, len(name))
	for _, set := range name {
		attributes := make([]string, 0, len(set))
		for _, attribute := range set {
			text, ok := attribute.Value.(string)
			if !ok {
				return nil, false
			}
			folded := strings.ToLower(strings.Join(strings.Fields(text), " "))
			attributes = append(attributes, attribute.Type.String()+"="+strconv.Itoa(len(folded))+":"+folded)
		}
		slices.Sort(attributes) // the order in a set says nothing
		parts = append(parts, strings.Join(attributes, ","))
	}
	return parts, true
}
