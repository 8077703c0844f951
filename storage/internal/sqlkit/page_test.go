package sqlkit

import (
	"testing"

	"github.com/lienthong/lienthong/hub"
)

// FuzzCursor: a cursor comes back from outside. Whatever is taken for one is the
// very text that this store would give out for its key.
func FuzzCursor(f *testing.F) {
	f.Add(Cursor("mailbox", "1", "0190a0b0-0000-7000-8000-000000000001"), 2)
	f.Add(Cursor("mailbox", "", ""), 2)
	f.Add("bWFpbGJveAB4", 1)
	f.Add("////", 1)
	f.Fuzz(func(t *testing.T, after string, n int) {
		key, err := ParseCursor("mailbox", hub.Page{After: after, Limit: 1}, n)
		switch {
		case err != nil:
			if hub.KindOf(err) != hub.KindInvalid {
				t.Errorf("%q: %v", after, err)
			}
		case after == "":
			if key != nil {
				t.Errorf("no cursor has the key %q", key)
			}
		case len(key) != n || Cursor("mailbox", key...) != after:
			t.Errorf("%q was taken for the cursor of %q", after, key)
		}
	})
}
