//go:build !pkcs11

package token

// OpenHardware says that this build has no PKCS #11.
func OpenHardware(Hardware) (*Key, error) { return nil, ErrNoHardware }
