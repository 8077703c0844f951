package token

// Hardware names a key in a PKCS #11 token.
type Hardware struct {
	Module string // path of the library, such as /usr/lib/softhsm/libsofthsm2.so
	Token  string // label of the token
	Key    string // label of the key pair
	PIN    string
	// Chain holds certificates in PEM form; empty takes the one that the token has
	// beside the key.
	Chain []byte
}
