package storagetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// testDrafts: a draft is the person's own, the last saved text holds, and what is too old
// or too much goes.
func testDrafts(t *testing.T, back Backend) {
	b := newBench(t, back)
	save := func(account, id string, saved time.Time, letter string) {
		t.Helper()
		b.must(b.store.SaveDraft(b.ctx, hub.Draft{ID: id, Account: account, Office: "s", Title: "Công văn", Saved: saved, Letter: []byte(letter)}))
	}
	save("an", "1", b.Clock, "một")
	save("an", "2", b.Clock.Add(time.Second), "hai")
	save("binh", "1", b.Clock, "của Bình")
	save("an", "1", b.Clock.Add(time.Minute), "một, sửa")
	got, err := b.store.Draft(b.ctx, "an", "1")
	b.must(err)
	same(t, "the draft", got, hub.Draft{ID: "1", Account: "an", Office: "s", Title: "Công văn", Saved: b.Clock.Add(time.Minute).UTC(), Letter: []byte("một, sửa")})
	list, err := b.store.Drafts(b.ctx, "an")
	b.must(err)
	if len(list) != 2 || list[0].ID != "1" || list[1].ID != "2" {
		t.Errorf("the drafts are %+v", list)
	}
	b.must(b.store.DeleteDraft(b.ctx, "an", "1"))
	b.must(b.store.DeleteDraft(b.ctx, "an", "1"))
	_, err = b.store.Draft(b.ctx, "an", "1")
	b.wants(hub.KindNotFound, err)
	if other, err := b.store.Draft(b.ctx, "binh", "1"); err != nil || string(other.Letter) != "của Bình" {
		t.Errorf("the draft of another is %+v, %v", other, err)
	}
	for i := range hub.MaxDrafts + 3 {
		save("an", fmt.Sprint("n", i), b.Clock.Add(time.Hour+time.Duration(i)*time.Second), "x")
	}
	if list, err = b.store.Drafts(b.ctx, "an"); err != nil || len(list) != hub.MaxDrafts || list[len(list)-1].ID != "n3" {
		t.Errorf("%d drafts are kept, %v", len(list), err)
	}
	save("chi", "1", b.Clock.Add(hub.DraftLife+30*time.Minute), "x")
	if list, err = b.store.Drafts(b.ctx, "binh"); err != nil || len(list) != 0 {
		t.Errorf("old drafts stay: %+v, %v", list, err)
	}
}
