package schemas_test

import (
	"testing"

	"github.com/lienthong/lienthong/schemas"
)

func TestCodes(t *testing.T) {
	lists, err := schemas.Codes()
	if err != nil {
		t.Fatal(err)
	}
	for name, codes := range map[string][]schemas.Code{"operations": lists.Operations, "priorities": lists.Priorities, "statuses": lists.Statuses} {
		seen := map[string]bool{}
		for _, c := range codes {
			if seen[c.Code] || c.Code == "" || c.Vietnamese == "" || c.English == "" {
				t.Errorf("%s: %+v is incomplete or occurs twice", name, c)
			}
			seen[c.Code] = true
		}
	}
	// The numbers that real senders write: 18 of group B is Công văn.
	for _, d := range lists.DocumentTypes {
		if d.Group == "B" && d.Code == 18 && d.Name == "Công văn" && d.Abbreviation == "" {
			return
		}
	}
	t.Error("Công văn is not number 18 of group B")
}
