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
			Password: "$argon2id$" + name, Seed: "seed of " + name, Created: b.Clock, Version: 1,
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
	if one.Password != want[0].Password || one.Seed != want[0].Seed {
		t.Error("the hash of a password, or the seed, got lost")
	}
	_, err = b.store.Account(b.ctx, "chi")
	b.wants(hub.KindNotFound, err)
	testLogins(t, b, want[0], want[1])
}

// testLogins: a login is that of one account, and of none any more when it was taken away.
func testLogins(t *testing.T, b *bench, one, other hub.Account) {
	t.Helper()
	login := hub.Login{Issuer: "https://id.example.vn", Claim: "sub", Value: "Ă1"}
	_, err := b.store.AccountByLogin(b.ctx, login)
	b.wants(hub.KindNotFound, err)
	one.Version, one.Login = one.Version+1, &login
	b.must(b.store.SaveAccount(b.ctx, one))
	other.Version, other.Login = other.Version+1, &login
	b.wants(hub.KindConflict, b.store.SaveAccount(b.ctx, other))
	fresh := hub.Account{Name: "dung", Created: b.Clock, Version: 1, Login: &login}
	b.wants(hub.KindConflict, b.store.SaveAccount(b.ctx, fresh))
	got, err := b.store.AccountByLogin(b.ctx, login)
	b.must(err)
	same(t, "the account of a login", got, one)
	for _, another := range []hub.Login{{Issuer: "https://id.example.vn/", Claim: "sub", Value: "Ă1"}, {Issuer: login.Issuer, Claim: "email", Value: "Ă1"}, {Issuer: login.Issuer, Claim: "sub", Value: "ă1"}} {
		_, err := b.store.AccountByLogin(b.ctx, another)
		b.wants(hub.KindNotFound, err)
	}
	one.Version, one.Login = one.Version+1, nil
	b.must(b.store.SaveAccount(b.ctx, one))
	b.must(b.store.SaveAccount(b.ctx, other))
	got, err = b.store.AccountByLogin(b.ctx, login)
	b.must(err)
	same(t, "the account that has the login now", got, other)
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
	before := one.Office
	one.Used, one.Office = b.Clock.Add(time.Minute), "r2"
	b.must(b.store.ChangeSession(b.ctx, before, one))
	seen := one // by a window that read it before the person changed the office
	seen.Used, seen.Office = b.Clock.Add(2*time.Minute), before
	b.wants(hub.KindConflict, b.store.ChangeSession(b.ctx, before, seen))
	got, err := b.store.Session(b.ctx, one.Hash)
	b.must(err)
	same(t, "the session", got, one)

	b.must(b.store.EndSession(b.ctx, one.Hash))
	b.must(b.store.EndSession(b.ctx, one.Hash))
	b.wants(hub.KindNotFound, b.store.ChangeSession(b.ctx, one.Office, one)) // what has ended does not come back
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
	next := func(agency hub.AgencyID, year int, delivery hub.DeliveryID, want string) {
		t.Helper()
		got, err := b.store.NextNumber(b.ctx, agency, year, delivery)
		b.must(err)
		if got != want {
			t.Errorf("the next number of %s in %d is %s, want %s", agency, year, got, want)
		}
	}
	next("r1", 2026, "x", "1")
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
	next("r1", 2026, "", "31")
	next("r1", 2026, "x1", "30") // it has one
	next("r1", 2026, "x2", "12a")
	next("r1", 2027, "x1", "8")
	assigned(t, b, "r1", 31)
	b.store = back.Reopen(t, b.store)
	b.wants(hub.KindConflict, take("r1", 2026, "7", "late"))
	next("r1", 2026, "n0", "31")
}

// assigned: of many who register at once, some the same delivery, each delivery gets one
// number and no number is left out. The first gets n, for the delivery n0.
func assigned(t *testing.T, b *bench, agency hub.AgencyID, n int) {
	t.Helper()
	assign := func(delivery hub.DeliveryID) string {
		number, err := b.store.AssignNumber(b.ctx, agency, 2026, delivery)
		if err != nil {
			t.Error(err)
		}
		return number
	}
	if got := assign("n0"); got != fmt.Sprint(n) {
		t.Errorf("the first number is %s", got)
	}
	const deliveries, times = 5, 4
	numbers := make([]string, deliveries*times)
	var all sync.WaitGroup
	for i := range numbers {
		all.Go(func() { numbers[i] = assign(hub.DeliveryID(fmt.Sprint("n", i%deliveries))) })
	}
	all.Wait()
	held := map[string]bool{}
	for i, number := range numbers {
		if held[number] = true; number != numbers[i%deliveries] {
			t.Errorf("n%d has the numbers %s and %s", i%deliveries, number, numbers[i%deliveries])
		}
	}
	for i := range deliveries {
		if !held[fmt.Sprint(n+i)] {
			t.Errorf("the number %d was left out", n+i)
		}
	}
}
