// Package asic writes and reads associated signature containers (ETSI EN 319 162-1,
// ASiC): ZIP files that hold files and the signatures over them.
//
// Write makes an ASiC-E container with one CAdES signature over a manifest of all
// its files. The same files and the same signature give the same bytes.
//
// Read opens a container as a stranger's file. It promises: one way to read it, so
// what it hands out is what every other reader finds too. The central directory and
// the local headers agree, the entries lie one behind the other without gap from
// the first byte to the directory, nothing follows the directory, no name is given
// twice (not even in another case or another Unicode form), no name leaves the
// container, no entry is encrypted or of 64-bit size, and nothing unpacks to more
// than the bounds below. Whatever breaks a rule is a *Refusal, and no file of the
// container is handed out.
//
// Verify judges every signature of a container, CAdES over a manifest or over the one
// file, and XAdES over the files. Each file must be covered by a signature, and by none
// of them twice: one that nobody signed makes all of them fail. Who the signers are and
// what timestamps prove is for others to decide; the judges are handed in.
package asic

import "fmt"

// Media types of containers, the content of their first entry.
const (
	MediaTypeS = "application/vnd.etsi.asic-s+zip" // one file
	MediaTypeE = "application/vnd.etsi.asic-e+zip" // any number of files
)

// Bounds of a container.
const (
	MaxBytes       = 1 << 30 // packed and unpacked
	MaxFiles       = 1000    // entries, signatures among them
	MaxRatio       = 100     // unpacked to packed, of each entry
	MaxMetaBytes   = 8 << 20 // of a manifest or signature
	MaxNameBytes   = 512
	freeRatioBytes = 64 << 10 // so small that the ratio does not matter
)

const (
	metaFolder    = "META-INF/"
	mediaTypeFile = "mimetype"
)

// Refusal says which rule a container breaks.
type Refusal struct {
	Rule   string // a word for machines, such as "duplicate name"
	Reason string // a sentence for a person
}

// Error implements error.
func (r *Refusal) Error() string { return r.Reason }

func refuse(rule, format string, args ...any) *Refusal {
	return &Refusal{rule, "the container " + fmt.Sprintf(format, args...)}
}
