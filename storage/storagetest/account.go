package storagetest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
)

func testAccounts(t *testing.T, back Backend) {
	b := newBench(t, back)
	account := func(name string) hub.Account {
		return hub.Account{
			Name: name, FullName: "Trần Thị Mẫu (hư cấu)", Memberships: []hub.Membership{{Agency: "r1", Role: hub.RoleClerk}},
			Password: "$argon2id$" + name, Created: b.Clock, Version: 1,
		}
	}
	want := []hub.Account{account("an"), account("binh")}
	b.must(b.store.SaveAccount(b.ctx, want[1]))
	b.must(b.store.SaveAccount(b.ctx, want[0]))
	b.wants(hub.KindConflict, b.store.SaveAccount(b.ctx, account("an")))

	want[0].Version, want[0].Failures = 2, 3
	b.must(b.store.SaveAccount(b.ctx, want[0]))
	b.wants(hub.KindConflict, b.store.SaveAccount(b.ctx, want[0])) // made from a version of before
	gone := account("chi")
	gone.Version = 2
	b.wants(hub.KindConflict, b.store.SaveAccount(b.ctx, gone))

	b.store = back.Reopen(t, b.store)
	list, err := b.store.Accounts(b.ctx)
	b.must(err)
	same(t, "accounts by name", list, want)
	one, err := b.store.Account(b.ctx, "an")
	b.must(err)
	if one.Password != want[0].Password {
		t.Error("the hash of a password got lost")
	}
	_, err = b.store.Account(b.ctx, "chi")
	b.wants(hub.KindNotFound, err)
}

func testSessions(t *testing.T, back Backend) {
	b := newBench(t, back)
	session := func(n byte, account string, begun time.Time) hub.Session {
		s := hub.Session{Hash: hub.Digest{n}, Account: account, Office: "r1", Begun: begun, Used: begun, Expires: begun.Add(time.Hour)}
		b.must(b.store.BeginSession(b.ctx, s))
		return s
	}
	there := func(n byte) bool {
		_, err := b.store.Session(b.ctx, hub.Digest{n})
		if err != nil {
			b.wants(hub.KindNotFound, err)
		}
		return err == nil
	}
	one := session(1, "an", b.Clock)
	session(2, "an", b.Clock)
	session(3, "binh", b.Clock)
	one.Used, one.Office = b.Clock.Add(time.Minute), "r2"
	b.must(b.store.ChangeSession(b.ctx, one))
	got, err := b.store.Session(b.ctx, one.Hash)
	b.must(err)
	same(t, "the session", got, one)

	b.must(b.store.EndSession(b.ctx, one.Hash))
	b.must(b.store.EndSession(b.ctx, one.Hash))
	b.wants(hub.KindNotFound, b.store.ChangeSession(b.ctx, one)) // what has ended does not come back
	b.must(b.store.EndSessions(b.ctx, "an"))
	if there(1) || there(2) || !there(3) {
		t.Error("the sessions of one account end, and no others")
	}
	session(4, "chi", b.Clock.Add(2*time.Hour))
	if there(3) || !there(4) {
		t.Error("what expired goes with the next that begins")
	}
}

// testRegisters: of many who want a number at once one delivery gets it, for good.
func testRegisters(t *testing.T, back Backend) {
	b := newBench(t, back)
	take := func(agency hub.AgencyID, year int, number string, delivery hub.DeliveryID) error {
		return b.store.TakeNumber(b.ctx, hub.RegisterNumber{Agency: agency, Year: year, Number: number, Delivery: delivery})
	}
	last := func(agency hub.AgencyID, year int, want int64) {
		t.Helper()
		got, err := b.store.LastNumber(b.ctx, agency, year)
		b.must(err)
		if got != want {
			t.Errorf("the last number of %s in %d is %d, want %d", agency, year, got, want)
		}
	}
	last("r1", 2026, 0)
	results := make([]error, 8)
	var all sync.WaitGroup
	for i := range results {
		all.Go(func() { results[i] = take("r1", 2026, "7", hub.DeliveryID(fmt.Sprint("d", i))) })
	}
	all.Wait()
	winner := hub.DeliveryID("")
	for i, err := range results {
		switch {
		case err != nil:
			b.wants(hub.KindConflict, err)
		case winner != "":
			t.Errorf("%s and d%d have the same number", winner, i)
		default:
			winner = hub.DeliveryID(fmt.Sprint("d", i))
		}
	}
	b.must(take("r1", 2026, "7", winner)) // again is the same
	b.must(take("r1", 2026, "30", "x1"))
	b.must(take("r1", 2026, "12a", "x2")) // no number counts on from it
	b.must(take("r1", 2027, "7", "x3"))
	b.must(take("r2", 2026, "7", "x4"))
	last("r1", 2026, 30)
	last("r1", 2027, 7)
	b.store = back.Reopen(t, b.store)
	b.wants(hub.KindConflict, take("r1", 2026, "7", "late"))
}
