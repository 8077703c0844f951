package sqlkit_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

// box is a mailbox in memory: which rows match, in the order of the box, by lane.
type box struct {
	lanes   [2][]hub.Item
	matches func(hub.Item) bool
}

func (b *box) search(query *hub.MailboxQuery, stretch, most int) (hub.List[hub.Item], error) {
	return sqlkit.SearchLanes(query, func(calm int) sqlkit.Search[hub.Item] {
		rest := b.lanes[calm]
		if i := slices.IndexFunc(rest, func(it hub.Item) bool { return sqlkit.MailboxCursor(&it) == query.Page.After }); i >= 0 {
			rest = rest[i+1:]
		}
		pick := func(from []hub.Item, rows int) []hub.Item {
			found := slices.DeleteFunc(slices.Clone(from), func(it hub.Item) bool { return !b.matches(it) })
			return found[:min(rows, len(found))]
		}
		return sqlkit.Search[hub.Item]{
			Cursor: sqlkit.MailboxCursor,
			Walk: func(most, rows int) ([]hub.Item, error) {
				if most == sqlkit.FirstStretch {
					return pick(rest[:min(stretch/3, len(rest))], rows), nil
				}
				return pick(rest[:min(stretch, len(rest))], rows), nil
			},
			Look: func(rows int) ([]hub.Item, bool, error) {
				return pick(rest, rows), len(pick(b.lanes[calm], most+1)) <= most, nil
			},
			End: func() (string, error) {
				if len(rest) < stretch {
					return "", nil
				}
				return sqlkit.MailboxCursor(&rest[stretch-1]), nil
			},
		}
	})
}

// Whatever matches where, following the pages finds each match once and in order, and no
// page but the last is empty unless a whole stretch was searched.
func TestSearchFindsEachMatchOnce(t *testing.T) {
	for name, matches := range map[string]func(n int) bool{
		"all": func(int) bool { return true }, "none": func(int) bool { return false }, "each third": func(n int) bool { return n%3 == 0 },
		"one": func(n int) bool { return n == 55 }, "the last": func(n int) bool { return n >= 70 }, "the first": func(n int) bool { return n < 9 },
	} {
		var b box
		var want []hub.DeliveryID
		for n := range 100 {
			it := hub.Item{Delivery: hub.Delivery{ID: hub.DeliveryID(fmt.Sprintf("%03d", n)), Urgent: n < 20}}
			lane := 1
			if it.Delivery.Urgent {
				lane = 0
			}
			b.lanes[lane] = append(b.lanes[lane], it)
			if matches(n) {
				want = append(want, it.Delivery.ID)
			}
		}
		b.matches = func(it hub.Item) bool { return slices.Contains(want, it.Delivery.ID) }
		for _, limit := range []int{1, 2, 7, 20, 30, 100} {
			for _, bounds := range [][2]int{{1000, 1000}, {10, 1000}, {10, 5}, {10, 0}} {
				var got []hub.DeliveryID
				query := hub.MailboxQuery{Agency: "r1", Page: hub.Page{Limit: limit}}
				for {
					list, err := b.search(&query, bounds[0], bounds[1])
					if err != nil {
						t.Fatal(err)
					}
					for _, it := range list.Items {
						got = append(got, it.Delivery.ID)
					}
					if list.Next == "" {
						break
					}
					if len(list.Items) > limit || len(list.Items) < limit && bounds[1] == 1000 {
						t.Fatalf("%s: a page of %d rows has %d and names a next one", name, limit, len(list.Items))
					}
					if list.Next == query.Page.After {
						t.Fatalf("%s: the cursor does not move", name)
					}
					query.Page.After = list.Next
				}
				if !slices.Equal(got, want) {
					t.Errorf("%s, pages of %d, bounds %v: found %v, want %v", name, limit, bounds, got, want)
				}
			}
		}
	}
}

func TestAsk(t *testing.T) {
	for text, want := range map[string]string{
		"":                                  "{[] [] false} false",
		" \t":                               "{[] [] false} false",
		"-- %":                              "{[] [] false} true",
		"Cải  CÁCH":                         "{[cai cach] [% cai % % cach %] false} true",
		"12/UBND-VP ngày":                   "{[12+ubnd vp ngay] [% 12 ubnd vp % % ngay %] true} true",
		"30/2020/NĐ-CP":                     "{[30+2020 2020+nd cp] [% 30 2020 nd cp %] true} true",
		"“Đề án” số 6_a%":                   "{[de an so 6+a] [% de % % an % % so % % 6 a %] true} true",
		"a b c d e f g h i j k l m n o p q": "{[a b c d e f g h i j k l m n o p] [% a % % b % % c % % d % % e % % f % % g % % h % % i % % j % % k % % l % % m % % n % % o % % p % % q %] true} true",
	} {
		asked, some := sqlkit.Ask(text)
		if got := fmt.Sprint(asked, some); got != want {
			t.Errorf("%q asks %s, want %s", text, got, want)
		}
	}
}

// What stands together in a search stands in one field, and so do the words of a pair.
func TestSearchTextKeepsFieldsApart(t *testing.T) {
	d := hub.Dispatch{SenderName: "UBND xã 5", SenderCode: "H47.1", Document: hub.Document{CodeNumber: "12", CodeNotation: "UBND-VP", Subject: "Lĩnh vực 37", TypeName: " - "}}
	text := sqlkit.SearchText(&d)
	if want := " 12 ubnd vp  linh vuc 37  ubnd xa 5  h47 1 "; text != want {
		t.Errorf("text %q, want %q", text, want)
	}
	if got, want := fmt.Sprint(sqlkit.Pairs(text)), "[12+ubnd]"; got != want {
		t.Errorf("pairs %s, want %s", got, want)
	}
	if got := sqlkit.Spaced(" - "); got != " " {
		t.Errorf("no word is %q", got)
	}
}

func TestFew(t *testing.T) {
	for text, want := range map[string]string{
		"cải cách hành chính":           "[cai cach hanh chinh] false false",
		"nguyễn văn khánh xã mẫu 37":    "[37 nguyen khanh van] true true",
		"của 12/UBND-VP ngày 3 quý năm": "[12+ubnd 3 ngay cua] true true",
	} {
		asked, _ := sqlkit.Ask(text)
		few, fewer := asked.Few()
		if got := fmt.Sprint(few.Words, few.Exactly, fewer); got != want {
			t.Errorf("of %q few are %s, want %s", text, got, want)
		}
		if fewer && len(few.Words) >= len(asked.Words) {
			t.Errorf("%q keeps all of %v", text, asked.Words)
		}
	}
}
