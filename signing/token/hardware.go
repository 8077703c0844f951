package token

import (
	"crypto/cipher"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
)

// Hardware names a key in a PKCS #11 token.
type Hardware struct {
	Module string // path of the library, such as /usr/lib/softhsm/libsofthsm2.so
	Token  string // label of the token
	Key    string // label of the key pair, or of the secret key
	PIN    string
	// Chain holds certificates in PEM form; empty takes the one that the token has
	// beside the key.
	Chain []byte
}

// ParseURI reads a PKCS #11 URI (RFC 7512) that names a key by token, object and
// module-path. The PIN is no part of it.
func ParseURI(uri string) (Hardware, error) {
	h := Hardware{}
	text, ok := strings.CutPrefix(uri, "pkcs11:")
	if !ok {
		return h, errors.New("this is no PKCS #11 URI")
	}
	path, query, _ := strings.Cut(text, "?")
	known := map[string]*string{"token": &h.Token, "object": &h.Key, "module-path": &h.Module}
	for part := range strings.SplitSeq(path+"&"+query, "&") {
		for attribute := range strings.SplitSeq(part, ";") {
			name, value, _ := strings.Cut(attribute, "=")
			target := known[name]
			if name == "" {
				continue
			}
			text, err := url.PathUnescape(value)
			if target == nil || err != nil || *target != "" {
				return h, fmt.Errorf("%q: a key in a token is named by token, object and module-path, each once; the PIN stands in a file", name)
			}
			*target = text
		}
	}
	if h.Token == "" || h.Key == "" || h.Module == "" {
		return h, errors.New("a key in a token needs token, object and module-path, and its PIN in a file")
	}
	return h, nil
}

// SecretKey encrypts with an AES key (AES-GCM) that never leaves its token.
type SecretKey struct {
	cipher.AEAD
	closer io.Closer
}

// Close ends the session with the token. The key is not used after it.
func (k *SecretKey) Close() error { return k.closer.Close() }
