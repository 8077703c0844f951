// Package gzipped compresses answers over HTTP for those who take them so. It compresses
// whole bodies in memory; which may be compressed at all is for the caller to say, for
// the length of a compressed body tells of what stands in it.
package gzipped

import (
	"bytes"
	"compress/gzip"
	"strconv"
	"strings"
)

// Above is the length in bytes from which a body is worth compressing: what is shorter
// goes in one packet anyway.
const Above = 1400

// Accepted reports whether an Accept-Encoding header takes gzip (RFC 9110 section 12.5.3).
func Accepted(header string) bool {
	for coding := range strings.SplitSeq(header, ",") {
		name, weight, _ := strings.Cut(coding, ";")
		if name = strings.TrimSpace(name); strings.EqualFold(name, "gzip") || name == "*" {
			q, found := strings.CutPrefix(strings.ReplaceAll(weight, " ", ""), "q=")
			value, err := strconv.ParseFloat(q, 64)
			return !found || err == nil && value > 0
		}
	}
	return false
}

// Compress compresses at a level of compress/gzip. It returns false where that would make
// the body no shorter.
func Compress(body []byte, level int) ([]byte, bool) {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, level)
	if err != nil {
		return nil, false
	}
	if _, err := z.Write(body); err != nil {
		return nil, false
	}
	if err := z.Close(); err != nil { // it writes the end
		return nil, false
	}
	return b.Bytes(), b.Len() < len(body)
}
