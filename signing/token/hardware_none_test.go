//go:build !pkcs11

package token_test

import (
	"errors"
	"testing"

	"github.com/lienthong/lienthong/signing/token"
)

func TestHardwareNeedsAnotherBuild(t *testing.T) {
	if _, err := token.OpenHardware(token.Hardware{}); !errors.Is(err, token.ErrNoHardware) {
		t.Errorf("got %v", err)
	}
	if _, err := token.OpenSecretKey(token.Hardware{}); !errors.Is(err, token.ErrNoHardware) {
		t.Errorf("got %v", err)
	}
	if err := token.MakeSecretKey(token.Hardware{}); !errors.Is(err, token.ErrNoHardware) {
		t.Errorf("got %v", err)
	}
}
