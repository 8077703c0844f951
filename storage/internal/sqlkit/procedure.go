package sqlkit

import (
	"math"
	"strings"

	"github.com/lienthong/lienthong/hub"
)

// ProcedureEnd is the column valid_to of a version.
func ProcedureEnd(v *hub.ProcedureVersion) int64 {
	if v.Valid.To.IsZero() {
		return math.MaxInt64
	}
	return Micros(v.Valid.To)
}

// ProceduresMoved says that somebody else changed the catalogue.
func ProceduresMoved() error {
	return hub.Errorf(hub.KindConflict, "", "version", "the catalogue of procedures has changed meanwhile")
}

// ProcedureWords are patterns of LIKE, with the escape \, for the words of a search.
func ProcedureWords(text string) []string {
	words := strings.Fields(hub.Fold(text))
	for i, w := range words {
		words[i] = "%" + strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(w) + "%"
	}
	return words
}

const procedureListing = "procedures"

// ProcedureCursor is the place of a procedure in its listing.
func ProcedureCursor(v *hub.ProcedureVersion) string { return Cursor(procedureListing, v.Code) }

// ParseProcedureCursor unpacks a cursor: the code behind which a page begins.
func ParseProcedureCursor(page hub.Page) (string, error) {
	after, err := ParseCursor(procedureListing, page, 1)
	if err != nil || after == nil {
		return "", err
	}
	return after[0], nil
}

// StoredVersion and StoredChange leave out what is of the reading.
func StoredVersion(v *hub.ProcedureVersion) (string, error) {
	kept := *v
	kept.State = ""
	return Encode(&kept)
}

// StoredChange is the row of a change; see StoredVersion.
func StoredChange(c *hub.ProcedureChange) (string, error) {
	kept := *c
	kept.Version = nil
	return Encode(&kept)
}

// CheckProcedureChanges refuses changes that are not numbered on from the last one.
func CheckProcedureChanges(last int64, changes []hub.ProcedureChange) error {
	for i := range changes {
		if changes[i].Seq != last+int64(i)+1 {
			return hub.Internal("number the changes of procedures", nil)
		}
	}
	return nil
}
