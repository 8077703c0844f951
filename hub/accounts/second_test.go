package accounts_test

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/accounts"
	"github.com/lienthong/lienthong/hub/hubtest"
)

// plainVault only marks what it closes.
type plainVault struct{}

func (plainVault) Seal(_ context.Context, secret []byte, about string) ([]byte, error) {
	return append([]byte(about+": "), secret...), nil
}

func (plainVault) Open(sealed []byte, about string) ([]byte, error) {
	secret, ok := bytes.CutPrefix(sealed, []byte(about+": "))
	if !ok {
		return nil, hub.Errorf(hub.KindInternal, "", "", "another's")
	}
	return secret, nil
}

// TestCodes are those of RFC 6238, appendix B, for SHA-1, of which the last six digits.
func TestCodes(t *testing.T) {
	secret := []byte("12345678901234567890")
	for seconds, want := range map[int64]string{
		59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037", 20000000000: "353130",
	} {
		if got := accounts.CodeOf(secret, seconds/30); got != want {
			t.Errorf("at %d: %s, want %s", seconds, got, want)
		}
	}
}

// visitor signs a clerk in.
func (f *fixture) visitor(name string) hub.Visit {
	f.Helper()
	token, _, err := f.SignIn(f.Context(), name, chosen, "", "")
	f.must(err)
	visit, err := f.Visit(f.Context(), token)
	f.must(err)
	return visit
}

func (f *fixture) codeAt(secret []byte, at time.Time) string {
	return accounts.CodeOf(secret, at.Unix()/30)
}

func TestSecondFactor(t *testing.T) {
	f := newFixture(t)
	f.settled("anh", clerk(hubtest.Office))
	visit := f.visitor("anh")
	f.wants(hub.KindConflict, f.ConfirmSecondFactor(t.Context(), visit, "000000"))
	secret, err := f.BeginSecondFactor(t.Context(), visit)
	f.must(err)
	visit = f.visitor("anh") // until it is confirmed, the password is enough
	again, err := f.BeginSecondFactor(t.Context(), visit)
	f.must(err)
	if !bytes.Equal(secret, again) || len(secret) != 20 {
		t.Error("a page that is shown again shows another secret")
	}
	for _, code := range []string{"", "000000", "x", f.codeAt(secret, f.clock.Now().Add(90*time.Second)), f.codeAt(secret, f.clock.Now().Add(-90*time.Second))} {
		f.wants(hub.KindInvalid, f.ConfirmSecondFactor(t.Context(), visit, code))
	}
	code := f.codeAt(secret, f.clock.Now())
	f.must(f.ConfirmSecondFactor(t.Context(), visit, " "+code[:3]+" "+code[3:]))

	signIn := func(code string) error { _, _, err := f.SignIn(t.Context(), "anh", chosen, code, ""); return err }
	f.wants(hub.KindUntrusted, signIn(""))
	f.wants(hub.KindUntrusted, signIn(code)) // it was taken
	f.clock.Advance(30 * time.Second)
	next := f.codeAt(secret, f.clock.Now())
	_, _, err = f.SignIn(t.Context(), "anh", "wrong", next, "")
	f.wants(hub.KindUntrusted, err)
	f.must(signIn(next))
	f.wants(hub.KindUntrusted, signIn(next)) // once
	_, err = f.BeginSecondFactor(t.Context(), visit)
	f.wants(hub.KindConflict, err)

	list, err := f.List(t.Context(), operator)
	f.must(err)
	for _, a := range list {
		if a.Name == "anh" && !a.TwoStep {
			t.Error("who keeps accounts does not see the second factor")
		}
	}
	f.wants(hub.KindUntrusted, f.EndSecondFactor(t.Context(), visit, "wrong"))
	f.must(f.EndSecondFactor(t.Context(), visit, chosen))
	f.must(signIn(""))
}

// TestPasswordEndsWhatWasBegun: who changes the password because somebody else sat there
// gets a secret that nobody has seen; one in force goes on.
func TestPasswordEndsWhatWasBegun(t *testing.T) {
	f := newFixture(t)
	f.settled("anh", clerk(hubtest.Office))
	visit := f.visitor("anh")
	seen, err := f.BeginSecondFactor(t.Context(), visit)
	f.must(err)
	const second, third = "một mật khẩu khác hẳn 1", "một mật khẩu khác hẳn 2"
	token, _, err := f.ChangePassword(t.Context(), visit, chosen, second)
	f.must(err)
	visit, err = f.Visit(t.Context(), token)
	f.must(err)
	f.wants(hub.KindConflict, f.ConfirmSecondFactor(t.Context(), visit, f.codeAt(seen, f.clock.Now())))
	secret, err := f.BeginSecondFactor(t.Context(), visit)
	f.must(err)
	if bytes.Equal(secret, seen) {
		t.Error("the secret that was shown before")
	}
	f.must(f.ConfirmSecondFactor(t.Context(), visit, f.codeAt(secret, f.clock.Now())))
	_, _, err = f.ChangePassword(t.Context(), visit, second, third)
	f.must(err)
	f.clock.Advance(time.Minute)
	_, _, err = f.SignIn(t.Context(), "anh", third, "", "")
	f.wants(hub.KindUntrusted, err)
	_, _, err = f.SignIn(t.Context(), "anh", third, f.codeAt(secret, f.clock.Now()), "")
	f.must(err)
}

// Wrong codes slow guessing down as wrong passwords do.
func TestGuessingCodes(t *testing.T) {
	f := newFixture(t)
	f.settled("anh", clerk(hubtest.Office))
	visit := f.visitor("anh")
	secret, err := f.BeginSecondFactor(t.Context(), visit)
	f.must(err)
	f.must(f.ConfirmSecondFactor(t.Context(), visit, f.codeAt(secret, f.clock.Now())))
	f.clock.Advance(time.Minute)
	for range 5 {
		_, _, err := f.SignIn(t.Context(), "anh", chosen, "nope", "")
		f.wants(hub.KindUntrusted, err)
	}
	_, _, err = f.SignIn(t.Context(), "anh", chosen, f.codeAt(secret, f.clock.Now()), "")
	f.wants(hub.KindUntrusted, err) // it is time to wait
	f.clock.Advance(time.Minute)
	_, _, err = f.SignIn(t.Context(), "anh", chosen, f.codeAt(secret, f.clock.Now()), "")
	f.must(err)
}

func TestResetEndsTheSecondFactor(t *testing.T) {
	f := newFixture(t)
	f.settled("anh", clerk(hubtest.Office))
	visit := f.visitor("anh")
	secret, err := f.BeginSecondFactor(t.Context(), visit)
	f.must(err)
	f.must(f.ConfirmSecondFactor(t.Context(), visit, f.codeAt(secret, f.clock.Now())))
	account, password, err := f.Reset(t.Context(), operator, "anh")
	f.must(err)
	if account.TwoStep || account.SecondFactor != nil {
		t.Errorf("%+v", account)
	}
	_, _, err = f.SignIn(t.Context(), "anh", password, "", "")
	f.must(err)
	if strings.Contains(account.Password, password) {
		t.Error("the password is kept")
	}
}
