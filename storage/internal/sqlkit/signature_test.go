package sqlkit

import (
	"testing"

	"github.com/lienthong/lienthong/hub"
)

// TestCompleteSourcesAsksOnce: where the log begins to read behind the evidence that keeps a
// signature, that one is looked for once, not once for each that shares it.
func TestCompleteSourcesAsksOnce(t *testing.T) {
	kept := map[hub.EvidenceID]string{"a": "one..sig", "c": "two..sig"}
	sources := []hub.LogSource{
		{ID: "a1", JWS: "a~1"}, {ID: "a2", JWS: "a~2"}, {ID: "note", Note: &hub.LogNote{}}, {ID: "a3", JWS: "a~3"},
		{ID: "b", JWS: "alone..sig"}, {ID: "c1", JWS: "c~1"}, {ID: "c2", JWS: "c~2"},
		{ID: "d", JWS: "three..sig~0"}, {ID: "d1", JWS: "d~1"},
	}
	want := []string{"one..sig~1", "one..sig~2", "", "one..sig~3", "alone..sig", "two..sig~1", "two..sig~2", "three..sig~0", "three..sig~1"}
	asked := 0
	err := CompleteSources(sources, func(id hub.EvidenceID) (hub.SealedEvidence, error) {
		asked++
		return hub.SealedEvidence{JWS: kept[id[:1]] + "~" + string(id[1:])}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range sources {
		if sources[i].JWS != want[i] {
			t.Errorf("%s: %s, want %s", sources[i].ID, sources[i].JWS, want[i])
		}
	}
	if asked != len(kept) {
		t.Errorf("%d look-ups for %d signatures", asked, len(kept))
	}
}
