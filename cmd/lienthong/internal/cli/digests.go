package cli

import (
	"maps"
	"slices"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/signing/trust"
)

// digestFlags let whoever verifies or looks ahead rely upon digests for a shorter or longer
// time than the table in the program.
type digestFlags struct {
	DigestEnds map[string]string `name:"digest-ends" placeholder:"DIGEST=DATE" help:"Rely upon a digest until the start of that day only, such as SHA-256=2035-01-01, whatever the table of algorithms says."`
}

// table is the table of algorithms with what the flags say.
func (f *digestFlags) table() (*trust.Algorithms, error) {
	table := trust.DefaultAlgorithms()
	for _, name := range slices.Sorted(maps.Keys(f.DigestEnds)) {
		until, err := time.Parse(time.DateOnly, f.DigestEnds[name])
		if err != nil {
			return nil, hub.Invalid("digest-ends", "date", "%q is no day such as 2035-01-01", f.DigestEnds[name])
		}
		if table, err = table.EndDigest(name, until); err != nil {
			return nil, hub.Invalid("digest-ends", "digest", "%v", err)
		}
	}
	return table, nil
}
