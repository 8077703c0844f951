package cli

import (
	"io"
	"strings"
	"testing"

	"github.com/lienthong/lienthong/hub"
)

// TestUnitThatCameAndWent: a unit that the axis added and deleted on one day ends behind the
// day on which it began here, and does not hold up what else changed.
func TestUnitThatCameAndWent(t *testing.T) {
	const known = "id,code,name,valid_from,valid_to,aliases,parent_code,email,level,registers,channel\n" +
		"new,H47.1,Mới,2026-03-02,,,,,unit,true,axis\nold,H47.2,Cũ,2020-01-01,,,,,unit,true,axis\nnext,H47.3,Sau,2026-04-01,,,,,unit,true,axis\n"
	list, err := newUnitList(strings.NewReader(known), "2026-03-02", nil)
	if err != nil {
		t.Fatal(err)
	}
	for id, code := range map[string]string{"1": "H47.1", "2": "H47.2", "3": "H47.3"} {
		list.take(&hub.AxisUnitChange{AxisUnit: hub.AxisUnit{ID: id, Code: code}, Deleted: true})
	}
	text, err := io.ReadAll(list.csv())
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []string{"new,H47.1,Mới,2026-03-02,2026-03-03,", "old,H47.2,Cũ,2020-01-01,2026-03-02,", "next,H47.3,Sau,2026-04-01,2026-04-02,"} {
		if !strings.Contains(string(text), row) {
			t.Errorf("no %q in\n%s", row, text)
		}
	}
}
