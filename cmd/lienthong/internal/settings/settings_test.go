package settings_test

import (
	"encoding/json"
	"testing"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/settings"
)

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"listen": "127.0.0.1:1", "max-recipients": 5, "behind-proxy": true}`))
	f.Add([]byte(`{"name": "a", "name": "b"}`))
	f.Add([]byte(`{"name": "a"}}`))
	known := map[string]string{"listen": "", "max-recipients": "", "behind-proxy": "", "name": ""}
	f.Fuzz(func(t *testing.T, raw []byte) {
		values, err := settings.Parse(raw, known)
		if err != nil {
			return
		}
		var reference map[string]any
		if err := json.Unmarshal(raw, &reference); err != nil {
			t.Fatalf("took what is not JSON: %v", err)
		}
		if len(values) != len(reference) {
			t.Errorf("%d values of %d", len(values), len(reference))
		}
	})
}
