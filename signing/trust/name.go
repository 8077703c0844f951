package trust

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"strconv"
	"strings"
)

// nameKey returns a text that is equal for two distinguished names that match
// without regard to string type, case and runs of spaces (RFC 5280, 7.1): issuers
// and subjects are written by different tools. A name that does not parse, or has
// a value that is no text, only matches its own bytes.
func nameKey(raw []byte) string {
	var name pkix.RDNSequence
	rest, err := asn1.Unmarshal(raw, &name)
	if err != nil || len(rest) != 0 {
		return "raw:" + string(raw)
	}
	var key strings.Builder
	for _, set := range name {
		key.WriteString("/" + strconv.Itoa(len(set)))
		for _, attribute := range set {
			text, ok := attribute.Value.(string)
			if !ok {
				return "raw:" + string(raw)
			}
			folded := strings.ToLower(strings.Join(strings.Fields(text), " "))
			key.WriteString("," + attribute.Type.String() + "=" + strconv.Itoa(len(folded)) + ":" + folded)
		}
	}
	return key.String()
}
