package hub_test

import (
	"encoding/json"
	"testing"

	"github.com/lienthong/lienthong/hub"
)

// TestKeptContentGoesIntoArchives: a note that keeps a content names it for backups; no
// other note does.
func TestKeptContentGoesIntoArchives(t *testing.T) {
	digest := hub.Digest{7}
	for name, want := range map[string]int{hub.KeepNote(digest, 42, "x").Name: 1, "hold/1": 0} {
		keep := hub.KeepNote(digest, 42, "x")
		keep.Name = name
		body, err := json.Marshal(keep)
		if err != nil {
			t.Fatal(err)
		}
		record := hub.Record{Kind: hub.RecordRetention, Body: body}
		refs, err := record.Contents()
		if err != nil || len(refs) != want {
			t.Fatalf("%s: %+v, %v", name, refs, err)
		}
		if want == 1 && (refs[0].Digest != digest || refs[0].Size != 42) {
			t.Errorf("%+v", refs[0])
		}
	}
	for _, body := range []string{"{", `{"name":"content/07/x","body":7}`} {
		record := hub.Record{Kind: hub.RecordRetention, Body: json.RawMessage(body)}
		if _, err := record.Contents(); err == nil || hub.KindOf(err) != hub.KindInvalid {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// TestMarkedIDs: the mark that tells packages of one id apart is taken off again, and
// nothing that a sender wrote itself.
func TestMarkedIDs(t *testing.T) {
	sub := hub.Submission{ExternalID: "H47,2020/01/10,7/UBND"}
	marked := sub.MarkedID(200)
	if marked == "" || hub.UnmarkedID(marked) != sub.ExternalID {
		t.Errorf("%q", marked)
	}
	if sub.MarkedID(len(marked)-1) != "" {
		t.Error("a mark is put where there is no room")
	}
	for _, own := range []string{"", "a~b", "~", "x~0123456789ag", "x~0123456789abc"} {
		if hub.UnmarkedID(own) != own {
			t.Errorf("%q became %q", own, hub.UnmarkedID(own))
		}
	}
}
