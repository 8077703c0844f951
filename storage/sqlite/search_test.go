package sqlite

import (
	"fmt"
	"testing"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
	"github.com/lienthong/lienthong/storage/storagetest"
)

// TestSearchInAFullBox: a rare word is found by the index, a frequent one by walking, and
// what a whole stretch has not and many after it have by going on.
func TestSearchInAFullBox(t *testing.T) {
	s, m := openInside(t, nil), storagetest.NewMaker()
	const rows = 4 * sqlkit.Stretch
	a := m.Acceptance("r1")
	dispatch, err := sqlkit.Encode(a.Dispatch)
	if err != nil {
		t.Fatal(err)
	}
	delivery, err := sqlkit.EncodeDelivery(&a.Deliveries[0])
	if err != nil {
		t.Fatal(err)
	}
	err = s.do(t.Context(), 3, func(x *tx) error {
		for _, c := range []struct {
			text string
			args []any
		}{
			{`WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?1)
				INSERT INTO dispatches (id, sender, external_id, operation, number, promulgated, search, receipt, body, reports)
				SELECT printf('d%06d', n), 's1', n, 'new', n, '', printf(' %d ubnd cai cach%s ', n, CASE WHEN n > ?1 / 4 THEN ' moi' ELSE '' END), '', json_set(?2, '$.id', printf('d%06d', n)), '[]' FROM n`,
				[]any{rows, dispatch}},
			{`INSERT INTO deliveries (id, dispatch, position, recipient, state, version, final, calm, next_attempt, expires_at, body)
				SELECT 'v' || id, id, 0, 'r1', 'consigned', 1, 0, 1, 0, 0, json_set(?1, '$.id', 'v' || id, '$.dispatch', id, '$.state', 'consigned') FROM dispatches`, []any{delivery}},
		} {
			if err := x.exec(c.text, c.args...); err != nil {
				return err
			}
		}
		return x.indexWords()
	})
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string][2]int{ // in the box and in what was sent: the first page
		"cải cách": {20, 20}, "11999": {1, 1}, "7/UBND": {1, 1}, "ubnd 7/cải": {}, "cải 11999/UBND": {1, 1}, "không": {}, "cải cách không": {},
		"ubnd cải cách 11999 mới": {1, 1}, "ubnd cải cách 7 mới": {}, // more words than are tried first
		"mới": {0, 20}, // the box begins with the oldest
	} {
		box, err := s.Mailbox(t.Context(), hub.MailboxQuery{Agency: "r1", Text: text, Page: hub.Page{Limit: 20}})
		if err != nil {
			t.Fatal(err)
		}
		sent, err := s.Sent(t.Context(), hub.SentQuery{Agency: "s1", Text: text, Page: hub.Page{Limit: 20}})
		if err != nil {
			t.Fatal(err)
		}
		if got := [2]int{len(box.Items), len(sent.Items)}; got != want {
			t.Errorf("search of %q finds %v, want %v", text, got, want)
		}
	}
	list, err := s.Mailbox(t.Context(), hub.MailboxQuery{Agency: "r1", Text: "mới", Page: hub.Page{Limit: 20}})
	if err == nil {
		list, err = s.Mailbox(t.Context(), hub.MailboxQuery{Agency: "r1", Text: "mới", Page: hub.Page{Limit: 20, After: list.Next}})
	}
	if err != nil || len(list.Items) != 20 || list.Items[0].Delivery.ID != hub.DeliveryID(fmt.Sprintf("vd%06d", sqlkit.Stretch+1)) {
		t.Errorf("going on finds %d, %v", len(list.Items), err)
	}
}
