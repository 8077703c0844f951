package strictjson_test

import (
	"testing"

	"github.com/lienthong/lienthong/adapters/internal/strictjson"
	"github.com/lienthong/lienthong/hub"
)

// TestEmbedded: members of embedded structs are known, where the outer one says otherwise
// its own counts, and unknown ones are refused all the same.
func TestEmbedded(t *testing.T) {
	type wish struct {
		hub.TaskOrder
		Agency string `json:"agency"`
	}
	var w wish
	if err := strictjson.Decode([]byte(`{"act":"finish","agency":"a","before":"2026-03-10"}`), &w); err != nil || w.Act != hub.ActFinish || w.Before != "2026-03-10" || w.Agency != "a" {
		t.Errorf("%+v %v", w, err)
	}
	for text, field := range map[string]string{`{"Act":"x"}`: "Act", `{"TaskTerm":{}}`: "TaskTerm", `{"due":1}`: "due"} {
		if err := strictjson.Decode([]byte(text), &w); err == nil || hub.ViolationsOf(err)[0].Field != field {
			t.Errorf("%s: %v", text, err)
		}
	}
}
