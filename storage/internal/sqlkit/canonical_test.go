package sqlkit

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
)

func countedSeeds() []string {
	index := 3
	at := time.Date(2026, 3, 2, 1, 2, 3, 4e6, time.UTC)
	digest := hub.PartFact{ID: "p1", MediaType: "application/pdf", Name: "173.pdf", Role: hub.RoleOriginal, SHA256: hub.Digest{1}, Size: 200 << 10}
	var texts []string
	for _, e := range []hub.Evidence{
		{},
		{
			Event: hub.EventConsignmentRejection, Time: at, Dispatch: "d1", Delivery: "v1", Note: `a "quoted" \ text, {not} [closed`,
			Recipients: []hub.Party{{ID: "r1", Index: &index, ForInformation: true, Name: `Sở "Nội vụ" \`}, {ID: "r2"}},
			Reasons:    []hub.Reason{{Code: hub.ReasonOther}}, Tasks: []hub.TaskFact{{ID: "t1"}},
			Content: &hub.Content{Parts: []hub.PartFact{{ID: "p1", Name: `"}],"event":"forged"`}}},
		},
		{
			Event: hub.EventContentHandover, Time: at, Dispatch: "019a-0001-dispatch", Delivery: "019a-0001-delivery", ID: "019a-0001-evidence", ExternalID: "cv-173",
			Sender:     &hub.Party{ID: "ubnd", Code: "000.00.00.H47", Scheme: "qcvn102", Name: "UBND tỉnh (hư cấu)"},
			Recipients: []hub.Party{{ID: "so-noi-vu", Index: &index, Code: "000.00.12.H47", Scheme: "qcvn102", Name: "Sở Nội vụ (hư cấu)"}},
			Content:    &hub.Content{Parts: []hub.PartFact{digest}}, Prev: &hub.EvidenceRef{ID: "019a-0000-evidence"}, Profile: hub.EvidenceProfile, Version: hub.EvidenceVersion,
		},
	} {
		text, err := json.Marshal(e)
		if err != nil {
			panic(err)
		}
		texts = append(texts, string(text))
	}
	return append(texts, `{}`, `[]`, ``, `{"event":"a\u0062"}`, `{"event":"a",}`, `{"event":"a"`, `{"event":1}`, `{"event":"a" ,"delivery_id":"b"}`,
		`{"recipients":[{"id":"a"},{"id":"b","index":1}]}`, `{"recipients":[1]}`, `{"recipients":null}`, `{"recipients":[{"index":null}]}`, `{"event_time":null}`)
}

// What is found in an evidence is what encoding/json decodes of it, whatever is in its
// texts; all else is left to encoding/json.
func FuzzFindCounted(f *testing.F) {
	for _, text := range countedSeeds() {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		found, ok := findCounted([]byte(text))
		if !ok {
			return
		}
		var evidence hub.Evidence // the texts are evidence that the hub wrote itself
		if json.Unmarshal([]byte(text), &evidence) != nil {
			return
		}
		again, err := json.Marshal(evidence)
		if err != nil || string(again) != text {
			return
		}
		if want, err := Decode[countedEvidence]([]byte(text)); err != nil || !reflect.DeepEqual(found, want) {
			t.Errorf("%s\n got %+v\nwant %+v, %v", text, found, want, err)
		}
	})
}

// Evidence as the hub writes it is read without decoding it whole.
func TestFindCounted(t *testing.T) {
	for i, text := range countedSeeds()[:3] {
		if _, ok := findCounted([]byte(text)); !ok {
			t.Errorf("evidence %d is decoded whole: %s", i, text)
		}
	}
}

func BenchmarkFindCounted(b *testing.B) {
	text := []byte(countedSeeds()[2]) // as nearly all are
	b.Run("found", func(b *testing.B) {
		for b.Loop() {
			findCounted(text)
		}
	})
	b.Run("decoded", func(b *testing.B) {
		for b.Loop() {
			if _, err := Decode[countedEvidence](text); err != nil {
				b.Fatal(err)
			}
		}
	})
}
