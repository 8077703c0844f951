package schema

import (
	"database/sql"
	"database/sql/driver"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/pressly/goose/v3"
)

// TestProvider: files are versions in the order of their numbers, and marks that would
// change how a file is run are refused.
func TestProvider(t *testing.T) {
	db := sql.OpenDB(driver.Connector(nil)) // not asked: nothing is run
	defer db.Close()
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	provider, err := Provider(goose.DialectSQLite3, db, fstest.MapFS{
		"00010_b.sql": file("-- +goose Up\n-- +goose StatementBegin\nSELECT 1;\n-- +goose StatementEnd\n"),
		"00002_a.sql": file("-- +goose Up\nSELECT 1;\n"),
	})
	if err != nil {
		t.Fatal(err)
	}
	sources := provider.ListSources()
	if len(sources) != 2 || sources[0].Version != 2 || sources[1].Version != 10 {
		t.Errorf("%+v", sources)
	}
	for name, text := range map[string]string{
		"00001_down.sql":  "-- +goose Up\nSELECT 1;\n-- +goose Down\nSELECT 2;\n",
		"00001_alone.sql": "-- +goose NO TRANSACTION\n-- +goose Up\nSELECT 1;\n",
		"00001_plain.sql": "SELECT 1;\n",
		"00001_env.sql":   "-- +goose Up\n-- +goose ENVSUB ON\nSELECT 1;\n",
		"start.sql":       "-- +goose Up\nSELECT 1;\n",
	} {
		_, err := Provider(goose.DialectSQLite3, db, fstest.MapFS{name: file(text)})
		if err == nil || !strings.Contains(err.Error(), name) && name != "start.sql" {
			t.Errorf("%s: %v", name, err)
		}
	}
}
