package accounts

import (
	"context"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // what authenticator programs use; HMAC with it is sound (RFC 6238, 1.2)
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// A code is for thirty seconds, has six digits, and is taken in the step before and after
// its own, because clocks differ (RFC 6238, 5.2).
const (
	codeStep    = 30 * time.Second
	codeModulo  = 1_000_000
	secretBytes = 20 // RFC 4226, 4, R6
)

// Vault keeps the secrets of second factors closed.
type Vault interface {
	Seal(ctx context.Context, secret []byte, about string) ([]byte, error)
	Open(sealed []byte, about string) ([]byte, error)
}

func aboutFactor(name string) string { return "second factor of " + name }

// BeginSecondFactor makes the secret that a person puts into an authenticator program, or
// returns the one that waits for its first code. It is asked for only after that code.
// KindConflict when a second factor is in force.
func (s *Service) BeginSecondFactor(ctx context.Context, visit hub.Visit) ([]byte, error) {
	account, err := s.Store.Account(ctx, visit.Account.Name)
	switch {
	case err != nil:
		return nil, err
	case account.TwoStep:
		return nil, inForce()
	case account.SecondFactor != nil:
		return s.Vault.Open(account.SecondFactor.Sealed, aboutFactor(account.Name))
	}
	secret := make([]byte, secretBytes)
	if _, err = io.ReadFull(s.Random, secret); err != nil {
		return nil, hub.Internal("draw a secret", err)
	}
	sealed, err := s.Vault.Seal(ctx, secret, aboutFactor(visit.Account.Name))
	if err != nil {
		return nil, err
	}
	_, err = s.change(ctx, visit.Account.Name, func(a *hub.Account) error {
		if a.TwoStep {
			return inForce()
		}
		if a.SecondFactor == nil {
			a.SecondFactor = &hub.SecondFactor{Sealed: sealed}
		}
		sealed = a.SecondFactor.Sealed // of another page of the person, which came first
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s.Vault.Open(sealed, aboutFactor(visit.Account.Name))
}

func inForce() error {
	return hub.Errorf(hub.KindConflict, "", "second_factor", "a second factor is in force: end it first")
}

// ConfirmSecondFactor puts the secret into force with its first code. Errors: KindInvalid
// with the field "code" for another one; KindConflict when none was begun.
func (s *Service) ConfirmSecondFactor(ctx context.Context, visit hub.Visit, code string) error {
	_, err := s.change(ctx, visit.Account.Name, func(a *hub.Account) error {
		if a.SecondFactor == nil || a.TwoStep {
			return hub.Errorf(hub.KindConflict, "", "second_factor", "no second factor was begun")
		}
		fits, err := s.takeCode(a, code)
		if err == nil && !fits {
			err = hub.Invalid("code", "totp", "this is not the code that the program shows now")
		}
		a.TwoStep = true
		return err
	})
	return err
}

// EndSecondFactor asks for no code any more. The person proves the password, and that
// counts as a try. KindUntrusted with the field "current" when it is another one.
func (s *Service) EndSecondFactor(ctx context.Context, visit hub.Visit, password string) error {
	proven, ok, err := s.prove(ctx, visit.Account.Name, password, nil, markOf(&visit.Account))
	if err != nil {
		return err
	}
	wrong := hub.Errorf(hub.KindUntrusted, "current", "credential", "this is not the password of now, or there were too many tries and it is time to wait")
	if !ok {
		return wrong
	}
	_, err = s.change(ctx, visit.Account.Name, func(a *hub.Account) error {
		if a.Password != proven.Password {
			return wrong
		}
		a.TwoStep, a.SecondFactor = false, nil
		return nil
	})
	return err
}

// takeCode reports whether a code is one of this moment that was not taken yet, and then
// takes it: whoever looked over a shoulder comes too late.
func (s *Service) takeCode(a *hub.Account, code string) (bool, error) {
	secret, err := s.Vault.Open(a.SecondFactor.Sealed, aboutFactor(a.Name))
	if err != nil {
		return false, err
	}
	code = strings.ReplaceAll(strings.TrimSpace(code), " ", "")
	now := s.now().Unix() / int64(codeStep/time.Second)
	for step := now - 1; step <= now+1; step++ {
		if step > a.SecondFactor.Used && subtle.ConstantTimeCompare([]byte(code), []byte(codeOf(secret, step))) == 1 {
			a.SecondFactor.Used = step
			return true, nil
		}
	}
	return false, nil
}

// codeOf is the one-time password of a time step (RFC 4226, 5.3).
func codeOf(secret []byte, step int64) string {
	mac := hmac.New(sha1.New, secret)
	_ = binary.Write(mac, binary.BigEndian, step) // a hash never fails to write
	sum := mac.Sum(nil)
	at := sum[len(sum)-1] & 0xf
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[at:at+4])&0x7fffffff%codeModulo)
}
