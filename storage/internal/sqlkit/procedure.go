package sqlkit

import (
	"encoding/json"
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

// CatalogueTexts read what ScanCatalogue takes: each change by its number, with the version
// that it is about and the one before; then each version by code and number.
func CatalogueTexts() []string {
	return []string{
		`SELECT c.seq, c.code, c.number, c.body, v.body, b.body, 0, 0, '', '' FROM procedure_changes c
		LEFT JOIN procedure_versions v ON v.code = c.code AND v.number = c.number
		LEFT JOIN procedure_versions b ON b.code = c.code AND b.number = c.number - 1 ORDER BY c.seq`,
		`SELECT 0, code, number, body, CAST(NULL AS TEXT), CAST(NULL AS TEXT), valid_from, valid_to, agency, search FROM procedure_versions ORDER BY code, number`,
	}
}

// ScanCatalogue reads a row of CatalogueTexts.
func ScanCatalogue[R Row](row R) (hub.CatalogueRow, error) {
	var r hub.CatalogueRow
	var from, to int64
	var agency, search string
	if err := row.Scan(&r.Seq, &r.Code, &r.Number, &r.Body, &r.Made, &r.Before, &from, &to, &agency, &search); err != nil || r.Seq != 0 {
		return r, err
	}
	var v hub.ProcedureVersion
	r.Listed = json.Unmarshal(r.Body, &v) == nil && v.Code == r.Code && v.Version == r.Number &&
		Micros(v.Valid.From) == from && ProcedureEnd(&v) == to && string(v.Agency) == agency && v.SearchText() == search
	return r, nil
}
