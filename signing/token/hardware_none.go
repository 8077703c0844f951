//go:build !pkcs11

package token

// OpenHardware says that this build has no PKCS #11.
func OpenHardware(Hardware) (*Key, error) { return nil, ErrNoHardware }

// OpenSecretKey says that this build has no PKCS #11.
func OpenSecretKey(Hardware) (*SecretKey, error) { return nil, ErrNoHardware }

// MakeSecretKey says that this build has no PKCS #11.
func MakeSecretKey(Hardware) error { return ErrNoHardware }
